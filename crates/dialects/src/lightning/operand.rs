//! Operands, by the letter of their class in the table: registers, labels, literals, `$` values, symbols.

use super::fault::Wrong;
use super::lex::is_name_start;
use super::parse::Parser;
use super::program::{FRAME_POINTER, Operand, Place};
use super::table::Ty;
use super::value::{Base, Passed, Value};

/// Registers of each class that there are.
const R_NUM: i64 = 3;
const V_NUM: i64 = 5;
const F_NUM: i64 = 8;
/// Those that have names without parentheses.
const PLAIN: u8 = 3;
const PLAIN_FLOATS: u8 = 6;

/// What to do about a parameter in the place of a value.
pub(super) const FETCHED: &str = "`getarg` fetches a parameter when the program runs";

impl<'t> Parser<'t> {
    /// `$name`, to be given a value.
    pub(super) fn new_variable(&mut self) -> Result<&'t str, Wrong> {
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

    pub(super) fn operand(&mut self, class: u8) -> Result<Operand, Wrong> {
        let start = self.cursor.at;
        match (class, self.plain_register()) {
            (b'R' | b'r' | b'M', Some(register @ Operand::Int(_)))
            | (b'F' | b'f' | b'S' | b's' | b'D' | b'd' | b'Y' | b'y', Some(register @ Operand::Float(_))) => {
                self.cursor.at += "%r0".len();
                return Ok(register);
            }
            _ => {}
        }
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
                None => {
                    let wrong = Wrong::new(self.cursor.here(), "a code label is expected here");
                    Err(match self.cursor.peek() {
                        b'@' => wrong.help("`calli` calls a C function; jumps stay in the file"),
                        b'%' => wrong.help("`jmpr` jumps to the address in a register"),
                        _ => wrong,
                    })
                }
            },
            b'X' | b'T' if is_name_start(self.cursor.peek()) => {
                let name = self.cursor.name()?.unwrap_or_default();
                match self.data_label(name).filter(|_| class == b'X') {
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
                    (_, value) => {
                        let message =
                            format!("this is {}, where {} is expected", value.kind(), expected(class));
                        let wrong = Wrong::new(at, message);
                        Err(match value {
                            Value::Argument(_) => wrong.help(FETCHED),
                            _ => wrong,
                        })
                    }
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
                    // One `-` among the signs is enough: `--5` is -5.
                    negative |= self.cursor.peek() == b'-';
                    self.cursor.at += 1;
                }
                if !self.cursor.peek().is_ascii_digit() {
                    let wrong =
                        Wrong::new(self.cursor.since(start), "a number is expected right behind its sign");
                    return Err(wrong.help("in an expression a sign may stand before anything: `$(- …)`"));
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

    /// The register here if it is written as nearly all are: by a letter and a digit.
    fn plain_register(&self) -> Option<Operand> {
        let [b'%', class, digit @ b'0'..=b'9', rest @ ..] = &self.cursor.text.as_bytes()[self.cursor.at..]
        else {
            return None;
        };
        let number = digit - b'0';
        match class {
            _ if rest.first().is_some_and(u8::is_ascii_alphanumeric) => None,
            b'r' if number < PLAIN => Some(Operand::Int(number)),
            b'v' if number < PLAIN => Some(Operand::Int(number + R_NUM as u8)),
            b'f' if number < PLAIN_FLOATS => Some(Operand::Float(number)),
            _ => None,
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
                self.cursor.at = start;
                return Err(Wrong::new(self.cursor.here(), "there is no such register")
                    .help("%r0 to %r2, %v0 to %v2, %f0 to %f5, %fp"));
            }
        };
        self.cursor.at += 1;
        let plain_limit = i64::from(if class == b'f' { PLAIN_FLOATS } else { PLAIN });
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
            self.cursor.at = start;
            return Err(Wrong::new(self.cursor.here(), "there is no such register")
                .help("%r0 to %r2, %v0 to %v2, %f0 to %f5, others by number, such as %v(4)"));
        }
        Ok(register)
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
pub(super) fn expected(class: u8) -> &'static str {
    match class {
        b'R' | b'r' | b'M' => "an integer register like %r0 or %v1",
        b'F' | b'f' | b'S' | b's' | b'D' | b'd' | b'Y' | b'y' => "a float register like %f0",
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
