//! The example `plugin`: its versions do what it says, and a long run of replacements leaves nothing behind.

#[path = "../examples/plugin.rs"]
#[allow(dead_code, reason = "the example's own way of showing itself")]
mod plugin;

use plugin::{Event, Host, VERSIONS};

#[test]
fn versions_take_each_others_place_while_the_loop_runs() {
    let host = Host::start().unwrap();
    assert_eq!(host.ask(7), [Event::Result(7, 7)]);
    let install = |at: usize| host.install(VERSIONS[at].0, VERSIONS[at].1).map_err(|error| error.to_string());
    assert_eq!((install(0), host.ask(7)), (Ok(()), vec![Event::Result(7, 14)]));
    assert_eq!((install(1), host.ask(7)), (Ok(()), vec![Event::Log(7), Event::Result(7, 49)]));
    // Mistakes are told, and the version before goes on.
    assert!(install(2).unwrap_err().contains("mull"));
    assert_eq!(install(3).unwrap_err(), "`handle` is fn(i64) -> i64, but `handle` is fn(f64) -> f64");
    assert_eq!(host.ask(7), [Event::Log(7), Event::Result(7, 49)]);
    // The loop ends, and the host with it.
    host.feed(-2);
}

#[test]
fn a_plugin_that_traps_is_taken_out() {
    let host = Host::start().unwrap();
    host.install(VERSIONS[4].0, VERSIONS[4].1).unwrap();
    assert_eq!(host.ask(7), [Event::Result(7, 14)]);
    assert_eq!(host.ask(0), [Event::Trap("division by zero in `handle` at fragile.kiln:2:5".into())]);
    assert_eq!(host.ask(7), [Event::Result(7, 7)]);
    let refusing =
        "extern log: fn(i64)\nexport fn handle(%n: i64) -> i64 {\n    call log(-1)\n    ret 0\n}\n";
    host.install("refusing.kiln", refusing).unwrap();
    assert_eq!(host.ask(7), [Event::Trap("-1 cannot be logged in `handle` at refusing.kiln:3:5".into())]);
    assert_eq!(host.ask(7), [Event::Result(7, 7)]);
}

#[test]
fn a_thousand_versions_under_one_call_are_freed() {
    let host = Host::start().unwrap();
    for n in 0..1000 {
        let source = format!("export fn handle(%n: i64) -> i64 {{\n    %r = add %n, {n}\n    ret %r\n}}\n");
        host.install("version.kiln", &source).unwrap();
        assert_eq!(host.ask(1), [Event::Result(1, 1 + n)]);
    }
    // The loop is in its first call still, and has looked around whenever it called the host.
    assert!(kiln_runtime::images_in_limbo() < 20);
}
