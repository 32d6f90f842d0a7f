//! Who runs what: compiled code where there is some, the interpreter elsewhere, and how one hands over to the other.
//!
//! Everything that they share is in the state, so handing over is no more than a call. Compiled code is entered at loop heads,
//! at what is called, and where calls return to that it did not make; it comes back by an exit, or by a return to a place
//! that was called from outside of it. Behind an exit the interpreter executes at least the instruction that it is at, and goes
//! on to the next place that has code. Places that are come by often get some.
#![allow(unsafe_code, reason = "enters compiled code, and writes what it leaves to the state")]

use super::compiled::{Analysis, Enter, Unit, compile};
use super::exits::Source;
use super::translate::Settings;
use crate::fault::FaultKind;
use crate::interpreter::Stop;
use crate::interpreter::fast::{self, Decoded, Watch};
use crate::program::Program;
use crate::state::{Header, State};
use kiln::{Function, LoadError, Tier, Trap, TrapKind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// How often a place is come by before it is compiled: interpreting a round of a loop of twenty instructions takes some 100 ns,
/// compiling it some 100 µs.
const HOT: u32 = 500;
/// The same when all was to be compiled beforehand.
const HOT_AHEAD: u32 = 2;
/// What an activation of compiled code takes of the native stack at most, with some to spare.
const FRAME: usize = 2048;
/// What is left of the native stack for Rust.
const RESERVE: usize = 256 << 10;
/// How deep calls must be able to go for it to be worth to enter.
const LEAST_DEPTH: usize = 4;

/// When what is compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// The whole program before it starts; places that are entered later when they are.
    Ahead,
    /// What is come by often, while the program waits.
    Hot,
    /// The same on another thread, while the program is interpreted.
    Meanwhile,
}

/// A place where compiled code can be entered.
struct Published {
    loaded: u32,
    function: Function<Enter>,
    unit: *const Unit,
}

/// A program with its compiled code, which grows as it runs. Cheap to clone. Any number of threads may run it at a time, each with
/// a machine of its own ([`Machine::run_compiled`](crate::Machine::run_compiled)).
#[derive(Clone)]
pub struct CompiledProgram(Arc<Inner>);

struct Inner {
    analysis: Analysis,
    when: When,
    decoded: OnceLock<Decoded>,
    /// For each place its code, if it has some. They are freed with this.
    table: Box<[AtomicPtr<Published>]>,
    /// For each place how often it was come by without code; the greatest number once it has some.
    heat: Box<[AtomicU32]>,
    /// For each place whether the other thread was asked to compile it.
    asked: Box<[AtomicBool]>,
    #[expect(clippy::vec_box, reason = "units do not move: published places refer to them")]
    units: Mutex<Vec<Box<Unit>>>,
    worker: Mutex<Option<Sender<u32>>>,
    exits: AtomicU64,
    entries: AtomicU64,
}

// SAFETY: what the pointers lead to is made before they are published, never changed, and freed with `self`.
unsafe impl Send for Inner {}
// SAFETY: as above; units and functions can be used from any thread.
unsafe impl Sync for Inner {}

impl std::fmt::Debug for CompiledProgram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledProgram").field("when", &self.0.when).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for entry in &mut self.table {
            let entry = *entry.get_mut();
            if !entry.is_null() {
                // SAFETY: `compile` made it of a box, and nobody else has `self`.
                drop(unsafe { Box::from_raw(entry) });
            }
        }
    }
}

impl CompiledProgram {
    /// Looks at a program, and compiles it if that is to be done ahead.
    ///
    /// # Errors
    /// The core's, for instance that there is no memory for code.
    pub fn new(program: &Program, settings: Settings, when: When) -> Result<CompiledProgram, LoadError> {
        let places = program.len() + 1;
        let inner = Inner {
            analysis: Analysis::of(program, settings),
            when,
            decoded: OnceLock::new(),
            table: (0..places).map(|_| AtomicPtr::default()).collect(),
            heat: (0..places).map(|_| AtomicU32::new(0)).collect(),
            asked: (0..places).map(|_| AtomicBool::new(false)).collect(),
            units: Mutex::default(),
            worker: Mutex::default(),
            exits: AtomicU64::new(0),
            entries: AtomicU64::new(0),
        };
        if when == When::Ahead {
            inner.compile(0)?;
        }
        Ok(CompiledProgram(Arc::new(inner)))
    }

