//! A program as text, in the long form: full mnemonics, commas.

use super::fault::Fault;
use super::program::{self, Operand, Program, Statement, What};
use kiln_ir::diagnostic::Diagnostic;
use std::fmt::Write;

/// Writes a program as text that [`super::parse`] reads back to the same.
///
/// # Errors
/// What text cannot say: strings that are not UTF-8, floats that are no number.
pub fn print(program: &Program) -> Result<String, Diagnostic<Fault>> {
    let mut text = String::new();
    for (n, function) in program.functions.iter().enumerate() {
        let gap = if n > 0 { "\n" } else { "" };
        let _ = writeln!(text, "{gap}#function {}", function.name);
        for statement in &function.statements {
            let mut line = format!("    {}", statement.op.mnemonic());
            for (n, operand) in program.operands(statement).iter().enumerate() {
                if n == 0 {
                    let _ = write!(line, "{:1$}", "", 16usize.saturating_sub(line.len()).max(1));
                } else {
                    line.push_str(", ");
                }
                put(&mut line, program, statement, operand)?;
            }
            if let Some(keep) = &statement.keep {
                let _ = write!(line, "{:1$}", "", 44usize.saturating_sub(line.chars().count()).max(1));
                let _ = write!(line, "=> {}{}", keep.sigil.text(), program.names.get(keep.name));
            }
            text.push_str(&line);
            text.push('\n');
        }
    }
    Ok(text)
}

fn put(
    line: &mut String,
    program: &Program,
    statement: &Statement,
    operand: &Operand,
) -> Result<(), Diagnostic<Fault>> {
    let refuse = |what: &str| {
        Err(Diagnostic::new(program::place(statement.part(operand.at)), Fault::NotEncodable(what.into())))
    };
    let names = &program.names;
    let _ = match operand.what {
        What::Register(register) => write!(line, "{register}"),
        What::Int(value) => write!(line, "{value}"),
        What::Float(value) if value.is_nan() => return refuse("a float that is no number"),
        // Too large for a double, which is how infinity is written.
        What::Float(value) if value.is_infinite() => {
            write!(line, "{}1e999", if value < 0.0 { "-" } else { "" })
        }
        What::Float(value) => write!(line, "{value:?}"),
        What::Variable(sigil, name) => write!(line, "{}{}", sigil.text(), names.get(name)),
        What::Entry(name) => write!(line, "={}", names.get(name)),
        What::Call(op) => write!(line, "!{}", op.mnemonic()),
        What::External(name) => write!(line, "*{}", names.get(name)),
        What::Str(number) => {
            let bytes = &program.strings[number as usize];
            let Ok(string) = std::str::from_utf8(bytes) else { return refuse("a string that is not UTF-8") };
            line.push_str(&quoted(string));
            Ok(())
        }
    };
    Ok(())
}

/// A string in quotes.
pub(super) fn quoted(string: &str) -> String {
    let mut quoted = String::from('"');
    for c in string.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x07' => quoted.push_str("\\a"),
            '\x0c' => quoted.push_str("\\f"),
            '\x0b' => quoted.push_str("\\v"),
            '\x08' => quoted.push_str("\\b"),
            '\0' => quoted.push_str("\\0"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
