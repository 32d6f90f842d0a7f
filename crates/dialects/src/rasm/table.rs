//! The instructions: one row per family in the order of their opcodes. Mnemonics, numbers, operand classes and results all
//! derive from it.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What the suffix of a mnemonic says a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ty {
    C,
    Uc,
    S,
    Us,
    I,
    Ui,
    L,
    Ul,
    P,
    F,
    D,
}

impl Ty {
    const NAMES: [(&'static str, Ty); 11] = [
        ("c", Ty::C),
        ("uc", Ty::Uc),
        ("s", Ty::S),
        ("us", Ty::Us),
        ("i", Ty::I),
        ("ui", Ty::Ui),
        ("l", Ty::L),
        ("ul", Ty::Ul),
        ("p", Ty::P),
        ("f", Ty::F),
        ("d", Ty::D),
    ];

    fn from_name(name: &str) -> Option<Ty> {
        Ty::NAMES.iter().find(|(known, _)| *known == name).map(|(_, ty)| *ty)
    }

    pub fn is_float(self) -> bool {
        matches!(self, Ty::F | Ty::D)
    }

    pub fn is_signed(self) -> bool {
        matches!(self, Ty::C | Ty::S | Ty::I | Ty::L)
    }

    pub fn bits(self) -> u32 {
        match self {
            Ty::C | Ty::Uc => 8,
            Ty::S | Ty::Us => 16,
            Ty::I | Ty::Ui | Ty::F => 32,
            Ty::L | Ty::Ul | Ty::P | Ty::D => 64,
        }
    }
}

/// Whether the last operand is a register or an immediate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Last {
    Reg,
    Imm,
}

/// Arithmetic on two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alu {
    Add,
    AddX,
    AddC,
    Sub,
    SubX,
    SubC,
    Rsb,
    Mul,
    Hmul,
    Div,
    Mod,
    And,
    Or,
    Xor,
    Lsh,
    Rsh,
}

/// What comparisons ask. Those from `Unlt` on exist for floats only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relation {
    Lt,
    Le,
    Gt,
    Ge,
    Eq,
    Ne,
    Unlt,
    Unle,
    Ungt,
    Unge,
    Uneq,
    Ltgt,
    Ord,
    Unord,
}

/// How a float becomes an integer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounding {
    Nearest,
    Zero,
    Down,
    Up,
}

/// How an access finds its address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Address {
    /// A register.
    Reg,
    /// A constant.
    Imm,
    /// The sum of two registers.
    RegReg,
    /// A register plus a constant.
    RegImm,
}

/// What an instruction does, but for its types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Alu(Alu, Last),
    Neg,
    Not,
    Compare(Relation, Last),
    Mov(Last),
    Extend,
    ToInt(Rounding),
    Swap,
    Load(Address),
    Store(Address),
    Prepare,
    PushArg,
    GetArg,
    Arg,
    RetVal,
    Branch(Relation, Last),
    /// Whether the operands have a one bit in common is to be this.
    BranchBits(bool, Last),
    BranchOverflow(Alu, Last),
    /// `calli`, `finish`.
    Call,
    /// `callr`, `finishr`.
    CallReg,
    Jump,
    JumpReg,
    Ret,
    Prolog,
    Alloca,
    GetLabel,
    Forward,
    Entry,
    Patch,
    PatchAt,
    PatchMovi,
    AssignInt,
    AssignLabel,
    AssignReg,
}

use Last::{Imm, Reg};

