//! What gdb sees of a program that runs with `--gdb`: each test runs gdb on the command and reads what it says.
//!
//! Where gdb is missing the tests say so and do nothing, but for CI (`CI=true`), where they fail.

mod command;

use command::{file, scratch};
use std::process::{Command, Stdio};

/// Runs a program under gdb with these commands; gives all that gdb and the program said. The program's file is in
/// the folder where it runs, so that messages name it as given here. `None` if there is no gdb.
fn debug(name: &str, program: &str, commands: &str) -> Option<String> {
    file(name, program);
    let script = file(
        &format!("{name}.gdb"),
        format!(
            "set debuginfod enabled off\nset breakpoint pending on\nset width 0\nset height 0\n\
             set confirm off\n{commands}\n"
        ),
    );
    let output = Command::new("gdb")
        .args(["-batch", "-nx", "-x", &script, "--args", env!("CARGO_BIN_EXE_kiln"), "run", "--gdb", name])
        .current_dir(scratch(""))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Some(text(&output.stdout) + &text(&output.stderr))
        }
        Err(error) if std::env::var_os("CI").is_some() => panic!("gdb cannot be run: {error}"),
        Err(error) => {
            eprintln!("SKIPPED: gdb cannot be run: {error}");
            None
        }
    }
}

/// The frames of each backtrace that follows a line `@@`: name and, if known, place.
fn backtraces(output: &str) -> Vec<Vec<(&str, &str)>> {
    output.split("@@\n").skip(1).map(frames).collect()
}

/// The frames among lines of gdb's output, `#1  0x00007fff87c00018 in inner () at deep.kiln:8`.
fn frames(output: &str) -> Vec<(&str, &str)> {
    let lines = output.lines().filter_map(|line| line.strip_prefix('#'));
    lines
        .map(|line| {
            let line = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
            let line = match line.split_once(" in ") {
                Some((address, rest)) if address.starts_with("0x") => rest,
                _ => line,
            };
            let (name, rest) = line.split_once(" (").unwrap_or((line, ""));
            (name, rest.split_once(") at ").map_or("", |(_, place)| place))
        })
        .collect()
}

const DEEP: &str = "\
extern getppid: fn() -> i32
fn inner(%n: i64) -> i64 {
    slot room: 64
    %r = call getppid()
    %x = sext %r
    %y = add %x, %n
    ret %y
}
fn middle(%n: i64) -> i64 {
    %a = mul %n, 3
    %x = call inner(%a)
    %r = add %x, %a
    ret %r
}
export fn main() -> i32 {
    %x = call middle(5)
    ret 0
}
";

/// The frames of a stop in `inner` and what is around it.
#[track_caller]
fn assert_deep(found: &[(&str, &str)], file: &str) {
    let place = |line: u32| format!("{file}:{line}");
    let expected = [("inner", place(4)), ("middle", place(11)), ("main", place(16))];
    let at = found.iter().position(|(name, _)| *name == "inner").unwrap_or(0);
    for (found, (name, place)) in found[at..].iter().zip(&expected) {
        assert_eq!(*found, (*name, place.as_str()), "{found:?}");
    }
    let names: Vec<&str> = found[at..].iter().map(|(name, _)| *name).collect();
    assert_eq!(names[3], "adapter:fn()->i32", "{names:?}");
    assert!(names[4].contains("enter"), "{names:?}");
    assert_eq!(names.last(), Some(&"main"), "to the start of the process: {names:?}");
}

#[test]
fn a_backtrace_from_a_c_function_names_functions_and_lines() {
    let commands = "break getppid\nrun\nbacktrace\nup\nlist 4,4";
    let Some(output) = debug("gdb-deep.kiln", DEEP, commands) else { return };
    let frames = frames(&output);
    assert!(frames[0].0.contains("getppid"), "{output}");
    assert_deep(&frames[..frames.len() - 1], "gdb-deep.kiln");
    // `up` shows the caller with its source line.
    assert!(output.contains("4\t    %r = call getppid()"), "{output}");
}

#[test]
fn breakpoints_wait_for_functions_and_lines() {
    let commands = "break middle\nbreak gdb-break.kiln:6\nrun\necho @@\\n\nbacktrace 2\ncontinue\necho @@\\n\n\
                    backtrace 2\ncontinue";
    let Some(output) = debug("gdb-break.kiln", DEEP, commands) else { return };
    let traces = backtraces(&output);
    assert_eq!(traces[0][..2], [("middle", "gdb-break.kiln:10"), ("main", "gdb-break.kiln:16")], "{output}");
    assert_eq!(traces[1][..2], [("inner", "gdb-break.kiln:6"), ("middle", "gdb-break.kiln:11")], "{output}");
    assert!(output.contains("exited normally"), "{output}");
}

#[test]
fn a_fault_stops_where_it_happens() {
    let program = "\
fn divide(%a: i64, %b: i64) -> i64 {
    %q = sdiv %a, %b
    ret %q
}
export fn main() -> i32 {
    %q = call divide(1, 0)
    %r = trunc %q
    ret %r
}
";
    let Some(output) = debug("gdb-fault.kiln", program, "run\nbacktrace 2\ncontinue") else { return };
    assert!(output.contains("SIGFPE"), "{output}");
    let frames = frames(&output);
    assert_eq!(frames[..2], [("divide", "gdb-fault.kiln:2"), ("main", "gdb-fault.kiln:6")], "{output}");
    // Going on, the program's trap is reported as ever.
    assert!(output.contains("trap: division by zero"), "{output}");
}

