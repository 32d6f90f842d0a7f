//! Replacing functions of programs, and binding imports late: across tiers, under calls, and what is refused.

use kiln::{Config, Engine, Program, Tier, TrapKind};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const TIERS: [Tier; 3] = [Tier::Interpreter, Tier::Baseline, Tier::Optimized];

/// Calls of any test keep what others replace, and some count that: tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pairs() -> impl Iterator<Item = (Tier, Tier)> {
    TIERS.into_iter().flat_map(|a| TIERS.map(|b| (a, b)))
}

fn load(tier: Tier, text: &str) -> Program {
    Engine::new(Config::new().tier(tier)).load_text(text).unwrap()
}

/// Calls `step` in every way that there is.
const BASE: &str = "
extern qsort: fn(ptr, i64, i64, ptr)
export replaceable fn step(%x: i64) -> i64 {
    %r = add %x, 1
    ret %r
}
const data table = ptr [step]
export fn direct(%x: i64) -> i64 {
    %r = call step(%x)
    ret %r
}
export fn tail(%x: i64) -> i64 {
    tail_call step(%x)
}
export fn pointer(%x: i64) -> i64 {
    %p = func_addr step
    %r = call_ptr %p: fn(i64) -> i64 (%x)
    ret %r
}
export fn by_table(%x: i64) -> i64 {
    %p = load.ptr [table]
    %r = call_ptr %p: fn(i64) -> i64 (%x)
    ret %r
}
export fn given(%p: ptr, %x: i64) -> i64 {
    %r = call_ptr %p: fn(i64) -> i64 (%x)
    ret %r
}
export fn where() -> ptr {
    %p = func_addr step
    ret %p
}
export replaceable fn compare(%a: ptr, %b: ptr) -> i32 {
    %x = load.i32 [%a]
    %y = load.i32 [%b]
    %r = sub %x, %y
    ret %r
}
export fn sort(%p: ptr, %n: i64) {
    %f = func_addr compare
    call qsort(%p, %n, 4, %f)
    ret
}
";

const OTHER: &str = "
export fn tens(%x: i64) -> i64 {
    %r = mul %x, 10
    ret %r
}
export replaceable fn hundreds(%x: i64) -> i64 {
    %r = mul %x, 100
    ret %r
}
export fn descending(%a: ptr, %b: ptr) -> i32 {
    %x = load.i32 [%a]
    %y = load.i32 [%b]
    %r = sub %y, %x
    ret %r
}
export fn fails(%x: i64) -> i64 {
    trap 9
}
export fn wrong(%x: i32) -> i64 {
    ret 0
}
";

/// What `step` gives for 7, called in every way.
fn ask(program: &Program) -> Vec<i64> {
    let mut answers = Vec::new();
    let step = program.function::<fn(i64) -> i64>("step").unwrap();
    for name in ["step", "direct", "tail", "pointer", "by_table"] {
        let function = program.function::<fn(i64) -> i64>(name).unwrap();
        // SAFETY: the functions only calculate.
        answers.push(unsafe { function.call(7) }.unwrap());
    }
    let given = program.function::<fn(*const u8, i64) -> i64>("given").unwrap();
    // SAFETY: as above; the address is that of `step`.
    answers.push(unsafe { given.call(step.address(), 7) }.unwrap());
    // SAFETY: as above; this is what C would do.
    answers.push(unsafe { std::mem::transmute::<*const u8, extern "C" fn(i64) -> i64>(step.address())(7) });
    answers
}

#[test]
fn every_way_of_calling_leads_to_the_replacement() {
    let _alone = alone();
    for (tier, other_tier) in pairs() {
        let (base, other) = (load(tier, BASE), load(other_tier, OTHER));
        let place = program_address(&base);
        assert_eq!(ask(&base), [8; 7]);
        base.replace("step", &other, "tens").unwrap();
        assert_eq!(ask(&base), [70; 7], "{tier:?} by {other_tier:?}");
        base.replace("step", &other, "hundreds").unwrap();
        assert_eq!(ask(&base), [700; 7]);
        // The replacement may itself be replaced, by a function of the first program too.
        other.replace("hundreds", &other, "tens").unwrap();
        assert_eq!(ask(&base), [70; 7]);
        base.restore("step").unwrap();
        assert_eq!(ask(&base), [8; 7]);
        assert_eq!(program_address(&base), place);
    }
}

