//! What the passes over register IR promise besides the code itself: where instructions come from, when they keep their
//! hands off, that memory used before makes no difference.

use kiln_codegen::code::{InlinedCall, inlined_frames};
use kiln_codegen::optimize::{Origins, Prepare, Prepared, prepare};
use kiln_codegen::{Options, Passes};
use kiln_ir::verify::{Checked, check};
use kiln_ir::{FuncId, Function, Inst, Module, Op};

fn checked(text: &str) -> Checked {
    check(Module::parse(text).expect("it parses")).expect("it is valid")
}

fn source<'m>(module: &'m Checked, name: &str) -> &'m Function {
    module.func(module.find_func(name).expect("it is there")).body.as_ref().expect("it has a body")
}

fn run(module: &Checked, name: &str, options: &Options, scratch: &mut Prepare) -> Prepared {
    let mut out = Prepared::default();
    let func = module.find_func(name).expect("it is there");
    prepare(module, func, source(module, name), options, scratch, &mut (), &mut out);
    out
}

const NESTED: &str = "
fn inner(%a: i64, %b: i64) -> i64 {
    %r = sdiv %a, %b
    ret  %r
}
fn middle(%a: i64) -> i64 {
    %c = sub %a, 1
    %r = call inner(%a, %c)
    ret  %r
}
export fn outer(%a: i64) -> i64 {
    %b = add %a, 1
    %r = call middle(%b)
    %s = call middle(%r)
    ret  %s
}
";

#[test]
fn an_inlined_instruction_knows_all_calls_that_it_came_through() {
    let module = checked(NESTED);
    let out = run(&module, "outer", &Options::default(), &mut Prepare::default());
    let [inner, middle, outer] = ["inner", "middle", "outer"].map(|name| module.find_func(name).unwrap());
    let (f, origins) = out.code(source(&module, "outer"));
    let divisions = f.insts().iter().enumerate().filter(|(_, inst)| inst.op == Op::Sdiv);
    let frames: Vec<Vec<(FuncId, Inst)>> = divisions
        .map(|(at, _)| origins.of(at))
        .map(|origin| inlined_frames(&out.sites, outer, origin.inst, origin.site).collect())
        .collect();
    let through = |call| vec![(inner, Inst(0)), (middle, Inst(1)), (outer, Inst(call))];
    assert_eq!(frames, [through(1), through(2)]);
    assert!(
        out.sites
            .iter()
            .enumerate()
            .all(|(n, site)| { site.outer == InlinedCall::NONE || (site.outer as usize) < n })
    );
}

const RECURSIVE: &str = "
export fn down(%n: i64) -> i64 {
head:
    ble  %n, 0, done
    %m = sub %n, 1
    %r = call down(%m)
    ret  %r
done:
    ret  %n
}
fn one(%a: i64) -> i64 {
    %r = add %a, 1
    ret  %r
}
export fn count(%n: i64) -> i64 {
head:
    ble  %n, 0, done
    %m = call one(%n)
    %n = sub %m, 2
    jump head
done:
    ret  %n
}
";

#[test]
fn what_is_counted_stays_as_it_is() {
    let module = checked(RECURSIVE);
    let same = |name: &str, options: &Options| {
        let out = run(&module, name, options, &mut Prepare::default());
        matches!(out.code(source(&module, name)).1, Origins::Own)
    };
    let calls = |name: &str, options: &Options| {
        run(&module, name, options, &mut Prepare::default()).code(source(&module, name)).0.has_calls()
    };
    let plain = Options::default();
    assert!(!same("down", &plain) && !calls("down", &plain) && !calls("count", &plain));
    assert!(same("count", &Options { fuel: true, ..plain }));
    for counted in [
        Options { fuel: true, ..plain },
        Options { depth: true, ..plain },
        Options { polls: true, ..plain },
        Options { passes: Passes::INVERT, ..plain },
    ] {
        assert!(same("down", &counted), "{counted:?}");
        assert!(calls("count", &counted), "{counted:?}");
    }
    assert!(same("count", &Options { passes: Passes::SSA, ..plain }));
}

#[test]
fn memory_used_before_makes_no_difference() {
    let modules = [NESTED, RECURSIVE].map(checked);
    let mut scratch = Prepare::default();
    for _ in 0..2 {
        for (module, name) in [(&modules[0], "outer"), (&modules[1], "down"), (&modules[1], "count")] {
            let options = Options::default();
            let fresh = run(module, name, &options, &mut Prepare::default());
            let again = run(module, name, &options, &mut scratch);
            let [(f, from), (same, same_from)] = [&fresh, &again].map(|out| out.code(source(module, name)));
            assert_eq!(f, same);
            assert!((0..f.insts().len()).all(|at| from.of(at) == same_from.of(at)));
            assert_eq!(fresh.sites, again.sites);
            assert_eq!(fresh.blocks, again.blocks);
        }
    }
}

/// Functions may call each other in many ways, but bodies grow by a bounded multiple.
#[test]
fn growth_is_bounded() {
    let mut text = String::from("fn f0(%a: i64) -> i64 {\n %r = xor %a, 1\n ret %r\n}\n");
    for n in 1..30 {
        // Each is tiny, and inlining all of all would double at each step.
        let last = n - 1;
        text += &format!(
            "fn f{n}(%a: i64) -> i64 {{\n %b = call f{last}(%a)\n %c = call f{last}(%b)\n ret %c\n}}\n"
        );
    }
    text += "export fn even(%n: i64) -> i64 {\n ble %n, 0, done\n %n = sub %n, 1\n %r = call odd(%n)\n ret %r\ndone:\n ret %n\n}\n";
    text += "export fn odd(%n: i64) -> i64 {\n ble %n, 0, done\n %n = sub %n, 1\n %r = call even(%n)\n ret %r\ndone:\n ret %n\n}\n";
    let module = checked(&text);
    let mut scratch = Prepare::default();
    for name in ["f29", "even", "odd"] {
        let out = run(&module, name, &Options::default(), &mut scratch);
        let count = out.code(source(&module, name)).0.insts().len();
        assert!(count < 10_000, "{name} grows to {count}");
    }
}
