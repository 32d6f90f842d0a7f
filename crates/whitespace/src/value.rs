//! Values: integers of any size, of which most fit 64 bits.

use crate::Integer;
use std::borrow::Cow;

/// An integer. Equal integers are equal values: `Big` holds only what does not fit 64 bits.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Value {
    /// One of 64 bits.
    Small(i64),
    /// One beyond them.
    Big(Integer),
}

/// A value that stands somewhere else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueRef<'a> {
    /// One of 64 bits.
    Small(i64),
    /// One beyond them.
    Big(&'a Integer),
}

impl From<Integer> for Value {
    fn from(integer: Integer) -> Value {
        match i64::try_from(&integer) {
            Ok(small) => Value::Small(small),
            Err(_) => Value::Big(integer),
        }
    }
}

impl From<i64> for Value {
    fn from(small: i64) -> Value {
        Value::Small(small)
    }
}

impl From<Value> for Integer {
    fn from(value: Value) -> Integer {
        match value {
            Value::Small(small) => small.into(),
            Value::Big(big) => big,
        }
    }
}

impl Value {
    /// The value where it stands.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Small(small) => ValueRef::Small(*small),
            Value::Big(big) => ValueRef::Big(big),
        }
    }
}

impl<'a> ValueRef<'a> {
    /// The value, if it fits 64 bits.
    #[inline]
    pub fn small(self) -> Option<i64> {
        match self {
            ValueRef::Small(small) => Some(small),
            ValueRef::Big(_) => None,
        }
    }

    /// As an integer of any size.
    pub fn integer(self) -> Cow<'a, Integer> {
        match self {
            ValueRef::Small(small) => Cow::Owned(small.into()),
            ValueRef::Big(big) => Cow::Borrowed(big),
        }
    }

    /// A copy that stands alone.
    pub fn to_value(self) -> Value {
        match self {
            ValueRef::Small(small) => Value::Small(small),
            ValueRef::Big(big) => Value::Big(big.clone()),
        }
    }
}
