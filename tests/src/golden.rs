//! Golden files of programs: a title, then functions, each below lines that say what running it gives.
//!
//! ```text
//! ; sdiv: quotients round toward zero; both bad inputs trap
//! ; tiers: interpreter
//!
//! ; run: @f(-7, 2) == -3
//! ; run: @f(1, 0) traps divide_by_zero
//! export fn f(%a: i64, %b: i64) -> i64 { ...
//! ```
//!
//! Without a `tiers` line a file runs on every tier. Integers are written signed or as they are; of floats, `nan`
//! stands for any NaN and `bits(...)` for exact bits. An exit is written with its values: `traps exit 3 (1, 0.5)`; its
//! number stands only once in the file. Each line runs on a fresh instance of the module.

use kiln_ir::trap::TrapKind;
use kiln_ir::types::{AbiType, Type};
use kiln_ir::{Module, Op};

/// What a run is to give.
#[derive(Clone, PartialEq, Debug)]
pub enum Expected {
    /// It returns, with these values as they are written.
    Values(Vec<String>),
    /// It traps; the name of the trap.
    Trap(String),
}

/// A `run` line.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// Its line in the file, from 0.
    pub line: usize,
    /// The function.
    pub name: String,
    /// The arguments as they are written.
    pub args: Vec<String>,
    /// What it is to give.
    pub expected: Expected,
}

/// The lines of a golden file that are not program.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Golden {
    /// What is promised: the first line.
    pub title: String,
    /// The tiers it is for, if it names any.
    pub tiers: Option<Vec<String>>,
    /// What to run.
    pub runs: Vec<Run>,
}

/// Reads the lines of a golden file.
///
/// # Errors
/// A line that cannot be understood, with its number.
pub fn read(text: &str) -> Result<Golden, String> {
    let mut golden = Golden::default();
    for (line, content) in text.lines().enumerate() {
        let Some(comment) = content.strip_prefix(';') else { continue };
        let comment = comment.trim();
        if line == 0 {
            golden.title = comment.into();
        } else if let Some(tiers) = comment.strip_prefix("tiers:") {
            golden.tiers = Some(tiers.split_whitespace().map(String::from).collect());
        } else if let Some(run) = comment.strip_prefix("run:") {
            let run =
                read_run(line, run.trim()).ok_or(format!("line {}: cannot read `{comment}`", line + 1))?;
            golden.runs.push(run);
        }
    }
    if golden.title.is_empty() {
        return Err("the first line must be a comment that says what is promised".into());
    }
    if golden.runs.is_empty() {
        return Err("there is no `; run:` line".into());
    }
    Ok(golden)
}

fn read_run(line: usize, text: &str) -> Option<Run> {
    let (name, rest) = text.strip_prefix('@')?.split_once('(')?;
    // The outcome begins behind the parenthesis that closes the arguments, which may have some of their own.
    let mut depth = 1;
    let end = rest.find(|c| {
        depth += (c == '(') as i32 - (c == ')') as i32;
        depth == 0
    })?;
    let (args, outcome) = (&rest[..end], rest[end + 1..].trim());
    let list = |text: &str| -> Vec<String> {
        text.split(',').map(|a| a.trim().to_string()).filter(|a| !a.is_empty()).collect()
    };
    let expected = if let Some(trap) = outcome.strip_prefix("traps ") {
        Expected::Trap(trap.trim().into())
    } else if let Some(value) = outcome.strip_prefix("==") {
        let value = value.trim();
        let value = value.strip_prefix('(').and_then(|v| v.strip_suffix(')')).unwrap_or(value);
        Expected::Values(list(value))
    } else if outcome.is_empty() {
        Expected::Values(vec![])
    } else {
        return None;
    };
    Some(Run { line, name: name.into(), args: list(args), expected })
}

/// The word for a written value of a parameter's type.
///
/// # Errors
/// What cannot be read as such a value.
pub fn word(text: &str, ty: AbiType) -> Result<u64, String> {
    let fault = || format!("`{text}` is not a value of {ty:?}");
    let digits = text.replace('_', "");
    let exact = digits.strip_prefix("bits(").and_then(|b| b.strip_suffix(')'));
    let integer = |text: &str| -> Option<i128> {
        let (minus, digits) = text.strip_prefix('-').map_or((false, text), |d| (true, d));
        let value = match digits.strip_prefix("0x") {
            Some(hex) => i128::from_str_radix(hex, 16).ok()?,
            None => digits.parse().ok()?,
        };
        Some(if minus { -value } else { value })
    };
    if let Some(bits) = exact {
        return integer(bits).map(|v| v as u64).ok_or_else(fault);
    }
    Ok(match ty {
        AbiType::Value(Type::F32) => digits.parse::<f32>().map_err(|_| fault())?.to_bits() as u64,
        AbiType::Value(Type::F64) => digits.parse::<f64>().map_err(|_| fault())?.to_bits(),
        AbiType::Value(Type::I64 | Type::Ptr) => integer(&digits).ok_or_else(fault)? as u64,
        AbiType::I8 | AbiType::U8 | AbiType::I16 | AbiType::U16 | AbiType::Value(Type::I32) => {
            integer(&digits).ok_or_else(fault)? as u32 as u64
        }
        AbiType::Aggregate(_) => return Err("a golden file cannot pass an aggregate".into()),
    })
}

