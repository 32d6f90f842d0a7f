//! Putting numbers and strings into bytes.

use super::read::fault;
use crate::rasm::fault::Fault;
use kiln_ir::diagnostic::Diagnostic;

pub(super) type Write = Result<(), Diagnostic<Fault>>;

#[derive(Default)]
pub(super) struct Writer {
    pub bytes: Vec<u8>,
}

impl Writer {
    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub fn u16(&mut self, value: u16) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub fn u64(&mut self, value: u64) {
        self.bytes.extend(value.to_be_bytes());
    }

    /// How many operands there are: three at most.
    pub fn count(&mut self, count: usize) -> Write {
        match count {
            0..=3 => self.u8(count as u8),
            _ => return self.refuse("an instruction with more than three operands"),
        }
        Ok(())
    }

    /// A string behind its length in 16 bits.
    pub fn short(&mut self, string: &[u8]) -> Write {
        match u16::try_from(string.len()) {
            Ok(length) => self.u16(length),
            Err(_) => return self.refuse("a string or name of more than 65535 bytes"),
        }
        self.bytes.extend(string);
        Ok(())
    }

    /// A string behind its length in 32 bits.
    pub fn long(&mut self, string: &[u8]) -> Write {
        match u32::try_from(string.len()) {
            Ok(length) => self.u32(length),
            Err(_) => return self.refuse("a string of more than 4 GiB"),
        }
        self.bytes.extend(string);
        Ok(())
    }

    /// What cannot be said at this byte.
    pub fn refuse<T>(&self, what: &str) -> Result<T, Diagnostic<Fault>> {
        fault(self.bytes.len(), Fault::NotEncodable(what.into()))
    }
}
