//! From [`Program`] to a module: a function of the IR for each group, and `main`.
//!
//! The language's registers are registers of the function, so `%v` are kept across calls as they must be, and `%r`
//! happen to be. `%fp` is the end of a stack slot that holds the fixed storage: offsets from it are what the text was told.
//!
//! A group that is entered in one place is one function. One that is entered in several has a function with its code, which
//! is told by a number where to begin, and for each entry a function with that entry's signature, which hands its
//! arguments over in memory.

mod call;
mod control;
mod float;
mod integer;
mod memory;

use super::flow::{Flow, Group, Returns, mark, register};
use super::live::{self, live_at_heads};
use super::program::{FRAME_POINTER, Item, Kind, Operand, Place, Program};
use super::table::{Meaning, Ty};
use super::value::{Base, Passed};
use kiln_ir::function::aux;
use kiln_ir::{
    AbiType, Block, DataDecl, DataId, DataReloc, DataTarget, FileId, FuncId, FunctionBuilder, InstData,
    LabelSet, Linkage, MemType, Module, Op, Pos, Signature, Slot, Type, VReg,
};
use std::collections::{HashMap, HashSet};

/// What a number of the IR's operands is.
pub(super) type Value = kiln_ir::Operand;

/// What all functions share.
struct Names<'p> {
    program: &'p Program,
    flow: &'p Flow,
    /// By part: the function that a call of it calls.
    functions: Vec<FuncId>,
    /// By symbol: its import, once it is used.
    symbols: Vec<Option<FuncId>>,
    data: DataId,
    files: Vec<FileId>,
    /// By label: the block, while a group that has it is translated.
    blocks: Vec<Block>,
}

/// Makes the module. A message says what the translation got wrong: the text is good.
pub(super) fn translate(program: &Program, flow: &Flow) -> Result<Module, String> {
    let mut module = Module::new();
    let files = program.files.iter().map(|name| module.file(name)).collect();
    let mut taken: HashSet<String> = program.symbols.iter().map(|s| s.name.clone()).collect();
    taken.insert("main".into());
    let mut names = Names {
        program,
        flow,
        functions: vec![FuncId::NONE; program.parts.len()],
        symbols: vec![None; program.symbols.len()],
        data: DataId::NONE,
        files,
        blocks: vec![Block::NONE; program.labels.len()],
    };
    names.add_data(&mut module, unique(&mut taken, "data"));
    let called = names.called();
    for group in &flow.groups {
        for head in &group.heads {
            let signature = names.signature(*head, group.returns);
            let name = unique(&mut taken, &called[*head as usize]);
            names.functions[*head as usize] = module.declare(&name, signature, Linkage::Local);
        }
    }
    for group in &flow.groups {
        match group.heads.as_slice() {
            [] => {}
            [head] => {
                let function = names.functions[*head as usize];
                let mut body = Body::new(&mut names, module.build(function), group);
                let blocks = body.begin(&[*head]);
                body.enter_alone(*head, blocks[0]);
                body.finish()?;
            }
            heads => {
                let results = results(group.returns);
                let shared = Signature::new([Type::I64, Type::Ptr, Type::Ptr], results);
                let name = unique(&mut taken, &format!("{}.frame", called[heads[0] as usize]));
                let shared = module.declare(&name, shared, Linkage::Local);
                let mut body = Body::new(&mut names, module.build(shared), group);
                let blocks = body.begin(heads);
                body.enter_by_number(heads, &blocks);
                body.finish()?;
                for (n, head) in heads.iter().enumerate() {
                    names.entry(module.build(names.functions[*head as usize]), *head, n, shared)?;
                }
            }
        }
    }
    if !program.parts.is_empty() && flow.groups.iter().any(|g| !g.heads.is_empty()) {
        names.main(&mut module)?;
    }
    Ok(module)
}

