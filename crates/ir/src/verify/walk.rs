//! The walk over the records of a function: each against its row of the op table, its registers told to the
//! [`Tracker`].
//!
//! The common shapes are settled by a few masks of [`super::rules`]; whatever is rare, or does not pass, is taken
//! operand by operand in `operands.rs`, which also finds out what is wrong.

use super::assigned::Tracker;
use super::fault::{self, Conversion, Fault, InstName, OneOf};
use super::limits::Limits;
use super::rules::{self, Path, Row};
use super::{Report, flow};
use crate::diagnostic::Place;
use crate::entity::{Block, FuncId, Inst, VReg};
use crate::function::{Function, InstData, aux};
use crate::module::Module;
use crate::op::{Field, Hint, Kind, Op, Role, Shape};
use crate::types::{Signature, Type, TypeSet};

/// Checks the body of a function. The declarations of the module hold.
pub(super) fn check(
    module: &Module,
    func: FuncId,
    f: &Function,
    limits: &Limits,
    tracker: &mut Tracker,
    report: &mut Report,
) {
    let sig = module.signature_of(func);
    if !flow::check(module, func, f, sig, limits, report) {
        return;
    }
    tracker.start(f);
    let mut walk = Walk { module, func, f, sig, limits, tracker, report, sound: true, call_bytes: 0 };
    walk.records();
    if walk.call_bytes > limits.call_bytes {
        let (count, max) = (walk.call_bytes, limits.call_bytes);
        let what = "bytes of aggregates in the calls of a function";
        walk.report.add(Place::Func(func), Fault::TooMuch { what, count, max });
    }
    if walk.sound {
        walk.assignments();
    }
}

/// The walk over the records of one function.
pub(super) struct Walk<'a> {
    pub module: &'a Module,
    pub func: FuncId,
    pub f: &'a Function,
    pub sig: &'a Signature,
    pub limits: &'a Limits,
    pub tracker: &'a mut Tracker,
    pub report: &'a mut Report,
    /// Whether every record can be read by the accessors of [`Function`], so that control can be followed.
    pub sound: bool,
    /// Bytes of memory that the frame needs for what calls pass and give by value, so far.
    pub call_bytes: u64,
}

