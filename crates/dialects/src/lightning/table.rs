//! The instructions: one row per family of mnemonics. Operand classes, what is read and written, and the meaning that
//! the translation gives them all come from here.
//!
//! A family's mnemonics are its stem, then `r` or `i` if it has a register and an immediate form, then each suffix of its
//! list. Its operands are letters, in the order in which they are written:
//!
//! | letter | operand |
//! |---|---|
//! | `R` `r` `M` | an integer register that is written, read, both |
//! | `F` `f` | a float register of the suffix's type, written, read |
//! | `S` `s` `D` `d` | one that holds a `float`, a `double` |
//! | `Q` `q` | a register of the suffix's class, written, read |
//! | `Y` `y` | a float register whose type the size operand says, written, read |
//! | `i` `n` `p` `X` | an integer; a float; an address; an integer or a code label |
//! | `*` `~` `%` | as `r`, `f`, `q` in the register form, `i`, `n`, the fitting one of these in the immediate form |
//! | `L` `T` | a code label to jump to; something to call |
//! | `v` `V` | a parameter's handle; a variable that gets a value |
//! | `a` `N` | any register; a name |

use super::live;
use crate::names::Names;
use kiln_ir::{Cond, FCond, Op};
use std::sync::LazyLock;

/// The type that a suffix stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ty {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    Word,
    F32,
    F64,
}

impl Ty {
    pub const fn is_float(self) -> bool {
        matches!(self, Ty::F32 | Ty::F64)
    }
}

/// What an instruction does. Ops of the IR are named where an instruction is one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Meaning {
    /// An op with two operands.
    Binary(Op),
    /// A shift or rotation, the count taken modulo the word's width.
    Shift(Op),
    ReverseSubtract,
    /// Sum or difference with carry; `chained` takes the carry in.
    Carry {
        op: Op,
        chained: bool,
    },
    /// The high word of a product.
    HighProduct(Op),
    /// Both words of a product.
    Product(Op),
    Divide(Op),
    /// Remainder; the op is the division.
    Remainder(Op),
    /// Quotient and remainder.
    DivideBoth(Op),
    /// A shift of a word into two; the direction of the first result, and the op of the one that goes right.
    ShiftBoth {
        left: bool,
        right: Op,
    },
    /// An op with one operand.
    Unary(Op),
    /// The same of the inverted operand.
    OfInverse(Op),
    /// The lowest bytes in reverse order.
    SwapBytes,
    Extend,
    Move,
    Extract(Op),
    Deposit,
    Compare(Cond),
    /// Moves if the last operand compares so with 0.
    MoveIf(Cond),
    CompareAndSwap,
    FloatBinary(Op),
    FloatReverseSubtract,
    FloatUnary(Op),
    FloatMove,
    /// Product and sum.
    FloatFused(Op),
    FloatCompare(FCond),
    /// A word to a float.
    FromWord,
    /// Between the float types.
    Resize(Op),
    /// A float to a word.
    ToWord,
    /// A float to the low half of a word.
    ToHalfWord,
    FloatToBits,
    BitsToFloat,
    Load,
    LoadAt,
    /// Base and distance.
    LoadIndexed,
    /// The base is moved before or behind the access.
    LoadMoving {
        before: bool,
    },
    Store,
    StoreAt,
    StoreIndexed,
    StoreMoving {
        before: bool,
    },
    /// So many bytes, signed or not.
    LoadBytes {
        signed: bool,
    },
    StoreBytes,
    LoadFloatBytes,
    StoreFloatBytes,
    Branch(Cond),
    FloatBranch(FCond),
    /// Adds or subtracts, and jumps depending on whether that overflowed.
    BranchOverflow {
        op: Op,
        on_overflow: bool,
    },
    Jump,
    JumpTo,
    Prolog,
    Epilog,
    Frame,
    Tramp,
    Arg,
    GetArg,
    PutArg,
    Prepare,
    PushArg,
    Ellipsis,
    /// `calli` and `callr`.
    Call,
    /// `finishi` and `finishr`.
    Finish,
    ReturnValueOfCall,
    Return,
    ReturnValue,
    VaStart,
    VaArg,
    VaPush,
    VaEnd,
    AllocateFixed,
    Allocate,
    /// No code: the translation knows by itself, or it cannot be observed.
    Nothing,
    Name,
    /// The next code begins at a multiple.
    Align,
    /// Bytes of code that do nothing.
    Skip,
}

