//! From an operand of an instruction back to its place in the text, for diagnostics of later stages.

use super::lex::{Kind, Lexer};
use crate::diagnostic::Span;
use crate::entity::Inst;
use crate::function::{Function, Pos};
use crate::op::Shape;

/// The place of an operand of an instruction that was read from `text`, counted as the verifier counts: a call has all its
/// results, also those that the text leaves out. Else as [`operand_span`].
///
/// `None` if the instruction has no position, or `text` no such place.
pub fn instruction_span(text: &str, f: &Function, inst: Inst, operand: Option<u8>) -> Option<Span> {
    let record = f.insts().get(inst.index())?;
    let results = match record.op.shape() {
        Shape::Call | Shape::CallPtr => f.call(record).results as usize,
        _ => 0,
    };
    find(text, f.position(inst)?, operand, results)
}

/// The place of an operand of the instruction that was read at `pos`: operands are counted as written, results first;
/// each value in a list counts as one. Without an operand, or if the instruction has not so many, the whole instruction.
///
/// `None` if `text` has no such place, because it is not the text that was read.
pub fn operand_span(text: &str, pos: Pos, operand: Option<u8>) -> Option<Span> {
    find(text, pos, operand, 0)
}

/// The place of an operand, if the first `results` operands are results, whether written or not.
fn find(text: &str, pos: Pos, operand: Option<u8>, results: usize) -> Option<Span> {
    let line_start = text
        .split_inclusive('\n')
        .scan(0, |at, line| Some(std::mem::replace(at, *at + line.len())))
        .nth(pos.line.checked_sub(1)? as usize)?;
    let rest = &text[line_start..];
    let line = rest.lines().next().unwrap_or("");
    let skip = line.char_indices().nth(pos.column.saturating_sub(1) as usize).map_or(0, |(at, _)| at);
    let start = line_start + skip;
    let mut lexer = Lexer::new(text);
    lexer.at = start;
    let mut spans = Vec::new();
    let mut end = start;
    // The operand being read, how deep in brackets it is, and whether the mnemonic has passed.
    let mut open: Option<(usize, usize)> = None;
    let (mut braces, mut squares) = (0usize, 0usize);
    // How many results stand in the text.
    let mut written = 0;
    let has_results = matches!(lexer.peek().kind, Kind::Reg(_));
    let mut in_results = has_results;
    let mut mnemonic = !has_results;
    loop {
        let token = lexer.next();
        let (from, to) = (token.start as usize, token.end as usize);
        match token.kind {
            Kind::Eof => break,
            Kind::Newline if squares == 0 && braces == 0 => break,
            Kind::Newline => continue,
            Kind::Punct(b'!') => break,
            Kind::Punct(b'}') if braces == 0 => break,
            Kind::Punct(b'=') if in_results => {
                spans.extend(open.take());
                written = spans.len();
                in_results = false;
                mnemonic = matches!(lexer.peek().kind, Kind::Ident(_));
            }
            // The mnemonic with its suffixes.
            Kind::Ident(_) if mnemonic && !in_results => {
                mnemonic = false;
                end = to;
                while lexer.text.as_bytes().get(lexer.at) == Some(&b'.') {
                    lexer.next();
                    end = lexer.next().end as usize;
                }
                continue;
            }
            Kind::Punct(b'[') => {
                squares += 1;
                open = Some((open.map_or(from, |(s, _)| s), to));
            }
            Kind::Punct(b']') => {
                squares = squares.saturating_sub(1);
                open = open.map(|(s, _)| (s, to));
            }
            Kind::Punct(b',') if squares == 0 => spans.extend(open.take()),
            Kind::Punct(b'(' | b')' | b'{') if squares == 0 => {
                braces += (token.kind != Kind::Punct(b')')) as usize;
                if token.kind == Kind::Punct(b')') {
                    braces = braces.saturating_sub(1);
                }
                spans.extend(open.take());
            }
            Kind::Punct(b'}') => {
                braces = braces.saturating_sub(1);
                spans.extend(open.take());
            }
            // A type behind a result, a signature behind a callee. (The colon of a case belongs to its operand.)
            Kind::Punct(b':') if squares == 0 && braces == 0 => {
                spans.extend(open.take());
                if !in_results && lexer.peek().kind == Kind::Ident("fn") {
                    skip_signature(&mut lexer);
                } else {
                    lexer.next();
                }
            }
            _ => open = Some((open.map_or(from, |(s, _)| s), to)),
        }
        end = to;
    }
    spans.extend(open);
    let left_out = results.saturating_sub(written);
    let (start, end) = match operand.map(usize::from) {
        Some(n) if n >= written && n < written + left_out => (start, end),
        Some(n) => {
            let n = if n < written { n } else { n - left_out };
            spans.get(n).copied().unwrap_or((start, end))
        }
        None => (start, end),
    };
    Some(Span { file: pos.file, start: start as u32, end: end as u32 })
}

/// From behind a callee's `:` to before its arguments.
fn skip_signature(lexer: &mut Lexer<'_>) {
    let mut parens = 0;
    loop {
        match lexer.peek().kind {
            Kind::Newline | Kind::Eof => return,
            Kind::Punct(b'(') => parens += 1,
            Kind::Punct(b')') => {
                parens -= 1;
                lexer.next();
                // What follows the parameters: a convention, results, or the arguments.
                if parens == 0 && lexer.peek().kind == Kind::Punct(b'(') {
                    return;
                }
                continue;
            }
            _ => {}
        }
        let was_arrow = lexer.next().kind == Kind::Arrow;
        if was_arrow && parens == 0 && lexer.peek().kind != Kind::Punct(b'(') {
            // A single result type.
            lexer.next();
            return;
        }
        if parens == 0 && !was_arrow && lexer.peek().kind == Kind::Punct(b'(') {
            // The parameters, behind `fn`; or the arguments, behind a convention.
            continue;
        }
    }
}
