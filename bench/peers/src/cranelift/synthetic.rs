//! Synthetic programs through Cranelift's front end and compiler.

use super::{Settings, isa};
use crate::shape::{BASE, BLOCK_OPS, Meaning, Name, Program, Relation, Step, What};
use anyhow::Result;
use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{AbiParam, Block, Function, InstBuilder, MemFlagsData, Signature, Value, types};
use cranelift_codegen::isa::{CallConv, OwnedTargetIsa};
use cranelift_frontend::{FuncInstBuilder, FunctionBuilder, FunctionBuilderContext, Variable};

/// Builds and compiles synthetic programs, one after the other in the same memory.
pub struct Synthetic {
    isa: OwnedTargetIsa,
    context: Context,
    builder: FunctionBuilderContext,
    control: ControlPlane,
    blocks: Vec<Block>,
    ints: Vec<Variable>,
    floats: Vec<Variable>,
}

impl Synthetic {
    /// A compiler for this machine.
    ///
    /// # Errors
    /// Cranelift does not know this machine.
    pub fn new(settings: Settings) -> Result<Synthetic> {
        Ok(Synthetic {
            isa: isa(settings)?,
            context: Context::new(),
            builder: FunctionBuilderContext::new(),
            control: ControlPlane::default(),
            blocks: Vec::new(),
            ints: Vec::new(),
            floats: Vec::new(),
        })
    }

    /// The calls that a front end makes. The variables that live throughout are frontend variables, the temporaries
    /// of a block plain values; blocks are sealed as soon as their predecessors are known.
    pub fn build(&mut self, program: &Program) {
        self.context.clear();
        self.blocks.clear();
        self.ints.clear();
        self.floats.clear();
        let mut signature = Signature::new(CallConv::SystemV);
        signature.params.extend([AbiParam::new(types::I64), AbiParam::new(types::I64)]);
        signature.returns.push(AbiParam::new(types::I64));
        self.context.func.signature = signature;
        let front = FunctionBuilder::new(&mut self.context.func, &mut self.builder);
        let mut emit = Emit {
            b: front,
            blocks: &mut self.blocks,
            ints: &mut self.ints,
            floats: &mut self.floats,
            temps: [Value::from_u32(0); BLOCK_OPS],
        };
        emit.program(program);
        emit.b.finalize(self.isa.frontend_config());
    }

    /// Compiles what was built; gives the number of bytes.
    ///
    /// # Errors
    /// Cranelift refuses the function, for example for its size.
    pub fn compile(&mut self) -> Result<usize> {
        let code = self
            .context
            .compile(&*self.isa, &mut self.control)
            .map_err(|e| anyhow::anyhow!("Cranelift: {:?}", e.inner))?;
        Ok(code.code_buffer().len())
    }

    /// The bytes of the last function compiled; they need no relocation.
    pub fn bytes(&self) -> &[u8] {
        self.context.compiled_code().map_or(&[], |code| code.code_buffer())
    }

    /// The last function built, for a look.
    pub fn function(&self) -> &Function {
        &self.context.func
    }
}

struct Emit<'a> {
    b: FunctionBuilder<'a>,
    blocks: &'a mut Vec<Block>,
    ints: &'a mut Vec<Variable>,
    floats: &'a mut Vec<Variable>,
    temps: [Value; BLOCK_OPS],
}

