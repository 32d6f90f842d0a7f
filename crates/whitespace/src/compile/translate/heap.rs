//! The heap: one load or store for keys of the flat part; routines of Rust for others, and wherever the options want more than
//! the cell.

use super::{Cold, HEAP, PRESENT, Range, Translator, Value};
use crate::options::Heap;
use crate::state::{FLAT_BELOW, FLAT_LEAST, Header};
use kiln::{Access, Block, Cond, Hint, Mem, MemType, Operand, Type, VReg};
use std::mem::offset_of;

impl Translator<'_> {
    /// Whether a key is in the flat part whatever its size.
    fn is_flat(key: Value) -> bool {
        let below = FLAT_BELOW as i64;
        key.range().within(-below, FLAT_LEAST as i64 - below - 1)
    }

    /// Goes to a block if the key is not in the flat part.
    pub(super) fn unless_flat(&mut self, key: Value, elsewhere: Block) {
        if Self::is_flat(key) {
            return;
        }
        let cells = self.header(Type::I64, offset_of!(Header, flat_cells));
        let key = self.register(key);
        let index = self.b.add(key, FLAT_BELOW as i64);
        self.b.branch_hint(Cond::Uge, index, cells, elsewhere, Hint::Unlikely);
    }

    /// The cell of a flat key.
    pub(super) fn cell(&mut self, key: Value) -> Mem {
        let heap = self.header(Type::Ptr, offset_of!(Header, heap));
        match key {
            Value::Constant(key) if key.unsigned_abs() < 1 << 27 => Mem::from((heap, key as i32 * 8)),
            key => Mem { base: heap, index: self.register(key), scale: 8, disp: 0 },
        }
    }

    /// The byte with the bit that says whether a flat cell was written, and the bit's mask.
    fn presence(&mut self, key: Value) -> (VReg, VReg) {
        let present = self.header(Type::Ptr, offset_of!(Header, present));
        let key = self.register(key);
        let index = self.b.add(key, FLAT_BELOW as i64);
        let byte = self.b.lshr(index, 3);
        let mem = Mem { base: present, index: byte, scale: 1, disp: 0 };
        let byte = self.b.load(Type::I64, Access::new(MemType::U8).alias(PRESENT), mem);
        let shift = self.b.and(index, 7);
        let one = self.b.iconst(Type::I64, 1);
        (byte, self.b.shl(one, shift))
    }

    pub(super) fn retrieve(&mut self) {
        let key = self.peek(0);
        let access = Access::new(MemType::I64).alias(HEAP);
        let value = self.b.vreg(Type::I64);
        match self.shared.settings.options.heap {
            Heap::Zero if Self::is_flat(key) => {
                let mem = self.cell(key);
                self.b.to(value).load(Type::I64, access, mem);
            }
            Heap::Zero => {
                let (block, then) = (self.b.block(), self.b.block());
                let register = self.register(key);
                self.unless_flat(key, block);
                let mem = self.cell(key);
                self.b.to(value).load(Type::I64, access, mem);
                self.b.place(then);
                let key = register;
                let routine = self.shared.routines.load;
                self.cold.push(Cold::Load { block, routine, key, to: value, then });
            }
            Heap::Error => {
                let (number, values) = self.exit();
                let block = self.b.block();
                self.cold.push(Cold::Exit { block, number, values });
                self.unless_flat(key, block);
                let (byte, mask) = self.presence(key);
                self.b.branch_hint(Cond::None, byte, mask, block, Hint::Unlikely);
                let mem = self.cell(key);
                self.b.to(value).load(Type::I64, access, mem);
            }
            Heap::Wspace => {
                let block = self.leaving();
                self.within_largest(key, block);
                self.unless_flat(key, block);
                let mem = self.cell(key);
                self.b.to(value).load(Type::I64, access, mem);
            }
        }
        self.stack.remove(1);
        self.stack.push(Value::Register(value, Range::ANY));
    }

    /// Goes to a block if the key is negative or above the largest one written.
    fn within_largest(&mut self, key: Value, elsewhere: Block) {
        let largest = self.header(Type::I64, offset_of!(Header, largest_key));
        let key = self.register(key);
        self.b.branch_hint(Cond::Lt, key, 0, elsewhere, Hint::Unlikely);
        self.b.branch_hint(Cond::Gt, key, largest, elsewhere, Hint::Unlikely);
    }

    pub(super) fn store(&mut self) {
        self.need(2);
        let (value, key) = (self.peek(0), self.peek(1));
        let options = &self.shared.settings.options;
        let (rule, counted) = (options.heap, options.limits.heap.is_some());
        let access = Access::new(MemType::I64).alias(HEAP);
        let known = Self::is_flat(key) && rule == Heap::Zero && !counted;
        // What the way by the routine needs is made before it parts.
        let away = (!known).then(|| (vec![self.register(key), self.register(value)], self.exit()));
        let (block, then) = (self.b.block(), self.b.block());
        if !known {
            if rule == Heap::Wspace {
                self.within_largest(key, block);
            }
            self.unless_flat(key, block);
            if rule == Heap::Error || counted {
                let (byte, mask) = self.presence(key);
                self.b.branch_hint(Cond::None, byte, mask, block, Hint::Unlikely);
            }
        }
        let mem = self.cell(key);
        let operand: Operand = self.operand(value);
        self.b.store(access, mem, operand);
        if let Some((arguments, (number, values))) = away {
            self.b.place(then);
            let routine = self.shared.routines.store;
            self.cold.push(Cold::Routine { block, routine, arguments, number, values, then });
        }
        self.stack.remove(2);
    }
}
