//! Limits of a call, counted as every tier counts them.

use crate::trap::TrapKind;
use std::cell::Cell;

/// What one call from the host may still do. Interpreters that work for the same call (one of them runs native code,
/// which calls back) share it.
#[derive(Debug)]
pub struct Meter {
    fuel: Cell<Option<u64>>,
    depth: Cell<u32>,
}

impl Meter {
    /// So much fuel, if it is limited, and so many activations at a time.
    pub fn new(fuel: Option<u64>, depth: u32) -> Meter {
        Meter { fuel: Cell::new(fuel), depth: Cell::new(depth) }
    }

    /// Takes a unit of fuel.
    pub(super) fn burn(&self) -> Result<(), TrapKind> {
        if let Some(fuel) = self.fuel.get() {
            self.fuel.set(Some(fuel.checked_sub(1).ok_or(TrapKind::OutOfFuel)?));
        }
        Ok(())
    }

    /// Whether fuel is counted.
    pub(super) fn limits_fuel(&self) -> bool {
        self.fuel.get().is_some()
    }

    /// Begins an activation.
    pub(super) fn enter(&self) -> Result<(), TrapKind> {
        self.depth.set(self.depth.get().checked_sub(1).ok_or(TrapKind::StackOverflow)?);
        Ok(())
    }

    /// Ends an activation.
    pub(super) fn leave(&self) {
        self.depth.set(self.depth.get() + 1);
    }

    /// How many more activations there may be.
    pub(super) fn depth(&self) -> u32 {
        self.depth.get()
    }

    /// All activations that began since there might be so many more have ended.
    pub(super) fn back_to(&self, depth: u32) {
        self.depth.set(depth);
    }
}
