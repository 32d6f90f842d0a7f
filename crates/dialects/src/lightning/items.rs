//! The instructions of a program, packed: there are hundreds of thousands, and memory that is touched for the first time
//! costs more than all that is done with it.
//!
//! An operand is one word, its kind in the low bits; what does not fit beside that stands in a pool of words that the
//! operand points to. The lines of the original files stand apart, once for all instructions of a line.

use super::fault::At;
use super::program::Operand;
use super::table::{Row, TABLE};
use super::value::{Base, Handle, Passed};

/// One instruction.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its place in the table.
    pub row: u16,
    /// Where it stands.
    pub at: At,
    /// Its operands.
    pub operands: [Operand; 4],
}

impl Item {
    /// The table's row.
    pub fn row(&self) -> &'static Row {
        TABLE.row(self.row)
    }
}

/// An instruction without its operands.
#[derive(Clone, Copy, Debug)]
struct Head {
    row: u16,
    /// How many operands there are, and where they begin.
    count: u8,
    first: u32,
    /// The place of its line among the lines.
    line: u32,
    start: u32,
    end: u32,
}

/// The instructions in order.
#[derive(Debug, Default)]
pub struct Items {
    heads: Vec<Head>,
    operands: Vec<u64>,
    pool: Vec<u64>,
    /// File, line and column.
    lines: Vec<[u32; 3]>,
}

/// The bits that say what an operand is.
const KIND: u32 = 4;

const NONE: u64 = 0;
const INT: u64 = 1;
const FLOAT: u64 = 2;
const WORD: u64 = 3;
const LABEL: u64 = 4;
/// One word of the pool.
const WIDE_WORD: u64 = 5;
const NUMBER: u64 = 6;
/// Two words of the pool.
const ADDRESS: u64 = 7;
const ARGUMENT: u64 = 8;

impl Items {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Appends one.
    pub fn push(&mut self, item: &Item) {
        let At { file, line, column, start, end } = item.at;
        if self.lines.last() != Some(&[file, line, column]) {
            self.lines.push([file, line, column]);
        }
        let (first, line) = (self.operands.len() as u32, self.lines.len() as u32 - 1);
        let count = item.row().operands.len();
        self.heads.push(Head { row: item.row, count: count as u8, first, line, start, end });
        for operand in &item.operands[..count] {
            let packed = self.packed(*operand);
            self.operands.push(packed);
        }
    }

    fn packed(&mut self, operand: Operand) -> u64 {
        let wide = self.pool.len() as u64;
        let (kind, value) = match operand {
            Operand::None => (NONE, 0),
            Operand::Int(n) => (INT, n.into()),
            Operand::Float(n) => (FLOAT, n.into()),
            Operand::Word(v) if v << KIND >> KIND == v => (WORD, v as u64),
            Operand::Word(v) => {
                self.pool.push(v as u64);
                (WIDE_WORD, wide)
            }
            Operand::Number(v) => {
                self.pool.push(v.to_bits());
                (NUMBER, wide)
            }
            Operand::Address(base, offset) => {
                let base = match base {
                    Base::Data => 0,
                    Base::Symbol(symbol) => u64::from(symbol) + 1,
                };
                self.pool.extend([base, offset as u64]);
                (ADDRESS, wide)
            }
            Operand::Label(label) => (LABEL, label.into()),
            Operand::Argument(Handle { function, index, passed }) => {
                self.pool.extend([u64::from(function) << 32 | u64::from(index), passed as u64]);
                (ARGUMENT, wide)
            }
        };
        value << KIND | kind
    }

    #[inline]
    fn unpacked(&self, packed: u64) -> Operand {
        let value = packed >> KIND;
        let pool = |n: usize| self.pool[value as usize + n];
        match packed & ((1 << KIND) - 1) {
            INT => Operand::Int(value as u8),
            FLOAT => Operand::Float(value as u8),
            WORD => Operand::Word(packed as i64 >> KIND),
            LABEL => Operand::Label(value as u32),
            WIDE_WORD => Operand::Word(pool(0) as i64),
            NUMBER => Operand::Number(f64::from_bits(pool(0))),
            ADDRESS => {
                let base = match pool(0) {
                    0 => Base::Data,
                    symbol => Base::Symbol(symbol as u32 - 1),
                };
                Operand::Address(base, pool(1) as i64)
            }
            ARGUMENT => {
                let passed = [Passed::Word, Passed::F32, Passed::F64][pool(1) as usize];
                Operand::Argument(Handle { function: (pool(0) >> 32) as u32, index: pool(0) as u32, passed })
            }
            _ => Operand::None,
        }
    }

    /// The instruction with a number.
    pub fn get(&self, number: u32) -> Item {
        let mut operands = [Operand::None; 4];
        for (operand, packed) in operands.iter_mut().zip(self.packed_operands(number)) {
            *operand = self.unpacked(*packed);
        }
        Item { row: self.heads[number as usize].row, at: self.at(number), operands }
    }

    #[inline]
    fn packed_operands(&self, number: u32) -> &[u64] {
        let head = &self.heads[number as usize];
        &self.operands[head.first as usize..][..head.count as usize]
    }

    /// One operand of the instruction with a number.
    #[inline]
    pub fn operand(&self, number: u32, place: usize) -> Operand {
        self.packed_operands(number).get(place).map_or(Operand::None, |packed| self.unpacked(*packed))
    }

    /// The label that an instruction names; it names one at most.
    pub fn label(&self, number: u32) -> Option<u32> {
        let is_label = |packed: &&u64| **packed & ((1 << KIND) - 1) == LABEL;
        self.packed_operands(number).iter().find(is_label).map(|packed| (packed >> KIND) as u32)
    }

    /// Where an instruction stands.
    pub fn at(&self, number: u32) -> At {
        let head = &self.heads[number as usize];
        let [file, line, column] = self.lines[head.line as usize];
        At { file, line, column, start: head.start, end: head.end }
    }

    /// The table's row of the instruction with a number.
    #[inline]
    pub fn row(&self, number: u32) -> &'static Row {
        TABLE.row(self.heads[number as usize].row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_what_they_were() {
        let mut items = Items::default();
        let handle = Handle { function: u32::MAX, index: 64_999, passed: Passed::F32 };
        let operands = [
            Operand::None,
            Operand::Int(8),
            Operand::Float(7),
            Operand::Word(-1),
            Operand::Word(i64::MIN),
            Operand::Word(i64::MAX >> KIND),
            Operand::Word((i64::MAX >> KIND) + 1),
            Operand::Number(-0.0),
            Operand::Address(Base::Data, -5),
            Operand::Address(Base::Symbol(u32::MAX - 1), i64::MIN),
            Operand::Label(u32::MAX),
            Operand::Argument(handle),
        ];
        // A row of four operands and one of none, on two lines.
        let four = TABLE.find("fmar_d").unwrap_or_default();
        let none = TABLE.find("prolog").unwrap_or_default();
        let mut all = Vec::new();
        for (n, chunk) in (0..).zip(operands.chunks(4)) {
            let at = At { file: n, line: n / 2, column: 1, start: 10 * n, end: 10 * n + 5 };
            all.push(Item { row: four, at, operands: chunk.try_into().expect("chunks of four") });
            all.push(Item { row: none, at, operands: [Operand::None; 4] });
        }
        all.iter().for_each(|item| items.push(item));
        for (item, n) in all.iter().zip(0..) {
            let found = items.get(n);
            assert_eq!((found.row, found.at, found.operands), (item.row, item.at, item.operands));
        }
        assert_eq!(items.len(), all.len());
    }
}
