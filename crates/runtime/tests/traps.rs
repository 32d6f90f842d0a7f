//! Faults in compiled code come back as errors, and the process lives on.

mod machine;

use kiln_codegen::code::{FaultCause, FrameInfo, Routine, Target};
use kiln_ir::trap::TrapKind;
use kiln_ir::{FuncId, Inst};
use kiln_runtime::{Image, RawTrap, raise_address, set_pending_trap, take_exit};
use machine::{CALL, Hand, divide, exit, load, recurse, run};
use std::cell::Cell;

fn kind(image: &Image, func: FuncId, args: &mut [u64]) -> TrapKind {
    run(image, func, args).unwrap_err().kind
}

#[test]
fn divisions_trap_by_their_divisor() {
    let mut hand = Hand::default();
    let divide = divide(&mut hand);
    let image = hand.linked();
    for _ in 0..3 {
        let mut args = [84, 2];
        run(&image, divide, &mut args).unwrap();
        assert_eq!(args[0], 42);
        assert_eq!(kind(&image, divide, &mut [1, 0]), TrapKind::DivideByZero);
        assert_eq!(kind(&image, divide, &mut [1 << 63, -1i64 as u64]), TrapKind::IntegerOverflow);
    }
    let trap = run(&image, divide, &mut [1, 0]).unwrap_err();
    assert_eq!(trap.pc, image.address(divide).unwrap() as usize + 9);
}

#[test]
fn bad_accesses_tell_the_address() {
    let mut hand = Hand::default();
    let load = load(&mut hand);
    let image = hand.linked();
    let mut word = 42u64;
    let mut args = [&raw mut word as u64];
    run(&image, load, &mut args).unwrap();
    assert_eq!(args[0], 42);
    assert_eq!(kind(&image, load, &mut [0]), TrapKind::BadAccess(Some(0)));
    assert_eq!(kind(&image, load, &mut [0x1238]), TrapKind::BadAccess(Some(0x1238)));
    // Not canonical: the processor does not say which address it was.
    assert_eq!(kind(&image, load, &mut [0x8000_0000_0000_0000]), TrapKind::BadAccess(None));
}

#[test]
fn constants_and_code_cannot_be_written() {
    let mut hand = Hand::default();
    let text = hand.module.constant("text", b"text");
    let store = hand.function(
        "store",
        &[
            0x48, 0x8b, 0x07, // mov rax, [rdi]
            0xc6, 0x00, 0x00, // mov byte [rax], 0
            0xc3, // ret
        ],
    );
    let image = hand.linked();
    for at in [image.data_address(text).unwrap() as u64, image.code().start as u64] {
        assert_eq!(kind(&image, store, &mut [at]), TrapKind::BadAccess(Some(at)));
    }
}

/// The frame of a function that begins with `sub rsp, 8`.
const ROOM: FrameInfo =
    FrameInfo { size: 8, saved: 0, frame_pointer: false, steps: [4, 0, 0, 0, 0, 0, 0, 0, 0, 0], probed: 0 };

#[test]
fn block_operations_are_accesses_of_their_caller() {
    let mut hand = Hand::default();
    for (name, routine) in [("copy", Routine::MemMove), ("fill", Routine::MemSet)] {
        let func = hand.declare(name);
        let bytes = [
            0x48, 0x83, 0xec, 0x08, // sub rsp, 8
            0x48, 0x89, 0xfe, // mov rsi, rdi
            0x48, 0x8b, 0x3f, // mov rdi, [rdi]
            0xba, 8, 0, 0, 0, // mov edx, 8
            0xe8, 0, 0, 0, 0, // call routine
            0x48, 0x83, 0xc4, 0x08, // add rsp, 8
            0xc3, // ret
        ];
        let start = hand.body(func, &bytes, ROOM);
        hand.reloc(start + 16, CALL, Target::Routine(routine), -4);
    }
    let image = hand.linked();
    for func in [FuncId(0), FuncId(1), FuncId(0)] {
        let trap = run(&image, func, &mut [64]).unwrap_err();
        assert_eq!(trap.kind, TrapKind::BadAccess(Some(64)));
        assert_eq!(image.function_at(trap.pc), Some(func));
        let mut word = 0u64;
        run(&image, func, &mut [&raw mut word as u64]).unwrap();
        assert_ne!(word, 0);
    }
}

