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
    /// 4 integers and 1 float that live throughout: with two blocks, some 30 ops in all.
    Small,
}

impl Kind {
    /// The number of integers that live throughout; the first is the base address, the second the fuel.
    pub const fn ints(self) -> u8 {
        match self {
            Kind::Ordinary => 6,
            Kind::Stress => 24,
            Kind::Small => 4,
        }
    }

    /// The number of floats that live throughout.
    pub const fn floats(self) -> u8 {
        match self {
            Kind::Ordinary => 3,
            Kind::Stress => 8,
            Kind::Small => 1,
        }
    }

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Ordinary => "ordinary",
            Kind::Stress => "stress",
            Kind::Small => "small",
        }
    }
}

/// A variable that lives throughout, or a temporary of the current block (written before it is read).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Name(u8);

/// What a [`Name`] stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// An integer variable, numbered from 0.
    Int(u8),
    /// A float variable, numbered from 0.
    Float(u8),
    /// A temporary, numbered from 0 in each block; below [`BLOCK_OPS`].
    Temp(u8),
}

impl Name {
    /// The names are dense: [`Name::index`] is below this.
    pub const COUNT: usize = Name::TEMPS as usize + BLOCK_OPS;
    const FLOATS: u8 = 24;
    const TEMPS: u8 = 32;

    /// The name of an integer variable.
    pub const fn int(n: u8) -> Name {
        Name(n)
    }

    /// The name of a float variable.
    pub const fn float(n: u8) -> Name {
        Name(Name::FLOATS + n)
    }

    const fn temp(n: u8) -> Name {
        Name(Name::TEMPS + n)
    }

    /// A place in a table of all names, so that a driver need not ask what a name stands for.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// What it stands for.
    pub const fn meaning(self) -> Meaning {
        match self.0 {
            n @ 0..Name::FLOATS => Meaning::Int(n),
            n @ Name::FLOATS..Name::TEMPS => Meaning::Float(n - Name::FLOATS),
            n => Meaning::Temp(n - Name::TEMPS),
        }
    }
}

/// The base address: never written.
pub const BASE: Name = Name::int(0);
/// Counts back edges down.
pub const FUEL: Name = Name::int(1);

/// What an instruction does. Integers have 64 bits, and so have floats. The names with `Imm` take a constant in
/// place of `b`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum What {
    Add,
    AddImm,
    Sub,
    SubImm,
    And,
    AndImm,
    Or,
    OrImm,
    Xor,
    XorImm,
    Mul,
    MulImm,
    ShlImm,
    AshrImm,
    Fadd,
    Fsub,
    Fmul,
    /// Reads an integer at base + `imm`.
    Load,
    /// Reads a float at base + `imm`.
    Fload,
    /// Writes the integer `a` at base + `imm`.
    Store,
    /// Writes the float `a` at base + `imm`.
    Fstore,
    /// Ends the block: goes to `target` if the relation holds, else to the next block.
    Branch,
    BranchImm,
}

/// A relation of integers.
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

/// One instruction: one branch on `what` suffices to do it. Fields that it does not use have some value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct Step {
    pub what: What,
    pub relation: Relation,
    pub dst: Name,
    pub a: Name,
    pub b: Name,
    pub imm: i32,
    pub target: u32,
}

impl Step {
    const fn new(what: What) -> Step {
        Step { what, relation: Relation::Eq, dst: FUEL, a: FUEL, b: FUEL, imm: 0, target: 0 }
    }
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
                    Step { imm: 1, ..Step::new(What::SubImm) }
                } else {
                    chooser.step(at as u8)
                });
            }
            steps.push(if back {
                let target = (block + 1 - LOOP) as u32;
                Step { relation: Relation::Gt, target, ..Step::new(What::BranchImm) }
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
            return Some(Name::temp(temp));
        }
        if self.read.is_empty() || random.below(100) < 75 {
            return None;
        }
        Some(Name::temp(self.read[random.below(self.read.len())]))
    }
}

