//! One function to Cranelift's: blocks, jumps, calls, inlining of helpers. Registers that live in one block are plain
//! values, the others frontend variables; blocks are sealed as soon as all that go to them have been written.

use super::inst::condition;
use super::invert::Plan;
use super::module::{Declared, signature, ty};
use anyhow::{Result, bail, ensure};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self, AbiParam, AliasRegionData, BlockArg, BlockCall, FuncRef, GlobalValue, InstBuilder, JumpTableData,
    MemFlagsData, SigRef, StackSlot, StackSlotData, StackSlotKind, TrapCode, Value, types,
};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Switch, Variable};
use cranelift_jit::JITModule;
use cranelift_module::Module as _;
use kiln_ir::{Block, Cond, Function, InstData, Module, Op, SigId, VReg};

const NO_ARGS: [BlockArg; 0] = [];
/// The most instructions of a helper that is inlined.
const MOST_INLINED: usize = 32;
/// How deep helpers are inlined into helpers.
const DEEPEST: usize = 4;

/// The numbers that stand for the addresses of a function's labels.
#[derive(Default)]
pub(super) struct Labels {
    blocks: Vec<Block>,
}

impl Labels {
    /// The labels of all sets, in the order in which the sets list them.
    pub fn of(f: &Function) -> Labels {
        let mut blocks: Vec<Block> = Vec::new();
        for block in f.label_sets().iter().flatten() {
            if !blocks.contains(block) {
                blocks.push(*block);
            }
        }
        Labels { blocks }
    }

    /// The number of a label.
    pub fn number(&self, block: Block) -> Result<u64> {
        match self.blocks.iter().position(|b| *b == block) {
            Some(number) => Ok(number as u64),
            None => bail!("the address of a label that is in no set"),
        }
    }
}

/// Whether calls of this function are replaced by its body: one block, that is one expression and its `return`.
pub(super) fn is_helper(f: &Function) -> bool {
    let last = f.insts().last();
    f.blocks().len() == 1
        && f.insts().len() <= MOST_INLINED
        && f.slots().is_empty()
        && f.entries().is_empty()
        && !f.has_alloca()
        && last.is_some_and(|inst| inst.op == Op::Ret)
}

/// The function being translated, or a helper inside it.
struct Frame<'a> {
    f: &'a Function,
    /// The variable of each register that needs one.
    vars: Vec<Option<Variable>>,
    /// The present value of each of the others.
    values: Vec<Value>,
}

pub(super) struct Translator<'a> {
    module: &'a Module,
    declared: &'a Declared,
    jit: &'a mut JITModule,
    pub b: FunctionBuilder<'a>,
    func_refs: Vec<Option<FuncRef>>,
    data_refs: Vec<Option<GlobalValue>>,
    frame: Frame<'a>,
    depth: usize,
    blocks: Vec<ir::Block>,
    /// The second block of those that loop inversion copies.
    copies: Vec<Option<ir::Block>>,
    /// For each of Cranelift's blocks how many jumps to it have not been written yet.
    missing: Vec<u32>,
    pub slots: Vec<StackSlot>,
    labels: &'a Labels,
    plan: Option<&'a Plan>,
    /// The block being translated.
    at: usize,
}

