//! What can be wrong with a text.

use crate::diagnostic::Span;
use crate::types::Type;
use std::fmt;

/// What a name was expected to stand for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the words are those of the text form")]
pub enum Thing {
    Register,
    Block,
    Slot,
    LabelSet,
    Function,
    Data,
    Constant,
    Type,
    Signature,
    /// A function, data object or constant.
    Symbol,
    Parameter,
    Entry,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Thing::Register => "register",
            Thing::Block => "label",
            Thing::Slot => "slot",
            Thing::LabelSet => "label set",
            Thing::Function => "function",
            Thing::Data => "data object",
            Thing::Constant => "constant",
            Thing::Type => "type",
            Thing::Signature => "signature",
            Thing::Symbol => "function, data object or constant",
            Thing::Parameter => "parameter",
            Thing::Entry => "entry",
        })
    }
}

/// Why a text is not a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The source is larger than 1 GiB.
    TooLarge,
    /// A character that begins no word.
    UnexpectedCharacter(char),
    /// A string or character constant without its closing quote.
    Unclosed,
    /// An escape that does not exist.
    BadEscape(String),
    /// A character constant that is not one character.
    BadCharacter,
    /// A number with digits or letters that do not belong to it, or too large to be kept.
    BadNumber(String),
    /// Something else was expected.
    Expected {
        /// What.
        wanted: String,
        /// What stands there.
        found: String,
    },
    /// A further entry that is declared with another signature than its function gives it.
    OtherEntry {
        /// Its name.
        name: String,
    },
    /// A further entry that takes a register whose type is not said, and that is no parameter.
    UntypedEntry {
        /// Its name.
        name: String,
    },
    /// A mnemonic that is not in the op table.
    UnknownMnemonic(String),
    /// A suffix that names no type.
    UnknownSuffix(String),
    /// The op has no form for the type of its suffix.
    NoSuchForm {
        /// The mnemonic.
        mnemonic: String,
        /// The suffix.
        ty: Type,
    },
    /// The op takes no suffix of this kind.
    NoSuffix(String),
    /// An attribute that does not exist or that the op does not take.
    BadAttribute(String),
    /// A name that nothing has.
    Unknown {
        /// What it should name.
        thing: Thing,
        /// The name.
        name: String,
    },
    /// A name that stands for something else than what is wanted here.
    WrongThing {
        /// What is wanted.
        wanted: Thing,
        /// What the name stands for.
        is: Thing,
        /// The name.
        name: String,
    },
    /// A name that is taken.
    Duplicate {
        /// What both are.
        thing: Thing,
        /// The name.
        name: String,
        /// Where the first is defined.
        first: Span,
    },
    /// An operand is missing.
    MissingOperand(String),
    /// An operand too many.
    ExtraOperand(String),
    /// Not the number of results that the op or call gives.
    Results {
        /// The mnemonic.
        mnemonic: String,
        /// How many there are.
        gives: usize,
        /// How many are written.
        written: usize,
    },
    /// Not the number of arguments that the callee takes.
    Arguments {
        /// How many fixed ones it takes.
        takes: usize,
        /// Whether more may follow.
        variadic: bool,
        /// How many are written.
        written: usize,
    },
    /// The type does not follow from anything.
    UnknownType(String),
    /// A register was given another type before.
    OtherType {
        /// The register.
        register: String,
        /// The type it has.
        is: Type,
    },
    /// A constant that does not fit where it is used.
    OutOfRange {
        /// Its value.
        value: String,
        /// What it should fit.
        wanted: String,
    },
    /// A constant of the wrong kind: a float where an integer is wanted, or a name where only numbers can stand.
    WrongConstant {
        /// What is wanted.
        wanted: String,
    },
    /// Division by zero in a constant expression.
    DivisionByZero,
    /// A constant expression leaves the range of 128 bits.
    Overflow,
    /// An expression, type or include is nested too deep.
    TooDeep,
    /// More of something than the readers accept.
    TooMany {
        /// What.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// Control cannot reach the instruction.
    Unreachable,
    /// Control runs off the end of the function.
    FallsOffEnd,
    /// The function has no instructions.
    EmptyBody,
    /// The body's closing brace is missing.
    UnclosedBody,
    /// A memory operand without base, with two indices or a scale that does not exist.
    BadAddress(&'static str),
    /// A file that could not be included.
    Include {
        /// The path as written.
        path: String,
        /// Why.
        reason: String,
    },
    /// A file that includes itself: the files from it to itself.
    IncludeCycle(Vec<String>),
    /// An alignment that is not a power of two.
    BadAlignment(i128),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::TooLarge => f.write_str("the source is larger than 1 GiB"),
            Fault::UnexpectedCharacter(c) => write!(f, "unexpected character {c:?}"),
            Fault::Unclosed => f.write_str("the closing quote is missing"),
            Fault::BadEscape(text) => write!(f, "unknown escape `{text}`"),
            Fault::BadCharacter => f.write_str("a character constant holds exactly one character"),
            Fault::BadNumber(text) => write!(f, "`{text}` is not a number"),
            Fault::Expected { wanted, found } => write!(f, "expected {wanted}, found {found}"),
            Fault::UnknownMnemonic(name) => write!(f, "unknown instruction `{name}`"),
            Fault::UnknownSuffix(name) => write!(f, "`{name}` is not a type"),
            Fault::NoSuchForm { mnemonic, ty } => write!(f, "`{mnemonic}` has no form for {ty}"),
            Fault::NoSuffix(mnemonic) => write!(f, "`{mnemonic}` takes no such suffix"),
            Fault::BadAttribute(name) => write!(f, "no attribute `!{name}` here"),
            Fault::Unknown { thing, name } => write!(f, "unknown {thing} `{name}`"),
            Fault::WrongThing { wanted, is, name } => write!(f, "`{name}` is a {is}, expected a {wanted}"),
            Fault::Duplicate { thing, name, .. } => write!(f, "{thing} `{name}` is defined twice"),
            Fault::MissingOperand(mnemonic) => write!(f, "`{mnemonic}` needs another operand"),
            Fault::ExtraOperand(mnemonic) => write!(f, "`{mnemonic}` has an operand too many"),
            Fault::Results { mnemonic, gives, written } => {
                write!(f, "`{mnemonic}` gives {gives} result{}, {written} written", plural(*gives))
            }
            Fault::Arguments { takes, variadic, written } => {
                let least = if *variadic { "at least " } else { "" };
                write!(f, "the callee takes {least}{takes} argument{}, {written} given", plural(*takes))
            }
            Fault::UnknownType(mnemonic) => write!(f, "the type of `{mnemonic}` does not follow"),
            Fault::OtherEntry { name } => {
                write!(f, "the signature of `{name}` is not that of its registers and its function's results")
            }
            Fault::UntypedEntry { name } => {
                write!(f, "the entry `{name}` takes a register that is no parameter without saying its type")
            }
            Fault::OtherType { register, is } => write!(f, "register `%{register}` has type {is}"),
            Fault::OutOfRange { value, wanted } => write!(f, "{value} is not {wanted}"),
            Fault::WrongConstant { wanted } => write!(f, "{wanted} is wanted here"),
            Fault::DivisionByZero => f.write_str("division by zero in a constant expression"),
            Fault::Overflow => f.write_str("the constant expression leaves the range of 128 bits"),
            Fault::TooDeep => f.write_str("nested too deep"),
            Fault::TooMany { what, limit } => write!(f, "more than {limit} {what}"),
            Fault::Unreachable => f.write_str("control cannot reach this instruction"),
            Fault::FallsOffEnd => f.write_str("control runs off the end of the function"),
            Fault::EmptyBody => f.write_str("the function has no instructions"),
            Fault::UnclosedBody => f.write_str("the closing `}` of the body is missing"),
            Fault::BadAddress(what) => f.write_str(what),
            Fault::Include { path, reason } => write!(f, "cannot include \"{path}\": {reason}"),
            Fault::IncludeCycle(chain) => write!(f, "the file includes itself: {}", chain.join(" -> ")),
            Fault::BadAlignment(align) => {
                write!(f, "{align} is no alignment: a power of two is needed")
            }
        }
    }
}

impl std::error::Error for Fault {}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}
