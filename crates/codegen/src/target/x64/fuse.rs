//! Backward selection: one walk against the order of execution that marks what becomes part of its readers' machine
//! instructions.
//!
//! Instructions *offer* to fold their operands: into an address (sums with constants and values, scaled indices), as
//! flags (compares of which only the outcome is looked at), as a memory operand, into a read-modify-write, into an
//! instruction that does two things. Uses are seen before definitions, so when the walk comes to a definition all its
//! readers have said what they can take, and if that is all of them it is folded and offers its own operands on. What
//! must be a value's only use (loads, mainly) is decided by that use. Dead code shows by its want of readers and is dropped.
//!
//! A load moves to its reader: never behind what may write the memory, an effect that orders it, or out of its block.
//! It may come to stand behind other things that leave or trap: nobody there reads its result, and such accesses may go.
//! Addresses of two registers are computed anew only in the block where they stand, so that no loop holds more values.
//!
//! O(instructions): each is visited once, and a load looks ahead [`NEAR`] instructions at most. About 15 ns per op.
//! Backward selection as in LuaJIT's assembler and Cranelift's lowering.

use crate::Features;
use crate::optimize::lent::fill;
use crate::optimize::{Body, Fused, Offer};
use kiln_ir::function::{Mem, aux};
use kiln_ir::op::{Cond, Effect, Mentions, Shape};
use kiln_ir::{Block, Function, Inst, InstData, Op, Type, VReg};

/// How far a load may move.
const NEAR: usize = 32;
/// How many instructions may be folded into each other in a row.
const DEPTH: u8 = 4;
/// Constants below this may be added up as often as that, scaled by 8, without leaving 32 bits.
const SMALL: i32 = 1 << 24;
/// Displacements below this leave room for them.
const ROOMY: i32 = 1 << 30;

/// What can be folded in some place: a set of the constants.
mod take {
    /// A sum with a constant.
    pub const CONST: u8 = 1;
    /// A sum of two values.
    pub const SUM: u8 = 2;
    /// A product with 2, with 4, with 8.
    pub const SCALE: u8 = 4 + 8 + 16;
    pub const SCALE_2: u8 = 4;
    /// A zero-extension of what its register holds so already.
    pub const ZEXT: u8 = 32;
    /// What is only looked at for being 0.
    pub const FLAGS: u8 = 64;
    /// A product with 3, 5 or 9, which is a sum with its own operand scaled.
    pub const TRIPLE: u8 = 128;
}

/// Marks what is folded, and drops what nobody reads.
pub fn fuse(body: &Body, features: Features, fused: &mut Fused) {
    fused.reset(body);
    let mut offers = std::mem::take(&mut fused.offers);
    fill(&mut offers, body.f.vregs().len(), Offer::NONE);
    let mut walk = Walk { f: &body.f, features, offers, fused, block: 0, start: 0 };
    for b in (0..body.blocks()).rev() {
        let range = body.f.block_range(Block(b));
        (walk.block, walk.start) = (b, range.start);
        for at in range.rev() {
            walk.visit(at);
        }
    }
    walk.fused.offers = walk.offers;
}

/// The sum of two values as base and index: what can be scaled is the index.
pub fn base_and_index(a: VReg, b: VReg, def: impl Fn(VReg) -> Option<InstData>) -> (VReg, VReg) {
    let scales = |v| {
        def(v).is_some_and(|inst| match inst.op {
            Op::Shl | Op::Mul => inst.has_imm(),
            op => op == Op::Zext,
        })
    };
    if !scales(b) && scales(a) { (b, a) } else { (a, b) }
}

/// The address that an instruction computes: a memory operand, a sum, a product.
pub fn address(f: &Function, inst: &InstData, def: impl Fn(VReg) -> Option<InstData>) -> Option<Mem> {
    let (a, none) = (VReg(inst.a), VReg::NONE);
    Some(match inst.op {
        Op::Add if inst.has_imm() => Mem { base: a, index: none, scale: 1, disp: inst.b as i32 },
        Op::Sub if inst.has_imm() => {
            Mem { base: a, index: none, scale: 1, disp: (inst.b as i32).checked_neg()? }
        }
        Op::Add => {
            let (base, index) = base_and_index(a, VReg(inst.b), def);
            Mem { base, index, scale: 1, disp: 0 }
        }
        op if matches!(op.shape(), Shape::Address) => f.mem(inst),
        _ => return None,
    })
}

