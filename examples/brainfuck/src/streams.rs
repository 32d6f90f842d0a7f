//! What the program reads and writes.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};

/// The two streams of a run, both buffered.
pub(crate) struct Streams<'s> {
    input: BufReader<Box<dyn Read + 's>>,
    output: BufWriter<Box<dyn Write + 's>>,
}

impl<'s> Streams<'s> {
    pub fn new(input: impl Read + 's, output: impl Write + 's) -> Streams<'s> {
        Streams { input: BufReader::new(Box::new(input)), output: BufWriter::new(Box::new(output)) }
    }

    /// The next byte of the input; 0 at its end.
    pub fn read(&mut self) -> Result<u8, String> {
        // Who is asked for input sees first what the program has said so far.
        if self.input.buffer().is_empty() {
            self.flush()?;
        }
        let bytes = self.input.fill_buf().map_err(|error| format!("cannot read: {error}"))?;
        let byte = bytes.first().copied();
        self.input.consume(usize::from(byte.is_some()));
        Ok(byte.unwrap_or(0))
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
