//! Branches, switches, returns, and values that depend on a condition.

use super::{Src, wide};
use crate::emit::{Emit, Fork, Placement};
use crate::regs::Reg;
use crate::target::x64::X64;
use crate::target::x64::encode::{Amode, Base};
use crate::target::x64::insts::*;
use crate::target::x64::regs::*;
use kiln_ir::function::aux;
use kiln_ir::op::Cond;
use kiln_ir::{Block, InstData, Op, Type, VReg};

/// The flag condition of an integer condition.
pub const fn cc(cond: Cond) -> Cc {
    match cond {
        Cond::Eq => Cc::E,
        Cond::Ne => Cc::Ne,
        Cond::Lt => Cc::L,
        Cond::Ge => Cc::Ge,
        Cond::Le => Cc::Le,
        Cond::Gt => Cc::G,
        Cond::Ult => Cc::B,
        Cond::Uge => Cc::Ae,
        Cond::Ule => Cc::Be,
        Cond::Ugt => Cc::A,
        Cond::Any => Cc::Ne,
        Cond::None => Cc::E,
    }
}

/// What the flags say of a condition that was compared for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flags {
    /// It holds where this flag condition does.
    One(Cc),
    /// It is equality of floats: equal, and not unordered.
    Equal,
    /// It is the opposite of that: different, or unordered.
    Differ,
}

impl Flags {
    /// The opposite condition.
    pub const fn inverse(self) -> Flags {
        match self {
            Flags::One(cc) => Flags::One(cc.inverse()),
            Flags::Equal => Flags::Differ,
            Flags::Differ => Flags::Equal,
        }
    }
}

/// A case of a switch.
type Case = (i64, Block);

/// The distance from the first of some sorted cases to the last.
fn span(cases: &[Case]) -> u64 {
    match (cases.first(), cases.last()) {
        (Some(first), Some(last)) => last.0.wrapping_sub(first.0) as u64,
        _ => 0,
    }
}

/// Whether sorted cases are worth a table: at least every fourth entry is one of them.
fn is_dense(cases: &[Case]) -> bool {
    cases.len() >= 4 && span(cases) / 4 < cases.len() as u64
}

/// Cuts sorted cases into those that make a table and single ones. All together make one if they are dense, else those
/// do that follow each other closely. O(cases).
fn find_clusters<'c>(cases: &'c [Case], clusters: &mut Vec<&'c [Case]>) {
    if is_dense(cases) {
        clusters.push(cases);
        return;
    }
    for run in cases.chunk_by(|a, b| b.0.wrapping_sub(a.0) as u64 <= 4) {
        if is_dense(run) {
            clusters.push(run);
        } else {
            clusters.extend(run.chunks(1));
        }
    }
}

