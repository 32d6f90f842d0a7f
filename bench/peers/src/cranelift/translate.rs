//! Kiln IR to Cranelift: what a front end for Cranelift would have to do with the same program. Every virtual register
//! is a frontend variable; memory accesses are trusted. Only the ops that the kernels use are translated.

use super::{Allocator, isa};
use crate::{Entry, Kernel};
use anyhow::{Context as _, Result, bail, ensure};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{
    self, AbiParam, BlockArg, FuncRef, GlobalValue, InstBuilder, MemFlagsData, StackSlot, StackSlotData,
    StackSlotKind, Value, types,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{DataDescription, DataId, FuncId, Linkage, Module as _};
use kiln_ir::{Block, Cond, FCond, Function, InstData, MemType, Module, Op, Type, VReg};

const NO_ARGS: [BlockArg; 0] = [];

/// Compiles a module and gives its function `kernel`.
///
/// # Errors
/// The module uses something that the kernels do not, or has no such function.
pub fn kernel(module: &Module, allocator: Allocator) -> Result<Kernel> {
    let jit = JITBuilder::with_isa(isa(allocator)?, cranelift_module::default_libcall_names());
    let mut jit = JITModule::new(jit);
    let data = define_data(module, &mut jit)?;
    let funcs = module
        .funcs()
        .iter()
        .map(|f| {
            let linkage = if f.body.is_some() { Linkage::Export } else { Linkage::Import };
            Ok(jit.declare_function(&f.name, linkage, &signature(&module.sigs()[f.sig.index()]))?)
        })
        .collect::<Result<Vec<FuncId>>>()?;
    let mut context = jit.make_context();
    let mut front = FunctionBuilderContext::new();
    for (func, id) in module.funcs().iter().zip(&funcs) {
        let Some(body) = &func.body else { continue };
        context.func.signature = signature(&module.sigs()[func.sig.index()]);
        let mut translator = Translator {
            module,
            f: body,
            jit: &mut jit,
            b: FunctionBuilder::new(&mut context.func, &mut front),
            funcs: &funcs,
            data: &data,
            func_refs: vec![None; funcs.len()],
            data_refs: vec![None; data.len()],
            vars: Vec::new(),
            blocks: Vec::new(),
            slots: Vec::new(),
        };
        translator.function().with_context(|| format!("Cranelift cannot have {}", func.name))?;
        let config = translator.jit.target_config();
        translator.b.finalize(config);
        jit.define_function(*id, &mut context)?;
        jit.clear_context(&mut context);
    }
    jit.finalize_definitions()?;
    let id = funcs[module.find_func("kernel").context("no function `kernel`")?.index()];
    // SAFETY: the kernels declare this function with the signature of `Entry`.
    let entry = unsafe { std::mem::transmute::<*const u8, Entry>(jit.get_finalized_function(id)) };
    // SAFETY: as above; the module keeps its code until it is told to free it.
    Ok(unsafe { Kernel::new(entry, jit) })
}

fn define_data(module: &Module, jit: &mut JITModule) -> Result<Vec<DataId>> {
    let mut ids = Vec::new();
    for data in module.data() {
        ensure!(data.relocs.is_empty(), "addresses in data");
        let id = jit.declare_data(&data.name, Linkage::Export, data.writable, false)?;
        let mut description = DataDescription::new();
        let mut bytes = data.bytes.clone();
        bytes.resize(data.size() as usize, 0);
        description.define(bytes.into());
        description.set_align(data.align.max(8) as u64);
        jit.define_data(id, &description)?;
        ids.push(id);
    }
    Ok(ids)
}

fn signature(sig: &kiln_ir::Signature) -> ir::Signature {
    let mut signature = ir::Signature::new(CallConv::SystemV);
    signature.params.extend(sig.params.iter().map(|p| AbiParam::new(ty(p.register()))));
    signature.returns.extend(sig.results.iter().map(|r| AbiParam::new(ty(r.register()))));
    signature
}

fn ty(ty: Type) -> ir::Type {
    match ty {
        Type::I32 => types::I32,
        Type::I64 | Type::Ptr => types::I64,
        Type::F32 => types::F32,
        Type::F64 => types::F64,
    }
}

struct Translator<'a> {
    module: &'a Module,
    f: &'a Function,
    jit: &'a mut JITModule,
    b: FunctionBuilder<'a>,
    funcs: &'a [FuncId],
    data: &'a [DataId],
    func_refs: Vec<Option<FuncRef>>,
    data_refs: Vec<Option<GlobalValue>>,
    vars: Vec<Variable>,
    blocks: Vec<ir::Block>,
    slots: Vec<StackSlot>,
}

