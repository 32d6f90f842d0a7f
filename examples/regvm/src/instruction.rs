//! The instructions: one table, from which derive the type [`Inst`], the reader and the printer of the text form, and
//! the reference in the README. Matches over [`Inst`] have no catch-all arm where each instruction has a meaning
//! of its own, so that a new row does not build until every part of the machine knows it.

use crate::bytecode::Bytecode;
use crate::error::Fault;
use crate::operand::{Func, Imm, Kind, Label, Operand, Reg, Site, Target};
use crate::read::Line;
use std::fmt;

/// Calls the given macro with every row of the table: what it does, variant, mnemonic, and each operand after the text
/// that stands before it.
macro_rules! for_each_instruction {
    ($with:ident) => {
        $with! {
            /// Does nothing.
            Nop "nop" {};
            /// Sets a register to 0, or to 0.0.
            Setz "setz" { " " to: Reg };
            /// Copies a register. From int to double it gives the nearest double; from double to int it rounds toward
            /// zero, gives the nearest int when out of range and 0 for a NaN.
            Mov "mov" { " " to: Reg, ", " from: Reg };
            /// Sets an int register to a constant, or to the address of a function or string.
            Movi "movi" { " " to: Reg, ", " value: Imm };
            /// Sets a double register to a constant.
            Movd "movd" { " " to: Reg, ", " value: f64 };

            /// Sum; of ints, it wraps.
            Add "add" { " " to: Reg, ", " a: Reg, ", " b: Reg };
            /// Difference; of ints, it wraps.
            Sub "sub" { " " to: Reg, ", " a: Reg, ", " b: Reg };
            /// Product of signed ints; it wraps.
            Imul "imul" { " " to: Reg, ", " a: Reg, ", " b: Reg };
            /// Product of unsigned ints, or of doubles.
            Mul "mul" { " " to: Reg, ", " a: Reg, ", " b: Reg };
            /// Quotient of signed ints, rounded toward zero. Traps if `b` is 0, or if `a` is the least int and `b` is -1.
            Idiv "idiv" { " " to: Reg, ", " a: Reg, ", " b: Reg };
            /// Quotient of unsigned ints, which traps if `b` is 0; or of doubles.
            Div "div" { " " to: Reg, ", " a: Reg, ", " b: Reg };

            /// Opens a call: the arguments pushed from here on are its own.
            CallStart "call_start" {};
            /// Adds a register's value to the arguments of the open call.
            Push "push" { " " from: Reg };
            /// Adds an int to the arguments of the open call.
            Pushi "pushi" { " " value: Imm };
            /// Adds a double to the arguments of the open call.
            Pushd "pushd" { " " value: f64 };
            /// Ends the open call: calls a function of the program. A call with a site can be given another target.
            Call "call" { " " target: Func, " -> " result: Option<Reg>, " @" site: Option<Site> };
            /// Ends the open call: calls an external function.
            Calle "calle" { " " target: Target, " -> " result: Option<Reg> };
            /// Ends the open call: calls the function whose address an int register holds. It must take what was pushed,
            /// and give what `result` holds.
            Callr "callr" { " " target: Reg, " -> " result: Option<Reg> };
            /// Overwrites the target of a call. Written outside functions it changes the call before it is compiled.
            Patch "patch" { " @" site: Site, ", " target: Func };

            /// Compares ints as signed, or doubles: gives the int -1, 0 or 1 as `a` is less than, equal to or greater than
            /// `b`, and 2 if one of them is a NaN.
            Cmp "cmp" { " " to: Reg, ", " a: Reg, ", " b: Reg };
            /// Goes to the label if the register is 0, or 0.0 of either sign.
            Jz "jz" { " " value: Reg, ", " to: Label };
            /// Goes to the label.
            Jmp "jmp" { " " to: Label };
            /// Names the place before the next instruction. Labels belong to their function.
            Label "label" { " " name: Label };
            /// Returns from the function.
            Ret "ret" { " " value: Option<Reg> };
            /// Opens a function: the registers that hold its arguments, the kind of its result. All other registers
            /// are 0.
            FuncStart "func_start" { " " func: Func, "" params: Vec<Reg>, " -> " result: Option<Kind> };
            /// Closes a function; one without result returns here.
            FuncEnd "func_end" {};
        }
    };
}

/// A row of the reference.
pub struct Form {
    /// The instruction's word.
    pub mnemonic: &'static str,
    /// How it is written, operands by their name, optional ones in brackets.
    pub form: String,
    /// What it does.
    pub meaning: String,
}

macro_rules! define_instructions {
    ($($(#[doc = $doc:literal])* $name:ident $mnemonic:literal { $($lead:literal $field:ident: $ty:ty),* };)*) => {
        /// An instruction.
        #[derive(Clone, PartialEq, Debug)]
        #[allow(missing_docs, reason = "the row says what the operands are for")]
        pub enum Inst {
            $($(#[doc = $doc])* $name { $($field: $ty),* },)*
        }

        impl Inst {
            /// Its word in the text form.
            pub fn mnemonic(&self) -> &'static str {
                match self {
                    $(Inst::$name { .. } => $mnemonic,)*
                }
            }

            /// Tells every register it names.
            pub(crate) fn registers(&self, see: &mut dyn FnMut(Reg)) {
                match self {
                    $(Inst::$name { $($field),* } => { $($field.registers(see);)* let _ = &see; })*
                }
            }

            /// Reads the operands that follow a mnemonic.
            pub(crate) fn read(mnemonic: &str, line: &mut Line<'_>) -> Result<Inst, Fault> {
                match mnemonic {
                    $($mnemonic => Ok(Inst::$name { $($field: <$ty>::read(line, $lead)?),* }),)*
                    _ => Err(Fault::UnknownInstruction(mnemonic.into())),
                }
            }

            /// Writes it as the text form has it.
            pub(crate) fn write(&self, code: &Bytecode, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Inst::$name { $($field),* } => {
                        f.write_str($mnemonic)?;
                        $($field.write(code, $lead, f)?;)*
                    })*
                }
                Ok(())
            }

            /// The reference, in the order of the table.
            pub fn forms() -> Vec<Form> {
                vec![$(Form {
                    mnemonic: $mnemonic,
                    form: [$mnemonic.to_owned() $(, <$ty>::form($lead, stringify!($field)))*].concat(),
                    meaning: [$($doc.trim()),*].join(" "),
                }),*]
            }
        }
    };
}

for_each_instruction!(define_instructions);
