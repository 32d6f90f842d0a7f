//! Which memory accesses may touch the same bytes.
//!
//! The rule: two accesses may overlap unless their alias classes are both given and differ, or their addresses are
//! provably apart: another slot or data object, the same base with ranges that do not meet, or on one side a slot whose
//! address never leaves the accesses of this function, where nothing else has it. What runs other code may touch all
//! memory but such slots.
//!
//! Where an address points is found in one walk over the instructions, definitions before uses: through `addr`, `copy`
//! and sums back to a slot, a data object, or a value of which nothing is known. O(instructions + arguments).

use super::Body;
use super::lent::{Borrower, Lent, make_room, swap};
use super::loops::Loops;
use kiln_ir::Linkage;
use kiln_ir::function::aux;
use kiln_ir::op::{Effect, Op, Shape};
use kiln_ir::{Block, DataId, InstData, MemType, Module, Slot, VReg};

/// What an address points into.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Object {
    /// Anything.
    #[default]
    Unknown,
    /// A stack slot.
    Slot(Slot),
    /// A data object that the module defines.
    Data(DataId),
    /// One that nothing writes.
    Constant(DataId),
}

impl Object {
    /// A number for its start, unlike all values' numbers.
    fn number(self) -> u32 {
        match self {
            Object::Unknown => VReg::NONE.0,
            Object::Slot(slot) => 1 << 31 | slot.0 << 1,
            Object::Data(data) | Object::Constant(data) => 1 << 31 | data.0 << 1 | 1,
        }
    }
}

/// A value taken as an address: `base + offset`, where base is a value or, if it is none, the start of the object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Root {
    object: Object,
    base: u32,
    offset: i32,
}

/// The memory that an access touches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    object: Object,
    /// What the offset counts from: base (a value's number, or what stands for the start of the object), index and scale.
    origin: u64,
    scale: u8,
    offset: i64,
    class: u8,
    /// How it is accessed.
    pub access: MemType,
}

impl Place {
    /// Whether what stands there never changes.
    pub fn is_constant(&self) -> bool {
        matches!(self.object, Object::Constant(_))
    }

    /// The alias class, 0 if none is given.
    pub fn class(&self) -> u8 {
        self.class
    }

    /// The slot that it is in, if that is known.
    pub fn slot(&self) -> Option<Slot> {
        match self.object {
            Object::Slot(slot) => Some(slot),
            _ => None,
        }
    }

    /// Whether both begin at the same address.
    #[inline]
    pub fn starts_with(&self, other: &Place) -> bool {
        self.same_origin(other) && self.offset == other.offset
    }

    /// Whether all that `self` touches is among what `other` touches.
    pub fn is_within(&self, other: &Place) -> bool {
        self.same_origin(other) && self.offset >= other.offset && self.end() <= other.end()
    }

    fn end(&self) -> i64 {
        self.offset + self.access.bytes() as i64
    }

    #[inline]
    fn same_origin(&self, other: &Place) -> bool {
        self.origin == other.origin && self.scale == other.scale
    }

