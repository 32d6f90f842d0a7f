//! Programs of the interpreter's tier. Their data and their functions' addresses are real: linked is a *shadow* of the
//! module, with the same data and imports, in which each function is a thunk that goes (back) to the interpreter.
//! So C can call interpreted functions, addresses in data are what they should be, and the linker is the one that
//! serves compiled programs.

use crate::engine::Config;
use crate::error::LoadError;
use crate::host::Process;
use crate::import::{thunk_body, thunk_words};
use crate::link::{self, Failure};
use crate::trap::{Trap, leave_pending, take_pending};
use crate::watch::Control;
use kiln_ir::interp::{Host, Interpreter, Meter, Settings, label_address};
use kiln_ir::op::Role;
use kiln_ir::verify::{self, Checked};
use kiln_ir::{AbiType, DataDecl, DataId, DataReloc, DataTarget, FuncId, Linkage, Module, Signature, Type};
use kiln_runtime::{HostSymbols, Image, Requests, Round, WeakImage};
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

/// Names in the shadow that no module has: they are no identifiers.
const SERVICE: &str = "interpreter: service";
const RAISE: &str = "interpreter: raise";
const USED: &str = "interpreter: used imports";

/// A program that is interpreted.
pub(crate) struct Interpreted {
    pub module: Arc<Checked>,
    pub control: Arc<Control>,
    settings: Settings,
    used: Used,
    placed: OnceLock<PlacedShadow>,
}

/// The imports that a module's code mentions. Others need not exist.
#[derive(Default)]
struct Used {
    functions: BTreeSet<FuncId>,
    data: BTreeSet<DataId>,
    thread_local: BTreeSet<DataId>,
}

/// What linking the shadow gave.
struct PlacedShadow {
    /// The image keeps the program, so the program does not keep the image.
    image: WeakImage,
    /// From addresses to the functions with bodies.
    functions: HashMap<u64, FuncId>,
}

impl Interpreted {
    /// Links the shadow of a module.
    pub fn load(
        module: &Arc<Checked>,
        config: Config,
        symbols: &HostSymbols,
    ) -> Result<(Image, Arc<Interpreted>), LoadError> {
        let defaults = Settings::default();
        let steps = config.step_limit.unwrap_or(defaults.steps);
        let settings = Settings {
            steps,
            canonical_nan: config.canonical_nan,
            fuel: config.fuel,
            depth: config.depth.unwrap_or(defaults.depth),
            polls: config.interruptible,
        };
        // Interpreted code looks at its safepoints in any case.
        let control = Control::new(module.clone(), config.catch_panics, Some(Requests::new()));
        let control = Arc::new(control);
        let used = Used::new(module);
        let placed = OnceLock::new();
        let interpreted = Arc::new(Interpreted { module: module.clone(), control, settings, used, placed });
        let mut symbols = symbols.clone();
        symbols.define(SERVICE, serve as *const u8);
        symbols.define(RAISE, link::raise_address() as *const u8);
        let image = interpreted.link(&symbols)?;
        let functions = own(module).filter_map(|func| Some((image.address(func)? as u64, func))).collect();
        let placed = PlacedShadow { image: image.downgrade(), functions };
        assert!(interpreted.placed.set(placed).is_ok(), "a program is linked once");
        image.keep(interpreted.clone());
        Ok((image, interpreted))
    }

    fn link(&self, symbols: &HostSymbols) -> Result<Image, Failure> {
        let shadow = match verify::check(self.shadow()) {
            Ok(shadow) => shadow,
            Err((_, faults)) => panic!("a shadow keeps the rules, but: {}", faults[0]),
        };
        link::load(&shadow, &link::host_options(), symbols, || {})
    }

