//! The rules of operands: any record, operand by operand, against the tables of function and module.

use super::fault::OneOf;
use super::fault::{self, Fault};
use super::rules;
use super::walk::{INDEX, Walk};
use crate::entity::{Block, DataId, VReg};
use crate::function::InstData;
use crate::op::{Field, Kind, Op, Role, Shape};
use crate::types::{Type, TypeSet};

impl Walk<'_> {
    /// Checks any record, operand by operand, and reports what is wrong with it.
    #[inline(never)]
    pub(super) fn general(&mut self, at: usize) {
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
                Role::CodeBytes => {
                    if word > 1 << 20 {
                        let (count, max) = (word as u64, 1 << 20);
                        self.fault(
                            at,
                            Some(n),
                            Fault::TooMuch { what: "bytes of code that do nothing", count, max },
                        );
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
}
