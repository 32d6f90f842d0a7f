//! The op table: the one list of what the IR can say. The enum, the mnemonics, the bytecode numbers, the operand
//! shapes, the type rules, the effects, the traps and the reference page all come from it, and every match over
//! [`Op`] in the interpreter and the compilers is exhaustive, so that a new row does not build until each of them
//! has said what it does.
//!
//! A row reads: variant, number, builder method, mnemonic, shape, types of its suffix, effects, traps.
//! A mnemonic with `{}` is a family whose variant (a condition, a read-modify-write operation) fills the braces.

use crate::types::TypeSet;

/// Calls the given macro with every row of the op table.
#[macro_export]
macro_rules! for_each_op {
    ($with:path) => {
        $with! {
            // Constants, copies, addresses.
            /// Does nothing; keeps a place in the code.
            Nop 0x00 nop "nop" None NONE pure [];
            /// A constant of the suffix's type.
            Const 0x01 constant "const" Const ANY pure [];
            /// The value of another register.
            Copy 0x02 copy "copy" Unary ANY pure [];
            /// The second or the third operand: the second if the first is not 0.
            Select 0x03 select "select" Select ANY pure [];
            /// The address of a data object, plus a constant.
            DataAddr 0x04 data_addr "data_addr" DataAddr PTR pure [];
            /// The address of a function or import, callable from C.
            FuncAddr 0x05 func_addr "func_addr" FuncAddr PTR pure [];
            /// The address of a block of this function, for `jump_to` of the same activation.
            LabelAddr 0x06 label_addr "label_addr" LabelAddr PTR pure [];
            /// The address of a stack slot, plus a constant.
            SlotAddr 0x07 slot_addr "slot_addr" SlotAddr PTR pure [];
            /// The distance of a stack slot from the address that `frame_addr` gives, plus a constant.
            SlotOffset 0x08 slot_offset "slot_offset" SlotAddr I64 pure [];
            /// The address that frame-relative offsets count from; the same for the whole activation.
            FrameAddr 0x09 frame_addr "frame_addr" Nullary PTR pure [];
            /// The calling thread's address of an imported thread-local object, plus a constant.
            TlsAddr 0x0a tls_addr "tls_addr" DataAddr PTR pure [];
            /// An address computed from base, scaled index and displacement; touches no memory.
            Addr 0x0b addr "addr" Address PTR pure [];

            // Integers.
            /// Sum, wrapping.
            Add 0x10 add "add" Binary INT_PTR pure [];
            /// Difference, wrapping.
            Sub 0x11 sub "sub" Binary INT_PTR pure [];
            /// Low half of the product.
            Mul 0x12 mul "mul" Binary INT pure [];
            /// Bitwise and.
            And 0x13 and "and" Binary INT_PTR pure [];
            /// Bitwise or.
            Or 0x14 or "or" Binary INT_PTR pure [];
            /// Bitwise exclusive or.
            Xor 0x15 xor "xor" Binary INT_PTR pure [];
            /// Shift left; the count is taken modulo the width.
            Shl 0x16 shl "shl" Binary INT pure [];
            /// Shift right, filling with zeros; the count is taken modulo the width.
            Lshr 0x17 lshr "lshr" Binary INT pure [];
            /// Shift right, filling with the sign; the count is taken modulo the width.
            Ashr 0x18 ashr "ashr" Binary INT pure [];
            /// Rotate left; the count is taken modulo the width.
            Rotl 0x19 rotl "rotl" Binary INT pure [];
            /// Rotate right; the count is taken modulo the width.
            Rotr 0x1a rotr "rotr" Binary INT pure [];
            /// Signed quotient, rounded toward zero.
            Sdiv 0x1b sdiv "sdiv" Binary INT pure [DivideByZero, IntegerOverflow];
            /// Unsigned quotient.
            Udiv 0x1c udiv "udiv" Binary INT pure [DivideByZero];
            /// Signed remainder, with the dividend's sign; the least integer by -1 leaves 0.
            Srem 0x1d srem "srem" Binary INT pure [DivideByZero];
            /// Unsigned remainder.
            Urem 0x1e urem "urem" Binary INT pure [DivideByZero];
            /// The lesser, signed.
            Smin 0x1f smin "smin" Binary INT pure [];
            /// The greater, signed.
            Smax 0x20 smax "smax" Binary INT pure [];
            /// The lesser, unsigned.
            Umin 0x21 umin "umin" Binary INT pure [];
            /// The greater, unsigned.
            Umax 0x22 umax "umax" Binary INT pure [];
            /// Negation, wrapping.
            Neg 0x23 neg "neg" Unary INT pure [];
            /// Every bit inverted.
            Not 0x24 not "not" Unary INT pure [];
            /// Absolute value; the least integer stays as it is.
            Abs 0x25 abs "abs" Unary INT pure [];
            /// Number of zero bits above the highest one bit; the width for 0.
            Clz 0x26 clz "clz" Unary INT pure [];
            /// Number of zero bits below the lowest one bit; the width for 0.
            Ctz 0x27 ctz "ctz" Unary INT pure [];
            /// Number of one bits.
            Popcnt 0x28 popcnt "popcnt" Unary INT pure [];
            /// The bytes in reverse order.
            Bswap 0x29 bswap "bswap" Unary INT pure [];
            /// The bits in reverse order.
            Bitrev 0x2a bitrev "bitrev" Unary INT pure [];
            /// The low 8 bits, sign-extended.
            Sext8 0x2b sext8 "sext8" Unary INT pure [];
            /// The low 16 bits, sign-extended.
            Sext16 0x2c sext16 "sext16" Unary INT pure [];
            /// The low 8 bits, zero-extended.
            Zext8 0x2d zext8 "zext8" Unary INT pure [];
            /// The low 16 bits, zero-extended.
            Zext16 0x2e zext16 "zext16" Unary INT pure [];
            /// `i32` to `i64` with the sign.
            Sext 0x2f sext "sext" Widen I64 pure [];
            /// `i32` to `i64` with zeros.
            Zext 0x30 zext "zext" Widen I64 pure [];
            /// The low 32 bits of an `i64`.
            Trunc 0x31 trunc "trunc" Narrow I32 pure [];
            /// The bit-field at a constant bit and of a constant width, sign-extended.
            Sbits 0x32 sbits "sbits" Extract INT pure [];
            /// The bit-field at a constant bit and of a constant width, zero-extended.
            Ubits 0x33 ubits "ubits" Extract INT pure [];
            /// The first operand with a bit-field of constant place and width replaced by the second's low bits.
            SetBits 0x34 set_bits "set_bits" Insert INT pure [];
            /// Both halves, low then high, of the signed double-width product.
            SmulWide 0x35 smul_wide "smul_wide" Pair INT pure [];
            /// Both halves, low then high, of the unsigned double-width product.
            UmulWide 0x36 umul_wide "umul_wide" Pair INT pure [];
            /// Sum and carry out of two integers and a carry in; a carry is `i32`, 0 or not 0.
            AddCarry 0x37 add_carry "add_carry" Carry INT pure [];
            /// Difference and borrow out of two integers and a borrow in; a borrow is `i32`, 0 or not 0.
            SubBorrow 0x38 sub_borrow "sub_borrow" Carry INT pure [];
            /// Sum; on signed overflow writes nothing and goes to the cold block.
            SaddOvf 0x39 sadd_ovf "sadd_ovf" Overflow INT control [];
            /// Sum; on unsigned overflow writes nothing and goes to the cold block.
            UaddOvf 0x3a uadd_ovf "uadd_ovf" Overflow INT control [];
            /// Difference; on signed overflow writes nothing and goes to the cold block.
            SsubOvf 0x3b ssub_ovf "ssub_ovf" Overflow INT control [];
            /// Difference; on unsigned overflow writes nothing and goes to the cold block.
            UsubOvf 0x3c usub_ovf "usub_ovf" Overflow INT control [];
            /// Product; on signed overflow writes nothing and goes to the cold block.
            SmulOvf 0x3d smul_ovf "smul_ovf" Overflow INT control [];
            /// Product; on unsigned overflow writes nothing and goes to the cold block.
            UmulOvf 0x3e umul_ovf "umul_ovf" Overflow INT control [];
            /// Negation; of the least integer writes nothing and goes to the cold block.
            SnegOvf 0x3f sneg_ovf "sneg_ovf" OverflowUnary INT control [];
            /// 1 if the condition holds between the operands, else 0.
            Cmp 0x40 cmp "cmp_{}" Compare INT_PTR pure [];

            // Floats.
            /// 1 if the predicate holds between the operands, else 0.
            Fcmp 0x48 fcmp "fcmp_{}" FCompare FLOAT pure [];
            /// Sum.
            Fadd 0x49 fadd "fadd" FBinary FLOAT pure [];
            /// Difference.
            Fsub 0x4a fsub "fsub" FBinary FLOAT pure [];
            /// Product.
            Fmul 0x4b fmul "fmul" FBinary FLOAT pure [];
            /// Quotient.
            Fdiv 0x4c fdiv "fdiv" FBinary FLOAT pure [];
            /// Square root, correctly rounded.
            Fsqrt 0x4d fsqrt "fsqrt" Unary FLOAT pure [];
            /// The value with its sign bit cleared.
            Fabs 0x4e fabs "fabs" Unary FLOAT pure [];
            /// The value with its sign bit inverted.
            Fneg 0x4f fneg "fneg" Unary FLOAT pure [];
            /// The first operand with the sign bit of the second.
            Fcopysign 0x50 fcopysign "fcopysign" FBinary FLOAT pure [];
            /// a * b + c, rounded once.
            Fma 0x51 fma "fma" Ternary FLOAT pure [];
            /// a * b - c, rounded once.
            Fms 0x52 fms "fms" Ternary FLOAT pure [];
            /// -(a * b) + c, rounded once.
            Fnma 0x53 fnma "fnma" Ternary FLOAT pure [];
            /// -(a * b) - c, rounded once.
            Fnms 0x54 fnms "fnms" Ternary FLOAT pure [];
            /// The lesser; NaN if either is NaN; -0 is less than +0 (IEEE 754-2019 minimum).
            Fmin 0x55 fmin "fmin" FBinary FLOAT pure [];
            /// The greater; NaN if either is NaN; +0 is greater than -0 (IEEE 754-2019 maximum).
            Fmax 0x56 fmax "fmax" FBinary FLOAT pure [];
            /// The lesser; the other operand if one is NaN; -0 is less than +0 (C's fmin, IEEE minimumNumber).
            FminNum 0x57 fmin_num "fmin_num" FBinary FLOAT pure [];
            /// The greater; the other operand if one is NaN; +0 is greater than -0 (C's fmax, IEEE maximumNumber).
            FmaxNum 0x58 fmax_num "fmax_num" FBinary FLOAT pure [];
            /// Rounded to an integral value toward negative infinity.
            Ffloor 0x59 ffloor "ffloor" Unary FLOAT pure [];
            /// Rounded to an integral value toward positive infinity.
            Fceil 0x5a fceil "fceil" Unary FLOAT pure [];
            /// Rounded to an integral value toward zero.
            Ftrunc 0x5b ftrunc "ftrunc" Unary FLOAT pure [];
            /// Rounded to the nearest integral value, ties to even.
            Fnearest 0x5c fnearest "fnearest" Unary FLOAT pure [];
            /// `f32` to `f64`, exact.
            Fpromote 0x5d fpromote "fpromote" Promote F64 pure [];
            /// `f64` to `f32`, rounded to nearest even.
            Fdemote 0x5e fdemote "fdemote" Demote F32 pure [];
            /// The bits of an integer as a float of its width, or the reverse.
            Bitcast 0x5f bitcast "bitcast" Bitcast ANY pure [];
            /// Signed integer to float, rounded to nearest even.
            SitoF 0x60 sitof "sitof" FromInt FLOAT pure [];
            /// Unsigned integer to float, rounded to nearest even.
            UitoF 0x61 uitof "uitof" FromInt FLOAT pure [];
            /// Float to signed integer, toward zero; NaN and values out of range trap.
            FtoSi 0x62 ftosi "ftosi" ToInt INT pure [InvalidConversion];
            /// Float to unsigned integer, toward zero; NaN and values out of range trap.
            FtoUi 0x63 ftoui "ftoui" ToInt INT pure [InvalidConversion];
            /// Float to signed integer, toward zero; NaN gives 0, values out of range the nearest integer.
            FtoSiSat 0x64 ftosi_sat "ftosi_sat" ToInt INT pure [];
            /// Float to unsigned integer, toward zero; NaN gives 0, values out of range the nearest integer.
            FtoUiSat 0x65 ftoui_sat "ftoui_sat" ToInt INT pure [];
            /// Float to signed integer, toward zero; NaN and values out of range give the least integer, as x86 does.
            FtoSiX86 0x66 ftosi_x86 "ftosi_x86" ToInt INT pure [];

            // Memory.
            /// Reads memory; the suffix is what is read, narrow integers extend to the register.
            Load 0x70 load "load" Load ANY reads [BadAccess];
            /// Writes the low bytes of a register, or a constant; the suffix is what is written.
            Store 0x71 store "store" Store ANY writes [BadAccess];
            /// Hints that the memory will be read soon; never traps.
            Prefetch 0x72 prefetch "prefetch" Prefetch NONE pure [];
            /// Copies bytes: destination, source, length. The regions may overlap (as C's memmove).
            MemCopy 0x73 mem_copy "mem_copy" MemCopy NONE writes [BadAccess];
            /// Fills bytes: destination, value (its low byte), length.
            MemFill 0x74 mem_fill "mem_fill" MemFill NONE writes [BadAccess];
            /// Reads naturally aligned memory in one piece, with an order.
            AtomicLoad 0x75 atomic_load "atomic_load" AtomicLoad INT_PTR writes [BadAccess];
            /// Writes naturally aligned memory in one piece, with an order.
            AtomicStore 0x76 atomic_store "atomic_store" AtomicStore INT_PTR writes [BadAccess];
            /// Changes memory in one step with the operation and gives the value read before.
            AtomicRmw 0x77 atomic_rmw "atomic_{}" AtomicRmw INT_PTR writes [BadAccess];
            /// If memory holds the expected value, writes the new one, in one step; gives the value read.
            AtomicCas 0x78 atomic_cas "atomic_cas" AtomicCas INT_PTR writes [BadAccess];
            /// Orders memory accesses of this thread.
            Fence 0x79 fence "fence" Fence NONE writes [];
            /// Tells the processor that the thread is waiting in a loop.
            Pause 0x7a pause "pause" None NONE writes [];
            /// Storage from the run-time stack: size in bytes, constant alignment; lives until the function returns.
            Alloca 0x7b alloca "alloca" Alloca PTR writes [StackOverflow];

            // Control.
            /// Goes to the block.
            Jump 0x80 jump "jump" Jump NONE terminator [];
            /// Goes to the block if the condition holds, else on to the next block.
            Branch 0x81 branch "b{}" Branch INT_PTR terminator [];
            /// Goes to the block if the predicate holds, else on to the next block.
            Fbranch 0x82 fbranch "fb{}" FBranch FLOAT terminator [];
            /// Goes to the block listed for the value, else to the default.
            Switch 0x83 switch "switch" Switch INT terminator [];
            /// Goes to an address that `label_addr` or data gave; it must be in the label set.
            JumpTo 0x84 jump_to "jump_to" JumpTo NONE terminator [];
            /// Ends the activation with the results.
            Ret 0x85 ret "ret" Ret NONE terminator [];
            /// Calls a function or import of the module.
            Call 0x86 call "call" Call NONE call [];
            /// Calls through an address, with a signature.
            CallPtr 0x87 call_ptr "call_ptr" CallPtr NONE call [];
            /// Ends the activation and calls a function of the module in its place.
            TailCall 0x88 tail_call "tail_call" TailCall NONE terminator [];
            /// Ends the activation and calls through an address in its place.
            TailCallPtr 0x89 tail_call_ptr "tail_call_ptr" TailCallPtr NONE terminator [];
            /// Leaves for the host with the listed values if the condition holds.
            Guard 0x8a guard "guard_{}" Guard INT_PTR control [];
            /// Leaves for the host with the listed values if the predicate holds.
            Fguard 0x8b fguard "fguard_{}" FGuard FLOAT control [];
            /// Leaves for the host with the listed values.
            Exit 0x8c exit "exit" Exit NONE terminator [];
            /// A place where the host may stop the code and see the listed values.
            Safepoint 0x8d safepoint "safepoint" Safepoint NONE control [];
            /// Ends the activations since the host's call with the given code.
            Trap 0x8e trap "trap" Trap NONE terminator [User];
            /// States that control never comes here; traps if it does.
            Unreachable 0x8f unreachable "unreachable" None NONE terminator [Unreachable];

            // Variable arguments.
            /// Starts a C `va_list` at the first variable argument of this function.
            VaStart 0x90 va_start "va_start" VaList NONE writes [];
            /// The next argument of a `va_list`.
            VaArg 0x91 va_arg "va_arg" VaArg ANY writes [BadAccess];
            /// Copies a `va_list`: destination, source.
            VaCopy 0x92 va_copy "va_copy" VaCopy NONE writes [];
            /// Ends the use of a `va_list`.
            VaEnd 0x93 va_end "va_end" VaList NONE writes [];
        }
    };
}

