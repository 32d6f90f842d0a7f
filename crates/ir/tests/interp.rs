//! The interpreter on whole programs.

use kiln_ir::interp::{Arena, Interpreter};
use kiln_ir::verify::check;
use kiln_ir::{Module, TrapKind};

fn run(text: &str, name: &str, args: &[u64]) -> Result<Vec<u64>, TrapKind> {
    let module = Module::parse(text).expect("parses");
    let module = check(module).expect("verifies");
    let func = module.find_func(name).expect("is there");
    let mut arena = Arena::new(&module, 1 << 16);
    Interpreter::new(&module, &mut arena).call(func, args).map_err(|trap| trap.kind)
}

#[test]
fn recursion() {
    let text = "export fn fib(%n: i64) -> i64 {\n blt %n, 2, small\n %a = sub %n, 1\n %b = sub %n, 2\n \
                %x = call fib(%a)\n %y = call fib(%b)\n %r = add %x, %y\n ret %r\nsmall:\n ret %n\n}\n";
    assert_eq!(run(text, "fib", &[20]), Ok(vec![6765]));
}

#[test]
fn overflow_writes_nothing_and_leaves() {
    let text = "export fn f(%a: i32, %b: i32) -> i32 {\n %r = const.i32 7\n %r = sadd_ovf %a, %b, cold_side\n ret %r\n\
                cold cold_side:\n ret %r\n}\n";
    assert_eq!(run(text, "f", &[1, 2]), Ok(vec![3]));
    assert_eq!(run(text, "f", &[0x7fff_ffff, 1]), Ok(vec![7]));
}

#[test]
fn endless_recursion_is_a_trap() {
    let text = "export fn f() {\n call f()\n ret\n}\n";
    assert_eq!(run(text, "f", &[]), Err(TrapKind::StackOverflow));
}
