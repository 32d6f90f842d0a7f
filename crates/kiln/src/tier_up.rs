//! [`Tier::Auto`](crate::Tier::Auto): which functions of a program are compiled better, when, and how the program gets to the new code.
//!
//! Baseline code counts down ([`kiln_codegen::Options::counts`]) and calls [`TierUp::hot`] when a counter is below 0. Calls
//! get to better code through the function's slot ([`Image::improve`]); an activation in a loop is taken over
//! ([`kiln_codegen::takeover`]). Only that a counter is stored to and that code is switched depends on time; what the
//! program computes does not, because both codes do the same.
//!
//! **What is compiled.** By calls, the function as it is. For an activation in a loop, the function from the head of the
//! outermost loop around it that has come round at least once since counting began, and from the other outermost
//! ones behind that, so that one compilation serves a function of several loops in a row. If such code exists and the
//! activation does not come by its heads for a while, because the outer loop takes long for a round, it is compiled again
//! from a loop further in.
//!
//! **When.** When as many ops were executed as take about a third as long as compiling takes ([`Rule`]). Later costs hot
//! code; sooner, the compiler is busy with what is over by then.
//!
//! **By whom.** By the thread of [`background`]; small functions by the thread that runs them, because waking another
//! one takes nearly as long.
//!
//! **When a counter is looked at again.** Taking it up costs some hundred nanoseconds, so counters are set to what takes
//! some tens of microseconds, as measured by the clock since the last time.
#![allow(unsafe_code, reason = "gives the runtime code to go on at")]

use crate::link::{self, Better};
use crate::observe::Observers;
use crate::watch::Control;
use kiln_codegen::{Counts, Options, takeover};
use kiln_ir::verify::Checked;
use kiln_ir::{Block, FuncId, Function, InstData, Op};
use kiln_runtime::fork::ObjectMutex;
use kiln_runtime::{HostSymbols, Image, Takeover, WeakImage, background};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// When functions are compiled better, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// After so many entries of the function at least.
    pub calls: u32,
    /// After so many arrivals at a loop head at least.
    pub rounds: u32,
    /// After so many executed ops for each op of the function at least, and of [`COMPILING`].
    pub ops: u32,
    /// At once, on the thread that runs the program, instead of in the background.
    pub at_once: bool,
    /// Functions of so many ops at most that call no other functions of the module are compiled at once in any case: that
    /// takes little longer than waking another thread, and is over sooner.
    pub small: usize,
    /// Always at the loop head that was counted, not at one further out.
    pub innermost: bool,
}

/// What [`Tier::Auto`](crate::Tier::Auto) has done in a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// The functions whose calls go to better code, sorted.
    pub improved: Vec<String>,
    /// How many calls under way were taken over.
    pub taken_over: u64,
}

impl Default for Rule {
    fn default() -> Rule {
        Rule { calls: 0, rounds: 0, ops: 1000, at_once: false, small: 20, innermost: false }
    }
}

impl Rule {
    /// What the compiler is told for a function.
    pub(crate) fn counts(self, f: &Function) -> Counts {
        let compiled = u32::try_from(f.insts().len()).unwrap_or(u32::MAX).saturating_add(COMPILING);
        Counts { calls: self.calls, rounds: self.rounds, ops: self.ops.saturating_mul(compiled) }
    }
}

/// How many ops are compiled in the time that compiling a function takes besides.
const COMPILING: u32 = 60;
/// How many ops baseline code executes in a nanosecond, about.
const OPS_PER_NANOSECOND: u32 = 3;
/// Stored to a counter that has nothing more to say: below 0 again only after 2^31 more.
const NEVER: u32 = i32::MAX as u32;
/// How soon counters are looked at again while code is being compiled that the activation waits for.
const SOON: Duration = Duration::from_micros(50);
/// How long an activation may go round in a loop without coming by the head where it would be taken over.
const PATIENCE: Duration = Duration::from_micros(500);
/// How soon counters are looked at again where nothing is expected.
const LONG: Duration = Duration::from_millis(10);
/// Loop heads that one compilation serves at most.
const HEADS: usize = 8;

