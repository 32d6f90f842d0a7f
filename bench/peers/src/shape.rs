//! Synthetic programs for measuring compilers: which instructions, in which blocks, over which variables.
//!
//! A program is a list of [`Step`]s that names nothing of any compiler, so that each of them is driven by the same
//! list. It is an ordinary program that ends and gives a checksum; both compilers' code is run and compared before
//! their time is taken.
//!
//! Each block is eight instructions and a compare-and-branch. The branch skips the next block, save that every 16th
//! block goes back 15 blocks as long as the fuel lasts. Of the instructions 16% are float arithmetic, 16% loads and
//! 10% stores; the rest is integer arithmetic. As in real programs few results are dead: a temporary not yet read is
//! preferred as an operand, and a variable is mostly changed (`x = x + y`) rather than replaced.

/// Instructions of a block before its branch.
pub const BLOCK_OPS: usize = 8;
/// Number of the blocks between back edges.
const LOOP: usize = 16;
/// Bytes of memory that a program needs: integers in the first half, floats in the second.
pub const MEMORY: usize = 4096;

/// Which variables a program has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// 6 integers and 3 floats that live throughout; everything else is a temporary of its block.
    Ordinary,
    /// 24 integers and 8 floats that live throughout, and nothing else.
    Stress,
}

impl Kind {
    /// The number of integers that live throughout; the first is the base address, the second the fuel.
    pub const fn ints(self) -> u8 {
        match self {
            Kind::Ordinary => 6,
            Kind::Stress => 24,
        }
    }

    /// The number of floats that live throughout.
    pub const fn floats(self) -> u8 {
        match self {
            Kind::Ordinary => 3,
            Kind::Stress => 8,
        }
    }

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Ordinary => "ordinary",
            Kind::Stress => "stress",
        }
    }
}

/// A variable that lives throughout, or a temporary of the current block (written before it is read).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Name {
    /// A variable, numbered from 0 in its class.
    Long(u8),
    /// A temporary, numbered from 0 in each block; below [`BLOCK_OPS`].
    Temp(u8),
}

/// The base address: never written.
pub const BASE: Name = Name::Long(0);
/// Counts back edges down.
pub const FUEL: Name = Name::Long(1);

/// A second operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// A variable or temporary.
    Name(Name),
    /// A constant.
    Imm(i32),
}

/// An operation on 64-bit integers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum IntOp {
    Add,
    Sub,
    And,
    Or,
    Xor,
    Mul,
    /// The second operand is a constant below 64.
    Shl,
    /// The second operand is a constant below 64.
    Ashr,
}

/// An operation on 64-bit floats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum FloatOp {
    Add,
    Sub,
    Mul,
}

/// A relation of 64-bit integers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Relation {
    Eq,
    Ne,
    Lt,
    Ge,
    Gt,
    Ult,
}

/// One instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Step {
    Int {
        op: IntOp,
        dst: Name,
        a: Name,
        b: Operand,
    },
    Float {
        op: FloatOp,
        dst: Name,
        a: Name,
        b: Name,
    },
    LoadInt {
        dst: Name,
        disp: i32,
    },
    LoadFloat {
        dst: Name,
        disp: i32,
    },
    StoreInt {
        value: Name,
        disp: i32,
    },
    StoreFloat {
        value: Name,
        disp: i32,
    },
    /// Ends the block: goes to the block with this number, else to the next.
    Branch {
        relation: Relation,
        a: Name,
        b: Operand,
        target: u32,
    },
}

/// A program: a function of a base address and an amount of fuel that gives an integer.
///
/// Before the first block it sets integer variable `n` (from 2 on) to `n` and each float `n` to `n + 0.5`. Behind
/// the last block ([`Program::blocks`]) it gives the exclusive or of all integers but the base, and of
/// `1 << n` for each float `n` that is less than 1.
#[derive(Clone, Debug)]
pub struct Program {
    /// Which variables it has.
    pub kind: Kind,
    /// Number of blocks, the one behind the last not counted.
    pub blocks: usize,
    /// The instructions of all blocks; each block has [`BLOCK_OPS`] and one branch.
    pub steps: Vec<Step>,
}

impl Program {
    /// The program of about `ops` instructions that this seed gives.
    pub fn new(kind: Kind, ops: usize, seed: u64) -> Program {
        let blocks = (ops / (BLOCK_OPS + 1)).max(1);
        let mut steps = Vec::with_capacity(blocks * (BLOCK_OPS + 1));
        let mut chooser = Chooser {
            random: Random(seed ^ 0x9e37_79b9_7f4a_7c15),
            kind,
            ints: Temps::default(),
            floats: Temps::default(),
        };
        for block in 0..blocks {
            chooser.ints.clear();
            chooser.floats.clear();
            let back = block % LOOP == LOOP - 1;
            for at in 0..BLOCK_OPS {
                let fuel = back && at == BLOCK_OPS - 1;
                steps.push(if fuel {
                    Step::Int { op: IntOp::Sub, dst: FUEL, a: FUEL, b: Operand::Imm(1) }
                } else {
                    chooser.step(at as u8)
                });
            }
            steps.push(if back {
                let target = (block + 1 - LOOP) as u32;
                Step::Branch { relation: Relation::Gt, a: FUEL, b: Operand::Imm(0), target }
            } else {
                chooser.branch((block + 2).min(blocks) as u32)
            });
        }
        Program { kind, blocks, steps }
    }

