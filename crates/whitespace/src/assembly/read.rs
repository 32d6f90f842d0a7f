//! Words to instructions.

use super::lex::{self, Kind, Pools, Token, Word};
use super::stream::{LONGEST_SCOPE, Macro, Stream};
use super::{AsmOptions, Dialect};
use crate::Integer;
use crate::bits::BitBuffer;
use crate::diagnostic::{Diagnostic, Problems, Rejected};
use crate::fault::Class;
use crate::instruction::{Argument, Instruction, Opcode};
use crate::label::{self, LabelId};
use crate::number::{self, Form, Number, OddForm};
use crate::program::{Draft, Program};
use crate::source::{Language, Sources, Span};
use crate::suggest;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Assembles a text. Linear in its length, with all that it includes and expands.
pub(super) fn read(text: &[u8], options: &AsmOptions<'_>) -> Result<Program, Rejected> {
    let mut sources = Sources::default();
    let mut problems = Problems::default();
    let mut pools = Pools::default();
    let tokens = open(options, options.name, text, &mut sources, &mut pools, &mut problems);
    let Some(tokens) = tokens else { return Err(problems.rejected(sources)) };
    let stream = Stream::new(pools, options.name, tokens);
    let mut reader =
        Reader { options, sources, problems, stream, draft: Draft::default(), meanings: Vec::new() };
    reader.program();
    reader.draft.integers = std::mem::take(&mut reader.stream.pools.integers);
    reader.draft.finish(reader.sources, &options.options, reader.problems)
}

/// Adds a text to the sources and gives its tokens; none if it cannot be read at all.
fn open(
    options: &AsmOptions<'_>,
    name: &str,
    text: &[u8],
    sources: &mut Sources,
    pools: &mut Pools,
    problems: &mut Problems,
) -> Option<Vec<Token>> {
    let Some(base) = sources.add(name, text, Language::Assembly) else {
        let message = format!("{} bytes are too many: texts have less than 4 GiB together", text.len());
        problems.push(Diagnostic::new(Class::TooLong, Span::new(0, 0), message));
        return None;
    };
    match std::str::from_utf8(text) {
        Ok(text) => Some(lex::lex(text, base, options.dialect, pools, problems)),
        Err(error) => {
            let at = base + error.valid_up_to() as u32;
            let message = "assembly is text in UTF-8, and this byte does not belong there";
            let help = "if it is Whitespace rather than assembly, say `-f ws`";
            problems.push(Diagnostic::new(Class::Encoding, Span::new(at, at + 1), message).help(help));
            None
        }
    }
}

/// What a word means where an instruction is expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Meaning {
    Opcode(Opcode),
    /// `pushz`: a string with a 0 at its far end.
    PushZero,
    Include,
    Define,
    /// A macro, by its index.
    Macro(usize),
    Unknown,
}

const PUSH_ZERO: &str = "pushz";
const INCLUDE: &str = "include";
const DEFINE: &str = "macro";

/// Words of the assembler that are no mnemonics of instructions.
const FURTHER: [(&str, Meaning); 3] =
    [(PUSH_ZERO, Meaning::PushZero), (INCLUDE, Meaning::Include), (DEFINE, Meaning::Define)];

static MNEMONICS: LazyLock<HashMap<&str, Meaning>> = LazyLock::new(|| {
    Opcode::mnemonics().map(|(name, opcode)| (name, Meaning::Opcode(opcode))).chain(FURTHER).collect()
});

struct Reader<'a> {
    options: &'a AsmOptions<'a>,
    sources: Sources,
    problems: Problems,
    stream: Stream,
    draft: Draft,
    /// What words mean, by their index, as far as somebody asked.
    meanings: Vec<Option<Meaning>>,
}

/// What is wrong has been reported. The rest of the line says nothing.
struct Reported;

