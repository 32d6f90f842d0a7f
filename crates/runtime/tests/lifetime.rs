//! Images come and go: space is used again, handles keep code alive, no page is writable and executable.

mod machine;

use kiln_ir::DataDecl;
use kiln_runtime::Image;
use machine::{Hand, divide, run};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex};

/// Tests that compare addresses or amounts must not link side by side.
static ALONE: Mutex<()> = Mutex::new(());

/// `mov rax, [rdi]; add rax, n; mov [rdi], rax; ret`
fn adder(n: u8) -> Hand {
    let mut hand = Hand::default();
    hand.function("add", &[0x48, 0x8b, 0x07, 0x48, 0x83, 0xc0, n, 0x48, 0x89, 0x07, 0xc3]);
    hand
}

fn add(image: &Image, n: u64) -> u64 {
    let mut args = [n];
    run(image, kiln_ir::FuncId(0), &mut args).unwrap();
    args[0]
}

fn resident_kilobytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text.lines().find(|line| line.starts_with("Rss:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_hundred_thousand_images_use_the_same_space() {
    let _alone = ALONE.lock().unwrap();
    let hands: Vec<Hand> = (0..100).map(adder).collect();
    let mut lowest = usize::MAX;
    let mut highest = 0;
    let mut kept: Vec<(usize, Image)> = Vec::new();
    for i in 0..100_000 {
        let image = hands[i % 100].linked();
        lowest = lowest.min(image.code().start);
        highest = highest.max(image.code().end);
        if i % 7 == 0 {
            kept.push((i % 100, image));
        } else {
            assert_eq!(add(&image, 1000), 1000 + (i as u64 % 100));
        }
        if kept.len() == 300 {
            kept.drain(..150);
        }
    }
    for (n, image) in &kept {
        assert_eq!(add(image, 5), 5 + *n as u64);
    }
    // 300 images of 16 bytes at a time, wherever the holes were.
    assert!(highest - lowest < 64 << 10, "{}", highest - lowest);
}

#[test]
fn many_images_live_at_once_on_shared_pages() {
    let _alone = ALONE.lock().unwrap();
    let hands: Vec<Hand> = (0..100).map(adder).collect();
    let images: Vec<Image> = (0..4_000).map(|i| hands[i % 100].linked()).collect();
    let start = images.iter().map(|image| image.code().start).min().unwrap();
    let end = images.iter().map(|image| image.code().end).max().unwrap();
    assert!(end - start <= 4_300 * 16, "{}", end - start);
    for (i, image) in images.iter().enumerate() {
        assert_eq!(add(image, 1), 1 + (i as u64 % 100));
        assert!(Image::containing(image.code().start).is_some());
    }
}

#[test]
fn freed_pages_return_to_the_system() {
    let _alone = ALONE.lock().unwrap();
    let mut hand = adder(1);
    hand.code.bytes.resize(32 << 20, 0x90);
    hand.data(DataDecl {
        name: "room".into(),
        writable: true,
        align: 16,
        bytes: vec![1; 32 << 20],
        ..DataDecl::default()
    });
    let before = resident_kilobytes();
    let image = hand.linked();
    let during = resident_kilobytes();
    assert!(during > before + (50 << 10), "{before} {during}");
    drop(image);
    let after = resident_kilobytes();
    assert!(after < before + (16 << 10), "{before} {after}");
}

#[test]
fn a_handle_keeps_code_that_a_thread_is_in() {
    static INSIDE: Barrier = Barrier::new(2);
    static DROPPED: AtomicBool = AtomicBool::new(false);
    extern "C" fn wait(n: u64) -> u64 {
        INSIDE.wait();
        while !DROPPED.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        n + 1
    }
    let mut hand = Hand::default();
    let import = hand.host("wait", wait as *const u8);
    let caller = hand.caller("caller", import);
    let image = hand.linked();
    let held = image.clone();
    let code = image.code();
    let thread = std::thread::spawn(move || {
        let mut args = [41, 0];
        run(&held, caller, &mut args).unwrap();
        args[1]
    });
    INSIDE.wait();
    drop(image);
    // Others write to whatever is free now.
    let others: Vec<Image> = (0..100).map(|n| adder(n).linked()).collect();
    assert!(others.iter().all(|other| other.code().end <= code.start || code.end <= other.code().start));
    DROPPED.store(true, Ordering::Release);
    assert_eq!(thread.join().unwrap(), 42);
}

#[test]
fn threads_link_run_trap_and_drop_side_by_side() {
    let _alone = ALONE.lock().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            scope.spawn(move || {
                let mut hand = adder(thread);
                let divide = divide(&mut hand);
                let mut kept = Vec::new();
                for i in 0..2000u64 {
                    let image = hand.linked();
                    assert_eq!(add(&image, i), i + u64::from(thread));
                    assert!(run(&image, divide, &mut [i, 0]).is_err());
                    kept.push(image);
                    if i % 16 == 15 {
                        kept.clear();
                    }
                }
            });
        }
    });
}

#[test]
fn no_page_is_writable_and_executable() {
    let images: Vec<Image> = (0..50).map(|n| adder(n).linked()).collect();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    for line in maps.lines() {
        let rights = line.split_whitespace().nth(1).unwrap();
        assert!(!(rights.contains('w') && rights.contains('x')), "{line}");
    }
    assert_eq!(add(&images[3], 1), 4);
}
