//! From checked bytecode to a Kiln module. This is all that a language needs to write to run as native code.
//!
//! Each function becomes one of Kiln's, each register one of its virtual registers, each label a block, and each
//! instruction a few ops.

use crate::bytecode::{CType, External};
use crate::check::{Checked, Function};
use crate::instruction::Inst;
use crate::operand::{Func, Imm, Kind, Label, Reg, Site, Target};
use kiln::{
    AbiType, Block, BuildError, Cond, DataDecl, DataId, DataReloc, DataTarget, FCond, FuncId,
    FunctionBuilder, Linkage, MemType, Module, Order, Pos, Signature, Type, VReg,
};
use std::collections::HashMap;

/// Translates a program. Every function is exported under its name; the cell of a call with a site, which holds the
/// address of its target, under [`cell_name`].
///
/// # Errors
/// Kiln's, about a body that is not complete; none for checked bytecode.
pub fn translate(program: &Checked) -> Result<Module, BuildError> {
    let mut module = Module::new();
    let names = Names::declare(&mut module, program);
    let file = module.file(program.file());
    for (func, function) in program.functions() {
        let mut body = Body::begin(module.build(names.functions[&func]), &names, program, function);
        for index in function.body.clone() {
            let place = program.place(index);
            body.b.at(Pos { file, line: place.line, column: place.column });
            body.inst(&program.code()[index]);
        }
        body.end()?;
    }
    Ok(module)
}

/// The name of the data object that holds the address of the target of a call with a site.
pub fn cell_name(site: &str) -> String {
    format!("@{site}")
}

/// The register type for a kind of value.
pub fn register_type(kind: Kind) -> Type {
    match kind {
        Kind::Int => Type::I64,
        Kind::Double => Type::F64,
    }
}

/// The Kiln signature of a function.
pub fn signature(function: &Function) -> Signature {
    let params = function.params.iter().map(|param| register_type(param.kind));
    Signature::new(params, function.result.map(register_type))
}

fn external_signature(external: &External) -> Signature {
    let ty = |ty: &CType| match ty {
        CType::Int => Type::I64,
        CType::Int32 => Type::I32,
        CType::Double => Type::F64,
    };
    let sig = Signature::new(external.params.iter().map(ty), external.result.iter().map(ty));
    if external.variadic { sig.variadic() } else { sig }
}

/// What the module calls the program's things.
struct Names {
    functions: HashMap<Func, FuncId>,
    externals: Vec<FuncId>,
    texts: Vec<DataId>,
    cells: HashMap<Site, DataId>,
}

impl Names {
    /// Declares everything before the first body is built, so that bodies can name what comes later.
    fn declare(module: &mut Module, program: &Checked) -> Names {
        let function = |(func, function): (Func, &Function)| {
            let name = program.function_name(func);
            (func, module.declare(name, signature(function), Linkage::Export))
        };
        let functions: HashMap<_, _> = program.functions().map(function).collect();
        let import = |external: &External| {
            let import = module.import(&external.name, external_signature(external));
            if let Some(library) = &external.library {
                module.set_library(import, library);
            }
            import
        };
        let externals = program.externals().iter().map(import).collect();
        let texts = program.texts().iter().map(|text| {
            let bytes = [&text.bytes[..], b"\0"].concat();
            module.constant(&text.name, &bytes)
        });
        let texts = texts.collect();
        let cells = program.sites().map(|(site, target)| {
            let address = DataReloc { offset: 0, target: DataTarget::Func(functions[&target]), addend: 0 };
            let cell = DataDecl {
                name: cell_name(program.site_name(site)),
                linkage: Linkage::Export,
                writable: true,
                align: 8,
                bytes: vec![0; 8],
                relocs: vec![address],
                ..DataDecl::default()
            };
            (site, module.add_data(cell))
        });
        let cells = cells.collect();
        Names { functions, externals, texts, cells }
    }
}

/// A method of the builder for an op with two operands.
type Binary<'t> = fn(&mut FunctionBuilder<'t>, VReg, VReg) -> VReg;

/// A function being translated.
struct Body<'t> {
    b: FunctionBuilder<'t>,
    names: &'t Names,
    program: &'t Checked,
    ints: Vec<VReg>,
    doubles: Vec<VReg>,
    labels: HashMap<Label, Block>,
    /// The arguments pushed for each open call.
    open: Vec<Vec<VReg>>,
}

