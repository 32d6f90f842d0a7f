//! Safepoints that are watched, and calls that are interrupted.

use crate::import::Outcome;
use crate::program::Program;
use crate::trap::{Position, Trap, leave_pending};
use kiln_ir::trap::TrapKind;
use kiln_ir::verify::Checked;
use kiln_ir::{FuncId, Inst};
use kiln_runtime::fork::ObjectMutex;
use kiln_runtime::{Image, Requests};
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A `safepoint` that a call has reached, as a watcher sees it.
#[derive(Clone, Copy)]
pub struct Safepoint<'a> {
    module: &'a Checked,
    func: FuncId,
    inst: Inst,
    id: u32,
    values: &'a [u64],
}

impl Safepoint<'_> {
    /// The number that the program gives it.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The function it is in.
    pub fn function(&self) -> &str {
        &self.module.func(self.func).name
    }

    /// The source position, if the program carries positions.
    pub fn position(&self) -> Option<Position> {
        let position = self.module.func(self.func).body.as_ref()?.position(self.inst)?;
        Some(Position::of(self.module, position))
    }

    /// The values that it lists, in order, one word each: integers of 32 bits zero-extended, floats as their bits.
    pub fn values(&self) -> &[u64] {
        self.values
    }
}

impl fmt::Debug for Safepoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Safepoint { id, values, .. } = self;
        write!(f, "Safepoint({id} in `{}`, {values:x?})", self.function())
    }
}

/// What a watcher is, with the closure's type hidden.
type Watcher = dyn Fn(&Safepoint<'_>) -> Result<(), String> + Send + Sync;

/// What watches the calls of one program, and what asks them to end.
pub(crate) struct Control {
    module: Arc<Checked>,
    catch_panics: bool,
    /// None if the program never looks.
    requests: Option<Arc<Requests>>,
    watchers: ObjectMutex<Vec<Arc<Watcher>>>,
}

thread_local! {
    /// Whether this thread runs a watcher.
    static WATCHING: Cell<bool> = const { Cell::new(false) };
}

impl Control {
    pub fn new(module: Arc<Checked>, catch_panics: bool, requests: Option<Arc<Requests>>) -> Control {
        Control { module, catch_panics, requests, watchers: ObjectMutex::default() }
    }

    /// What is asked of the program's calls, if they ever look.
    pub fn requests(&self) -> Option<&Arc<Requests>> {
        self.requests.as_ref()
    }

    /// Has an image of the program's code tell of the safepoints that it stops at.
    pub fn listen(self: Arc<Control>, image: &Image) {
        image.on_stop(move |at| {
            let innermost = &at.frames[0];
            self.stop(innermost.func, innermost.inst, at.id, &innermost.values)
        });
    }

    /// Shows a safepoint to the watchers. Gives the kind of the trap to end the call with; what is to be said of it is
    /// left pending.
    pub fn stop(&self, func: FuncId, inst: Inst, id: u32, values: &[u64]) -> Result<(), TrapKind> {
        let watchers = self.watchers.lock().clone();
        if watchers.is_empty() || WATCHING.replace(true) {
            return Ok(());
        }
        let safepoint = Safepoint { module: &self.module, func, inst, id, values };
        let watched = catch_unwind(AssertUnwindSafe(|| watchers.iter().try_for_each(|w| w(&safepoint))));
        WATCHING.set(false);
        let message = match watched {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(message)) => message,
            Err(panic) => {
                if !self.catch_panics {
                    // The panic's own message has been written by the hook.
                    eprintln!("a panic left a watcher of a Kiln program's safepoints");
                    std::process::abort();
                }
                crate::import::panic_message(panic.as_ref())
            }
        };
        leave_pending(Trap::host(message));
        Err(TrapKind::Host)
    }
}

/// Keeps a watcher at work; dropping it ends the watch. See [`Program::watch`].
#[must_use = "a watch ends when it is dropped"]
pub struct Watch {
    program: Program,
    watcher: Arc<Watcher>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let control = self.program.control();
        let mut watchers = control.watchers.lock();
        watchers.retain(|watcher| !Arc::ptr_eq(watcher, &self.watcher));
        drop(watchers);
        if let Some(requests) = control.requests() {
            requests.remove_watcher();
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch({:?})", self.program)
    }
}

