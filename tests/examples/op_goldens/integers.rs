//! Golden files of the integer ops.

use crate::{File, Outcome};
use std::path::Path;

/// An integer operand of some width.
#[derive(Clone, Copy)]
pub struct Int {
    pub signed: i128,
    pub unsigned: u128,
    bits: u32,
}

pub fn int(value: i64, bits: u32) -> Int {
    let unsigned = value as u64 as u128 & ((1 << bits) - 1);
    Int { signed: sign(unsigned, bits), unsigned, bits }
}

fn sign(unsigned: u128, bits: u32) -> i128 {
    let shift = 128 - bits;
    (unsigned << shift) as i128 >> shift
}

/// The value wrapped to the width, as the golden files write it: signed.
pub fn wrap(value: i128, bits: u32) -> i128 {
    sign(value as u128, bits)
}

pub const WIDTHS: [(&str, u32); 2] = [("i32", 32), ("i64", 64)];

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

pub fn singles(bits: u32) -> Vec<i64> {
    let max = ((1i128 << (bits - 1)) - 1) as i64;
    let mixed = if bits == 32 { 0x1234_5678 } else { 0x0123_4567_89ab_cdef };
    vec![0, 1, -1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 65536, max, !max, mixed, !mixed, -128, -129]
}

type IntOp = fn(Int, Int) -> Outcome<i128>;
type Unary = fn(Int) -> i128;
type Condition = fn(Int, Int) -> bool;
type Overflowing = fn(Int, Int) -> (i128, bool);

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

const UNARY: &[(&str, &str, Unary)] = &[
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

const CONDITIONS: &[(&str, Condition)] = &[
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
const OVERFLOW: &[(&str, &str, Overflowing)] = &[
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

pub fn write(to: &Path) {
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
