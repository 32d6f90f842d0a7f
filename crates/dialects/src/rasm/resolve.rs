//! From what is written to an instruction of the table: whole mnemonics, those without type, and bare stems.

use super::program::{Operand, Register, Sigil, What};
use super::table::{self, Gives, Opcode};
use kiln_ir::text::NameHash;
use std::collections::HashMap;
use std::sync::LazyLock;

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

/// What the operands of a bare mnemonic decide.
#[derive(Clone, Copy)]
struct Form {
    /// The operand that its letter asks for is a register.
    register: bool,
    /// There is a float register.
    float: bool,
    /// The last operand is an address.
    pointer: bool,
}

/// What stands for an instruction.
struct Word {
    /// It is a whole mnemonic; but `finish` of a register is another.
    whole: Option<Opcode>,
    /// The operand whose class decides is the first.
    first: bool,
    /// The instructions by form: 1 for a register, 2 for a float, 4 for a pointer.
    forms: [Option<Opcode>; 8],
}

/// All words, so that no text is put together to find an instruction.
static WORDS: LazyLock<HashMap<String, Word, NameHash>> = LazyLock::new(|| {
    let mut words = HashMap::default();
    let lettered = LETTERED.iter().flat_map(|stem| [format!("{stem}r"), format!("{stem}i")]);
    let registers = REGISTERS.iter().map(|stem| format!("{stem}r"));
    for name in all_names().map(str::to_owned).chain(lettered).chain(registers) {
        let form = |n: usize| Form { register: n & 1 != 0, float: n & 2 != 0, pointer: n & 4 != 0 };
        let word = Word {
            whole: Opcode::find(&name),
            first: matches!(name.as_str(), "st" | "stx" | "jmp" | "call" | "finish"),
            forms: std::array::from_fn(|n| nearest_form(&name, form(n))),
        };
        words.insert(name, word);
    }
    words
});

/// The instruction that a mnemonic means with these operands.
pub(super) fn resolve(name: &str, operands: &[Operand]) -> Option<Opcode> {
    let word = WORDS.get(name)?;
    if let Some(op) = word.whole
        && !(name == "finish" && operands.first().is_some_and(is_register))
    {
        return Some(op);
    }
    let deciding = if word.first { operands.first() } else { operands.last() };
    // Without operands, what takes a register is the form to complain about.
    let register = deciding.map_or(!matches!(name, "jmp" | "call"), is_register);
    let float = operands.iter().any(is_float);
    let pointer = operands.last().is_some_and(is_pointer);
    word.forms[usize::from(register) | usize::from(float) << 1 | usize::from(pointer) << 2]
}

/// Where there is no instruction of this form, another, whose classes say what is wrong with the operands.
fn nearest_form(name: &str, form: Form) -> Option<Opcode> {
    find(name, form)
        .or_else(|| find(name, Form { register: true, ..form }))
        .or_else(|| find(name, Form { float: false, ..form }))
        .or_else(|| find(name, Form { register: true, float: true, ..form }))
}

/// The instruction of a bare mnemonic: its stem with the letter, then with the type.
fn find(name: &str, form: Form) -> Option<Opcode> {
    let letter = if form.register { 'r' } else { 'i' };
    let stem = if LETTERED.contains(&name) || name == "jmp" || name == "call" {
        format!("{name}{letter}")
    } else if name == "finish" || REGISTERS.contains(&name) {
        format!("{name}r")
    } else {
        name.to_owned()
    };
    let suffix = match stem.as_str() {
        "hton" | "ntoh" => "ui",
        "movi" if form.pointer => "p",
        _ if form.float => "d",
        _ => "i",
    };
    Opcode::find(&stem).or_else(|| Opcode::find(&format!("{stem}_{suffix}")))
}

fn is_register(operand: &Operand) -> bool {
    matches!(operand.what, What::Register(_))
}

fn is_float(operand: &Operand) -> bool {
    matches!(operand.what, What::Register(Register::Float(_)))
}

/// Whether `mov` of it is `movi_p`.
fn is_pointer(operand: &Operand) -> bool {
    match operand.what {
        What::Variable(Sigil::Label, _) | What::Entry(_) | What::External(_) | What::Str(_) => true,
        What::Call(op) => op.get().gives() == Gives::Label,
        _ => false,
    }
}

/// Whether an instruction can stand after `!`.
pub(super) fn is_callable(op: Opcode) -> bool {
    op.get().operands.is_empty() && op.get().gives() != Gives::Nothing
}

/// Every stem.
pub(super) fn stems() -> impl Iterator<Item = &'static str> {
    let others = ["jmp", "call", "arg", "getarg", "prepare", "pusharg", "retval", "hton", "ntoh"];
    LETTERED.iter().chain(REGISTERS).copied().chain(others)
}

/// Every mnemonic and stem, for suggestions.
pub(super) fn all_names() -> impl Iterator<Item = &'static str> {
    table::all().iter().map(|i| i.mnemonic.as_str()).chain(stems())
}

/// The instruction that keeps a bare operand.
pub(super) fn assign(operand: &Operand) -> Option<Opcode> {
    Opcode::find(match operand.what {
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
