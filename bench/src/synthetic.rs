//! Synthetic programs through Kiln: builder, verifier, baseline compiler, relocation.

use anyhow::{Result, bail};
use kiln_bench_peers::shape::{BASE, BLOCK_OPS, FloatOp, IntOp, Name, Operand, Program, Relation, Step};
use kiln_codegen::code::{RelocKind, Target};
use kiln_codegen::{Code, Options, Scratch};
use kiln_ir::verify::{self, Checked};
use kiln_ir::{Block, Cond, FCond, FuncId, FunctionBuilder, Linkage, MemType, Module, Signature, Type, VReg};

/// Builds and compiles synthetic programs, one after the other in the same memory.
pub struct Synthetic {
    module: Module,
    func: FuncId,
    blocks: Vec<Block>,
    scratch: Scratch,
    code: Code,
    bytes: Vec<u8>,
}

impl Default for Synthetic {
    fn default() -> Synthetic {
        let mut module = Module::new();
        let signature = Signature::new([Type::Ptr, Type::I64], [Type::I64]);
        let func = module.declare("synthetic", signature, Linkage::Export);
        Synthetic {
            module,
            func,
            blocks: Vec::new(),
            scratch: Scratch::default(),
            code: Code::default(),
            bytes: Vec::new(),
        }
    }
}

impl Synthetic {
    /// The calls that a front end makes. Every temporary is a register of its own.
    pub fn build(&mut self, program: &Program) {
        if let Some(body) = self.module.take_body(self.func) {
            self.module.recycle(body);
        }
        self.blocks.clear();
        let mut emit = Emit {
            b: self.module.build(self.func),
            blocks: &mut self.blocks,
            ints: [VReg::NONE; 24],
            floats: [VReg::NONE; 8],
            temps: [VReg::NONE; BLOCK_OPS],
        };
        emit.program(program);
        emit.b.finish().expect("every block of the program is placed and ended");
    }

    /// Checks what was built.
    ///
    /// # Errors
    /// The verifier finds fault with it.
    pub fn check(&mut self) -> Result<Checked> {
        match verify::check(std::mem::take(&mut self.module)) {
            Ok(checked) => Ok(checked),
            Err((_, faults)) => bail!("a synthetic program does not verify: {:?}", faults[0].fault),
        }
    }

    /// Compiles and relocates; gives the number of bytes.
    ///
    /// # Errors
    /// The compiler refuses the program, or leaves something to link that a program without symbols cannot have.
    pub fn compile(&mut self, checked: &Checked) -> Result<usize> {
        self.code.clear();
        let options = Options::default();
        if let Err(refused) = kiln_codegen::compile(checked, &options, &mut self.scratch, &mut self.code) {
            bail!("the baseline compiler refuses a synthetic program: {}", refused[0].fault);
        }
        self.bytes.clear();
        self.bytes.extend_from_slice(&self.code.bytes);
        for reloc in &self.code.relocs {
            let (Target::Here(to), RelocKind::Pc32) = (reloc.to, reloc.kind) else {
                bail!("a synthetic program has a relocation to {:?}", reloc.to);
            };
            let value = to as i64 + reloc.addend - reloc.at as i64;
            self.bytes[reloc.at as usize..][..4].copy_from_slice(&(value as i32).to_le_bytes());
        }
        Ok(self.bytes.len())
    }

    /// Takes the memory of a checked program back for the next one.
    pub fn recycle(&mut self, checked: Checked) {
        self.module = checked.into_module();
    }

    /// The relocated bytes of the last program compiled.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

struct Emit<'a> {
    b: FunctionBuilder<'a>,
    blocks: &'a mut Vec<Block>,
    ints: [VReg; 24],
    floats: [VReg; 8],
    temps: [VReg; BLOCK_OPS],
}