/// Stem, type suffixes (`from_to` for conversions; none: the stem is the whole mnemonic), form.
const ROWS: &[(&str, &str, Form)] = &[
    ("addr", "ui ul p l i d f", Form::Alu(Alu::Add, Reg)),
    ("addi", "ui ul p l i", Form::Alu(Alu::Add, Imm)),
    ("addxr", "ui ul l i", Form::Alu(Alu::AddX, Reg)),
    ("addxi", "ui ul l i", Form::Alu(Alu::AddX, Imm)),
    ("addcr", "ui ul l i", Form::Alu(Alu::AddC, Reg)),
    ("addci", "ui ul l i", Form::Alu(Alu::AddC, Imm)),
    ("subr", "ui ul p l i d f", Form::Alu(Alu::Sub, Reg)),
    ("subi", "ui ul p l i", Form::Alu(Alu::Sub, Imm)),
    ("subxr", "ui ul l i", Form::Alu(Alu::SubX, Reg)),
    ("subxi", "ui ul l i", Form::Alu(Alu::SubX, Imm)),
    ("subcr", "ui ul l i", Form::Alu(Alu::SubC, Reg)),
    ("subci", "ui ul l i", Form::Alu(Alu::SubC, Imm)),
    ("rsbr", "ui ul f d i l p", Form::Alu(Alu::Rsb, Reg)),
    ("rsbi", "ui ul p i l", Form::Alu(Alu::Rsb, Imm)),
    ("mulr", "l ul i ui f d", Form::Alu(Alu::Mul, Reg)),
    ("muli", "l ul i ui", Form::Alu(Alu::Mul, Imm)),
    ("hmulr", "l ul i ui", Form::Alu(Alu::Hmul, Reg)),
    ("hmuli", "l ul i ui", Form::Alu(Alu::Hmul, Imm)),
    ("divr", "l ul i ui f d", Form::Alu(Alu::Div, Reg)),
    ("divi", "l ul i ui", Form::Alu(Alu::Div, Imm)),
    ("modr", "l ul i ui", Form::Alu(Alu::Mod, Reg)),
    ("modi", "l ul i ui", Form::Alu(Alu::Mod, Imm)),
    ("andr", "l ul i ui", Form::Alu(Alu::And, Reg)),
    ("andi", "l ul i ui", Form::Alu(Alu::And, Imm)),
    ("orr", "l ul i ui", Form::Alu(Alu::Or, Reg)),
    ("ori", "l ul i ui", Form::Alu(Alu::Or, Imm)),
    ("xorr", "l ul i ui", Form::Alu(Alu::Xor, Reg)),
    ("xori", "l ul i ui", Form::Alu(Alu::Xor, Imm)),
    ("lshr", "l ul i ui", Form::Alu(Alu::Lsh, Reg)),
    ("lshi", "l ul i ui", Form::Alu(Alu::Lsh, Imm)),
    ("rshr", "l ul i ui", Form::Alu(Alu::Rsh, Reg)),
    ("rshi", "l ul i ui", Form::Alu(Alu::Rsh, Imm)),
    ("negr", "i l f d", Form::Neg),
    ("notr", "c uc s us i ui l ul", Form::Not),
    ("ltr", "i ui l ul p f d", Form::Compare(Relation::Lt, Reg)),
    ("lti", "i ui l ul p", Form::Compare(Relation::Lt, Imm)),
    ("ler", "i ui l ul p f d", Form::Compare(Relation::Le, Reg)),
    ("lei", "i ui l ul p", Form::Compare(Relation::Le, Imm)),
    ("gtr", "i ui l ul p f d", Form::Compare(Relation::Gt, Reg)),
    ("gti", "i ui l ul p", Form::Compare(Relation::Gt, Imm)),
    ("ger", "i ui l ul p f d", Form::Compare(Relation::Ge, Reg)),
    ("gei", "i ui l ul p", Form::Compare(Relation::Ge, Imm)),
    ("eqr", "i ui l ul p f d", Form::Compare(Relation::Eq, Reg)),
    ("eqi", "i ui l ul p", Form::Compare(Relation::Eq, Imm)),
    ("ner", "i ui l ul p f d", Form::Compare(Relation::Ne, Reg)),
    ("nei", "i ui l ul p", Form::Compare(Relation::Ne, Imm)),
    ("unltr", "f d", Form::Compare(Relation::Unlt, Reg)),
    ("unler", "f d", Form::Compare(Relation::Unle, Reg)),
    ("ungtr", "f d", Form::Compare(Relation::Ungt, Reg)),
    ("unger", "f d", Form::Compare(Relation::Unge, Reg)),
    ("uneqr", "f d", Form::Compare(Relation::Uneq, Reg)),
    ("ltgtr", "f d", Form::Compare(Relation::Ltgt, Reg)),
    ("ordr", "f d", Form::Compare(Relation::Ord, Reg)),
    ("unordr", "f d", Form::Compare(Relation::Unord, Reg)),
    ("movr", "i ui l ul p f d", Form::Mov(Reg)),
    ("movi", "i ui l ul p f d", Form::Mov(Imm)),
    (
        "extr",
        "c_ui s_ui c_i s_i c_ul s_ul i_ul c_l s_l i_l c_s c_us uc_s uc_us uc_i uc_ui us_i us_ui uc_l uc_ul us_l us_ul \
         ui_l ui_ul f_d d_f i_f i_d",
        Form::Extend,
    ),
    ("roundr", "f_i d_i f_l d_l", Form::ToInt(Rounding::Nearest)),
    ("truncr", "f_i d_i f_l d_l", Form::ToInt(Rounding::Zero)),
    ("floorr", "f_i d_i f_l d_l", Form::ToInt(Rounding::Down)),
    ("ceilr", "f_i d_i f_l d_l", Form::ToInt(Rounding::Up)),
    ("hton", "ui us", Form::Swap),
    ("ntoh", "ui us", Form::Swap),
    ("ldr", "c s i l uc us ui ul p f d", Form::Load(Address::Reg)),
    ("ldi", "c s i l uc us ui ul p f d", Form::Load(Address::Imm)),
    ("ldxr", "c s i l uc us ui ul p f d", Form::Load(Address::RegReg)),
    ("ldxi", "c s i l uc us ui ul p f d", Form::Load(Address::RegImm)),
    ("str", "c s i l uc us ui ul p f d", Form::Store(Address::Reg)),
    ("sti", "c s i l uc us ui ul p f d", Form::Store(Address::Imm)),
    ("stxr", "c s i l uc us ui ul p f d", Form::Store(Address::RegReg)),
    ("stxi", "c s i l uc us ui ul p f d", Form::Store(Address::RegImm)),
    ("prepare", "i f d", Form::Prepare),
    ("pusharg", "c s uc us ui ul l i p f d", Form::PushArg),
    ("getarg", "c i l p s uc ui ul us f d", Form::GetArg),
    ("arg", "c uc s us i ui l ul p f d", Form::Arg),
    ("retval", "ui uc us ul i l p c s f d", Form::RetVal),
    ("bltr", "p l ul i ui f d", Form::Branch(Relation::Lt, Reg)),
    ("blti", "p l ul i ui", Form::Branch(Relation::Lt, Imm)),
    ("bler", "p l ul i ui f d", Form::Branch(Relation::Le, Reg)),
    ("blei", "p l ul i ui", Form::Branch(Relation::Le, Imm)),
    ("bgtr", "p l ul i ui f d", Form::Branch(Relation::Gt, Reg)),
    ("bgti", "p l ul i ui", Form::Branch(Relation::Gt, Imm)),
    ("bger", "p l ul i ui f d", Form::Branch(Relation::Ge, Reg)),
    ("bgei", "p l ul i ui", Form::Branch(Relation::Ge, Imm)),
    ("beqr", "p l ul i ui f d", Form::Branch(Relation::Eq, Reg)),
    ("beqi", "p l ul i ui", Form::Branch(Relation::Eq, Imm)),
    ("bner", "p l ul i ui f d", Form::Branch(Relation::Ne, Reg)),
    ("bnei", "p l ul i ui", Form::Branch(Relation::Ne, Imm)),
    ("bunltr", "f d", Form::Branch(Relation::Unlt, Reg)),
    ("bunler", "f d", Form::Branch(Relation::Unle, Reg)),
    ("bungtr", "f d", Form::Branch(Relation::Ungt, Reg)),
    ("bunger", "f d", Form::Branch(Relation::Unge, Reg)),
    ("buneqr", "f d", Form::Branch(Relation::Uneq, Reg)),
    ("bltgtr", "f d", Form::Branch(Relation::Ltgt, Reg)),
    ("bordr", "f d", Form::Branch(Relation::Ord, Reg)),
    ("bunordr", "f d", Form::Branch(Relation::Unord, Reg)),
    ("bmsr", "i ui l ul", Form::BranchBits(true, Reg)),
    ("bmsi", "i ui l ul", Form::BranchBits(true, Imm)),
    ("bmcr", "i ui l ul", Form::BranchBits(false, Reg)),
    ("bmci", "i ui l ul", Form::BranchBits(false, Imm)),
    ("boaddr", "i ui l ul", Form::BranchOverflow(Alu::Add, Reg)),
    ("boaddi", "i ui l ul", Form::BranchOverflow(Alu::Add, Imm)),
    ("bosubr", "i ui l ul", Form::BranchOverflow(Alu::Sub, Reg)),
    ("bosubi", "i ui l ul", Form::BranchOverflow(Alu::Sub, Imm)),
    ("calli", "", Form::Call),
    ("finish", "", Form::Call),
    ("callr", "", Form::CallReg),
    ("finishr", "", Form::CallReg),
    ("jmpi", "", Form::Jump),
    ("jmpr", "", Form::JumpReg),
    ("ret", "", Form::Ret),
    ("prolog", "", Form::Prolog),
    ("leaf", "", Form::Prolog),
    ("allocai", "", Form::Alloca),
    ("get_label", "", Form::GetLabel),
    ("forward", "", Form::Forward),
    ("entry", "", Form::Entry),
    ("patch", "", Form::Patch),
    ("patch_at", "", Form::PatchAt),
    ("patch_movi", "", Form::PatchMovi),
    ("assign", "i", Form::AssignInt),
    ("assign", "l", Form::AssignLabel),
    ("assign", "r", Form::AssignReg),
];

