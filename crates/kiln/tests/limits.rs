//! Fuel and depth: all tiers count alike, each call from the host has its own, and nothing is left behind.

use kiln::{Config, Engine, Function, Program, Tier, TrapKind};
use std::sync::{Arc, Mutex};

/// A function that a host function finds once the program is loaded.
type Slot = Mutex<Option<Function<fn(i64) -> i64>>>;

const TIERS: [Tier; 3] = [Tier::Interpreter, Tier::Baseline, Tier::Optimized];

fn load(config: Config, text: &str) -> Program {
    Engine::new(config).load_text(text).unwrap()
}

const PROGRAM: &str = concat!(
    include_str!("programs/fib.kiln"),
    "
export fn nested(%n: i64) -> i64 {
    %s = const 0
    %i = const 0
outer:
    %j = const 0
inner:
    %s = add %s, 1
    %j = add %j, 1
    blt  %j, %i, inner
    %i = add %i, 1
    blt  %i, %n, outer
    ret  %s
}
export fn down(%n: i64) -> i64 {
    ble  %n, 0, end
    %m = sub %n, 1
    %r = call down(%m)
    %r = add %r, 1
    ret  %r
end:
    ret  0
}
export fn skip(%n: i64) -> i64 {
    jump test
back:
    %n = sub %n, 1
test:
    bgt  %n, 0, back
    ret  %n
}"
);

