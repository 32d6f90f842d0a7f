//! What can be wrong with a program, as classes with stable names, and the faults of a run as data.

use crate::Integer;
use crate::instruction::Opcode;
use crate::source::Position;
use std::fmt;

macro_rules! define_classes {
    ($($(#[doc = $doc:literal])* $class:ident $name:literal;)*) => {
        /// A class of problems. Its name is stable: scripts and tests may rely on it.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Class { $($(#[doc = $doc])* $class,)* }

        impl Class {
            /// Every class.
            pub const ALL: &'static [Class] = &[$(Class::$class),*];

            /// The stable name.
            pub fn name(self) -> &'static str {
                match self { $(Class::$class => $name),* }
            }
        }
    };
}

define_classes! {
    /// Tokens that begin no instruction.
    UnknownOpcode "parse/unknown-opcode";
    /// The text ends inside an opcode.
    UnterminatedOpcode "parse/unterminated-opcode";
    /// The text ends inside a number.
    UnterminatedNumber "parse/unterminated-number";
    /// The text ends inside a label.
    UnterminatedLabel "parse/unterminated-label";
    /// A text is too long to be a program: more than 4 GiB.
    TooLong "parse/too-long";
    /// A label is defined twice.
    DuplicateLabel "label/duplicate";
    /// A jump to a label that is defined nowhere.
    UndefinedLabel "label/undefined";
    /// A word that is no mnemonic.
    UnknownMnemonic "asm/unknown-mnemonic";
    /// An instruction without the argument that it needs.
    MissingArgument "asm/missing-argument";
    /// Something behind an instruction that does not belong there.
    UnexpectedArgument "asm/unexpected-argument";
    /// A number or character that is not written as one, or an unknown escape.
    BadLiteral "asm/bad-literal";
    /// A string or character without its closing quote.
    UnterminatedString "asm/unterminated-string";
    /// A block comment without its end.
    UnterminatedComment "asm/unterminated-comment";
    /// A character that stands for nothing.
    BadCharacter "asm/bad-character";
    /// A label that is not written as one.
    BadLabel "asm/bad-label";
    /// Text that is not UTF-8.
    Encoding "asm/encoding";
    /// A file to include that cannot be read, or that includes itself.
    Include "asm/include";
    /// A macro that is defined or used wrongly.
    Macro "asm/macro";
    /// More items needed than the data stack holds.
    StackUnderflow "stack-underflow";
    /// `copy` of an item that the stack does not hold.
    CopyOutOfRange "copy-out-of-range";
    /// `slide` of a negative number of items, or of more than there are.
    SlideOutOfRange "slide-out-of-range";
    /// A heap cell that was never written.
    HeapUnset "heap-unset";
    /// A negative key, where these are not allowed.
    HeapKey "heap-key";
    /// Division by zero.
    DivideByZero "divide-by-zero";
    /// `ret` without a call to return from.
    CallStackEmpty "call-stack-empty";
    /// Execution ran past the last instruction.
    EndOfProgram "end-of-program";
    /// A number that is no character.
    CharRange "char-range";
    /// The input has ended.
    InputEof "input-eof";
    /// A line of the input that is not a number.
    InputNumber "input-number";
    /// Input that is not UTF-8.
    InputEncoding "input-encoding";
    /// A result beyond 64 bits, where that is an error.
    Overflow "overflow";
    /// Input or output failed.
    Io "io";
    /// The program used up more than it may, or than there is.
    Limit "limit";
    /// Instructions that no execution reaches.
    WarnUnreachable "warning/unreachable";
    /// An instruction that fails for lack of items whenever it runs.
    WarnUnderflow "warning/underflow";
    /// A label that nothing leads to.
    WarnUnusedLabel "warning/unused-label";
    /// A number without a sign, which implementations take for different things.
    WarnEmptyNumber "warning/empty-number";
    /// A number beyond 64 bits, where these are wrapped.
    WarnWrappedNumber "warning/wrapped-number";
    /// A `copy` or `slide` whose argument is never right.
    WarnArgument "warning/argument";
}

impl Class {
    /// Whether programs with this problem may run all the same.
    pub fn is_warning(self) -> bool {
        self.name().starts_with("warning/")
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a program may have used up, or the machine may have run out of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Resource {
    /// Instructions executed.
    Steps,
    /// Items on the data stack.
    Stack,
    /// Heap cells.
    Heap,
    /// Calls under way.
    Calls,
    /// Bytes written.
    Output,
    /// Memory of the machine, in bytes.
    Memory,
}

impl Resource {
    /// The plural that messages use.
    pub fn name(self) -> &'static str {
        match self {
            Resource::Steps => "instructions executed",
            Resource::Stack => "items on the stack",
            Resource::Heap => "heap cells",
            Resource::Calls => "calls under way",
            Resource::Output => "bytes of output",
            Resource::Memory => "bytes of memory",
        }
    }
}

/// Why an instruction could not be executed, with the values that it met. The instruction has not begun: its operands are still
/// on the stack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// An instruction needs more items than the data stack holds.
    StackUnderflow {
        /// The instruction's opcode.
        opcode: Opcode,
        /// How many items it needs.
        needs: u64,
        /// How many there are.
        has: u64,
    },
    /// `copy` of an item that the stack does not hold.
    CopyOutOfRange {
        /// Which item.
        index: Integer,
        /// How many there are.
        has: u64,
    },
    /// `slide` of a negative number of items, or of more than there are.
    SlideOutOfRange {
        /// How many items are to go.
        count: Integer,
        /// How many there are, with the top one that would stay.
        has: u64,
    },
    /// A heap cell that was never written.
    HeapUnset {
        /// Which one.
        key: Integer,
    },
    /// A negative key under [`Heap::Wspace`](crate::options::Heap::Wspace).
    HeapKey {
        /// The key.
        key: Integer,
    },
    /// Division by zero.
    DivideByZero {
        /// What was to be divided.
        dividend: Integer,
    },
    /// `ret` without a call to return from.
    CallStackEmpty,
    /// Execution ran past the last instruction.
    EndOfProgram,
    /// `printc` of a number that is no character.
    CharRange {
        /// The number.
        value: Integer,
    },
    /// The input has ended.
    InputEof,
    /// A line of the input that is not a number.
    InputNumber {
        /// The line, without its line feed.
        line: Vec<u8>,
    },
    /// Input that is not UTF-8.
    InputEncoding {
        /// The bytes at fault.
        bytes: Vec<u8>,
    },
    /// A result or a number read beyond 64 bits.
    Overflow {
        /// The opcode.
        opcode: Opcode,
        /// Its operands, the top one last; for `readi` the number read.
        operands: Vec<Integer>,
    },
    /// Input or output failed.
    Io {
        /// What kind of failure.
        kind: std::io::ErrorKind,
        /// What the system says.
        reason: String,
    },
    /// A limit was reached.
    Limit {
        /// Of what.
        resource: Resource,
        /// How much of it is allowed, or was to be had.
        limit: u64,
    },
    /// A jump to a label that is defined nowhere.
    UndefinedLabel {
        /// Its name.
        label: String,
    },
    /// What could not be parsed has been reached.
    Tail {
        /// The class of the problem that the parser met there.
        class: Class,
        /// What it was.
        message: String,
    },
}

/// A fault of a run: an instruction that could not be executed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The instruction, by its index. For [`FaultKind::EndOfProgram`] it is how many there are.
    pub instruction: u32,
    /// Where it stands, if the program still knows.
    pub position: Option<Position>,
    /// Why, with values.
    pub kind: FaultKind,
}

