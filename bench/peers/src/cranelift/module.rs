//! Kiln modules to Cranelift: what a front end for Cranelift would have to do with the same program.
//!
//! Declarations and data here, functions in `function.rs`. Labels have no addresses in Cranelift. Where Kiln's data has
//! the address of a label, Cranelift's has the label's number, and a jump to one is a `br_table` over them.

use super::function::{Labels, Translator, is_helper};
use super::invert::Plan;
use super::{Settings, isa};
use crate::{Entry, Kernel};
use anyhow::{Context as _, Result, ensure};
use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{self, AbiParam, types};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::FunctionBuilderContext;
use cranelift_jit::{ArenaMemoryProvider, JITBuilder, JITModule};
use cranelift_module::{DataDescription, DataId, FuncId, Linkage, Module as _};
use kiln_ir::{DataDecl, DataReloc, DataTarget, FuncDecl, Module, Type};

/// Bytes of addresses for the code and data of a module; memory is taken as it is used.
const RESERVED: usize = 1 << 26;

/// A module declared to Cranelift, with memory that compiling it reuses.
pub struct Translation {
    jit: JITModule,
    context: Context,
    front: FunctionBuilderContext,
    control: ControlPlane,
    declared: Declared,
}

/// What functions refer to.
pub(super) struct Declared {
    pub funcs: Vec<FuncId>,
    pub data: Vec<DataId>,
    /// For each function the numbers of its labels.
    pub labels: Vec<Labels>,
    /// For each function which of its loops are inverted, if any shall be.
    pub plans: Vec<Option<Plan>>,
    /// Which functions are inlined.
    pub helpers: Vec<bool>,
    /// Whether every access has an alias class: only then can Cranelift be told of them, because for it an access
    /// without one may not meet those with one.
    pub classes: bool,
}

impl Translation {
    /// Declares everything, defines the data, and plans what is done to the functions.
    ///
    /// # Errors
    /// Cranelift does not know this machine, or the data asks for what it does not have.
    pub fn new(module: &Module, settings: Settings) -> Result<Translation> {
        let mut jit = JITBuilder::with_isa(isa(settings)?, cranelift_module::default_libcall_names());
        // One mapping for everything: code refers to data by distances of 32 bits, and mappings of their own may be
        // farther apart.
        jit.memory_provider(Box::new(ArenaMemoryProvider::new_with_size(RESERVED)?));
        let mut jit = JITModule::new(jit);
        let declare = |f: &FuncDecl| {
            let linkage = if f.body.is_some() { Linkage::Export } else { Linkage::Import };
            Ok(jit.declare_function(&f.name, linkage, &signature(&module.sigs()[f.sig.index()]))?)
        };
        let funcs = module.funcs().iter().map(declare).collect::<Result<_>>()?;
        let bodies = || module.funcs().iter().map(|f| f.body.as_ref());
        let declared = Declared {
            funcs,
            data: declare_data(module, &mut jit)?,
            labels: bodies().map(|f| f.map(Labels::of).unwrap_or_default()).collect(),
            plans: bodies().map(|f| f.filter(|_| settings.invert).map(Plan::new)).collect(),
            helpers: bodies().map(|f| f.is_some_and(is_helper)).collect(),
            classes: every_access_has_a_class(module),
        };
        define_data(module, &mut jit, &declared)?;
        Ok(Translation {
            context: jit.make_context(),
            front: FunctionBuilderContext::new(),
            control: ControlPlane::default(),
            jit,
            declared,
        })
    }

    /// Translates and compiles every function, and keeps nothing; gives the number of bytes.
    ///
    /// # Errors
    /// The module uses something that the translator does not do, or Cranelift refuses it.
    pub fn compile(&mut self, module: &Module) -> Result<usize> {
        let mut bytes = 0;
        for at in 0..module.funcs().len() {
            if !self.translate(module, at)? {
                continue;
            }
            let compiled = self.context.compile(self.jit.isa(), &mut self.control);
            let code = compiled.map_err(|e| anyhow::anyhow!("Cranelift: {:?}", e.inner))?;
            bytes += code.code_buffer().len();
            self.jit.clear_context(&mut self.context);
        }
        Ok(bytes)
    }