    /// When what is compiled.
    pub fn when(&self) -> When {
        self.0.when
    }

    /// Whether its code counts instructions, so that it can be stopped after a number of them.
    pub fn counts(&self) -> bool {
        self.0.analysis.settings.counting
    }

    /// How often compiled code was entered, and how often it left by an exit, in all runs so far.
    pub fn transitions(&self) -> (u64, u64) {
        (self.0.entries.load(Ordering::Relaxed), self.0.exits.load(Ordering::Relaxed))
    }

    /// The IR of all that was compiled so far, as text.
    pub fn ir(&self) -> String {
        let units = self.0.units.lock().unwrap_or_else(PoisonError::into_inner);
        units.iter().map(|unit| unit.code.module().to_string()).collect()
    }

    /// Runs the state until the program ends, fails or stops. It must be one for these options.
    ///
    /// # Errors
    /// The fault of the instruction that the state is at.
    pub(crate) fn run(&self, state: &mut State<'_>) -> Result<Stop, FaultKind> {
        let inner = &*self.0;
        let Analysis { program, settings, .. } = &inner.analysis;
        let watch = inner.watch();
        loop {
            let at = state.instruction();
            if state.big_values() == 0
                && let Some(code) = self.code_at(at)
                && let Some(limits) = Limits::of(state, code)
                && inner.enter(code, limits, state)
            {
                // It has returned to a place that was called from elsewhere.
                watch.is_hot(state.instruction());
                continue;
            }
            let decoded = inner.decoded.get_or_init(|| Decoded::new(program, &settings.options));
            if let Some(outcome) = fast::run_watched(program, &settings.options, decoded, state, watch) {
                return outcome;
            }
        }
    }

    /// The code of a place; if it is hot and has none, that is seen to.
    fn code_at(&self, at: u32) -> Option<&Published> {
        let inner = &*self.0;
        let mut code = inner.table[at as usize].load(Ordering::Acquire);
        if code.is_null() {
            let heat = &inner.heat[at as usize];
            if heat.load(Ordering::Relaxed) < inner.watch().hot {
                return None;
            }
            if inner.when == When::Meanwhile {
                heat.store(0, Ordering::Relaxed);
                if !inner.asked[at as usize].swap(true, Ordering::Relaxed) {
                    self.ask(at);
                }
                return None;
            }
            if inner.compile(at).is_err() {
                // Without memory for code it goes on without code.
                heat.store(0, Ordering::Relaxed);
                return None;
            }
            code = inner.table[at as usize].load(Ordering::Acquire);
        }
        // SAFETY: what is published stays as long as `inner`.
        unsafe { code.as_ref() }
    }

    /// Has the other thread compile a place. It ends when nobody has the program any more.
    fn ask(&self, at: u32) {
        let mut worker = self.0.worker.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = worker.get_or_insert_with(|| {
            let (sender, receiver) = channel();
            let inner = Arc::downgrade(&self.0);
            // Without a thread nobody listens, and all is interpreted.
            let _ = std::thread::Builder::new()
                .name("kiln-whitespace".into())
                .spawn(move || work(&inner, &receiver));
            sender
        });
        let _ = sender.send(at);
    }
}

/// Compiles what is asked for until nobody asks any more.
fn work(inner: &Weak<Inner>, receiver: &Receiver<u32>) {
    for at in receiver {
        let Some(inner) = inner.upgrade() else { return };
        // What cannot be compiled stays with the interpreter.
        let _ = inner.compile(at);
    }
}

