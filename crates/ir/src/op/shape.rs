//! Operand shapes: which operands an op has, where its record keeps them, and the rule that each keeps. Text,
//! bytecode, verifier and builder follow the shapes and know no op by name.

use super::variant::Variants;

/// The shape of an op: which operands it has and where its record keeps them. See [`Shape::operands`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "`Shape::operands` is the definition")]
pub enum Shape {
    None,
    Nullary,
    Const,
    Unary,
    Binary,
    FBinary,
    Ternary,
    Select,
    Compare,
    FCompare,
    Pair,
    Carry,
    Overflow,
    OverflowUnary,
    Extract,
    Insert,
    Widen,
    Narrow,
    FromInt,
    ToInt,
    Promote,
    Demote,
    Bitcast,
    DataAddr,
    FuncAddr,
    LabelAddr,
    SlotAddr,
    Address,
    Load,
    Store,
    Prefetch,
    MemCopy,
    MemFill,
    AtomicLoad,
    AtomicStore,
    AtomicRmw,
    AtomicCas,
    Fence,
    Alloca,
    Jump,
    Branch,
    FBranch,
    Switch,
    JumpTo,
    Ret,
    Call,
    CallPtr,
    TailCall,
    TailCallPtr,
    Guard,
    FGuard,
    Exit,
    Safepoint,
    Trap,
    Pad,
    VaList,
    VaArg,
    VaCopy,
}

/// The part of a record, or the word of its tail, in which an operand stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// The `dst` word.
    Dst,
    /// The `a` word.
    A,
    /// The `b` word; its record has no tail.
    B,
    /// The word of the tail at this distance from its start.
    Tail(u8),
}

/// The type rule of a register operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The op's own type (its suffix).
    T,
    /// `i32`.
    I32,
    /// `i64`.
    I64,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `ptr`.
    Ptr,
    /// `i32` or `i64`.
    Int,
    /// `f32` or `f64`.
    Float,
    /// The type of the op's width but of the other class (integer, float).
    OtherClass,
}

/// What an operand is, in the order in which the text form writes operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A register that the op writes.
    Def(Kind),
    /// A register that the op reads.
    Use(Kind),
    /// A register that the op reads, or a 32-bit constant, sign-extended, if the record says [`crate::InstData::has_imm`].
    UseOrImm(Kind),
    /// The value that a store writes: a register, or for plain stores a constant if the record says so.
    StoreValue,
    /// A constant of the op's type: in `b` if it fits there, else in the tail.
    Const,
    /// A memory operand: base in `a`, then displacement in `b`, or index, scale and displacement in the tail.
    Mem,
    /// A signed 32-bit constant.
    Imm,
    /// A bit-field's place: `bit | width << 8`.
    BitRange,
    /// A block.
    Block,
    /// A block that must be marked cold.
    ColdBlock,
    /// A function or import of the module.
    Func,
    /// A data object of the module.
    Data,
    /// A stack slot of the function.
    Slot,
    /// A label set of the function.
    LabelSet,
    /// The number by which the host knows an exit or safepoint.
    ExitId,
    /// The number of a user's trap, 0 to 2^31 - 1.
    TrapCode,
    /// A number of bytes of code, 0 to 2^20.
    CodeBytes,
    /// A counted list of registers that the op reads.
    List,
    /// The default block, the number of cases, then value (low word, high word) and block of each.
    Cases,
    /// The results of a return: the first in `a`; if more than one, the tail counts and lists the others.
    Results,
    /// A call's results, arguments and signature: the first result in `dst`; in the tail signature, number of
    /// arguments, number of results, arguments, results but the first.
    CallList,
}

use Field::{A, B, Dst, Tail};
use Kind::{Float, I32, I64, Int, OtherClass, Ptr, T};
use Role::{
    BitRange, CallList, Cases, CodeBytes, ColdBlock, Const, Data, Def, ExitId, Func, Imm, List, Mem, Results,
    StoreValue, TrapCode, Use, UseOrImm,
};