impl Walk<'_> {
    fn records(&mut self) {
        let f = self.f;
        for i in 0..f.blocks.len() {
            let range = f.block_range(Block(i as u32));
            self.tracker.block();
            let last = range.end - 1;
            for at in range.start..last {
                if self.record(at, false) {
                    let op = self.name(&f.insts[at]);
                    self.fatal(at, None, Fault::TerminatorInside { op });
                }
            }
            if !self.record(last, true) {
                let op = self.name(&f.insts[last]);
                self.fatal(last, None, Fault::NoTerminator { block: fault::label(f, Block(i as u32)), op });
            }
            if self.report.is_full() {
                return;
            }
        }
        let last = &f.insts[f.insts.len() - 1];
        if last.op.falls_through() {
            let op = self.name(last);
            self.fatal(f.insts.len() - 1, None, Fault::FallsOffEnd { op });
        }
    }

    /// Checks one record and tells the tracker of its registers. Gives whether it is a terminator.
    #[inline(always)]
    fn record(&mut self, at: usize, last: bool) -> bool {
        let f = self.f;
        let inst = &f.insts[at];
        let row = rules::row_of(inst.op, inst.ty);
        // In the middle of blocks stand no branches, at their ends little else: so each call tests only what may come.
        let passed = !only_general()
            && inst.aux & !row.allowed == 0
            && ((inst.aux >> aux::VARIANT & 15) as u8) < row.variants
            && match row.path {
                Path::Plain => self.plain(inst, row),
                Path::Mem => self.memory(inst, row),
                Path::Const => self.constant(inst, row),
                Path::Branch => last && self.branch(inst, row),
                Path::General => false,
            };
        if !passed {
            self.general(at);
        }
        row.ends
    }

    /// Whether a register exists and its type is in the mask.
    #[inline(always)]
    fn has_type(&self, v: u32, mask: u8) -> bool {
        self.tracker.regs.get(v as usize).is_some_and(|reg| reg.types & mask != 0)
    }

    #[inline(always)]
    fn sources(&mut self, inst: &InstData, row: &Row) -> bool {
        if row.a != 0 {
            if !self.has_type(inst.a, row.a) {
                return false;
            }
            self.tracker.read(inst.a);
            if row.b != 0 && !inst.has_imm() {
                if !self.has_type(inst.b, row.b) {
                    return false;
                }
                self.tracker.read(inst.b);
            }
        }
        true
    }

    #[inline(always)]
    fn plain(&mut self, inst: &InstData, row: &Row) -> bool {
        if !self.sources(inst, row) || !self.has_type(inst.dst, row.dst) {
            return false;
        }
        self.tracker.write(inst.dst);
        true
    }

    #[inline(always)]
    fn branch(&mut self, inst: &InstData, row: &Row) -> bool {
        self.sources(inst, row)
            && (inst.dst as usize) < self.f.blocks.len()
            && Hint::from_number((inst.aux >> aux::HINT & 3) as u8).is_some()
    }

    #[inline(always)]
    fn constant(&mut self, inst: &InstData, row: &Row) -> bool {
        let f = self.f;
        let form_holds = match inst.ty {
            Type::I32 | Type::F32 => !inst.has_tail(),
            _ if !inst.has_tail() => inst.ty != Type::F64,
            _ => {
                (inst.b as usize + 2) <= f.pool.len() && {
                    let value = f.constant(inst) as i64;
                    inst.ty == Type::F64 || value != value as i32 as i64
                }
            }
        };
        if !form_holds || !self.has_type(inst.dst, row.dst) {
            return false;
        }
        self.tracker.write(inst.dst);
        true
    }

    #[inline(always)]
    fn memory(&mut self, inst: &InstData, row: &Row) -> bool {
        if !self.has_type(inst.a, row.a) {
            return false;
        }
        self.tracker.read(inst.a);
        if inst.has_tail() {
            let f = self.f;
            let Some([index, scale, _]) = f.pool.get(inst.b as usize..).and_then(|t| t.first_chunk()) else {
                return false;
            };
            if !matches!(scale, 1 | 2 | 4 | 8) || !self.has_type(*index, INDEX) {
                return false;
            }
            self.tracker.read(*index);
        }
        match inst.op {
            Op::Load => {
                if !rules::access_fits(inst.access(), inst.ty) || !self.has_type(inst.dst, row.dst) {
                    return false;
                }
                self.tracker.write(inst.dst);
            }
            Op::Store => {
                if !rules::access_fits(inst.access(), inst.ty) {
                    return false;
                }
                if inst.value_is_imm() {
                    return !inst.ty.is_float();
                }
                if !self.has_type(inst.dst, row.dst) {
                    return false;
                }
                self.tracker.read(inst.dst);
            }
            Op::Addr => {
                if !self.has_type(inst.dst, row.dst) {
                    return false;
                }
                self.tracker.write(inst.dst);
            }
            _ => {}
        }
        true
    }

    fn assignments(&mut self) {
        let f = self.f;
        let max = self.limits.search_steps;
        let Some(gaps) = self.tracker.finish(f, self.limits.diagnostics, max) else {
            let fault =
                Fault::TooMuch { what: "steps in search of unassigned registers", count: max + 1, max };
            self.report.add(Place::Func(self.func), fault);
            return;
        };
        for gap in gaps {
            let Some(block) = gap.way.last() else { continue };
            let read = f.block_range(*block).find_map(|at| {
                let inst = &f.insts[at];
                uses(f, inst).into_iter().find(|(_, v)| *v == gap.reg).map(|(number, _)| (at, number))
            });
            if let Some((at, number)) = read {
                let path = gap.way.iter().map(|b| fault::label(f, *b)).collect();
                let reg = fault::reg(f, gap.reg);
                self.fault(at, Some(number), Fault::Unassigned { reg, path: fault::Trail(path) });
            }
        }
    }

    pub(super) fn name(&self, inst: &InstData) -> InstName {
        InstName { op: inst.op, variant: inst.variant() }
    }

    /// Reports a fault that leaves the record readable.
    #[cold]
    pub(super) fn fault(&mut self, at: usize, operand: Option<u8>, fault: Fault) {
        self.report.add(Place::Inst(self.func, Inst(at as u32), operand), fault);
    }

    /// Reports a fault after which control cannot be followed.
    #[cold]
    pub(super) fn fatal(&mut self, at: usize, operand: Option<u8>, fault: Fault) {
        self.sound = false;
        self.fault(at, operand, fault);
    }

    /// Whether an index is below the count of its table; reports it if not.
    pub(super) fn exists(&mut self, at: usize, n: u8, what: &'static str, index: u32, count: usize) -> bool {
        let exists = (index as usize) < count;
        if !exists {
            self.fatal(at, Some(n), Fault::NoSuch { what, index, count });
        }
        exists
    }

    /// The type of a register; reports it if it does not exist.
    pub(super) fn reg_type(&mut self, at: usize, n: u8, v: u32) -> Option<Type> {
        let count = self.f.vregs.len();
        self.exists(at, n, "register", v, count).then(|| self.f.vregs[v as usize].ty)
    }

    /// Checks a register operand against a mask. Gives whether it exists.
    pub(super) fn reg(&mut self, at: usize, n: u8, v: u32, mask: u8, written: bool) -> bool {
        let Some(found) = self.reg_type(at, n, v) else { return false };
        if mask >> found as u8 & 1 == 0 {
            let op = self.name(&self.f.insts[at]);
            let (reg, wanted) = (fault::reg(self.f, VReg(v)), OneOf(TypeSet(mask)));
            let one = wanted.0.iter().next().unwrap_or(found);
            let how = if written {
                Conversion { from: one, to: found }
            } else {
                Conversion { from: found, to: one }
            };
            self.fault(at, Some(n), Fault::OperandType { op, reg, found, wanted, how });
        }
        true
    }

    pub(super) fn read(&mut self, at: usize, n: u8, v: u32, mask: u8) {
        if self.reg(at, n, v, mask, false) {
            self.tracker.read(v);
        }
    }

    pub(super) fn write(&mut self, at: usize, n: u8, v: u32, mask: u8) {
        if self.reg(at, n, v, mask, true) {
            self.tracker.write(v);
        }
    }
}

