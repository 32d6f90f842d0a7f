//! Programs in the lightning language on the command line: the preprocessor, symbols, positions, sizes.

mod command;

use command::{file, kiln, outcome, run, run_with_input, scratch};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

const TIERS: [&str; 4] = ["interpreter", "baseline", "optimized", "auto"];

const HELLO: &str = ".data 16\n#define SAY .c \"hello\"\ntext: SAY\n.code\n prolog\n prepare pushargi text finishi @puts\n ret\n epilog\n";

#[test]
fn a_missing_symbol_is_an_assembly_error() {
    let text =
        ".code\n prolog\n prepare finishi @pritnf\n movi %r0 @no_such_function_at_all_here\n ret\n epilog\n";
    let path = file("missing.tst", text);
    let target = scratch("missing.kiln").display().to_string();
    let bytecode = scratch("missing.kbc").display().to_string();
    for arguments in [
        &["run", &path][..],
        &["check", &path],
        &["dump", "--ir", &path],
        &["dump", "--asm", &path],
        &["build", &path, "-o", &bytecode],
        &["convert", &path, "-o", &target],
    ] {
        let words = [
            "missing.tst:3: error: there is no C symbol `pritnf`",
            "  |  prepare finishi @pritnf\n  |                  ^^^^^^^\n",
            "did you mean `printf`",
            "missing.tst:4: error: there is no C symbol `no_such_function_at_all_here`",
        ];
        run(arguments).fails(255, &words);
    }
}

/// A folder with nothing but a program of this name, which asks for these options and is the C preprocessor.
fn only(name: &str, options: &str) -> PathBuf {
    let paths = std::env::var_os("PATH").expect("a path");
    let cpp = std::env::split_paths(&paths).map(|p| p.join("cpp")).find(|p| p.exists()).expect("cpp");
    let folder = scratch(&format!("only-{name}"));
    std::fs::create_dir_all(&folder).expect("the scratch folder can be written");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n\"{options} \"*) exec {} \"$@\" ;;\nesac\nexit 9\n",
        cpp.display()
    );
    let path = folder.join(name);
    std::fs::write(&path, script).expect("the scratch folder can be written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("its own file");
    folder
}

#[test]
fn other_names_of_the_preprocessor_are_tried() {
    let path = file("fallback.tst", HELLO);
    for (name, options) in [("cpp", "-xc"), ("cc", "-E -xc"), ("clang", "-E -xc")] {
        let said =
            outcome(kiln(&["run", &path]).env("PATH", only(name, options)).output().expect("kiln runs"));
        assert_eq!(said.succeeds(), "hello\n");
    }
    let none =
        outcome(kiln(&["run", &path]).env("PATH", scratch("no-such-folder")).output().expect("kiln runs"));
    none.fails(255, &["C preprocessor", "`cpp`, `cc` or `clang`", "install gcc or clang", "--preprocessed"]);
}

#[test]
fn the_preprocessor_s_own_errors_end_it() {
    let path = file("included-nowhere.tst", "#include \"no/such/file.h\"\n.code\n prolog\n ret\n epilog\n");
    run(&["run", &path]).fails(255, &["included-nowhere.tst:1", "no/such/file.h"]);
}

#[test]
fn preprocessed_input_needs_no_preprocessor() {
    let text = ".data 8\ntext: .c \"hi\"\n.code\n prolog prepare pushargi text finishi @puts ret epilog\n";
    let path = file("plain.txt", text);
    let mut command = kiln(&["run", "--dialect", "lightning", "--preprocessed", &path]);
    let said = outcome(command.env("PATH", "/nonexistent").output().expect("kiln runs"));
    assert_eq!(said.succeeds(), "hi\n");
}

#[test]
fn standard_input_is_read() {
    assert_eq!(
        run_with_input(&["run", "--dialect", "lightning", "-"], HELLO.as_bytes()).succeeds(),
        "hello\n"
    );
    let wrong = ".code\n prolog\n addd %r0 %r0 1\n ret\n epilog\n";
    for options in [&["--dialect", "lightning"][..], &["--dialect", "lightning", "--preprocessed"]] {
        let arguments = [&["check"], options, &["-"]].concat();
        run_with_input(&arguments, wrong.as_bytes())
            .fails(255, &["<stdin>:3: error: unknown mnemonic `addd`"]);
    }
}

/// Files are included from beside the one that includes, wherever the command was started; positions name them as they
/// are reached from there.
#[test]
fn included_files_are_beside_the_one_that_includes() {
    let folder = scratch("included/deep");
    std::fs::create_dir_all(&folder).expect("the scratch folder can be written");
    file(
        "included/deep/main.tst",
        "#include \"../parts.h\"\n.code\n prolog\n DIVIDE(%v0)\n#include \"body.h\"\n ret\n epilog\n",
    );
    file("included/parts.h", "#define DIVIDE(R) movi R 7\n");
    file("included/deep/body.h", "/* nothing\n * here */\n movi %v1 0\n   divr %v0 %v0 %v1\n");
    let started = |arguments: &[&str]| {
        outcome(kiln(arguments).current_dir(scratch("included")).output().expect("kiln runs"))
    };
    for tier in TIERS {
        let said = started(&["run", "--tier", tier, "deep/main.tst"]);
        assert_eq!(said.status, None, "a signal ends it");
        for words in ["division by zero", "deep/body.h:4:4", "divr %v0 %v0 %v1"] {
            assert!(said.stderr.contains(words), "{}", said.stderr);
        }
    }
    file("included/deep/body.h", "\n  movi %v1\n");
    started(&["check", "deep/main.tst"])
        .fails(255, &["deep/body.h:2: error: operand 2 of `movi` is missing", "|   movi %v1\n"]);
}

