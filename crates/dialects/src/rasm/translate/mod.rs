//! From a program to a module: assembly time first ([`evaluate`]), then IR for what is left.

mod arithmetic;
mod body;
mod calls;
mod control;
mod convert;
mod entry;
mod evaluate;
mod flow;
mod memory;
mod places;

use super::fault::Fault;
use super::program::{self, Program, Register};
use super::table::{Form, Ty};
use body::{Body, Evaluated, Inst, Value};
use calls::Imports;
use flow::Flow;
use kiln_ir::diagnostic::Diagnostic;
use kiln_ir::text::Sources;
use kiln_ir::{
    Block, DataId, FuncId, FunctionBuilder, Linkage, Module, Operand, Pos, Signature, Slot, Type, VReg,
};
use std::collections::HashSet;

/// Makes a module of a program. Its functions are exported; where there is a `start`, `main` calls it with the integers of
/// the command line and prints what it gives. `sources` are the texts that [`super::parse`] read; none for bytecode.
///
/// # Errors
/// Every mistake found, up to 50.
pub fn translate(program: &Program, sources: &Sources) -> Result<Module, Vec<Diagnostic<Fault>>> {
    let evaluated = evaluate::evaluate(program)?;
    let flows: Vec<Flow> = evaluated.bodies.iter().map(flow::flow).collect();
    let faults = check(program, &evaluated, &flows);
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut module = Module::new();
    for source in sources.iter() {
        module.file(&source.name);
    }
    let taken = names_taken(&evaluated);
    let functions: Vec<FuncId> = program
        .functions
        .iter()
        .zip(&evaluated.bodies)
        .map(|(function, body)| {
            let name = function.name.as_str();
            let name = if taken.contains(name) || name.starts_with(['=', '"']) {
                format!("={name}")
            } else {
                name.into()
            };
            module.declare(&name, signature(body), Linkage::Export)
        })
        .collect();
    let strings: Vec<DataId> = evaluated
        .strings
        .iter()
        .enumerate()
        .map(|(n, bytes)| {
            let string = module.constant(&format!("\"{n}\""), &[bytes.as_slice(), &[0]].concat());
            module.data_mut(string).align = STRING_ALIGN;
            string
        })
        .collect();
    let mut world = World { functions, strings, externals: evaluated.externals, imports: Imports::default() };
    for (number, (body, flow)) in evaluated.bodies.iter().zip(&flows).enumerate() {
        let builder = module.build(world.functions[number]);
        Emitter::new(builder, body, flow, &mut world).function(sources);
    }
    if let Some(start) = program.functions.iter().position(|f| f.name == "start") {
        entry::main(&mut module, world.functions[start], &evaluated.bodies[start].params, &mut world.imports);
    }
    Ok(module)
}

/// What can be wrong with the way control takes.
fn check(program: &Program, evaluated: &Evaluated, flows: &[Flow]) -> Vec<Diagnostic<Fault>> {
    let mut faults = vec![];
    for ((function, body), flow) in program.functions.iter().zip(&evaluated.bodies).zip(flows) {
        if flow.reached[body.insts.len()] {
            let at = body.insts.last().map_or(function.at, |inst| inst.at);
            let fault = Diagnostic::new(program::place(at), Fault::RunsOff(function.name.clone()));
            faults.push(fault.with_help("`ret` ends it"));
        }
        let wild = body.landmarks().find(|(_, inst)| inst.op.get().form == Form::JumpReg);
        if let Some((_, inst)) = wild.filter(|_| flow.taken.is_empty()) {
            let fault = Diagnostic::new(program::place(inst.at), Fault::NoTargets);
            faults.push(fault.with_help("`movi_p` takes the address of a label"));
        }
    }
    faults.truncate(super::parse::MAX_FAULTS);
    faults
}

/// Names that functions of the program cannot have in the module. Those get a sigil, as do names that begin with one.
fn names_taken(evaluated: &Evaluated) -> HashSet<&str> {
    entry::NAMES.into_iter().chain(evaluated.externals.iter().map(String::as_str)).collect()
}

