//! Variable arguments, in the layout of the System V AMD64 `va_list` (psABI 3.5.7), so that lists can be handed to C.
//!
//! An interpreted function's own variable arguments all stand in the overflow area, eight bytes each: its register
//! offsets start where the registers end. Lists that come from C are read as they are.

use super::Interpreter;
use super::host::BadAccess;
use crate::trap::TrapKind;
use crate::types::Type;

/// Size of a `va_list`: two 32-bit offsets, then the overflow and register areas' addresses.
pub(super) const LIST_BYTES: u64 = 24;
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

    pub(super) fn va_start(&mut self, list: u64) -> Result<(), BadAccess> {
        let area = self.top().variable;
        self.host.store(list, 4, GENERAL_END)?;
        self.host.store(list.wrapping_add(4), 4, VECTOR_END)?;
        self.host.store(list.wrapping_add(8), 8, area)?;
        self.host.store(list.wrapping_add(16), 8, 0)
    }

    pub(super) fn va_arg(&mut self, list: u64, ty: Type) -> Result<u64, BadAccess> {
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