    /// Different for places that begin at different addresses, as far as 32 bits can tell.
    #[inline]
    pub fn hash(&self) -> u32 {
        let mixed = (self.origin ^ (self.offset as u64).rotate_left(20)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as u32
    }
}

/// What to look at in instructions of an op, by its number.
static LOOK: [u8; 256] = {
    let mut look = [0; 256];
    let mut i = 0;
    while i < Op::ALL.len() {
        let op = Op::ALL[i];
        let touches =
            !matches!(TOUCHES[op as usize], Touch::Nothing) || matches!(op.effect(), Effect::control);
        let followed = matches!(op, Op::SlotAddr | Op::DataAddr | Op::Copy | Op::Addr | Op::Add | Op::Sub);
        look[op as usize] = if touches { TOUCHING } else { 0 } | if followed { FOLLOWED } else { 0 };
        i += 1;
    }
    look
};

/// It may do something to memory, or leave its block in the middle.
const TOUCHING: u8 = 1;
/// Its result may be an address that is followed.
const FOLLOWED: u8 = 2;

/// Whether instructions of the op may do something to memory, or leave their block in the middle.
#[inline]
pub fn is_touching(op: Op) -> bool {
    LOOK[op as usize] & TOUCHING != 0
}

/// What is known of the addresses in a body.
#[derive(Debug, Default)]
pub struct Addresses {
    /// For each value.
    roots: Vec<Root>,
    /// For each slot, whether its address gets to where it is not followed.
    escapes: Vec<bool>,
    /// The instructions that may do something to memory or leave, in their order; and where those of each block start,
    /// and one more.
    touching: Vec<u32>,
    touching_start: Vec<u32>,
    any_access: bool,
}

impl Borrower for Addresses {
    fn exchange(&mut self, lent: &mut Lent) {
        swap(&mut self.roots, &mut lent.quads);
        lent.words(4, [&mut self.touching]);
    }
}

impl Addresses {
    /// Follows all addresses of a body.
    pub fn find(&mut self, body: &Body, module: &Module) {
        let f = &body.f;
        make_room(&mut self.roots, f.vregs().len());
        let plain = |v| Root { object: Object::Unknown, base: v, offset: 0 };
        self.roots.extend((0..f.vregs().len() as u32).map(plain));
        self.escapes.clear();
        self.escapes.resize(f.slots().len(), false);
        self.touching.clear();
        self.touching_start.clear();
        self.any_access = false;
        let no_slots = f.slots().is_empty();
        for b in 0..body.blocks() {
            self.touching_start.push(self.touching.len() as u32);
            for at in f.block_range(Block(b)) {
                let inst = &f.insts()[at];
                let look = LOOK[inst.op as usize];
                if look & TOUCHING != 0 {
                    self.touching.push(at as u32);
                    self.any_access |= matches!(inst.op, Op::Load | Op::Store);
                }
                if look & FOLLOWED != 0 || !no_slots {
                    self.follow(body, module, inst);
                }
            }
        }
        self.touching_start.push(self.touching.len() as u32);
        // What an edge carries is another value at its other end.
        if !no_slots {
            body.args.iter().for_each(|v| self.escape(*v));
        }
    }

    /// Follows addresses through one instruction.
    fn follow(&mut self, body: &Body, module: &Module, inst: &InstData) {
        let f = &body.f;
        let derived = match inst.op {
            Op::SlotAddr => {
                Some(Root { object: Object::Slot(Slot(inst.a)), base: VReg::NONE.0, offset: inst.b as i32 })
            }
            Op::DataAddr if module.data()[inst.a as usize].linkage != Linkage::Import => Some(Root {
                object: match module.data()[inst.a as usize].writable {
                    true => Object::Data(DataId(inst.a)),
                    false => Object::Constant(DataId(inst.a)),
                },
                base: VReg::NONE.0,
                offset: inst.b as i32,
            }),
            Op::Copy => Some(self.roots[inst.a as usize]),
            Op::Addr => {
                let mem = f.mem(inst);
                if mem.index.is_none() {
                    Some(self.advanced(mem.base, mem.disp, inst.dst))
                } else {
                    self.escape(mem.index);
                    Some(Root { object: self.roots[mem.base.index()].object, base: inst.dst, offset: 0 })
                }
            }
            Op::Add if inst.has_imm() => Some(self.advanced(VReg(inst.a), inst.b as i32, inst.dst)),
            Op::Add | Op::Sub if !inst.has_imm() => {
                // The sum is in the object of the one operand that points into one, if only one does.
                let (a, b) = (self.roots[inst.a as usize].object, self.roots[inst.b as usize].object);
                let object = match (a, b) {
                    (object, Object::Unknown) => object,
                    (Object::Unknown, object) if inst.op == Op::Add => object,
                    _ => {
                        self.escape(VReg(inst.a));
                        self.escape(VReg(inst.b));
                        Object::Unknown
                    }
                };
                Some(Root { object, base: inst.dst, offset: 0 })
            }
            Op::Load | Op::Store => {
                let mem = f.mem(inst);
                if !mem.index.is_none() {
                    self.escape(mem.index);
                }
                if inst.op == Op::Store && !inst.value_is_imm() {
                    self.escape(VReg(inst.dst));
                }
                None
            }
            Op::SlotOffset => {
                self.escapes[inst.a as usize] = true;
                None
            }
            _ if f.slots().is_empty() => None,
            _ => {
                f.for_each_use(inst, |v| self.escape(v));
                None
            }
        };
        if let Some(root) = derived {
            self.roots[inst.dst as usize] = root;
        }
    }

    /// The instructions of a block that may do something to memory, and those that may leave it in the middle, by their
    /// places in the list of all of these; [`Addresses::touching`] gives the instruction.
    #[inline]
    pub fn touching_of(&self, block: Block) -> std::ops::Range<usize> {
        self.touching_start[block.index()] as usize..self.touching_start[block.index() + 1] as usize
    }