/// The logarithm of what an instruction multiplies by, where addresses can do that.
pub fn scale_of(inst: &InstData) -> Option<u8> {
    match (inst.op, inst.b) {
        (Op::Shl, 1..=3) if inst.has_imm() => Some(inst.b as u8),
        (Op::Mul, 2 | 4 | 8) if inst.has_imm() => Some(inst.b.trailing_zeros() as u8),
        _ => None,
    }
}

/// The logarithm of what an instruction scales its operand by before it adds it to itself.
pub fn triple_of(inst: &InstData) -> Option<u8> {
    match (inst.op, inst.b) {
        (Op::Mul, 3 | 5 | 9) if inst.has_imm() => Some((inst.b - 1).trailing_zeros() as u8),
        _ => None,
    }
}

/// Whether a compare is for equality or its opposite.
fn is_equality(inst: &InstData) -> bool {
    matches!(inst.cond(), Cond::Eq | Cond::Ne)
}

/// Whether the access happens as written, or takes a path of its own.
fn is_special(inst: &InstData) -> bool {
    inst.aux & (aux::VOLATILE | aux::PRECISE | aux::NON_TEMPORAL) != 0
}

/// Whether the instruction may go if nobody reads its results.
fn is_removable(inst: &InstData) -> bool {
    match inst.op.effect() {
        Effect::pure => inst.op.info().traps.is_empty() && !matches!(inst.op, Op::Prefetch | Op::Nop),
        Effect::reads => inst.aux & (aux::VOLATILE | aux::PRECISE | aux::KEEP) == 0,
        _ => false,
    }
}

struct Walk<'a> {
    f: &'a Function,
    features: Features,
    offers: Vec<Offer>,
    fused: &'a mut Fused,
    /// The block, and where it starts.
    block: u32,
    start: usize,
}

/// Who offers: where it is written, and how deep in it the operand is.
#[derive(Clone, Copy)]
struct Reader {
    at: u32,
    block: u32,
    depth: u8,
    apart: bool,
    alone: bool,
}

