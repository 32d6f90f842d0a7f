//! Whether allocation brings each value to where it is read: a checker that knows the body and what was written, and
//! nothing of how that was decided.
//!
//! The walk logs each step of the code ([`Event`]). The log is replayed with facts "this place holds this value" in the place
//! of contents, along all edges of the body: where ways meet, what holds on all of them holds; an edge makes what
//! holds its argument hold the parameter. This is repeated until nothing changes, and then every read must find its
//! value (as the checker of regalloc2 has it: Fallin, "Cranelift, Part 4: A New Register Allocator", 2022). A place in the frame
//! that two values share is found when one overwrites the other and that is read.
//!
//! What is written behind the last way out of a block is never executed: whoever wrote it took the end of the block to be
//! farther down, and in code that is. So between there and the next label nothing may be written.
//!
//! Each operand must have been read where its instruction was written, too, or where what it is folded into was. What
//! machine instructions do is not known: that one uses another register than it said, or clobbers one and does not say
//! so, is for the differential tests to find.
//!
//! Debug builds check functions of up to [`LIMIT`] instructions, with a bound on the work. Cost: events times facts, times
//! the depth to which loops are nested. Release builds log nothing.

use crate::emit::{At, Event};
use crate::optimize::Body;
use crate::regs::Reg;
use kiln_ir::{Block, Inst, Op, Type, VReg};
use std::fmt;
use std::ops::Range;

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

/// A step that is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The instruction of the step, or whose edge it is for.
    pub inst: Inst,
    /// What is wrong.
    pub wrong: Wrong,
    /// Which event it is.
    event: usize,
}

/// What can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// A value is read from a place that may hold another.
    Elsewhere(VReg, At),
    /// An operand is not read.
    Unread(VReg),
    /// Something is written behind the last way out of a block.
    Behind(Event),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Broken { inst, wrong, event } = self;
        write!(f, "instruction {} ", inst.0)?;
        match wrong {
            Wrong::Elsewhere(v, at) => write!(f, "reads %{} from {at:?}, which may hold another", v.0),
            Wrong::Unread(v) => write!(f, "does not read %{}", v.0),
            Wrong::Behind(step) => write!(f, "has {step:?} behind the last way out of its block"),
        }?;
        write!(f, " (event {event})")
    }
}

/// Registers by their numbers, then places in the frame by their distances, so that those overlap that do, and last for each
/// value that is made anew what it is made from.
type Place = u64;

fn place(at: At) -> Place {
    match at {
        At::Reg(reg) => reg.0 as Place,
        At::Slot(slot) => SLOTS + slot as Place,
    }
}

/// Where places in the frame start.
const SLOTS: Place = 1 << 16;
/// Where values start that are made anew.
const MADE: Place = 1 << 48;

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

    /// What holds an edge's argument holds the parameter now. So does what is going to be made for it, maybe behind the
    /// jump only.
    fn cross(&mut self, args: &[VReg], params: &[VReg], made: &[bool]) {
        let before = self.0.len();
        let pairs = args.iter().zip(params).filter(|(arg, _)| made[arg.index()]);
        self.0.extend(pairs.map(|(arg, param)| (MADE + arg.0 as Place, *param)));
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
    /// The first write behind the end of a block, or else the first read that does not find its value.
    pub fn check(&self, body: &Body) -> Result<(), Broken> {
        if CHECKS && !self.off { check(body, &self.events) } else { Ok(()) }
    }
}

/// What the body says of values, and which instructions were written.
struct Written {
    /// For each value, the instruction that writes it, or [`NOWHERE`].
    def: Vec<u32>,
    /// For each value, whether it is a constant or an address.
    made: Vec<bool>,
    /// For each instruction, whether it was written where it stands.
    stands: Vec<bool>,
}

const NOWHERE: u32 = u32::MAX;

impl Written {
    fn new(body: &Body, events: &[Event]) -> Written {
        let f = &body.f;
        let mut def = vec![NOWHERE; f.vregs().len()];
        let mut made = vec![false; f.vregs().len()];
        for (at, inst) in (0..).zip(f.insts()) {
            f.for_each_def(inst, |v| def[v.index()] = at);
            if let Op::Const | Op::SlotAddr | Op::DataAddr | Op::FuncAddr | Op::LabelAddr = inst.op {
                made[inst.dst as usize] = true;
            }
        }
        let mut stands = vec![false; f.insts().len()];
        let mut inst = 0;
        for event in events {
            match *event {
                Event::Inst(at) => inst = at.index(),
                Event::Done(more) => stands[inst..=inst + more as usize].fill(true),
                _ => {}
            }
        }
        Written { def, made, stands }
    }

