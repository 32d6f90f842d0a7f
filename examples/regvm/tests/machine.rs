//! What programs may be large in, and how they end.

use kiln::{Config, Engine, TrapKind};
use regvm::{Bytecode, Imm, Inst, Interpreter, Machine, MachineError, Reg, Value, check, load};
use std::fmt::Write;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

fn machine(text: &str) -> Machine {
    let code = load("test", text).unwrap_or_else(|errors| panic!("{errors:?}"));
    Machine::load(&Engine::new(Config::new()), code).unwrap()
}

fn call(machine: &Machine, name: &str, arguments: &[Value]) -> Result<Option<Value>, MachineError> {
    // SAFETY: the programs of these tests call functions as they are.
    unsafe { machine.call(name, arguments) }
}

fn trap(result: Result<Option<Value>, MachineError>) -> (TrapKind, String) {
    match result {
        Err(MachineError::Trap(trap)) => (trap.kind(), trap.to_string()),
        other => panic!("no trap: {other:?}"),
    }
}

#[test]
fn ten_thousand_labels_are_reached_in_any_order() {
    const LABELS: i64 = 10_000;
    // From each label to one far away, so that all are passed once, and back by a switch of jumps.
    let mut code = Bytecode::new("labels");
    let func = code.function("walk").unwrap();
    let labels: Vec<_> = (0..LABELS).map(|n| code.label(&format!("l{n}"))).collect();
    let (sum, n, one) = (Reg::int(0), Reg::int(1), Reg::int(2));
    code.emit(Inst::FuncStart { func, params: vec![], result: Some(regvm::Kind::Int) });
    code.emit(Inst::Movi { to: one, value: Imm::Int(1) });
    code.emit(Inst::Jmp { to: labels[0] });
    for (at, label) in labels.iter().enumerate() {
        code.emit(Inst::Label { name: *label });
        code.emit(Inst::Movi { to: n, value: Imm::Int(at as i64) });
        code.emit(Inst::Add { to: sum, a: sum, b: n });
        // 7919 is a prime that does not divide the number of labels, so this is a cycle through all.
        let next = (at + 7919) % LABELS as usize;
        if next == 0 {
            code.emit(Inst::Ret { value: Some(sum) });
        } else if at % 2 == 0 {
            code.emit(Inst::Jmp { to: labels[next] });
        } else {
            code.emit(Inst::Setz { to: n });
            code.emit(Inst::Jz { value: n, to: labels[next] });
            code.emit(Inst::Sub { to: sum, a: sum, b: one });
        }
    }
    code.emit(Inst::Ret { value: Some(sum) });
    code.emit(Inst::FuncEnd {});
    let code = check(code).unwrap();
    let wanted = Some(Value::Int(LABELS * (LABELS - 1) / 2));
    assert_eq!(Interpreter::new(&code, |_, _| Ok(None)).call("walk", &[]), Some(Ok(wanted)));
    let machine = Machine::load(&Engine::new(Config::new()), code).unwrap();
    assert_eq!(call(&machine, "walk", &[]), Ok(wanted));
}

/// The kinds of `count` parameters: all ints, all doubles, or mixed as the bits of `mix` say.
fn kinds(count: usize, mix: u32) -> Vec<char> {
    (0..count).map(|n| if mix >> n & 1 == 0 { 'r' } else { 'd' }).collect()
}

/// Every mix of kinds that these tests call with.
fn signatures() -> impl Iterator<Item = Vec<char>> {
    let mixes = [0, u32::MAX, 0x5555_5555, 0x9249_2492, 0x000f_0ff0];
    (0..=20).flat_map(move |count| mixes.map(move |mix| kinds(count, mix)))
}

/// The value of argument `n`: a small number, so that sums of products are exact.
fn argument(kind: char, n: usize) -> String {
    if kind == 'r' { format!("{}", 3 * n as i64 - 20) } else { format!("{:?}", n as f64 * 0.5 - 4.0) }
}

/// The sum of each argument times its number from 1.
fn weighted(kinds: &[char]) -> f64 {
    let value = |(n, kind): (usize, &char)| argument(*kind, n).parse::<f64>().unwrap() * (n + 1) as f64;
    kinds.iter().enumerate().map(value).sum()
}

fn push_all(text: &mut String, kinds: &[char]) {
    for (n, kind) in kinds.iter().enumerate() {
        let push = if *kind == 'r' { "pushi" } else { "pushd" };
        writeln!(text, "    {push} {}", argument(*kind, n)).unwrap();
    }
}

