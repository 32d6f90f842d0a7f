//! The engine: how programs are executed, and what they may import from the host.

use crate::error::LoadError;
use crate::import::{HostFunction, Import};
use crate::link;
use crate::observe::Observers;
use crate::program::{Hosts, Program};
use crate::tier_up::Rule;
use kiln_codegen::{Features, Options, Passes, Stress};
use kiln_ir::text::{Includes, NoIncludes};
use kiln_ir::verify::{self, Checked};
use kiln_ir::{Module, text};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How programs are executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tier {
    /// Slow and obvious; defines what programs mean, executes every operation.
    Interpreter,
    /// Machine code, compiled in one walk that looks and one that writes.
    Baseline,
    /// Machine code that much work goes into, all of it before the program runs.
    Optimized,
    /// Baseline code that counts what its functions and their loops do. Functions that
    /// turn out to be hot are compiled by the optimizing compiler on a thread of the process, while the program runs on
    /// (those of a few ops at once, on its own thread);
    /// then calls go to the new code, and calls that are in a loop change over in the middle. What programs do is the
    /// same, however fast the thread is.
    ///
    /// **The rule.** A function is compiled when it has executed so many ops, by its entries or in one of its loops, that
    /// this took about a third as long as compiling it will: 1000 for each op that it has, and for 60 more. Calls that are in such a
    /// loop, if they are the first or stay there, are taken over in the middle, at the head of the outermost loop that they
    /// come by. Functions that jump to labels by their addresses are compiled once, when the program is loaded, by the
    /// optimizing compiler. More in `docs/tiers.md` of the repository.
    #[default]
    Auto,
}

/// What an engine is made with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Config {
    pub(crate) tier: Tier,
    pub(crate) catch_panics: bool,
    pub(crate) step_limit: Option<u64>,
    features: Option<Features>,
    pub(crate) canonical_nan: bool,
    frame_pointers: bool,
    landing_pads: Option<bool>,
    pub(crate) observers: Observers,
    pub(crate) interruptible: bool,
    pub(crate) fuel: Option<u64>,
    pub(crate) depth: Option<u32>,
    pub(crate) rule: Rule,
    passes: Passes,
    stress: Stress,
}

impl Config {
    /// [`Tier::Auto`]; a panic in a host function ends the process; no step limit.
    pub fn new() -> Config {
        Config::default()
    }

    /// How programs are executed.
    pub fn tier(mut self, tier: Tier) -> Config {
        self.tier = tier;
        self
    }

    /// Makes a panic in a host function a trap with its message instead of the end of the process.
    pub fn catch_panics(mut self, catch: bool) -> Config {
        self.catch_panics = catch;
        self
    }

    /// The processor features that compiled code may use, instead of all that this processor has.
    ///
    /// Code that uses a feature which the processor lacks ends the process.
    pub fn features(mut self, features: Features) -> Config {
        self.features = Some(features);
        self
    }

    /// Makes float arithmetic give one NaN only, the positive quiet one with payload 0, in every tier. Copies, loads,
    /// stores, `fneg`, `fabs`, `fcopysign`, `bitcast` and `select` keep NaNs as they are in any case.
    pub fn canonical_nan(mut self, canonical: bool) -> Config {
        self.canonical_nan = canonical;
        self
    }

    /// Makes every compiled function keep a frame pointer (`rbp` on x86-64, as C compilers do with
    /// `-fno-omit-frame-pointer`), so that profilers which follow the chain of them see whole stacks. Unwind tables,
    /// which debuggers and exceptions use, are there in any case. Costs two instructions per call and a register.
    pub fn frame_pointers(mut self, keep: bool) -> Config {
        self.frame_pointers = keep;
        self
    }

    /// Whether all that can be called or jumped to by its address begins with a landing-pad instruction (`endbr64` on
    /// x86-64), instead of just when the process runs with the protection that asks for them. It makes code somewhat
    /// longer; where nothing asks for it the instruction does nothing.
    pub fn landing_pads(mut self, emit: bool) -> Config {
        self.landing_pads = Some(emit);
        self
    }

    /// Names the code of programs in the map file that perf and other profilers read, `/tmp/perf-PID.map`: functions,
    /// and what Kiln makes to call them and to be called (`adapter:`, `import:`, `callback:`, `stub:`).
    ///
    /// A process forked from this one has a file of its own once it loads a program. Nothing is taken out of the file
    /// when programs go; it stays behind when the process ends. [`Config::frame_pointers`] lets profilers see whole
    /// stacks.
    pub fn perf_map(mut self, on: bool) -> Config {
        self.observers.perf_map = on;
        self
    }

