//! Alias classes, told truly: accesses of different classes never overlap, in the whole program, because functions are
//! inlined. Class 0 is anything.

use crate::body::Body;
use kiln_ir::{Access, Mem, MemType, Slot, Type, VReg};
use std::ops::Range;

/// Which alias classes the accesses of a program say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Classes {
    /// None.
    None,
    /// The arena has one, all slots another.
    Whole,
    /// Parts of the arena have one each, and so has what is accessed inside of one part only; slots of a function have
    /// different ones, and storage that is made at run time has its own.
    Parts,
}

/// Where the parts of the arena end but for the last one. The first are small, because accesses are near its start often.
const ENDS: [u32; 4] = [8, 64, 512, 2048];

/// One of the parts but the last.
fn part(n: usize) -> Range<u32> {
    let start = if n == 0 { 0 } else { ENDS[n - 1] };
    start..ENDS[n]
}

const ANYTHING: u8 = 0;
const ARENA: u8 = 1;
const SLOTS: u8 = 2;
const PARTS: u8 = 3;
const EACH_SLOT: u8 = PARTS + ENDS.len() as u8 + 1;
const STORAGE: u8 = 15;

impl Classes {
    /// The class of an access somewhere in these bytes of the arena.
    pub fn of_arena(self, bytes: Range<u32>) -> u8 {
        let part = |at: u32| ENDS.iter().filter(|end| **end <= at).count() as u8;
        match self {
            Classes::None => ANYTHING,
            Classes::Whole => ARENA,
            Classes::Parts if part(bytes.start) == part(bytes.end - 1) => PARTS + part(bytes.start),
            Classes::Parts => ANYTHING,
        }
    }

    /// The class of an access of a slot.
    pub fn of_slot(self, slot: Slot) -> u8 {
        match self {
            Classes::None => ANYTHING,
            Classes::Whole => SLOTS,
            Classes::Parts => EACH_SLOT + (slot.0 % (STORAGE - EACH_SLOT) as u32) as u8,
        }
    }

    /// The class of an access of what `alloca` gives.
    pub fn of_storage(self) -> u8 {
        if self == Classes::Parts { STORAGE } else { ANYTHING }
    }
}

impl Body<'_, '_, '_> {
    /// The alias class of an access somewhere in so many bytes of the arena.
    pub fn arena_class(&self, start: i32, bytes: u32) -> u8 {
        let start = u32::try_from(start).expect("in the arena");
        self.plan.classes.of_arena(start..start + bytes)
    }

    /// An access at a constant place in the arena that perhaps says its class.
    pub fn told(&mut self, access: MemType, place: Mem) -> Access {
        let class = self.arena_class(place.disp + self.mid, access.bytes());
        self.perhaps(access, class)
    }

    /// An access that perhaps says its class.
    pub fn perhaps(&mut self, access: MemType, class: u8) -> Access {
        Access::new(access).alias(if self.e.chance(50) { class } else { ANYTHING })
    }

    /// A place that is read or written, and read again behind a store to a place that only the run says: in the same part of
    /// the arena, where both may overlap, or in another, where they do not, as only classes say.
    pub fn told_apart(&mut self, ty: Type) {
        let here = self.e.below(3) as usize;
        let there = if self.e.chance(50) { here } else { self.e.below(3) as usize };
        let access = self.integer_access(ty);
        let known = part(here);
        let at = known.start + self.e.below(known.len() as u32 - access.bytes() + 1);
        let place = Mem { base: self.base, index: VReg::NONE, scale: 1, disp: at as i32 - self.mid };
        let told = self.told(access, place);
        let before = if self.e.chance(60) {
            self.b.load(ty, told, place)
        } else {
            let v = self.int(ty);
            self.b.store(told, place, v);
            v
        };

        let access_there = self.e.pick(&[MemType::I8, MemType::I16, MemType::I32, MemType::I64]);
        let open = part(there);
        let places = open.len() as u32 - access_there.bytes() + 1;
        let x = self.int(Type::I64);
        let index = self.b.and(x, (1 << places.ilog2()) - 1);
        let somewhere = Mem { base: self.base, index, scale: 1, disp: open.start as i32 - self.mid };
        let class = self.plan.classes.of_arena(open);
        let told = self.perhaps(access_there, class);
        let value = self.int(Type::I64);
        self.b.store(told, somewhere, value);

        let told = self.told(access, place);
        let after = self.b.load(ty, told, place);
        let change = self.b.sub(after, before);
        self.keep(change);
        if self.e.chance(50) {
            self.keep(after);
        }
    }
}