/// What an op does beside computing its results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(non_camel_case_types, reason = "the words of the table's rows")]
pub enum Effect {
    /// Nothing, save that it may trap.
    pure,
    /// Reads memory.
    reads,
    /// Writes memory, or orders accesses.
    writes,
    /// Runs other code.
    call,
    /// May leave the block in the middle.
    control,
    /// Ends the block.
    terminator,
}

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
    BitRange, CallList, Cases, ColdBlock, Const, Data, Def, ExitId, Func, Imm, List, Mem, Results,
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

/// The kind of variant that fills the braces of a mnemonic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variants {
    /// The mnemonic has no braces.
    None,
    /// A [`Cond`].
    Cond,
    /// An [`FCond`].
    FCond,
    /// An [`Rmw`].
    Rmw,
}

/// Defines an enum of names with numbers, listed once.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $(#[doc = $vdoc:literal] $variant:ident = $n:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum $name { $(#[doc = $vdoc] $variant = $n,)* }

        impl $name {
            /// Every value, in the order of their numbers.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// The value with this number.
            #[inline]
            pub const fn from_number(number: u8) -> Option<$name> {
                match number { $($n => Some($name::$variant),)* _ => None }
            }

            /// The name in the text form.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            /// What it means, in a few words.
            pub fn meaning(self) -> &'static str {
                match self { $($name::$variant => $vdoc.trim_ascii(),)* }
            }
        }
    };
}

