//! Whatever is wrong with the input, the command says so in words and ends with the documented status.

mod command;

use command::{file, kiln, outcome, run, run_program, run_with_input, scratch};
use std::process::Stdio;

const TIERS: [&[&str]; 4] =
    [&["--tier", "auto"], &["--tier", "optimized"], &["--tier", "baseline"], &["--tier", "interpreter"]];

#[test]
fn wrong_use() {
    run(&["rum", "x"]).fails(2, &["rum", "run"]);
    run(&["run"]).fails(2, &["FILE"]);
    run(&["examples/fib.kiln"]).fails(2, &["is a file", "`kiln run examples/fib.kiln`"]);
    run(&["run", "--tier", "fast", "examples/fib.kiln"])
        .fails(2, &["interpreter", "baseline", "optimized", "auto"]);
    run(&["dump", "examples/fib.kiln"]).fails(2, &["--asm"]);
    run(&["explain", "sdvi"]).fails(2, &["no operation `sdvi`", "did you mean `sdiv`"]);
}

#[test]
fn unreadable_file() {
    run(&["run", "no/such.kiln"]).fails(66, &["cannot read `no/such.kiln`", "no such file"]);
    run(&["check", "examples"]).fails(66, &["cannot read `examples`", "directory"]);
}

#[test]
fn not_utf8() {
    let path = file("latin1.kiln", b"; a comment\n; caf\xe9\n");
    run(&["run", &path]).fails(65, &["UTF-8", "line 2"]);
}

#[test]
fn syntax_errors_with_line_and_excerpt() {
    let text = "\
export fn main() -> i32 {
    %a = const.i32 1
    %b = ad %a, 1
    %c = add %a 1
    ret %b
}
";
    let path = file("mistakes.kiln", text);
    let outcome = run(&["check", &path]);
    outcome.fails(65, &["mistakes.kiln:3:10", "%b = ad %a, 1", "^^", "did you mean `add`"]);
    outcome.fails(65, &["mistakes.kiln:4:", "%c = add %a 1"]);
}

#[test]
fn type_errors_with_line_and_excerpt() {
    let text = "\
export fn main() -> i32 {
    %a = const.i32 1
    %b = fadd %a, %a
    %c = const.i64 2
    %d = add %a, %c
    ret %d
}
";
    let outcome = run_program(text, &[]);
    outcome.fails(
        65,
        &["<stdin>:3:", "%b = fadd %a, %a", "<stdin>:5:", "%d = add %a, %c", "^^", "i64", "`main`"],
    );
}

#[test]
fn unknown_symbol_with_nearest_names() {
    let text = "extern prinft: fn(ptr, ...) -> i32\nexport fn main() -> i32 {\n    %r = call prinft(0)\n    ret %r\n}\n";
    run_program(text, &[]).fails(69, &["prinft", "`printf`"]);
    let text = text.replace("-> i32\ne", "-> i32 from \"libnone.so.9\"\ne");
    run_program(&text, &[]).fails(69, &["libnone.so.9"]);
}

#[test]
fn wrong_arguments() {
    let program = |call: &str| {
        format!(
            "fn two(%a: i64, %b: f64) {{\n    ret\n}}\nexport fn main() -> i32 {{\n    %x = const 1\n    {call}\n    ret 0\n}}\n"
        )
    };
    run_program(&program("call two(1)"), &[]).fails(65, &["<stdin>:6", "call two(1)", "2 arguments"]);
    run_program(&program("call two(%x, %x)"), &[])
        .fails(65, &["<stdin>:6", "call two(%x, %x)", "f64", "i64"]);
    run_program(&program("%y = call two(%x, 0.5)"), &[]).fails(65, &["<stdin>:6"]);
}

#[test]
fn no_main() {
    run_program("export fn start() -> i32 {\n    ret 0\n}\n", &[]).fails(65, &["main", "start"]);
    run_program("export fn main(%x: f64) -> i32 {\n    ret 0\n}\n", &[]).fails(65, &["fn(f64) -> i32"]);
}

