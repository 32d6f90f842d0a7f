//! Loaded programs: code in memory, their exported functions, and the way into them.

use crate::adapter::{adapter, words_of};
use crate::engine::{Config, Tier};
use crate::error::{FunctionError, InvokeError, LoadError, ReplaceError};
use crate::fatal;
use crate::function::{Function, WORDS};
use crate::import::Import;
use crate::interpreted::Interpreted;
use crate::link;
use crate::observe::Observers;
use crate::signature::{self, FunctionType};
use crate::tier_up::{Changes, TierUp};
use crate::trap::Trap;
use crate::watch::Control;
use kiln_ir::verify::Checked;
use kiln_ir::{AbiType, DataDecl, DataId, FuncId, Linkage, Signature, Type};
use kiln_runtime::{HostSymbols, Image, ReplaceFault, Terms};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A program in memory, ready to be called. Cheap to clone: clones are the same program, with the same data. Its code and
/// data are freed when the last clone and the last [`Function`] of it are dropped; a call under way holds one, so
/// dropping all others meanwhile is safe. A program that another one's function was [replaced](Program::replace) with
/// is held by that one too.
///
/// # Threads
/// Programs and functions may be used from any number of threads at once. Calls do not wait for each other, and Kiln
/// adds no locks: data objects are shared by all threads as C's globals are, and the program orders its accesses
/// itself, with its atomic operations.
///
/// Between Rust and a program, memory is ordered as between two parts of one thread: what the thread did before the
/// call is visible inside, what the program did is visible after it, traps included. Loading happens before every
/// call of the program's functions, whichever thread makes it.
#[derive(Clone)]
pub struct Program(Arc<Inner>);

struct Inner {
    /// Dropped first: nothing may run in it while the rest goes.
    image: Image,
    tier: Tier,
    module: Arc<Checked>,
    interpreted: Option<Arc<Interpreted>>,
    control: Arc<Control>,
    tier_up: Option<Arc<TierUp>>,
    /// What every call is held to.
    fuel: Option<u64>,
    depth: Option<u32>,
    /// Exports and further entries by name.
    exports: HashMap<String, FuncId>,
    /// Who is told of adapters for its functions.
    observers: Observers,
    /// Replaceable functions and imports by name.
    replaceable: HashMap<String, FuncId>,
}

impl Inner {
    /// Whether calls are held to nothing and cannot be asked anything.
    #[inline]
    fn free(&self) -> bool {
        self.fuel.is_none() && self.depth.is_none() && self.control.requests().is_none()
    }

    /// What a call that begins now is held to.
    fn terms(&self) -> Terms {
        let round = self.control.requests().map(|requests| requests.begin());
        Terms { round, fuel: self.fuel, depth: self.depth.map(u64::from) }
    }
}

/// The symbols that an engine defines.
pub(crate) struct Hosts<'e> {
    pub imports: &'e HashMap<String, Arc<Import>>,
    pub addresses: &'e HashMap<String, usize>,
}

/// What a call goes to.
#[derive(Clone, Copy)]
pub(crate) struct Callee {
    pub func: FuncId,
    /// Its address.
    pub target: usize,
    /// The adapter for its signature; in the interpreter 0, unless the function may be replaced.
    pub adapter: usize,
    /// How many words it takes.
    pub arguments: usize,
}

