//! From text to [`Program`]: one pass from top to bottom. What is wrong is reported, and reading goes on behind the item, up to
//! a number of faults.

use super::fault::{At, Wrong, nearest};
use super::items::Item;
use super::lex::Cursor;
use super::operand::expected;
use super::program::{Data, Kind, Label, Operand, Place, Program, Symbol};
use super::rules;
use super::table::{Row, TABLE};
use super::value::Value;
use kiln_ir::text::NameHash;
use std::collections::HashMap;

/// After so many faults reading ends.
const MOST_FAULTS: usize = 20;

/// Which section is open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum Section {
    None,
    Data,
    Code,
}

/// Reading one text.
pub(super) struct Parser<'t> {
    pub cursor: Cursor<'t>,
    pub program: Program,
    pub variables: HashMap<&'t str, Value, NameHash>,
    pub section: Section,
    symbols: HashMap<&'t str, u32, NameHash>,
    pub faults: Vec<Wrong>,
    /// Bytes of the data section that are used.
    pub used: u64,
    /// Whether a call is being prepared, and where that began.
    pub prepared: Option<At>,
    /// How many arguments it has.
    pub pushed: usize,
}

/// A program, or what is wrong with its text; the table of files in both cases.
pub(super) fn parse(name: &str, text: &str) -> Result<Program, (Vec<Wrong>, Vec<String>)> {
    let mut parser = Parser {
        cursor: Cursor::new(name, text),
        program: Program::default(),
        variables: HashMap::default(),
        section: Section::None,
        symbols: HashMap::default(),
        faults: Vec::new(),
        used: 0,
        prepared: None,
        pushed: 0,
    };
    while parser.faults.len() < MOST_FAULTS {
        parser.cursor.skip_between();
        if parser.cursor.is_at_end() {
            break;
        }
        if let Err(wrong) = parser.item() {
            parser.faults.push(wrong);
            parser.cursor.skip_item();
        }
    }
    if parser.faults.is_empty() {
        parser.finish();
    }
    let Parser { cursor, mut program, faults, .. } = parser;
    if faults.is_empty() {
        program.files = cursor.files;
        Ok(program)
    } else {
        Err((faults, cursor.files))
    }
}

impl<'t> Parser<'t> {
    /// One label, directive or instruction.
    fn item(&mut self) -> Result<(), Wrong> {
        let start = self.cursor.at;
        if self.cursor.peek() == b'.' {
            self.cursor.at += 1;
            return self.directive(start);
        }
        let Some(name) = self.cursor.name()? else {
            let at = self.cursor.here();
            // Go on behind what is no item, or an error would be found here again and again.
            self.cursor.at = at.end.max(at.start + 1) as usize;
            while !self.cursor.text.is_char_boundary(self.cursor.at) {
                self.cursor.at += 1;
            }
            let wrong = Wrong::new(at, "a mnemonic, a label or a directive is expected here");
            return Err(match self.cursor.text.as_bytes()[start] {
                b',' => wrong.help("operands are separated by blanks, without commas"),
                b'+' | b'-' | b'*' | b'/' | b'<' | b'>' | b'&' | b'|' | b'^' | b'=' => {
                    wrong.help("an expression is written `$(…)`")
                }
                b'%' | b'$' | b'@' | b'0'..=b'9' => {
                    wrong.help("the mnemonic before has all its operands, or they stand on another line")
                }
                _ => wrong,
            });
        };
        if self.cursor.peek() == b':' {
            self.cursor.at += 1;
            return self.define(start, name);
        }
        match TABLE.find(name) {
            Some(row) => self.instruction(start, row),
            None => {
                let wrong = Wrong::new(self.cursor.since(start), format!("unknown mnemonic `{name}`"));
                self.cursor.skip_blanks();
                Err(match nearest(name, TABLE.names()) {
                    _ if self.cursor.peek() == b':' => {
                        wrong.help("a label has its colon right behind the name")
                    }
                    Some(help) => wrong.help(help),
                    None => wrong,
                })
            }
        }
    }

    fn define(&mut self, start: usize, name: &'t str) -> Result<(), Wrong> {
        let at = self.cursor.since(start);
        let place = match self.section {
            Section::None => {
                return Err(Wrong::new(at, format!("label `{name}` before any section"))
                    .help("`.data N` or `.code` opens one"));
            }
            Section::Data => Place::Data(self.data_offset()),
            Section::Code => Place::Code(self.program.items.len() as u32),
        };
        let id = self.label(name, at);
        let label = &mut self.program.labels[id as usize];
        if label.place != Place::Forward {
            return Err(Wrong::new(at, format!("label `{name}` is defined twice"))
                .help(format!("the first is {}", label.at.seen_from(at, &self.cursor.files))));
        }
        label.place = place;
        label.at = at;
        Ok(())
    }

    /// The label with this name, a new one if there is none.
    pub(super) fn label(&mut self, name: &str, at: At) -> u32 {
        let id = self.program.names.intern(name).index();
        if id == self.program.labels.len() {
            self.program.labels.push(Label { place: Place::Forward, at });
        }
        id as u32
    }

    fn known_label(&self, name: &str) -> Option<&Label> {
        Some(&self.program.labels[self.program.names.find(name)?.index()])
    }

    /// How far from the start of the data a data label is.
    pub(super) fn data_label(&self, name: &str) -> Option<i64> {
        match self.known_label(name)?.place {
            Place::Data(offset) => Some(offset),
            Place::Forward | Place::Code(_) => None,
        }
    }

