//! Numbers and strings of the format, and the cursor that reads them: unsigned LEB128, zigzag for signed ones, each
//! in its shortest form only, so that a module has one encoding.

use super::fault::{Fault, Item};
use super::outline::Outline;
use crate::diagnostic::{Diagnostic, Place};

/// What a reader gives. The fault is boxed so that the way without one is short: the result fits registers.
pub(super) type Decoded<T> = Result<T, Box<Diagnostic<Fault>>>;

pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, (number << 1 ^ number >> 63) as u64);
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// A place in the file and the end of the part that is being read.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    file: &'a [u8],
    at: usize,
    end: usize,
    /// The file's minor version, for faults about things unknown.
    minor: u16,
    /// Where parts are noted as they are read, if somebody wants to see them.
    outline: Option<&'a Outline>,
}

impl<'a> Reader<'a> {
    /// Reads a file from a place on.
    pub(super) fn new(file: &'a [u8], at: usize, minor: u16, outline: Option<&'a Outline>) -> Reader<'a> {
        Reader { file, at, end: file.len(), minor, outline }
    }

    /// Notes what begins at a byte.
    #[inline]
    pub(super) fn note(&self, at: usize, depth: usize, meaning: impl FnOnce() -> String) {
        if let Some(outline) = self.outline {
            outline.note(at, depth, meaning());
        }
    }

    /// The place of the next byte.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Bytes left in this part.
    pub(super) fn left(&self) -> usize {
        self.end - self.at
    }

    /// A fault at the next byte.
    pub(super) fn fault(&self, fault: Fault) -> Box<Diagnostic<Fault>> {
        self.fault_at(self.at, fault)
    }

    /// A fault at a byte read before.
    #[cold]
    pub(super) fn fault_at(&self, at: usize, fault: Fault) -> Box<Diagnostic<Fault>> {
        Box::new(Diagnostic::new(Place::Byte(at as u64), fault))
    }

    /// The fault of a number, read at this byte, that stands for nothing known.
    pub(super) fn unknown(&self, at: usize, item: Item, number: u64) -> Box<Diagnostic<Fault>> {
        let newer = (self.minor > super::MINOR).then_some(self.minor);
        let fault = self.fault_at(at, Fault::Unknown { item, number, newer });
        match newer {
            Some(_) => {
                Box::new(fault.with_help("load it with the version of Kiln that wrote it, or a later one"))
            }
            None => fault,
        }
    }

    pub(super) fn byte(&mut self) -> Decoded<u8> {
        if self.at == self.end {
            return Err(self.fault(Fault::EndsEarly));
        }
        self.at += 1;
        Ok(self.file[self.at - 1])
    }

    pub(super) fn take(&mut self, length: usize) -> Decoded<&'a [u8]> {
        if length > self.left() {
            return Err(self.fault(Fault::EndsEarly));
        }
        self.at += length;
        Ok(&self.file[self.at - length..self.at])
    }

    #[inline]
    pub(super) fn u64(&mut self) -> Decoded<u64> {
        let first = self.byte()?;
        if first < 0x80 { Ok(first as u64) } else { self.long_number(first) }
    }

    fn long_number(&mut self, first: u8) -> Decoded<u64> {
        let start = self.at - 1;
        let mut number = (first & 0x7f) as u64;
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            // Bits beyond the 64th, or a last byte that adds nothing.
            if byte == 0 || shift == 63 && byte > 1 {
                return Err(self.fault_at(start, Fault::Number));
            }
            number |= ((byte & 0x7f) as u64) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.fault_at(start, Fault::Number))
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Decoded<u32> {
        let start = self.at;
        u32::try_from(self.u64()?).map_err(|_| self.fault_at(start, Fault::Number))
    }

    pub(super) fn i64(&mut self) -> Decoded<i64> {
        let number = self.u64()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(super) fn i32(&mut self) -> Decoded<i32> {
        let start = self.at;
        i32::try_from(self.i64()?).map_err(|_| self.fault_at(start, Fault::Number))
    }

    /// The number of things that follow, of which each takes at least `least` bytes: so there is room for it.
    pub(super) fn count(&mut self, item: Item, least: usize) -> Decoded<usize> {
        let start = self.at;
        let count = self.u64()?;
        if count > (self.left() / least) as u64 || count >= u32::MAX as u64 {
            return Err(self.fault_at(start, Fault::Count { item, count }));
        }
        Ok(count as usize)
    }

    /// An index into a table of this many.
    #[inline]
    pub(super) fn index(&mut self, item: Item, count: usize) -> Decoded<u32> {
        let start = self.at;
        let index = self.u64()?;
        if index >= count as u64 {
            return Err(self.fault_at(start, Fault::Index { item, index, count: count as u64 }));
        }
        Ok(index as u32)
    }

    pub(super) fn text(&mut self) -> Decoded<&'a str> {
        let length = self.count(Item::Character, 1)?;
        let start = self.at;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|e| self.fault_at(start + e.valid_up_to(), Fault::Text))
    }

    /// Reads a part of its own that is this long; this reader goes on behind it.
    pub(super) fn part(&mut self, length: usize) -> Decoded<Reader<'a>> {
        let at = self.at;
        self.take(length)?;
        Ok(Reader { end: at + length, at, ..self.clone() })
    }

    /// Ends a part: nothing may be left of it.
    pub(super) fn finish(&self) -> Decoded<()> {
        if self.left() != 0 { Err(self.fault(Fault::Leftover { bytes: self.left() as u64 })) } else { Ok(()) }
    }
}
