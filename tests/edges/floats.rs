//! Float arithmetic, rounding, minima and maxima, predicates; what must keep every bit of a NaN.

use crate::case::{Bits, Case, Form, Outcome, exactly, pairs, run, run_with_nans, singles, triples};
use kiln::Type;
use std::cmp::Ordering;

/// Doubles near which things change.
fn doubles() -> Vec<f64> {
    let mut values =
        vec![0.0, 0.1, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 1.0 / 3.0, 1e300, 1e-300, f64::MAX, f64::INFINITY];
    values.extend([f64::MIN_POSITIVE, f64::from_bits(1), f64::from_bits(0x000f_ffff_ffff_ffff)]);
    values.extend([1.0 + f64::EPSILON, 0.5 - f64::EPSILON / 4.0, 4_503_599_627_370_495.5]);
    for power in [31, 32, 52, 53, 63, 64] {
        let value = 2f64.powi(power);
        values.extend([value.next_down(), value, value.next_up(), value - 1.0, value - 0.5, value + 0.5]);
    }
    // Halfway between two singles, and around the greatest and the least of them.
    values.extend([1.0 + 2f64.powi(-24), 1.0 + 3.0 * 2f64.powi(-24), f64::from(f32::MAX)]);
    values.extend([f64::from(f32::MAX) + 2f64.powi(103), 2f64.powi(-150), 2f64.powi(-149), 2f64.powi(-126)]);
    let negative: Vec<f64> = values.iter().map(|v| -v).collect();
    values.extend(negative);
    values.extend(DOUBLE_NANS.map(f64::from_bits));
    values
}

const DOUBLE_NANS: [u64; 4] =
    [0x7ff8_0000_0000_0000, 0xfff8_dead_beef_cafe, 0x7ff0_0000_0000_0001, 0xfff7_ffff_ffff_ffff];
const SINGLE_NANS: [u32; 4] = [0x7fc0_0000, 0xffc1_2345, 0x7f80_0001, 0xffbf_ffff];

/// Singles near which things change.
fn singles_of_floats() -> Vec<f32> {
    let mut values =
        vec![0.0, 0.1, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 1.0 / 3.0, 1e38, 1e-38, f32::MAX, f32::INFINITY];
    values.extend([f32::MIN_POSITIVE, f32::from_bits(1), f32::from_bits(0x007f_ffff)]);
    values.extend([1.0 + f32::EPSILON, 0.5 - f32::EPSILON / 4.0, 8_388_607.5]);
    for power in [23, 24, 31, 32, 63, 64] {
        let value = 2f32.powi(power);
        values.extend([value.next_down(), value, value.next_up()]);
    }
    let negative: Vec<f32> = values.iter().map(|v| -v).collect();
    values.extend(negative);
    values.extend(SINGLE_NANS.map(f32::from_bits));
    values
}

/// Float values of a type as words.
pub fn floats(ty: Type) -> Vec<u64> {
    let mut words: Vec<u64> = match ty {
        Type::F32 => singles_of_floats().into_iter().map(|v| v.to_bits().into()).collect(),
        _ => doubles().into_iter().map(f64::to_bits).collect(),
    };
    words.sort_unstable();
    words.dedup();
    words
}

/// Some of them.
fn some(ty: Type) -> Vec<u64> {
    let double = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        1.0 + f64::EPSILON,
        f64::MAX,
        f64::INFINITY,
        -f64::INFINITY,
        f64::MIN_POSITIVE,
    ];
    let single = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        1.0 + f32::EPSILON,
        f32::MAX,
        f32::INFINITY,
        -f32::INFINITY,
        f32::MIN_POSITIVE,
    ];
    match ty {
        Type::F32 => {
            let rest = [1, 0x8000_0001, SINGLE_NANS[1], SINGLE_NANS[2]];
            single.into_iter().map(f32::to_bits).chain(rest).map(u64::from).collect()
        }
        _ => {
            let rest = [1, 0x8000_0000_0000_0001, DOUBLE_NANS[1], DOUBLE_NANS[2]];
            double.into_iter().map(f64::to_bits).chain(rest).collect()
        }
    }
}

