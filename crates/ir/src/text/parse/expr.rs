//! Constant expressions. Integers are exact in 128 bits; floats are kept in both widths, so that a literal is rounded
//! once to the width in which it is used.

use super::{Parsed, Parser, Symbol};
use crate::diagnostic::Span;
use crate::text::fault::{Fault, Thing};
use crate::text::lex::{BadEscape, Kind, unescape};

/// The value of a constant expression.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Value {
    Int(i128),
    Float {
        double: f64,
        single: f32,
    },
    /// A float by its bits.
    Bits(u64),
}

impl Value {
    fn of(double: f64) -> Value {
        Value::Float { double, single: double as f32 }
    }

    fn neg(self) -> Option<Value> {
        Some(match self {
            Value::Int(v) => Value::Int(v.checked_neg()?),
            Value::Float { double, single } => Value::Float { double: -double, single: -single },
            Value::Bits(_) => return None,
        })
    }

    pub fn f64_bits(self) -> u64 {
        match self {
            Value::Int(v) => (v as f64).to_bits(),
            Value::Float { double, .. } => double.to_bits(),
            Value::Bits(bits) => bits,
        }
    }

    /// `None` if bits do not fit.
    pub fn f32_bits(self) -> Option<u32> {
        match self {
            Value::Int(v) => Some((v as f32).to_bits()),
            Value::Float { single, .. } => Some(single.to_bits()),
            Value::Bits(bits) => u32::try_from(bits).ok(),
        }
    }

    pub fn is_int(self) -> bool {
        matches!(self, Value::Int(_))
    }
}

const MAX_DEPTH: u32 = 64;
/// Binding strength of sums and of products.
const SUM: u8 = 5;
const PRODUCT: u8 = 6;

fn operator(kind: Kind<'_>) -> Option<(u8, u8)> {
    Some(match kind {
        Kind::Punct(b'|') => (b'|', 1),
        Kind::Punct(b'^') => (b'^', 2),
        Kind::Punct(b'&') => (b'&', 3),
        Kind::Shl => (b'<', 4),
        Kind::Shr => (b'>', 4),
        Kind::Punct(op @ (b'+' | b'-')) => (op, SUM),
        Kind::Punct(op @ (b'*' | b'/' | b'%')) => (op, PRODUCT),
        _ => return None,
    })
}

impl<'a> Parser<'a> {
    /// A constant expression.
    pub(super) fn constant(&mut self) -> Parsed<Value> {
        self.deeper(|p| {
            let start = p.token.start;
            let first = p.unary()?;
            p.climb(start, first, 1)
        })
    }

    /// A constant expression with an integer value, and its place.
    pub(super) fn integer(&mut self) -> Parsed<(i128, Span)> {
        let start = self.token.start;
        let value = self.constant()?;
        let at = self.span_from(start);
        match value {
            Value::Int(v) => Ok((v, at)),
            _ => Err(self.fail(at, Fault::WrongConstant { wanted: "an integer".into() })),
        }
    }

    /// An integer from `low` to `high`; `wanted` says so.
    pub(super) fn integer_in(&mut self, low: i128, high: i128, wanted: &str) -> Parsed<i128> {
        let (value, at) = self.integer()?;
        if (low..=high).contains(&value) {
            return Ok(value);
        }
        Err(self.fail(at, Fault::OutOfRange { value: value.to_string(), wanted: wanted.into() }))
    }

    /// A product inside an address: like an expression, but stops at a sum and before `* %register`.
    pub(super) fn product(&mut self) -> Parsed<Value> {
        let start = self.token.start;
        let first = self.unary()?;
        self.climb(start, first, PRODUCT)
    }

    /// `+ constant` and `- constant` behind a name, if there are any: their sum.
    pub(super) fn displacement(&mut self) -> Parsed<(i128, Span)> {
        let start = self.token.start;
        if !self.is(b'+') && !self.is(b'-') {
            return Ok((0, self.span_from(start)));
        }
        let value = self.climb(start, Value::Int(0), SUM)?;
        let at = self.span_from(start);
        match value {
            Value::Int(v) => Ok((v, at)),
            _ => Err(self.fail(at, Fault::WrongConstant { wanted: "an integer".into() })),
        }
    }

    /// Counts nesting around what `read` reads.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            let at = self.span();
            return Err(self.fail(at, Fault::TooDeep));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn climb(&mut self, start: u32, mut left: Value, least: u8) -> Parsed<Value> {
        while let Some((op, strength)) = operator(self.token.kind) {
            if strength < least || matches!(self.lexer.peek().kind, Kind::Reg(_)) {
                break;
            }
            self.bump();
            let right_start = self.token.start;
            let right = self.unary()?;
            // Each step up in strength is one level of calls, so their depth is bounded.
            let right = self.climb(right_start, right, strength + 1)?;
            let at = self.span_from(start);
            left = self.apply(at, op, left, right)?;
        }
        Ok(left)
    }

