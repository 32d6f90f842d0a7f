//! Writes the golden files of the ops that compute a value from values: `cargo run -p kiln-tests --example
//! op_goldens`. The expected values are computed here, by Rust's arithmetic on wide integers and its floats, and
//! never by Kiln. Files of the other ops are written by hand.

use std::fmt::Write as _;
use std::path::Path;

type Outcome<T> = Result<T, &'static str>;

/// An integer operand of some width.
#[derive(Clone, Copy)]
struct Int {
    signed: i128,
    unsigned: u128,
    bits: u32,
}

fn int(value: i64, bits: u32) -> Int {
    let unsigned = value as u64 as u128 & ((1 << bits) - 1);
    Int { signed: sign(unsigned, bits), unsigned, bits }
}

fn sign(unsigned: u128, bits: u32) -> i128 {
    let shift = 128 - bits;
    (unsigned << shift) as i128 >> shift
}

/// The value wrapped to the width, as the golden files write it: signed.
fn wrap(value: i128, bits: u32) -> i128 {
    sign(value as u128, bits)
}

const WIDTHS: [(&str, u32); 2] = [("i32", 32), ("i64", 64)];

/// Pairs of operands at the edges of a width.
fn pairs(bits: u32) -> Vec<(i64, i64)> {
    let max = (1i128 << (bits - 1)) - 1;
    let (max, min) = (max as i64, (-max - 1) as i64);
    let mixed = if bits == 32 { 0x1234_5678 } else { 0x0123_4567_89ab_cdef };
    vec![
        (0, 0),
        (1, 2),
        (7, 2),
        (-7, 2),
        (7, -2),
        (-7, -2),
        (5, 0),
        (-1, 1),
        (max, 1),
        (max, max),
        (min, 1),
        (min, -1),
        (min, min),
        (mixed, 0x0f0f_0f0f),
        (mixed, 4),
        (-1, 31),
        (-1, 32),
        (1, 63),
        (min, 65),
        (mixed, -3),
    ]
}

fn singles(bits: u32) -> Vec<i64> {
    let max = ((1i128 << (bits - 1)) - 1) as i64;
    let mixed = if bits == 32 { 0x1234_5678 } else { 0x0123_4567_89ab_cdef };
    vec![0, 1, -1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 65536, max, !max, mixed, !mixed, -128, -129]
}

/// A golden file: a title, then functions, each below the runs of it.
struct File {
    name: String,
    title: String,
    functions: Vec<(String, String)>,
}

impl File {
    fn new(name: &str, title: &str) -> File {
        File { name: name.into(), title: format!("; {name}: {title}\n"), functions: vec![] }
    }

    /// A run of the function added last or, if another name is called, of the one of that name.
    fn run(&mut self, call: &str, outcome: Outcome<String>) {
        let name = &call[..call.find('(').expect("a call has parentheses")];
        let (_, text) = self.functions.iter_mut().find(|(n, _)| n == name).expect("a function added before");
        match outcome {
            Ok(value) => writeln!(text, "; run: {call} == {value}"),
            Err(trap) => writeln!(text, "; run: {call} traps {trap}"),
        }
        .expect("a string takes everything");
    }

    fn function(&mut self, text: &str) {
        let name = text.strip_prefix("export fn ").and_then(|t| t.split('(').next());
        let name = format!("@{}", name.expect("functions begin with `export fn name(`"));
        self.functions.push((name, text.into()));
    }

    fn write(self, to: &Path) {
        let path = to.join(format!("{}.kiln", self.name));
        let mut text = self.title;
        for (_, function) in self.functions {
            let (code, runs) = function.split_at(function.find("\n}\n").map_or(0, |at| at + 3));
            text += &format!("\n{runs}{code}");
        }
        std::fs::write(path, text).expect("the golden directory can be written");
    }
}

type IntOp = fn(Int, Int) -> Outcome<i128>;

fn divisor(b: Int) -> Outcome<Int> {
    if b.unsigned == 0 { Err("divide_by_zero") } else { Ok(b) }
}

fn count(b: Int) -> u32 {
    (b.unsigned % b.bits as u128) as u32
}

fn rotate(a: Int, left: u32) -> i128 {
    (a.unsigned << left | a.unsigned >> (a.bits - left)) as i128
}

