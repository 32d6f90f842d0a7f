//! Calls: of functions and imports, through addresses, of the compiler's own routines; and tail calls.
//!
//! In this order: aggregates that travel as bytes are copied, while values are where they are; everything that lives on
//! in registers which callees change is stored; arguments go to the stack; registers move to registers as if at
//! once; what was in no register is fetched; and last aggregates are loaded into registers, through the scratch
//! register, from addresses that the frame keeps meanwhile.

use super::bytes::ahead;
use super::{Pending, wide};
use crate::abi::{ArgPlace, Place, ResultPlace, Returned, Structure};
use crate::code::{RelocKind, Routine, Target, ThreadWord};
use crate::emit::Val;
use crate::emit::call::{Arg, Room, Source};
use crate::emit::moves::ParallelMoves;
use crate::emit::{At, Emit, Event, Placement};
use crate::regs::{Reg, RegSet};
use crate::target::x64::X64;
use crate::target::x64::abi;
use crate::target::x64::encode::{Amode, Base};
use crate::target::x64::frame::INCOMING;
use crate::target::x64::insts::*;
use crate::target::x64::regs::*;
use kiln_ir::types::{AbiType, Convention, Signature};
use kiln_ir::{FuncId, InstData, Op, Type, VReg};

impl<P: Placement> Emit<'_, X64, P> {
    pub fn call(&mut self, inst: &InstData) {
        let f = self.f;
        let parts = f.call(inst);
        let sig = &self.module.sigs()[parts.sig.index()];
        self.lay_out(inst, sig);
        let room = match self.call.structure {
            Some(Structure { size, align, .. }) => {
                self.frame.reserve(size.next_multiple_of(16), align.max(16))
            }
            None => Room { at: 0, align: 1 },
        };
        let target = if inst.op == Op::CallPtr { self.read(VReg(inst.a)) } else { Reg::NONE };
        self.pass(target);
        if let Some(Place::Reg(hidden)) = self.call.hidden() {
            self.room_address(room, hidden);
        }
        self.count_vectors(sig);
        if inst.op == Op::CallPtr {
            self.placement.log(Event::Read(VReg(inst.a), At::Reg(SCRATCH)));
            self.asm.group(GROUP5, false, 2, SCRATCH);
            self.called();
        } else {
            self.call_symbol(Target::Func(FuncId(inst.a)));
        }
        match self.call.popped() {
            0 => {}
            // The room for arguments is there again.
            popped => self.asm.alu_imm(Alu::Sub, true, RSP, popped as i32),
        }
        self.results(inst, sig, room);
    }

    /// Finds out where a call's arguments and results are.
    fn lay_out(&mut self, inst: &InstData, sig: &Signature) {
        let f = self.f;
        let args = f.call(inst).args;
        let variable = args.iter().skip(sig.params.len()).map(|v| f.ty(v));
        abi::call_layout(sig, self.module.layouts(), variable, &mut self.call);
        self.args.clear();
        self.args.extend(args.iter().zip(&self.call.args).enumerate().map(|(n, (v, place))| {
            let abi = sig.params.get(n).copied().unwrap_or(AbiType::Value(f.ty(v)));
            Arg { source: Source::Value(v), abi, place: *place, from: Reg::NONE }
        }));
    }

    /// psABI 3.5.7: a variadic function of System V is told the number of vector registers used.
    fn count_vectors(&mut self, sig: &Signature) {
        if sig.variadic && sig.convention == Convention::C {
            self.asm.mov_imm(RAX, self.call.vectors as u64);
        }
    }

    /// call rel32
    fn call_symbol(&mut self, target: Target) {
        self.asm.raw(&[0xe8, 0, 0, 0, 0]);
        let at = self.asm.buf.offset() - 4;
        self.asm.buf.relocate(at, RelocKind::Call32, target, -4);
        self.called();
    }

    /// Other code has run.
    fn called(&mut self) {
        self.placement.log(Event::Clobber(RegSet(!abi::CALLEE_SAVED.0)));
    }

    /// Calls a routine with up to six scalar arguments; `before` runs when they are in place.
    pub fn call_routine(
        &mut self,
        routine: Routine,
        values: &[(VReg, Option<i32>)],
        before: impl FnOnce(&mut Self),
    ) {
        let f = self.f;
        let ty = |v, imm: Option<i32>| if imm.is_some() { Type::I64 } else { f.ty(v) };
        self.call.of_routine(values.iter().map(|(v, imm)| ty(*v, *imm)));
        self.args.clear();
        self.args.extend(values.iter().zip(&self.call.args).map(|((v, imm), place)| {
            let source = imm.map_or(Source::Value(*v), Source::Constant);
            Arg { source, abi: AbiType::Value(ty(*v, *imm)), place: *place, from: Reg::NONE }
        }));
        self.pass(Reg::NONE);
        before(self);
        self.call_symbol(Target::Routine(routine));
    }

    /// Stores what lives on behind the call and is in registers that callees change, and puts the arguments in
    /// their places; a call's target goes to the scratch register.
    fn pass(&mut self, target: Reg) {
        let mut args = std::mem::take(&mut self.args);
        let aggregates = args.iter().any(|arg| matches!(arg.abi, AbiType::Aggregate(_)));
        if aggregates {
            for arg in &mut args {
                self.copy_aggregate(arg);
            }
        }
        // Where everything is now. Giving registers up below stores them but leaves their contents, so these stay
        // good as sources until the moves.
        for arg in args.iter_mut() {
            if let Source::Value(v) = arg.source {
                let val = &self.vals[v.index()];
                arg.from = if val.home != Reg::NONE { val.home } else { val.reg };
            }
        }
        for arg in args.iter() {
            if let Source::Value(v) = arg.source {
                self.consume(v);
            }
        }
        let target_kept = aggregates && target != Reg::NONE;
        let kept = if aggregates { self.keep_addresses(&mut args, target) } else { 0 };
        self.give_up(RegSet(!abi::CALLEE_SAVED.0));
        for arg in args.iter() {
            if let ArgPlace::Value(Place::Stack(at)) | ArgPlace::Address { place: Place::Stack(at), .. } =
                arg.place
            {
                self.asm.buf.reserve(0);
                self.pass_on_stack(arg, at);
            }
        }
        if target != Reg::NONE && !target_kept {
            self.move_whole(SCRATCH, target);
        }
        let mut moves = ParallelMoves::default();
        for arg in args.iter() {
            if let (Some(to), true) = (register(&arg.place), arg.from != Reg::NONE) {
                moves.add(to, arg.from);
            }
        }
        self.resolve(moves);
        for arg in args.iter() {
            let Some(to) = register(&arg.place) else { continue };
            if arg.from == Reg::NONE {
                self.fetch(arg, to);
            }
            if let Source::Value(v) = arg.source {
                self.placement.log(Event::Read(v, At::Reg(to)));
            }
            self.extend(arg.abi, to);
            if let ArgPlace::Twice(vector, general) = arg.place {
                self.asm.op(MOVD_RM_X, true, vector, general);
            }
        }
        if aggregates {
            for arg in args.iter() {
                if let ArgPlace::Pieces(pieces) = arg.place {
                    self.asm.buf.reserve(0);
                    let base = if arg.from == Reg::NONE { SCRATCH } else { arg.from };
                    if arg.from == Reg::NONE {
                        self.fetch(arg, SCRATCH);
                    }
                    if let Source::Value(v) = arg.source {
                        self.placement.log(Event::Read(v, At::Reg(base)));
                    }
                    // No argument travels in `rax`.
                    self.load_parts(Amode::base(base, 0), &pieces, RAX);
                }
            }
        }
        if target_kept {
            self.load_slot(SCRATCH, Type::Ptr, kept);
        }
        self.args = args;
    }

    /// Copies an aggregate that travels as bytes on the stack or by the address of a copy.
    fn copy_aggregate(&mut self, arg: &mut Arg) {
        let Source::Value(v) = arg.source else { return };
        let pinned = self.pinned;
        match arg.place {
            ArgPlace::Bytes { at, size } => {
                // Also of an empty one, so that the checker sees it read.
                let from = self.read(v);
                if size > 0 {
                    self.copy_apart(Amode::stack(at as i32), Amode::base(from, 0), size);
                }
                arg.source = Source::Done;
            }
            ArgPlace::Address { size, align, .. } => {
                let room = self.frame.reserve(size.next_multiple_of(16), align);
                let from = self.read(v);
                if size > 0 {
                    let to = match align > 16 {
                        true => Amode::base(self.temp(false), 0),
                        false => self.frame.amode(room.at),
                    };
                    if let (Base::Reg(to), true) = (to.base, align > 16) {
                        self.room_address(room, to);
                    }
                    self.copy_apart(to, Amode::base(from, 0), size);
                }
                arg.source = Source::Address(room);
            }
            ArgPlace::Value(_) | ArgPlace::Twice(..) | ArgPlace::Pieces(_) => {}
        }
        self.pinned = pinned;
    }

    /// Makes the frame hold the addresses of aggregates that are loaded into registers after all moves, unless they are
    /// in registers that stay, or can be made anew; and the call's target. Gives the place of the target.
    fn keep_addresses(&mut self, args: &mut [Arg], target: Reg) -> u32 {
        for arg in args {
            let (Source::Value(v), ArgPlace::Pieces(_)) = (arg.source, arg.place) else { continue };
            if arg.from == Reg::NONE || abi::CALLEE_SAVED.has(arg.from) {
                continue;
            }
            self.asm.buf.reserve(0);
            if self.vals[v.index()].flags & Val::REMAT == 0 {
                let slot = self.slot_of(v);
                self.store_slot(slot, Type::Ptr, arg.from);
            }
            arg.from = Reg::NONE;
        }
        if target == Reg::NONE {
            return 0;
        }
        let slot = self.frame.spill();
        self.store_slot(slot, Type::Ptr, target);
        slot
    }

    /// Brings an argument that was in no register into one. May change the flags.
    fn fetch(&mut self, arg: &Arg, to: Reg) {
        match arg.source {
            Source::Constant(imm) => self.asm.mov_imm(to, imm as i64 as u64),
            Source::Address(room) => self.room_address(room, to),
            Source::Value(v) if self.vals[v.index()].flags & Val::REMAT != 0 => self.materialize(v, to),
            Source::Value(v) => {
                let slot = self.slot_of(v);
                self.load_slot(to, arg.abi.register(), slot);
            }
            Source::Done => {}
        }
    }

    fn pass_on_stack(&mut self, arg: &Arg, at: u32) {
        let ty = arg.abi.register();
        let mem = Amode::stack(at as i32);
        let scratch = if ty.is_float() { FSCRATCH } else { SCRATCH };
        let mut from = arg.from;
        if from == Reg::NONE {
            self.fetch(arg, scratch);
            from = scratch;
        }
        if let Source::Value(v) = arg.source {
            self.placement.log(Event::Read(v, At::Reg(from)));
        }
        if matches!(arg.abi, AbiType::I8 | AbiType::U8 | AbiType::I16 | AbiType::U16) {
            self.asm.mov(false, scratch, from);
            self.extend(arg.abi, scratch);
            from = scratch;
        }
        let op = match ty {
            Type::F32 => MOVSS_XM_X,
            Type::F64 => MOVSD_XM_X,
            _ => MOV_RM_R,
        };
        self.asm.op(op, wide(ty) && !ty.is_float(), from, mem);
        debug_assert!(self.pending == Pending::None, "fetching settles what it refers to");
    }

    /// Takes over what a call gave; `room` is where its structure belongs.
    fn results(&mut self, inst: &InstData, sig: &Signature, room: Room) {
        let f = self.f;
        let parts = f.call(inst);
        if parts.results == 0 {
            return;
        }
        let first = VReg(inst.dst);
        if let ([ResultPlace::Reg(from)], [ty]) = (&self.call.results[..], &sig.results[..]) {
            let from = *from;
            self.extend(*ty, from);
            let d = self.write(first, from);
            self.placement.log(Event::Given(first, At::Reg(from)));
            self.move_whole(d, from);
            return;
        }
        let Some(structure) = self.call.structure else {
            return self.results_in_registers(first, parts.more_results.iter(), sig);
        };
        let mem = match room.align > 16 {
            true => {
                self.room_address(room, SCRATCH);
                Amode::base(SCRATCH, 0)
            }
            false => self.frame.amode(room.at),
        };
        match structure.returned {
            Returned::Pieces(pieces) => self.store_parts(mem, &pieces),
            Returned::X87(count) => {
                for n in 0..count {
                    // fstp m80
                    self.asm.group(X87_M80, false, 7, ahead(mem, 16 * n));
                }
            }
            Returned::Memory { .. } => {}
        }
        for (n, v) in std::iter::once(first).chain(parts.more_results.iter()).enumerate() {
            let ResultPlace::Field(offset) = self.call.results[n] else { continue };
            self.asm.buf.reserve(0);
            self.pinned = RegSet::EMPTY;
            let d = self.write(v, Reg::NONE);
            let at = ahead(mem, offset);
            match sig.results[n] {
                AbiType::Aggregate(_) => self.asm.op(LEA, true, d, at),
                AbiType::I8 => self.asm.op8(MOVSX_R_RM8, false, d, at, false),
                AbiType::U8 => self.asm.op8(MOVZX_R_RM8, false, d, at, false),
                AbiType::I16 => self.asm.op(MOVSX_R_RM16, false, d, at),
                AbiType::U16 => self.asm.op(MOVZX_R_RM16, false, d, at),
                AbiType::Value(ty) => self.load_plain(d, ty, at),
            }
        }
    }

    /// Several results, each in a register.
    fn results_in_registers(&mut self, first: VReg, more: impl Iterator<Item = VReg>, sig: &Signature) {
        let regs = |place: &ResultPlace| match place {
            ResultPlace::Reg(reg) => *reg,
            ResultPlace::Field(_) => Reg::NONE,
        };
        let all = self.call.results.iter().fold(RegSet::EMPTY, |set, place| set.with(regs(place).set()));
        self.pinned = self.pinned.with(all);
        self.operands = self.operands.without(all);
        let mut moves = ParallelMoves::default();
        let mut written = [(Reg::NONE, AbiType::I8, VReg::NONE); 20];
        for (n, v) in std::iter::once(first).chain(more).enumerate() {
            let from = regs(&self.call.results[n]);
            // One that nobody reads needs no register, and must not take another's.
            let val = self.vals[v.index()];
            if val.home == Reg::NONE && val.uses == 0 && val.flags & Val::GLOBAL == 0 {
                continue;
            }
            if val.home == Reg::NONE && !self.free.has(from) {
                // The register is somebody's home, and there may be no other.
                self.extend(sig.results[n], from);
                let slot = self.slot_of(v);
                self.placement.log(Event::Given(v, At::Reg(from)));
                self.store_slot(slot, val.ty, from);
                self.vals[v.index()].flags |= Val::IN_SLOT;
                continue;
            }
            let d = self.write(v, from);
            moves.add(d, from);
            written[n] = (d, sig.results[n], v);
        }
        for ((_, _, v), place) in
            written.iter().zip(&self.call.results).filter(|((d, ..), _)| *d != Reg::NONE)
        {
            self.placement.log(Event::Given(*v, At::Reg(regs(place))));
        }
        self.resolve(moves);
        for (d, ty, _) in written.into_iter().filter(|(d, ..)| *d != Reg::NONE) {
            self.extend(ty, d);
        }
    }

    /// Ends the activation and calls in its place.
    pub fn tail_call(&mut self, inst: &InstData) {
        let f = self.f;
        if self.options.depth {
            self.count_up(ThreadWord::Depth);
        }
        let sig = &self.module.sigs()[f.call(inst).sig.index()];
        self.lay_out(inst, sig);
        let target = if inst.op == Op::TailCallPtr { self.read(VReg(inst.a)) } else { Reg::NONE };
        self.pass(target);
        if let Some(Place::Reg(hidden)) = self.call.hidden() {
            // The results are those of the caller, and so is where they go.
            let slot = self.frame.hidden;
            self.load_slot(hidden, Type::Ptr, slot);
        }
        self.count_vectors(sig);
        let (at, moved) = if self.call.popped() != self.own.popped() {
            self.move_return_address()
        } else {
            for at in (0..self.call.stack).step_by(8) {
                self.asm.buf.reserve(0);
                self.asm.op(MOVSD_X_XM, false, FSCRATCH, Amode::stack(at as i32));
                let to = self.frame.amode(INCOMING | at);
                self.asm.op(MOVSD_XM_X, false, FSCRATCH, to);
            }
            (self.unframe(true), 0)
        };
        if inst.op == Op::TailCallPtr {
            self.placement.log(Event::Read(VReg(inst.a), At::Reg(SCRATCH)));
            self.asm.group(GROUP5, false, 4, SCRATCH);
        } else {
            // jmp rel32
            self.asm.raw(&[0xe9, 0, 0, 0, 0]);
            let at = self.asm.buf.offset() - 4;
            self.asm.buf.relocate(at, RelocKind::Call32, Target::Func(FuncId(inst.a)), -4);
        }
        self.left(at, moved);
    }

    /// Gives back the frame where the arguments of a tail call take more or less stack than those of the function
    /// itself: they end where its own end, and the return address moves below them. Kiln's convention keeps `rax`
    /// free for this.
    ///
    /// What unwinders need lies at the stack pointer meanwhile, out of the arguments' way. Gives the places that
    /// [`Epilogue`] has as `at` and `moved`.
    fn move_return_address(&mut self) -> (u32, u32) {
        let (theirs, own) = (self.call.stack as i32, self.own.stack as i32);
        self.restore_saved();
        self.asm.group(GROUP5, false, 6, Amode::base(RBP, 0)); // push
        self.asm.group(GROUP5, false, 6, Amode::base(RBP, 8));
        let at = self.asm.buf.offset();
        let lowest = 16 + own - theirs;
        // Upward moves of what may overlap begin at the end.
        for at in (0..theirs).step_by(8).rev() {
            self.asm.buf.reserve(0);
            self.asm.op(MOVSD_X_XM, false, FSCRATCH, Amode::stack(16 + at));
            self.asm.op(MOVSD_XM_X, false, FSCRATCH, Amode::base(RBP, lowest + at));
        }
        self.asm.op(LEA, true, RAX, Amode::base(RBP, lowest - 8));
        self.asm.op(MOVSD_X_XM, false, FSCRATCH, Amode::stack(0));
        self.asm.op(MOVSD_XM_X, false, FSCRATCH, Amode::base(RAX, 0));
        self.asm.op(MOV_R_RM, true, RBP, Amode::stack(8));
        let moved = self.asm.buf.offset();
        self.asm.mov(true, RSP, RAX);
        (at, moved)
    }
}

/// The register that an argument moves to as a whole.
fn register(place: &ArgPlace) -> Option<Reg> {
    match place {
        ArgPlace::Value(Place::Reg(reg))
        | ArgPlace::Twice(reg, _)
        | ArgPlace::Address { place: Place::Reg(reg), .. } => Some(*reg),
        _ => None,
    }
}
