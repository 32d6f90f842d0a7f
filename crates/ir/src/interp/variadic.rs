//! Variable arguments, in the layouts that C has: the `va_list` of the System V AMD64 convention (psABI 3.5.7), or the
//! plain pointer of Win64, as the function's own convention says; so lists can be handed to C.
//!
//! The variable arguments that one interpreted function passes to another all stand in memory, eight bytes each: the
//! register offsets of their list start where the registers end. Lists that come from C are read as they are.

use super::Interpreter;
use super::host::BadAccess;
use crate::trap::TrapKind;
use crate::types::{Convention, Type};

/// Where an activation's variable arguments are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Variable {
    /// In memory from this address on, eight bytes each.
    Area(u64),
    /// As the list at this address says, which the caller made.
    List(u64),
}

/// Size of a `va_list`: two 32-bit offsets, then the overflow and register areas' addresses; or one address.
const LIST_BYTES: u64 = 24;
const LIST_BYTES_WIN64: u64 = 8;
const GENERAL_END: u64 = 48;
const VECTOR_END: u64 = 176;

impl Interpreter<'_> {
    /// Lays out variable arguments for a callee; gives their address.
    pub(super) fn pass_variable(&mut self, args: &[u64], types: &[Type]) -> Result<u64, TrapKind> {
        let area = self.host.reserve((8 * args.len() as u64).max(1), 16)?;
        for (i, (word, ty)) in args.iter().zip(types).enumerate() {
            let word = if *ty == Type::I32 { *word as u32 as i32 as i64 as u64 } else { *word };
            self.host.store(area + 8 * i as u64, 8, word)?;
        }
        Ok(area)
    }

    fn is_win64(&mut self) -> bool {
        let func = self.top().func;
        self.module.signature_of(func).convention == Convention::Win64
    }

    pub(super) fn va_start(&mut self, list: u64) -> Result<(), BadAccess> {
        let (variable, win64) = (self.top().variable, self.is_win64());
        match variable {
            Variable::List(given) => self.va_copy(list, given),
            Variable::Area(area) if win64 => self.host.store(list, 8, area),
            Variable::Area(area) => {
                self.host.store(list, 4, GENERAL_END)?;
                self.host.store(list.wrapping_add(4), 4, VECTOR_END)?;
                self.host.store(list.wrapping_add(8), 8, area)?;
                self.host.store(list.wrapping_add(16), 8, 0)
            }
        }
    }

    pub(super) fn va_copy(&mut self, to: u64, from: u64) -> Result<(), BadAccess> {
        let bytes = if self.is_win64() { LIST_BYTES_WIN64 } else { LIST_BYTES };
        self.host.copy(to, from, bytes)
    }

    pub(super) fn va_arg(&mut self, list: u64, ty: Type) -> Result<u64, BadAccess> {
        if self.is_win64() {
            let at = self.host.load(list, 8)?;
            self.host.store(list, 8, at.wrapping_add(8))?;
            return self.host.load(at, ty.bytes());
        }
        let (field, end, step) = if ty.is_float() { (4, VECTOR_END, 16) } else { (0, GENERAL_END, 8) };
        let at = list.wrapping_add(field);
        let offset = self.host.load(at, 4)?;
        let address = if offset < end {
            let registers = self.host.load(list.wrapping_add(16), 8)?;
            self.host.store(at, 4, offset + step)?;
            registers.wrapping_add(offset)
        } else {
            let overflow = self.host.load(list.wrapping_add(8), 8)?;
            self.host.store(list.wrapping_add(8), 8, overflow.wrapping_add(8))?;
            overflow
        };
        self.host.load(address, ty.bytes())
    }
}