    /// The module whose functions are thunks.
    fn shadow(&self) -> Module {
        let module = &**self.module;
        let mut shadow = Module::new();
        for layout in module.layouts() {
            shadow.layout(&layout.name, layout.layout.clone());
        }
        for (func, decl) in (0..).map(FuncId).zip(module.funcs()) {
            let declared = shadow.declare(&decl.name, module.signature_of(func).clone(), decl.linkage);
            shadow.set_replaceable(declared, module.is_replaceable(func));
            if let Some(library) = &decl.library {
                shadow.set_library(declared, library);
            }
        }
        for data in module.data() {
            shadow.add_data(shadow_data(data));
        }
        let Used { functions, data, thread_local } = &self.used;
        let functions = functions.iter().map(|func| DataTarget::Func(*func));
        let targets = functions.chain(data.iter().map(|data| DataTarget::Data(*data)));
        let relocs: Vec<DataReloc> =
            targets.zip(0..).map(|(target, n)| DataReloc { offset: n * 8, target, addend: 0 }).collect();
        if !relocs.is_empty() {
            let bytes = vec![0; relocs.len() * 8];
            shadow.add_data(DataDecl { name: USED.into(), align: 8, bytes, relocs, ..DataDecl::default() });
        }
        // Their order is what `tls_function` counts on.
        for data in thread_local {
            let name = format!("interpreter: address of {data:?}");
            let asks = shadow.declare(&name, tls_signature(), Linkage::Export);
            let mut b = shadow.build(asks);
            let address = b.tls_addr(*data, 0);
            b.ret(&[address]);
            link::finish(b);
        }
        let service = shadow.import(SERVICE, Signature::new([Type::Ptr; 3], [Type::I32]));
        let raise = shadow.import(RAISE, Signature::default());
        for func in own(module) {
            let contexts = [&raw const *self as usize as i64, i64::from(func.0)];
            let mut b = shadow.build(func);
            thunk_body(&mut b, module.signature_of(func), service, raise, &contexts);
            link::finish(b);
        }
        shadow
    }

    fn placed(&self) -> &PlacedShadow {
        self.placed.get().expect("a program runs after it was linked")
    }

    /// What was linked.
    fn image(&self) -> Image {
        self.placed().image.upgrade().expect("whoever runs a program holds its image")
    }

    /// The address of a function or import that the module uses.
    pub fn func_address(&self, func: FuncId) -> u64 {
        self.image().address(func).map_or(0, |address| address as u64)
    }

    /// Where calls of a replaceable function go, if not to its own body.
    pub fn replacement(&self, func: FuncId) -> Option<u64> {
        Some(self.image().replacement(func)? as u64)
    }

    /// The function with a body, or further entry, at an address.
    pub fn func_at(&self, address: u64) -> Option<FuncId> {
        self.placed().functions.get(&address).copied()
    }

    /// The address of a data object.
    pub fn data_address(&self, data: DataId) -> u64 {
        self.image().data_address(data).map_or(0, |address| address as u64)
    }

    /// The address of a function `fn() -> ptr` that gives the calling thread's address of an object.
    pub fn tls_function(&self, data: DataId) -> Option<u64> {
        let position = self.used.thread_local.iter().position(|used| *used == data)?;
        let func = FuncId((self.module.funcs().len() + position) as u32);
        Some(self.image().address(func)? as u64)
    }

    /// Makes a call from the host to a function or further entry: takes the first words as arguments, writes
    /// the results over them. The bytes of aggregates go where the words behind the arguments say, as adapters have it.
    pub fn enter(&self, func: FuncId, arguments: usize, words: &mut [u64]) -> Result<(), Trap> {
        let call = HostCall {
            meter: OnceCell::new(),
            round: self.control.requests().map(|requests| requests.begin()),
        };
        let _outer = Outer(UNDER_WAY.replace(Some(Rc::new(call))));
        self.call(func, arguments, words)
    }

    /// Interprets for the call from the host that is under way on this thread, if there is one; else as [`Self::enter`].
    fn call(&self, func: FuncId, arguments: usize, words: &mut [u64]) -> Result<(), Trap> {
        let results = self.run(func, &words[..arguments], None)?;
        let sig = self.module.signature_of(func);
        let mut room: Vec<u64> = words[arguments..].to_vec();
        room.truncate(sig.results.iter().filter(|r| matches!(r, AbiType::Aggregate(_))).count());
        let mut room = room.into_iter();
        for ((word, result), abi) in words.iter_mut().zip(results).zip(&sig.results) {
            *word = result;
            if let AbiType::Aggregate(layout) = abi {
                let to = room.next().expect("there is a word for each aggregate");
                let size = self.module.layouts()[layout.index()].layout.size;
                Process { program: self, round: None }
                    .copy(to, result, size as u64)
                    .map_err(|bad| Trap::new(bad.into()))?;
                *word = to;
            }
        }
        Ok(())
    }