#[test]
fn calls_pass_up_to_twenty_arguments_of_both_kinds() {
    for (signature, kinds) in signatures().enumerate() {
        let params: Vec<String> = kinds.iter().enumerate().map(|(n, kind)| format!("{kind}{n}")).collect();
        let mut text = format!("func_start callee({}) -> double\n", params.join(", "));
        text.push_str("    movd d30, 1.0\n    movd d31, 1.0\n");
        for param in &params {
            writeln!(text, "    mov d32, {param}\n    mul d32, d32, d30\n    add d33, d33, d32").unwrap();
            text.push_str("    add d30, d30, d31\n");
        }
        text.push_str("    ret d33\nfunc_end\nfunc_start main() -> double\n    call_start\n");
        push_all(&mut text, &kinds);
        text.push_str("    call callee -> d0\n    movi r0, callee\n    call_start\n");
        push_all(&mut text, &kinds);
        // The same again through a register; the results are equal, or the sum is another.
        text.push_str("    callr r0 -> d1\n    add d0, d0, d1\n    ret d0\nfunc_end\n");
        let wanted = Ok(Some(Value::Double(2.0 * weighted(&kinds))));
        assert_eq!(call(&machine(&text), "main", &[]), wanted, "signature {signature}: {kinds:?}");
    }
}

