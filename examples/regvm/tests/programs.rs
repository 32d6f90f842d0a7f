//! The sample programs, by the command.

use std::process::{Command, Output};

fn regvm(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regvm"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().unwrap()
}

fn prints(arguments: &[&str], wanted: &str) {
    let output = regvm(arguments);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), wanted, "{arguments:?}");
    assert!(output.status.success(), "{arguments:?}");
}

#[test]
fn samples_print_what_they_should() {
    prints(&["run", "programs/fib.rvm", "20"], "6765\n");
    prints(&["run", "programs/arguments.rvm"], "275.0\n");
    prints(&["run", "programs/functions.rvm", "5"], "105\n");
    prints(&["run", "programs/patch.rvm"], "10\n25\n");
    let hello = "hello from a register machine\n\
        1 squared is 1, its root is 1.000000\n\
        2 squared is 4, its root is 1.414214\n\
        3 squared is 9, its root is 1.732051\n\
        4 squared is 16, its root is 2.000000\n\
        5 squared is 25, its root is 2.236068\n";
    prints(&["run", "programs/hello.rvm"], hello);
}

#[test]
fn samples_mean_the_same_interpreted() {
    prints(&["run", "--interpret", "programs/fib.rvm", "15"], "610\n");
    prints(&["run", "--interpret", "programs/arguments.rvm"], "275.0\n");
    prints(&["run", "--interpret", "programs/functions.rvm", "5"], "105\n");
}

#[test]
fn the_mandelbrot_set_is_symmetric() {
    let output = String::from_utf8(regvm(&["run", "programs/mandelbrot.rvm"]).stdout).unwrap();
    let rows: Vec<&str> = output.lines().collect();
    assert_eq!(rows.len(), 21);
    assert_eq!(rows[10], ".....#....####################################..............");
    assert!(rows.iter().eq(rows.iter().rev()));
}

#[test]
fn mistakes_are_told_with_their_places() {
    let output = regvm(&["run", "tests/mistakes.rvm"]);
    let wanted = "tests/mistakes.rvm:2:5: there is no instruction `ad`\n\
        tests/mistakes.rvm:3:12: expected `,`, found the end of the line\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), wanted);
    assert_eq!(output.status.code(), Some(1));
    let output = regvm(&["run", "programs/fib.rvm"]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "`main` takes 1 arguments\n");
}

#[test]
fn the_reference_is_in_the_readme() {
    let readme = include_str!("../README.md");
    for form in regvm::Inst::forms() {
        let row = format!("| `{}` | {} |", form.form, form.meaning);
        assert!(readme.contains(&row), "README.md lacks the row\n{row}");
    }
}
