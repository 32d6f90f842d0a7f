//! The call stack: return places, each the index of the instruction to go on at.

use super::{State, exhausted, get, set};
use crate::fault::{FaultKind, Resource};

impl State<'_> {
    /// The return places, the innermost last.
    pub fn calls(&self) -> &[u32] {
        let (base, top) = (get!(self, call_base), get!(self, call_top));
        // SAFETY: the places between base and top are in the area, and were written by calls.
        unsafe { std::slice::from_raw_parts(base, top.offset_from_unsigned(base)) }
    }

    /// Adds a return place.
    ///
    /// # Errors
    /// A limit, if there are too many.
    #[inline]
    pub fn push_call(&mut self, place: u32) -> Result<(), FaultKind> {
        let top = get!(self, call_top);
        if top >= self.call_limit {
            return Err(self.too_many_calls());
        }
        // SAFETY: the place is below the limit, so in the area.
        unsafe { top.write(place) };
        set!(self, call_top, top.wrapping_add(1));
        Ok(())
    }

    /// Removes the innermost return place.
    #[inline]
    pub fn pop_call(&mut self) -> Option<u32> {
        let top = get!(self, call_top);
        if top == get!(self, call_base) {
            return None;
        }
        let top = top.wrapping_sub(1);
        set!(self, call_top, top);
        // SAFETY: there was a place below the top.
        Some(unsafe { top.read() })
    }

    /// The fault of one call more than there may be.
    #[cold]
    pub fn too_many_calls(&self) -> FaultKind {
        exhausted(Resource::Calls, self.limits.calls, self.memory.sizes.calls, 4)
    }

    /// How many calls may be under way.
    pub fn call_capacity(&self) -> u64 {
        (self.call_limit as u64 - get!(self, call_base) as u64) / 4
    }

    /// Where the call stack really ends; the header's limit may have been lowered.
    pub fn call_limit(&self) -> *mut u32 {
        self.call_limit
    }
}
