//! The exit statuses of the command, as `kiln --help` lists them. The numbers are those of BSD's `sysexits.h`.

/// Why the command ends without success. The message has been written by then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status(pub u8);

impl Status {
    /// Wrong use of the command.
    pub const USAGE: Status = Status(2);
    /// A program in Whitespace is rejected.
    pub const REJECTED: Status = Status(3);
    /// The program has errors.
    pub const BAD_PROGRAM: Status = Status(65);
    /// A file cannot be read.
    pub const NO_INPUT: Status = Status(66);
    /// An import was not found.
    pub const UNAVAILABLE: Status = Status(69);
    /// The program trapped.
    pub const TRAP: Status = Status(70);
    /// A program in the lightning language has errors.
    pub const BAD_ASSEMBLY: Status = Status(255);
    /// A file cannot be written.
    pub const NO_OUTPUT: Status = Status(73);
}