/// Which forms a family has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Forms {
    /// One, without a letter.
    Plain,
    /// `r`.
    Register,
    /// `i`.
    Immediate,
    /// `r` and `i`.
    Both,
}

use Forms::{Both, Immediate, Plain, Register};

type Suffixes = &'static [(&'static str, Ty)];

const NO: Suffixes = &[("", Ty::Word)];
const U: Suffixes = &[("_u", Ty::Word)];
const FD: Suffixes = &[("_f", Ty::F32), ("_d", Ty::F64)];
const LOADED: Suffixes = &[
    ("_c", Ty::I8),
    ("_uc", Ty::U8),
    ("_s", Ty::I16),
    ("_us", Ty::U16),
    ("_i", Ty::I32),
    ("_ui", Ty::U32),
    ("_l", Ty::Word),
    ("", Ty::Word),
    ("_f", Ty::F32),
    ("_d", Ty::F64),
];
const STORED: Suffixes = &[
    ("_c", Ty::I8),
    ("_s", Ty::I16),
    ("_i", Ty::I32),
    ("_l", Ty::Word),
    ("", Ty::Word),
    ("_f", Ty::F32),
    ("_d", Ty::F64),
];
const EXTENDED: Suffixes =
    &[("_c", Ty::I8), ("_uc", Ty::U8), ("_s", Ty::I16), ("_us", Ty::U16), ("_i", Ty::I32), ("_ui", Ty::U32)];
const SWAPPED: Suffixes = &[("_us", Ty::U16), ("_ui", Ty::U32), ("_ul", Ty::Word), ("", Ty::Word)];
const BITS: Suffixes = &[("_f_w", Ty::F32), ("_d_w", Ty::F64)];
const OF_BITS: Suffixes = &[("_w_f", Ty::F32), ("_w_d", Ty::F64)];
const TRUNCATED: Suffixes = &[("_f", Ty::F32), ("_d", Ty::F64), ("_f_l", Ty::F32), ("_d_l", Ty::F64)];
const TRUNCATED_HALF: Suffixes = &[("_f_i", Ty::F32), ("_d_i", Ty::F64)];

type Family = (&'static str, Forms, Suffixes, &'static str, Meaning);