impl Program {
    /// Has every `safepoint` that a call reaches from now on shown to a closure, on the thread that runs the call, until
    /// the [`Watch`] is dropped. The closure may take its time, call functions (of this program too: what such calls reach
    /// is not shown), let the call go on, or end it by giving an error, which becomes a trap with its words. Several
    /// watchers are called in the order in which they began; the first error ends the call.
    ///
    /// A call that is under way when the watch begins is shown from its next safepoint on. When the watch is
    /// dropped, the closure may be running yet for another thread. While nobody watches, safepoints cost next to
    /// nothing. A panic in the closure is treated as one in a host function.
    ///
    /// ```
    /// use kiln::{Config, Engine};
    /// let program = Engine::new(Config::new()).load_text("
    ///     export fn sum(%n: i64) -> i64 {
    ///         %s = const 0
    ///     next:
    ///         safepoint 1 (%n, %s)
    ///         %s = add %s, %n
    ///         %n = sub %n, 1
    ///         bgt  %n, 0, next
    ///         ret  %s
    ///     }
    /// ").unwrap();
    /// let sum = program.function::<fn(i64) -> i64>("sum").unwrap();
    /// let watch = program.watch(|at| match at.values() {
    ///     [_, sum] if *sum > 20 => Err(format!("{sum} is enough")),
    ///     _ => Ok(()),
    /// });
    /// // SAFETY: `sum` touches no memory.
    /// let trap = unsafe { sum.call(10) }.unwrap_err();
    /// assert_eq!(trap.to_string(), "27 is enough in `sum` at <text>:5:9");
    /// drop(watch);
    /// // SAFETY: as above.
    /// assert_eq!(unsafe { sum.call(10) }, Ok(55));
    /// ```
    pub fn watch<O: Outcome<Values = ()>>(
        &self,
        watcher: impl Fn(&Safepoint<'_>) -> O + Send + Sync + 'static,
    ) -> Watch {
        let control = self.control();
        let watcher: Arc<Watcher> = Arc::new(move |safepoint| watcher(safepoint).outcome());
        control.watchers.lock().push(watcher.clone());
        if let Some(requests) = control.requests() {
            requests.add_watcher();
        }
        Watch { program: self.clone(), watcher }
    }

    /// Asks all calls of this program's functions that are under way, on whatever thread, to end: each does at its next
    /// `safepoint`, and with [`Config::interruptible`](crate::Config::interruptible) at its next function entry or loop
    /// head if that comes first, with [`TrapKind::Interrupted`]. Returns at once.
    ///
    /// Asked is every call from Rust (by [`Function`](crate::Function)'s `call` or [`Program::invoke`]) that began before
    /// and has not returned; of nested ones each for itself. Calls that begin afterwards are not asked: they run as if
    /// nothing had happened, while older ones are still on their way to a safepoint too. The request is over when the
    /// last call that is asked has ended, in whatever way; if none is under way, at once. A call that is inside a host
    /// function or C code ends when it comes back to code of the program; so does one that is inside a function of another
    /// program, which [stands for](Program::replace) one of this program's or was called at its address. Code that C has
    /// called back goes on until C has returned, since C is not skipped (a [`Callback`](crate::Callback) is a call of its own,
    /// and ends by itself). A thread that never entered by Rust (C calls an address on a thread of its own) is not asked.
    ///
    /// Of a program without safepoints that is not interruptible, no call ever hears of it.
    ///
    /// ```
    /// use kiln::{Config, Engine, TrapKind};
    /// use std::sync::{Mutex, mpsc};
    ///
    /// let (send, begun) = mpsc::channel();
    /// let send = Mutex::new(send);
    /// let mut engine = Engine::new(Config::new().interruptible(true));
    /// engine.define("begin", move || send.lock().unwrap().send(()).unwrap());
    /// let program = engine.load_text("
    ///     extern begin: fn()
    ///     export fn forever() {
    ///         call begin()
    ///     again:
    ///         jump again
    ///     }
    /// ")?;
    /// let forever = program.function::<fn()>("forever")?;
    /// // SAFETY: `forever` touches no memory and calls `begin` as it is defined.
    /// let call = std::thread::spawn(move || unsafe { forever.call() });
    /// begun.recv()?;
    /// program.interrupt();
    /// assert_eq!(call.join().unwrap().unwrap_err().kind(), TrapKind::Interrupted);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn interrupt(&self) {
        if let Some(requests) = self.control().requests() {
            requests.interrupt();
        }
    }
}
