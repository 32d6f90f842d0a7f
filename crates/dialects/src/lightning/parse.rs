//! From text to [`Program`]: one pass from top to bottom. What is wrong is reported, and reading goes on behind the item, up to
//! a number of faults.

use super::fault::{At, Wrong, nearest};
use super::lex::{Cursor, is_name_start};
use super::program::{Data, FRAME_POINTER, Item, Kind, Label, Operand, Part, Place, Program, Symbol};
use super::table::{Meaning, TABLE, Ty};
use super::value::{Base, Handle, Passed, Value};
use std::collections::HashMap;

/// After so many faults reading ends.
const MOST_FAULTS: usize = 20;

/// The most parameters of a function, and arguments of a call.
const MOST_ARGUMENTS: usize = 65_000;

/// Registers of each class that there are.
const R_NUM: i64 = 3;
const V_NUM: i64 = 5;
const F_NUM: i64 = 8;

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
    pub variables: HashMap<&'t str, Value>,
    pub section: Section,
    labels: HashMap<&'t str, u32>,
    symbols: HashMap<&'t str, u32>,
    faults: Vec<Wrong>,
    /// Bytes of the data section that are used.
    pub used: u64,
    /// Whether a call is being prepared, and where that began.
    prepared: Option<At>,
    /// How many arguments it has.
    pushed: usize,
}