impl Translator<'_> {
    fn function(&mut self) -> Result<()> {
        let entry = self.b.create_block();
        self.b.append_block_params_for_function_params(entry);
        self.b.switch_to_block(entry);
        for info in self.f.vregs() {
            self.vars.push(self.b.declare_var(ty(info.ty)));
        }
        for n in 0..self.f.params() as usize {
            let value = self.b.block_params(entry)[n];
            self.b.def_var(self.vars[n], value);
        }
        for slot in self.f.slots() {
            let align = slot.align.max(1).ilog2() as u8;
            let slot = StackSlotData::new(StackSlotKind::ExplicitSlot, slot.size, align);
            self.slots.push(self.b.create_sized_stack_slot(slot));
        }
        for _ in self.f.blocks() {
            self.blocks.push(self.b.create_block());
        }
        self.b.ins().jump(self.blocks[0], &NO_ARGS);
        for n in 0..self.f.blocks().len() {
            self.b.switch_to_block(self.blocks[n]);
            for at in self.f.block_range(Block(n as u32)) {
                self.inst(&self.f.insts()[at], n)?;
            }
        }
        self.b.seal_all_blocks();
        Ok(())
    }

    fn inst(&mut self, inst: &InstData, block: usize) -> Result<()> {
        let t = ty(inst.ty);
        match inst.op {
            Op::Nop => {}
            Op::Const => {
                let bits = self.f.constant(inst);
                let value = match inst.ty {
                    Type::F32 => self.b.ins().f32const(f32::from_bits(bits as u32)),
                    Type::F64 => self.b.ins().f64const(f64::from_bits(bits)),
                    Type::I32 => self.b.ins().iconst(t, bits as u32 as i64),
                    Type::I64 | Type::Ptr => self.b.ins().iconst(t, bits as i64),
                };
                self.write(inst.dst, value);
            }
            Op::Copy => {
                let value = self.read(inst.a);
                self.write(inst.dst, value);
            }
            Op::DataAddr => {
                let base = self.data_address(inst.a);
                let value = self.b.ins().iadd_imm_s(base, inst.b as i32 as i64);
                self.write(inst.dst, value);
            }
            Op::SlotAddr => {
                let slot = self.slots[inst.a as usize];
                let value = self.b.ins().stack_addr(types::I64, slot, inst.b as i32);
                self.write(inst.dst, value);
            }
            Op::Addr => {
                let (base, disp) = self.address(inst);
                let value = if disp == 0 { base } else { self.b.ins().iadd_imm_s(base, disp as i64) };
                self.write(inst.dst, value);
            }
            Op::Add
            | Op::Sub
            | Op::Mul
            | Op::And
            | Op::Or
            | Op::Xor
            | Op::Shl
            | Op::Lshr
            | Op::Ashr
            | Op::Rotl
            | Op::Rotr
            | Op::Sdiv
            | Op::Udiv
            | Op::Srem
            | Op::Urem => {
                let (a, b) = (self.read(inst.a), self.operand(inst, inst.b));
                let ins = self.b.ins();
                let value = match inst.op {
                    Op::Add => ins.iadd(a, b),
                    Op::Sub => ins.isub(a, b),
                    Op::Mul => ins.imul(a, b),
                    Op::And => ins.band(a, b),
                    Op::Or => ins.bor(a, b),
                    Op::Xor => ins.bxor(a, b),
                    Op::Shl => ins.ishl(a, b),
                    Op::Lshr => ins.ushr(a, b),
                    Op::Ashr => ins.sshr(a, b),
                    Op::Rotl => ins.rotl(a, b),
                    Op::Rotr => ins.rotr(a, b),
                    Op::Sdiv => ins.sdiv(a, b),
                    Op::Udiv => ins.udiv(a, b),
                    Op::Srem => ins.srem(a, b),
                    _ => ins.urem(a, b),
                };
                self.write(inst.dst, value);
            }
            Op::Neg | Op::Not | Op::Bswap | Op::Sext | Op::Zext | Op::Trunc => {
                let a = self.read(inst.a);
                let ins = self.b.ins();
                let value = match inst.op {
                    Op::Neg => ins.ineg(a),
                    Op::Not => ins.bnot(a),
                    Op::Bswap => ins.bswap(a),
                    Op::Sext => ins.sextend(t, a),
                    Op::Zext => ins.uextend(t, a),
                    _ => ins.ireduce(t, a),
                };
                self.write(inst.dst, value);
            }
            Op::Fadd | Op::Fsub | Op::Fmul | Op::Fdiv => {
                let (a, b) = (self.read(inst.a), self.read(inst.b));
                let ins = self.b.ins();
                let value = match inst.op {
                    Op::Fadd => ins.fadd(a, b),
                    Op::Fsub => ins.fsub(a, b),
                    Op::Fmul => ins.fmul(a, b),
                    _ => ins.fdiv(a, b),
                };
                self.write(inst.dst, value);
            }
            Op::Fsqrt | Op::SitoF | Op::FtoSi => {
                let a = self.read(inst.a);
                let ins = self.b.ins();
                let value = match inst.op {
                    Op::Fsqrt => ins.sqrt(a),
                    Op::SitoF => ins.fcvt_from_sint(t, a),
                    _ => ins.fcvt_to_sint(t, a),
                };
                self.write(inst.dst, value);
            }
            Op::Load => {
                let (base, disp) = self.address(inst);
                let value = self.load(inst, base, disp)?;
                self.write(inst.dst, value);
            }
            Op::Store => self.store(inst)?,
            Op::MemCopy => {
                let tail = self.f.tail(inst);
                let (to, from) = (self.read(inst.a), self.read(tail[0]));
                let length = self.operand_of(inst, tail[1], types::I64);
                let config = self.jit.target_config();
                self.b.call_memmove(config, to, from, length);
            }
            Op::Jump => {
                self.b.ins().jump(self.blocks[inst.dst as usize], &NO_ARGS);
            }
            Op::Branch => {
                let (a, b) = (self.read(inst.a), self.operand(inst, inst.b));
                let condition = match condition(inst.cond()) {
                    Some(cc) => self.b.ins().icmp(cc, a, b),
                    None => {
                        let both = self.b.ins().band(a, b);
                        let zero = self.b.ins().iconst(t, 0);
                        let cc = if inst.cond() == Cond::Any { IntCC::NotEqual } else { IntCC::Equal };
                        self.b.ins().icmp(cc, both, zero)
                    }
                };
                self.branch(condition, inst, block);
            }
            Op::Fbranch => {
                let (a, b) = (self.read(inst.a), self.read(inst.b));
                let condition = self.b.ins().fcmp(predicate(inst.fcond()), a, b);
                self.branch(condition, inst, block);
            }
            Op::Ret => {
                ensure!(!inst.has_tail(), "several results");
                if inst.a == VReg::NONE.0 {
                    self.b.ins().return_(&[]);
                } else {
                    let value = self.read(inst.a);
                    self.b.ins().return_(&[value]);
                }
            }
            Op::Call => self.call(inst),
            op => bail!("`{}` is not translated: no kernel uses it", op.info().mnemonic),
        }
        Ok(())
    }

    fn read(&mut self, vreg: u32) -> Value {
        self.b.use_var(self.vars[vreg as usize])
    }

    fn write(&mut self, vreg: u32, value: Value) {
        self.b.def_var(self.vars[vreg as usize], value);
    }

    fn operand(&mut self, inst: &InstData, word: u32) -> Value {
        self.operand_of(inst, word, ty(inst.ty))
    }

    /// A register, or a constant of this type.
    fn operand_of(&mut self, inst: &InstData, word: u32, ty: ir::Type) -> Value {
        if inst.has_imm() {
            let value = if ty == types::I32 { word as i64 } else { word as i32 as i64 };
            self.b.ins().iconst(ty, value)
        } else {
            self.read(word)
        }
    }

    /// The address of a memory operand but for its displacement.
    fn address(&mut self, inst: &InstData) -> (Value, i32) {
        let mem = self.f.mem(inst);
        let mut base = self.read(mem.base.0);
        if !mem.index.is_none() {
            let mut index = self.read(mem.index.0);
            if mem.scale > 1 {
                index = self.b.ins().ishl_imm_u(index, mem.scale.ilog2() as i64);
            }
            base = self.b.ins().iadd(base, index);
        }
        (base, mem.disp)
    }

    fn load(&mut self, inst: &InstData, base: Value, disp: i32) -> Result<Value> {
        let (t, access) = (ty(inst.ty), inst.access());
        let flags = MemFlagsData::trusted();
        let ins = self.b.ins();
        Ok(if access.bytes() == inst.ty.bytes() {
            ins.load(t, flags, base, disp)
        } else {
            match (access.bytes(), access.signed()) {
                (1, false) => ins.uload8(t, flags, base, disp),
                (1, true) => ins.sload8(t, flags, base, disp),
                (2, false) => ins.uload16(t, flags, base, disp),
                (2, true) => ins.sload16(t, flags, base, disp),
                (4, false) => ins.uload32(flags, base, disp),
                (4, true) => ins.sload32(flags, base, disp),
                _ => bail!("a load of {access} is not translated"),
            }
        })
    }

    fn store(&mut self, inst: &InstData) -> Result<()> {
        let (base, disp) = self.address(inst);
        let access: MemType = inst.access();
        let value = if inst.value_is_imm() {
            self.b.ins().iconst(ty(inst.ty), inst.dst as i32 as i64)
        } else {
            self.read(inst.dst)
        };
        let flags = MemFlagsData::trusted();
        let ins = self.b.ins();
        if access.bytes() == inst.ty.bytes() {
            ins.store(flags, value, base, disp);
            return Ok(());
        }
        match access.bytes() {
            1 => ins.istore8(flags, value, base, disp),
            2 => ins.istore16(flags, value, base, disp),
            4 => ins.istore32(flags, value, base, disp),
            _ => bail!("a store of {access} is not translated"),
        };
        Ok(())
    }

    fn branch(&mut self, condition: Value, inst: &InstData, block: usize) {
        let (then, next) = (self.blocks[inst.dst as usize], self.blocks[block + 1]);
        self.b.ins().brif(condition, then, &NO_ARGS, next, &NO_ARGS);
    }

    fn call(&mut self, inst: &InstData) {
        let callee = inst.a as usize;
        let func = match self.func_refs[callee] {
            Some(func) => func,
            None => self.jit.declare_func_in_func(self.funcs[callee], self.b.func),
        };
        self.func_refs[callee] = Some(func);
        let parts = self.f.call(inst);
        let args: Vec<Value> = parts.args.iter().map(|v| self.read(v.0)).collect();
        let call = self.b.ins().call(func, &args);
        let results = self.b.inst_results(call).to_vec();
        let registers = std::iter::once(inst.dst).chain(parts.more_results.iter().map(|v| v.0));
        for (register, value) in registers.zip(results) {
            self.write(register, value);
        }
    }

    fn data_address(&mut self, data: u32) -> Value {
        let at = data as usize;
        debug_assert!(at < self.module.data().len());
        let global = match self.data_refs[at] {
            Some(global) => global,
            None => self.jit.declare_data_in_func(self.data[at], self.b.func),
        };
        self.data_refs[at] = Some(global);
        self.b.ins().symbol_value(types::I64, global)
    }
}

