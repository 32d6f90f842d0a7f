//! Golden files of the float ops and the conversions.

use crate::integers::{WIDTHS, int, singles, wrap};
use crate::{File, Outcome};
use std::path::Path;

/// Writes them.
pub fn write(to: &Path) {
    values(to);
    conversions(to);
}

type Binary = fn(f64, f64) -> f64;
type Unary = fn(f64) -> f64;
type Predicate = fn(f64, f64) -> bool;

/// The floats of both widths that operands are taken from.
const FLOATS: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    -1.5,
    2.5,
    -0.5,
    3.5,
    0.1,
    1e10,
    16777217.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

/// A float as golden files write it.
fn show(value: f64, single: bool) -> String {
    if value.is_nan() {
        "nan".into()
    } else if value.is_infinite() {
        if value > 0.0 { "inf".into() } else { "-inf".into() }
    } else if single {
        format!("{:?}", value as f32)
    } else {
        format!("{value:?}")
    }
}

/// The value rounded to the width: exact for operands, and correct for one operation of singles done in doubles
/// (for + - * / and the square root, 53 bits are enough to round twice).
fn round(value: f64, single: bool) -> f64 {
    if single { value as f32 as f64 } else { value }
}

fn lesser(a: f64, b: f64) -> f64 {
    if a < b || (a == b && a.is_sign_negative()) { a } else { b }
}

fn greater(a: f64, b: f64) -> f64 {
    if a > b || (a == b && a.is_sign_positive()) { a } else { b }
}

fn number(pick: fn(f64, f64) -> f64, a: f64, b: f64) -> f64 {
    match (a.is_nan(), b.is_nan()) {
        (true, _) => b,
        (_, true) => a,
        _ => pick(a, b),
    }
}

fn strict(pick: fn(f64, f64) -> f64, a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { pick(a, b) }
}

const FLOAT_BINARY: &[(&str, &str, Binary)] = &[
    ("fadd", "sum", |a, b| a + b),
    ("fsub", "difference", |a, b| a - b),
    ("fmul", "product", |a, b| a * b),
    ("fdiv", "quotient; by 0 it is infinite or NaN and never traps", |a, b| a / b),
    ("fcopysign", "the first operand with the sign of the second", f64::copysign),
    ("fmin", "the lesser; NaN if either is; -0 is less than +0", |a, b| strict(lesser, a, b)),
    ("fmax", "the greater; NaN if either is; +0 is greater than -0", |a, b| strict(greater, a, b)),
    ("fmin_num", "the lesser; the other operand if one is NaN", |a, b| number(lesser, a, b)),
    ("fmax_num", "the greater; the other operand if one is NaN", |a, b| number(greater, a, b)),
];

const FLOAT_UNARY: &[(&str, &str, Unary)] = &[
    ("fsqrt", "square root, correctly rounded", f64::sqrt),
    ("fabs", "the sign cleared", f64::abs),
    ("fneg", "the sign inverted", |a| -a),
    ("ffloor", "toward negative infinity", f64::floor),
    ("fceil", "toward positive infinity", f64::ceil),
    ("ftrunc", "toward zero", f64::trunc),
    ("fnearest", "to nearest, ties to even", f64::round_ties_even),
];

const FLOAT_CONDITIONS: &[(&str, Predicate)] = &[
    ("eq", |a, b| a == b),
    ("ne", |a, b| a != b),
    ("lt", |a, b| a < b),
    ("uge", |a, b| a.partial_cmp(&b).is_none_or(|o| o.is_ge())),
    ("le", |a, b| a <= b),
    ("ugt", |a, b| a.partial_cmp(&b).is_none_or(|o| o.is_gt())),
    ("gt", |a, b| a > b),
    ("ule", |a, b| a.partial_cmp(&b).is_none_or(|o| o.is_le())),
    ("ge", |a, b| a >= b),
    ("ult", |a, b| a.partial_cmp(&b).is_none_or(|o| o.is_lt())),
    ("ltgt", |a, b| a.partial_cmp(&b).is_some_and(|o| o.is_ne())),
    ("ueq", |a, b| a.partial_cmp(&b).is_none_or(|o| o.is_eq())),
    ("ord", |a, b| a.partial_cmp(&b).is_some()),
    ("unord", |a, b| a.partial_cmp(&b).is_none()),
];

const FLOAT_WIDTHS: [(&str, bool); 2] = [("f32", true), ("f64", false)];

fn float_pairs() -> Vec<(f64, f64)> {
    let mut pairs = vec![];
    for (n, a) in FLOATS.iter().enumerate() {
        for step in [0, 1, 5] {
            pairs.push((*a, FLOATS[(n + step) % FLOATS.len()]));
        }
    }
    pairs
}