    fn apply(&mut self, at: Span, op: u8, left: Value, right: Value) -> Parsed<Value> {
        if let (Value::Int(a), Value::Int(b)) = (left, right) {
            let value = match op {
                b'|' => Some(a | b),
                b'^' => Some(a ^ b),
                b'&' => Some(a & b),
                b'<' => u32::try_from(b).ok().filter(|b| *b < 127).and_then(|b| a.checked_mul(1 << b)),
                b'>' => u32::try_from(b).ok().map(|b| a >> b.min(127)),
                b'+' => a.checked_add(b),
                b'-' => a.checked_sub(b),
                b'*' => a.checked_mul(b),
                _ if b == 0 => return Err(self.fail(at, Fault::DivisionByZero)),
                b'/' => a.checked_div(b),
                _ => a.checked_rem(b),
            };
            return value.map(Value::Int).ok_or_else(|| self.fail(at, Fault::Overflow));
        }
        let (a, b) = (f64::from_bits(left.f64_bits()), f64::from_bits(right.f64_bits()));
        let bits = matches!(left, Value::Bits(_)) || matches!(right, Value::Bits(_));
        Ok(Value::of(match op {
            b'+' if !bits => a + b,
            b'-' if !bits => a - b,
            b'*' if !bits => a * b,
            b'/' if !bits => a / b,
            _ => return Err(self.fail(at, Fault::WrongConstant { wanted: "an integer".into() })),
        }))
    }

    fn unary(&mut self) -> Parsed<Value> {
        let start = self.token.start;
        if self.eat(b'-') {
            let value = self.deeper(Self::unary)?;
            let at = self.span_from(start);
            return value
                .neg()
                .ok_or_else(|| self.fail(at, Fault::WrongConstant { wanted: "a number".into() }));
        }
        if self.eat(b'~') {
            let value = self.deeper(Self::unary)?;
            let at = self.span_from(start);
            return match value {
                Value::Int(v) => Ok(Value::Int(!v)),
                _ => Err(self.fail(at, Fault::WrongConstant { wanted: "an integer".into() })),
            };
        }
        self.primary()
    }

    fn primary(&mut self) -> Parsed<Value> {
        let at = self.span();
        match self.token.kind {
            Kind::Int(text) => {
                self.bump();
                let value = integer(text).ok_or_else(|| self.fail(at, Fault::BadNumber(text.into())))?;
                Ok(Value::Int(value as i128))
            }
            Kind::Float(text) => {
                self.bump();
                float(text).ok_or_else(|| self.fail(at, Fault::BadNumber(text.into())))
            }
            Kind::Char(quoted) => {
                self.bump();
                self.character(quoted, at)
            }
            Kind::Punct(b'(') => {
                self.bump();
                self.skip_newlines();
                let value = self.constant()?;
                self.skip_newlines();
                self.expect(b')')?;
                Ok(value)
            }
            Kind::Ident("inf") if !self.symbols.contains_key("inf") => {
                self.bump();
                Ok(Value::of(f64::INFINITY))
            }
            Kind::Ident("nan") if !self.symbols.contains_key("nan") => {
                self.bump();
                Ok(Value::Float {
                    double: f64::from_bits(0x7ff8_0000_0000_0000),
                    single: f32::from_bits(0x7fc0_0000),
                })
            }
            Kind::Ident("bits") if self.lexer.peek_byte() == b'(' => {
                self.bump();
                self.expect(b'(')?;
                let bits = self.integer_in(0, u64::MAX as i128, "the bits of a float")?;
                self.expect(b')')?;
                Ok(Value::Bits(bits as u64))
            }
            Kind::Ident("sizeof") if self.lexer.peek_byte() == b'(' => {
                self.bump();
                self.expect(b'(')?;
                let size = self.size_of()?;
                self.expect(b')')?;
                Ok(Value::Int(size))
            }
            Kind::Ident(_) | Kind::Str(_) => {
                let (name, at) = self.name(Thing::Constant)?;
                match self.symbols.get(&name.key) {
                    Some((Symbol::Const(value), _)) => Ok(*value),
                    Some((other, _)) => {
                        let is = other.thing();
                        let name = name.key.into_owned();
                        Err(self.fail(at, Fault::WrongThing { wanted: Thing::Constant, is, name }))
                    }
                    None => Err(self.unknown_symbol(at, Thing::Constant, &name.key)),
                }
            }
            _ => Err(self.unexpected("a constant")),
        }
    }

    fn size_of(&mut self) -> Parsed<i128> {
        let (name, at) = self.name(Thing::Data)?;
        if let Some((_, size)) = self.slots.get(&name.key) {
            return Ok(*size as i128);
        }
        if let Some(size) = self.sizes.get(&name.key) {
            return Ok(*size as i128);
        }
        Err(self.unknown_symbol(at, Thing::Data, &name.key))
    }

    fn character(&mut self, quoted: &str, at: Span) -> Parsed<Value> {
        let bytes = unescape(quoted).map_err(|BadEscape(e)| self.fail(at, Fault::BadEscape(e.into())))?;
        if let [byte] = bytes[..] {
            return Ok(Value::Int(byte as i128));
        }
        let mut chars = std::str::from_utf8(&bytes).unwrap_or("").chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Ok(Value::Int(c as i128)),
            _ => Err(self.fail(at, Fault::BadCharacter)),
        }
    }
}