/// The name, or one made from it that nothing else has.
fn unique(taken: &mut HashSet<String>, name: &str) -> String {
    let mut found = name.to_owned();
    let mut n = 1;
    while !taken.insert(found.clone()) {
        n += 1;
        found = format!("{name}.{n}");
    }
    found
}

/// The results of a function that gives back so much.
fn results(returns: Returns) -> Vec<Type> {
    let float = match (returns.f32, returns.f64) {
        (_, true) => Some(Type::F64),
        (true, false) => Some(Type::F32),
        (false, false) => None,
    };
    returns.word.then_some(Type::I64).into_iter().chain(float).collect()
}

/// The access of a type, and the register that it is loaded into.
fn access(ty: Ty) -> (MemType, Type) {
    match ty {
        Ty::I8 => (MemType::I8, Type::I64),
        Ty::U8 => (MemType::U8, Type::I64),
        Ty::I16 => (MemType::I16, Type::I64),
        Ty::U16 => (MemType::U16, Type::I64),
        Ty::I32 => (MemType::I32, Type::I64),
        Ty::U32 => (MemType::U32, Type::I64),
        Ty::Word => (MemType::I64, Type::I64),
        Ty::F32 => (MemType::F32, Type::F32),
        Ty::F64 => (MemType::F64, Type::F64),
    }
}

fn fits(value: i64) -> bool {
    value == value as i32 as i64
}

impl Names<'_> {
    fn add_data(&mut self, module: &mut Module, name: String) {
        let Some(data) = &self.program.data else { return };
        let mut bytes = data.bytes.clone();
        let kept = data.addresses.last().map_or(0, |(at, ..)| *at as usize + 8);
        while bytes.len() > kept && bytes.last() == Some(&0) {
            bytes.pop();
        }
        let zeros = data.size - bytes.len() as u64;
        self.data = module.add_data(DataDecl {
            name,
            writable: true,
            align: 16,
            bytes,
            zeros,
            ..DataDecl::default()
        });
        for (at, base, addend) in &data.addresses {
            let target = match base {
                Base::Data => DataTarget::Data(self.data),
                Base::Symbol(symbol) => DataTarget::Func(self.symbol(module, *symbol, None)),
            };
            let reloc = DataReloc { offset: *at as u32, target, addend: *addend };
            module.data_mut(self.data).relocs.push(reloc);
        }
    }

    /// By part: what its function is called.
    fn called(&self) -> Vec<String> {
        let mut names: Vec<Option<String>> =
            self.program.parts.iter().map(|part| part.name.clone()).collect();
        for (label, spot) in self.program.labels.iter().zip(&self.flow.spots) {
            if let super::flow::Spot::Head(part) = spot {
                names[*part as usize].get_or_insert_with(|| label.name.clone());
            }
        }
        names.into_iter().enumerate().map(|(n, name)| name.unwrap_or_else(|| format!("code.{n}"))).collect()
    }

    fn params(&self, part: u32) -> Vec<Passed> {
        match self.program.parts[part as usize].kind {
            // What C's `main` gets, which the first function's `arg`s mean.
            Kind::Preamble => vec![Passed::Word; 2],
            _ => self.program.parts[part as usize].params.clone(),
        }
    }

    fn signature(&self, part: u32, returns: Returns) -> Signature {
        let params: Vec<Type> = self.params(part).into_iter().map(register).collect();
        let signature = Signature::new(params, results(returns));
        if self.program.parts[part as usize].variadic { signature.variadic() } else { signature }
    }

    /// The import of a symbol: with this signature if it is its first use.
    fn symbol(&mut self, module: &mut Module, symbol: u32, signature: Option<&Signature>) -> FuncId {
        let name = &self.program.symbols[symbol as usize].name;
        *self.symbols[symbol as usize]
            .get_or_insert_with(|| module.import(name, signature.cloned().unwrap_or_default()))
    }

    /// `main`: enters the program as C's `main` is, and drops what it gives back.
    fn main(&mut self, module: &mut Module) -> Result<(), String> {
        let signature = Signature::new([Type::I32, Type::Ptr], [Type::I32]);
        let main = module.declare("main", signature, Linkage::Export);
        let entry = self.flow.entry;
        let params = self.params(entry);
        let function = self.functions[entry as usize];
        let mut b = module.build(main);
        let mut words = 0;
        let mut args = Vec::with_capacity(params.len());
        for passed in params {
            args.push(match passed {
                Passed::Word => {
                    words += 1;
                    match words {
                        1 => {
                            let count = b.param(0);
                            b.sext(count)
                        }
                        2 => b.param(1),
                        _ => b.iconst(Type::I64, 0),
                    }
                }
                Passed::F32 => b.f32const(0.0),
                Passed::F64 => b.f64const(0.0),
            });
        }
        b.call(function, &args);
        let status = b.iconst(Type::I32, 0);
        b.ret(&[status]);
        b.finish().map(|_| ()).map_err(|error| error.to_string())
    }

    /// The function of one of several entries of a group: the arguments into memory, and on to the code.
    fn entry(
        &mut self,
        mut b: FunctionBuilder<'_>,
        head: u32,
        number: usize,
        shared: FuncId,
    ) -> Result<(), String> {
        let part = &self.program.parts[head as usize];
        let params = self.params(head);
        let slot = b.slot((params.len() as u32 * 8).max(8), 8);
        for (n, passed) in params.iter().enumerate() {
            let value = b.param(n as u32);
            let to = b.slot_addr(slot, n as i32 * 8);
            b.store(MemType::of(register(*passed)), to, value);
        }
        let list = if part.variadic {
            let list = b.slot(24, 8);
            let address = b.slot_addr(list, 0);
            b.va_start(address);
            address
        } else {
            b.iconst(Type::Ptr, 0)
        };
        let number = b.iconst(Type::I64, number as i64);
        let arguments = b.slot_addr(slot, 0);
        let results = b.call(shared, &[number, arguments, list]);
        b.ret(&results);
        b.finish().map(|_| ()).map_err(|error| error.to_string())
    }
}