/// The functions of a program on their way up.
pub(crate) struct TierUp {
    image: OnceLock<WeakImage>,
    module: Arc<Checked>,
    options: Options,
    symbols: HostSymbols,
    observers: Observers,
    control: OnceLock<Arc<Control>>,
    rule: Rule,
    /// How often an activation was taken over.
    taken_over: AtomicU64,
    functions: ObjectMutex<HashMap<FuncId, Rise>>,
}

/// How far a function has got.
#[derive(Default)]
struct Rise {
    calls: Progress,
    takeovers: Vec<Successor>,
    /// When the word of a counter was last set, and to what.
    set: HashMap<usize, (Instant, u32)>,
}

/// Code that takes activations over at some loop heads.
struct Successor {
    heads: Vec<Block>,
    progress: Progress,
}

/// How far a compilation has got.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Progress {
    /// Nobody asked for it.
    #[default]
    Unasked,
    UnderWay,
    /// The code is at this address since then.
    Done(usize, Instant),
    Failed,
}

/// What is to be compiled.
#[derive(Clone, PartialEq, Eq)]
enum Wanted {
    /// The function, for its calls.
    Calls,
    /// What takes over activations at these loop heads.
    Takeover(Vec<Block>),
}

/// What becomes of an activation that is at a loop head.
enum Choice {
    /// Code is compiled that takes it over at one of these heads.
    Compile(Vec<Block>),
    /// Nothing for so long.
    Wait(Duration),
}

impl TierUp {
    pub fn new(
        module: Arc<Checked>,
        options: Options,
        symbols: HostSymbols,
        observers: Observers,
        rule: Rule,
    ) -> Arc<TierUp> {
        let options = Options { tier: kiln_codegen::Tier::Optimized, ..options };
        let (image, control, functions) = (OnceLock::new(), OnceLock::new(), ObjectMutex::default());
        let taken_over = AtomicU64::new(0);
        Arc::new(TierUp { image, module, options, symbols, observers, control, rule, taken_over, functions })
    }

    /// Begins to look after the image of a program, which was compiled and linked for it.
    pub fn look_after(self: Arc<TierUp>, image: &Image, control: Arc<Control>) {
        // Once each: nobody else has them.
        let _ = (self.image.set(image.downgrade()), self.control.set(control));
        // SAFETY: takeovers are of compilations for the counter's function with a list of heads that has the counter's at
        // the place given, linked onto the image and kept by it.
        unsafe { image.on_hot(move |counter| self.hot(counter as usize)) };
    }

