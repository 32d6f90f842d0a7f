//! One instruction to bytes and back, by its shape: op, then type and attributes in one number, then the operands
//! in the order of [`Shape::operands`](crate::op::Shape::operands).
//!
//! Writing and reading walk the same table with the same arms, one below the other; that is the whole instruction
//! format.

use super::fault::{Fault, Item};
use super::number::{Decoded, Reader, put, put_signed};
use crate::entity::VReg;
use crate::function::{Function, InstData};
use crate::op::{Field, Op, Role};
use crate::types::Type;

/// Bits of an instruction's second number that hold its type; the attributes stand above them.
const TYPE_BITS: u32 = 4;

pub(super) fn write(out: &mut Vec<u8>, f: &Function, inst: &InstData) {
    out.push(inst.op as u8);
    put(out, (inst.aux as u64) << TYPE_BITS | inst.ty as u64);
    for (field, role) in inst.op.shape().operands() {
        operand(out, f, inst, *field, *role);
    }
}

fn operand(out: &mut Vec<u8>, f: &Function, inst: &InstData, field: Field, role: Role) {
    // Each constant wraps only when it is "none", which is written as 0 where it may stand.
    let optional = |word: u32| word.wrapping_add(1) as u64;
    match role {
        Role::Def(_)
        | Role::Use(_)
        | Role::Block
        | Role::ColdBlock
        | Role::Func
        | Role::Data
        | Role::Slot
        | Role::LabelSet
        | Role::BitRange
        | Role::ExitId
        | Role::TrapCode
        | Role::CodeBytes => put(out, f.word(inst, field) as u64),
        Role::UseOrImm(_) => word_or_constant(out, f.word(inst, field), inst.has_imm()),
        Role::StoreValue => word_or_constant(out, f.word(inst, field), inst.value_is_imm()),
        Role::Imm => put_signed(out, f.word(inst, field) as i32 as i64),
        Role::Const => match (inst.ty.is_float(), inst.has_tail()) {
            (true, true) => out.extend_from_slice(&f.constant(inst).to_le_bytes()),
            (true, false) => out.extend_from_slice(&inst.b.to_le_bytes()),
            (false, true) => put_signed(out, f.constant(inst) as i64),
            (false, false) => put_signed(out, inst.b as i32 as i64),
        },
        Role::Mem => {
            let mem = f.mem(inst);
            put(out, mem.base.0 as u64);
            if inst.has_tail() {
                put(out, optional(mem.index.0));
                out.push(mem.scale);
            }
            put_signed(out, mem.disp as i64);
        }
        Role::List => {
            let Field::Tail(at) = field else { unreachable!("lists stand in tails") };
            registers(out, f.list(inst, at as usize).iter());
        }
        Role::Cases => {
            let (default, cases) = f.cases(inst);
            put(out, default.0 as u64);
            put(out, cases.len() as u64);
            for (value, block) in cases {
                put_signed(out, value);
                put(out, block.0 as u64);
            }
        }
        Role::Results => {
            put(out, optional(inst.a));
            if inst.has_tail() {
                registers(out, f.list(inst, 0).iter());
            }
        }
        Role::CallList => {
            let call = f.call(inst);
            put(out, call.sig.0 as u64);
            registers(out, call.args.iter());
            put(out, call.results as u64);
            if call.results > 0 {
                put(out, inst.dst as u64);
            }
            call.more_results.iter().for_each(|v| put(out, v.0 as u64));
        }
    }
}

fn word_or_constant(out: &mut Vec<u8>, word: u32, constant: bool) {
    if constant { put_signed(out, word as i32 as i64) } else { put(out, word as u64) }
}

fn registers(out: &mut Vec<u8>, list: impl ExactSizeIterator<Item = VReg>) {
    put(out, list.len() as u64);
    list.for_each(|v| put(out, v.0 as u64));
}

/// The sizes of the tables that instructions point into.
pub(super) struct Tables {
    pub(super) sigs: usize,
    pub(super) funcs: usize,
    pub(super) vregs: usize,
    pub(super) blocks: usize,
    pub(super) slots: usize,
    pub(super) label_sets: usize,
    /// The highest data object named so far, and by which byte: the table of data follows the functions.
    pub(super) data: Option<(u32, usize)>,
}

/// Reads an instruction and appends it. `tail` is memory to be used again.
pub(super) fn read(
    r: &mut Reader<'_>,
    f: &mut Function,
    tables: &mut Tables,
    tail: &mut Vec<u32>,
) -> Decoded<Op> {
    let start = r.at();
    let number = r.byte()?;
    let Some(op) = Op::from_number(number) else {
        return Err(r.unknown(start, Item::Op, number as u64));
    };
    let head_at = r.at();
    let head = r.u32()?;
    let ty = head & ((1 << TYPE_BITS) - 1);
    let Some(ty) = Type::from_number(ty as u8) else {
        return Err(r.unknown(head_at, Item::Type, ty as u64));
    };
    let Ok(aux) = u16::try_from(head >> TYPE_BITS) else {
        return Err(r.fault_at(head_at, Fault::Number));
    };
    let mut inst = InstData { op, ty, aux, dst: 0, a: 0, b: 0 }.canonical();
    if !inst.attributes_are_valid() {
        return Err(r.fault_at(head_at, Fault::Attributes { op, bits: aux }));
    }
    tail.clear();
    for (field, role) in op.shape().operands() {
        Operands { r, tables, inst: &mut inst, tail }.read(*field, *role)?;
    }
    if inst.has_tail() {
        inst.b = f.pool.len() as u32;
        f.pool.extend_from_slice(tail);
    }
    f.insts.push(inst);
    Ok(op)
}