/// An overflow's way out, written behind the function: the sum or difference again, and a jump.
struct Stub {
    block: Block,
    op: Op,
    register: VReg,
    other: Value,
    to: Block,
}

/// An argument of a call that is being prepared.
#[derive(Clone, Copy)]
struct Argument {
    value: VReg,
    /// If `value` is a register of the language, its bit: it is copied before it is written.
    bit: Option<u32>,
}

/// Translating one group.
struct Body<'n, 'p, 'm> {
    names: &'n mut Names<'p>,
    group: &'p Group,
    b: FunctionBuilder<'m>,
    /// The language's registers by bit of [`live`], as they are needed.
    registers: [VReg; 27],
    /// Parameters by place and class.
    params: HashMap<(u32, Passed), VReg>,
    /// By part of the group: the block of its start.
    starts: HashMap<u32, Block>,
    targets: Option<LabelSet>,
    stubs: Vec<Stub>,
    arguments: Vec<Argument>,
    /// How many of them stand before `ellipsis`.
    fixed: Option<usize>,
    /// The fixed storage: the slot, and how far behind its start `%fp` is.
    frame: Option<(Slot, i64)>,
    /// `%fp`, if the storage is allocated as the function is entered.
    frame_end: VReg,
    /// The offset of what was allocated last.
    allocated: VReg,
    /// The list of the variable arguments that the entry began, where there are several.
    list: VReg,
    several: bool,
}