/// Integers are passed as whole words, which `getarg` narrows.
fn signature(body: &Body) -> Signature {
    Signature::new(body.params.iter().map(|ty| passed(*ty)), [Type::I64])
}

/// The type that an argument travels in.
fn passed(ty: Ty) -> Type {
    match ty {
        Ty::F => Type::F32,
        Ty::D => Type::F64,
        _ => Type::I64,
    }
}

/// What functions refer to.
struct World {
    functions: Vec<FuncId>,
    strings: Vec<DataId>,
    externals: Vec<String>,
    imports: Imports,
}

/// Strings may stand for tables.
const STRING_ALIGN: u32 = 16;

/// The position of an instruction; none if it comes from bytecode.
fn position(sources: &Sources, inst: &Inst) -> Option<Pos> {
    let text = &sources.get(inst.at.file)?.text;
    let before =
        text.as_bytes().get(..inst.at.start as usize)?.iter().rev().take_while(|byte| **byte != b'\n');
    // Columns count characters: all bytes but those that go on with one.
    let column = before.filter(|byte| **byte & 0xc0 != 0x80).count() as u32 + 1;
    Some(Pos { file: inst.at.file, line: inst.line, column })
}

/// A function being written.
struct Emitter<'m, 'b> {
    b: FunctionBuilder<'m>,
    body: &'b Body,
    flow: &'b Flow,
    world: &'b mut World,
    /// `NONE` for those that the function does not mention.
    places: [VReg; places::COUNT],
    /// By number of the argument.
    pushed: Vec<VReg>,
    slots: Vec<Slot>,
    /// By position; `NONE` where no block begins.
    blocks: Vec<Block>,
    /// What is to be written behind the function.
    cold: Vec<control::Overflow>,
}

impl<'m, 'b> Emitter<'m, 'b> {
    fn new(
        mut b: FunctionBuilder<'m>,
        body: &'b Body,
        flow: &'b Flow,
        world: &'b mut World,
    ) -> Emitter<'m, 'b> {
        let places = std::array::from_fn(|n| {
            if flow.used >> n & 1 == 0 {
                return VReg::NONE;
            }
            let place = b.vreg(places::ty(n));
            b.name_vreg(place, &places::name(n));
            place
        });
        let pushed = body.pushed.iter().map(|ty| b.vreg(passed(*ty))).collect();
        let slots = body.frame.iter().map(|size| b.slot((*size).max(1), 16)).collect();
        let blocks = flow
            .leads
            .iter()
            .zip(&flow.reached)
            .map(|(leads, reached)| if *leads && *reached { b.block() } else { Block::NONE });
        let blocks = blocks.collect();
        Emitter { b, body, flow, world, places, pushed, slots, blocks, cold: Vec::new() }
    }

    /// Writes the function.
    ///
    /// # Panics
    /// If it cannot be finished, which `check` rules out.
    fn function(mut self, sources: &Sources) {
        for n in (0..places::COUNT).filter(|n| self.flow.unset >> n & 1 != 0) {
            self.zero(self.places[n]);
        }
        for n in self.interrupted() {
            self.zero(self.pushed[n as usize]);
        }
        let body = self.body;
        for (at, inst) in body.insts.iter().enumerate() {
            if !self.flow.reached[at] {
                continue;
            }
            if !self.blocks[at].is_none() {
                self.b.place(self.blocks[at]);
            }
            if let Some(pos) = position(sources, inst) {
                self.b.at(pos);
            }
            self.instruction(inst);
        }
        self.overflows();
        if let Err(error) = self.b.finish() {
            unreachable!("the way control takes was checked: {error}");
        }
    }

    fn zero(&mut self, v: VReg) {
        let ty = self.b.ty(v);
        self.b.to(v);
        match ty {
            Type::F32 => self.b.f32const(0.0),
            Type::F64 => self.b.f64const(0.0),
            ty => self.b.iconst(ty, 0),
        };
    }

