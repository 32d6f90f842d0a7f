//! What goes into functions and comes out of them.

use crate::operand::Kind;
use std::fmt;

/// An argument or a result.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value {
    /// An int or an address.
    Int(i64),
    /// A double.
    Double(f64),
}

impl Value {
    /// What kind it is of.
    pub fn kind(self) -> Kind {
        match self {
            Value::Int(_) => Kind::Int,
            Value::Double(_) => Kind::Double,
        }
    }

    /// As Kiln passes it to functions whose signature is known at run time only.
    pub fn to_word(self) -> u64 {
        match self {
            Value::Int(value) => value as u64,
            Value::Double(value) => value.to_bits(),
        }
    }

    /// The value of a kind that such a word holds.
    pub fn from_word(kind: Kind, word: u64) -> Value {
        match kind {
            Kind::Int => Value::Int(word as i64),
            Kind::Double => Value::Double(f64::from_bits(word)),
        }
    }

    /// The value that a text writes, as the reader of programs takes it.
    pub fn parse(kind: Kind, text: &str) -> Option<Value> {
        match kind {
            Kind::Int => text.parse().ok().map(Value::Int),
            Kind::Double => text.parse().ok().map(Value::Double),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Int(value) => write!(f, "{value}"),
            Value::Double(value) => write!(f, "{value:?}"),
        }
    }
}