fn program_address(program: &Program) -> *const u8 {
    let inside = program.function::<fn() -> *const u8>("where").unwrap();
    // SAFETY: the function only gives an address.
    let address = unsafe { inside.call() }.unwrap();
    assert_eq!(address, program.function::<fn(i64) -> i64>("step").unwrap().address());
    address
}

#[test]
fn calls_from_c_lead_to_the_replacement() {
    let _alone = alone();
    for (tier, other_tier) in pairs() {
        let (base, other) = (load(tier, BASE), load(other_tier, OTHER));
        let sort = base.function::<fn(*mut i32, i64)>("sort").unwrap();
        let mut numbers = [3, 1, 2, 5, 4];
        // SAFETY: five numbers.
        unsafe { sort.call(numbers.as_mut_ptr(), 5) }.unwrap();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        base.replace("compare", &other, "descending").unwrap();
        // SAFETY: as above.
        unsafe { sort.call(numbers.as_mut_ptr(), 5) }.unwrap();
        assert_eq!(numbers, [5, 4, 3, 2, 1], "{tier:?} by {other_tier:?}");
    }
}

#[test]
fn traps_of_replacements_name_their_own_function() {
    let _alone = alone();
    for (tier, other_tier) in pairs() {
        let (base, other) = (load(tier, BASE), load(other_tier, OTHER));
        base.replace("step", &other, "fails").unwrap();
        for name in ["step", "direct", "tail", "pointer"] {
            let function = base.function::<fn(i64) -> i64>(name).unwrap();
            // SAFETY: the functions touch no memory.
            let trap = unsafe { function.call(1) }.unwrap_err();
            assert_eq!((trap.kind(), trap.function()), (TrapKind::User(9), Some("fails")), "{name}");
        }
    }
}

#[test]
fn mistakes_are_told_and_change_nothing() {
    let _alone = alone();
    let (base, other) = (load(Tier::Baseline, BASE), load(Tier::Baseline, OTHER));
    let refused = |name: &str, with: &str| base.replace(name, &other, with).unwrap_err().to_string();
    assert_eq!(refused("stop", "tens"), "there is no function `stop`; what can be replaced is compare, step");
    assert_eq!(refused("direct", "tens"), "`direct` is not declared replaceable");
    assert_eq!(
        refused("step", "ten"),
        "no function `ten` is exported; there are descending, fails, hundreds, tens, wrong"
    );
    assert_eq!(refused("step", "wrong"), "`step` is fn(i64) -> i64, but `wrong` is fn(i32) -> i64");
    assert_eq!(
        base.replace("step", &base, "step").unwrap_err().to_string(),
        "`step` has been replaced and leads to `step`, so calls would go round in a circle"
    );
    base.replace("step", &other, "hundreds").unwrap();
    assert_eq!(
        other.replace("hundreds", &base, "step").unwrap_err().to_string(),
        "`step` has been replaced and leads to `hundreds`, so calls would go round in a circle"
    );
    base.restore("step").unwrap();
    assert_eq!(base.restore("direct").unwrap_err().to_string(), "`direct` is not declared replaceable");
    assert_eq!(
        load(Tier::Baseline, "fn f() {\n    ret\n}").restore("g").unwrap_err().to_string(),
        "there is no function `g`, nor any that can be replaced"
    );
    assert_eq!(ask(&base), [8; 7]);
}

#[test]
fn aggregates_are_compared_by_their_layout() {
    let _alone = alone();
    let text = |fields: &str, name: &str| {
        format!(
            "type unused = {{i8}}\ntype {name} = {{{fields}}}\nexport replaceable fn f(%p: {name}) -> f64 {{\n    %x = load.f64 [%p]\n    ret %x\n}}"
        )
    };
    let base = load(Tier::Baseline, &text("f64, f64", "pair").replace("type unused = {i8}\n", ""));
    base.replace("f", &load(Tier::Baseline, &text("f64, f64", "couple")), "f").unwrap();
    let error = base.replace("f", &load(Tier::Baseline, &text("f64, i64", "odd")), "f").unwrap_err();
    assert_eq!(error.to_string(), "`f` is fn(pair) -> f64, but `f` is fn(odd) -> f64");
}