    /// A value that an instruction wants and that was not read; those that come from instructions written with it are
    /// not. Of what was folded into it, it wants the operands.
    fn missed(&self, body: &Body, inst: Inst, reads: &[VReg], with: &Range<u32>) -> Option<VReg> {
        let mut missed = None;
        if body.f.insts()[inst.index()].op == Op::VaEnd {
            // Nothing needs to be done, and so nothing is written.
            return missed;
        }
        body.f.for_each_use(&body.f.insts()[inst.index()], |v| {
            let def = self.def[v.index()];
            if missed.is_some() || self.made[v.index()] || with.contains(&def) || reads.contains(&v) {
            } else if def == NOWHERE || self.stands[def as usize] {
                missed = Some(v);
            } else {
                missed = self.missed(body, Inst(def), reads, with);
            }
        });
        missed
    }
}

/// The first write behind the last way out of a block and before the next label.
fn written_behind(body: &Body, events: &[Event]) -> Option<Broken> {
    let ends = |inst: Inst| body.f.insts()[inst.index()].op.is_terminator();
    let mut inst = Inst(0);
    // By how many of its edges the current instruction was left, if it ends a block.
    let mut left = 0;
    let mut gone = false;
    for (event, what) in events.iter().enumerate() {
        match *what {
            Event::Start | Event::Label(_) => gone = false,
            Event::Inst(at) => (inst, left) = (at, 0),
            Event::Done(more) => gone |= ends(Inst(inst.0 + more)),
            Event::Go(_) => gone = true,
            Event::Leave(edge, _) => {
                let by = body.edges[edge as usize].inst;
                if ends(by) {
                    left += 1;
                    let first = body.edges.partition_point(|edge| edge.inst < by);
                    gone = left == body.edges[first..].iter().take_while(|edge| edge.inst == by).count();
                }
            }
            Event::Read(..) => {}
            Event::Given(..)
            | Event::Clobber(_)
            | Event::Move(..)
            | Event::Exchange(..)
            | Event::Store(..)
            | Event::Load(..)
            | Event::Make(..) => {
                if gone {
                    return Some(Broken { inst, wrong: Wrong::Behind(*what), event });
                }
            }
        }
    }
    None
}