/// An instruction whose operands are being read.
struct Operands<'r, 'a> {
    r: &'r mut Reader<'a>,
    tables: &'r mut Tables,
    inst: &'r mut InstData,
    tail: &'r mut Vec<u32>,
}

impl Operands<'_, '_> {
    fn read(&mut self, field: Field, role: Role) -> Decoded<()> {
        let word = match role {
            Role::Def(_) | Role::Use(_) => self.register()?,
            Role::Block | Role::ColdBlock => self.block()?,
            Role::Func => self.r.index(Item::Func, self.tables.funcs)?,
            Role::Slot => self.r.index(Item::Slot, self.tables.slots)?,
            Role::LabelSet => self.r.index(Item::LabelSet, self.tables.label_sets)?,
            Role::Data => {
                let at = self.r.at();
                let data = self.r.u32()?;
                if self.tables.data.is_none_or(|(highest, _)| data > highest) {
                    self.tables.data = Some((data, at));
                }
                data
            }
            Role::BitRange | Role::ExitId | Role::TrapCode | Role::CodeBytes => self.r.u32()?,
            Role::UseOrImm(_) => self.word_or_constant(self.inst.has_imm())?,
            Role::StoreValue => self.word_or_constant(self.inst.value_is_imm())?,
            Role::Imm => self.r.i32()? as u32,
            Role::Const => return self.constant(),
            Role::Mem => return self.mem(),
            Role::List => {
                let Field::Tail(at) = field else { unreachable!("lists stand in tails") };
                debug_assert_eq!(self.tail.len(), at as usize);
                return self.list();
            }
            Role::Cases => return self.cases(),
            Role::Results => {
                self.inst.a = self.optional_register()?;
                return if self.inst.has_tail() { self.list() } else { Ok(()) };
            }
            Role::CallList => return self.call(),
        };
        match field {
            Field::Dst => self.inst.dst = word,
            Field::A => self.inst.a = word,
            Field::B => self.inst.b = word,
            Field::Tail(at) => {
                let at = at as usize;
                if self.tail.len() <= at {
                    self.tail.resize(at + 1, 0);
                }
                self.tail[at] = word;
            }
        }
        Ok(())
    }

    fn register(&mut self) -> Decoded<u32> {
        self.r.index(Item::VReg, self.tables.vregs)
    }

    fn block(&mut self) -> Decoded<u32> {
        self.r.index(Item::Block, self.tables.blocks)
    }

    fn optional_register(&mut self) -> Decoded<u32> {
        Ok(self.r.index(Item::VReg, self.tables.vregs + 1)?.wrapping_sub(1))
    }

    fn word_or_constant(&mut self, constant: bool) -> Decoded<u32> {
        if constant { Ok(self.r.i32()? as u32) } else { self.register() }
    }

    fn constant(&mut self) -> Decoded<()> {
        let (float, wide) = (self.inst.ty.is_float(), self.inst.has_tail());
        let value = match (float, wide) {
            (true, true) => u64::from_le_bytes(self.r.take(8)?.try_into().expect("eight bytes")),
            (true, false) => u32::from_le_bytes(self.r.take(4)?.try_into().expect("four bytes")) as u64,
            (false, true) => self.r.i64()? as u64,
            (false, false) => self.r.i32()? as u64,
        };
        if wide {
            self.tail.extend([value as u32, (value >> 32) as u32]);
        } else {
            self.inst.b = value as u32;
        }
        Ok(())
    }

    fn mem(&mut self) -> Decoded<()> {
        self.inst.a = self.register()?;
        if self.inst.has_tail() {
            let index = self.optional_register()?;
            let scale = self.r.byte()?;
            let disp = self.r.i32()?;
            self.tail.extend([index, scale as u32, disp as u32]);
        } else {
            self.inst.b = self.r.i32()? as u32;
        }
        Ok(())
    }

    fn list(&mut self) -> Decoded<()> {
        let count = self.r.count(Item::VReg, 1)?;
        self.tail.push(count as u32);
        self.registers(count)
    }

    fn registers(&mut self, count: usize) -> Decoded<()> {
        for _ in 0..count {
            let v = self.register()?;
            self.tail.push(v);
        }
        Ok(())
    }

    fn cases(&mut self) -> Decoded<()> {
        let default = self.block()?;
        let count = self.r.count(Item::Case, 2)?;
        self.tail.extend([default, count as u32]);
        for _ in 0..count {
            let value = self.r.i64()?;
            let block = self.block()?;
            self.tail.extend([value as u32, (value as u64 >> 32) as u32, block]);
        }
        Ok(())
    }

    fn call(&mut self) -> Decoded<()> {
        let sig = self.r.index(Item::Signature, self.tables.sigs)?;
        let args = self.r.count(Item::VReg, 1)?;
        self.tail.extend([sig, args as u32, 0]);
        self.registers(args)?;
        let results = self.r.count(Item::VReg, 1)?;
        self.tail[2] = results as u32;
        self.inst.dst = if results > 0 { self.register()? } else { VReg::NONE.0 };
        self.registers(results.saturating_sub(1))
    }
}
