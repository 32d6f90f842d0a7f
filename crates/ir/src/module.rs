//! Modules: functions and imports, data objects, signatures and layouts, source files.

use crate::builder::FunctionBuilder;
use crate::diagnostic::Place;
use crate::entity::{Block, DataId, FileId, FuncId, LayoutId, SigId};
use crate::function::{Entry, Function, Pos};
use crate::types::{AbiType, Layout, Signature, Type};
use std::collections::HashMap;

/// Who sees a function or data object, and who provides it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum Linkage {
    /// Provided here, seen only here.
    #[default]
    Local = 0,
    /// Provided here, found by name from outside.
    Export = 1,
    /// Provided elsewhere: by the host, by a library, by another module.
    Import = 2,
}

/// A function, a further entry of one, or an import.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FuncDecl {
    /// Its name: the symbol for imports and exports. Unique among functions and data of a module.
    pub name: String,
    /// What it takes and gives.
    pub sig: SigId,
    /// Who sees and provides it.
    pub linkage: Linkage,
    /// The library to look in, for an import that names one.
    pub library: Option<String>,
    /// Whether it may be replaced while running: calls to it go through a slot. Of a further entry its function says so:
    /// [`Module::is_replaceable`].
    pub replaceable: bool,
    /// The function that this is a further entry of, if it is one. That function's body says where it goes
    /// ([`Function::entries`]); in all else it is a function like others: called, and its address taken, by its id.
    pub entry_of: Option<FuncId>,
    /// The body, unless it is an import or a further entry.
    pub body: Option<Function>,
}

/// What a data relocation points to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DataTarget {
    /// The address of a function.
    Func(FuncId),
    /// The address of a data object.
    Data(DataId),
    /// The address of a block of a function.
    Label(FuncId, Block),
}

/// An address inside a data object that is filled in when the module is linked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DataReloc {
    /// Where in the object, in bytes; the address takes 8 there.
    pub offset: u32,
    /// Whose address.
    pub target: DataTarget,
    /// Added to it.
    pub addend: i64,
}

/// A data object.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DataDecl {
    /// Its name: the symbol for imports and exports.
    pub name: String,
    /// Who sees and provides it.
    pub linkage: Linkage,
    /// Whether a running program may write it.
    pub writable: bool,
    /// Alignment in bytes, a power of two.
    pub align: u32,
    /// The bytes it begins with.
    pub bytes: Vec<u8>,
    /// The number of zero bytes after them.
    pub zeros: u64,
    /// The addresses inside `bytes`, by offset.
    pub relocs: Vec<DataReloc>,
    /// Whether each thread has its own (imports only).
    pub thread_local: bool,
}

impl DataDecl {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64 + self.zeros
    }
}

/// A named layout that signatures pass by value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayoutDecl {
    /// The name in the text form.
    pub name: String,
    /// Size, alignment, fields.
    pub layout: Layout,
}

/// What a program is: everything that text, bytecode and the builder can say.
#[derive(Clone, Debug, Default)]
pub struct Module {
    pub(crate) funcs: Vec<FuncDecl>,
    pub(crate) data: Vec<DataDecl>,
    pub(crate) sigs: Vec<Signature>,
    pub(crate) layouts: Vec<LayoutDecl>,
    pub(crate) files: Vec<String>,
    /// From signatures to their ids; derived from `sigs`.
    interned: HashMap<Signature, SigId>,
    /// Whether some signature is not plain; derived from `sigs`.
    unusual_sigs: bool,
    /// An emptied function whose memory the next one uses.
    pub(crate) spare: Option<Function>,
}

impl PartialEq for Module {
    fn eq(&self, other: &Module) -> bool {
        self.funcs == other.funcs
            && self.data == other.data
            && self.sigs == other.sigs
            && self.layouts == other.layouts
            && self.files == other.files
    }
}

impl Module {
    /// A module with nothing in it.
    pub fn new() -> Module {
        Module::default()
    }

    /// The functions, with their further entries, and imports; a [`FuncId`] is a position here.
    pub fn funcs(&self) -> &[FuncDecl] {
        &self.funcs
    }

    /// The data objects; a [`DataId`] is a position here.
    pub fn data(&self) -> &[DataDecl] {
        &self.data
    }

    /// The signatures; a [`SigId`] is a position here.
    pub fn sigs(&self) -> &[Signature] {
        &self.sigs
    }

    /// The layouts; a [`LayoutId`] is a position here.
    pub fn layouts(&self) -> &[LayoutDecl] {
        &self.layouts
    }

    /// The source files that positions name; a [`FileId`] is a position here.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// One function or import.
    pub fn func(&self, id: FuncId) -> &FuncDecl {
        &self.funcs[id.index()]
    }

    /// The signature of a function or import.
    pub fn signature_of(&self, id: FuncId) -> &Signature {
        &self.sigs[self.func(id).sig.index()]
    }

    /// The signature that a further entry of a function is called with: its registers as they are, the function's results.
    pub fn entry_signature(&self, id: FuncId, body: &Function, entry: &Entry) -> Signature {
        let sig = self.signature_of(id);
        let params = entry.params.iter().map(|v| AbiType::Value(body.ty(*v))).collect();
        Signature { params, results: sig.results.clone(), variadic: false, convention: sig.convention }
    }