impl Reader<'_> {
    fn program(&mut self) {
        loop {
            while let Some(token) = self.stream.take() {
                if self.line(token).is_err() {
                    self.skip_line();
                }
                if self.problems.is_full() {
                    return;
                }
            }
            if !self.stream.leave() {
                return;
            }
        }
    }

    fn skip_line(&mut self) {
        while let Some(token) = self.stream.peek() {
            if token.kind == Kind::Newline {
                return;
            }
            self.stream.take();
        }
    }

    /// Reads what begins with a token: a label, an instruction, or nothing.
    fn line(&mut self, token: Token) -> Result<(), Reported> {
        let labelled = self.next_is(Kind::Colon);
        match token.kind {
            Kind::Newline => Ok(()),
            Kind::Bad => Err(Reported),
            Kind::Word(_) | Kind::Number(_) if labelled => self.define_label(token),
            Kind::Word(word) => {
                self.statement(word, token)?;
                match self.stream.peek() {
                    Some(next)
                        if self.options.dialect == Dialect::Whitespacers && next.kind != Kind::Newline =>
                    {
                        let message = "whitespacers wants each instruction on a line of its own";
                        Err(self.report(Class::UnexpectedArgument, next.span, message, None))
                    }
                    _ => Ok(()),
                }
            }
            Kind::Number(_) | Kind::Char(_) | Kind::Text(_) => Err(self.report(
                Class::UnexpectedArgument,
                token.span,
                "this value belongs to no instruction",
                None,
            )),
            Kind::Colon | Kind::At | Kind::Open | Kind::Close => {
                let message = "an instruction or a label is expected here";
                Err(self.report(Class::UnexpectedArgument, token.span, message, None))
            }
        }
    }

    fn next_is(&mut self, kind: Kind) -> bool {
        self.stream.peek().is_some_and(|token| token.kind == kind)
    }

    /// Reports a problem, with the macros that led there.
    fn report(
        &mut self,
        class: Class,
        span: Span,
        message: impl Into<String>,
        help: Option<Cow<'_, str>>,
    ) -> Reported {
        let mut diagnostic = Diagnostic::new(class, span, message).at(self.draft.instructions.len());
        diagnostic.help = help.map(Cow::into_owned);
        for (name, asked) in self.stream.expanding().take(4) {
            diagnostic = diagnostic.note(format!("in this expansion of `{name}`"), Some(asked));
        }
        self.problems.push(diagnostic);
        Reported
    }

    fn meaning(&mut self, word: Word) -> Meaning {
        if self.meanings.len() <= word.index() {
            self.meanings.resize(word.index() + 1, None);
        }
        if let Some(known) = self.meanings[word.index()] {
            return known;
        }
        let text = self.stream.pools.words.text(word);
        let meaning = match self.options.dialect {
            Dialect::Kiln => MNEMONICS.get(text.to_ascii_lowercase().as_str()).copied(),
            Dialect::Whitespacers => {
                let mut opcodes = Opcode::ALL.iter();
                opcodes
                    .find(|opcode| opcode.info().whitespacers == text)
                    .map(|opcode| Meaning::Opcode(*opcode))
            }
        };
        let meaning = meaning.unwrap_or(Meaning::Unknown);
        self.meanings[word.index()] = Some(meaning);
        meaning
    }

    fn statement(&mut self, word: Word, token: Token) -> Result<(), Reported> {
        match self.meaning(word) {
            Meaning::Opcode(opcode) => match opcode.argument() {
                Argument::Label => self.with_label(opcode, token),
                Argument::Number => self.with_number(opcode, token),
                Argument::None => self.plain(opcode, token),
            },
            Meaning::PushZero => match self.argument() {
                Some(Token { kind: Kind::Text(text), span }) => {
                    let span = Span::new(token.span.start, span.end);
                    self.push_small(0, span);
                    self.push_text(text, span)
                }
                other => Err(self.missing(token, other, "`pushz` needs a string")),
            },
            Meaning::Include => self.include(token),
            Meaning::Define => self.define_macro(token),
            Meaning::Macro(index) => self.expand(index, token),
            Meaning::Unknown => Err(self.unknown(word, token)),
        }
    }

    fn unknown(&mut self, word: Word, token: Token) -> Reported {
        let text = self.stream.pools.words.text(word).to_owned();
        let message = format!("`{}` is no instruction", lex::cut(&text));
        let help = match (self.options.dialect, text.to_ascii_lowercase().as_str()) {
            (Dialect::Whitespacers, name) if MNEMONICS.contains_key(name) => {
                let known = Opcode::from_mnemonic(name).map(|opcode| opcode.info().whitespacers);
                known.map(|known| format!("whitespacers calls it `{known}`").into())
            }
            (Dialect::Kiln, "pushs") => {
                Some("`push \"…\"` pushes the characters, `pushz \"…\"` with a 0 at the far end".into())
            }
            (dialect, _) => {
                let macros = self.stream.macros.iter().map(|known| self.stream.pools.words.text(known.name));
                let names: Vec<&str> = match dialect {
                    Dialect::Kiln => {
                        let opcodes = Opcode::mnemonics().map(|(name, _)| name);
                        opcodes.chain(FURTHER.iter().map(|(name, _)| *name)).chain(macros).collect()
                    }
                    Dialect::Whitespacers => {
                        Opcode::ALL.iter().map(|opcode| opcode.info().whitespacers).collect()
                    }
                };
                let near = suggest::near(&text, names.into_iter().map(Cow::Borrowed));
                near.map(|near| Cow::Owned(format!("did you mean `{near}`?")))
            }
        };
        self.report(Class::UnknownMnemonic, token.span, message, help)
    }

    /// Takes the next token if it can be an argument: a value or word on this line that is not the label in front of
    /// something.
    fn argument(&mut self) -> Option<Token> {
        let token = self.stream.peek()?;
        let value =
            matches!(token.kind, Kind::Word(_) | Kind::Number(_) | Kind::Char(_) | Kind::Text(_) | Kind::Bad);
        let label = self.stream.peek_second().is_some_and(|next| next.kind == Kind::Colon);
        if value && !label { self.stream.take() } else { None }
    }

    /// Like `argument`, but leaves words, which are the next instruction.
    fn immediate(&mut self) -> Option<Token> {
        match self.stream.peek()?.kind {
            Kind::Word(_) => None,
            _ => self.argument(),
        }
    }

    /// Reports that an argument is missing, or that there is another one in its place.
    fn missing(&mut self, mnemonic: Token, found: Option<Token>, message: impl Into<String>) -> Reported {
        let next = self.stream.peek();
        match (found, next) {
            (Some(Token { kind: Kind::Bad, .. }), _) => Reported,
            (Some(found), _) => self.report(Class::UnexpectedArgument, found.span, message, None),
            (None, Some(next)) if matches!(next.kind, Kind::Word(_) | Kind::Number(_)) => {
                let help = "a label that is an argument has no colon behind it";
                let help = self
                    .stream
                    .peek_second()
                    .is_some_and(|next| next.kind == Kind::Colon)
                    .then(|| help.into());
                self.report(Class::MissingArgument, mnemonic.span, message, help)
            }
            _ => self.report(Class::MissingArgument, mnemonic.span, message, None),
        }
    }

    fn push_small(&mut self, value: i64, span: Span) {
        self.draft.push(Instruction::Push(Number::small(value)), span);
    }

    /// Pushes the characters so that the first is on top.
    fn push_text(&mut self, text: u32, span: Span) -> Result<(), Reported> {
        let length = self.stream.pools.strings[text as usize].len();
        if self.stream.is_within() && self.stream.count(length).is_err() {
            return Err(self.too_much(span));
        }
        for character in self.stream.pools.strings[text as usize].chars().rev() {
            self.draft.push(Instruction::Push(Number::small(i64::from(u32::from(character)))), span);
        }
        Ok(())
    }

    fn with_number(&mut self, opcode: Opcode, token: Token) -> Result<(), Reported> {
        let name = opcode.info().name;
        let found = match self.stream.peek() {
            // A word is the next instruction, unless it is none: then it was meant as the argument.
            Some(Token { kind: Kind::Word(word), .. }) if self.meaning(word) != Meaning::Unknown => None,
            _ => self.argument(),
        };
        match found {
            Some(Token { kind: Kind::Number(number), span }) => {
                self.check_range(opcode, number, span)?;
                let span = Span::new(token.span.start, span.end);
                let span = if self.next_is(Kind::At) { self.exact(number, span)? } else { span };
                let instruction = Instruction::with_number(opcode, number).expect("it has a number");
                self.draft.push(instruction, span);
                Ok(())
            }
            Some(Token { kind: Kind::Char(character), span }) => {
                let number = Number::small(i64::from(u32::from(character)));
                let instruction = Instruction::with_number(opcode, number).expect("it has a number");
                self.draft.push(instruction, Span::new(token.span.start, span.end));
                Ok(())
            }
            Some(Token { kind: Kind::Text(text), span }) if opcode == Opcode::Push => {
                self.push_text(text, Span::new(token.span.start, span.end))
            }
            other => {
                let what =
                    if opcode == Opcode::Push { "a number, a character or a string" } else { "a number" };
                let reported = self.missing(token, other, format!("`{name}` needs {what}"));
                Err(reported)
            }
        }
    }

    /// What whitespacers refuses as an argument of `copy` and `slide`.
    fn check_range(&mut self, opcode: Opcode, number: Number, span: Span) -> Result<(), Reported> {
        let bad = number.as_i64().is_none_or(|value| value < 0);
        if bad && opcode != Opcode::Push && self.options.dialect == Dialect::Whitespacers {
            let message =
                format!("whitespacers takes numbers from 0 to {} for `{}`", i64::MAX, opcode.name());
            return Err(self.report(Class::BadLiteral, span, message, None));
        }
        Ok(())
    }

    /// Reads `@"…"`, the tokens of a number that is not written the shortest way. Gives the whole instruction's span.
    fn exact(&mut self, number: Number, span: Span) -> Result<Span, Reported> {
        let at = self.stream.take().expect("it was there").span;
        let next = self.stream.take();
        if next.is_some_and(|next| next.kind == Kind::Bad) {
            return Err(Reported);
        }
        let Some(Token { kind: Kind::Text(text), span: tokens }) = next else {
            let message = "`@` is followed by the tokens of the number, as in `push 0 @\"T\"`";
            return Err(self.report(Class::MissingArgument, at, message, None));
        };
        let text = std::mem::take(&mut self.stream.pools.strings[text as usize]);
        let form = self.form(&text, number);
        match form {
            Ok(Some(form)) => {
                let instruction = self.draft.instructions.len() as u32;
                self.draft.odd_forms.push(OddForm { instruction, form });
            }
            Ok(None) => {}
            Err(message) => return Err(self.report(Class::BadLiteral, tokens, message, None)),
        }
        Ok(Span::new(span.start, tokens.end))
    }

    /// The form of a number that these tokens write; none if that is the shortest.
    fn form(&self, tokens: &str, number: Number) -> Result<Option<Form>, &'static str> {
        const DIFFERS: &str = "these tokens are another number";
        let pool = &self.stream.pools.integers;
        let zero = number == Number::small(0);
        let Some(sign) = tokens.bytes().next() else {
            return if zero { Ok(Some(Form::Empty)) } else { Err(DIFFERS) };
        };
        if !tokens.bytes().all(|token| matches!(token, b'S' | b'T')) {
            return Err("the tokens of a number are S and T");
        }
        let negative = sign == b'T';
        let mut digits = BitBuffer::of_bits(tokens.bytes().skip(1).map(|token| token == b'T'));
        let mut integers: Vec<Integer> = Vec::new();
        let (written, zeros) = number::of_digits(negative, &mut digits, &mut integers);
        if number::value(written, &integers) != number::value(number, pool) {
            return Err(DIFFERS);
        }
        Ok((zeros > 0 || (negative && zero)).then_some(Form::Padded { negative, zeros }))
    }

    /// An instruction without an argument, and what its immediate pushes first.
    fn plain(&mut self, opcode: Opcode, token: Token) -> Result<(), Reported> {
        let instruction = Instruction::plain(opcode).expect("it has no argument");
        let Some(immediate) = self.immediate() else {
            self.draft.push(instruction, token.span);
            return Ok(());
        };
        let span = Span::new(token.span.start, immediate.span.end);
        let takes = match opcode {
            Opcode::Add | Opcode::Sub | Opcode::Mul | Opcode::Div | Opcode::Mod => true,
            Opcode::Store | Opcode::Retrieve => true,
            Opcode::Printc | Opcode::Printi | Opcode::Readc | Opcode::Readi => true,
            Opcode::Push | Opcode::Copy | Opcode::Slide => false,
            Opcode::Dup | Opcode::Swap | Opcode::Drop | Opcode::Ret | Opcode::End => false,
            Opcode::Label | Opcode::Call | Opcode::Jmp | Opcode::Jz | Opcode::Jn => false,
        } && self.options.dialect == Dialect::Kiln;
        let number = match immediate.kind {
            Kind::Number(number) if takes => number,
            Kind::Char(character) if takes => Number::small(i64::from(u32::from(character))),
            Kind::Bad => return Err(Reported),
            _ => {
                let message = format!("`{}` takes no such argument", opcode.name());
                let help = match opcode {
                    Opcode::Printc if takes => {
                        Some("`push` pushes a string; `printc` writes one character".into())
                    }
                    Opcode::Dup => Some("`copy 2` pushes the item below the two top ones".into()),
                    _ => None,
                };
                return Err(self.report(Class::UnexpectedArgument, immediate.span, message, help));
            }
        };
        self.draft.push(Instruction::Push(number), span);
        if opcode == Opcode::Store {
            self.draft.push(Instruction::Swap, span);
        }
        self.draft.push(instruction, span);
        Ok(())
    }

    fn with_label(&mut self, opcode: Opcode, token: Token) -> Result<(), Reported> {
        let name = opcode.name();
        match self.argument() {
            Some(argument @ Token { kind: Kind::Word(_) | Kind::Number(_), .. }) => {
                let label = self.label(argument)?;
                let instruction = Instruction::with_label(opcode, label).expect("it has a label");
                self.draft.push(instruction, Span::new(token.span.start, argument.span.end));
                if opcode == Opcode::Label {
                    self.enter_scope(argument);
                }
                Ok(())
            }
            other => Err(self.missing(token, other, format!("`{name}` needs a label"))),
        }
    }

    /// Reads `name:`.
    fn define_label(&mut self, token: Token) -> Result<(), Reported> {
        let colon = self.stream.take().expect("it was there");
        let label = self.label(token)?;
        self.draft.push(Instruction::Label(label), Span::new(token.span.start, colon.span.end));
        self.enter_scope(token);
        Ok(())
    }

    /// Local labels from here on belong to this one, if it is not local itself.
    fn enter_scope(&mut self, label: Token) {
        match label.kind {
            Kind::Word(word) => {
                let name = self.stream.pools.words.text(word);
                if !name.contains('.') {
                    let name = name.to_owned();
                    self.stream.set_scope(&name);
                }
            }
            Kind::Number(number) => {
                if let Some(value) = number.as_i64() {
                    self.stream.set_scope(&value.to_string());
                }
            }
            _ => {}
        }
    }

    /// The label that a token stands for: a name, or a number whose binary digits are the tokens.
    fn label(&mut self, token: Token) -> Result<LabelId, Reported> {
        let mut bits = match token.kind {
            Kind::Word(word) => {
                let name = self.stream.pools.words.text(word);
                if name.starts_with('.') && self.stream.scope_is_too_long() {
                    let message =
                        format!("local labels cannot belong to a name of more than {LONGEST_SCOPE} letters");
                    return Err(self.report(Class::BadLabel, token.span, message, None));
                }
                label::of_name(name)
            }
            Kind::Number(number) => match number.as_i64() {
                Some(value @ 0..) if self.options.dialect == Dialect::Kiln => {
                    let count = (u64::BITS - value.leading_zeros()).max(1);
                    BitBuffer::of_bits((0..count).rev().map(|at| value >> at & 1 == 1))
                }
                _ => {
                    let message = match self.options.dialect {
                        Dialect::Kiln => "a label is a name or a number from 0 on",
                        Dialect::Whitespacers => "whitespacers takes only names for labels",
                    };
                    return Err(self.report(Class::BadLabel, token.span, message, None));
                }
            },
            _ => return Err(self.report(Class::BadLabel, token.span, "this is not a label", None)),
        };
        let id = self.draft.labels.intern(bits.label());
        Ok(id)
    }

    fn include(&mut self, token: Token) -> Result<(), Reported> {
        let (path, at) = match self.argument() {
            Some(Token { kind: Kind::Text(text), span }) => {
                (self.stream.pools.strings[text as usize].clone(), Span::new(token.span.start, span.end))
            }
            other => {
                return Err(self.missing(
                    token,
                    other,
                    "`include` needs the name of a file in double quotes",
                ));
            }
        };
        let included = match self.options.includes.load(self.stream.file(), &path) {
            Ok(included) => included,
            Err(reason) => {
                let message = format!("cannot include `{}`: {reason}", lex::cut(&path));
                return Err(self.report(Class::Include, at, message, None));
            }
        };
        if self.stream.is_open(&included.name) {
            let message = format!("`{}` includes itself", included.name);
            return Err(self.report(Class::Include, at, message, None));
        }
        // Words are about so long, with what is around them.
        if self.stream.count(included.text.len() / 4).is_err() {
            return Err(self.too_much(at));
        }
        let (sources, pools) = (&mut self.sources, &mut self.stream.pools);
        let tokens = open(self.options, &included.name, &included.text, sources, pools, &mut self.problems);
        let Some(tokens) = tokens else { return Err(Reported) };
        self.stream.include(&included.name, tokens, at);
        Ok(())
    }

    fn too_much(&mut self, at: Span) -> Reported {
        self.report(
            Class::Macro,
            at,
            "macros and included files come to more than 4 million words and characters",
            None,
        )
    }

    /// Reads `macro name a b { … }`.
    fn define_macro(&mut self, token: Token) -> Result<(), Reported> {
        let mut names = Vec::new();
        let open = loop {
            match self.stream.take_raw() {
                Some(Token { kind: Kind::Word(word), span }) => names.push((word, span)),
                Some(Token { kind: Kind::Open, span }) if !names.is_empty() => break span,
                other => {
                    if other.is_some_and(|other| other.kind == Kind::Bad) {
                        return Err(Reported);
                    }
                    let span = other.map_or(token.span, |other| other.span);
                    let message = "a macro is `macro name parameters { instructions }`";
                    let reported = self.report(Class::Macro, span, message, None);
                    // The line that is left out must not be the next one.
                    let ended = other.is_some_and(|other| other.kind == Kind::Newline);
                    return if ended { Ok(()) } else { Err(reported) };
                }
            }
        };
        let mut body = Vec::new();
        loop {
            match self.stream.take_raw() {
                Some(Token { kind: Kind::Close, .. }) => break,
                Some(Token { kind: Kind::Open, span }) => {
                    let message = "a macro cannot be defined inside a macro";
                    return Err(self.report(Class::Macro, span, message, None));
                }
                Some(inside) => body.push(inside),
                None => {
                    return Err(self.report(Class::Macro, open, "the body of this macro has no end", None));
                }
            }
        }
        let (name, span) = names.remove(0);
        let text = self.stream.pools.words.text(name).to_owned();
        for (at, (parameter, place)) in names.iter().enumerate() {
            if names[..at].iter().any(|(before, _)| before == parameter) {
                let message =
                    format!("parameter `{}` stands twice", self.stream.pools.words.text(*parameter));
                return Err(self.report(Class::Macro, *place, message, None));
            }
        }
        match self.meaning(name) {
            Meaning::Unknown if !text.starts_with('.') && text.len() <= LONGEST_SCOPE => {}
            Meaning::Macro(index) => {
                let first = self.stream.macros[index].span;
                let message = format!("macro `{text}` is defined a second time");
                let diagnostic = Diagnostic::new(Class::Macro, span, message);
                self.problems.push(diagnostic.note("the first definition", Some(first)));
                return Ok(());
            }
            _ => {
                let message = format!("`{}` cannot be the name of a macro", lex::cut(&text));
                return Err(self.report(Class::Macro, span, message, None));
            }
        }
        self.meanings[name.index()] = Some(Meaning::Macro(self.stream.macros.len()));
        let parameters = names.into_iter().map(|(parameter, _)| parameter).collect();
        self.stream.macros.push(Macro { name, parameters, body: body.into(), span });
        Ok(())
    }

    fn expand(&mut self, index: usize, token: Token) -> Result<(), Reported> {
        let count = self.stream.macros[index].parameters.len();
        let name = self.stream.pools.words.text(self.stream.macros[index].name).to_owned();
        let mut arguments = Vec::with_capacity(count);
        while arguments.len() < count {
            match self.argument() {
                Some(Token { kind: Kind::Bad, .. }) => return Err(Reported),
                Some(argument) => arguments.push(argument),
                None => {
                    let message = format!("`{name}` needs {count} arguments, there are {}", arguments.len());
                    return Err(self.report(Class::MissingArgument, token.span, message, None));
                }
            }
        }
        if self.stream.is_expanding(index) {
            return Err(self.report(Class::Macro, token.span, format!("macro `{name}` uses itself"), None));
        }
        let at = Span::new(token.span.start, arguments.last().map_or(token.span.end, |last| last.span.end));
        if self.stream.expand(index, arguments, at).is_err() {
            return Err(self.too_much(at));
        }
        Ok(())
    }
}