    /// Arguments between whose `pusharg` and call a block begins, so that they may be unset on some way.
    fn interrupted(&self) -> Vec<u32> {
        if self.body.pushed.is_empty() {
            return Vec::new();
        }
        let mut pushed_at = vec![0usize; self.body.pushed.len()];
        let mut blocks_before = vec![0u32; self.body.insts.len() + 1];
        let mut count = 0;
        let mut result = vec![];
        for (at, inst) in self.body.insts.iter().enumerate() {
            count += u32::from(self.flow.leads[at]);
            blocks_before[at] = count;
            match inst.op.get().form {
                Form::PushArg => pushed_at[inst.number as usize] = at,
                Form::Call | Form::CallReg => {
                    let call = &self.body.calls[inst.number as usize];
                    let numbers = call.first..call.first + call.types.len() as u32;
                    result.extend(numbers.filter(|n| blocks_before[pushed_at[*n as usize]] != count));
                }
                _ => {}
            }
        }
        result
    }

    fn instruction(&mut self, inst: &Inst) {
        let instruction = inst.op.get();
        let ty = instruction.ty;
        match instruction.form {
            Form::Alu(alu, _) if ty.is_float() => self.float_arithmetic(alu, ty, inst),
            Form::Alu(alu, _) => self.arithmetic(alu, ty, inst),
            Form::Neg => self.negate(ty, inst),
            Form::Not => self.invert(ty, inst),
            Form::Compare(relation, _) => self.compare(relation, ty, inst),
            Form::Mov(_) => self.mov(ty, inst),
            Form::Extend => self.extend(ty, instruction.to, inst),
            Form::ToInt(rounding) => self.round(rounding, ty, instruction.to, inst),
            Form::Swap => self.swap(ty, inst),
            Form::Load(address) => self.load(address, ty, inst),
            Form::Store(address) => self.store(address, ty, inst),
            Form::PushArg => self.push_argument(ty, inst),
            Form::GetArg => self.argument(ty, inst),
            Form::RetVal => self.call_result(ty, inst),
            Form::Branch(relation, _) => self.branch(relation, ty, inst),
            Form::BranchBits(any, _) => self.branch_bits(any, ty, inst),
            Form::BranchOverflow(alu, _) => self.branch_overflow(alu, ty, inst),
            Form::Call | Form::CallReg => self.call(inst),
            Form::Jump => {
                let target = self.block(inst, 0);
                self.b.jump(target);
            }
            Form::JumpReg => self.jump_to(inst),
            Form::Ret => {
                let result = self.places[places::result_number(None)];
                self.b.ret(&[result]);
            }
            // These are done at assembly time and are no instructions of a body.
            Form::Prepare
            | Form::Arg
            | Form::Prolog
            | Form::Alloca
            | Form::GetLabel
            | Form::Forward
            | Form::Entry
            | Form::Patch
            | Form::PatchAt
            | Form::PatchMovi
            | Form::AssignInt
            | Form::AssignLabel
            | Form::AssignReg => {}
        }
    }

    /// An operand, with sites followed to their targets.
    ///
    /// # Panics
    /// If the instruction has no such operand, which its class rules out.
    fn value(&self, inst: &Inst, n: usize) -> Value {
        let Some(value) = inst.args[n] else { unreachable!("`{}` has operand {n}", inst.op.mnemonic()) };
        self.body.value(value)
    }

    /// The register of the language that an operand is.
    fn register(&self, inst: &Inst, n: usize) -> Register {
        match self.value(inst, n) {
            Value::Register(register) => register,
            other => unreachable!("operand {n} of `{}` is {other:?}", inst.op.mnemonic()),
        }
    }

    /// The register that an operand of this type names for writing.
    fn dest(&self, inst: &Inst, n: usize, ty: Ty) -> VReg {
        match places::number(self.register(inst, n), ty) {
            Some(place) => self.places[place],
            None => unreachable!("operand {n} of `{}` can be written", inst.op.mnemonic()),
        }
    }

