//! Whether allocation brings each value to where it is read: a checker that knows the body and what was written, and
//! nothing of how that was decided.
//!
//! The walk logs each step of the code ([`Event`]). The log is replayed with facts "this place holds this value" in the place
//! of contents, along all edges of the body: where ways meet, what holds on all of them holds; an edge makes what
//! holds its argument hold the parameter. This is repeated until nothing changes, and then every read must find its
//! value (as the checker of regalloc2 has it: Fallin, "Cranelift, Part 4: A New Register Allocator", 2022). A place in the frame
//! that two values share is found when one overwrites the other and that is read.
//!
//! What is read is what instructions, records of exits, and calls say that they read; so a machine instruction that uses
//! another register than it said, or clobbers one and does not say so, is for the differential tests to find.
//!
//! Debug builds check functions of up to [`LIMIT`] instructions, with a bound on the work. Cost: events times facts, times
//! the depth to which loops are nested. Release builds log nothing.

use crate::emit::{At, Event};
use crate::optimize::Body;
use crate::regs::Reg;
use kiln_ir::{Block, Inst, Type, VReg};
use std::fmt;

/// Whether functions are checked at all.
const CHECKS: bool = cfg!(debug_assertions);
/// Instructions of the largest function that is checked.
const LIMIT: usize = 20_000;
/// Looks at a fact before checking is given up.
const WORK: usize = 100_000_000;

/// What was written of a function.
#[derive(Debug, Default)]
pub struct Log {
    events: Vec<Event>,
    /// Whether the function is too large.
    off: bool,
}

/// A read that does not find its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The instruction that reads, or whose edge does.
    pub inst: Inst,
    /// What it reads.
    pub v: VReg,
    /// Where.
    pub at: At,
    /// Which event it is.
    event: usize,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Broken { inst, v, at, event } = self;
        write!(f, "instruction {} reads %{} from {at:?}, which may hold another (event {event})", inst.0, v.0)
    }
}

/// Registers by their numbers, then places in the frame by their distances, so that those overlap that do.
type Place = u64;

fn place(at: At) -> Place {
    match at {
        At::Reg(reg) => reg.0 as Place,
        At::Slot(slot) => SLOTS + slot as Place,
    }
}

/// Where places in the frame start.
const SLOTS: Place = 1 << 16;

/// Which place holds which value.
#[derive(Clone, Default, PartialEq, Eq)]
struct Facts(Vec<(Place, VReg)>);

impl Facts {
    /// A place gets other contents. Of one in the frame, 8 bytes are overwritten.
    fn clear(&mut self, place: Place) {
        if place < SLOTS {
            self.0.retain(|(p, _)| *p != place);
        } else {
            self.0.retain(|(p, _)| *p + 8 <= place || place + 8 <= *p);
        }
    }

    fn copy(&mut self, to: Place, from: Place, keeps: impl Fn(VReg) -> bool) {
        if to == from {
            return self.0.retain(|(p, v)| *p != to || keeps(*v));
        }
        self.clear(to);
        for i in 0..self.0.len() {
            let (p, v) = self.0[i];
            if p == from && keeps(v) {
                self.0.push((to, v));
            }
        }
    }

    /// What holds an edge's argument holds the parameter now.
    fn cross(&mut self, args: &[VReg], params: &[VReg]) {
        let before = self.0.len();
        for i in 0..before {
            let (p, v) = self.0[i];
            let holds = args.iter().zip(params).filter(|(arg, _)| **arg == v);
            self.0.extend(holds.map(|(_, param)| (p, *param)));
        }
        let mut at = 0;
        self.0.retain(|(_, v)| {
            at += 1;
            at > before || !params.contains(v)
        });
    }
}

impl Log {
    /// Starts a function.
    #[inline]
    pub fn clear(&mut self, body: &Body) {
        if CHECKS {
            self.events.clear();
            self.off = body.f.insts().len() > LIMIT;
        }
    }

    /// Takes note of a step.
    #[inline]
    pub fn add(&mut self, event: Event) {
        if CHECKS && !self.off {
            self.events.push(event);
        }
    }

