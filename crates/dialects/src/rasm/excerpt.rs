//! The part of a text that an instruction is, for messages about it.

use super::lex::Lexer;
use kiln_ir::Pos;
use kiln_ir::diagnostic::Span;

/// The instruction at a position: from there to its last word, without the comment behind it. `None` if the text has no such
/// place, because it is not the text that was read.
pub fn instruction_span(text: &str, at: Pos) -> Option<Span> {
    let number = at.line.checked_sub(1)? as usize;
    let start: usize = text.split_inclusive('\n').take(number).map(str::len).sum();
    let line = text[start..].lines().next()?;
    let (skip, _) = line.char_indices().nth(at.column.checked_sub(1)? as usize)?;
    let mut tokens = Vec::new();
    // Words are told by their place in the line; what is no word ends it.
    let _ = Lexer::new(&line[skip..]).line(&mut tokens);
    let start = start + skip;
    let end = start + tokens.last()?.end as usize;
    Some(Span { file: at.file, start: start as u32, end: end as u32 })
}