impl Walk<'_> {
    fn visit(&mut self, at: usize) {
        let inst = self.f.insts()[at];
        let reader = Reader { at: at as u32, block: self.block, depth: 1, apart: false, alone: false };
        if self.fused.is_absent(Inst(at as u32)) {
            // Folded by its only reader. Of what it reads itself only an address can be folded as well.
            if inst.op == Op::Load {
                self.offer_address(&inst, Reader { depth: 2, ..reader });
            }
            return;
        }
        if inst.op.mentions().has(Mentions::DST) {
            let v = VReg(inst.dst);
            let uses = self.fused.uses(v);
            if uses == 0 {
                let mut others = false;
                self.f.for_each_def(&inst, |other| others |= self.fused.uses(other) != 0);
                if !others && is_removable(&inst) {
                    self.fused.drop(self.f, Inst(at as u32));
                    return;
                }
            } else {
                let offer = self.offers[v.index()];
                if offer.reads == uses
                    && offer.depth <= DEPTH
                    && (!offer.alone || offer.reads == 1 && !self.far(&offer))
                    && self.accept(&inst, &offer)
                {
                    self.fused.fold(v);
                    return;
                }
            }
        }
        self.offer_operands(&inst, reader);
    }

    /// Whether a reader is in another block than the one the walk is in.
    fn far(&self, offer: &Offer) -> bool {
        offer.apart || offer.block != self.block
    }

    fn def(&self, v: VReg) -> Option<InstData> {
        Some(self.f.insts()[self.fused.def(v)?.index()])
    }

    /// Says that a reader of a value can take this.
    fn offer(&mut self, v: VReg, take: u8, reader: Reader) {
        let offer = &mut self.offers[v.index()];
        offer.apart |= reader.apart | (offer.reads != 0 && offer.block != reader.block);
        offer.alone |= reader.alone;
        (offer.reader, offer.block) = (reader.at, reader.block);
        offer.reads += 1;
        offer.take &= take;
        offer.depth = offer.depth.max(reader.depth);
    }

    /// Whether what all readers of an instruction take is what it is; then its operands are offered on.
    fn accept(&mut self, inst: &InstData, offer: &Offer) -> bool {
        let far = self.far(offer);
        let reader = Reader {
            at: offer.reader,
            block: offer.block,
            depth: offer.depth + 1,
            apart: offer.apart,
            alone: offer.alone,
        };
        let takes = |what: u8| offer.take & what != 0;
        let small = |c: i32| (-SMALL..SMALL).contains(&c);
        let a = VReg(inst.a);
        match inst.op {
            Op::Add | Op::Sub if inst.has_imm() => {
                let fits = takes(take::CONST) && small(inst.b as i32);
                if fits {
                    self.offer(a, offer.take & !take::FLAGS, reader);
                }
                fits
            }
            Op::Add | Op::Addr => {
                let Some(mem) = address(self.f, inst, |v| self.def(v)) else { return false };
                let fits = if mem.index.is_none() { takes(take::CONST) } else { takes(take::SUM) && !far };
                if fits && small(mem.disp) {
                    // What has no room for a constant has none for one that comes with an operand either.
                    self.offer_mem(mem, offer.take & take::CONST, reader);
                    return true;
                }
                false
            }
            Op::Mul if takes(take::TRIPLE) && triple_of(inst).is_some() => !far,
            Op::Shl | Op::Mul => {
                let fits = scale_of(inst).filter(|k| takes(take::SCALE_2 << (k - 1)));
                if let Some(k) = fits {
                    let less = (offer.take & take::SCALE) >> k & take::SCALE;
                    self.offer(a, offer.take & take::CONST | less, reader);
                }
                fits.is_some()
            }
            Op::Zext => takes(take::ZEXT) && self.clears_upper_half(a),
            Op::Cmp => {
                let fits = takes(take::FLAGS) && (!far || inst.has_imm());
                if fits {
                    self.offer_compared(inst, reader, !far && offer.reads == 1);
                }
                fits
            }
            Op::Fcmp => {
                let fits = takes(take::FLAGS) && !far;
                if fits && offer.reads == 1 {
                    self.take_compared_float(inst, reader.at);
                }
                fits
            }
            Op::And => {
                let fits = takes(take::FLAGS) && (!far || inst.has_imm());
                if fits && !far && offer.reads == 1 {
                    self.take_tested(inst, reader.at);
                }
                fits
            }
            _ => false,
        }
    }

    /// Offers what the machine instruction of an instruction can take as its operands.
    fn offer_operands(&mut self, inst: &InstData, reader: Reader) {
        let (a, b) = (VReg(inst.a), VReg(inst.b));
        match inst.op {
            Op::Load | Op::AtomicLoad | Op::Prefetch | Op::Addr | Op::AtomicStore => {
                self.offer_address(inst, reader);
            }
            Op::Store => {
                self.offer_address(inst, reader);
                self.take_update(inst, reader.at);
            }
            Op::Add => {
                if !inst.has_imm()
                    && (self.take_load(b, inst.ty, reader.at) || self.take_load(a, inst.ty, reader.at))
                {
                    return;
                }
                // Written as the address that it is if there is more to it than two operands.
                let reader = Reader { alone: true, ..reader };
                match address(self.f, inst, |v| self.def(v)) {
                    Some(mem) if mem.index.is_none() => {
                        self.offer(mem.base, take::SUM | take::TRIPLE, reader);
                    }
                    Some(mem) => self.offer_mem(mem, take::CONST, reader),
                    None => {}
                }
            }
            Op::Sub if !inst.has_imm() => {
                self.take_load(b, inst.ty, reader.at);
            }
            Op::And | Op::Or | Op::Xor if !inst.has_imm() => {
                let _ = self.take_load(b, inst.ty, reader.at)
                    || self.take_load(a, inst.ty, reader.at)
                    || self.features.bmi1 && self.take_bits(inst);
            }
            Op::Mul if !inst.has_imm() => {
                let _ = self.take_load(b, inst.ty, reader.at) || self.take_load(a, inst.ty, reader.at);
            }
            Op::Cmp | Op::Branch => self.offer_compared(inst, reader, true),
            Op::Guard if inst.has_imm() && self.f.tail(inst)[0] == 0 && is_equality(inst) => {
                self.offer(a, take::FLAGS, reader);
            }
            Op::Select => self.offer(a, take::FLAGS, reader),
            Op::Fadd | Op::Fmul => {
                let _ = self.take_load(b, inst.ty, reader.at) || self.take_load(a, inst.ty, reader.at);
            }
            Op::Fsub | Op::Fdiv => {
                self.take_load(b, inst.ty, reader.at);
            }
            Op::Fsqrt => {
                self.take_load(a, inst.ty, reader.at);
            }
            Op::Fcmp | Op::Fbranch => self.take_compared_float(inst, reader.at),
            Op::Fpromote | Op::Fdemote | Op::SitoF | Op::Sext | Op::Zext | Op::Trunc => {
                let taken = self.take_load(a, self.f.ty(a), reader.at);
                if inst.op == Op::Zext && !taken && self.clears_upper_half(a) {
                    self.fused.copies(Inst(reader.at));
                }
            }
            _ => {}
        }
    }

    fn offer_address(&mut self, inst: &InstData, reader: Reader) {
        self.offer_mem(self.f.mem(inst), take::CONST, reader);
    }

    /// Offers base and index of an address, with constants if that is said and there is room for them.
    fn offer_mem(&mut self, mem: Mem, constants: u8, reader: Reader) {
        let const_ = if (-ROOMY..ROOMY).contains(&mem.disp) { constants } else { 0 };
        if mem.index.is_none() {
            self.offer(mem.base, const_ | take::SUM, reader);
            return;
        }
        self.offer(mem.base, const_, reader);
        let scale = take::SCALE >> mem.scale.trailing_zeros() & take::SCALE;
        self.offer(mem.index, const_ | scale | take::ZEXT, reader);
    }

    /// Offers the operands of a compare of integers, and takes one from memory if it is the only compare of it.
    fn offer_compared(&mut self, inst: &InstData, reader: Reader, once: bool) {
        let (a, b) = (VReg(inst.a), VReg(inst.b));
        if inst.has_imm() && inst.b == 0 && is_equality(inst) {
            self.offer(a, take::FLAGS, reader);
        }
        if !once {
            return;
        }
        if inst.has_imm() {
            self.take_compared(inst, inst.cond(), reader.at);
        } else {
            let _ = self.take_load(b, inst.ty, reader.at) || self.take_load(a, inst.ty, reader.at);
        }
    }

    /// Takes what is compared with a constant from memory.
    fn take_compared(&mut self, inst: &InstData, cond: Cond, at: u32) {
        let a = VReg(inst.a);
        match self.def(a).filter(|load| load.op == Op::Load) {
            Some(load) if compares_narrow(&load, cond, inst.b as i32).is_some() => {
                self.take_any_load(a, at);
            }
            _ => {
                self.take_load(a, inst.ty, at);
            }
        }
    }

    /// Takes the operand of a test of bits from memory, or tests the bit that a shift names.
    fn take_tested(&mut self, inst: &InstData, at: u32) {
        let (a, b) = (VReg(inst.a), VReg(inst.b));
        if inst.has_imm() {
            if inst.b == 1 && self.takes_alone(a, Op::Lshr, inst.ty) {
                self.fused.fold(a);
            } else {
                self.take_compared(inst, Cond::Any, at);
            }
            return;
        }
        for shift in [b, a] {
            if self.takes_alone(shift, Op::Shl, inst.ty)
                && let Some(def) = self.def(shift)
                && let Some(one) = self.def(VReg(def.a))
                && one.op == Op::Const
                && self.f.constant(&one) == 1
            {
                self.fused.fold(shift);
                return;
            }
        }
        let _ = self.take_load(b, inst.ty, at) || self.take_load(a, inst.ty, at);
    }

    /// Whether a value is an only-once read result of an op of the current block and not folded yet.
    fn takes_alone(&self, v: VReg, op: Op, ty: Type) -> bool {
        self.fused.def(v).is_some_and(|def| {
            let inst = &self.f.insts()[def.index()];
            inst.op == op
                && inst.ty.bytes() == ty.bytes()
                && def.index() >= self.start
                && self.fused.uses(v) == 1
                && !self.fused.is_absent(def)
        })
    }

    /// Folds the inner half of two operations on bits that one instruction does.
    fn take_bits(&mut self, inst: &InstData) -> bool {
        for (inner, other) in [(inst.b, inst.a), (inst.a, inst.b)] {
            let v = VReg(inner);
            let Some(def) = self.def(v) else { continue };
            let less_one = match def.op {
                Op::Add => def.has_imm() && def.b as i32 == -1,
                Op::Sub => def.has_imm() && def.b == 1,
                _ => false,
            };
            let fits = match (inst.op, def.op) {
                (Op::And, Op::Not) => true,
                (Op::And, Op::Neg) => def.a == other,
                (Op::And | Op::Xor, Op::Add | Op::Sub) => less_one && def.a == other,
                _ => false,
            };
            if fits && self.takes_alone(v, def.op, inst.ty) {
                self.fused.fold(v);
                return true;
            }
        }
        false
    }

    fn take_compared_float(&mut self, inst: &InstData, at: u32) {
        // The operand that stands second when the instruction is written; see `fcompare`.
        let (a, b) = (VReg(inst.a), VReg(inst.b));
        self.take_load(if super::select::compares_swapped(inst.fcond()) { a } else { b }, inst.ty, at);
    }

    /// Makes an instruction of this type, written at `at`, read an operand from where a load would read it.
    fn take_load(&mut self, v: VReg, ty: Type, at: u32) -> bool {
        let fits = self.def(v).is_some_and(|load| {
            load.op == Op::Load && load.access().bytes() == load.ty.bytes() && load.ty.bytes() == ty.bytes()
        });
        fits && self.take_any_load(v, at)
    }

    /// The same whatever the load reads.
    fn take_any_load(&mut self, v: VReg, at: u32) -> bool {
        let Some(def) = self.fused.def(v) else { return false };
        let load = self.f.insts()[def.index()];
        let fits = self.takes_alone(v, Op::Load, load.ty)
            && !is_special(&load)
            && self.is_clear(&load, def.index(), at as usize);
        if fits {
            self.fused.fold(v);
        }
        fits
    }

    /// Whether a load may move from one place of the block to another behind it.
    fn is_clear(&self, load: &InstData, from: usize, to: usize) -> bool {
        if to - from > NEAR {
            return false;
        }
        self.f.insts()[from + 1..to].iter().all(|inst| match inst.op.effect() {
            Effect::pure | Effect::reads => true,
            Effect::control => inst.op != Op::Safepoint,
            Effect::writes => inst.op == Op::Store && self.disjoint(load, inst),
            Effect::call | Effect::terminator => false,
        })
    }

    /// Whether a load and a store surely access different memory.
    fn disjoint(&self, load: &InstData, store: &InstData) -> bool {
        let (class, other) = (load.alias(), store.alias());
        if class != 0 && other != 0 && class != other {
            return true;
        }
        let (a, b) = (self.f.mem(load), self.f.mem(store));
        if a.base == b.base && a.index == b.index && a.scale == b.scale {
            let (x, y) = (a.disp as i64, b.disp as i64);
            return x + load.access().bytes() as i64 <= y || y + store.access().bytes() as i64 <= x;
        }
        match (self.def(a.base), self.def(b.base)) {
            (Some(a), Some(b)) => match (a.op, b.op) {
                (Op::SlotAddr, Op::SlotAddr) | (Op::DataAddr, Op::DataAddr) => a.a != b.a,
                (Op::SlotAddr, Op::DataAddr) | (Op::DataAddr, Op::SlotAddr) => true,
                _ => false,
            },
            _ => false,
        }
    }

    /// Folds operation and load of "load, operate, store back" into the store.
    fn take_update(&mut self, store: &InstData, at: u32) {
        if store.value_is_imm() || is_special(store) || store.access().is_float() {
            return;
        }
        let v = VReg(store.dst);
        let Some(def) = self.def(v) else { return };
        let (commutes, two) = match def.op {
            Op::Add | Op::And | Op::Or | Op::Xor => (true, true),
            Op::Sub => (false, true),
            Op::Neg | Op::Not => (false, false),
            _ => return,
        };
        if !self.takes_alone(v, def.op, def.ty) {
            return;
        }
        let bytes = store.access().bytes();
        let mem = self.f.mem(store);
        let sides = [VReg(def.a), if two && commutes && !def.has_imm() { VReg(def.b) } else { VReg::NONE }];
        for old in sides.into_iter().filter(|old| !old.is_none()) {
            let Some(load) = self.def(old) else { continue };
            let same = load.op == Op::Load
                && load.access().bytes() == bytes
                && matches!(bytes, 1 | 2 | 4 | 8)
                && self.f.mem(&load) == mem;
            // The operation itself reads nothing else that moves, and stands between load and store.
            if same && self.take_any_load(old, at) {
                self.fused.fold(v);
                return;
            }
        }
    }

    /// Whether the machine instruction that writes a 32-bit value leaves zeros above it.
    fn clears_upper_half(&self, v: VReg) -> bool {
        let Some(def) = self.fused.def(v) else { return false };
        let inst = &self.f.insts()[def.index()];
        if self.fused.is_absent(def) {
            return false;
        }
        match inst.op {
            Op::Add | Op::Sub | Op::And | Op::Or | Op::Xor | Op::Neg | Op::Not | Op::Cmp | Op::Popcnt => true,
            Op::Clz | Op::Ctz | Op::Zext8 | Op::Zext16 | Op::Sext8 | Op::Sext16 => true,
            Op::Load => !matches!(inst.access().bytes(), 3 | 5..),
            // By 0 nothing may be written at all.
            Op::Shl | Op::Lshr | Op::Ashr | Op::Rotl | Op::Rotr => !inst.has_imm() || inst.b & 31 != 0,
            Op::Mul => !inst.has_imm() || inst.b != 1,
            _ => false,
        }
    }
}

/// The condition and constant by which an extending load's result can be compared in the width of the access, if it is
/// compared with a constant that the access could have read.
pub fn compares_narrow(load: &InstData, cond: Cond, imm: i32) -> Option<Cond> {
    let access = load.access();
    let bits = match access.bytes() {
        bytes @ (1 | 2) => 8 * bytes,
        _ => return None,
    };
    let equality = matches!(cond, Cond::Eq | Cond::Ne | Cond::Any | Cond::None);
    if access.signed() {
        let fits = (-(1 << (bits - 1))..1 << (bits - 1)).contains(&imm);
        let signed = matches!(cond, Cond::Lt | Cond::Ge | Cond::Le | Cond::Gt);
        // Bits above the access are copies of its highest one: tested only if the constant has none there.
        let inside = !matches!(cond, Cond::Any | Cond::None) || imm >= 0;
        return (fits && inside && (equality || signed)).then_some(cond);
    }
    if !(0..1 << bits).contains(&imm) {
        return None;
    }
    Some(match cond {
        Cond::Lt => Cond::Ult,
        Cond::Ge => Cond::Uge,
        Cond::Le => Cond::Ule,
        Cond::Gt => Cond::Ugt,
        same => same,
    })
}