named!(
    /// A relation between two integers.
    Cond {
        /// Equal.
        Eq = 0 "eq",
        /// Not equal.
        Ne = 1 "ne",
        /// Less, signed.
        Lt = 2 "lt",
        /// Greater or equal, signed.
        Ge = 3 "ge",
        /// Less or equal, signed.
        Le = 4 "le",
        /// Greater, signed.
        Gt = 5 "gt",
        /// Less, unsigned.
        Ult = 6 "ult",
        /// Greater or equal, unsigned.
        Uge = 7 "uge",
        /// Less or equal, unsigned.
        Ule = 8 "ule",
        /// Greater, unsigned.
        Ugt = 9 "ugt",
        /// The operands have a one bit in common.
        Any = 10 "any",
        /// The operands have no one bit in common.
        None = 11 "none",
    }
);

impl Cond {
    /// The condition that holds when this one does not. Numbers come in such pairs.
    pub const fn inverse(self) -> Cond {
        match Cond::from_number(self as u8 ^ 1) {
            Some(c) => c,
            None => self,
        }
    }

    /// Whether the condition holds between two sign-extended (or, for 32-bit unsigned, truncated) operands of
    /// `bits` width.
    pub const fn holds(self, a: i64, b: i64, bits: u32) -> bool {
        let mask = if bits == 32 { 0xffff_ffff } else { u64::MAX };
        let (ua, ub) = (a as u64 & mask, b as u64 & mask);
        let (sa, sb) = if bits == 32 { (a as i32 as i64, b as i32 as i64) } else { (a, b) };
        match self {
            Cond::Eq => ua == ub,
            Cond::Ne => ua != ub,
            Cond::Lt => sa < sb,
            Cond::Ge => sa >= sb,
            Cond::Le => sa <= sb,
            Cond::Gt => sa > sb,
            Cond::Ult => ua < ub,
            Cond::Uge => ua >= ub,
            Cond::Ule => ua <= ub,
            Cond::Ugt => ua > ub,
            Cond::Any => ua & ub != 0,
            Cond::None => ua & ub == 0,
        }
    }
}

