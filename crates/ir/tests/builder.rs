//! The builder: what it records, what it counts, and how it numbers blocks.

use kiln_ir::diagnostic::Place;
use kiln_ir::function::{VRegInfo, aux};
use kiln_ir::op::{Op, rows};
use kiln_ir::types::{MemType, Signature, Type};
use kiln_ir::{
    Access, Block, BuildError, Cond, DataId, FCond, FuncId, Function, FunctionBuilder, Hint, Inst, InstData,
    Linkage, Mem, Module, Operand, Order, Pos, Rmw, VReg,
};
use std::collections::HashSet;

/// A function of two `i64` parameters, `%0` and `%1`, and one `f64`, `%2`.
fn build(write: impl FnOnce(&mut FunctionBuilder<'_>)) -> Result<Function, BuildError> {
    let mut m = Module::new();
    let sig = Signature::new([Type::I64, Type::I64, Type::F64], [Type::I64]);
    let f = m.declare("f", sig, Linkage::Export);
    m.import("divmod", Signature::new([Type::I64, Type::I64], [Type::I64, Type::I64]));
    m.constant("text", b"text\0");
    m.file("f.kiln");
    let mut b = m.build(f);
    write(&mut b);
    b.finish()?;
    // Counting anew, which reading bytecode does, gives the counts that the builder made on the way.
    let again = Module::from_bytes(&m.to_bytes()).expect("what is written can be read");
    assert_eq!(again.funcs()[0].body, m.funcs()[0].body);
    Ok(m.take_body(f).expect("the function is finished"))
}

fn finished(write: impl FnOnce(&mut FunctionBuilder<'_>)) -> Function {
    build(write).expect("the function is whole")
}

const X: VReg = VReg(0);
const Y: VReg = VReg(1);
const F: VReg = VReg(2);

#[test]
fn registers_are_counted_as_they_are_used() {
    let f = finished(|b| {
        let sum = b.add(X, X);
        b.to(sum).add(sum, 1);
        let skip = b.block();
        b.branch(Cond::Lt, Y, 5, skip);
        b.ret(&[sum]);
        b.place(skip);
        b.ret(&[Y]);
    });
    let info = |v: VReg| f.vregs()[v.index()];
    assert_eq!((info(X).uses, info(X).first, info(X).last, info(X).block), (2, 0, 0, 0));
    assert_eq!(info(X).flags, VRegInfo::DEFINED);
    assert_eq!((info(Y).uses, info(Y).first, info(Y).last), (2, 0, 4));
    assert_eq!(info(Y).flags, VRegInfo::DEFINED | VRegInfo::GLOBAL);
    assert_eq!((info(F).uses, info(F).last), (0, 0));
    let sum = VReg(3);
    assert_eq!((info(sum).uses, info(sum).first, info(sum).last, info(sum).block), (2, 0, 3, 0));
    assert_eq!(info(sum).flags, VRegInfo::DEFINED | VRegInfo::MULTI | VRegInfo::GLOBAL);
    assert!(info(X).is_local() && !info(Y).is_local());
}

#[test]
fn more_uses_than_can_be_counted_stay_at_the_most() {
    let f = finished(|b| {
        for _ in 0..40_000 {
            b.add(X, X);
        }
        b.ret(&[X]);
    });
    assert_eq!(f.vregs()[0].uses, u16::MAX);
}

#[test]
fn parameters_cross_blocks_if_the_first_block_is_a_target() {
    let f = finished(|b| {
        let top = b.block();
        b.place(top);
        b.to(X).sub(X, 1);
        b.branch(Cond::Gt, X, 0, top);
        b.ret(&[Y]);
    });
    assert!(!f.vregs()[X.index()].is_local(), "its value goes round the loop");

    let by_set = finished(|b| {
        let top = b.block();
        b.place(top);
        let set = b.label_set(&[top]);
        b.to(X).add(X, 1);
        let address = b.label_addr(top);
        b.jump_to(address, set);
    });
    assert!(!by_set.vregs()[X.index()].is_local());
}

#[test]
fn wide_constants_get_a_register_and_leave_the_destination_to_the_op() {
    let wide = 0x1234_5678_9abc_i64;
    let f = finished(|b| {
        let sum = b.vreg(Type::I64);
        assert_eq!(b.to(sum).add(X, wide), sum);
        let slow = b.block();
        let product = b.vreg(Type::I64);
        assert_eq!(b.to(product).smul_ovf(sum, wide, slow), product);
        b.guard(Cond::Ugt, product, wide, 1, &[sum]);
        b.store(MemType::I64, (X, 8), wide);
        b.mem_copy(X, Y, wide);
        b.branch(Cond::Eq, sum, wide, slow);
        b.ret(&[product]);
        b.place(slow);
        b.set_cold();
        b.ret(&[Y]);
    });
    let consts = f.insts().iter().filter(|i| i.op == Op::Const);
    assert_eq!(consts.clone().count(), 6);
    for inst in consts {
        assert_eq!(f.constant(inst), wide as u64);
        assert_eq!(f.vregs()[inst.dst as usize].uses, 1);
    }
    assert!(f.insts().iter().all(|i| !i.has_imm() && !i.value_is_imm()));
    assert_eq!(f.insts()[1].dst, 3);
}

#[test]
fn narrow_constants_stand_in_the_op() {
    let f = finished(|b| {
        let low = b.trunc(X);
        // Any 64-bit number stands for its low half where the op has 32 bits.
        b.add(low, 0xffff_fff0_i64);
        b.add(X, i32::MIN);
        b.store(MemType::U8, X, 255);
        b.store(MemType::F64, X, 2);
        b.ret(&[X]);
    });
    let [_, narrow, least, byte, float, store, _] = f.insts() else { panic!("{:?}", f.insts()) };
    assert!(narrow.has_imm() && narrow.b as i32 == -16);
    assert!(least.has_imm() && least.b as i32 == i32::MIN);
    assert!(byte.value_is_imm() && byte.dst == 255 && byte.ty == Type::I32);
    assert_eq!(f.constant(float), 2.0_f64.to_bits());
    assert!(!store.value_is_imm() && store.dst == float.dst);
}

#[test]
fn blocks_are_numbered_as_they_are_placed() {
    let f = finished(|b| {
        let [last, middle, slow, never] = std::array::from_fn(|_| b.block());
        b.name_block(last, "last");
        b.name_block(middle, "middle");
        b.name_block(never, "never placed, never gone to");
        let set = b.label_set(&[middle, last]);
        b.entry("inner", &[Y], middle);
        assert_eq!(b.placed(middle), None);
        b.sadd_ovf(X, Y, slow); // block 0
        b.sneg_ovf(X, slow);
        b.switch(X, &[(1, last), (-1, middle)], middle);
        b.place(last); // block 1
        b.ret(&[X]);
        b.place(slow); // block 2
        b.set_cold();
        let address = b.label_addr(middle);
        b.jump_to(address, set);
        b.place(middle); // block 3
        assert_eq!(b.placed(middle), Some(Block(3)));
        b.fbranch(FCond::Lt, F, F, last);
        b.branch_hint(Cond::None, X, 1, middle, Hint::Likely); // block 4, opened by the branch
        b.ret(&[Y]); // block 5
    });
    assert_eq!(f.blocks().iter().map(|b| b.start).collect::<Vec<_>>(), [0, 3, 4, 6, 7, 8]);
    assert_eq!(
        f.blocks().iter().map(|b| b.cold).collect::<Vec<_>>(),
        [false, false, true, false, false, false]
    );
    let targets = |at: usize| {
        let mut targets = Vec::new();
        f.for_each_target(&f.insts()[at], |b| targets.push(b.0));
        targets
    };
    assert_eq!(targets(0), [2]);
    assert_eq!(targets(1), [2]);
    assert_eq!(targets(2), [3, 1, 3]);
    assert_eq!(f.insts()[4].a, 3, "the label whose address is taken");
    assert_eq!(targets(5), [3, 1]);
    assert_eq!(targets(6), [1]);
    assert_eq!(targets(7), [3]);
    assert_eq!(f.entries()[0].block, Block(3));
    assert_eq!(f.block_names.iter().collect::<Vec<_>>(), [(1, "last"), (3, "middle")]);
    assert_eq!(f.block_of(Inst(6)), Block(3));
    assert_eq!(f.block_range(Block(2)), 4..6);
    let y = f.vregs()[Y.index()];
    assert_eq!(y.flags, VRegInfo::GLOBAL | VRegInfo::DEFINED | VRegInfo::MULTI);
}

#[test]
fn an_open_block_goes_on_to_the_one_placed_after_it() {
    let f = finished(|b| {
        let [first, second] = std::array::from_fn(|_| b.block());
        b.place(first);
        b.place(second);
        assert!(!b.is_terminated());
        b.ret(&[X]);
        assert!(b.is_terminated());
    });
    assert_eq!(f.insts().iter().map(|i| i.op).collect::<Vec<_>>(), [Op::Jump, Op::Ret]);
    assert_eq!(f.insts()[0].dst, 1);
}

#[test]
fn functions_that_are_not_whole_are_refused() {
    assert_eq!(build(|_| {}), Err(BuildError::Empty));
    assert_eq!(build(|b| _ = b.add(X, 1)), Err(BuildError::FallsOffEnd));
    let falls = build(|b| {
        let top = b.block();
        b.place(top);
        b.branch(Cond::Eq, X, 0, top);
    });
    assert_eq!(falls, Err(BuildError::FallsOffEnd));
    assert_eq!(
        build(|b| {
            let nowhere = b.block();
            b.jump(nowhere)
        }),
        Err(BuildError::UnplacedBlock(Block(0)))
    );
    let set = build(|b| {
        let nowhere = b.block();
        b.label_set(&[nowhere]);
        b.ret(&[X]);
    });
    assert_eq!(set, Err(BuildError::UnplacedBlock(Block(0))));
    assert_eq!(
        build(|b| {
            b.entry("e", &[], Block(9));
            b.ret(&[X])
        }),
        Err(BuildError::UnplacedBlock(Block(9)))
    );
}

#[test]
fn calls_write_their_results() {
    let f = finished(|b| {
        let quotient = b.vreg(Type::I64);
        let results = b.to(quotient).call(FuncId(1), &[X, Y]);
        assert_eq!(results[0], quotient);
        let sum = b.add(results[0], results[1]);
        let pointer = b.func_addr(FuncId(1));
        let sig = b.module().func(FuncId(1)).sig;
        let more = b.call_ptr(pointer, sig, &[sum, results[1]]);
        assert_eq!(more.len(), 2);
        b.tail_call(FuncId(0), &[more[0], more[1], F]);
    });
    assert!(f.has_calls());
    let call = f.call(&f.insts()[0]);
    assert_eq!((call.args.len(), call.results, call.more_results.get(0)), (2, 2, Some(VReg(4))));
    let [quotient, remainder] = [f.vregs()[3], f.vregs()[4]];
    assert_eq!((quotient.uses, quotient.flags), (1, VRegInfo::DEFINED));
    assert_eq!((remainder.uses, remainder.flags), (2, VRegInfo::DEFINED));
    let pointer = f.vregs()[6];
    assert_eq!((pointer.ty, pointer.uses), (Type::Ptr, 1));
    let f = finished(|b| b.tail_call(FuncId(0), &[X, Y, F]));
    assert!(!f.has_calls(), "control does not come back");
}

#[test]
fn atomic_stores_read_their_value() {
    let f = finished(|b| {
        b.atomic_store(MemType::I64, Order::Release, Mem { base: X, index: Y, scale: 8, disp: -8 }, Y);
        b.ret(&[X]);
    });
    let store = f.insts()[0];
    assert_eq!(
        (store.op, store.dst, store.order(), store.access()),
        (Op::AtomicStore, 1, Order::Release, MemType::I64)
    );
    assert_eq!(f.mem(&store), Mem { base: X, index: Y, scale: 8, disp: -8 });
    assert_eq!((f.vregs()[1].uses, f.vregs()[1].flags), (2, VRegInfo::DEFINED));
}

#[test]
fn attributes_are_kept() {
    let f = finished(|b| {
        let access = Access::new(MemType::I16).alias(15).with(aux::VOLATILE | aux::PRECISE | aux::IMM);
        b.load(Type::I32, access, Mem { base: X, index: Y, scale: 2, disp: 6 });
        b.load(Type::I64, Access::new(MemType::I64).with(aux::KEEP), X);
        b.store(Access::new(MemType::I64).with(aux::KEEP), X, Y);
        b.atomic_rmw(Rmw::Umax, MemType::I64, Order::AcqRel, X, Y);
        b.ret(&[X]);
    });
    let load = f.insts()[0];
    assert_eq!((load.access(), load.alias()), (MemType::I16, 15));
    assert_eq!(load.aux & !(31 << aux::ACCESS | 15 << aux::ALIAS), aux::VOLATILE | aux::PRECISE | aux::TAIL);
    assert_eq!(f.insts()[1].aux & aux::KEEP, aux::KEEP);
    assert!(!f.insts()[2].value_is_imm());
    assert_eq!((f.insts()[3].rmw(), f.insts()[3].order()), (Rmw::Umax, Order::AcqRel));
    assert!(f.insts().iter().all(InstData::attributes_are_valid));
}

#[test]
fn positions_hold_until_the_next() {
    let pos = |line| Pos { file: kiln_ir::FileId(0), line, column: 1 };
    let f = finished(|b| {
        b.at(pos(1));
        b.at(pos(2));
        b.add(X, 1);
        b.at(pos(2));
        b.add(X, 2);
        b.at(pos(3));
        b.ret(&[X]);
        b.at(pos(4));
    });
    assert_eq!(f.positions(), [(Inst(0), pos(2)), (Inst(2), pos(3))]);
    assert_eq!(f.position(Inst(1)), Some(pos(2)));
    assert_eq!(finished(|b| b.ret(&[X])).position(Inst(0)), None);
}

#[test]
fn records_pushed_as_they_are_equal_those_of_the_methods() {
    let typed = finished(|b| {
        b.add(X, 7);
        b.atomic_cas(MemType::I64, Order::SeqCst, (X, 4), X, Y);
        b.ret(&[X]);
    });
    let pushed = finished(|b| {
        let (sum, old) = (b.vreg(Type::I64), b.vreg(Type::I64));
        let inst = InstData { op: Op::Add, ty: Type::I64, aux: aux::IMM, dst: sum.0, a: 0, b: 7 };
        assert_eq!(b.push(inst, &[]), Inst(0));
        let bits = aux::TAIL | (MemType::I64.0 as u16) << aux::ACCESS | (Order::SeqCst as u16) << aux::ORDER;
        let cas = InstData { op: Op::AtomicCas, ty: Type::I64, aux: bits, dst: old.0, a: 0, b: 99 };
        b.push(cas, &[VReg::NONE.0, 1, 4, 0, 1]);
        // Words without meaning may hold anything.
        b.push(InstData { op: Op::Ret, ty: Type::I32, aux: 0, dst: 55, a: 0, b: 77 }, &[]);
    });
    assert_eq!(typed, pushed);
}

#[test]
fn memory_given_back_leaves_no_trace() {
    let mut m = Module::new();
    let sig = Signature::new([Type::I64], [Type::I64]);
    let (first, second) = (m.declare("a", sig.clone(), Linkage::Local), m.declare("b", sig, Linkage::Local));
    let write = |b: &mut FunctionBuilder<'_>| {
        let v = b.call1(FuncId(0), &[X]);
        b.name_vreg(v, "v");
        b.slot(8, 8);
        b.ret(&[v]);
    };
    let mut b = m.build(first);
    write(&mut b);
    b.finish().expect("whole");
    let fresh = m.funcs()[0].body.clone();
    let body = m.take_body(first).expect("it was built");
    m.recycle(body);
    let mut b = m.build(second);
    write(&mut b);
    b.finish().expect("whole");
    assert_eq!(m.funcs()[1].body, fresh);
}

/// Calls every method once.
fn every_method(b: &mut FunctionBuilder<'_>) {
    let cold = b.block();
    let slot = b.slot(16, 8);
    let mem = Mem { base: X, index: Y, scale: 4, disp: 12 };
    let list = b.slot_addr(slot, 0);
    b.nop();
    let word = b.iconst(Type::I32, 5);
    let single = b.f32const(1.5);
    b.f64const(f64::NAN);
    b.copy(single);
    b.select(word, X, Y);
    b.data_addr(DataId(0), 1);
    b.tls_addr(DataId(0), 0);
    b.func_addr(FuncId(1));
    b.slot_offset(slot, -4);
    b.frame_addr();
    b.addr(mem);
    for method in [
        FunctionBuilder::add,
        FunctionBuilder::sub,
        FunctionBuilder::mul,
        FunctionBuilder::and,
        FunctionBuilder::or,
        FunctionBuilder::xor,
        FunctionBuilder::shl,
        FunctionBuilder::lshr,
        FunctionBuilder::ashr,
        FunctionBuilder::rotl,
        FunctionBuilder::rotr,
        FunctionBuilder::sdiv,
        FunctionBuilder::udiv,
        FunctionBuilder::srem,
        FunctionBuilder::urem,
        FunctionBuilder::smin,
        FunctionBuilder::smax,
        FunctionBuilder::umin,
        FunctionBuilder::umax,
    ] {
        method(b, X, Operand::Reg(Y));
        method(b, X, Operand::Imm(-1));
    }
    for method in [
        FunctionBuilder::neg,
        FunctionBuilder::not,
        FunctionBuilder::abs,
        FunctionBuilder::clz,
        FunctionBuilder::ctz,
        FunctionBuilder::popcnt,
        FunctionBuilder::bswap,
        FunctionBuilder::bitrev,
        FunctionBuilder::sext8,
        FunctionBuilder::sext16,
        FunctionBuilder::zext8,
        FunctionBuilder::zext16,
        FunctionBuilder::trunc,
    ] {
        method(b, X);
    }
    b.sext(word);
    b.zext(word);
    b.sbits(X, 3, 9);
    b.ubits(X, 3, 9);
    b.set_bits(X, Y, 3, 9);
    b.smul_wide(X, Y);
    b.umul_wide(X, Y);
    b.add_carry(X, Y, word);
    b.sub_borrow(X, Y, word);
    b.sadd_ovf(X, Y, cold);
    b.uadd_ovf(X, 1, cold);
    b.ssub_ovf(X, Y, cold);
    b.usub_ovf(X, 1, cold);
    b.smul_ovf(X, Y, cold);
    b.umul_ovf(X, 1, cold);
    b.sneg_ovf(X, cold);
    b.cmp(Cond::Any, X, Y);
    b.fcmp(FCond::Unord, F, F);
    for method in [
        FunctionBuilder::fadd,
        FunctionBuilder::fsub,
        FunctionBuilder::fmul,
        FunctionBuilder::fdiv,
        FunctionBuilder::fcopysign,
        FunctionBuilder::fmin,
        FunctionBuilder::fmax,
        FunctionBuilder::fmin_num,
        FunctionBuilder::fmax_num,
    ] {
        method(b, F, F);
    }
    for method in [
        FunctionBuilder::fsqrt,
        FunctionBuilder::fabs,
        FunctionBuilder::fneg,
        FunctionBuilder::ffloor,
        FunctionBuilder::fceil,
        FunctionBuilder::ftrunc,
        FunctionBuilder::fnearest,
        FunctionBuilder::fdemote,
    ] {
        method(b, F);
    }
    b.fma(F, F, F);
    b.fms(F, F, F);
    b.fnma(F, F, F);
    b.fnms(F, F, F);
    b.fpromote(single);
    b.bitcast(Type::I64, F);
    b.sitof(Type::F32, X);
    b.uitof(Type::F64, X);
    b.ftosi(Type::I32, F);
    b.ftoui(Type::I64, F);
    b.ftosi_sat(Type::I32, F);
    b.ftoui_sat(Type::I64, F);
    b.ftosi_x86(Type::I64, F);
    b.load(Type::I64, MemType::int(3, true), mem);
    b.store(MemType::F64, (X, 4), F);
    b.store(MemType::I64, mem, 7);
    b.prefetch(mem);
    b.mem_copy(X, Y, 100);
    b.mem_fill(X, word, Y);
    b.atomic_load(Type::I64, MemType::I64, Order::Acquire, mem);
    b.atomic_store(MemType::I64, Order::Release, mem, Y);
    b.atomic_rmw(Rmw::Xchg, MemType::I64, Order::Relaxed, X, Y);
    b.atomic_cas(MemType::I64, Order::SeqCst, X, X, Y);
    b.fence(Order::SeqCst);
    b.pad(16);
    b.pause();
    b.alloca(X, 64);
    b.call(FuncId(1), &[X, Y]);
    let sig = b.module().func(FuncId(1)).sig;
    b.call_ptr(list, sig, &[X, Y]);
    b.guard(Cond::Eq, X, 0, 1, &[X, F]);
    b.fguard(FCond::Ord, F, F, 2, &[]);
    b.safepoint(3, &[Y]);
    b.va_start(list);
    b.va_arg(Type::F64, list);
    b.va_copy(list, X);
    b.va_end(list);
    let set = b.label_set(&[cold]);
    let address = b.label_addr(cold);
    let ends: [&dyn Fn(&mut FunctionBuilder<'_>); 11] = [
        &|b| b.branch(Cond::Eq, X, Y, cold),
        &|b| b.fbranch(FCond::Eq, F, F, cold),
        &|b| b.jump(cold),
        &|b| b.switch(X, &[(5, cold), (1 << 40, cold)], cold),
        &|b| b.jump_to(address, set),
        &|b| b.tail_call(FuncId(1), &[X, Y]),
        &|b| b.tail_call_ptr(list, sig, &[X, Y]),
        &|b| b.exit(4, &[X]),
        &|b| b.trap(5),
        &|b| b.unreachable(),
        &|b| b.ret(&[X, Y, F]),
    ];
    for end in ends {
        b.add(X, 1);
        end(b);
    }
    b.place(cold);
    b.set_cold();
    b.ret(&[]);
}

#[test]
fn every_op_has_a_method_whose_records_are_whole() {
    // `finished` checks the counts.
    let f = finished(every_method);
    let seen: HashSet<Op> = f.insts().iter().map(|i| i.op).collect();
    for info in rows() {
        assert!(seen.contains(&info.op), "`every_method` does not call `{}`", info.method);
    }
    let mut pool = 0;
    for (at, inst) in f.insts().iter().enumerate() {
        assert!(inst.attributes_are_valid(), "{at}: {inst:?}");
        let types = inst.op.info().types;
        assert!(if types.0 == 0 { inst.ty == Type::I32 } else { types.has(inst.ty) }, "{at}: {inst:?}");
        if inst.has_tail() {
            assert_eq!(inst.b as usize, pool, "tails follow each other without gaps: {inst:?}");
            pool += f.tail_len(inst);
        }
    }
    assert_eq!(pool, f.pool().len());
}

#[test]
fn places_of_instructions_have_the_position_given() {
    let mut m = Module::new();
    let file = m.file("f.kiln");
    let f = m.declare("f", Signature::new([Type::I64], [Type::I64]), Linkage::Export);
    let mut b = m.build(f);
    let twice = b.add(b.param(0), b.param(0));
    let pos = Pos { file, line: 3, column: 5 };
    b.at(pos);
    b.ret(&[twice]);
    b.finish().expect("the function is whole");
    assert_eq!(m.position(Place::Inst(f, Inst(0), None)), None);
    assert_eq!(m.position(Place::Inst(f, Inst(1), Some(0))), Some(pos));
    assert_eq!(m.position(Place::Func(f)), None);
    assert_eq!(m.position(Place::Inst(FuncId(7), Inst(0), None)), None);
}
