//! The command's exit statuses and messages.

use std::process::{Command, Output, Stdio};

fn brainfuck(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brainfuck"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).stdin(Stdio::null());
    command.output().expect("the command starts")
}

#[track_caller]
fn fails(arguments: &[&str], status: i32, message: &str) {
    let output = brainfuck(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    assert!(stderr.contains(message), "{stderr}");
}

fn file(name: &str, contents: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, contents).expect("the scratch folder can be written");
    path.display().to_string()
}

#[test]
fn runs_a_file_in_both_tiers() {
    for arguments in [&["programs/hello.bf"][..], &["--tier", "interpreter", "programs/hello.bf"]] {
        let output = brainfuck(arguments);
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"Hello, world!\n"[..]));
    }
}

#[test]
fn reads_the_end_of_the_input_as_asked() {
    let echo = file("echo.bf", "+,.");
    for (rule, byte) in [("0", 0), ("-1", 255), ("keep", 1)] {
        assert_eq!(brainfuck(&["--eof", rule, &echo]).stdout, [byte]);
    }
}

#[test]
fn shows_the_program_as_kiln_text() {
    let output = brainfuck(&["--ir", "programs/cat.bf"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("export fn run(%pointer: ptr, %streams: ptr)"), "{text}");
    kiln::text::parse("cat", &text, &kiln::NoIncludes).expect("it can be read again");
}

#[test]
fn says_what_went_wrong() {
    fails(&[], 2, "usage: brainfuck");
    fails(&["--tier", "fast", "x.bf"], 2, "usage: brainfuck");
    fails(&["--eof", "2", "x.bf"], 2, "usage: brainfuck");
    fails(&["--fast", "x.bf"], 2, "usage: brainfuck");
    fails(&["a.bf", "b.bf"], 2, "usage: brainfuck");
    fails(&["missing.bf"], 66, "missing.bf: No such file");
    let unclosed = file("unclosed.bf", "+\n[");
    fails(&[&unclosed], 65, &format!("{unclosed}:2:1: this `[` has no `]`"));
    fails(&["--ir", &unclosed], 65, &format!("{unclosed}:2:1: this `[` has no `]`"));
    let outside = file("outside.bf", "+\n <.");
    fails(&[&outside], 70, &format!("{outside}:2:3: there is no cell -1"));
}
