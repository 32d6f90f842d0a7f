//! One group as a function: its blocks, its frame, what has a value when it is entered, and its instructions in order.

use super::Names;
use super::operands::Value;
use crate::lightning::flow::{Group, Spot, mark, register};
use crate::lightning::items::Item;
use crate::lightning::live::live_at_heads;
use crate::lightning::program::{Kind, Operand};
use crate::lightning::table::Meaning;
use crate::lightning::value::Passed;
use kiln_ir::{Block, FileId, FunctionBuilder, LabelSet, Op, Pos, Slot, Type, VReg};
use std::collections::HashMap;

/// An overflow's way out, written behind the function: the sum or difference again, and a jump.
pub(super) struct Stub {
    pub block: Block,
    pub op: Op,
    pub register: VReg,
    pub other: Value,
    pub to: Block,
}

/// An argument of a call that is being prepared.
#[derive(Clone, Copy)]
pub(super) struct Argument {
    pub value: VReg,
    /// If `value` is a register of the language, its bit: it is copied before it is written.
    pub bit: Option<u32>,
}

/// Translating one group.
pub(super) struct Body<'n, 'p, 'm> {
    pub names: &'n mut Names<'p>,
    pub group: &'p Group,
    pub b: FunctionBuilder<'m>,
    /// The language's registers by bit of [`live`], as they are needed.
    pub registers: [VReg; 27],
    /// Parameters by place and class.
    pub params: HashMap<(u32, Passed), VReg>,
    /// By part of the group: the block of its start.
    pub starts: HashMap<u32, Block>,
    pub targets: Option<LabelSet>,
    pub stubs: Vec<Stub>,
    pub arguments: Vec<Argument>,
    /// How many of them stand before `ellipsis`.
    pub fixed: Option<usize>,
    /// The fixed storage: the slot, and how far behind its start `%fp` is.
    pub frame: Option<(Slot, i64)>,
    /// `%fp`, if the storage is allocated as the function is entered.
    pub frame_end: VReg,
    /// The offset of what was allocated last.
    pub allocated: VReg,
    /// What the address of the next code is to be a multiple of; 0 if nothing is asked for.
    pub align: u32,
    /// The list of the variable arguments, where the code is handed one.
    pub list: VReg,
}