/// The value of an integer literal, below 2^64.
fn integer(text: &str) -> Option<u64> {
    let (radix, digits) = match text.get(..2) {
        Some("0x" | "0X") => (16, &text[2..]),
        Some("0b" | "0B") => (2, &text[2..]),
        Some("0o" | "0O") => (8, &text[2..]),
        _ => (10, text),
    };
    let mut value: u64 = 0;
    let mut any = false;
    for b in digits.bytes().filter(|b| *b != b'_') {
        let digit = (b as char).to_digit(radix)?;
        value = value.checked_mul(radix as u64)?.checked_add(digit as u64)?;
        any = true;
    }
    any.then_some(value)
}

/// The value of a float literal, rounded to each width from its digits.
fn float(text: &str) -> Option<Value> {
    let text: String = text.chars().filter(|c| *c != '_').collect();
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return hex_float(hex);
    }
    Some(Value::Float { double: text.parse().ok()?, single: text.parse().ok()? })
}

/// `1.8p-3`: hexadecimal digits, binary exponent. At most 64 significant bits.
fn hex_float(text: &str) -> Option<Value> {
    let (digits, exponent) = text.split_once(['p', 'P']).unwrap_or((text, "0"));
    let mut exponent: i64 = exponent.parse::<i32>().ok()?.into();
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut mantissa: u64 = 0;
    for b in whole.bytes().chain(fraction.bytes()) {
        let digit = (b as char).to_digit(16)?;
        if mantissa >> 60 != 0 {
            return None;
        }
        mantissa = mantissa << 4 | digit as u64;
    }
    exponent -= 4 * fraction.len() as i64;
    Some(Value::Float {
        double: f64::from_bits(scale(mantissa, exponent, 52, 11)),
        single: f32::from_bits(scale(mantissa, exponent, 23, 8) as u32),
    })
}

/// The bits of `mantissa * 2^exponent` in the binary format with these widths, rounded to nearest even.
fn scale(mantissa: u64, exponent: i64, mantissa_bits: u32, exponent_bits: u32) -> u64 {
    if mantissa == 0 {
        return 0;
    }
    let bias = (1i64 << (exponent_bits - 1)) - 1;
    let infinity = ((1u64 << exponent_bits) - 1) << mantissa_bits;
    let top = 63 - mantissa.leading_zeros() as i64;
    // The exponent of the last bit kept: of a normal number, or of the subnormal ones.
    let last = (exponent + top - mantissa_bits as i64).max(1 - bias - mantissa_bits as i64);
    let shift = last - exponent;
    let kept = if shift <= 0 {
        (mantissa as u128) << (-shift).min(64)
    } else if shift > 65 {
        0
    } else {
        let wide = mantissa as u128;
        let (floor, rest, half) = (wide >> shift, wide & ((1 << shift) - 1), 1u128 << (shift - 1));
        floor + (rest > half || rest == half && floor & 1 == 1) as u128
    };
    // A carry out of the rounding moves into the exponent by itself; a subnormal has no implicit bit.
    let biased = last + mantissa_bits as i64 + bias;
    let bits = kept as u64;
    let bits = if bits >> mantissa_bits == 0 {
        bits
    } else if biased >= (1 << exponent_bits) - 1 {
        infinity
    } else {
        ((biased as u64 - 1) << mantissa_bits) + bits
    };
    bits.min(infinity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_floats_round_once_to_each_width() {
        let value = |text| hex_float(text).unwrap();
        for (text, expected) in [
            ("1p0", 1.0),
            ("1.8p1", 3.0),
            ("1p-1074", f64::from_bits(1)),
            ("1p-1075", 0.0),
            ("1.8p-1075", f64::from_bits(1)),
            ("1.fffffffffffffp1023", f64::MAX),
            ("1p1024", f64::INFINITY),
            ("1.fffffffffffff8p1023", f64::INFINITY),
            ("1p-1022", f64::MIN_POSITIVE),
            ("0.fffffffffffffp-1022", f64::from_bits(0x000f_ffff_ffff_ffff)),
            ("10000000000000.8p0", 4503599627370496.0),
            ("10000000000001.8p0", 4503599627370498.0),
        ] {
            assert_eq!(f64::from_bits(value(text).f64_bits()), expected, "{text}");
        }
        assert_eq!(value("1.000001p0").f32_bits(), Some(0x3f80_0000));
        assert_eq!(value("1.000003p0").f32_bits(), Some(0x3f80_0002));
        assert_eq!(value("1p-149").f32_bits(), Some(1));
    }

    #[test]
    fn integers_are_below_two_to_the_64() {
        assert_eq!(integer("18446744073709551615"), Some(u64::MAX));
        assert_eq!(integer("18446744073709551616"), None);
        assert_eq!(integer("0x"), None);
        assert_eq!(integer("0b102"), None);
        assert_eq!(integer("1_000"), Some(1000));
    }
}