    /// The instruction at a place in the list.
    #[inline]
    pub fn touching(&self, n: usize) -> usize {
        self.touching[n] as usize
    }

    /// The length of the list.
    pub fn touching_count(&self) -> usize {
        self.touching.len()
    }

    /// Whether there are any loads or stores.
    pub fn any_access(&self) -> bool {
        self.any_access
    }

    fn escape(&mut self, v: VReg) {
        if let Object::Slot(slot) = self.roots[v.index()].object {
            self.escapes[slot.index()] = true;
        }
    }

    fn advanced(&self, base: VReg, by: i32, dst: u32) -> Root {
        let root = self.roots[base.index()];
        match root.offset.checked_add(by) {
            Some(offset) => Root { offset, ..root },
            None => Root { object: root.object, base: dst, offset: 0 },
        }
    }

    /// What a load or store touches.
    #[inline]
    pub fn place(&self, body: &Body, inst: &InstData) -> Place {
        let mem = body.f.mem(inst);
        let root = self.roots[mem.base.index()];
        // Values have lesser numbers than what stands for objects.
        let start = if root.base == VReg::NONE.0 { root.object.number() } else { root.base };
        let (mut index, mut scale, mut more) = (mem.index, 1, 0);
        if !index.is_none() {
            scale = mem.scale;
            let root = self.roots[index.index()];
            if root.object == Object::Unknown {
                index = VReg(root.base);
                more = root.offset as i64 * scale as i64;
            }
        }
        Place {
            object: root.object,
            origin: start as u64 | (index.0 as u64) << 32,
            scale,
            offset: root.offset as i64 + mem.disp as i64 + more,
            class: inst.alias(),
            access: inst.access(),
        }
    }

    /// Whether only loads and stores of this function, at addresses that are followed, touch the place.
    pub fn is_private(&self, place: &Place) -> bool {
        matches!(place.object, Object::Slot(slot) if !self.escapes[slot.index()])
    }

    /// Whether two accesses may touch the same bytes.
    #[inline]
    pub fn may_overlap(&self, one: &Place, other: &Place) -> bool {
        if one.class != other.class && one.class != 0 && other.class != 0 {
            return false;
        }
        if one.same_origin(other) {
            return one.offset < other.end() && other.offset < one.end();
        }
        match (one.object, other.object) {
            (Object::Unknown, Object::Unknown) => true,
            (Object::Unknown, _) => !self.is_private(other),
            (_, Object::Unknown) => !self.is_private(one),
            (a, b) => a == b,
        }
    }

    /// Whether the access certainly does not trap: the producer says so, or it lies in a slot or a data object.
    pub fn is_safe(&self, body: &Body, module: &Module, inst: &InstData) -> bool {
        if inst.aux & aux::NO_TRAP != 0 {
            return true;
        }
        let place = self.place(body, inst);
        let size = match place.object {
            Object::Unknown => return false,
            Object::Slot(slot) => body.f.slot(slot).size as i64,
            Object::Constant(_) if inst.op == Op::Store => return false,
            Object::Data(data) | Object::Constant(data) => module.data()[data.index()].size() as i64,
        };
        let start = place.object.number() as u64 | (VReg::NONE.0 as u64) << 32;
        place.origin == start && place.offset >= 0 && place.end() <= size
    }
}

/// How many stores of a loop are told apart. With more, only their alias classes are known.
pub const STORES: u32 = 32;

/// What each loop, those inside it included, does to memory. O(instructions + loops * [`STORES`]).
#[derive(Debug, Default)]
pub struct LoopMemory {
    loops: Vec<Sum>,
    stores: Vec<Place>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    /// Where its stores stand in `stores`, and how many.
    first: u32,
    count: u32,
    /// The alias classes of the stores.
    classes: u16,
    /// Whether there are more stores than stand there.
    more: bool,
    /// Whether something touches all memory.
    all: bool,
}

impl LoopMemory {
    /// Sums up a body's loops.
    pub fn find(&mut self, body: &Body, loops: &Loops, addresses: &Addresses) {
        self.loops.clear();
        self.loops.resize(loops.loops.len(), Sum::default());
        self.stores.clear();
        if loops.loops.is_empty() {
            return;
        }
        for b in 0..body.blocks() {
            let Some(n) = loops.of(Block(b)) else { continue };
            let sum = &mut self.loops[n as usize];
            for at in addresses.touching_of(Block(b)) {
                let inst = &body.f.insts()[addresses.touching(at)];
                if inst.op == Op::Store {
                    sum.count += 1;
                    sum.classes |= 1 << inst.alias();
                }
                sum.all |= touch(inst) == Touch::All;
            }
        }
        // Inner loops have greater numbers.
        for n in (0..loops.loops.len()).rev() {
            let sum = self.loops[n];
            if let Some(parent) = loops.loops[n].parent {
                let parent = &mut self.loops[parent as usize];
                parent.count += sum.count;
                parent.classes |= sum.classes;
                parent.all |= sum.all;
            }
        }
        let mut next = 0;
        for sum in &mut self.loops {
            sum.more = sum.count > STORES;
            sum.first = next;
            next += if sum.more { 0 } else { sum.count };
            sum.count = 0;
        }
        for b in 0..body.blocks() {
            let Some(inner) = loops.of(Block(b)).filter(|n| !self.loops[*n as usize].more) else { continue };
            for at in addresses.touching_of(Block(b)) {
                let inst = &body.f.insts()[addresses.touching(at)];
                if inst.op != Op::Store {
                    continue;
                }
                let place = addresses.place(body, inst);
                self.stores.resize(next as usize, place);
                let mut around = Some(inner);
                while let Some(n) = around.filter(|n| !self.loops[*n as usize].more) {
                    let sum = &mut self.loops[n as usize];
                    self.stores[(sum.first + sum.count) as usize] = place;
                    sum.count += 1;
                    around = loops.loops[n as usize].parent;
                }
            }
        }
    }