impl FaultKind {
    /// The class.
    pub fn class(&self) -> Class {
        match self {
            FaultKind::StackUnderflow { .. } => Class::StackUnderflow,
            FaultKind::CopyOutOfRange { .. } => Class::CopyOutOfRange,
            FaultKind::SlideOutOfRange { .. } => Class::SlideOutOfRange,
            FaultKind::HeapUnset { .. } => Class::HeapUnset,
            FaultKind::HeapKey { .. } => Class::HeapKey,
            FaultKind::DivideByZero { .. } => Class::DivideByZero,
            FaultKind::CallStackEmpty => Class::CallStackEmpty,
            FaultKind::EndOfProgram => Class::EndOfProgram,
            FaultKind::CharRange { .. } => Class::CharRange,
            FaultKind::InputEof => Class::InputEof,
            FaultKind::InputNumber { .. } => Class::InputNumber,
            FaultKind::InputEncoding { .. } => Class::InputEncoding,
            FaultKind::Overflow { .. } => Class::Overflow,
            FaultKind::Io { .. } => Class::Io,
            FaultKind::Limit { .. } => Class::Limit,
            FaultKind::UndefinedLabel { .. } => Class::UndefinedLabel,
            FaultKind::Tail { class, .. } => *class,
        }
    }

    /// What to do about it, where an option allows what the program does.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            FaultKind::SlideOutOfRange { .. } => Some("`--slide clamp` keeps only the top item"),
            FaultKind::HeapUnset { .. } => Some("`--heap zero` reads cells that were never written as 0"),
            FaultKind::HeapKey { .. } => Some("`--heap zero` and `--heap error` allow any key"),
            FaultKind::CallStackEmpty => Some("`--empty-return exit` ends the program there"),
            FaultKind::EndOfProgram => Some("`--end implicit` ends the program there"),
            FaultKind::CharRange { value } if *value > Integer::from(255) => {
                Some("`--chars utf8` takes numbers as code points of Unicode")
            }
            FaultKind::InputEof => Some("`--eof zero`, `minus-one` or `keep` let the program go on"),
            FaultKind::InputNumber { .. } => Some("`--numbers prefix` takes what the line begins with, or 0"),
            FaultKind::InputEncoding { .. } => Some("`--chars bytes` reads single bytes"),
            FaultKind::Overflow { .. } => Some("`--overflow exact` computes with integers of any size"),
            _ => None,
        }
    }
}