#[rustfmt::skip]
const FAMILIES: &[Family] = &[
    // Integers.
    ("add",    Both, NO, "Rr*",   Meaning::Binary(Op::Add)),
    ("sub",    Both, NO, "Rr*",   Meaning::Binary(Op::Sub)),
    ("rsb",    Both, NO, "Rr*",   Meaning::ReverseSubtract),
    ("mul",    Both, NO, "Rr*",   Meaning::Binary(Op::Mul)),
    ("and",    Both, NO, "Rr*",   Meaning::Binary(Op::And)),
    ("or",     Both, NO, "Rr*",   Meaning::Binary(Op::Or)),
    ("xor",    Both, NO, "Rr*",   Meaning::Binary(Op::Xor)),
    ("addc",   Both, NO, "Rr*",   Meaning::Carry { op: Op::AddCarry, chained: false }),
    ("addx",   Both, NO, "Rr*",   Meaning::Carry { op: Op::AddCarry, chained: true }),
    ("subc",   Both, NO, "Rr*",   Meaning::Carry { op: Op::SubBorrow, chained: false }),
    ("subx",   Both, NO, "Rr*",   Meaning::Carry { op: Op::SubBorrow, chained: true }),
    ("hmul",   Both, NO, "Rr*",   Meaning::HighProduct(Op::SmulWide)),
    ("hmul",   Both, U,  "Rr*",   Meaning::HighProduct(Op::UmulWide)),
    ("div",    Both, NO, "Rr*",   Meaning::Divide(Op::Sdiv)),
    ("div",    Both, U,  "Rr*",   Meaning::Divide(Op::Udiv)),
    ("rem",    Both, NO, "Rr*",   Meaning::Remainder(Op::Sdiv)),
    ("rem",    Both, U,  "Rr*",   Meaning::Remainder(Op::Udiv)),
    ("lsh",    Both, NO, "Rr*",   Meaning::Shift(Op::Shl)),
    ("rsh",    Both, NO, "Rr*",   Meaning::Shift(Op::Ashr)),
    ("rsh",    Both, U,  "Rr*",   Meaning::Shift(Op::Lshr)),
    ("lrot",   Both, NO, "Rr*",   Meaning::Shift(Op::Rotl)),
    ("rrot",   Both, NO, "Rr*",   Meaning::Shift(Op::Rotr)),
    ("qmul",   Both, NO, "RRr*",  Meaning::Product(Op::SmulWide)),
    ("qmul",   Both, U,  "RRr*",  Meaning::Product(Op::UmulWide)),
    ("qdiv",   Both, NO, "RRr*",  Meaning::DivideBoth(Op::Sdiv)),
    ("qdiv",   Both, U,  "RRr*",  Meaning::DivideBoth(Op::Udiv)),
    ("qlsh",   Both, NO, "RRr*",  Meaning::ShiftBoth { left: true, right: Op::Ashr }),
    ("qlsh",   Both, U,  "RRr*",  Meaning::ShiftBoth { left: true, right: Op::Lshr }),
    ("qrsh",   Both, NO, "RRr*",  Meaning::ShiftBoth { left: false, right: Op::Ashr }),
    ("qrsh",   Both, U,  "RRr*",  Meaning::ShiftBoth { left: false, right: Op::Lshr }),
    ("neg",    Both, NO, "R*",    Meaning::Unary(Op::Neg)),
    ("com",    Both, NO, "R*",    Meaning::Unary(Op::Not)),
    ("clz",    Both, NO, "R*",    Meaning::Unary(Op::Clz)),
    ("clo",    Both, NO, "R*",    Meaning::OfInverse(Op::Clz)),
    ("ctz",    Both, NO, "R*",    Meaning::Unary(Op::Ctz)),
    ("cto",    Both, NO, "R*",    Meaning::OfInverse(Op::Ctz)),
    ("rbit",   Both, NO, "R*",    Meaning::Unary(Op::Bitrev)),
    ("popcnt", Both, NO, "R*",    Meaning::Unary(Op::Popcnt)),
    ("bswap",  Both, SWAPPED, "R*", Meaning::SwapBytes),
    ("hton",   Both, SWAPPED, "R*", Meaning::SwapBytes),
    ("ntoh",   Both, SWAPPED, "R*", Meaning::SwapBytes),
    ("ext",    Both, EXTENDED, "R*", Meaning::Extend),
    ("mov",    Register, NO, "Rr", Meaning::Move),
    ("mov",    Immediate, NO, "RX", Meaning::Move),
    ("ext",    Both, NO, "R*ii",  Meaning::Extract(Op::Sbits)),
    ("ext",    Both, U,  "R*ii",  Meaning::Extract(Op::Ubits)),
    ("dep",    Both, NO, "M*ii",  Meaning::Deposit),
    ("lt",     Both, NO, "Rr*",   Meaning::Compare(Cond::Lt)),
    ("lt",     Both, U,  "Rr*",   Meaning::Compare(Cond::Ult)),
    ("le",     Both, NO, "Rr*",   Meaning::Compare(Cond::Le)),
    ("le",     Both, U,  "Rr*",   Meaning::Compare(Cond::Ule)),
    ("eq",     Both, NO, "Rr*",   Meaning::Compare(Cond::Eq)),
    ("ge",     Both, NO, "Rr*",   Meaning::Compare(Cond::Ge)),
    ("ge",     Both, U,  "Rr*",   Meaning::Compare(Cond::Uge)),
    ("gt",     Both, NO, "Rr*",   Meaning::Compare(Cond::Gt)),
    ("gt",     Both, U,  "Rr*",   Meaning::Compare(Cond::Ugt)),
    ("ne",     Both, NO, "Rr*",   Meaning::Compare(Cond::Ne)),
    ("movn",   Register, NO, "Mrr", Meaning::MoveIf(Cond::Ne)),
    ("movz",   Register, NO, "Mrr", Meaning::MoveIf(Cond::Eq)),
    ("cas",    Both, NO, "R*rr",  Meaning::CompareAndSwap),
    // Floats.
    ("add",    Both, FD, "Ff~",   Meaning::FloatBinary(Op::Fadd)),
    ("sub",    Both, FD, "Ff~",   Meaning::FloatBinary(Op::Fsub)),
    ("rsb",    Both, FD, "Ff~",   Meaning::FloatReverseSubtract),
    ("mul",    Both, FD, "Ff~",   Meaning::FloatBinary(Op::Fmul)),
    ("div",    Both, FD, "Ff~",   Meaning::FloatBinary(Op::Fdiv)),
    ("neg",    Both, FD, "F~",    Meaning::FloatUnary(Op::Fneg)),
    ("abs",    Both, FD, "F~",    Meaning::FloatUnary(Op::Fabs)),
    ("sqrt",   Both, FD, "F~",    Meaning::FloatUnary(Op::Fsqrt)),
    ("mov",    Both, FD, "F~",    Meaning::FloatMove),
    ("fma",    Both, FD, "Fff~",  Meaning::FloatFused(Op::Fma)),
    ("fms",    Both, FD, "Fff~",  Meaning::FloatFused(Op::Fms)),
    // The names cross: with `fnma` here the sum is subtracted too.
    ("fnma",   Both, FD, "Fff~",  Meaning::FloatFused(Op::Fnms)),
    ("fnms",   Both, FD, "Fff~",  Meaning::FloatFused(Op::Fnma)),
    ("lt",     Both, FD, "Rf~",   Meaning::FloatCompare(FCond::Lt)),
    ("le",     Both, FD, "Rf~",   Meaning::FloatCompare(FCond::Le)),
    ("eq",     Both, FD, "Rf~",   Meaning::FloatCompare(FCond::Eq)),
    ("ge",     Both, FD, "Rf~",   Meaning::FloatCompare(FCond::Ge)),
    ("gt",     Both, FD, "Rf~",   Meaning::FloatCompare(FCond::Gt)),
    ("ne",     Both, FD, "Rf~",   Meaning::FloatCompare(FCond::Ne)),
    ("unlt",   Both, FD, "Rf~",   Meaning::FloatCompare(FCond::Ult)),
    ("unle",   Both, FD, "Rf~",   Meaning::FloatCompare(FCond::Ule)),
    ("uneq",   Both, FD, "Rf~",   Meaning::FloatCompare(FCond::Ueq)),
    ("unge",   Both, FD, "Rf~",   Meaning::FloatCompare(FCond::Uge)),
    ("ungt",   Both, FD, "Rf~",   Meaning::FloatCompare(FCond::Ugt)),
    ("ltgt",   Both, FD, "Rf~",   Meaning::FloatCompare(FCond::Ltgt)),
    ("ord",    Both, FD, "Rf~",   Meaning::FloatCompare(FCond::Ord)),
    ("unord",  Both, FD, "Rf~",   Meaning::FloatCompare(FCond::Unord)),
    ("ext",    Register, FD, "Fr", Meaning::FromWord),
    ("extr_f_d", Plain, NO, "Ds", Meaning::Resize(Op::Fpromote)),
    ("extr_d_f", Plain, NO, "Sd", Meaning::Resize(Op::Fdemote)),
    ("trunc",  Register, TRUNCATED, "Rf", Meaning::ToWord),
    ("trunc",  Register, TRUNCATED_HALF, "Rf", Meaning::ToHalfWord),
    ("mov",    Both, BITS, "R~",  Meaning::FloatToBits),
    ("mov",    Both, OF_BITS, "F*", Meaning::BitsToFloat),
    // Memory.
    ("ld",     Register, LOADED, "Qr", Meaning::Load),
    ("ld",     Immediate, LOADED, "Qp", Meaning::LoadAt),
    ("ldx",    Both, LOADED, "Qr*", Meaning::LoadIndexed),
    ("ldxb",   Both, LOADED, "QM*", Meaning::LoadMoving { before: true }),
    ("ldxa",   Both, LOADED, "QM*", Meaning::LoadMoving { before: false }),
    ("st",     Register, STORED, "rq", Meaning::Store),
    ("st",     Immediate, STORED, "pq", Meaning::StoreAt),
    ("stx",    Both, STORED, "*rq", Meaning::StoreIndexed),
    ("stxb",   Both, STORED, "*Mq", Meaning::StoreMoving { before: true }),
    ("stxa",   Both, STORED, "*Mq", Meaning::StoreMoving { before: false }),
    ("unld",   Both, NO, "R*i",   Meaning::LoadBytes { signed: true }),
    ("unld",   Both, U,  "R*i",   Meaning::LoadBytes { signed: false }),
    ("unst",   Both, NO, "*ri",   Meaning::StoreBytes),
    ("unld",   Both, &[("_x", Ty::F64)], "Y*i", Meaning::LoadFloatBytes),
    ("unst",   Both, &[("_x", Ty::F64)], "*yi", Meaning::StoreFloatBytes),
    // Branches.
    ("blt",    Both, NO, "Lr*",   Meaning::Branch(Cond::Lt)),
    ("blt",    Both, U,  "Lr*",   Meaning::Branch(Cond::Ult)),
    ("ble",    Both, NO, "Lr*",   Meaning::Branch(Cond::Le)),
    ("ble",    Both, U,  "Lr*",   Meaning::Branch(Cond::Ule)),
    ("beq",    Both, NO, "Lr*",   Meaning::Branch(Cond::Eq)),
    ("bge",    Both, NO, "Lr*",   Meaning::Branch(Cond::Ge)),
    ("bge",    Both, U,  "Lr*",   Meaning::Branch(Cond::Uge)),
    ("bgt",    Both, NO, "Lr*",   Meaning::Branch(Cond::Gt)),
    ("bgt",    Both, U,  "Lr*",   Meaning::Branch(Cond::Ugt)),
    ("bne",    Both, NO, "Lr*",   Meaning::Branch(Cond::Ne)),
    ("bms",    Both, NO, "Lr*",   Meaning::Branch(Cond::Any)),
    ("bmc",    Both, NO, "Lr*",   Meaning::Branch(Cond::None)),
    ("boadd",  Both, NO, "LM*",   Meaning::BranchOverflow { op: Op::SaddOvf, on_overflow: true }),
    ("boadd",  Both, U,  "LM*",   Meaning::BranchOverflow { op: Op::UaddOvf, on_overflow: true }),
    ("bxadd",  Both, NO, "LM*",   Meaning::BranchOverflow { op: Op::SaddOvf, on_overflow: false }),
    ("bxadd",  Both, U,  "LM*",   Meaning::BranchOverflow { op: Op::UaddOvf, on_overflow: false }),
    ("bosub",  Both, NO, "LM*",   Meaning::BranchOverflow { op: Op::SsubOvf, on_overflow: true }),
    ("bosub",  Both, U,  "LM*",   Meaning::BranchOverflow { op: Op::UsubOvf, on_overflow: true }),
    ("bxsub",  Both, NO, "LM*",   Meaning::BranchOverflow { op: Op::SsubOvf, on_overflow: false }),
    ("bxsub",  Both, U,  "LM*",   Meaning::BranchOverflow { op: Op::UsubOvf, on_overflow: false }),
    ("blt",    Both, FD, "Lf~",   Meaning::FloatBranch(FCond::Lt)),
    ("ble",    Both, FD, "Lf~",   Meaning::FloatBranch(FCond::Le)),
    ("beq",    Both, FD, "Lf~",   Meaning::FloatBranch(FCond::Eq)),
    ("bge",    Both, FD, "Lf~",   Meaning::FloatBranch(FCond::Ge)),
    ("bgt",    Both, FD, "Lf~",   Meaning::FloatBranch(FCond::Gt)),
    ("bne",    Both, FD, "Lf~",   Meaning::FloatBranch(FCond::Ne)),
    ("bunlt",  Both, FD, "Lf~",   Meaning::FloatBranch(FCond::Ult)),
    ("bunle",  Both, FD, "Lf~",   Meaning::FloatBranch(FCond::Ule)),
    ("buneq",  Both, FD, "Lf~",   Meaning::FloatBranch(FCond::Ueq)),
    ("bunge",  Both, FD, "Lf~",   Meaning::FloatBranch(FCond::Uge)),
    ("bungt",  Both, FD, "Lf~",   Meaning::FloatBranch(FCond::Ugt)),
    ("bltgt",  Both, FD, "Lf~",   Meaning::FloatBranch(FCond::Ltgt)),
    ("bord",   Both, FD, "Lf~",   Meaning::FloatBranch(FCond::Ord)),
    ("bunord", Both, FD, "Lf~",   Meaning::FloatBranch(FCond::Unord)),
    ("jmp",    Immediate, NO, "L", Meaning::Jump),
    ("jmp",    Register, NO, "r", Meaning::JumpTo),
    // Functions and calls.
    ("prolog", Plain, NO, "",     Meaning::Prolog),
    ("epilog", Plain, NO, "",     Meaning::Epilog),
    ("frame",  Plain, NO, "i",    Meaning::Frame),
    ("tramp",  Plain, NO, "i",    Meaning::Tramp),
    ("arg",    Plain, STORED, "V", Meaning::Arg),
    ("getarg", Plain, LOADED, "Qv", Meaning::GetArg),
    ("putarg", Both, LOADED, "%v", Meaning::PutArg),
    ("prepare", Plain, NO, "",    Meaning::Prepare),
    ("pusharg", Both, LOADED, "%", Meaning::PushArg),
    ("ellipsis", Plain, NO, "",   Meaning::Ellipsis),
    ("call",   Immediate, NO, "T", Meaning::Call),
    ("call",   Register, NO, "r", Meaning::Call),
    ("finish", Immediate, NO, "T", Meaning::Finish),
    ("finish", Register, NO, "r", Meaning::Finish),
    ("retval", Plain, LOADED, "Q", Meaning::ReturnValueOfCall),
    ("ret",    Plain, NO, "",     Meaning::Return),
    ("ret",    Both, LOADED, "%", Meaning::ReturnValue),
    ("va_start", Plain, NO, "R",  Meaning::VaStart),
    ("va_arg", Plain, NO, "Rr",   Meaning::VaArg),
    ("va_arg_d", Plain, NO, "Dr", Meaning::VaArg),
    ("va_push", Plain, NO, "r",   Meaning::VaPush),
    ("va_end", Plain, NO, "r",    Meaning::VaEnd),
    ("allocai", Plain, NO, "iV",  Meaning::AllocateFixed),
    ("allocar", Plain, NO, "Rr",  Meaning::Allocate),
    ("live",   Plain, NO, "a",    Meaning::Nothing),
    ("align",  Plain, NO, "i",    Meaning::Align),
    ("skip",   Plain, NO, "i",    Meaning::Skip),
    ("name",   Plain, NO, "N",    Meaning::Name),
];