impl Program {
    pub(crate) fn load(
        module: Arc<Checked>,
        config: Config,
        hosts: &Hosts<'_>,
        lap: &mut dyn FnMut(&'static str),
    ) -> Result<Program, LoadError> {
        fatal::report_to_stderr();
        let mut imports = Vec::new();
        let mut symbols = HostSymbols::new();
        for (name, address) in hosts.addresses {
            symbols.define(name, *address as *const u8);
        }
        for decl in module.funcs().iter().filter(|f| f.linkage == Linkage::Import) {
            if let Some(import) = hosts.imports.get(&decl.name) {
                let declared = &module.sigs()[decl.sig.index()];
                if !signature::agree(declared, &import.sig) {
                    return Err(LoadError::ImportSignature {
                        name: decl.name.clone(),
                        declared: signature::show(declared, Some(&module)),
                        defined: signature::show(&import.sig, None),
                    });
                }
                symbols.define(&decl.name, import.thunk.address as *const u8);
                let name = || format!("import:{}", decl.name);
                config.observers.written(import.thunk.address, name).map_err(LoadError::perf_map)?;
                imports.push(import.clone());
            }
        }
        let mut tier_up = None;
        let (image, interpreted, control) = match config.tier {
            Tier::Baseline | Tier::Optimized | Tier::Auto => {
                let options = config.options();
                let compiled = || lap("compile");
                let image = match config.tier {
                    Tier::Auto => {
                        link::load_counting(&module, &options, |f| config.rule.counts(f), &symbols, compiled)
                    }
                    _ => link::load(&module, &options, &symbols, compiled),
                };
                let image = image.map_err(LoadError::from)?;
                config.observers.program(&image, &module).map_err(LoadError::perf_map)?;
                let control = Control::new(module.clone(), config.catch_panics, image.requests().cloned());
                let control = Arc::new(control);
                control.clone().listen(&image);
                if config.tier == Tier::Auto {
                    let rising = TierUp::new(module.clone(), options, symbols, config.observers, config.rule);
                    rising.clone().look_after(&image, control.clone());
                    tier_up = Some(rising);
                }
                (image, None, control)
            }
            Tier::Interpreter => {
                let (image, interpreted) = Interpreted::load(&module, config, &symbols)?;
                config.observers.callbacks(&image, &module).map_err(LoadError::perf_map)?;
                let control = interpreted.control.clone();
                (image, Some(interpreted), control)
            }
        };
        image.attach(module.clone());
        // The image keeps what its code calls, because it may outlive the program's handles.
        imports.into_iter().for_each(|import| image.keep(import));
        lap("link");
        let mut exports = HashMap::new();
        for (decl, func) in module.funcs().iter().zip((0..).map(FuncId)) {
            if decl.linkage == Linkage::Export || decl.entry_of.is_some() {
                exports.insert(decl.name.clone(), func);
            }
        }
        let Config { tier, fuel, depth, observers, .. } = config;
        let replaceable =
            module.funcs().iter().zip((0..).map(FuncId)).filter(|(_, id)| module.is_replaceable(*id));
        let replaceable = replaceable.map(|(f, id)| (f.name.clone(), id)).collect();
        let inner = Inner {
            tier,
            tier_up,
            image,
            module,
            interpreted,
            control,
            fuel,
            depth,
            exports,
            replaceable,
            observers,
        };
        Ok(Program(Arc::new(inner)))
    }

    /// What watches and asks this program's calls.
    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.0.control
    }

    /// What [`Tier::Auto`] has done so far; none in other tiers.
    #[doc(hidden)]
    pub fn changes(&self) -> Option<Changes> {
        Some(self.0.tier_up.as_ref()?.changes())
    }

    /// The module it was loaded from.
    pub fn module(&self) -> &Checked {
        &self.0.module
    }

