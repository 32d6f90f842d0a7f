//! Input and output with the buffers that compiled code reads and fills.
//!
//! Output is written when the buffer is full, before input is awaited, when the program ends in any way, and, if a person
//! watches, after a line feed. Input is used where the reader holds it; what was used is told to the reader when more is
//! wanted and when execution stops, so nothing is taken that the program did not read.

use super::{Halt, State, get, set};
use crate::fault::{FaultKind, Resource};
use std::io::{self, BufRead, Write};

/// Where a program's input comes from and its output goes to.
pub struct Channels<'io> {
    input: Box<dyn BufRead + 'io>,
    output: Box<dyn Write + 'io>,
    /// Whether output is written after each line feed.
    line_by_line: bool,
    /// Output that was not written yet ends at the header's `output_at`.
    buffer: Box<[u8]>,
    /// How much of the buffer is written already: writing failed behind it.
    written: usize,
    /// How many bytes left the buffer so far.
    total: u64,
    /// Where the input starts that the reader has lent. Null if what is at hand, if anything, is `unread`.
    lent: *const u8,
    /// Input that the reader no longer has.
    unread: Vec<u8>,
}

const BUFFER: usize = 1 << 16;

impl<'io> Channels<'io> {
    /// The input and the output.
    pub fn new(input: impl BufRead + 'io, output: impl Write + 'io) -> Channels<'io> {
        Channels {
            input: Box::new(input),
            output: Box::new(output),
            line_by_line: false,
            // Zeroed pages of the system, not touched yet.
            buffer: vec![0; BUFFER].into_boxed_slice(),
            written: 0,
            total: 0,
            lent: std::ptr::null(),
            unread: Vec::new(),
        }
    }

    /// Writes output after each line feed: for terminals.
    #[must_use]
    pub fn line_by_line(mut self) -> Channels<'io> {
        self.line_by_line = true;
        self
    }
}