const LATE: &str = "
replaceable extern later: fn(i64) -> i64
export fn run(%x: i64) -> i64 {
    %r = call later(%x)
    ret %r
}
export fn pointer(%x: i64) -> i64 {
    %p = func_addr later
    %r = call_ptr %p: fn(i64) -> i64 (%x)
    ret %r
}
export fn tail(%x: i64) -> i64 {
    tail_call later(%x)
}
";

#[test]
fn imports_are_bound_late() {
    let _alone = alone();
    for (tier, other_tier) in pairs() {
        let (program, other) = (load(tier, LATE), load(other_tier, OTHER));
        let run = program.function::<fn(i64) -> i64>("run").unwrap();
        // SAFETY: the functions touch no memory.
        let trap = unsafe { run.call(1) }.unwrap_err();
        assert_eq!(trap.kind(), TrapKind::Unbound);
        assert_eq!(trap.to_string(), "nothing is bound to `later`, which was called in `run` at <text>:4:5");
        for name in ["pointer", "tail"] {
            let function = program.function::<fn(i64) -> i64>(name).unwrap();
            // SAFETY: as above.
            let trap = unsafe { function.call(1) }.unwrap_err();
            assert_eq!(trap.kind(), TrapKind::Unbound, "{name} {tier:?}");
        }
        program.replace("later", &other, "tens").unwrap();
        for name in ["run", "pointer", "tail"] {
            let function = program.function::<fn(i64) -> i64>(name).unwrap();
            // SAFETY: as above.
            assert_eq!(unsafe { function.call(4) }, Ok(40), "{name} {tier:?} {other_tier:?}");
        }
        // A call already emitted gets another target.
        program.replace("later", &other, "hundreds").unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { run.call(4) }, Ok(400));
        program.restore("later").unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { run.call(4) }.unwrap_err().kind(), TrapKind::Unbound);
    }
}

#[test]
fn late_imports_begin_with_what_the_host_gives() {
    let _alone = alone();
    for tier in TIERS {
        let mut engine = Engine::new(Config::new().tier(tier));
        engine.define("later", |x: i64| x - 1);
        let program = engine.load_text(LATE).unwrap();
        let run = program.function::<fn(i64) -> i64>("run").unwrap();
        // SAFETY: the import is declared as it is defined.
        assert_eq!(unsafe { run.call(4) }, Ok(3));
        program.replace("later", &load(tier, OTHER), "tens").unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { run.call(4) }, Ok(40));
        program.restore("later").unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { run.call(4) }, Ok(3));
        // What the process has under the name is not meant, unless its library is named.
        let text = "replaceable extern labs: fn(i64) -> i64 LIBRARY\nexport fn run(%x: i64) -> i64 {\n    %r = call labs(%x)\n    ret %r\n}";
        let run = |library: &str| {
            let program = engine.load_text(&text.replace("LIBRARY", library)).unwrap();
            // SAFETY: the function only calculates.
            unsafe { program.invoke("run", &[-3i64 as u64]) }.ok()
        };
        assert_eq!((run(""), run("from \"libc.so.6\"")), (None, Some(vec![3])));
    }
}

#[test]
fn programs_call_each_other_through_late_imports() {
    let _alone = alone();
    for (a, b) in pairs() {
        let text = |me: &str, you: &str, at_zero: i64| {
            format!(
                "replaceable extern {you}: fn(i64) -> i64\nexport fn {me}(%n: i64) -> i64 {{\n    beq %n, 0, end\n    %m = sub %n, 1\n    %r = call {you}(%m)\n    ret %r\nend:\n    ret {at_zero}\n}}"
            )
        };
        let (even, odd) = (load(a, &text("even", "odd", 1)), load(b, &text("odd", "even", 0)));
        even.replace("odd", &odd, "odd").unwrap();
        odd.replace("even", &even, "even").unwrap();
        let function = even.function::<fn(i64) -> i64>("even").unwrap();
        // SAFETY: the functions touch no memory.
        assert_eq!(unsafe { (function.call(100), function.call(7)) }, (Ok(1), Ok(0)));
        odd.restore("even").unwrap();
    }
}