const BINARY: &[(&str, &str, IntOp)] = &[
    ("add", "the sum wraps", |a, b| Ok(a.signed + b.signed)),
    ("sub", "the difference wraps", |a, b| Ok(a.signed - b.signed)),
    ("mul", "the low half of the product", |a, b| Ok(a.signed.wrapping_mul(b.signed))),
    ("and", "bits that are one in both", |a, b| Ok(a.signed & b.signed)),
    ("or", "bits that are one in either", |a, b| Ok(a.signed | b.signed)),
    ("xor", "bits that differ", |a, b| Ok(a.signed ^ b.signed)),
    ("shl", "the count is taken modulo the width", |a, b| Ok(a.signed << count(b))),
    ("lshr", "fills with zeros; the count is taken modulo the width", |a, b| {
        Ok((a.unsigned >> count(b)) as i128)
    }),
    ("ashr", "fills with the sign; the count is taken modulo the width", |a, b| Ok(a.signed >> count(b))),
    ("rotl", "bits that leave at the top come in at the bottom", |a, b| Ok(rotate(a, count(b)))),
    ("rotr", "bits that leave at the bottom come in at the top", |a, b| {
        Ok(rotate(a, (a.bits - count(b)) % a.bits))
    }),
    ("sdiv", "quotients round toward zero; both bad inputs trap", |a, b| {
        let b = divisor(b)?;
        if a.signed == sign(1 << (a.bits - 1), a.bits) && b.signed == -1 {
            return Err("integer_overflow");
        }
        Ok(a.signed / b.signed)
    }),
    ("udiv", "operands are unsigned; 0 traps", |a, b| Ok((a.unsigned / divisor(b)?.unsigned) as i128)),
    ("srem", "the remainder has the dividend's sign; least by -1 is 0; 0 traps", |a, b| {
        Ok(a.signed % divisor(b)?.signed)
    }),
    ("urem", "operands are unsigned; 0 traps", |a, b| Ok((a.unsigned % divisor(b)?.unsigned) as i128)),
    ("smin", "the lesser, signed", |a, b| Ok(a.signed.min(b.signed))),
    ("smax", "the greater, signed", |a, b| Ok(a.signed.max(b.signed))),
    ("umin", "the lesser, unsigned", |a, b| Ok(a.unsigned.min(b.unsigned) as i128)),
    ("umax", "the greater, unsigned", |a, b| Ok(a.unsigned.max(b.unsigned) as i128)),
];

const UNARY: &[(&str, &str, fn(Int) -> i128)] = &[
    ("neg", "the least integer stays", |a| -a.signed),
    ("not", "every bit inverted", |a| !a.signed),
    ("abs", "the least integer stays", |a| a.signed.abs()),
    ("clz", "zeros above the highest one; the width for 0", |a| {
        (a.unsigned.leading_zeros() - (128 - a.bits)) as i128
    }),
    ("ctz", "zeros below the lowest one; the width for 0", |a| {
        a.unsigned.trailing_zeros().min(a.bits) as i128
    }),
    ("popcnt", "number of ones", |a| a.unsigned.count_ones() as i128),
    ("bswap", "bytes in reverse order", |a| (a.unsigned.swap_bytes() >> (128 - a.bits)) as i128),
    ("bitrev", "bits in reverse order", |a| (a.unsigned.reverse_bits() >> (128 - a.bits)) as i128),
    ("sext8", "the low byte with its sign", |a| a.unsigned as i8 as i128),
    ("sext16", "the low 16 bits with their sign", |a| a.unsigned as i16 as i128),
    ("zext8", "the low byte", |a| a.unsigned as u8 as i128),
    ("zext16", "the low 16 bits", |a| a.unsigned as u16 as i128),
];

const CONDITIONS: &[(&str, fn(Int, Int) -> bool)] = &[
    ("eq", |a, b| a.unsigned == b.unsigned),
    ("ne", |a, b| a.unsigned != b.unsigned),
    ("lt", |a, b| a.signed < b.signed),
    ("ge", |a, b| a.signed >= b.signed),
    ("le", |a, b| a.signed <= b.signed),
    ("gt", |a, b| a.signed > b.signed),
    ("ult", |a, b| a.unsigned < b.unsigned),
    ("uge", |a, b| a.unsigned >= b.unsigned),
    ("ule", |a, b| a.unsigned <= b.unsigned),
    ("ugt", |a, b| a.unsigned > b.unsigned),
    ("any", |a, b| a.unsigned & b.unsigned != 0),
    ("none", |a, b| a.unsigned & b.unsigned == 0),
];

