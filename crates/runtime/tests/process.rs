//! What concerns the whole process: faults that are not ours, and forks. Each case runs in a process of its own.

mod machine;

use kiln_ir::trap::TrapKind;
use kiln_runtime::Image;
use machine::{Hand, divide, load, recurse, run};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

/// Runs a test of this file again as a child, in which [`in_child`] is true.
fn child(test: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("KILN_TEST_CHILD", "1")
        .output()
        .unwrap()
}

fn in_child() -> bool {
    std::env::var_os("KILN_TEST_CHILD").is_some()
}

/// Shows that traps work, then leaves the handlers installed.
fn trap_once() -> Image {
    let mut hand = Hand::default();
    let divide = divide(&mut hand);
    let image = hand.linked();
    assert_eq!(run(&image, divide, &mut [1, 0]).unwrap_err().kind, TrapKind::DivideByZero);
    image
}

fn read_null() {
    // SAFETY: none: the fault is the purpose.
    unsafe { std::ptr::read_volatile(std::hint::black_box(16) as *const u32) };
}

#[test]
fn a_fault_elsewhere_ends_the_process_as_ever() {
    if in_child() {
        let _image = trap_once();
        read_null();
    }
    let output = child("a_fault_elsewhere_ends_the_process_as_ever");
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
}

#[test]
fn a_fault_elsewhere_goes_to_the_handler_before() {
    extern "C" fn leave(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: the kernel's record; an async-signal-safe exit.
        unsafe { libc::_exit(if (*info).si_addr() as usize == 16 { 42 } else { 1 }) }
    }
    if in_child() {
        // SAFETY: a handler of the type that the flags name.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = leave as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO;
            libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut());
        }
        let _image = trap_once();
        read_null();
    }
    assert_eq!(child("a_fault_elsewhere_goes_to_the_handler_before").status.code(), Some(42));
}

#[test]
fn a_fault_in_c_called_from_compiled_code_is_not_ours() {
    extern "C" fn fault(_: u64) -> u64 {
        read_null();
        0
    }
    if in_child() {
        let mut hand = Hand::default();
        let import = hand.host("fault", fault as *const u8);
        let caller = hand.caller("caller", import);
        let _ = run(&hand.linked(), caller, &mut [0, 0]);
        std::process::exit(0);
    }
    let output = child("a_fault_in_c_called_from_compiled_code_is_not_ours");
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
}

#[test]
fn an_overflow_of_the_hosts_own_stack_is_reported_as_ever() {
    #[expect(unconditional_recursion, reason = "the overflow is the purpose")]
    fn deep(n: u64) -> u64 {
        std::hint::black_box(deep(n + 1)) + n
    }
    if in_child() {
        let _image = trap_once();
        std::process::exit(deep(0) as i32);
    }
    let output = child("an_overflow_of_the_hosts_own_stack_is_reported_as_ever");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("has overflowed its stack"), "{text}");
}

#[test]
fn a_sent_signal_in_compiled_code_is_not_a_trap() {
    if in_child() {
        let mut hand = Hand::default();
        // Spins for ever on an instruction that may access memory.
        let spin = hand.function("spin", &[0x48, 0x8b, 0x07, 0xeb, 0xfb]);
        let image = hand.linked();
        // SAFETY: plain calls.
        let this = unsafe { libc::pthread_self() };
        std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(50));
            // SAFETY: the main thread of the test runs until the process ends.
            unsafe { libc::pthread_kill(this, libc::SIGFPE) };
        });
        let _ = run(&image, spin, &mut [0]);
        std::process::exit(0);
    }
    assert_eq!(child("a_sent_signal_in_compiled_code_is_not_a_trap").status.signal(), Some(libc::SIGFPE));
}