impl<'n, 'p, 'm> Body<'n, 'p, 'm> {
    fn new(names: &'n mut Names<'p>, b: FunctionBuilder<'m>, group: &'p Group) -> Body<'n, 'p, 'm> {
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
            list: VReg::NONE,
            several: false,
        }
    }

    /// Makes the blocks, and gives what is live where each head begins.
    fn begin(&mut self, heads: &[u32]) -> Vec<u64> {
        let Names { program, flow, .. } = *self.names;
        for n in &self.group.parts {
            let part = &program.parts[*n as usize];
            let from = flow.marks.partition_point(|(item, _)| *item < part.start);
            // The label behind the last item is this part's if that is open.
            let end = if part.closed || part.kind == Kind::Preamble { part.end } else { part.end + 1 };
            for (_, label) in flow.marks[from..].iter().take_while(|(item, _)| *item < end) {
                let place = match flow.spots[*label as usize] {
                    super::flow::Spot::Inner(at) | super::flow::Spot::OpenEnd(at) => at == *n,
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
        debug_assert_eq!(heads, self.group.heads);
        live_at_heads(program, flow, self.group)
    }

    /// Begins a function with one head.
    fn enter_alone(&mut self, head: u32, live: u64) {
        for (n, passed) in self.names.params(head).into_iter().enumerate() {
            let value = self.b.param(n as u32);
            self.params.insert((n as u32, passed), value);
        }
        self.assign(live);
        self.make_frame();
        if self.group.parts[0] != head {
            let start = self.starts[&head];
            self.b.jump(start);
        }
        self.parts();
    }

    /// Begins a function that is told where to begin.
    fn enter_by_number(&mut self, heads: &[u32], live: &[u64]) {
        self.several = true;
        let (number, arguments) = (self.b.param(0), self.b.param(1));
        self.list = self.b.param(2);
        let all = live.iter().fold(0, |all, live| all | live);
        self.assign(all);
        self.make_frame();
        let entries: Vec<Block> = heads.iter().map(|_| self.b.block()).collect();
        let cases: Vec<(i64, Block)> =
            entries.iter().enumerate().skip(1).map(|(n, b)| (n as i64, *b)).collect();
        self.b.switch(number, &cases, entries[0]);
        for (head, block) in heads.iter().zip(entries) {
            self.b.place(block);
            for (n, passed) in self.names.params(*head).into_iter().enumerate() {
                let ty = register(passed);
                let to = self.parameter(n as u32, passed);
                self.b.to(to).load(ty, MemType::of(ty), (arguments, n as i32 * 8));
            }
            let start = self.starts[head];
            self.b.jump(start);
        }
        self.parts();
    }

    /// Gives registers that may be read first a value, and parameters that no head has.
    fn assign(&mut self, live: u64) {
        for bit in 0..27 {
            if live & 1 << bit != 0 {
                let register = self.register(bit);
                self.clear(register);
            }
        }
        let program = self.names.program;
        for part in &self.group.parts {
            for (n, passed) in program.parts[*part as usize].params.iter().enumerate() {
                if !self.params.contains_key(&(n as u32, *passed)) {
                    let value = self.parameter(n as u32, *passed);
                    self.clear(value);
                }
            }
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

    fn parameter(&mut self, index: u32, passed: Passed) -> VReg {
        *self.params.entry((index, passed)).or_insert_with(|| self.b.vreg(register(passed)))
    }

    fn make_frame(&mut self) {
        let program = self.names.program;
        let parts = self.group.parts.iter().map(|n| &program.parts[*n as usize]);
        let (mut locals, mut allocates, mut uses) = (0, false, false);
        for part in parts {
            locals = locals.min(part.locals);
            allocates |= part.allocates;
            let items = &program.items[part.start as usize..part.end as usize];
            uses |= items.iter().any(|item| item.operands.contains(&Operand::Int(FRAME_POINTER)));
        }
        let size = (-locals + 15) & !15;
        if allocates {
            let bytes = self.b.iconst(Type::I64, size);
            let start = self.b.alloca(bytes, 16);
            self.frame_end = self.b.add(start, size);
            self.allocated = self.b.iconst(Type::I64, locals);
        } else if uses {
            let size = size.max(16);
            self.frame = Some((self.b.slot(size as u32, 16), size));
        }
    }

    /// Translates the parts.
    fn parts(&mut self) {
        let Names { program, flow, .. } = *self.names;
        for n in &self.group.parts {
            let part = &program.parts[*n as usize];
            self.b.place(self.starts[n]);
            let mut next = flow.marks.partition_point(|(item, _)| *item < part.start);
            for at in part.start..part.end {
                let item = &program.items[at as usize];
                self.place(mark(&flow.marks, &mut next, at), *n);
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
            super::flow::Spot::Inner(at) | super::flow::Spot::OpenEnd(at) => at == part,
            _ => false,
        };
        if own {
            self.keep_all_arguments();
            self.b.place(self.names.blocks[label as usize]);
        }
    }

    fn finish(self) -> Result<(), String> {
        self.b.finish().map(|_| ()).map_err(|error| error.to_string())
    }

    /// The block of a label of this group.
    fn block_of(&self, label: u32) -> Block {
        let Names { program, flow, .. } = *self.names;
        match flow.spots[label as usize] {
            super::flow::Spot::Head(part) => self.starts[&part],
            _ => {
                let item = match program.labels[label as usize].place {
                    Place::Code(item) => item,
                    Place::Data(_) | Place::Forward => 0,
                };
                let mut next = flow.marks.partition_point(|(at, _)| *at < item);
                let first = mark(&flow.marks, &mut next, item).unwrap_or(label);
                self.names.blocks[first as usize]
            }
        }
    }

    /// The register with this bit.
    fn register(&mut self, bit: u32) -> VReg {
        if self.registers[bit as usize].is_none() {
            let ty = match bit {
                0..live::F32 => Type::I64,
                live::F32..live::F64 | live::RETURNED_F32 => Type::F32,
                live::CARRY => Type::I32,
                _ => Type::F64,
            };
            let register = self.b.vreg(ty);
            let name = match bit {
                0..3 => format!("r{bit}"),
                3..8 => format!("v{}", bit - 3),
                8..16 => format!("f{}.f", bit - 8),
                16..24 => format!("f{}", bit - 16),
                live::CARRY => "carry".into(),
                live::RETURNED_F32 => "ret.f".into(),
                _ => "ret.d".into(),
            };
            self.b.name_vreg(register, &name);
            self.registers[bit as usize] = register;
        }
        self.registers[bit as usize]
    }

    /// The integer register of an operand that is written.
    fn int(&mut self, operand: Operand) -> VReg {
        match operand {
            Operand::Int(n) => self.register(n as u32),
            _ => unreachable!("the parser gives an integer register here"),
        }
    }

    /// The register of a float operand that holds this type.
    fn float(&mut self, operand: Operand, ty: Type) -> VReg {
        let first = if ty == Type::F32 { live::F32 } else { live::F64 };
        match operand {
            Operand::Float(n) => self.register(first + n as u32),
            Operand::Number(v) if ty == Type::F32 => self.b.f32const(v as f32),
            Operand::Number(v) => self.b.f64const(v),
            _ => unreachable!("the parser gives a float here"),
        }
    }

    /// The address so many bytes from `%fp`.
    fn beside_frame_end(&mut self, offset: i64) -> VReg {
        match self.frame {
            Some((slot, end)) if fits(end + offset) => self.b.slot_addr(slot, (end + offset) as i32),
            Some((slot, end)) => {
                let fp = self.b.slot_addr(slot, end as i32);
                self.b.add(fp, offset)
            }
            None if offset == 0 => self.frame_end,
            None => self.b.add(self.frame_end, offset),
        }
    }

    /// An address that is known when the program runs.
    fn address(&mut self, base: Base, offset: i64) -> VReg {
        match base {
            Base::Data if fits(offset) => self.b.data_addr(self.names.data, offset as i32),
            Base::Data => {
                let start = self.b.data_addr(self.names.data, 0);
                self.b.add(start, offset)
            }
            Base::Symbol(symbol) => {
                let function = self.names.symbol(self.b.module(), symbol, None);
                let start = self.b.func_addr(function);
                if offset == 0 { start } else { self.b.add(start, offset) }
            }
        }
    }

    /// An operand that is a register or a constant.
    fn value(&mut self, operand: Operand) -> Value {
        match operand {
            Operand::Word(v) => Value::Imm(v),
            operand => Value::Reg(self.word(operand)),
        }
    }

    /// An operand in a register.
    fn word(&mut self, operand: Operand) -> VReg {
        match operand {
            Operand::Int(FRAME_POINTER) => self.beside_frame_end(0),
            Operand::Int(n) => self.register(n as u32),
            Operand::Word(v) => self.b.iconst(Type::I64, v),
            Operand::Address(base, offset) => self.address(base, offset),
            _ => unreachable!("the parser gives an integer or an address here"),
        }
    }

    /// A value in a register.
    fn in_register(&mut self, value: Value) -> VReg {
        match value {
            Value::Reg(v) => v,
            Value::Imm(v) => self.b.iconst(Type::I64, v),
        }
    }

    /// The words by which a record has a register or constant: the word and the flag.
    fn or_constant(&mut self, value: Value) -> (u32, u16) {
        match value {
            Value::Imm(v) if fits(v) => (v as u32, aux::IMM),
            value => (self.in_register(value).0, 0),
        }
    }

    /// An op with two operands.
    fn binary(&mut self, op: Op, to: VReg, a: VReg, b: Value) {
        let (b, imm) = self.or_constant(b);
        self.b.push(InstData { op, ty: Type::I64, aux: imm, dst: to.0, a: a.0, b }, &[]);
    }

    /// An op with one operand, of the operand's type.
    fn unary(&mut self, op: Op, to: VReg, a: VReg) {
        let ty = self.b.ty(to);
        self.b.push(InstData { op, ty, aux: 0, dst: to.0, a: a.0, b: 0 }, &[]);
    }

    /// An op with two results.
    fn pair(&mut self, op: Op, low: VReg, high: VReg, a: VReg, b: Value) {
        let (b, imm) = self.or_constant(b);
        let inst = InstData { op, ty: Type::I64, aux: aux::TAIL | imm, dst: low.0, a: a.0, b: 0 };
        self.b.push(inst, &[b, high.0]);
    }

    /// A register's value extended as a type says.
    fn extend(&mut self, ty: Ty, to: VReg, from: VReg) {
        match ty {
            Ty::I8 => self.b.to(to).sext8(from),
            Ty::U8 => self.b.to(to).zext8(from),
            Ty::I16 => self.b.to(to).sext16(from),
            Ty::U16 => self.b.to(to).zext16(from),
            Ty::I32 => {
                let low = self.b.trunc(from);
                self.b.to(to).sext(low)
            }
            Ty::U32 => {
                let low = self.b.trunc(from);
                self.b.to(to).zext(low)
            }
            Ty::Word | Ty::F32 | Ty::F64 => self.b.to(to).copy(from),
        };
    }

    fn item(&mut self, item: &'p Item, at: u32) {
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
            // What these mean was done while the text was read, or when the function began.
            Meaning::Prolog
            | Meaning::Frame
            | Meaning::Tramp
            | Meaning::Arg
            | Meaning::AllocateFixed
            | Meaning::Nothing
            | Meaning::Name => {}
        }
    }
}

/// The signature of a call with arguments of these types.
fn call_signature(types: impl Iterator<Item = Type>, results: Vec<Type>, variadic: bool) -> Signature {
    let params: Vec<AbiType> = types.map(AbiType::Value).collect();
    let signature = Signature::new(params, results);
    if variadic { signature.variadic() } else { signature }
}