fn values(to: &Path) {
    for (name, title, op) in FLOAT_BINARY {
        let mut file = File::new(name, title);
        for (ty, single) in FLOAT_WIDTHS {
            file.function(&format!(
                "export fn {ty}(%a: {ty}, %b: {ty}) -> {ty} {{\n    %r = {name} %a, %b\n    ret %r\n}}\n"
            ));
            for (a, b) in float_pairs() {
                let (a, b) = (round(a, single), round(b, single));
                // The sign of a NaN that takes the sign of an operand is for the exact bits to show, below.
                let value = show(round(op(a, b), single), single);
                file.run(&format!("@{ty}({}, {})", show(a, single), show(b, single)), Ok(value));
            }
        }
        file.write(to);
    }
    for (name, title, op) in FLOAT_UNARY {
        let mut file = File::new(name, title);
        for (ty, single) in FLOAT_WIDTHS {
            file.function(&format!(
                "export fn {ty}(%a: {ty}) -> {ty} {{\n    %r = {name} %a\n    ret %r\n}}\n"
            ));
            let more = [1e300, 4503599627370497.5, -2.5, -3.5, 1e-310, 8388609.0];
            for a in FLOATS.iter().chain(&more) {
                let a = round(*a, single);
                file.run(&format!("@{ty}({})", show(a, single)), Ok(show(round(op(a), single), single)));
            }
        }
        file.write(to);
    }
    for (name, title, negate, subtract) in [
        ("fma", "a * b + c, rounded once", false, false),
        ("fms", "a * b - c, rounded once", false, true),
        ("fnma", "-(a * b) + c, rounded once", true, false),
        ("fnms", "-(a * b) - c, rounded once", true, true),
    ] {
        let mut file = File::new(name, title);
        for (ty, single) in FLOAT_WIDTHS {
            file.function(&format!(
                "export fn {ty}(%a: {ty}, %b: {ty}, %c: {ty}) -> {ty} {{\n    %r = {name} %a, %b, %c\n    ret %r\n}}\n"
            ));
            let triples = [
                (2.0, 3.0, 1.0),
                (0.1, 10.0, -1.0),
                (1e10, 1e10, -1e20),
                (0.0, f64::INFINITY, 1.0),
                (f64::INFINITY, 1.0, f64::NEG_INFINITY),
                (-0.0, 1.0, -0.0),
                (0.0, 1.0, -0.0),
                (1.5, f64::NAN, 2.0),
                (16777217.0, 16777217.0, 1.0),
            ];
            for (a, b, c) in triples {
                let [a, b, c] = [a, b, c].map(|x| round(x, single));
                let (x, z) = (if negate { -a } else { a }, if subtract { -c } else { c });
                let value =
                    if single { (x as f32).mul_add(b as f32, z as f32) as f64 } else { x.mul_add(b, z) };
                let call = [a, b, c].map(|x| show(x, single)).join(", ");
                file.run(&format!("@{ty}({call})"), Ok(show(value, single)));
            }
        }
        file.write(to);
    }
    for (op, title) in [("fcmp", "1 if the predicate holds"), ("fbranch", "goes if the predicate holds")] {
        let mut file = File::new(op, title);
        for (name, holds) in FLOAT_CONDITIONS {
            for (ty, single) in FLOAT_WIDTHS {
                let code = if op == "fcmp" {
                    format!("    %r = fcmp_{name} %a, %b\n    ret %r\n")
                } else {
                    format!(
                        "    fb{name} %a, %b, taken\n    %no = const.i32 0\n    ret %no\ntaken:\n    %yes = const.i32 \
                         1\n    ret %yes\n"
                    )
                };
                file.function(&format!("export fn {name}_{ty}(%a: {ty}, %b: {ty}) -> i32 {{\n{code}}}\n"));
                for (a, b) in [
                    (1.0, 2.0),
                    (2.0, 1.0),
                    (1.5, 1.5),
                    (0.0, -0.0),
                    (f64::NAN, 1.0),
                    (1.0, f64::NAN),
                    (f64::NAN, f64::NAN),
                    (f64::INFINITY, f64::NEG_INFINITY),
                ] {
                    let call = format!("@{name}_{ty}({}, {})", show(a, single), show(b, single));
                    file.run(&call, Ok((holds(a, b) as i32).to_string()));
                }
            }
        }
        file.write(to);
    }
}

