//! `kiln explain`: what an operation does, from the op table.

use crate::render::{self, nearest};
use crate::status::Status;
use kiln_ir::{op, reference};
use std::fmt::Write as _;

const EXAMPLES: &str = "\
Examples:
  kiln explain sdiv          one operation
  kiln explain load.u8       a suffix does not matter
  kiln explain blt           one of a family
  kiln explain cmp           the whole family
  kiln explain               list all operations";

/// Say what an operation does: operands, types, effects, traps
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The operation, as programs write it; without one, all are listed
    op: Option<String>,
}

/// Writes what the table says of one operation, or the list of all.
pub fn explain(arguments: Arguments) -> Result<(), Status> {
    let Some(name) = arguments.op else {
        return render::write_out(&list());
    };
    if let Some(explanation) = reference::explain(&name) {
        return render::write_out(&explanation.to_string());
    }
    let mnemonic = name.split('.').next().unwrap_or(&name);
    let names: Vec<String> = op::all_mnemonics().map(|(name, _, _)| name).collect();
    let close = nearest(mnemonic, names.iter().map(String::as_str));
    let help = if close.is_empty() {
        "`kiln explain` alone lists all operations".to_owned()
    } else {
        format!("did you mean {}?", close.join(" or "))
    };
    render::error(&format!("there is no operation `{mnemonic}`"), Some(&help));
    Err(Status::USAGE)
}

fn list() -> String {
    let mut text = String::new();
    for row in op::rows() {
        let _ = writeln!(text, "{:<14} {}", row.mnemonic.replace("{}", "…"), row.doc.trim());
    }
    text
}