    /// A counter is below 0.
    fn hot(self: &Arc<TierUp>, number: usize) -> Option<Takeover> {
        let image = self.image.get()?.upgrade()?;
        let counter = image.counters()[number];
        let Some(head) = counter.head else {
            image.counter(number).store(NEVER, Ordering::Relaxed);
            self.want_calls(counter.func);
            return None;
        };
        let mut found = self.round(&image, number, counter.func, head);
        if found.is_none() && self.is_compiled_at_once(counter.func) {
            // It may be there now.
            found = self.ready(self.functions.lock().entry(counter.func).or_default(), head);
        }
        if found.is_some() {
            self.taken_over.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// The functions whose calls go to better code, and how many activations were taken over.
    pub fn changes(&self) -> Changes {
        let functions = self.functions.lock();
        // Further entries rise with their functions.
        let own = |func: &FuncId| self.module.func(*func).entry_of.is_none();
        let done =
            functions.iter().filter(|(func, rise)| own(func) && matches!(rise.calls, Progress::Done(..)));
        let mut improved: Vec<String> = done.map(|(func, _)| self.module.func(*func).name.clone()).collect();
        improved.sort_unstable();
        Changes { improved, taken_over: self.taken_over.load(Ordering::Relaxed) }
    }

    /// Code that can take over at a loop head.
    fn ready(&self, rise: &Rise, head: Block) -> Option<Takeover> {
        rise.takeovers.iter().find_map(|from| {
            let Progress::Done(address, _) = from.progress else { return None };
            let at = from.heads.iter().position(|h| *h == head)?;
            Some(Takeover { address: address as *const u8, head: at as u64 })
        })
    }

    /// A loop of a function has gone round often.
    fn round(
        self: &Arc<TierUp>,
        image: &Image,
        number: usize,
        func: FuncId,
        head: Block,
    ) -> Option<Takeover> {
        let now = Instant::now();
        let counter = image.counter(number);
        let mut functions = self.functions.lock();
        let rise = functions.entry(func).or_default();
        if let Some(takeover) = self.ready(rise, head) {
            // Others that come by are taken over too.
            counter.store(0, Ordering::Relaxed);
            return Some(takeover);
        }
        let waits = rise.calls == Progress::UnderWay
            || rise.takeovers.iter().any(|from| from.progress == Progress::UnderWay);
        if waits && !self.rule.at_once {
            set_again(rise, image, number, now, SOON);
            drop(functions);
            background::keep_going();
            return None;
        }
        let body = self.module.func(func).body.as_ref()?;
        let counters = image.counters_of(func);
        let entered = taken(image, counters.start, image.counters()[counters.start].first);
        if !takeover::possible(&self.module, func, body) {
            counter.store(NEVER, Ordering::Relaxed);
            drop(functions);
            self.want_calls(func);
            return None;
        }
        // An activation of a recursive function has others behind it that calls lead to better code.
        let again = entered > 2 || calls_itself(body, func);
        // The only activations there are; or those that were there when calls were led elsewhere, and still are.
        let stays = match rise.calls {
            _ if !again || self.rule.at_once => true,
            Progress::Done(_, since) => now - since >= SOON,
            Progress::Failed => true,
            Progress::Unasked | Progress::UnderWay => false,
        };
        let choice = if stays { self.choose(image, rise, func, head, now) } else { Choice::Wait(SOON) };
        let wait = if let Choice::Wait(wait) = choice { wait } else { SOON };
        set_again(rise, image, number, now, wait);
        if let Choice::Compile(heads) = &choice {
            rise.takeovers.push(Successor { heads: heads.clone(), progress: Progress::UnderWay });
        }
        drop(functions);
        match choice {
            Choice::Compile(heads) => self.want(func, Wanted::Takeover(heads)),
            Choice::Wait(_) => background::keep_going(),
        }
        if again || entered > 1 {
            self.want_calls(func);
        }
        None
    }

    /// Where an activation that is at a loop head, and stays, is to be taken over.
    fn choose(&self, image: &Image, rise: &Rise, func: FuncId, head: Block, now: Instant) -> Choice {
        let Some(body) = &self.module.func(func).body else { return Choice::Wait(LONG) };
        if self.rule.innermost {
            return Choice::Compile(vec![head]);
        }
        let heads = loops_around(body, head);
        for at in heads.iter().copied() {
            match rise.takeovers.iter().find(|from| from.heads.contains(&at)).map(|from| from.progress) {
                Some(Progress::UnderWay | Progress::Unasked) => return Choice::Wait(SOON),
                Some(Progress::Done(_, since)) if now - since < PATIENCE => {
                    return Choice::Wait(PATIENCE / 4);
                }
                Some(Progress::Done(..) | Progress::Failed) => {}
                // Arriving for the first time is no round.
                None if at == head || self.arrivals(image, rise, func, at) >= 2 => {
                    let outermost = at == heads[0];
                    return Choice::Compile(if outermost { outermost_from(body, at) } else { vec![at] });
                }
                None => {}
            }
        }
        Choice::Wait(LONG)
    }

    /// How often a loop head was come by since its counter was set.
    fn arrivals(&self, image: &Image, rise: &Rise, func: FuncId, head: Block) -> u32 {
        let number = image.counters_of(func).find(|n| image.counters()[*n].head == Some(head));
        number.map_or(0, |n| {
            let first = rise.set.get(&word(image, n)).map_or(image.counters()[n].first, |(_, set)| *set);
            taken(image, n, first)
        })
    }

    /// Has a function compiled for its calls, unless that was done before.
    fn want_calls(self: &Arc<TierUp>, func: FuncId) {
        let before = {
            let mut functions = self.functions.lock();
            let calls = &mut functions.entry(func).or_default().calls;
            let before = *calls;
            if before == Progress::Unasked {
                *calls = Progress::UnderWay;
            }
            before
        };
        if before == Progress::Unasked {
            self.want(func, Wanted::Calls);
        }
    }

    /// Whether the thread that finds a function hot compiles it.
    fn is_compiled_at_once(&self, func: FuncId) -> bool {
        // What it calls may become part of it.
        let is_small = |f: &Function| {
            let others = |inst: &InstData| matches!(inst.op, Op::Call | Op::TailCall) && inst.a != func.0;
            f.insts().len() <= self.rule.small && !f.insts().iter().any(others)
        };
        self.rule.at_once || self.module.func(func).body.as_ref().is_some_and(is_small)
    }

    /// Has something compiled.
    fn want(self: &Arc<TierUp>, func: FuncId, wanted: Wanted) {
        if self.is_compiled_at_once(func) {
            return self.make(func, &wanted);
        }
        // A program that goes meanwhile is not kept.
        let this = Arc::downgrade(self);
        background::submit(Arc::new(move || {
            if let Some(this) = this.upgrade() {
                this.make(func, &wanted);
            }
        }));
    }

    /// Compiles something, and leads calls there.
    fn make(&self, func: FuncId, wanted: &Wanted) {
        let progress = self.compile(func, wanted);
        let mut functions = self.functions.lock();
        let rise = functions.entry(func).or_default();
        match wanted {
            Wanted::Calls => rise.calls = progress,
            Wanted::Takeover(heads) => {
                if let Some(from) = rise.takeovers.iter_mut().find(|from| from.heads == *heads) {
                    from.progress = progress;
                }
            }
        }
        drop(functions);
        if let (Wanted::Takeover(heads), Some(image)) =
            (wanted, self.image.get().and_then(WeakImage::upgrade))
        {
            // Who comes by is to look at once. Where this is lost, the counter is looked at soon enough.
            for number in image.counters_of(func) {
                if image.counters()[number].head.is_some_and(|head| heads.contains(&head)) {
                    image.counter(number).store(0, Ordering::Relaxed);
                }
            }
        }
    }

    fn compile(&self, func: FuncId, wanted: &Wanted) -> Progress {
        let heads = match wanted {
            Wanted::Calls => None,
            Wanted::Takeover(heads) => Some(&heads[..]),
        };
        let image = || self.image.get().and_then(WeakImage::upgrade);
        let calls = |func| match self.functions.lock().get(&func)?.calls {
            Progress::Done(address, _) => Some(address),
            _ => None,
        };
        let better = Better { func, heads, of: &image, calls: &calls };
        let Ok(Some((image, better))) =
            link::load_better(&self.module, &self.options, &self.symbols, &better)
        else {
            return Progress::Failed;
        };
        better.attach(self.module.clone());
        if let Some(control) = self.control.get() {
            control.clone().listen(&better);
        }
        // That the perf map file cannot be written is no reason to run slower.
        let _ = self.observers.program(&better, &self.module);
        let address = match wanted {
            Wanted::Calls => {
                image.improve(func, &better);
                let mut functions = self.functions.lock();
                for (entry, address) in better.entries() {
                    functions.entry(*entry).or_default().calls = Progress::Done(*address, Instant::now());
                }
                drop(functions);
                better.body(func)
            }
            Wanted::Takeover(_) => {
                image.keep(better.clone());
                better.takeover(func).map(|address| address as usize)
            }
        };
        address.map_or(Progress::Failed, |address| Progress::Done(address, Instant::now()))
    }
}

/// How often something was taken from a counter since it held so much.
fn taken(image: &Image, number: usize, first: u32) -> u32 {
    first.wrapping_sub(image.counter(number).load(Ordering::Relaxed)) / image.counters()[number].step.max(1)
}

/// The counter whose word a counter counts in.
fn word(image: &Image, number: usize) -> usize {
    image.counters()[number].word as usize
}

/// Sets a counter to about what takes so long, as far as is known.
fn set_again(rise: &mut Rise, image: &Image, number: usize, now: Instant, wait: Duration) {
    let word = word(image, number);
    let rounds = match rise.set.get(&word) {
        Some((since, set)) => {
            let took = (now - *since).as_nanos().max(1);
            (u128::from(*set).max(1) * wait.as_nanos() / took).clamp(16, 1 << 28) as u32
        }
        // Nobody has looked yet, so by what ops take.
        None => wait.as_nanos().min(1 << 24) as u32 * OPS_PER_NANOSECOND,
    };
    rise.set.insert(word, (now, rounds));
    image.counter(number).store(rounds, Ordering::Relaxed);
}

/// Whether a function has calls of itself.
fn calls_itself(f: &Function, func: FuncId) -> bool {
    f.insts().iter().any(|inst| inst.op == Op::Call && inst.a == func.0)
}

/// Where loops reach: for each block that is jumped to from behind, the last block that does.
fn ends(f: &Function) -> Vec<Option<Block>> {
    let mut ends = vec![None; f.blocks().len()];
    for b in (0..f.blocks().len() as u32).map(Block) {
        for inst in &f.insts()[f.block_range(b)] {
            if inst.op.is_terminator() || inst.op.effect() == kiln_ir::op::Effect::control {
                f.for_each_target(inst, |to| {
                    if to <= b {
                        ends[to.index()] = Some(b);
                    }
                });
            }
        }
    }
    ends
}

/// The heads of the loops that a loop head is in, the outermost first, itself last. O(instructions).
fn loops_around(f: &Function, head: Block) -> Vec<Block> {
    let ends = ends(f);
    let around = |at: &Block| *at == head || ends[at.index()].is_some_and(|end| end >= head);
    (0..=head.0).map(Block).filter(around).collect()
}

/// The heads of the outermost loops, from this one on, as many as one compilation serves.
fn outermost_from(f: &Function, head: Block) -> Vec<Block> {
    let ends = ends(f);
    let mut heads = vec![head];
    if head.0 == 0 {
        // What comes before the other heads is not cut off then.
        return heads;
    }
    let mut end = ends[head.index()].unwrap_or(head);
    for (at, last) in (0..).map(Block).zip(&ends).skip(head.index() + 1) {
        if let Some(last) = last.filter(|_| at > end) {
            end = last;
            heads.push(at);
        }
        if heads.len() == HEADS {
            break;
        }
    }
    heads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_are_found_by_where_their_jumps_go_back_from() {
        let module = kiln_ir::Module::parse(
            "fn f(%n: i64) {\n jump a\na:\n %n = add %n, 1\nb:\n %n = add %n, 2\n blt %n, 9, b\n\
             blt %n, 99, a\nc:\n %n = add %n, 3\n blt %n, 999, c\n ret\n}\n",
        )
        .unwrap();
        let f = module.funcs()[0].body.as_ref().unwrap();
        let heads: Vec<u32> = (0..).zip(f.loop_heads()).filter(|(_, head)| *head).map(|(b, _)| b).collect();
        let [a, b, c] = heads[..] else { panic!("three loops, not {heads:?}") };
        assert_eq!(loops_around(f, Block(b)), [Block(a), Block(b)]);
        assert_eq!(loops_around(f, Block(c)), [Block(c)]);
        assert_eq!(outermost_from(f, Block(a)), [Block(a), Block(c)]);
    }
}