impl Emit<'_> {
    fn program(&mut self, program: &Program) {
        let entry = self.b.create_block();
        for _ in 0..=program.blocks {
            self.blocks.push(self.b.create_block());
        }
        self.b.append_block_params_for_function_params(entry);
        self.b.switch_to_block(entry);
        self.b.seal_block(entry);
        let params = [self.b.block_params(entry)[0], self.b.block_params(entry)[1]];
        for n in 0..program.kind.ints() {
            let variable = self.b.declare_var(types::I64);
            let value = match params.get(n as usize) {
                Some(param) => *param,
                None => self.b.ins().iconst(types::I64, n as i64),
            };
            self.b.def_var(variable, value);
            self.ints.push(variable);
        }
        for n in 0..program.kind.floats() {
            let variable = self.b.declare_var(types::F64);
            let value = self.b.ins().f64const(n as f64 + 0.5);
            self.b.def_var(variable, value);
            self.floats.push(variable);
        }
        self.b.ins().jump(self.blocks[0], &[]);
        for (block, steps) in program.steps.chunks_exact(BLOCK_OPS + 1).enumerate() {
            self.start(program, block);
            for step in steps {
                self.step(block, step);
            }
        }
        self.start(program, program.blocks);
        self.end(program);
    }

    /// Everything that goes to a block but its back edge stands before it.
    fn start(&mut self, program: &Program, block: usize) {
        self.b.switch_to_block(self.blocks[block]);
        if !program.has_back_edge_to(block) {
            self.b.seal_block(self.blocks[block]);
        }
    }

    fn step(&mut self, block: usize, step: &Step) {
        let flags = MemFlagsData::trusted();
        match step.what {
            What::Add => self.binary(step, |i, a, b| i.iadd(a, b)),
            What::AddImm => self.binary_imm(step, |i, a, b| i.iadd(a, b)),
            What::Sub => self.binary(step, |i, a, b| i.isub(a, b)),
            What::SubImm => self.binary_imm(step, |i, a, b| i.isub(a, b)),
            What::And => self.binary(step, |i, a, b| i.band(a, b)),
            What::AndImm => self.binary_imm(step, |i, a, b| i.band(a, b)),
            What::Or => self.binary(step, |i, a, b| i.bor(a, b)),
            What::OrImm => self.binary_imm(step, |i, a, b| i.bor(a, b)),
            What::Xor => self.binary(step, |i, a, b| i.bxor(a, b)),
            What::XorImm => self.binary_imm(step, |i, a, b| i.bxor(a, b)),
            What::Mul => self.binary(step, |i, a, b| i.imul(a, b)),
            What::MulImm => self.binary_imm(step, |i, a, b| i.imul(a, b)),
            What::ShlImm => self.binary_imm(step, |i, a, b| i.ishl(a, b)),
            What::AshrImm => self.binary_imm(step, |i, a, b| i.sshr(a, b)),
            What::Fadd => self.binary(step, |i, a, b| i.fadd(a, b)),
            What::Fsub => self.binary(step, |i, a, b| i.fsub(a, b)),
            What::Fmul => self.binary(step, |i, a, b| i.fmul(a, b)),
            What::Load | What::Fload => {
                let ty = if step.what == What::Load { types::I64 } else { types::F64 };
                let base = self.get(BASE);
                let value = self.b.ins().load(ty, flags, base, step.imm);
                self.set(step.dst, value);
            }
            What::Store | What::Fstore => {
                let (value, base) = (self.get(step.a), self.get(BASE));
                self.b.ins().store(flags, value, base, step.imm);
            }
            What::Branch => {
                let (a, b) = (self.get(step.a), self.get(step.b));
                self.branch(block, step, a, b);
            }
            What::BranchImm => {
                let a = self.get(step.a);
                let b = self.b.ins().iconst(types::I64, step.imm as i64);
                self.branch(block, step, a, b);
            }
        }
    }

    #[inline]
    fn binary(&mut self, step: &Step, op: impl FnOnce(FuncInstBuilder<'_, '_>, Value, Value) -> Value) {
        let (a, b) = (self.get(step.a), self.get(step.b));
        let value = op(self.b.ins(), a, b);
        self.set(step.dst, value);
    }

    #[inline]
    fn binary_imm(&mut self, step: &Step, op: impl FnOnce(FuncInstBuilder<'_, '_>, Value, Value) -> Value) {
        let a = self.get(step.a);
        let b = self.b.ins().iconst(types::I64, step.imm as i64);
        let value = op(self.b.ins(), a, b);
        self.set(step.dst, value);
    }

    fn branch(&mut self, block: usize, step: &Step, a: Value, b: Value) {
        let relation = match step.relation {
            Relation::Eq => IntCC::Equal,
            Relation::Ne => IntCC::NotEqual,
            Relation::Lt => IntCC::SignedLessThan,
            Relation::Ge => IntCC::SignedGreaterThanOrEqual,
            Relation::Gt => IntCC::SignedGreaterThan,
            Relation::Ult => IntCC::UnsignedLessThan,
        };
        let condition = self.b.ins().icmp(relation, a, b);
        let (then, next) = (self.blocks[step.target as usize], self.blocks[block + 1]);
        self.b.ins().brif(condition, then, &[], next, &[]);
        if step.target as usize <= block {
            self.b.seal_block(then);
        }
    }

    fn end(&mut self, program: &Program) {
        let mut sum = self.b.use_var(self.ints[1]);
        for n in 2..program.kind.ints() {
            let value = self.b.use_var(self.ints[n as usize]);
            sum = self.b.ins().bxor(sum, value);
        }
        for n in 0..program.kind.floats() {
            let one = self.b.ins().f64const(1.0);
            let value = self.b.use_var(self.floats[n as usize]);
            let less = self.b.ins().fcmp(FloatCC::LessThan, value, one);
            let bit = self.b.ins().uextend(types::I64, less);
            let bit = self.b.ins().ishl_imm_u(bit, n as i64);
            sum = self.b.ins().bxor(sum, bit);
        }
        self.b.ins().return_(&[sum]);
    }

    fn get(&mut self, name: Name) -> Value {
        match name.meaning() {
            Meaning::Int(n) => self.b.use_var(self.ints[n as usize]),
            Meaning::Float(n) => self.b.use_var(self.floats[n as usize]),
            Meaning::Temp(n) => self.temps[n as usize],
        }
    }

    fn set(&mut self, name: Name, value: Value) {
        match name.meaning() {
            Meaning::Int(n) => self.b.def_var(self.ints[n as usize], value),
            Meaning::Float(n) => self.b.def_var(self.floats[n as usize], value),
            Meaning::Temp(n) => self.temps[n as usize] = value,
        }
    }
}