impl Inner {
    fn watch(&self) -> Watch<'_> {
        Watch { heat: &self.heat, hot: if self.when == When::Ahead { HOT_AHEAD } else { HOT } }
    }

    /// Compiles what is entered at a place.
    fn compile(&self, at: u32) -> Result<(), LoadError> {
        let mut units = self.units.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.table[at as usize].load(Ordering::Acquire).is_null() {
            return Ok(());
        }
        let unit = Box::new(compile(&self.analysis, at, Tier::Optimized)?);
        let (loaded, function) = (unit.loaded, unit.function.clone());
        let published = Box::new(Published { loaded, function, unit: &raw const *unit });
        units.push(unit);
        self.table[at as usize].store(Box::into_raw(published), Ordering::Release);
        self.heat[at as usize].store(u32::MAX, Ordering::Relaxed);
        Ok(())
    }

    /// Enters compiled code. Gives whether it returned, so that other code may be entered at once.
    fn enter(&self, code: &Published, limits: Limits, state: &mut State<'_>) -> bool {
        let header = state.header();
        // SAFETY: the header lives as long as the state, which nobody else uses meanwhile.
        let real = unsafe {
            let real = Limits { stack: (*header).stack_limit, calls: (*header).call_limit };
            (*header).owner = std::ptr::from_mut(state).cast();
            (*header).stack_limit = limits.stack;
            (*header).call_limit = limits.calls;
            real
        };
        self.entries.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the code is made for such headers: it keeps to the areas that the header tells of, as long as there is room
        // for what it does before it looks, which `Limits::of` has seen to.
        let outcome = unsafe { code.function.call(header) };
        // SAFETY: as above.
        unsafe {
            (*header).owner = std::ptr::null_mut();
            (*header).stack_limit = real.stack;
            (*header).call_limit = real.calls;
        }
        match outcome {
            Ok(place) => {
                state.set_instruction(place as u32);
                true
            }
            Err(trap) => {
                self.exits.fetch_add(1, Ordering::Relaxed);
                // SAFETY: units live as long as `self`, and the trap comes from this one.
                unsafe { leave(&*code.unit, &trap, state) };
                false
            }
        }
    }
}

/// How far compiled code may fill the stacks before it leaves. Functions look at the limit of calls when they are entered, and
/// regions at that of the data stack; what they and their callees do until they look is kept free above.
#[derive(Clone, Copy)]
struct Limits {
    stack: *mut i64,
    calls: *mut u32,
}

impl Limits {
    /// Those for code that is entered now; none if it may not be: there are too few items, or too little room on a stack.
    fn of(state: &State<'_>, code: &Published) -> Option<Limits> {
        let header = state.header();
        // SAFETY: the header lives as long as the state.
        let (top, stack, call_top, calls) =
            unsafe { ((*header).stack_top, (*header).stack_limit, (*header).call_top, (*header).call_limit) };
        // SAFETY: the unit lives as long as its code.
        let rise = unsafe { (*code.unit).rise } as usize;
        let items = (stack as usize).saturating_sub(top as usize) / 8;
        // Functions that call no other do not look, and inlined ones go one deeper yet.
        let places = (calls as usize).saturating_sub(call_top as usize + 8) / 4;
        let frames = native_room().saturating_sub(RESERVE) / FRAME;
        let depth = frames.min(items / 2 / rise).min(places);
        if depth < LEAST_DEPTH || state.height() < u64::from(code.loaded) {
            return None;
        }
        // Two more than the limit of calls lets through, and the one that is entered.
        let kept = (depth + 3) * rise;
        let calls = call_top.wrapping_add(depth);
        (kept < items).then(|| Limits { stack: stack.wrapping_sub(kept), calls })
    }
}

/// How many bytes are left of this thread's stack.
fn native_room() -> usize {
    thread_local! {
        static LOWEST: usize = lowest();
    }
    fn lowest() -> usize {
        let mut base = std::ptr::null_mut();
        let mut size = 0;
        // SAFETY: the attributes are initialised by the first call and given back by the last.
        unsafe {
            let mut attributes = std::mem::zeroed();
            if libc::pthread_getattr_np(libc::pthread_self(), &raw mut attributes) != 0 {
                return usize::MAX;
            }
            libc::pthread_attr_getstack(&raw const attributes, &raw mut base, &raw mut size);
            libc::pthread_attr_destroy(&raw mut attributes);
        }
        base as usize
    }
    let here = 0u8;
    (&raw const here as usize).saturating_sub(LOWEST.with(|lowest| *lowest))
}

