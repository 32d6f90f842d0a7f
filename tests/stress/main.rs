//! What programs at the edge of reason do to Kiln: very many of them, very large ones, many threads, forks.
//!
//! Each test has a small size that fits into every run, and grows with `KILN_STRESS`, a factor (1 if not set).

mod atomics;
mod churn;
mod forks;
mod large;
mod threads;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Tests that measure the process's memory run alone.
static MEMORY: RwLock<()> = RwLock::new(());

/// To be held by a test that measures memory.
fn alone() -> RwLockWriteGuard<'static, ()> {
    MEMORY.write().unwrap_or_else(PoisonError::into_inner)
}

/// To be held by every other test.
fn beside_others() -> RwLockReadGuard<'static, ()> {
    MEMORY.read().unwrap_or_else(PoisonError::into_inner)
}

/// A count times the factor asked for.
fn times(count: usize) -> usize {
    let factor = std::env::var("KILN_STRESS").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    count * factor
}

/// Pseudorandom numbers (xorshift), the same in every run.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }
}