/// What an operand is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// An integer register that is written.
    Write,
    /// An integer register that is read.
    Read,
    /// An integer register that is read and written.
    Update,
    /// A float register that is written.
    FloatWrite,
    /// A float register that is read.
    FloatRead,
    /// An integer immediate of this type.
    Int(Ty),
    /// An address as immediate.
    Pointer,
    /// A float immediate.
    Float,
    /// A label of this function.
    Label,
    /// A function.
    Callee,
    /// A label or an address.
    LabelOrPointer,
    /// What a branch has given.
    Site,
    /// What `arg` has given.
    Handle,
    /// An integer, or a float, which `assign_i` keeps as well.
    Number,
    /// Whatever `assign_l` keeps: labels and addresses.
    Target,
    /// A register of either kind.
    AnyRegister,
}

/// What `=>` can keep of an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gives {
    Nothing,
    Int,
    Label,
}

/// One instruction of the table.
#[derive(Debug)]
pub struct Instruction {
    pub mnemonic: String,
    pub form: Form,
    /// The type; of conversions, the source's. Of instructions without type, `L`.
    pub ty: Ty,
    /// The type that a conversion gives; else the same.
    pub to: Ty,
    /// What the operands are to be, in order.
    pub operands: Vec<Class>,
}

impl Instruction {
    fn new(mnemonic: String, form: Form, ty: Ty, to: Ty) -> Instruction {
        Instruction { mnemonic, form, ty, to, operands: operands(form, ty, to) }
    }

