//! Who walks the stack sees compiled frames: backtraces, exceptions of C++, panics; and `longjmp` leaves nothing behind.

mod machine;

use kiln_codegen::code::{FrameInfo, RelocKind, Target};
use kiln_ir::FuncId;
use kiln_ir::trap::TrapKind;
use kiln_runtime::{Image, ProcessSymbols, Symbols, enter};
use machine::{CALL, Hand, divide, run};
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::ffi::c_void;
use std::sync::OnceLock;

/// A function that calls another, in each shape of frame that there is.
fn callers(hand: &mut Hand, callee: FuncId) -> Vec<FuncId> {
    let mut add = |name: &str, before: &[u8], after: &[u8], frame: FrameInfo| {
        let func = hand.declare(name);
        let bytes = [before, &[0xe8, 0, 0, 0, 0], after].concat();
        let start = hand.body(func, &bytes, frame);
        hand.reloc(start + before.len() as u32 + 1, CALL, Target::Func(callee), -4);
        func
    };
    let steps = |list: &[u8]| {
        let mut steps = [0; 10];
        steps[..list.len()].copy_from_slice(list);
        steps
    };
    vec![
        add(
            "plain",
            &[0x48, 0x83, 0xec, 0x18], // sub rsp, 24
            &[0x48, 0x83, 0xc4, 0x18, 0xc3],
            FrameInfo { size: 24, steps: steps(&[4]), ..FrameInfo::default() },
        ),
        add(
            "saving",
            // push rbx, rbp, r12, r15, then sub rsp, 8; all of them are overwritten
            &[0x53, 0x55, 0x41, 0x54, 0x41, 0x57, 0x48, 0x83, 0xec, 0x08, 0x31, 0xdb, 0x31, 0xed],
            &[0x48, 0x83, 0xc4, 0x08, 0x41, 0x5f, 0x41, 0x5c, 0x5d, 0x5b, 0xc3],
            FrameInfo {
                size: 8,
                saved: 1 << 3 | 1 << 6 | 1 << 12 | 1 << 15,
                steps: steps(&[1, 2, 4, 6, 10]),
                ..FrameInfo::default()
            },
        ),
        add(
            "framed",
            // push rbp; mov rbp, rsp; push rbx; sub rsp, 40
            &[0x55, 0x48, 0x89, 0xe5, 0x53, 0x48, 0x83, 0xec, 0x28, 0x31, 0xdb],
            &[0x48, 0x83, 0xc4, 0x28, 0x5b, 0x5d, 0xc3],
            FrameInfo {
                size: 40,
                saved: 1 << 3,
                steps: steps(&[1, 4, 5, 9]),
                frame_pointer: true,
                ..FrameInfo::default()
            },
        ),
        add(
            "large",
            &[0x48, 0x81, 0xec, 0x08, 0x10, 0, 0], // sub rsp, 4104
            &[0x48, 0x81, 0xc4, 0x08, 0x10, 0, 0, 0xc3],
            FrameInfo { size: 4104, steps: steps(&[7]), ..FrameInfo::default() },
        ),
    ]
}

thread_local! {
    static SEEN: RefCell<String> = const { RefCell::new(String::new()) };
}

extern "C" fn look(_: u64) -> u64 {
    SEEN.set(Backtrace::force_capture().to_string());
    0
}

#[inline(never)]
fn beyond_the_compiled_frames(image: &Image, func: FuncId) {
    run(image, func, &mut [0, 0]).unwrap();
    std::hint::black_box(());
}

#[test]
fn backtraces_pass_through_each_shape_of_frame() {
    let mut hand = Hand::default();
    let look = hand.host("look", look as *const u8);
    let funcs = callers(&mut hand, look);
    let image = hand.linked();
    for func in funcs {
        SEEN.take();
        beyond_the_compiled_frames(&image, func);
        let text = SEEN.take();
        assert!(text.contains("beyond_the_compiled_frames"), "{func:?}: {text}");
        assert!(text.contains("test::run_test"), "{func:?}: {text}");
    }
}

