//! Programs: instructions in a dense array, and beside them what most runs never look at.

use crate::Integer;
use crate::bits::BitBuffer;
use crate::diagnostic::{Diagnostic, Problems, Rejected};
use crate::fault::{Class, Fault, FaultKind};
use crate::instruction::Instruction;
use crate::label::{self, Label, LabelId, LabelTable};
use crate::number::{self, Form, Number, OddForm};
use crate::options::{DuplicateLabels, Options, UndefinedLabels};
use crate::source::{Position, Sources, Span};
use std::borrow::Cow;
use std::sync::Arc;

/// Where a jump leads: the instruction behind the label, so that a jump does not execute the label. It may be the place behind
/// the last instruction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Target(u32);

impl Target {
    /// That of a jump to a label that is defined nowhere.
    pub const UNDEFINED: Target = Target(u32::MAX);

    /// The index of an instruction, at most the number of instructions.
    pub(crate) const fn new(instruction: u32) -> Target {
        Target(instruction)
    }

    /// The index of the instruction that runs next, at most the number of instructions. None if the label is defined
    /// nowhere: the jump fails if it is taken, with its operand still on the stack.
    #[inline]
    pub const fn instruction(self) -> Option<u32> {
        if self.0 == u32::MAX { None } else { Some(self.0) }
    }
}

/// A program that keeps the rules of the options it was read with. Cheap to clone, never changed, and free to be used from
/// several threads.
#[derive(Clone, Debug)]
pub struct Program(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    instructions: Box<[Instruction]>,
    integers: Box<[Integer]>,
    odd_forms: Box<[OddForm]>,
    labels: LabelTable,
    /// The instruction that defines each label; `UNDEFINED` where there is none.
    definitions: Box<[u32]>,
    /// Names that labels have in the text, where their tokens do not say them; sorted by label.
    names: Box<[(LabelId, Box<str>)]>,
    tail: Option<Box<Diagnostic>>,
    /// Where each instruction stands; none in a stripped program.
    places: Option<Places>,
}

/// Where instructions stand.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub sources: Sources,
    /// One for each instruction.
    pub spans: Box<[Span]>,
}

const UNDEFINED: u32 = u32::MAX;

impl Program {
    /// The instructions, in order.
    #[inline]
    pub fn instructions(&self) -> &[Instruction] {
        &self.0.instructions
    }