    /// The whole register that an operand names for reading: a word, or a float of this type.
    fn word(&mut self, inst: &Inst, n: usize, ty: Ty) -> VReg {
        match places::number(self.register(inst, n), ty) {
            Some(place) => self.places[place],
            None => {
                let v = self.b.vreg(Type::I64);
                self.b.to(v).frame_addr()
            }
        }
    }

    /// An integer register as wide as the type.
    fn integer(&mut self, inst: &Inst, n: usize, ty: Ty) -> VReg {
        let word = self.word(inst, n, ty);
        if ty.bits() < 64 { self.b.trunc(word) } else { word }
    }

    /// A register or constant as wide as the type.
    fn operand(&mut self, inst: &Inst, n: usize, ty: Ty) -> Operand {
        match self.value(inst, n) {
            Value::Register(_) => Operand::Reg(self.integer(inst, n, ty)),
            // As the operation sees it: 0xffffffff is -1 for one of 32 bits.
            Value::Int(value) if ty.bits() < 64 => Operand::Imm((value as i32).into()),
            Value::Int(value) => Operand::Imm(value),
            value => {
                let word = self.address(value);
                Operand::Reg(if ty.bits() < 64 { self.b.trunc(word) } else { word })
            }
        }
    }

    /// The same in a register.
    fn operand_register(&mut self, inst: &Inst, n: usize, ty: Ty) -> VReg {
        match self.operand(inst, n, ty) {
            Operand::Reg(v) => v,
            Operand::Imm(value) => {
                let ty = if ty.bits() < 64 { Type::I32 } else { Type::I64 };
                self.b.iconst(ty, value)
            }
        }
    }

    /// What is known only when the function runs, as a word.
    fn address(&mut self, value: Value) -> VReg {
        let v = self.b.vreg(Type::I64);
        match value {
            Value::Offset(slot) => self.b.to(v).slot_offset(self.slots[slot as usize], 0),
            Value::Label(at) => {
                let block = self.block_at(at);
                self.b.to(v).label_addr(block)
            }
            Value::Function(number) => self.b.to(v).func_addr(self.world.functions[number as usize]),
            Value::External(number) => {
                let name = &self.world.externals[number as usize];
                let import = self.world.imports.any(&mut self.b, name);
                self.b.to(v).func_addr(import)
            }
            Value::Str(number) => self.b.to(v).data_addr(self.world.strings[number as usize], 0),
            Value::Int(value) => self.b.to(v).iconst(Type::I64, value),
            other => unreachable!("{other:?} is no address"),
        }
    }

    /// Writes an integer of the type's width, or of a word for those narrower than 32 bits, to an operand: extended as
    /// the type says. What computes it is one op.
    fn write(
        &mut self,
        inst: &Inst,
        n: usize,
        ty: Ty,
        compute: impl FnOnce(&mut FunctionBuilder<'m>) -> VReg,
    ) {
        let dest = self.dest(inst, n, ty);
        if ty.bits() == 64 {
            self.b.to(dest);
            compute(&mut self.b);
        } else {
            let narrow = compute(&mut self.b);
            self.b.to(dest);
            if ty.is_signed() {
                self.b.sext(narrow)
            } else {
                self.b.zext(narrow)
            };
        }
    }

    /// Writes the low bits of a word to a register, extended as the type says.
    fn extended(&mut self, dest: VReg, word: VReg, ty: Ty) {
        match ty {
            Ty::C => self.b.to(dest).sext8(word),
            Ty::Uc => self.b.to(dest).zext8(word),
            Ty::S => self.b.to(dest).sext16(word),
            Ty::Us => self.b.to(dest).zext16(word),
            Ty::I => {
                let low = self.b.trunc(word);
                self.b.to(dest).sext(low)
            }
            Ty::Ui => {
                let low = self.b.trunc(word);
                self.b.to(dest).zext(low)
            }
            Ty::L | Ty::Ul | Ty::P | Ty::F | Ty::D => self.b.to(dest).copy(word),
        };
    }
}
