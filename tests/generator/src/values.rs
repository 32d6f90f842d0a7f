//! Constants that find bugs: the edges of every width, powers of two and their neighbours, floats around every
//! rounding and conversion limit, and now and then any bits at all.

use crate::entropy::Entropy;
use kiln_ir::Type;

/// An integer, biased to edges; its low 32 bits serve for `i32`.
pub fn integer(entropy: &mut Entropy) -> i64 {
    const EDGES: [i64; 24] = [
        0,
        1,
        -1,
        2,
        3,
        -2,
        7,
        8,
        i8::MAX as i64,
        i8::MIN as i64,
        u8::MAX as i64,
        i16::MAX as i64,
        i16::MIN as i64,
        u16::MAX as i64,
        i32::MAX as i64,
        i32::MIN as i64,
        u32::MAX as i64,
        u32::MAX as i64 + 1,
        i32::MIN as i64 - 1,
        i64::MAX,
        i64::MIN,
        i64::MIN + 1,
        0x5555_5555_5555_5555,
        0x0123_4567_89ab_cdef,
    ];
    match entropy.below(8) {
        0..=3 => entropy.pick(&EDGES),
        4 => entropy.below(200) as i64 - 100,
        5 => {
            let power = 1i64 << entropy.below(64);
            power.wrapping_add(entropy.below(3) as i64 - 1)
        }
        6 => entropy.word() as i32 as i64,
        _ => entropy.word() as i64,
    }
}

/// An integer that fits the immediate field of a record.
pub fn immediate(entropy: &mut Entropy) -> i32 {
    integer(entropy) as i32
}

/// A double, biased to edges.
pub fn double(entropy: &mut Entropy) -> f64 {
    const EDGES: [f64; 30] = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        1.5,
        2.5,
        -2.5,
        0.1,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        f64::EPSILON,
        2147483647.0,
        2147483647.5,
        2147483648.0,
        -2147483648.0,
        -2147483649.0,
        4294967295.5,
        4294967296.0,
        9007199254740993.0,
        9223372036854774784.0,
        9223372036854775808.0,
        -9223372036854775808.0,
        18446744073709549568.0,
        18446744073709551616.0,
    ];
    match entropy.below(8) {
        0..=2 => entropy.pick(&EDGES),
        // Most floats are moderate, so that sums of them are numbers still.
        3..=5 => entropy.below(2000) as f64 / 8.0 - 100.0,
        6 => integer(entropy) as f64,
        _ => f64::from_bits(entropy.word()),
    }
}

/// A single, biased to edges.
pub fn single(entropy: &mut Entropy) -> f32 {
    match entropy.below(8) {
        0..=5 => double(entropy) as f32,
        6 => entropy.pick(&[f32::MAX, f32::MIN_POSITIVE, 1e-45, 16777217.0, 0.1, f32::NAN]),
        _ => f32::from_bits(entropy.word() as u32),
    }
}

/// A value of the type as the word that enters a function: 32-bit values zero-extended, floats as bits.
pub fn word(entropy: &mut Entropy, ty: Type) -> u64 {
    match ty {
        Type::I32 => integer(entropy) as u32 as u64,
        Type::I64 | Type::Ptr => integer(entropy) as u64,
        Type::F32 => single(entropy).to_bits() as u64,
        Type::F64 => double(entropy).to_bits(),
    }
}