named!(
    /// A relation between two floats. The first seven of the list besides `ne` are false if an operand is NaN
    /// ("ordered"), those with a `u` are true ("unordered or …").
    FCond {
        /// Equal.
        Eq = 0 "eq",
        /// Not equal, or unordered: C's `!=`.
        Ne = 1 "ne",
        /// Less.
        Lt = 2 "lt",
        /// Unordered, greater or equal: not less.
        Uge = 3 "uge",
        /// Less or equal.
        Le = 4 "le",
        /// Unordered or greater: not less or equal.
        Ugt = 5 "ugt",
        /// Greater.
        Gt = 6 "gt",
        /// Unordered, less or equal: not greater.
        Ule = 7 "ule",
        /// Greater or equal.
        Ge = 8 "ge",
        /// Unordered or less: not greater or equal.
        Ult = 9 "ult",
        /// Less or greater: ordered and not equal.
        Ltgt = 10 "ltgt",
        /// Unordered or equal.
        Ueq = 11 "ueq",
        /// Ordered: neither is NaN.
        Ord = 12 "ord",
        /// Unordered: one is NaN.
        Unord = 13 "unord",
    }
);

impl FCond {
    /// The predicate that holds when this one does not. Numbers come in such pairs.
    pub const fn inverse(self) -> FCond {
        match FCond::from_number(self as u8 ^ 1) {
            Some(c) => c,
            None => self,
        }
    }