/// All floats with some.
fn crossed(ty: Type) -> Vec<Vec<u64>> {
    let (all, some) = (floats(ty), some(ty));
    let mut inputs = [pairs(&all, &some), pairs(&some, &all)].concat();
    inputs.extend(all.iter().map(|v| vec![*v, *v]));
    inputs.extend(all.windows(2).map(<[u64]>::to_vec));
    inputs
}

/// A double as a result.
pub fn double(value: f64) -> Outcome {
    Outcome::Gives(vec![if value.is_nan() { Bits::Nan } else { Bits::Exactly(value.to_bits()) }])
}

/// A single as a result.
pub fn single(value: f32) -> Outcome {
    Outcome::Gives(vec![if value.is_nan() { Bits::Nan } else { Bits::Exactly(value.to_bits().into()) }])
}

/// The same arithmetic for both types.
macro_rules! both {
    ($($op:literal: |$($x:ident),+| $value:expr;)*) => {
        &[$((
            $op,
            |v| {
                let mut at = v.iter();
                $(let $x = f32::from_bits(*at.next().expect("an operand") as u32);)+
                single($value)
            },
            |v| {
                let mut at = v.iter();
                $(let $x = f64::from_bits(*at.next().expect("an operand"));)+
                double($value)
            },
        ),)*]
    };
}

type Oracle = fn(&[u64]) -> Outcome;

fn cases(ops: &[(&str, Oracle, Oracle)], inputs: fn(Type) -> Vec<Vec<u64>>) -> Vec<Case> {
    let mut cases = vec![];
    for (op, single, double) in ops {
        for (ty, oracle) in [(Type::F32, *single), (Type::F64, *double)] {
            let inputs = inputs(ty);
            let params = vec![ty; inputs[0].len()];
            cases.push(Case::new(format!("{op}.{ty}"), &params, &[ty], inputs, oracle));
        }
    }
    cases
}

/// Whether the first is chosen as the lesser: -0 is less than +0.
macro_rules! lesser {
    ($a:expr, $b:expr) => {
        if $a < $b || $a == $b && $a.is_sign_negative() { $a } else { $b }
    };
}

macro_rules! greater {
    ($a:expr, $b:expr) => {
        if $a > $b || $a == $b && $a.is_sign_positive() { $a } else { $b }
    };
}

const ARITHMETIC: &[(&str, Oracle, Oracle)] = both! {
    "fadd": |a, b| a + b;
    "fsub": |a, b| a - b;
    "fmul": |a, b| a * b;
    "fdiv": |a, b| a / b;
    "fmin": |a, b| if a.is_nan() { a } else if b.is_nan() { b } else { lesser!(a, b) };
    "fmax": |a, b| if a.is_nan() { a } else if b.is_nan() { b } else { greater!(a, b) };
    "fmin_num": |a, b| if a.is_nan() { b } else if b.is_nan() { a } else { lesser!(a, b) };
    "fmax_num": |a, b| if a.is_nan() { b } else if b.is_nan() { a } else { greater!(a, b) };
};

#[test]
fn arithmetic() {
    run_with_nans(cases(ARITHMETIC, crossed));
}

const UNARY: &[(&str, Oracle, Oracle)] = both! {
    "fsqrt": |a| a.sqrt();
    "ffloor": |a| a.floor();
    "fceil": |a| a.ceil();
    "ftrunc": |a| a.trunc();
    "fnearest": |a| a.round_ties_even();
};

#[test]
fn roots_and_rounding() {
    run_with_nans(cases(UNARY, |ty| singles(&floats(ty))));
}

const FUSED: &[(&str, Oracle, Oracle)] = both! {
    "fma": |a, b, c| a.mul_add(b, c);
    "fms": |a, b, c| a.mul_add(b, -c);
    "fnma": |a, b, c| (-a).mul_add(b, c);
    "fnms": |a, b, c| (-a).mul_add(b, -c);
};

#[test]
fn fused_multiplication() {
    run_with_nans(cases(FUSED, |ty| triples(&some(ty), &some(ty), &some(ty))));
}

