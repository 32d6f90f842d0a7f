//! Which parts of the stream become one function of the IR, where functions are entered, and what they give back.
//!
//! A part stands alone unless control goes between it and another by other means than calls and returns: jumps, or an
//! address of one's inner label that the other jumps to. Such parts share a frame and become one function, a *group*, in which
//! the other's labels are plain blocks. O(items · α).

use super::fault::Wrong;
use super::program::{Kind, Operand, Place, Program};
use super::table::{Meaning, Ty};
use super::value::Passed;

/// What a function gives back. A C function that returns both would return a structure of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Returns {
    /// A word.
    pub word: bool,
    /// A `float`.
    pub f32: bool,
    /// A `double`.
    pub f64: bool,
}

impl Returns {
    /// Whether a call that wants `wanted` gets it.
    pub fn serves(self, wanted: Returns) -> bool {
        (self.word || !wanted.word) && (self.f64 || !wanted.f64) && (self.f32 || !wanted.f32)
    }
}

/// Parts that become one function.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The parts, in the order of the text.
    pub parts: Vec<u32>,
    /// Those among them by which it is entered: called, referred to, or where the program begins.
    pub heads: Vec<u32>,
    /// Inner labels whose addresses are taken, in the order of their numbers.
    pub targets: Vec<u32>,
    /// What it gives back.
    pub returns: Returns,
}

/// What a label's place means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spot {
    /// The start of a function with a frame of its own.
    Head(u32),
    /// Inside a part; or its start, if it has no frame of its own.
    Inner(u32),
    /// The end of a part that no `epilog` closes.
    OpenEnd(u32),
    /// Behind all code.
    Nowhere,
}

/// The stream's parts put together.
#[derive(Debug, Default)]
pub struct Flow {
    /// The groups, by their first part.
    pub groups: Vec<Group>,
    /// By part: its group.
    pub group_of: Vec<u32>,
    /// By label: what it means; data labels are nowhere.
    pub spots: Vec<Spot>,
    /// The part that the program begins with.
    pub entry: u32,
    /// By item: for a call, what is asked of it later.
    pub wanted: Vec<Returns>,
    /// Items with a label before them that something refers to, in order, and the first such label.
    pub marks: Vec<(u32, u32)>,
    /// By label that something refers to: the first such label at its place.
    pub first: Vec<u32>,
}

/// The first label at the item, if something refers to one there; `next` moves along the marks.
pub(super) fn mark(marks: &[(u32, u32)], next: &mut usize, item: u32) -> Option<u32> {
    while marks.get(*next).is_some_and(|(at, _)| *at < item) {
        *next += 1;
    }
    marks.get(*next).filter(|(at, _)| *at == item).map(|(_, label)| *label)
}

