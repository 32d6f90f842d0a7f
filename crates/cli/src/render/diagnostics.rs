//! Faults of programs as messages with marked excerpts.

use super::{error, report};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Snippet};
use kiln::Position;
use kiln_ir::diagnostic::{Diagnostic, Place, Span};
use kiln_ir::text::{Sources, instruction_span, operand_span};
use kiln_ir::{FileId, FuncId, Inst, Module, Pos};
use std::fmt::Display;
use std::ops::Range;

/// Where excerpts come from.
pub struct Context<'p> {
    /// The file given to the command, for places that name no other.
    pub file: &'p str,
    /// The texts read.
    pub sources: &'p Sources,
    /// The module, once there is one.
    pub module: Option<&'p Module>,
    /// What is marked of the instruction at a position of a text.
    pub marks: fn(&str, Pos) -> Option<Span>,
}

/// A piece of a text: whole lines around a span.
struct Excerpt<'p> {
    path: &'p str,
    lines: &'p str,
    first_line: usize,
    /// Inside `lines`.
    span: Range<usize>,
}

/// Writes one fault to standard error.
pub fn fault<F: Display>(context: &Context<'_>, diagnostic: &Diagnostic<F>) {
    let message = diagnostic.fault.to_string();
    let mut notes = Vec::new();
    let excerpt = match diagnostic.at {
        Place::Span(span) => context.excerpt(span),
        Place::Inst(func, inst, operand) => context.instruction(func, inst, operand, &mut notes),
        Place::Func(func) => context.function(func, &mut notes),
        Place::Byte(at) => {
            notes.push(format!("at byte {at} of {}", context.file));
            None
        }
        Place::Module => None,
    };
    let mut group = Group::with_title(Level::ERROR.primary_title(&message));
    group = match &excerpt {
        Some(excerpt) => group.element(excerpt.snippet()),
        None => group.element(Origin::path(context.file)),
    };
    for note in &notes {
        group = group.element(Level::NOTE.message(note));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    report(&[group]);
}

/// Writes all faults, and how many there were if more than one.
pub fn faults<F: Display>(context: &Context<'_>, diagnostics: &[Diagnostic<F>]) {
    for diagnostic in diagnostics {
        fault(context, diagnostic);
    }
    if diagnostics.len() > 1 {
        error(&format!("{} errors in {}", diagnostics.len(), context.file), None);
    }
}

/// Writes a message about an import, with the line that declares it.
pub fn import(context: &Context<'_>, message: &str, name: Option<&str>, help: Option<&str>) {
    let mut group = Group::with_title(Level::ERROR.primary_title(message));
    let excerpt = name.and_then(|name| context.declaration(name));
    group = match &excerpt {
        Some(excerpt) => group.element(excerpt.snippet()),
        None => group.element(Origin::path(context.file)),
    };
    if let Some(help) = help {
        group = group.element(Level::HELP.message(help));
    }
    report(&[group]);
}

/// Writes a message about a place that is not known in any source.
pub fn without_position(context: &Context<'_>, message: &str, notes: &[String]) {
    let mut group =
        Group::with_title(Level::ERROR.primary_title(message)).element(Origin::path(context.file));
    for note in notes {
        group = group.element(Level::NOTE.message(note));
    }
    report(&[group]);
}

/// Writes a message with the instruction at a place of a source file.
pub fn at_instruction(context: &Context<'_>, message: &str, position: &Position, notes: &[String]) {
    let Position { file, line, column } = position;
    let mut group = Group::with_title(Level::ERROR.primary_title(message));
    let found = context.sources.iter().position(|source| source.name == *file);
    let excerpt = found.and_then(|file| context.instruction_at(FileId(file as u32), *line, *column));
    group = match &excerpt {
        Some(excerpt) => group.element(excerpt.snippet()),
        None => {
            let origin = Origin::path(file).line(*line as usize);
            group.element(if *column > 0 { origin.char_column(*column as usize) } else { origin })
        }
    };
    for note in notes {
        group = group.element(Level::NOTE.message(note));
    }
    report(&[group]);
}

impl Excerpt<'_> {
    fn snippet(&self) -> Snippet<'_, Annotation<'_>> {
        Snippet::source(self.lines)
            .path(self.path)
            .line_start(self.first_line)
            .annotation(AnnotationKind::Primary.span(self.span.clone()))
    }
}

