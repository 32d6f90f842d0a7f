//! How much memory compiling takes, counted by the allocator, so that it is the same in every run: what a function needs
//! grows with it and no faster, and where the scratch memory has grown nothing is allocated any more.

use kiln_codegen::{Code, Options, Scratch, Tier, compile};
use kiln_ir::verify::{Checked, check};
use kiln_ir::{Cond, FunctionBuilder, Linkage, MemType, Module, Signature, Type, VReg};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: isize, calls: usize) {
    // Threads that are ending have no counts any more.
    let _ = CALLS.try_with(|count| count.set(count.get() + calls));
    let _ = NOW.try_with(|now| now.set(now.get() + bytes));
    let _ = MOST.try_with(|most| most.set(most.get().max(NOW.get())));
}

// SAFETY: everything is done by the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize, 1);
        // SAFETY: as the caller of this function promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize, 1);
        // SAFETY: as the caller of this function promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both places may exist while the bytes are copied.
        count(size as isize, 1);
        count(-(layout.size() as isize), 0);
        // SAFETY: as the caller of this function promises.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as isize), 0);
        // SAFETY: as the caller of this function promises.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `f` allocates: at most at a time, and how much of it stays, in bytes; and how often it asks.
fn allocated(f: impl FnOnce()) -> (isize, isize, usize) {
    let (before, calls) = (NOW.get(), CALLS.get());
    MOST.set(before);
    f();
    (MOST.get() - before, NOW.get() - before, CALLS.get() - calls)
}

/// An ordinary function of about so many ops: blocks of eight that skip the next one or go back, integers and floats that
/// live throughout, and values of one block.
fn write(b: &mut FunctionBuilder<'_>, ops: usize) {
    let count = ops / 9;
    let (base, fuel) = (b.param(0), b.param(1));
    let blocks: Vec<_> = (0..=count).map(|_| b.block()).collect();
    let ints: Vec<VReg> = (0..5).map(|n| b.iconst(Type::I64, n)).collect();
    let floats: Vec<VReg> = (0..3).map(|n| b.f64const(n as f64)).collect();
    let mut seed = 1u32;
    let mut choose = |of: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize % of
    };
    for n in 0..count {
        b.place(blocks[n]);
        let place = (base, (choose(200) * 8) as i32);
        let mut last = b.load(Type::I64, MemType::I64, place);
        for _ in 0..4 {
            let other = ints[choose(5)];
            last = match choose(4) {
                0 => b.add(last, other),
                1 => b.xor(last, choose(1000) as i32),
                2 => b.mul(last, other),
                _ => b.sub(other, last),
            };
        }
        let changed = ints[choose(5)];
        b.to(changed).add(changed, last);
        let sum = floats[choose(3)];
        b.to(sum).fadd(sum, floats[choose(3)]);
        if n % 16 == 15 {
            b.to(fuel).sub(fuel, 1);
            b.branch(Cond::Gt, fuel, 0, blocks[n - 15]);
        } else {
            b.store(MemType::I64, place, changed);
            b.branch(Cond::Lt, last, ints[choose(5)], blocks[(n + 2).min(count)]);
        }
    }
    b.place(blocks[count]);
    let sum = ints.into_iter().reduce(|x, y| b.add(x, y)).expect("there are five");
    b.ret(&[sum]);
}

/// A module with a function of each of these sizes.
fn module(sizes: &[usize]) -> Checked {
    let mut module = Module::new();
    for (n, ops) in sizes.iter().enumerate() {
        let signature = Signature::new([Type::Ptr, Type::I64], [Type::I64]);
        let func = module.declare(&format!("f{n}"), signature, Linkage::Export);
        let mut b = module.build(func);
        write(&mut b, *ops);
        b.finish().expect("all blocks are placed and ended");
    }
    check(module).unwrap_or_else(|(_, faults)| panic!("{:?}", faults[0].fault))
}

fn options(tier: Tier) -> Options {
    Options { tier, ..Options::default() }
}

#[test]
fn compiling_takes_memory_by_the_op() {
    // Debug builds check smaller functions in ways that take more.
    for (tier, bound) in [(Tier::Optimized, 300.0), (Tier::Baseline, 70.0)] {
        let found: Vec<f64> = [30_000, 100_000, 1_000_000]
            .iter()
            .map(|ops| {
                let module = module(&[*ops]);
                let (mut scratch, mut code) = (Scratch::default(), Code::default());
                let (most, ..) = allocated(|| {
                    compile(&module, &options(tier), &mut scratch, &mut code).expect("compiles")
                });
                most as f64 / *ops as f64
            })
            .collect();
        let most = found.iter().copied().fold(0.0, f64::max);
        let least = found.iter().copied().fold(f64::MAX, f64::min);
        assert!(most < bound, "{tier:?}: {found:?} bytes per op");
        assert!(most < 1.3 * least, "{tier:?}: {found:?} bytes per op");
    }
}

#[test]
fn compiling_again_allocates_nothing() {
    let module = module(&[40, 25_000, 300, 30_000, 1000, 25_000]);
    for tier in [Tier::Baseline, Tier::Optimized] {
        let (mut scratch, mut code) = (Scratch::default(), Code::default());
        let mut round = || {
            code.clear();
            compile(&module, &options(tier), &mut scratch, &mut code).expect("compiles");
        };
        // Phases exchange arrays, so that it takes a few rounds until all are large enough for each.
        (0..4).for_each(|_| round());
        let (_, kept, calls) = allocated(&mut round);
        assert_eq!(kept, 0, "{tier:?}: memory grows");
        // In debug builds the optimizing compiler checks what it does in tables of their own.
        if tier == Tier::Baseline || !cfg!(debug_assertions) {
            assert_eq!(calls, 0, "{tier:?}");
        }
    }
}
