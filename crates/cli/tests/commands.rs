//! What the subcommands show.

mod command;

use command::{file, run, run_with_input, scratch};

const PROGRAM: &str = "\
extern puts: fn(ptr) -> i32
const data text = \"hi\\0\"
export fn twice(%n: i64) -> i64 {
    %r = shl %n, 1
    ret %r
}
export fn main() -> i32 {
    slot buffer: 24
    call puts(text)
    ret 0
}
";

#[test]
fn help_teaches() {
    let help = run(&["--help"]);
    for word in
        ["run", "check", "build", "dump", "explain", "Exit status", "70", "kiln run examples/fib.kiln 35"]
    {
        assert!(help.succeeds().contains(word), "no `{word}`");
    }
    assert!(run(&["run", "--help"]).succeeds().contains("export fn main"));
    assert!(run(&["--version"]).succeeds().starts_with("kiln "));
}

#[test]
fn explain() {
    let sdiv = run(&["explain", "sdiv.i64"]);
    for word in ["sdiv", "rounded toward zero", "i32, i64", "divide_by_zero"] {
        assert!(sdiv.succeeds().contains(word), "no `{word}` in {}", sdiv.stdout);
    }
    let all = run(&["explain"]);
    for row in kiln_ir::op::rows() {
        assert!(all.succeeds().contains(row.doc.trim()), "{}", row.mnemonic);
    }
}

#[test]
fn ir_can_be_read_back() {
    let once = run_with_input(&["dump", "--ir", "-"], PROGRAM.as_bytes());
    let twice = run_with_input(&["dump", "--ir", "-"], once.succeeds().as_bytes());
    assert_eq!(once.stdout, twice.succeeds());
    assert!(once.stdout.contains("shl %n, 1"));
}

#[test]
fn build_and_dump_of_bytecode() {
    let source = file("build.kiln", PROGRAM);
    let (full, stripped) = (scratch("build-full.kbc"), scratch("build-stripped.kbc"));
    let (full, stripped) = (full.to_str().unwrap(), stripped.to_str().unwrap());
    run(&["build", &source, "-o", full]).succeeds();
    run(&["build", &source, "--strip", "-o", stripped]).succeeds();
    assert_eq!(run(&["run", full]).succeeds(), "hi\n");
    assert_eq!(run(&["run", stripped]).succeeds(), "hi\n");
    assert!(std::fs::metadata(stripped).unwrap().len() < std::fs::metadata(full).unwrap().len());
    let bytes = run(&["dump", "--bytecode", full]);
    assert!(bytes.succeeds().starts_with("000000  89 6b 62 63"), "{}", bytes.stdout);
    assert!(bytes.stdout.contains("shl.i64"), "{}", bytes.stdout);
    let mut damaged = std::fs::read(full).unwrap();
    damaged.truncate(damaged.len() - 10);
    let damaged = file("build-damaged.kbc", damaged);
    let bytes = run(&["dump", "--bytecode", &damaged]);
    bytes.fails(65, &["build-damaged.kbc", "truncated"]);
    // Without -o the file stands beside the source.
    run(&["build", &source]).succeeds();
    assert_eq!(run(&["run", &source.replace(".kiln", ".kbc")]).succeeds(), "hi\n");
}

#[test]
fn assembly_names_source_ir_and_symbols() {
    let outcome = run_with_input(&["dump", "--asm", "-"], PROGRAM.as_bytes());
    let text = outcome.succeeds();
    for word in ["twice:", "main:", "; <stdin>:4 %r = shl %n, 1", "ret", "puts", "call"] {
        assert!(text.contains(word), "no `{word}` in:\n{text}");
    }
    assert!(!text.contains('\x1b'), "no colour without a terminal");
}

#[test]
fn layout_names_functions_slots_and_data() {
    let outcome = run_with_input(&["dump", "--layout", "-"], PROGRAM.as_bytes());
    for word in ["twice", "main", "slot buffer: 24 bytes", "text", "imports: puts"] {
        assert!(outcome.succeeds().contains(word), "no `{word}` in:\n{}", outcome.stdout);
    }
}