impl State<'_> {
    /// Makes all of the buffer room for output.
    pub(super) fn open_output(&mut self) {
        let room = match self.limits.output {
            Some(limit) => limit.saturating_sub(self.channels.total).min(BUFFER as u64) as usize,
            None => BUFFER,
        };
        let start = self.channels.buffer.as_mut_ptr();
        set!(self, output_at, start);
        set!(self, output_end, if self.channels.line_by_line { start } else { start.wrapping_add(room) });
    }

    /// How many bytes are in the buffer.
    fn filled(&self) -> usize {
        (get!(self, output_at) as usize) - (self.channels.buffer.as_ptr() as usize)
    }

    /// How many bytes the program has written.
    pub fn output_bytes(&self) -> u64 {
        self.channels.total + self.filled() as u64
    }

    /// Adds bytes to the output, all or none.
    ///
    /// # Errors
    /// A limit, and what the system says.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FaultKind> {
        if let Some(limit) = self.limits.output
            && limit.saturating_sub(self.output_bytes()) < bytes.len() as u64
        {
            return Err(FaultKind::Limit { resource: Resource::Output, limit });
        }
        if self.filled() + bytes.len() > BUFFER {
            self.flush()?;
        }
        let filled = self.filled();
        if bytes.len() > BUFFER {
            self.channels.output.write_all(bytes).map_err(io_fault)?;
            self.channels.total += bytes.len() as u64;
            self.open_output();
            return Ok(());
        }
        self.channels.buffer[filled..filled + bytes.len()].copy_from_slice(bytes);
        let start = self.channels.buffer.as_mut_ptr();
        set!(self, output_at, start.wrapping_add(filled + bytes.len()));
        if self.channels.line_by_line && bytes.contains(&b'\n') {
            // The bytes are taken; if writing fails, the next time it is tried says so.
            let _ = self.flush();
        }
        Ok(())
    }

    /// Adds a byte to the output.
    ///
    /// # Errors
    /// As [`State::write`].
    #[inline]
    pub fn put(&mut self, byte: u8) -> Result<(), FaultKind> {
        let at = get!(self, output_at);
        if at >= get!(self, output_end) {
            return self.write(&[byte]);
        }
        // SAFETY: what is below the end is in the buffer.
        unsafe { at.write(byte) };
        set!(self, output_at, at.wrapping_add(1));
        Ok(())
    }

    /// Writes out what is in the buffer.
    ///
    /// # Errors
    /// What the system says. What it did not take stays in the buffer.
    pub fn flush(&mut self) -> Result<(), FaultKind> {
        let filled = self.filled();
        let channels = &mut self.channels;
        while channels.written < filled {
            match channels.output.write(&channels.buffer[channels.written..filled]) {
                Ok(0) => return Err(io_fault(io::ErrorKind::WriteZero.into())),
                Ok(count) => channels.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_fault(error)),
            }
        }
        channels.output.flush().map_err(io_fault)?;
        channels.total += filled as u64;
        channels.written = 0;
        self.open_output();
        Ok(())
    }

    /// The next byte of input without taking it; none at its end. Waits for it if need be, with all output written.
    ///
    /// # Errors
    /// What the system says; interruption while waiting.
    #[inline]
    pub fn peek_byte(&mut self) -> Result<Option<u8>, Halt> {
        let at = get!(self, input_at);
        if at == get!(self, input_end) && !self.fill()? {
            return Ok(None);
        }
        let at = get!(self, input_at);
        // SAFETY: the reader has lent what is between `input_at` and `input_end`, and is not used meanwhile.
        Ok(Some(unsafe { at.read() }))
    }

    /// The next byte of input, if it can be had without asking the reader.
    #[inline]
    pub fn byte_at_hand(&self) -> Option<u8> {
        let at = get!(self, input_at);
        // SAFETY: as in `peek_byte`.
        (at != get!(self, input_end)).then(|| unsafe { at.read() })
    }

    /// Takes the byte that [`State::peek_byte`] gave.
    #[inline]
    pub fn take_byte(&mut self) {
        let at = get!(self, input_at);
        if at != get!(self, input_end) {
            set!(self, input_at, at.wrapping_add(1));
        }
    }

    /// Takes a line with its line feed, and adds it to `line` without. False if the input has ended.
    ///
    /// # Errors
    /// As [`State::peek_byte`]; what was taken until then is in `line`.
    pub fn take_line(&mut self, line: &mut Vec<u8>) -> Result<bool, Halt> {
        let mut any = false;
        while self.peek_byte()?.is_some() {
            any = true;
            let (at, end) = (get!(self, input_at), get!(self, input_end));
            // SAFETY: as in `peek_byte`; the slice is not used beyond this round.
            let lent = unsafe { std::slice::from_raw_parts(at, end.offset_from_unsigned(at)) };
            let feed = lent.iter().position(|byte| *byte == b'\n');
            line.extend_from_slice(&lent[..feed.unwrap_or(lent.len())]);
            set!(self, input_at, at.wrapping_add(feed.map_or(lent.len(), |feed| feed + 1)));
            if feed.is_some() {
                break;
            }
        }
        Ok(any)
    }

    /// Borrows more input from the reader. False at its end.
    #[cold]
    fn fill(&mut self) -> Result<bool, Halt> {
        self.flush()?;
        self.return_input();
        loop {
            // A signal that came before the reader waits does not end its waiting.
            if self.interrupted() {
                return Err(Halt::Interrupted);
            }
            match self.channels.input.fill_buf() {
                Ok(lent) => {
                    let (start, any) = (lent.as_ptr(), !lent.is_empty());
                    let end = start.wrapping_add(lent.len());
                    self.channels.lent = start;
                    set!(self, input_at, start);
                    set!(self, input_end, end);
                    return Ok(any);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_fault(error).into()),
            }
        }
    }

    /// Tells the reader what was used of its input, and gives the rest back. Whoever runs the program calls it before
    /// the reader may be used by anybody else.
    pub fn return_input(&mut self) {
        if self.channels.lent.is_null() {
            return;
        }
        let used = get!(self, input_at) as usize - self.channels.lent as usize;
        self.channels.input.consume(used);
        self.channels.lent = std::ptr::null();
        set!(self, input_at, std::ptr::null());
        set!(self, input_end, std::ptr::null());
    }

    /// Puts bytes back that were taken, in front of all other input.
    pub fn unread(&mut self, bytes: Vec<u8>) {
        let mut bytes = bytes;
        if self.channels.lent.is_null() {
            let (at, end) = (get!(self, input_at), get!(self, input_end));
            let left = (end as usize) - (at as usize);
            let all = self.channels.unread.len();
            bytes.extend_from_slice(&self.channels.unread[all - left..]);
        }
        self.return_input();
        self.channels.unread = bytes;
        let range = self.channels.unread.as_ptr_range();
        set!(self, input_at, range.start);
        set!(self, input_end, range.end);
    }
}

fn io_fault(error: io::Error) -> FaultKind {
    FaultKind::Io { kind: error.kind(), reason: error.to_string() }
}
