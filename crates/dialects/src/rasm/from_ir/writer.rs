//! One function: its parameters, its places in the frame, its blocks; which file says which op.

use super::routines::Routines;
use super::words::{argument, register};
use super::{Written, refuse};
use crate::rasm::fault::Fault;
use kiln_ir::diagnostic::{Diagnostic, Place};
use kiln_ir::types::{AbiType, Convention};
use kiln_ir::{Block, Cond, FuncDecl, FuncId, Function, Inst, InstData, Mem, Module, Op, Type, VReg};
use std::collections::HashMap;
use std::fmt::{Display, Write};

/// What storage in the frame of rasm is aligned to.
pub(super) const FRAME_ALIGN: u32 = 16;

/// A function being written.
pub(super) struct Writer<'m, 't> {
    pub module: &'m Module,
    pub names: &'m [String],
    func: FuncId,
    pub body: &'m Function,
    text: &'t mut String,
    pub routines: &'t mut Routines,
    /// Forward references to each block: whether they are addresses, and the variable.
    sites: HashMap<Block, Vec<(bool, u32)>>,
    /// Variables used for references.
    labels: u32,
    /// The block that is being written.
    here: Block,
}

impl<'m, 't> Writer<'m, 't> {
    pub fn new(
        module: &'m Module,
        names: &'m [String],
        func: FuncId,
        body: &'m Function,
        text: &'t mut String,
        routines: &'t mut Routines,
    ) -> Writer<'m, 't> {
        let (sites, labels, here) = (HashMap::new(), 0, Block(0));
        Writer { module, names, func, body, text, routines, sites, labels, here }
    }

    pub fn line(&mut self, line: impl Display) {
        let _ = writeln!(self.text, "    {line}");
    }

    /// Writes the function, as far as it can be said.
    pub fn function(mut self, decl: &FuncDecl, faults: &mut Vec<Diagnostic<Fault>>) {
        if let Err(fault) = self.head(decl) {
            faults.push(fault);
        }
        for block in 0..self.body.blocks().len() as u32 {
            self.here = Block(block);
            self.line(format_args!("get_label => @b{block}"));
            for (movi, site) in self.sites.remove(&self.here).unwrap_or_default() {
                if movi {
                    self.line(format_args!("patch_movi @j{site} @b{block}"));
                } else {
                    self.patch(site);
                }
            }
            for at in self.body.block_range(self.here) {
                let place = Place::Inst(self.func, Inst(at as u32), None);
                faults.extend(self.instruction(place, &self.body.insts()[at]).err());
            }
        }
        self.text.push('\n');
    }

    /// What stands before the first block.
    fn head(&mut self, decl: &FuncDecl) -> Written {
        let (at, body) = (Place::Func(self.func), self.body);
        let sig = self.module.signature_of(self.func);
        if sig.variadic || sig.convention == Convention::Win64 {
            return refuse(at, "a variadic function, or one of another convention");
        }
        if sig.results.len() > 1 || sig.results.iter().any(|ty| matches!(ty, AbiType::Aggregate(_))) {
            return refuse(at, "a function with several results or an aggregate as result");
        }
        if decl.replaceable || !body.entries().is_empty() {
            return refuse(at, "a function that can be replaced or has further entries");
        }
        if body.blocks().iter().any(|block| block.align > 0) {
            return refuse(at, "a block at a multiple of something");
        }
        let _ = writeln!(self.text, "#function {}", self.names[self.func.index()]);
        self.line(format_args!("prolog {}", sig.params.len()));
        let types: Vec<&str> = sig.params.iter().map(|ty| argument(ty, at)).collect::<Written<_>>()?;
        for (n, ty) in types.iter().enumerate() {
            self.line(format_args!("arg_{ty} => $p{n}"));
        }
        for n in 0..body.vregs().len() {
            self.line(format_args!("allocai 8 => $v{n}"));
        }
        for (n, slot) in body.slots().iter().enumerate() {
            // One that is aligned to more finds its place inside of what it gets.
            let more = if slot.align > FRAME_ALIGN { slot.align } else { 0 };
            self.line(format_args!("allocai {} => $s{n}", u64::from(slot.size) + u64::from(more)));
        }
        for (n, ty) in types.iter().enumerate() {
            self.line(format_args!("getarg_{ty} {}, $p{n}", register(ty)));
            self.put(VReg(n as u32), register(ty));
        }
        Ok(())
    }