#[test]
fn panics_pass_through_and_leave_nothing_behind() {
    extern "C-unwind" fn panicking(_: u64) -> u64 {
        std::panic::resume_unwind(Box::new("from the host"));
    }
    let mut hand = Hand::default();
    let import = hand.host("panicking", panicking as *const u8);
    let divide = divide(&mut hand);
    let funcs = callers(&mut hand, import);
    let image = hand.linked();
    for func in funcs {
        let caught = std::panic::catch_unwind(|| run(&image, func, &mut [0, 0])).unwrap_err();
        assert_eq!(caught.downcast_ref(), Some(&"from the host"));
        assert_eq!(run(&image, divide, &mut [1, 0]).unwrap_err().kind, TrapKind::DivideByZero);
    }
}

const SOURCE: &str = r#"
#include <csetjmp>
extern "C" {
long throw_it(long n) { throw n; }
long catch_it(void (*enter)(void *), void *arg) {
    try { enter(arg); } catch (long n) { return n; }
    return -1;
}
static jmp_buf place;
long jump(long n) { longjmp(place, (int)n); }
typedef void compiled(void *);
long land(compiled *code, long n) {
    long args[2] = {n, 0};
    if (int got = setjmp(place)) return got;
    code(args);
    return -1;
}
}
"#;

/// The address of a function of the C++ file above.
fn cpp(name: &str) -> *const u8 {
    static LIBRARY: OnceLock<String> = OnceLock::new();
    let path = LIBRARY.get_or_init(|| {
        let dir = std::env::temp_dir().join(format!("kiln-frames-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let (source, library) = (dir.join("frames.cpp"), dir.join("frames.so"));
        std::fs::write(&source, SOURCE).unwrap();
        let status = std::process::Command::new("g++")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .status()
            .expect("g++ is installed");
        assert!(status.success());
        let path = library.to_str().unwrap().to_string();
        assert!(ProcessSymbols.lookup("jump", Some(&path)).is_some());
        // Loaded libraries stay without their files.
        std::fs::remove_dir_all(&dir).unwrap();
        path
    });
    ProcessSymbols.lookup(name, Some(path)).unwrap()
}

struct Entry<'a> {
    image: &'a Image,
    func: FuncId,
    args: [u64; 2],
}

extern "C-unwind" fn enter_it(entry: *mut c_void) {
    // SAFETY: the tests pass an `Entry`.
    let entry = unsafe { &mut *entry.cast::<Entry>() };
    run(entry.image, entry.func, &mut entry.args).unwrap();
}

#[test]
fn exceptions_pass_through_compiled_frames_and_entries() {
    let mut hand = Hand::default();
    let throw = hand.host("throw_it", cpp("throw_it"));
    let divide = divide(&mut hand);
    let mut funcs = callers(&mut hand, throw);
    for func in funcs.clone() {
        funcs.extend(callers(&mut hand, func));
    }
    let outer = hand.caller("outer", throw);
    let image = hand.linked();
    type Catch = unsafe extern "C-unwind" fn(extern "C-unwind" fn(*mut c_void), *mut c_void) -> i64;
    // SAFETY: the type that the C++ file gives it.
    let catch: Catch = unsafe { std::mem::transmute(cpp("catch_it")) };
    let mut entry = Entry { image: &image, func: outer, args: [42, 0] };
    // SAFETY: `enter_it` takes an `Entry`.
    assert_eq!(unsafe { catch(enter_it, (&raw mut entry).cast()) }, 42);
    for func in funcs {
        let mut entry = Entry { image: &image, func, args: [0, 0] };
        // SAFETY: as above. What is thrown is the pointer to the words.
        let thrown = unsafe { catch(enter_it, (&raw mut entry).cast()) };
        assert_eq!(thrown, entry.args.as_ptr() as i64);
        assert_eq!(run(&image, divide, &mut [1, 0]).unwrap_err().kind, TrapKind::DivideByZero);
    }
}

#[test]
fn longjmp_over_compiled_frames_leaves_nothing_behind() {
    let mut hand = Hand::default();
    let jump = hand.host("jump", cpp("jump"));
    let land = hand.host("land", cpp("land"));
    let divide = divide(&mut hand);
    let jumper = hand.caller("jumper", jump);
    // Calls `land(jumper, [rdi])`, stores what it returns to [rdi + 8], then divides [rdi + 8] by [rdi + 16].
    let outer = hand.declare("outer");
    let bytes = [
        0x53, // push rbx
        0x48, 0x89, 0xfb, // mov rbx, rdi
        0x48, 0x8b, 0x37, // mov rsi, [rdi]
        0x48, 0x8d, 0x3d, 0, 0, 0, 0, // lea rdi, [jumper]
        0xe8, 0, 0, 0, 0, // call land
        0x48, 0x89, 0x43, 0x08, // mov [rbx + 8], rax
        0x48, 0x8d, 0x7b, 0x08, // lea rdi, [rbx + 8]
        0xe8, 0, 0, 0, 0,    // call divide
        0x5b, // pop rbx
        0xc3, // ret
    ];
    let frame = FrameInfo { saved: 1 << 3, steps: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0], ..FrameInfo::default() };
    let start = hand.body(outer, &bytes, frame);
    hand.reloc(start + 10, RelocKind::Pc32, Target::Func(jumper), -4);
    hand.reloc(start + 15, CALL, Target::Func(land), -4);
    hand.reloc(start + 28, CALL, Target::Func(divide), -4);
    let image = hand.linked();
    for n in 1..20u64 {
        let mut args = [n, 0, 1];
        run(&image, outer, &mut args).unwrap();
        assert_eq!(args[1], n);
        let trap = run(&image, outer, &mut [n, 0, 0]).unwrap_err();
        assert_eq!(trap.kind, TrapKind::DivideByZero);
    }
}