    /// Whether the predicate holds between the operands.
    pub fn holds(self, a: f64, b: f64) -> bool {
        let unordered = a.is_nan() || b.is_nan();
        match self {
            FCond::Eq => a == b,
            FCond::Ne => a != b,
            FCond::Lt => a < b,
            FCond::Uge => unordered || a >= b,
            FCond::Le => a <= b,
            FCond::Ugt => unordered || a > b,
            FCond::Gt => a > b,
            FCond::Ule => unordered || a <= b,
            FCond::Ge => a >= b,
            FCond::Ult => unordered || a < b,
            FCond::Ltgt => !unordered && a != b,
            FCond::Ueq => unordered || a == b,
            FCond::Ord => !unordered,
            FCond::Unord => unordered,
        }
    }
}

named!(
    /// What an atomic read-modify-write does to memory.
    Rmw {
        /// Adds.
        Add = 0 "add",
        /// Subtracts.
        Sub = 1 "sub",
        /// Bitwise and.
        And = 2 "and",
        /// Bitwise or.
        Or = 3 "or",
        /// Bitwise exclusive or.
        Xor = 4 "xor",
        /// Replaces.
        Xchg = 5 "xchg",
        /// The lesser, signed.
        Smin = 6 "smin",
        /// The greater, signed.
        Smax = 7 "smax",
        /// The lesser, unsigned.
        Umin = 8 "umin",
        /// The greater, unsigned.
        Umax = 9 "umax",
    }
);