/// One mnemonic.
#[derive(Clone, Debug)]
pub struct Row {
    /// As it is written.
    pub name: String,
    /// Letters, with the form's own in the place of `*`, `~`, `%`, `Q` and `q`.
    pub operands: Box<[u8]>,
    /// What it does.
    pub meaning: Meaning,
    /// The suffix's type.
    pub ty: Ty,
    /// The operands that are registers.
    pub registers: Box<[Mention]>,
    /// Whether all its instructions are among the program's landmarks.
    pub is_landmark: bool,
}

/// An operand of a mnemonic that is a register.
#[derive(Clone, Copy, Debug)]
pub struct Mention {
    /// Which operand.
    pub place: u8,
    /// The first bit of its class in sets of registers; nothing if the size operand says which that is.
    pub first: Option<u8>,
    pub is_read: bool,
    pub is_written: bool,
}

impl Row {
    fn new(name: String, operands: Box<[u8]>, meaning: Meaning, ty: Ty) -> Row {
        let own = if ty == Ty::F32 { live::F32 } else { live::F64 };
        let register = |(place, class): (usize, &u8)| {
            let first = match class {
                b'R' | b'r' | b'M' => Some(0),
                b'S' | b's' => Some(live::F32),
                b'D' | b'd' => Some(live::F64),
                b'F' | b'f' => Some(own),
                b'Y' | b'y' => None,
                _ => return None,
            };
            let is_written = class.is_ascii_uppercase();
            let is_read = !is_written || *class == b'M';
            Some(Mention { place: place as u8, first: first.map(|bit| bit as u8), is_read, is_written })
        };
        let registers = operands.iter().enumerate().filter_map(register).collect();
        let is_landmark = operands.iter().any(|class| matches!(class, b'L' | b'T' | b'v'))
            || matches!(
                meaning,
                Meaning::JumpTo
                    | Meaning::Prolog
                    | Meaning::Epilog
                    | Meaning::Prepare
                    | Meaning::PushArg
                    | Meaning::VaPush
                    | Meaning::Call
                    | Meaning::Finish
                    | Meaning::ReturnValueOfCall
                    | Meaning::Return
                    | Meaning::ReturnValue
            );
        Row { name, operands, meaning, ty, registers, is_landmark }
    }
}

