//! What the program reads and writes.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};

/// What `,` does to the cell at the end of the input. Programs are written for one or two of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AtEnd {
    /// It becomes 0.
    #[default]
    Zero,
    /// It becomes 255.
    MinusOne,
    /// It stays as it is.
    Keep,
}

/// The two streams of a run, both buffered.
pub(crate) struct Streams<'s> {
    input: BufReader<Box<dyn Read + 's>>,
    output: BufWriter<Box<dyn Write + 's>>,
    at_end: AtEnd,
}

impl<'s> Streams<'s> {
    pub fn new(input: impl Read + 's, output: impl Write + 's, at_end: AtEnd) -> Streams<'s> {
        let (input, output): (Box<dyn Read>, Box<dyn Write>) = (Box::new(input), Box::new(output));
        Streams { input: BufReader::new(input), output: BufWriter::new(output), at_end }
    }

    /// The next byte of the input for a cell that holds `old`.
    pub fn read(&mut self, old: u8) -> Result<u8, String> {
        // Who is asked for input sees first what the program has said so far.
        if self.input.buffer().is_empty() {
            self.flush()?;
        }
        let bytes = self.input.fill_buf().map_err(|error| format!("cannot read: {error}"))?;
        let byte = bytes.first().copied();
        self.input.consume(usize::from(byte.is_some()));
        Ok(byte.unwrap_or(match self.at_end {
            AtEnd::Zero => 0,
            AtEnd::MinusOne => 255,
            AtEnd::Keep => old,
        }))
    }

    pub fn write(&mut self, byte: u8) -> Result<(), String> {
        self.output.write_all(&[byte]).map_err(cannot_write)
    }

    /// Writes what is in the buffer.
    pub fn flush(&mut self) -> Result<(), String> {
        self.output.flush().map_err(cannot_write)
    }
}

fn cannot_write(error: std::io::Error) -> String {
    format!("cannot write: {error}")
}