/// What each overflow op would give, and whether it overflows.
const OVERFLOW: &[(&str, &str, fn(Int, Int) -> (i128, bool))] = &[
    ("sadd_ovf", "signed overflow goes to the cold block", |a, b| signed(a.signed + b.signed, a.bits)),
    ("ssub_ovf", "signed overflow goes to the cold block", |a, b| signed(a.signed - b.signed, a.bits)),
    ("smul_ovf", "signed overflow goes to the cold block", |a, b| signed(a.signed * b.signed, a.bits)),
    ("uadd_ovf", "a carry goes to the cold block", |a, b| unsigned(Some(a.unsigned + b.unsigned), a.bits)),
    ("usub_ovf", "a borrow goes to the cold block", |a, b| {
        unsigned(a.unsigned.checked_sub(b.unsigned), a.bits)
    }),
    ("umul_ovf", "a product too wide goes to the cold block", |a, b| {
        unsigned(Some(a.unsigned * b.unsigned), a.bits)
    }),
];

fn signed(value: i128, bits: u32) -> (i128, bool) {
    (value, wrap(value, bits) != value)
}

fn unsigned(value: Option<u128>, bits: u32) -> (i128, bool) {
    (value.unwrap_or(0) as i128, value.is_none_or(|v| v >> bits != 0))
}

fn integers(to: &Path) {
    for (name, title, op) in BINARY {
        let mut file = File::new(name, title);
        for (ty, bits) in WIDTHS {
            file.function(&format!(
                "export fn {ty}(%a: {ty}, %b: {ty}) -> {ty} {{\n    %r = {name} %a, %b\n    ret %r\n}}\n"
            ));
            for (a, b) in pairs(bits) {
                let (x, y) = (int(a, bits), int(b, bits));
                let outcome = op(x, y).map(|r| wrap(r, bits).to_string());
                file.run(&format!("@{ty}({a}, {b})"), outcome);
            }
            for b in [1i64, -1, 7, 16, i32::MAX as i64, i32::MIN as i64] {
                let label = format!("{ty}_by_{}", b.to_string().replace('-', "minus_"));
                file.function(&format!(
                    "export fn {label}(%a: {ty}) -> {ty} {{\n    %r = {name} %a, {b}\n    ret %r\n}}\n"
                ));
                for a in [0, -1, 100, if bits == 32 { i32::MIN as i64 } else { i64::MIN }] {
                    let outcome = op(int(a, bits), int(b, bits)).map(|r| wrap(r, bits).to_string());
                    file.run(&format!("@{label}({a})"), outcome);
                }
            }
        }
        file.write(to);
    }
    for (name, title, op) in UNARY {
        let mut file = File::new(name, title);
        for (ty, bits) in WIDTHS {
            file.function(&format!(
                "export fn {ty}(%a: {ty}) -> {ty} {{\n    %r = {name} %a\n    ret %r\n}}\n"
            ));
            for a in singles(bits) {
                file.run(&format!("@{ty}({a})"), Ok(wrap(op(int(a, bits)), bits).to_string()));
            }
        }
        file.write(to);
    }
    let mut file = File::new("cmp", "1 if the condition holds, else 0");
    for (name, holds) in CONDITIONS {
        for (ty, bits) in WIDTHS {
            file.function(&format!(
                "export fn {name}_{ty}(%a: {ty}, %b: {ty}) -> i32 {{\n    %r = cmp_{name} %a, %b\n    ret %r\n}}\n"
            ));
            for (a, b) in pairs(bits).into_iter().step_by(2) {
                let value = holds(int(a, bits), int(b, bits)) as i32;
                file.run(&format!("@{name}_{ty}({a}, {b})"), Ok(value.to_string()));
            }
        }
    }
    file.write(to);
    let mut file = File::new("branch", "goes to the block if the condition holds, else on to the next line");
    for (name, holds) in CONDITIONS {
        for (ty, bits) in WIDTHS {
            for (suffix, param, operand) in [("", format!(", %b: {ty}"), "%b"), ("_by_7", String::new(), "7")]
            {
                file.function(&format!(
                    "export fn {name}_{ty}{suffix}(%a: {ty}{param}) -> i32 {{\n    b{name} %a, {operand}, taken\n    \
                     %no = const.i32 0\n    ret %no\ntaken:\n    %yes = const.i32 1\n    ret %yes\n}}\n"
                ));
            }
            for (a, b) in pairs(bits).into_iter().skip(1).step_by(3) {
                let value = holds(int(a, bits), int(b, bits)) as i32;
                file.run(&format!("@{name}_{ty}({a}, {b})"), Ok(value.to_string()));
            }
            for a in [7, -7, 8, 0] {
                let value = holds(int(a, bits), int(7, bits)) as i32;
                file.run(&format!("@{name}_{ty}_by_7({a})"), Ok(value.to_string()));
            }
        }
    }
    file.write(to);
    for (name, title, op) in OVERFLOW {
        let mut file = File::new(name, title);
        for (ty, bits) in WIDTHS {
            file.function(&format!(
                "export fn {ty}(%a: {ty}, %b: {ty}) -> {ty} {{\n    %r = copy %b\n    %r = {name} %a, %b, over\n    \
                 ret %r\ncold over:\n    %r = add %r, 1000\n    ret %r\n}}\n"
            ));
            for (a, b) in pairs(bits) {
                let (value, over) = op(int(a, bits), int(b, bits));
                // On overflow nothing is written: the register still holds the second operand.
                let value = if over { b as i128 + 1000 } else { value };
                file.run(&format!("@{ty}({a}, {b})"), Ok(wrap(value, bits).to_string()));
            }
        }
        file.write(to);
    }
    let mut file =
        File::new("sneg_ovf", "negating the least integer goes to the cold block and writes nothing");
    for (ty, bits) in WIDTHS {
        file.function(&format!(
            "export fn {ty}(%a: {ty}) -> {ty} {{\n    %r = const.{ty} 5\n    %r = sneg_ovf %a, over\n    ret %r\n\
             cold over:\n    ret %r\n}}\n"
        ));
        for a in singles(bits) {
            let (value, over) = signed(-int(a, bits).signed, bits);
            file.run(&format!("@{ty}({a})"), Ok(if over { 5 } else { value }.to_string()));
        }
    }
    file.write(to);
    fields(to);
    wide(to);
}