    /// Whether it has a target that can be given later: a branch, or `movi_p`.
    pub fn leads(&self) -> bool {
        match self.form {
            Form::Branch(..) | Form::BranchBits(..) | Form::BranchOverflow(..) | Form::Jump => true,
            Form::Mov(Imm) => self.ty == Ty::P,
            _ => false,
        }
    }

    /// What it gives at assembly time.
    pub fn gives(&self) -> Gives {
        match self.form {
            Form::Arg | Form::Alloca | Form::AssignInt => Gives::Int,
            Form::GetLabel | Form::Forward | Form::Entry | Form::AssignLabel => Gives::Label,
            _ if self.leads() => Gives::Label,
            _ => Gives::Nothing,
        }
    }
}

/// What the operands of an instruction are to be.
fn operands(form: Form, ty: Ty, to: Ty) -> Vec<Class> {
    use Class::*;
    let imm = if ty == Ty::P { Pointer } else { Int(ty) };
    let (write, read) = registers(ty);
    let last = |last: Last| if last == Imm { imm } else { read };
    let address = |address: Address| match address {
        Address::Reg => vec![Read],
        Address::Imm => vec![Pointer],
        Address::RegReg => vec![Read, Read],
        Address::RegImm => vec![Read, Int(Ty::L)],
    };
    match form {
        Form::Alu(_, l) => vec![write, read, last(l)],
        Form::Neg | Form::Not => vec![write, read],
        Form::Compare(_, l) => vec![Write, read, last(l)],
        Form::Mov(Reg) => vec![write, read],
        Form::Mov(Imm) if ty.is_float() => vec![write, Float],
        Form::Mov(Imm) if ty == Ty::P => vec![write, LabelOrPointer],
        Form::Mov(Imm) => vec![write, imm],
        Form::Extend | Form::ToInt(_) => vec![registers(to).0, read],
        Form::Swap => vec![Write, Read],
        Form::Load(a) => [vec![write], address(a)].concat(),
        Form::Store(Address::RegImm) => vec![Int(Ty::L), Read, read],
        Form::Store(a) => [address(a), vec![read]].concat(),
        Form::Prepare | Form::Prolog | Form::Alloca => vec![Int(Ty::I)],
        Form::PushArg => vec![read],
        Form::GetArg => vec![write, Handle],
        Form::RetVal => vec![write],
        Form::Branch(_, l) => vec![Label, read, last(l)],
        Form::BranchBits(_, l) => vec![Label, Read, last(l)],
        Form::BranchOverflow(_, l) => vec![Label, Update, last(l)],
        Form::Call => vec![Callee],
        Form::CallReg | Form::JumpReg => vec![Read],
        Form::Jump => vec![Label],
        Form::Arg | Form::Ret | Form::GetLabel | Form::Forward | Form::Entry => vec![],
        Form::Patch => vec![Site],
        Form::PatchAt => vec![Site, Label],
        Form::PatchMovi => vec![Site, Target],
        Form::AssignInt => vec![Number],
        Form::AssignLabel => vec![Target],
        Form::AssignReg => vec![AnyRegister],
    }
}