/// Makes the state of what compiled code left.
///
/// # Safety
/// The trap is of code of the unit that was entered with this state.
unsafe fn leave(unit: &Unit, trap: &Trap, state: &mut State<'_>) {
    let TrapKind::Exit(number) = trap.kind() else { panic!("compiled code failed: {trap}") };
    let exit = unit.exits.get(number);
    let values = trap.values();
    let (sp, csp) = (values[0] as usize as *mut i64, values[1] as usize as *mut u32);
    for (place, source) in unit.exits.items(exit) {
        let value = match source {
            Source::Value(n) => values[*n as usize] as i64,
            Source::Constant(value) => *value,
        };
        // SAFETY: items of a region are in the data stack, for whose room the code has looked.
        unsafe { sp.wrapping_offset(*place as isize).write(value) };
    }
    let frames = unit.exits.frames(exit);
    for (n, place) in frames.iter().enumerate() {
        // SAFETY: the call stack has room for them, as for calls that are not inlined.
        unsafe { csp.wrapping_add(n).write(*place) };
    }
    let header: *mut Header = state.header();
    // SAFETY: the header lives as long as the state.
    unsafe {
        (*header).stack_top = sp.wrapping_offset(exit.height as isize);
        (*header).call_top = csp.wrapping_add(frames.len());
        (*header).steps_left += i64::from(exit.uncounted);
    }
    state.set_instruction(exit.instruction);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::tests::program;
    use crate::interpreter::big;
    use crate::options::{Chars, Compat, Division, Heap, Options, Overflow};
    use crate::state::{Channels, FLAT_LEAST, Sizes};

    /// All that can be seen of a run that is interpreted, or compiled; the check with the number `forced` fails.
    fn run(
        program: &Program,
        input: &str,
        options: &Options,
        compiled: Option<&CompiledProgram>,
        forced: u64,
    ) -> String {
        let mut output = Vec::new();
        let sizes = Sizes { flat: FLAT_LEAST, stack: 1 << 16, calls: 1 << 16, rest: 1 << 22 };
        let channels = Channels::new(input.as_bytes(), &mut output);
        let mut state = State::with_sizes(options, channels, sizes).expect("memory");
        let counting = compiled.is_none_or(CompiledProgram::counts);
        state.grant_steps(if counting { 100_000 } else { i64::MAX as u64 });
        // SAFETY: nobody else has the state.
        unsafe { (*state.header()).forced = forced };
        let outcome = match compiled {
            None => big::run(program, options, &mut state),
            Some(compiled) => compiled.run(&mut state),
        };
        state.return_input();
        state.flush().expect("a vector takes all");
        let steps = if counting { state.steps() } else { 0 };
        let items: Vec<_> = state.items().map(|item| item.to_value()).collect();
        let (calls, heap) = (state.calls().to_vec(), state.heap());
        let at = state.instruction();
        drop(state);
        let output = String::from_utf8_lossy(&output);
        format!("{output} {outcome:?} at {at} {items:?} {calls:?} {heap:?} {steps}")
    }

    const PROGRAMS: &[(&str, &str)] = &[
        ("push 1 push 2 add printi end", ""),
        ("push 9 call fib printi end
          fib: dup push 2 sub jn small dup push 1 sub call fib swap push 2 sub call fib add small: ret", ""),
        ("push 100 l: push 1 sub dup jz o jmp l o: printi push 10 printc end", ""),
        ("push 5 l: dup jz o dup push 1 sub jmp l o: m: printi push 32 printc jmp m", ""),
        ("push 9223372036854775800 l: push 1 add dup printi push 10 printc push 0 retrieve push 1 add dup push 0 swap store
          push 20 sub jn l end", ""),
        ("push -7 push 2 div printi push -7 push 2 mod printi push 7 push -2 div printi push 7 push -2 mod printi
          push 1 push 3 store push -3 push 1 retrieve div printi push -8 push 1 retrieve mod printi
          push 2 push -1 store push 5 push 2 retrieve div printi push 5 push 2 retrieve mod printi
          push 5 push 0 div", ""),
        ("l: push 0 readc push 0 retrieve dup jz o printc jmp l o: end", "h\u{e9}llo\0"),
        ("push 3 call f call f end f: swap ret", ""),
        ("push 1000 call sum printi end
          sum: dup jz o dup push 1 sub call sum add o: ret", ""),
        ("push 30 push 12 call gcd printi end gcd: dup jz o swap copy 1 mod call gcd ret o: drop ret", ""),
        ("push 0 l: dup push 50 sub jz o dup dup mul copy 1 swap store push 1 add jmp l
          o: push 7 retrieve printi push 100000000000 push 5 store push 100000000000 retrieve printi end", ""),
        ("push 1 push 2 push 3 slide 2 printi push 1 push 2 copy 1 copy 1 call t drop drop printi end
          t: dup jz o push 1 sub swap push 1 sub swap o: ret", ""),
        ("push 4 call many add add add printi end many: dup jz o dup push 1 sub call many o: ret", ""),
        ("push 1 call a ret a: push 2 call b ret b: push 3 add drop drop drop ret", ""),
        ("push 20 l: dup call even jz s drop jmp e s: push 3 mul push 1 add dup push 100 sub jn l printi end
          even: push 2 mod push 1 swap sub ret e: end", ""),
    ];

    fn option_sets() -> Vec<Options> {
        let base = Options::default();
        vec![
            base.clone(),
            Options { division: Division::Trunc, chars: Chars::Bytes, ..base.clone() },
            Options { heap: Heap::Error, ..base.clone() },
            Options { overflow: Overflow::Wrap, ..base.clone() },
            Options { overflow: Overflow::Error, ..base },
            Options::compat(Compat::Wspace03),
        ]
    }

    #[test]
    fn compiled_code_does_what_the_interpreter_does() {
        for options in option_sets() {
            for (source, input) in PROGRAMS {
                let program = program(source);
                let counted = run(&program, input, &options, None, 0);
                let (uncounted, _) = counted.rsplit_once(' ').expect("the steps stand last");
                for when in [When::Ahead, When::Hot] {
                    for counting in [false, true] {
                        let settings = Settings { options: options.clone(), counting, forced: false };
                        let compiled = CompiledProgram::new(&program, settings, when).expect("it compiles");
                        let found = run(&program, input, &options, Some(&compiled), 0);
                        let expected = if counting { counted.clone() } else { format!("{uncounted} 0") };
                        assert_eq!(found, expected, "{source} {options:?} {when:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_check_may_fail() {
        let options = Options::default();
        for (source, input) in PROGRAMS {
            let program = program(source);
            let expected = run(&program, input, &options, None, 0);
            let settings = Settings { options: options.clone(), counting: true, forced: true };
            let compiled = CompiledProgram::new(&program, settings, When::Ahead).expect("it compiles");
            for forced in 1..100 {
                let found = run(&program, input, &options, Some(&compiled), forced);
                assert_eq!(found, expected, "{source} {forced}");
            }
        }
    }

    #[test]
    fn a_hot_loop_is_taken_over_in_the_middle_by_what_another_thread_compiles() {
        let options = Options::default();
        let program =
            program("push 0 push 100000000 l: push 1 sub swap push 3 add swap dup jz o jmp l o: drop end");
        let settings = Settings { options: options.clone(), ..Settings::default() };
        let compiled = CompiledProgram::new(&program, settings, When::Meanwhile).expect("it compiles");
        let found = run(&program, "", &options, Some(&compiled), 0);
        assert_eq!(found, " Ok(End) at 14 [Small(300000000)] [] [] 0");
        assert_eq!(compiled.transitions().0, 1);
    }
}
