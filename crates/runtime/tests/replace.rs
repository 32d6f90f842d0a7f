//! Replacing functions while threads call them and run in them, and when the replaced code goes.

mod machine;

use kiln_ir::FuncId;
use kiln_ir::trap::TrapKind;
use kiln_runtime::{Image, ReplaceFault, images_in_limbo, look_around};
use machine::{Hand, run};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The limbo list is the process's, and calls of any test keep what others replace: tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `mov eax, n; ret`
fn answer(n: u32) -> Vec<u8> {
    [&[0xb8][..], &n.to_le_bytes(), &[0xc3]].concat()
}

/// An image with one function that gives a number.
fn image_of(n: u32) -> Image {
    let mut hand = Hand::default();
    hand.function("answer", &answer(n));
    hand.linked()
}

/// A replaceable `answer` (function 0) that gives 0, and a `caller` (1) that stores what it gives in the second word.
fn base() -> Image {
    let mut hand = Hand::default();
    let callee = hand.function("answer", &answer(0));
    hand.module.set_replaceable(callee, true);
    hand.caller("caller", callee);
    hand.linked()
}

const ANSWER: FuncId = FuncId(0);
const CALLER: FuncId = FuncId(1);

fn ask(image: &Image) -> u64 {
    let mut args = [0, 0];
    run(image, CALLER, &mut args).unwrap();
    args[1]
}

fn replace(image: &Image, with: &Image) {
    // SAFETY: all functions of these tests have one signature, and are called through `enter` only.
    unsafe { image.replace(ANSWER, with, ANSWER) }.unwrap();
}

#[test]
fn a_replacement_goes_when_it_is_replaced() {
    let _alone = alone();
    let image = base();
    let one = image_of(1);
    let watch = one.downgrade();
    replace(&image, &one);
    drop(one);
    assert_eq!(ask(&image), 1);
    replace(&image, &image_of(2));
    assert_eq!(ask(&image), 2);
    assert!(watch.upgrade().is_none());
    let two = image.replacement(ANSWER).and_then(|at| Image::containing(at as usize)).unwrap().downgrade();
    image.restore(ANSWER).unwrap();
    assert_eq!((ask(&image), two.upgrade().is_none(), images_in_limbo()), (0, true, 0));
    assert_eq!(image.replacement(ANSWER), None);
}

#[test]
fn replacements_go_with_the_image() {
    let _alone = alone();
    let image = base();
    let one = image_of(1);
    let watch = one.downgrade();
    replace(&image, &one);
    drop(one);
    assert!(watch.upgrade().is_some());
    drop(image);
    assert!(watch.upgrade().is_none());
}

#[test]
fn replacements_are_followed_but_not_in_a_circle() {
    let _alone = alone();
    let (a, b) = (base(), base());
    replace(&a, &b);
    replace(&b, &image_of(7));
    assert_eq!((ask(&a), ask(&b)), (7, 7));
    b.restore(ANSWER).unwrap();
    // SAFETY: nothing happens.
    let back = unsafe { b.replace(ANSWER, &a, ANSWER) };
    assert_eq!(back, Err(ReplaceFault::Circle));
    // SAFETY: as above.
    assert_eq!(unsafe { b.replace(ANSWER, &b, ANSWER) }, Err(ReplaceFault::Circle));
    // SAFETY: as above.
    assert_eq!(unsafe { b.replace(CALLER, &a, ANSWER) }, Err(ReplaceFault::NotReplaceable));
    // SAFETY: as above.
    assert_eq!(unsafe { b.replace(ANSWER, &a, FuncId(9)) }, Err(ReplaceFault::NoSuchFunction));
    assert_eq!((ask(&a), ask(&b)), (0, 0));
}

#[test]
fn an_import_may_be_bound_late() {
    let _alone = alone();
    let mut hand = Hand::default();
    let later = hand.import("cos"); // the process has one, which is not meant
    hand.module.set_replaceable(later, true);
    let caller = hand.caller("caller", later);
    let image = hand.linked();
    let trap = run(&image, caller, &mut [0, 0]).unwrap_err();
    assert_eq!(trap.kind, TrapKind::Unbound);
    assert_eq!(image.unbound_at(trap.pc), Some(later));
    assert_eq!(image.function_at(trap.caller), Some(caller));
    let address = image.address(later);
    replace(&image, &image_of(5));
    assert_eq!((ask(&image), image.address(later)), (5, address));
    image.restore(later).unwrap();
    assert_eq!(run(&image, caller, &mut [0, 0]).unwrap_err().kind, TrapKind::Unbound);

    extern "C" fn given(_: u64) -> u64 {
        8
    }
    hand.host.define("cos", given as *const u8);
    let image = hand.linked();
    assert_eq!(ask(&image), 8);
    replace(&image, &image_of(9));
    assert_eq!(ask(&image), 9);
    image.restore(later).unwrap();
    assert_eq!(ask(&image), 8);
}

