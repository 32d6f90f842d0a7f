//! From [`Program`] to a module: a function of the IR for each group, and `main`.
//!
//! The language's registers are registers of the function, so `%v` are kept across calls as they must be, and `%r`
//! happen to be. `%fp` is the end of a stack slot that holds the fixed storage: offsets from it are what the text was told.
//!
//! A group is one function, which begins where the first of its heads does; the other heads are further entries of it. An
//! entry cannot take variable arguments, so where there are several, one with an `ellipsis` is a function of its own, which
//! hands over the list.

mod body;
mod call;
mod control;
mod entry;
mod float;
mod frame;
mod integer;
mod memory;
mod operands;

use super::flow::{Flow, Group, Returns, Spot, register};
use super::program::{Kind, Program};
use super::table::Ty;
use super::value::{Base, Passed};
use body::Body;
use kiln_ir::{
    AbiType, Block, DataDecl, DataId, DataReloc, DataTarget, FileId, FuncId, Linkage, MemType, Module,
    Signature, Type,
};
use std::collections::HashSet;

/// What all functions share.
struct Names<'p> {
    program: &'p Program,
    flow: &'p Flow,
    /// By part: the function or entry that a call of it calls.
    functions: Vec<FuncId>,
    /// By part: the function or entry at which its code begins.
    ways: Vec<FuncId>,
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
    let files = files(program, &mut module);
    let mut taken: HashSet<String> = program.symbols.iter().map(|s| s.name.clone()).collect();
    taken.insert("main".into());
    let mut names = Names {
        program,
        flow,
        functions: vec![FuncId::NONE; program.parts.len()],
        ways: vec![FuncId::NONE; program.parts.len()],
        symbols: vec![None; program.symbols.len()],
        data: DataId::NONE,
        files,
        blocks: vec![Block::NONE; program.labels.len()],
    };
    names.add_data(&mut module, unique(&mut taken, "data"));
    let called = names.called();
    for group in &flow.groups {
        for head in &group.heads {
            names.declare_head(&mut module, group, *head, |name| unique(&mut taken, name), &called);
        }
    }
    for group in &flow.groups {
        let Some(first) = group.heads.first() else { continue };
        let function = names.ways[*first as usize];
        let mut body = Body::new(&mut names, module.build(function), group);
        body.write();
        body.finish()?;
        for head in &group.heads {
            if names.functions[*head as usize] != names.ways[*head as usize] {
                names.hand_over_list(&mut module, *head)?;
            }
        }
    }
    if !program.parts.is_empty() && flow.groups.iter().any(|g| !g.heads.is_empty()) {
        names.main(&mut module)?;
    }
    Ok(module)
}

/// By file of the program: the module's, if an instruction stands in it. (The preprocessor names others too.)
fn files(program: &Program, module: &mut Module) -> Vec<FileId> {
    let used = program.in_files.iter().copied().chain(std::iter::repeat(false));
    let ids =
        program.files.iter().zip(used).map(|(name, used)| if used { module.file(name) } else { FileId(0) });
    ids.collect()
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
        for (label, spot) in (0..).zip(&self.flow.spots) {
            if let Spot::Head(part) = spot {
                names[*part as usize].get_or_insert_with(|| self.program.label_name(label).to_owned());
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

    /// Declares what a call of a head calls, and where its code begins.
    fn declare_head(
        &mut self,
        module: &mut Module,
        group: &Group,
        head: u32,
        mut unique: impl FnMut(&str) -> String,
        called: &[String],
    ) {
        let name = unique(&called[head as usize]);
        let mut params: Vec<Type> = self.params(head).into_iter().map(register).collect();
        let signature = Signature::new(params.iter().copied(), results(group.returns));
        let variadic = self.program.parts[head as usize].variadic;
        let function = if variadic || group.heads[0] == head {
            let signature = if variadic { signature.variadic() } else { signature.clone() };
            module.declare(&name, signature, Linkage::Local)
        } else {
            module.declare_entry(self.ways[group.heads[0] as usize], &name, &params)
        };
        let way = if variadic && group.heads.len() > 1 {
            params.push(Type::Ptr);
            let name = unique(&format!("{name}.list"));
            if group.heads[0] == head {
                let signature = Signature::new(params, results(group.returns));
                module.declare(&name, signature, Linkage::Local)
            } else {
                module.declare_entry(self.ways[group.heads[0] as usize], &name, &params)
            }
        } else {
            function
        };
        (self.functions[head as usize], self.ways[head as usize]) = (function, way);
    }

    /// The import of a symbol: with this signature if it is its first use.
    fn symbol(&mut self, module: &mut Module, symbol: u32, signature: Option<&Signature>) -> FuncId {
        let name = &self.program.symbols[symbol as usize].name;
        *self.symbols[symbol as usize]
            .get_or_insert_with(|| module.import(name, signature.cloned().unwrap_or_default()))
    }
}

/// The signature of a call with arguments of these types.
fn call_signature(types: impl Iterator<Item = Type>, results: Vec<Type>, variadic: bool) -> Signature {
    let params: Vec<AbiType> = types.map(AbiType::Value).collect();
    let signature = Signature::new(params, results);
    if variadic { signature.variadic() } else { signature }
}
