//! `kiln ws run` and `kiln ws count`: channels, statuses, messages.

mod command;

use command::{Outcome, file, kiln, run, run_with_input, scratch};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

const ENGINES: [&str; 3] = ["reference", "optimised", "bignum"];

/// Runs a program given as assembly, by each engine, and checks that all do the same.
#[track_caller]
fn assembly(name: &str, text: &str, options: &[&str], input: &str) -> Outcome {
    let path = file(name, text);
    let mut outcomes = ENGINES
        .map(|engine| {
            run_with_input(&[&["ws", "run", "-e", engine], options, &[&path]].concat(), input.as_bytes())
        })
        .into_iter();
    let first = outcomes.next().expect("an engine");
    for other in outcomes {
        assert!(first == other, "{}\n{}\n{}\n{}", first.stdout, first.stderr, other.stdout, other.stderr);
    }
    first
}

const SUBROUTINES: &str = "\
  push 'H' printc
  call main
  end
main:
  call inner
  ret
inner:
  push 1
  push 0
  div
  ret
";

#[test]
fn a_failing_program_says_why_where_and_who_called() {
    let failed = assembly("calls.wsa", SUBROUTINES, &[], "");
    assert_eq!((failed.status, &*failed.stdout), (Some(1), "H"));
    for part in [
        "error[divide-by-zero]: division of 1 by zero",
        "calls.wsa:10:3",
        "at instruction 10, `div`",
        "in `inner`, called at instruction 5, ",
        "in `main`, called at instruction 2, ",
    ] {
        assert!(failed.stderr.contains(part), "no `{part}` in\n{}", failed.stderr);
    }
    let calls = "f: call f";
    let deep = assembly("deep.wsa", calls, &["--max-calls", "25"], "");
    assert_eq!(deep.status, Some(1));
    assert!(deep.stderr.contains("more than 25 calls under way"), "{}", deep.stderr);
    assert_eq!(deep.stderr.matches("called at").count(), 10, "{}", deep.stderr);
    assert!(deep.stderr.contains("and 15 more calls"), "{}", deep.stderr);
}

#[test]
fn remedies_are_options_that_help() {
    for (text, remedy) in [
        ("push 5 retrieve", &["--heap", "error"][..]),
        ("push 1 slide 5", &["--slide", "error"]),
        ("push 1 drop", &["--end", "error"]),
        ("push 0 readc", &[]),
        ("ret", &[]),
    ] {
        let failed = assembly("remedy.wsa", text, remedy, "");
        assert_eq!(failed.status, Some(1), "{text}");
        assert!(failed.stderr.contains("= help: `--"), "{}", failed.stderr);
    }
}

#[test]
fn statuses() {
    let program = file("one.wsa", "push 1 printi");
    assert_eq!(run(&["ws", &program]).succeeds(), "1");
    assert_eq!(run(&["ws", "-e", "opt", &program]).succeeds(), "1");
    assert_eq!(run(&["ws", "run", "--compat", "wspace-0.3", &program]).status, Some(1));
    assert_eq!(run(&["ws", "run", "--engine", "none", &program]).status, Some(2));
    assert_eq!(run(&["ws", "no/such.ws"]).status, Some(2));
    assert_eq!(run(&["ws", "run", "-"]).status, Some(2));
    assert_eq!(run(&["ws", "run", "-i", "no/such.txt", &program]).status, Some(2));
    assert_eq!(run(&["ws", "run", "-o", "no/such.txt", &program]).status, Some(2));
    assert_eq!(run(&["ws", &file("bad.wsa", "push 1 jmp nowhere")]).status, Some(3));
}

#[test]
fn channels_are_files_if_asked() {
    let (input, output) = (file("input.txt", "41\n"), scratch("output.txt"));
    let text = "push 0 readi push 0 retrieve push 1 add printi";
    let program = file("plus.wsa", text);
    let path = output.display().to_string();
    assert_eq!(run(&["ws", "run", "-i", &input, "-o", &path, &program]).succeeds(), "");
    assert_eq!(std::fs::read_to_string(&output).expect("it was written"), "42");
    let from_stdin = run_with_input(&["ws", "run", "-f", "asm", "-i", &input, "-"], text.as_bytes());
    assert_eq!(from_stdin.succeeds(), "42");
}

