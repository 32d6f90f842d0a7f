//! From instructions to Kiln's IR: one function at a time, block by block in the order of the program.
//!
//! A block is executed symbolically on a [`Stack`] of constants and registers; what is computed becomes IR, what is only
//! moved does not. Between blocks of a region items are in registers of the IR, one per place, of which the [`WINDOW`]
//! topmost count; what lies deeper is in memory. The IR's registers are assigned freely; SSA form, copies and machine
//! registers are the core's work.
//!
//! Each instruction looks at its operands, makes its checks, and only then changes the symbolic stack: so that stack is at
//! every check the state before the instruction, which is what the exit describes.

mod arithmetic;
mod calls;
pub mod control;
mod heap;
mod output;
pub mod stack;

use super::exits::{Exits, Source};
use super::functions::{Body, Flow, flow};
use super::heights::{Effects, Fixed, Heights};
use crate::instruction::Instruction;
use crate::options::Options;
use crate::program::Program;
use crate::state::Header;
use kiln::{Access, Block, Cond, FuncId, FunctionBuilder, Hint, Mem, MemType, Operand, Type, VReg};
use stack::{Item, Range, Stack, Value};
use std::mem::offset_of;

/// How many items are in registers between blocks.
pub const WINDOW: i32 = 32;
/// How many items that memory does not have an exit lists at most.
const LISTED: usize = 24;
/// How many items a function takes in registers, and how many it gives back in registers.
pub const PARAMETERS: i32 = 4;
pub const RESULTS: i32 = 6;
/// Alias classes of what compiled code accesses; none overlaps another.
const HEADER: u8 = 1;
const STACK: u8 = 2;
const HEAP: u8 = 3;
const CALLS: u8 = 4;
const OUTPUT: u8 = 5;
const INPUT: u8 = 6;
const PRESENT: u8 = 7;

/// What kind of function a body becomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Takes and gives items in registers: `(state, sp, csp, items...) -> (items...)`.
    Fixed(Fixed),
    /// All items are in memory: `(state, sp, csp) -> sp`.
    Dynamic,
    /// Entered by the driver, `(state) -> instruction`: everything is in the state. So many of the top items are loaded at
    /// once; the driver sees to it that they are there.
    Entry(i32),
}

/// How programs are compiled.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    /// The options that the program runs with.
    pub options: Options,
    /// Whether instructions are counted.
    pub counting: bool,
    /// Whether each check looks at the header's `forced`.
    pub forced: bool,
}

/// The routines of Rust that compiled code calls.
#[derive(Clone, Copy, Debug)]
pub struct Routines {
    pub load: FuncId,
    pub store: FuncId,
    pub print_character: FuncId,
    pub print_number: FuncId,
}

/// What all functions of a unit share.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    pub program: &'a Program,
    pub places: &'a super::functions::Places,
    pub settings: &'a Settings,
    pub effects: &'a Effects,
    pub routines: Routines,
    /// For each call target of the program, in order, the unit's function.
    pub functions: &'a [Option<FuncId>],
    /// For each call target whether its body stands in the place of calls.
    pub inlined: &'a [Option<(u32, u32)>],
}

/// What waits for the end of the function, out of the way.
enum Cold {
    /// Leaves.
    Exit { block: Block, number: u32, values: Vec<VReg> },
    /// Calls a routine with the state and these values; leaves if it gives something else than 0, else goes on.
    Routine {
        block: Block,
        routine: FuncId,
        arguments: Vec<VReg>,
        number: u32,
        values: Vec<VReg>,
        then: Block,
    },
    /// Calls a routine for a value.
    Load { block: Block, routine: FuncId, key: VReg, to: VReg, then: Block },
    /// Negates, as division by -1 does; leaves if that overflows.
    Negate { block: Block, value: VReg, to: VReg, number: u32, values: Vec<VReg>, then: Block, wraps: bool },
    /// Goes to the head of a region.
    Edge { block: Block, stack: Stack, to: Block },
}