/// Replays the events, again and again until what is known at labels stays the same.
fn check(body: &Body, events: &[Event]) -> Result<(), Broken> {
    if let Some(broken) = written_behind(body, events) {
        return Err(broken);
    }
    // Of labels nobody has come to, nothing is known, not even that nothing is.
    let mut labels: Vec<Option<Facts>> = Vec::new();
    let written = Written::new(body, events);
    let mut work = 0;
    loop {
        let mut changed = false;
        let broken = replay(body, events, &written, &mut labels, &mut changed, &mut work);
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
    written: &Written,
    labels: &mut Vec<Option<Facts>>,
    changed: &mut bool,
    work: &mut usize,
) -> Option<Broken> {
    let mut broken = None;
    let mut inst = Inst(0);
    // By the current instruction.
    let mut reads: Vec<VReg> = Vec::new();
    // Nothing where control does not come.
    let mut now: Option<Facts> = None;
    for (event, what) in events.iter().enumerate() {
        match *what {
            Event::Start => now = Some(Facts::default()),
            Event::Label(label) => now = labels.get(label.index()).cloned().flatten(),
            Event::Inst(at) => {
                inst = at;
                reads.clear();
            }
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
                there.cross(args, body.params_of(edge.to), &written.made);
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
            Event::Done(more) => {
                for i in inst.0..=inst.0 + more {
                    let missed = written.missed(body, Inst(i), &reads, &(inst.0..i));
                    if let (Some(v), None) = (missed, broken) {
                        broken = Some(Broken { inst, wrong: Wrong::Unread(v), event });
                    }
                }
            }
            Event::Read(v, at) => {
                reads.push(v);
                if broken.is_none() && !facts.0.contains(&(place(at), v)) {
                    broken = Some(Broken { inst, wrong: Wrong::Elsewhere(v, at), event });
                }
            }
            Event::Clobber(regs) => facts.0.retain(|(p, _)| *p >= SLOTS || !regs.has(Reg(*p as u8))),
            Event::Move(to, from) => facts.copy(place(At::Reg(to)), place(At::Reg(from)), |_| true),
            Event::Exchange(a, b) => {
                let (a, b) = (place(At::Reg(a)), place(At::Reg(b)));
                for (p, _) in &mut facts.0 {
                    *p = if *p == a {
                        b
                    } else if *p == b {
                        a
                    } else {
                        *p
                    };
                }
            }
            Event::Store(slot, ty, reg) => facts.copy(place(At::Slot(slot)), place(At::Reg(reg)), whole(ty)),
            Event::Load(reg, ty, slot) => facts.copy(place(At::Reg(reg)), place(At::Slot(slot)), whole(ty)),
            Event::Make(reg, v) => {
                facts.copy(place(At::Reg(reg)), MADE + v.0 as Place, |_| true);
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

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;
    use crate::allocate::{self, Scratch};
    use crate::code::Code;
    use crate::emit::Subject;
    use crate::optimize::Lent;
    use crate::optimize::compile::{Memory, optimize};
    use crate::regs::RegSet;
    use crate::target::{Target, x64::X64};
    use crate::{Options, Stress, Tier};
    use kiln_ir::{FuncId, Module, verify};

    /// Values that live over a call and around a loop, more of them than registers, an exit that lists some.
    const PROGRAM: &str = "\
extern g: fn(i64, f64) -> i64
export fn f(%n: i64, %a: i64, %b: i64, %p: ptr, %x: f64) -> i64 {
    %s = const.i64 0
    %i = const.i64 0
again:
    %r = call g(%i, %x)
    %s = add %s, %r
    guard_eq %s, 77, 3 (%s, %i, %x)
    %t = copy %a
    %a = sub %b, %i
    %b = copy %t
    %i = add %i, 1
    blt %i, %n, again
    %c = load.i64 [%p]
    %d = load.i64 [%p + 8]
    %e = load.i64 [%p + 16]
    %h = load.i64 [%p + 24]
    %j = load.i64 [%p + 32]
    %k = load.i64 [%p + 40]
    %l = load.i64 [%p + 48]
    %m = load.i64 [%p + 56]
    %o = load.i64 [%p + 64]
    %q = load.i64 [%p + 72]
    %s = add %s, %a
    %s = xor %s, %b
    %s = mul %s, %c
    %s = xor %s, %d
    %s = mul %s, %e
    %s = xor %s, %h
    %s = mul %s, %j
    %s = xor %s, %k
    %s = mul %s, %l
    %s = xor %s, %m
    %s = mul %s, %o
    %s = xor %s, %q
    %u = call g(%c, %x)
    %s = add %s, %u
    %s = xor %s, %d
    %s = add %s, %i
    ret %s
}
";

    /// The body and the log of the program's function.
    fn log(stress: Stress) -> (Memory, Vec<Event>) {
        let module = verify::check(Module::parse(PROGRAM).unwrap()).unwrap();
        let options = Options { tier: Tier::Optimized, stress, ..Options::default() };
        let func = FuncId(1);
        let f = module.funcs()[func.index()].body.as_ref().unwrap();
        let mut memory = Memory::default();
        optimize(&module, func, f, &options, &mut memory, &mut ());
        let (mut scratch, mut lent) = (Scratch::default(), Lent::default());
        let subject = Subject { f: &memory.body.f, module: &module, func, options: &options };
        allocate::write::<X64>(subject, &memory.body, &[], &mut scratch, &mut lent, &mut Code::default());
        let events = std::mem::take(&mut scratch.log.events);
        assert_eq!(check(&memory.body, &events), Ok(()));
        (memory, events)
    }

    const SCRATCH: Reg = X64::SCRATCH[0];
    const STRESSES: [Stress; 4] =
        [Stress::None, Stress::SpillEverything, Stress::RandomRegisters(1), Stress::RandomRegisters(2)];

    /// Makes each step of the log wrong in turn; gives how many there are, and how many of those make a read fail.
    fn plant(wrong: impl Fn(&[Event], usize) -> Option<Vec<Event>>) -> (usize, usize) {
        let (mut planted, mut found) = (0, 0);
        for stress in STRESSES {
            let (memory, events) = log(stress);
            for at in 0..events.len() {
                if let Some(instead) = wrong(&events, at) {
                    let mut events = events.clone();
                    events.splice(at..at + 1, instead);
                    planted += 1;
                    found += check(&memory.body, &events).is_err() as usize;
                }
            }
        }
        println!("{found} of {planted}");
        (planted, found)
    }

    #[test]
    fn a_lost_store_is_found() {
        let (planted, found) = plant(|events, at| matches!(events[at], Event::Store(..)).then(Vec::new));
        // Some stores are for ways that nobody reads on.
        assert!(planted > 40 && found * 10 > planted * 8, "{found} of {planted}");
    }

    #[test]
    fn a_lost_load_is_found() {
        let (planted, found) = plant(|events, at| matches!(events[at], Event::Load(..)).then(Vec::new));
        // A register may still hold what comes back to it.
        assert!(planted > 40 && found * 10 > planted * 9, "{found} of {planted}");
    }

    #[test]
    fn a_store_of_a_part_is_found() {
        let (planted, found) = plant(|events, at| match events[at] {
            Event::Load(reg, Type::I64, slot) => Some(vec![Event::Load(reg, Type::I32, slot)]),
            _ => None,
        });
        assert!(planted > 40 && found == planted, "{found} of {planted}");
    }

    #[test]
    fn a_move_the_other_way_is_found() {
        let (planted, found) = plant(|events, at| match events[at] {
            Event::Move(to, from) if to != from => Some(vec![Event::Move(from, to)]),
            _ => None,
        });
        // A register may still hold what is moved back to it.
        assert!(planted > 10 && found * 10 > planted * 9, "{found} of {planted}");
    }

    #[test]
    fn a_clobbered_register_is_found() {
        let (planted, found) = plant(|events, at| match events[at] {
            read @ Event::Read(_, At::Reg(reg)) => Some(vec![Event::Clobber(reg.set()), read]),
            _ => None,
        });
        assert!(planted > 100 && found == planted, "{found} of {planted}");
        // A call that changes all registers, not only those that the convention says.
        let (planted, found) = plant(|events, at| match events[at] {
            Event::Clobber(regs) if regs.0.count_ones() > 8 => Some(vec![Event::Clobber(RegSet(u64::MAX))]),
            _ => None,
        });
        assert!(planted == 8 && found >= 4, "{found} of {planted}");
    }

    #[test]
    fn two_values_in_one_place_are_found() {
        // Where a place in the frame is moved by half its size, it overlaps its neighbour; or is not found.
        let (planted, found) = plant(|events, at| match events[at] {
            Event::Store(slot, ty, reg) => Some(vec![Event::Store(slot + 4, ty, reg)]),
            _ => None,
        });
        assert!(planted > 40 && found * 10 > planted * 8, "{found} of {planted}");
    }

    #[test]
    fn a_way_that_brings_values_elsewhere_is_found() {
        // At a loop's end, a register that its head reads before it writes it gets another one's value.
        let (planted, found) = plant(|events, at| {
            let (Event::Leave(_, label) | Event::Go(label)) = events[at] else { return None };
            let head = events[..at].iter().position(|event| *event == Event::Label(label))?;
            let wanted = events[head..].iter().find_map(|event| match *event {
                Event::Read(_, At::Reg(reg)) | Event::Move(_, reg) | Event::Store(_, _, reg) => Some(reg),
                _ => None,
            });
            let first =
                events[head..].iter().find(|event| !matches!(event, Event::Label(_) | Event::Inst(_)));
            let is_read = |event| matches!(event, &Event::Read(..) | &Event::Move(..) | &Event::Store(..));
            if !first.is_some_and(is_read) {
                return None;
            }
            Some(vec![Event::Exchange(wanted?, SCRATCH), events[at]])
        });
        assert!(planted > 0 && found == planted, "{found} of {planted}");
    }

    #[test]
    fn an_operand_that_nobody_reads_is_found() {
        let (planted, found) = plant(|events, at| {
            let Event::Read(v, _) = events[at] else { return None };
            // Unless the instruction reads it again.
            let end = events[at..].iter().position(|event| matches!(event, Event::Done(_)))? + at;
            let start = events[..at].iter().rposition(|event| matches!(event, Event::Inst(_)))?;
            let same = |event: &&Event| matches!(event, Event::Read(w, _) if *w == v);
            (events[start..end].iter().filter(same).count() == 1).then(Vec::new)
        });
        assert!(planted > 100 && found == planted, "{found} of {planted}");
    }

    #[test]
    fn a_write_behind_the_end_of_a_block_is_found() {
        let slot = |events: &[Event]| {
            events.iter().find_map(|event| match *event {
                Event::Store(slot, ..) => Some(slot),
                _ => None,
            })
        };
        let writes = [
            |_| Event::Clobber(SCRATCH.set()),
            |_| Event::Move(SCRATCH, SCRATCH),
            |slot| Event::Store(slot, Type::I64, SCRATCH),
            |slot| Event::Load(SCRATCH, Type::I64, slot),
            |_| Event::Make(SCRATCH, VReg(0)),
            |_| Event::Given(VReg(0), At::Reg(SCRATCH)),
        ];
        for write in writes {
            // In front of a label stands what ends a block, or the way there from the prologue.
            let (planted, found) = plant(|events, at| match events[at] {
                label @ Event::Label(_) => Some(vec![write(slot(events)?), label]),
                _ => None,
            });
            assert!(planted >= 8 && found == planted, "{found} of {planted}");
        }
    }
}