fn fields(to: &Path) {
    let places = [(0, 1), (0, 8), (4, 8), (31, 1), (7, 25), (0, 32), (63, 1), (12, 40), (0, 64)];
    let mut files = [
        File::new("sbits", "a bit-field with its sign"),
        File::new("ubits", "a bit-field"),
        File::new("set_bits", "a bit-field replaced, the other bits kept"),
    ];
    for (ty, bits) in WIDTHS {
        for (bit, width) in places.into_iter().filter(|(bit, width)| bit + width <= bits) {
            let label = format!("{ty}_{bit}_{width}");
            for name in ["sbits", "ubits"] {
                let file = &mut files[(name == "ubits") as usize];
                file.function(&format!(
                    "export fn {label}(%a: {ty}) -> {ty} {{\n    %r = {name} %a, {bit}, {width}\n    ret %r\n}}\n"
                ));
                for a in [0, -1, 0x1234_5678, 0x0123_4567_89ab_cdef] {
                    let a = wrap(a, bits) as i64;
                    let field = int(a, bits).unsigned >> bit & ((1 << width) - 1);
                    let value = if name == "sbits" { sign(field, width) } else { wrap(field as i128, bits) };
                    file.run(&format!("@{label}({a})"), Ok(value.to_string()));
                }
            }
            let file = &mut files[2];
            file.function(&format!(
                "export fn {label}(%a: {ty}, %b: {ty}) -> {ty} {{\n    %r = set_bits %a, %b, {bit}, {width}\n    \
                 ret %r\n}}\n"
            ));
            for (a, b) in [(0, -1), (-1, 0), (0x1234_5678, 0x0f)] {
                let mask = ((1u128 << width) - 1) << bit;
                let value = int(a, bits).unsigned & !mask | int(b, bits).unsigned << bit & mask;
                file.run(&format!("@{label}({a}, {b})"), Ok(wrap(value as i128, bits).to_string()));
            }
        }
    }
    files.into_iter().for_each(|f| f.write(to));
}