#[test]
fn functions_of_a_c_library_get_up_to_twenty_arguments() {
    let mut c = String::from("#include <stdarg.h>\n");
    let mut text = String::new();
    let directory = std::env::temp_dir().join(format!("regvm-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let library = directory.join("callees.so");
    for (signature, kinds) in signatures().enumerate() {
        // Every third int parameter is C's `int`.
        let ty = |n: usize| match (kinds[n], n % 3) {
            ('r', 2) => ("int", "int32"),
            ('r', _) => ("long", "int"),
            _ => ("double", "double"),
        };
        let params: Vec<String> = (0..kinds.len()).map(|n| format!("{} p{n}", ty(n).0)).collect();
        let sum: Vec<String> = (0..kinds.len()).map(|n| format!("{}.0 * p{n}", n + 1)).collect();
        let (params, sum) = (params.join(", "), sum.join(" + "));
        let (params, sum) =
            (if params.is_empty() { "void" } else { &params }, if sum.is_empty() { "0" } else { &sum });
        writeln!(c, "double f{signature}({params}) {{ return {sum}; }}").unwrap();
        let declared: Vec<&str> = (0..kinds.len()).map(|n| ty(n).1).collect();
        writeln!(
            text,
            "extern f{signature}({}) -> double from \"{}\"",
            declared.join(", "),
            library.display()
        )
        .unwrap();
    }
    // The kinds of its arguments, then the arguments; an `int` result that is negative.
    c.push_str(
        "int variable(const char *kinds, ...) { va_list l; va_start(l, kinds); double s = 0; int n = 0;\n",
    );
    c.push_str(
        "for (; kinds[n]; n++) s += (n + 1) * (kinds[n] == 'r' ? va_arg(l, long) : va_arg(l, double));\n",
    );
    c.push_str("va_end(l); return -1 - (int)(s * 2); }\n");
    writeln!(text, "extern variable(int, ...) -> int32 from \"{}\"", library.display()).unwrap();
    for (signature, kinds) in signatures().enumerate() {
        writeln!(text, "string kinds{signature} \"{}\"", kinds.iter().collect::<String>()).unwrap();
        writeln!(text, "func_start fixed{signature}() -> double\n    call_start").unwrap();
        push_all(&mut text, &kinds);
        writeln!(text, "    calle f{signature} -> d0\n    ret d0\nfunc_end").unwrap();
        writeln!(text, "func_start variable{signature}() -> int\n    call_start\n    pushi kinds{signature}")
            .unwrap();
        push_all(&mut text, &kinds);
        writeln!(text, "    calle variable -> r0\n    ret r0\nfunc_end").unwrap();
    }
    let source = directory.join("callees.c");
    std::fs::write(&source, c).unwrap();
    let compiled =
        Command::new("cc").args(["-O1", "-fPIC", "-shared", "-o"]).arg(&library).arg(&source).status();
    assert!(compiled.expect("a C compiler is installed").success());
    let machine = machine(&text);
    for (signature, kinds) in signatures().enumerate() {
        let wanted = weighted(&kinds);
        let found = call(&machine, &format!("fixed{signature}"), &[]);
        assert_eq!(found, Ok(Some(Value::Double(wanted))), "{kinds:?}");
        let found = call(&machine, &format!("variable{signature}"), &[]);
        assert_eq!(found, Ok(Some(Value::Int(-1 - (wanted * 2.0) as i64))), "{kinds:?} variadic");
    }
    std::fs::remove_dir_all(directory).unwrap();
}

const DEPTH: &str = "
func_start down(r0) -> int
    movi r1, 1
    jz r0, end
    sub r0, r0, r1
    call_start
    push r0
    call down -> r0
    add r0, r0, r1
label end
    ret r0
func_end

func_start forever(d0) -> double
    call_start
    push d0
    call forever -> d0
    ret d0
func_end
";

#[test]
fn recursion_goes_deep_and_its_end_is_a_trap() {
    // Tests run on stacks of 2 MiB.
    let run = || {
        let machine = machine(DEPTH);
        assert_eq!(call(&machine, "down", &[Value::Int(100_000)]), Ok(Some(Value::Int(100_000))));
        let (kind, words) = trap(call(&machine, "forever", &[Value::Double(1.0)]));
        assert_eq!(kind, TrapKind::StackOverflow);
        assert_eq!(words.split(" at ").next(), Some("stack overflow in `forever`"));
        assert_eq!(call(&machine, "down", &[Value::Int(3)]), Ok(Some(Value::Int(3))));
    };
    std::thread::Builder::new().stack_size(64 << 20).spawn(run).unwrap().join().unwrap();
    let code = load("test", DEPTH).unwrap();
    let mut interpreter = Interpreter::new(&code, |_, _| Ok(None));
    let stop = interpreter.call("forever", &[Value::Double(1.0)]).unwrap().unwrap_err();
    assert_eq!(stop.to_string(), "stack overflow at 17:5");
}

#[test]
fn traps_name_the_line() {
    let text = "func_start quotient(r0, r1) -> int\n    idiv r2, r0, r1\n    ret r2\nfunc_end\n";
    let machine = machine(text);
    let quotient = |a, b| call(&machine, "quotient", &[Value::Int(a), Value::Int(b)]);
    assert_eq!(quotient(-7, 2), Ok(Some(Value::Int(-3))));
    assert_eq!(trap(quotient(1, 0)).1, "division by zero in `quotient` at test:2:5");
    assert_eq!(trap(quotient(i64::MIN, -1)).1, "integer overflow in division in `quotient` at test:2:5");
}

#[test]
fn wrong_calls_from_the_host_are_errors() {
    let machine = machine(DEPTH);
    assert_eq!(call(&machine, "up", &[]).unwrap_err().to_string(), "there is no function `up`");
    let wrong = call(&machine, "down", &[Value::Double(1.0)]).unwrap_err();
    assert_eq!(wrong.to_string(), "`down` takes (int)");
    let text = "extern no_such_function_anywhere()\nfunc_start f()\n    call_start\n    calle no_such_function_anywhere\nfunc_end";
    let code = load("test", text).unwrap();
    let error = Machine::load(&Engine::new(Config::new()), code).unwrap_err();
    assert!(error.to_string().contains("no_such_function_anywhere"), "{error}");
}

#[test]
fn calls_are_overwritten_before_they_are_compiled() {
    let mut code = Bytecode::new("emitted");
    let (main, later) = (code.function("main").unwrap(), code.function("not_known_yet").unwrap());
    let result = Reg::int(0);
    code.emit(Inst::FuncStart { func: main, params: vec![], result: Some(regvm::Kind::Int) });
    code.emit(Inst::CallStart {});
    let call_at = code.emit(Inst::Call { target: later, result: Some(result), site: None });
    code.emit(Inst::Ret { value: Some(result) });
    code.emit(Inst::FuncEnd {});
    let seven = code.function("seven").unwrap();
    code.emit(Inst::FuncStart { func: seven, params: vec![], result: Some(regvm::Kind::Int) });
    code.emit(Inst::Movi { to: result, value: Imm::Int(7) });
    code.emit(Inst::Ret { value: Some(result) });
    code.emit(Inst::FuncEnd {});
    let errors = check(code.clone()).unwrap_err();
    assert_eq!(errors[0].to_string(), "3:1: there is no function `not_known_yet`");
    code.overwrite_call(call_at, seven).unwrap();
    let wrong = code.overwrite_call(call_at + 1, seven).unwrap_err();
    assert_eq!(wrong.to_string(), "instruction 3 is not a call");
    let machine = Machine::load(&Engine::new(Config::new()), check(code).unwrap()).unwrap();
    assert_eq!(call(&machine, "main", &[]), Ok(Some(Value::Int(7))));
}

#[test]
fn calls_are_overwritten_while_another_thread_makes_them() {
    let text = "
        extern report(int) -> int
        func_start one() -> int
            movi r0, 1
            ret r0
        func_end
        func_start two() -> int
            movi r0, 2
            ret r0
        func_end
        func_start zero() -> int
            ret r0
        func_end
        func_start half() -> double
            movd d0, 0.5
            ret d0
        func_end
        func_start spin()               ; until the call gives 0
        label again
            call_start
            call one -> r0 @step
            call_start
            push r0
            calle report
            jz r0, done
            jmp again
        label done
        func_end";
    let last = Arc::new(AtomicI64::new(-1));
    let seen = last.clone();
    let mut engine = Engine::new(Config::new());
    engine.define("report", move |value: i64| {
        seen.store(value, Ordering::SeqCst);
        value
    });
    let machine = Machine::load(&engine, load("test", text).unwrap()).unwrap();
    let wait_for = |value| {
        while last.load(Ordering::SeqCst) != value {
            std::thread::yield_now();
        }
    };
    std::thread::scope(|scope| {
        let spinning = scope.spawn(|| call(&machine, "spin", &[]));
        wait_for(1);
        machine.overwrite_call("step", "two").unwrap();
        wait_for(2);
        machine.overwrite_call("step", "one").unwrap();
        wait_for(1);
        machine.overwrite_call("step", "zero").unwrap();
        assert_eq!(spinning.join().unwrap(), Ok(None));
    });
    let refused = |site, target| machine.overwrite_call(site, target).unwrap_err().to_string();
    assert_eq!(refused("step", "half"), "`half` has another signature than the call's target");
    assert_eq!(refused("step", "three"), "there is no function `three`");
    assert_eq!(refused("stop", "one"), "no call has the site `@stop`");
}
