//! Calls: arguments to their places, what the callee may change to safety, the result to its register.

use super::{Pending, wide};
use crate::baseline::Emit;
use crate::baseline::call::{Arg, Place};
use crate::baseline::moves::ParallelMoves;
use crate::baseline::scan::Val;
use crate::code::{RelocKind, Routine, Target};
use crate::regs::Reg;
use crate::target::x64::X64;
use crate::target::x64::abi::{self, Places};
use crate::target::x64::encode::Amode;
use crate::target::x64::insts::*;
use crate::target::x64::regs::*;
use kiln_ir::types::AbiType;
use kiln_ir::{FuncId, InstData, Op, Type, VReg};

impl Emit<'_, X64> {
    pub fn call(&mut self, inst: &InstData) {
        let f = self.f;
        let parts = f.call(inst);
        let sig = &self.module.sigs()[parts.sig.index()];
        let mut places = Places::default();
        self.args.clear();
        self.args.extend(parts.args.iter().enumerate().map(|(n, v)| {
            let ty = f.ty(v);
            let abi = sig.params.get(n).copied().unwrap_or(AbiType::Value(ty));
            Arg { v, imm: 0, ty, abi, place: places.next(ty), from: Reg::NONE }
        }));
        let target = if inst.op == Op::CallPtr { self.read(VReg(inst.a)) } else { Reg::NONE };
        self.pass(target);
        if sig.variadic {
            // psABI 3.5.7: the number of vector registers used.
            self.asm.mov_imm(RAX, places.vectors() as u64);
        }
        if inst.op == Op::CallPtr {
            self.asm.group(GROUP5, false, 2, SCRATCH);
        } else {
            self.call_symbol(Target::Func(FuncId(inst.a)));
        }
        if parts.results > 0 {
            let v = VReg(inst.dst);
            let from = abi::result(f.ty(v));
            self.extend(sig.results[0], from);
            let d = self.write(v, from);
            self.asm.mov(true, d, from);
        }
    }

    /// call rel32
    fn call_symbol(&mut self, target: Target) {
        self.asm.raw(&[0xe8, 0, 0, 0, 0]);
        let at = self.asm.buf.offset() - 4;
        self.asm.buf.relocate(at, RelocKind::Call32, target, -4);
    }

    /// Calls a routine with up to six arguments; `before` runs when they are in place.
    pub fn call_routine(
        &mut self,
        routine: Routine,
        values: &[(VReg, Option<i32>)],
        before: impl FnOnce(&mut Self),
    ) {
        let mut places = Places::default();
        let f = self.f;
        self.args.clear();
        self.args.extend(values.iter().map(|&(v, imm)| {
            let ty = if imm.is_some() { Type::I64 } else { f.ty(v) };
            let abi = AbiType::Value(ty);
            Arg { v, imm: imm.unwrap_or(0), ty, abi, place: places.next(ty), from: Reg::NONE }
        }));
        self.pass(Reg::NONE);
        before(self);
        self.call_symbol(Target::Routine(routine));
    }

    /// Stores what lives on behind the call and is in registers that callees change, and puts the arguments in
    /// their places; a call's target goes to the scratch register.
    fn pass(&mut self, target: Reg) {
        let mut args = std::mem::take(&mut self.args);
        // Where everything is now. Giving registers up below stores them but leaves their contents, so these stay
        // good as sources until the moves.
        for arg in args.iter_mut().filter(|arg| !arg.v.is_none()) {
            let val = &self.vals[arg.v.index()];
            arg.from = if val.home != Reg::NONE { val.home } else { val.reg };
        }
        for arg in args.iter().filter(|arg| !arg.v.is_none()) {
            self.consume(arg.v);
        }
        let pool = self.pool;
        self.give_up(pool);
        for arg in args.iter() {
            if let Place::Stack(at) = arg.place {
                self.asm.buf.reserve(0);
                self.pass_on_stack(arg, at);
            }
        }
        if target != Reg::NONE {
            self.asm.mov(true, SCRATCH, target);
        }
        let mut moves = ParallelMoves::default();
        for arg in args.iter() {
            if let (Place::Reg(to), true) = (arg.place, arg.from != Reg::NONE) {
                moves.add(to, arg.from);
            }
        }
        self.resolve(moves);
        for arg in args.iter() {
            let Place::Reg(to) = arg.place else { continue };
            if arg.from == Reg::NONE {
                self.fetch(arg, to);
            }
            self.extend(arg.abi, to);
        }
        self.args = args;
    }

    /// Brings an argument that was in no register into one.
    fn fetch(&mut self, arg: &Arg, to: Reg) {
        if arg.v.is_none() {
            self.asm.mov_imm(to, arg.imm as i64 as u64);
        } else if self.vals[arg.v.index()].flags & Val::REMAT != 0 {
            self.materialize(arg.v, to);
        } else {
            let slot = self.slot_of(arg.v);
            self.load_slot(to, arg.ty, slot);
        }
    }

    fn pass_on_stack(&mut self, arg: &Arg, at: u32) {
        let mem = Amode::stack(at as i32);
        let scratch = if arg.ty.is_float() { FSCRATCH } else { SCRATCH };
        let mut from = arg.from;
        if from == Reg::NONE {
            self.fetch(arg, scratch);
            from = scratch;
        }
        if arg.abi != AbiType::Value(arg.ty) && arg.abi.register() == Type::I32 {
            self.asm.mov(false, scratch, from);
            self.extend(arg.abi, scratch);
            from = scratch;
        }
        let op = match arg.ty {
            Type::F32 => MOVSS_XM_X,
            Type::F64 => MOVSD_XM_X,
            _ => MOV_RM_R,
        };
        self.asm.op(op, wide(arg.ty) && !arg.ty.is_float(), from, mem);
        debug_assert!(self.pending == Pending::None, "fetching settles what it refers to");
    }
}