fn conversions(to: &Path) {
    let mut sitof = File::new("sitof", "signed integer to float, to nearest even");
    let mut uitof = File::new("uitof", "unsigned integer to float, to nearest even");
    for (from, bits) in WIDTHS {
        for (ty, single) in FLOAT_WIDTHS {
            for (file, name) in [(&mut sitof, "sitof"), (&mut uitof, "uitof")] {
                file.function(&format!(
                    "export fn {from}_{ty}(%a: {from}) -> {ty} {{\n    %r = {name}.{ty} %a\n    ret %r\n}}\n"
                ));
            }
            let more = [16777217, 16777219, 9007199254740993, 9007199254740995, i64::MAX - 1];
            for a in singles(bits).into_iter().chain(more) {
                let x = int(a, bits);
                let a = x.signed;
                let (s, u) = if single {
                    (x.signed as f32 as f64, x.unsigned as f32 as f64)
                } else {
                    (x.signed as f64, x.unsigned as f64)
                };
                sitof.run(&format!("@{from}_{ty}({a})"), Ok(show(s, single)));
                uitof.run(&format!("@{from}_{ty}({a})"), Ok(show(u, single)));
            }
        }
    }
    sitof.write(to);
    uitof.write(to);

    type ToInt = fn(f64, u32) -> Outcome<i128>;
    fn inside(a: f64, bits: u32, signed: bool) -> bool {
        let t = a.trunc();
        let (low, high) = if signed {
            (-(2f64.powi(bits as i32 - 1)), 2f64.powi(bits as i32 - 1))
        } else {
            (0.0, 2f64.powi(bits as i32))
        };
        t >= low && t < high
    }
    fn saturate(a: f64, bits: u32, signed: bool) -> i128 {
        match (bits, signed) {
            (32, true) => a as i32 as i128,
            (32, false) => a as u32 as i128,
            (_, true) => a as i64 as i128,
            (_, false) => a as u64 as i128,
        }
    }
    let ops: [(&str, &str, ToInt); 5] = [
        ("ftosi", "toward zero; NaN and values out of range trap", |a, bits| {
            if inside(a, bits, true) { Ok(a as i128) } else { Err("invalid_conversion") }
        }),
        ("ftoui", "toward zero; NaN and values out of range trap", |a, bits| {
            if inside(a, bits, false) { Ok(a as i128) } else { Err("invalid_conversion") }
        }),
        ("ftosi_sat", "NaN gives 0, values out of range the nearest integer", |a, bits| {
            Ok(saturate(a, bits, true))
        }),
        ("ftoui_sat", "NaN gives 0, values out of range the nearest integer", |a, bits| {
            Ok(saturate(a, bits, false))
        }),
        ("ftosi_x86", "NaN and values out of range give the least integer", |a, bits| {
            Ok(if inside(a, bits, true) { a as i128 } else { -(1i128 << (bits - 1)) })
        }),
    ];
    for (name, title, op) in ops {
        let mut file = File::new(name, title);
        for (ty, bits) in WIDTHS {
            for (from, single) in FLOAT_WIDTHS {
                file.function(&format!(
                    "export fn {from}_{ty}(%a: {from}) -> {ty} {{\n    %r = {name}.{ty} %a\n    ret %r\n}}\n"
                ));
                let values = [
                    0.0,
                    -0.0,
                    0.9,
                    -0.9,
                    -1.0,
                    1.5,
                    -2.5,
                    2147483520.0,
                    2147483647.0,
                    2147483648.0,
                    -2147483648.0,
                    -2147483648.5,
                    -2147483649.0,
                    4294967040.0,
                    4294967295.0,
                    4294967296.0,
                    9223371487098961920.0,
                    9223372036854774784.0,
                    9223372036854775808.0,
                    -9223372036854775808.0,
                    18446742974197923840.0,
                    18446744073709551616.0,
                    1e30,
                    f64::INFINITY,
                    f64::NEG_INFINITY,
                    f64::NAN,
                ];
                for a in values {
                    let a = round(a, single);
                    let outcome = op(a, bits).map(|r| wrap(r, bits).to_string());
                    file.run(&format!("@{from}_{ty}({})", show(a, single)), outcome);
                }
            }
        }
        file.write(to);
    }
    let mut promote = File::new("fpromote", "f32 to f64, exact");
    promote.function("export fn f(%a: f32) -> f64 {\n    %r = fpromote %a\n    ret %r\n}\n");
    let mut demote = File::new("fdemote", "f64 to f32, to nearest even");
    demote.function("export fn f(%a: f64) -> f32 {\n    %r = fdemote %a\n    ret %r\n}\n");
    for a in FLOATS.iter().chain(&[1e-45, 1e300, 1e-60, 16777219.0, 3.4028235677973366e38]) {
        let single = round(*a, true);
        promote.run(&format!("@f({})", show(single, true)), Ok(show(single, false)));
        demote.run(&format!("@f({})", show(*a, false)), Ok(show(single, true)));
    }
    promote.write(to);
    demote.write(to);
}