    /// Shows programs to debuggers, by gdb's JIT interface, as long as they are loaded: names of functions, source lines,
    /// frames. Costs memory, some hundred bytes per function, and in a process that is being debugged a
    /// moment's stop per program.
    ///
    /// Debuggers find it by a symbol of the host program, which must not be stripped.
    #[cfg(feature = "gdb")]
    pub fn gdb(mut self, on: bool) -> Config {
        self.observers.gdb = on;
        self
    }

    /// Makes programs look at each function entry and each loop head whether their call is asked to end, so that
    /// [`Program::interrupt`] ends it soon whatever it does. Without this, they look at their `safepoint`s only.
    ///
    /// Costs a compare with memory and a branch at each such place.
    pub fn interruptible(mut self, interruptible: bool) -> Config {
        self.interruptible = interruptible;
        self
    }

    /// Limits what each call from the host may do: it is given so many units of fuel, and traps with
    /// [`TrapKind::OutOfFuel`](crate::TrapKind::OutOfFuel) where it would need one more. Every function that is entered
    /// takes a unit, and so does every arrival at a loop head, by falling into it or by jumping there; a loop head is a
    /// block that some jump, branch or cold edge in it or behind it goes to. All tiers count alike; what C and Rust functions do is
    /// not counted. A program's function that C calls back takes from the fuel of the call that C was called from; if that
    /// is used up there, the call ends when C, which is not skipped, has returned. Code
    /// that no host has called (C calls it on a thread of its own) is not limited.
    ///
    /// ```
    /// use kiln::{Config, Engine, TrapKind};
    /// let program = Engine::new(Config::new().fuel(1000)).load_text("
    ///     export fn count(%n: i64) -> i64 {
    ///         %i = const 0
    ///     next:
    ///         %i = add %i, 1
    ///         blt  %i, %n, next
    ///         ret  %i
    ///     }
    /// ").unwrap();
    /// let count = program.function::<fn(i64) -> i64>("count").unwrap();
    /// // SAFETY: `count` touches no memory. One unit is for entering it.
    /// assert_eq!(unsafe { count.call(999) }, Ok(999));
    /// // SAFETY: as above. Each call has fuel of its own.
    /// assert_eq!(unsafe { count.call(1000) }.unwrap_err().kind(), TrapKind::OutOfFuel);
    /// ```
    pub fn fuel(mut self, units: u64) -> Config {
        self.fuel = Some(units);
        self
    }

    /// Limits how many activations of the program's functions a call from the host may have at a time: one more, and it
    /// traps with [`TrapKind::StackOverflow`](crate::TrapKind::StackOverflow) at the entry of that function. All tiers
    /// count alike. A tail call takes the place of its caller; C and Rust functions do not count; callbacks count to
    /// the call that C was called from.
    ///
    /// The stack's own end is a limit besides. Without this, compiled code knows no other; the interpreter stops at
    /// 100000.
    pub fn depth(mut self, activations: u32) -> Config {
        self.depth = Some(activations);
        self
    }

    /// When [`Tier::Auto`] has functions compiled better: for tests, which make it hurry.
    #[doc(hidden)]
    pub fn rule(mut self, rule: Rule) -> Config {
        self.rule = rule;
        self
    }

    /// The passes of the optimizing compiler that run, and what it does for tests.
    #[doc(hidden)]
    pub fn optimizer(mut self, passes: Passes, stress: Stress) -> Config {
        (self.passes, self.stress) = (passes, stress);
        self
    }

    /// What the compiler is told.
    pub(crate) fn options(&self) -> Options {
        let host = link::host_options();
        let features = self.features.unwrap_or(host.features);
        let tier = match self.tier {
            Tier::Optimized => kiln_codegen::Tier::Optimized,
            Tier::Interpreter | Tier::Baseline | Tier::Auto => kiln_codegen::Tier::Baseline,
        };
        Options {
            tier,
            passes: self.passes,
            stress: self.stress,
            features,
            canonical_nan: self.canonical_nan,
            frame_pointers: self.frame_pointers,
            landing_pads: self.landing_pads.unwrap_or(host.landing_pads),
            polls: self.interruptible,
            fuel: self.fuel.is_some(),
            depth: self.depth.is_some(),
            ..host
        }
    }

    /// The number of instructions that a call may execute in the interpreter before it traps. Compiled code
    /// does not count.
    pub fn step_limit(mut self, steps: u64) -> Config {
        self.step_limit = Some(steps);
        self
    }
}

/// Loads programs. Holds the tier and the host's symbols; programs do not need it any more once they are loaded.
#[derive(Default)]
pub struct Engine {
    config: Config,
    imports: HashMap<String, Arc<Import>>,
    addresses: HashMap<String, usize>,
}

