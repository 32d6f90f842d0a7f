//! The message of a program that trapped.

use super::diagnostics::{Context, at_instruction, without_position};
use kiln::{Trap, TrapKind};

/// Writes what happened and where to standard error.
pub fn trap(context: &Context<'_>, trap: &Trap) {
    let message = format!("trap: {}", trap.reason());
    let mut notes = Vec::new();
    if let Some(function) = trap.function() {
        notes.push(format!("in function `{function}`"));
    }
    if trap.kind() == TrapKind::StackOverflow {
        notes.push("the calls nest without end, or deeper than the stack".into());
    }
    match trap.position() {
        Some(position) => at_instruction(context, &message, position, &notes),
        // Bytecode without positions.
        None => without_position(context, &message, &notes),
    }
}