    /// How many instructions there are. A trap at the end is one.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.instructions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.instructions.is_empty()
    }

    /// The numbers beyond 64 bits, as [`Number::size`] refers to them.
    pub fn integers(&self) -> &[Integer] {
        &self.0.integers
    }

    /// The value of a number of this program.
    pub fn value(&self, number: Number) -> Cow<'_, Integer> {
        number::value(number, &self.0.integers)
    }

    /// The numbers that are not written the shortest way, in the order of their instructions.
    pub fn odd_forms(&self) -> &[OddForm] {
        &self.0.odd_forms
    }

    /// How many labels there are, defined or not. Their indices count from 0.
    pub fn label_count(&self) -> usize {
        self.0.labels.len()
    }

    /// The labels, in the order of first appearance.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = (LabelId, Label<'_>)> {
        (0..self.label_count() as u32).map(|id| (LabelId(id), self.label(LabelId(id))))
    }

    /// A label's tokens.
    pub fn label(&self, id: LabelId) -> Label<'_> {
        self.0.labels.get(id)
    }

    /// The name of a label for people to read: that of the text it came from, else the one that its tokens spell.
    pub fn label_name(&self, id: LabelId) -> Cow<'_, str> {
        match self.0.names.binary_search_by_key(&id, |(named, _)| *named) {
            Ok(at) => Cow::Borrowed(&self.0.names[at].1),
            Err(_) => self.label(id).name(),
        }
    }

    /// The label with this name, as the assembler would take it.
    pub fn find_label(&self, name: &str) -> Option<LabelId> {
        let named = self.0.names.iter().find(|(_, known)| &**known == name).map(|(id, _)| *id);
        named.or_else(|| self.0.labels.find(label::of_name(name).label()))
    }

    /// The instruction that defines a label.
    pub fn definition(&self, id: LabelId) -> Option<u32> {
        Some(self.0.definitions[id.index()]).filter(|at| *at != UNDEFINED)
    }

    /// What could not be parsed, if the program ends in a trap.
    pub fn tail(&self) -> Option<&Diagnostic> {
        self.0.tail.as_deref()
    }

    /// The texts that the program came from; none if it was stripped.
    pub fn sources(&self) -> Option<&Sources> {
        self.0.places.as_ref().map(|places| &places.sources)
    }

    /// Where an instruction stands: from its first byte to behind its last.
    pub fn span(&self, instruction: u32) -> Option<Span> {
        self.0.places.as_ref()?.spans.get(instruction as usize).copied()
    }

    /// File, line and column of an instruction. Behind the last instruction it is where that ends.
    pub fn position(&self, instruction: u32) -> Option<Position> {
        let places = self.0.places.as_ref()?;
        let at = match places.spans.get(instruction as usize) {
            Some(span) => span.start,
            None => places.spans.last().map_or(0, |last| last.end),
        };
        places.sources.position(at)
    }

    /// A fault of this program, with its position.
    pub fn fault(&self, instruction: u32, kind: FaultKind) -> Fault {
        Fault { instruction, position: self.position(instruction), kind }
    }

    /// The fault of the trap at the end.
    pub fn tail_fault(&self) -> Option<FaultKind> {
        let tail = self.tail()?;
        Some(FaultKind::Tail { class: tail.class, message: tail.message.clone() })
    }

    /// The same program without positions, texts and names: less memory.
    #[must_use]
    pub fn strip(&self) -> Program {
        Program(Arc::new(Inner { names: Box::default(), places: None, ..Inner::clone(&self.0) }))
    }
}

impl Program {
    /// The same program with other tokens for its labels, one for each in the order of their indices. They must be distinct.
    /// What labels were called is kept if `named`.
    pub(crate) fn with_labels(&self, labels: impl Iterator<Item = BitBuffer>, named: bool) -> Program {
        let mut table = LabelTable::default();
        for mut label in labels {
            table.intern(label.label());
        }
        debug_assert_eq!(table.len(), self.label_count());
        let names = match named {
            true => self.labels().map(|(id, _)| (id, self.label_name(id).into())).collect(),
            false => Box::default(),
        };
        Program(Arc::new(Inner { labels: table, names, ..Inner::clone(&self.0) }))
    }

    /// The same program with other places.
    pub(crate) fn with_places(&self, places: Places) -> Program {
        Program(Arc::new(Inner { places: Some(places), ..Inner::clone(&self.0) }))
    }

    /// The same program with every number written the shortest way with a sign. Empty numbers stay, which are shorter still.
    pub(crate) fn with_plain_numbers(&self) -> Program {
        let empty = self.odd_forms().iter().copied().filter(|odd| odd.form == Form::Empty);
        Program(Arc::new(Inner { odd_forms: empty.collect(), ..Inner::clone(&self.0) }))
    }
}

/// A program while it is read.
#[derive(Default, Debug)]
pub(crate) struct Draft {
    pub instructions: Vec<Instruction>,
    /// One for each instruction.
    pub spans: Vec<Span>,
    pub integers: Vec<Integer>,
    pub odd_forms: Vec<OddForm>,
    pub labels: LabelTable,
    /// Names of labels whose tokens do not say them.
    pub names: Vec<(LabelId, Box<str>)>,
    pub tail: Option<Box<Diagnostic>>,
}

impl Draft {
    /// With room for so many instructions.
    pub fn with_capacity(instructions: usize) -> Draft {
        Draft {
            instructions: Vec::with_capacity(instructions),
            spans: Vec::with_capacity(instructions),
            ..Draft::default()
        }
    }