    fn instruction(&mut self, at: Place, inst: &InstData) -> Written {
        match inst.op {
            // Hints.
            Op::Nop | Op::Prefetch | Op::Pause => {}
            Op::Const | Op::Copy | Op::Bitcast | Op::Trunc => self.moved(inst),
            Op::DataAddr => self.data_addr(at, inst)?,
            Op::FuncAddr => self.func_addr(at, inst)?,
            Op::LabelAddr | Op::SlotAddr | Op::SlotOffset | Op::FrameAddr | Op::Addr => self.address(inst),
            Op::Load | Op::Store => self.accessed(at, inst)?,
            Op::MemCopy => self.copied(inst),
            Op::MemFill => self.filled(inst),
            Op::Jump | Op::Branch | Op::Fbranch | Op::Switch | Op::JumpTo | Op::Ret => {
                self.control(at, inst)?;
            }
            Op::SaddOvf
            | Op::UaddOvf
            | Op::SsubOvf
            | Op::UsubOvf
            | Op::SmulOvf
            | Op::UmulOvf
            | Op::SnegOvf => {
                self.overflowing(inst);
            }
            Op::Call | Op::CallPtr => self.call(at, inst)?,
            Op::Select => self.select(inst),
            Op::Cmp if matches!(inst.cond(), Cond::Any | Cond::None) => self.common_bits(inst),
            Op::Cmp => self.compare(inst),
            Op::SmulWide | Op::UmulWide => self.product(inst),
            Op::AddCarry | Op::SubBorrow => self.carried(inst),
            Op::Srem => self.remainder(inst),
            Op::Smin | Op::Smax | Op::Umin | Op::Umax => self.extreme(inst),
            Op::Rotl | Op::Rotr => self.rotated(inst),
            Op::Abs => self.absolute(inst),
            Op::Bswap => self.swapped(inst),
            Op::Clz | Op::Ctz | Op::Popcnt | Op::Bitrev => self.counted(inst),
            Op::Sbits | Op::Ubits => self.extracted(inst),
            Op::SetBits => self.inserted(inst),
            Op::Fabs | Op::Fcopysign => self.sign(inst),
            Op::Fmin | Op::Fmax | Op::FminNum | Op::FmaxNum => self.float_extreme(inst),
            Op::Ffloor | Op::Fceil | Op::Ftrunc | Op::Fnearest => self.rounded(inst),
            Op::SitoF | Op::UitoF => self.integer_to_float(inst),
            Op::FtoSiSat | Op::FtoUiSat => self.saturated(inst),
            op => match self.simple(inst) {
                Some(()) => {}
                None => return refuse(at, format_args!("`{}`", op.info().name(inst.variant()))),
            },
        }
        Ok(())
    }

    /// Loads a register of the IR.
    pub fn get(&mut self, register: &str, v: VReg) {
        let ty = self.place(v);
        self.line(format_args!("ldxi_{ty} {register}, %fp, $v{}", v.0));
    }

    /// Stores one.
    pub fn put(&mut self, v: VReg, register: &str) {
        let ty = self.place(v);
        self.line(format_args!("stxi_{ty} $v{}, %fp, {register}", v.0));
    }

    /// How the place of a register is accessed. The high half of one of 32 bits may be anything.
    fn place(&self, v: VReg) -> &'static str {
        match self.body.ty(v) {
            Type::F32 => "f",
            Type::F64 => "d",
            _ => "l",
        }
    }

    /// Loads an operand that stands in this word: a register, or a constant if the instruction has one.
    pub fn operand(&mut self, inst: &InstData, word: u32, register: &str) {
        if inst.has_imm() {
            self.line(format_args!("movi_l {register}, {}", word as i32));
        } else {
            self.get(register, VReg(word));
        }
    }

    /// Puts the address of a memory operand in `%r2`.
    pub fn mem(&mut self, mem: Mem) {
        self.get("%r2", mem.base);
        if !mem.index.is_none() {
            self.get("%v2", mem.index);
            if mem.scale > 1 {
                self.line(format_args!("muli_l %v2, %v2, {}", mem.scale));
            }
            self.line("addr_l %r2, %r2, %v2");
        }
        if mem.disp != 0 {
            self.line(format_args!("addi_l %r2, %r2, {}", mem.disp));
        }
    }

    /// How a branch names its target, and what is kept of it: a block above by its label, one below by a reference.
    pub fn target(&mut self, target: Block, movi: bool) -> (String, String) {
        if target <= self.here {
            return (format!("@b{}", target.0), String::new());
        }
        let site = self.site();
        self.sites.entry(target).or_default().push((movi, site));
        ("!forward".into(), format!(" => @j{site}"))
    }

    /// Writes a branch to a block: the mnemonic, and what stands behind the target.
    pub fn branch_to(&mut self, target: Block, mnemonic: impl Display, operands: impl Display) {
        let (target, keep) = self.target(target, false);
        self.line(format_args!("{mnemonic} {target}{operands}{keep}"));
    }

    fn site(&mut self) -> u32 {
        self.labels += 1;
        self.labels - 1
    }

    /// Writes a branch over the next lines; gives what [`Self::patch`] is to name.
    pub fn skip(&mut self, mnemonic: impl Display, operands: impl Display) -> u32 {
        let site = self.site();
        self.line(format_args!("{mnemonic} !forward{operands} => @j{site}"));
        site
    }

    /// A branch of [`Self::skip`] comes here.
    pub fn patch(&mut self, site: u32) {
        self.line(format_args!("patch @j{site}"));
    }

    /// Calls a routine with integers in these registers; what it gives is in `%r0`.
    pub fn routine(&mut self, name: &'static str, registers: &[&str]) {
        self.routines.need(name);
        self.line(format_args!("prepare_i {}", registers.len()));
        for register in registers.iter().rev() {
            self.line(format_args!("pusharg_l {register}"));
        }
        self.line(format_args!("finish ={name}"));
        self.line("retval_l %r0");
    }
}
