//! Memory accesses that stay inside the arena or a slot, through every form of address.

use crate::body::{Body, Class};
use crate::inst::Draft;
use crate::program::{ARENA_SEEN, usable};
use crate::values;
use kiln_ir::function::aux;
use kiln_ir::op::{Order, Rmw, Variant};
use kiln_ir::{InstData, Mem, MemType, Op, Type, VReg};

/// One more than block ops copy or fill at most; a power of two.
const LONGEST: u32 = 256;

/// A confined memory operand and its alias class.
struct Place {
    mem: Mem,
    class: u8,
}

impl Body<'_, '_, '_> {
    /// Makes the slots and fills them, because what a fresh slot holds is open.
    pub fn make_slots(&mut self) {
        if !usable(self.config, Op::SlotAddr, Type::Ptr) {
            return;
        }
        for _ in 0..self.e.below(3) {
            let words = self.e.range(1, 8);
            let most = if self.e.chance(10) { 10 } else { 2 };
            let align = 8 << self.e.below(most);
            // Now and then more than a page lies behind what is used, so that frames are large.
            let unused = if self.e.chance(6) { self.e.pick(&[200, 4096, 20_000]) } else { 0 };
            let slot = self.b.slot(words * 8 + unused, align);
            self.slots.push((slot, words * 8));
        }
        self.fill_slots();
    }

    /// Fills the slots, because what they hold in a new activation is open.
    pub fn fill_slots(&mut self) {
        for (slot, size) in self.slots.clone() {
            for at in (0..size as i32).step_by(8) {
                let address = self.b.slot_addr(slot, 0);
                let value = values::immediate(self.e) as i64;
                self.b.store(MemType::I64, (address, at), value);
            }
        }
    }

    /// Writes C's `errno` and reads it back, at once, because others write it too.
    pub fn thread_local(&mut self) {
        let ahead = self.e.pick(&[0, 0, 4, -8]);
        let address = self.b.tls_addr(self.plan.thread_local, ahead);
        let value = self.read(Class::I32);
        self.b.store(MemType::I32, (address, -ahead), value);
        let dst = self.write_to(Class::I32, &[]);
        self.b.to(dst).load(Type::I32, MemType::I32, (address, -ahead));
    }

    /// An offset into a region of `size` bytes at which `bytes` can be accessed, aligned.
    fn offset(&mut self, size: u32, bytes: u32, align: u32) -> i32 {
        let last = (size - bytes) / align;
        let choice = self.e.below(4);
        let at = if choice == 0 { last } else { self.e.below(last + 1) };
        // Near offsets collide with each other, which is what forwarding and ordering bugs need.
        let at = if choice == 1 { at % 8 } else { at };
        (at * align) as i32
    }

    /// A register with an offset below `limit` (a power of two), a multiple of `align`.
    fn dynamic_offset(&mut self, limit: u32, align: u32) -> VReg {
        let class = if self.e.chance(20) { Class::Ptr } else { Class::I64 };
        let v = self.read(class);
        self.b.and(v, ((limit - 1) & !(align - 1)) as i64)
    }

    /// A place for an access of `bytes`, aligned to `align`.
    fn place(&mut self, bytes: u32, align: u32) -> Place {
        let none = VReg::NONE;
        let slots = !self.slots.is_empty();
        match self.e.below(10) {
            // The register that holds the arena's address, and a constant.
            0..=2 => {
                let at = self.offset(ARENA_SEEN, bytes, align);
                let mem = Mem { base: self.base, index: none, scale: 1, disp: at - self.mid };
                Place { mem, class: self.arena_class(at, bytes) }
            }
            // Indexed: (mask + 1) * scale <= 2048, and 1024 below and above it are free for the displacement.
            3..=5 => self.indexed_place(self.base, self.mid, bytes, align),
            // A sum, then perhaps a displacement.
            6 => {
                let offset = self.dynamic_offset(2048, align);
                let base = self.b.add(self.base, offset);
                let at = self.offset(2048, bytes, align);
                let mem = Mem { base, index: none, scale: 1, disp: at - self.mid };
                Place { mem, class: self.arena_class(at, 2047 + bytes) }
            }
            7 if slots => self.slot_place(bytes, align),
            8 => {
                let op = self.e.pick(&[Op::DataAddr, Op::Addr, Op::SlotAddr, Op::FrameAddr, Op::Alloca]);
                self.place_through(op, bytes, align)
            }
            _ => self.place_through(Op::DataAddr, bytes, align),
        }
    }

    /// `base` is the arena's address plus `at`, where `at` is 0 or 1024.
    fn indexed_place(&mut self, base: VReg, at: i32, bytes: u32, align: u32) -> Place {
        let scale = self.e.pick(&[1u32, 2, 4, 8]);
        // Whatever the index is a multiple of, times the scale must be a multiple of the alignment.
        let index_align = (align / scale).max(1);
        let index = self.dynamic_offset(2048 / scale, index_align);
        let disp =
            if at == 0 && self.e.chance(40) { 0 } else { self.offset(ARENA_SEEN - 2048, bytes, align) - at };
        let class = self.arena_class(at + disp, 2047 + bytes);
        Place { mem: Mem { base, index, scale: scale as u8, disp }, class }
    }

    fn slot_place(&mut self, bytes: u32, align: u32) -> Place {
        let (slot, size) = self.e.pick(&self.slots);
        let at = self.offset(size, bytes, align);
        let ahead = self.e.pick(&[0, 0, at, at / 2, -8, 16]);
        let base = self.b.slot_addr(slot, ahead);
        Place {
            mem: Mem { base, index: VReg::NONE, scale: 1, disp: at - ahead },
            class: self.plan.classes.of_slot(slot),
        }
    }

    /// A place whose address this op computes.
    fn place_through(&mut self, op: Op, bytes: u32, align: u32) -> Place {
        let ty = if op == Op::SlotOffset { Type::I64 } else { Type::Ptr };
        let none = VReg::NONE;
        let slots = !self.slots.is_empty();
        let op = if usable(self.config, op, ty) { op } else { Op::DataAddr };
        match op {
            Op::Addr => {
                if self.e.chance(30) {
                    // A far base, so that displacements are large.
                    let far = self.e.pick(&[128, -129, 70_000, -1 << 30]);
                    let base = self.b.addr((self.base, -far));
                    let at = self.offset(ARENA_SEEN, bytes, align);
                    let mem = Mem { base, index: none, scale: 1, disp: at - self.mid + far };
                    return Place { mem, class: self.arena_class(at, bytes) };
                }
                let place = self.indexed_place(self.base, self.mid, bytes, align);
                let base = self.b.addr(place.mem);
                Place { mem: Mem { base, index: none, scale: 1, disp: 0 }, class: place.class }
            }
            Op::SlotAddr if slots => self.slot_place(bytes, align),
            Op::FrameAddr | Op::SlotOffset
                if slots
                    && usable(self.config, Op::FrameAddr, Type::Ptr)
                    && usable(self.config, Op::SlotOffset, Type::I64) =>
            {
                let (slot, size) = self.e.pick(&self.slots);
                let at = self.offset(size, bytes, align);
                let base = self.b.frame_addr();
                let index = self.b.slot_offset(slot, at);
                Place { mem: Mem { base, index, scale: 1, disp: 0 }, class: self.plan.classes.of_slot(slot) }
            }
            Op::Alloca => {
                // Fresh storage is filled, because what it holds is open.
                let size = self.b.iconst(Type::I64, 16);
                let align = self.e.pick(&[8, 16, 32]);
                let base = self.b.alloca(size, align);
                for word in 0..2 {
                    let value = values::immediate(self.e) as i64;
                    self.b.store(MemType::I64, (base, word * 8), value);
                }
                let disp = self.offset(16, bytes, bytes.next_power_of_two().min(8));
                Place {
                    mem: Mem { base, index: none, scale: 1, disp },
                    class: self.plan.classes.of_storage(),
                }
            }
            _ => {
                let at = self.offset(ARENA_SEEN, bytes, align);
                let ahead = self.e.pick(&[0, at, at / 2, 5000, -128]);
                let base = self.b.data_addr(self.plan.arena, ahead);
                Place {
                    mem: Mem { base, index: none, scale: 1, disp: at - ahead },
                    class: self.arena_class(at, bytes),
                }
            }
        }
    }

    /// An access through an address that this op computes.
    pub fn access_through(&mut self, op: Op) {
        let place = self.place_through(op, 4, 4);
        if self.e.chance(50) {
            let dst = self.write_to(Class::I32, &[]);
            self.b.to(dst).load(Type::I32, MemType::I32, place.mem);
        } else {
            let value = self.read(Class::I32);
            self.b.store(MemType::I32, place.mem, value);
        }
    }

    /// The attribute bits of an access to a place.
    fn attributes(&mut self, place: &Place) -> u16 {
        let mut bits = if self.e.chance(50) { (place.class as u16) << aux::ALIAS } else { 0 };
        for flag in [aux::VOLATILE, aux::NO_TRAP, aux::NON_TEMPORAL, aux::PRECISE] {
            if self.e.chance(6) {
                bits |= flag;
            }
        }
        bits
    }

    fn access(&mut self, ty: Type) -> MemType {
        let all: Vec<MemType> =
            (0..32).map(MemType).filter(|m| m.is_valid() && m.fits(ty) && canonical(*m, ty)).collect();
        if self.e.chance(30) { MemType::of(ty) } else { self.e.pick(&all) }
    }

    /// Sets the record's memory operand.
    fn set_mem(&mut self, draft: &mut Draft, mem: Mem, always_tail: bool) {
        draft.inst.a = mem.base.0;
        if mem.index.is_none() && !always_tail {
            draft.inst.b = mem.disp as u32;
        } else {
            draft.tail = vec![mem.index.0, mem.scale as u32, mem.disp as u32];
        }
    }

    pub fn load(&mut self, ty: Type) {
        let access = self.access(ty);
        let place = self.place(access.bytes(), 1);
        let mut draft = Draft::new(Op::Load, ty);
        draft.inst.aux = self.attributes(&place) | (access.0 as u16) << aux::ACCESS;
        if self.e.chance(6) {
            draft.inst.aux |= aux::KEEP;
        }
        self.set_mem(&mut draft, place.mem, false);
        draft.inst.dst = self.write_to(Class::of(ty, true), &[]).0;
        self.push(draft);
    }

    pub fn store(&mut self, ty: Type) {
        let access = self.access(ty);
        let place = self.place(access.bytes(), 1);
        let bits = self.attributes(&place) | (access.0 as u16) << aux::ACCESS;
        let constant = !access.is_float() && access.default_register() == ty && self.e.chance(35);
        let mut draft = Draft::new(Op::Store, ty);
        draft.inst.aux = bits;
        self.set_mem(&mut draft, place.mem, false);
        draft.inst.dst = if constant {
            draft.inst.aux |= aux::VALUE_IMM;
            values::immediate(self.e) as u32
        } else if ty.is_float() {
            self.exact_float(ty).0
        } else {
            self.read(Class::of(ty, true)).0
        };
        self.push(draft);
    }

    pub fn prefetch(&mut self) {
        let place = self.place(8, 1);
        self.b.prefetch(place.mem);
    }

    /// A place in the arena with room for a block op.
    fn long_place(&mut self) -> VReg {
        let place = if self.e.chance(50) {
            self.indexed_place(self.base, self.mid, LONGEST, 1)
        } else {
            self.place_through(Op::DataAddr, LONGEST, 1)
        };
        self.b.addr(place.mem)
    }

    /// `mem_copy` or `mem_fill` of less than [`LONGEST`] bytes, a constant number or not.
    pub fn block_op(&mut self, op: Op) {
        let to = self.long_place();
        let from = if op == Op::MemCopy { self.long_place() } else { self.read(Class::I32) };
        let mut draft = Draft::new(op, Type::I32);
        draft.inst.a = to.0;
        let length = if self.e.chance(50) {
            draft.inst.aux |= aux::IMM;
            self.e.pick(&[0, 1, 2, 3, 4, 5, 7, 8, 12, 15, 16, 17, 31, 32, 33, 63, 64, 100, LONGEST - 1])
        } else {
            self.dynamic_offset(LONGEST, 1).0
        };
        draft.tail = vec![from.0, length];
        self.push(draft);
    }

    pub fn atomic(&mut self, op: Op, ty: Type) {
        let access = if ty == Type::Ptr && self.e.chance(50) {
            MemType::PTR
        } else {
            let all: Vec<MemType> = (0..16)
                .map(MemType)
                .filter(|m| m.fits(ty) && m.bytes().is_power_of_two() && canonical(*m, ty))
                .collect();
            self.e.pick(&all)
        };
        let bytes = access.bytes();
        let place = self.place(bytes, bytes);
        let order = match op {
            Op::AtomicLoad => self.e.pick(&[Order::Relaxed, Order::Acquire, Order::SeqCst]),
            Op::AtomicStore => self.e.pick(&[Order::Relaxed, Order::Release, Order::SeqCst]),
            _ => self.e.pick(Order::ALL),
        };
        let mut draft = Draft::new(op, ty);
        draft.inst.aux = (access.0 as u16) << aux::ACCESS | (order as u16) << aux::ORDER;
        self.set_mem(&mut draft, place.mem, true);
        let class = Class::of(ty, true);
        match op {
            Op::AtomicRmw => {
                let rmw = self.e.pick(Rmw::ALL);
                draft.inst.aux |= InstData::variant_bits(Variant::Rmw(rmw));
                let value = self.read(class);
                draft.tail.push(value.0);
            }
            Op::AtomicCas => {
                // Now and then the comparison must succeed: what memory holds has just been read.
                let expected =
                    if self.e.chance(50) { self.b.load(ty, access, place.mem) } else { self.read(class) };
                let new = self.read(class);
                draft.tail.extend([expected.0, new.0]);
            }
            _ => {}
        }
        draft.inst.dst = match op {
            Op::AtomicStore => self.read(class).0,
            _ => self.write_to(class, &[]).0,
        };
        self.push(draft);
    }

    pub fn fence(&mut self) {
        let order = self.e.pick(&[Order::Acquire, Order::Release, Order::AcqRel, Order::SeqCst]);
        self.b.fence(order);
    }
}

/// Whether this is how an access of its width is written for a register of the type: 64 bits have one form.
fn canonical(access: MemType, ty: Type) -> bool {
    match access {
        MemType::PTR => ty == Type::Ptr,
        MemType::I64 => ty != Type::Ptr,
        _ => true,
    }
}
