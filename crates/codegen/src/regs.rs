//! Physical registers and sets of them, as both compilers see them: a number each, general ones 0 to 31, vector ones
//! 32 to 63. What a number is called and what it is good for is the target's to say.

/// How many registers there are names for.
pub const COUNT: usize = 64;

/// A physical register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reg(pub u8);

impl Reg {
    /// No register.
    pub const NONE: Reg = Reg(0xff);

    /// Whether it is a vector register.
    #[inline]
    pub const fn is_vector(self) -> bool {
        self.0 & 32 != 0
    }

    /// The number in its file, as encodings use it.
    #[inline]
    pub const fn number(self) -> u32 {
        self.0 as u32 & 31
    }

    /// The set of just this register.
    #[inline]
    pub const fn set(self) -> RegSet {
        RegSet(1 << (self.0 & 63))
    }
}

/// A set of registers, a bit each.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RegSet(pub u64);

impl RegSet {
    /// No register.
    pub const EMPTY: RegSet = RegSet(0);
    /// All general registers.
    pub const GENERAL: RegSet = RegSet(0xffff_ffff);
    /// All vector registers.
    pub const VECTOR: RegSet = RegSet(0xffff_ffff << 32);

    /// The set of these.
    pub const fn of(regs: &[Reg]) -> RegSet {
        let mut set = 0;
        let mut i = 0;
        while i < regs.len() {
            set |= regs[i].set().0;
            i += 1;
        }
        RegSet(set)
    }

    /// Whether the register is in it.
    #[inline]
    pub const fn has(self, reg: Reg) -> bool {
        self.0 >> (reg.0 & 63) & 1 != 0
    }

    /// Both together.
    #[inline]
    pub const fn with(self, other: RegSet) -> RegSet {
        RegSet(self.0 | other.0)
    }

    /// Those in neither but this.
    #[inline]
    pub const fn without(self, other: RegSet) -> RegSet {
        RegSet(self.0 & !other.0)
    }

    /// Those in both.
    #[inline]
    pub const fn and(self, other: RegSet) -> RegSet {
        RegSet(self.0 & other.0)
    }

    /// The lowest-numbered register, if any.
    #[inline]
    pub const fn first(self) -> Option<Reg> {
        if self.0 == 0 { None } else { Some(Reg(self.0.trailing_zeros() as u8)) }
    }

    /// The registers in ascending order.
    pub fn iter(self) -> impl Iterator<Item = Reg> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let reg = RegSet(rest).first()?;
            rest &= rest - 1;
            Some(reg)
        })
    }
}
