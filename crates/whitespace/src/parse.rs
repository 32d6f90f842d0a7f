//! Bytes to programs.
//!
//! One pass: a trie over tokens finds the opcode, the argument is collected bit by bit, bytes that are no tokens are skipped
//! wherever they stand. Linear in the length of the text, also for numbers and labels of any length.
//!
//! After tokens that begin no instruction parsing goes on behind them. Other implementations use such sequences for
//! instructions without arguments, so what follows often makes sense.

use crate::bits::{self, BitBuffer};
use crate::diagnostic::{Diagnostic, Problems, Rejected};
use crate::fault::Class;
use crate::instruction::{Argument, Instruction, Opcode, TOKENS};
use crate::number::{self, Form, Number, OddForm};
use crate::options::{Options, Tail};
use crate::program::{Draft, Program};
use crate::source::{Language, Sources, Span};
use crate::token::{self, Token};

impl Program {
    /// Reads a program with the default options.
    ///
    /// # Errors
    ///
    /// Everything that was found wrong.
    pub fn parse(text: &[u8]) -> Result<Program, Rejected> {
        Program::parse_with("<program>", text, &Options::default())
    }

    /// Reads a program. The name is that of the file in messages; of the options, `duplicate_labels`, `undefined_labels`
    /// and `tail` count here.
    ///
    /// # Errors
    ///
    /// Everything that was found wrong, as far as these options reject it.
    pub fn parse_with(name: &str, text: &[u8], options: &Options) -> Result<Program, Rejected> {
        let mut sources = Sources::default();
        let mut problems = Problems::default();
        if sources.add(name, text, Language::Whitespace).is_none() {
            let message = format!("{} bytes are too many: a program has less than 4 GiB", text.len());
            problems.push(Diagnostic::new(Class::TooLong, Span::new(0, 0), message));
            return Err(problems.rejected(sources));
        }
        // Instructions take some eight bytes; a text of comments shall not take much memory for none.
        let draft = Draft::with_capacity((text.len() / 8).min(1 << 20));
        let mut parser = Parser { text, at: 0, draft, problems, bits: BitBuffer::default() };
        parser.program(options.tail);
        parser.draft.finish(sources, options, parser.problems)
    }
}

/// What a token leads to in the trie: nothing, a node, or an opcode behind `LEAF`.
type Step = u8;
const NOWHERE: Step = 0;
const LEAF: Step = 64;

/// The trie of opcodes: node 0 is the root.
const TRIE: [[Step; 3]; 24] = trie();

const fn trie() -> [[Step; 3]; 24] {
    let mut nodes = [[NOWHERE; 3]; 24];
    let mut count = 1;
    let mut opcode = 0;
    while opcode < TOKENS.len() {
        let letters = TOKENS[opcode].as_bytes();
        let mut node = 0;
        let mut at = 0;
        while at < letters.len() {
            let token = match letters[at] {
                b'S' => Token::S,
                b'T' => Token::T,
                _ => Token::L,
            } as usize;
            if at + 1 == letters.len() {
                assert!(nodes[node][token] == NOWHERE);
                nodes[node][token] = LEAF + opcode as u8;
            } else if nodes[node][token] == NOWHERE {
                nodes[node][token] = count;
                node = count as usize;
                count += 1;
            } else {
                assert!(nodes[node][token] < LEAF);
                node = nodes[node][token] as usize;
            }
            at += 1;
        }
        opcode += 1;
    }
    nodes
}

struct Parser<'t> {
    text: &'t [u8],
    /// Behind the last token taken.
    at: usize,
    draft: Draft,
    problems: Problems,
    /// The argument being read.
    bits: BitBuffer,
}

/// Why an instruction could not be read.
enum Trouble {
    /// No opcode has this token there.
    Unknown { node: u8, token: Token },
    /// The text ends inside an opcode.
    OpcodeEnds,
    /// The text ends inside the argument, which starts at this byte or the first token behind it.
    ArgumentEnds { opcode: Opcode, start: usize },
}