impl Shape {
    /// The operands with their places, results first, then in the order of the text form.
    pub const fn operands(self) -> &'static [(Field, Role)] {
        match self {
            Shape::None | Shape::Fence => &[],
            Shape::Nullary => &[(Dst, Def(T))],
            Shape::Const => &[(Dst, Def(T)), (B, Const)],
            Shape::Unary => &[(Dst, Def(T)), (A, Use(T))],
            Shape::Binary => &[(Dst, Def(T)), (A, Use(T)), (B, UseOrImm(T))],
            Shape::FBinary => &[(Dst, Def(T)), (A, Use(T)), (B, Use(T))],
            Shape::Ternary => &[(Dst, Def(T)), (A, Use(T)), (Tail(0), Use(T)), (Tail(1), Use(T))],
            Shape::Select => &[(Dst, Def(T)), (A, Use(I32)), (Tail(0), Use(T)), (Tail(1), Use(T))],
            Shape::Compare => &[(Dst, Def(I32)), (A, Use(T)), (B, UseOrImm(T))],
            Shape::FCompare => &[(Dst, Def(I32)), (A, Use(T)), (B, Use(T))],
            Shape::Pair => &[(Dst, Def(T)), (Tail(1), Def(T)), (A, Use(T)), (Tail(0), UseOrImm(T))],
            Shape::Carry => &[
                (Dst, Def(T)),
                (Tail(2), Def(I32)),
                (A, Use(T)),
                (Tail(0), UseOrImm(T)),
                (Tail(1), Use(I32)),
            ],
            Shape::Overflow => &[(Dst, Def(T)), (A, Use(T)), (Tail(0), UseOrImm(T)), (Tail(1), ColdBlock)],
            Shape::OverflowUnary => &[(Dst, Def(T)), (A, Use(T)), (B, ColdBlock)],
            Shape::Extract => &[(Dst, Def(T)), (A, Use(T)), (B, BitRange)],
            Shape::Insert => &[(Dst, Def(T)), (A, Use(T)), (Tail(0), Use(T)), (Tail(1), BitRange)],
            Shape::Widen => &[(Dst, Def(T)), (A, Use(I32))],
            Shape::Narrow => &[(Dst, Def(T)), (A, Use(I64))],
            Shape::FromInt => &[(Dst, Def(T)), (A, Use(Int))],
            Shape::ToInt => &[(Dst, Def(T)), (A, Use(Float))],
            Shape::Promote => &[(Dst, Def(T)), (A, Use(Kind::F32))],
            Shape::Demote => &[(Dst, Def(T)), (A, Use(Kind::F64))],
            Shape::Bitcast => &[(Dst, Def(T)), (A, Use(OtherClass))],
            Shape::DataAddr => &[(Dst, Def(T)), (A, Data), (B, Imm)],
            Shape::FuncAddr => &[(Dst, Def(T)), (A, Func)],
            Shape::LabelAddr => &[(Dst, Def(T)), (A, Role::Block)],
            Shape::SlotAddr => &[(Dst, Def(T)), (A, Role::Slot), (B, Imm)],
            Shape::Address | Shape::Load | Shape::AtomicLoad => &[(Dst, Def(T)), (A, Mem)],
            Shape::Store | Shape::AtomicStore => &[(A, Mem), (Dst, StoreValue)],
            Shape::Prefetch => &[(A, Mem)],
            Shape::MemCopy => &[(A, Use(Ptr)), (Tail(0), Use(Ptr)), (Tail(1), UseOrImm(I64))],
            Shape::MemFill => &[(A, Use(Ptr)), (Tail(0), Use(I32)), (Tail(1), UseOrImm(I64))],
            Shape::AtomicRmw => &[(Dst, Def(T)), (A, Mem), (Tail(3), Use(T))],
            Shape::AtomicCas => &[(Dst, Def(T)), (A, Mem), (Tail(3), Use(T)), (Tail(4), Use(T))],
            Shape::Alloca => &[(Dst, Def(T)), (A, Use(I64)), (B, Imm)],
            Shape::Jump => &[(Dst, Role::Block)],
            Shape::Branch => &[(A, Use(T)), (B, UseOrImm(T)), (Dst, Role::Block)],
            Shape::FBranch => &[(A, Use(T)), (B, Use(T)), (Dst, Role::Block)],
            Shape::Switch => &[(A, Use(T)), (Tail(0), Cases)],
            Shape::JumpTo => &[(A, Use(Ptr)), (B, Role::LabelSet)],
            Shape::Ret => &[(A, Results)],
            Shape::Call => &[(A, Func), (Tail(0), CallList)],
            Shape::CallPtr => &[(A, Use(Ptr)), (Tail(0), CallList)],
            Shape::TailCall => &[(A, Func), (Tail(0), CallList)],
            Shape::TailCallPtr => &[(A, Use(Ptr)), (Tail(0), CallList)],
            Shape::Guard => &[(A, Use(T)), (Tail(0), UseOrImm(T)), (Tail(1), ExitId), (Tail(2), List)],
            Shape::FGuard => &[(A, Use(T)), (Tail(0), Use(T)), (Tail(1), ExitId), (Tail(2), List)],
            Shape::Exit | Shape::Safepoint => &[(A, ExitId), (Tail(0), List)],
            Shape::Trap => &[(B, TrapCode)],
            Shape::Pad => &[(B, CodeBytes)],
            Shape::VaList => &[(A, Use(Ptr))],
            Shape::VaArg => &[(Dst, Def(T)), (A, Use(Ptr))],
            Shape::VaCopy => &[(A, Use(Ptr)), (B, Use(Ptr))],
        }
    }

    /// Which variants the mnemonic's braces take.
    pub const fn variants(self) -> Variants {
        match self {
            Shape::Compare | Shape::Branch | Shape::Guard => Variants::Cond,
            Shape::FCompare | Shape::FBranch | Shape::FGuard => Variants::FCond,
            Shape::AtomicRmw => Variants::Rmw,
            _ => Variants::None,
        }
    }

    /// Whether the record carries a memory access type.
    pub const fn accesses(self) -> bool {
        matches!(
            self,
            Shape::Load
                | Shape::Store
                | Shape::AtomicLoad
                | Shape::AtomicStore
                | Shape::AtomicRmw
                | Shape::AtomicCas
        )
    }

    /// Whether the record carries a memory order.
    pub const fn ordered(self) -> bool {
        matches!(
            self,
            Shape::AtomicLoad | Shape::AtomicStore | Shape::AtomicRmw | Shape::AtomicCas | Shape::Fence
        )
    }
}
