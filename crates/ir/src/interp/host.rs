//! What the interpreter asks of its surroundings: memory, addresses, other code.

use crate::entity::{Block, DataId, FuncId, Inst};
use crate::trap::TrapKind;
use crate::types::Signature;

/// The address may not be accessed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadAccess(
    /// The first byte that may not be accessed.
    pub u64,
);

impl From<BadAccess> for TrapKind {
    fn from(BadAccess(address): BadAccess) -> TrapKind {
        TrapKind::BadAccess(Some(address))
    }
}

/// The interpreter's surroundings. Addresses are the host's: real ones, or those of an arena.
pub trait Host {
    /// Reads 1 to 8 bytes, little-endian, zero-extended.
    ///
    /// # Errors
    /// The address may not be read.
    fn load(&mut self, address: u64, bytes: u32) -> Result<u64, BadAccess>;

    /// Writes the low 1 to 8 bytes, little-endian.
    ///
    /// # Errors
    /// The address may not be written.
    fn store(&mut self, address: u64, bytes: u32, value: u64) -> Result<(), BadAccess>;

    /// Replaces 1, 2, 4 or 8 aligned bytes by what `change` makes of them (`None` leaves them), in one step as seen
    /// by other threads; gives what was there, zero-extended.
    ///
    /// # Errors
    /// The address may not be accessed.
    fn update(
        &mut self,
        address: u64,
        bytes: u32,
        change: &mut dyn FnMut(u64) -> Option<u64>,
    ) -> Result<u64, BadAccess> {
        let old = self.load(address, bytes)?;
        if let Some(new) = change(old) {
            self.store(address, bytes, new)?;
        }
        Ok(old)
    }

    /// Copies bytes as C's memmove.
    ///
    /// # Errors
    /// A byte may not be accessed.
    fn copy(&mut self, to: u64, from: u64, length: u64) -> Result<(), BadAccess> {
        // Backward where a forward copy would overwrite what it has yet to read.
        let backward = to.wrapping_sub(from) < length;
        for i in 0..length {
            let i = if backward { length - 1 - i } else { i };
            let byte = self.load(from.wrapping_add(i), 1)?;
            self.store(to.wrapping_add(i), 1, byte)?;
        }
        Ok(())
    }

    /// Fills bytes.
    ///
    /// # Errors
    /// A byte may not be written.
    fn fill(&mut self, to: u64, value: u8, length: u64) -> Result<(), BadAccess> {
        for i in 0..length {
            self.store(to.wrapping_add(i), 1, value as u64)?;
        }
        Ok(())
    }

    /// Orders memory accesses; nothing to do where only one thread looks.
    fn fence(&mut self) {}

    /// Room for a frame or a part of one: this many bytes from a multiple of `align`, right below what was handed out
    /// last, as on the machine's stack. Frames are given back in reverse order.
    ///
    /// # Errors
    /// No room left.
    fn reserve(&mut self, bytes: u64, align: u64) -> Result<u64, TrapKind>;

    /// The mark down to which room was handed out.
    fn mark(&self) -> u64;

    /// Takes back all room handed out since the mark.
    fn release(&mut self, mark: u64);

    /// The address of a function or import, as `func_addr` and data relocations give it.
    fn func_address(&mut self, func: FuncId) -> u64;

    /// The function of the module that has this address, if it is one that the interpreter can run itself.
    fn func_at(&mut self, address: u64) -> Option<FuncId>;

    /// Where calls of a replaceable function of the module go now, if not to its own body.
    fn replacement(&mut self, _func: FuncId) -> Option<u64> {
        None
    }

    /// The address of a data object.
    fn data_address(&mut self, data: DataId) -> u64;

    /// The calling thread's address of a thread-local object.
    ///
    /// # Errors
    /// There is no such object.
    fn tls_address(&mut self, data: DataId) -> Result<u64, TrapKind>;

    /// Calls an import. There is a word for each argument, the variable ones included; `types` says what they are.
    ///
    /// # Errors
    /// The trap that the call ends with.
    fn call_import(&mut self, func: FuncId, call: &ForeignCall<'_>) -> Result<Vec<u64>, TrapKind>;

    /// Calls an address that is no function of the module.
    ///
    /// # Errors
    /// The trap that the call ends with.
    fn call_address(&mut self, address: u64, call: &ForeignCall<'_>) -> Result<Vec<u64>, TrapKind>;

    /// A safepoint was reached, and [`Self::poll`] let the run go on.
    ///
    /// # Errors
    /// The trap to stop with.
    fn safepoint(&mut self, _at: &Safepoint<'_>) -> Result<(), TrapKind> {
        Ok(())
    }

    /// A safepoint was reached; or a function was entered or a loop's head reached, and
    /// [`polls`](super::Settings::polls) are wanted.
    ///
    /// # Errors
    /// The trap to stop with.
    fn poll(&mut self) -> Result<(), TrapKind> {
        Ok(())
    }
}

/// A safepoint that was reached.
#[derive(Clone, Copy, Debug)]
pub struct Safepoint<'a> {
    /// The function.
    pub func: FuncId,
    /// The instruction.
    pub inst: Inst,
    /// The safepoint's number.
    pub id: u32,
    /// The values that it lists.
    pub values: &'a [u64],
}

/// A call that leaves the interpreter.
#[derive(Clone, Copy, Debug)]
pub struct ForeignCall<'a> {
    /// The signature it is made with.
    pub sig: &'a Signature,
    /// The types of the registers passed, the variable arguments included.
    pub types: &'a [crate::types::Type],
    /// Their values.
    pub args: &'a [u64],
}

/// The number that stands for a block's address: no host gives out addresses with this top byte.
pub fn label_address(func: FuncId, block: Block) -> u64 {
    0x4c << 56 | (func.0 as u64 & 0xff_ffff) << 32 | block.0 as u64
}

/// The function and block that a label's address stands for.
pub(super) fn label_at(address: u64) -> Option<(FuncId, Block)> {
    (address >> 56 == 0x4c).then_some((FuncId((address >> 32) as u32 & 0xff_ffff), Block(address as u32)))
}
