//! Taking numbers and strings out of bytes.

use super::span;
use crate::rasm::fault::Fault;
use crate::rasm::program::{self, Register};
use crate::rasm::table::Opcode;
use kiln_ir::diagnostic::Diagnostic;

pub(super) type Read<T> = Result<T, Diagnostic<Fault>>;

/// Bytes and where reading is.
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
    pub at: usize,
}

/// A fault at a byte.
pub(super) fn fault<T>(at: usize, fault: Fault) -> Read<T> {
    Err(Diagnostic::new(program::place(span(at)), fault))
}

impl<'b> Reader<'b> {
    pub fn new(bytes: &'b [u8]) -> Reader<'b> {
        Reader { bytes, at: 0 }
    }

    pub fn is_done(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn take(&mut self, count: usize) -> Read<&'b [u8]> {
        match self.bytes[self.at..].get(..count) {
            Some(taken) => {
                self.at += count;
                Ok(taken)
            }
            None => fault(self.bytes.len(), Fault::Truncated),
        }
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub fn u8(&mut self) -> Read<u8> {
        self.array().map(|[byte]: [u8; 1]| byte)
    }

    pub fn u16(&mut self) -> Read<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Read<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Read<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub fn bytes(&mut self, count: usize) -> Read<&'b [u8]> {
        self.take(count)
    }

    /// So many bytes that are a name with the characters that `allowed` admits.
    pub fn name(&mut self, count: usize, allowed: impl Fn(&str) -> bool) -> Read<&'b str> {
        let at = self.at;
        match std::str::from_utf8(self.take(count)?) {
            Ok(name) if allowed(name) => Ok(name),
            _ => fault(at, Fault::BadName),
        }
    }

    pub fn opcode(&mut self) -> Read<Opcode> {
        let at = self.at;
        let number = self.u16()?;
        match Opcode::from_number(number) {
            Some(op) => Ok(op),
            None => fault(at, Fault::BadByte { what: "opcode", value: number.into() }),
        }
    }

    /// How many operands there are: three at most.
    pub fn count(&mut self) -> Read<u8> {
        let at = self.at;
        match self.u8()? {
            count @ 0..=3 => Ok(count),
            count => fault(at, Fault::BadByte { what: "number of operands", value: count.into() }),
        }
    }
}

/// The register of a kind with this index, which stands at a byte.
pub(super) fn register(at: usize, make: fn(u8) -> Register, count: u8, index: u32) -> Read<Register> {
    match u8::try_from(index) {
        Ok(index) if index < count => Ok(make(index)),
        _ => fault(at, Fault::BadByte { what: "index of a register", value: index.into() }),
    }
}