    /// A handle to an exported function, for instance `program.function::<fn(i64) -> i64>("fib")`, or to a further entry
    /// of any function, by the entry's name; the function's name and a dot may stand before it.
    ///
    /// ```
    /// # use kiln::{Config, Engine};
    /// let engine = Engine::new(Config::new());
    /// let program = engine.load_text("
    ///     export fn half(%x: i64) -> i64 {
    ///         %y = ashr %x, 1
    ///         ret %y
    ///     }
    /// ").unwrap();
    /// let half = program.function::<fn(i64) -> i64>("half").unwrap();
    /// // SAFETY: `half` touches no memory.
    /// assert_eq!(unsafe { half.call(84) }, Ok(42));
    /// let wrong = program.function::<fn(f64) -> i64>("half").unwrap_err();
    /// assert_eq!(wrong.to_string(), "`half` is fn(i64) -> i64, not fn(f64) -> i64");
    /// ```
    ///
    /// # Errors
    /// There is no such function, or its signature is another; the error says both. `i32` and `u32` both stand for
    /// Kiln's `i32`; `i64`, `u64`, `isize`, `usize` and pointers for its `i64` and `ptr`.
    pub fn function<F: FunctionType>(&self, name: &str) -> Result<Function<F>, FunctionError> {
        let (func, found) = self.export(name)?;
        let wanted = F::signature();
        if !signature::agree(&wanted, found) {
            return Err(FunctionError::Signature {
                name: name.into(),
                wanted: signature::show(&wanted, None),
                found: signature::show(found, Some(&self.0.module)),
            });
        }
        Ok(Function::new(self.clone(), self.callee(func, found, &[])))
    }

    /// Calls an exported function or a further entry whose signature is known only now: one word per argument and per result (integers in
    /// the low bytes, floats as their bits, of aggregates the address). Where a result is an aggregate, one more word
    /// behind the arguments is the address to which its bytes are written, and of which the result's word reminds. Of a
    /// variadic function every further argument is an `i64`.
    ///
    /// # Errors
    /// There is no such function, the number of arguments is wrong, or the call trapped.
    ///
    /// # Safety
    /// As of [`Function`]'s `call`; besides, addresses among the arguments must be what the function takes them for.
    pub unsafe fn invoke(&self, name: &str, arguments: &[u64]) -> Result<Vec<u64>, InvokeError> {
        let (func, sig) = self.export(name)?;
        let aggregates = sig.results.iter().filter(|r| matches!(r, AbiType::Aggregate(_))).count();
        let (wanted, found) = (sig.params.len() + aggregates, arguments.len());
        if found < wanted || found > wanted && !sig.variadic {
            return Err(FunctionError::Arguments { name: name.into(), wanted, found }.into());
        }
        let variable = vec![Type::I64; found - wanted];
        let callee = self.callee(func, sig, &variable);
        let mut words = vec![0; WORDS.max(1 + words_of(sig, variable.len()))];
        words[1..=found].copy_from_slice(arguments);
        // SAFETY: the adapter is of the function's own signature and there is a word for each argument and result; the
        // rest is what this function asks of its caller.
        unsafe { self.enter(callee, &mut words)? };
        words.drain(..1);
        words.truncate(sig.results.len());
        Ok(words)
    }

