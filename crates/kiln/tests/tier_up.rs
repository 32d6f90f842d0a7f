//! Programs that change over to better code while they run.

#![allow(unsafe_code, reason = "calling a program is unsafe")]

use kiln::{Config, Engine, Rule, Tier, TrapKind};

/// Switches as soon as anything is counted, on the thread itself.
fn at_once() -> Config {
    Config::new().tier(Tier::Auto).rule(Rule { calls: 0, rounds: 0, at_once: true, innermost: false })
}

const SUM: &str = "
    export fn sum(%n: i64) -> i64 {
        %s = const 0
        %i = const 0
        jump test
    next:
        %s = add %s, %i
        %i = add %i, 1
    test:
        blt %i, %n, next
        ret %s
    }
";

#[test]
fn a_loop_is_taken_over_in_the_middle() {
    let program = Engine::new(at_once()).load_text(SUM).unwrap();
    let sum = program.function::<fn(i64) -> i64>("sum").unwrap();
    for n in [0, 1, 2, 10, 1000] {
        // SAFETY: it touches no memory.
        assert_eq!(unsafe { sum.call(n) }, Ok(n * (n - 1) / 2));
    }
}

#[test]
fn traps_say_the_same() {
    let text = "
    export fn f(%n: i64) -> i64 {
        %i = copy %n
    next:
        %q = sdiv 100, %i
        %i = sub %i, 1
        jump next
    }
";
    let text = text.replace("sdiv 100, %i", "sdiv %n, %i");
    let trap = |config| {
        let program = Engine::new(config).load_text(&text).unwrap();
        let f = program.function::<fn(i64) -> i64>("f").unwrap();
        // SAFETY: it touches no memory.
        unsafe { f.call(9) }.unwrap_err().to_string()
    };
    assert_eq!(trap(at_once()), trap(Config::new().tier(Tier::Baseline)));
    let _ = TrapKind::Host;
}