impl Parser<'_> {
    /// The next token; `at` is behind it then.
    #[inline]
    fn next(&mut self) -> Option<Token> {
        while let Some(byte) = self.text.get(self.at) {
            self.at += 1;
            if let Some(token) = Token::from_byte(*byte) {
                return Some(token);
            }
        }
        None
    }

    fn program(&mut self, tail: Tail) {
        while let Some(first) = self.next() {
            let start = self.at - 1;
            match self.instruction(first) {
                Ok(instruction) => {
                    self.draft.push(instruction, Span::new(start as u32, self.at as u32));
                }
                Err(trouble) => {
                    let diagnostic = self.diagnose(start, &trouble);
                    if tail == Tail::Late {
                        self.draft.push(Instruction::Trap, Span::new(start as u32, self.text.len() as u32));
                        self.draft.tail = Some(Box::new(diagnostic));
                        return;
                    }
                    let enough = self.problems.is_full();
                    self.problems.push(diagnostic);
                    if enough {
                        return;
                    }
                }
            }
        }
    }

    #[inline]
    fn instruction(&mut self, first: Token) -> Result<Instruction, Trouble> {
        let mut node = 0;
        let mut token = first;
        let opcode = loop {
            let step = TRIE[node as usize][token as usize];
            if step >= LEAF {
                break Opcode::ALL[(step - LEAF) as usize];
            }
            if step == NOWHERE {
                return Err(Trouble::Unknown { node, token });
            }
            node = step;
            token = self.next().ok_or(Trouble::OpcodeEnds)?;
        };
        let instruction = match opcode.argument() {
            Argument::None => Instruction::plain(opcode),
            Argument::Number => {
                let number = self.number(opcode)?;
                Instruction::with_number(opcode, number)
            }
            Argument::Label => {
                self.bits(opcode)?;
                let label = self.draft.labels.intern(self.bits.label());
                Instruction::with_label(opcode, label)
            }
        };
        Ok(instruction.expect("each kind of argument has its opcodes"))
    }

    fn number(&mut self, opcode: Opcode) -> Result<Number, Trouble> {
        let start = self.at;
        let negative = match self.next() {
            Some(Token::S) => false,
            Some(Token::T) => true,
            Some(Token::L) => {
                self.odd(Form::Empty);
                return Ok(Number::small(0));
            }
            None => return Err(Trouble::ArgumentEnds { opcode, start }),
        };
        self.bits(opcode).map_err(|_| Trouble::ArgumentEnds { opcode, start })?;
        let (number, zeros) = number::of_digits(negative, &mut self.bits, &mut self.draft.integers);
        if zeros > 0 || (negative && number == Number::small(0)) {
            self.odd(Form::Padded { negative, zeros });
        }
        Ok(number)
    }

    #[cold]
    fn odd(&mut self, form: Form) {
        let instruction = self.draft.instructions.len() as u32;
        self.draft.odd_forms.push(OddForm { instruction, form });
    }

    /// Collects the tokens up to the next L in `self.bits`.
    #[inline]
    fn bits(&mut self, opcode: Opcode) -> Result<(), Trouble> {
        self.bits.clear();
        let start = self.at;
        let mut at = start;
        loop {
            if let Some(bytes) = self.text[at..].first_chunk() {
                let (bits, count) = bits::leading_bits(*bytes);
                self.bits.push_bits(bits, count);
                at += count as usize;
                if count == 8 {
                    continue;
                }
            }
            let Some(byte) = self.text.get(at) else { break };
            at += 1;
            match byte {
                b' ' | b'\t' => self.bits.push(*byte == b'\t'),
                b'\n' => {
                    self.at = at;
                    return Ok(());
                }
                _ => {}
            }
        }
        self.at = self.text.len();
        Err(Trouble::ArgumentEnds { opcode, start })
    }

    #[cold]
    fn diagnose(&self, start: usize, trouble: &Trouble) -> Diagnostic {
        let span = |from: usize| Span::new(from as u32, self.at as u32);
        let diagnostic = match *trouble {
            Trouble::Unknown { node, token } => {
                let read = self.letters(start);
                let before = &read[..read.len() - 1];
                let message =
                    format!("{} after `{}` begins no instruction", token.letter(), before.trim_end());
                let expected = format!("expected {}", alternatives(node));
                Diagnostic::new(Class::UnknownOpcode, span(start), message).note(expected, None)
            }
            Trouble::OpcodeEnds => {
                let message = format!("`{}` is only the start of an instruction", self.letters(start));
                let note = "the file ends inside the instruction that starts here";
                Diagnostic::new(Class::UnterminatedOpcode, span(start), message).note(note, None)
            }
            Trouble::ArgumentEnds { opcode, start: argument } => {
                let (class, what) = match opcode.argument() {
                    Argument::Label => (Class::UnterminatedLabel, "label"),
                    Argument::Number | Argument::None => (Class::UnterminatedNumber, "number"),
                };
                let message = format!("the {what} of `{}` has no end", opcode.name());
                let argument = token::tokens(self.text, argument).next().map(|(at, _)| at);
                let note = match argument {
                    Some(_) => format!("the file ends inside the {what} that starts here; an L would end it"),
                    None => format!("the file ends before the {what}"),
                };
                Diagnostic::new(class, span(argument.unwrap_or(start)), message).note(note, None)
            }
        };
        diagnostic.at(self.draft.instructions.len())
    }

    /// The tokens from a byte up to where the parser is, as letters.
    fn letters(&self, start: usize) -> String {
        let tokens = self.text[start..self.at].iter().filter_map(|byte| Token::from_byte(*byte));
        let letters: Vec<_> = tokens.map(|token| token.letter().to_string()).collect();
        letters.join(" ")
    }
}

/// What may come next at a node of the trie.
fn alternatives(node: u8) -> String {
    let tokens = [Token::S, Token::T, Token::L];
    let all = tokens.iter().filter_map(|token| {
        let step = TRIE[node as usize][*token as usize];
        match step {
            NOWHERE => None,
            LEAF.. => Some(format!("{} (`{}`)", token.letter(), Opcode::ALL[(step - LEAF) as usize].name())),
            _ => Some(token.letter().to_string()),
        }
    });
    all.collect::<Vec<_>>().join(" or ")
}