    /// Interprets a function or further entry. `list` is where a variadic function's arguments are, if its caller made a C list of them.
    fn run(&self, func: FuncId, arguments: &[u64], list: Option<u64>) -> Result<Vec<u64>, Trap> {
        let call = UNDER_WAY.with_borrow(Clone::clone);
        let round = call.as_ref().and_then(|call| call.round.clone());
        let mut host = Process { program: self, round };
        let mut settings = self.settings;
        if call.is_none() {
            // Code that no host has called is not limited.
            settings.fuel = None;
        }
        let mut interpreter = Interpreter::new(&self.module, &mut host).with(settings);
        if let Some(call) = call {
            let meter = call.meter.get_or_init(|| interpreter.meter()).clone();
            if !Rc::ptr_eq(&meter, &interpreter.meter()) {
                interpreter = interpreter.metered(meter);
            }
        }
        let outcome = match list {
            Some(list) => interpreter.call_with_list(func, arguments, list),
            None => interpreter.call(func, arguments),
        };
        outcome.map_err(|trap| {
            let found = take_pending().unwrap_or_else(|| Trap::new(trap.kind));
            found.at(&self.module, trap.func, Some(trap.inst)).with_values(trap.values)
        })
    }
}

/// A call from the host of an interpreted program, for all interpreters that work for it.
struct HostCall {
    /// That of the outermost interpreter, which the others share.
    meter: OnceCell<Rc<Meter>>,
    round: Option<Arc<Round>>,
}

thread_local! {
    /// The innermost on this thread.
    static UNDER_WAY: RefCell<Option<Rc<HostCall>>> = const { RefCell::new(None) };
}

/// Puts back the call from the host around one that has ended, also when a panic passes.
struct Outer(Option<Rc<HostCall>>);

impl Drop for Outer {
    fn drop(&mut self) {
        UNDER_WAY.set(self.0.take());
    }
}

/// A data object with the addresses of labels, which only the interpreter knows, filled in.
fn shadow_data(data: &DataDecl) -> DataDecl {
    let mut shadow = data.clone();
    shadow.relocs.clear();
    for reloc in &data.relocs {
        match reloc.target {
            DataTarget::Func(_) | DataTarget::Data(_) => shadow.relocs.push(*reloc),
            DataTarget::Label(func, block) => {
                let value = label_address(func, block).wrapping_add_signed(reloc.addend);
                let at = reloc.offset as usize;
                shadow.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
            }
        }
    }
    shadow
}

/// The functions of a module that are its own, with their further entries.
fn own(module: &Module) -> impl Iterator<Item = FuncId> + '_ {
    let own = (0..).map(FuncId).zip(module.funcs()).filter(|(_, decl)| decl.linkage != Linkage::Import);
    own.map(|(func, _)| func)
}

/// The signature of functions that give addresses of thread-local objects.
pub(crate) fn tls_signature() -> Signature {
    Signature::new([] as [Type; 0], [Type::Ptr])
}

impl Used {
    fn new(module: &Module) -> Used {
        let mut used = Used::default();
        for body in module.funcs().iter().filter_map(|f| f.body.as_ref()) {
            for inst in body.insts() {
                for (field, role) in inst.op.shape().operands() {
                    match role {
                        Role::Func => used.function(module, FuncId(body.word(inst, *field))),
                        Role::Data => used.data(module, DataId(body.word(inst, *field))),
                        _ => {}
                    }
                }
            }
        }
        used
    }

    fn function(&mut self, module: &Module, func: FuncId) {
        if module.func(func).linkage == Linkage::Import {
            self.functions.insert(func);
        }
    }

    fn data(&mut self, module: &Module, data: DataId) {
        let decl = &module.data()[data.index()];
        if decl.linkage == Linkage::Import {
            let set = if decl.thread_local { &mut self.thread_local } else { &mut self.data };
            set.insert(data);
        }
    }
}

/// Runs a function or further entry for its thunk. Gives 0, or 1 when a trap is left pending.
///
/// # Safety
/// `interpreted` is that of the program whose thunk this is called by, `func` that of the thunk, `words` its words.
unsafe extern "C" fn serve(interpreted: *const Interpreted, func: usize, words: *mut u64) -> i32 {
    // SAFETY: whoever calls the thunk holds the program.
    let interpreted = unsafe { &*interpreted };
    let func = FuncId(func as u32);
    let sig = interpreted.module.signature_of(func);
    // SAFETY: the thunk's slot has this many words, and nobody else has its address.
    let words = unsafe { std::slice::from_raw_parts_mut(words, thunk_words(sig)) };
    let fixed = sig.params.len();
    let list = sig.variadic.then(|| words[fixed]);
    match interpreted.run(func, &words[..fixed], list) {
        Ok(results) => {
            words[..results.len()].copy_from_slice(&results);
            0
        }
        Err(trap) => {
            leave_pending(trap);
            1
        }
    }
}