/// Each shape of frame, called in turn and from each other.
const SHAPES: &str = "\
fn leaf(%n: i64) -> i64 {
    %a = add %n, 1
    ret %a
}
fn saving(%n: i64) -> i64 {
    blt %n, 0, low
    %a = mul %n, 3
    %x = call leaf(%a)
    %b = add %x, %a
    %y = call leaf(%b)
    %r = add %y, %b
    %r = add %r, %n
    ret %r
low:
    %r = call leaf(%n)
    ret %r
}
fn sized(%n: i64) -> i64 {
    slot room: 40
    %a = slot_addr room
    store [%a], %n
    %x = call leaf(%n)
    %y = load.i64 [%a]
    bgt %y, 100, more
    %r = add %x, %y
    ret %r
more:
    ret %x
}
fn large(%n: i64) -> i64 {
    slot room: 9000
    %a = slot_addr room
    store [%a], %n
    %x = call saving(%n)
    %y = load.i64 [%a]
    %r = add %x, %y
    ret %r
}
fn plain(%n: i64) -> i64 {
    %x = call leaf(%n)
    ret %x
}
fn moving(%n: i64) -> i64 {
    %p = alloca %n, 64
    store.i64 [%p], %n
    %x = call leaf(%n)
    %q = alloca %x, 16
    %y = load.i64 [%p]
    %r = add %x, %y
    ret %r
}
fn handing(%n: i64) -> i64 {
    %x = call leaf(%n)
    %y = add %x, %n
    tail_call saving(%y)
}
fn windows(%a: i64, %b: i64, %c: i64, %d: i64, %e: i64) conv win64 -> i64 {
    %x = call leaf(%a)
    %x = add %x, %b
    %x = add %x, %c
    %y = call leaf(%x)
    %x = add %x, %d
    %x = add %x, %e
    %r = add %x, %y
    ret %r
}
fn popping(%a: i64, %b: i64, %c: i64, %d: i64, %e: i64, %f: i64, %g: i64, %h: i64, %i: i64, %j: i64, %k: i64) conv kiln -> i64 {
    %x = call leaf(%a)
    %x = add %x, %k
    %x = add %x, %b
    bgt %x, 100, more
    ret %x
more:
    tail_call fewer(%x)
}
fn fewer(%n: i64) conv kiln -> i64 {
    %x = call leaf(%n)
    bgt %x, 100, done
    %y = add %x, %n
    tail_call popping(%y, 900, 2, 3, 4, 5, 6, 7, 8, 9, 10)
done:
    %r = add %x, %n
    ret %r
}
fn first_step() {
    ret
}
fn last_step() {
    ret
}
export fn main() -> i32 {
    call first_step()
    %a = const.i64 5
    %b = call large(%a)
    %c = sub 0, %b
    %d = call saving(%c)
    %e = call plain(%d)
    %f = call sized(1)
    %f = call sized(%b)
    %g = call moving(%a)
    %h = call handing(%a)
    %i = call windows(1, 2, 3, 4, 5)
    %j = call popping(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
    %k = call fewer(1)
    call last_step()
    ret 0
}
";

/// Stops behind each machine instruction: in the middle of prologues, epilogues and probes too.
#[test]
fn frames_are_right_at_every_instruction() {
    const CALLS: &[(&str, &str)] = &[
        ("first_step", "main"),
        ("leaf", "saving"),
        ("leaf", "sized"),
        ("leaf", "plain"),
        ("saving", "large"),
        ("saving", "main"),
        ("sized", "main"),
        ("large", "main"),
        ("plain", "main"),
        ("leaf", "moving"),
        ("leaf", "handing"),
        ("leaf", "windows"),
        ("leaf", "popping"),
        ("leaf", "fewer"),
        ("moving", "main"),
        ("handing", "main"),
        ("windows", "main"),
        ("popping", "main"),
        ("fewer", "main"),
    ];
    // Calls by slots, and counting, would be steps too.
    let commands = "set args run --gdb --tier baseline gdb-steps.kiln\nbreak first_step\nrun\nset $i = 0\nwhile $i < 500\necho @@\\n\nbacktrace 6\nstepi\nset $i = $i + 1\nend";
    let Some(output) = debug("gdb-steps.kiln", SHAPES, commands) else { return };
    let traces = backtraces(&output);
    let end = traces.iter().position(|frames| frames[0].0 == "last_step").expect("runs to its end");
    assert!(end > 90, "{end} steps");
    for (step, frames) in traces[..end].iter().enumerate() {
        let names: Vec<&str> = frames.iter().map(|(name, _)| *name).collect();
        let main = names.iter().position(|name| *name == "main").unwrap_or(0);
        for pair in names[..=main].windows(2) {
            assert!(CALLS.contains(&(pair[0], pair[1])), "step {step}: {names:?}\n{frames:?}");
        }
        assert_eq!(names[main..].first(), Some(&"main"), "step {step}: {frames:?}");
        assert!(names[main + 1].starts_with("adapter:"), "step {step}: {frames:?}");
    }
    for name in CALLS.iter().map(|(name, _)| *name) {
        assert!(traces[..end].iter().any(|frames| frames[0].0 == name), "{name} was stepped through");
    }
}
