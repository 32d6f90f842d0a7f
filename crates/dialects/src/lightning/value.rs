//! Values at assembly time. Addresses are not known yet: they are an object and a distance.

/// What an address counts from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// The start of the data section.
    Data,
    /// A C symbol, by its place in the table of symbols.
    Symbol(u32),
}

/// How a parameter travels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Passed {
    /// As a word.
    Word,
    /// As a `float`.
    F32,
    /// As a `double`.
    F64,
}

/// A declared parameter: what the `arg` instructions store in a variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handle {
    /// The function that declared it.
    pub function: u32,
    /// Its place among the function's parameters.
    pub index: u32,
    /// How it travels.
    pub passed: Passed,
}

/// A value of a `$` variable or expression.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value {
    /// A word.
    Int(i64),
    /// A double.
    Float(f64),
    /// An address: base and distance in bytes.
    Address(Base, i64),
    /// A parameter.
    Argument(Handle),
}

impl Value {
    /// What it is, in words.
    pub fn kind(self) -> &'static str {
        match self {
            Value::Int(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Address(..) => "an address",
            Value::Argument(_) => "an argument handle",
        }
    }
}