struct Translator<'a> {
    b: FunctionBuilder<'a>,
    shared: Shared<'a>,
    exits: &'a mut Exits,
    body: &'a Body,
    heights: &'a Heights,
    kind: Kind,
    /// The lowest place of the first region that is in registers between blocks.
    floor: i32,
    /// The same of the region that is being translated.
    region_floor: i32,
    blocks: Vec<Block>,
    state: VReg,
    /// The address of the region's place 0, and that of the next return place.
    sp: VReg,
    csp: VReg,
    /// The registers of places between blocks: from 0 up, and from -1 down.
    above: Vec<VReg>,
    below: Vec<VReg>,
    /// For each register of the IR whether it is one of those.
    is_place: Vec<bool>,
    stack: Stack,
    /// The instruction being translated.
    at: u32,
    /// The lowest place that is known to be on the stack.
    checked: i32,
    /// What is known at the ends of blocks, where known.
    checked_at_end: Vec<Option<i32>>,
    /// The block from which alone each is reached, if there is just one.
    from: Vec<Option<u32>>,
    /// Whether a branch has ended the block.
    ended: bool,
    /// Return places of inlined calls under way.
    frames: Vec<u32>,
    /// Behind the last instruction that was counted already, and where counting goes on.
    counted: u32,
    segment: u32,
    cold: Vec<Cold>,
}

/// How far a region of a function, with what is inlined in it, rises at most.
pub fn rise(heights: &Heights) -> i32 {
    heights.highest + super::compiled::INLINED as i32
}

/// Translates a function.
pub fn translate(
    b: FunctionBuilder<'_>,
    shared: Shared<'_>,
    exits: &mut Exits,
    body: &Body,
    heights: &Heights,
    kind: Kind,
) {
    let mut from = vec![None; body.blocks.len()];
    let mut ways = vec![0; body.blocks.len()];
    // The driver or a caller is one more way to the first.
    ways[0] = 1;
    for (block, n) in body.blocks.iter().zip(0..) {
        for to in block.next.into_iter().flatten() {
            ways[to as usize] += 1;
            from[to as usize] = (ways[to as usize] == 1).then_some(n);
        }
    }
    let mut translator = Translator {
        b,
        shared,
        exits,
        body,
        heights,
        kind,
        floor: 0,
        region_floor: 0,
        blocks: Vec::new(),
        state: VReg::NONE,
        sp: VReg::NONE,
        csp: VReg::NONE,
        above: Vec::new(),
        below: Vec::new(),
        is_place: Vec::new(),
        stack: Stack::default(),
        at: 0,
        checked: 0,
        checked_at_end: vec![None; body.blocks.len()],
        from,
        ended: false,
        frames: Vec::new(),
        counted: 0,
        segment: 0,
        cold: Vec::new(),
    };
    translator.function();
    translator.b.finish().expect("every block is placed and ends");
}

