//! The words of a text in the order in which they count: included files and the bodies of macros come where they are
//! asked for.
//!
//! Local labels are made whole here, so that whoever reads the words need not know where they came from: `.loop` becomes
//! `main.loop` behind the label `main`, and `name.7.loop` in the seventh expansion of all, of the macro `name`. Arguments of
//! macros are made whole where they are written.

use super::lex::{Kind, Pools, Token, Word};
use crate::source::Span;
use std::rc::Rc;

/// How many words and characters may come out of macros and included files together: a few lines can double over and
/// over.
const MOST: usize = 1 << 22;

/// How long the names may be that local labels are joined to. Each of them repeats that name.
pub(super) const LONGEST_SCOPE: usize = 256;

/// A macro.
pub(super) struct Macro {
    pub name: Word,
    pub parameters: Vec<Word>,
    pub body: Rc<[Token]>,
    /// Where its name stands in the definition.
    pub span: Span,
}

/// Where words come from.
enum Origin {
    File {
        name: String,
    },
    Expansion {
        /// The index of the macro.
        of: usize,
        arguments: Vec<Token>,
    },
}

struct Frame {
    origin: Origin,
    tokens: Rc<[Token]>,
    at: usize,
    /// What local labels belong to: the last plain label, or the expansion. None if its name is too long.
    scope: Option<String>,
    /// Where it was asked for.
    asked: Option<Span>,
}

/// The stream.
pub(super) struct Stream {
    pub pools: Pools,
    pub macros: Vec<Macro>,
    frames: Vec<Frame>,
    expansions: u32,
    taken: usize,
}

/// There is too much of it.
#[derive(Debug)]
pub(super) struct TooMuch;

impl Stream {
    pub fn new(pools: Pools, name: &str, tokens: Vec<Token>) -> Stream {
        let mut stream = Stream { pools, macros: Vec::new(), frames: Vec::new(), expansions: 0, taken: 0 };
        stream.push(Origin::File { name: name.to_owned() }, tokens.into(), String::new(), None);
        stream
    }

    fn push(&mut self, origin: Origin, tokens: Rc<[Token]>, scope: String, asked: Option<Span>) {
        self.frames.push(Frame { origin, tokens, at: 0, scope: Some(scope), asked });
    }

    /// The next token, if there is one before the end of its file or macro. It stays.
    pub fn peek(&mut self) -> Option<Token> {
        self.look(0)
    }

    /// The token behind the next one.
    pub fn peek_second(&mut self) -> Option<Token> {
        self.look(1)
    }

    fn look(&mut self, ahead: usize) -> Option<Token> {
        let frame = self.frames.last()?;
        let token = *frame.tokens.get(frame.at + ahead)?;
        Some(self.whole(token))
    }

    /// Takes the next token.
    pub fn take(&mut self) -> Option<Token> {
        let token = self.peek()?;
        if let Some(frame) = self.frames.last_mut() {
            frame.at += 1;
        }
        Some(token)
    }

    /// The next token as it is written.
    pub fn take_raw(&mut self) -> Option<Token> {
        let frame = self.frames.last_mut()?;
        let token = frame.tokens.get(frame.at).copied()?;
        frame.at += 1;
        Some(token)
    }

    /// Goes on behind the file or macro that has ended. False if that was all.
    pub fn leave(&mut self) -> bool {
        self.frames.pop();
        !self.frames.is_empty()
    }

    /// What a token means here: arguments for parameters, whole names for local labels.
    fn whole(&mut self, token: Token) -> Token {
        let (Kind::Word(word), Some(frame)) = (token.kind, self.frames.last()) else { return token };
        if let Origin::Expansion { of, arguments } = &frame.origin {
            let parameters = &self.macros[*of].parameters;
            if let Some(at) = parameters.iter().position(|parameter| *parameter == word) {
                return Token { kind: arguments[at].kind, span: token.span };
            }
        }
        if !self.pools.words.is_local(word) {
            return token;
        }
        let text = self.pools.words.text(word);
        let Some(scope) = &frame.scope else { return token };
        let name = format!("{scope}{text}");
        Token { kind: Kind::Word(self.pools.words.intern(&name)), span: token.span }
    }

    /// A plain label was defined: what local labels belong to from here on. In macros they belong to the expansion.
    pub fn set_scope(&mut self, label: &str) {
        if let Some(frame) = self.frames.last_mut()
            && matches!(frame.origin, Origin::File { .. })
        {
            frame.scope = (label.len() <= LONGEST_SCOPE).then(|| label.to_owned());
        }
    }

    /// Whether local labels cannot be joined to the label they belong to.
    pub fn scope_is_too_long(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.scope.is_none())
    }

    /// Whether a macro is being expanded, or a file that was included.
    pub fn is_within(&self) -> bool {
        self.frames.len() > 1
    }

    /// The name of the file that is being read.
    pub fn file(&self) -> &str {
        let files = self.frames.iter().rev().filter_map(|frame| match &frame.origin {
            Origin::File { name } => Some(name.as_str()),
            Origin::Expansion { .. } => None,
        });
        files.into_iter().next().unwrap_or("")
    }

    /// Whether a file is being read, or includes one that is.
    pub fn is_open(&self, file: &str) -> bool {
        self.frames.iter().any(|frame| matches!(&frame.origin, Origin::File { name } if name == file))
    }

    /// Whether a macro is being expanded, or one that it asks for.
    pub fn is_expanding(&self, of: usize) -> bool {
        self.frames
            .iter()
            .any(|frame| matches!(frame.origin, Origin::Expansion { of: open, .. } if open == of))
    }

    /// Goes on with the words of a file.
    pub fn include(&mut self, name: &str, tokens: Vec<Token>, asked: Span) {
        self.push(Origin::File { name: name.to_owned() }, tokens.into(), String::new(), Some(asked));
    }

    /// Goes on with the body of a macro.
    pub fn expand(&mut self, of: usize, arguments: Vec<Token>, asked: Span) -> Result<(), TooMuch> {
        let body = self.macros[of].body.clone();
        self.count(body.len() + 1)?;
        self.expansions += 1;
        let scope = format!("{}.{}", self.pools.words.text(self.macros[of].name), self.expansions);
        self.push(Origin::Expansion { of, arguments }, body, scope, Some(asked));
        Ok(())
    }

    /// Counts what comes out of macros and included files.
    pub fn count(&mut self, words: usize) -> Result<(), TooMuch> {
        self.taken += words;
        if self.taken > MOST { Err(TooMuch) } else { Ok(()) }
    }

    /// The macros being expanded, innermost first, and where they were asked for.
    pub fn expanding(&self) -> impl Iterator<Item = (&str, Span)> {
        self.frames.iter().rev().filter_map(|frame| match (&frame.origin, frame.asked) {
            (Origin::Expansion { of, .. }, Some(asked)) => {
                Some((self.pools.words.text(self.macros[*of].name), asked))
            }
            _ => None,
        })
    }
}