impl Chooser {
    fn step(&mut self, at: u8) -> Step {
        match self.random.below(100) {
            0..16 => {
                let what = [What::Fadd, What::Fsub, What::Fmul][self.random.below(3)];
                let b = self.float();
                let dst = self.new_float(at);
                let a = if self.changes(dst) { dst } else { self.float() };
                self.floats.wrote(dst);
                Step { dst, a, b, ..Step::new(what) }
            }
            16..28 => {
                let dst = self.loaded(at, Chooser::int_variable);
                self.ints.wrote(dst);
                Step { dst, imm: self.disp(0), ..Step::new(What::Load) }
            }
            28..32 => {
                let dst = self.loaded(at, Chooser::float_variable);
                self.floats.wrote(dst);
                Step { dst, imm: self.disp(MEMORY / 2), ..Step::new(What::Fload) }
            }
            32..39 => Step { a: self.int(), imm: self.disp(0), ..Step::new(What::Store) },
            39..42 => Step { a: self.float(), imm: self.disp(MEMORY / 2), ..Step::new(What::Fstore) },
            _ => {
                let (what, b, imm) = match self.random.below(11) {
                    9 => (What::ShlImm, FUEL, self.random.below(64) as i32),
                    10 => (What::AshrImm, FUEL, self.random.below(64) as i32),
                    n => {
                        use What::{
                            Add, AddImm, And, AndImm, Mul, MulImm, Or, OrImm, Sub, SubImm, Xor, XorImm,
                        };
                        let what = [Add, Add, Add, Sub, Sub, And, Or, Xor, Mul][n];
                        let with = [AddImm, AddImm, AddImm, SubImm, SubImm, AndImm, OrImm, XorImm, MulImm][n];
                        self.operand(what, with)
                    }
                };
                let dst = self.new_int(at);
                let a = if self.changes(dst) { dst } else { self.int() };
                self.ints.wrote(dst);
                Step { dst, a, b, imm, ..Step::new(what) }
            }
        }
    }

    fn branch(&mut self, target: u32) -> Step {
        use Relation::{Eq, Ge, Lt, Ne, Ult};
        let relation = [Eq, Ne, Lt, Ge, Ult][self.random.below(5)];
        let a = self.int();
        let (what, b, imm) = self.operand(What::Branch, What::BranchImm);
        Step { relation, a, b, imm, target, ..Step::new(what) }
    }

    /// The second operand: a name, or a constant with the other form of the op.
    fn operand(&mut self, what: What, with_constant: What) -> (What, Name, i32) {
        match self.random.below(10) {
            0..3 => (with_constant, FUEL, self.random.below(256) as i32 - 64),
            3 => (with_constant, FUEL, self.random.below(1 << 20) as i32),
            _ => (what, self.int(), 0),
        }
    }

    fn disp(&mut self, from: usize) -> i32 {
        (from + 8 * self.random.below(MEMORY / 16)) as i32
    }

    fn int(&mut self) -> Name {
        let temp = self.ints.choose(&mut self.random);
        temp.unwrap_or_else(|| Name::int(1 + self.random.below(self.kind.ints() as usize - 1) as u8))
    }

    fn float(&mut self) -> Name {
        let temp = self.floats.choose(&mut self.random);
        temp.unwrap_or_else(|| self.float_variable())
    }

    /// An integer that may be written: neither the base nor the fuel.
    fn int_variable(&mut self) -> Name {
        Name::int(2 + self.random.below(self.kind.ints() as usize - 2) as u8)
    }

    fn float_variable(&mut self) -> Name {
        Name::float(self.random.below(self.kind.floats() as usize) as u8)
    }

    /// Where a result goes: a new temporary, or in a third of the cases (always under stress) a variable.
    fn new_int(&mut self, at: u8) -> Name {
        if self.is_for_variable(3, at) { self.int_variable() } else { Name::temp(at) }
    }

    fn new_float(&mut self, at: u8) -> Name {
        if self.is_for_variable(3, at) { self.float_variable() } else { Name::temp(at) }
    }

    /// Where a load goes: mostly a temporary.
    fn loaded(&mut self, at: u8, variable: fn(&mut Chooser) -> Name) -> Name {
        if self.is_for_variable(8, at) { variable(self) } else { Name::temp(at) }
    }

    /// Towards the end of a block always: nothing would read a temporary any more.
    fn is_for_variable(&mut self, one_in: usize, at: u8) -> bool {
        self.kind == Kind::Stress
            || self.random.below(one_in) == 0
            || at as usize + self.random.below(5) >= BLOCK_OPS
    }

    /// Whether an op that writes this variable also reads it.
    fn changes(&mut self, dst: Name) -> bool {
        !matches!(dst.meaning(), Meaning::Temp(_)) && self.random.below(4) != 0
    }
}

impl Temps {
    fn wrote(&mut self, name: Name) {
        if let Meaning::Temp(temp) = name.meaning() {
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
