//! Programs of the Runtime assembler on the command line.

mod command;

use command::{file, run, run_with_input, scratch};

const FIB: &str = include_str!("../../dialects/tests/programs/fib.ras");

fn path(name: &str) -> String {
    scratch(name).display().to_string()
}

#[test]
fn integers_become_arguments_and_the_result_is_printed() {
    let fib = file("rasm-run.ras", FIB);
    for tier in ["auto", "optimized", "baseline", "interpreter"] {
        assert_eq!(run(&["run", "--tier", tier, &fib, "10"]).succeeds(), "177\n");
        assert_eq!(run(&["run", "--tier", tier, &fib, "-0x10"]).succeeds(), "1\n");
    }
    // What the original driver passes.
    assert_eq!(run(&["run", &fib]).succeeds(), "7049155\n");
    run(&["run", &fib, "1", "2"]).fails(2, &["takes 1 arguments, but got 2"]);
    run(&["run", &fib, "ten"]).fails(2, &["`ten` is not a number"]);
    assert_eq!(run_with_input(&["run", "--dialect", "rasm", "-", "7"], FIB.as_bytes()).succeeds(), "41\n");
    let long =
        file("rasm-long.ras", "prolog 1\narg_l => $n\ngetarg_l %v0 $n\naddi_l %ret, %v0, 0x100000000\nret\n");
    assert_eq!(run(&["run", &long, "-1"]).succeeds(), "4294967295\n");
    let doubles = "prolog 2\narg_d => $a\narg_f => $b\ngetarg_d %fpr0 $a\ngetarg_f %fpr1 $b\nextr_f_d %fpr1 %fpr1\n\
                   addr_d %fpr0 %fpr0 %fpr1\ntruncr_d_l %ret %fpr0\nret\n";
    assert_eq!(run(&["run", &file("rasm-doubles.ras", doubles), "1.25", "2e2"]).succeeds(), "201\n");
}

#[test]
fn bytecode_in_both_layouts_and_other_forms_run_the_same() {
    let fib = file("rasm-forms.ras", FIB);
    let (first, second) = (path("rasm-first.rbc"), path("rasm-second.rbc"));
    run(&["build", &fib, "-o", &first, "--format", "rasm1"]).succeeds();
    run(&["build", &fib, "-o", &second]).succeeds();
    assert_eq!(std::fs::read(&first).expect("the file").len(), 244);
    assert_eq!(run(&["run", "--format", "rasm1", &first, "10"]).succeeds(), "177\n");
    assert_eq!(run(&["run", &second, "10"]).succeeds(), "177\n");
    for output in ["rasm-out.kiln", "rasm-out.kbc", "rasm-out.ras", "rasm-out.rbc"] {
        let output = path(output);
        run(&["convert", &second, "-o", &output]).succeeds();
        assert_eq!(run(&["run", &output, "10"]).succeeds(), "177\n");
    }
    run(&["convert", "--format", "rasm1", &first, "-o", &path("rasm-first.kiln")]).succeeds();
    assert_eq!(run(&["run", &path("rasm-first.kiln"), "10"]).succeeds(), "177\n");
    run(&["check", &second]).succeeds();
    // The layouts are not each other's.
    run(&["check", &first]).fails(65, &["the bytecode ends in the middle", "at byte 244"]);
}

#[test]
fn what_rasm_can_say_of_other_programs_becomes_rasm() {
    let other =
        file("rasm-other.kiln", "export fn start(%n: i64) -> i64 {\n    %r = mul %n, 3\n    ret %r\n}\n");
    let output = path("rasm-other.ras");
    run(&["convert", &other, "-o", &output]).succeeds();
    assert_eq!(run(&["run", &output, "14"]).succeeds(), "42\n");
    let other =
        file("rasm-unsaid.kiln", "export fn start(%n: i64) -> i64 {\n    %r = clz %n\n    ret %r\n}\n");
    run(&["convert", &other, "-o", &output]).fails(65, &["rasm cannot say `clz`", "rasm-unsaid.kiln:2"]);
}

#[test]
fn mistakes_are_shown_where_they_stand() {
    let bad = file("rasm-bad.ras", "prolog 0\n  addi_i %v0, %v1, $count\nret\n");
    run(&["check", &bad]).fails(65, &["`$count` has not been set here", "rasm-bad.ras:2:20", "help"]);
    let trap = file("rasm-trap.ras", "prolog 0\nmov %v0 0\ndiv %ret %v0 %v0\nret\n");
    run(&["run", &trap]).fails(70, &["rasm-trap.ras:3:1"]);
    run(&["run", &file("rasm-none.ras", "#function f\nprolog\nret\n")])
        .fails(65, &["a program begins in the function `start`"]);
    run(&["build", "examples/fib.kiln", "-o", &path("rasm-not.rbc")]).fails(2, &["not written in rasm"]);
    run(&["convert", &trap, "-o", &path("rasm-not.txt")]).fails(2, &["does not say what to write"]);
}

#[test]
fn every_form_is_dumped() {
    let fib = file("rasm-dump.ras", FIB);
    assert!(run(&["dump", "--ir", &fib]).succeeds().contains("export fn start"));
    assert!(run(&["dump", "--asm", &fib]).succeeds().contains("add     %ret %v1 %v2"));
    assert!(run(&["dump", "--bytecode", &fib]).succeeds().contains("start"));
}