/// Links, runs, traps and frees in a child whose first link finds a system with this limit.
fn works_under(test: &str, resource: libc::__rlimit_resource_t, limit: u64) {
    if in_child() {
        let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
        // SAFETY: a valid structure.
        assert_eq!(unsafe { libc::setrlimit(resource, &limit) }, 0);
        let traps = trap_once();
        for round in 0..3 {
            let images: Vec<Image> = (0..100).map(|n| answer(n + round).linked()).collect();
            assert!(images.iter().enumerate().all(|(n, image)| ask(image) == n as u64 + u64::from(round)));
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            assert!(!maps.contains("rwx"), "{maps}");
        }
        let status = fork(|| (ask(&answer(3).linked()) - 3) as i32, || drop(answer(4).linked()));
        assert_eq!(status, 0);
        drop(traps);
        return;
    }
    let output = child(test);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn where_files_may_not_be_large_fresh_pages_are_sealed() {
    works_under("where_files_may_not_be_large_fresh_pages_are_sealed", libc::RLIMIT_FSIZE, 1 << 20);
}

#[test]
fn where_address_space_is_scarce_the_region_is_smaller() {
    works_under("where_address_space_is_scarce_the_region_is_smaller", libc::RLIMIT_AS, 1 << 30);
}

/// `mov qword [rdi], n; ret`
fn answer(n: u8) -> Hand {
    let mut hand = Hand::default();
    hand.function("answer", &[0x48, 0xc7, 0x07, n, 0, 0, 0, 0xc3]);
    hand
}

fn ask(image: &Image) -> u64 {
    let mut args = [0];
    run(image, kiln_ir::FuncId(0), &mut args).unwrap();
    args[0]
}

/// Forks; the child ends with what `child` returns, and the parent drops what it captured. Gives the child's exit status.
fn fork(child: impl FnOnce() -> i32, parent: impl FnOnce()) -> i32 {
    // SAFETY: this process has one thread at work; the child leaves without running anything of the test runner.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::_exit(child());
        }
        drop(child);
        parent();
        let mut status = 0;
        assert_eq!(libc::waitpid(pid, &mut status, 0), pid);
        assert!(libc::WIFEXITED(status), "{status:#x}");
        libc::WEXITSTATUS(status)
    }
}

#[test]
fn after_a_fork_neither_process_sees_the_others_code() {
    if !in_child() {
        let output = child("after_a_fork_neither_process_sees_the_others_code");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let mut images: Vec<Image> = (0..100).map(|n| answer(n).linked()).collect();
    let mut pipe = [0; 2];
    // SAFETY: room for two descriptors.
    assert_eq!(unsafe { libc::pipe(pipe.as_mut_ptr()) }, 0);
    let all = |images: &[Image]| images.iter().enumerate().all(|(n, image)| ask(image) == n as u64);
    let mut theirs = images.clone();
    let status = fork(
        move || {
            let mut byte = 0u8;
            // SAFETY: waits until the parent has written over what it freed.
            unsafe { libc::read(pipe[0], (&raw mut byte).cast(), 1) };
            if !all(&theirs) {
                return 1;
            }
            theirs.drain(..50);
            theirs.extend((0..200).map(|n| answer(n).linked()));
            let traps = trap_once();
            let kinds = theirs[..50].iter().enumerate().all(|(n, image)| ask(image) == n as u64 + 50);
            drop(traps);
            if kinds && theirs[50..].iter().enumerate().all(|(n, image)| ask(image) == n as u64) {
                0
            } else {
                2
            }
        },
        || {
            images.clear();
            let others: Vec<Image> = (0..100).map(|n| answer(200 - n).linked()).collect();
            assert_eq!(ask(&others[0]), 200);
            // SAFETY: writes one byte.
            unsafe { libc::write(pipe[1], [0u8].as_ptr().cast(), 1) };
            images.extend(others);
        },
    );
    assert_eq!(status, 0);
    assert!(images.iter().enumerate().all(|(n, image)| ask(image) == 200 - n as u64));
}

#[test]
fn grandchildren_and_threads_of_children_run_code() {
    if !in_child() {
        let output = child("grandchildren_and_threads_of_children_run_code");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let image = answer(7).linked();
    let status = fork(
        || {
            let mine = answer(8).linked();
            fork(
                || {
                    let thread = std::thread::spawn(|| ask(&answer(9).linked()));
                    (ask(&image) + ask(&mine) + thread.join().unwrap()) as i32
                },
                || assert_eq!(ask(&mine), 8),
            )
        },
        || assert_eq!(ask(&answer(10).linked()), 10),
    );
    assert_eq!(status, 24);
}

#[test]
fn traps_do_not_disturb_signal_masks_and_other_threads() {
    let mut hand = Hand::default();
    let (load, recurse) = (load(&mut hand), recurse(&mut hand));
    let image = hand.linked();
    let mask = || {
        // SAFETY: zeros are a valid set; asks for the current one.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut set);
            [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL].map(|s| libc::sigismember(&set, s))
        }
    };
    let before = mask();
    for _ in 0..3 {
        assert_eq!(run(&image, load, &mut [8]).unwrap_err().kind, TrapKind::BadAccess(Some(8)));
        assert_eq!(run(&image, recurse, &mut [0]).unwrap_err().kind, TrapKind::StackOverflow);
        assert_eq!(mask(), before);
    }
}
