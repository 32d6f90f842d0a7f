//! The way control takes through a function: which instructions can be reached, and which registers may be read before
//! they are written. Those begin as 0, all others cost nothing.

use super::body::{Body, Inst, Value};
use super::places::{self, Set};
use crate::rasm::table::{Alu, Class, Form};

/// What the walk over a function has found.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// For each instruction, and the end: whether a block begins there.
    pub leads: Vec<bool>,
    /// Whether control can come to an instruction, or to the end.
    pub reached: Vec<bool>,
    /// Labels whose address is taken where control comes, in order.
    pub taken: Vec<u32>,
    /// Registers that are mentioned at all.
    pub used: Set,
    /// Registers that may be read before they are written.
    pub unset: Set,
}

/// The label that an instruction may go to.
fn target(body: &Body, inst: &Inst) -> Option<u32> {
    match inst.op.get().form {
        Form::Branch(..) | Form::BranchBits(..) | Form::BranchOverflow(..) | Form::Jump => {
            match inst.args[0].map(|value| body.value(value)) {
                Some(Value::Label(at)) => Some(at),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Looks at a function.
pub(super) fn flow(body: &Body) -> Flow {
    let count = body.insts.len();
    let mut flow = Flow { leads: vec![false; count + 1], reached: vec![false; count + 1], ..Flow::default() };
    for (at, inst) in body.landmarks() {
        if let Some(to) = target(body, inst) {
            flow.leads[to as usize] = true;
            flow.leads[at + 1] = true;
        } else {
            for value in inst.args.iter().flatten() {
                if let Value::Label(to) = body.value(*value) {
                    flow.leads[to as usize] = true;
                    flow.taken.push(to);
                }
            }
        }
        if !inst.falls_through() {
            flow.leads[at + 1] = true;
        }
    }
    flow.taken.sort_unstable();
    flow.taken.dedup();
    reach(body, &mut flow);
    unset(body, &mut flow);
    flow
}

/// A label whose address is taken counts as reached, whoever goes there.
fn reach(body: &Body, flow: &mut Flow) {
    let mut open = vec![0u32];
    while let Some(start) = open.pop() {
        let mut landmarks = body.landmarks_from(start).iter().peekable();
        for (at, reached) in (start..).zip(&mut flow.reached[start as usize..]) {
            if std::mem::replace(reached, true) {
                break;
            }
            if landmarks.next_if_eq(&&at).is_none() {
                continue;
            }
            let inst = &body.insts[at as usize];
            open.extend(inst.args.iter().flatten().filter_map(|value| match body.value(*value) {
                Value::Label(to) => Some(to),
                _ => None,
            }));
            if !inst.falls_through() {
                break;
            }
        }
    }
    flow.taken.retain(|at| flow.reached[*at as usize]);
}

/// Instructions that are run one after the other.
struct Stretch {
    last: usize,
    /// Registers whose value at the beginning matters: at first those read before they are written.
    needs: Set,
    writes: Set,
}

/// Backward over the stretches: what one needs, those before it need as well unless they write it. With about twenty
/// registers a stretch is looked at about twenty times at most.
fn unset(body: &Body, flow: &mut Flow) {
    let mut number = vec![0u32; body.insts.len() + 1];
    let mut stretches: Vec<Stretch> = Vec::new();
    for (at, inst) in body.insts.iter().enumerate() {
        if at == 0 || flow.leads[at] {
            stretches.push(Stretch { last: at, needs: 0, writes: 0 });
        }
        number[at] = stretches.len() as u32 - 1;
        let Some(stretch) = stretches.last_mut() else { continue };
        stretch.last = at;
        let (reads, writes) = touched(body, inst);
        flow.used |= reads | writes;
        stretch.needs |= reads & !stretch.writes;
        stretch.writes |= writes;
    }
    // Two that hold nothing: the end, and one that all jumps through registers go by to all labels they may go to.
    let end = stretches.len();
    let pool = end as u32 + 1;
    number[body.insts.len()] = end as u32;
    let mut ways: Vec<(u32, u32)> = flow.taken.iter().map(|at| (number[*at as usize], pool)).collect();
    for (n, stretch) in stretches.iter().enumerate() {
        let (n, last) = (n as u32, &body.insts[stretch.last]);
        if last.falls_through() {
            ways.push((n + 1, n));
        }
        ways.extend(target(body, last).map(|to| (number[to as usize], n)));
        if last.op.get().form == Form::JumpReg {
            ways.push((pool, n));
        }
    }
    let (starts, ways) = by_target(&ways, stretches.len() + 2);
    stretches.extend([0, 0].map(|last| Stretch { last, needs: 0, writes: 0 }));
    let mut open: Vec<u32> = (0..stretches.len() as u32).collect();
    while let Some(n) = open.pop() {
        let needs = stretches[n as usize].needs;
        let (first, last) = (starts[n as usize] as usize, starts[n as usize + 1] as usize);
        for &from in &ways[first..last] {
            let before = &mut stretches[from as usize];
            let more = needs & !before.writes & !before.needs;
            if more != 0 {
                before.needs |= more;
                open.push(from);
            }
        }
    }
    flow.unset = stretches[0].needs;
}

/// The ways sorted by where they lead, by counting: for each stretch where those to it begin; where all come from.
fn by_target(ways: &[(u32, u32)], stretches: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; stretches + 1];
    for (to, _) in ways {
        starts[*to as usize + 1] += 1;
    }
    for n in 0..stretches {
        starts[n + 1] += starts[n];
    }
    let mut next = starts.clone();
    let mut from = vec![0; ways.len()];
    for (to, n) in ways {
        let at = &mut next[*to as usize];
        from[*at as usize] = *n;
        *at += 1;
    }
    (starts, from)
}

/// The registers that an instruction reads, and those it writes.
fn touched(body: &Body, inst: &Inst) -> (Set, Set) {
    let instruction = inst.op.get();
    let (mut reads, mut writes): (Set, Set) = (0, 0);
    for (class, value) in instruction.operands.iter().zip(inst.args) {
        let Some(Value::Register(register)) = value else { continue };
        match class {
            Class::Read | Class::FloatRead => reads |= places::set(register, instruction.ty),
            Class::Write | Class::FloatWrite => writes |= places::set(register, instruction.to),
            Class::Update => {
                reads |= places::set(register, instruction.ty);
                writes |= places::set(register, instruction.ty);
            }
            _ => {}
        }
    }
    match instruction.form {
        Form::Alu(Alu::AddC | Alu::SubC, _) => writes |= places::CARRY,
        Form::Alu(Alu::AddX | Alu::SubX, _) => {
            reads |= places::CARRY;
            writes |= places::CARRY;
        }
        Form::Call | Form::CallReg => writes |= places::result(body.calls[inst.number as usize].float),
        Form::RetVal => reads |= places::result(instruction.ty.is_float().then_some(instruction.ty)),
        Form::Ret => reads |= places::result(None),
        _ => {}
    }
    (reads, writes)
}
