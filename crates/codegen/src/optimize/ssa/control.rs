//! Folding of what has an effect: branches, guards, checked arithmetic, stored constants.

use super::Walk;
use kiln_ir::function::aux;
use kiln_ir::{InstData, Op, Type, VReg};
use std::ops::Range;

impl Walk<'_> {
    /// Writes a terminator whose way is known as a jump, without its other edges; else simplifies its condition. Says
    /// whether it has been written.
    pub(super) fn end(&mut self, inst: &mut InstData, edges: &Range<usize>) -> bool {
        let way = match inst.op {
            Op::Branch => self.condition(inst).map(|holds| edges.start + !holds as usize),
            Op::Switch => self.constant_of(VReg(inst.a)).map(|value| self.case(inst, value, edges)),
            _ => None,
        };
        // Both ways lead to the same block with the same values.
        let same = || {
            let targets = (self.graph.cfg.target(edges.start), self.graph.cfg.target(edges.start + 1));
            (targets.0 == targets.1).then_some(edges.start)
        };
        let way = way.or_else(|| matches!(inst.op, Op::Branch | Op::Fbranch).then(same).flatten());
        let Some(way) = way else { return false };
        let to = self.graph.cfg.target(way);
        self.push(InstData { op: Op::Jump, ty: Type::I32, aux: 0, dst: to.0, a: 0, b: 0 }, self.origin);
        self.edge(way, &[]);
        true
    }

    /// The edge of a switch for a value.
    fn case(&self, inst: &InstData, value: i64, edges: &Range<usize>) -> usize {
        let (default, mut cases) = self.body.f.cases(inst);
        let target = cases.find(|case| case.0 == value).map_or(default, |case| case.1);
        let found = edges.clone().find(|edge| self.graph.cfg.target(*edge) == target);
        found.expect("each target of a switch has an edge")
    }

    /// Simplifies what may leave a block in the middle; says whether nothing of it remains.
    pub(super) fn control(&mut self, inst: &mut InstData) -> bool {
        match inst.op {
            Op::Guard => self.guard(inst),
            Op::SaddOvf | Op::UaddOvf | Op::SsubOvf | Op::UsubOvf | Op::SmulOvf | Op::UmulOvf => {
                let tail = inst.b as usize;
                let word = self.body.f.pool()[tail];
                let neutral = matches!(inst.op, Op::SmulOvf | Op::UmulOvf) as i64;
                let known =
                    if inst.has_imm() { Some(word as i32 as i64) } else { self.constant_of(VReg(word)) };
                let result = VReg(inst.dst);
                if known == Some(neutral) {
                    self.set(result, VReg(inst.a));
                    return true;
                }
                if let Some(k) = known.and_then(|k| i32::try_from(k).ok()) {
                    inst.aux |= aux::IMM;
                    self.body.f.arrays().pool[tail] = k as u32;
                }
                false
            }
            _ => false,
        }
    }

    /// A guard that never leaves goes; one on a compare takes its condition.
    fn guard(&mut self, inst: &mut InstData) -> bool {
        let tail = inst.b as usize;
        let b = self.body.f.pool()[tail];
        let mut branch = InstData { op: Op::Branch, aux: inst.aux & !aux::TAIL, b, ..*inst };
        match self.condition(&mut branch) {
            Some(false) => return true,
            // It leaves whenever it is reached; what follows is no concern of this walk.
            Some(true) => return false,
            None => {}
        }
        inst.op = if branch.op == Op::Fbranch { Op::Fguard } else { Op::Guard };
        (inst.ty, inst.aux, inst.a) = (branch.ty, branch.aux | aux::TAIL, branch.a);
        self.body.f.arrays().pool[tail] = branch.b;
        false
    }

    /// Puts a constant that is stored into the record.
    pub(super) fn store_constant(&mut self, inst: &mut InstData) {
        if inst.op == Op::Store
            && !inst.value_is_imm()
            && !inst.ty.is_float()
            && let Some(value) = self.constant_of(VReg(inst.dst)).and_then(|value| i32::try_from(value).ok())
        {
            inst.aux |= aux::VALUE_IMM;
            inst.dst = value as u32;
        }
    }
}
