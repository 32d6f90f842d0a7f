//! Large programs in the dialects: case after case of the kind that the test programs of GNU Lightning have, as they are when
//! the preprocessor has expanded their macros. A case sets registers, does one operation, and calls `abort` if the result is not
//! the right one, so a program that was translated wrongly does not end well. All of it is one function.

use std::fmt::Write;

/// Where a line of lightning ends: as long as the longest that one expansion makes there.
const LINE: usize = 260_000;
/// The bytes of memory that cases use.
const MEMORY: usize = 64;

/// A program, and how many instructions it has (statements in rasm).
pub struct Large {
    pub text: String,
    pub instructions: usize,
    pub labels: usize,
}

/// An operation on words.
struct Operation {
    stem: &'static str,
    unsigned: bool,
    gives: fn(i64, i64) -> i64,
}

const fn signed(stem: &'static str, gives: fn(i64, i64) -> i64) -> Operation {
    Operation { stem, unsigned: false, gives }
}

const fn unsigned(stem: &'static str, gives: fn(i64, i64) -> i64) -> Operation {
    Operation { stem, unsigned: true, gives }
}

const OPERATIONS: [Operation; 20] = [
    signed("add", |a, b| a.wrapping_add(b)),
    signed("sub", |a, b| a.wrapping_sub(b)),
    signed("rsb", |a, b| b.wrapping_sub(a)),
    signed("mul", |a, b| a.wrapping_mul(b)),
    signed("and", |a, b| a & b),
    signed("or", |a, b| a | b),
    signed("xor", |a, b| a ^ b),
    signed("lsh", |a, b| a << b),
    signed("rsh", |a, b| a >> b),
    unsigned("rsh", |a, b| (a as u64 >> b) as i64),
    signed("lt", |a, b| (a < b) as i64),
    unsigned("lt", |a, b| ((a as u64) < b as u64) as i64),
    signed("le", |a, b| (a <= b) as i64),
    signed("eq", |a, b| (a == b) as i64),
    signed("ne", |a, b| (a != b) as i64),
    unsigned("ge", |a, b| (a as u64 >= b as u64) as i64),
    signed("gt", |a, b| (a > b) as i64),
    unsigned("gt", |a, b| (a as u64 > b as u64) as i64),
    signed("div", |a, b| a / b),
    unsigned("div", |a, b| (a as u64 / b as u64) as i64),
];

/// Values at edges, which most cases begin with.
const EDGES: [i64; 12] = [
    0,
    1,
    2,
    -1,
    -7,
    0x7fff_ffff,
    -0x8000_0000,
    0xffff_ffff,
    i64::MAX,
    i64::MIN,
    0x0123_4567_89ab_cdef,
    1000,
];