impl<'p> Context<'p> {
    /// What messages need while there is no module.
    pub fn of_text(file: &'p str, sources: &'p Sources) -> Context<'p> {
        Context { file, sources, module: None, marks: whole_instruction }
    }

    fn excerpt(&self, span: Span) -> Option<Excerpt<'p>> {
        let source = self.sources.get(span.file)?;
        let text = source.text.as_str();
        let start = floor_boundary(text, span.start as usize);
        let end = floor_boundary(text, (span.end as usize).max(start));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[end..].find('\n').map_or(text.len(), |at| end + at);
        let first_line = text[..line_start].bytes().filter(|b| *b == b'\n').count() + 1;
        // An empty span at the end of the text would have nothing to stand under.
        let end = if end == start && end < line_end { next_boundary(text, end) } else { end };
        Some(Excerpt {
            path: &source.name,
            lines: &text[line_start..line_end],
            first_line,
            span: start - line_start..end - line_start,
        })
    }

    /// The instruction at a place.
    fn instruction_at(&self, file: FileId, line: u32, column: u32) -> Option<Excerpt<'p>> {
        let text = &self.sources.get(file)?.text;
        self.excerpt((self.marks)(text, Pos { file, line, column })?)
    }

    /// The line that declares an import.
    fn declaration(&self, name: &str) -> Option<Excerpt<'p>> {
        self.sources.iter().zip(0..).find_map(|(source, file)| {
            let mut at = 0;
            for line in source.text.split_inclusive('\n') {
                if line.trim_start().starts_with("extern")
                    && let Some(column) = line.find(name)
                {
                    let start = (at + column) as u32;
                    return self.excerpt(Span { file: FileId(file), start, end: start + name.len() as u32 });
                }
                at += line.len();
            }
            None
        })
    }

    fn instruction(
        &self,
        func: FuncId,
        inst: Inst,
        operand: Option<u8>,
        notes: &mut Vec<String>,
    ) -> Option<Excerpt<'p>> {
        let module = self.module?;
        let decl = module.funcs().get(func.index())?;
        notes.push(format!("in function `{}`", decl.name));
        let body = decl.body.as_ref()?;
        let excerpt = body.position(inst).and_then(|pos| {
            let text = &self.sources.get(pos.file)?.text;
            self.excerpt(instruction_span(text, body, inst, operand)?)
        });
        let Some(excerpt) = excerpt else {
            notes.push(format!("instruction {} of {}", inst.0, body.insts().len()));
            return None;
        };
        Some(excerpt)
    }

    fn function(&self, func: FuncId, notes: &mut Vec<String>) -> Option<Excerpt<'p>> {
        let name = &self.module?.funcs().get(func.index())?.name;
        notes.push(format!("in function `{name}`"));
        // Positions are kept for instructions only: the definition is the line that says its name.
        let heading = format!("fn {name}(");
        self.sources.iter().enumerate().find_map(|(file, source)| {
            let start = source.text.find(&heading)?;
            let span = Span {
                file: FileId(file as u32),
                start: start as u32,
                end: (start + heading.len() - 1) as u32,
            };
            self.excerpt(span)
        })
    }
}

/// An instruction of Kiln's own text.
pub fn whole_instruction(text: &str, at: Pos) -> Option<Span> {
    operand_span(text, at, None)
}

/// The start of the character that a byte belongs to, or the end of the text.
fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The end of the character that starts at a byte.
fn next_boundary(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(at, |c| at + c.len_utf8())
}