#[test]
fn damaged_bytecode() {
    let path = scratch("damaged.kbc").display().to_string();
    run(&["build", "examples/fib.kiln", "-o", &path]).succeeds();
    let good = std::fs::read(&path).unwrap();
    assert_eq!(run(&["run", &path, "10"]).succeeds(), "fib(10) = 55\n");

    for length in [4, 10, 25, good.len() - 1] {
        let path = file("truncated.kbc", &good[..length]);
        run(&["run", &path]).fails(65, &["truncated.kbc"]);
    }
    let mut corrupted = good.clone();
    corrupted[40] ^= 0x10;
    let path = file("corrupted.kbc", &corrupted);
    run(&["run", &path]).fails(65, &["corrupted.kbc", "checksum"]);
    let mut newer = good.clone();
    newer[4] = 9;
    let path = file("newer.kbc", &newer);
    run(&["run", &path]).fails(65, &["newer.kbc", "version 9"]);
}

#[test]
fn include_cycle() {
    let folder = scratch("cycle");
    std::fs::create_dir_all(&folder).unwrap();
    file("cycle/a.kiln", "include \"b.kiln\"\n");
    let b = file("cycle/b.kiln", "include \"./a.kiln\"\n");
    run(&["check", &b]).fails(65, &["b.kiln", "a.kiln", "itself"]);
    let missing = file("missing-include.kiln", "include \"nowhere.kiln\"\n");
    run(&["check", &missing]).fails(65, &["nowhere.kiln", "no such file"]);
}

#[test]
fn broken_rules() {
    let text = "export fn main() -> i32 {\n    reg %x: i32\n    %y = add %x, 1\n    ret %y\n}\n";
    run_program(text, &[]).fails(65, &["<stdin>:3", "%x"]);
}

#[test]
fn absurd_sizes() {
    let slot = "export fn main() -> i32 {\n    slot s: 99999999999\n    ret 0\n}\n";
    let outcome = run_program(slot, &[]);
    outcome.fails(65, &["<stdin>:2"]);
    let nested = format!("const X = {}1{}\n", "(".repeat(100_000), ")".repeat(100_000));
    run_program(&nested, &[]).fails(65, &["<stdin>:1", "deep"]);
    let data = "data d = zero 0xffff_ffff_ffff\nexport fn main() -> i32 {\n    ret 0\n}\n";
    let outcome = run_program(data, &[]);
    assert!(matches!(outcome.status, Some(65 | 69)), "{}", outcome.stderr);
    assert!(!outcome.stderr.is_empty());
}

#[test]
fn many_registers_and_cases() {
    let mut text = "export fn main(%argc: i32, %argv: ptr) -> i32 {\n    %r0 = copy %argc\n".to_owned();
    for n in 1..20_000 {
        text += &format!("    %r{n} = add %r{}, 1\n", n - 1);
    }
    text += "    switch %r19999, other, {";
    let cases: Vec<String> = (0..6000).map(|n| format!("{}: hit", n * 4)).collect();
    text += &cases.join(", ");
    text += "}\nhit:\n    ret 1\nother:\n    ret 2\n}\n";
    for tier in TIERS {
        let outcome = run_program(&text, tier);
        assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    }
}

#[test]
fn division_by_zero() {
    let text = "fn halve(%a: i32, %b: i32) -> i32 {\n    %q = sdiv %a, %b     ; here\n    ret %q\n}\nexport fn main(%argc: i32, %argv: ptr) -> i32 {\n    %z = sub %argc, 1\n    %q = call halve(%argc, %z)\n    ret %q\n}\n";
    for tier in TIERS {
        let outcome = run_program(text, tier);
        outcome.fails(70, &["trap: division by zero", "<stdin>:2", "sdiv %a, %b", "^^", "`halve`"]);
    }
}

#[test]
fn wild_pointer() {
    let text =
        "export fn main() -> i32 {\n    %p = const.ptr 0x10\n    %x = load.i32 [%p + 0x20]\n    ret %x\n}\n";
    for tier in TIERS {
        run_program(text, tier).fails(70, &["trap: bad memory access at 0x30", "<stdin>:3"]);
    }
}

