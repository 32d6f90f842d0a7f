//! Printing bodies: declarations, labels, and what must be known before the instructions can be written.

use super::Printer;
use super::names::Locals;
use crate::entity::{Block, FuncId, Inst, VReg};
use crate::function::Function;
use crate::op::Role;
use std::collections::HashSet;
use std::fmt::{self, Write};

/// The names of a function, and which registers a reader knows by now.
pub(super) struct Scope<'f> {
    pub body: &'f Function,
    pub regs: Locals<'f>,
    pub blocks: Locals<'f>,
    pub slots: Locals<'f>,
    /// Registers below this number have been declared or assigned above. Those from here on are assigned in the order
    /// of their numbers.
    pub known: u32,
}

impl<'f> Scope<'f> {
    fn new(body: &'f Function, known: u32) -> Scope<'f> {
        Scope {
            body,
            regs: Locals::new(&body.vreg_names),
            blocks: Locals::new(&body.block_names),
            slots: Locals::new(&body.slot_names),
            known,
        }
    }
}

impl Printer<'_, '_, '_> {
    pub(super) fn body(&mut self, func: FuncId, body: &Function) -> fmt::Result {
        self.out.write_str(" {\n")?;
        let declared = declared(body);
        let mut scope = Scope::new(body, declared);
        for n in body.params..declared {
            self.out.write_str(if n == body.params { "    reg " } else { ", " })?;
            scope.regs.register(self.out, n)?;
            write!(self.out, ": {}", body.vregs[n as usize].ty)?;
        }
        if declared > body.params {
            self.out.write_char('\n')?;
        }
        self.slots_sets_entries(&mut scope)?;
        let labelled = labelled(body, self.labels.get(&func));
        let mut positions = body.positions.iter().peekable();
        for (n, block) in body.blocks.iter().enumerate() {
            if labelled[n] {
                self.out.write_str(if block.cold { "cold " } else { "" })?;
                scope.blocks.block(self.out, n as u32)?;
                match block.align {
                    0 => self.out.write_str(":\n")?,
                    align => writeln!(self.out, ": align {}", 1u128 << (align & 127))?,
                }
            }
            for at in body.block_range(Block(n as u32)) {
                if self.positions
                    && let Some((_, pos)) = positions.next_if(|(start, _)| start.index() <= at)
                {
                    writeln!(self.out, "    .loc {} {} {}", pos.file.0, pos.line, pos.column)?;
                }
                self.out.write_str("    ")?;
                self.inst(&mut scope, &body.insts[at])?;
                self.out.write_char('\n')?;
            }
        }
        self.out.write_str("}\n")
    }

    /// One instruction alone, its registers all taken as known.
    pub(super) fn single(&mut self, body: &Function, inst: Inst) -> fmt::Result {
        let mut scope = Scope {
            body,
            regs: Locals::loose(&body.vreg_names),
            blocks: Locals::loose(&body.block_names),
            slots: Locals::loose(&body.slot_names),
            known: u32::MAX,
        };
        self.inst(&mut scope, &body.insts[inst.index()])
    }

    fn slots_sets_entries(&mut self, scope: &mut Scope<'_>) -> fmt::Result {
        let body = scope.body;
        for (n, slot) in body.slots.iter().enumerate() {
            self.out.write_str("    slot ")?;
            scope.slots.slot(self.out, n as u32)?;
            write!(self.out, ": {}", slot.size)?;
            if slot.align != 8 {
                write!(self.out, " align {}", slot.align)?;
            }
            self.out.write_char('\n')?;
        }
        for (n, set) in body.label_sets.iter().enumerate() {
            write!(self.out, "    labels L{n} = {{")?;
            for (n, block) in set.iter().enumerate() {
                self.out.write_str(if n > 0 { ", " } else { "" })?;
                scope.blocks.block(self.out, block.0)?;
            }
            self.out.write_str("}\n")?;
        }
        for entry in &body.entries {
            self.out.write_str("    entry ")?;
            self.symbols.func(self.out, entry.func)?;
            self.out.write_char('(')?;
            for (n, param) in entry.params.iter().enumerate() {
                self.out.write_str(if n > 0 { ", " } else { "" })?;
                scope.regs.register(self.out, param.0)?;
                write!(self.out, ": {}", body.ty(*param))?;
                scope.known = scope.known.max(param.0 + 1);
            }
            self.out.write_str(") -> ")?;
            scope.blocks.block(self.out, entry.block.0)?;
            self.out.write_char('\n')?;
        }
        Ok(())
    }
}

/// How many registers (parameters included) must be declared, so that the others are numbered by the order in which
/// they are first assigned: up to the last that is read or not mentioned before, or comes after a greater one.
fn declared(body: &Function) -> u32 {
    let mut order = Order {
        params: body.params,
        declared: body.params,
        greatest: 0,
        seen: vec![false; body.vregs.len()],
    };
    for entry in &body.entries {
        entry.params.iter().for_each(|v| order.mention(*v, true));
    }
    for inst in &body.insts {
        body.for_each_use(inst, |v| order.mention(v, false));
        body.for_each_def(inst, |v| order.mention(v, true));
    }
    let unseen = order.seen.iter().rposition(|seen| !seen).map_or(0, |n| n as u32 + 1);
    order.declared.max(if unseen > body.params { unseen } else { 0 })
}

struct Order {
    params: u32,
    declared: u32,
    greatest: u32,
    seen: Vec<bool>,
}

impl Order {
    fn mention(&mut self, v: VReg, assigned: bool) {
        if v.0 < self.params || self.seen.get(v.index()).is_none_or(|seen| *seen) {
            return;
        }
        self.seen[v.index()] = true;
        if !assigned || v.0 < self.greatest {
            self.declared = self.declared.max(v.0 + 1);
        }
        self.greatest = self.greatest.max(v.0);
    }
}

/// Which blocks need a label: those with a name, cold ones, targets, and those that control does not fall into.
fn labelled(body: &Function, in_data: Option<&HashSet<Block>>) -> Vec<bool> {
    let mut labelled = vec![false; body.blocks.len()];
    let mut mark = |block: Block| {
        if let Some(mark) = labelled.get_mut(block.index()) {
            *mark = true;
        }
    };
    for inst in &body.insts {
        for (field, role) in inst.op.shape().operands() {
            match role {
                Role::Block | Role::ColdBlock => mark(Block(body.word(inst, *field))),
                Role::Cases => {
                    let (default, cases) = body.cases(inst);
                    mark(default);
                    cases.for_each(|(_, block)| mark(block));
                }
                _ => {}
            }
        }
    }
    body.label_sets.iter().flatten().for_each(|block| mark(*block));
    body.entries.iter().for_each(|entry| mark(entry.block));
    in_data.into_iter().flatten().for_each(|block| mark(*block));
    for (n, block) in body.blocks.iter().enumerate() {
        let falls_into = match block.start.checked_sub(1) {
            Some(before) => body.insts.get(before as usize).is_some_and(|i| i.op.falls_through()),
            None => true,
        };
        labelled[n] |= block.cold
            || block.align > 0
            || !falls_into
            || body.block_names.get(n).is_some_and(|name| !name.is_empty());
    }
    labelled
}
