//! Taking over: code for an activation that already exists.
//!
//! Code that counts ([`Options::counts`](crate::Options::counts)) may spin in a loop for as long as it likes; better code for later calls does
//! not help it. So at its loop heads other code can take the activation over. That code is compiled from a copy of the
//! function that begins at the loop heads: a further entry is handed the address of a list of words, loads the registers
//! that may be alive there from it, and goes to the head. It runs on top of the old frame, which stays, because addresses
//! of its slots may be anywhere; so slots are not made anew, their addresses are handed over too. When the new code
//! returns, the old frame is taken down, and the results are its results.
//!
//! The old code says once for a function, not for each head, where it holds what is handed over
//! ([`Recoveries::held`](crate::recovery::Recoveries::held)): at the start of a block that is reached from several others a value
//! of several blocks is in its home, in a register or in the frame. What may be alive at a head is taken to be all
//! registers that several blocks mention; passes find out what is read. Constants are not handed over but made anew, so
//! that they stay constants.
//!
//! Code before the loop heads is cut off, so loops keep one head each, as long as they are entered at outer ones.
//! Instructions keep their numbers: what the new code says of places in the function holds for the function itself. Cost:
//! O(instructions).

use kiln_ir::function::{BlockData, Entry, VRegInfo, aux};
use kiln_ir::types::MemType;
use kiln_ir::verify::Checked;
use kiln_ir::{Block, FuncId, Function, InstData, Op, Type, VReg};

/// Loads at the entry beyond which it is not worth while: functions of so many registers are made by programs, and jump
/// about.
const MOST: usize = 1000;

/// Words of the list before those that are [handed] over: the number of the loop head to go to.
pub const HEADER_WORDS: usize = 1;

/// Whether activations of a function can be taken over.
///
/// Not those of functions whose frame has a shape that others know (`frame_addr`, `slot_offset`), whose labels are
/// addresses, whose arguments are looked for in the frame (variadic ones, and those with tail calls, which put
/// arguments there), and whose results are more than a register.
pub fn possible(module: &Checked, func: FuncId, f: &Function) -> bool {
    let sig = module.signature_of(func);
    sig.is_plain()
        && !sig.variadic
        && !f.has_tail_calls()
        && f.label_sets().is_empty()
        && (f.slots().is_empty() || !starts_with_a_head(f))
        && f.vregs().iter().filter(|info| !info.is_local()).count() + f.slots().len() <= MOST
        && !f.insts().iter().any(|inst| matches!(inst.op, Op::FrameAddr | Op::SlotOffset | Op::LabelAddr))
}

/// The registers that are handed over, in the order of the list. The addresses of all slots follow them.
pub fn handed(f: &Function) -> Vec<VReg> {
    let mut handed = vec![false; f.vregs().len()];
    for (handed, info) in handed.iter_mut().zip(f.vregs()) {
        *handed = !info.is_local() && info.uses > 0;
    }
    for inst in f.insts().iter().filter(|inst| is_constant(f, inst)) {
        handed[inst.dst as usize] = false;
    }
    (0..).map(VReg).zip(handed).filter(|(_, handed)| *handed).map(|(v, _)| v).collect()
}

/// Whether the instruction is all that ever writes a register, and writes the same always.
fn is_constant(f: &Function, inst: &InstData) -> bool {
    matches!(inst.op, Op::Const | Op::DataAddr | Op::FuncAddr | Op::SlotAddr)
        && f.vregs()[inst.dst as usize].flags & VRegInfo::MULTI == 0
}

/// Whether the first block is one that some jump goes back to.
fn starts_with_a_head(f: &Function) -> bool {
    let mut starts = false;
    for inst in f.insts() {
        f.for_each_target(inst, |block| starts |= block.0 == 0);
    }
    starts
}

