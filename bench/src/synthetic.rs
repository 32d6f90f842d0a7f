//! Synthetic programs through Kiln: builder, verifier, compiler, relocation.

use anyhow::{Result, bail};
use kiln_bench_peers::shape::{BASE, BLOCK_OPS, Name, Program, Relation, Step, What};
use kiln_codegen::code::{RelocKind, Target};
use kiln_codegen::{Code, Options, Scratch};
use kiln_ir::verify::{self, Checked};
use kiln_ir::{
    Block, Cond, FCond, FuncId, FunctionBuilder, Linkage, MemType, Module, Operand, Signature, Type, VReg,
};

/// Builds and compiles synthetic programs, one after the other in the same memory.
pub struct Synthetic {
    options: Options,
    module: Module,
    func: FuncId,
    blocks: Vec<Block>,
    scratch: Scratch,
    code: Code,
    bytes: Vec<u8>,
}

impl Synthetic {
    /// A compiler with these options.
    pub fn new(options: Options) -> Synthetic {
        let mut module = Module::new();
        let signature = Signature::new([Type::Ptr, Type::I64], [Type::I64]);
        let func = module.declare("synthetic", signature, Linkage::Export);
        Synthetic {
            options,
            module,
            func,
            blocks: Vec::new(),
            scratch: Scratch::default(),
            code: Code::default(),
            bytes: Vec::new(),
        }
    }

    /// The calls that a front end makes. Every temporary is a register of its own.
    pub fn build(&mut self, program: &Program) {
        if let Some(body) = self.module.take_body(self.func) {
            self.module.recycle(body);
        }
        self.blocks.clear();
        let mut emit = Emit {
            b: self.module.build(self.func),
            blocks: &mut self.blocks,
            values: [VReg::NONE; Name::COUNT],
            variables: [VReg::NONE; Name::COUNT],
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
        if let Err(refused) = kiln_codegen::compile(checked, &self.options, &mut self.scratch, &mut self.code)
        {
            bail!("the compiler refuses a synthetic program: {}", refused[0].fault);
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
    /// The register in which each name's value is.
    values: [VReg; Name::COUNT],
    /// The register that an op writing a name is told to write: none for temporaries, so that each is a new one.
    variables: [VReg; Name::COUNT],
}

impl Emit<'_> {
    fn program(&mut self, program: &Program) {
        for _ in 0..=program.blocks {
            self.blocks.push(self.b.block());
        }
        for n in 0..program.kind.ints() {
            let v = if n < 2 { self.b.param(n as u32) } else { self.b.iconst(Type::I64, n as i64) };
            self.variable(Name::int(n), v);
        }
        for n in 0..program.kind.floats() {
            let v = self.b.f64const(n as f64 + 0.5);
            self.variable(Name::float(n), v);
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

    fn variable(&mut self, name: Name, v: VReg) {
        self.values[name.index()] = v;
        self.variables[name.index()] = v;
    }

    fn get(&self, name: Name) -> VReg {
        self.values[name.index()]
    }

    fn step(&mut self, step: &Step) {
        let (a, b, imm) = (self.get(step.a), self.get(step.b), step.imm);
        let base = self.get(BASE);
        let to = self.b.to(self.variables[step.dst.index()]);
        let value = match step.what {
            What::Add => to.add(a, b),
            What::AddImm => to.add(a, imm),
            What::Sub => to.sub(a, b),
            What::SubImm => to.sub(a, imm),
            What::And => to.and(a, b),
            What::AndImm => to.and(a, imm),
            What::Or => to.or(a, b),
            What::OrImm => to.or(a, imm),
            What::Xor => to.xor(a, b),
            What::XorImm => to.xor(a, imm),
            What::Mul => to.mul(a, b),
            What::MulImm => to.mul(a, imm),
            What::ShlImm => to.shl(a, imm),
            What::AshrImm => to.ashr(a, imm),
            What::Fadd => to.fadd(a, b),
            What::Fsub => to.fsub(a, b),
            What::Fmul => to.fmul(a, b),
            What::Load => to.load(Type::I64, MemType::I64, (base, imm)),
            What::Fload => to.load(Type::F64, MemType::F64, (base, imm)),
            What::Store => return self.b.to(VReg::NONE).store(MemType::I64, (base, imm), a),
            What::Fstore => return self.b.to(VReg::NONE).store(MemType::F64, (base, imm), a),
            What::Branch => return self.branch(step, b.into()),
            What::BranchImm => return self.branch(step, imm.into()),
        };
        self.values[step.dst.index()] = value;
    }

    fn branch(&mut self, step: &Step, b: Operand) {
        let cond = match step.relation {
            Relation::Eq => Cond::Eq,
            Relation::Ne => Cond::Ne,
            Relation::Lt => Cond::Lt,
            Relation::Ge => Cond::Ge,
            Relation::Gt => Cond::Gt,
            Relation::Ult => Cond::Ult,
        };
        let (a, target) = (self.get(step.a), self.blocks[step.target as usize]);
        self.b.to(VReg::NONE).branch(cond, a, b, target);
    }

    fn end(&mut self, program: &Program) {
        let mut sum = self.get(Name::int(1));
        for n in 2..program.kind.ints() {
            sum = self.b.xor(sum, self.get(Name::int(n)));
        }
        for n in 0..program.kind.floats() {
            let one = self.b.f64const(1.0);
            let less = self.b.fcmp(FCond::Lt, self.get(Name::float(n)), one);
            let bit = self.b.zext(less);
            let bit = self.b.shl(bit, n as i64);
            sum = self.b.xor(sum, bit);
        }
        self.b.ret(&[sum]);
    }
}