/// Cranelift's name of a condition; none for the two that test bits.
fn condition(cond: Cond) -> Option<IntCC> {
    Some(match cond {
        Cond::Eq => IntCC::Equal,
        Cond::Ne => IntCC::NotEqual,
        Cond::Lt => IntCC::SignedLessThan,
        Cond::Ge => IntCC::SignedGreaterThanOrEqual,
        Cond::Le => IntCC::SignedLessThanOrEqual,
        Cond::Gt => IntCC::SignedGreaterThan,
        Cond::Ult => IntCC::UnsignedLessThan,
        Cond::Uge => IntCC::UnsignedGreaterThanOrEqual,
        Cond::Ule => IntCC::UnsignedLessThanOrEqual,
        Cond::Ugt => IntCC::UnsignedGreaterThan,
        Cond::Any | Cond::None => return None,
    })
}

fn predicate(cond: FCond) -> FloatCC {
    match cond {
        FCond::Eq => FloatCC::Equal,
        FCond::Ne => FloatCC::NotEqual,
        FCond::Lt => FloatCC::LessThan,
        FCond::Uge => FloatCC::UnorderedOrGreaterThanOrEqual,
        FCond::Le => FloatCC::LessThanOrEqual,
        FCond::Ugt => FloatCC::UnorderedOrGreaterThan,
        FCond::Gt => FloatCC::GreaterThan,
        FCond::Ule => FloatCC::UnorderedOrLessThanOrEqual,
        FCond::Ge => FloatCC::GreaterThanOrEqual,
        FCond::Ult => FloatCC::UnorderedOrLessThan,
        FCond::Ltgt => FloatCC::OrderedNotEqual,
        FCond::Ueq => FloatCC::UnorderedOrEqual,
        FCond::Ord => FloatCC::Ordered,
        FCond::Unord => FloatCC::Unordered,
    }
}