named!(
    /// A memory order of the C11 model.
    Order {
        /// Atomic, but ordered with nothing else.
        Relaxed = 0 "relaxed",
        /// Later accesses stay behind a read.
        Acquire = 1 "acquire",
        /// Earlier accesses stay before a write.
        Release = 2 "release",
        /// Both.
        AcqRel = 3 "acq_rel",
        /// Both, in one order that all threads agree on.
        SeqCst = 4 "seq_cst",
    }
);

named!(
    /// The guess which way a branch goes.
    Hint {
        /// No guess.
        None = 0 "",
        /// Taken mostly.
        Likely = 1 "likely",
        /// Rarely taken.
        Unlikely = 2 "unlikely",
    }
);

/// All that the table says of an op.
#[derive(Clone, Copy, Debug)]
pub struct OpInfo {
    /// The op.
    pub op: Op,
    /// The mnemonic; `{}` stands for the variant.
    pub mnemonic: &'static str,
    /// The method of [`crate::FunctionBuilder`] that appends it.
    pub method: &'static str,
    /// Operands and their places.
    pub shape: Shape,
    /// The types its suffix may name.
    pub types: TypeSet,
    /// What it does beside computing results.
    pub effect: Effect,
    /// The traps it can raise.
    pub traps: &'static [TrapCause],
    /// One sentence on its meaning.
    pub doc: &'static str,
}

