//! The text form of GNU Lightning: `.tst` files.
//!
//! ```text
//! text ──parse──► Program ──flow──► which parts are one function ──translate──► Module
//! ```
//!
//! `lex.rs` walks over the text, `parse.rs` reads items by the table of instructions in `table.rs`, `operand.rs` their operands,
//! `data.rs` the directives, `expr.rs` the expressions, which are evaluated as they are met. `items.rs` keeps the instructions. `rules.rs` has what holds between
//! operands, `structure.rs` what opens and closes functions and calls. `flow.rs` decides what becomes a function, `live.rs` what
//! such a function must give a value when it is entered. `translate/` writes the IR, a file by topic.
//!
//! Everything is linear in the text: a function may have hundreds of thousands of instructions, and a line hundreds of
//! kilobytes.

mod data;
mod expr;
mod fault;
mod flow;
mod items;
mod lex;
mod live;
mod operand;
mod parse;
mod program;
mod rules;
mod structure;
mod table;
mod translate;
mod value;

pub use fault::Fault;

use fault::{At, Wrong};
use kiln_ir::Module;

/// A program that was read.
#[derive(Debug)]
pub struct Reading {
    /// The module: it exports `main`, called as C's is, which gives 0 when the program has returned.
    pub module: Module,
    /// Whether the program is to be run; not if it says `.disasm`.
    pub run: bool,
    /// The C symbols that it names, and for each the fault to report if there is no such symbol.
    pub symbols: Vec<(String, Fault)>,
}

/// Every mnemonic of the language.
pub fn mnemonics() -> impl Iterator<Item = &'static str> {
    table::TABLE.names()
}

/// Reads a text that the C preprocessor has gone over; `name` is what messages call it where no line marker says better.
///
/// # Errors
/// What is wrong with the text, in its order; at most some twenty faults.
pub fn read(name: &str, text: &str) -> Result<Reading, Vec<Fault>> {
    if text.len() >= u32::MAX as usize {
        let wrong = Wrong::new(At::default(), "the text is larger than 4 GiB");
        return Err(vec![wrong.shown(text, &[name.to_owned()])]);
    }
    let shown = |faults: Vec<Wrong>, files: &[String]| {
        faults.into_iter().map(|wrong| wrong.shown(text, files)).collect::<Vec<Fault>>()
    };
    let program = parse::parse(name, text).map_err(|(faults, files)| shown(faults, &files))?;
    let flow = flow::flow(&program).map_err(|faults| shown(faults, &program.files))?;
    let module = translate::translate(&program, &flow).map_err(|message| {
        let wrong = Wrong::new(At::default(), format!("the translation is wrong: {message}"));
        shown(vec![wrong.help("please report this")], &program.files)
    })?;
    let symbols = program
        .symbols
        .iter()
        .map(|symbol| {
            let wrong = Wrong::new(symbol.at, format!("there is no C symbol `{}`", symbol.name));
            (symbol.name.clone(), wrong.shown(text, &program.files))
        })
        .collect();
    Ok(Reading { module, run: !program.only_assemble, symbols })
}