    pub(super) fn not_a_data_label(&self, at: At, name: &str) -> Wrong {
        match self.known_label(name).map(|label| label.place) {
            Some(Place::Code(_)) => {
                Wrong::new(at, format!("`{name}` is a code label, where a value is expected"))
                    .help("`movi` gives a code label's address")
            }
            _ => {
                let wrong = Wrong::new(at, format!("data label `{name}` is not defined above"));
                match nearest(name, self.label_names(|place| matches!(place, Place::Data(_)))) {
                    Some(help) => wrong.help(help),
                    None => wrong,
                }
            }
        }
    }

    /// The names of the labels at such places.
    fn label_names(&self, is_meant: impl Fn(Place) -> bool) -> impl Iterator<Item = &str> {
        let labels = self.program.labels.iter().zip(0..);
        labels.filter(move |(label, _)| is_meant(label.place)).map(|(_, id)| self.program.label_name(id))
    }

    /// `@name`; the cursor is at the `@`.
    pub(super) fn symbol(&mut self) -> Result<u32, Wrong> {
        let start = self.cursor.at;
        self.cursor.at += 1;
        let Some(name) = self.cursor.name()? else {
            return Err(Wrong::new(
                self.cursor.since(start),
                "`@` needs the name of a C symbol right behind it",
            ));
        };
        let at = self.cursor.since(start);
        Ok(*self.symbols.entry(name).or_insert_with(|| {
            self.program.symbols.push(Symbol { name: name.into(), at });
            self.program.symbols.len() as u32 - 1
        }))
    }

    fn instruction(&mut self, start: usize, place: u16) -> Result<(), Wrong> {
        let at = self.cursor.since(start);
        let row = TABLE.row(place);
        if self.section != Section::Code {
            return Err(Wrong::new(at, format!("`{}` outside of the code section", row.name))
                .help("`.code` opens it"));
        }
        let mut operands = [Operand::None; 4];
        let mut places = [(0, 0); 4];
        let mut target = None;
        let mut name = None;
        for (n, class) in row.operands.iter().enumerate() {
            if self.cursor.is_at_item_end() {
                let wanted = expected(*class);
                return Err(Wrong::new(
                    at,
                    format!("operand {} of `{}` is missing: {wanted}", n + 1, row.name),
                )
                .help("all operands stand on the mnemonic's line"));
            }
            match class {
                b'V' => target = Some(self.new_variable()?),
                b'N' => {
                    name = self.cursor.name()?;
                    if name.is_none() {
                        return Err(Wrong::new(
                            self.cursor.here(),
                            format!("{} is expected here", expected(*class)),
                        ));
                    }
                }
                _ => {
                    let operand = self.cursor.at;
                    operands[n] =
                        self.operand(*class).map_err(|wrong| self.other_form(wrong, row, *class, operand))?;
                    places[n] = (operand as u32, self.cursor.at as u32);
                }
            }
        }
        let item = Item { row: place, at: At { end: self.cursor.at as u32, ..at }, operands };
        rules::check(&item, &places)?;
        self.apply(&item, row.meaning, target, name)
    }

    /// Names the form with a register, or the one without, if it goes with the operand that does not go with this one.
    fn other_form(&self, wrong: Wrong, row: &Row, class: u8, operand: usize) -> Wrong {
        let is_register = self.cursor.text.as_bytes().get(operand) == Some(&b'%');
        let (own, other, what) = match class {
            b'r' | b'f' if !is_register => ("r", "i", "without"),
            b'i' | b'n' | b'p' | b'X' | b'T' if is_register => ("i", "r", "with"),
            _ => return wrong,
        };
        let length = row.name.find('_').unwrap_or(row.name.len());
        let Some(stem) = row.name[..length].strip_suffix(own) else { return wrong };
        let name = format!("{stem}{other}{}", &row.name[length..]);
        match TABLE.find(&name) {
            Some(_) if wrong.help.is_none() => {
                wrong.help(format!("`{name}` is the form {what} a register here"))
            }
            _ => wrong,
        }
    }

    fn finish(&mut self) {
        if let Some(at) = self.cursor.unclosed {
            self.faults.push(Wrong::new(at, "this comment is not closed").help("`*/` ends it"));
            return;
        }
        if let Err(wrong) = self.end_preparation() {
            self.faults.push(wrong);
        }
        self.end_part(self.program.items.len() as u32);
        for (label, id) in self.program.labels.iter().zip(0..) {
            if label.place == Place::Forward && self.faults.len() < MOST_FAULTS {
                let name = self.program.label_name(id);
                let wrong = Wrong::new(label.at, format!("label `{name}` is not defined"));
                let fault = match nearest(name, self.label_names(|place| matches!(place, Place::Code(_)))) {
                    Some(help) => wrong.help(help),
                    None => wrong,
                };
                self.faults.push(fault);
            }
        }
        if self.faults.is_empty()
            && !self.program.only_assemble
            && !self.program.parts.iter().any(|p| p.kind != Kind::Preamble)
        {
            let at = At { line: 0, ..At::default() };
            self.faults.push(
                Wrong::new(at, "there is no code to run").help("`.code`, then `prolog` opens a function"),
            );
        }
    }

    pub(super) fn data(&mut self) -> &mut Data {
        self.program.data.get_or_insert_default()
    }
}