/// A product that rounds differently on its own than inside a sum.
#[test]
fn fused_multiplication_rounds_once() {
    run_with_nans(cases(FUSED, |ty| {
        let near: Vec<u64> = match ty {
            Type::F32 => [1.0f32, -1.0, 1.0 + f32::EPSILON, 1.0 - f32::EPSILON, 3.0, 1e-20, 16_777_215.0]
                .map(|v| v.to_bits().into())
                .into(),
            _ => [1.0f64, -1.0, 1.0 + f64::EPSILON, 1.0 - f64::EPSILON, 3.0, 1e-160, 9_007_199_254_740_991.0]
                .map(f64::to_bits)
                .into(),
        };
        triples(&near, &near, &near)
    }));
}

/// What moves floats keeps every bit, of NaNs too, whatever mode NaNs are in.
#[test]
fn moves_keep_every_bit() {
    let mut cases = vec![];
    for ty in [Type::F32, Type::F64] {
        let top = 1u64 << (ty.bytes() * 8 - 1);
        let values = floats(ty);
        for (op, kept, changed) in [("copy", u64::MAX, 0), ("fneg", u64::MAX, top), ("fabs", !top, 0)] {
            let oracle = move |v: &[u64]| exactly(v[0] & kept ^ changed);
            cases.push(Case::new(format!("{op}.{ty}"), &[ty], &[ty], singles(&values), oracle));
        }
        let inputs = crossed(ty);
        cases.push(Case::new(format!("fcopysign.{ty}"), &[ty, ty], &[ty], inputs, move |v| {
            exactly(v[0] & !top | v[1] & top)
        }));
        let integers = if ty == Type::F32 { vec![Type::I32] } else { vec![Type::I64, Type::Ptr] };
        for integer in integers {
            let inputs = singles(&values);
            cases.push(Case::new(format!("bitcast.{integer}"), &[ty], &[integer], inputs.clone(), |v| {
                exactly(v[0])
            }));
            cases.push(Case::new(format!("bitcast.{ty}"), &[integer], &[ty], inputs, |v| exactly(v[0])));
        }
    }
    run_with_nans(cases);
}

type Predicate = fn(f64, f64) -> bool;

/// Singles are exact as doubles, so one list serves both.
const PREDICATES: &[(&str, Predicate)] = &[
    ("eq", |a, b| a == b),
    ("ne", |a, b| a != b),
    ("lt", |a, b| a < b),
    ("uge", |a, b| a.is_nan() || b.is_nan() || a >= b),
    ("le", |a, b| a <= b),
    ("ugt", |a, b| a.is_nan() || b.is_nan() || a > b),
    ("gt", |a, b| a > b),
    ("ule", |a, b| a.is_nan() || b.is_nan() || a <= b),
    ("ge", |a, b| a >= b),
    ("ult", |a, b| a.is_nan() || b.is_nan() || a < b),
    ("ltgt", |a, b| matches!(a.partial_cmp(&b), Some(Ordering::Less | Ordering::Greater))),
    ("ueq", |a, b| a.is_nan() || b.is_nan() || a == b),
    ("ord", |a, b| !a.is_nan() && !b.is_nan()),
    ("unord", |a, b| a.is_nan() || b.is_nan()),
];

#[test]
fn predicates_as_values_and_as_branches() {
    let mut cases = vec![];
    for (name, holds) in PREDICATES {
        for ty in [Type::F32, Type::F64] {
            let value = move |word: u64| match ty {
                Type::F32 => f64::from(f32::from_bits(word as u32)),
                _ => f64::from_bits(word),
            };
            for (op, form) in [("fcmp_", Form::Plain), ("fb", Form::Branch)] {
                let oracle = move |v: &[u64]| exactly(holds(value(v[0]), value(v[1])).into());
                let inputs = crossed(ty);
                cases.push(
                    Case::new(format!("{op}{name}.{ty}"), &[ty, ty], &[Type::I32], inputs, oracle).form(form),
                );
            }
        }
    }
    run(cases);
}
