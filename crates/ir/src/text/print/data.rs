//! Printing data objects.

use super::Printer;
use super::names::write_string;
use crate::entity::DataId;
use crate::module::{DataDecl, DataReloc, DataTarget, Linkage};
use std::fmt::{self, Write};
use std::ops::Range;

/// Bytes on one line.
const LINE: usize = 64;

impl Printer<'_, '_, '_> {
    pub(super) fn data(&mut self, n: usize, data: &DataDecl) -> fmt::Result {
        if data.linkage == Linkage::Import {
            self.out.write_str(if data.writable { "extern data " } else { "extern const data " })?;
            self.symbols.data(self.out, DataId(n as u32))?;
            if data.thread_local {
                self.out.write_str(" thread_local")?;
            }
            if data.align != 1 {
                write!(self.out, " align {}", data.align)?;
            }
            return self.out.write_char('\n');
        }
        if data.linkage == Linkage::Export {
            self.out.write_str("export ")?;
        }
        self.out.write_str(if data.writable { "data " } else { "const data " })?;
        self.symbols.data(self.out, DataId(n as u32))?;
        let natural = if data.relocs.is_empty() { unit(data, &data.bytes) } else { 8 };
        if data.align != natural {
            write!(self.out, " align {}", data.align)?;
        }
        self.out.write_str(" = ")?;
        let mut first = true;
        let mut at = 0;
        // Where the open list of addresses goes on.
        let mut list = None;
        for reloc in &data.relocs {
            let offset = reloc.offset as usize;
            // Out of order or out of bounds: not a module that passes the verifier.
            if offset < at || offset + 8 > data.bytes.len() {
                continue;
            }
            if list == Some(offset) {
                self.out.write_str(", ")?;
            } else {
                self.close(&mut list)?;
                self.bytes(data, at..offset, &mut first)?;
                self.separate(&mut first)?;
                self.out.write_str("ptr [")?;
            }
            self.address(reloc)?;
            at = offset + 8;
            list = Some(at);
        }
        self.close(&mut list)?;
        self.bytes(data, at..data.bytes.len(), &mut first)?;
        if data.zeros > 0 || first {
            self.separate(&mut first)?;
            write!(self.out, "zero {}", data.zeros)?;
        }
        self.out.write_char('\n')
    }

    fn close(&mut self, list: &mut Option<usize>) -> fmt::Result {
        if list.take().is_some() { self.out.write_char(']') } else { Ok(()) }
    }

    fn separate(&mut self, first: &mut bool) -> fmt::Result {
        if std::mem::take(first) { Ok(()) } else { self.out.write_str(",\n    ") }
    }

    fn bytes(&mut self, data: &DataDecl, range: Range<usize>, first: &mut bool) -> fmt::Result {
        let inner = range.end < data.bytes.len();
        let bytes = &data.bytes[range];
        if inner
            && bytes.len() >= LINE
            && bytes.len() as u64 <= self.inner_zeros
            && bytes.iter().all(|b| *b == 0)
        {
            self.inner_zeros -= bytes.len() as u64;
            self.separate(first)?;
            return write!(self.out, "zero {}", bytes.len());
        }
        let unit = if data.relocs.is_empty() { unit(data, bytes) as usize } else { 1 };
        let mut rest = bytes;
        while !rest.is_empty() {
            self.separate(first)?;
            if !is_text(bytes) {
                let line = &rest[..rest.len().min(LINE / 4 * unit)];
                write!(self.out, "i{} [", unit * 8)?;
                for (n, value) in line.chunks(unit).enumerate() {
                    let mut word = [0; 8];
                    word[..value.len()].copy_from_slice(value);
                    let value = i64::from_le_bytes(word);
                    write!(self.out, "{}{value}", if n == 0 { "" } else { ", " })?;
                }
                self.out.write_char(']')?;
                rest = &rest[line.len()..];
                continue;
            }
            // A line ends at a line's end or where it is long, but never inside a character.
            let newline = rest.iter().take(2 * LINE).position(|b| *b == b'\n').map(|at| at + 1);
            let mut len = newline.unwrap_or(LINE).min(rest.len());
            while len < rest.len()
                && (rest[len] & 0xc0 == 0x80 || rest.len() - len <= 8 && rest[len..].iter().all(|b| *b == 0))
            {
                len += 1;
            }
            write_string(self.out, &rest[..len])?;
            rest = &rest[len..];
        }
        Ok(())
    }

    fn address(&mut self, reloc: &DataReloc) -> fmt::Result {
        match reloc.target {
            DataTarget::Func(func) => self.symbols.func(self.out, func)?,
            DataTarget::Data(data) => self.symbols.data(self.out, data)?,
            DataTarget::Label(func, block) => {
                self.symbols.func(self.out, func)?;
                if let Some(blocks) = self.label_names.get(&func) {
                    if blocks.is_named(block.0) {
                        self.out.write_char('.')?;
                    }
                    blocks.block(self.out, block.0)?;
                }
            }
        }
        match reloc.addend {
            0 => {}
            n if n > 0 => write!(self.out, " + {n}")?,
            n => write!(self.out, " - {}", n.unsigned_abs())?,
        }
        Ok(())
    }
}

/// The size of the integers that a run of bytes is written in, which is also its natural alignment.
fn unit(data: &DataDecl, bytes: &[u8]) -> u32 {
    match data.align {
        _ if bytes.is_empty() || is_text(bytes) => 1,
        align @ (2 | 4 | 8) if bytes.len().is_multiple_of(align as usize) => align,
        _ => 1,
    }
}

/// Whether bytes read better as a string.
fn is_text(bytes: &[u8]) -> bool {
    let printable = bytes.iter().filter(|b| matches!(b, b' '..=b'~' | b'\n' | b'\t' | 0x80..)).count();
    let text = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    std::str::from_utf8(text).is_ok() && printable * 4 >= text.len() * 3
}