#[test]
fn undefined_instructions_stand_for_their_trap() {
    let mut hand = Hand::default();
    let func = hand.function("stop", &[0x90, 0x0f, 0x0b]);
    hand.trap(1, FaultCause::Trap(TrapKind::User(7)));
    assert_eq!(kind(&hand.linked(), func, &mut [0]), TrapKind::User(7));
}

#[test]
fn calls_to_nowhere_are_bad_accesses_of_the_caller() {
    let mut hand = Hand::default();
    let func = hand.declare("call");
    let bytes = [
        0x48, 0x83, 0xec, 0x08, // sub rsp, 8
        0x48, 0x8b, 0x07, // mov rax, [rdi]
        0xff, 0xd0, // call rax
        0x48, 0x83, 0xc4, 0x08, // add rsp, 8
        0xc3, // ret
    ];
    hand.body(func, &bytes, ROOM);
    let image = hand.linked();
    for address in [0u64, 0x1000] {
        let trap = run(&image, func, &mut [address]).unwrap_err();
        assert_eq!(trap.kind, TrapKind::BadAccess(Some(address)));
        assert_eq!(image.function_at(trap.pc), Some(func));
    }
}

#[test]
fn endless_recursion_overflows_the_stack_of_any_thread() {
    let mut hand = Hand::default();
    let (recurse, divide) = (recurse(&mut hand), divide(&mut hand));
    let image = hand.linked();
    let attempt = |image: &Image| {
        for _ in 0..3 {
            assert_eq!(kind(image, recurse, &mut [0]), TrapKind::StackOverflow);
            assert_eq!(kind(image, divide, &mut [1, 0]), TrapKind::DivideByZero);
        }
    };
    attempt(&image);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| attempt(&image));
        }
    });
}

#[test]
fn probes_and_accesses_in_the_own_frame_are_stack_overflows() {
    for (cause, size) in [(Some(FaultCause::StackProbe), 2048u32), (None, 4096)] {
        let mut hand = Hand::default();
        let func = hand.declare("deep");
        let [a, b, c, d] = size.to_le_bytes();
        let bytes = [
            0x48, 0x81, 0xec, a, b, c, d, // sub rsp, size
            0x48, 0x89, 0x04, 0x24, // mov [rsp], rax
            0xe8, 0, 0, 0, 0, // call deep
            0xc3,
        ];
        let start = hand.body(
            func,
            &bytes,
            FrameInfo { size, steps: [7, 0, 0, 0, 0, 0, 0, 0, 0, 0], ..FrameInfo::default() },
        );
        if let Some(cause) = cause {
            hand.trap(start + 7, cause);
        }
        hand.reloc(start + 12, CALL, Target::Func(func), -4);
        assert_eq!(kind(&hand.linked(), func, &mut [0]), TrapKind::StackOverflow);
    }
}

#[test]
fn exits_leave_with_their_number_and_values() {
    let mut hand = Hand::default();
    let exit = exit(&mut hand);
    let image = hand.linked();
    for _ in 0..2 {
        let trap = run(&image, exit, &mut [0]).unwrap_err();
        assert_eq!(trap.kind, TrapKind::Exit(7));
        assert!(image.code().contains(&trap.pc));
        let frames = take_exit();
        assert_eq!(frames.len(), 2);
        assert_eq!((frames[0].func, frames[0].inst), (FuncId(100), Inst(3)));
        assert_eq!(frames[0].values, [42, 0xffff_fffe, -2i64 as u64, 0xffff_ffff, 0x3f80_0000]);
        assert_eq!((frames[1].func, frames[1].inst), (exit, Inst(9)));
        let [one, aligned, function] = frames[1].values[..] else { panic!("{frames:?}") };
        assert_eq!((one, aligned % 64, function), (1, 3, image.address(exit).unwrap() as u64));
        assert_eq!(take_exit(), []);
    }
}