impl<'n, 'p, 'm> Body<'n, 'p, 'm> {
    pub(super) fn new(
        names: &'n mut Names<'p>,
        b: FunctionBuilder<'m>,
        group: &'p Group,
    ) -> Body<'n, 'p, 'm> {
        Body {
            names,
            group,
            b,
            registers: [VReg::NONE; 27],
            params: HashMap::new(),
            starts: HashMap::new(),
            targets: None,
            stubs: Vec::new(),
            arguments: Vec::new(),
            fixed: None,
            frame: None,
            frame_end: VReg::NONE,
            allocated: VReg::NONE,
            align: 0,
            list: VReg::NONE,
        }
    }

    /// Writes the function.
    pub(super) fn write(&mut self) {
        self.make_blocks();
        self.enter();
        self.parts();
    }

    fn make_blocks(&mut self) {
        let Names { program, flow, .. } = *self.names;
        for n in &self.group.parts {
            let part = &program.parts[*n as usize];
            let from = flow.marks.partition_point(|(item, _)| *item < part.start);
            // The label behind the last item is this part's if that is open.
            let end = if part.closed || part.kind == Kind::Preamble { part.end } else { part.end + 1 };
            for (_, label) in flow.marks[from..].iter().take_while(|(item, _)| *item < end) {
                let place = match flow.spots[*label as usize] {
                    Spot::Inner(at) | Spot::OpenEnd(at) => at == *n,
                    _ => false,
                };
                if place {
                    self.names.blocks[*label as usize] = self.b.block();
                }
            }
            let start = self.b.block();
            self.starts.insert(*n, start);
        }
        if !self.group.targets.is_empty() {
            let mut blocks: Vec<Block> =
                self.group.targets.iter().map(|label| self.block_of(*label)).collect();
            // Labels of one place have one block.
            blocks.sort_unstable();
            blocks.dedup();
            self.targets = Some(self.b.label_set(&blocks));
        }
    }

    /// Begins the function: at its own start the first head, behind that the others at further entries.
    fn enter(&mut self) {
        let Names { program, flow, .. } = *self.names;
        let group = self.group;
        let live = live_at_heads(program, flow, group);
        let parts = group.parts.iter().map(|part| &program.parts[*part as usize]);
        let mut params: Vec<(u32, Passed)> =
            parts.flat_map(|part| (0..).zip(part.params.iter().copied())).collect();
        params.sort_unstable();
        params.dedup();
        let lists = group.heads.iter().any(|head| self.takes_list(*head));
        let storage = self.storage();
        for (n, head) in group.heads.iter().enumerate() {
            let own = self.names.params(*head);
            let mut taken: Vec<VReg> = Vec::with_capacity(own.len() + 1);
            if n == 0 {
                taken.extend((0..own.len() as u32).map(|n| self.b.param(n)));
                self.params.extend((0..).zip(own).zip(taken.iter().copied()));
                if lists {
                    let param = self.takes_list(*head).then(|| self.b.param(taken.len() as u32));
                    self.list = param.unwrap_or_else(|| self.b.vreg(Type::Ptr));
                    taken.extend(param);
                }
            } else {
                let block = self.b.block();
                self.b.place(block);
                taken.extend((0..).zip(own).map(|(n, passed)| self.parameter(n, passed)));
                taken.extend(self.takes_list(*head).then_some(self.list));
                self.b.place_entry(self.names.ways[*head as usize], &taken, block);
            }
            self.assign(live[n], &params, &taken);
            self.make_frame(storage);
            if group.heads.len() > 1 || group.parts[0] != *head {
                let start = self.starts[head];
                self.b.jump(start);
            }
        }
    }

    /// Whether the code of a head is handed the list of its variable arguments.
    fn takes_list(&self, head: u32) -> bool {
        self.names.functions[head as usize] != self.names.ways[head as usize]
    }

    /// Gives registers that may be read first a value, and of the group's parameters those that this head does not take.
    fn assign(&mut self, live: u64, params: &[(u32, Passed)], taken: &[VReg]) {
        for bit in 0..27 {
            if live & 1 << bit != 0 {
                let register = self.register(bit);
                self.clear(register);
            }
        }
        for (n, passed) in params {
            let value = self.parameter(*n, *passed);
            if !taken.contains(&value) {
                self.clear(value);
            }
        }
        if self.list != VReg::NONE && !taken.contains(&self.list) {
            self.clear(self.list);
        }
    }

    fn clear(&mut self, register: VReg) {
        let ty = self.b.ty(register);
        self.b.to(register);
        match ty {
            Type::F32 => self.b.f32const(0.0),
            Type::F64 => self.b.f64const(0.0),
            ty => self.b.iconst(ty, 0),
        };
    }

    pub(super) fn parameter(&mut self, index: u32, passed: Passed) -> VReg {
        *self.params.entry((index, passed)).or_insert_with(|| self.b.vreg(register(passed)))
    }

    /// Translates the parts.
    fn parts(&mut self) {
        let Names { program, flow, .. } = *self.names;
        for n in &self.group.parts {
            let part = &program.parts[*n as usize];
            self.b.place(self.starts[n]);
            let mut next = flow.marks.partition_point(|(item, _)| *item < part.start);
            for at in part.start..part.end {
                let item = &program.items.get(at);
                self.place(mark(&flow.marks, &mut next, at), *n);
                if let (Meaning::Align, Operand::Word(align)) = (item.row().meaning, item.operands[0]) {
                    self.align = self.align.max(align as u32);
                    continue;
                }
                self.split_to_align();
                if self.b.is_terminated() {
                    self.skip(item);
                    continue;
                }
                let file = self.names.files.get(item.at.file as usize).copied().unwrap_or(FileId(0));
                self.b.at(Pos { file, line: item.at.line, column: item.at.column });
                if !self.arguments.is_empty() {
                    self.keep_arguments(item, at);
                }
                self.item(item, at);
            }
            self.split_to_align();
            if part.kind == Kind::Preamble && program.parts.len() == 1 && !self.b.is_terminated() {
                // Only a text that is not to be run has no function behind it.
                self.b.unreachable();
            }
            if part.kind != Kind::Preamble && !part.closed {
                self.place(mark(&flow.marks, &mut next, part.end), *n);
                if !self.b.is_terminated() {
                    self.give_back_r0();
                }
            }
        }
        for stub in std::mem::take(&mut self.stubs) {
            self.b.place(stub.block);
            self.b.set_cold();
            self.binary(stub.op, stub.register, stub.register, stub.other);
            self.b.jump(stub.to);
        }
    }

    /// Places a label's block, if it is this part's.
    fn place(&mut self, label: Option<u32>, part: u32) {
        let Some(label) = label else { return };
        let own = match self.names.flow.spots[label as usize] {
            Spot::Inner(at) | Spot::OpenEnd(at) => at == part,
            _ => false,
        };
        if own {
            self.keep_all_arguments();
            self.b.place(self.names.blocks[label as usize]);
            self.align_block();
        }
    }

    /// Aligns the open block, if that is asked for.
    fn align_block(&mut self) {
        if self.align > 1 {
            self.b.set_align(self.align);
        }
        self.align = 0;
    }

    /// Begins a block for code that is to be aligned and has no label; what control does not reach is not written.
    fn split_to_align(&mut self) {
        if self.align > 1 && !self.b.is_terminated() {
            let block = self.b.block();
            self.b.place(block);
            self.align_block();
        }
        self.align = 0;
    }

    pub(super) fn finish(self) -> Result<(), String> {
        self.b.finish().map(|_| ()).map_err(|error| error.to_string())
    }

    /// The block of a label of this group.
    pub(super) fn block_of(&self, label: u32) -> Block {
        let flow = self.names.flow;
        match flow.spots[label as usize] {
            Spot::Head(part) => self.starts[&part],
            _ => self.names.blocks[flow.first[label as usize] as usize],
        }
    }

    fn item(&mut self, item: &Item, at: u32) {
        let row = item.row();
        let o = &item.operands;
        match row.meaning {
            Meaning::Binary(_)
            | Meaning::Shift(_)
            | Meaning::ReverseSubtract
            | Meaning::Carry { .. }
            | Meaning::HighProduct(_)
            | Meaning::Product(_)
            | Meaning::Divide(_)
            | Meaning::Remainder(_)
            | Meaning::DivideBoth(_)
            | Meaning::ShiftBoth { .. }
            | Meaning::Unary(_)
            | Meaning::OfInverse(_)
            | Meaning::SwapBytes
            | Meaning::Extend
            | Meaning::Extract(_)
            | Meaning::Deposit
            | Meaning::Compare(_)
            | Meaning::MoveIf(_) => self.integer(row, o),
            Meaning::FloatBinary(_)
            | Meaning::FloatReverseSubtract
            | Meaning::FloatUnary(_)
            | Meaning::FloatMove
            | Meaning::FloatFused(_)
            | Meaning::FloatCompare(_)
            | Meaning::FromWord
            | Meaning::Resize(_)
            | Meaning::ToWord
            | Meaning::ToHalfWord
            | Meaning::FloatToBits
            | Meaning::BitsToFloat => self.floating(row, o),
            Meaning::Load
            | Meaning::LoadAt
            | Meaning::LoadIndexed
            | Meaning::LoadMoving { .. }
            | Meaning::Store
            | Meaning::StoreAt
            | Meaning::StoreIndexed
            | Meaning::StoreMoving { .. }
            | Meaning::LoadBytes { .. }
            | Meaning::StoreBytes
            | Meaning::LoadFloatBytes
            | Meaning::StoreFloatBytes
            | Meaning::CompareAndSwap
            | Meaning::Allocate => self.memory(row, o),
            Meaning::Move
            | Meaning::Branch(_)
            | Meaning::FloatBranch(_)
            | Meaning::BranchOverflow { .. }
            | Meaning::Jump
            | Meaning::JumpTo
            | Meaning::Epilog
            | Meaning::Return
            | Meaning::ReturnValue => self.control(row, o),
            Meaning::GetArg
            | Meaning::PutArg
            | Meaning::Prepare
            | Meaning::PushArg
            | Meaning::Ellipsis
            | Meaning::Call
            | Meaning::Finish
            | Meaning::ReturnValueOfCall
            | Meaning::VaStart
            | Meaning::VaArg
            | Meaning::VaPush
            | Meaning::VaEnd => self.calling(row, o, at),
            Meaning::Skip => {
                if let Operand::Word(bytes) = o[0] {
                    self.b.pad(bytes as u32);
                }
            }
            // What these mean was done while the text was read, or when the function began.
            Meaning::Prolog
            | Meaning::Frame
            | Meaning::Tramp
            | Meaning::Arg
            | Meaning::AllocateFixed
            | Meaning::Align
            | Meaning::Nothing
            | Meaning::Name => {}
        }
    }
}
