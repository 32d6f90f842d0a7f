//! Characters and numbers that go out, and characters that come in: bytes of the buffers where there is one at hand.

use super::{Cold, HEAP, INPUT, OUTPUT, Translator};
use crate::options::{Chars, Heap};
use crate::state::Header;
use kiln::{Access, Cond, Hint, MemType, Type};
use std::mem::offset_of;

impl Translator<'_> {
    pub(super) fn print_character(&mut self) {
        let character = self.peek(0);
        let least_long = match self.shared.settings.options.chars {
            Chars::Utf8 => 128,
            Chars::Bytes => 256,
        };
        let (block, then) = (self.b.block(), self.b.block());
        let (number, values) = self.exit();
        let arguments = vec![self.register(character)];
        if !character.range().within(0, least_long - 1) {
            let register = self.register(character);
            self.b.branch_hint(Cond::Uge, register, least_long, block, Hint::Unlikely);
        }
        let at = self.header(Type::Ptr, offset_of!(Header, output_at));
        let end = self.header(Type::Ptr, offset_of!(Header, output_end));
        self.b.branch_hint(Cond::Uge, at, end, block, Hint::Unlikely);
        let operand = self.operand(character);
        self.b.store(Access::new(MemType::U8).alias(OUTPUT), at, operand);
        let next = self.b.addr((at, 1));
        self.set_header(offset_of!(Header, output_at), next);
        self.b.place(then);
        let routine = self.shared.routines.print_character;
        self.cold.push(Cold::Routine { block, routine, arguments, number, values, then });
        self.stack.remove(1);
    }

    pub(super) fn print_number(&mut self) {
        let value = self.peek(0);
        let (number, values) = self.exit();
        let arguments = [self.state, self.register(value)];
        let status = self.b.call1(self.shared.routines.print_number, &arguments);
        self.b.guard(Cond::Ne, status, 0, number, &values);
        self.stack.remove(1);
    }

    /// A byte that is at hand and stands for itself goes to its cell; all else is left to the interpreter.
    pub(super) fn read_character(&mut self) {
        let options = &self.shared.settings.options;
        let long = options.chars == Chars::Utf8;
        if options.heap != Heap::Zero || options.limits.heap.is_some() {
            return self.leave();
        }
        let key = self.peek(0);
        let block = self.leaving();
        self.unless_flat(key, block);
        let at = self.header(Type::Ptr, offset_of!(Header, input_at));
        let end = self.header(Type::Ptr, offset_of!(Header, input_end));
        self.b.branch_hint(Cond::Uge, at, end, block, Hint::Unlikely);
        let byte = self.b.load(Type::I64, Access::new(MemType::U8).alias(INPUT), at);
        if long {
            self.b.branch_hint(Cond::Ge, byte, 128, block, Hint::Unlikely);
        }
        let next = self.b.addr((at, 1));
        self.set_header(offset_of!(Header, input_at), next);
        let mem = self.cell(key);
        self.b.store(Access::new(MemType::I64).alias(HEAP), mem, byte);
        self.stack.remove(1);
    }
}
