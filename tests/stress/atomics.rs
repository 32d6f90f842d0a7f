//! Atomics with threads: four of them hammer one cell with every operation, width and order; and what the orders
//! forbid is never seen.

#![allow(unsafe_code, reason = "calling programs that access memory")]

use crate::{Random, beside_others, times};
use kiln::{Config, Engine, Order, Program, Tier};
use std::sync::Barrier;

const THREADS: usize = 4;
const COMPILED: [Tier; 3] = [Tier::Baseline, Tier::Optimized, Tier::Auto];
const WIDTHS: [u32; 4] = [8, 16, 32, 64];

fn load(tier: Tier, text: &str) -> Program {
    Engine::new(Config::new().tier(tier)).load_text(text).unwrap_or_else(|e| panic!("{e}"))
}

fn mask(bits: u32) -> u64 {
    u64::MAX >> (64 - bits)
}

fn signed(value: u64, bits: u32) -> i64 {
    (value << (64 - bits)) as i64 >> (64 - bits)
}

/// What must be in the cell in the end, from what was there and everything written; none if it depends on the order.
fn last(op: &str, bits: u32, first: u64, values: &[u64]) -> Option<u64> {
    let all = values.iter().copied();
    let word = match op {
        "add" | "cas" => all.fold(first, u64::wrapping_add),
        "sub" => all.fold(first, u64::wrapping_sub),
        "and" => all.fold(first, |a, v| a & v),
        "or" => all.fold(first, |a, v| a | v),
        "xor" => all.fold(first, |a, v| a ^ v),
        "smin" => all.map(|v| signed(v, bits)).fold(signed(first, bits), i64::min) as u64,
        "smax" => all.map(|v| signed(v, bits)).fold(signed(first, bits), i64::max) as u64,
        "umin" => all.fold(first, u64::min),
        "umax" => all.fold(first, u64::max),
        _ => return None,
    };
    Some(word & mask(bits))
}

/// A thread's `n` operations: takes each value from the words at `%q` and puts there what was in the cell before.
fn hammer(op: &str, bits: u32, order: Order) -> String {
    let (order, register) = (order.name(), if bits == 64 { "i64" } else { "i32" });
    let suffix = if bits == 64 { "i64".to_string() } else { format!("u{bits}.{register}") };
    let body = if op == "cas" {
        format!(
            "    %expected: {register} = atomic_load.{suffix} [%p] !relaxed
            retry:
                %sum = add %expected, %v
                %old = atomic_cas.{suffix} [%p], %expected, %sum !{order}
                beq %old, %expected, done
                %expected = copy %old
                jump retry
            done:"
        )
    } else {
        format!("    %old: {register} = atomic_{op}.{suffix} [%p], %v !{order}")
    };
    let result = if bits == 64 { "    %x = copy %old" } else { "    %x = zext %old" };
    format!(
        "export fn hammer(%p: ptr, %q: ptr, %n: i64) {{
            reg %old: {register}
            %i = const.i64 0
        next:
            %v = load.{register} [%q + %i*8]
        {body}
        {result}
            store.i64 [%q + %i*8], %x
            %i = add %i, 1
            blt %i, %n, next
            ret
        }}"
    )
}

fn hammer_with(tier: Tier, op: &str, bits: u32, order: Order, count: usize) {
    let what = format!("{tier:?}: atomic_{op} of {bits} bits, {}", order.name());
    let program = load(tier, &hammer(op, bits, order));
    let mut random = Random::new(bits.into());
    // For `and` and `or` few bits change at a time, so that a lost one is seen.
    let mut value = |i: usize| match op {
        "or" => 1 << (i as u32 % (bits - 1)),
        "and" => !(1 << (i as u32 % (bits - 1))),
        _ => random.below(usize::MAX) as u64,
    };
    let mut words: Vec<Vec<u64>> =
        (0..THREADS).map(|t| (0..count).map(|i| value(i * THREADS + t) & mask(bits)).collect()).collect();
    let mut written: Vec<u64> = words.iter().flatten().copied().collect();
    let first = match op {
        "or" => 0,
        "and" => u64::MAX,
        _ => 0x5555_5555_5555_5555,
    };
    // The cell has neighbours that must stay.
    let mut memory = [first; 3];
    let cell = memory.as_mut_ptr() as usize + 8;
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for words in &mut words {
            let (program, start) = (&program, &start);
            scope.spawn(move || {
                let hammer = program.function::<fn(*mut u64, *mut u64, i64)>("hammer").expect("hammer");
                start.wait();
                // SAFETY: all threads access the cell atomically, and the words are this thread's.
                unsafe { hammer.call(cell as *mut u64, words.as_mut_ptr(), count as i64) }.expect("no trap");
            });
        }
    });
    let [before, word, after] = memory;
    assert_eq!(
        (before, after, word & !mask(bits)),
        (first, first, first & !mask(bits)),
        "{what}: neighbours"
    );
    let word = word & mask(bits);
    if let Some(wanted) = last(op, bits, first & mask(bits), &written) {
        assert_eq!(word, wanted, "{what}: {word:x} for {wanted:x}");
    } else {
        // What was put in comes out exactly once, or is there still.
        let mut seen: Vec<u64> = words.iter().flatten().copied().chain([word]).collect();
        written.push(first & mask(bits));
        seen.sort_unstable();
        written.sort_unstable();
        assert!(seen == written, "{what}: values were lost or seen twice");
    }
}