#[test]
fn wild_pointer_handed_to_c() {
    let text = "\
extern puts: fn(ptr) -> i32
const data hi = \"before\\0\"
export fn main() -> i32 {
    call puts(hi)
    call puts(8)
    ret 0
}
";
    let outcome = run_program(text, TIERS[0]);
    outcome
        .fails(70, &["trap: bad memory access at 0x8 in native code", "<stdin>:5", "call puts(8)", "`main`"]);
    assert_eq!(outcome.stdout, "before\n");
    let outcome = run_program(text, TIERS[1]);
    outcome.fails(70, &["trap: bad memory access at 0x8 in native code"]);
    assert_eq!(outcome.stdout, "before\n");
}

#[test]
fn endless_recursion() {
    let text = "fn deeper(%n: i64) -> i64 {\n    %m = add %n, 1\n    %r = call deeper(%m)\n    %r = add %r, %n\n    ret %r\n}\nexport fn main() -> i32 {\n    %r = call deeper(0)\n    %s = trunc %r\n    ret %s\n}\n";
    for tier in TIERS {
        run_program(text, tier).fails(70, &["trap: stack overflow", "`deeper`"]);
    }
}

#[test]
fn other_traps() {
    for tier in TIERS {
        run_program("export fn main() -> i32 {\n    trap 7\n}\n", tier).fails(70, &["trap 7", "<stdin>:2"]);
        run_program("export fn main() -> i32 {\n    unreachable\n}\n", tier).fails(70, &["unreachable"]);
        let text = "export fn main() -> i32 {\n    %x = const 1e300\n    %i = ftosi.i32 %x\n    ret %i\n}\n";
        run_program(text, tier).fails(70, &["float has no value of the integer type"]);
    }
}

#[test]
fn output_before_a_trap_is_kept() {
    let text = "extern puts: fn(ptr) -> i32\nconst data hi = \"written before\\0\"\nexport fn main() -> i32 {\n    call puts(hi)\n    trap 1\n}\n";
    for tier in TIERS {
        let outcome = run_program(text, tier);
        outcome.fails(70, &["trap 1"]);
        assert_eq!(outcome.stdout, "written before\n");
    }
}

#[test]
fn status_of_the_program() {
    for tier in TIERS {
        let outcome = run_program("export fn main() -> i32 {\n    ret 42\n}\n", tier);
        assert_eq!((outcome.status, outcome.stdout.as_str(), outcome.stderr.as_str()), (Some(42), "", ""));
    }
}

#[test]
fn closed_output_pipe() {
    use std::os::unix::process::ExitStatusExt;
    let text = "extern puts: fn(ptr) -> i32\nconst data hi = \"again and again and again\\0\"\nexport fn main() -> i32 {\nmore:\n    call puts(hi)\n    jump more\n}\n";
    let path = file("endless.kiln", text);
    let shell = format!("'{}' run '{path}' | head -n 1", env!("CARGO_BIN_EXE_kiln"));
    let piped = std::process::Command::new("sh").args(["-c", &shell]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&piped.stdout), "again and again and again\n");
    assert_eq!(String::from_utf8_lossy(&piped.stderr), "");

    let mut child = kiln(&["run", &path]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(13));
    assert_eq!(outcome(output).stderr, "");
}

#[test]
fn full_disk() {
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output =
        kiln(&["run", "examples/fib.kiln", "5"]).stdout(full()).stderr(Stdio::piped()).output().unwrap();
    outcome(output).fails(73, &["cannot write the program's output", "no space left"]);
    let output = kiln(&["explain", "add"]).stdout(full()).stderr(Stdio::piped()).output().unwrap();
    outcome(output).fails(73, &["cannot write to standard output", "no space left"]);
}

#[test]
fn empty_input() {
    run_with_input(&["check", "-"], b"").succeeds();
    run_with_input(&["run", "-"], b"").fails(65, &["main"]);
}

#[test]
fn build_needs_a_place() {
    run_with_input(&["build", "-"], b"").fails(2, &["-o"]);
    run(&["build", "examples/fib.kiln", "-o", "no/such/place.kbc"]).fails(73, &["no/such/place.kbc"]);
}