/// One separator is dropped, wherever it stands.
#[test]
fn arguments_reach_the_program_without_a_separator() {
    let text = ".data 32\nfmt: .c \"%s\\n\"\n.code\n prolog\n arg_i $c arg $v getarg_i %v0 $c getarg %v1 $v\nnext: subi %v0 %v0 1 blei end %v0 0\n\
                addi %v1 %v1 8 ldr %v2 %v1 prepare pushargi fmt ellipsis pushargr %v2 finishi @printf jmpi next\nend: ret\n epilog\n";
    let path = file("arguments.tst", text);
    for (given, got) in [
        (&["a", "b"][..], "a\nb\n"),
        (&["--", "a"], "a\n"),
        (&["a", "--", "-b"], "a\n-b\n"),
        (&["--", "a", "--", "b"], "a\n--\nb\n"),
        (&["--", "--"], "--\n"),
    ] {
        assert_eq!(run(&[&["run", &path], given].concat()).succeeds(), got);
    }
}

/// Its first argument is the name that was typed, whatever that looks like.
#[test]
fn programs_are_told_their_names_as_typed() {
    let text = ".code\n prolog\n arg_i $c arg $v getarg %v0 $v ldr %v0 %v0\n prepare pushargr %v0 finishi @puts\n ret\n epilog\n";
    let path = PathBuf::from(file("-named.tst", text));
    let started = |arguments: &[&str]| {
        let folder = path.parent().expect("a folder");
        outcome(kiln(arguments).current_dir(folder).output().expect("kiln runs"))
    };
    for name in ["-named.tst", "./-named.tst", path.to_str().expect("a name in UTF-8")] {
        assert_eq!(started(&["run", "--", name]).succeeds(), format!("{name}\n"));
    }
    assert_eq!(run_with_input(&["run", "--dialect", "lightning", "-"], text.as_bytes()).succeeds(), "-\n");
}

#[test]
fn times_are_told() {
    let path = file("times.tst", HELLO);
    let said = run(&["run", "--time", &path]);
    let steps: Vec<&str> = said.stderr.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(
        steps,
        ["read", "cpp", "parse", "verify", "compile", "link", "run", "total"],
        "{}",
        said.stderr
    );
}

/// The listing shows the lines of the program, also those of other files, on both compilers.
#[test]
fn listings_show_the_lines_of_the_program() {
    for tier in ["baseline", "optimized"] {
        let said = run(&["dump", "--asm", "--tier", tier, "examples/factorial.tst"]);
        let listing = said.succeeds();
        for line in ["bgti more %v0 1", "mulr %r0 %r1 %v0", "finishi @printf"] {
            assert!(listing.contains(line), "no `{line}` in\n{listing}");
        }
    }
}

/// 400,000 instructions in one function, tens of thousands of labels, lines of a quarter of a megabyte.
#[test]
fn large_functions() {
    let mut text = String::from(".data 16\nnum: .c \"%ld\\n\"\n.code\n prolog movi %v0 0 movi %v1 0\n");
    for n in 0..40_000 {
        text.push_str(&format!(
            "addi %v0 %v0 1 xori %v2 %v0 {n} beqi l{n} %v0 {} calli @abort l{n}: addr %v1 %v1 %v0 andi %v(3) %v1 255 ",
            n + 1
        ));
        text.push_str("orr %v(4) %v(3) %v2 subr %r0 %v(4) %v(3) rshi %r1 %r0 3 lshi %r2 %r1 2 ");
        if n % 2_000 == 1_999 {
            text.push('\n');
        }
    }
    text.push_str("prepare pushargi num ellipsis pushargr %v1 finishi @printf ret epilog\n");
    let path = file("large.tst", &text);
    for tier in ["baseline", "optimized"] {
        let output = kiln(&["run", "--preprocessed", "--tier", tier, &path]).output().expect("kiln runs");
        // The sum of 1 to 40,000.
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"800020000\n"[..]));
    }
}

#[test]
fn the_page_shows_the_example_and_it_runs() {
    let said = run(&["run", "examples/factorial.tst"]);
    assert_eq!(said.succeeds(), "20! = 2432902008176640000\n");
    let root = command::root();
    let page = std::fs::read_to_string(root.join("docs/lightning.md")).expect("the page");
    let example = std::fs::read_to_string(root.join("examples/factorial.tst")).expect("the example");
    let code = example.split_once('\n').expect("a comment, then code").1;
    assert!(page.contains(code), "docs/lightning.md shows another program");
}

/// What a command says of a program: its positions are those of the file before the preprocessor.
#[test]
fn traps_show_the_line_of_the_file() {
    let text =
        "#define A 1\n\n.code\n  prolog\n  movi %v1 A\n  movi %v2 0\n\n  divr %v0 %v1 %v2\n  ret\n  epilog\n";
    let path = file("trap.tst", text);
    for tier in TIERS {
        let outcome = run(&["run", "--tier", tier, &path]);
        assert_eq!(outcome.status, None, "a signal ends it");
        assert!(outcome.stderr.contains("division by zero"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("trap.tst:8:3"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("divr %v0 %v1 %v2"), "{}", outcome.stderr);
    }
}

#[test]
fn other_commands_take_programs() {
    run(&["check", "examples/factorial.tst"]).succeeds();
    assert!(run(&["dump", "--ir", "examples/factorial.tst"]).succeeds().contains("fn factorial("));
    let target = scratch("factorial.kbc").display().to_string();
    run(&["build", "examples/factorial.tst", "-o", &target]).succeeds();
    assert_eq!(run(&["run", &target]).succeeds(), "20! = 2432902008176640000\n");
}
