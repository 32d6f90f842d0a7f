//! Problems of Whitespace programs, with excerpts. Assembly is shown as it is; Whitespace as the letters of its tokens, with
//! the line's comment behind them.

use super::{error, renderer, show};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Snippet};
use kiln_whitespace::diagnostic::Note;
use kiln_whitespace::source::{Language, Source, Sources, Span};
use kiln_whitespace::token::{self, Token};
use kiln_whitespace::{Diagnostic, Fault, Machine, Program, Rejected};
use std::ops::Range;

/// What is shown of a text.
struct Excerpt {
    path: String,
    line: u32,
    column: u32,
    text: String,
    /// The bytes of `text` to be marked.
    mark: Range<usize>,
    /// The column of the origin is that of the mark.
    plain: bool,
}

/// Writes why a text is no program.
pub fn rejected(name: &str, rejected: &Rejected) {
    for diagnostic in &rejected.diagnostics {
        self::diagnostic(name, &rejected.sources, diagnostic, "");
    }
    let count = rejected.diagnostics.len();
    match rejected.omitted {
        0 if count > 1 => error(&format!("{count} errors in {name}"), None),
        0 => {}
        _ => error(&format!("{count} errors in {name}, and more that are not shown"), None),
    }
}

/// Writes what is doubtful in a program.
pub fn warnings(name: &str, program: &Program, warnings: &[Diagnostic]) {
    let nothing = Sources::default();
    for warning in warnings {
        let text = warning.instruction.map(|at| format!(", `{}`", program.instruction_text(at)));
        diagnostic(name, program.sources().unwrap_or(&nothing), warning, &text.unwrap_or_default());
    }
}

/// How many calls a report shows.
const CALLS: usize = 10;

/// Writes why a run failed: what, where, and by which calls execution came there, the innermost first.
pub fn fault(name: &str, machine: &Machine<'_>, fault: &Fault) {
    let program = machine.program();
    let instruction = (fault.instruction as usize) < program.len();
    let text = instruction.then(|| format!(", `{}`", program.instruction_text(fault.instruction)));
    let calls = machine.state().calls();
    let mut notes: Vec<Note> = calls.iter().rev().take(CALLS).map(|place| call(program, *place)).collect();
    if calls.len() > CALLS {
        notes.push(Note { message: format!("and {} more calls", calls.len() - CALLS), span: None });
    }
    let place = fault.instruction.checked_sub(u32::from(!instruction)).and_then(|at| program.span(at));
    let span = match place {
        Some(last) if !instruction => Span::new(last.end, last.end),
        place => place.unwrap_or(Span::new(0, 0)),
    };
    let problem = Diagnostic {
        class: fault.kind.class(),
        message: fault.kind.to_string(),
        span,
        instruction: Some(fault.instruction),
        notes,
        help: fault.kind.remedy().map(str::to_owned),
    };
    let nothing = Sources::default();
    diagnostic(name, program.sources().unwrap_or(&nothing), &problem, &text.unwrap_or_default());
}

/// What to say of a call by its return place.
fn call(program: &Program, place: u32) -> Note {
    let at = place.saturating_sub(1);
    let label = program.instructions().get(at as usize).and_then(|call| call.label());
    let name =
        label.map_or_else(|| "a subroutine".into(), |label| format!("`{}`", program.label_name(label)));
    let position = program.position(at).map(|position| format!(", {position}")).unwrap_or_default();
    Note { message: format!("in {name}, called at instruction {at}{position}"), span: None }
}