/// Puts the parts together.
pub(super) fn flow(program: &Program) -> Result<Flow, Vec<Wrong>> {
    let (marks, first) = marks(program);
    let mut flow = Flow { wanted: wanted(program), marks, first, ..Flow::default() };
    flow.spots = program.labels.iter().map(|label| spot(program, label.place)).collect();
    let mut faults = Vec::new();
    let parts = program.parts.len();
    let mut leader: Vec<u32> = (0..parts as u32).collect();
    let mut is_head = vec![false; parts];
    let mut taken = vec![false; program.labels.len()];
    let mut jumps_to = vec![false; parts];
    let preparations = Preparations::new(program);
    let alias = alias(program, &flow.spots);
    flow.entry = alias.unwrap_or(0);
    if program.parts.is_empty() {
        return Ok(flow);
    }
    is_head[flow.entry as usize] = true;
    if program.parts[flow.entry as usize].kind == Kind::Tramp {
        let at = program.items.at(program.parts[flow.entry as usize].start);
        let message = "the program begins with code that runs in the frame of another function";
        faults.push(Wrong::new(at, message).help("`frame` in the place of `tramp` makes one"));
    }
    for (n, part) in program.parts.iter().enumerate() {
        let n = n as u32;
        if alias.is_some() && n == 0 {
            continue;
        }
        for at in program.landmarks_of(part) {
            let meaning = program.items.row(*at).meaning;
            jumps_to[n as usize] |= meaning == Meaning::JumpTo;
            let Some(label) = program.items.label(*at) else { continue };
            let here = program.items.at(*at);
            let name = program.label_name(label);
            if let Place::Code(to) = program.labels[label as usize].place {
                let there = preparations.at(to);
                if there.prepare != 0 && (!preparations.at(*at).leads_to(there) || meaning == Meaning::Move) {
                    faults.push(
                        Wrong::new(here, format!("`{name}` stands inside of a call that is being prepared"))
                            .help(
                                "code outside of it, and code before one of its arguments, cannot jump there",
                            ),
                    );
                }
            }
            let called = matches!(meaning, Meaning::Call | Meaning::Finish);
            match flow.spots[label as usize] {
                Spot::Head(head) if called || meaning == Meaning::Move => is_head[head as usize] = true,
                Spot::Head(head) if part.kind == Kind::Preamble => join(&mut leader, n, head),
                Spot::Head(_) => faults.push(
                    Wrong::new(
                        here,
                        format!("a jump to the start of function `{name}`, which makes a frame of its own"),
                    )
                    .help("call it, or jump to a label behind its `prolog`"),
                ),
                Spot::Inner(_) if called => faults.push(
                    Wrong::new(
                        here,
                        format!("`{name}` is no function: a call needs a label right before `prolog`"),
                    )
                    .help("`jmpi` goes to other labels"),
                ),
                Spot::OpenEnd(other) if called || meaning == Meaning::Move || other != n => faults.push(
                    Wrong::new(
                        here,
                        format!("`{name}` is the end of the function before it, which no `epilog` closes"),
                    )
                    .help(format!("write `epilog` before `{name}:`")),
                ),
                Spot::Inner(other) if other != n && program.parts[other as usize].kind == Kind::Preamble => {
                    faults.push(
                        Wrong::new(
                            here,
                            format!("`{name}` stands before the first function, where there is no frame"),
                        )
                        .help("only the code there goes to it"),
                    )
                }
                Spot::Inner(other) | Spot::OpenEnd(other) => {
                    if meaning == Meaning::Move {
                        taken[label as usize] = true;
                    } else if part.kind == Kind::Preamble && other != n {
                        faults.push(
                            Wrong::new(
                                here,
                                format!("a jump into the function around `{name}`, which has no frame yet"),
                            )
                            .help("jump to the label before its `prolog`"),
                        );
                    }
                    join(&mut leader, n, other);
                }
                Spot::Nowhere => faults.push(
                    Wrong::new(here, format!("no code stands behind label `{name}`"))
                        .help("a function begins with `prolog`"),
                ),
            }
        }
        // Control runs on from the code before the first function into that.
        if part.kind == Kind::Preamble && parts > 1 {
            join(&mut leader, 0, 1);
        }
    }
    join_by_addresses(program, &flow.spots, &taken, &jumps_to, &mut leader);
    flow.gather(program, &mut leader, &is_head, &taken);
    flow.check(program, &mut faults);
    if faults.is_empty() { Ok(flow) } else { Err(faults) }
}

fn find(leader: &mut [u32], mut n: u32) -> u32 {
    while leader[n as usize] != n {
        let above = leader[leader[n as usize] as usize];
        leader[n as usize] = above;
        n = above;
    }
    n
}

fn join(leader: &mut [u32], one: u32, other: u32) {
    let (one, other) = (find(leader, one), find(leader, other));
    leader[one.max(other) as usize] = one.min(other);
}

/// The function that code before the first one goes to, if going there is all that it does.
fn alias(program: &Program, spots: &[Spot]) -> Option<u32> {
    let part = program.parts.first()?;
    if part.kind != Kind::Preamble {
        return None;
    }
    let mut at = part.start;
    // As many steps as there are items lead nowhere but in a circle.
    for _ in part.start..=part.end {
        if at == part.end {
            return (program.parts.len() > 1).then_some(1);
        }
        match (program.items.row(at).meaning, program.items.operand(at, 0)) {
            (Meaning::Jump, Operand::Label(label)) => match spots[label as usize] {
                Spot::Head(head) => return Some(head),
                Spot::Inner(0) => match program.labels[label as usize].place {
                    Place::Code(to) => at = to,
                    _ => return None,
                },
                _ => return None,
            },
            (Meaning::Nothing | Meaning::Align | Meaning::Skip, _) => at += 1,
            _ => return None,
        }
    }
    None
}

fn spot(program: &Program, place: Place) -> Spot {
    let Place::Code(item) = place else { return Spot::Nowhere };
    // The last part that begins at or before the label.
    let next = program.parts.partition_point(|part| part.start <= item);
    let Some(n) = next.checked_sub(1) else { return Spot::Nowhere };
    let part = &program.parts[n];
    if part.start == item && part.kind != Kind::Preamble {
        return match n.checked_sub(1).map(|before| &program.parts[before]) {
            Some(before) if !before.closed && before.kind != Kind::Preamble => Spot::OpenEnd(n as u32 - 1),
            _ if part.kind == Kind::Tramp => Spot::Inner(n as u32),
            _ => Spot::Head(n as u32),
        };
    }
    match (item < part.end, part.closed) {
        (true, _) => Spot::Inner(n as u32),
        (false, false) if part.kind != Kind::Preamble => Spot::OpenEnd(n as u32),
        _ => Spot::Nowhere,
    }
}

