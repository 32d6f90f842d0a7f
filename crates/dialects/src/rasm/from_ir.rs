//! From a module to a program in rasm, for what rasm can say. Every register of the IR gets a place in the frame, since
//! the language has six of its own; an instruction loads its operands, does its work and stores its result.

use super::fault::Fault;
use super::program::{is_function, is_identifier, is_symbol};
use kiln_ir::diagnostic::{Diagnostic, Place};
use kiln_ir::types::{AbiType, Convention};
use kiln_ir::{
    Block, Cond, DataDecl, FCond, FuncDecl, FuncId, Function, Inst, InstData, Linkage, Mem, MemType, Module,
    Op, Signature, Type, VReg,
};
use std::collections::{HashMap, HashSet};
use std::fmt::{Display, Write};

type Written<T = ()> = Result<T, Diagnostic<Fault>>;

/// Writes a module as rasm's text. A `main` without parameters is called by a `start` that ends the process with its result.
///
/// # Errors
/// The first thing that rasm cannot say, by the name of its op.
pub fn from_module(module: &Module) -> Written<String> {
    let names = names(module);
    let has = |name: &str| module.funcs().iter().any(|f| f.name == name && f.body.is_some());
    let mut text = String::new();
    for (number, decl) in module.funcs().iter().enumerate() {
        let Some(body) = &decl.body else { continue };
        // What calls `start` in a program that came from rasm: rasm's own runner does.
        if decl.name == "main" && has("start") {
            continue;
        }
        let func = FuncId(number as u32);
        let mut writer =
            Writer { module, names: &names, func, body, text: &mut text, sites: HashMap::new(), labels: 0 };
        writer.function(decl)?;
    }
    if has("main") && !has("start") {
        let main = module.find_func("main").map(|id| (id, module.signature_of(id)));
        if let Some((id, sig)) = main {
            if !sig.params.is_empty() {
                return refuse(Place::Func(id), "a `main` with parameters");
            }
            text.push_str("#function start\n    prolog 0\n    calli =main\n    retval_i %v0\n");
            text.push_str("    prepare_i 1\n    pusharg_i %v0\n    finish *exit\n    ret\n");
        }
    }
    Ok(text)
}

fn refuse<T>(at: Place, what: impl Display) -> Written<T> {
    Err(Diagnostic::new(at, Fault::Inexpressible(what.to_string())))
}

/// A name for each function: its own, without the sigil that a translation from rasm may have given it, if rasm can
/// write it and it is not taken.
fn names(module: &Module) -> Vec<String> {
    let mut taken = HashSet::new();
    let name = |(number, decl): (usize, &FuncDecl)| {
        let mut name = decl.name.strip_prefix('=').unwrap_or(&decl.name).to_owned();
        if !is_function(&name) {
            name = format!("f{number}");
        }
        while decl.body.is_some() && !taken.insert(name.clone()) {
            name.push('_');
        }
        name
    };
    module.funcs().iter().enumerate().map(name).collect()
}

/// The suffix of an operation on a register of this type.
fn suffix(ty: Type, signed: bool) -> &'static str {
    match (ty, signed) {
        (Type::I32, true) => "i",
        (Type::I32, false) => "ui",
        (Type::I64 | Type::Ptr, true) => "l",
        (Type::I64 | Type::Ptr, false) => "ul",
        (Type::F32, _) => "f",
        (Type::F64, _) => "d",
    }
}

/// The suffix of an access; none for sizes that rasm does not have.
fn access(ty: MemType) -> Option<&'static str> {
    Some(match ty {
        MemType::I8 => "c",
        MemType::U8 => "uc",
        MemType::I16 => "s",
        MemType::U16 => "us",
        MemType::I32 => "i",
        MemType::U32 => "ui",
        MemType::F32 => "f",
        MemType::F64 => "d",
        ty if ty.bytes() == 8 => "l",
        _ => return None,
    })
}