/// A program, or what is wrong with its text; the table of files in both cases.
pub(super) fn parse(name: &str, text: &str) -> Result<Program, (Vec<Wrong>, Vec<String>)> {
    let mut parser = Parser {
        cursor: Cursor::new(name, text),
        program: Program::default(),
        variables: HashMap::new(),
        section: Section::None,
        labels: HashMap::new(),
        symbols: HashMap::new(),
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
                b'%' | b'$' | b'@' | b'0'..=b'9' | b'-' => {
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
                .help(format!("the first is on line {}", label.at.line)));
        }
        label.place = place;
        label.at = at;
        Ok(())
    }

    /// The label with this name, a new one if there is none.
    fn label(&mut self, name: &'t str, at: At) -> u32 {
        *self.labels.entry(name).or_insert_with(|| {
            self.program.labels.push(Label { name: name.into(), place: Place::Forward, at });
            self.program.labels.len() as u32 - 1
        })
    }

    /// How far from the start of the data a data label is.
    pub(super) fn data_label(&self, name: &str) -> Option<i64> {
        match self.program.labels[*self.labels.get(name)? as usize].place {
            Place::Data(offset) => Some(offset),
            Place::Forward | Place::Code(_) => None,
        }
    }

    pub(super) fn not_a_data_label(&self, at: At, name: &str) -> Wrong {
        let known = self.labels.get(name).map(|id| self.program.labels[*id as usize].place);
        match known {
            Some(Place::Code(_)) => {
                Wrong::new(at, format!("`{name}` is a code label, where a value is expected"))
                    .help("`movi` gives a code label's address")
            }
            _ => {
                let wrong = Wrong::new(at, format!("data label `{name}` is not defined above"));
                let data = self.program.labels.iter().filter(|l| matches!(l.place, Place::Data(_)));
                match nearest(name, data.map(|l| l.name.as_str())) {
                    Some(help) => wrong.help(help),
                    None => wrong,
                }
            }
        }
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
                _ => operands[n] = self.operand(*class)?,
            }
        }
        let mut item = Item { row: place, at: At { end: self.cursor.at as u32, ..at }, operands };
        self.check(&mut item)?;
        self.apply(item, row.meaning, target, name)
    }

    /// What an instruction means for the reader: functions begin and end, variables get values.
    fn apply(
        &mut self,
        item: Item,
        meaning: Meaning,
        target: Option<&'t str>,
        name: Option<&'t str>,
    ) -> Result<(), Wrong> {
        let at = item.at;
        let number = self.program.items.len() as u32;
        let first_in_function =
            |parts: &[Part]| parts.last().is_some_and(|p| p.kind == Kind::Plain && p.start + 1 == number);
        match meaning {
            Meaning::Name => {
                if let (Some(part), Some(name)) = (self.program.parts.last_mut(), name)
                    && !part.closed
                {
                    part.name = Some(name.into());
                }
                return Ok(());
            }
            Meaning::Prolog => {
                self.end_preparation()?;
                self.end_part(number);
                self.begin(number, Kind::Plain);
            }
            Meaning::Epilog => {
                self.end_preparation()?;
                self.function(at, "epilog")?.closed = true;
            }
            Meaning::Frame | Meaning::Tramp => {
                let what = if meaning == Meaning::Frame { "frame" } else { "tramp" };
                if !first_in_function(&self.program.parts) {
                    return Err(Wrong::new(at, format!("`{what}` stands directly behind `prolog`")));
                }
                let kind = if meaning == Meaning::Frame { Kind::Frame } else { Kind::Tramp };
                self.function(at, what)?.kind = kind;
            }
            Meaning::Arg => {
                let passed = passed(item.row().ty);
                let function = (self.program.parts.len() as u32).saturating_sub(1);
                let part = self.function(at, "arg")?;
                let index = part.params.len() as u32;
                if part.variadic {
                    return Err(Wrong::new(at, "`arg` behind `ellipsis`")
                        .help("arguments that follow the declared ones are read with `va_arg`"));
                }
                if part.params.len() >= MOST_ARGUMENTS {
                    return Err(Wrong::new(at, format!("more than {MOST_ARGUMENTS} parameters")));
                }
                part.params.push(passed);
                let handle = Handle { function, index, passed };
                self.variables.insert(target.unwrap_or_default(), Value::Argument(handle));
                return Ok(());
            }
            Meaning::AllocateFixed => {
                let Operand::Word(size) = item.operands[0] else {
                    return Err(Wrong::new(at, "the size is an integer"));
                };
                if !(0..=1 << 28).contains(&size) {
                    return Err(Wrong::new(at, format!("cannot reserve {size} bytes")).help("0 to 2^28"));
                }
                let part = self.function(at, "allocai")?;
                let align = match size {
                    0 | 1 => 1,
                    2 => 2,
                    3 | 4 => 4,
                    _ => 8,
                };
                part.locals = (part.locals & -align) - size;
                if part.locals < -(1 << 28) {
                    return Err(Wrong::new(at, "the frame is larger than 2^28 bytes"));
                }
                let offset = part.locals;
                self.variables.insert(target.unwrap_or_default(), Value::Int(offset));
                return Ok(());
            }
            Meaning::Allocate => {
                let part = self.function(at, "allocar")?;
                if !part.allocates {
                    // Where the offset of what was allocated last is kept.
                    part.locals = (part.locals & -4) - 4;
                    part.allocates = true;
                }
            }
            Meaning::Prepare => {
                self.function(at, "prepare")?;
                if let Some(open) = self.prepared {
                    return Err(Wrong::new(at, "`prepare` inside of another")
                        .help(format!("the call prepared on line {} has no `finish` yet", open.line)));
                }
                self.prepared = Some(at);
                self.pushed = 0;
            }
            Meaning::PushArg | Meaning::VaPush => {
                self.function(at, &item.row().name)?;
                if self.prepared.is_none() {
                    return Err(Wrong::new(at, format!("`{}` without `prepare`", item.row().name)));
                }
                self.pushed += 1;
                if self.pushed > MOST_ARGUMENTS {
                    return Err(Wrong::new(at, format!("more than {MOST_ARGUMENTS} arguments")));
                }
            }
            Meaning::Ellipsis if self.prepared.is_none() => {
                self.function(at, "ellipsis")?.variadic = true;
                return Ok(());
            }
            Meaning::Ellipsis => {}
            Meaning::Finish => {
                self.function(at, &item.row().name)?;
                self.prepared = None;
            }
            Meaning::Call => {
                self.function(at, &item.row().name)?;
                if let Some(open) = self.prepared {
                    return Err(Wrong::new(at, format!("`{}` while a call is prepared", item.row().name))
                        .help(format!("`finishi` or `finishr` ends the `prepare` of line {}", open.line)));
                }
            }
            Meaning::Return
            | Meaning::ReturnValue
            | Meaning::GetArg
            | Meaning::PutArg
            | Meaning::ReturnValueOfCall => {
                self.function(at, &item.row().name)?;
            }
            Meaning::VaStart if !self.function(at, "va_start")?.variadic => {
                return Err(Wrong::new(at, "`va_start` in a function that is not variadic")
                    .help("`ellipsis` behind the declared arguments makes it variadic"));
            }
            _ => match self.program.parts.last() {
                None => self.begin(number, Kind::Preamble),
                Some(part) if part.closed => {
                    return Err(Wrong::new(at, format!("`{}` outside of a function", item.row().name))
                        .help("`prolog` opens one"));
                }
                Some(_) => {}
            },
        }
        self.program.items.push(item);
        Ok(())
    }

    fn begin(&mut self, start: u32, kind: Kind) {
        self.program.parts.push(Part {
            start,
            end: start,
            kind,
            closed: false,
            name: None,
            params: Vec::new(),
            variadic: false,
            locals: 0,
            allocates: false,
        });
    }

    fn end_part(&mut self, end: u32) {
        if let Some(part) = self.program.parts.last_mut() {
            part.end = end;
        }
    }

    /// The function that is open, or that there is none.
    fn function(&mut self, at: At, what: &str) -> Result<&mut Part, Wrong> {
        match self.program.parts.last_mut() {
            Some(part) if part.kind != Kind::Preamble && !part.closed => Ok(part),
            _ => Err(Wrong::new(at, format!("`{what}` outside of a function")).help("`prolog` opens one")),
        }
    }

    fn end_preparation(&mut self) -> Result<(), Wrong> {
        match self.prepared.take() {
            Some(at) => Err(Wrong::new(at, "this call is prepared and never made")
                .help("`finishi` or `finishr` makes it")),
            None => Ok(()),
        }
    }

    fn finish(&mut self) {
        if let Err(wrong) = self.end_preparation() {
            self.faults.push(wrong);
        }
        self.end_part(self.program.items.len() as u32);
        for label in &self.program.labels {
            if label.place == Place::Forward && self.faults.len() < MOST_FAULTS {
                let wrong = Wrong::new(label.at, format!("label `{}` is not defined", label.name));
                let known = self.program.labels.iter().filter(|l| matches!(l.place, Place::Code(_)));
                self.faults.push(match nearest(&label.name, known.map(|l| l.name.as_str())) {
                    Some(help) => wrong.help(help),
                    None => wrong,
                });
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

    /// `$name`, to be given a value.
    fn new_variable(&mut self) -> Result<&'t str, Wrong> {
        let start = self.cursor.at;
        if self.cursor.peek() == b'$' {
            self.cursor.at += 1;
            if let Some(name) = self.cursor.name()? {
                return Ok(name);
            }
        }
        self.cursor.at = start;
        Err(Wrong::new(self.cursor.here(), "a `$` variable is expected here"))
    }

    fn operand(&mut self, class: u8) -> Result<Operand, Wrong> {
        let start = self.cursor.at;
        match class {
            b'R' | b'r' | b'M' | b'F' | b'f' | b'S' | b's' | b'D' | b'd' | b'Y' | b'y' | b'a' => {
                if self.cursor.peek() != b'%' {
                    let at = self.cursor.here();
                    return Err(Wrong::new(at, format!("{} is expected here", expected(class))));
                }
                let register = self.register()?;
                let wants_int = matches!(class, b'R' | b'r' | b'M');
                let at = self.cursor.since(start);
                let text = &self.cursor.text[start..self.cursor.at];
                match register {
                    Operand::Int(FRAME_POINTER) if matches!(class, b'R' | b'M') => {
                        Err(Wrong::new(at, "`%fp` cannot be written"))
                    }
                    Operand::Int(_) if !wants_int && class != b'a' => Err(Wrong::new(
                        at,
                        format!("`{text}` is an integer register, where a float register is expected"),
                    )),
                    Operand::Float(_) if wants_int => Err(Wrong::new(
                        at,
                        format!("`{text}` is a float register, where an integer register is expected"),
                    )),
                    register => Ok(register),
                }
            }
            b'L' => match self.cursor.name()? {
                Some(name) => self.code_label(start, name),
                None => Err(Wrong::new(self.cursor.here(), "a code label is expected here")),
            },
            b'X' | b'T' if is_name_start(self.cursor.peek()) => {
                let name = self.cursor.name()?.unwrap_or_default();
                match self.data_label(name) {
                    Some(offset) => Ok(Operand::Address(Base::Data, offset)),
                    None => self.code_label(start, name),
                }
            }
            b'v' => {
                if self.cursor.peek() != b'$' {
                    return Err(Wrong::new(self.cursor.here(), "the variable of an `arg` is expected here"));
                }
                match self.dollar()? {
                    (Value::Argument(handle), Some(_)) => Ok(Operand::Argument(handle)),
                    (Value::Argument(_), None) => Err(Wrong::new(
                        self.cursor.since(start),
                        "the variable itself is expected here, not an expression",
                    )),
                    (value, _) => Err(Wrong::new(
                        self.cursor.since(start),
                        format!("this is {}, where the variable of an `arg` is expected", value.kind()),
                    )),
                }
            }
            _ => {
                let value = self.value(expected(class))?;
                let at = self.cursor.since(start);
                match (class, value) {
                    (b'n', Value::Int(v)) => Ok(Operand::Number(v as f64)),
                    (b'n', Value::Float(v)) => Ok(Operand::Number(v)),
                    (b'i' | b'p' | b'X' | b'T', Value::Int(v)) => Ok(Operand::Word(v)),
                    (b'i' | b'p' | b'X' | b'T', Value::Address(base, offset)) => {
                        Ok(Operand::Address(base, offset))
                    }
                    (_, value) => Err(Wrong::new(
                        at,
                        format!("this is {}, where {} is expected", value.kind(), expected(class)),
                    )),
                }
            }
        }
    }

    fn code_label(&mut self, start: usize, name: &'t str) -> Result<Operand, Wrong> {
        let at = self.cursor.since(start);
        let id = self.label(name, at);
        match self.program.labels[id as usize].place {
            Place::Data(_) => {
                Err(Wrong::new(at, format!("`{name}` is a data label, where a code label is expected")))
            }
            Place::Forward | Place::Code(_) => Ok(Operand::Label(id)),
        }
    }

    /// A literal, `$` value, `@symbol` or data label.
    pub(super) fn value(&mut self, wanted: &str) -> Result<Value, Wrong> {
        let start = self.cursor.at;
        match self.cursor.peek() {
            b'\'' => self.cursor.quoted_character().map(Value::Int),
            b'$' => Ok(self.dollar()?.0),
            b'@' => self.symbol().map(|symbol| Value::Address(Base::Symbol(symbol), 0)),
            b'0'..=b'9' => self.cursor.number(false),
            b'+' | b'-' => {
                let mut negative = false;
                while matches!(self.cursor.peek(), b'+' | b'-') {
                    negative ^= self.cursor.peek() == b'-';
                    self.cursor.at += 1;
                }
                if !self.cursor.peek().is_ascii_digit() {
                    return Err(Wrong::new(
                        self.cursor.since(start),
                        "a number is expected right behind its sign",
                    ));
                }
                self.cursor.number(negative)
            }
            byte if is_name_start(byte) => {
                let name = self.cursor.name()?.unwrap_or_default();
                match self.data_label(name) {
                    Some(offset) => Ok(Value::Address(Base::Data, offset)),
                    None => Err(self.not_a_data_label(self.cursor.since(start), name)),
                }
            }
            byte => {
                let wrong = Wrong::new(self.cursor.here(), format!("{wanted} is expected here"));
                Err(match byte {
                    b',' => wrong.help("operands are separated by blanks, without commas"),
                    b'.' => wrong.help("a number begins with a digit"),
                    _ => wrong,
                })
            }
        }
    }

    /// A register; the cursor is at the `%`.
    fn register(&mut self) -> Result<Operand, Wrong> {
        let start = self.cursor.at;
        self.cursor.at += 1;
        let class = self.cursor.peek();
        let limit = match class {
            b'f' if self.cursor.ahead(1) == b'p' => {
                self.cursor.at += 2;
                return self.end_register(start, Operand::Int(FRAME_POINTER));
            }
            b'r' => R_NUM,
            b'v' => V_NUM,
            b'f' => F_NUM,
            _ => {
                return Err(Wrong::new(self.cursor.here(), "unknown register")
                    .help("%r0 to %r2, %v0 to %v2, %f0 to %f5, %fp"));
            }
        };
        self.cursor.at += 1;
        let plain_limit = if class == b'f' { 6 } else { 3 };
        let number = if self.cursor.peek() == b'(' {
            self.cursor.at += 1;
            let value = self.value("the number of a register")?;
            if self.cursor.peek() != b')' {
                return Err(Wrong::new(
                    self.cursor.since(start),
                    "`)` is expected behind the number, without blanks",
                ));
            }
            self.cursor.at += 1;
            match value {
                Value::Int(n) if (0..limit).contains(&n) => n,
                _ => {
                    return Err(Wrong::new(self.cursor.since(start), "there is no such register")
                        .help(format!("%{0}(0) to %{0}({1})", class as char, limit - 1)));
                }
            }
        } else {
            let digit = self.cursor.peek();
            self.cursor.at += digit.is_ascii_digit() as usize;
            let n = (digit as i64) - b'0' as i64;
            if !(0..plain_limit).contains(&n) {
                let help = format!(
                    "%{0}0 to %{0}{1}, or by number: %{0}(0) to %{0}({2})",
                    class as char,
                    plain_limit - 1,
                    limit - 1
                );
                return Err(Wrong::new(self.cursor.since(start), "there is no such register").help(help));
            }
            n
        };
        let register = match class {
            b'r' => Operand::Int(number as u8),
            b'v' => Operand::Int(number as u8 + R_NUM as u8),
            _ => Operand::Float(number as u8),
        };
        self.end_register(start, register)
    }

    fn end_register(&mut self, start: usize, register: Operand) -> Result<Operand, Wrong> {
        if self.cursor.peek().is_ascii_alphanumeric() {
            self.cursor.at += 1;
            return Err(Wrong::new(self.cursor.since(start), "there is no such register"));
        }
        Ok(register)
    }

    /// Rules between operands.
    fn check(&self, item: &mut Item) -> Result<(), Wrong> {
        let row = item.row();
        let fault = |message: String| Err(Wrong::new(item.at, message));
        let word = |n: usize| match item.operands[n] {
            Operand::Word(v) => Some(v),
            _ => None,
        };
        match row.meaning {
            Meaning::Product(_) | Meaning::DivideBoth(_) | Meaning::ShiftBoth { .. }
                if item.operands[0] == item.operands[1] =>
            {
                fault(format!("the two results of `{}` are one register", row.name))
            }
            Meaning::ShiftBoth { .. } if word(3).is_some_and(|n| !(0..=64).contains(&n)) => {
                fault("the count is 0 to 64".into())
            }
            Meaning::LoadMoving { .. } if item.operands[0] == item.operands[1] => {
                fault("the register loaded and the base are one register".into())
            }
            Meaning::CompareAndSwap if item.operands[1..].contains(&item.operands[0]) => {
                fault(format!("the result of `{}` is one of its operands", row.name))
            }
            Meaning::Extract(_) | Meaning::Deposit => match (word(2), word(3)) {
                (Some(first), Some(length))
                    if first >= 0
                        && length >= 1
                        && first.checked_add(length).is_some_and(|end| end <= 64) =>
                {
                    Ok(())
                }
                _ => fault(
                    "the field is not inside of a word: its first bit is 0 to 63, its length at least 1"
                        .into(),
                ),
            },
            Meaning::LoadBytes { .. } | Meaning::StoreBytes
                if !word(2).is_some_and(|n| (1..=8).contains(&n)) =>
            {
                fault("the number of bytes is 1 to 8".into())
            }
            Meaning::LoadFloatBytes | Meaning::StoreFloatBytes if !matches!(word(2), Some(4 | 8)) => {
                fault("the number of bytes is 4, for a float, or 8, for a double".into())
            }
            Meaning::Nothing
                if row.name == "align" && !word(0).is_some_and(|n| n > 0 && n & (n - 1) == 0) =>
            {
                fault("the alignment is a power of two".into())
            }
            Meaning::GetArg | Meaning::PutArg => {
                let wanted = passed(row.ty);
                match item.operands[1] {
                    Operand::Argument(handle) if handle.passed == wanted => Ok(()),
                    _ => fault(format!("`{}` of a parameter that is passed otherwise", row.name)),
                }
            }
            _ => Ok(()),
        }
    }

    pub(super) fn data(&mut self) -> &mut Data {
        self.program.data.get_or_insert_default()
    }
}

/// How a parameter of a type travels.
pub(super) fn passed(ty: Ty) -> Passed {
    match ty {
        Ty::F32 => Passed::F32,
        Ty::F64 => Passed::F64,
        _ => Passed::Word,
    }
}

/// What an operand of a class is, in words.
fn expected(class: u8) -> &'static str {
    match class {
        b'R' | b'r' | b'M' => "an integer register, such as %r0 or %v1",
        b'F' | b'f' | b'S' | b's' | b'D' | b'd' | b'Y' | b'y' => "a float register, such as %f0",
        b'a' => "a register",
        b'n' => "a float",
        b'p' => "an address",
        b'L' => "a code label",
        b'T' => "a code label or an address to call",
        b'X' => "an integer or a label",
        b'v' | b'V' => "a `$` variable",
        b'N' => "a name",
        _ => "an integer",
    }
}