/// Where an item stands in the preparation of a call.
#[derive(Clone, Copy, Default)]
struct Prepared {
    /// Which `prepare` it stands behind while the call has not been made, counted from 1, else 0.
    prepare: u32,
    /// How many arguments were pushed since.
    pushed: u32,
}

impl Prepared {
    /// Whether all arguments are there after a jump from here to there.
    fn leads_to(self, there: Prepared) -> bool {
        self.prepare == there.prepare && there.pushed <= self.pushed
    }
}

/// The items from which on that changes, in order.
struct Preparations(Vec<(u32, Prepared)>);

impl Preparations {
    fn new(program: &Program) -> Preparations {
        let mut changes = Vec::new();
        let (mut open, mut count) = (Prepared::default(), 0);
        for at in &program.landmarks {
            match program.items.row(*at).meaning {
                Meaning::Prepare => {
                    count += 1;
                    open = Prepared { prepare: count, pushed: 0 };
                }
                Meaning::PushArg | Meaning::VaPush => open.pushed += 1,
                Meaning::Finish => open = Prepared::default(),
                _ => continue,
            }
            changes.push((at + 1, open));
        }
        Preparations(changes)
    }

    /// Where an item stands.
    fn at(&self, item: u32) -> Prepared {
        let behind = self.0.partition_point(|(from, _)| *from <= item);
        behind.checked_sub(1).map_or(Prepared::default(), |last| self.0[last].1)
    }
}

/// [`Flow::marks`] and [`Flow::first`].
fn marks(program: &Program) -> (Vec<(u32, u32)>, Vec<u32>) {
    let mut first = vec![u32::MAX; program.labels.len()];
    let mut marks = Vec::new();
    for at in &program.landmarks {
        if let Some(label) = program.items.label(*at)
            && let Place::Code(item) = program.labels[label as usize].place
            && first[label as usize] == u32::MAX
        {
            first[label as usize] = label;
            marks.push((item, label));
        }
    }
    marks.sort_unstable();
    marks.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        first[next.1 as usize] = if same { kept.1 } else { next.1 };
        same
    });
    (marks, first)
}

/// For each call, what is asked of it before the next one.
fn wanted(program: &Program) -> Vec<Returns> {
    let mut wanted = vec![Returns::default(); program.items.len()];
    let mut asked = Returns::default();
    for at in program.landmarks.iter().rev() {
        let row = program.items.row(*at);
        match row.meaning {
            Meaning::ReturnValueOfCall => match row.ty {
                Ty::F32 => asked.f32 = true,
                Ty::F64 => asked.f64 = true,
                _ => asked.word = true,
            },
            Meaning::Call | Meaning::Finish => {
                // `%r0` is there without being asked for, unless a float is.
                asked.word |= !asked.f32 && !asked.f64;
                // One register returns both.
                asked.f32 &= !asked.f64;
                wanted[*at as usize] = std::mem::take(&mut asked);
            }
            Meaning::Prolog => asked = Returns::default(),
            _ => {}
        }
    }
    wanted
}

/// Addresses of labels go from part to part in registers and memory. Where frames are shared, every part that jumps to an
/// address may be meant by every label whose address is taken.
fn join_by_addresses(
    program: &Program,
    spots: &[Spot],
    taken: &[bool],
    jumps_to: &[bool],
    leader: &mut [u32],
) {
    let shares = |n: u32| matches!(program.parts[n as usize].kind, Kind::Frame | Kind::Tramp);
    let labelled = spots.iter().zip(taken).filter(|(_, taken)| **taken).filter_map(|(spot, _)| match spot {
        Spot::Inner(part) | Spot::OpenEnd(part) => Some(*part),
        Spot::Head(_) | Spot::Nowhere => None,
    });
    let jumping = (0..program.parts.len() as u32).filter(|n| jumps_to[*n as usize]);
    let mut first = None;
    for part in labelled.chain(jumping).filter(|n| shares(*n)) {
        join(leader, *first.get_or_insert(part), part);
    }
}

