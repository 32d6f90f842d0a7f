//! Forks: each process goes on compiling, calling and changing its data, and neither sees what the other does; also
//! while other threads compile.

#![allow(unsafe_code, reason = "forks, and calling programs")]

use crate::churn::{module, wanted};
use crate::{Random, alone, beside_others, times};
use kiln::{Config, Engine, Program, Tier, TrapKind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

const TEXT: &str = "
    data cell = i64 [1]
    export fn swap(%x: i64) -> i64 {
        %p = data_addr cell
        %old = atomic_xchg.i64 [%p], %x
        ret %old
    }
    export fn divide(%a: i64, %b: i64) -> i64 {
        %q = sdiv %a, %b
        ret %q
    }
";

fn swap(program: &Program, value: i64) -> i64 {
    let swap = program.function::<fn(i64) -> i64>("swap").expect("swap");
    // SAFETY: the function accesses its own data.
    unsafe { swap.call(value) }.expect("no trap")
}

fn traps(program: &Program) -> bool {
    let divide = program.function::<fn(i64, i64) -> i64>("divide").expect("divide");
    // SAFETY: the function touches no memory.
    unsafe { divide.call(1, 0) }.map_err(|t| t.kind()) == Err(TrapKind::DivideByZero)
}

/// Loads programs, calls them, drops some of those given; whether all gave what they must.
fn work(engine: &Engine, programs: &mut Vec<(usize, Program)>, seed: usize) -> bool {
    let mut random = Random::new(seed as u64);
    let mut right = true;
    for i in 0..10 {
        if !programs.is_empty() {
            programs.swap_remove(random.below(programs.len()));
        }
        let n = seed * 10 + i;
        let Ok(program) = engine.load_module(module(n, 1 + n % 5)) else { return false };
        programs.push((n, program));
    }
    for (n, program) in programs {
        let f = program.function::<fn(i64) -> i64>("f0").expect("it is there");
        // SAFETY: the function touches no memory.
        right &= unsafe { f.call(9) } == Ok(wanted(*n, 9));
    }
    right
}

/// Forks; the child ends with 0 if `child` gives true. Gives the child's number.
fn fork(child: impl FnOnce() -> bool) -> libc::pid_t {
    // SAFETY: the child runs Kiln and the allocator, which both are made for it, and leaves without running anything of
    // the test runner. A child that hangs is ended by its alarm.
    unsafe {
        let pid = libc::fork();
        assert!(pid >= 0, "no process");
        if pid == 0 {
            libc::alarm(30);
            libc::_exit(if child() { 0 } else { 1 });
        }
        pid
    }
}

fn wait(pid: libc::pid_t) {
    let mut status = 0;
    // SAFETY: the child exists and has not been waited for.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    assert_eq!(status, 0, "the child ended with status {status:#x} (14: it hung)");
}

#[test]
fn parents_and_children_go_on_by_themselves() {
    let _beside = beside_others();
    for tier in [Tier::Auto, Tier::Optimized] {
        go_on(&Engine::new(Config::new().tier(tier)));
    }
}

fn go_on(engine: &Engine) {
    let program = engine.load_text(TEXT).expect("it loads");
    let mut programs = vec![];
    assert!(work(engine, &mut programs, 1));
    for round in 0..times(20) {
        let before = round as i64 + 1;
        let child = fork(|| {
            let mut programs = std::mem::take(&mut programs);
            // A fork of the fork, too.
            let grandchild = fork(|| swap(&program, 7) == before && traps(&program));
            let right = swap(&program, -1) == before
                && traps(&program)
                && work(engine, &mut programs, 1000 + round)
                && swap(&program, 0) == -1;
            wait(grandchild);
            right
        });
        assert!(work(engine, &mut programs, 2000 + round));
        assert_eq!(swap(&program, before + 1), before);
        assert!(traps(&program));
        wait(child);
    }
}

#[test]
fn forks_come_between_threads_that_compile() {
    let _beside = beside_others();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let done = &done;
            scope.spawn(move || {
                let tier = if thread % 2 == 0 { Tier::Auto } else { Tier::Optimized };
                let engine = Engine::new(Config::new().tier(tier));
                let mut programs = vec![];
                let mut round = 0;
                while !done.load(Ordering::Relaxed) {
                    round += 1;
                    assert!(work(&engine, &mut programs, 10_000 * (thread + 1) + round % 1000));
                    programs.truncate(20);
                }
            });
        }
        let engine = Engine::new(Config::new());
        let program = engine.load_text(TEXT).expect("it loads");
        let mut programs = vec![];
        assert!(work(&engine, &mut programs, 1));
        let stop = Stop(&done);
        for round in 0..times(100) {
            let child = fork(|| {
                let mut programs = std::mem::take(&mut programs);
                swap(&program, 5) == 1 && traps(&program) && work(&engine, &mut programs, 100 + round)
            });
            wait(child);
        }
        drop(stop);
        assert_eq!(swap(&program, 2), 1);
    });
}