/// A closure's companion that tells when it is gone.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A program whose `step` calls a closure that knows its number; and it tells when it goes.
fn version(tier: Tier, number: i64, dropped: &Arc<AtomicUsize>) -> Program {
    let mut engine = Engine::new(Config::new().tier(tier));
    let counted = Counted(dropped.clone());
    engine.define("number", move || {
        let _ = &counted;
        number
    });
    engine
        .load_text("extern number: fn() -> i64\nexport fn step(%x: i64) -> i64 {\n    %n = call number()\n    ret %n\n}")
        .unwrap()
}

#[test]
fn threads_call_while_others_replace() {
    let _alone = alone();
    const VERSIONS: i64 = 3_000;
    for (tier, other_tier, versions) in [
        (Tier::Baseline, Tier::Baseline, VERSIONS),
        (Tier::Optimized, Tier::Optimized, VERSIONS),
        (Tier::Baseline, Tier::Optimized, VERSIONS / 10),
        (Tier::Baseline, Tier::Interpreter, VERSIONS / 20),
        (Tier::Interpreter, Tier::Baseline, VERSIONS / 20),
    ] {
        let base = load(tier, BASE);
        let direct = base.function::<fn(i64) -> i64>("direct").unwrap();
        let dropped = Arc::new(AtomicUsize::new(0));
        let ended = AtomicBool::new(false);
        let calls = [const { AtomicI64::new(0) }; 3];
        base.replace("step", &version(other_tier, 0, &dropped), "step").unwrap();
        let mut most = 0;
        std::thread::scope(|scope| {
            for calls in &calls {
                let (direct, ended) = (&direct, &ended);
                scope.spawn(move || {
                    let mut last = 0;
                    while !ended.load(Ordering::Relaxed) {
                        // SAFETY: the functions touch no memory.
                        let now = unsafe { direct.call(1) }.unwrap();
                        assert!(now >= last, "{now} after {last}, {tier:?} by {other_tier:?}");
                        last = now;
                        calls.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            for n in 1..=versions {
                base.replace("step", &version(other_tier, n, &dropped), "step").unwrap();
                most = most.max(n - dropped.load(Ordering::SeqCst) as i64);
                if n % 50 == 0 {
                    // Each thread leaves and comes in again.
                    for calls in &calls {
                        let before = calls.load(Ordering::Relaxed);
                        while calls.load(Ordering::Relaxed) < before + 2 {
                            std::thread::yield_now();
                        }
                    }
                }
            }
            ended.store(true, Ordering::Relaxed);
        });
        // SAFETY: as above.
        assert_eq!(unsafe { direct.call(1) }, Ok(versions));
        base.restore("step").unwrap();
        assert_eq!(dropped.load(Ordering::SeqCst) as i64, versions + 1);
        assert!(most <= 2 * 50 + 2, "{most} of {versions} versions were alive at once");
    }
}

#[test]
fn a_call_stays_in_the_function_it_is_in() {
    let _alone = alone();
    for (tier, other_tier) in pairs() {
        let dropped = Arc::new(AtomicUsize::new(0));
        let base = load(tier, BASE);
        let mut engine = Engine::new(Config::new().tier(other_tier));
        let (counted, again) = (Counted(dropped.clone()), base.clone());
        let next = load(other_tier, OTHER);
        // The closure replaces the function that called it, twice, and looks where calls go now.
        engine.define("swap", move || {
            let _ = &counted;
            again.replace("step", &next, "hundreds").unwrap();
            again.replace("step", &next, "tens").unwrap();
            ask(&again)[0]
        });
        let text = "extern swap: fn() -> i64\nexport fn step(%x: i64) -> i64 {\n    %y = call swap()\n    %r = sub %y, %x\n    ret %r\n}";
        base.replace("step", &engine.load_text(text).unwrap(), "step").unwrap();
        drop(engine);
        let direct = base.function::<fn(i64) -> i64>("direct").unwrap();
        // SAFETY: the functions touch no memory.
        assert_eq!(unsafe { (direct.call(1), direct.call(1)) }, (Ok(69), Ok(10)));
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn a_thread_that_never_leaves_frees_what_it_is_not_in() {
    let _alone = alone();
    for tier in TIERS {
        let dropped = Arc::new(AtomicUsize::new(0));
        let mut engine = Engine::new(Config::new().tier(tier));
        let (count, seen) = (dropped.clone(), Arc::new(AtomicUsize::new(0)));
        let most = seen.clone();
        let handle: Arc<std::sync::OnceLock<Program>> = Arc::default();
        let base = handle.clone();
        engine.define("tick", move |n: i64| {
            base.get().unwrap().replace("step", &version(tier, n, &count), "step").unwrap();
            most.fetch_max(n as usize - count.load(Ordering::SeqCst), Ordering::SeqCst);
        });
        let program = engine
            .load_text(
                "extern tick: fn(i64)
replaceable extern step: fn(i64) -> i64
export fn run(%n: i64) -> i64 {
    %sum = const 0
    %i = const 0
next:
    %i = add %i, 1
    call tick(%i)
    %x = call step(%i)
    %sum = add %sum, %x
    blt %i, %n, next
    ret %sum
}",
            )
            .unwrap();
        handle.set(program.clone()).unwrap();
        let run = program.function::<fn(i64) -> i64>("run").unwrap();
        // SAFETY: the functions touch no memory.
        assert_eq!(unsafe { run.call(500) }, Ok(500 * 501 / 2));
        // The one that was just called, the one before, and the one that takes its place.
        assert!(seen.load(Ordering::SeqCst) <= 3, "{seen:?} versions were alive at once");
        assert_eq!(dropped.load(Ordering::SeqCst), 499);
    }
}

#[test]
fn ends_of_programs_meet_calls_under_way() {
    let _alone = alone();
    // The closure drops every handle of the program but the one that the call holds.
    for tier in TIERS {
        let mut engine = Engine::new(Config::new().tier(tier));
        let last: Arc<Mutex<Option<Program>>> = Arc::default();
        let dropping = last.clone();
        engine.define("forget", move || drop(dropping.lock().unwrap().take()));
        let text = "extern forget: fn()\nexport fn run(%x: i64) -> i64 {\n    call forget()\n    %r = add %x, 1\n    ret %r\n}";
        let program = engine.load_text(text).unwrap();
        drop(engine);
        *last.lock().unwrap() = Some(program.clone());
        let run = program.function::<fn(i64) -> i64>("run").unwrap();
        drop(program);
        // SAFETY: the function touches no memory.
        assert_eq!(unsafe { run.call(41) }, Ok(42));
        assert!(last.lock().unwrap().is_none());
    }
}

#[test]
fn further_entries_of_a_replaceable_function_are_replaced_one_by_one() {
    let _alone = alone();
    let text = "
        replaceable fn count(%n: i64) -> i64 {
            entry count_on(%n, %r: i64) -> more
            %r = const 0
        more:
            %r = add %r, %n
            ret %r
        }
        export fn ask(%n: i64) -> i64 {
            %a = call count(%n)
            %b = call count_on(%n, 100)
            %p = func_addr count_on
            %c = call_ptr %p: fn(i64, i64) -> i64 (%n, 1000)
            %a = mul %a, 10000
            %a = add %a, %b
            %a = add %a, %c
            ret %a
        }
    ";
    let other_text = "
        export fn nothing(%n: i64, %r: i64) -> i64 {
            entry none(%n) -> zero
            ret %r
        zero:
            ret 0
        }
    ";
    for (tier, other_tier) in pairs().chain([(Tier::Auto, Tier::Auto)]) {
        let (base, other) = (load(tier, text), load(other_tier, other_text));
        let ask = || {
            let ask = base.function::<fn(i64) -> i64>("ask").unwrap();
            // SAFETY: the functions only calculate.
            unsafe { ask.call(7) }.unwrap()
        };
        assert_eq!(ask(), 71114, "{tier:?}");
        // The function alone, by an entry of another.
        base.replace("count", &other, "none").unwrap();
        assert_eq!(ask(), 1114, "{tier:?} by {other_tier:?}");
        base.replace("count_on", &other, "nothing").unwrap();
        assert_eq!(ask(), 1100);
        let host = base.function::<fn(i64, i64) -> i64>("count_on").unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { host.call(1, 5) }, Ok(5));
        base.restore("count").unwrap();
        base.restore("count_on").unwrap();
        assert_eq!(ask(), 71114);
    }
}
