//! Conversions between integers and floats, and between floats.

use crate::case::{Case, Outcome, exactly, run, run_with_nans, singles};
use crate::floats::{double, floats, single};
use crate::integers::{integers, signed, unsigned, wrapped};
use kiln::{TrapKind, Type};

const INTEGERS: [Type; 2] = [Type::I32, Type::I64];
const FLOATS: [Type; 2] = [Type::F32, Type::F64];

/// Integers at which rounding to either float changes.
fn roundings(ty: Type) -> Vec<u64> {
    let mut values = integers(ty);
    for power in [24, 25, 31, 53, 54, 55, 62, 63] {
        if power < ty.bytes() * 8 {
            let ulp = |digits: u32| if power >= digits { 1u64 << (power - digits) } else { 0 };
            for digits in [24, 53] {
                let at = (1u64 << power) + ulp(digits);
                values.extend([
                    at - 1,
                    at,
                    at + 1,
                    at + 2 * ulp(digits),
                    at.wrapping_neg(),
                    (at + 1).wrapping_neg(),
                ]);
            }
        }
    }
    values.retain(|v| ty == Type::I64 || v >> 32 == 0);
    values.sort_unstable();
    values.dedup();
    values
}

#[test]
fn integers_to_floats() {
    let mut cases = vec![];
    for from in INTEGERS {
        for (op, read) in [("sitof", signed as fn(Type, u64) -> i128), ("uitof", unsigned)] {
            for to in FLOATS {
                // Casts of Rust round to nearest even.
                let oracle = move |v: &[u64]| match to {
                    Type::F32 => single(read(from, v[0]) as f32),
                    _ => double(read(from, v[0]) as f64),
                };
                cases.push(Case::new(
                    format!("{op}.{to}"),
                    &[from],
                    &[to],
                    singles(&roundings(from)),
                    oracle,
                ));
            }
        }
    }
    run(cases);
}

/// What happens to values out of range.
#[derive(Clone, Copy)]
enum Outside {
    Traps,
    Saturates,
    /// Everything becomes the least integer.
    Least,
}

fn to_integer(to: Type, is_signed: bool, outside: Outside, value: f64) -> Outcome {
    let bits = to.bytes() * 8;
    let least = if is_signed { -(1i128 << (bits - 1)) } else { 0 };
    let greatest = least + ((1i128 << bits) - 1);
    // Exact within 128 bits, and beyond them still outside of the range.
    let whole = value.trunc() as i128;
    match outside {
        _ if !value.is_nan() && least <= whole && whole <= greatest => exactly(wrapped(to, whole)),
        Outside::Traps => Outcome::Traps(TrapKind::InvalidConversion),
        Outside::Saturates if value.is_nan() => exactly(0),
        Outside::Saturates => exactly(wrapped(to, if whole < least { least } else { greatest })),
        Outside::Least => exactly(wrapped(to, least)),
    }
}

#[test]
fn floats_to_integers() {
    let ops = [
        ("ftosi", true, Outside::Traps),
        ("ftoui", false, Outside::Traps),
        ("ftosi_sat", true, Outside::Saturates),
        ("ftoui_sat", false, Outside::Saturates),
        ("ftosi_x86", true, Outside::Least),
    ];
    let mut cases = vec![];
    for (op, is_signed, outside) in ops {
        for to in INTEGERS {
            for from in FLOATS {
                let oracle = move |v: &[u64]| {
                    let value = match from {
                        Type::F32 => f64::from(f32::from_bits(v[0] as u32)),
                        _ => f64::from_bits(v[0]),
                    };
                    to_integer(to, is_signed, outside, value)
                };
                cases.push(Case::new(format!("{op}.{to}"), &[from], &[to], singles(&floats(from)), oracle));
            }
        }
    }
    run(cases);
}

#[test]
fn floats_to_floats() {
    let promoted = Case::new("fpromote", &[Type::F32], &[Type::F64], singles(&floats(Type::F32)), |v| {
        double(f32::from_bits(v[0] as u32).into())
    });
    let demoted = Case::new("fdemote", &[Type::F64], &[Type::F32], singles(&floats(Type::F64)), |v| {
        single(f64::from_bits(v[0]) as f32)
    });
    run_with_nans(vec![promoted, demoted]);
}