/// Entries that were left by a jump, and code of the entry before that traps afterwards.
#[test]
fn a_trap_does_not_land_in_an_entry_that_was_jumped_over() {
    thread_local!(static IMAGE: RefCell<Option<(Image, FuncId)>> = const { RefCell::new(None) });
    // C++ called by compiled code calls this, which enters again, into code that jumps out of everything.
    extern "C" fn nested(args: *mut u64) -> u64 {
        let (image, func) = IMAGE.with_borrow(|held| held.as_ref().map(|(i, f)| (i.clone(), *f))).unwrap();
        let address = image.address(func).unwrap();
        drop(image);
        // SAFETY: the thread-local holds the image; nothing here needs to be dropped when the entry is jumped over.
        let _ = unsafe { enter(address, args) };
        0
    }
    let mut hand = Hand::default();
    let jump = hand.host("jump", cpp("jump"));
    let land = hand.host("land", cpp("land"));
    let nested = hand.host("nested", nested as *const u8);
    let divide = divide(&mut hand);
    let jumper = hand.caller("jumper", jump);
    let outer = hand.declare("outer");
    let bytes = [
        0x53, // push rbx
        0x48, 0x89, 0xfb, // mov rbx, rdi
        0x48, 0x8b, 0x37, // mov rsi, [rdi]
        0x48, 0x8b, 0x3d, 0, 0, 0, 0, // mov rdi, [address of nested]
        0xe8, 0, 0, 0, 0, // call land
        0x48, 0x89, 0x43, 0x08, // mov [rbx + 8], rax
        0x48, 0x8d, 0x7b, 0x08, // lea rdi, [rbx + 8]
        0xe8, 0, 0, 0, 0,    // call divide
        0x5b, // pop rbx
        0xc3, // ret
    ];
    let frame = FrameInfo { saved: 1 << 3, steps: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0], ..FrameInfo::default() };
    let start = hand.body(outer, &bytes, frame);
    hand.reloc(start + 10, RelocKind::GotPc32, Target::Func(nested), -4);
    hand.reloc(start + 15, CALL, Target::Func(land), -4);
    hand.reloc(start + 28, CALL, Target::Func(divide), -4);
    let image = hand.linked();
    IMAGE.set(Some((image.clone(), jumper)));
    for n in 1..20u64 {
        let trap = run(&image, outer, &mut [n, 0, 0]).unwrap_err();
        assert_eq!(trap.kind, TrapKind::DivideByZero);
        let mut args = [n, 0, 1];
        run(&image, outer, &mut args).unwrap();
        assert_eq!(args[1], n);
    }
    IMAGE.set(None);
}