/// What a case does. Registers are numbered, `to` among them may be one of the operands.
enum Case {
    /// An operation on two registers.
    Registers { op: &'static Operation, to: usize, a: usize, b: usize, x: i64, y: i64 },
    /// An operation on a register and a constant.
    Constant { op: &'static Operation, to: usize, a: usize, x: i64, y: i64 },
    /// A sum, difference or product of doubles.
    Floats { stem: &'static str, x: i64, y: i64, gives: i64 },
    /// A word of 32 bits written and read.
    Memory { to: usize, base: usize, value: usize, x: i64, at: usize },
}

/// A small generator: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    /// Three registers, no two of them the same.
    fn registers(&mut self) -> [usize; 3] {
        let first = self.below(6);
        let second = (first + 1 + self.below(5)) % 6;
        let third = (0..6).find(|n| *n != first && *n != second).expect("there are six");
        [first, second, third]
    }

    fn case(&mut self) -> Case {
        let [a, b, c] = self.registers();
        let op = &OPERATIONS[self.below(OPERATIONS.len())];
        let x = match self.below(3) {
            0 => self.0 as i64 >> self.below(64),
            _ => EDGES[self.below(EDGES.len())],
        };
        let y = match op.stem {
            "lsh" | "rsh" => self.below(64) as i64,
            "div" => 2 + self.below(1000) as i64,
            _ => EDGES[self.below(EDGES.len())],
        };
        let to = [c, c, a, b][self.below(4)];
        match self.below(10) {
            0..6 => Case::Registers { op, to, a, b, x, y },
            6..8 => Case::Constant { op, to, a, x, y },
            8 => {
                let (x, y) = (self.below(2000) as i64 - 1000, self.below(2000) as i64 - 1000);
                let (stem, gives) = [("add", x + y), ("sub", x - y), ("mul", x * y)][self.below(3)];
                Case::Floats { stem, x, y, gives }
            }
            _ => {
                Case::Memory { to: c, base: a, value: b, x: x as i32 as i64, at: self.below(MEMORY / 4) * 4 }
            }
        }
    }
}

/// A lightning program of at least so many instructions.
pub fn lightning(instructions: usize) -> Large {
    const NAMES: [&str; 6] = ["r0", "r1", "r2", "v0", "v1", "v2"];
    let mut large = Large { text: String::new(), instructions: 3, labels: 0 };
    let Large { text, instructions: done, labels } = &mut large;
    let _ = write!(text, "# 1 \"cases.tst\"\n.data {MEMORY}\nmemory: .size {MEMORY}\n.code\nprolog\n");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut line = text.len();
    while *done < instructions {
        let case = random.case();
        let (name, u) = (*labels, |op: &Operation| if op.unsigned { "_u" } else { "" });
        // Writing to a string does not fail.
        let (label, count) = match case {
            Case::Registers { op, to, a, b, x, y } => {
                let (stem, u, value) = (op.stem, u(op), (op.gives)(x, y));
                let [to, a, b] = [to, a, b].map(|n| NAMES[n]);
                let label = format!("{stem}{u}{name}r_{to}{a}{b}");
                let _ = write!(text, "movi %{a} {x} movi %{b} {y} {stem}r{u} %{to} %{a} %{b} ");
                let _ = write!(text, "beqi {label} %{to} {value} ");
                (label, 5)
            }
            Case::Constant { op, to, a, x, y } => {
                let (stem, u, value) = (op.stem, u(op), (op.gives)(x, y));
                let [to, a] = [to, a].map(|n| NAMES[n]);
                let label = format!("{stem}{u}{name}i_{to}{a}");
                let _ = write!(text, "movi %{a} {x} {stem}i{u} %{to} %{a} {y} beqi {label} %{to} {value} ");
                (label, 4)
            }
            Case::Floats { stem, x, y, gives } => {
                let label = format!("{stem}{name}r_d");
                let _ = write!(text, "movi_d %f0 {x}.0 movi_d %f1 {y}.0 {stem}r_d %f2 %f0 %f1 ");
                let _ = write!(text, "beqi_d {label} %f2 {gives}.0 ");
                (label, 5)
            }
            Case::Memory { to, base, value, x, at } => {
                let [to, base, value] = [to, base, value].map(|n| NAMES[n]);
                let label = format!("ldst{name}_{to}{base}{value}");
                let _ = write!(text, "movi %{value} {x} movi %{base} memory stxi_i {at} %{base} %{value} ");
                let _ = write!(text, "ldxi_i %{to} %{base} {at} beqr {label} %{to} %{value} ");
                (label, 6)
            }
        };
        let _ = write!(text, "calli @abort {label}: ");
        *labels += 1;
        *done += count;
        if text.len() - line > LINE {
            text.push('\n');
            line = text.len();
        }
    }
    text.push_str("\nret\nepilog\n");
    large
}

/// A rasm program of at least so many statements. Its function gives the number of its cases.
pub fn rasm(statements: usize) -> Large {
    const NAMES: [&str; 6] = ["r0", "r1", "r2", "v0", "v1", "v2"];
    let mut large = Large { text: String::new(), instructions: 4, labels: 0 };
    let Large { text, instructions: done, labels } = &mut large;
    let _ = write!(text, "prolog 0\nallocai {MEMORY} => $memory\n");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    while *done < statements {
        let case = random.case();
        let (name, ty) = (*labels, |op: &Operation| if op.unsigned { "ul" } else { "l" });
        let count = match case {
            Case::Registers { op, to, a, b, x, y } => {
                let (stem, ty, value) = (op.stem, ty(op), (op.gives)(x, y));
                let [to, a, b] = [to, a, b].map(|n| NAMES[n]);
                let _ = write!(text, "movi_l %{a}, {x}\nmovi_l %{b}, {y}\n{stem}r_{ty} %{to}, %{a}, %{b}\n");
                let _ = writeln!(text, "beqi_l !forward, %{to}, {value} => @case{name}");
                6
            }
            Case::Constant { op, to, a, x, y } => {
                let (stem, ty, value) = (op.stem, ty(op), (op.gives)(x, y));
                let [to, a] = [to, a].map(|n| NAMES[n]);
                let _ = write!(text, "movi_l %{a}, {x}\n{stem}i_{ty} %{to}, %{a}, {y}\n");
                let _ = writeln!(text, "beqi_l !forward, %{to}, {value} => @case{name}");
                5
            }
            Case::Floats { stem, x, y, gives } => {
                let _ = write!(text, "movi_d %fpr0, {x}.0\nmovi_d %fpr1, {y}.0\n");
                let _ = write!(text, "{stem}r_d %fpr2, %fpr0, %fpr1\nmovi_d %fpr3, {gives}.0\n");
                let _ = writeln!(text, "beqr_d !forward, %fpr2, %fpr3 => @case{name}");
                7
            }
            Case::Memory { to, base, value, x, at } => {
                let [to, base, value] = [to, base, value].map(|n| NAMES[n]);
                let _ = write!(text, "movi_l %{value}, {x}\naddi_l %{base}, %fp, $memory\n");
                let _ = write!(text, "stxi_i {at}, %{base}, %{value}\nldxi_i %{to}, %{base}, {at}\n");
                let _ = writeln!(text, "beqr_l !forward, %{to}, %{value} => @case{name}");
                7
            }
        };
        let _ = write!(text, "calli *abort\npatch @case{name}\n");
        *labels += 1;
        *done += count;
    }
    let _ = write!(text, "movi_l %ret, {labels}\nret\n");
    large
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn programs_have_as_many_instructions_as_they_say() {
        let large = lightning(1000);
        let mnemonics: HashSet<&str> = kiln_dialects::lightning::mnemonics().collect();
        let words = large.text.split_whitespace();
        assert_eq!(words.filter(|word| mnemonics.contains(word)).count(), large.instructions);
        let large = rasm(1000);
        assert_eq!(large.text.lines().count(), large.instructions);
    }
}
