//! The reference interpreter: the definition of what programs mean. Slow and obvious; the compilers are tested
//! against it.
//!
//! Values are words of 64 bits: `i32` zero-extended, `f32` as its bits in the low half. All activations stand on one
//! explicit stack, so deep recursion ends with a trap and not with the interpreter's own stack. Memory and foreign
//! code are the [`Host`]'s.

mod activation;
mod arena;
mod compute;
mod dispatch;
mod float;
mod host;
mod integer;
mod meter;
mod variadic;

pub use arena::{Arena, Import};
pub use compute::compute;
pub use host::{BadAccess, ForeignCall, Host, Safepoint, label_address};
pub use meter::Meter;

use crate::entity::{Block, DataId, FuncId, Inst, Slot, VReg};
use crate::function::{Function, InstData};
use crate::module::Linkage;
use crate::op::{Field, Op, Role};
use crate::trap::TrapKind;
use crate::types::{MemType, Type};
use crate::verify::Checked;
use activation::Activation;
use dispatch::Dispatch;
use integer::{cut, signed};
use std::collections::HashMap;
use std::rc::Rc;
use variadic::Variable;

/// Why a run ended early.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trap {
    /// The reason.
    pub kind: TrapKind,
    /// The function that was running.
    pub func: FuncId,
    /// The instruction that was running.
    pub inst: Inst,
    /// The values listed by the `exit` or guard that was left by.
    pub values: Vec<u64>,
}

/// Limits and modes of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Number of instructions after which the run traps with `StepLimit`.
    pub steps: u64,
    /// Number of activations at a time after which a call traps with `StackOverflow`.
    pub depth: u32,
    /// Units of fuel after which the run traps with `OutOfFuel`, if there is a limit. Entering a function takes one,
    /// and so does reaching a loop head ([`Function::loop_heads`]) by whichever way, falling into it included.
    pub fuel: Option<u64>,
    /// Whether the host is asked wherever fuel is taken, by [`Host::poll`].
    pub polls: bool,
    /// Whether float arithmetic gives one NaN only: positive, quiet, payload 0. Copies, `fneg`, `fabs`, `fcopysign`,
    /// `bitcast`, `select`, loads and stores keep NaNs as they are in any case.
    pub canonical_nan: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { steps: u64::MAX, depth: 100_000, fuel: None, polls: false, canonical_nan: false }
    }
}

/// Runs functions of one module.
pub struct Interpreter<'a> {
    module: &'a Checked,
    host: &'a mut dyn Host,
    settings: Settings,
    meter: Rc<Meter>,
    /// Whether it works for a call that began elsewhere.
    inner: bool,
    /// The loop heads of functions, by instruction; none where nobody asks.
    heads: HashMap<FuncId, Rc<[bool]>>,
    /// Registers of all activations, one behind the other.
    words: Vec<u64>,
    stack: Vec<Activation<'a>>,
    dispatch: Dispatch,
}

/// Whether control goes on to the next instruction.
enum Flow {
    Next,
    Goto(Block),
    /// The outermost activation ended with these results.
    Done(Vec<u64>),
    /// The activation changed.
    Switched,
}

