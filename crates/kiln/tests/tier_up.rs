//! Programs that change over to better code while they run.

#![allow(unsafe_code, reason = "calling a program is unsafe")]

use kiln::{Config, Engine, Program, Rule, Tier, TrapKind};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Changes over at the first thing that is counted, on the thread itself.
fn at_once() -> Config {
    Config::new().tier(Tier::Auto).rule(Rule { ops: 0, at_once: true, ..Rule::default() })
}

/// Changes over soon, in the background.
fn soon() -> Config {
    Config::new().tier(Tier::Auto).rule(Rule { calls: 10, rounds: 10, ops: 0, small: 0, ..Rule::default() })
}

fn load(config: Config, text: &str) -> Program {
    Engine::new(config).load_text(text).unwrap()
}

/// Waits for something that the background thread will do.
fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        thread::yield_now();
    }
}

fn improved(program: &Program) -> Vec<String> {
    program.changes().unwrap().improved
}

fn taken_over(program: &Program) -> u64 {
    program.changes().unwrap().taken_over
}

const SUM: &str = "
    export fn sum(%n: i64) -> i64 {
        %s = const 0
        %i = const 0
        jump test
    next:
        %s = add %s, %i
        %i = add %i, 1
    test:
        blt %i, %n, next
        ret %s
    }
";

#[test]
fn a_call_in_a_loop_is_taken_over() {
    let program = load(at_once(), SUM);
    let sum = program.function::<fn(i64) -> i64>("sum").unwrap();
    for n in [1000, 0, 1, 2, 10] {
        // SAFETY: it touches no memory.
        assert_eq!(unsafe { sum.call(n) }, Ok(n * (n - 1) / 2));
    }
    // The first call went on in the old code; the others went to the new.
    assert_eq!((improved(&program), taken_over(&program)), (vec!["sum".into()], 1));
}

#[test]
fn a_loop_without_end_is_taken_over_from_the_background() {
    // The host ends it, when it has seen that it is in the new code.
    let text = "
        export data stop = i64 [0]
        export fn wait(%n: i64) -> i64 {
        again:
            %n = add %n, 1
            %s = atomic_load.i64 [stop] !relaxed
            beq %s, 0, again
            ret %n
        }
    ";
    let program = load(soon(), text);
    // SAFETY: an i64 that everyone accesses by atomic operations.
    let stop = unsafe { AtomicI64::from_ptr(program.data("stop").unwrap().cast()) };
    let call = program.function::<fn(i64) -> i64>("wait").unwrap();
    // SAFETY: it reads its own data only.
    let call = thread::spawn(move || unsafe { call.call(0) });
    wait("for the loop to be taken over", || taken_over(&program) == 1);
    stop.store(1, Ordering::Relaxed);
    assert!(call.join().unwrap().unwrap() > 10);
}

#[test]
fn functions_that_are_called_often_are_improved_and_others_are_not() {
    let cold: String = (0..200)
        .map(|n| format!("export fn cold{n}(%x: i64) -> i64 {{\n %y = add %x, {n}\n ret %y\n}}\n"))
        .collect();
    let text = "
        fn hot(%x: i64) -> i64 {
            %y = mul %x, 3
            ret %y
        }
        export fn one(%x: i64) -> i64 {
            %y = call hot(%x)
            %y = add %y, 1
            ret %y
        }
    ";
    let program = load(soon(), &format!("{text}{cold}"));
    let one = program.function::<fn(i64) -> i64>("one").unwrap();
    wait("for both functions", || {
        // SAFETY: it touches no memory.
        assert_eq!(unsafe { one.call(5) }, Ok(16));
        improved(&program) == ["hot", "one"]
    });
    for n in 0..200 {
        let cold = program.function::<fn(i64) -> i64>(&format!("cold{n}")).unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { cold.call(1) }, Ok(1 + n));
    }
    assert_eq!(improved(&program), ["hot", "one"]);
}

const FIB: &str = include_str!("programs/fib.kiln");

#[test]
fn recursion_changes_over_while_it_is_deep() {
    for config in [at_once(), soon(), Config::new().tier(Tier::Auto)] {
        let program = load(config, FIB);
        let fib = program.function::<fn(i64) -> i64>("fib").unwrap();
        // SAFETY: it touches no memory.
        assert_eq!(unsafe { fib.call(24) }, Ok(46368));
        wait("for fib", || improved(&program) == ["fib"]);
        // SAFETY: as above.
        assert_eq!(unsafe { fib.call(20) }, Ok(6765));
    }
}