#[cfg(test)]
thread_local! {
    /// Lets tests send every record the long way.
    pub(super) static ONLY_GENERAL: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Whether every record goes the long way.
#[inline(always)]
fn only_general() -> bool {
    #[cfg(test)]
    return ONLY_GENERAL.get();
    #[cfg(not(test))]
    false
}

/// The registers that may be an index: those as wide as an address.
pub(super) const INDEX: u8 = rules::kind_mask(Kind::I64, Type::I64);

/// The registers that an instruction reads, with the numbers of their operands.
fn uses(f: &Function, inst: &InstData) -> Vec<(u8, VReg)> {
    let shape = inst.op.shape();
    let mut n = if matches!(shape, Shape::Call | Shape::CallPtr) { f.call(inst).results as usize } else { 0 };
    let mut found = Vec::new();
    for (field, role) in shape.operands() {
        let word = f.word(inst, *field);
        let mut one = |n: usize, v: VReg| found.push((n.min(255) as u8, v));
        match role {
            Role::Use(_) => one(n, VReg(word)),
            Role::UseOrImm(_) if !inst.has_imm() => one(n, VReg(word)),
            Role::StoreValue if !inst.value_is_imm() => one(n, VReg(word)),
            Role::Mem => {
                let mem = f.mem(inst);
                one(n, mem.base);
                if !mem.index.is_none() {
                    one(n, mem.index);
                }
            }
            Role::List => {
                if let Field::Tail(start) = field {
                    for v in f.list(inst, *start as usize).iter() {
                        one(n, v);
                        n += 1;
                    }
                }
            }
            Role::Results => {
                let more = if inst.has_tail() { f.list(inst, 0).0 } else { &[] };
                let first = (inst.a != VReg::NONE.0).then_some(VReg(inst.a));
                first
                    .into_iter()
                    .chain(more.iter().map(|v| VReg(*v)))
                    .enumerate()
                    .for_each(|(i, v)| one(i, v));
            }
            Role::CallList => f.call(inst).args.iter().enumerate().for_each(|(i, v)| one(n + i, v)),
            _ => {}
        }
        n += 1;
    }
    found
}
