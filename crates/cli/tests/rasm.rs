//! Programs of the Runtime assembler on the command line.

mod command;

use command::{Outcome, file, kiln, outcome, root, run, run_with_input, scratch};
use std::path::PathBuf;

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
    run(&["run", &fib, "1", "2"]).fails(2, &["takes 1 argument, but got 2"]);
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
    // The layouts are not each other's. The first has nothing that could tell, but what it says.
    run(&["check", &first])
        .fails(65, &["the bytecode ends in the middle", "at byte 244", "write `--format rasm1`"]);
    assert_eq!(run(&["run", &first, "--format", "rasm1", "10"]).succeeds(), "177\n");
    run(&["run", &first, "10", "--format", "rasm1"])
        .fails(65, &["write `--format rasm1`", "before the file"]);
    let again = path("rasm-again.rbc");
    run(&["build", "--input-format", "rasm1", &first, "-o", &again, "--format", "rasm2"]).succeeds();
    assert_eq!(std::fs::read(&again).expect("the file"), std::fs::read(&second).expect("the file"));
    run(&["build", "--format", "rasm1", &second, "-o", &again]).succeeds();
    assert_eq!(std::fs::read(&again).expect("the file"), std::fs::read(&first).expect("the file"));
    run(&["build", "--input-format", "rasm1", &first, "-o", &path("rasm-first.kbc")]).succeeds();
    assert_eq!(run(&["run", &path("rasm-first.kbc"), "10"]).succeeds(), "177\n");
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let program = |ty: &str| {
        let text = format!("prolog 1\narg_{ty} => $n\ngetarg_{ty} %ret $n\nret\n");
        file(&format!("rasm-argument-{ty}.ras"), text)
    };
    let fits = |ty: &str, arguments: &[(&str, &str)]| {
        for (argument, result) in arguments {
            assert_eq!(
                run(&["run", &program(ty), argument]).succeeds(),
                format!("{result}\n"),
                "{ty} {argument}"
            );
        }
    };
    fits("c", &[("-128", "-128"), ("255", "-1")]);
    fits("us", &[("65535", "65535"), ("-1", "65535")]);
    fits("i", &[("-2147483648", "-2147483648"), ("0xffffffff", "-1")]);
    fits(
        "l",
        &[("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807")],
    );
    for (ty, argument, range) in [
        ("c", "256", "-128 to 255"),
        ("us", "-32769", "-32768 to 65535"),
        ("i", "4294967296", "-2147483648 to 4294967295"),
        ("ui", "-2147483649", "-2147483648 to 4294967295"),
        ("l", "9223372036854775808", "-9223372036854775808 to 9223372036854775807"),
        ("ul", "-9223372036854775809", "-9223372036854775808 to 9223372036854775807"),
    ] {
        let said = format!("`{argument}` does not fit its parameter, which takes {range}");
        for tier in ["optimized", "baseline", "interpreter"] {
            run(&["run", "--tier", tier, &program(ty), argument]).fails(2, &[&said]);
        }
    }
}

/// printf gets its doubles where it looks for them, however it is called.
#[test]
fn variadic_functions_know_of_their_floats() {
    let doubles: String = (1..=9).rev().map(|n| format!("movi_d %fpr0 {n}.5\npusharg_d %fpr0\n")).collect();
    let format = ["%g"; 9].join(" ");
    for (load, call) in
        [("", "finish *printf"), ("movi_p %v1 *printf", "finishr %v1"), ("movi_p %v1 *printf", "finish %v1")]
    {
        let text = format!(
            "prolog\n{load}\nmovi_p %v0 \"{format} %ld\\n\"\nprepare_i 2\nprepare_d 9\nmovi_l %r1 -7\n\
             pusharg_l %r1\n{doubles}pusharg_p %v0\n{call}\nmov %ret 0\nret\n"
        );
        let program = file("rasm-printf.ras", text);
        for tier in ["auto", "optimized", "baseline", "interpreter"] {
            let said = run(&["run", "--tier", tier, &program]).succeeds().to_owned();
            assert_eq!(said, "1.5 2.5 3.5 4.5 5.5 6.5 7.5 8.5 9.5 -7\n0\n", "{call} in {tier}");
        }
    }
    // Without arguments, but with what AL holds.
    let text = "prolog\nmovi_p %v0 *getpid\ncallr %v0\nretval_i %v1\ncalli *getpid\nretval_i %v2\neq %ret %v1 %v2\nret\n";
    assert_eq!(run(&["run", &file("rasm-getpid.ras", text)]).succeeds(), "1\n");
}

/// A folder of `tests/dialects/rasm`, its files with this extension.
fn folder(name: &str, extension: &str) -> (PathBuf, Vec<String>) {
    let folder = root().join("tests/dialects/rasm").join(name);
    let name = |path: PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .map(name)
        .collect();
    names.sort();
    (folder, names)
}