impl Emit<'_> {
    fn program(&mut self, program: &Program) {
        for _ in 0..=program.blocks {
            self.blocks.push(self.b.block());
        }
        for n in 0..program.kind.ints() {
            self.ints[n as usize] =
                if n < 2 { self.b.param(n as u32) } else { self.b.iconst(Type::I64, n as i64) };
        }
        for n in 0..program.kind.floats() {
            self.floats[n as usize] = self.b.f64const(n as f64 + 0.5);
        }
        for (block, steps) in program.steps.chunks_exact(BLOCK_OPS + 1).enumerate() {
            self.b.place(self.blocks[block]);
            for step in steps {
                self.step(step);
            }
        }
        self.b.place(self.blocks[program.blocks]);
        self.end(program);
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Int { op, dst, a, b } => {
                let (a, b) = (self.int(a), self.operand(b));
                let to = self.b.to(self.int_variable(dst));
                let value = match op {
                    IntOp::Add => to.add(a, b),
                    IntOp::Sub => to.sub(a, b),
                    IntOp::And => to.and(a, b),
                    IntOp::Or => to.or(a, b),
                    IntOp::Xor => to.xor(a, b),
                    IntOp::Mul => to.mul(a, b),
                    IntOp::Shl => to.shl(a, b),
                    IntOp::Ashr => to.ashr(a, b),
                };
                self.set(dst, value);
            }
            Step::Float { op, dst, a, b } => {
                let (a, b) = (self.float(a), self.float(b));
                let to = self.b.to(self.float_variable(dst));
                let value = match op {
                    FloatOp::Add => to.fadd(a, b),
                    FloatOp::Sub => to.fsub(a, b),
                    FloatOp::Mul => to.fmul(a, b),
                };
                self.set(dst, value);
            }
            Step::LoadInt { dst, disp } => {
                let base = self.int(BASE);
                let value = self.b.to(self.int_variable(dst)).load(Type::I64, MemType::I64, (base, disp));
                self.set(dst, value);
            }
            Step::LoadFloat { dst, disp } => {
                let base = self.int(BASE);
                let value = self.b.to(self.float_variable(dst)).load(Type::F64, MemType::F64, (base, disp));
                self.set(dst, value);
            }
            Step::StoreInt { value, disp } => {
                let (value, base) = (self.int(value), self.int(BASE));
                self.b.store(MemType::I64, (base, disp), value);
            }
            Step::StoreFloat { value, disp } => {
                let (value, base) = (self.float(value), self.int(BASE));
                self.b.store(MemType::F64, (base, disp), value);
            }
            Step::Branch { relation, a, b, target } => {
                let cond = match relation {
                    Relation::Eq => Cond::Eq,
                    Relation::Ne => Cond::Ne,
                    Relation::Lt => Cond::Lt,
                    Relation::Ge => Cond::Ge,
                    Relation::Gt => Cond::Gt,
                    Relation::Ult => Cond::Ult,
                };
                let (a, b) = (self.int(a), self.operand(b));
                self.b.branch(cond, a, b, self.blocks[target as usize]);
            }
        }
    }

    fn end(&mut self, program: &Program) {
        let mut sum = self.ints[1];
        for n in 2..program.kind.ints() {
            sum = self.b.xor(sum, self.ints[n as usize]);
        }
        for n in 0..program.kind.floats() {
            let one = self.b.f64const(1.0);
            let less = self.b.fcmp(FCond::Lt, self.floats[n as usize], one);
            let bit = self.b.zext(less);
            let bit = self.b.shl(bit, n as i64);
            sum = self.b.xor(sum, bit);
        }
        self.b.ret(&[sum]);
    }

    fn int(&self, name: Name) -> VReg {
        match name {
            Name::Long(n) => self.ints[n as usize],
            Name::Temp(n) => self.temps[n as usize],
        }
    }

    fn float(&self, name: Name) -> VReg {
        match name {
            Name::Long(n) => self.floats[n as usize],
            Name::Temp(n) => self.temps[n as usize],
        }
    }

    fn operand(&self, operand: Operand) -> kiln_ir::Operand {
        match operand {
            Operand::Name(name) => self.int(name).into(),
            Operand::Imm(value) => value.into(),
        }
    }

    /// The register to write: that of a variable, or none, for a new one.
    fn int_variable(&self, name: Name) -> VReg {
        match name {
            Name::Long(n) => self.ints[n as usize],
            Name::Temp(_) => VReg::NONE,
        }
    }

    fn float_variable(&self, name: Name) -> VReg {
        match name {
            Name::Long(n) => self.floats[n as usize],
            Name::Temp(_) => VReg::NONE,
        }
    }

    fn set(&mut self, name: Name, value: VReg) {
        if let Name::Temp(n) = name {
            self.temps[n as usize] = value;
        }
    }
}