/// How many lines that say anything are looked at to tell the language of a text.
const TELLING: u32 = 500;

/// Whether most lines of a text that say anything begin with a mnemonic or define a label. The first ones decide.
pub(super) fn looks_like_assembly(text: &str) -> bool {
    let mut pools = Pools::default();
    let (mut assembly, mut other) = (0, 0);
    let mut in_comment = false;
    for line in text.lines() {
        let line = line.trim_ascii_start();
        if in_comment || line.starts_with("{-") {
            in_comment = !line.contains("-}");
            continue;
        }
        if line.is_empty() || [";", "#", "//", "--"].iter().any(|comment| line.starts_with(comment)) {
            continue;
        }
        if assembly + other == TELLING {
            break;
        }
        let mut problems = Problems::default();
        let tokens = lex::lex(line, 0, Dialect::Kiln, &mut pools, &mut problems);
        let first = tokens.first().map(|token| token.kind);
        let label = tokens.get(1).is_some_and(|token| token.kind == Kind::Colon);
        let known = |word| MNEMONICS.contains_key(pools.words.text(word).to_ascii_lowercase().as_str());
        match first {
            _ if !problems.is_empty() => other += 1,
            Some(Kind::Newline | Kind::Open | Kind::Close) | None => {}
            Some(Kind::Word(word)) if label || known(word) => assembly += 1,
            Some(Kind::Number(_)) if label => assembly += 1,
            Some(_) => other += 1,
        }
    }
    assembly > 0 && assembly >= other
}