/// Stem and signedness of a condition.
fn condition(cond: Cond) -> (&'static str, bool) {
    match cond {
        Cond::Eq => ("eq", true),
        Cond::Ne => ("ne", true),
        Cond::Lt => ("lt", true),
        Cond::Ge => ("ge", true),
        Cond::Le => ("le", true),
        Cond::Gt => ("gt", true),
        Cond::Ult => ("lt", false),
        Cond::Uge => ("ge", false),
        Cond::Ule => ("le", false),
        Cond::Ugt => ("gt", false),
        Cond::Any => ("ms", true),
        Cond::None => ("mc", true),
    }
}

fn predicate(cond: FCond) -> &'static str {
    match cond {
        FCond::Eq => "eq",
        FCond::Ne => "ne",
        FCond::Lt => "lt",
        FCond::Uge => "unge",
        FCond::Le => "le",
        FCond::Ugt => "ungt",
        FCond::Gt => "gt",
        FCond::Ule => "unle",
        FCond::Ge => "ge",
        FCond::Ult => "unlt",
        FCond::Ltgt => "ltgt",
        FCond::Ueq => "uneq",
        FCond::Ord => "ord",
        FCond::Unord => "unord",
    }
}

/// A function being written.
struct Writer<'m, 't> {
    module: &'m Module,
    names: &'m [String],
    func: FuncId,
    body: &'m Function,
    text: &'t mut String,
    /// Forward references to each block: whether they are addresses, and the variable.
    sites: HashMap<Block, Vec<(bool, u32)>>,
    /// Variables used for references.
    labels: u32,
}

impl Writer<'_, '_> {
    fn line(&mut self, line: impl Display) {
        let _ = writeln!(self.text, "    {line}");
    }

    fn function(&mut self, decl: &FuncDecl) -> Written {
        let (at, body) = (Place::Func(self.func), self.body);
        let sig = self.module.signature_of(self.func);
        if sig.variadic || sig.convention == Convention::Win64 {
            return refuse(at, "a variadic function, or one of another convention");
        }
        if sig.results.len() > 1 || sig.results.iter().any(|ty| !is_integer(ty)) {
            return refuse(at, "a function that gives anything but an integer");
        }
        if decl.replaceable || !body.entries().is_empty() {
            return refuse(at, "a function that can be replaced or has further entries");
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
            if slot.align > 16 {
                return refuse(at, "a slot aligned to more than 16 bytes");
            }
            self.line(format_args!("allocai {} => $s{n}", slot.size));
        }
        for (n, ty) in types.iter().enumerate() {
            let register = if matches!(*ty, "f" | "d") { "%fpr0" } else { "%r0" };
            self.line(format_args!("getarg_{ty} {register}, $p{n}"));
            self.put(VReg(n as u32), register);
        }
        for block in 0..body.blocks().len() as u32 {
            let block = Block(block);
            self.line(format_args!("get_label => @b{}", block.0));
            for (movi, site) in self.sites.remove(&block).unwrap_or_default() {
                if movi {
                    self.line(format_args!("patch_movi @j{site} @b{}", block.0));
                } else {
                    self.line(format_args!("patch @j{site}"));
                }
            }
            for at in body.block_range(block) {
                self.instruction(Inst(at as u32), &body.insts()[at], block)?;
            }
        }
        self.text.push('\n');
        Ok(())
    }

    /// Loads a register of the IR.
    fn get(&mut self, register: &str, v: VReg) {
        let ty = match self.body.ty(v) {
            Type::F32 => "f",
            Type::F64 => "d",
            _ => "l",
        };
        self.line(format_args!("ldxi_{ty} {register}, %fp, $v{}", v.0));
    }

    /// Stores one.
    fn put(&mut self, v: VReg, register: &str) {
        let ty = match self.body.ty(v) {
            Type::F32 => "f",
            Type::F64 => "d",
            _ => "l",
        };
        self.line(format_args!("stxi_{ty} $v{}, %fp, {register}", v.0));
    }

    /// Loads the second operand, a register or constant.
    fn second(&mut self, inst: &InstData, register: &str) {
        if inst.has_imm() {
            self.line(format_args!("movi_l {register}, {}", inst.b as i32));
        } else {
            self.get(register, VReg(inst.b));
        }
    }

