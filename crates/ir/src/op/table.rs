//! The op table: the one list of what the IR can say. The enum, the mnemonics, the bytecode numbers, the operand
//! shapes, the type rules, the effects, the traps and the reference page all come from it, and every match over
//! [`Op`] in the interpreter and the compilers is exhaustive, so that a new row does not build until each of them
//! has said what it does.
//!
//! A row reads: variant, number, builder method, mnemonic, shape, types of its suffix, effects, traps.
//! A mnemonic with `{}` is a family whose variant (a condition, a read-modify-write operation) fills the braces.

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
            /// The address of a function, further entry or import, callable from C.
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
            /// So many bytes of machine code at least, that do nothing, at this place: room to be patched, or distance.
            Pad 0x0c pad "pad" Pad NONE writes [];

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
            /// Calls a function, further entry or import of the module.
            Call 0x86 call "call" Call NONE call [];
            /// Calls through an address, with a signature.
            CallPtr 0x87 call_ptr "call_ptr" CallPtr NONE call [];
            /// Ends the activation and calls a function, further entry or import of the module in its place.
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
