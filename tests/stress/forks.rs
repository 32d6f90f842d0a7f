//! Forks: each process goes on compiling, calling and changing its data, and neither sees what the other does; also
//! while other threads compile.

#![allow(unsafe_code, reason = "forks, and calling programs")]

use crate::churn::{module, wanted};
use crate::{Random, beside_others, times};
use kiln::{Config, Engine, Program, TrapKind};
use std::sync::atomic::{AtomicBool, Ordering};

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
    let engine = Engine::new(Config::new());
    let program = engine.load_text(TEXT).expect("it loads");
    let mut programs = vec![];
    assert!(work(&engine, &mut programs, 1));
    for round in 0..times(20) {
        let before = round as i64 + 1;
        let child = fork(|| {
            let mut programs = std::mem::take(&mut programs);
            // A fork of the fork, too.
            let grandchild = fork(|| swap(&program, 7) == before && traps(&program));
            let right = swap(&program, -1) == before
                && traps(&program)
                && work(&engine, &mut programs, 1000 + round)
                && swap(&program, 0) == -1;
            wait(grandchild);
            right
        });
        assert!(work(&engine, &mut programs, 2000 + round));
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
                let engine = Engine::new(Config::new());
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

/// Stops the other threads, also if this one panics.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