impl<'a> Interpreter<'a> {
    /// An interpreter of a module in its surroundings.
    pub fn new(module: &'a Checked, host: &'a mut dyn Host) -> Interpreter<'a> {
        let settings = Settings::default();
        let meter = Rc::new(Meter::new(settings.fuel, settings.depth));
        let (words, stack, heads) = (Vec::new(), Vec::new(), HashMap::new());
        let dispatch = Dispatch::default();
        Interpreter { module, host, settings, meter, inner: false, heads, words, stack, dispatch }
    }

    /// Sets limits and modes.
    pub fn with(mut self, settings: Settings) -> Interpreter<'a> {
        self.settings = settings;
        self.meter = Rc::new(Meter::new(settings.fuel, settings.depth));
        self
    }

    /// What it counts on.
    pub fn meter(&self) -> Rc<Meter> {
        self.meter.clone()
    }

    /// Works for a call that began elsewhere, counting on its meter. Native code lies between, which nothing skips, so
    /// want of fuel and what [`Host::poll`] says wait until the call is back where it began.
    pub fn metered(mut self, meter: Rc<Meter>) -> Interpreter<'a> {
        self.meter = meter;
        self.inner = true;
        self
    }

    /// Calls a function or further entry with a word for each argument; variable arguments count as `i64` (or the type that the
    /// variadic callee asks for). Gives a word for each result.
    ///
    /// # Errors
    /// The trap that ended the run.
    ///
    /// # Panics
    /// If there are fewer arguments than fixed parameters.
    pub fn call(&mut self, func: FuncId, args: &[u64]) -> Result<Vec<u64>, Trap> {
        let sig = self.module.signature_of(func);
        let fixed = sig.params.iter().map(|p| p.register());
        let types: Vec<Type> = fixed.chain(std::iter::repeat(Type::I64)).take(args.len()).collect();
        let (mark, depth) = (self.host.mark(), self.meter.depth());
        let result = self.start(func, args, &types);
        self.ended(mark, depth);
        result
    }

    /// Calls a variadic function whose variable arguments are in a C `va_list` of its convention at this address.
    ///
    /// # Errors
    /// The trap that ended the run.
    ///
    /// # Panics
    /// If there are fewer arguments than fixed parameters.
    pub fn call_with_list(&mut self, func: FuncId, args: &[u64], list: u64) -> Result<Vec<u64>, Trap> {
        let (mark, depth) = (self.host.mark(), self.meter.depth());
        let started = self.enter(func, args, &[]);
        let result =
            started.map_err(|kind| Trap { kind, func, inst: Inst(0), values: Vec::new() }).and_then(|()| {
                self.top().variable = Variable::List(list);
                self.run()
            });
        self.ended(mark, depth);
        result
    }

    /// Gives back what a run had, however it ended.
    fn ended(&mut self, mark: u64, depth: u32) {
        self.stack.clear();
        self.words.clear();
        self.host.release(mark);
        self.meter.back_to(depth);
    }

    fn start(&mut self, func: FuncId, args: &[u64], types: &[Type]) -> Result<Vec<u64>, Trap> {
        let body = self.module.func(func).entry_of.unwrap_or(func);
        let trap = |kind| Trap { kind, func: body, inst: Inst(0), values: Vec::new() };
        if self.module.func(func).linkage == Linkage::Import {
            let call = ForeignCall { sig: self.module.signature_of(func), types, args };
            return self.host.call_import(func, &call).map_err(trap);
        }
        self.enter(func, args, types).map_err(trap)?;
        self.run()
    }

    fn top(&mut self) -> &mut Activation<'a> {
        self.stack.last_mut().expect("an activation is running")
    }

    fn function(&self) -> &'a Function {
        self.stack.last().expect("an activation is running").f
    }

    fn run(&mut self) -> Result<Vec<u64>, Trap> {
        let mut steps = self.settings.steps;
        loop {
            let f = self.function();
            let at = self.top().at;
            let inst = &f.insts()[at];
            let flow = match steps.checked_sub(1) {
                Some(rest) => {
                    steps = rest;
                    // Nothing but an arrival brings an activation to the start of a block.
                    let arrived = if self.top().is_head(at) { self.charge() } else { Ok(()) };
                    arrived.map_err(|kind| (kind, Vec::new())).and_then(|()| self.step(f, inst))
                }
                None => Err((TrapKind::StepLimit, Vec::new())),
            };
            match flow {
                Ok(Flow::Next) => self.top().at = at + 1,
                Ok(Flow::Goto(block)) => self.top().at = f.block_range(block).start,
                Ok(Flow::Switched) => {}
                Ok(Flow::Done(results)) => return Ok(results),
                Err((kind, values)) => {
                    // A call that was refused has left its callee on top, at its start.
                    let Activation { func, at, .. } = *self.top();
                    return Err(Trap { kind, func, inst: Inst(at as u32), values });
                }
            }
        }
    }

    /// Takes the price of entering a function or reaching a loop head.
    fn charge(&mut self) -> Result<(), TrapKind> {
        let burnt = self.meter.burn();
        if self.inner {
            return Ok(());
        }
        burnt?;
        if self.settings.polls { self.host.poll() } else { Ok(()) }
    }

    /// The loop heads of a function, by instruction; none if nobody asks.
    fn heads_of(&mut self, func: FuncId, f: &Function) -> Rc<[bool]> {
        if !self.settings.polls && !self.meter.limits_fuel() {
            return Rc::default();
        }
        let heads = self.heads.entry(func).or_insert_with(|| {
            let mut heads = vec![false; f.insts().len()];
            for (block, head) in f.blocks().iter().zip(f.loop_heads()) {
                heads[block.start as usize] = head;
            }
            heads.into()
        });
        heads.clone()
    }

    /// The word of a register.
    fn read(&self, v: VReg) -> u64 {
        let base = self.stack.last().map_or(0, |a| a.words);
        self.words[base + v.index()]
    }

    /// Sets a register, cut to its type.
    fn write(&mut self, v: VReg, ty: Type, word: u64) {
        let base = self.stack.last().map_or(0, |a| a.words);
        self.words[base + v.index()] = cut(word, ty.bytes() * 8);
    }

    /// The operand of role `UseOrImm` of an instruction.
    fn operand(&self, f: &Function, inst: &InstData) -> u64 {
        for (field, role) in inst.op.shape().operands() {
            if let Role::UseOrImm(_) = role {
                let word = f.word(inst, *field);
                return if inst.has_imm() { word as i32 as i64 as u64 } else { self.read(VReg(word)) };
            }
        }
        unreachable!("{:?} has no operand that may be a constant", inst.op)
    }

    /// The operands of an instruction that [`compute`] knows.
    fn inputs(&self, f: &Function, inst: &InstData) -> [u64; 3] {
        let mut inputs = [0; 3];
        let mut next = 0;
        for (field, role) in inst.op.shape().operands() {
            let word = f.word(inst, *field);
            inputs[next] = match role {
                Role::Use(_) => self.read(VReg(word)),
                Role::UseOrImm(_) if inst.has_imm() => word as i32 as i64 as u64,
                Role::UseOrImm(_) => self.read(VReg(word)),
                Role::BitRange => word as u64,
                _ => continue,
            };
            next += 1;
        }
        inputs
    }

    fn address(&self, f: &Function, inst: &InstData) -> u64 {
        let mem = f.mem(inst);
        let index = if mem.index.is_none() { 0 } else { self.read(mem.index) };
        let scaled = index.wrapping_mul(mem.scale as u64);
        self.read(mem.base).wrapping_add(scaled).wrapping_add(mem.disp as i64 as u64)
    }

    fn list(&self, f: &Function, inst: &InstData, at: usize) -> Vec<u64> {
        f.list(inst, at).iter().map(|v| self.read(v)).collect()
    }

    /// What memory held, extended as the access says.
    fn extend(access: MemType, word: u64) -> u64 {
        if access.signed() { integer::sign_extend(word, access.bytes() * 8) } else { word }
    }

    /// Runs one instruction.
    fn step(&mut self, f: &'a Function, inst: &InstData) -> Result<Flow, (TrapKind, Vec<u64>)> {
        let ty = inst.ty;
        let bits = ty.bytes() * 8;
        let plain = |kind: TrapKind| (kind, Vec::new());
        let bad = |access: BadAccess| (TrapKind::from(access), Vec::new());
        let dst = VReg(inst.dst);
        let a = || self.read(VReg(inst.a));
        let b = || self.operand(f, inst);
        let tail = |n: u8| VReg(f.word(inst, Field::Tail(n)));
        // The value of ops with one result; the other ops return from inside the match.
        let value = match inst.op {
            Op::Nop => return Ok(Flow::Next),
            Op::Const => f.constant(inst),
            Op::Copy => a(),
            Op::Select => self.read(if a() as u32 != 0 { tail(0) } else { tail(1) }),
            Op::DataAddr => self.host.data_address(DataId(inst.a)).wrapping_add(inst.b as i32 as u64),
            Op::FuncAddr => self.host.func_address(FuncId(inst.a)),
            Op::LabelAddr => label_address(self.top().func, Block(inst.a)),
            Op::SlotAddr => self.top().slot(Slot(inst.a)).wrapping_add(inst.b as i32 as u64),
            Op::SlotOffset => {
                let top = self.top();
                top.slot(Slot(inst.a)).wrapping_sub(top.frame).wrapping_add(inst.b as i32 as u64)
            }
            Op::FrameAddr => self.top().frame,
            Op::TlsAddr => {
                let address = self.host.tls_address(DataId(inst.a)).map_err(plain)?;
                address.wrapping_add(inst.b as i32 as u64)
            }
            Op::Addr => self.address(f, inst),

            Op::Add
            | Op::Sub
            | Op::Mul
            | Op::And
            | Op::Or
            | Op::Xor
            | Op::Shl
            | Op::Lshr
            | Op::Ashr
            | Op::Rotl
            | Op::Rotr
            | Op::Sdiv
            | Op::Udiv
            | Op::Srem
            | Op::Urem
            | Op::Smin
            | Op::Smax
            | Op::Umin
            | Op::Umax
            | Op::Neg
            | Op::Not
            | Op::Abs
            | Op::Clz
            | Op::Ctz
            | Op::Popcnt
            | Op::Bswap
            | Op::Bitrev
            | Op::Sext8
            | Op::Sext16
            | Op::Zext8
            | Op::Zext16
            | Op::Sext
            | Op::Zext
            | Op::Trunc
            | Op::Sbits
            | Op::Ubits
            | Op::SetBits
            | Op::Cmp
            | Op::Fcmp
            | Op::Fadd
            | Op::Fsub
            | Op::Fmul
            | Op::Fdiv
            | Op::Fmin
            | Op::Fmax
            | Op::FminNum
            | Op::FmaxNum
            | Op::Fsqrt
            | Op::Ffloor
            | Op::Fceil
            | Op::Ftrunc
            | Op::Fnearest
            | Op::Fabs
            | Op::Fneg
            | Op::Fcopysign
            | Op::Fma
            | Op::Fms
            | Op::Fnma
            | Op::Fnms
            | Op::Fpromote
            | Op::Fdemote
            | Op::Bitcast
            | Op::SitoF
            | Op::UitoF
            | Op::FtoSi
            | Op::FtoUi
            | Op::FtoSiSat
            | Op::FtoUiSat
            | Op::FtoSiX86 => {
                let from = f.ty(VReg(inst.a));
                compute(inst, from, self.inputs(f, inst), self.settings.canonical_nan).map_err(plain)?
            }
            Op::SmulWide | Op::UmulWide => {
                let (low, high) = integer::mul_wide(a(), b(), bits, inst.op == Op::SmulWide);
                self.write(dst, ty, low);
                self.write(tail(1), ty, high);
                return Ok(Flow::Next);
            }
            Op::AddCarry | Op::SubBorrow => {
                let carry = self.read(tail(1)) as u32 != 0;
                let with = if inst.op == Op::AddCarry { integer::add_carry } else { integer::sub_borrow };
                let (value, carry) = with(a(), b(), carry, bits);
                self.write(dst, ty, value);
                self.write(tail(2), Type::I32, carry);
                return Ok(Flow::Next);
            }
            Op::SaddOvf | Op::UaddOvf | Op::SsubOvf | Op::UsubOvf | Op::SmulOvf | Op::UmulOvf => {
                let is_signed = matches!(inst.op, Op::SaddOvf | Op::SsubOvf | Op::SmulOvf);
                let number =
                    |word| if is_signed { signed(word, bits) as i128 } else { cut(word, bits) as i128 };
                let (a, b) = (number(a()), number(b()));
                let exact = match inst.op {
                    Op::SaddOvf | Op::UaddOvf => Some(a + b),
                    Op::SsubOvf | Op::UsubOvf => Some(a - b),
                    _ => a.checked_mul(b),
                };
                match exact.and_then(|value| integer::exact(value, bits, is_signed)) {
                    Some(value) => value,
                    None => return Ok(Flow::Goto(Block(tail(1).0))),
                }
            }
            Op::SnegOvf => match integer::exact(-(signed(a(), bits) as i128), bits, true) {
                Some(value) => value,
                None => return Ok(Flow::Goto(Block(inst.b))),
            },
            Op::Load => {
                let address = self.address(f, inst);
                Self::extend(inst.access(), self.host.load(address, inst.access().bytes()).map_err(bad)?)
            }
            Op::Store => {
                let address = self.address(f, inst);
                let value = if inst.value_is_imm() { inst.dst as i32 as i64 as u64 } else { self.read(dst) };
                self.host.store(address, inst.access().bytes(), value).map_err(bad)?;
                return Ok(Flow::Next);
            }
            Op::Prefetch | Op::Pause | Op::Pad => return Ok(Flow::Next),
            Op::MemCopy => {
                let (to, from, length) = (a(), self.read(tail(0)), b());
                self.host.copy(to, from, length).map_err(bad)?;
                return Ok(Flow::Next);
            }
            Op::MemFill => {
                let (to, value, length) = (a(), self.read(tail(0)), b());
                self.host.fill(to, value as u8, length).map_err(bad)?;
                return Ok(Flow::Next);
            }
            Op::AtomicLoad => {
                let address = self.address(f, inst);
                let access = inst.access();
                Self::extend(access, self.host.update(address, access.bytes(), &mut |_| None).map_err(bad)?)
            }
            Op::AtomicStore => {
                let (address, value) = (self.address(f, inst), self.read(dst));
                let bytes = inst.access().bytes();
                self.host
                    .update(address, bytes, &mut |_| Some(integer::zero_extend(value, bytes * 8)))
                    .map_err(bad)?;
                return Ok(Flow::Next);
            }
            Op::AtomicRmw => {
                let (address, value) = (self.address(f, inst), self.read(tail(3)));
                let (access, rmw) = (inst.access(), inst.rmw());
                let bytes = access.bytes();
                let mut change = |old| Some(integer::rmw(rmw, old, value, bytes));
                Self::extend(access, self.host.update(address, bytes, &mut change).map_err(bad)?)
            }
            Op::AtomicCas => {
                let (address, access) = (self.address(f, inst), inst.access());
                let bytes = access.bytes();
                let expected = integer::zero_extend(self.read(tail(3)), bytes * 8);
                let new = integer::zero_extend(self.read(tail(4)), bytes * 8);
                let mut change = |old| (old == expected).then_some(new);
                Self::extend(access, self.host.update(address, bytes, &mut change).map_err(bad)?)
            }
            Op::Fence => {
                self.host.fence();
                return Ok(Flow::Next);
            }
            Op::Alloca => {
                let size = a();
                self.host.reserve(size, inst.b as u64).map_err(plain)?
            }

            Op::Jump => return Ok(Flow::Goto(Block(inst.dst))),
            Op::Branch => {
                let holds = inst.cond().holds(a() as i64, b() as i64, bits);
                return Ok(if holds { Flow::Goto(Block(inst.dst)) } else { Flow::Next });
            }
            Op::Fbranch => {
                let holds = self.fholds(inst, VReg(inst.b));
                return Ok(if holds { Flow::Goto(Block(inst.dst)) } else { Flow::Next });
            }
            Op::Switch => {
                let value = a();
                let place = (self.top().func, self.top().at);
                let block = self.dispatch.case(f, place, inst, |word| cut(word, bits), value);
                return Ok(Flow::Goto(block));
            }
            Op::JumpTo => {
                let target = host::label_at(a());
                let func = self.top().func;
                return match target {
                    Some((of, block)) if of == func && self.dispatch.contains(f, func, inst.b, block) => {
                        Ok(Flow::Goto(block))
                    }
                    _ => Err(plain(TrapKind::BadLabel)),
                };
            }
            Op::Ret => return self.leave(f, inst).map_err(plain),
            Op::Call | Op::CallPtr | Op::TailCall | Op::TailCallPtr => {
                return self.invoke(f, inst).map_err(plain);
            }
            Op::Guard => {
                if inst.cond().holds(a() as i64, b() as i64, bits) {
                    return Err((TrapKind::Exit(f.word(inst, Field::Tail(1))), self.list(f, inst, 2)));
                }
                return Ok(Flow::Next);
            }
            Op::Fguard => {
                if self.fholds(inst, tail(0)) {
                    return Err((TrapKind::Exit(f.word(inst, Field::Tail(1))), self.list(f, inst, 2)));
                }
                return Ok(Flow::Next);
            }
            Op::Exit => return Err((TrapKind::Exit(inst.a), self.list(f, inst, 0))),
            Op::Safepoint => {
                if !self.inner {
                    self.host.poll().map_err(plain)?;
                }
                let values = self.list(f, inst, 0);
                let (func, inst_at) = (self.top().func, Inst(self.top().at as u32));
                let at = Safepoint { func, inst: inst_at, id: inst.a, values: &values };
                self.host.safepoint(&at).map_err(plain)?;
                return Ok(Flow::Next);
            }
            Op::Trap => return Err(plain(TrapKind::User(inst.b))),
            Op::Unreachable => return Err(plain(TrapKind::Unreachable)),

            Op::VaStart => {
                let list = a();
                self.va_start(list).map_err(bad)?;
                return Ok(Flow::Next);
            }
            Op::VaArg => {
                let list = a();
                self.va_arg(list, ty).map_err(bad)?
            }
            Op::VaCopy => {
                let (to, from) = (a(), self.read(VReg(inst.b)));
                self.va_copy(to, from).map_err(bad)?;
                return Ok(Flow::Next);
            }
            // Ending a list gives nothing back.
            Op::VaEnd => return Ok(Flow::Next),
        };
        let ty = if matches!(inst.op, Op::Cmp | Op::Fcmp) { Type::I32 } else { ty };
        self.write(dst, ty, value);
        Ok(Flow::Next)
    }

    fn fholds(&self, inst: &InstData, b: VReg) -> bool {
        let (a, b) = (self.read(VReg(inst.a)), self.read(b));
        inst.fcond().holds(float::wide_of(a, inst.ty), float::wide_of(b, inst.ty))
    }
}
