//! From what is written to an instruction of the table: whole mnemonics, those without type, and bare stems.

use super::program::{Operand, Register, Sigil, What};
use super::table::{self, Gives, Opcode};

/// Stems whose register and immediate forms differ by a letter.
const LETTERED: &[&str] = &[
    "add", "sub", "rsb", "mul", "div", "and", "or", "xor", "lsh", "rsh", "addc", "addx", "subc", "subx",
    "lt", "le", "gt", "ge", "eq", "ne", "mod", "hmul", "blt", "ble", "bgt", "bge", "beq", "bne", "bms",
    "bmc", "boadd", "bosub", "mov", "ld", "ldx", "st", "stx",
];

/// Stems that have a register form only.
const REGISTERS: &[&str] = &[
    "neg", "not", "unlt", "unle", "ungt", "unge", "uneq", "ltgt", "ord", "unord", "bunlt", "bunle", "bungt",
    "bunge", "buneq", "bltgt", "bord", "bunord",
];

/// The instruction that a mnemonic means with these operands.
pub(super) fn resolve(name: &str, operands: &[Operand]) -> Option<Opcode> {
    if let Some(op) = Opcode::find(name)
        && !(name == "finish" && is_register(operands.first()))
    {
        return Some(op);
    }
    let stem = stem(name, operands);
    let stem = stem.as_deref().unwrap_or(name);
    if let Some(op) = Opcode::find(stem) {
        return Some(op);
    }
    let suffix = match stem {
        "hton" | "ntoh" => "ui",
        "movi" if operands.last().is_some_and(is_pointer) => "p",
        _ if operands.iter().any(is_float) => "d",
        _ => "i",
    };
    Opcode::find(&format!("{stem}_{suffix}"))
}

/// The stem with its letter, where it needs one.
fn stem(name: &str, operands: &[Operand]) -> Option<String> {
    if name == "jmp" || name == "call" {
        return Some(format!("{name}{}", if is_register(operands.first()) { "r" } else { "i" }));
    }
    if name == "finish" {
        return Some("finishr".into());
    }
    if REGISTERS.contains(&name) {
        return Some(format!("{name}r"));
    }
    let deciding = match name {
        "st" | "stx" => operands.first(),
        _ => operands.last(),
    };
    LETTERED
        .contains(&name)
        .then(|| format!("{name}{}", if deciding.is_none() || is_register(deciding) { "r" } else { "i" }))
}

fn is_register(operand: Option<&Operand>) -> bool {
    operand.is_some_and(|o| matches!(o.what, What::Register(_)))
}

fn is_float(operand: &Operand) -> bool {
    matches!(operand.what, What::Register(Register::Float(_)))
}

/// Whether `mov` of it is `movi_p`.
fn is_pointer(operand: &Operand) -> bool {
    match &operand.what {
        What::Variable(Sigil::Label, _) | What::Entry(_) | What::External(_) | What::Str(_) => true,
        What::Call(op) => op.get().gives() == Gives::Label,
        _ => false,
    }
}

/// Whether an instruction can stand after `!`.
pub(super) fn is_callable(op: Opcode) -> bool {
    op.get().operands.is_empty() && op.get().gives() != Gives::Nothing
}

/// Every mnemonic and stem, for suggestions.
pub(super) fn all_names() -> impl Iterator<Item = &'static str> {
    let stems = LETTERED.iter().chain(REGISTERS).copied();
    let others = ["jmp", "call", "arg", "getarg", "prepare", "pusharg", "retval", "hton", "ntoh"];
    table::all().iter().map(|i| i.mnemonic.as_str()).chain(stems).chain(others)
}

/// The instruction that keeps a bare operand.
pub(super) fn assign(operand: &Operand) -> Option<Opcode> {
    Opcode::find(match &operand.what {
        What::Register(_) => "assign_r",
        What::Int(_) | What::Float(_) | What::Variable(Sigil::Int | Sigil::Float, _) => "assign_i",
        What::Call(op) if op.get().gives() == Gives::Int => "assign_i",
        What::Call(_)
        | What::Variable(Sigil::Label, _)
        | What::Entry(_)
        | What::External(_)
        | What::Str(_) => "assign_l",
    })
}
