//! The module around the functions: arena, constants, imports, signatures, the entry and its calls.

use crate::alias::Classes;
use crate::body::{Body, Kind};
use crate::config::{Config, HOSTS};
use crate::entropy::Entropy;
use crate::recursive;
use crate::signature::{self, Layouts};
use crate::values;
use kiln_ir::types::AbiType;
use kiln_ir::{
    DataDecl, DataId, DataReloc, DataTarget, FuncId, Layout, LayoutId, Linkage, Module, Op, SigId, Signature,
    Type,
};

/// The name of the data object that programs read and write.
pub const ARENA: &str = "arena";
/// Its size in bytes: a page, so that it can be put between pages that nobody may access.
pub const ARENA_SIZE: usize = ARENA_SEEN as usize;
/// The name of the data object with the counter of activations.
pub const FUEL: &str = "fuel";
/// Its size in bytes.
pub const FUEL_SIZE: usize = 8;
/// The name of the exported function that gives the arena's address, in programs that define it.
pub const ARENA_AT: &str = "arena_at";
/// The name of the exported function that is to be called.
pub const ENTRY: &str = "entry";

/// Bytes of the arena that ordinary accesses reach.
pub(crate) const ARENA_SEEN: u32 = 4096;

/// A random program.
#[derive(Clone, PartialEq, Debug)]
pub struct Generated {
    /// The module. It keeps every rule of the verifier.
    pub module: Module,
    /// Arguments of the calls of [`ENTRY`], to be made in this order on one instance of the module: one word per
    /// parameter, 32-bit values zero-extended, narrow ones extended as their type says, floats as bits.
    pub calls: Vec<Vec<u64>>,
}

/// A function that bodies may call.
#[derive(Clone, Debug)]
pub(crate) struct Callee {
    pub id: FuncId,
    pub sig: SigId,
    pub signature: Signature,
    /// The types of the variable arguments that every call passes.
    pub variable: Vec<Type>,
    pub import: bool,
    /// Whether it is small and pays nothing for its activations.
    pub small: bool,
}

/// What the bodies know of the module.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub arena: DataId,
    /// The counter of activations.
    pub fuel: DataId,
    /// Addresses of the callees that are not imports, 8 bytes each, in order.
    pub table: DataId,
    /// What may be called: first the functions and imports, then the further entries of those written so far.
    pub callees: Vec<Callee>,
    /// How many of them are functions and imports.
    pub functions: usize,
    pub layouts: Layouts,
    /// The calling thread's `errno`.
    pub thread_local: DataId,
    /// Which alias classes accesses say.
    pub classes: Classes,
}

impl Plan {
    /// An aggregate that the program passes by value.
    pub fn layout(&self, id: LayoutId) -> &Layout {
        let found = self.layouts.iter().find(|(known, _)| *known == id);
        &found.expect("signatures name the layouts of the plan").1
    }
}