    /// Whether a function or import, or the function that this is a further entry of, may be replaced while running.
    pub fn is_replaceable(&self, id: FuncId) -> bool {
        let decl = self.func(id);
        decl.replaceable || decl.entry_of.is_some_and(|of| self.func(of).replaceable)
    }

    /// Finds a function, further entry or import by name. O(functions).
    pub fn find_func(&self, name: &str) -> Option<FuncId> {
        self.funcs.iter().position(|f| f.name == name).map(|i| FuncId(i as u32))
    }

    /// The id of a signature, made on first use.
    pub fn signature(&mut self, sig: Signature) -> SigId {
        if let Some(id) = self.interned.get(&sig) {
            return *id;
        }
        let id = SigId(self.sigs.len() as u32);
        self.unusual_sigs |= !sig.is_plain();
        self.sigs.push(sig.clone());
        self.interned.insert(sig, id);
        id
    }

    /// Whether all signatures are plain ([`Signature::is_plain`]), so that calls need nothing out of the ordinary.
    pub fn has_plain_sigs(&self) -> bool {
        !self.unusual_sigs
    }

    /// The source position of a place, if it is an instruction that has one.
    pub fn position(&self, place: Place) -> Option<Pos> {
        match place {
            Place::Inst(func, inst, _) => self.funcs.get(func.index())?.body.as_ref()?.position(inst),
            _ => None,
        }
    }

    /// Adds a layout for aggregates passed by value.
    pub fn layout(&mut self, name: &str, layout: Layout) -> LayoutId {
        self.layouts.push(LayoutDecl { name: name.into(), layout });
        LayoutId(self.layouts.len() as u32 - 1)
    }

    /// Names a source file for positions.
    pub fn file(&mut self, name: &str) -> FileId {
        self.files.push(name.into());
        FileId(self.files.len() as u32 - 1)
    }

    /// Declares a function whose body follows with [`Module::build`].
    pub fn declare(&mut self, name: &str, sig: Signature, linkage: Linkage) -> FuncId {
        let sig = self.signature(sig);
        self.funcs.push(FuncDecl {
            name: name.into(),
            sig,
            linkage,
            library: None,
            replaceable: false,
            entry_of: None,
            body: None,
        });
        FuncId(self.funcs.len() as u32 - 1)
    }

    /// Declares a further entry of a declared function, to be placed by [`FunctionBuilder::place_entry`] when that is
    /// built. It takes registers of these types, and gives the function's results.
    pub fn declare_entry(&mut self, of: FuncId, name: &str, params: &[Type]) -> FuncId {
        let sig = self.signature_of(of);
        let params = params.iter().map(|ty| AbiType::Value(*ty)).collect();
        let (results, convention) = (sig.results.clone(), sig.convention);
        let sig = Signature { params, results, variadic: false, convention };
        let id = self.declare(name, sig, Linkage::Local);
        self.funcs[id.index()].entry_of = Some(of);
        id
    }

    /// Declares an import, found by name when the module is linked.
    pub fn import(&mut self, name: &str, sig: Signature) -> FuncId {
        self.declare(name, sig, Linkage::Import)
    }

    /// Says in which library an import is to be looked for.
    pub fn set_library(&mut self, func: FuncId, library: &str) {
        self.funcs[func.index()].library = Some(library.into());
    }

    /// Says that calls to a function go through a slot, so that it can be replaced while running.
    pub fn set_replaceable(&mut self, func: FuncId, replaceable: bool) {
        self.funcs[func.index()].replaceable = replaceable;
    }

    /// Adds a data object.
    pub fn add_data(&mut self, data: DataDecl) -> DataId {
        self.data.push(data);
        DataId(self.data.len() as u32 - 1)
    }

    /// Adds constant bytes, for example a string with its final 0.
    pub fn constant(&mut self, name: &str, bytes: &[u8]) -> DataId {
        self.add_data(DataDecl { name: name.into(), align: 1, bytes: bytes.into(), ..DataDecl::default() })
    }

    /// Changes a data object, for example to add relocations to objects declared after it.
    pub fn data_mut(&mut self, id: DataId) -> &mut DataDecl {
        &mut self.data[id.index()]
    }

    /// Starts the body of a declared function.
    pub fn build(&mut self, func: FuncId) -> FunctionBuilder<'_> {
        FunctionBuilder::new(self, func)
    }

    /// Takes a function's body out, for example to keep its memory for [`Module::recycle`].
    pub fn take_body(&mut self, func: FuncId) -> Option<Function> {
        self.funcs[func.index()].body.take()
    }

    /// Gives the memory of a body no longer needed to the next function built.
    pub fn recycle(&mut self, function: Function) {
        self.spare = Some(function);
    }

    /// Gives a declared function a body, in the place of the one it may have. What is wrong with it the verifier says.
    pub fn set_body(&mut self, func: FuncId, body: Function) {
        self.funcs[func.index()].body = Some(body);
    }
}