/// The least fuel with which a call returns.
fn price(tier: Tier, name: &str, argument: i64) -> u64 {
    let enough = |units| {
        let program = load(Config::new().tier(tier).fuel(units), PROGRAM);
        let f = program.function::<fn(i64) -> i64>(name).unwrap();
        // SAFETY: the functions touch no memory.
        match unsafe { f.call(argument) } {
            Ok(_) => true,
            Err(trap) => {
                assert_eq!(trap.kind(), TrapKind::OutOfFuel);
                assert!(trap.function().is_some() && trap.position().is_some());
                false
            }
        }
    };
    let (mut low, mut high) = (0, 10_000);
    while low < high {
        let middle = (low + high) / 2;
        if enough(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

#[test]
fn prices_are_those_of_the_definition_in_every_tier() {
    for tier in TIERS {
        // 177 calls; no loop.
        assert_eq!(price(tier, "fib", 10), 177);
        // The entry, 5 times `outer`, `inner` once for each of 1, 1, 2, 3 and 4.
        assert_eq!(price(tier, "nested", 5), 1 + 5 + 11);
        assert_eq!(price(tier, "down", 100), 101);
        // `back` is the loop's head: a jump forward over it does not come by.
        assert_eq!(price(tier, "skip", 7), 1 + 7);
        assert_eq!(price(tier, "skip", 0), 1);
    }
}

#[test]
fn further_entries_count_as_functions_do() {
    let text = "
        fn wait(%n: i64) -> i64 {
            ret %n
        }
        export fn start(%n: i64) -> i64 {
            entry middle(%n) -> loop
            %n = mul %n, 2
        loop:
            %m = call wait(%n)
            %n = sub %m, 1
            bgt %n, 0, loop
            ret %n
        }";
    for tier in TIERS {
        for (fuel, depth, expected) in [
            // The entry, and for each of three rounds the loop head and the call.
            (7, 2, Ok(0)),
            (6, 2, Err(TrapKind::OutOfFuel)),
            (7, 1, Err(TrapKind::StackOverflow)),
        ] {
            let program = load(Config::new().tier(tier).fuel(fuel).depth(depth), text);
            let middle = program.function::<fn(i64) -> i64>("start.middle").unwrap();
            // SAFETY: it touches no memory.
            let found = unsafe { middle.call(3) }.map_err(|trap| trap.kind());
            assert_eq!(found, expected, "{tier:?}, fuel {fuel}, depth {depth}");
        }
    }
}

#[test]
fn traps_for_want_of_fuel_say_where() {
    let mut places = Vec::new();
    for tier in TIERS {
        for units in 0..12 {
            let program = load(Config::new().tier(tier).fuel(units), PROGRAM);
            let f = program.function::<fn(i64) -> i64>("nested").unwrap();
            // SAFETY: the function touches no memory.
            let trap = unsafe { f.call(5) }.unwrap_err();
            places.push(trap.to_string());
        }
    }
    let (interpreter, compiled) = places.split_at(12);
    assert!(compiled.chunks(12).all(|places| places == interpreter), "{interpreter:?} and {compiled:?}");
    assert_eq!(interpreter[0], "out of fuel in `nested` at <text>:14:5");
    assert_eq!(interpreter[2], "out of fuel in `nested` at <text>:19:5");
}

#[test]
fn depth_is_the_number_of_activations() {
    for tier in TIERS {
        for depth in [0u32, 1, 2, 10, 1000] {
            let program = load(Config::new().tier(tier).depth(depth), PROGRAM);
            let down = program.function::<fn(i64) -> i64>("down").unwrap();
            for _ in 0..3 {
                if let Some(most) = depth.checked_sub(1) {
                    // SAFETY: the function touches no memory.
                    assert_eq!(unsafe { down.call(most.into()) }, Ok(most.into()));
                }
                // SAFETY: as above.
                let trap = unsafe { down.call(depth.into()) }.unwrap_err();
                assert_eq!(trap.to_string(), "stack overflow in `down` at <text>:27:5");
            }
        }
    }
}

/// `fib` calls twice from one activation: what a callee took is given back.
#[test]
fn returns_give_depth_back() {
    for tier in TIERS {
        let program = load(Config::new().tier(tier).depth(10), PROGRAM);
        let fib = program.function::<fn(i64) -> i64>("fib").unwrap();
        // SAFETY: the function touches no memory.
        assert_eq!(unsafe { fib.call(10) }, Ok(55));
        // SAFETY: as above.
        assert_eq!(unsafe { fib.call(11) }.unwrap_err().kind(), TrapKind::StackOverflow);
    }
}

/// A call inside a call has limits of its own, and what it did not use does not help the outer one.
#[test]
fn nested_calls_from_the_host_count_for_themselves() {
    for tier in TIERS {
        let slot: Arc<Slot> = Arc::default();
        let inner = slot.clone();
        let mut engine = Engine::new(Config::new().tier(tier).fuel(50).depth(20));
        engine.define("nest", move |n: i64| {
            let inner = inner.lock().unwrap().clone().unwrap();
            // SAFETY: the function touches no memory.
            unsafe { inner.call(n) }.unwrap_or(-1)
        });
        let text = format!(
            "{PROGRAM}
extern nest: fn(i64) -> i64
export fn outer(%n: i64, %m: i64) -> i64 {{
    %a = call down(%n)
    %r = call nest(%m)
    %b = call down(%n)
    %a = add %a, %b
    %r = add %r, %a
    ret %r
}}"
        );
        let program = engine.load_text(&text).unwrap();
        *slot.lock().unwrap() = Some(program.function("skip").unwrap());
        let outer = program.function::<fn(i64, i64) -> i64>("outer").unwrap();
        for _ in 0..2 {
            // SAFETY: the functions touch no memory and call `nest` as it is defined.
            unsafe {
                // 1 + 2 * 18 units; the inner call takes 50 more and fails for the last.
                assert_eq!(outer.call(17, 49), Ok(34));
                assert_eq!(outer.call(17, 50), Ok(33));
                assert_eq!(outer.call(18, 1), Ok(36));
                assert_eq!(outer.call(19, 1).unwrap_err().kind(), TrapKind::StackOverflow);
            }
        }
        slot.lock().unwrap().take();
    }
}

/// C calls back into the program: that is part of the call from the host.
#[test]
fn callbacks_count_to_the_call_that_c_was_called_from() {
    let text = "
extern qsort: fn(ptr, i64, i64, ptr)
data compares = i64 [0]
export fn order(%p: ptr, %n: i64) -> i64 {
    call qsort(%p, %n, 8, compare)
    %c = load.i64 [compares]
    ret %c
}
export fn burn(%p: ptr, %n: i64, %left: ptr) {
    call qsort(%p, %n, 8, compare)
    %i = const 0
again:
    %i = add %i, 1
    store.i64 [%left], %i
    jump again
}
fn compare(%a: ptr, %b: ptr) -> i32 {
    %c = load.i64 [compares]
    %c = add %c, 1
    store.i64 [compares], %c
    %x = load.i64 [%a]
    %y = load.i64 [%b]
    %g = cmp_gt %x, %y
    %l = cmp_lt %x, %y
    %r = sub %g, %l
    ret %r
}";
    let words = [5i64, 3, 9, 1, 7, 2, 8, 6];
    for tier in TIERS {
        let program = load(Config::new().tier(tier).fuel(1000).depth(2), text);
        let order = program.function::<fn(*mut i64, i64) -> i64>("order").unwrap();
        let mut sorted = words;
        // SAFETY: the function sorts the words it is handed.
        let compares = unsafe { order.call(sorted.as_mut_ptr(), 8) }.unwrap();
        assert!(sorted.is_sorted() && compares > 0);
        let burn = program.function::<fn(*mut i64, i64, *mut i64)>("burn").unwrap();
        let (mut sorted, mut left) = (words, 0);
        // SAFETY: the function sorts the words it is handed and writes another.
        let trap = unsafe { burn.call(sorted.as_mut_ptr(), 8, &raw mut left) }.unwrap_err();
        assert_eq!((trap.kind(), trap.function()), (TrapKind::OutOfFuel, Some("burn")));
        // One unit for the entry, one for each callback; each round of the loop takes one.
        assert_eq!(left, 1000 - 1 - compares);
    }
}

/// Traps leave nothing behind: each call begins with what it is given.
#[test]
fn a_trap_leaves_no_debts() {
    for tier in TIERS {
        let program = load(Config::new().tier(tier).fuel(1000).depth(50), PROGRAM);
        let down = program.function::<fn(i64) -> i64>("down").unwrap();
        let fib = program.function::<fn(i64) -> i64>("fib").unwrap();
        for _ in 0..5 {
            // SAFETY: the functions touch no memory.
            unsafe {
                assert_eq!(down.call(60).unwrap_err().kind(), TrapKind::StackOverflow);
                assert_eq!(down.call(49), Ok(49));
                assert_eq!(fib.call(20).unwrap_err().kind(), TrapKind::OutOfFuel);
                assert_eq!(fib.call(10), Ok(55));
            }
        }
    }
}

#[test]
fn threads_count_for_themselves() {
    for tier in TIERS {
        let program = load(Config::new().tier(tier).fuel(400).depth(30), PROGRAM);
        std::thread::scope(|scope| {
            for n in 0..4i64 {
                let fib = program.function::<fn(i64) -> i64>("fib").unwrap();
                scope.spawn(move || {
                    for _ in 0..50 {
                        // SAFETY: the function touches no memory.
                        let result = unsafe { fib.call(9 + n) };
                        let expected = [Ok(34), Ok(55), Ok(89), Err(TrapKind::OutOfFuel)][n as usize];
                        assert_eq!(result.map_err(|trap| trap.kind()), expected);
                    }
                });
            }
        });
    }
}

/// In a callback, what is left of the fuel may be less than nothing: C goes on, and the call ends when C has returned.
#[test]
fn want_of_fuel_waits_for_c_to_return() {
    let text = "
extern qsort: fn(ptr, i64, i64, ptr)
export fn order(%p: ptr, %n: i64) {
    call qsort(%p, %n, 8, compare)
    call after()
    ret
}
fn after() { ret }
fn compare(%a: ptr, %b: ptr) -> i32 {
    %i = const 0
again:
    %i = add %i, 1
    blt  %i, 10, again
    %x = load.i64 [%a]
    %y = load.i64 [%b]
    %g = cmp_gt %x, %y
    %l = cmp_lt %x, %y
    %r = sub %g, %l
    ret %r
}";
    for tier in TIERS {
        for fuel in [1, 2, 7, 30] {
            let program = load(Config::new().tier(tier).fuel(fuel), text);
            let order = program.function::<fn(*mut i64, i64)>("order").unwrap();
            let mut words = [5i64, 3, 9, 1, 7, 2, 8, 6];
            // SAFETY: the function sorts the words it is handed.
            let trap = unsafe { order.call(words.as_mut_ptr(), 8) }.unwrap_err();
            assert_eq!(
                (trap.kind(), trap.function()),
                (TrapKind::OutOfFuel, Some("after")),
                "{tier:?} {fuel}"
            );
            assert_eq!(words, [1, 2, 3, 5, 6, 7, 8, 9]);
        }
    }
}

/// What ends for want of fuel has done exactly what comes before: no load that may trap is done earlier, no store later
/// or not at all, also where alias classes would let them pass each other.
#[test]
fn memory_is_as_the_last_unit_of_fuel_left_it() {
    let text = "
export fn run(%p: ptr, %q: ptr, %n: i64) -> i64 {
    %s = const.i64 0
    store.i64 [%q], 100 !alias=1
next:
    %x = load.i64 [%p] !alias=2
    %s = add %s, %x
    store.i64 [%q], %s !alias=1
    %m = const.i64 2
inner:
    %y = load.i64 [%p + 8] !alias=2
    %t = mul %y, %n
    %s = add %s, %t
    %m = sub %m, 1
    bgt  %m, 0, inner
    store.i64 [%q + 8], %s !alias=1
    %n = sub %n, 1
    bgt  %n, 0, next
    store.i64 [%q], 7 !alias=1
    ret  %s
}";
    // Whole, absent, and ending behind the first word.
    let words = [3i64, 5];
    let page = 4096;
    // SAFETY: new memory at an address that the system chooses, of which a part is made inaccessible.
    let last = unsafe {
        let (rights, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let start = libc::mmap(std::ptr::null_mut(), 2 * page, rights, flags, -1, 0);
        assert_ne!(start, libc::MAP_FAILED);
        assert_eq!(libc::mprotect(start.byte_add(page), page, libc::PROT_NONE), 0);
        start.byte_add(page - 8).cast::<i64>().cast_const()
    };
    for fuel in 0..20 {
        for p in [words.as_ptr(), std::ptr::null(), last] {
            let ends = TIERS.map(|tier| {
                let program = load(Config::new().tier(tier).fuel(fuel), text);
                let run = program.function::<fn(*const i64, *mut i64, i64) -> i64>("run").unwrap();
                let mut seen = [1i64, 2];
                // SAFETY: the function reads two words at `p`, or traps, and writes the two of `seen`.
                let result = unsafe { run.call(p, seen.as_mut_ptr(), 3) };
                let end = result.map_err(|trap| match trap.kind() {
                    TrapKind::BadAccess(_) => (TrapKind::BadAccess(None), None),
                    kind => (kind, trap.position().cloned()),
                });
                (end, seen)
            });
            // What comes before a bad access may be done later, but fuel that is spent first ends the call.
            let bad = matches!(ends[0].0, Err((TrapKind::BadAccess(_), _)));
            for (end, tier) in ends.iter().zip(TIERS) {
                assert_eq!(end.0, ends[0].0, "{tier:?}, {fuel}, {p:?}");
                assert!(bad || end.1 == ends[0].1, "{tier:?}, {fuel}, {p:?}: {:?} {:?}", end.1, ends[0].1);
            }
        }
    }
}