    /// Whether anything in the loop of this number may change what stands at the place.
    pub fn is_clobbered(&self, addresses: &Addresses, place: &Place, number: u32) -> bool {
        if place.is_constant() {
            return false;
        }
        let sum = &self.loops[number as usize];
        if sum.all && !addresses.is_private(place) {
            return true;
        }
        if sum.more {
            return place.class == 0 || sum.classes & (1 | 1 << place.class) != 0;
        }
        let stores = sum.first as usize..(sum.first + sum.count) as usize;
        self.stores[stores].iter().any(|store| addresses.may_overlap(place, store))
    }
}

/// What an instruction does to memory beside its own load or store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Touch {
    /// Nothing.
    Nothing,
    /// Reads its place.
    Reads,
    /// Writes its place.
    Writes,
    /// May read and write all that is not private.
    All,
    /// Writes nothing, but others may see memory as it is from here.
    Shows,
}

/// What an instruction does to memory.
#[inline]
pub fn touch(inst: &InstData) -> Touch {
    match TOUCHES[inst.op as usize] {
        Touch::Reads | Touch::Writes if inst.aux & (aux::VOLATILE | aux::PRECISE) != 0 => Touch::All,
        Touch::Shows if inst.op.effect() == Effect::pure && !may_trap(inst) => Touch::Nothing,
        touch => touch,
    }
}

/// The same for each op, by its number; of ops without effects those show memory that can trap.
static TOUCHES: [Touch; 256] = {
    let mut touches = [Touch::Nothing; 256];
    let rows = kiln_ir::op::rows();
    let mut i = 0;
    while i < rows.len() {
        let op = rows[i].op;
        touches[op as usize] = match op {
            Op::Load => Touch::Reads,
            Op::Store => Touch::Writes,
            Op::Safepoint => Touch::All,
            Op::Alloca => Touch::Shows,
            _ => match op.effect() {
                Effect::reads | Effect::writes | Effect::call => Touch::All,
                // What guards leave to sees memory; an overflow's cold block is of this function.
                Effect::control if matches!(op.shape(), Shape::Guard | Shape::FGuard) => Touch::Shows,
                Effect::control => Touch::Nothing,
                Effect::terminator => Touch::Shows,
                Effect::pure if rows[i].traps.is_empty() => Touch::Nothing,
                Effect::pure => Touch::Shows,
            },
        };
        i += 1;
    }
    touches
};

/// Whether an op without effects may trap here.
pub fn may_trap(inst: &InstData) -> bool {
    match inst.op {
        Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem if inst.has_imm() => {
            inst.b == 0 || inst.op == Op::Sdiv && inst.b == u32::MAX
        }
        op => !op.info().traps.is_empty(),
    }
}