/// All mnemonics, and their places by name.
pub struct Table {
    rows: Vec<Row>,
    /// By the same places.
    names: Names,
}

impl Table {
    /// The place of a mnemonic.
    pub fn find(&self, name: &str) -> Option<u16> {
        self.names.find(name).map(|name| name.index() as u16)
    }

    /// The mnemonic at a place.
    pub fn row(&self, place: u16) -> &Row {
        &self.rows[place as usize]
    }

    /// All mnemonics, in the order of the families.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.name.as_str())
    }
}

/// The table, made on first use.
pub static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut rows = Vec::new();
    for (stem, forms, suffixes, operands, meaning) in FAMILIES {
        let letters: &[&str] = match forms {
            Plain => &[""],
            Register => &["r"],
            Immediate => &["i"],
            Both => &["r", "i"],
        };
        for letter in letters {
            for (suffix, ty) in *suffixes {
                let name = format!("{stem}{letter}{suffix}");
                let immediate = *letter == "i";
                let operands = operands.bytes().map(|class| form(class, immediate, ty.is_float())).collect();
                rows.push(Row::new(name, operands, *meaning, *ty));
            }
        }
    }
    let mut names = Names::default();
    rows.iter().for_each(|row| {
        names.intern(&row.name);
    });
    Table { rows, names }
});

/// The class of an operand in one form of its family.
fn form(class: u8, immediate: bool, float: bool) -> u8 {
    match (class, immediate, float) {
        (b'*', false, _) => b'r',
        (b'*', true, _) => b'i',
        (b'~', false, _) => b'f',
        (b'~', true, _) => b'n',
        (b'%', immediate, true) => form(b'~', immediate, true),
        (b'%', immediate, false) => form(b'*', immediate, false),
        (b'Q', _, true) => b'F',
        (b'Q', _, false) => b'R',
        (b'q', _, true) => b'f',
        (b'q', _, false) => b'r',
        _ => class,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_mnemonic_of_a_64_bit_word_is_there_once() {
        let names: HashSet<&str> = TABLE.names().collect();
        assert_eq!((TABLE.names().count(), names.len()), (623, 623));
    }
}