    /// Puts the address of a memory operand in `%r2`.
    fn mem(&mut self, mem: Mem) {
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

    /// How a branch at this block names its target: a block above by its label, one below by a reference.
    fn target(&mut self, target: Block, here: Block, movi: bool) -> (String, String) {
        if target <= here {
            return (format!("@b{}", target.0), String::new());
        }
        let site = self.labels;
        self.labels += 1;
        self.sites.entry(target).or_default().push((movi, site));
        ("!forward".into(), format!(" => @j{site}"))
    }

    fn jump(&mut self, to: Block, here: Block) {
        let (target, keep) = self.target(to, here, false);
        self.line(format_args!("jmpi {target}{keep}"));
    }

    /// Goes over the next lines if a condition on registers holds; gives what `patch` is to name.
    fn skip(&mut self, branch: &str) -> u32 {
        let site = self.labels;
        self.labels += 1;
        self.line(format_args!("{branch} => @j{site}"));
        site
    }

    fn instruction(&mut self, number: Inst, inst: &InstData, here: Block) -> Written {
        let at = Place::Inst(self.func, number, None);
        match inst.op {
            Op::Nop => {}
            Op::Const | Op::Copy | Op::Bitcast | Op::Trunc => self.moved(inst),
            Op::DataAddr => self.data_addr(at, inst)?,
            Op::FuncAddr | Op::LabelAddr | Op::SlotAddr | Op::SlotOffset | Op::FrameAddr | Op::Addr => {
                self.address(at, inst, here)?;
            }
            Op::Load | Op::Store => self.accessed(at, inst)?,
            Op::Jump | Op::Branch | Op::Fbranch | Op::Switch | Op::JumpTo | Op::Ret => {
                self.control(inst, here)
            }
            Op::Call | Op::CallPtr => self.call(at, inst)?,
            Op::Select => self.select(inst),
            Op::Cmp if !matches!(inst.cond(), Cond::Any | Cond::None) => self.compare(inst),
            Op::SmulWide | Op::UmulWide => self.product(inst),
            Op::Srem => self.remainder(inst),
            op => match self.simple(inst) {
                Some(()) => {}
                None => return refuse(at, format_args!("`{}`", op.info().name(inst.variant()))),
            },
        }
        Ok(())
    }

    /// What is one instruction on registers of one class, or a conversion.
    fn simple(&mut self, inst: &InstData) -> Option<()> {
        let (signed, unsigned) = (suffix(inst.ty, true), suffix(inst.ty, false));
        let from = suffix(self.body.ty(VReg(inst.a)), true);
        // Mnemonic, registers of the result and of the operands, whether there are two of those.
        let (mnemonic, to, of, two) = match inst.op {
            Op::Add => (format!("addr_{signed}"), "%r0", "%r", true),
            Op::Sub => (format!("subr_{signed}"), "%r0", "%r", true),
            Op::Mul => (format!("mulr_{signed}"), "%r0", "%r", true),
            Op::And => (format!("andr_{signed}"), "%r0", "%r", true),
            Op::Or => (format!("orr_{signed}"), "%r0", "%r", true),
            Op::Xor => (format!("xorr_{signed}"), "%r0", "%r", true),
            Op::Shl => (format!("lshr_{signed}"), "%r0", "%r", true),
            Op::Lshr => (format!("rshr_{unsigned}"), "%r0", "%r", true),
            Op::Ashr => (format!("rshr_{signed}"), "%r0", "%r", true),
            Op::Sdiv => (format!("divr_{signed}"), "%r0", "%r", true),
            Op::Udiv => (format!("divr_{unsigned}"), "%r0", "%r", true),
            Op::Urem => (format!("modr_{unsigned}"), "%r0", "%r", true),
            Op::Neg => (format!("negr_{signed}"), "%r0", "%r", false),
            Op::Not => (format!("notr_{signed}"), "%r0", "%r", false),
            Op::Sext8 => ("extr_c_l".into(), "%r0", "%r", false),
            Op::Sext16 => ("extr_s_l".into(), "%r0", "%r", false),
            Op::Zext8 => ("extr_uc_l".into(), "%r0", "%r", false),
            Op::Zext16 => ("extr_us_l".into(), "%r0", "%r", false),
            Op::Sext => ("extr_i_l".into(), "%r0", "%r", false),
            Op::Zext => ("extr_ui_l".into(), "%r0", "%r", false),
            Op::Bswap if inst.ty == Type::I32 => ("hton_ui".into(), "%r0", "%r", false),
            Op::Fadd => (format!("addr_{signed}"), "%fpr0", "%fpr", true),
            Op::Fsub => (format!("subr_{signed}"), "%fpr0", "%fpr", true),
            Op::Fmul => (format!("mulr_{signed}"), "%fpr0", "%fpr", true),
            Op::Fdiv => (format!("divr_{signed}"), "%fpr0", "%fpr", true),
            Op::Fneg => (format!("negr_{signed}"), "%fpr0", "%fpr", false),
            Op::Fpromote => ("extr_f_d".into(), "%fpr0", "%fpr", false),
            Op::Fdemote => ("extr_d_f".into(), "%fpr0", "%fpr", false),
            Op::Fcmp => (format!("{}r_{signed}", predicate(inst.fcond())), "%r0", "%fpr", true),
            Op::FtoSiX86 => (format!("truncr_{from}_{signed}"), "%r0", "%fpr", false),
            Op::SitoF if from == "i" => (format!("extr_i_{signed}"), "%fpr0", "%r", false),
            _ => return None,
        };
        self.get(&format!("{of}0"), VReg(inst.a));
        if two {
            self.second(inst, &format!("{of}1"));
            self.line(format_args!("{mnemonic} {to}, {of}0, {of}1"));
        } else {
            self.line(format_args!("{mnemonic} {to}, {of}0"));
        }
        self.put(VReg(inst.dst), to);
        Some(())
    }

    /// Constants and copies go by way of an integer register, floats by their bits.
    fn moved(&mut self, inst: &InstData) {
        let ty = if inst.op == Op::Const {
            let bits = self.body.constant(inst);
            let (value, ty) = match inst.ty {
                Type::I32 => (i64::from(bits as i32), "l"),
                Type::F32 => (i64::from(bits as u32), "ui"),
                _ => (bits as i64, "l"),
            };
            self.line(format_args!("movi_{ty} %r0, {value}"));
            ty
        } else {
            let from = if self.body.ty(VReg(inst.a)).bytes() == 4 { "ui" } else { "l" };
            self.line(format_args!("ldxi_{from} %r0, %fp, $v{}", inst.a));
            if self.body.ty(VReg(inst.dst)) == Type::F32 { "ui" } else { "l" }
        };
        self.line(format_args!("stxi_{ty} $v{}, %fp, %r0", inst.dst));
    }

    fn address(&mut self, at: Place, inst: &InstData, here: Block) -> Written {
        let mut register = "%r0";
        match inst.op {
            Op::FuncAddr => {
                let callee = self.callee(at, FuncId(inst.a))?;
                self.line(format_args!("movi_p %r0, {callee}"));
            }
            Op::LabelAddr => {
                let (target, keep) = self.target(Block(inst.a), here, true);
                self.line(format_args!("movi_p %r0, {target}{keep}"));
            }
            Op::SlotAddr | Op::SlotOffset => {
                let from = if inst.op == Op::SlotAddr { "addi_l %r0, %fp," } else { "movi_l %r0," };
                self.line(format_args!("{from} $s{}", inst.a));
                self.line(format_args!("addi_l %r0, %r0, {}", inst.b as i32));
            }
            Op::FrameAddr => register = "%fp",
            _ => {
                self.mem(self.body.mem(inst));
                register = "%r2";
            }
        }
        self.put(VReg(inst.dst), register);
        Ok(())
    }

    fn accessed(&mut self, at: Place, inst: &InstData) -> Written {
        let Some(ty) = access(inst.access()) else {
            return refuse(at, format_args!("a `{}` of this size", inst.op.info().name(inst.variant())));
        };
        let register = if inst.access().is_float() { "%fpr0" } else { "%r0" };
        let value = VReg(inst.dst);
        self.mem(self.body.mem(inst));
        if inst.op == Op::Load {
            self.line(format_args!("ldr_{ty} {register}, %r2"));
            self.put(value, register);
        } else {
            if inst.value_is_imm() {
                self.line(format_args!("movi_l %r0, {}", inst.dst as i32));
            } else {
                self.get(register, value);
            }
            self.line(format_args!("str_{ty} %r2, {register}"));
        }
        Ok(())
    }

    fn control(&mut self, inst: &InstData, here: Block) {
        let (a, signed) = (VReg(inst.a), suffix(inst.ty, true));
        match inst.op {
            Op::Branch => {
                let (stem, is_signed) = condition(inst.cond());
                self.get("%r0", a);
                self.second(inst, "%r1");
                let (target, keep) = self.target(Block(inst.dst), here, false);
                let ty = suffix(inst.ty, is_signed);
                self.line(format_args!("b{stem}r_{ty} {target}, %r0, %r1{keep}"));
            }
            Op::Fbranch => {
                self.get("%fpr0", a);
                self.get("%fpr1", VReg(inst.b));
                let (target, keep) = self.target(Block(inst.dst), here, false);
                let stem = predicate(inst.fcond());
                self.line(format_args!("b{stem}r_{signed} {target}, %fpr0, %fpr1{keep}"));
            }
            Op::Switch => {
                let (default, cases) = self.body.cases(inst);
                self.get("%r0", a);
                for (value, block) in cases {
                    let (target, keep) = self.target(block, here, false);
                    self.line(format_args!("movi_l %r1, {value}"));
                    self.line(format_args!("beqr_{signed} {target}, %r0, %r1{keep}"));
                }
                self.jump(default, here);
            }
            Op::JumpTo => {
                self.get("%r0", a);
                self.line("jmpr %r0");
            }
            Op::Ret => {
                if !a.is_none() {
                    self.get("%ret", a);
                    if self.body.ty(a) == Type::I32 {
                        self.line("extr_i_l %ret, %ret");
                    }
                }
                self.line("ret");
            }
            _ => self.jump(Block(inst.dst), here),
        }
    }

    fn compare(&mut self, inst: &InstData) {
        let (stem, is_signed) = condition(inst.cond());
        self.get("%r0", VReg(inst.a));
        self.second(inst, "%r1");
        self.line(format_args!("{stem}r_{} %r0, %r0, %r1", suffix(inst.ty, is_signed)));
        self.put(VReg(inst.dst), "%r0");
    }

    fn product(&mut self, inst: &InstData) {
        let (b, high) = (self.body.tail(inst)[0], self.body.tail(inst)[1]);
        let ty = suffix(inst.ty, inst.op == Op::SmulWide);
        self.get("%r0", VReg(inst.a));
        self.get("%r1", VReg(b));
        self.line(format_args!("hmulr_{ty} %r2, %r0, %r1"));
        self.line(format_args!("mulr_{ty} %r0, %r0, %r1"));
        self.put(VReg(inst.dst), "%r0");
        self.put(VReg(high), "%r2");
    }

    /// By -1 rasm's remainder traps where the quotient overflows, and this one is always 0.
    fn remainder(&mut self, inst: &InstData) {
        let ty = suffix(inst.ty, true);
        self.get("%r0", VReg(inst.a));
        self.second(inst, "%r1");
        self.line("movi_l %r2, 0");
        let site = self.skip(&format!("beqi_{ty} !forward, %r1, -1"));
        self.line(format_args!("modr_{ty} %r2, %r0, %r1"));
        self.line(format_args!("patch @j{site}"));
        self.put(VReg(inst.dst), "%r2");
    }

    fn select(&mut self, inst: &InstData) {
        let (then, or) = (self.body.tail(inst)[0], self.body.tail(inst)[1]);
        let register = if inst.ty.is_float() { "%fpr0" } else { "%r0" };
        self.get("%r1", VReg(inst.a));
        self.get(register, VReg(or));
        let site = self.skip("beqi_i !forward, %r1, 0");
        self.get(register, VReg(then));
        self.line(format_args!("patch @j{site}"));
        self.put(VReg(inst.dst), register);
    }

    /// A function as an operand.
    fn callee(&self, at: Place, func: FuncId) -> Written<String> {
        let decl = self.module.func(func);
        if decl.linkage != Linkage::Import {
            let name = &self.names[func.index()];
            if !is_identifier(name) {
                return refuse(at, format_args!("the function `{name}` as an operand"));
            }
            return Ok(format!("={name}"));
        }
        if decl.replaceable || decl.library.is_some() {
            return refuse(
                at,
                format_args!("the import `{}`, which is replaceable or names its library", decl.name),
            );
        }
        symbol(at, &decl.name)
    }

    /// Constants that are text are strings; what else has an address is a symbol of the process.
    fn data_addr(&mut self, at: Place, inst: &InstData) -> Written {
        let decl = &self.module.data()[inst.a as usize];
        let operand = if decl.linkage == Linkage::Import && !decl.thread_local {
            symbol(at, &decl.name)?
        } else {
            match string(decl) {
                Some(string) => string,
                None => {
                    return refuse(
                        at,
                        format_args!("the data object `{}`, which is no constant text", decl.name),
                    );
                }
            }
        };
        self.line(format_args!("movi_p %r0, {operand}"));
        self.line(format_args!("addi_l %r0, %r0, {}", inst.b as i32));
        self.put(VReg(inst.dst), "%r0");
        Ok(())
    }

    fn call(&mut self, at: Place, inst: &InstData) -> Written {
        let call = self.body.call(inst);
        let sig: &Signature = &self.module.sigs()[call.sig.index()];
        if call.results > 1 || sig.convention == Convention::Win64 {
            return refuse(at, "a call with several results, or of another convention");
        }
        let args: Vec<VReg> = call.args.iter().collect();
        let mut types = Vec::with_capacity(args.len());
        for (n, v) in args.iter().enumerate() {
            types.push(match sig.params.get(n) {
                Some(ty) => argument(ty, at)?,
                None => suffix(self.body.ty(*v), true),
            });
        }
        let target = if inst.op == Op::Call { self.callee(at, FuncId(inst.a))? } else { "%v0".into() };
        for (kind, of) in [("i", ["f", "d"]), ("f", ["f", "f"]), ("d", ["d", "d"])] {
            let count = types.iter().filter(|ty| of.contains(ty) != (kind == "i")).count();
            if count > 0 || kind == "i" {
                self.line(format_args!("prepare_{kind} {count}"));
            }
        }
        for (v, ty) in args.iter().zip(&types).rev() {
            let register = if matches!(*ty, "f" | "d") { "%fpr0" } else { "%r0" };
            self.get(register, *v);
            self.line(format_args!("pusharg_{ty} {register}"));
        }
        if inst.op == Op::CallPtr {
            self.get("%v0", VReg(inst.a));
            self.line("finishr %v0");
        } else {
            self.line(format_args!("finish {target}"));
        }
        if call.results == 1 {
            let dst = VReg(inst.dst);
            let ty = match sig.results.first() {
                Some(ty) => argument(ty, at)?,
                None => "l",
            };
            let register = if matches!(ty, "f" | "d") { "%fpr0" } else { "%r0" };
            self.line(format_args!("retval_{ty} {register}"));
            self.put(dst, register);
        }
        Ok(())
    }
}

fn is_integer(ty: &AbiType) -> bool {
    !matches!(ty, AbiType::Value(Type::F32 | Type::F64) | AbiType::Aggregate(_))
}

/// The suffix of an argument.
fn argument(ty: &AbiType, at: Place) -> Written<&'static str> {
    Ok(match ty {
        AbiType::I8 => "c",
        AbiType::U8 => "uc",
        AbiType::I16 => "s",
        AbiType::U16 => "us",
        AbiType::Value(ty) => suffix(*ty, true),
        AbiType::Aggregate(_) => return refuse(at, "an aggregate passed by value"),
    })
}

fn symbol(at: Place, name: &str) -> Written<String> {
    if is_symbol(name) { Ok(format!("*{name}")) } else { refuse(at, format_args!("the symbol `{name}`")) }
}

/// A data object as a string, if it is constant text with a zero byte at its end.
fn string(decl: &DataDecl) -> Option<String> {
    let plain = !decl.writable && decl.relocs.is_empty() && decl.zeros == 0 && decl.align <= 1;
    let text = std::str::from_utf8(decl.bytes.strip_suffix(&[0])?).ok()?;
    plain.then(|| super::print::quoted(text))
}