    /// Checks what was written since the start.
    ///
    /// # Errors
    /// The first read that does not find its value.
    pub fn check(&self, body: &Body) -> Result<(), Broken> {
        check(body, &self.events)
    }
}

/// Replays the events, again and again until what is known at labels stays the same.
fn check(body: &Body, events: &[Event]) -> Result<(), Broken> {
    // Of labels nobody has come to, nothing is known, not even that nothing is.
    let mut labels: Vec<Option<Facts>> = Vec::new();
    let mut work = 0;
    loop {
        let mut changed = false;
        let broken = replay(body, events, &mut labels, &mut changed, &mut work);
        if work > WORK {
            return Ok(());
        }
        if !changed {
            return broken.map_or(Ok(()), Err);
        }
    }
}

/// Replays the events once. Gives the first read that does not find its value, if what is known at labels is right.
fn replay(
    body: &Body,
    events: &[Event],
    labels: &mut Vec<Option<Facts>>,
    changed: &mut bool,
    work: &mut usize,
) -> Option<Broken> {
    let mut broken = None;
    let mut inst = Inst(0);
    // Nothing where control does not come.
    let mut now: Option<Facts> = None;
    for (event, what) in events.iter().enumerate() {
        match *what {
            Event::Start => now = Some(Facts::default()),
            Event::Label(label) => now = labels.get(label.index()).cloned().flatten(),
            Event::Inst(at) => inst = at,
            _ => {}
        }
        let Some(facts) = &mut now else { continue };
        *work += facts.0.len() + 1;
        // A part of a value is not the value.
        let whole = |ty: Type| move |v: VReg| body.f.ty(v).bytes() <= ty.bytes();
        match *what {
            Event::Start | Event::Label(_) | Event::Inst(_) => {}
            Event::Leave(edge, label) => {
                let edge = &body.edges[edge as usize];
                let args = body.args_of(edge);
                *work += facts.0.len() * args.len();
                let mut there = facts.clone();
                there.cross(args, body.params_of(edge.to));
                *changed |= meet(labels, label, there);
            }
            Event::Go(label) => {
                let there = now.take().unwrap_or_default();
                *changed |= meet(labels, label, there);
            }
            Event::Given(v, at) => {
                facts.0.retain(|(_, held)| *held != v);
                facts.clear(place(at));
                facts.0.push((place(at), v));
            }
            Event::Read(v, at) => {
                if broken.is_none() && !facts.0.contains(&(place(at), v)) {
                    broken = Some(Broken { inst, v, at, event });
                }
            }
            Event::Clobber(regs) => facts.0.retain(|(p, _)| *p >= SLOTS || !regs.has(Reg(*p as u8))),
            Event::Move(to, from) => facts.copy(place(At::Reg(to)), place(At::Reg(from)), |_| true),
            Event::Exchange(a, b) => {
                let (a, b) = (place(At::Reg(a)), place(At::Reg(b)));
                for (p, _) in &mut facts.0 {
                    *p = if *p == a { b } else if *p == b { a } else { *p };
                }
            }
            Event::Store(slot, ty, reg) => facts.copy(place(At::Slot(slot)), place(At::Reg(reg)), whole(ty)),
            Event::Load(reg, ty, slot) => facts.copy(place(At::Reg(reg)), place(At::Slot(slot)), whole(ty)),
            Event::Make(reg, v) => {
                facts.clear(place(At::Reg(reg)));
                facts.0.push((place(At::Reg(reg)), v));
            }
        }
    }
    broken
}

/// One more way leads to a label: what holds on all of them is left. Whether that is news.
fn meet(labels: &mut Vec<Option<Facts>>, label: Block, mut there: Facts) -> bool {
    if labels.len() <= label.index() {
        labels.resize(label.index() + 1, None);
    }
    there.0.sort_unstable();
    there.0.dedup();
    match &mut labels[label.index()] {
        Some(known) => {
            let before = known.0.len();
            known.0.retain(|fact| there.0.binary_search(fact).is_ok());
            known.0.len() != before
        }
        unknown => {
            *unknown = Some(there);
            true
        }
    }
}