/// A number in a message: its first and last digits if there are many.
struct Shown<'a>(&'a Integer);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Digits are counted by bits, so that nothing long is converted: it may take seconds.
        let bits = dashu_int::ops::BitTest::bit_len(self.0);
        if bits <= 256 { self.0.fmt(f) } else { write!(f, "(a number of {bits} bits)") }
    }
}

fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn there(count: u64) -> String {
    match count {
        0 => "there are none".into(),
        1 => "there is 1".into(),
        _ => format!("there are {count}"),
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultKind::StackUnderflow { opcode, needs, has } => {
                write!(
                    f,
                    "`{}` needs {} on the stack, {}",
                    opcode.name(),
                    counted(*needs, "item"),
                    there(*has)
                )
            }
            FaultKind::CopyOutOfRange { index, .. } if *index < Integer::ZERO => {
                write!(f, "`copy {}` asks for an item above the top of the stack", Shown(index))
            }
            FaultKind::CopyOutOfRange { index, has } => {
                let needs = index + 1;
                let noun = if needs == Integer::ONE { "item" } else { "items" };
                write!(
                    f,
                    "`copy {}` needs {} {noun} on the stack, {}",
                    Shown(index),
                    Shown(&needs),
                    there(*has)
                )
            }
            FaultKind::SlideOutOfRange { count, .. } if *count < Integer::ZERO => {
                write!(f, "`slide {}` is to remove a negative number of items", Shown(count))
            }
            FaultKind::SlideOutOfRange { count, has } => {
                let needs = count + 1;
                write!(
                    f,
                    "`slide {}` needs {} items on the stack, {}",
                    Shown(count),
                    Shown(&needs),
                    there(*has)
                )
            }
            FaultKind::HeapUnset { key } => write!(f, "nothing was ever stored in heap cell {}", Shown(key)),
            FaultKind::HeapKey { key } => write!(f, "there is no heap cell {}: keys begin at 0", Shown(key)),
            FaultKind::DivideByZero { dividend } => write!(f, "division of {} by zero", Shown(dividend)),
            FaultKind::CallStackEmpty => write!(f, "`ret` without a call to return from"),
            FaultKind::EndOfProgram => write!(f, "execution ran past the last instruction"),
            FaultKind::CharRange { value } => write!(f, "{} is not a character", Shown(value)),
            FaultKind::InputEof => write!(f, "the input has ended"),
            FaultKind::InputNumber { line } => {
                let start = &line[..line.len().min(40)];
                let dots = if start.len() < line.len() { "…" } else { "" };
                write!(f, "`{}{dots}` is not a number", start.escape_ascii())
            }
            FaultKind::InputEncoding { bytes } => {
                write!(f, "the input is not UTF-8:")?;
                bytes.iter().try_for_each(|byte| write!(f, " {byte:02x}"))
            }
            FaultKind::Overflow { opcode, operands } => {
                write!(f, "the result of `{}` does not fit 64 bits:", opcode.name())?;
                operands.iter().enumerate().try_for_each(|(at, operand)| {
                    write!(f, "{} {}", if at == 0 { "" } else { " and" }, Shown(operand))
                })
            }
            FaultKind::Io { reason, .. } => write!(f, "input or output failed: {reason}"),
            FaultKind::Limit { resource: Resource::Memory, limit } => {
                write!(f, "out of memory: {limit} bytes are not to be had")
            }
            FaultKind::Limit { resource, limit } => write!(f, "more than {limit} {}", resource.name()),
            FaultKind::UndefinedLabel { label } => write!(f, "there is no label `{label}`"),
            FaultKind::Tail { message, .. } => write!(f, "execution reached what is no program: {message}"),
        }
    }
}

/// One line: where, the class, and what.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = &self.position {
            write!(f, "{position}: ")?;
        }
        write!(f, "{} at instruction {}: {}", self.kind.class(), self.instruction, self.kind)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_was_needed_and_what_was_there() {
        let copy = FaultKind::CopyOutOfRange { index: 5.into(), has: 2 };
        assert_eq!(copy.to_string(), "`copy 5` needs 6 items on the stack, there are 2");
        let add = FaultKind::StackUnderflow { opcode: Opcode::Add, needs: 2, has: 1 };
        assert_eq!(add.to_string(), "`add` needs 2 items on the stack, there is 1");
        let pop = FaultKind::StackUnderflow { opcode: Opcode::Drop, needs: 1, has: 0 };
        assert_eq!(pop.to_string(), "`drop` needs 1 item on the stack, there are none");
        let huge = FaultKind::HeapUnset { key: Integer::ONE << 1_000_000 };
        assert_eq!(huge.to_string(), "nothing was ever stored in heap cell (a number of 1000001 bits)");
        let fault = Fault { instruction: 7, position: None, kind: FaultKind::CallStackEmpty };
        assert_eq!(
            fault.to_string(),
            "call-stack-empty at instruction 7: `ret` without a call to return from"
        );
    }

    #[test]
    fn names_of_classes_are_distinct() {
        let mut names: Vec<_> = Class::ALL.iter().map(|class| class.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Class::ALL.len());
    }
}