/// A copy of a function that can be taken over, with one entry, which goes to one of these loop heads: that whose number in
/// the list is in the first of the words that its argument points to. It goes by the function's own name, and calling the
/// function itself is not allowed.
///
/// # Panics
/// If there are no heads.
pub fn function(func: FuncId, f: &Function, heads: &[Block]) -> Function {
    let handed = handed(f);
    let mut g = f.clone();
    let constants: Vec<InstData> = f
        .insts()
        .iter()
        .filter(|inst| is_constant(f, inst) && !f.vregs()[inst.dst as usize].is_local())
        .copied()
        .collect();
    let keeps_start = starts_with_a_head(f);
    let arrays = g.arrays();
    let mut register = |ty| {
        arrays.vregs.push(VRegInfo::new(ty));
        VReg(arrays.vregs.len() as u32 - 1)
    };
    let list = register(Type::Ptr);
    let slots: Vec<VReg> = f.slots().iter().map(|_| register(Type::Ptr)).collect();
    let which = register(Type::I64);
    let plain = |op, ty, dst: VReg, a: VReg, b| InstData { op, ty, aux: 0, dst: dst.0, a: a.0, b };
    let slot_addr = |inst: &mut InstData| {
        if inst.op == Op::SlotAddr {
            *inst = plain(Op::Addr, Type::Ptr, VReg(inst.dst), slots[inst.a as usize], inst.b);
        }
    };
    arrays.insts.iter_mut().for_each(slot_addr);
    arrays.slots.clear();
    if !keeps_start {
        // Nobody comes here; but instructions keep their numbers.
        let end = f.block_range(Block(0)).end;
        let nop = InstData { op: Op::Nop, ty: Type::I32, aux: 0, dst: u32::MAX, a: 0, b: 0 };
        arrays.insts[..end].fill(nop);
        arrays.insts[end - 1].op = Op::Unreachable;
    }
    let entry = Block(arrays.blocks.len() as u32);
    arrays.blocks.push(BlockData::new(arrays.insts.len() as u32, false));
    let mut at = 0;
    let mut load = |v: VReg, ty| {
        let access = u16::from(MemType::of(ty).0) << aux::ACCESS;
        arrays.insts.push(InstData { aux: access, ..plain(Op::Load, ty, v, list, at) });
        at += 8;
    };
    load(which, Type::I64);
    for v in &handed {
        load(*v, f.ty(*v));
    }
    for slot in &slots {
        load(*slot, Type::Ptr);
    }
    for mut constant in constants {
        slot_addr(&mut constant);
        arrays.insts.push(constant);
    }
    let (last, others) = heads.split_last().expect("something is taken over at some head");
    if others.is_empty() {
        arrays.insts.push(InstData { dst: last.0, a: 0, ..plain(Op::Jump, Type::I32, list, list, 0) });
    } else {
        let tail = arrays.pool.len() as u32;
        arrays.pool.extend([last.0, others.len() as u32]);
        for (head, n) in others.iter().zip(0..) {
            arrays.pool.extend([n, 0, head.0]);
        }
        let switch =
            InstData { aux: aux::TAIL, dst: u32::MAX, ..plain(Op::Switch, Type::I64, list, which, tail) };
        arrays.insts.push(switch);
    }
    arrays.entries.clear();
    arrays.entries.push(Entry { func, params: vec![list], block: entry });
    g.recount();
    g
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_ir::text;
    use kiln_ir::verify;

    #[test]
    fn the_copy_begins_at_its_heads_with_what_it_is_handed() {
        let module = kiln_ir::Module::parse(
            "fn f(%n: i64) -> i64 {\n slot kept: 8\n %one = const 1\n %s: i64 = const 0\nfirst:\n\
             %s = add %s, %one\n %k = slot_addr kept + 4\n store.i32 [%k], 7\n blt %s, %n, first\nsecond:\n\
             %n = sub %n, %one\n bgt %n, 0, second\n ret %s\n}\n",
        )
        .unwrap();
        let module = verify::check(module).unwrap();
        let f = module.funcs()[0].body.as_ref().unwrap();
        assert!(possible(&module, FuncId(0), f));
        let heads: Vec<Block> =
            (0..).map(Block).zip(f.loop_heads()).filter(|(_, head)| *head).map(|(b, _)| b).collect();
        let g = function(FuncId(0), f, &heads);
        let shown = text::print(&module).function_as(FuncId(0), &g).to_string();
        // Instructions keep their numbers.
        let expected = "\
fn f(%n: i64) -> i64 {
    reg %one: i64, %s: i64, %k: ptr, %4: ptr, %5: ptr
    entry f(%4: ptr) -> .4
    nop
    nop
    unreachable
first:
    %s = add %s, %one
    %k = addr [%5 + 4]
    store.i32 [%k], 7
    blt %s, %n, first
second:
    %n = sub %n, %one
    bgt %n, 0, second
    ret %s
.4:
    %6 = load.i64 [%4]
    %n = load.i64 [%4 + 8]
    %s = load.i64 [%4 + 16]
    %5 = load.ptr [%4 + 24]
    %one = const 1
    switch %6, second, {0: first}
}
";
        assert_eq!(shown, expected);
    }
}