/// Makes a program out of the choices.
///
/// # Panics
/// If the configuration excludes what every program needs: constants, loads, stores, branches, `data_addr`, `sub`,
/// `ret` (a bug of the caller).
pub fn generate(entropy: &mut Entropy, config: &Config) -> Generated {
    let mut module = Module::new();
    let arena = arena(&mut module, entropy, config);
    let fuel = fuel(&mut module, config);
    let mut callees = Vec::new();
    for host in HOSTS {
        let signature = Signature::new(host.params.iter().copied(), host.results.iter().copied());
        let id = module.import(host.name, signature.clone());
        let sig = module.func(id).sig;
        callees.push(Callee { id, sig, signature, variable: vec![], import: true, small: false });
    }
    let layouts = signature::layouts(&mut module, entropy);
    for n in 0..entropy.range(0, config.small) {
        let (signature, variable) = signature::small(entropy, &layouts, config.results);
        let id = module.declare(&format!("small{n}"), signature.clone(), Linkage::Local);
        let sig = module.func(id).sig;
        callees.push(Callee { id, sig, signature, variable, import: false, small: true });
    }
    let recursive = callees.len()..callees.len() + (config.small > 0 && entropy.chance(35)) as usize;
    for n in recursive.clone() {
        let signature = recursive::signature(entropy);
        let id = module.declare(&format!("recursive{n}"), signature.clone(), Linkage::Local);
        let sig = module.func(id).sig;
        callees.push(Callee { id, sig, signature, variable: vec![], import: false, small: true });
    }
    let count = entropy.range(u32::from(config.functions > 0), config.functions);
    for n in 0..count {
        let (signature, variable) = signature::any(entropy, &layouts, config.args, config.results);
        let id = module.declare(&format!("f{n}"), signature.clone(), Linkage::Local);
        let sig = module.func(id).sig;
        callees.push(Callee { id, sig, signature, variable, import: false, small: false });
    }
    let table = table(&mut module, &callees);
    let entry_signature = signature::plain(entropy, config.args.min(8), config.entry_results);
    let entry = module.declare(ENTRY, entry_signature.clone(), Linkage::Export);
    let thread_local = module.add_data(DataDecl {
        name: "errno".into(),
        linkage: Linkage::Import,
        align: 4,
        thread_local: true,
        ..DataDecl::default()
    });
    let classes = match entropy.below(3) {
        _ if !config.alias_classes => Classes::None,
        0 => Classes::Whole,
        _ => Classes::Parts,
    };
    let functions = callees.len();
    let mut plan = Plan { thread_local, arena, fuel, table, callees, functions, layouts, classes };

    for n in 0..functions {
        let callee = plan.callees[n].clone();
        if callee.import {
            continue;
        }
        if recursive.contains(&n) {
            recursive::write(&mut module, callee.id, entropy, &plan);
            continue;
        }
        let kind = if callee.small { Kind::Small } else { Kind::Ordinary };
        let entries = Body::write(&mut module, callee.id, &callee.signature, entropy, config, &plan, kind);
        plan.callees.extend(entries.into_iter().map(|id| {
            let (sig, signature) = (module.func(id).sig, module.signature_of(id).clone());
            Callee { id, sig, signature, variable: vec![], import: false, small: false }
        }));
    }
    Body::write(&mut module, entry, &entry_signature, entropy, config, &plan, Kind::Entry);

    if config.arena != Linkage::Import {
        let sig = Signature { results: vec![Type::Ptr.into()], ..Signature::default() };
        let id = module.declare(ARENA_AT, sig, Linkage::Export);
        let mut b = module.build(id);
        let address = b.data_addr(arena, 0);
        b.ret(&[address]);
        b.finish().expect("it returns");
    }

    let calls = (0..entropy.range(1, 3))
        .map(|_| entry_signature.params.iter().map(|p| argument(entropy, *p)).collect())
        .collect();
    Generated { module, calls }
}

fn arena(module: &mut Module, entropy: &mut Entropy, config: &Config) -> DataId {
    let mut bytes = vec![];
    let import = config.arena == Linkage::Import;
    if !import {
        let words = entropy.range(0, 40);
        for _ in 0..words {
            let word = if entropy.chance(30) {
                values::double(entropy).to_bits()
            } else {
                values::integer(entropy) as u64
            };
            bytes.extend(word.to_le_bytes());
        }
    }
    let zeros = if import { 0 } else { (ARENA_SIZE - bytes.len()) as u64 };
    module.add_data(DataDecl {
        name: ARENA.into(),
        linkage: config.arena,
        writable: true,
        align: 16,
        bytes,
        zeros,
        ..DataDecl::default()
    })
}

fn fuel(module: &mut Module, config: &Config) -> DataId {
    let import = config.arena == Linkage::Import;
    module.add_data(DataDecl {
        name: FUEL.into(),
        linkage: if import { Linkage::Import } else { Linkage::Local },
        writable: true,
        align: 8,
        zeros: if import { 0 } else { FUEL_SIZE as u64 },
        ..DataDecl::default()
    })
}

fn table(module: &mut Module, callees: &[Callee]) -> DataId {
    let functions: Vec<FuncId> = callees.iter().filter(|c| !c.import).map(|c| c.id).collect();
    let relocs = functions.iter().enumerate().map(|(n, id)| DataReloc {
        offset: n as u32 * 8,
        target: DataTarget::Func(*id),
        addend: 0,
    });
    module.add_data(DataDecl {
        name: "table".into(),
        align: 8,
        bytes: vec![0; functions.len() * 8],
        zeros: 8,
        relocs: relocs.collect(),
        ..DataDecl::default()
    })
}

fn argument(entropy: &mut Entropy, ty: AbiType) -> u64 {
    let word = values::word(entropy, ty.register());
    match ty {
        AbiType::I8 => word as i8 as u32 as u64,
        AbiType::U8 => word as u8 as u64,
        AbiType::I16 => word as i16 as u32 as u64,
        AbiType::U16 => word as u16 as u64,
        AbiType::Value(_) | AbiType::Aggregate(_) => word,
    }
}

/// Whether the op can be used with the type at all.
pub(crate) fn usable(config: &Config, op: Op, ty: Type) -> bool {
    let types = op.info().types;
    (types.has(ty) || (types == kiln_ir::types::TypeSet::NONE && ty == Type::I32))
        && (config.supports)(op, ty)
}