impl<'t> Body<'t> {
    fn begin(
        mut b: FunctionBuilder<'t>,
        names: &'t Names,
        program: &'t Checked,
        function: &'t Function,
    ) -> Body<'t> {
        // A parameter's register is the one in which Kiln passes it; the others are new.
        let mut register = |reg: Reg| {
            let param = (0..).zip(&function.params).find(|(_, param)| **param == reg);
            let v = match param {
                Some((n, _)) => b.param(n),
                None => b.vreg(register_type(reg.kind)),
            };
            b.name_vreg(v, &reg.to_string());
            v
        };
        let ints = (0..function.ints as u16).map(|n| register(Reg::int(n))).collect();
        let doubles = (0..function.doubles as u16).map(|n| register(Reg::double(n))).collect();
        let mut body = Body { b, names, program, ints, doubles, labels: HashMap::new(), open: Vec::new() };
        // Kiln rejects functions that read a register before something has written it; this language says that
        // registers begin as 0, so that has to be written.
        let all =
            (0..function.ints as u16).map(Reg::int).chain((0..function.doubles as u16).map(Reg::double));
        for reg in all.filter(|reg| !function.params.contains(reg)) {
            body.zero(reg);
        }
        body
    }

    fn end(mut self) -> Result<FuncId, BuildError> {
        if !self.b.is_terminated() {
            self.b.ret(&[]);
        }
        self.b.finish()
    }

    fn reg(&self, reg: Reg) -> VReg {
        match reg.kind {
            Kind::Int => self.ints[reg.number as usize],
            Kind::Double => self.doubles[reg.number as usize],
        }
    }

    /// A label's block, made when it is first mentioned.
    fn block(&mut self, label: Label) -> Block {
        let b = &mut self.b;
        *self.labels.entry(label).or_insert_with(|| b.block())
    }

    fn inst(&mut self, inst: &Inst) {
        // What follows a jump up to the next label never runs, and Kiln has no place for it.
        if self.b.is_terminated() && !matches!(inst, Inst::Label { .. }) {
            return;
        }
        match inst {
            Inst::Nop {} => {}
            Inst::Setz { to } => self.zero(*to),
            Inst::Mov { to, from } => self.mov(*to, *from),
            Inst::Movi { to, value } => {
                self.into(*to);
                self.imm(value);
            }
            Inst::Movd { to, value } => {
                self.into(*to).f64const(*value);
            }

            Inst::Add { to, a, b } => self.binary(*to, *a, *b, FunctionBuilder::add, FunctionBuilder::fadd),
            Inst::Sub { to, a, b } => self.binary(*to, *a, *b, FunctionBuilder::sub, FunctionBuilder::fsub),
            Inst::Mul { to, a, b } => self.binary(*to, *a, *b, FunctionBuilder::mul, FunctionBuilder::fmul),
            Inst::Div { to, a, b } => self.binary(*to, *a, *b, FunctionBuilder::udiv, FunctionBuilder::fdiv),
            // The low half of a product is the same for signed and unsigned ints.
            Inst::Imul { to, a, b } => {
                let (a, b) = (self.reg(*a), self.reg(*b));
                self.into(*to).mul(a, b);
            }
            Inst::Idiv { to, a, b } => {
                let (a, b) = (self.reg(*a), self.reg(*b));
                self.into(*to).sdiv(a, b);
            }

            Inst::CallStart {} => self.open.push(Vec::new()),
            // The copy keeps the value as it is now: the register may be written before the call is made.
            Inst::Push { from } => {
                let value = self.reg(*from);
                let value = self.b.copy(value);
                self.push(value);
            }
            Inst::Pushi { value } => {
                let value = self.imm(value);
                self.push(value);
            }
            Inst::Pushd { value } => {
                let value = self.b.f64const(*value);
                self.push(value);
            }
            Inst::Call { target, result, site: None } => {
                let (args, target) = (self.pushed(), self.names.functions[target]);
                self.into(*result).call(target, &args);
            }
            Inst::Call { target, result, site: Some(site) } => {
                self.call_through_cell(*target, *site, *result)
            }
            Inst::Calle { target, result } => self.call_external(*target, *result),
            Inst::Callr { target, result } => {
                let (target, args) = (self.reg(*target), self.pushed());
                let params: Vec<AbiType> = args.iter().map(|arg| self.b.ty(*arg).into()).collect();
                let sig = Signature::new(params, result.map(|reg| register_type(reg.kind)));
                let sig = self.b.module().signature(sig);
                self.into(*result).call_ptr(target, sig, &args);
            }
            Inst::Patch { site, target } => {
                let cell = self.b.data_addr(self.names.cells[site], 0);
                let target = self.b.func_addr(self.names.functions[target]);
                self.b.atomic_store(MemType::PTR, Order::Release, cell, target);
            }

            Inst::Cmp { to, a, b } => self.compare(*to, *a, *b),
            Inst::Jz { value, to } => {
                let (kind, value, to) = (value.kind, self.reg(*value), self.block(*to));
                match kind {
                    Kind::Int => self.b.branch(Cond::Eq, value, 0, to),
                    Kind::Double => {
                        let zero = self.b.f64const(0.0);
                        self.b.fbranch(FCond::Eq, value, zero, to);
                    }
                }
            }
            Inst::Jmp { to } => {
                let to = self.block(*to);
                self.b.jump(to);
            }
            Inst::Label { name } => {
                let block = self.block(*name);
                self.b.name_block(block, self.program.label_name(*name));
                self.b.place(block);
            }
            Inst::Ret { value } => {
                let value = value.map(|value| self.reg(value));
                self.b.ret(value.as_slice());
            }
            // They stand around bodies.
            Inst::FuncStart { .. } | Inst::FuncEnd {} => {}
        }
    }

    /// The builder, told to write what it is asked for next to a register; to a new one if none is given.
    fn into(&mut self, to: impl Into<Option<Reg>>) -> &mut FunctionBuilder<'t> {
        if let Some(to) = to.into() {
            let to = self.reg(to);
            self.b.to(to);
        }
        &mut self.b
    }

    fn zero(&mut self, to: Reg) {
        match to.kind {
            Kind::Int => self.into(to).iconst(Type::I64, 0),
            Kind::Double => self.into(to).f64const(0.0),
        };
    }

    fn mov(&mut self, to: Reg, from: Reg) {
        let value = self.reg(from);
        match (to.kind, from.kind) {
            (Kind::Double, Kind::Int) => self.into(to).sitof(Type::F64, value),
            (Kind::Int, Kind::Double) => self.into(to).ftosi_sat(Type::I64, value),
            _ => self.into(to).copy(value),
        };
    }

    fn imm(&mut self, value: &Imm) -> VReg {
        match value {
            Imm::Int(value) => self.b.iconst(Type::I64, *value),
            Imm::Func(func) => self.b.func_addr(self.names.functions[func]),
            Imm::Text(text) => self.b.data_addr(self.names.texts[text.index()], 0),
        }
    }

    /// The kind of the registers, which is the same for all three, says which of the two ops it is.
    fn binary(&mut self, to: Reg, a: Reg, b: Reg, ints: Binary<'t>, doubles: Binary<'t>) {
        let (a, b) = (self.reg(a), self.reg(b));
        match to.kind {
            Kind::Int => ints(self.into(to), a, b),
            Kind::Double => doubles(self.into(to), a, b),
        };
    }

    /// Greater less less, which is 1, 0 or -1; for doubles plus 2 if they have no order.
    fn compare(&mut self, to: Reg, a: Reg, b: Reg) {
        let (kind, a, b) = (a.kind, self.reg(a), self.reg(b));
        let f = &mut self.b;
        let order = match kind {
            Kind::Int => {
                let (greater, less) = (f.cmp(Cond::Gt, a, b), f.cmp(Cond::Lt, a, b));
                f.sub(greater, less)
            }
            Kind::Double => {
                let (greater, less) = (f.fcmp(FCond::Gt, a, b), f.fcmp(FCond::Lt, a, b));
                let order = f.sub(greater, less);
                let unordered = f.fcmp(FCond::Unord, a, b);
                let two = f.shl(unordered, 1);
                f.add(order, two)
            }
        };
        self.into(to).sext(order);
    }

    fn push(&mut self, value: VReg) {
        self.open.last_mut().expect("checked: arguments are pushed to an open call").push(value);
    }

    fn pushed(&mut self) -> Vec<VReg> {
        self.open.pop().expect("checked: a call ends an open one")
    }

    /// The target's address is loaded for each call, so that whoever writes the cell changes the next one.
    fn call_through_cell(&mut self, target: Func, site: Site, result: Option<Reg>) {
        let args = self.pushed();
        let cell = self.b.data_addr(self.names.cells[&site], 0);
        let address = self.b.atomic_load(Type::Ptr, MemType::PTR, Order::Acquire, cell);
        let sig = self.b.module().func(self.names.functions[&target]).sig;
        self.into(result).call_ptr(address, sig, &args);
    }

    /// C's `int` has 32 bits, registers have 64.
    fn call_external(&mut self, target: Target, result: Option<Reg>) {
        let external = &self.program.externals()[target.index()];
        let mut args = self.pushed();
        for (arg, ty) in args.iter_mut().zip(&external.params) {
            if *ty == CType::Int32 {
                *arg = self.b.trunc(*arg);
            }
        }
        let id = self.names.externals[target.index()];
        match result {
            Some(to) if external.result == Some(CType::Int32) => {
                let value = self.b.call1(id, &args);
                self.into(to).sext(value);
            }
            _ => {
                self.into(result).call(id, &args);
            }
        }
    }
}