impl<'a> Translator<'a> {
    pub fn new(
        module: &'a Module,
        declared: &'a Declared,
        at: usize,
        body: &'a Function,
        jit: &'a mut JITModule,
        to: &'a mut ir::Function,
        front: &'a mut FunctionBuilderContext,
    ) -> Translator<'a> {
        Translator {
            module,
            jit,
            b: FunctionBuilder::new(to, front),
            func_refs: vec![None; declared.funcs.len()],
            data_refs: vec![None; declared.data.len()],
            frame: Frame { f: body, vars: Vec::new(), values: vec![Value::from_u32(0); body.vregs().len()] },
            depth: 0,
            blocks: Vec::new(),
            copies: Vec::new(),
            missing: Vec::new(),
            slots: Vec::new(),
            labels: &declared.labels[at],
            plan: declared.plans[at].as_ref(),
            declared,
            at: 0,
        }
    }

    /// Translates the function.
    pub fn function(mut self) -> Result<()> {
        let f = self.frame.f;
        ensure!(f.entries().is_empty(), "several entries");
        let entry = self.b.create_block();
        self.b.append_block_params_for_function_params(entry);
        self.b.switch_to_block(entry);
        self.b.seal_block(entry);
        for info in f.vregs() {
            let var = (!info.is_local()).then(|| self.b.declare_var(ty(info.ty)));
            self.frame.vars.push(var);
        }
        for n in 0..f.params() {
            let value = self.b.block_params(entry)[n as usize];
            self.write(n, value);
        }
        for slot in f.slots() {
            let align = slot.align.max(1).ilog2() as u8;
            let slot = StackSlotData::new(StackSlotKind::ExplicitSlot, slot.size, align);
            self.slots.push(self.b.create_sized_stack_slot(slot));
        }
        for (n, block) in f.blocks().iter().enumerate() {
            let copied = self.plan.is_some_and(|plan| plan.is_copied(n));
            let made = self.b.create_block();
            let copy = copied.then(|| self.b.create_block());
            if block.cold {
                [Some(made), copy].into_iter().flatten().for_each(|block| self.b.set_cold_block(block));
            }
            self.blocks.push(made);
            self.copies.push(copy);
        }
        self.count_jumps();
        self.b.ins().jump(self.blocks[0], &NO_ARGS);
        self.jumped(self.blocks[0]);
        for n in 0..f.blocks().len() {
            self.at = n;
            for block in [Some(self.blocks[n]), self.copies[n]].into_iter().flatten() {
                self.b.switch_to_block(block);
                for inst in &f.insts()[f.block_range(Block(n as u32))] {
                    self.inst(inst)?;
                }
            }
        }
        // Only blocks that nothing goes to are left.
        self.b.seal_all_blocks();
        let config = self.jit.target_config();
        self.b.finalize(config);
        Ok(())
    }

    /// Counts what will go to each block, so that it is known when a block can be sealed.
    fn count_jumps(&mut self) {
        self.missing = vec![0; self.blocks.len() + self.copies.iter().flatten().count() + 1];
        self.missing[self.blocks[0].as_u32() as usize] = 1;
        let f = self.frame.f;
        for n in 0..self.blocks.len() {
            self.at = n;
            let times = 1 + self.copies[n].is_some() as u32;
            for inst in &f.insts()[f.block_range(Block(n as u32))] {
                let missing = &mut self.missing;
                let (blocks, copies, plan) = (&self.blocks, &self.copies, self.plan);
                let mut count = |to: usize| {
                    missing[target(blocks, copies, plan, n, to).as_u32() as usize] += times;
                };
                f.for_each_target(inst, |to| count(to.index()));
                if matches!(inst.op, Op::Branch | Op::Fbranch) {
                    count(n + 1);
                }
            }
        }
    }

    /// A jump to this block was written.
    fn jumped(&mut self, to: ir::Block) {
        // Blocks that Cranelift's own helpers make are none of ours.
        let Some(missing) = self.missing.get_mut(to.as_u32() as usize) else { return };
        *missing -= 1;
        if *missing == 0 {
            self.b.seal_block(to);
        }
    }

    /// Where a jump of the present block to another one goes.
    fn target(&self, to: Block) -> ir::Block {
        target(&self.blocks, &self.copies, self.plan, self.at, to.index())
    }

    /// The function or helper that the present instruction is of.
    pub fn f(&self) -> &'a Function {
        self.frame.f
    }

    pub fn read(&mut self, vreg: u32) -> Value {
        match self.frame.vars[vreg as usize] {
            Some(var) => self.b.use_var(var),
            None => self.frame.values[vreg as usize],
        }
    }

    pub fn write(&mut self, vreg: u32, value: Value) {
        match self.frame.vars[vreg as usize] {
            Some(var) => self.b.def_var(var, value),
            None => self.frame.values[vreg as usize] = value,
        }
    }

    pub fn jump(&mut self, inst: &InstData) {
        let to = self.target(Block(inst.dst));
        self.b.ins().jump(to, &NO_ARGS);
        self.jumped(to);
    }

    pub fn branch(&mut self, condition: Value, inst: &InstData) {
        let (then, next) = (self.target(Block(inst.dst)), self.target(Block(self.at as u32 + 1)));
        self.b.ins().brif(condition, then, &NO_ARGS, next, &NO_ARGS);
        self.jumped(then);
        self.jumped(next);
    }

    /// The condition of a branch; the two that test bits need an `and`.
    pub fn compare(&mut self, inst: &InstData) -> Value {
        let (a, b) = (self.read(inst.a), self.operand(inst, inst.b));
        match condition(inst.cond()) {
            Some(cc) => self.b.ins().icmp(cc, a, b),
            None => {
                let both = self.b.ins().band(a, b);
                let cc = if inst.cond() == Cond::Any { IntCC::NotEqual } else { IntCC::Equal };
                self.b.ins().icmp_imm_s(cc, both, 0)
            }
        }
    }

    pub fn switch(&mut self, inst: &InstData) {
        let value = self.read(inst.a);
        let (default, cases) = self.f().cases(inst);
        let mut switch = Switch::new();
        let mut targets = Vec::with_capacity(cases.len() + 1);
        for (case, block) in cases {
            let to = self.target(block);
            let index = if inst.ty == kiln_ir::Type::I32 { case as u32 as u128 } else { case as u64 as u128 };
            switch.set_entry(index, to);
            targets.push(to);
        }
        let default = self.target(default);
        switch.emit(&mut self.b, value, default);
        targets.push(default);
        targets.into_iter().for_each(|to| self.jumped(to));
    }

    /// A jump to a label by its number.
    pub fn jump_to(&mut self, inst: &InstData) {
        let number = self.read(inst.a);
        let number = self.b.ins().ireduce(types::I32, number);
        let set = &self.f().label_sets()[inst.b as usize];
        let nowhere = self.b.create_block();
        let pool = &mut self.b.func.dfg.value_lists;
        let default = BlockCall::new(nowhere, [], pool);
        let calls: Vec<BlockCall> = self
            .labels
            .blocks
            .iter()
            .map(|label| {
                let to = target(&self.blocks, &self.copies, self.plan, self.at, label.index());
                if set.contains(label) { BlockCall::new(to, [], pool) } else { default }
            })
            .collect();
        let table = self.b.create_jump_table(JumpTableData::new(default, &calls));
        self.b.ins().br_table(number, table);
        for label in set {
            let to = self.target(*label);
            self.jumped(to);
        }
        self.b.set_cold_block(nowhere);
        self.b.switch_to_block(nowhere);
        self.b.seal_block(nowhere);
        self.b.ins().trap(TrapCode::unwrap_user(1));
    }

    pub fn label_number(&self, label: u32) -> Result<u64> {
        self.labels.number(Block(label))
    }

    pub fn ret(&mut self, inst: &InstData) {
        let mut results = Vec::new();
        if inst.a != VReg::NONE.0 {
            results.push(self.read(inst.a));
        }
        if inst.has_tail() {
            let more = self.f().list(inst, 0);
            results.extend(more.iter().map(|v| self.read(v.0)));
        }
        self.b.ins().return_(&results);
    }

    pub fn call(&mut self, inst: &InstData) -> Result<()> {
        let callee = inst.a as usize;
        let parts = self.f().call(inst);
        let args: Vec<Value> = parts.args.iter().map(|v| self.read(v.0)).collect();
        if let Some(helper) = self.module.funcs()[callee].body.as_ref()
            && self.declared.helpers[callee]
            && self.depth < DEEPEST
        {
            return self.inline(helper, &args, inst);
        }
        let func = self.func_ref(callee);
        let call = if args.len() == self.module.sigs()[parts.sig.index()].params.len() {
            self.b.ins().call(func, &args)
        } else {
            // Cranelift knows no `...`: the arguments go where they would, and nothing says how many are floats.
            let sig = self.signature_of(parts.sig, &args);
            let address = self.b.ins().func_addr(types::I64, func);
            self.b.ins().call_indirect(sig, address, &args)
        };
        self.results(inst, call);
        Ok(())
    }

    pub fn call_ptr(&mut self, inst: &InstData) {
        let parts = self.f().call(inst);
        let args: Vec<Value> = parts.args.iter().map(|v| self.read(v.0)).collect();
        let address = self.read(inst.a);
        let sig = self.signature_of(parts.sig, &args);
        let call = self.b.ins().call_indirect(sig, address, &args);
        self.results(inst, call);
    }

    /// The signature of a call, with what it passes for `...` as parameters.
    fn signature_of(&mut self, sig: SigId, args: &[Value]) -> SigRef {
        let mut signature = signature(&self.module.sigs()[sig.index()]);
        for arg in &args[signature.params.len()..] {
            signature.params.push(AbiParam::new(self.b.func.dfg.value_type(*arg)));
        }
        self.b.import_signature(signature)
    }

    fn results(&mut self, inst: &InstData, call: ir::Inst) {
        let parts = self.f().call(inst);
        let registers = std::iter::once(inst.dst).chain(parts.more_results.iter().map(|v| v.0));
        for (n, register) in registers.take(parts.results as usize).enumerate() {
            let value = self.b.inst_results(call)[n];
            self.write(register, value);
        }
    }

    /// A helper's instructions in place of a call; its registers are plain values.
    fn inline(&mut self, helper: &'a Function, args: &[Value], inst: &InstData) -> Result<()> {
        let mut values = args.to_vec();
        values.resize(helper.vregs().len(), Value::from_u32(0));
        let frame = Frame { f: helper, vars: vec![None; helper.vregs().len()], values };
        let outer = std::mem::replace(&mut self.frame, frame);
        self.depth += 1;
        let (last, body) = helper.insts().split_last().expect("functions are not empty");
        for inst in body {
            self.inst(inst)?;
        }
        let mut results = Vec::new();
        if last.a != VReg::NONE.0 {
            results.push(self.read(last.a));
        }
        if last.has_tail() {
            results.extend(helper.list(last, 0).iter().map(|v| self.read(v.0)));
        }
        self.depth -= 1;
        self.frame = outer;
        let parts = self.f().call(inst);
        let registers = std::iter::once(inst.dst).chain(parts.more_results.iter().map(|v| v.0));
        for (register, value) in registers.take(parts.results as usize).zip(results) {
            self.write(register, value);
        }
        Ok(())
    }

    pub fn func_ref(&mut self, callee: usize) -> FuncRef {
        let made = self.func_refs[callee];
        let func =
            made.unwrap_or_else(|| self.jit.declare_func_in_func(self.declared.funcs[callee], self.b.func));
        self.func_refs[callee] = Some(func);
        func
    }

    pub fn data_address(&mut self, data: u32) -> Value {
        let at = data as usize;
        let made = self.data_refs[at];
        let global =
            made.unwrap_or_else(|| self.jit.declare_data_in_func(self.declared.data[at], self.b.func));
        self.data_refs[at] = Some(global);
        self.b.ins().symbol_value(types::I64, global)
    }

    pub fn mem_copy(&mut self, to: Value, from: Value, length: Value) {
        let config = self.jit.target_config();
        self.b.call_memmove(config, to, from, length);
    }

    pub fn mem_fill(&mut self, to: Value, byte: Value, length: Value) {
        let config = self.jit.target_config();
        self.b.call_memset(config, to, byte, length);
    }

    /// What Cranelift is told of a load or store: that it does not trap, and its alias class where that is safe.
    pub fn memory_flags(&mut self, inst: &InstData) -> MemFlagsData {
        let flags = MemFlagsData::trusted();
        if !self.declared.classes {
            return flags;
        }
        let class = AliasRegionData { user_id: inst.alias() as u32, description: "class".into() };
        flags.with_alias_region(Some(self.b.func.dfg.alias_regions.insert(class)))
    }
}

fn target(
    blocks: &[ir::Block],
    copies: &[Option<ir::Block>],
    plan: Option<&Plan>,
    from: usize,
    to: usize,
) -> ir::Block {
    match copies[to] {
        Some(copy) if plan.is_some_and(|plan| plan.goes_to_copy(from, to)) => copy,
        _ => blocks[to],
    }
}