impl Engine {
    /// An engine without symbols of its own: imports are found in the libraries they name, else in the process (the C
    /// library, for one).
    pub fn new(config: Config) -> Engine {
        config.observers.prepare();
        Engine { config, ..Engine::default() }
    }

    /// The configuration.
    pub fn config(&self) -> Config {
        self.config
    }

    /// Defines an import: programs loaded from now on that import the name call the closure. What it replaces stays with the
    /// programs that have it.
    ///
    /// **Values.** Up to twelve parameters; nothing, one value or a tuple of up to four as result.
    ///
    /// **Errors.** An error that the closure returns ends the call from the host with a [`crate::Trap`] that carries its
    /// words and the place of the program's call. If the program was called back by native code, the native code cannot
    /// be skipped: use [`crate::Callback`]s there, else the process ends.
    ///
    /// **Panics.** A panic ends the process with its message, unless [`Config::catch_panics`] is set: then it is an
    /// error with the panic's words.
    ///
    /// **Threads.** The closure is called on whichever thread runs the program, on several at once; calls do not wait for
    /// each other.
    ///
    /// **Programs.** A closure may load, call, [replace](Program::replace) and drop programs, also the one that calls
    /// it. If a program that it calls traps, that is a `Result` in the closure like everywhere. The closure lives as long as
    /// code that calls it.
    ///
    /// ```
    /// use kiln::{Config, Engine};
    /// let mut engine = Engine::new(Config::new());
    /// engine.define("clamp", |x: f64| x.clamp(0.0, 1.0));
    /// engine.define("parse", |digit: i32| {
    ///     char::from_digit(digit as u32, 10).map(|c| c as i32).ok_or("not a digit")
    /// });
    /// ```
    pub fn define<Arguments: 'static>(&mut self, name: &str, closure: impl HostFunction<Arguments>) {
        let import = Import::new(name, closure, self.config.catch_panics);
        self.addresses.remove(name);
        self.imports.insert(name.into(), Arc::new(import));
    }

    /// Defines an import, a function or a data object, by its address.
    ///
    /// # Safety
    /// What is there must be what programs declare, and stay there while any program that imports it is alive.
    pub unsafe fn define_address(&mut self, name: &str, address: *const u8) {
        self.imports.remove(name);
        self.addresses.insert(name.into(), address as usize);
    }

    /// Reads, checks, compiles and links a program from text without includes.
    ///
    /// # Errors
    /// Everything that is wrong with it, at the first stage that finds something.
    pub fn load_text(&self, text: &str) -> Result<Program, LoadError> {
        self.load_text_with("<text>", text, &NoIncludes)
    }

    /// The same for a text with a name, for positions, and with includes.
    ///
    /// # Errors
    /// As [`Engine::load_text`].
    pub fn load_text_with(
        &self,
        name: &str,
        text: &str,
        includes: &dyn Includes,
    ) -> Result<Program, LoadError> {
        self.load_module(text::parse(name, text, includes).map_err(LoadError::Parse)?)
    }

    /// Reads, checks, compiles and links a program from bytecode.
    ///
    /// # Errors
    /// As [`Engine::load_text`].
    pub fn load_bytes(&self, bytes: &[u8]) -> Result<Program, LoadError> {
        self.load_module(Module::from_bytes(bytes).map_err(LoadError::Bytecode)?)
    }

    /// Checks, compiles and links a module.
    ///
    /// # Errors
    /// As [`Engine::load_text`].
    pub fn load_module(&self, module: Module) -> Result<Program, LoadError> {
        self.load(verify::check(module).map_err(|(_, faults)| LoadError::Verify(faults))?)
    }

    /// Compiles and links a checked module.
    ///
    /// # Errors
    /// What the tier's compiler refuses, or what cannot be linked.
    pub fn load(&self, module: impl Into<Arc<Checked>>) -> Result<Program, LoadError> {
        self.load_timed(module, &mut |_, _| {})
    }

    /// The same; tells how long each step took, by name, as it ends.
    ///
    /// # Errors
    /// As [`Engine::load`].
    pub fn load_timed(
        &self,
        module: impl Into<Arc<Checked>>,
        ended: &mut dyn FnMut(&'static str, Duration),
    ) -> Result<Program, LoadError> {
        let mut clock = Instant::now();
        let mut lap = |step| {
            let now = Instant::now();
            ended(step, now - std::mem::replace(&mut clock, now));
        };
        let hosts = Hosts { imports: &self.imports, addresses: &self.addresses };
        Program::load(module.into(), self.config, &hosts, &mut lap)
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.imports.keys().chain(self.addresses.keys());
        f.debug_struct("Engine")
            .field("config", &self.config)
            .field("defined", &names.collect::<Vec<_>>())
            .finish()
    }
}