#[test]
fn threads_call_while_their_code_changes() {
    let text = "
        fn step(%x: i64) -> i64 {
            %y = mul %x, 5
            %y = add %y, 1
            ret %y
        }
        export fn mix(%x: i64, %n: i64) -> i64 {
            jump test
        next:
            %x = call step(%x)
            %n = sub %n, 1
        test:
            bgt %n, 0, next
            ret %x
        }
    ";
    let expected = |x: i64, n: i64| (0..n).fold(x, |x, _| x.wrapping_mul(5).wrapping_add(1));
    for _ in 0..10 {
        let program = load(soon(), text);
        let mix = program.function::<fn(i64, i64) -> i64>("mix").unwrap();
        let calls = AtomicU64::new(0);
        thread::scope(|scope| {
            for t in 0..4 {
                let (mix, calls, program) = (&mix, &calls, &program);
                scope.spawn(move || {
                    let mut x = t;
                    while calls.fetch_add(1, Ordering::Relaxed) < 200 || improved(program).len() < 2 {
                        let n = x & 63;
                        // SAFETY: it touches no memory.
                        let found = unsafe { mix.call(x, n) }.unwrap();
                        assert_eq!(found, expected(x, n));
                        x = x.wrapping_mul(0x5851_f42d_4c95_7f2d) + 0x1405_7b7e;
                    }
                });
            }
        });
    }
}

#[test]
fn programs_go_while_they_are_compiled() {
    for n in 0..100 {
        let program = load(soon(), SUM);
        let sum = program.function::<fn(i64) -> i64>("sum").unwrap();
        // SAFETY: it touches no memory.
        assert_eq!(unsafe { sum.call(20 + n) }, Ok((20 + n) * (19 + n) / 2));
    }
}

