//! Integer ops of one and two operands, comparisons, branches, overflow, selection.

use crate::case::{Case, Form, Outcome, exactly, mask, pairs, run, singles, triples};
use kiln::{TrapKind, Type};

const INTEGERS: [Type; 2] = [Type::I32, Type::I64];

/// Integers near which things change, as words of the type.
pub fn integers(ty: Type) -> Vec<u64> {
    let bits = ty.bytes() * 8;
    let mut values =
        vec![0, 2, 3, 5, 7, 10, 31, 33, 63, 65, u64::MAX, -2i64 as u64, -3i64 as u64, -10i64 as u64];
    for power in [0, 7, 8, 15, 16, 31, 32, 62, 63] {
        if power < bits {
            let value = 1u64 << power;
            values.extend([value - 1, value, value + 1, value.wrapping_neg()]);
        }
    }
    values.extend([
        0x5555_5555_5555_5555,
        0xaaaa_aaaa_aaaa_aaaa,
        0x0123_4567_89ab_cdef,
        0xfedc_ba98_7654_3210,
    ]);
    values.iter_mut().for_each(|v| *v &= mask(ty));
    values.sort_unstable();
    values.dedup();
    values
}

/// A few of them.
pub fn few(ty: Type) -> Vec<u64> {
    let m = mask(ty);
    vec![0, 1, m, m >> 1, (m >> 1) + 1, 0x9e37_79b9_7f4a_7c15 & m]
}

/// The word as a signed number.
pub fn signed(ty: Type, word: u64) -> i128 {
    if ty.bytes() == 4 { i128::from(word as u32 as i32) } else { i128::from(word as i64) }
}

/// The word as an unsigned number.
pub fn unsigned(ty: Type, word: u64) -> i128 {
    i128::from(word & mask(ty))
}

/// A number modulo two to the width.
pub fn wrapped(ty: Type, value: i128) -> u64 {
    value as u64 & mask(ty)
}

type Binary = fn(Type, u64, u64) -> Outcome;

/// A wrapping result computed from the operands as signed numbers.
macro_rules! wrapping {
    (|$a:ident, $b:ident| $value:expr) => {
        |ty, a, b| {
            let ($a, $b) = (signed(ty, a), signed(ty, b));
            exactly(wrapped(ty, $value))
        }
    };
}

/// The same from the operands as unsigned numbers.
macro_rules! unsigned {
    (|$a:ident, $b:ident| $value:expr) => {
        |ty, a, b| {
            let ($a, $b) = (unsigned(ty, a), unsigned(ty, b));
            exactly(wrapped(ty, $value))
        }
    };
}

/// The count of a shift, modulo the width; and the width.
fn count(ty: Type, b: u64) -> (u32, u32) {
    let bits = ty.bytes() * 8;
    ((b % u64::from(bits)) as u32, bits)
}

fn quotient(a: i128, b: i128, ty: Type, least: i128) -> Outcome {
    if b == 0 {
        Outcome::Traps(TrapKind::DivideByZero)
    } else if a == least && b == -1 {
        Outcome::Traps(TrapKind::IntegerOverflow)
    } else {
        exactly(wrapped(ty, a / b))
    }
}

fn remainder(a: i128, b: i128, ty: Type) -> Outcome {
    if b == 0 { Outcome::Traps(TrapKind::DivideByZero) } else { exactly(wrapped(ty, a % b)) }
}