    /// Replaces a function that is declared `replaceable` by an exported function of another program (or of this one):
    /// calls made from now on go there, whether by name, through the function's address, from C or by a [`Function`];
    /// calls that are inside the old function stay in it until they return. An import that is declared `replaceable`
    /// is bound so. The programs may run in different tiers. Further entries of a replaceable function can be replaced too,
    /// each by its own name; they stay when the function is replaced.
    ///
    /// The function's address stays what it was. If the other function is itself replaceable, calls go to whatever
    /// stands for it at the time of the call.
    ///
    /// ```
    /// # use kiln::{Config, Engine};
    /// let engine = Engine::new(Config::new());
    /// let program = engine.load_text("
    ///     export replaceable fn price(%n: i64) -> i64 {
    ///         %p = mul %n, 10
    ///         ret %p
    ///     }
    ///     export fn bill(%n: i64) -> i64 {
    ///         %p = call price(%n)
    ///         %t = add %p, 1
    ///         ret %t
    ///     }
    /// ").unwrap();
    /// let discount = engine.load_text("
    ///     export fn price(%n: i64) -> i64 {
    ///         %p = mul %n, 9
    ///         ret %p
    ///     }
    /// ").unwrap();
    /// let bill = program.function::<fn(i64) -> i64>("bill").unwrap();
    /// // SAFETY: none of the functions touches memory.
    /// assert_eq!(unsafe { bill.call(10) }, Ok(101));
    /// program.replace("price", &discount, "price").unwrap();
    /// drop(discount); // `program` holds it
    /// // SAFETY: as above.
    /// assert_eq!(unsafe { bill.call(10) }, Ok(91));
    /// program.restore("price").unwrap();
    /// // SAFETY: as above.
    /// assert_eq!(unsafe { bill.call(10) }, Ok(101));
    /// ```
    ///
    /// # How long the other program lives
    /// This program holds it until the function is replaced again or restored and no call under way can be in it any
    /// more: until each thread that was in a call from Rust into any program has returned from it, or has since called a
    /// host closure from a place outside the other program. Its data go with its code, so whoever keeps addresses of
    /// them longer holds a handle. Two programs that are bound to each other hold each other.
    ///
    /// Kiln does not see calls that C makes to a [`Function::address`] on a thread that no Rust call has entered on, nor
    /// calls that are suspended on stacks that C made. Whoever lets such calls happen holds the programs that they
    /// may be in, also those that were replaced, until they have returned. (Calls through a
    /// [`Callback`](crate::Callback) are seen.)
    ///
    /// # Errors
    /// One of the functions does not exist, the first is not replaceable, their signatures differ (the error says both),
    /// or the other function leads back to this one. Then nothing has changed.
    pub fn replace(&self, name: &str, with: &Program, with_name: &str) -> Result<(), ReplaceError> {
        let func = self.replaceable(name)?;
        let (with_func, with_sig) = with.export(with_name)?;
        let (ours, theirs) = (&*self.0.module, &*with.0.module);
        let sig = ours.signature_of(func);
        if !signature::agree_across((ours, sig), (theirs, with_sig)) {
            let wanted = signature::show(sig, Some(ours));
            let (with, found) = (with_name.into(), signature::show(with_sig, Some(theirs)));
            return Err(ReplaceError::Signature { name: name.into(), wanted, with, found });
        }
        // SAFETY: the signatures agree. Calls that Kiln does not see are left to those who make them.
        unsafe { self.0.image.replace(func, &with.0.image, with_func) }.map_err(|fault| match fault {
            ReplaceFault::NotReplaceable | ReplaceFault::NoSuchFunction => {
                ReplaceError::NotReplaceable { name: name.into() }
            }
            ReplaceFault::Circle => ReplaceError::Circle { name: name.into(), with: with_name.into() },
        })
    }

    /// Undoes [`Program::replace`]: later calls go to the function that the program came with. An import goes back to
    /// what the engine or the library that it names gave for it when the program was loaded; if there was nothing, calls
    /// trap as [`TrapKind::Unbound`](crate::TrapKind::Unbound).
    ///
    /// # Errors
    /// There is no such function, or it is not replaceable.
    pub fn restore(&self, name: &str) -> Result<(), ReplaceError> {
        let func = self.replaceable(name)?;
        self.0.image.restore(func).map_err(|_| ReplaceError::NotReplaceable { name: name.into() })
    }

    fn replaceable(&self, name: &str) -> Result<FuncId, ReplaceError> {
        if let Some(func) = self.0.replaceable.get(name) {
            return Ok(*func);
        }
        let name = name.to_owned();
        if self.0.module.find_func(&name).is_some() {
            return Err(ReplaceError::NotReplaceable { name });
        }
        let mut replaceable: Vec<String> = self.0.replaceable.keys().cloned().collect();
        replaceable.sort_unstable();
        Err(ReplaceError::NotFound { name, replaceable })
    }

