//! Label addresses, further entries, run-time stack storage and landing pads, as a host sees them, in all tiers.

use kiln::{
    Cond, Config, Engine, FunctionBuilder, Linkage, Module, Program, Signature, Tier, TrapKind, Type, VReg,
    check,
};
use std::sync::Arc;

fn all(text: &str) -> Vec<Program> {
    let tiers = [Tier::Interpreter, Tier::Baseline, Tier::Optimized];
    let engines = tiers.map(|tier| Engine::new(Config::new().tier(tier)));
    engines.iter().map(|engine| engine.load_text(text).expect("loads")).collect()
}

const COUNT: &str = "
    fn count(%n: i64) -> i64 {
        entry count_from(%i: i64, %n: i64) -> next
        %i = const.i64 0
    next:
        %i = add %i, 1
        blt %i, %n, next
        beq %i, 1000, bad
        ret %i
    bad:
        trap 9
    }
    export fn other(%x: f64) -> f64 {
        ret %x
    }
";

#[test]
fn entries_are_called_by_name() {
    for program in all(COUNT) {
        let from = program.function::<fn(i64, i64) -> i64>("count_from").expect("is an entry");
        // SAFETY: they touch no memory.
        unsafe {
            assert_eq!(from.call(5, 10), Ok(10));
            assert_eq!(from.call(50, 10), Ok(51));
            assert_eq!(program.invoke("count.count_from", &[7, 3]), Ok(vec![8]));
            let trap = from.call(5, 1000).unwrap_err();
            assert_eq!((trap.kind(), trap.function()), (TrapKind::User(9), Some("count")));
        }
        assert_eq!(program.exports(), ["count_from", "other"]);
        let wrong = program.function::<fn(i64) -> i64>("count.count_from").unwrap_err();
        assert_eq!(wrong.to_string(), "`count.count_from` is fn(i64, i64) -> i64, not fn(i64) -> i64");
        for name in ["count", "other.count_from", "count.other", "count."] {
            assert!(program.function::<fn(i64, i64) -> i64>(name).is_err(), "{name}");
        }
    }
}

#[test]
fn entries_are_called_by_address() {
    for program in all(COUNT) {
        let from = program.function::<fn(i64, i64) -> i64>("count_from").expect("is an entry");
        // SAFETY: what C would see of it, while `from` keeps it.
        let c: extern "C" fn(i64, i64) -> i64 = unsafe { std::mem::transmute(from.address()) };
        assert_eq!(c(3, 20), 20);
    }
}

/// A chain of labels, each of which adds 1 and jumps through the set to the next.
fn chain(b: &mut FunctionBuilder<'_>, length: usize) {
    let v = b.param(0);
    let labels: Vec<_> = (0..=length).map(|_| b.block()).collect();
    let set = b.label_set(&labels);
    let go = |b: &mut FunctionBuilder<'_>, to| {
        let to = b.label_addr(to);
        b.jump_to(to, set);
    };
    go(b, labels[0]);
    for pair in labels.windows(2) {
        b.place(pair[0]);
        b.to(v).add(v, 1);
        go(b, pair[1]);
    }
    b.place(labels[length]);
    b.ret(&[v]);
}

/// A loop over a switch with a case for each value.
fn cases(b: &mut FunctionBuilder<'_>, length: usize) {
    let v = b.param(0);
    let (again, other) = (b.block(), b.block());
    let blocks: Vec<_> = (0..length).map(|_| b.block()).collect();
    b.place(again);
    let cases: Vec<_> = (0..length as i64).zip(blocks.iter().copied()).collect();
    b.switch(v, &cases, other);
    for block in blocks {
        b.place(block);
        b.to(v).add(v, 1);
        b.jump(again);
    }
    b.place(other);
    b.ret(&[v]);
}

#[test]
fn a_hundred_thousand_labels_jumps_and_cases_run() {
    const COUNT: i64 = 100_000;
    for write in [chain, cases] {
        let mut module = Module::new();
        let f = module.declare("f", Signature::new([Type::I64], [Type::I64]), Linkage::Export);
        let mut b = module.build(f);
        write(&mut b, COUNT as usize);
        b.finish().expect("is complete");
        let module = Arc::new(check(module).map_err(|(_, faults)| faults).expect("verifies"));
        for tier in [Tier::Interpreter, Tier::Baseline, Tier::Optimized] {
            let program = Engine::new(Config::new().tier(tier)).load(module.clone()).expect("loads");
            let f = program.function::<fn(i64) -> i64>("f").expect("is exported");
            // SAFETY: it touches no memory.
            assert_eq!(unsafe { f.call(0) }, Ok(COUNT));
        }
    }
}