const BINARY: &[(&str, Binary)] = &[
    ("add", wrapping!(|a, b| a + b)),
    ("sub", wrapping!(|a, b| a - b)),
    ("mul", wrapping!(|a, b| a * b)),
    ("and", unsigned!(|a, b| a & b)),
    ("or", unsigned!(|a, b| a | b)),
    ("xor", unsigned!(|a, b| a ^ b)),
    ("shl", |ty, a, b| exactly(wrapped(ty, unsigned(ty, a) << count(ty, b).0))),
    ("lshr", |ty, a, b| exactly(wrapped(ty, unsigned(ty, a) >> count(ty, b).0))),
    ("ashr", |ty, a, b| exactly(wrapped(ty, signed(ty, a) >> count(ty, b).0))),
    ("rotl", |ty, a, b| {
        let ((count, bits), twice) = (count(ty, b), a as u128 | (a as u128) << (ty.bytes() * 8));
        exactly((twice >> (bits - count)) as u64 & mask(ty))
    }),
    ("rotr", |ty, a, b| {
        let ((count, _), twice) = (count(ty, b), a as u128 | (a as u128) << (ty.bytes() * 8));
        exactly((twice >> count) as u64 & mask(ty))
    }),
    ("sdiv", |ty, a, b| quotient(signed(ty, a), signed(ty, b), ty, -(unsigned(ty, mask(ty)) + 1) / 2)),
    ("udiv", |ty, a, b| quotient(unsigned(ty, a), unsigned(ty, b), ty, -1)),
    ("srem", |ty, a, b| remainder(signed(ty, a), signed(ty, b), ty)),
    ("urem", |ty, a, b| remainder(unsigned(ty, a), unsigned(ty, b), ty)),
    ("smin", wrapping!(|a, b| if a < b { a } else { b })),
    ("smax", wrapping!(|a, b| if a > b { a } else { b })),
    ("umin", unsigned!(|a, b| if a < b { a } else { b })),
    ("umax", unsigned!(|a, b| if a > b { a } else { b })),
];

#[test]
fn two_operands() {
    let mut cases = vec![];
    for (op, oracle) in BINARY {
        let pointers = matches!(*op, "add" | "sub" | "and" | "or" | "xor");
        let types = [&INTEGERS[..], if pointers { &[Type::Ptr] } else { &[] }].concat();
        for ty in types {
            let values = integers(ty);
            cases.push(Case::new(
                format!("{op}.{ty}"),
                &[ty, ty],
                &[ty],
                pairs(&values, &values),
                move |v| oracle(ty, v[0], v[1]),
            ));
        }
    }
    run(cases);
}

/// The bits, lowest first.
fn ones(ty: Type, a: u64) -> Vec<bool> {
    (0..ty.bytes() * 8).map(|i| a >> i & 1 == 1).collect()
}

fn number(bits: impl IntoIterator<Item = bool>) -> u64 {
    bits.into_iter().enumerate().fold(0, |n, (i, bit)| n | u64::from(bit) << i)
}

fn sign_extended(ty: Type, a: u64, width: u32) -> u64 {
    let low = i128::from(a) & ((1 << width) - 1);
    wrapped(ty, if low >> (width - 1) == 1 { low - (1 << width) } else { low })
}

type Unary = fn(Type, u64) -> u64;

const UNARY: &[(&str, Unary)] = &[
    ("neg", |ty, a| wrapped(ty, -signed(ty, a))),
    ("not", |ty, a| wrapped(ty, -1 - signed(ty, a))),
    ("abs", |ty, a| wrapped(ty, if signed(ty, a) < 0 { -signed(ty, a) } else { signed(ty, a) })),
    ("clz", |ty, a| ones(ty, a).iter().rev().take_while(|bit| !**bit).count() as u64),
    ("ctz", |ty, a| ones(ty, a).iter().take_while(|bit| !**bit).count() as u64),
    ("popcnt", |ty, a| ones(ty, a).iter().filter(|bit| **bit).count() as u64),
    ("bswap", |ty, a| number(ones(ty, a).chunks(8).rev().flatten().copied())),
    ("bitrev", |ty, a| number(ones(ty, a).into_iter().rev())),
    ("sext8", |ty, a| sign_extended(ty, a, 8)),
    ("sext16", |ty, a| sign_extended(ty, a, 16)),
    ("zext8", |_, a| a % 0x100),
    ("zext16", |_, a| a % 0x1_0000),
    ("copy", |_, a| a),
];

#[test]
fn one_operand() {
    let mut cases = vec![];
    for (op, oracle) in UNARY {
        for ty in INTEGERS {
            let inputs = singles(&integers(ty));
            cases.push(Case::new(format!("{op}.{ty}"), &[ty], &[ty], inputs, move |v| {
                exactly(oracle(ty, v[0]))
            }));
        }
    }
    let (narrow, wide) = (singles(&integers(Type::I32)), singles(&integers(Type::I64)));
    cases.push(Case::new("copy.ptr", &[Type::Ptr], &[Type::Ptr], wide.clone(), |v| exactly(v[0])));
    cases.push(Case::new("trunc", &[Type::I64], &[Type::I32], wide, |v| exactly(v[0] % (1 << 32))));
    cases.push(Case::new("zext", &[Type::I32], &[Type::I64], narrow.clone(), |v| exactly(v[0])));
    cases.push(Case::new("sext", &[Type::I32], &[Type::I64], narrow, |v| {
        exactly(signed(Type::I32, v[0]) as u64)
    }));
    run(cases);
}