#[test]
fn ten_thousand_replacements_under_calls_leave_nothing_behind() {
    let _alone = alone();
    let image = base();
    let ended = AtomicBool::new(false);
    let calls = [const { AtomicU64::new(0) }; 3];
    let mut most = 0;
    std::thread::scope(|scope| {
        for calls in &calls {
            let (image, ended) = (&image, &ended);
            scope.spawn(move || {
                let mut last = 0;
                while !ended.load(Ordering::Relaxed) {
                    let now = ask(image);
                    assert!(now >= last, "{now} after {last}");
                    last = now;
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for n in 1..=10_000 {
            replace(&image, &image_of(n));
            most = most.max(images_in_limbo());
            if n % 100 == 0 {
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
    assert_eq!(ask(&image), 10_000);
    image.restore(ANSWER).unwrap();
    assert_eq!(images_in_limbo(), 0);
    assert!(most <= 2 * 100, "{most} waited at a time");
}

/// What [`park`] waits for, and tells that it does.
static GATE: Mutex<Option<(Sender<()>, Receiver<()>)>> = Mutex::new(None);

/// Called from compiled code: waits until the test lets it go on. Then looks around, if told to, and waits again.
extern "C" fn park(look: u64) -> u64 {
    let (here, go) = GATE.lock().unwrap().take().unwrap();
    here.send(()).unwrap();
    go.recv().unwrap();
    if look != 0 {
        look_around();
        here.send(()).unwrap();
        go.recv().unwrap();
    }
    33
}

/// An image whose function 1 calls [`park`].
fn parking() -> Image {
    let mut hand = Hand::default();
    let park = hand.host("park", park as *const u8);
    let bytes = [
        0x48, 0x83, 0xec, 0x08, // sub rsp, 8
        0xe8, 0, 0, 0, 0, // call park
        0x48, 0x83, 0xc4, 0x08, // add rsp, 8
        0xc3, // ret
    ];
    let func = hand.declare("parking");
    let frame = kiln_codegen::code::FrameInfo {
        size: 8,
        steps: [4, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ..Default::default()
    };
    let start = hand.body(func, &bytes, frame);
    hand.reloc(start + 5, machine::CALL, kiln_codegen::code::Target::Func(park), -4);
    hand.linked()
}

/// Runs `caller` of an image in a thread until it has parked; gives the ways to speak with it.
fn start_parked(image: &Image, look: u64) -> (std::thread::JoinHandle<u64>, Receiver<()>, Sender<()>) {
    let (here, at) = channel();
    let (let_go, go) = channel();
    *GATE.lock().unwrap() = Some((here, go));
    let image = image.clone();
    let thread = std::thread::spawn(move || {
        let mut args = [look, 0];
        run(&image, CALLER, &mut args).unwrap();
        args[1]
    });
    at.recv().unwrap();
    (thread, at, let_go)
}

#[test]
fn code_stays_while_a_thread_is_inside() {
    let _alone = alone();
    let image = base();
    // Function 0 of the image that parks is its import.
    let parking = parking();
    let watch = parking.downgrade();
    // SAFETY: as in `replace`.
    unsafe { image.replace(ANSWER, &parking, FuncId(1)) }.unwrap();
    drop(parking);
    let (thread, _at, let_go) = start_parked(&image, 0);
    let mut old = Vec::new();
    for n in 0..100 {
        let next = image_of(n);
        old.push(next.downgrade());
        replace(&image, &next);
    }
    assert!(watch.upgrade().is_some());
    assert_eq!(ask(&image), 99);
    assert_eq!(images_in_limbo(), 100);
    let_go.send(()).unwrap();
    assert_eq!(thread.join().unwrap(), 33);
    // The thread itself freed them as it left.
    assert_eq!(images_in_limbo(), 0);
    assert!(watch.upgrade().is_none());
    assert_eq!(old.iter().filter(|image| image.upgrade().is_some()).count(), 1);
}

#[test]
fn a_thread_that_stays_inside_can_look_around() {
    let _alone = alone();
    let image = base();
    let parking = parking();
    let watch = parking.downgrade();
    // SAFETY: as in `replace`.
    unsafe { image.replace(ANSWER, &parking, FuncId(1)) }.unwrap();
    drop(parking);
    let (thread, at, let_go) = start_parked(&image, 1);
    for n in 0..100 {
        replace(&image, &image_of(n));
    }
    assert_eq!(images_in_limbo(), 100);
    let_go.send(()).unwrap();
    at.recv().unwrap();
    // It is inside the first only. Others are freed at the next occasion.
    replace(&image, &image_of(1000));
    assert!(images_in_limbo() <= 1);
    assert!(watch.upgrade().is_some());
    let_go.send(()).unwrap();
    assert_eq!(thread.join().unwrap(), 33);
    assert!(watch.upgrade().is_none());
    assert_eq!(images_in_limbo(), 0);
}

#[test]
fn a_thread_that_ends_waits_for_nothing() {
    let _alone = alone();
    let image = base();
    replace(&image, &image_of(1));
    std::thread::scope(|scope| {
        scope.spawn(|| ask(&image));
    });
    replace(&image, &image_of(2));
    assert_eq!(images_in_limbo(), 0);
}