fn wide(to: &Path) {
    for name in ["smul_wide", "umul_wide"] {
        let mut file = File::new(name, "both halves of the product, low then high");
        for (ty, bits) in WIDTHS {
            for (half, result) in [("low", "%lo"), ("high", "%hi")] {
                file.function(&format!(
                    "export fn {half}_{ty}(%a: {ty}, %b: {ty}) -> {ty} {{\n    %lo, %hi = {name} %a, %b\n    \
                     ret {result}\n}}\n"
                ));
                for (a, b) in pairs(bits) {
                    let (x, y) = (int(a, bits), int(b, bits));
                    let product = if name == "smul_wide" {
                        (x.signed * y.signed) as u128
                    } else {
                        x.unsigned * y.unsigned
                    };
                    let part = if half == "low" { product } else { product >> bits };
                    file.run(&format!("@{half}_{ty}({a}, {b})"), Ok(wrap(part as i128, bits).to_string()));
                }
            }
        }
        file.write(to);
    }
    for (name, title) in [("add_carry", "sum and carry out"), ("sub_borrow", "difference and borrow out")] {
        let mut file = File::new(name, title);
        for (ty, bits) in WIDTHS {
            for (part, result, result_ty) in [("value", "%r", ty), ("out", "%c", "i32")] {
                file.function(&format!(
                    "export fn {part}_{ty}(%a: {ty}, %b: {ty}, %in: i32) -> {result_ty} {{\n    %r, %c = {name} %a, \
                     %b, %in\n    ret {result}\n}}\n"
                ));
                for (a, b) in pairs(bits).into_iter().skip(6).take(8) {
                    for carry in [0, 1, 256] {
                        let (x, y) = (int(a, bits).unsigned as i128, int(b, bits).unsigned as i128);
                        let c = (carry != 0) as i128;
                        let full = if name == "add_carry" { x + y + c } else { x - y - c };
                        let out = (full >> bits != 0) as i128;
                        let value = if part == "value" { wrap(full, bits) } else { out };
                        file.run(&format!("@{part}_{ty}({a}, {b}, {carry})"), Ok(value.to_string()));
                    }
                }
            }
        }
        file.write(to);
    }
    let mut file = File::new("sext", "i32 to i64 with the sign");
    file.function("export fn f(%a: i32) -> i64 {\n    %r = sext %a\n    ret %r\n}\n");
    let mut zero = File::new("zext", "i32 to i64 with zeros");
    zero.function("export fn f(%a: i32) -> i64 {\n    %r = zext %a\n    ret %r\n}\n");
    let mut trunc = File::new("trunc", "the low 32 bits of an i64");
    trunc.function("export fn f(%a: i64) -> i32 {\n    %r = trunc %a\n    ret %r\n}\n");
    for a in singles(32) {
        file.run(&format!("@f({a})"), Ok((a as i32).to_string()));
        zero.run(&format!("@f({a})"), Ok((a as u32).to_string()));
    }
    for a in singles(64) {
        trunc.run(&format!("@f({a})"), Ok((a as i32).to_string()));
    }
    [file, zero, trunc].into_iter().for_each(|f| f.write(to));
}

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

const FLOAT_BINARY: &[(&str, &str, fn(f64, f64) -> f64)] = &[
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

const FLOAT_UNARY: &[(&str, &str, fn(f64) -> f64)] = &[
    ("fsqrt", "square root, correctly rounded", f64::sqrt),
    ("fabs", "the sign cleared", f64::abs),
    ("fneg", "the sign inverted", |a| -a),
    ("ffloor", "toward negative infinity", f64::floor),
    ("fceil", "toward positive infinity", f64::ceil),
    ("ftrunc", "toward zero", f64::trunc),
    ("fnearest", "to nearest, ties to even", f64::round_ties_even),
];

const FLOAT_CONDITIONS: &[(&str, fn(f64, f64) -> bool)] = &[
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

fn floats(to: &Path) {
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

fn main() {
    let to = Path::new(env!("CARGO_MANIFEST_DIR")).join("run");
    std::fs::create_dir_all(&to).expect("the golden directory can be made");
    integers(&to);
    floats(&to);
    conversions(&to);
}