/// Why code trapped, as the table names it. [`crate::trap::TrapKind`] carries the values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrapCause {
    /// Division by 0.
    DivideByZero,
    /// The least integer divided by -1.
    IntegerOverflow,
    /// A float that has no integer of the wanted type.
    InvalidConversion,
    /// An address that may not be accessed.
    BadAccess,
    /// No room on the stack.
    StackOverflow,
    /// `unreachable` was reached.
    Unreachable,
    /// `trap` with a code.
    User,
}

macro_rules! define_op {
    ($($(#[doc = $doc:literal])* $name:ident $n:literal $method:ident $mnemonic:literal $shape:ident $types:ident $effect:ident [$($trap:ident),*];)*) => {
        /// An operation of the IR. The discriminant is its number in records and in bytecode.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Op { $($(#[doc = $doc])* $name = $n,)* }

        impl Op {
            /// Every op, in the order of the table.
            pub const ALL: &[Op] = &[$(Op::$name),*];

            /// The row of the table.
            pub fn info(self) -> &'static OpInfo {
                &INFO[POSITION[self as usize] as usize]
            }

            /// The op with this number.
            #[inline]
            pub const fn from_number(number: u8) -> Option<Op> {
                match number { $($n => Some(Op::$name),)* _ => None }
            }

            /// The operand shape.
            #[inline]
            pub const fn shape(self) -> Shape {
                match self { $(Op::$name => Shape::$shape,)* }
            }

            /// What the op does beside computing its results.
            #[inline]
            pub const fn effect(self) -> Effect {
                match self { $(Op::$name => Effect::$effect,)* }
            }
        }

        static INFO: &[OpInfo] = &[$(OpInfo {
            op: Op::$name,
            mnemonic: $mnemonic,
            method: stringify!($method),
            shape: Shape::$shape,
            types: TypeSet::$types,
            effect: Effect::$effect,
            traps: &[$(TrapCause::$trap),*],
            doc: concat!($($doc),*),
        },)*];
    };
}

for_each_op!(define_op);

/// From an op's number to its row in `INFO`.
static POSITION: [u8; 256] = {
    let mut position = [0; 256];
    let mut i = 0;
    while i < Op::ALL.len() {
        position[Op::ALL[i] as usize] = i as u8;
        i += 1;
    }
    position
};

impl Op {
    /// Whether the op ends its block.
    #[inline]
    pub const fn is_terminator(self) -> bool {
        matches!(self.effect(), Effect::terminator)
    }

    /// Whether a block that ends with this op may go on to the next block of the layout.
    #[inline]
    pub const fn falls_through(self) -> bool {
        matches!(self, Op::Branch | Op::Fbranch)
    }
}

/// The variant of one instruction: what fills the braces of its mnemonic.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Variant {
    /// The op has none.
    None,
    /// An integer condition.
    Cond(Cond),
    /// A float predicate.
    FCond(FCond),
    /// A read-modify-write operation.
    Rmw(Rmw),
}

impl Variants {
    /// Every variant of the kind with its number.
    pub fn all(self) -> Vec<Variant> {
        match self {
            Variants::None => vec![Variant::None],
            Variants::Cond => Cond::ALL.iter().map(|c| Variant::Cond(*c)).collect(),
            Variants::FCond => FCond::ALL.iter().map(|c| Variant::FCond(*c)).collect(),
            Variants::Rmw => Rmw::ALL.iter().map(|r| Variant::Rmw(*r)).collect(),
        }
    }