#[test]
fn calls_name_registers() {
    let outcome = run_with_input(&["dump", "--calls", "-"], PROGRAM.as_bytes());
    assert!(outcome.succeeds().contains("twice  (rdi) -> rax\n"), "{}", outcome.stdout);
}

#[test]
fn time_goes_to_standard_error() {
    let outcome = run(&["run", "--time", "examples/fib.kiln", "10"]);
    assert_eq!(outcome.succeeds(), "fib(10) = 55\n");
    for step in ["read", "parse", "verify", "compile", "link", "run", "total"] {
        assert!(outcome.stderr.contains(step), "no `{step}` in:\n{}", outcome.stderr);
    }
}

#[test]
fn limits_end_programs_with_status_70() {
    for tier in ["auto", "optimized", "baseline", "interpreter"] {
        let fib =
            |limits: &[&str]| run(&[&["run", "--tier", tier], limits, &["examples/fib.kiln", "10"]].concat());
        let ended = fib(&["--fuel", "20"]);
        assert_eq!(ended.status, Some(70), "{}", ended.stderr);
        for words in ["out of fuel", "fib.kiln:", "`--fuel`"] {
            assert!(ended.stderr.contains(words), "no `{words}` in:\n{}", ended.stderr);
        }
        let ended = fib(&["--depth", "5"]);
        assert_eq!(ended.status, Some(70), "{}", ended.stderr);
        for words in ["stack overflow", "fib.kiln:", "`--depth`"] {
            assert!(ended.stderr.contains(words), "no `{words}` in:\n{}", ended.stderr);
        }
        assert_eq!(fib(&["--fuel", "1000", "--depth", "50"]).succeeds(), "fib(10) = 55\n");
    }
    assert_eq!(run(&["run", "--fuel", "much", "examples/fib.kiln"]).status, Some(2));
}

#[test]
fn processor_features_can_be_left_out() {
    let text = "export fn f(%a: i64, %n: i64) -> i64 {\n    %r = shl %a, %n\n    ret %r\n}\n";
    let without = run_with_input(&["dump", "--asm", "--features", "-bmi2", "-"], text.as_bytes());
    assert!(without.succeeds().contains("cl"), "{}", without.stdout);
    let with = run_with_input(&["dump", "--asm", "--features", "+bmi2", "-"], text.as_bytes());
    assert!(with.succeeds().contains("shlx"), "{}", with.stdout);
    assert_eq!(
        run(&["run", "--features", "-bmi1,-bmi2", "examples/fib.kiln", "10"]).succeeds(),
        "fib(10) = 55\n"
    );
    for (list, words) in [("-bmi7", "bmi7"), ("bmi1", "`+bmi1`")] {
        let refused = run(&["run", "--features", list, "examples/fib.kiln"]);
        assert_eq!(refused.status, Some(2));
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}

#[test]
fn arguments_reach_the_program() {
    let text = "extern puts: fn(ptr) -> i32\nexport fn main(%argc: i32, %argv: ptr) -> i32 {\n    %i = const.i32 1\nnext:\n    bge %i, %argc, done\n    %at = sext %i\n    %s = load.ptr [%argv + %at*8]\n    call puts(%s)\n    %i = add %i, 1\n    jump next\ndone:\n    ret %argc\n}\n";
    let outcome = run_with_input(&["run", "-", "one", "--tier", "-x"], text.as_bytes());
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(4), "one\n--tier\n-x\n"));
}

#[test]
fn libraries_are_found_by_name() {
    let text = "extern cos: fn(f64) -> f64 from \"libm.so.6\"\nexport fn main() -> i32 {\n    %x = call cos(0.0)\n    %i = ftosi.i32 %x\n    ret %i\n}\n";
    assert_eq!(run_with_input(&["run", "-"], text.as_bytes()).status, Some(1));
}