const SPIN: &str = "
    extern begin: fn()
    export fn spin(%n: i64) -> i64 {
        %s = const 0
    next:
        safepoint 1 (%s)
        %s = add %s, 1
        blt %s, %n, next
        ret %s
    }
    export fn forever() {
        call begin()
    again:
        jump again
    }
";

fn spin(program: &Program) -> Result<i64, TrapKind> {
    let spin = program.function::<fn(i64) -> i64>("spin").expect("spin");
    // SAFETY: the function touches no memory.
    unsafe { spin.call(20) }.map_err(|trap| trap.kind())
}

/// Other threads call, watch and interrupt the very program that the child goes on with.
#[test]
fn forks_come_between_threads_that_watch_and_interrupt() {
    let _beside = beside_others();
    for tier in [Tier::Baseline, Tier::Optimized, Tier::Auto, Tier::Interpreter] {
        let mut engine = Engine::new(Config::new().tier(tier).interruptible(true));
        let asked: Arc<Mutex<Option<Program>>> = Arc::default();
        let begun = asked.clone();
        engine.define("begin", move || {
            if let Some(program) = &*begun.lock().expect("no panic") {
                program.interrupt();
            }
        });
        let program = engine.load_text(SPIN).expect("it loads");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (done, program) = (&done, &program);
                scope.spawn(move || {
                    while !done.load(Ordering::Relaxed) {
                        match thread {
                            0 => program.interrupt(),
                            1 => drop(program.watch(|_| ())),
                            _ => assert!(matches!(spin(program), Ok(20) | Err(TrapKind::Interrupted))),
                        }
                    }
                });
            }
            let stop = Stop(&done);
            for _ in 0..times(60) {
                let child = fork(|| {
                    let seen = Arc::new(AtomicUsize::new(0));
                    let count = seen.clone();
                    let watch = program.watch(move |_| {
                        count.fetch_add(1, Ordering::Relaxed);
                    });
                    let mut right = spin(&program) == Ok(20) && seen.load(Ordering::Relaxed) == 20;
                    drop(watch);
                    right &= spin(&program) == Ok(20) && seen.load(Ordering::Relaxed) == 20;
                    *asked.lock().expect("no panic") = Some(program.clone());
                    // SAFETY: the function only calls `begin`.
                    let ended = unsafe { program.invoke("forever", &[]) };
                    right && ended.is_err_and(|error| error.to_string().contains("interrupted"))
                });
                wait(child);
            }
            drop(stop);
        });
    }
}

/// A thread is inside what was replaced when the process forks: the parent keeps it until the thread has left, the child,
/// which does not have that thread, frees it.
#[test]
fn forks_come_while_replaced_code_waits_to_be_freed() {
    let _alone = alone();
    let replaceable = "export replaceable fn f() -> i64 {\n    ret 0\n}";
    let text = "extern rest: fn() -> i64\nexport fn f() -> i64 {\n    %r = call rest()\n    ret %r\n}";
    let version = |rest: Arc<dyn Fn() -> i64 + Send + Sync>| {
        let mut engine = Engine::new(Config::new());
        engine.define("rest", move || rest());
        engine.load_text(text).expect("it loads")
    };
    let program = Engine::new(Config::new()).load_text(replaceable).expect("it loads");
    let f = program.function::<fn() -> i64>("f").expect("f");
    // SAFETY: the functions call closures as they are defined.
    let call = || unsafe { f.call() };
    let (entered, inside) = mpsc::channel();
    let (leave, left) = mpsc::channel();
    let (entered, left) = (Mutex::new(entered), Mutex::new(left));
    let first: Arc<dyn Fn() -> i64 + Send + Sync> = Arc::new(move || {
        entered.lock().expect("no panic").send(()).expect("somebody waits");
        left.lock().expect("no panic").recv().expect("somebody sends");
        1
    });
    let gone = |version: &Arc<_>| Arc::strong_count(version) == 1;
    program.replace("f", &version(first.clone()), "f").expect("replaced");
    std::thread::scope(|scope| {
        let thread = scope.spawn(call);
        inside.recv().expect("it enters");
        let second: Arc<dyn Fn() -> i64 + Send + Sync> = Arc::new(|| 2);
        program.replace("f", &version(second.clone()), "f").expect("replaced");
        let child = fork(|| {
            let waits = !gone(&first);
            let right = call() == Ok(2);
            program.restore("f").expect("restored");
            waits && right && call() == Ok(0) && gone(&first) && gone(&second)
        });
        wait(child);
        assert!(!gone(&first) && call() == Ok(2));
        leave.send(()).expect("it waits");
        assert_eq!(thread.join().expect("no panic"), Ok(1));
        program.restore("f").expect("restored");
        assert!(gone(&first) && gone(&second));
    });
}

/// Stops the other threads, also if this one panics.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
