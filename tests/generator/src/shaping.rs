//! Control flow inside a block of the plan: short branches, counted loops, loops entered from two places. Registers
//! first assigned inside are forgotten behind, because not every way there assigns them.

use crate::body::{Body, Class};
use crate::program::{ARENA_SEEN, usable};
use crate::values;
use kiln_ir::{Block, Cond, FCond, Hint, Mem, MemType, Op, Type, VReg};

/// How deep such control flow stands in itself.
const NEST: u32 = 2;

impl Body<'_, '_, '_> {
    /// One of them, if there is room for it.
    pub fn shape(&mut self) {
        if self.nest >= NEST {
            return self.ordinary();
        }
        self.nest += 1;
        match self.e.below(10) {
            0..=4 => self.short_branch(),
            5..=8 => self.counted_loop(),
            _ => self.two_entries(),
        }
        self.nest -= 1;
    }

    fn some_hint(&mut self) -> Hint {
        self.e.pick(Hint::ALL)
    }

    /// Branches on something, mostly either way.
    fn branch_somehow(&mut self, target: Block) {
        let ty = self.e.pick(&[Type::I32, Type::I64]);
        match self.e.below(4) {
            0 => {
                // A bit of something.
                let x = self.read_strictly(Class::of(ty, true));
                let n = self.e.below(8) as i64;
                let bit = self.b.and(x, 1 << n);
                let cond = self.e.pick(&[Cond::Eq, Cond::Ne]);
                self.b.branch(cond, bit, 0, target);
            }
            1 if usable(self.config, Op::Fbranch, Type::F64) => {
                let (a, b) = (self.read(Class::LooseF64), self.read(Class::LooseF64));
                let cond = self.e.pick(FCond::ALL);
                self.b.fbranch(cond, a, b, target);
            }
            _ => {
                let cond = self.e.pick(Cond::ALL);
                let (a, b) =
                    (self.read_strictly(Class::of(ty, true)), self.read_strictly(Class::of(ty, true)));
                let hint = self.some_hint();
                self.b.branch_hint(cond, a, b, target, hint);
            }
        }
    }

    /// One or two short arms that come together again; they assign the same registers, or different ones.
    fn short_branch(&mut self) {
        let classes = [Class::I32, Class::I64, Class::LooseF64, Class::LooseF32];
        let class = self.e.pick(&classes);
        let both = self.e.chance(40);
        let (first, join) = (self.b.block(), self.b.block());
        let target = self.global(class);
        let Some(target) = target else { return };
        self.branch_somehow(if both { first } else { join });
        let known = self.known();
        self.arm(target, class);
        self.forget(&known);
        if both {
            self.b.jump(join);
            self.b.place(first);
            self.arm(target, class);
            self.forget(&known);
        }
        self.b.place(join);
    }

    /// An arm that assigns the register, and perhaps does more.
    fn arm(&mut self, target: VReg, class: Class) {
        if self.e.chance(25) {
            self.step();
        }
        let x = self.read_strictly(class);
        let int = matches!(class, Class::I32 | Class::I64);
        match self.e.below(6) {
            0 => {
                self.b.to(target).copy(x);
            }
            1 => {
                let ty = class.ty();
                self.b.to(target);
                self.constant(ty);
            }
            2 if int => {
                let c = values::immediate(self.e) as i64;
                self.b.to(target).add(x, c);
            }
            3 if int => {
                self.b.to(target).sub(target, x);
            }
            4 if int => {
                self.b.to(target).xor(x, 1);
            }
            3 | 4 => {
                self.b.to(target).fneg(x);
            }
            _ => {
                self.b.to(target).copy(x);
            }
        }
    }

    /// A loop whose rounds are counted, by a counter that may wrap, with accesses at addresses that advance with it.
    fn counted_loop(&mut self) {
        let ty = self.e.pick(&[Type::I32, Type::I64]);
        let rounds = self.e.range(1, 9) as i64;
        let step = self.e.pick(&[1, 1, 1, 2, 3, 8, -1, -2, -5]);
        let (least, greatest) = match ty {
            Type::I32 => (i32::MIN as i64, i32::MAX as i64),
            _ => (i64::MIN, i64::MAX),
        };
        let start = match self.e.below(6) {
            0..=2 => 0,
            3 => self.e.below(20) as i64 - 10,
            4 => greatest - self.e.below(5) as i64,
            _ => least + self.e.below(5) as i64,
        };
        let cut = |v: i64| if ty == Type::I32 { v as i32 as i64 } else { v };
        let end = cut(start.wrapping_add(step * rounds));
        let i = self.b.vreg(ty);
        self.b.to(i).iconst(ty, start);
        let (head, out) = (self.b.block(), self.b.block());
        // Tested at its head or at its end; against the end, or by a second counter.
        let wraps = (step > 0) == (end < start);
        let ordered = match step > 0 {
            true => Cond::Lt,
            false => Cond::Gt,
        };
        let cond = if wraps || self.e.chance(30) { Cond::Ne } else { ordered };
        let left = self.e.chance(25).then(|| {
            let left = self.b.vreg(Type::I32);
            self.b.to(left).iconst(Type::I32, rounds);
            left
        });
        let bound = if self.e.chance(50) { Some(self.b.iconst(ty, end)) } else { None };
        let at_head = self.e.chance(40);
        let known = self.known();
        self.b.place(head);
        // Branches if the loop goes on, or if it does not.
        let test = |body: &mut Self, on: bool, to: Block| {
            let turn = |cond: Cond| if on { cond } else { cond.inverse() };
            match (left, bound) {
                (Some(left), _) => body.b.branch(turn(Cond::Gt), left, 0, to),
                (None, Some(bound)) => body.b.branch(turn(cond), i, bound, to),
                (None, None) => body.b.branch(turn(cond), i, end, to),
            }
        };
        if at_head {
            test(self, false, out);
        }
        for _ in 0..self.e.range(1, 4) {
            match self.e.below(6) {
                0..=2 => self.access_at(i, ty, start, step, rounds),
                3 => {
                    // A sum over the rounds.
                    let class = self.e.pick(&[Class::I32, Class::I64, Class::LooseF64]);
                    if let Some(sum) = self.global(class) {
                        let x = self.read_strictly(class);
                        if class == Class::LooseF64 {
                            self.b.to(sum).fadd(sum, x)
                        } else {
                            self.b.to(sum).add(sum, x)
                        };
                    }
                }
                4 => self.step(),
                _ => {
                    // The counter itself is seen.
                    let class = Class::of(ty, true);
                    let x = self.read_strictly(class);
                    let factor = self.e.pick(&[3, 5, 12, 24, -7, 1 << 20]);
                    let scaled = self.b.mul(i, factor);
                    let sum = self.b.add(x, scaled);
                    self.add_local(class, sum);
                }
            }
        }
        if self.e.chance(20) {
            self.branch_somehow(out);
        }
        self.b.to(i).add(i, step);
        if let Some(left) = left {
            self.b.to(left).sub(left, 1);
        }
        if at_head {
            self.b.jump(head)
        } else {
            test(self, true, head)
        }
        self.b.place(out);
        self.forget(&known);
    }

    /// An access to the arena at an address that the counter says.
    fn access_at(&mut self, i: VReg, ty: Type, start: i64, step: i64, rounds: i64) {
        let none = VReg::NONE;
        let bytes = self.e.pick(&[1u32, 2, 4, 8]);
        // How far the counter is from its start, extended without a change of its meaning.
        let mut far = if start == 0 && self.e.chance(70) { i } else { self.b.sub(i, start) };
        let mut step = step;
        if step < 0 && self.e.chance(50) {
            far = self.b.neg(far);
            step = -step;
        }
        if ty == Type::I32 {
            far = if step > 0 && self.e.chance(50) { self.b.zext(far) } else { self.b.sext(far) };
        }
        let most = step.abs() * (rounds - 1).max(0);
        let stride = self.e.pick(&[1i64, 2, 4, 8, 12, 16, 24, 40]);
        let span = most * stride;
        // The distance grows from 0 up, or down.
        let room = ARENA_SEEN as i64 - bytes as i64 - span;
        let low = match self.e.below(3) {
            0 => 0,
            1 => room,
            _ => self.e.below(room as u32 + 1) as i64,
        };
        let first = (if step > 0 { low } else { low + span } - self.mid as i64) as i32;
        let mem = match (stride, self.e.below(3)) {
            (1 | 2 | 4 | 8, 0 | 1) => Mem { base: self.base, index: far, scale: stride as u8, disp: first },
            (_, 2) => {
                let by = self.b.mul(far, stride);
                let base = self.b.add(self.base, by);
                Mem { base, index: none, scale: 1, disp: first }
            }
            _ => {
                let by = if stride.count_ones() == 1 {
                    self.b.shl(far, stride.trailing_zeros() as i64)
                } else {
                    self.b.mul(far, stride)
                };
                Mem { base: self.base, index: by, scale: 1, disp: first }
            }
        };
        let access = MemType::int(bytes as u8, self.e.chance(50));
        let access = if bytes == 8 { MemType::I64 } else { access };
        let class = self.arena_class(low as i32, span as u32 + bytes);
        let access = self.perhaps(access, class);
        if self.e.chance(60) {
            let v = self.b.load(Type::I64, access, mem);
            if let Some(sum) = self.global(Class::I64).filter(|_| self.e.chance(70)) {
                self.b.to(sum).add(sum, v);
            }
            self.add_local(Class::I64, v);
        } else {
            let v = if self.e.chance(30) && ty == Type::I64 { i } else { self.read_strictly(Class::I64) };
            self.b.store(access, mem, v);
        }
    }

    /// A loop that is entered at its head or in its middle.
    fn two_entries(&mut self) {
        let rounds = self.e.range(1, 6) as i64;
        let left = self.b.iconst(Type::I32, rounds);
        let (head, middle) = (self.b.block(), self.b.block());
        self.branch_somehow(middle);
        let known = self.known();
        self.b.place(head);
        for _ in 0..self.e.below(4) {
            self.step();
        }
        self.forget(&known);
        self.b.place(middle);
        for _ in 0..self.e.below(4) {
            self.step();
        }
        self.b.to(left).sub(left, 1);
        self.b.branch(Cond::Gt, left, 0, head);
        self.forget(&known);
    }
}