    /// Whether a later block goes back to this one.
    pub fn has_back_edge_to(&self, block: usize) -> bool {
        block.is_multiple_of(LOOP) && block + LOOP <= self.blocks
    }

    /// The number of instructions, by which times are divided.
    pub fn ops(&self) -> usize {
        self.steps.len()
    }
}

struct Chooser {
    random: Random,
    kind: Kind,
    ints: Temps,
    floats: Temps,
}

/// The temporaries of one class written so far in this block.
#[derive(Default)]
struct Temps {
    unread: Vec<u8>,
    read: Vec<u8>,
}

impl Temps {
    fn clear(&mut self) {
        self.unread.clear();
        self.read.clear();
    }

    /// A temporary to read: mostly one that was not read before; sometimes none.
    fn choose(&mut self, random: &mut Random) -> Option<Name> {
        if !self.unread.is_empty() && random.below(100) < 80 {
            let temp = self.unread.swap_remove(random.below(self.unread.len()));
            self.read.push(temp);
            return Some(Name::Temp(temp));
        }
        if self.read.is_empty() || random.below(100) < 75 {
            return None;
        }
        Some(Name::Temp(self.read[random.below(self.read.len())]))
    }
}

impl Chooser {
    fn step(&mut self, at: u8) -> Step {
        match self.random.below(100) {
            0..16 => {
                let op = [FloatOp::Add, FloatOp::Sub, FloatOp::Mul][self.random.below(3)];
                let b = self.float();
                let dst = self.new_float(at);
                let a = if self.changes(dst) { dst } else { self.float() };
                self.floats.wrote(dst);
                Step::Float { op, dst, a, b }
            }
            16..28 => {
                let dst = self.loaded(at, Chooser::int_variable);
                self.ints.wrote(dst);
                Step::LoadInt { dst, disp: self.disp(0) }
            }
            28..32 => {
                let dst = self.loaded(at, Chooser::float_variable);
                self.floats.wrote(dst);
                Step::LoadFloat { dst, disp: self.disp(MEMORY / 2) }
            }
            32..39 => Step::StoreInt { value: self.int(), disp: self.disp(0) },
            39..42 => Step::StoreFloat { value: self.float(), disp: self.disp(MEMORY / 2) },
            _ => {
                use IntOp::{Add, And, Ashr, Mul, Or, Shl, Sub, Xor};
                let op = [Add, Add, Add, Sub, Sub, And, Or, Xor, Mul, Shl, Ashr][self.random.below(11)];
                let b = match op {
                    Shl | Ashr => Operand::Imm(self.random.below(64) as i32),
                    _ => self.operand(),
                };
                let dst = self.new_int(at);
                let a = if self.changes(dst) { dst } else { self.int() };
                self.ints.wrote(dst);
                Step::Int { op, dst, a, b }
            }
        }
    }

    fn branch(&mut self, target: u32) -> Step {
        use Relation::{Eq, Ge, Lt, Ne, Ult};
        let relation = [Eq, Ne, Lt, Ge, Ult][self.random.below(5)];
        let a = self.int();
        Step::Branch { relation, a, b: self.operand(), target }
    }

    fn operand(&mut self) -> Operand {
        match self.random.below(10) {
            0..3 => Operand::Imm(self.random.below(256) as i32 - 64),
            3 => Operand::Imm(self.random.below(1 << 20) as i32),
            _ => Operand::Name(self.int()),
        }
    }

    fn disp(&mut self, from: usize) -> i32 {
        (from + 8 * self.random.below(MEMORY / 16)) as i32
    }

    fn int(&mut self) -> Name {
        let temp = self.ints.choose(&mut self.random);
        temp.unwrap_or_else(|| Name::Long(1 + self.random.below(self.kind.ints() as usize - 1) as u8))
    }

    fn float(&mut self) -> Name {
        let temp = self.floats.choose(&mut self.random);
        temp.unwrap_or_else(|| self.float_variable())
    }

    /// An integer that may be written: neither the base nor the fuel.
    fn int_variable(&mut self) -> Name {
        Name::Long(2 + self.random.below(self.kind.ints() as usize - 2) as u8)
    }

    fn float_variable(&mut self) -> Name {
        Name::Long(self.random.below(self.kind.floats() as usize) as u8)
    }

    /// Where a result goes: a new temporary, or in a third of the cases (always under stress) a variable.
    fn new_int(&mut self, at: u8) -> Name {
        if self.to_variable(3, at) { self.int_variable() } else { Name::Temp(at) }
    }

    fn new_float(&mut self, at: u8) -> Name {
        if self.to_variable(3, at) { self.float_variable() } else { Name::Temp(at) }
    }

    /// Where a load goes: mostly a temporary.
    fn loaded(&mut self, at: u8, variable: fn(&mut Chooser) -> Name) -> Name {
        if self.to_variable(8, at) { variable(self) } else { Name::Temp(at) }
    }

    /// Towards the end of a block always: nothing would read a temporary any more.
    fn to_variable(&mut self, one_in: usize, at: u8) -> bool {
        self.kind == Kind::Stress
            || self.random.below(one_in) == 0
            || at as usize + self.random.below(5) >= BLOCK_OPS
    }

    /// Whether an op that writes this variable also reads it.
    fn changes(&mut self, dst: Name) -> bool {
        matches!(dst, Name::Long(_)) && self.random.below(4) != 0
    }
}

impl Temps {
    fn wrote(&mut self, name: Name) {
        if let Name::Temp(temp) = name {
            self.unread.push(temp);
        }
    }
}

/// The splitmix64 generator: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}