/// Runs a test in a child that was forked, and waits for it.
fn in_child(test: impl FnOnce() -> bool) {
    // SAFETY: the child ends without coming back.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let passed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(test)).unwrap_or(false);
        // SAFETY: ends the child.
        unsafe { libc::_exit(if passed { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: waits for our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child failed");
}

#[test]
fn children_compile_on_a_thread_of_their_own() {
    for n in 0..20 {
        let program = load(soon(), FIB);
        let fib = program.function::<fn(i64) -> i64>("fib").unwrap();
        // SAFETY: it touches no memory.
        assert!(unsafe { fib.call(6 + n % 8) }.is_ok());
        // What was asked for may be waiting, under way or done.
        in_child(|| {
            let other = load(soon(), FIB);
            let start = Instant::now();
            while improved(&program).is_empty() || improved(&other).is_empty() {
                for fib in [&program, &other].map(|p| p.function::<fn(i64) -> i64>("fib").unwrap()) {
                    // SAFETY: it touches no memory.
                    assert_eq!(unsafe { fib.call(10) }, Ok(55));
                }
                assert!(start.elapsed() < Duration::from_secs(30));
            }
            true
        });
        wait("for fib", || {
            // SAFETY: as above.
            assert_eq!(unsafe { fib.call(10) }, Ok(55));
            improved(&program) == ["fib"]
        });
    }
}

/// The threads of this process.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn one_thread_compiles_and_starts_with_the_first_that_is_hot() {
    // A child has one thread, whatever other tests run beside this one.
    in_child(|| {
        let alone = threads();
        let in_background = Config::new().tier(Tier::Auto).rule(Rule { small: 0, ..Rule::default() });
        let programs: Vec<Program> = (0..50).map(|_| load(in_background, FIB)).collect();
        let call = |program: &Program, n| {
            let fib = program.function::<fn(i64) -> i64>("fib").unwrap();
            // SAFETY: it touches no memory.
            unsafe { fib.call(n) }.unwrap()
        };
        let small: i64 = programs.iter().map(|program| call(program, 10)).sum();
        let before = (small, threads() - alone, improved(&programs[0]));
        for program in &programs {
            assert_eq!(call(program, 20), 6765);
        }
        wait("for all programs", || programs.iter().all(|program| !improved(program).is_empty()));
        before == (50 * 55, 0, vec![]) && threads() - alone == 1
    });
}

#[test]
fn small_functions_are_improved_by_the_thread_that_runs_them() {
    in_child(|| {
        let alone = threads();
        let program = load(Config::new().tier(Tier::Auto), FIB);
        let fib = program.function::<fn(i64) -> i64>("fib").unwrap();
        // SAFETY: it touches no memory.
        let result = unsafe { fib.call(20) };
        result == Ok(6765) && improved(&program) == ["fib"] && threads() == alone
    });
}

#[test]
fn rounds_are_added_up_over_calls_and_short_loops_of_many_calls_are_hot() {
    let text = "
        export fn f(%n: i64) -> i64 {
            %s = const 0
        next:
            %s = add %s, %n
            %n = sub %n, 1
            bgt %n, 0, next
            ret %s
        }
    ";
    // More entries than there will be, so that it is the loop that is hot.
    let rule = Rule { calls: 1_000_000, rounds: 100, ops: 0, at_once: true, ..Rule::default() };
    let program = load(Config::new().tier(Tier::Auto).rule(rule), text);
    let f = program.function::<fn(i64) -> i64>("f").unwrap();
    let mut calls = 0;
    while improved(&program).is_empty() && taken_over(&program) == 0 {
        // SAFETY: it touches no memory.
        assert_eq!(unsafe { f.call(4) }, Ok(10));
        calls += 1;
    }
    // Arriving by falling in is a round too.
    assert_eq!(calls, 26);
}

#[test]
fn traps_and_exits_say_the_same_in_better_code() {
    let text = "
        export fn divide(%n: i64) -> i64 {
            %i = copy %n
        next:
            %q = sdiv %n, %i
            %i = sub %i, 1
            jump next
        }
        export fn leave(%n: i64, %m: i64) -> i64 {
            %i = const 0
        next:
            %i = add %i, %m
            guard_gt %i, %n, 7 (%i, %m)
            jump next
        }
        export fn overflow(%n: i64) -> i64 {
        next:
            %n = smul_ovf %n, 3, large
            jump next
        cold large:
            exit 2 (%n)
        }
    ";
    let run = |config| {
        let program = load(config, text);
        let divide = program.function::<fn(i64) -> i64>("divide").unwrap();
        let leave = program.function::<fn(i64, i64) -> i64>("leave").unwrap();
        let overflow = program.function::<fn(i64) -> i64>("overflow").unwrap();
        // SAFETY: none touches memory.
        let traps = unsafe {
            [
                divide.call(9),
                divide.call(5),
                leave.call(20, 3),
                leave.call(9, 2),
                overflow.call(5),
                overflow.call(-7),
            ]
        };
        (program, traps.map(|trap| trap.unwrap_err()))
    };
    let (auto, found) = run(at_once());
    let (_, expected) = run(Config::new().tier(Tier::Baseline));
    assert_eq!(found, expected);
    assert_eq!(found[2].values(), [21, 3]);
    assert_eq!(taken_over(&auto), 3);
}

#[test]
fn slots_and_taken_stack_stay_where_they_are() {
    let text = "
        export fn f(%n: i64) -> i64 {
            slot words: 64 align 32
            %at   = slot_addr words + 16
            %more = alloca %n, 16
            store.i64 [%at], 40
            store.i64 [%more], 2
            %i    = const 0
        next:
            %here = slot_addr words + 16
            %x    = load.i64 [%here]
            %x    = add %x, 1
            store.i64 [%at], %x
            %y    = load.i64 [%more]
            %y    = add %y, 1
            store.i64 [%more], %y
            %i    = add %i, 1
            blt   %i, %n, next
            %x    = load.i64 [%at]
            %r    = add %x, %y
            %same = cmp_eq %here, %at
            %wide: i64 = zext %same
            %r    = add %r, %wide
            ret   %r
        }
    ";
    for config in [at_once(), at_once().frame_pointers(true), Config::new().tier(Tier::Baseline)] {
        let program = load(config, text);
        let f = program.function::<fn(i64) -> i64>("f").unwrap();
        // SAFETY: it uses its own frame only.
        assert_eq!(unsafe { f.call(100) }, Ok(40 + 100 + 2 + 100 + 1));
        assert!(program.changes().is_none_or(|changes| changes.taken_over == 1));
    }
}

#[test]
fn what_a_caller_keeps_in_registers_is_there_when_a_call_that_was_taken_over_returns() {
    let text = "
        fn inner(%a: i64, %n: i64) -> i64 {
        next:
            %b = mul %a, 3
            %c = add %b, %n
            %d = xor %c, %a
            %a = add %d, %b
            %n = sub %n, 1
            bgt %n, 0, next
            ret %a
        }
        export fn outer(%n: i64) -> i64 {
            %s = const 0
            %p = const 1
            %q = const 2
        next:
            %x = call inner(%n, 3)
            %s = add %s, %x
            %p = mul %p, %s
            %q = sub %p, %q
            %n = sub %n, 1
            bgt %n, 0, next
            %r = xor %q, %p
            %r = xor %r, %s
            ret %r
        }
    ";
    let run = |config: Config| {
        let program = load(config, text);
        let outer = program.function::<fn(i64) -> i64>("outer").unwrap();
        // SAFETY: it touches no memory.
        unsafe { outer.call(50) }.unwrap()
    };
    let expected = run(Config::new().tier(Tier::Interpreter));
    for rounds in 0..20 {
        let rule = Rule {
            calls: rounds / 2,
            rounds,
            ops: 0,
            at_once: true,
            innermost: rounds % 2 == 0,
            ..Rule::default()
        };
        assert_eq!(run(Config::new().tier(Tier::Auto).rule(rule)), expected);
    }
}

#[test]
fn calls_that_cannot_be_taken_over_run_in_better_code_the_next_time() {
    // Several results; and jumps to labels, which are compiled well at once.
    let text = "
        export fn pair(%n: i64) -> (i64, i64) {
            %a = const 1
        next:
            %a = add %a, %n
            %n = sub %n, 1
            bgt %n, 0, next
            ret %a, %n
        }
        export fn labels(%n: i64) -> i64 {
            labels all = {again, done}
            %p = label_addr again
            %q = label_addr done
        again:
            %n = sub %n, 1
            %t = cmp_gt %n, 0
            %x = select %t, %p, %q
            jump_to %x, all
        done:
            ret %n
        }
    ";
    let program = load(at_once(), text);
    let pair = program.function::<fn(i64) -> (i64, i64)>("pair").unwrap();
    let labels = program.function::<fn(i64) -> i64>("labels").unwrap();
    for _ in 0..3 {
        // SAFETY: neither touches memory.
        assert_eq!(unsafe { (pair.call(10), labels.call(10)) }, (Ok((56, 0)), Ok(0)));
    }
    assert_eq!((improved(&program), taken_over(&program)), (vec!["pair".into()], 0));
}

#[test]
fn watchers_see_every_safepoint_across_the_change() {
    let text = "
        export fn count(%n: i64) -> i64 {
            %i = const 0
        next:
            safepoint 1 (%i)
            %i = add %i, 1
            blt %i, %n, next
            ret %i
        }
    ";
    let rule = Rule { calls: 100, rounds: 5, ops: 0, at_once: true, ..Rule::default() };
    let program = load(Config::new().tier(Tier::Auto).rule(rule), text);
    let count = program.function::<fn(i64) -> i64>("count").unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let watch = program.watch(move |at| log.lock().unwrap().push((at.id(), at.values()[0])));
    // SAFETY: it touches no memory.
    assert_eq!(unsafe { count.call(20) }, Ok(20));
    drop(watch);
    assert_eq!(*seen.lock().unwrap(), (0..20).map(|i| (1, i)).collect::<Vec<_>>());
    assert_eq!(taken_over(&program), 1);
}

#[test]
fn limits_count_the_same_across_the_change() {
    for rounds in 0..12 {
        let rule = Rule { calls: rounds, rounds, ops: 0, at_once: true, ..Rule::default() };
        let config = Config::new().tier(Tier::Auto).rule(rule).fuel(11).depth(2).interruptible(true);
        let program = load(config, SUM);
        let sum = program.function::<fn(i64) -> i64>("sum").unwrap();
        for _ in 0..4 {
            // SAFETY: it touches no memory. One unit is for entering it.
            assert_eq!(unsafe { sum.call(10) }, Ok(45));
            // SAFETY: as above.
            assert_eq!(unsafe { sum.call(11) }.unwrap_err().kind(), TrapKind::OutOfFuel);
        }
    }
}

#[test]
fn a_call_that_was_taken_over_is_interrupted() {
    let text = "
        extern begin: fn()
        export fn forever() {
            call begin()
        again:
            jump again
        }
    ";
    let mut engine = Engine::new(at_once().interruptible(true));
    let (send, begun) = std::sync::mpsc::channel();
    let send = Mutex::new(send);
    engine.define("begin", move || send.lock().unwrap().send(()).unwrap());
    let program = engine.load_text(text).unwrap();
    let forever = program.function::<fn()>("forever").unwrap();
    // SAFETY: it touches no memory and calls `begin` as it is defined.
    let call = thread::spawn(move || unsafe { forever.call() });
    begun.recv().unwrap();
    wait("for the loop to be taken over", || taken_over(&program) == 1);
    program.interrupt();
    let trap = call.join().unwrap().unwrap_err();
    assert_eq!(trap.to_string(), "interrupted in `forever` at <text>:6:13");
}

#[test]
fn replacing_a_function_that_was_improved_replaces_it_for_good() {
    let text = "
        export replaceable fn price(%n: i64) -> i64 {
            %p = mul %n, 10
            ret %p
        }
        export fn bill(%n: i64) -> i64 {
            %p = call price(%n)
            %t = add %p, 1
            ret %t
        }
    ";
    let other = "
        export fn price(%n: i64) -> i64 {
            %p = mul %n, 9
            ret %p
        }
    ";
    for before in [0, 5] {
        let rule = Rule { calls: 3, rounds: 3, ops: 0, at_once: true, ..Rule::default() };
        let config = Config::new().tier(Tier::Auto).rule(rule);
        let (program, discount) = (load(config, text), load(config, other));
        let bill = program.function::<fn(i64) -> i64>("bill").unwrap();
        let pays = |expected| {
            for _ in 0..10 {
                // SAFETY: nothing touches memory.
                assert_eq!(unsafe { bill.call(10) }, Ok(expected));
            }
        };
        for _ in 0..before {
            pays(101);
        }
        program.replace("price", &discount, "price").unwrap();
        pays(91);
        program.restore("price").unwrap();
        pays(101);
        program.replace("price", &discount, "price").unwrap();
        drop(discount);
        pays(91);
        assert_eq!(improved(&program), ["bill", "price"]);
    }
}

#[test]
fn loops_in_a_row_and_in_each_other_are_taken_over() {
    let text = "
        export fn f(%n: i64) -> i64 {
            %s = const 1
            %i = const 0
            jump outer_test
        outer:
            %j = const 0
            jump inner_test
        inner:
            %s = mul %s, 3
            %s = add %s, %j
            %j = add %j, 1
        inner_test:
            blt %j, %i, inner
            %i = add %i, 1
        outer_test:
            blt %i, %n, outer
            %k = const 0
        last:
            %s = xor %s, %k
            %s = rotl %s, 7
            %k = add %k, 1
            blt %k, %n, last
            ret %s
        }
    ";
    let run = |config: Config| {
        let program = load(config, text);
        let f = program.function::<fn(i64) -> i64>("f").unwrap();
        // SAFETY: it touches no memory.
        (unsafe { f.call(30) }.unwrap(), program)
    };
    let (expected, _) = run(Config::new().tier(Tier::Interpreter));
    for rounds in 0..40 {
        for innermost in [false, true] {
            let rule = Rule { calls: 100, rounds, ops: 0, at_once: true, innermost, ..Rule::default() };
            let (found, program) = run(Config::new().tier(Tier::Auto).rule(rule));
            assert_eq!(found, expected);
            assert_eq!(taken_over(&program), 1, "{rounds} {innermost}");
        }
    }
}

#[test]
fn calls_of_a_further_entry_are_counted_and_led_to_better_code() {
    let text = "
        fn body(%n: i64) -> i64 {
            entry rest(%n, %s: i64, %i: i64) -> test
            %s = const 0
            %i = const 0
            jump test
        next:
            %s = add %s, %i
            %i = add %i, 1
        test:
            blt %i, %n, next
            ret %s
        }
        export fn direct(%n: i64) -> i64 {
            %r = call rest(%n, 0, 0)
            ret %r
        }
        export fn by_address(%n: i64) -> i64 {
            %p = func_addr rest
            %r = call_ptr %p: fn(i64, i64, i64) -> i64 (%n, 0, 0)
            ret %r
        }
    ";
    let program = load(at_once(), text);
    let ask = |name: &str, n: i64| {
        let function = program.function::<fn(i64) -> i64>(name).unwrap();
        // SAFETY: nothing touches memory.
        unsafe { function.call(n) }
    };
    assert_eq!(ask("direct", 1000), Ok(499_500));
    let before = taken_over(&program);
    assert_eq!(before, 1);
    assert_eq!(improved(&program), ["body", "direct"]);
    // In the old code each call would be taken over.
    for _ in 0..3 {
        assert_eq!(ask("direct", 1000), Ok(499_500));
        assert_eq!(ask("by_address", 100), Ok(4950));
        let rest = program.function::<fn(i64, i64, i64) -> i64>("rest").unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { rest.call(100, 1, 0) }, Ok(4951));
    }
    assert_eq!((improved(&program).len(), taken_over(&program)), (3, before));
}
