//! Compiled frames of every kind may be walked, thrown over by C++ and jumped over by `longjmp`; who catches finds the
//! registers that it held, and traps still reach the host.

use kiln::{Config, Engine, Function, Program, Tier, TrapKind};
use std::cell::RefCell;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Calls under way in other threads keep what is replaced: who counts that runs alone.
static TURN: RwLock<()> = RwLock::new(());

const LIBRARY: &str = r#"
#include <csetjmp>
#include <unwind.h>
#define WIN64 __attribute__((ms_abi))
volatile long held[8] = {11, 22, 33, 44, 55, 66, 77, 88};
volatile double floats[6] = {1.5, 2.5, 3.5, 4.5, 5.5, 6.5};
extern "C" {
// Overwrites what Win64 saves and the C convention does not.
static void overwrite() {
    __asm__ volatile(
        "mov $-1, %%rsi; mov $-1, %%rdi; pcmpeqd %%xmm6, %%xmm6; pcmpeqd %%xmm7, %%xmm7; pcmpeqd %%xmm8, %%xmm8;"
        "pcmpeqd %%xmm9, %%xmm9; pcmpeqd %%xmm10, %%xmm10; pcmpeqd %%xmm11, %%xmm11; pcmpeqd %%xmm12, %%xmm12;"
        "pcmpeqd %%xmm13, %%xmm13; pcmpeqd %%xmm14, %%xmm14; pcmpeqd %%xmm15, %%xmm15"
        ::: "rsi", "rdi", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

// Ways to leave, each with a number.
void throw_it(long n) { overwrite(); throw n; }
static jmp_buf place;
void jump(long n) { longjmp(place, (int)n); }

// Functions that are left for: they call back, and give the number.
typedef void leaving(long);
long catches(leaving *f, long n) {
    try { f(n); } catch (long caught) { return caught; }
    return -1;
}
long lands(leaving *f, long n) {
    if (int got = setjmp(place)) return got;
    f(n);
    return -1;
}

// One of Win64, which keeps more over the call than registers that the C convention saves can hold.
typedef WIN64 void leaving_win64(long);
WIN64 long catches_win64(leaving_win64 *f, long n) {
    long a = held[0], b = held[1], c = held[2], d = held[3], e = held[4], g = held[5], h = held[6], i = held[7];
    double p = floats[0], q = floats[1], r = floats[2], s = floats[3], t = floats[4], u = floats[5];
    long result = -1;
    try { f(n); } catch (long caught) { result = caught; }
    if (a != 11 || b != 22 || c != 33 || d != 44 || e != 55 || g != 66 || h != 77 || i != 88) return -2;
    if (p != 1.5 || q != 2.5 || r != 3.5 || s != 4.5 || t != 5.5 || u != 6.5) return -3;
    return result;
}

// Walks the stack up to the function that called back.
static long found;
static void *wanted;
static _Unwind_Reason_Code visit(_Unwind_Context *frame, void *) {
    if (_Unwind_FindEnclosingFunction((void *)(_Unwind_GetIP(frame) - 1)) == wanted) found++;
    return _URC_NO_REASON;
}
void look(long n) {
    _Unwind_Backtrace(visit, nullptr);
    found *= n;
}
__attribute__((noinline)) long looked_for(leaving *f, long n) {
    found = 0;
    wanted = (void *)looked_for;
    f(n);
    return found;
}
}
"#;

/// The C++ above as a library.
fn library() -> &'static PathBuf {
    static LIBRARY_PATH: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY_PATH.get_or_init(|| {
        let dir = std::env::temp_dir().join(format!("kiln-tests-frames-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let (source, path) = (dir.join("frames.cpp"), dir.join("frames.so"));
        std::fs::write(&source, LIBRARY).unwrap();
        let status =
            Command::new("g++").args(["-shared", "-fPIC", "-O2", "-o"]).args([&path, &source]).status();
        assert!(status.expect("g++ is installed").success());
        // Loaded libraries stay without their files.
        let import = format!("extern jump: fn(i64) from \"{}\"\ndata loaded = ptr [jump]\n", path.display());
        Engine::new(Config::new()).load_text(&import).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        path
    })
}

/// A kind of frame: `leaves(n)` is called by C++ under its convention `CONV`, and `LEAVE(n)` is called in frames of the kind,
/// `HOLD` and `USE` around it, which keep the registers that callees save busy.
const KINDS: &[(&str, &str)] = &[
    (
        "plain",
        "fn leaves(%n: i64)CONV {
            HOLD
            call LEAVE(%n)
            USE
            ret
        }",
    ),
    (
        "aggregates on the stack and a result in memory",
        "type big = {[9]i64}
        type pair = {i64, f64}
        fn inner(%a: big, %b: pair, %c: i32) -> big {
            HOLD
            %n = load.i64 [%a + 64]
            call LEAVE(%n)
            USE
            ret %a
        }
        fn leaves(%n: i64)CONV {
            slot a: 72
            slot b: 16
            store.i64 [a + 64], %n
            store.i64 [b], 1
            store.f64 [b + 8], 0.5
            HOLD
            %p = slot_addr a
            %q = slot_addr b
            %r = call inner(%p, %q, 3)
            USE
            ret
        }",
    ),
    (
        "an over-aligned aggregate and slot",
        "type wide = align 64 {[8]i64}
        fn inner(%a: wide, %n: i64) -> wide {
            slot s: 64 align 128
            HOLD
            store.i64 [s], %n
            %n = load.i64 [s]
            call LEAVE(%n)
            USE
            ret %a
        }
        fn leaves(%n: i64)CONV {
            slot a: 64 align 64
            mem_fill a, 0, 64
            HOLD
            %p = slot_addr a
            %r = call inner(%p, %n)
            USE
            ret
        }",
    ),
    (
        "long double and complex results",
        "type ldbl = x87
        type cplx = complex f64
        fn inner(%a: ldbl, %b: cplx, %n: i64) -> ldbl {
            HOLD
            call LEAVE(%n)
            USE
            ret %a
        }
        fn leaves(%n: i64)CONV {
            slot a: 16 align 16
            slot b: 16
            mem_fill a, 0, 16
            mem_fill b, 0, 16
            %p = slot_addr a
            %q = slot_addr b
            HOLD
            %r = call inner(%p, %q, %n)
            USE
            ret
        }",
    ),
    (
        "variable arguments",
        "fn inner(%a: i32, ...) {
            slot list: 24
            %ap = slot_addr list
            va_start %ap
            HOLD
            %x = va_arg.f64 %ap
            %n = va_arg.i64 %ap
            call LEAVE(%n)
            va_end %ap
            USE
            ret
        }
        fn leaves(%n: i64)CONV {
            HOLD
            call inner(1, 0.5, %n, 2, 3, 4, 5, 6, 7)
            USE
            ret
        }",
    ),
    (
        "Win64",
        "fn inner(%a: i64, %b: f64, %c: i64, %d: i64, %e: f32, %n: i64) conv win64 {
            HOLD
            call LEAVE(%n)
            USE
            ret
        }
        fn leaves(%n: i64)CONV {
            HOLD
            call inner(1, 0.5, 2, 3, 1.5, %n)
            USE
            ret
        }",
    ),
    (
        "Win64 with variable arguments and an aggregate by reference",
        "type big = {[9]i64}
        fn inner(%a: big, ...) conv win64 -> big {
            slot list: 24
            %ap = slot_addr list
            va_start %ap
            HOLD
            %x = va_arg.f64 %ap
            %n = va_arg.i64 %ap
            call LEAVE(%n)
            USE
            ret %a
        }
        fn leaves(%n: i64)CONV {
            slot a: 72
            mem_fill a, 0, 72
            %p = slot_addr a
            HOLD
            %r = call inner(%p, 0.5, %n, 3, 4, 5)
            USE
            ret
        }",
    ),
    (
        "several results",
        "fn inner(%n: i64) -> (i64, f64, i64) {
            HOLD
            call LEAVE(%n)
            USE
            ret %n, 0.5, 3
        }
        fn leaves(%n: i64)CONV {
            HOLD
            %a, %b, %c = call inner(%n)
            USE
            ret
        }",
    ),
    (
        "a frame that gave its place to another",
        "fn inner(%n: i64)CONV {
            HOLD
            call LEAVE(%n)
            USE
            ret
        }
        fn leaves(%n: i64)CONV {
            HOLD
            USE
            tail_call inner(%n)
        }",
    ),
    (
        "room of a size known late",
        "fn leaves(%n: i64)CONV {
            HOLD
            %b = mul %n, 1000
            %p = alloca %b, 64
            store.i64 [%p], %n
            %b = mul %n, 40
            %q = alloca %b, 16
            store.i64 [%q], 0
            %m = load.i64 [%p]
            call LEAVE(%m)
            USE
            ret
        }",
    ),
    (
        "Kiln's own convention, with arguments on the stack",
        "fn inner(%a: i64, %b: i64, %c: i64, %d: i64, %e: i64, %f: i64, %g: i64, %h: i64, %n: i64) conv kiln -> i64 {
            HOLD
            call LEAVE(%n)
            USE
            ret %a
        }
        fn leaves(%n: i64)CONV {
            HOLD
            %r = call inner(1, 2, 3, 4, 5, 6, 7, 8, %n)
            USE
            ret
        }",
    ),
    (
        "tail calls of Kiln's own convention that need more stack",
        "fn inner(%a: i64, %b: i64, %c: i64, %d: i64, %e: i64, %f: i64, %g: i64, %h: i64, %n: i64) conv kiln -> i64 {
            HOLD
            call LEAVE(%n)
            USE
            ret %a
        }
        fn grows(%n: i64) conv kiln -> i64 {
            HOLD
            USE
            tail_call inner(1, 2, 3, 4, 5, 6, 7, 8, %n)
        }
        fn leaves(%n: i64)CONV {
            HOLD
            %r = call grows(%n)
            USE
            ret
        }",
    ),
];

