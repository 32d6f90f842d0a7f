//! Groups of instructions that compilers know by sight: what they recognise, merge, rewrite or move must keep its meaning.

use crate::body::{Body, Class};
use crate::program::{ARENA_SEEN, usable};
use crate::values;
use kiln_ir::{Cond, FCond, Mem, MemType, Op, Type, VReg};

/// Numbers to multiply and divide by.
const FACTORS: [i64; 24] = [
    1,
    -1,
    2,
    3,
    5,
    6,
    7,
    9,
    10,
    25,
    100,
    125,
    641,
    1000,
    -2,
    -3,
    -7,
    1 << 7,
    1 << 30,
    -(1 << 30),
    i32::MAX as i64,
    i32::MIN as i64,
    0x5555_5556,
    1_000_000_007,
];

impl Body<'_, '_, '_> {
    /// One of them.
    pub fn idiom(&mut self) {
        let ty = self.e.pick(&[Type::I32, Type::I64]);
        match self.e.below(18) {
            0 => self.rotation(ty),
            1 => self.bit_test(ty),
            2 | 3 => self.minimum(ty),
            4 => self.extensions(ty),
            5 => self.sums(ty),
            6 => self.scaled_sum(ty),
            7 => self.division(ty),
            8 | 9 => self.through_memory(ty),
            10 => self.overlapping(),
            11 => self.conditions(ty),
            12 => self.floats(),
            13 => self.twice(ty),
            14 => self.magnitude(ty),
            15 | 16 => self.told_apart(ty),
            _ => self.float_choice(),
        }
    }

    pub fn int(&mut self, ty: Type) -> VReg {
        self.read_strictly(Class::of(ty, true))
    }

    pub fn keep(&mut self, v: VReg) {
        let class = Class::of(self.b.ty(v), false);
        self.add_local(class, v);
    }

    /// Shifts in both directions that together make a rotation, or nearly.
    fn rotation(&mut self, ty: Type) {
        let bits = ty.bytes() as i64 * 8;
        let x = self.int(ty);
        let left = if self.e.chance(50) {
            let n = self.e.range(1, bits as u32 - 1) as i64;
            let off = if self.e.chance(85) { 0 } else { 1 };
            let (high, low) = (self.b.shl(x, n), self.b.lshr(x, bits - n - off));
            (high, low)
        } else {
            let n = self.int(ty);
            let rest = if self.e.chance(50) {
                self.b.neg(n)
            } else {
                let bits = self.b.iconst(ty, bits);
                self.b.sub(bits, n)
            };
            (self.b.shl(x, n), self.b.lshr(x, rest))
        };
        let (a, b) = if self.e.chance(50) { left } else { (left.1, left.0) };
        let r = match self.e.below(4) {
            0 => self.b.add(a, b),
            1 => self.b.xor(a, b),
            _ => self.b.or(a, b),
        };
        self.keep(r);
    }

    /// A bit by a mask or a shift, by a constant number or not.
    fn bit_test(&mut self, ty: Type) {
        let bits = ty.bytes() * 8;
        let x = self.int(ty);
        let n = self.e.below(bits) as i64;
        let bit = match self.e.below(5) {
            0 => self.b.and(x, (1u64 << n) as i64),
            1 => {
                let down = self.b.lshr(x, n);
                self.b.and(down, 1)
            }
            2 => {
                let (one, n) = (self.b.iconst(ty, 1), self.int(ty));
                let mask = self.b.shl(one, n);
                self.b.and(mask, x)
            }
            3 => {
                let n = self.int(ty);
                let down = if self.e.chance(50) { self.b.lshr(x, n) } else { self.b.ashr(x, n) };
                self.b.and(down, 1)
            }
            _ => {
                let up = self.b.shl(x, bits as i64 - 1 - n);
                self.b.lshr(up, bits as i64 - 1)
            }
        };
        let cond = self.e.pick(&[Cond::Eq, Cond::Ne, Cond::Lt, Cond::Ugt]);
        let c = self.b.cmp(cond, bit, 0);
        if self.e.chance(50) {
            let (a, b) = (self.int(ty), self.int(ty));
            let r = self.b.select(c, a, b);
            self.keep(r);
        }
        self.keep(c);
    }

    /// The lesser or greater of two, or what looks like it.
    fn minimum(&mut self, ty: Type) {
        let a = self.int(ty);
        let b = if self.e.chance(40) {
            let value = values::integer(self.e);
            self.b.iconst(ty, value)
        } else {
            self.int(ty)
        };
        let cond = self.e.pick(Cond::ALL);
        let c = self.b.cmp(cond, a, b);
        let (x, y) = if self.e.chance(50) { (a, b) } else { (b, a) };
        let r = self.b.select(c, x, y);
        self.keep(r);
    }

    fn magnitude(&mut self, ty: Type) {
        let x = self.int(ty);
        let r = if self.e.chance(50) {
            let n = self.b.neg(x);
            let cond = self.e.pick(&[Cond::Lt, Cond::Ge, Cond::Gt, Cond::Le]);
            let bound = self.e.pick(&[0, 0, -1, 1]);
            let c = self.b.cmp(cond, x, bound);
            if self.e.chance(50) { self.b.select(c, n, x) } else { self.b.select(c, x, n) }
        } else {
            let sign = self.b.ashr(x, ty.bytes() as i64 * 8 - 1);
            let flipped = self.b.xor(x, sign);
            self.b.sub(flipped, sign)
        };
        self.keep(r);
    }

    /// Extensions and masks one behind the other.
    fn extensions(&mut self, ty: Type) {
        let mut x = self.int(ty);
        for _ in 0..self.e.range(2, 4) {
            let ty = self.b.ty(x);
            let bits = ty.bytes() as i64 * 8;
            x = match self.e.below(10) {
                0 => self.b.sext8(x),
                1 => self.b.zext8(x),
                2 => self.b.sext16(x),
                3 => self.b.zext16(x),
                4 => {
                    let mask = self.e.pick(&[1i64, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0xfff0]);
                    self.b.and(x, mask)
                }
                5 => {
                    let n = self.e.range(1, bits as u32 - 1) as i64;
                    let up = self.b.shl(x, n);
                    if self.e.chance(50) { self.b.ashr(up, n) } else { self.b.lshr(up, n) }
                }
                _ if ty == Type::I64 => self.b.trunc(x),
                6 | 7 => self.b.sext(x),
                _ => self.b.zext(x),
            };
        }
        self.keep(x);
    }

    /// Additions of constants that come together, wrapping.
    fn sums(&mut self, ty: Type) {
        let mut x = self.int(ty);
        for _ in 0..self.e.range(2, 4) {
            let c = values::integer(self.e);
            x = match self.e.below(6) {
                0 | 1 => self.b.add(x, c),
                2 => self.b.sub(x, c),
                3 => {
                    let c = self.b.iconst(ty, c);
                    self.b.sub(c, x)
                }
                4 => {
                    let y = self.int(ty);
                    self.b.add(x, y)
                }
                _ => self.b.neg(x),
            };
        }
        let cond = self.e.pick(Cond::ALL);
        let bound = values::immediate(self.e);
        let c = self.b.cmp(cond, x, bound);
        self.keep(c);
        self.keep(x);
    }

    /// A sum of products by small numbers.
    fn scaled_sum(&mut self, ty: Type) {
        let (a, b) = (self.int(ty), self.int(ty));
        let scaled = if self.e.chance(50) {
            let by = self.e.range(1, 4) as i64;
            self.b.shl(b, by)
        } else {
            let by = self.e.pick(&FACTORS);
            self.b.mul(b, by)
        };
        let mut r = if self.e.chance(80) { self.b.add(a, scaled) } else { self.b.sub(a, scaled) };
        if self.e.chance(50) {
            let c = values::immediate(self.e) as i64;
            r = self.b.add(r, c);
        }
        if self.e.chance(30) {
            r = self.b.add(r, a);
        }
        self.keep(r);
    }

    /// Division by a constant, with what is left over.
    fn division(&mut self, ty: Type) {
        let x = self.int(ty);
        let by = if self.e.chance(70) { self.e.pick(&FACTORS) } else { values::integer(self.e) };
        let by = if ty == Type::I32 { by as i32 as i64 } else { by };
        // By neither of these is every number divisible.
        let by = if matches!(by, 0 | -1) { 7 } else { by };
        let unsigned = self.e.chance(50);
        let q = if unsigned { self.b.udiv(x, by) } else { self.b.sdiv(x, by) };
        self.keep(q);
        if self.e.chance(50) {
            let r = if self.e.chance(50) {
                let back = self.b.mul(q, by);
                self.b.sub(x, back)
            } else if unsigned {
                self.b.urem(x, by)
            } else {
                self.b.srem(x, by)
            };
            let c = self.b.cmp(Cond::Eq, r, 0);
            self.keep(r);
            self.keep(c);
        }
    }

    /// A constant place in the arena, often at its ends.
    fn spot(&mut self, bytes: u32) -> Mem {
        let last = ARENA_SEEN - bytes;
        let at = match self.e.below(4) {
            0 => last,
            1 => 0,
            2 => self.e.below(64),
            _ => self.e.below(last + 1),
        };
        Mem { base: self.base, index: VReg::NONE, scale: 1, disp: at as i32 - self.mid }
    }

    /// A load that an operation could do itself, perhaps with a store in between, and perhaps stored again.
    fn through_memory(&mut self, ty: Type) {
        let access = if self.e.chance(40) { MemType::of(ty) } else { self.integer_access(ty) };
        let mem = self.spot(access.bytes());
        let y = self.int(ty);
        let told = self.told(access, mem);
        let v = self.b.load(ty, told, mem);
        if self.e.chance(30) {
            let other = if self.e.chance(50) { mem } else { self.spot(8) };
            let value = self.int(Type::I64);
            let narrow = self.e.pick(&[MemType::I64, MemType::I32, MemType::I8]);
            let fits = other.disp + self.mid + narrow.bytes() as i32 <= ARENA_SEEN as i32;
            let told = self.told(if fits { narrow } else { MemType::I8 }, other);
            self.b.store(told, other, value);
        }
        let imm = values::immediate(self.e) as i64;
        let r = match self.e.below(10) {
            0 => self.b.add(y, v),
            1 => self.b.sub(y, v),
            2 => self.b.and(v, y),
            3 => self.b.or(v, imm),
            4 => self.b.xor(v, y),
            5 => self.b.mul(v, y),
            6 => {
                let cond = self.e.pick(Cond::ALL);
                let c = if self.e.chance(50) { self.b.cmp(cond, v, y) } else { self.b.cmp(cond, v, imm) };
                let a = self.int(ty);
                self.b.select(c, a, y)
            }
            7 => {
                let t = self.b.and(v, imm);
                let c = self.b.cmp(Cond::Ne, t, 0);
                let a = self.int(ty);
                self.b.select(c, a, y)
            }
            8 => {
                let by = self.e.below(ty.bytes() * 8) as i64;
                self.b.shl(v, by)
            }
            _ => self.b.add(v, imm),
        };
        if self.e.chance(60) {
            let told = self.told(access, mem);
            self.b.store(told, mem, r);
        }
        if self.e.chance(60) {
            self.keep(r);
        }
        if self.e.chance(30) {
            self.keep(v);
        }
    }

    pub fn integer_access(&mut self, ty: Type) -> MemType {
        let all: Vec<MemType> = (0..32)
            .map(MemType)
            .filter(|m| m.is_valid() && !m.is_float() && *m != MemType::PTR && m.fits(ty))
            .collect();
        self.e.pick(&all)
    }

    /// Stores and loads of different widths that overlap.
    fn overlapping(&mut self) {
        let mem = self.spot(8);
        for _ in 0..self.e.range(2, 5) {
            let ty = self.e.pick(&[Type::I32, Type::I64]);
            let access = self.integer_access(ty);
            let at = self.e.below(9 - access.bytes()) as i32;
            let at = if self.e.chance(60) { 0 } else { at };
            let mem = Mem { disp: mem.disp + at, ..mem };
            match self.e.below(4) {
                0 | 1 => {
                    let v = self.b.load(ty, access, mem);
                    self.keep(v);
                }
                2 => {
                    let imm = values::immediate(self.e) as i64;
                    self.b.store(access, mem, imm);
                }
                _ => {
                    let v = self.int(ty);
                    self.b.store(access, mem, v);
                }
            }
        }
    }

    /// Conditions of conditions.
    fn conditions(&mut self, ty: Type) {
        let (a, b) = (self.int(ty), self.int(ty));
        let cond = self.e.pick(Cond::ALL);
        let c = self.b.cmp(cond, a, b);
        let d = match self.e.below(6) {
            0 => self.b.cmp(Cond::Eq, c, 0),
            1 => self.b.cmp(Cond::Ne, c, 0),
            2 => self.b.xor(c, 1),
            3 => {
                let other = self.e.pick(Cond::ALL);
                let d = self.b.cmp(other, b, a);
                if self.e.chance(50) { self.b.and(c, d) } else { self.b.or(c, d) }
            }
            4 => {
                let (one, zero) = (self.b.iconst(ty, 1), self.b.iconst(ty, 0));
                let s =
                    if self.e.chance(50) { self.b.select(c, one, zero) } else { self.b.select(c, zero, one) };
                self.b.cmp(Cond::Ne, s, 0)
            }
            _ => self.b.neg(c),
        };
        let r = self.b.select(d, a, b);
        self.keep(d);
        self.keep(r);
    }

    /// The same computation again, with something in between or not.
    fn twice(&mut self, ty: Type) {
        let (a, b) = (self.int(ty), self.int(ty));
        let op = self.e.below(5);
        let mem = self.spot(8);
        for n in 0..2 {
            let (a, b) = if n == 1 && self.e.chance(30) { (b, a) } else { (a, b) };
            let r = match op {
                0 => self.b.mul(a, b),
                1 => self.b.sub(a, b),
                2 => self.b.lshr(a, b),
                3 => self.b.umul_wide(a, b).1,
                _ => self.b.load(ty, MemType::of(ty), mem),
            };
            self.keep(r);
            if n == 0 && self.e.chance(50) {
                self.ordinary();
            }
        }
    }

    fn float(&mut self, ty: Type) -> VReg {
        self.read(Class::of(ty, false))
    }

    /// Float arithmetic that looks as if it could be simplified, and mostly cannot.
    fn floats(&mut self) {
        let ty = self.e.pick(&[Type::F32, Type::F64]);
        let (x, y) = (self.float(ty), self.float(ty));
        let constant = self.e.pick(&[0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 8.0, 3.0]);
        let c = match ty {
            Type::F32 => self.b.f32const(constant as f32),
            _ => self.b.f64const(constant),
        };
        let r = match self.e.below(11) {
            0 => self.b.fadd(x, c),
            1 => self.b.fsub(x, c),
            2 => self.b.fsub(c, x),
            3 => self.b.fmul(x, c),
            4 => self.b.fdiv(x, c),
            5 => self.b.fsub(x, x),
            6 => {
                let p = self.b.fmul(x, y);
                self.b.fneg(p)
            }
            7 => {
                let p = self.b.fmul(x, y);
                self.b.fadd(p, c)
            }
            8 => {
                let n = self.b.fneg(x);
                self.b.fadd(n, y)
            }
            9 => {
                let n = self.b.fneg(x);
                self.b.fabs(n)
            }
            _ => {
                let n = self.b.fneg(x);
                self.b.fneg(n)
            }
        };
        self.keep(r);
    }

    /// A float chosen by a comparison: the lesser one, but for zeros and NaNs.
    fn float_choice(&mut self) {
        let ty = self.e.pick(&[Type::F32, Type::F64]);
        if !usable(self.config, Op::Fcmp, ty) || !usable(self.config, Op::Select, ty) {
            return;
        }
        let (x, y) = (self.float(ty), self.float(ty));
        let cond = self.e.pick(FCond::ALL);
        let c = self.b.fcmp(cond, x, y);
        let (a, b) = if self.e.chance(50) { (x, y) } else { (y, x) };
        let r = self.b.select(c, a, b);
        self.keep(c);
        self.keep(r);
    }
}