impl<P: Placement> Emit<'_, X64, P> {
    pub fn jump(&mut self, inst: &InstData) {
        P::jump(self, Block(inst.dst));
    }

    /// Goes to a block of the label set, which all begin with nothing but homes in registers.
    pub fn jump_to(&mut self, inst: &InstData) {
        self.flush();
        let target = self.read(VReg(inst.a));
        P::leave(self);
        self.asm.group(GROUP5, false, 4, target);
    }

    /// Compares and gives what says whether `cond` holds.
    pub fn compare(&mut self, ty: Type, mut cond: Cond, mut a: VReg, b: Src) -> Flags {
        let w = wide(ty);
        let mut b = self.fold(b);
        if let Src::Val(vb) = b
            && let Some(value) = self.imm(a)
        {
            self.consume(a);
            (a, b) = (vb, Src::Imm(value));
            cond = cond.exchanged();
        }
        if let Some(flags) = self.compare_folded(w, cond, a, b) {
            return flags;
        }
        let bits = matches!(cond, Cond::Any | Cond::None);
        let ra = self.read(a);
        match b {
            Src::Imm(imm) if bits => self.asm.test_imm(w, ra, imm),
            Src::Imm(0) if matches!(cond, Cond::Eq | Cond::Ne | Cond::Lt | Cond::Ge) => {
                if !self.asm.flags_tell_of(w, ra) {
                    self.asm.op(TEST_RM_R, w, ra, ra);
                }
                // Where the flags are of a sum, only these say what the result is.
                match cond {
                    Cond::Lt => return Flags::One(Cc::S),
                    Cond::Ge => return Flags::One(Cc::Ns),
                    _ => {}
                }
            }
            Src::Imm(imm) => self.asm.alu_imm(Alu::Cmp, w, ra, imm),
            Src::Val(vb) => {
                let rb = self.read(vb);
                if bits {
                    self.asm.op(TEST_RM_R, w, ra, rb);
                } else {
                    self.asm.alu(Alu::Cmp, w, ra, rb);
                }
            }
            Src::Mem(_) => unreachable!("operands from memory are folded, not sources"),
        }
        Flags::One(cc(cond))
    }

    pub fn branch(&mut self, inst: &InstData) {
        self.flush();
        let flags = self.compare(inst.ty, inst.cond(), VReg(inst.a), self.src_b(inst));
        self.part(flags, self.at, Block(inst.dst));
    }

    /// Goes the ways of the branch at a position: to a block if the condition holds, else the other one.
    pub fn part(&mut self, flags: Flags, branch: u32, to: Block) {
        let Fork { to, inverted } = P::fork(self, branch, to);
        match if inverted { flags.inverse() } else { flags } {
            Flags::One(cc) => self.asm.jcc(cc, to),
            Flags::Equal => {
                let unordered = self.asm.skip_if(Cc::P);
                self.asm.jcc(Cc::E, to);
                self.asm.land(unordered);
            }
            Flags::Differ => {
                self.asm.jcc(Cc::P, to);
                self.asm.jcc(Cc::Ne, to);
            }
        }
        P::go_on(self);
    }

    /// dst = 1 if the condition holds, else 0.
    pub fn set(&mut self, flags: Flags, dst: VReg) {
        let d = self.write(dst, Reg::NONE);
        match flags {
            Flags::One(cc) => self.asm.setcc(cc, d),
            Flags::Equal => {
                self.asm.setcc(Cc::E, d);
                self.asm.setcc(Cc::Np, SCRATCH);
                self.asm.alu(Alu::And, false, d, SCRATCH);
            }
            Flags::Differ => {
                self.asm.setcc(Cc::Ne, d);
                self.asm.setcc(Cc::P, SCRATCH);
                self.asm.alu(Alu::Or, false, d, SCRATCH);
            }
        }
        self.asm.op8(MOVZX_R_RM8, false, d, d, true);
    }

    /// Whether the next instruction branches on whether this compare's result is 0 and nobody else reads it. Then
    /// that branch is to be written here; it is skipped.
    pub fn fuse_compare(&mut self, inst: &InstData) -> bool {
        let v = VReg(inst.dst);
        if !self.feeds_next(v) {
            return false;
        }
        let Some(next) = self.next_inst() else { return false };
        let fits = next.op == Op::Branch
            && next.a == v.0
            && next.aux & aux::IMM != 0
            && next.b == 0
            && matches!(next.cond(), Cond::Eq | Cond::Ne);
        if fits {
            self.consume(v);
            self.skip = 1;
        }
        fits
    }

    pub fn compare_value(&mut self, inst: &InstData) {
        if self.fuse_compare(inst) {
            let next = self.f.insts()[self.at as usize + 1];
            let cond = if next.cond() == Cond::Ne { inst.cond() } else { inst.cond().inverse() };
            self.flush();
            let flags = self.compare(inst.ty, cond, VReg(inst.a), self.src_b(inst));
            self.part(flags, self.at + 1, Block(next.dst));
            return;
        }
        let flags = self.compare(inst.ty, inst.cond(), VReg(inst.a), self.src_b(inst));
        self.set(flags, VReg(inst.dst));
    }

    pub fn select_value(&mut self, inst: &InstData) {
        let tail = self.f.tail(inst);
        let (then, or) = (VReg(tail[0]), VReg(tail[1]));
        let condition = |e: &mut Self| e.compare(Type::I32, Cond::Ne, VReg(inst.a), Src::Imm(0));
        if let (Some(x @ (0 | 1)), Some(y @ (0 | 1))) = (self.imm(then), self.imm(or))
            && x != y
        {
            self.consume(then);
            self.consume(or);
            let flags = condition(self);
            self.set(if x == 1 { flags } else { flags.inverse() }, VReg(inst.dst));
            return;
        }
        if self.select_float(inst, then, or) {
            return;
        }
        let w = wide(inst.ty);
        let (rt, ro) = (self.read(then), self.read(or));
        let flags = condition(self);
        let d = self.write(VReg(inst.dst), if flags == Flags::Equal { rt } else { ro });
        // The result starts as one of the two and becomes the other if the condition says so.
        let (start, other, replace) = match d == rt {
            true => (rt, ro, flags.inverse()),
            false => (ro, rt, flags),
        };
        // Where two flags decide, each of two that are or-ed replaces; two that are and-ed do so the other way round.
        let (start, other, replace) = match replace {
            Flags::Equal if d != rt && d != ro => (other, start, Flags::Differ),
            _ => (start, other, replace),
        };
        if d.is_vector() {
            self.asm.mov(true, d, start);
            let (keep, also) = match replace {
                Flags::One(cc) => (self.asm.skip_if(cc.inverse()), None),
                Flags::Equal => (self.asm.skip_if(Cc::Ne), Some(self.asm.skip_if(Cc::P))),
                Flags::Differ => {
                    let unordered = self.asm.skip_if(Cc::P);
                    let keep = self.asm.skip_if(Cc::E);
                    self.asm.land(unordered);
                    (keep, None)
                }
            };
            self.asm.mov(true, d, other);
            self.asm.land(keep);
            if let Some(also) = also {
                self.asm.land(also);
            }
            return;
        }
        match replace {
            Flags::One(cc) => {
                self.asm.mov(w, d, start);
                self.asm.cmovcc(cc, w, d, other);
            }
            Flags::Differ => {
                self.asm.mov(w, d, start);
                self.asm.cmovcc(Cc::Ne, w, d, other);
                self.asm.cmovcc(Cc::P, w, d, other);
            }
            Flags::Equal => {
                // `d` holds one of the two already: the other's copy is the one that is replaced.
                self.asm.mov(w, SCRATCH, other);
                self.asm.cmovcc(Cc::Ne, w, SCRATCH, start);
                self.asm.cmovcc(Cc::P, w, SCRATCH, start);
                self.asm.mov(w, d, SCRATCH);
            }
        }
    }

    pub fn switch(&mut self, inst: &InstData) {
        let f = self.f;
        let w = wide(inst.ty);
        let (default, cases) = f.cases(inst);
        let normal = |value: i64| if w { value } else { value as i32 as i64 };
        let mut cases: Vec<(i64, Block)> = cases.map(|(value, block)| (normal(value), block)).collect();
        cases.sort_unstable_by_key(|case| case.0);
        self.flush();
        let value = self.read(VReg(inst.a));
        let mut clusters = Vec::new();
        find_clusters(&cases, &mut clusters);
        // Taken before the ways part: this may have to store what the register holds.
        let table = match clusters.iter().any(|cluster| cluster.len() > 1) {
            true => self.temp(false),
            false => Reg::NONE,
        };
        P::leave(self);
        let default = P::way(self, default);
        self.switch_search(w, value, table, &clusters, default);
    }

    /// Dense cases: a table of distances behind the jump.
    fn switch_table(&mut self, w: bool, value: Reg, table: Reg, cases: &[Case], default: Block) {
        let low = cases[0].0;
        let range = span(cases);
        match i32::try_from(low) {
            Ok(low) => {
                // Of 32 bits, this clears the upper half.
                self.asm.mov(w, SCRATCH, value);
                if low != 0 {
                    self.asm.alu_imm(Alu::Sub, w, SCRATCH, low);
                }
            }
            Err(_) => {
                self.asm.mov_imm(SCRATCH, low.wrapping_neg() as u64);
                self.asm.alu(Alu::Add, true, SCRATCH, value);
            }
        }
        // Below 4 times the number of cases, which the verifier bounds.
        self.asm.alu_imm(Alu::Cmp, w, SCRATCH, range as i32);
        self.asm.jcc(Cc::A, default);
        self.asm.op(LEA, true, table, Amode::RIP);
        let field = self.asm.rip_field;
        let entry = Amode { base: Base::Reg(table), index: SCRATCH, shift: 2, disp: 0 };
        self.asm.op(MOVSXD_R_RM32, true, SCRATCH, entry);
        self.asm.alu(Alu::Add, true, SCRATCH, table);
        if self.options.landing_pads {
            // NOTRACK: the blocks need not begin with a landing pad, because the table cannot be written.
            self.asm.raw(&[0x3e]);
        }
        self.asm.group(GROUP5, false, 4, SCRATCH);
        let start = self.asm.buf.offset();
        self.asm.buf.patch32(field, start - (field + 4));
        let mut next = cases.iter().peekable();
        for i in 0..=range {
            self.asm.buf.reserve(0);
            let block = match next.peek() {
                Some(case) if case.0.wrapping_sub(low) as u64 == i => {
                    next.next().map_or(default, |case| P::way(self, case.1))
                }
                _ => default,
            };
            let at = self.asm.buf.offset();
            self.asm.buf.put(0, 4);
            self.asm.buf.refer(at, start, block);
        }
    }

    /// A binary search for the cluster. Recursion is as deep as the logarithm of the number of clusters.
    fn switch_search(&mut self, w: bool, value: Reg, table: Reg, clusters: &[&[Case]], default: Block) {
        self.asm.buf.reserve(0);
        if let [cluster @ [_, _, ..]] = clusters {
            self.switch_table(w, value, table, cluster, default);
            return;
        }
        if clusters.len() <= 3 && clusters.iter().all(|cluster| cluster.len() == 1) {
            for case in clusters.iter().copied().flatten() {
                self.compare_case(w, value, case.0);
                let to = P::way(self, case.1);
                self.asm.jcc(Cc::E, to);
            }
            self.asm.jmp(default);
            return;
        }
        let (low, high) = clusters.split_at(clusters.len() / 2);
        self.compare_case(w, value, high[0][0].0);
        // jge over the lower half, too far for a short jump
        self.asm.raw(&[0x0f, 0x80 | Cc::Ge as u8, 0, 0, 0, 0]);
        let end = self.asm.buf.offset();
        self.switch_search(w, value, table, low, default);
        let here = self.asm.buf.offset();
        self.asm.buf.patch32(end - 4, here - end);
        self.switch_search(w, value, table, high, default);
    }

    fn compare_case(&mut self, w: bool, value: Reg, case: i64) {
        match i32::try_from(case) {
            Ok(case) => self.asm.alu_imm(Alu::Cmp, w, value, case),
            Err(_) => {
                self.asm.mov_imm(SCRATCH, case as u64);
                self.asm.alu(Alu::Cmp, true, value, SCRATCH);
            }
        }
    }
}