/// Whose frames they are.
const TIERS: [Tier; 2] = [Tier::Baseline, Tier::Optimized];

/// Ways to leave, and the functions that are left for.
const WAYS: &[(&str, &str)] = &[("throw_it", "catches"), ("jump", "lands"), ("look", "looked_for")];

const HELD: [i64; 8] = [3, 1, 4, 1, 5, 9, 2, 6];

/// A program in which `run(n, d)` has C++ call a function that leaves, and gives `n / d` if it finds all that it held.
fn program(tier: Tier, kind: &str, leave: &str, left_for: &str, convention: &str) -> Program {
    let path = library().display();
    let load = |prefix: &str| -> String {
        let ints = (0..8).map(|k| format!("%{prefix}{k} = load.i64 [held + {}]\n", 8 * k));
        ints.chain((0..4).map(|k| format!("%{prefix}f{k} = load.f64 [held + {}]\n", 8 * k))).collect()
    };
    let store = |prefix: &str| -> String {
        let ints = (0..8).map(|k| format!("store.i64 [scratch + {}], %{prefix}{k}\n", 8 * k));
        ints.chain((0..4).map(|k| format!("store.f64 [scratch + {}], %{prefix}f{k}\n", 64 + 8 * k))).collect()
    };
    let compare = (0..8).map(|k| (8 * k, 8 * k)).chain((0..4).map(|k| (8 * k, 64 + 8 * k)));
    let compare: String = compare
        .map(|(held, found)| {
            format!("%x = load.i64 [held + {held}]\n%y = load.i64 [scratch + {found}]\nbne %x, %y, lost\n")
        })
        .collect();
    // What frames that are left hold differs from what the one that stays holds.
    let busy = load("h") + &(0..8).map(|k| format!("%h{k} = not %h{k}\n")).collect::<String>();
    let kind = kind.replace("HOLD", &busy).replace("USE", &store("h"));
    let kind = kind.replace("LEAVE", leave).replace("CONV", convention);
    let text = format!(
        "extern {leave}: fn(i64) from \"{path}\"
        extern {left_for}: fn(ptr, i64){convention} -> i64 from \"{path}\"
        data held = i64 {HELD:?}
        data scratch = zero 96
        {kind}
        export fn run(%n: i64, %d: i64) -> i64 {{
            {}
            %p = func_addr leaves
            %r = call {left_for}(%p, %n)
            {}
            {compare}
            %q = sdiv %r, %d
            ret %q
        lost:
            ret -100
        }}",
        load("k"),
        store("k"),
    );
    // A closing brace stands at the start of its line.
    let text: String = text.lines().map(|line| line.trim_start().to_owned() + "\n").collect();
    let engine = Engine::new(Config::new().tier(tier));
    engine.load_text(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn runs(program: &Program, what: &str) {
    let run = program.function::<fn(i64, i64) -> i64>("run").unwrap();
    for n in 1..4 {
        // SAFETY: the program calls the library's functions as they are declared there.
        unsafe {
            assert_eq!(run.call(n, 1), Ok(n), "{what}");
            assert_eq!(run.call(n, 0).unwrap_err().kind(), TrapKind::DivideByZero, "{what}");
        }
    }
}

#[test]
fn frames_of_every_kind_can_be_left_and_walked() {
    let _beside = TURN.read().unwrap_or_else(PoisonError::into_inner);
    for (name, kind) in KINDS {
        for (leave, left_for) in WAYS {
            for tier in TIERS {
                runs(&program(tier, kind, leave, left_for, ""), &format!("{name}, {leave}, {tier:?}"));
            }
        }
    }
}

#[test]
fn exceptions_reach_functions_of_win64_that_catch() {
    let _beside = TURN.read().unwrap_or_else(PoisonError::into_inner);
    for (name, kind) in KINDS {
        for tier in TIERS {
            let program = program(tier, kind, "throw_it", "catches_win64", " conv win64");
            runs(&program, &format!("{name} from Win64, {tier:?}"));
        }
    }
}

type Leaves = Function<fn(i64)>;
type Entered = extern "C-unwind" fn(i64);
type Lands = unsafe extern "C-unwind" fn(Entered, i64) -> i64;

thread_local! {
    /// What [`enters`] calls.
    static LEAVES: RefCell<Option<Leaves>> = const { RefCell::new(None) };
}

/// Called by C++: enters a program anew.
extern "C-unwind" fn enters(n: i64) {
    // No guard of the cell, nor anything else that must be dropped, lies in this frame when it is jumped over.
    let leaves = LEAVES.with(RefCell::as_ptr);
    // SAFETY: the cell is not changed meanwhile; the function is of the program below.
    let _ = unsafe { (*leaves).as_ref().expect("set").call(n) };
}

/// Calls [`enters`] by a function of the library that it is left for.
fn land(n: i64) -> i64 {
    static LANDS: OnceLock<usize> = OnceLock::new();
    let lands = *LANDS.get_or_init(|| {
        let path = library().display();
        let text = format!(
            "extern lands: fn(ptr, i64) -> i64 from \"{path}\"\nexport fn address() -> ptr {{\n%p = func_addr lands\nret %p\n}}"
        );
        let program = Engine::new(Config::new()).load_text(&text).expect("loads");
        // SAFETY: the function only gives an address.
        unsafe { program.invoke("address", &[]) }.expect("no trap")[0] as usize
    });
    // SAFETY: the type that the library gives it; libraries stay loaded.
    unsafe { std::mem::transmute::<usize, Lands>(lands)(enters, n) }
}

/// A program whose `leaves` jumps out of its call.
fn jumper(config: Config, more: &str) -> Program {
    let path = library().display();
    let text = format!(
        "extern jump: fn(i64) from \"{path}\"
        export replaceable fn leaves(%n: i64) {{
            call below(%n)
            ret
        }}
        fn below(%n: i64) {{
            call jump(%n)
            ret
        }}
        {more}"
    );
    let text: String = text.lines().map(|line| line.trim_start().to_owned() + "\n").collect();
    Engine::new(config).load_text(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn calls_that_are_jumped_out_of_leave_no_memory_behind() {
    let _beside = TURN.read().unwrap_or_else(PoisonError::into_inner);
    const CHILD: &str = "KILN_TEST_JUMPS";
    // Others allocate in this process.
    if std::env::var_os(CHILD).is_none() {
        let child = Command::new(std::env::current_exe().expect("has a path"))
            .args(["--exact", "calls_that_are_jumped_out_of_leave_no_memory_behind", "--test-threads=1"])
            .env(CHILD, "1")
            .output()
            .expect("it starts");
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        return;
    }
    let in_use = || {
        // SAFETY: no precondition.
        let info = unsafe { libc::mallinfo2() };
        info.uordblks as i64 + info.hblkhd as i64
    };
    let optimized = Config::new().tier(Tier::Optimized);
    for config in [Config::new(), optimized, optimized.fuel(100).depth(10).interruptible(true)] {
        let program = jumper(config, "");
        LEAVES.set(Some(program.function("leaves").expect("is exported")));
        assert_eq!(land(1), 1);
        let before = in_use();
        for n in 1..100_000 {
            assert_eq!(land(n), n);
        }
        let more = in_use() - before;
        // Less than a byte for each jump: better code that is compiled meanwhile takes some.
        assert!(more < 100_000, "{more} bytes more are in use");
        LEAVES.set(None);
    }
}

#[test]
fn jumps_out_of_calls_leave_limits_as_they_were() {
    let _beside = TURN.read().unwrap_or_else(PoisonError::into_inner);
    let text = "export fn down(%n: i64) -> i64 {
            ble  %n, 0, end
            %m = sub %n, 1
            %r = call down(%m)
            %r = add %r, 1
            ret  %r
        end:
            ret  0
        }";
    let limits = [(50, 1000, 49), (1000, 20, 19)];
    for (tier, (fuel, depth, most)) in TIERS.into_iter().flat_map(|tier| limits.map(|limits| (tier, limits)))
    {
        let program = jumper(Config::new().tier(tier).fuel(fuel).depth(depth), text);
        LEAVES.set(Some(program.function("leaves").expect("is exported")));
        let down = program.function::<fn(i64) -> i64>("down").expect("is exported");
        for n in 1..100 {
            assert_eq!(land(n), n);
            // SAFETY: the function touches no memory.
            assert_eq!(unsafe { down.call(most) }, Ok(most));
            assert_eq!(land(n), n);
            // SAFETY: as above.
            let trap = unsafe { down.call(most + 1) }.expect_err("one too many").kind();
            assert_eq!(trap, if depth == 20 { TrapKind::StackOverflow } else { TrapKind::OutOfFuel });
        }
        LEAVES.set(None);
    }
}

/// A thread that has jumped out of a call is inside nothing: at its next call what was replaced meanwhile is freed.
#[test]
fn what_was_replaced_goes_after_a_jump_out_of_a_call() {
    let _alone = TURN.write().unwrap_or_else(PoisonError::into_inner);
    let gone = |held: &Arc<()>| Arc::strong_count(held) == 1;
    let version = |held: &Arc<()>| {
        let mut engine = Engine::new(Config::new());
        let held = held.clone();
        engine.define("held", move || {
            let _ = &held;
        });
        let path = library().display();
        let text = format!(
            "extern held: fn()\nextern jump: fn(i64) from \"{path}\"\nexport fn leaves(%n: i64) {{\ncall held()\ncall jump(%n)\nret\n}}"
        );
        engine.load_text(&text).expect("loads")
    };
    let program = jumper(Config::new(), "");
    LEAVES.set(Some(program.function("leaves").expect("is exported")));
    let (first, second) = (Arc::new(()), Arc::new(()));
    program.replace("leaves", &version(&first), "leaves").expect("replaced");
    assert_eq!(land(1), 1);
    let other = program.clone();
    let with = version(&second);
    // Another thread cannot know that this one has jumped.
    std::thread::spawn(move || other.replace("leaves", &with, "leaves").expect("replaced"))
        .join()
        .expect("no panic");
    assert!(!gone(&first));
    assert_eq!(land(2), 2);
    assert!(gone(&first) && !gone(&second));
    LEAVES.set(None);
    program.restore("leaves").expect("restored");
    assert!(gone(&second));
}