    pub fn push(&mut self, instruction: Instruction, span: Span) {
        self.instructions.push(instruction);
        self.spans.push(span);
    }

    /// Finds where jumps lead, and makes the program if there are no problems.
    pub fn finish(
        mut self,
        sources: Sources,
        options: &Options,
        mut problems: Problems,
    ) -> Result<Program, Rejected> {
        // What follows a mistake may have been misread: labels are looked at only if all else is right.
        if !problems.is_empty() {
            return Err(problems.rejected(sources));
        }
        self.names.sort_unstable();
        let definitions = self.define(options, &mut problems);
        self.resolve(options, &definitions, &mut problems);
        if !problems.is_empty() {
            return Err(problems.rejected(sources));
        }
        Ok(Program(Arc::new(Inner {
            instructions: self.instructions.into(),
            integers: self.integers.into(),
            odd_forms: self.odd_forms.into(),
            labels: self.labels,
            definitions,
            names: self.names.into(),
            tail: self.tail,
            places: Some(Places { sources, spans: self.spans.into() }),
        })))
    }

    /// Which instruction defines each label.
    fn define(&self, options: &Options, problems: &mut Problems) -> Box<[u32]> {
        let mut definitions = vec![UNDEFINED; self.labels.len()].into_boxed_slice();
        for (at, instruction) in self.instructions.iter().enumerate() {
            let Instruction::Label(label) = *instruction else { continue };
            let definition = &mut definitions[label.index()];
            if *definition == UNDEFINED {
                *definition = at as u32;
                continue;
            }
            match options.duplicate_labels {
                DuplicateLabels::First => {}
                DuplicateLabels::Last => *definition = at as u32,
                DuplicateLabels::Error => {
                    let message = format!("label `{}` is defined a second time", self.name(label));
                    let first = self.spans[*definition as usize];
                    problems.push(
                        Diagnostic::new(Class::DuplicateLabel, self.spans[at], message)
                            .at(at)
                            .note("the first definition", Some(first))
                            .help("`--duplicate-labels first` or `last` says which one is meant"),
                    );
                }
            }
        }
        definitions
    }

    /// Where each jump leads. Each label that is missing is reported once, where it is first wanted.
    fn resolve(&mut self, options: &Options, definitions: &[u32], problems: &mut Problems) {
        let mut reported = vec![false; definitions.len()];
        for at in 0..self.instructions.len() {
            let Some((label, _)) = self.instructions[at].jump() else { continue };
            let definition = definitions[label.index()];
            if definition != UNDEFINED {
                self.instructions[at] = self.instructions[at].with_target(Target::new(definition + 1));
            } else if options.undefined_labels == UndefinedLabels::Error
                && !std::mem::replace(&mut reported[label.index()], true)
            {
                problems.push(self.undefined(at, label, definitions, !problems.is_full()));
            }
        }
    }

    fn undefined(&self, at: usize, label: LabelId, definitions: &[u32], suggest: bool) -> Diagnostic {
        let name = self.name(label);
        let message = format!("there is no label `{name}`");
        let diagnostic = Diagnostic::new(Class::UndefinedLabel, self.spans[at], message).at(at);
        let defined = (0..definitions.len()).filter(|id| definitions[*id] != UNDEFINED);
        let names = defined.map(|id| self.name(LabelId(id as u32)));
        let near = if suggest { crate::suggest::near(&name, names) } else { None };
        diagnostic.help(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`--undefined-labels late` makes it an error only when the jump is taken".into(),
        })
    }

    /// The name of a label, cut if it is long.
    fn name(&self, id: LabelId) -> Cow<'_, str> {
        if let Ok(at) = self.names.binary_search_by_key(&id, |(named, _)| *named) {
            return Cow::Borrowed(&self.names[at].1);
        }
        let label = self.labels.get(id);
        if label.len() <= 512 {
            return label.name();
        }
        let start: String = label.bits().take(64).map(|one| if one { '1' } else { '0' }).collect();
        Cow::Owned(format!("_{start}… ({} tokens)", label.len()))
    }
}