#[test]
fn threads_hammer_one_cell_with_every_operation() {
    let _beside = beside_others();
    for op in ["add", "sub", "and", "or", "xor", "xchg", "smin", "smax", "umin", "umax", "cas"] {
        for bits in WIDTHS {
            for order in Order::ALL {
                for tier in COMPILED {
                    hammer_with(tier, op, bits, *order, times(2000));
                }
            }
            hammer_with(Tier::Interpreter, op, bits, Order::SeqCst, times(100));
        }
    }
}

/// Two threads run `left` and `right` over the same cells, which begin as 0; each writes a word per cell. Gives the words.
fn side_by_side(tier: Tier, text: &str, cells: usize) -> (Vec<u64>, Vec<u64>) {
    let program = load(tier, text);
    let (mut x, mut y) = (vec![0u64; cells], vec![0u64; cells]);
    let (x, y) = (x.as_mut_ptr() as usize, y.as_mut_ptr() as usize);
    let start = Barrier::new(2);
    let run = |name: &str| {
        let function = program.function::<fn(*mut u64, *mut u64, *mut u64, i64)>(name).expect("it is there");
        let mut seen = vec![0u64; cells];
        start.wait();
        // SAFETY: the program accesses the cells as the test says, and the words are this thread's.
        unsafe { function.call(x as *mut u64, y as *mut u64, seen.as_mut_ptr(), cells as i64) }
            .expect("no trap");
        seen
    };
    std::thread::scope(|scope| {
        let left = scope.spawn(|| run("left"));
        let right = scope.spawn(|| run("right"));
        (left.join().expect("no panic"), right.join().expect("no panic"))
    })
}

/// A function over all cells of `%x` and `%y`, with a body for cell `%i` that assigns `%r`.
fn over_cells(name: &str, body: &str) -> String {
    format!(
        "export fn {name}(%x: ptr, %y: ptr, %out: ptr, %n: i64) {{
            %i = const.i64 0
        next:
        {body}
            store.i64 [%out + %i*8], %r
            %i = add %i, 1
            blt %i, %n, next
            ret
        }}\n"
    )
}

/// Each thread stores to one cell and reads the other: sequentially consistent, one of them sees the other's store.
#[test]
fn store_buffering_is_not_seen_when_sequentially_consistent() {
    let _beside = beside_others();
    let plain =
        "    atomic_store.i64 [A + %i*8], %one !seq_cst\n    %r = atomic_load.i64 [B + %i*8] !seq_cst";
    let fenced = "    atomic_store.i64 [A + %i*8], %one !relaxed\n    fence !seq_cst
            %r = atomic_load.i64 [B + %i*8] !relaxed";
    let exchanged = "    %old = atomic_xchg.i64 [A + %i*8], %one !seq_cst
            %r = atomic_load.i64 [B + %i*8] !seq_cst";
    for (name, body) in [("seq_cst", plain), ("fenced", fenced), ("exchanged", exchanged)] {
        let body = format!("    %one = const.i64 1\n{body}");
        let left = over_cells("left", &body.replace("[A", "[%x").replace("[B", "[%y"));
        let right = over_cells("right", &body.replace("[A", "[%y").replace("[B", "[%x"));
        for tier in (0..times(9)).map(|n| COMPILED[n % COMPILED.len()]) {
            let (left, right) = side_by_side(tier, &(left.clone() + &right), 20_000);
            let neither = left.iter().zip(&right).filter(|(l, r)| **l == 0 && **r == 0).count();
            assert_eq!(neither, 0, "{name} on {tier:?}");
        }
    }
}

/// One thread writes a message and then a flag with release; who has read the flag with acquire reads the message.
#[test]
fn messages_are_there_when_their_flag_is() {
    let _beside = beside_others();
    let send = over_cells(
        "left",
        "    %r = add %i, 1000\n    store.i64 [%x + %i*8], %r
            %one = const.i64 1\n    atomic_store.i64 [%y + %i*8], %one !release",
    );
    let receive = over_cells(
        "right",
        "wait:
            pause
            %flag = atomic_load.i64 [%y + %i*8] !acquire\n    beq %flag, 0, wait
            %r = load.i64 [%x + %i*8]",
    );
    for tier in (0..times(9)).map(|n| COMPILED[n % COMPILED.len()]) {
        let (_, received) = side_by_side(tier, &(send.clone() + &receive), 20_000);
        let wrong = received.iter().enumerate().position(|(i, word)| *word != i as u64 + 1000);
        assert_eq!(wrong, None, "{tier:?}");
    }
}