    /// The names of the exported functions and of further entries, sorted.
    pub fn exports(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.exports.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// The address of an exported function or further entry, callable from C with its signature; what
    /// [`Function::address`] says of it holds here. `None` if no function of this name is exported.
    pub fn address(&self, name: &str) -> Option<*const u8> {
        self.0.image.address(self.find(name)?)
    }

    /// The address of an exported data object. It is valid as long as the program is alive; the object has the size and
    /// alignment that the module gives it, and the program may read it at any time, and write it if it is writable.
    /// `None` if no data object of this name is exported.
    ///
    /// ```
    /// # use kiln::{Config, Engine};
    /// use std::sync::atomic::{AtomicI64, Ordering};
    /// let engine = Engine::new(Config::new());
    /// let program = engine.load_text("
    ///     export data step = i64 [1]
    ///     export fn next(%x: i64) -> i64 {
    ///         %s = atomic_load.i64 [step] !relaxed
    ///         %y = add %x, %s
    ///         ret %y
    ///     }
    /// ").unwrap();
    /// let next = program.function::<fn(i64) -> i64>("next").unwrap();
    /// // SAFETY: `step` is an i64 that everyone accesses with atomic operations.
    /// let step = unsafe { AtomicI64::from_ptr(program.data("step").unwrap().cast()) };
    /// step.store(10, Ordering::Relaxed);
    /// // SAFETY: `next` only reads its data.
    /// assert_eq!(unsafe { next.call(32) }, Ok(42));
    /// ```
    pub fn data(&self, name: &str) -> Option<*mut u8> {
        let exported = |d: &&DataDecl| d.linkage == Linkage::Export && d.name == name;
        let index = self.0.module.data().iter().position(|d| exported(&d))?;
        self.0.image.data_address(DataId(index as u32))
    }

    fn find(&self, name: &str) -> Option<FuncId> {
        let qualified = || {
            let (func, entry) = name.rsplit_once('.')?;
            let found = self.0.exports.get(entry)?;
            let of = self.0.module.func(*found).entry_of?;
            (self.0.module.func(of).name == func).then_some(found)
        };
        self.0.exports.get(name).or_else(qualified).copied()
    }

    fn export(&self, name: &str) -> Result<(FuncId, &Signature), FunctionError> {
        let Some(func) = self.find(name) else {
            let exports = self.exports().into_iter().map(str::to_owned).collect();
            return Err(FunctionError::NotFound { name: name.into(), exports });
        };
        Ok((func, self.0.module.signature_of(func)))
    }

    fn callee(&self, func: FuncId, sig: &Signature, variable: &[Type]) -> Callee {
        let adapter = match self.0.interpreted {
            // Only what may have been replaced is called as native code is.
            Some(_) if !self.0.module.is_replaceable(func) => 0,
            Some(_) | None => {
                let adapter = adapter(sig, variable, self.0.module.layouts());
                // That the perf map file cannot be written is no reason not to call, and was an error when the
                // program was loaded.
                let _ =
                    self.0.observers.written(adapter, || format!("adapter:{}", signature::show(sig, None)));
                adapter
            }
        };
        // Every function with a body has an address, and so have its entries.
        let target = self.0.image.address(func).map_or(0, |address| address as usize);
        Callee { func, target, adapter, arguments: sig.params.len() + variable.len() }
    }

    /// Makes a call.
    ///
    /// # Safety
    /// The callee is one of this program, and `words` has room for one word more than its arguments and its results;
    /// the arguments are what the program may be called with.
    #[inline]
    pub(crate) unsafe fn enter(&self, callee: Callee, words: &mut [u64]) -> Result<(), Trap> {
        if let Some(interpreted) = &self.0.interpreted
            && (callee.adapter == 0 || self.0.image.replacement(callee.func).is_none())
        {
            return interpreted.enter(callee.func, callee.arguments, &mut words[1..]);
        }
        words[0] = callee.target as u64;
        let (adapter, words) = (callee.adapter as *const u8, words.as_mut_ptr());
        let result = if self.0.free() {
            // SAFETY: as this function asks.
            unsafe { kiln_runtime::enter(adapter, words) }
        } else {
            // SAFETY: as above.
            unsafe { kiln_runtime::enter_under(self.0.terms(), adapter, words) }
        };
        result.map_err(|raw| Trap::from_raw(&raw))
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("tier", &self.0.tier).field("exports", &self.exports()).finish()
    }
}