impl Translator<'_> {
    fn function(&mut self) {
        self.blocks = self.body.blocks.iter().map(|_| self.b.block()).collect();
        self.enter();
        for n in 0..self.blocks.len() {
            if self.heights.blocks[n].is_some() {
                self.block(n as u32);
            }
        }
        // What was put off may put off more.
        while !self.cold.is_empty() {
            for cold in std::mem::take(&mut self.cold) {
                self.cold(cold);
            }
        }
    }

    /// The function's beginning: parameters to the registers of their places.
    fn enter(&mut self) {
        self.state = self.b.param(0);
        let entry = self.body.blocks[0].start;
        match self.kind {
            Kind::Fixed(fixed) => {
                let parameters = fixed.depth.min(PARAMETERS);
                (self.sp, self.csp, self.floor) = (self.b.param(1), self.b.param(2), -parameters);
                self.checked = -fixed.depth;
                self.stack.reset(-parameters);
                for n in 0..parameters {
                    let param = self.b.param(3 + n as u32);
                    self.stack.push(Value::Register(param, Range::ANY));
                }
            }
            Kind::Dynamic => {
                let sp = self.b.param(1);
                self.sp = self.b.copy(sp);
                self.csp = self.b.param(2);
            }
            Kind::Entry(loaded) => {
                self.sp = self.header(Type::Ptr, offset_of!(Header, stack_top));
                self.csp = self.header(Type::Ptr, offset_of!(Header, call_top));
                (self.floor, self.checked) = (-loaded, -loaded);
                self.stack.reset(0);
            }
        }
        self.at = entry;
        self.region_floor = self.floor_of(0);
        if self.calls() && !matches!(self.kind, Kind::Entry(_)) {
            let limit = self.header(Type::Ptr, offset_of!(Header, call_limit));
            self.leave_if(Cond::Ugt, self.csp, limit);
        }
        self.go_to(0);
    }

    /// Whether the function calls others.
    fn calls(&self) -> bool {
        let mut instructions = self.body.blocks.iter().flat_map(|block| block.start..block.end);
        instructions.any(|at| match flow(self.shared.program, at) {
            Flow::Call(to) => self.callee(to).is_some_and(|n| self.shared.inlined[n].is_none()),
            _ => false,
        })
    }

    /// Leaves if the region does not fit the stack.
    fn leave_if_full(&mut self) {
        let limit = self.header(Type::Ptr, offset_of!(Header, stack_limit));
        let top = self.b.addr((self.sp, rise(self.heights) * 8));
        self.leave_if(Cond::Ugt, top, limit);
    }

    fn block(&mut self, n: u32) {
        let block = self.body.blocks[n as usize];
        let at = self.heights.blocks[n as usize].expect("a block that is reached");
        let head = self.heights.heads[n as usize];
        self.b.place(self.blocks[n as usize]);
        let floor = self.floor_of(at.region);
        self.region_floor = floor;
        let low = if head { at.height } else { self.window(floor, at.height) };
        self.stack.reset(low);
        for place in low..at.height {
            let register = self.place(place);
            self.stack.push(Value::Register(register, Range::ANY));
        }
        self.checked = self.checked_at(n, floor);
        self.at = block.start;
        if head {
            self.leave_if_full();
        }
        if self.shared.places.is_loop_head(block.start) {
            let access = Access::new(MemType::I32).alias(HEADER).volatile();
            let asked = self.b.load(Type::I32, access, (self.state, offset_of!(Header, interrupt) as i32));
            self.leave_if(Cond::Ne, asked, 0);
        }
        self.run(n, block.start, block.end);
    }

    /// The lowest place of a region that is in registers between blocks.
    fn floor_of(&self, region: u32) -> i32 {
        if region == 0 && !self.heights.heads[0] { self.floor } else { 0 }
    }

    /// The lowest place that is in a register between blocks at this height.
    fn window(&self, floor: i32, height: i32) -> i32 {
        floor.max(height - WINDOW).min(height)
    }

    /// The lowest place that is known to be on the stack when a block begins.
    fn checked_at(&self, n: u32, floor: i32) -> i32 {
        let least = match self.kind {
            Kind::Fixed(fixed) => -fixed.depth,
            Kind::Dynamic | Kind::Entry(_) => floor,
        };
        let from = self.from[n as usize].filter(|_| !self.heights.heads[n as usize]);
        from.and_then(|from| self.checked_at_end[from as usize]).map_or(least, |checked| checked.min(least))
    }

    /// Translates the instructions of a block.
    fn run(&mut self, n: u32, start: u32, end: u32) {
        self.at = start;
        self.segment = start;
        self.ended = false;
        while self.at < end {
            if self.at == self.segment {
                self.count(end);
            }
            match flow(self.shared.program, self.at) {
                Flow::Next => self.instruction(self.shared.program.instructions()[self.at as usize], end, n),
                Flow::Leave => return self.leave(),
                Flow::Return => return self.ret(),
                Flow::Call(to) => {
                    if !self.call(to) {
                        return;
                    }
                }
                Flow::Jump(_) => {
                    self.checked_at_end[n as usize] = Some(self.checked);
                    let to = self.body.blocks[n as usize].next[0].expect("a jump leads somewhere");
                    return self.go_to(to);
                }
                Flow::Branch(_) => return self.branch_on_top(n),
            }
            if self.ended || self.b.is_terminated() {
                return;
            }
            self.at += 1;
        }
        self.checked_at_end[n as usize] = Some(self.checked);
        let to = self.body.blocks[n as usize].next[0].expect("a block that goes on");
        self.go_to(to);
    }

    /// Translates an instruction that control goes on behind; it may take in the branch that follows.
    fn instruction(&mut self, instruction: Instruction, end: u32, n: u32) {
        match instruction {
            Instruction::Push(number) => {
                let value = number.as_i64().expect("others are left to the interpreter");
                self.stack.push(Value::Constant(value));
            }
            Instruction::Dup => {
                let value = self.peek(0);
                self.stack.push(value);
            }
            Instruction::Copy(number) => {
                let value = self.peek(number.as_i64().expect("others are left to the interpreter") as i32);
                self.stack.push(value);
            }
            Instruction::Swap => {
                let (top, under) = (self.peek(0), self.peek(1));
                self.stack.remove(2);
                self.stack.push(top);
                self.stack.push(under);
            }
            Instruction::Drop => {
                self.need(1);
                self.stack.remove(1);
            }
            Instruction::Slide(number) => {
                let count = number.as_i64().expect("others are left to the interpreter") as i32;
                self.need(count + 1);
                let top = self.peek(0);
                if count > 0 {
                    self.stack.remove(count + 1);
                    self.stack.push(top);
                }
            }
            Instruction::Add => self.add(),
            Instruction::Sub => {
                if !self.compared(n, end) {
                    self.sub();
                }
            }
            Instruction::Mul => self.mul(),
            Instruction::Div => self.div(),
            Instruction::Mod => {
                if !self.divisible(n, end) {
                    self.modulo();
                }
            }
            Instruction::Store => self.store(),
            Instruction::Retrieve => self.retrieve(),
            Instruction::Label(_) => {}
            Instruction::Printc => self.print_character(),
            Instruction::Printi => self.print_number(),
            Instruction::Readc => self.read_character(),
            Instruction::Readi => self.leave(),
            Instruction::Call(..)
            | Instruction::Jmp(..)
            | Instruction::Jz(..)
            | Instruction::Jn(..)
            | Instruction::Ret
            | Instruction::End
            | Instruction::Trap => unreachable!("these do not go on with the next instruction"),
        }
    }

    /// A field of the header.
    fn header(&mut self, ty: Type, offset: usize) -> VReg {
        self.b.load(ty, Access::new(MemType::I64).alias(HEADER), (self.state, offset as i32))
    }

    fn set_header(&mut self, offset: usize, value: VReg) {
        self.b.store(Access::new(MemType::I64).alias(HEADER), (self.state, offset as i32), value);
    }

    /// The register that a place has between blocks.
    fn place(&mut self, place: i32) -> VReg {
        let (list, n) = match usize::try_from(place) {
            Ok(n) => (&mut self.above, n),
            Err(_) => (&mut self.below, (-1 - place) as usize),
        };
        while list.len() <= n {
            list.push(VReg::NONE);
        }
        if list[n].is_none() {
            let register = self.b.vreg(Type::I64);
            list[n] = register;
            let index = register.index();
            self.is_place.resize(self.is_place.len().max(index + 1), false);
            self.is_place[index] = true;
        }
        list[n]
    }

    /// Whether a register is that of a place, so that it changes at the end of the block.
    fn changes(&self, register: VReg) -> bool {
        self.is_place.get(register.index()).is_some_and(|is| *is)
    }

    fn memory(&self, place: i32) -> Mem {
        Mem::from((self.sp, place * 8))
    }

    /// Leaves if there are not so many items.
    fn need(&mut self, items: i32) {
        let lowest = self.stack.height() - items;
        if lowest >= self.checked {
            return;
        }
        let base = self.header(Type::Ptr, offset_of!(Header, stack_base));
        let bytes = self.b.sub(self.sp, base);
        self.leave_if(Cond::Ult, bytes, i64::from(-lowest) * 8);
        self.checked = lowest;
    }

    /// The item so many below the top, loaded if it is in memory. It stays where it is.
    fn peek(&mut self, depth: i32) -> Value {
        self.need(depth + 1);
        let place = self.stack.height() - 1 - depth;
        self.at_place(place)
    }

    fn at_place(&mut self, place: i32) -> Value {
        match self.stack.get(place).map(|item| item.value) {
            None | Some(Value::Memory) => {
                let mem = self.memory(place);
                let register = self.b.load(Type::I64, Access::new(MemType::I64).alias(STACK), mem);
                let value = Value::Register(register, Range::ANY);
                if let Some(item) = self.stack.get_mut(place) {
                    *item = Item { value, dirty: false };
                }
                value
            }
            Some(value) => value,
        }
    }

    /// A register with the value.
    fn register(&mut self, value: Value) -> VReg {
        match value {
            Value::Constant(value) => self.b.iconst(Type::I64, value),
            Value::Register(register, _) => register,
            Value::Memory => unreachable!("values are loaded where they are looked at"),
        }
    }

    /// The value as an operand.
    fn operand(&mut self, value: Value) -> Operand {
        match value {
            Value::Constant(value) => Operand::Imm(value),
            other => Operand::Reg(self.register(other)),
        }
    }

    /// Has memory have an item.
    fn sync(&mut self, place: i32) {
        let Some(item) = self.stack.get(place).copied() else { return };
        if !item.dirty {
            return;
        }
        let value = self.operand(item.value);
        let mem = self.memory(place);
        self.b.store(Access::new(MemType::I64).alias(STACK), mem, value);
        if let Some(item) = self.stack.get_mut(place) {
            item.dirty = false;
        }
    }

    /// Has memory have all items below a place.
    fn sync_below(&mut self, place: i32) {
        for place in self.stack.low..place.min(self.stack.height()) {
            self.sync(place);
        }
    }

    /// The exit at the instruction being translated, and the values that it lists.
    fn exit(&mut self) -> (u32, Vec<VReg>) {
        let dirty = self.stack.items.iter().filter(|item| item.dirty).count();
        if dirty > LISTED {
            // The deepest ones go to memory, half of them at once.
            let mut over = dirty - LISTED / 2;
            for place in self.stack.low..self.stack.height() {
                if self.stack.get(place).is_some_and(|item| item.dirty) {
                    self.sync(place);
                    // It would be kept for nothing but other exits.
                    if let Some(item) = self.stack.get_mut(place)
                        && let Value::Register(..) = item.value
                    {
                        item.value = Value::Memory;
                    }
                    over -= 1;
                    if over == 0 {
                        break;
                    }
                }
            }
        }
        let mut values = vec![self.sp, self.csp];
        let low = self.stack.low;
        let items = self.stack.items.iter().zip(low..).filter(|(item, _)| item.dirty);
        let items = items.map(|(item, place)| match item.value {
            Value::Constant(value) => (place, Source::Constant(value)),
            Value::Register(register, _) => {
                values.push(register);
                (place, Source::Value(values.len() as u32 - 1))
            }
            Value::Memory => unreachable!("what is in memory is not dirty"),
        });
        let uncounted = self.counted.saturating_sub(self.at);
        let uncounted = if self.shared.settings.counting { uncounted } else { 0 };
        let number = self.exits.add(self.at, self.stack.height(), uncounted, items, &self.frames);
        (number, values)
    }

    /// Leaves here, in any case.
    fn leave(&mut self) {
        let (number, values) = self.exit();
        self.b.exit(number, &values);
    }

    /// A check: leaves if the condition holds.
    fn leave_if(&mut self, cond: Cond, a: VReg, b: impl Into<Operand>) {
        let (number, values) = self.exit();
        self.force(number, &values);
        self.b.guard(cond, a, b, number, &values);
    }

    /// A cold block that leaves here, for ops that go there on overflow.
    fn leaving(&mut self) -> Block {
        let (number, values) = self.exit();
        self.force(number, &values);
        let block = self.b.block();
        self.cold.push(Cold::Exit { block, number, values });
        block
    }

    /// For tests: counts checks down, and leaves at the one that is to fail.
    fn force(&mut self, number: u32, values: &[VReg]) {
        if !self.shared.settings.forced {
            return;
        }
        let left = self.header(Type::I64, offset_of!(Header, forced));
        let (block, on) = (self.b.block(), self.b.block());
        self.b.branch(Cond::Eq, left, 0, on);
        let left = self.b.sub(left, 1);
        self.set_header(offset_of!(Header, forced), left);
        self.b.branch_hint(Cond::Eq, left, 0, block, Hint::Unlikely);
        self.b.place(on);
        self.cold.push(Cold::Exit { block, number, values: values.to_vec() });
    }

    /// Counts the instructions up to the next call or the end of the block, before they run.
    fn count(&mut self, end: u32) {
        self.segment = end;
        if !self.shared.settings.counting {
            return;
        }
        let is_call = |at: &u32| matches!(flow(self.shared.program, *at), Flow::Call(_));
        self.segment = (self.at..end).find(is_call).map_or(end, |at| at + 1);
        // What the interpreter executes it counts itself.
        let leaves = |at: &u32| {
            flow(self.shared.program, *at) == Flow::Leave
                || self.shared.program.instructions().get(*at as usize) == Some(&Instruction::Readi)
        };
        let run = (self.at..self.segment).find(leaves).unwrap_or(self.segment) - self.at;
        self.counted = self.at;
        if run > 0 {
            let left = self.header(Type::I64, offset_of!(Header, steps_left));
            self.leave_if(Cond::Lt, left, i64::from(run));
            let left = self.b.sub(left, i64::from(run));
            self.set_header(offset_of!(Header, steps_left), left);
        }
        self.counted = self.at + run;
    }

    /// What was put off.
    fn cold(&mut self, cold: Cold) {
        let block = match &cold {
            Cold::Exit { block, .. }
            | Cold::Routine { block, .. }
            | Cold::Load { block, .. }
            | Cold::Negate { block, .. }
            | Cold::Edge { block, .. } => *block,
        };
        self.b.place(block);
        match cold {
            Cold::Exit { number, values, .. } => {
                self.b.set_cold();
                self.b.exit(number, &values);
            }
            Cold::Routine { routine, arguments, number, values, then, .. } => {
                self.b.set_cold();
                let arguments: Vec<VReg> = std::iter::once(self.state).chain(arguments).collect();
                let status = self.b.call1(routine, &arguments);
                self.b.guard(Cond::Ne, status, 0, number, &values);
                self.b.jump(then);
            }
            Cold::Load { routine, key, to, then, .. } => {
                self.b.set_cold();
                let arguments = [self.state, key];
                self.b.to(to).call(routine, &arguments);
                self.b.jump(then);
            }
            Cold::Negate { value, to, then, wraps: true, .. } => {
                self.b.set_cold();
                self.b.to(to).neg(value);
                self.b.jump(then);
            }
            Cold::Negate { value, to, number, values, then, .. } => {
                self.b.set_cold();
                let over = self.b.block();
                self.b.to(to).sneg_ovf(value, over);
                self.b.jump(then);
                self.cold.push(Cold::Exit { block: over, number, values });
            }
            Cold::Edge { stack, to, .. } => {
                self.stack = stack;
                self.begin_region();
                self.b.jump(to);
            }
        }
    }
}