/// All that is told of the programs of a folder stands beside them, in `.err`. `KILN_BLESS=1` rewrites those.
fn told(name: &str, extension: &str, status: i32, least: usize, commands: &[&[&str]]) {
    let bless = std::env::var_os("KILN_BLESS").is_some_and(|v| v == "1");
    let (folder, names) = folder(name, extension);
    assert!(names.len() >= least, "programs are missing: {}", names.len());
    let mut faults = Vec::new();
    for name in names {
        let expected = folder.join(&name).with_extension("err");
        for (n, command) in commands.iter().enumerate() {
            let all = [command, [name.as_str()].as_slice()].concat();
            let Outcome { status: ended, stderr, .. } =
                outcome(kiln(&all).current_dir(&folder).output().expect("kiln runs"));
            if bless && n == 0 {
                std::fs::write(&expected, &stderr).expect("the file can be written");
            }
            let wanted = std::fs::read_to_string(&expected).unwrap_or_default();
            if ended != Some(status) || stderr != wanted {
                faults.push(format!(
                    "{name} ends with {ended:?} and says\n{stderr}where this is expected\n{wanted}"
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn faults_are_told_as_expected() {
    told("faults", "ras", 65, 18, &[&["check"], &["run"]]);
    told("faults/bytes", "rbc", 65, 7, &[&["check"], &["run"]]);
}

#[test]
fn traps_mark_the_instruction() {
    let tiers = ["interpreter", "baseline", "optimized", "auto"];
    let commands = tiers.map(|tier| ["run", "--tier", tier]);
    told("faults/traps", "ras", 70, 3, &commands.each_ref().map(|command| command.as_slice()));
}

#[test]
fn what_rasm_can_say_of_other_programs_becomes_rasm() {
    let other =
        file("rasm-other.kiln", "export fn start(%n: i64) -> i64 {\n    %r = mul %n, 3\n    ret %r\n}\n");
    let output = path("rasm-other.ras");
    run(&["convert", &other, "-o", &output]).succeeds();
    assert_eq!(run(&["run", &output, "14"]).succeeds(), "42\n");
    let other =
        file("rasm-unsaid.kiln", "export fn start(%n: i64) -> i64 {\n    fence !seq_cst\n    trap 1\n}\n");
    let refused = run(&["convert", &other, "-o", &output]);
    refused.fails(
        65,
        &[
            "rasm cannot say `fence`",
            "rasm-unsaid.kiln:2:5",
            "rasm cannot say `trap`",
            "rasm-unsaid.kiln:3:5",
        ],
    );
    let plain = "extern puts: fn(ptr) -> i32\nconst data text = \"said\\0\"\nexport fn main(%argc: i32, %argv: ptr) -> i32 {\n    \
                 %p = data_addr text\n    %r = call puts(%p)\n    ret 3\n}\n";
    run(&["convert", &file("rasm-main.kiln", plain), "-o", &output]).succeeds();
    let ended = run(&["run", &output]);
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(3), "said\n"));
    run(&["convert", "examples/fib.kiln", "-o", &output]).fails(65, &["a `main` that reads its parameters"]);
}

#[test]
fn mistakes_are_shown_where_they_stand() {
    let bad = file("rasm-bad.ras", "prolog 0\n  addi_i %v0, %v1, $count\nret\n");
    run(&["check", &bad]).fails(65, &["`$count` has not been set here", "rasm-bad.ras:2:20", "help"]);
    let trap = file("rasm-trap.ras", "prolog 0\nmov %v0 0\ndiv %ret %v0 %v0\nret\n");
    run(&["run", &trap]).fails(70, &["rasm-trap.ras:3:1"]);
    run(&["run", &file("rasm-none.ras", "#function f\nprolog\nret\n")])
        .fails(65, &["it has no function `start`", "a program begins in the function `start`"]);
    let text = "prolog 0\nmovi_p %v0 *printf\nfinish *no_such_function_at_all_here\nret\n";
    let missing = file("rasm-missing.ras", text);
    let words =
        ["`no_such_function_at_all_here` was not found", "rasm-missing.ras:3:8", "`*` is for functions"];
    run(&["run", &missing]).fails(69, &words);
    let bytes = path("rasm-missing.rbc");
    run(&["build", &missing, "-o", &bytes]).succeeds();
    run(&["run", &bytes]).fails(69, &[words[0], "at byte 42 of", words[2]]);
    run(&["build", "examples/fib.kiln", "-o", &path("rasm-not.rbc")]).fails(2, &["not written in rasm"]);
    let two = file("rasm-two.ras", "prolog\nret\n#function other\nprolog\nret\n");
    run(&["build", &two, "-o", &path("rasm-not.rbc"), "--format", "rasm1"])
        .fails(65, &["cannot say any number of functions but one", "rasm-two.ras:3:11"]);
    let long =
        file("rasm-many.ras", format!("prolog\nret\n#function long\nprolog\n{}", "ret\n".repeat(65535)));
    run(&["build", &long, "-o", &path("rasm-not.rbc")])
        .fails(65, &["cannot say a function of more than 65535 statements", "rasm-many.ras:3:11"]);
    run(&["convert", &trap, "-o", &path("rasm-not.txt")]).fails(2, &["does not say what to write"]);
}

#[test]
fn every_form_is_dumped() {
    let fib = file("rasm-dump.ras", FIB);
    assert!(run(&["dump", "--ir", &fib]).succeeds().contains("export fn start"));
    assert!(run(&["dump", "--asm", &fib]).succeeds().contains("add     %ret %v1 %v2"));
    assert!(run(&["dump", "--bytecode", &fib]).succeeds().contains("start"));
}