#[test]
fn storage_that_does_not_fit_the_stack_is_a_trap() {
    let programs = all("
        export fn take(%n: i64) -> i64 {
            %p = alloca %n
            store.i64 [%p], %n
            %r = load.i64 [%p]
            ret %r
        }
        export fn deep(%n: i64, %size: i64) -> i64 {
            %p = alloca %size
            store.i64 [%p], %n
            beq %n, 0, end
            %m = sub %n, 1
            %r = call deep(%m, %size)
            %x = load.i64 [%p]
            %r = add %r, %x
            ret %r
        end:
            ret 0
        }
        ");
    for program in programs {
        let take = program.function::<fn(i64) -> i64>("take").expect("is exported");
        let deep = program.function::<fn(i64, i64) -> i64>("deep").expect("is exported");
        // SAFETY: they touch their own storage only.
        unsafe {
            for _ in 0..3 {
                for size in [1 << 30, 1 << 45, i64::MAX, i64::MIN, -1, -16] {
                    let trap = take.call(size).unwrap_err();
                    assert_eq!(
                        (trap.kind(), trap.function()),
                        (TrapKind::StackOverflow, Some("take")),
                        "{size}"
                    );
                }
                assert_eq!(take.call(100_000), Ok(100_000));
                assert_eq!(deep.call(10, 50_000), Ok(55));
                let trap = deep.call(1_000_000, 500).unwrap_err();
                assert_eq!(trap.kind(), TrapKind::StackOverflow);
            }
        }
    }
}

#[test]
fn code_with_landing_pads_runs() {
    let text = "
            extern twice: fn(i64) -> i64
            data handlers = ptr [run.add, run.stop]
            replaceable fn through(%p: ptr, %x: i64) -> i64 {
                %y = call_ptr %p: fn(i64) -> i64 (%x)
                ret %y
            }
            export fn run(%x: i64) -> i64 {
                labels ops = {add, stop}
                entry run_on(%x: i64, %n: i64) -> next
                %n = const.i64 3
            next:
                %p = func_addr twice
                %x = call through(%p, %x)
                %n = sub %n, 1
                %more = cmp_eq %n, 0
                %at = zext %more
                %to = load.ptr [handlers + %at*8]
                jump_to %to, ops
            add:
                %x = add %x, 1
                switch %x, next, {0: stop, 1: stop, 2: stop, 3: stop, 4: stop}
            stop:
                ret %x
            }
            ";
    for tier in [Tier::Baseline, Tier::Optimized] {
        let mut engine = Engine::new(Config::new().tier(tier).landing_pads(true));
        engine.define("twice", |x: i64| 2 * x);
        let program = engine.load_text(text).expect("loads");
        let run = program.function::<fn(i64) -> i64>("run").expect("is exported");
        let on = program.function::<fn(i64, i64) -> i64>("run_on").expect("is an entry");
        let through = program.module().find_func("through").expect("is there");
        // SAFETY: they touch no memory but the table.
        unsafe {
            assert_eq!(run.call(10), Ok(86), "{tier:?}");
            assert_eq!(on.call(10, 1), Ok(20), "{tier:?}");
        }
        for address in [run.address(), on.address()] {
            // SAFETY: the code of the program.
            let start = unsafe { std::slice::from_raw_parts(address, 4) };
            assert_eq!(start, [0xf3, 0x0f, 0x1e, 0xfa], "{tier:?}");
        }
        assert!(program.module().func(through).replaceable);
    }
}

/// Parameters are registers like any others, also those that a loop carries.
#[test]
fn parameters_may_be_assigned() {
    let mut module = Module::new();
    let f = module.declare("gcd", Signature::new([Type::I64; 2], [Type::I64]), Linkage::Export);
    let mut b = module.build(f);
    let (x, y): (VReg, VReg) = (b.param(0), b.param(1));
    let (again, end) = (b.block(), b.block());
    b.place(again);
    b.branch(Cond::Eq, y, 0, end);
    let rest = b.urem(x, y);
    b.to(x).copy(y);
    b.to(y).copy(rest);
    b.jump(again);
    b.place(end);
    b.ret(&[x]);
    b.finish().expect("is complete");
    for tier in [Tier::Interpreter, Tier::Baseline, Tier::Optimized] {
        let engine = Engine::new(Config::new().tier(tier));
        let program = engine.load_module(module.clone()).expect("loads");
        let gcd = program.function::<fn(i64, i64) -> i64>("gcd").expect("is exported");
        // SAFETY: it touches no memory.
        assert_eq!(unsafe { gcd.call(1071, 462) }, Ok(21), "{tier:?}");
    }
}
