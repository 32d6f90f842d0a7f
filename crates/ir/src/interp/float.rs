//! What float ops compute. Words hold `f64` as its bits and `f32` as its bits in the low half.

use crate::op::Op;
use crate::trap::TrapKind;
use crate::types::Type;

pub fn f32_of(word: u64) -> f32 {
    f32::from_bits(word as u32)
}

pub fn f64_of(word: u64) -> f64 {
    f64::from_bits(word)
}

/// The float of either type as `f64`; exact.
pub fn wide_of(word: u64, ty: Type) -> f64 {
    if ty == Type::F32 { f32_of(word) as f64 } else { f64_of(word) }
}

/// The one NaN that canonical mode gives.
pub fn canonical(word: u64, ty: Type) -> u64 {
    match ty {
        Type::F32 if f32_of(word).is_nan() => 0x7fc0_0000,
        Type::F64 if f64_of(word).is_nan() => 0x7ff8_0000_0000_0000,
        _ => word,
    }
}

/// The sign bit of the type.
pub fn sign(ty: Type) -> u64 {
    if ty == Type::F32 { 1 << 31 } else { 1 << 63 }
}

macro_rules! arithmetic {
    ($name:ident, $float:ident) => {
        mod $name {
            use super::*;

            /// a op b.
            pub fn binary(op: Op, a: $float, b: $float) -> $float {
                match op {
                    Op::Fadd => a + b,
                    Op::Fsub => a - b,
                    Op::Fmul => a * b,
                    Op::Fdiv => a / b,
                    Op::Fmin | Op::Fmax if a.is_nan() || b.is_nan() => a + b,
                    Op::FminNum | Op::FmaxNum if a.is_nan() => b,
                    Op::FminNum | Op::FmaxNum if b.is_nan() => a,
                    // Zeros compare equal and are told apart by their signs.
                    Op::Fmin | Op::FminNum => {
                        if a == b {
                            if a.is_sign_negative() { a } else { b }
                        } else if a < b {
                            a
                        } else {
                            b
                        }
                    }
                    Op::Fmax | Op::FmaxNum => {
                        if a == b {
                            if a.is_sign_negative() { b } else { a }
                        } else if a > b {
                            a
                        } else {
                            b
                        }
                    }
                    _ => unreachable!("{op:?} is no binary float op"),
                }
            }

            /// op a.
            pub fn unary(op: Op, a: $float) -> $float {
                match op {
                    Op::Fsqrt => a.sqrt(),
                    Op::Ffloor => a.floor(),
                    Op::Fceil => a.ceil(),
                    Op::Ftrunc => a.trunc(),
                    Op::Fnearest => a.round_ties_even(),
                    _ => unreachable!("{op:?} is no unary float op"),
                }
            }

            /// ±(a * b) ± c, rounded once.
            pub fn fused(op: Op, a: $float, b: $float, c: $float) -> $float {
                match op {
                    Op::Fma => a.mul_add(b, c),
                    Op::Fms => a.mul_add(b, -c),
                    Op::Fnma => (-a).mul_add(b, c),
                    Op::Fnms => (-a).mul_add(b, -c),
                    _ => unreachable!("{op:?} is no fused float op"),
                }
            }
        }
    };
}

arithmetic!(single, f32);
arithmetic!(double, f64);

/// a op b as words.
pub fn binary(op: Op, ty: Type, a: u64, b: u64) -> u64 {
    if ty == Type::F32 {
        single::binary(op, f32_of(a), f32_of(b)).to_bits() as u64
    } else {
        double::binary(op, f64_of(a), f64_of(b)).to_bits()
    }
}

/// op a as words.
pub fn unary(op: Op, ty: Type, a: u64) -> u64 {
    if ty == Type::F32 {
        single::unary(op, f32_of(a)).to_bits() as u64
    } else {
        double::unary(op, f64_of(a)).to_bits()
    }
}

/// ±(a * b) ± c as words.
pub fn fused(op: Op, ty: Type, a: u64, b: u64, c: u64) -> u64 {
    if ty == Type::F32 {
        single::fused(op, f32_of(a), f32_of(b), f32_of(c)).to_bits() as u64
    } else {
        double::fused(op, f64_of(a), f64_of(b), f64_of(c)).to_bits()
    }
}

/// An integer word as a float, rounded to nearest even.
pub fn from_int(ty: Type, word: u64, from: Type, is_signed: bool) -> u64 {
    match (ty, from, is_signed) {
        (Type::F32, Type::I32, true) => (word as i32 as f32).to_bits() as u64,
        (Type::F32, Type::I32, false) => (word as u32 as f32).to_bits() as u64,
        (Type::F32, _, true) => (word as i64 as f32).to_bits() as u64,
        (Type::F32, _, false) => (word as f32).to_bits() as u64,
        (_, Type::I32, true) => (word as i32 as f64).to_bits(),
        (_, Type::I32, false) => (word as u32 as f64).to_bits(),
        (_, _, true) => (word as i64 as f64).to_bits(),
        (_, _, false) => (word as f64).to_bits(),
    }
}

/// A float as an integer word, toward zero.
pub fn to_int(op: Op, ty: Type, value: f64) -> Result<u64, TrapKind> {
    let narrow = ty == Type::I32;
    // Both floats' values are exact as f64, and the bounds below are exact powers of two.
    let (low, high) = match (op, narrow) {
        (Op::FtoUi | Op::FtoUiSat, true) => (-1.0, 4_294_967_296.0),
        (Op::FtoUi | Op::FtoUiSat, false) => (-1.0, 18_446_744_073_709_551_616.0),
        (_, true) => (-2_147_483_649.0, 2_147_483_648.0),
        (_, false) => (-9_223_372_036_854_777_856.0, 9_223_372_036_854_775_808.0),
    };
    let fits = value > low && value < high;
    match op {
        Op::FtoSi | Op::FtoUi if !fits => return Err(TrapKind::InvalidConversion),
        Op::FtoSiX86 if !fits => return Ok(if narrow { 0x8000_0000 } else { 0x8000_0000_0000_0000 }),
        _ => {}
    }
    // Rust's casts saturate and take NaN to 0.
    Ok(match (op, narrow) {
        (Op::FtoUi | Op::FtoUiSat, true) => value as u32 as u64,
        (Op::FtoUi | Op::FtoUiSat, false) => value as u64,
        (_, true) => value as i32 as u32 as u64,
        (_, false) => value as i64 as u64,
    })
}