/// Writes a problem; `instruction` is what to say about the instruction beside its number.
fn diagnostic(name: &str, sources: &Sources, diagnostic: &Diagnostic, instruction: &str) {
    let level = if diagnostic.class.is_warning() { Level::WARNING } else { Level::ERROR };
    let excerpt = excerpt(sources, diagnostic.span);
    let notes: Vec<_> = diagnostic
        .notes
        .iter()
        .map(|note| (note, note.span.and_then(|span| self::excerpt(sources, span))))
        .collect();
    let mut group = Group::with_title(level.primary_title(&diagnostic.message).id(diagnostic.class.name()));
    match &excerpt {
        Some(excerpt) => group = excerpt.add_to(group),
        None => group = group.element(Origin::path(name)),
    }
    // Whose text is wrong does not count its instructions.
    let counted = diagnostic.instruction.filter(|_| !diagnostic.class.name().starts_with("asm/"));
    let number = counted.map(|at| format!("at instruction {at}{instruction}"));
    if let Some(number) = &number {
        group = group.element(Level::NOTE.message(number));
    }
    for (note, _) in notes.iter().filter(|(_, excerpt)| excerpt.is_none()) {
        group = group.element(Level::NOTE.message(&note.message));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    let placed = notes.iter().filter_map(|(note, excerpt)| Some((note, excerpt.as_ref()?)));
    let more = placed
        .map(|(note, excerpt)| excerpt.add_to(Group::with_title(Level::NOTE.secondary_title(&note.message))));
    let groups: Vec<_> = std::iter::once(group).chain(more).collect();
    show(&without_gaps(&renderer().render(&groups)));
}

/// The report without the lines that only say that an excerpt has no path: its place stands above it.
fn without_gaps(text: &str) -> String {
    let visible = |line: &str| -> String {
        let mut pieces = line.split('\u{1b}');
        let first = pieces.next().unwrap_or("");
        let rest = pieces.map(|piece| piece.split_once('m').map_or("", |(_, shown)| shown));
        std::iter::once(first).chain(rest).collect()
    };
    text.lines().filter(|line| visible(line).trim() != ":::").collect::<Vec<_>>().join("\n")
}

impl Excerpt {
    fn add_to<'a>(&'a self, group: Group<'a>) -> Group<'a> {
        let snippet: Snippet<'_, Annotation<'_>> = Snippet::source(&self.text)
            .line_start(self.line as usize)
            .annotation(AnnotationKind::Primary.span(self.mark.clone()));
        if self.plain {
            return group.element(snippet.path(&self.path));
        }
        // The letters stand at columns of their own: the place is that of the file.
        let origin = Origin::path(&self.path).line(self.line as usize).char_column(self.column as usize);
        group.element(origin).element(snippet)
    }
}

fn excerpt(sources: &Sources, span: Span) -> Option<Excerpt> {
    let source = sources.of(span.start)?;
    let range = source.range(span);
    match source.language {
        Language::Assembly => assembly(source, range),
        Language::Whitespace => Some(letters(source, range)),
    }
}

/// The line as it is. Of a range of several lines the first is marked to its end.
fn assembly(source: &Source, range: Range<usize>) -> Option<Excerpt> {
    let (line, column) = source.line_column(range.start);
    let bytes = source.line(line);
    let text = String::from_utf8_lossy(&source.text[bytes.clone()]).into_owned();
    // Where the line is not UTF-8 its bytes do not count as the text's do.
    let offset = |at: usize| String::from_utf8_lossy(&source.text[bytes.start..at.min(bytes.end)]).len();
    let (start, end) = (offset(range.start), offset(range.end));
    let next = text[start..].chars().next().map_or(start, |character| start + character.len_utf8());
    let mark = start..end.max(next);
    const LONG: usize = 2000;
    if text.len() > LONG {
        // A line that no terminal shows: its marked part alone.
        let cut: String = text[mark.start..].chars().take(80).collect();
        let marked = cut.len().min(mark.len());
        let path = source.name.clone();
        return Some(Excerpt { path, line, column, text: cut, mark: 0..marked, plain: false });
    }
    Some(Excerpt { path: source.name.clone(), line, column, text, mark, plain: true })
}

/// How many tokens are shown before, within and behind the marked ones.
const BEFORE: usize = 24;
const WITHIN: usize = 64;
const BEHIND: usize = 8;

/// The tokens of the line as letters, on to the end of the range, and what the line says beside them.
fn letters(source: &Source, range: Range<usize>) -> Excerpt {
    let (line, column) = source.line_column(range.start);
    let bytes = source.line(line);
    let text = &source.text;
    let mut shown = String::new();
    let before: Vec<Token> = tokens(text, bytes.start..range.start);
    if before.len() > BEFORE {
        shown.push_str("… ");
    }
    push(&mut shown, &before[before.len().saturating_sub(BEFORE)..]);
    let start = shown.len();
    let within = tokens(text, range.clone());
    push(&mut shown, &within[..within.len().min(WITHIN)]);
    if within.len() > WITHIN {
        shown.push('…');
    }
    shown.truncate(shown.trim_end().len());
    let mark = start.min(shown.len())..shown.len();
    if range.end <= bytes.end {
        // The line feed that ends the line is a token too.
        let behind = tokens(text, range.end..(bytes.end + 1).min(text.len()));
        if !behind.is_empty() {
            shown.push(' ');
            push(&mut shown, &behind[..behind.len().min(BEHIND)]);
            shown.push_str(if behind.len() > BEHIND { "…" } else { "" });
        }
    }
    shown.truncate(shown.trim_end().len());
    let comment = comment(&text[bytes]);
    if !comment.is_empty() {
        shown.push_str("    ");
        shown.push_str(&comment);
    }
    // An end of the file has nothing to mark.
    if mark.is_empty() {
        shown.push(' ');
    }
    let mark = mark.start..mark.end.max(mark.start + usize::from(mark.is_empty()));
    Excerpt { path: source.name.clone(), line, column, text: shown, mark, plain: false }
}

fn tokens(text: &[u8], range: Range<usize>) -> Vec<Token> {
    // Of a long line only so many can be shown at either end.
    token::tokens(&text[..range.end], range.start).map(|(_, token)| token).collect()
}

fn push(shown: &mut String, tokens: &[Token]) {
    for token in tokens {
        shown.push(token.letter());
        shown.push(' ');
    }
}

/// What a line says beside its tokens, in one line and not too long.
fn comment(line: &[u8]) -> String {
    let words = line.split(|byte| matches!(byte, b' ' | b'\t' | b'\r')).filter(|word| !word.is_empty());
    let mut comment = String::new();
    for word in words {
        if comment.len() > 100 {
            comment.push('…');
            break;
        }
        let word = String::from_utf8_lossy(word);
        let visible = word.chars().take(100).map(|c| if c.is_control() { '\u{fffd}' } else { c });
        comment.extend(visible);
        comment.push(' ');
    }
    comment.truncate(comment.trim_end().len());
    comment
}