#[test]
fn host_functions_raise_through_their_thunk() {
    let mut hand = Hand::default();
    let raise = hand.host("raise", raise_address());
    for frame_pointer in [false, true] {
        let thunk = hand.declare(&format!("thunk{frame_pointer}"));
        let plain = [0x48, 0x83, 0xec, 0x18, 0xe8, 0, 0, 0, 0]; // sub rsp, 24; call raise
        let framed = [0x55, 0x48, 0x89, 0xe5, 0xe8, 0, 0, 0, 0]; // push rbp; mov rbp, rsp; call raise
        let (bytes, frame) = if frame_pointer {
            (
                framed,
                FrameInfo { frame_pointer, steps: [1, 4, 0, 0, 0, 0, 0, 0, 0, 0], ..FrameInfo::default() },
            )
        } else {
            (plain, FrameInfo { size: 24, steps: [4, 0, 0, 0, 0, 0, 0, 0, 0, 0], ..FrameInfo::default() })
        };
        let start = hand.body(thunk, &bytes, frame);
        hand.reloc(start + 5, CALL, Target::Func(raise), -4);
        hand.caller(&format!("caller{frame_pointer}"), thunk);
    }
    let image = hand.linked();
    for (thunk, caller) in [(FuncId(1), FuncId(2)), (FuncId(3), FuncId(4))] {
        for pending in [None, Some(TrapKind::User(3))] {
            if let Some(kind) = pending {
                set_pending_trap(kind);
            }
            let trap = run(&image, caller, &mut [0, 0]).unwrap_err();
            assert_eq!(trap.kind, pending.unwrap_or(TrapKind::Host));
            assert_eq!(image.function_at(trap.pc), Some(thunk));
            assert_eq!(image.function_at(trap.caller), Some(caller));
        }
    }
}

thread_local! {
    static INNER: Cell<Option<(FuncId, FuncId)>> = const { Cell::new(None) };
    static IMAGE: Cell<*const Image> = const { Cell::new(std::ptr::null()) };
    static SEEN: Cell<Option<RawTrap>> = const { Cell::new(None) };
}

/// Called from compiled code: enters again, to the depth given; at the bottom divides by zero.
extern "C" fn again(depth: u64) -> u64 {
    // SAFETY: set by the test below, which holds the image.
    let image = unsafe { &*IMAGE.get() };
    let (outer, divide) = INNER.get().unwrap();
    if depth == 0 {
        SEEN.set(run(image, divide, &mut [1, 0]).err());
        return 1;
    }
    let mut args = [depth - 1, 0];
    run(image, outer, &mut args).unwrap();
    args[1] + 1
}

#[test]
fn entries_nest_and_a_trap_ends_the_innermost() {
    let mut hand = Hand::default();
    let again = hand.host("again", again as *const u8);
    let (outer, divide) = (hand.caller("outer", again), divide(&mut hand));
    let image = hand.linked();
    IMAGE.set(&image);
    INNER.set(Some((outer, divide)));
    for depth in [0, 1, 5, 100] {
        SEEN.set(None);
        let mut args = [depth, 0];
        run(&image, outer, &mut args).unwrap();
        assert_eq!(args[1], depth + 1);
        assert_eq!(SEEN.get().unwrap().kind, TrapKind::DivideByZero);
    }
}

#[test]
fn many_threads_trap_at_once() {
    let mut hand = Hand::default();
    let (divide, load) = (divide(&mut hand), load(&mut hand));
    let image = hand.linked();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for i in 0..500u64 {
                    assert_eq!(kind(&image, divide, &mut [i, 0]), TrapKind::DivideByZero);
                    assert_eq!(kind(&image, load, &mut [i]), TrapKind::BadAccess(Some(i)));
                }
            });
        }
    });
}