    /// Compiles everything and gives the function `kernel`.
    ///
    /// # Errors
    /// As [`Translation::compile`]; or there is no such function.
    pub fn kernel(mut self, module: &Module) -> Result<Kernel> {
        for at in 0..module.funcs().len() {
            if self.translate(module, at)? {
                self.jit.define_function(self.declared.funcs[at], &mut self.context)?;
                self.jit.clear_context(&mut self.context);
            }
        }
        let Translation { mut jit, declared, .. } = self;
        jit.finalize_definitions()?;
        let id = declared.funcs[module.find_func("kernel").context("no function `kernel`")?.index()];
        // SAFETY: the kernels declare this function with the signature of `Entry`.
        let entry = unsafe { std::mem::transmute::<*const u8, Entry>(jit.get_finalized_function(id)) };
        // SAFETY: as above; the module keeps its code until it is told to free it.
        Ok(unsafe { Kernel::new(entry, jit) })
    }

    /// A function to Cranelift's, for a look.
    ///
    /// # Errors
    /// As [`Translation::compile`].
    pub fn text(&mut self, module: &Module, name: &str) -> Result<String> {
        let at = module.find_func(name).with_context(|| format!("no function `{name}`"))?;
        self.translate(module, at.index())?;
        let text = self.context.func.display().to_string();
        self.jit.clear_context(&mut self.context);
        Ok(text)
    }

    /// The calls that a front end makes; whether the function has a body.
    fn translate(&mut self, module: &Module, at: usize) -> Result<bool> {
        let func = &module.funcs()[at];
        let Some(body) = &func.body else { return Ok(false) };
        self.context.func.signature = signature(&module.sigs()[func.sig.index()]);
        let (jit, to, front) = (&mut self.jit, &mut self.context.func, &mut self.front);
        Translator::new(module, &self.declared, at, body, jit, to, front)
            .function()
            .with_context(|| format!("Cranelift cannot have {}", func.name))?;
        Ok(true)
    }
}

fn declare_data(module: &Module, jit: &mut JITModule) -> Result<Vec<DataId>> {
    let declare = |data: &DataDecl| {
        ensure!(!data.thread_local, "thread-local data");
        let linkage =
            if data.linkage == kiln_ir::Linkage::Import { Linkage::Import } else { Linkage::Export };
        Ok(jit.declare_data(&data.name, linkage, data.writable, false)?)
    };
    module.data().iter().map(declare).collect()
}

fn define_data(module: &Module, jit: &mut JITModule, declared: &Declared) -> Result<()> {
    for (data, id) in module.data().iter().zip(&declared.data) {
        if data.linkage == kiln_ir::Linkage::Import {
            continue;
        }
        let mut description = DataDescription::new();
        let mut bytes = data.bytes.clone();
        bytes.resize(data.size() as usize, 0);
        for DataReloc { offset, target, addend } in &data.relocs {
            match *target {
                DataTarget::Func(to) => {
                    ensure!(*addend == 0, "an address behind a function's start");
                    let to = jit.declare_func_in_data(declared.funcs[to.index()], &mut description);
                    description.write_function_addr(*offset, to);
                }
                DataTarget::Data(to) => {
                    let to = jit.declare_data_in_data(declared.data[to.index()], &mut description);
                    description.write_data_addr(*offset, to, *addend);
                }
                DataTarget::Label(func, block) => {
                    ensure!(*addend == 0, "an address behind a label");
                    let number = declared.labels[func.index()].number(block)?;
                    bytes[*offset as usize..][..8].copy_from_slice(&number.to_le_bytes());
                }
            }
        }
        description.define(bytes.into());
        description.set_align(data.align.max(8) as u64);
        jit.define_data(*id, &description)?;
    }
    Ok(())
}

fn every_access_has_a_class(module: &Module) -> bool {
    let bodies = module.funcs().iter().filter_map(|f| f.body.as_ref());
    let mut accesses = bodies
        .flat_map(|body| body.insts())
        .filter(|inst| matches!(inst.op, kiln_ir::Op::Load | kiln_ir::Op::Store));
    accesses.all(|inst| inst.alias() != 0)
}

pub(super) fn signature(sig: &kiln_ir::Signature) -> ir::Signature {
    let mut signature = ir::Signature::new(CallConv::SystemV);
    signature.params.extend(sig.params.iter().map(|p| AbiParam::new(ty(p.register()))));
    signature.returns.extend(sig.results.iter().map(|r| AbiParam::new(ty(r.register()))));
    signature
}

pub(super) fn ty(ty: Type) -> ir::Type {
    match ty {
        Type::I32 => types::I32,
        Type::I64 | Type::Ptr => types::I64,
        Type::F32 => types::F32,
        Type::F64 => types::F64,
    }
}