    /// The variant of the kind with this number.
    pub const fn from_number(self, number: u8) -> Option<Variant> {
        match self {
            Variants::None => {
                if number == 0 {
                    Some(Variant::None)
                } else {
                    None
                }
            }
            Variants::Cond => match Cond::from_number(number) {
                Some(c) => Some(Variant::Cond(c)),
                None => None,
            },
            Variants::FCond => match FCond::from_number(number) {
                Some(c) => Some(Variant::FCond(c)),
                None => None,
            },
            Variants::Rmw => match Rmw::from_number(number) {
                Some(r) => Some(Variant::Rmw(r)),
                None => None,
            },
        }
    }
}

impl Variant {
    /// The number kept in the record.
    pub const fn number(self) -> u8 {
        match self {
            Variant::None => 0,
            Variant::Cond(c) => c as u8,
            Variant::FCond(c) => c as u8,
            Variant::Rmw(r) => r as u8,
        }
    }

    /// What it means, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Variant::None => "",
            Variant::Cond(c) => c.meaning(),
            Variant::FCond(c) => c.meaning(),
            Variant::Rmw(r) => r.meaning(),
        }
    }

    /// What fills the braces.
    pub const fn name(self) -> &'static str {
        match self {
            Variant::None => "",
            Variant::Cond(c) => c.name(),
            Variant::FCond(c) => c.name(),
            Variant::Rmw(r) => r.name(),
        }
    }
}

impl OpInfo {
    /// The mnemonic with its variant filled in.
    pub fn name(&self, variant: Variant) -> String {
        self.mnemonic.replace("{}", variant.name())
    }
}

/// Finds the op and the variant that a full mnemonic (without type suffix) names.
pub fn find_mnemonic(name: &str) -> Option<(Op, Variant)> {
    let mut at = mnemonic_hash(MNEMONIC_SEED, name.as_bytes()) as usize % MNEMONICS.len();
    while MNEMONICS[at] != 0 {
        let entry = MNEMONICS[at] as usize - 1;
        let info = &INFO[entry >> 4];
        let variant = info.shape.variants().from_number(entry as u8 & 15).unwrap_or(Variant::None);
        let prefix = info.mnemonic.strip_suffix("{}").unwrap_or(info.mnemonic);
        if name.strip_prefix(prefix) == Some(variant.name()) {
            return Some((info.op, variant));
        }
        at = (at + 1) % MNEMONICS.len();
    }
    None
}

const MNEMONIC_SEED: u32 = 0x811c_9dc5;

/// FNV-1a.
const fn mnemonic_hash(mut hash: u32, bytes: &[u8]) -> u32 {
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    hash
}

/// Full mnemonics by hash, with linear probing: row and variant plus 1, or 0. Made when the crate is compiled, so that
/// a process that reads a small text pays nothing for it.
static MNEMONICS: [u16; 1024] = {
    let mut table = [0; 1024];
    let mut row = 0;
    while row < INFO.len() {
        let info = &INFO[row];
        let bytes = info.mnemonic.as_bytes();
        let family = !matches!(info.shape.variants(), Variants::None);
        let (prefix, _) = bytes.split_at(if family { bytes.len() - 2 } else { bytes.len() });
        let mut number = 0;
        while let Some(variant) = info.shape.variants().from_number(number) {
            let hash = mnemonic_hash(MNEMONIC_SEED, prefix);
            let mut at = mnemonic_hash(hash, variant.name().as_bytes()) as usize % table.len();
            while table[at] != 0 {
                at = (at + 1) % table.len();
            }
            table[at] = ((row << 4 | number as usize) + 1) as u16;
            number += 1;
        }
        row += 1;
    }
    table
};

/// Every full mnemonic with what it names, in the order of the table.
pub fn all_mnemonics() -> impl Iterator<Item = (String, Op, Variant)> {
    INFO.iter().flat_map(|info| info.shape.variants().all().into_iter().map(|v| (info.name(v), info.op, v)))
}

/// The rows of the table, in order.
pub fn rows() -> &'static [OpInfo] {
    INFO
}