#[test]
fn count_says_how_many_instructions_ran() {
    let program = file("count.wsa", "push 3 l: push 1 sub dup jz e jmp l e: end");
    let counted = run(&["ws", "count", &program]);
    counted.succeeds();
    // The labels are executed when execution falls into them: once here.
    assert_eq!(counted.stderr, "Executed 17 instructions\n");
    let failed = run(&["ws", "count", &file("count-failed.wsa", SUBROUTINES)]);
    assert_eq!(failed.status, Some(1));
    assert!(failed.stderr.ends_with("Executed 6 instructions\n"), "{}", failed.stderr);
}

#[test]
fn figures_go_to_standard_error() {
    let program = file("perf.wsa", "push 'x' printc");
    let text = run(&["ws", "run", "-p", &program]);
    assert_eq!(text.succeeds(), "x");
    assert!(text.stderr.contains("run ") && text.stderr.contains("executed"), "{}", text.stderr);
    let json = run(&["ws", "run", "--perf=json", &program]);
    assert_eq!(json.succeeds(), "x");
    let object: serde_json::Value = serde_json::from_str(&json.stderr).expect("an object");
    assert_eq!(object["executed"], 2);
    assert_eq!(object["output_bytes"], 1);
    assert!(object["parse"].is_number());
}

#[test]
fn traces_stand_between_what_the_program_writes() {
    let program = file("trace.wsa", SUBROUTINES);
    let all = run(&["ws", "run", "--trace", &program]);
    assert_eq!((all.status, &*all.stdout), (Some(1), "H"));
    assert_eq!(all.stderr.lines().take_while(|line| line.contains(" | ") || line.ends_with('|')).count(), 6);
    let calls = run(&["ws", "run", "--trace=calls", &program]);
    assert!(calls.stderr.starts_with("       2  call main\n       3    call inner\n"), "{}", calls.stderr);
    let late = run(&["ws", "run", "--trace", "--break", "inner", "--trace-stack", "1", &program]);
    assert!(late.stderr.contains("| … 0") && late.stderr.contains("the last before"), "{}", late.stderr);
    assert_eq!(run(&["ws", "run", "--trace", "--break", "nowhere", &program]).status, Some(2));
}

fn start(engine: &str, text: &str, name: &str) -> Child {
    let path = file(&format!("{engine}-{name}"), text);
    let mut command = kiln(&["ws", "run", "-e", engine, &path]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the command starts")
}

#[test]
fn output_is_there_before_input_is_awaited() {
    let text = "push '?' printc push 0 readc push 0 retrieve printc push '!' printc push 0 readi end";
    for engine in ENGINES {
        let mut child = start(engine, text, "prompt.wsa");
        let mut input = child.stdin.take().expect("a pipe");
        let mut output = child.stdout.take().expect("a pipe");
        let mut expect = |expected: &[u8]| {
            let mut bytes = vec![0; expected.len()];
            output.read_exact(&mut bytes).expect("output");
            assert_eq!(bytes, expected, "{engine}");
        };
        expect(b"?");
        input.write_all(b"x").expect("it reads");
        expect(b"x!");
        input.write_all(b"1\n").expect("it reads");
        assert!(child.wait().expect("it ends").success());
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    for engine in ENGINES {
        let mut child = start(engine, "l: push 'x' printc jmp l", "endless.wsa");
        drop(child.stdout.take());
        let ended = child.wait_with_output().expect("it ends");
        assert_eq!((ended.status.code(), &*ended.stderr), (Some(1), &b""[..]), "{engine}");
    }
}

#[test]
fn ctrl_c_stops_loops_and_waiting() {
    for engine in ENGINES {
        for (name, text) in [
            ("loop.wsa", "push '?' printc push 0 readc l: jmp l"),
            ("wait.wsa", "push '?' printc push 0 readc push '?' printc push 0 readc"),
        ] {
            let mut child = start(engine, text, name);
            let mut byte = [0];
            let mut output = child.stdout.take().expect("a pipe");
            output.read_exact(&mut byte).expect("a prompt");
            // Into the loop, or to the second prompt.
            let mut input = child.stdin.take().expect("a pipe");
            input.write_all(b"x").expect("it reads");
            if name == "wait.wsa" {
                output.read_exact(&mut byte).expect("a prompt");
            }
            let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
            assert!(killed.expect("`kill` starts").success());
            let ended = child.wait_with_output().expect("it ends");
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert_eq!(ended.status.code(), Some(130), "{engine} {name}: {said}");
            assert!(said.contains("interrupted at instruction"), "{said}");
        }
    }
}