type Relation = fn(Type, u64, u64) -> bool;

const CONDITIONS: &[(&str, Relation)] = &[
    ("eq", |_, a, b| a == b),
    ("ne", |_, a, b| a != b),
    ("lt", |ty, a, b| signed(ty, a) < signed(ty, b)),
    ("ge", |ty, a, b| signed(ty, a) >= signed(ty, b)),
    ("le", |ty, a, b| signed(ty, a) <= signed(ty, b)),
    ("gt", |ty, a, b| signed(ty, a) > signed(ty, b)),
    ("ult", |_, a, b| a < b),
    ("uge", |_, a, b| a >= b),
    ("ule", |_, a, b| a <= b),
    ("ugt", |_, a, b| a > b),
    ("any", |_, a, b| a & b != 0),
    ("none", |_, a, b| a & b == 0),
];

#[test]
fn comparisons_and_branches() {
    let mut cases = vec![];
    for (name, oracle) in CONDITIONS {
        for ty in [Type::I32, Type::I64, Type::Ptr] {
            let values = integers(ty);
            for (op, form) in [("cmp_", Form::Plain), ("b", Form::Branch)] {
                let inputs = pairs(&values, &values);
                let holds = move |v: &[u64]| exactly(oracle(ty, v[0], v[1]).into());
                cases.push(
                    Case::new(format!("{op}{name}.{ty}"), &[ty, ty], &[Type::I32], inputs, holds).form(form),
                );
            }
        }
    }
    run(cases);
}

/// The exact result, which leaves if the type cannot hold it.
fn fitting(ty: Type, value: i128, is_signed: bool) -> Outcome {
    let word = wrapped(ty, value);
    let back = if is_signed { signed(ty, word) } else { unsigned(ty, word) };
    if back == value { exactly(word) } else { Outcome::Leaves }
}

#[test]
fn overflow_leaves_and_writes_nothing() {
    type Exact = fn(i128, i128) -> i128;
    let exact: [(&str, Exact); 3] = [("add", |a, b| a + b), ("sub", |a, b| a - b), ("mul", |a, b| a * b)];
    let mut cases = vec![];
    for ty in INTEGERS {
        let values = integers(ty);
        for (name, exact) in exact {
            for is_signed in [true, false] {
                let op = format!("{}{name}_ovf.{ty}", if is_signed { 's' } else { 'u' });
                let read = if is_signed { signed } else { unsigned };
                let oracle = move |v: &[u64]| {
                    let (a, b) = (read(ty, v[0]), read(ty, v[1]));
                    // The product of two unsigned words may need all 128 bits.
                    match a.checked_mul(b) {
                        None if name == "mul" => Outcome::Leaves,
                        _ => fitting(ty, exact(a, b), is_signed),
                    }
                };
                let case = Case::new(op, &[ty, ty], &[ty], pairs(&values, &values), oracle);
                cases.push(case.form(Form::Overflow));
            }
        }
        let negation = move |v: &[u64]| fitting(ty, -signed(ty, v[0]), true);
        let case = Case::new(format!("sneg_ovf.{ty}"), &[ty], &[ty], singles(&values), negation);
        cases.push(case.form(Form::Overflow));
    }
    run(cases);
}

#[test]
fn selection() {
    let conditions = [0, 1, 0x8000_0000, 0xffff_ffff, 0x100];
    let mut cases = vec![];
    for ty in [Type::I32, Type::I64, Type::Ptr, Type::F32, Type::F64] {
        let mut values = few(ty);
        // Signalling NaNs too pass as they are.
        values.extend(if ty.bytes() == 4 {
            [0x7f80_0001, 0xffc1_2345, 0x8000_0001]
        } else {
            [0x7ff0_0000_0000_0001, 0xfff8_dead_beef_0001, 0x8000_0000_0000_0001]
        });
        let inputs = triples(&conditions, &values, &values);
        cases.push(Case::new(format!("select.{ty}"), &[Type::I32, ty, ty], &[ty], inputs, |v| {
            exactly(if v[0] != 0 { v[1] } else { v[2] })
        }));
    }
    run(cases);
}
