//! What can be wrong with a program.

use std::fmt;

/// Why a text or bytecode is not a program that can be translated.
#[derive(Clone, PartialEq, Debug)]
pub enum Fault {
    /// The source is larger than 1 GiB.
    TooLarge,
    /// A character that begins no word.
    UnexpectedCharacter(char),
    /// A block comment without its end.
    UnclosedComment,
    /// A string without its closing quote.
    UnclosedString,
    /// An escape that does not exist.
    BadEscape(char),
    /// A number with digits or letters that do not belong to it, or out of range.
    BadNumber(String),
    /// A register that does not exist.
    BadRegister(String),
    /// Something else was expected.
    Expected {
        /// What.
        wanted: &'static str,
        /// What stands there.
        found: String,
    },
    /// A mnemonic that does not exist.
    UnknownMnemonic(String),
    /// The instruction after `!` takes operands or gives nothing.
    NotCallable(String),
    /// A variable, register or name inside an expression.
    NotConstant(String),
    /// An operator between an integer and a float, or one that its operands do not have.
    BadExpression(&'static str),
    /// A directive that lacks its name or has more behind it.
    BadDirective(String),
    /// A function that the source has already.
    DuplicateFunction(String),
    /// A file that cannot be included.
    Include {
        /// Its name.
        path: String,
        /// Why not.
        reason: String,
    },
    /// Not as many operands as the instruction takes.
    OperandCount {
        /// The instruction.
        mnemonic: &'static str,
        /// How many it takes.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
    /// An operand of another class.
    OperandClass {
        /// The instruction.
        mnemonic: &'static str,
        /// From 1.
        number: usize,
        /// What it takes.
        wanted: String,
        /// What stands there.
        found: String,
    },
    /// An immediate that the type of the instruction does not have.
    OutOfRange {
        /// The instruction.
        mnemonic: &'static str,
        /// The value.
        value: i64,
    },
    /// A variable that nothing has set so far.
    Unset(String),
    /// A function that does not exist.
    UnknownFunction(String),
    /// What an instruction gives does not go with the sigil it is kept under.
    WrongSigil {
        /// The variable.
        name: String,
        /// What it would keep.
        value: String,
    },
    /// The function does not begin with `prolog` or `leaf`.
    NoProlog(String),
    /// A second `prolog` or `leaf`.
    SecondProlog,
    /// A branch or `movi_p` to `!forward` that nothing patches.
    Unpatched(&'static str),
    /// A second patch of one place, or of one that had its target from the beginning.
    PatchedTwice,
    /// `patch` of a `movi_p`, or `patch_movi` of a branch.
    WrongPatch {
        /// The instruction that was used.
        used: &'static str,
        /// The one that does it.
        right: &'static str,
    },
    /// `pusharg` without `prepare`.
    NotPrepared,
    /// `prepare` inside of another call's, or a function that ends before `finish`.
    Unfinished,
    /// A call gets another number of arguments of a kind than was prepared.
    Prepared {
        /// `integer`, `float` or `double`.
        kind: &'static str,
        /// What `prepare` said.
        wanted: i64,
        /// How many were pushed.
        found: usize,
    },
    /// A function of the program gets other arguments than it declares.
    Arguments {
        /// The function.
        function: String,
        /// What it takes.
        wanted: String,
        /// What it gets.
        found: String,
    },
    /// `retval` where there is no call before.
    NoCall,
    /// `retval` as a float where the function gives an integer, or as two kinds.
    ResultKind(&'static str),
    /// `jmpr` in a function none of whose labels has its address taken.
    NoTargets,
    /// Control can come to the end of the function.
    RunsOff(String),
    /// A register that cannot be written.
    ReadOnly(&'static str),
    /// More parameters or arguments than can be.
    TooMany(&'static str),
    /// A frame larger than can be.
    FrameSize(i64),
    /// The bytes end in the middle of something.
    Truncated,
    /// A byte that means nothing where it stands.
    BadByte {
        /// What it would be.
        what: &'static str,
        /// The value.
        value: u64,
    },
    /// Text in bytecode that is not UTF-8, or not a name.
    BadName,
    /// The layout has no way to say it.
    NotEncodable(String),
    /// The language has no way to say it.
    Inexpressible(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::TooLarge => f.write_str("the source is larger than 1 GiB"),
            Fault::UnexpectedCharacter(c) => write!(f, "the character {c:?} begins no word"),
            Fault::UnclosedComment => f.write_str("the comment has no end"),
            Fault::UnclosedString => f.write_str("the string has no closing quote on its line"),
            Fault::BadEscape(c) => write!(f, "there is no escape `\\{c}`"),
            Fault::BadNumber(word) => write!(f, "`{word}` is not a number in range"),
            Fault::BadRegister(name) => write!(f, "there is no register `%{name}`"),
            Fault::Expected { wanted, found } => write!(f, "expected {wanted}, found {found}"),
            Fault::UnknownMnemonic(name) => write!(f, "there is no instruction `{name}`"),
            Fault::NotCallable(name) => {
                write!(f, "`{name}` cannot be called with `!`: it takes operands or gives nothing")
            }
            Fault::NotConstant(what) => write!(f, "{what} cannot occur in an expression"),
            Fault::BadExpression(reason) => f.write_str(reason),
            Fault::BadDirective(what) => f.write_str(what),
            Fault::DuplicateFunction(name) => write!(f, "the function `{name}` is defined twice"),
            Fault::Include { path, reason } => write!(f, "cannot include `{path}`: {reason}"),
            Fault::OperandCount { mnemonic, wanted, found } => {
                let s = if *wanted == 1 { "" } else { "s" };
                write!(f, "`{mnemonic}` takes {wanted} operand{s}, but has {found}")
            }
            Fault::OperandClass { mnemonic, number, wanted, found } => {
                write!(f, "operand {number} of `{mnemonic}` is to be {wanted}, but is {found}")
            }
            Fault::OutOfRange { mnemonic, value } => {
                write!(f, "{value} does not fit the type of `{mnemonic}`")
            }
            Fault::Unset(name) => write!(f, "`{name}` has not been set here"),
            Fault::UnknownFunction(name) => write!(f, "there is no function `{name}`"),
            Fault::WrongSigil { name, value } => write!(f, "`{name}` cannot keep {value}"),
            Fault::NoProlog(name) => {
                write!(f, "the function `{name}` does not begin with `prolog` or `leaf`")
            }
            Fault::SecondProlog => f.write_str("the function has begun already"),
            Fault::Unpatched(what) => write!(f, "nothing gives this {what} its target"),
            Fault::PatchedTwice => f.write_str("this place has its target already"),
            Fault::WrongPatch { used, .. } => write!(f, "`{used}` cannot patch this"),
            Fault::NotPrepared => f.write_str("an argument is pushed, but no call has been prepared"),
            Fault::Unfinished => f.write_str("a call has been prepared and not finished"),
            Fault::Prepared { kind, wanted, found } => {
                let are = if *wanted == 1 { " was" } else { "s were" };
                write!(f, "{wanted} {kind} argument{are} prepared, but {found} pushed")
            }
            Fault::Arguments { function, wanted, found } => {
                write!(f, "`{function}` takes {wanted}, but gets {found}")
            }
            Fault::NoCall => f.write_str("there is no call whose result this could be"),
            Fault::ResultKind(reason) => f.write_str(reason),
            Fault::NoTargets => f.write_str("no label of this function has its address taken"),
            Fault::RunsOff(name) => write!(f, "control runs off the end of the function `{name}`"),
            Fault::ReadOnly(name) => write!(f, "`{name}` cannot be written"),
            Fault::TooMany(what) => write!(f, "there are more than 65535 {what}"),
            Fault::FrameSize(size) => write!(f, "a frame cannot hold {size} bytes"),
            Fault::Truncated => f.write_str("the bytecode ends in the middle of an instruction"),
            Fault::BadByte { what, value } => write!(f, "{value:#x} is no {what}"),
            Fault::BadName => f.write_str("the bytecode has a name that is none"),
            Fault::Inexpressible(what) => write!(f, "rasm cannot say {what}"),
            Fault::NotEncodable(what) => write!(f, "this bytecode layout cannot say {what}"),
        }
    }
}
