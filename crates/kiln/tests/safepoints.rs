//! Safepoints show a call's values to watchers and disturb nothing; calls are interrupted from other threads.

use kiln::{Config, Engine, Function, Program, Tier, TrapKind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

const TIERS: [Tier; 3] = [Tier::Interpreter, Tier::Baseline, Tier::Optimized];

fn load(config: Config, text: &str) -> Program {
    Engine::new(config).load_text(text).unwrap()
}

const SUM: &str = "
export fn sum(%n: i64) -> i64 {
    %s = const 0
next:
    safepoint 1 (%n, %s)
    %s = add %s, %n
    %n = sub %n, 1
    bgt  %n, 0, next
    ret  %s
}";

#[test]
fn watchers_see_place_and_values_until_the_watch_ends() {
    for tier in TIERS {
        let program = load(Config::new().tier(tier), SUM);
        let sum = program.function::<fn(i64) -> i64>("sum").unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        let watch = program.watch(move |at| {
            let position = at.position().unwrap();
            assert_eq!((at.function(), position.line, position.column), ("sum", 5, 5));
            sink.lock().unwrap().push((at.id(), at.values().to_vec()));
        });
        // SAFETY: the function touches no memory.
        assert_eq!(unsafe { sum.call(3) }, Ok(6));
        assert_eq!(*seen.lock().unwrap(), [(1, vec![3, 0]), (1, vec![2, 3]), (1, vec![1, 5])]);
        drop(watch);
        // SAFETY: as above.
        assert_eq!(unsafe { sum.call(3) }, Ok(6));
        assert_eq!(seen.lock().unwrap().len(), 3);
    }
}

#[test]
fn errors_and_caught_panics_of_watchers_end_the_call() {
    for tier in TIERS {
        let program = load(Config::new().tier(tier).catch_panics(true), SUM);
        let sum = program.function::<fn(i64) -> i64>("sum").unwrap();
        let watch = program.watch(|_| Err::<(), _>("not today"));
        // SAFETY: the function touches no memory.
        let trap = unsafe { sum.call(3) }.unwrap_err();
        assert_eq!((trap.kind(), &*trap.to_string()), (TrapKind::Host, "not today in `sum` at <text>:5:5"));
        drop(watch);
        let watch = program.watch(|_| -> () { panic!("on purpose") });
        // SAFETY: as above.
        let trap = unsafe { sum.call(3) }.unwrap_err();
        assert_eq!(trap.to_string(), "panic: on purpose in `sum` at <text>:5:5");
        drop(watch);
        // SAFETY: as above.
        assert_eq!(unsafe { sum.call(3) }, Ok(6));
    }
}

#[test]
fn watchers_may_call_the_program_and_are_not_shown_that() {
    for tier in TIERS {
        let program = load(Config::new().tier(tier), SUM);
        let sum = program.function::<fn(i64) -> i64>("sum").unwrap();
        let (inner, calls) = (sum.clone(), Arc::new(AtomicU64::new(0)));
        let count = calls.clone();
        let watch = program.watch(move |at| {
            count.fetch_add(1, Ordering::Relaxed);
            let n = at.values()[0];
            // SAFETY: the function touches no memory.
            assert_eq!(unsafe { inner.call(n as i64) }, Ok([0, 1, 3, 6][n as usize]));
        });
        // SAFETY: as above.
        assert_eq!(unsafe { sum.call(3) }, Ok(6));
        assert_eq!(calls.load(Ordering::Relaxed), 3);
        drop(watch);
    }
}

/// Every register that can hold a value holds one, and more stand in the frame; the watcher's own code uses them all.
#[test]
fn registers_are_as_they_were_behind_a_safepoint() {
    let mut text = String::from("export fn f(%n: i64, %x: f64) -> i64 {\n");
    for i in 0..24 {
        text += &format!("    %i{i} = mul %n, {}\n    %f{i} = fadd %x, {i}.0\n", i + 3);
    }
    let list: Vec<String> = (0..24).flat_map(|i| [format!("%i{i}"), format!("%f{i}")]).collect();
    text += &format!("    safepoint 7 ({})\n    %s = const 0\n    %t = const 0.0\n", list.join(", "));
    for i in 0..24 {
        text += &format!(
            "    %s = mul %s, 3\n    %s = add %s, %i{i}\n    %t = fadd %t, %t\n    %t = fadd %t, %f{i}\n"
        );
    }
    text += "    %u = ftosi.i64 %t\n    %s = add %s, %u\n    ret %s\n}";
    for tier in TIERS {
        let program = load(Config::new().tier(tier), &text);
        let f = program.function::<fn(i64, f64) -> i64>("f").unwrap();
        // SAFETY: the function touches no memory.
        let alone = unsafe { f.call(5, 0.5) }.unwrap();
        let watch = program.watch(|at| {
            let expected = (0..24u64).flat_map(|i| [5 * (i + 3), (0.5 + i as f64).to_bits()]);
            assert_eq!(at.values(), expected.collect::<Vec<_>>());
            let floats: Vec<f64> = (0..64).map(|i| (i as f64).sqrt()).collect();
            assert!(floats.iter().sum::<f64>() > 300.0);
        });
        // SAFETY: as above.
        assert_eq!(unsafe { f.call(5, 0.5) }, Ok(alone));
        drop(watch);
    }
}

/// A leaf function keeps values below the stack pointer: the stop must not write over them.
#[test]
fn what_a_leaf_keeps_below_the_stack_pointer_survives() {
    let text = "
export fn leaf(%n: i64) -> i64 {
    slot kept: 64
    store.i64 [kept], %n
    store.i64 [kept + 56], 99
    safepoint 1 (%n)
    %a = load.i64 [kept]
    %b = load.i64 [kept + 56]
    %r = add %a, %b
    ret %r
}";
    for tier in TIERS {
        let program = load(Config::new().tier(tier), text);
        let leaf = program.function::<fn(i64) -> i64>("leaf").unwrap();
        let watch = program.watch(|at| assert_eq!(at.values(), [5]));
        // SAFETY: the function touches its own frame only.
        assert_eq!(unsafe { leaf.call(5) }, Ok(104));
        drop(watch);
    }
}

/// A function that a host function finds once the program is loaded.
type Slot = Mutex<Option<Function<fn() -> i64>>>;

const FOREVER: &str = "
extern begin: fn()
export fn forever(%n: i64) {
    call begin()
again:
    jump again
}
export fn deep() {
    call begin()
    call climb()
    ret
}
fn climb() {
again:
    call leaf()
    jump again
}
fn leaf() { ret }
export fn short(%n: i64) -> i64 {
next:
    %n = sub %n, 1
    bgt  %n, 0, next
    ret  %n
}
export fn at_safepoints() {
    call begin()
again:
    safepoint 1 ()
    jump again
}";

/// The program, and a channel that tells when a call has begun.
fn forever(config: Config) -> (Program, mpsc::Receiver<()>) {
    let (send, begun) = mpsc::channel();
    let send = Mutex::new(send);
    let mut engine = Engine::new(config);
    engine.define("begin", move || send.lock().unwrap().send(()).unwrap());
    (engine.load_text(FOREVER).unwrap(), begun)
}

#[test]
fn an_interruption_ends_calls_on_all_threads_and_no_later_ones() {
    for tier in TIERS {
        let (program, begun) = forever(Config::new().tier(tier).interruptible(true));
        for _ in 0..3 {
            let f = program.function::<fn(i64)>("forever").unwrap();
            let d = program.function::<fn()>("deep").unwrap();
            let calls: Vec<_> = (0..4)
                .map(|n| {
                    let (f, d) = (f.clone(), d.clone());
                    // SAFETY: the functions only call `begin`, as it is defined.
                    thread::spawn(move || if n % 2 == 0 { unsafe { f.call(n) } } else { unsafe { d.call() } })
                })
                .collect();
            for _ in 0..4 {
                begun.recv().unwrap();
            }
            program.interrupt();
            let short = program.function::<fn(i64) -> i64>("short").unwrap();
            // SAFETY: the function touches no memory.
            assert_eq!(unsafe { short.call(1000) }, Ok(0));
            for call in calls {
                assert_eq!(call.join().unwrap().unwrap_err().kind(), TrapKind::Interrupted);
            }
            // SAFETY: as above.
            assert_eq!(unsafe { short.call(1000) }, Ok(0));
        }
    }
}

#[test]
fn safepoints_hear_of_interruptions_without_polls() {
    for tier in TIERS {
        let (program, begun) = forever(Config::new().tier(tier));
        let f = program.function::<fn()>("at_safepoints").unwrap();
        // SAFETY: the function only calls `begin`, as it is defined.
        let call = thread::spawn(move || unsafe { f.call() });
        begun.recv().unwrap();
        program.interrupt();
        let trap = call.join().unwrap().unwrap_err();
        assert_eq!(trap.to_string(), "interrupted in `at_safepoints` at <text>:28:5");
    }
}

#[test]
fn a_call_inside_a_host_function_ends_when_it_comes_back() {
    for tier in TIERS {
        let gate = Arc::new(Barrier::new(2));
        let inside = gate.clone();
        let back = Arc::new(AtomicBool::new(false));
        let returned = back.clone();
        let mut engine = Engine::new(Config::new().tier(tier).interruptible(true));
        engine.define("begin", move || {
            inside.wait();
            inside.wait();
            returned.store(true, Ordering::SeqCst);
        });
        let program = engine.load_text(FOREVER).unwrap();
        let f = program.function::<fn(i64)>("forever").unwrap();
        // SAFETY: the function only calls `begin`, as it is defined.
        let call = thread::spawn(move || unsafe { f.call(1) });
        gate.wait();
        program.interrupt();
        thread::sleep(Duration::from_millis(5));
        assert!(!call.is_finished());
        gate.wait();
        assert_eq!(call.join().unwrap().unwrap_err().kind(), TrapKind::Interrupted);
        assert!(back.load(Ordering::SeqCst));
    }
}

/// Each of two nested calls is asked for itself: the inner one gives the host function between them an error.
#[test]
fn nested_calls_end_one_by_one() {
    for tier in TIERS {
        let slot: Arc<Slot> = Arc::default();
        let (inner, kinds) = (slot.clone(), Arc::new(Mutex::new(Vec::new())));
        let seen = kinds.clone();
        let mut engine = Engine::new(Config::new().tier(tier).interruptible(true));
        engine.define("nest", move || {
            let inner = inner.lock().unwrap().clone().unwrap();
            // SAFETY: the function only calls `ask`, as it is defined.
            let result = unsafe { inner.call() };
            seen.lock().unwrap().push(result.map_err(|trap| trap.kind()));
        });
        let asking: Arc<Mutex<Option<Program>>> = Arc::default();
        let program = asking.clone();
        engine.define("ask", move || program.lock().unwrap().as_ref().unwrap().interrupt());
        let program = engine
            .load_text(
                "
extern nest: fn()
extern ask: fn()
export fn outer() -> i64 {
    call nest()
    call leaf()
    ret 1
}
export fn inner() -> i64 {
    call ask()
    call leaf()
    ret 2
}
fn leaf() { ret }",
            )
            .unwrap();
        *slot.lock().unwrap() = Some(program.function("inner").unwrap());
        *asking.lock().unwrap() = Some(program.clone());
        let outer = program.function::<fn() -> i64>("outer").unwrap();
        // SAFETY: the functions call what is defined above.
        let trap = unsafe { outer.call() }.unwrap_err();
        assert_eq!((trap.kind(), trap.function()), (TrapKind::Interrupted, Some("leaf")));
        assert_eq!(*kinds.lock().unwrap(), [Err(TrapKind::Interrupted)]);
        // They hold the program, which holds them.
        slot.lock().unwrap().take();
        asking.lock().unwrap().take();
    }
}

const SORT: &str = "
extern qsort: fn(ptr, i64, i64, ptr)
extern ask: fn()
export fn sort(%p: ptr, %n: i64, %compare: ptr) {
    call qsort(%p, %n, 8, %compare)
    safepoint 1 ()
    ret
}
export fn by_address(%p: ptr, %n: i64) {
    %f = func_addr compare
    call sort(%p, %n, %f)
    ret
}
export fn compare(%a: ptr, %b: ptr) -> i32 {
    call ask()
    safepoint 2 ()
    call leaf()
    safepoint 3 ()
    %x = load.i64 [%a]
    %y = load.i64 [%b]
    %g = cmp_gt %x, %y
    %l = cmp_lt %x, %y
    %r = sub %g, %l
    ret %r
}
fn leaf() { ret }";

/// C that called back is not skipped: the call ends behind it. A callback is a call of its own, and ends by itself.
#[test]
fn interruptions_wait_for_c_to_return() {
    let asking: Arc<Mutex<Option<Program>>> = Arc::default();
    for (tier, polls) in TIERS.into_iter().flat_map(|tier| [(tier, false), (tier, true)]) {
        let program = asking.clone();
        let mut engine = Engine::new(Config::new().tier(tier).interruptible(polls));
        engine.define("ask", move || program.lock().unwrap().as_ref().unwrap().interrupt());
        let program = engine.load_text(SORT).unwrap();
        *asking.lock().unwrap() = Some(program.clone());
        let by_address = program.function::<fn(*mut i64, i64)>("by_address").unwrap();
        let shown = Arc::new(AtomicU64::new(0));
        let count = shown.clone();
        let watch = program.watch(move |at| {
            count.fetch_add(at.id().into(), Ordering::Relaxed);
        });
        let mut numbers = [4, 1, 3, 2];
        // SAFETY: the function sorts what it is handed, and `ask` is defined as declared.
        let trap = unsafe { by_address.call(numbers.as_mut_ptr(), 4) }.unwrap_err();
        assert_eq!((trap.kind(), numbers), (TrapKind::Interrupted, [1, 2, 3, 4]), "{tier:?} {polls}");
        assert_eq!(trap.function(), Some("sort"));
        // Watchers go on seeing what is still run, in C's callbacks: 2 and 3 for each.
        let seen = shown.load(Ordering::Relaxed);
        assert!(seen >= 15 && seen.is_multiple_of(5), "{seen}");
        drop(watch);

        let sort = program.function::<fn(*mut i64, i64, *const u8)>("sort").unwrap();
        let answers = Arc::new(Mutex::new(Vec::new()));
        let kinds = answers.clone();
        let compare = program.function::<fn(*const i64, *const i64) -> i32>("compare").unwrap();
        let compare = compare.callback(move |trap| {
            kinds.lock().unwrap().push(trap.kind());
            0
        });
        let mut numbers = [4, 1, 3, 2];
        // SAFETY: as above, and the callback compares two of the numbers.
        let trap = unsafe { sort.call(numbers.as_mut_ptr(), 4, compare.address()) }.unwrap_err();
        assert_eq!((trap.kind(), numbers), (TrapKind::Interrupted, [4, 1, 3, 2]));
        let answers = answers.lock().unwrap();
        assert!(answers.len() >= 3 && answers.iter().all(|kind| *kind == TrapKind::Interrupted));
        // It holds the program, which holds it.
        asking.lock().unwrap().take();
    }
}

/// The code of another program is not this one's to end: the call ends when it comes back from there.
#[test]
fn interruptions_wait_for_other_programs_to_return() {
    let asking: Arc<Mutex<Option<Program>>> = Arc::default();
    for (tier, other_tier) in TIERS.into_iter().flat_map(|a| TIERS.map(|b| (a, b))) {
        let base = "
replaceable extern other: fn(ptr)
export fn run(%p: ptr) {
    call other(%p)
    safepoint 1 ()
    ret
}";
        let text = "
extern ask: fn()
export fn other(%p: ptr) {
    call ask()
    %i = const 0
next:
    safepoint 2 (%i)
    %i = add %i, 1
    store.i64 [%p], %i
    blt %i, 100, next
    ret
}";
        let base = load(Config::new().tier(tier).interruptible(true), base);
        let program = asking.clone();
        let mut engine = Engine::new(Config::new().tier(other_tier).interruptible(true));
        engine.define("ask", move || program.lock().unwrap().as_ref().unwrap().interrupt());
        base.replace("other", &engine.load_text(text).unwrap(), "other").unwrap();
        *asking.lock().unwrap() = Some(base.clone());
        let run = base.function::<fn(*mut i64)>("run").unwrap();
        for _ in 0..2 {
            let mut rounds = 0;
            // SAFETY: the function writes the word that it is handed.
            let trap = unsafe { run.call(&raw mut rounds) }.unwrap_err();
            assert_eq!((trap.kind(), trap.function()), (TrapKind::Interrupted, Some("run")));
            assert_eq!(rounds, 100, "{tier:?} {other_tier:?}");
        }
        asking.lock().unwrap().take();
        base.restore("other").unwrap();
    }
}