/// The classes of a register of this type that is written, and of one that is read.
fn registers(ty: Ty) -> (Class, Class) {
    if ty.is_float() { (Class::FloatWrite, Class::FloatRead) } else { (Class::Write, Class::Read) }
}

/// An instruction by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opcode(u16);

struct Table {
    instructions: Vec<Instruction>,
    numbers: HashMap<String, Opcode>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut instructions = Vec::with_capacity(580);
    for &(stem, suffixes, form) in ROWS {
        if suffixes.is_empty() {
            instructions.push(Instruction::new(stem.into(), form, Ty::L, Ty::L));
        }
        for suffix in suffixes.split_ascii_whitespace() {
            let (from, to) = suffix.split_once('_').unwrap_or((suffix, suffix));
            let ty = |name| Ty::from_name(name).unwrap_or(Ty::L);
            instructions.push(Instruction::new(format!("{stem}_{suffix}"), form, ty(from), ty(to)));
        }
    }
    let numbers = instructions.iter().zip(0..).map(|(i, n)| (i.mnemonic.clone(), Opcode(n))).collect();
    Table { instructions, numbers }
});

impl Opcode {
    /// The opcode of a whole mnemonic.
    pub fn find(mnemonic: &str) -> Option<Opcode> {
        TABLE.numbers.get(mnemonic).copied()
    }

    /// The opcode with this number.
    pub fn from_number(number: u16) -> Option<Opcode> {
        ((number as usize) < TABLE.instructions.len()).then_some(Opcode(number))
    }

    pub fn number(self) -> u16 {
        self.0
    }

    pub fn get(self) -> &'static Instruction {
        &TABLE.instructions[self.0 as usize]
    }

    pub fn mnemonic(self) -> &'static str {
        &self.get().mnemonic
    }
}

/// Every instruction, in the order of the opcodes.
pub fn all() -> &'static [Instruction] {
    &TABLE.instructions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_are_those_of_the_reference() {
        assert_eq!(all().len(), 580);
        for (mnemonic, number) in [
            ("addr_ui", 0),
            ("addr_f", 6),
            ("addi_i", 11),
            ("addxr_ui", 12),
            ("addci_i", 27),
            ("rsbr_p", 62),
            ("rsbi_l", 67),
            ("mulr_d", 73),
            ("hmulr_l", 78),
            ("divi_ui", 95),
            ("rshi_ui", 143),
            ("negr_i", 144),
            ("notr_ul", 155),
            ("nei_p", 227),
            ("unordr_d", 243),
            ("movi_i", 251),
            ("movi_d", 257),
            ("extr_c_ui", 258),
            ("extr_i_d", 285),
            ("roundr_f_i", 286),
            ("ceilr_d_l", 301),
            ("ntoh_us", 305),
            ("ldr_c", 306),
            ("ldxi_d", 349),
            ("str_c", 350),
            ("stxi_d", 393),
            ("prepare_i", 394),
            ("pusharg_ui", 401),
            ("pusharg_i", 404),
            ("getarg_i", 409),
            ("getarg_ui", 414),
            ("arg_i", 423),
            ("arg_ui", 424),
            ("retval_i", 434),
            ("retval_d", 440),
            ("blti_i", 451),
            ("blti_ui", 452),
            ("bnei_ui", 512),
            ("bunltr_f", 513),
            ("bunordr_d", 528),
            ("bmsr_i", 529),
            ("bosubi_ul", 560),
            ("calli", 561),
            ("finish", 562),
            ("finishr", 564),
            ("jmpi", 565),
            ("ret", 567),
            ("prolog", 568),
            ("allocai", 570),
            ("entry", 573),
            ("patch", 574),
            ("patch_movi", 576),
            ("assign_i", 577),
            ("assign_r", 579),
        ] {
            assert_eq!(Opcode::find(mnemonic).map(Opcode::number), Some(number), "{mnemonic}");
        }
    }

    #[test]
    fn mnemonics_are_unique_and_suffixes_are_types() {
        assert_eq!(TABLE.numbers.len(), 580);
        for &(_, suffixes, form) in ROWS {
            if form != Form::AssignReg {
                for part in suffixes.split([' ', '_']).filter(|part| !part.is_empty()) {
                    assert!(Ty::from_name(part).is_some(), "{part}");
                }
            }
        }
    }
}
