//! The rules of records: each against its row of the op table, its operands against the tables of function and module.
//!
//! The common shapes are settled by a few masks of [`super::rules`]; whatever is rare, or does not pass, is taken
//! operand by operand, which also finds out what is wrong.

use super::assigned::Tracker;
use super::fault::{self, Conversion, Fault, InstName, OneOf};
use super::limits::Limits;
use super::rules::{self, Path, Row, TailRule};
use super::{Report, flow};
use crate::diagnostic::Place;
use crate::entity::{Block, DataId, FuncId, Inst, VReg};
use crate::function::{Function, InstData, aux};
use crate::module::Module;
use crate::op::{Field, Hint, Kind, Op, Order, Role, Shape};
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
    let mut walk = Walk { module, func, f, sig, limits, tracker, report, sound: true };
    walk.records();
    if walk.sound {
        walk.assignments();
    }
}

/// The walk over the records of one function.
struct Walk<'a> {
    module: &'a Module,
    func: FuncId,
    f: &'a Function,
    sig: &'a Signature,
    limits: &'a Limits,
    tracker: &'a mut Tracker,
    report: &'a mut Report,
    /// Whether every record can be read by the accessors of [`Function`], so that control can be followed.
    sound: bool,
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

    fn name(&self, inst: &InstData) -> InstName {
        InstName { op: inst.op, variant: inst.variant() }
    }

    /// Reports a fault that leaves the record readable.
    #[cold]
    fn fault(&mut self, at: usize, operand: Option<u8>, fault: Fault) {
        self.report.add(Place::Inst(self.func, Inst(at as u32), operand), fault);
    }

    /// Reports a fault after which control cannot be followed.
    #[cold]
    fn fatal(&mut self, at: usize, operand: Option<u8>, fault: Fault) {
        self.sound = false;
        self.fault(at, operand, fault);
    }

    /// Whether an index is below the count of its table; reports it if not.
    fn exists(&mut self, at: usize, n: u8, what: &'static str, index: u32, count: usize) -> bool {
        let exists = (index as usize) < count;
        if !exists {
            self.fatal(at, Some(n), Fault::NoSuch { what, index, count });
        }
        exists
    }

    /// The type of a register; reports it if it does not exist.
    fn reg_type(&mut self, at: usize, n: u8, v: u32) -> Option<Type> {
        let count = self.f.vregs.len();
        self.exists(at, n, "register", v, count).then(|| self.f.vregs[v as usize].ty)
    }

    /// Checks a register operand against a mask. Gives whether it exists.
    fn reg(&mut self, at: usize, n: u8, v: u32, mask: u8, written: bool) -> bool {
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

    fn read(&mut self, at: usize, n: u8, v: u32, mask: u8) {
        if self.reg(at, n, v, mask, false) {
            self.tracker.read(v);
        }
    }

    fn write(&mut self, at: usize, n: u8, v: u32, mask: u8) {
        if self.reg(at, n, v, mask, true) {
            self.tracker.write(v);
        }
    }

    /// Checks any record, operand by operand, and reports what is wrong with it.
    #[inline(never)]
    fn general(&mut self, at: usize) {
        let f = self.f;
        let inst = &f.insts[at];
        let shape = inst.op.shape();
        let types = inst.op.info().types;
        let type_holds = rules::type_allowed(types, inst.ty);
        if !type_holds {
            let op = self.name(inst);
            let wanted = OneOf(if types == TypeSet::NONE { TypeSet::I32 } else { types });
            self.fault(at, None, Fault::OpType { op, ty: inst.ty, wanted });
        }
        if !self.attributes(at, inst, shape) || !self.tail(at, inst, shape) {
            return;
        }
        // Operands count from the results, which a call lists last.
        let mut n =
            if matches!(shape, Shape::Call | Shape::CallPtr) { f.call(inst).results as u8 } else { 0 };
        let mut writes: [(u8, u32, u8); 2] = [(0, 0, 0); 2];
        let mut written = 0;
        let mut cold = None;
        for (field, role) in shape.operands() {
            let word = f.word(inst, *field);
            let mask = |kind: Kind| if type_holds { rules::kind_mask(kind, inst.ty) } else { 0xff };
            match role {
                Role::Def(kind) => {
                    writes[written] = (n, word, mask(*kind));
                    written += 1;
                }
                Role::Use(kind) => self.read(at, n, word, mask(*kind)),
                Role::UseOrImm(_) if inst.has_imm() => {}
                Role::UseOrImm(kind) => self.read(at, n, word, mask(*kind)),
                Role::StoreValue if inst.value_is_imm() => {
                    if inst.ty.is_float() {
                        self.fault(at, Some(n), Fault::FloatConstant { ty: inst.ty });
                    }
                }
                Role::StoreValue => self.read(at, n, word, mask(Kind::T)),
                Role::Const | Role::Imm | Role::ExitId => {
                    if shape == Shape::Alloca {
                        let valid = word.is_power_of_two() && word <= super::MAX_ALIGN;
                        if !valid {
                            self.fault(at, Some(n), Fault::Align { what: "`alloca`", align: word });
                        }
                    }
                }
                Role::Mem => self.mem(at, n, inst),
                Role::BitRange => self.bit_range(at, n, inst, word),
                Role::Block => {
                    self.exists(at, n, "block", word, f.blocks.len());
                }
                Role::ColdBlock => {
                    if self.exists(at, n, "block", word, f.blocks.len()) {
                        if !f.blocks[word as usize].cold {
                            let block = fault::label(f, Block(word));
                            self.fault(at, Some(n), Fault::NotCold { block });
                        }
                        cold = Some(Block(word));
                    }
                }
                Role::Func => {
                    let count = self.module.funcs.len();
                    self.exists(at, n, "function", word, count);
                }
                Role::Data => self.data(at, n, inst, word),
                Role::Slot => {
                    self.exists(at, n, "slot", word, f.slots.len());
                }
                Role::LabelSet => {
                    if self.exists(at, n, "label set", word, f.label_sets.len())
                        && f.label_sets[word as usize].is_empty()
                    {
                        self.fault(at, Some(n), Fault::EmptyLabelSet { set: word });
                    }
                }
                Role::TrapCode => {
                    if word >> 31 != 0 {
                        self.fault(at, Some(n), Fault::TrapCode { code: word });
                    }
                }
                Role::List => {
                    let Field::Tail(start) = field else { continue };
                    for v in f.list(inst, *start as usize).iter() {
                        self.read(at, n, v.0, 0xff);
                        n = n.saturating_add(1);
                    }
                }
                Role::Cases => self.cases(at, n, inst),
                Role::Results => self.results(at, inst),
                Role::CallList => self.call(at, n, inst, shape),
            }
            n = n.saturating_add(1);
        }
        if inst.op == Op::VaStart && !self.sig.variadic {
            self.fault(at, None, Fault::NotVariadic {});
        }
        if let Some(target) = cold {
            self.tracker.cold_edge(target);
        }
        for (n, v, mask) in &writes[..written] {
            self.write(at, *n, *v, *mask);
        }
        if written == 2 && writes[0].1 == writes[1].1 {
            self.fault(at, Some(1), Fault::SameResult { reg: fault::reg(f, VReg(writes[0].1)) });
        }
        if matches!(shape, Shape::Call | Shape::CallPtr) {
            self.call_results(at, inst);
        }
    }

    /// Checks what `aux` says but the tail flag. Gives whether the operands can be looked at.
    fn attributes(&mut self, at: usize, inst: &InstData, shape: Shape) -> bool {
        let row = rules::row_of(inst.op, inst.ty);
        let op = InstName { op: inst.op, variant: inst.variant() };
        let odd = inst.aux & !row.allowed & !aux::TAIL;
        if odd != 0 {
            self.fatal(at, None, Fault::Flags { op, bits: odd });
            return false;
        }
        let number = match shape.variants() {
            crate::op::Variants::Rmw => inst.aux >> aux::RMW & 15,
            crate::op::Variants::None => 0,
            _ => inst.aux >> aux::VARIANT & 15,
        };
        if number as u8 >= rules::variant_count(shape.variants()) {
            self.fatal(at, None, Fault::Number { what: "variant of this op", number: number as u32 });
        }
        let hint = inst.aux >> aux::HINT & 3;
        if matches!(shape, Shape::Branch | Shape::FBranch) && Hint::from_number(hint as u8).is_none() {
            self.fatal(at, None, Fault::Number { what: "hint", number: hint as u32 });
        }
        if shape.ordered() {
            let number = inst.aux >> aux::ORDER & 7;
            match Order::from_number(number as u8) {
                None => self.fatal(at, None, Fault::Number { what: "memory order", number: number as u32 }),
                Some(order) if !order_fits(shape, order) => {
                    self.fault(at, None, Fault::AtomicOrder { op, order: fault::OrderName(order) });
                }
                Some(_) => {}
            }
        }
        if shape.accesses() {
            let access = inst.access();
            if !access.is_valid() {
                self.fatal(at, None, Fault::Number { what: "memory access", number: access.0 as u32 });
            } else if shape.ordered() && (access.is_float() || !access.bytes().is_power_of_two()) {
                self.fault(at, None, Fault::AtomicAccess { access });
            } else if !access.fits(inst.ty) && rules::type_allowed(inst.op.info().types, inst.ty) {
                self.fault(at, None, Fault::AccessFits { access, ty: inst.ty });
            }
        }
        true
    }

    /// Checks that the tail is there if and only if it must be, and lies inside the pool with all its lists.
    fn tail(&mut self, at: usize, inst: &InstData, shape: Shape) -> bool {
        let f = self.f;
        let rule = rules::tail_rule(shape);
        let flag = inst.has_tail();
        let op = InstName { op: inst.op, variant: inst.variant() };
        let wrong = match rule {
            TailRule::Never if flag => Some("has no tail"),
            TailRule::Always if !flag => Some("needs a tail"),
            _ => None,
        };
        if let Some(rule) = wrong {
            self.fatal(at, None, Fault::TailFlag { op, rule });
            return false;
        }
        if flag && !f.pool.get(inst.b as usize..).is_some_and(|tail| tail_fits(tail, shape)) {
            self.fatal(at, None, Fault::TailOutside { op, start: inst.b, pool: f.pool.len() });
            return false;
        }
        let form_holds = match rule {
            TailRule::WithIndex => !flag || f.pool[inst.b as usize] != VReg::NONE.0,
            TailRule::MoreResults => !flag || f.pool[inst.b as usize] != 0,
            TailRule::WideConst => {
                let value = f.constant(inst) as i64;
                let wide = match inst.ty {
                    Type::I32 | Type::F32 => false,
                    Type::F64 => true,
                    Type::I64 | Type::Ptr => flag && value != value as i32 as i64,
                };
                if flag != wide {
                    self.fatal(at, None, Fault::ConstForm { ty: inst.ty });
                    return false;
                }
                true
            }
            TailRule::Never | TailRule::Always => true,
        };
        if !form_holds {
            self.fatal(at, None, Fault::TailFlag { op, rule: "has no tail for this operand" });
        }
        form_holds
    }

    fn mem(&mut self, at: usize, n: u8, inst: &InstData) {
        let f = self.f;
        self.read(at, n, inst.a, rules::kind_mask(Kind::Ptr, Type::Ptr));
        if !inst.has_tail() {
            return;
        }
        let tail = &f.pool[inst.b as usize..];
        if tail[0] != VReg::NONE.0
            && let Some(found) = self.reg_type(at, n, tail[0])
        {
            if INDEX >> found as u8 & 1 == 0 {
                self.fault(at, Some(n), Fault::IndexType { reg: fault::reg(f, VReg(tail[0])), found });
            }
            self.tracker.read(tail[0]);
        }
        if !matches!(tail[1], 1 | 2 | 4 | 8) {
            self.fatal(at, Some(n), Fault::Number { what: "scale: it is 1, 2, 4 or 8", number: tail[1] });
        }
    }

    fn bit_range(&mut self, at: usize, n: u8, inst: &InstData, word: u32) {
        let (bit, width) = (word & 0xff, word >> 8);
        if width == 0 || width > 64 || bit + width > inst.ty.bytes() * 8 {
            self.fault(at, Some(n), Fault::BitField { bit, width, ty: inst.ty });
        }
    }

    fn data(&mut self, at: usize, n: u8, inst: &InstData, id: u32) {
        let module = self.module;
        if self.exists(at, n, "data object", id, module.data.len()) {
            let data = fault::data(module, DataId(id));
            match (inst.op == Op::TlsAddr, module.data[id as usize].thread_local) {
                (false, true) => self.fault(at, Some(n), Fault::ThreadLocal { data }),
                (true, false) => self.fault(at, Some(n), Fault::NotThreadLocal { data }),
                _ => {}
            }
        }
    }

    fn cases(&mut self, at: usize, n: u8, inst: &InstData) {
        let f = self.f;
        let (default, cases) = f.cases(inst);
        self.exists(at, n, "block", default.0, f.blocks.len());
        if cases.len() as u64 > self.limits.cases {
            let (count, max) = (cases.len() as u64, self.limits.cases);
            self.fault(at, None, Fault::TooMuch { what: "cases of a switch", count, max });
            return;
        }
        let mut ascending = true;
        let mut before = None;
        let mut number = n;
        let (_, cases) = f.cases(inst);
        for (value, block) in cases {
            number = number.saturating_add(1);
            self.exists(at, number, "block", block.0, f.blocks.len());
            if inst.ty == Type::I32 && value != value as i32 as i64 {
                self.fault(at, Some(number), Fault::CaseRange { value });
            }
            ascending &= before.is_none_or(|b| b < value);
            before = Some(value);
        }
        if !ascending {
            let mut values: Vec<(i64, usize)> = f.cases(inst).1.map(|c| c.0).zip(1..).collect();
            values.sort_unstable();
            for pair in values.windows(2) {
                if pair[0].0 == pair[1].0 && !self.report.is_full() {
                    let number = n.saturating_add(pair[1].1.min(255) as u8);
                    self.fault(at, Some(number), Fault::CaseTwice { value: pair[1].0 });
                }
            }
        }
    }

    fn results(&mut self, at: usize, inst: &InstData) {
        let (f, sig) = (self.f, self.sig);
        let first = (inst.a != VReg::NONE.0).then_some(VReg(inst.a));
        let more = if inst.has_tail() { f.list(inst, 0).0 } else { &[] };
        let found = first.iter().len() + more.len();
        if found != sig.results.len() || (first.is_none() && !more.is_empty()) {
            self.fatal(at, None, Fault::ReturnCount { found, wanted: sig.results.len() });
            return;
        }
        for (i, v) in first.iter().map(|v| v.0).chain(more.iter().copied()).enumerate() {
            let n = i.min(255) as u8;
            let Some(found) = self.reg_type(at, n, v) else { continue };
            let wanted = sig.results[i].register();
            if !wanted.accepts(found) {
                let how = Conversion { from: found, to: wanted };
                let reg = fault::reg(f, VReg(v));
                self.fault(at, Some(n), Fault::ReturnType { number: i + 1, reg, found, wanted, how });
            }
            self.tracker.read(v);
        }
    }

    /// Checks signature and arguments of a call; its results are written after all reads.
    fn call(&mut self, at: usize, n: u8, inst: &InstData, shape: Shape) {
        let (f, module) = (self.f, self.module);
        let call = f.call(inst);
        if !self.exists(at, n, "signature", call.sig.0, module.sigs.len()) {
            return;
        }
        let sig = &module.sigs[call.sig.index()];
        if matches!(shape, Shape::Call | Shape::TailCall)
            && let Some(callee) = module.funcs.get(inst.a as usize)
            && callee.sig != call.sig
            && module.sigs[callee.sig.index()] != *sig
        {
            let func = fault::func(module, FuncId(inst.a));
            self.fault(at, None, Fault::CallSignature { func });
        }
        let (found, wanted) = (call.args.len(), sig.params.len());
        if found < wanted || found > wanted && !sig.variadic {
            let least = if sig.variadic { "at least " } else { "" };
            self.fault(at, None, Fault::ArgumentCount { found, wanted, least });
        }
        if found as u64 > self.limits.params {
            let (count, max) = (found as u64, self.limits.params);
            self.fault(at, None, Fault::TooMuch { what: "arguments", count, max });
        }
        for (i, v) in call.args.iter().enumerate() {
            let n = n.saturating_add(i.min(255) as u8);
            let Some(found) = self.reg_type(at, n, v.0) else { continue };
            match sig.params.get(i).map(|p| p.register()) {
                Some(wanted) if !wanted.accepts(found) => {
                    let how = Conversion { from: found, to: wanted };
                    let reg = fault::reg(f, v);
                    self.fault(at, Some(n), Fault::ArgumentType { number: i + 1, reg, found, wanted, how });
                }
                None if found == Type::F32 => {
                    self.fault(at, Some(n), Fault::VariadicFloat { reg: fault::reg(f, v) });
                }
                _ => {}
            }
            self.tracker.read(v.0);
        }
        if matches!(shape, Shape::TailCall | Shape::TailCallPtr) {
            if call.results != 0 {
                self.fault(at, None, Fault::ResultCount { found: call.results, wanted: 0 });
            }
            if sig.results != self.sig.results {
                self.fault(at, None, Fault::TailResults {});
            }
            if sig.convention != self.sig.convention {
                self.fault(at, None, Fault::TailConvention {});
            }
        }
    }

    fn call_results(&mut self, at: usize, inst: &InstData) {
        let (f, module) = (self.f, self.module);
        let call = f.call(inst);
        let Some(sig) = module.sigs.get(call.sig.index()) else { return };
        if call.results as usize != sig.results.len() {
            self.fault(at, None, Fault::ResultCount { found: call.results, wanted: sig.results.len() });
        }
        let first = (call.results > 0).then_some(VReg(inst.dst));
        for (i, v) in first.into_iter().chain(call.more_results.iter()).enumerate() {
            let n = i.min(255) as u8;
            let Some(found) = self.reg_type(at, n, v.0) else { continue };
            if let Some(wanted) = sig.results.get(i).map(|r| r.register())
                && !wanted.accepts(found)
            {
                let reg = fault::reg(f, v);
                self.fault(at, Some(n), Fault::ResultType { number: i + 1, reg, found, wanted });
            }
            self.tracker.write(v.0);
        }
        if !call.more_results.is_empty() {
            let mut all: Vec<VReg> = first.into_iter().chain(call.more_results.iter()).collect();
            all.sort_unstable();
            if let Some(twice) = all.windows(2).find(|pair| pair[0] == pair[1]) {
                self.fault(at, None, Fault::SameResult { reg: fault::reg(f, twice[0]) });
            }
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
const INDEX: u8 = rules::kind_mask(Kind::I64, Type::I64);

/// Whether an atomic of this shape can have the order.
fn order_fits(shape: Shape, order: Order) -> bool {
    match shape {
        Shape::AtomicLoad => matches!(order, Order::Relaxed | Order::Acquire | Order::SeqCst),
        Shape::AtomicStore => matches!(order, Order::Relaxed | Order::Release | Order::SeqCst),
        _ => true,
    }
}

/// Whether the words of a tail are all there, `tail` being the pool from its start on.
fn tail_fits(tail: &[u32], shape: Shape) -> bool {
    let word = |n: usize| tail.get(n).map(|word| *word as usize);
    let mut len = 0;
    for (field, role) in shape.operands() {
        let at = if let Field::Tail(n) = field { *n as usize } else { 0 };
        let end = match role {
            Role::Mem => Some(3),
            Role::Const => Some(2),
            Role::List => word(at).map(|count| at + 1 + count),
            Role::Cases => word(1).map(|count| 2 + 3 * count),
            Role::Results => word(0).map(|count| 1 + count),
            Role::CallList => {
                word(1).zip(word(2)).map(|(args, results)| 3 + args + results.saturating_sub(1))
            }
            _ => Some(at + matches!(field, Field::Tail(_)) as usize),
        };
        let Some(end) = end else { return false };
        len = len.max(end);
    }
    len <= tail.len()
}

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
