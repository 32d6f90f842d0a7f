//! The message of a program that trapped.

use super::diagnostics::{Context, at_instruction, without_position};
use kiln::{Trap, TrapKind};

/// What a program that left by an exit hands over to nobody.
fn exit_values(values: &[u64]) -> String {
    if values.is_empty() {
        return "the program leaves for a host that knows the exit; it lists no values".into();
    }
    let values: Vec<String> = values.iter().map(|value| format!("{value:#x}")).collect();
    format!("the program leaves for a host that knows the exit, with {}", values.join(", "))
}

/// Writes what happened and where to standard error.
pub fn trap(context: &Context<'_>, trap: &Trap) {
    let message = format!("trap: {}", trap.reason());
    let mut notes = Vec::new();
    if let Some(function) = trap.function() {
        notes.push(format!("in function `{function}`"));
    }
    match trap.kind() {
        TrapKind::StackOverflow => {
            notes.push("the calls nest without end, or deeper than the stack or `--depth` allows".into());
        }
        TrapKind::OutOfFuel => {
            notes.push(
                "function entries and loop heads take a unit each; `--fuel` says how many there are".into(),
            );
        }
        TrapKind::Exit(_) => notes.push(exit_values(trap.values())),
        _ => {}
    }
    match trap.position() {
        Some(position) => at_instruction(context, &message, position, &notes),
        // Bytecode without positions.
        None => without_position(context, &message, &notes),
    }
}