/// Whether a result is the written value.
///
/// # Errors
/// If what is written is no value of the type.
pub fn is(text: &str, ty: AbiType, value: u64) -> Result<bool, String> {
    let expected = word(text, ty)?;
    Ok(match ty {
        AbiType::Value(Type::F32) if text == "nan" => f32::from_bits(value as u32).is_nan(),
        AbiType::Value(Type::F64) if text == "nan" => f64::from_bits(value).is_nan(),
        AbiType::Value(Type::I64 | Type::F64 | Type::Ptr) => value == expected,
        AbiType::I8 | AbiType::U8 => value as u8 == expected as u8,
        AbiType::I16 | AbiType::U16 => value as u16 == expected as u16,
        AbiType::Value(Type::I32 | Type::F32) | AbiType::Aggregate(_) => value as u32 == expected as u32,
    })
}

/// A result as golden files write it.
pub fn show(ty: AbiType, value: u64) -> String {
    match ty {
        AbiType::Value(Type::F32) => match f32::from_bits(value as u32) {
            x if x.is_nan() => "nan".into(),
            x => format!("{x:?}"),
        },
        AbiType::Value(Type::F64) => match f64::from_bits(value) {
            x if x.is_nan() => "nan".into(),
            x => format!("{x:?}"),
        },
        AbiType::Value(Type::I64 | Type::Ptr) => (value as i64).to_string(),
        AbiType::I8 => (value as i8).to_string(),
        AbiType::U8 => (value as u8).to_string(),
        AbiType::I16 => (value as i16).to_string(),
        AbiType::U16 => (value as u16).to_string(),
        AbiType::Value(Type::I32) | AbiType::Aggregate(_) => (value as i32).to_string(),
    }
}

/// The name of a trap as golden files write it. The address of a bad access is left out.
pub fn trap_name(kind: TrapKind) -> String {
    match kind {
        TrapKind::DivideByZero => "divide_by_zero".into(),
        TrapKind::IntegerOverflow => "integer_overflow".into(),
        TrapKind::InvalidConversion => "invalid_conversion".into(),
        TrapKind::BadAccess(_) => "bad_access".into(),
        TrapKind::StackOverflow => "stack_overflow".into(),
        TrapKind::Unreachable => "unreachable".into(),
        TrapKind::User(code) => format!("user {code}"),
        TrapKind::BadLabel => "bad_label".into(),
        TrapKind::StepLimit => "step_limit".into(),
        TrapKind::Host => "host".into(),
        TrapKind::Unbound => "unbound".into(),
        TrapKind::Interrupted => "interrupted".into(),
        TrapKind::OutOfFuel => "out_of_fuel".into(),
        TrapKind::Exit(id) => format!("exit {id}"),
    }
}

/// The types of the values that the exit of a module lists.
pub fn exit_types(module: &Module, kind: TrapKind) -> Vec<Type> {
    let TrapKind::Exit(id) = kind else { return vec![] };
    let bodies = module.funcs().iter().filter_map(|f| f.body.as_ref());
    let mut exits =
        bodies.flat_map(|f| f.insts().iter().map(move |inst| (f, inst))).filter_map(|(f, inst)| {
            let (number, list) = match inst.op {
                Op::Guard | Op::Fguard => (f.tail(inst)[1], 2),
                Op::Exit => (inst.a, 0),
                _ => return None,
            };
            (number == id).then(|| f.list(inst, list).iter().map(|v| f.ty(v)).collect())
        });
    exits.next().unwrap_or_default()
}

/// The values that an exit left with, as golden files write them; with their bits above the type's, if there are any.
pub fn list(types: &[Type], words: &[u64]) -> String {
    if types.is_empty() && words.is_empty() {
        return String::new();
    }
    let value = |(ty, word): (&Type, &u64)| match word >> (8 * ty.bytes() - 1) >> 1 {
        0 => show(AbiType::Value(*ty), *word),
        _ => format!("bits({word:#x})"),
    };
    let mut shown: Vec<String> = types.iter().zip(words).map(value).collect();
    if types.len() != words.len() {
        shown.push(format!("{} values in all", words.len()));
    }
    format!(" ({})", shown.join(", "))
}

/// The text with the outcomes of the given lines rewritten: for `KILN_BLESS=1`.
pub fn bless(text: &str, outcomes: &[(usize, Result<Vec<String>, String>)]) -> String {
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    for (line, outcome) in outcomes {
        let call = lines[*line].clone();
        let end = call.find(") ==").or(call.find(") traps")).map_or(call.len(), |at| at + 1);
        let call = &call[..end];
        lines[*line] = match outcome {
            Ok(values) => match &values[..] {
                [] => call.into(),
                [value] => format!("{call} == {value}"),
                values => format!("{call} == ({})", values.join(", ")),
            },
            Err(trap) => format!("{call} traps {trap}"),
        };
    }
    lines.join("\n") + "\n"
}