impl Flow {
    /// What can be said only when the groups are known.
    fn check(&self, program: &Program, faults: &mut Vec<Wrong>) {
        for group in &self.groups {
            let variadic_head = group.heads.iter().any(|head| program.parts[*head as usize].variadic);
            for part in group.parts.iter() {
                let n = *part;
                let part = &program.parts[n as usize];
                let items = &program.items;
                let landmarks = program.landmarks_of(part);
                if group.targets.is_empty()
                    && let Some(at) = landmarks.iter().find(|at| items.row(**at).meaning == Meaning::JumpTo)
                {
                    faults.push(Wrong::new(items.at(*at), "`jmpr` where no label's address is taken").help(
                        "`movi` of a label inside the function gives one; functions are called by `callr`",
                    ));
                }
                if part.variadic && !variadic_head {
                    let at = if part.start < part.end { items.at(part.start) } else { Default::default() };
                    faults.push(Wrong::new(
                        at,
                        "`ellipsis` in code that runs in the frame of a function without it",
                    ));
                }
                for at in landmarks {
                    // A parameter is the second operand of those that take one.
                    let foreign = match items.operand(*at, 1) {
                        Operand::Argument(handle) => {
                            self.group_of[handle.function as usize] != self.group_of[n as usize]
                        }
                        _ => false,
                    };
                    if foreign {
                        faults.push(
                            Wrong::new(items.at(*at), "this parameter is another function's")
                                .help("`arg` declares one in each function"),
                        );
                    }
                }
            }
        }
    }

    fn gather(&mut self, program: &Program, leader: &mut [u32], is_head: &[bool], taken: &[bool]) {
        let parts = program.parts.len();
        let mut place = vec![u32::MAX; parts];
        self.group_of = vec![0; parts];
        for n in 0..parts as u32 {
            let first = find(leader, n) as usize;
            if place[first] == u32::MAX {
                place[first] = self.groups.len() as u32;
                self.groups.push(Group::default());
            }
            self.group_of[n as usize] = place[first];
            let group = &mut self.groups[place[first] as usize];
            group.parts.push(n);
            if is_head[n as usize] {
                group.heads.push(n);
            }
            returns(program, &self.marks, n, &mut group.returns);
        }
        for group in &mut self.groups {
            // What nobody enters is shown all the same.
            if group.heads.is_empty() {
                let own = |n: &&u32| matches!(program.parts[**n as usize].kind, Kind::Plain | Kind::Frame);
                group.heads.extend(group.parts.iter().find(own));
            }
        }
        for (label, spot) in self.spots.iter().enumerate() {
            if taken[label]
                && let Spot::Inner(part) | Spot::OpenEnd(part) = spot
            {
                self.groups[self.group_of[*part as usize] as usize].targets.push(label as u32);
            }
        }
    }
}

/// Adds what a part gives back. Falling into the end gives `%r0`; code that no label and no way from above leads to counts
/// for nothing.
fn returns(program: &Program, marks: &[(u32, u32)], n: u32, returns: &mut Returns) {
    let part = &program.parts[n as usize];
    let mut reached = true;
    let mut marks = marks[marks.partition_point(|(item, _)| *item < part.start)..].iter().peekable();
    // Whether control comes to an item, from what is known of the one looked at before.
    let mut comes_to = |item: u32, reached: bool| {
        let is_passed = |(at, _): &&(u32, u32)| *at <= item;
        std::iter::from_fn(|| marks.next_if(is_passed)).count() > 0 || reached
    };
    for at in program.landmarks_of(part) {
        let row = program.items.row(*at);
        reached = comes_to(*at, reached);
        if !reached {
            continue;
        }
        match row.meaning {
            Meaning::ReturnValue => match row.ty {
                Ty::F32 => returns.f32 = true,
                Ty::F64 => returns.f64 = true,
                _ => returns.word = true,
            },
            Meaning::Return | Meaning::Epilog => returns.word = true,
            _ => {}
        }
        reached = !ends(row.meaning);
    }
    if comes_to(part.end, reached) && !part.closed {
        returns.word = true;
    }
}

/// Whether control does not go on behind an instruction.
pub(super) fn ends(meaning: Meaning) -> bool {
    matches!(
        meaning,
        Meaning::Jump | Meaning::JumpTo | Meaning::Return | Meaning::ReturnValue | Meaning::Epilog
    )
}

/// How a parameter's value is typed in a signature.
pub(super) fn register(passed: Passed) -> kiln_ir::Type {
    match passed {
        Passed::Word => kiln_ir::Type::I64,
        Passed::F32 => kiln_ir::Type::F32,
        Passed::F64 => kiln_ir::Type::F64,
    }
}
