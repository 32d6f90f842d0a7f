//! `$` variables and `$(…)` expressions, evaluated while the text is read.
//!
//! Binary operators have six levels of priority, each left-associative, the operators of a level being equals. Assignment
//! is recognised where an operand is: `$x *= 2 + 3` multiplies by 2. Evaluation recurses only into parentheses and
//! right sides of assignments, up to a fixed depth.

use super::fault::Wrong;
use super::lex::is_name_start;
use super::operand::FETCHED;
use super::parse::Parser;
use super::value::{Base, Value};

/// How deep parentheses and assignments may nest.
const DEEPEST: u32 = 64;

/// The binary operators with their level, the loosest being 1; longer spellings before their beginnings.
const OPERATORS: [(&str, u32); 18] = [
    ("&&", 1),
    ("||", 1),
    ("<<", 4),
    (">>", 4),
    ("<=", 2),
    (">=", 2),
    ("==", 2),
    ("!=", 2),
    ("<", 2),
    (">", 2),
    ("&", 3),
    ("^", 3),
    ("|", 3),
    ("+", 5),
    ("-", 5),
    ("*", 6),
    ("/", 6),
    ("%", 6),
];

const RELATION: u32 = 2;
const UNARY: u32 = 7;

impl<'t> Parser<'t> {
    /// `$name` or `$(…)`; the cursor is at the `$`. Gives the name too, if it is a plain variable.
    pub(super) fn dollar(&mut self) -> Result<(Value, Option<&'t str>), Wrong> {
        let start = self.cursor.at;
        self.cursor.at += 1;
        if self.cursor.peek() == b'(' {
            return Ok((self.parenthesis(0, true)?, None));
        }
        let Some(name) = self.cursor.name()? else {
            return Err(Wrong::new(self.cursor.since(start), "`$` needs a name or `(` right behind it"));
        };
        match self.variables.get(name) {
            Some(value) => Ok((*value, Some(name))),
            None => Err(self.unset(start, name)),
        }
    }

    fn unset(&self, start: usize, name: &str) -> Wrong {
        let wrong = Wrong::new(self.cursor.since(start), format!("variable `${name}` has no value yet"));
        match super::fault::nearest(name, self.variables.keys().copied()) {
            Some(help) => wrong.help(help),
            None => wrong.help(format!("assign it first: `.$(${name} = …)`")),
        }
    }

    /// `( expression )`; the cursor is at the parenthesis.
    fn parenthesis(&mut self, depth: u32, live: bool) -> Result<Value, Wrong> {
        let start = self.cursor.at;
        self.cursor.at += 1;
        let value = self.level(1, depth + 1, live)?;
        self.cursor.skip_blanks();
        if self.cursor.peek() != b')' {
            let mut wrong =
                Wrong::new(self.cursor.here(), "the expression goes on where an operator or `)` is expected");
            if self.cursor.peek() == b'?' {
                wrong = wrong.help("there is no `?:`");
            } else if self.cursor.is_at_item_end() {
                wrong = Wrong::new(self.cursor.since(start), "this parenthesis is not closed")
                    .help("an expression stands on one line");
            }
            return Err(wrong);
        }
        self.cursor.at += 1;
        Ok(value)
    }

    /// The operator here, if it is of this level or tighter. An operator with `=` behind it is an assignment, and no
    /// operator.
    fn operator(&mut self, loosest: u32) -> Option<(&'static str, u32)> {
        self.cursor.skip_blanks();
        let rest = &self.cursor.text[self.cursor.at..];
        let (sign, level) = *OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign))?;
        let assigns = level != RELATION && level != 1 && rest[sign.len()..].starts_with('=');
        (level >= loosest && !assigns).then_some((sign, level))
    }

    /// An expression of this level or tighter. `live` unless it is the side that `&&` or `||` leaves out: then nothing is
    /// assigned.
    fn level(&mut self, level: u32, depth: u32, live: bool) -> Result<Value, Wrong> {
        if depth > DEEPEST {
            return Err(Wrong::new(self.cursor.here(), "the expression is nested too deeply"));
        }
        if level == UNARY {
            return self.unary(depth, live);
        }
        let start = self.cursor.at;
        let mut left = self.level(level + 1, depth, live)?;
        while let Some((sign, found)) = self.operator(level) {
            debug_assert_eq!(found, level, "tighter operators were taken by the operand");
            self.cursor.at += sign.len();
            if level == 1 {
                let truth = is_true(left).map_err(|why| Wrong::new(self.cursor.since(start), why))?;
                let decided = truth == (sign == "||");
                let right = self.level(level + 1, depth, live && !decided)?;
                let right = is_true(right).map_err(|why| Wrong::new(self.cursor.since(start), why))?;
                left = Value::Int(if decided { truth } else { right } as i64);
                continue;
            }
            let right = self.level(level + 1, depth, live)?;
            left = match binary(sign, left, right) {
                Ok(value) => value,
                // The side that is left out has no say, but needs a value.
                Err(_) if !live => Value::Int(0),
                Err(why) => {
                    return Err(unfit(Wrong::new(self.cursor.since(start), why), sign, [left, right]));
                }
            };
        }
        Ok(left)
    }

    fn unary(&mut self, depth: u32, live: bool) -> Result<Value, Wrong> {
        self.cursor.skip_blanks();
        let start = self.cursor.at;
        let mut signs = Vec::new();
        loop {
            self.cursor.skip_blanks();
            let sign = self.cursor.peek();
            let doubled = sign == self.cursor.ahead(1) && matches!(sign, b'+' | b'-');
            if doubled && self.steps_a_variable() {
                break;
            }
            if !matches!(sign, b'+' | b'-' | b'~' | b'!') {
                break;
            }
            signs.push(sign);
            self.cursor.at += 1;
        }
        let mut value = self.primary(depth, live)?;
        while let Some(sign) = signs.pop() {
            value = match (sign, value) {
                (b'+', Value::Int(_) | Value::Float(_)) => value,
                (b'-', Value::Int(v)) => Value::Int(v.wrapping_neg()),
                (b'-', Value::Float(v)) => Value::Float(-v),
                (b'~', Value::Int(v)) => Value::Int(!v),
                (b'!', Value::Int(v)) => Value::Int((v == 0) as i64),
                (b'!', Value::Float(v)) => Value::Int((v == 0.0) as i64),
                (b'!', Value::Address(..)) => Value::Int(0),
                (sign, value) => {
                    let wrong = Wrong::new(
                        self.cursor.since(start),
                        format!("`{}` of {}", sign as char, value.kind()),
                    );
                    return Err(match value {
                        Value::Address(..) => wrong.help(ADDRESSES),
                        _ => wrong,
                    });
                }
            };
        }
        Ok(value)
    }

    /// Whether `++` or `--` here stands before a variable.
    fn steps_a_variable(&self) -> bool {
        let rest = self.cursor.text[self.cursor.at + 2..].trim_start_matches([' ', '\t']);
        rest.starts_with('$')
    }

    fn primary(&mut self, depth: u32, live: bool) -> Result<Value, Wrong> {
        let start = self.cursor.at;
        match self.cursor.peek() {
            b'(' => self.parenthesis(depth, live),
            b'0'..=b'9' => self.cursor.number(false),
            b'\'' => self.cursor.quoted_character().map(Value::Int),
            b'@' => self.symbol().map(|symbol| Value::Address(Base::Symbol(symbol), 0)),
            b'+' | b'-' => {
                let step = if self.cursor.peek() == b'+' { 1 } else { -1 };
                self.cursor.at += 2;
                self.cursor.skip_blanks();
                self.cursor.at += 1;
                let Some(name) = self.cursor.name()? else {
                    return Err(Wrong::new(
                        self.cursor.since(start),
                        "a variable is expected behind `++` or `--`",
                    ));
                };
                let value = self.stepped(start, name, step)?;
                if live {
                    self.variables.insert(name, value);
                }
                Ok(value)
            }
            b'$' => {
                self.cursor.at += 1;
                match self.cursor.name()? {
                    Some(name) => self.variable(start, name, depth, live),
                    None => {
                        Err(Wrong::new(self.cursor.since(start), "inside an expression `$` needs a name")
                            .help("parentheses inside an expression have no `$` before them"))
                    }
                }
            }
            byte if is_name_start(byte) => {
                let name = self.cursor.name()?.unwrap_or_default();
                match self.data_label(name) {
                    Some(offset) => Ok(Value::Address(Base::Data, offset)),
                    None => Err(self.not_a_data_label(self.cursor.since(start), name)),
                }
            }
            _ => Err(Wrong::new(self.cursor.here(), "a value is expected here")
                .help("a number, a character, $name, @symbol, a data label, or ( … )")),
        }
    }

    fn stepped(&self, start: usize, name: &str, step: i64) -> Result<Value, Wrong> {
        let value = *self.variables.get(name).ok_or_else(|| self.unset(start, name))?;
        match value {
            Value::Int(v) => Ok(Value::Int(v.wrapping_add(step))),
            Value::Float(v) => Ok(Value::Float(v + step as f64)),
            Value::Address(base, v) => Ok(Value::Address(base, v.wrapping_add(step))),
            Value::Argument(_) => {
                Err(Wrong::new(self.cursor.since(start), "an argument handle cannot be counted up"))
            }
        }
    }

    /// A variable, and what is done to it: assignment, or `++` and `--` behind it.
    fn variable(&mut self, start: usize, name: &'t str, depth: u32, live: bool) -> Result<Value, Wrong> {
        for (signs, step) in [("++", 1), ("--", -1)] {
            if self.cursor.text[self.cursor.at..].starts_with(signs) {
                self.cursor.at += 2;
                let after = self.stepped(start, name, step)?;
                let before = self.variables[name];
                if live {
                    self.variables.insert(name, after);
                }
                return Ok(before);
            }
        }
        self.cursor.skip_blanks();
        let rest = &self.cursor.text[self.cursor.at..];
        if rest.starts_with('=') && !rest.starts_with("==") {
            self.cursor.at += 1;
            let value = self.level(1, depth + 1, live)?;
            if live {
                self.variables.insert(name, value);
            }
            return Ok(value);
        }
        let operator = OPERATORS.iter().find(|(sign, level)| {
            *level > RELATION && rest.strip_prefix(sign).is_some_and(|r| r.starts_with('='))
        });
        if let Some((sign, level)) = operator {
            self.cursor.at += sign.len() + 1;
            let old = *self.variables.get(name).ok_or_else(|| self.unset(start, name))?;
            // The right side takes operators of the same level or tighter with it.
            let right = self.level(*level, depth + 1, live)?;
            let value = match binary(sign, old, right) {
                Ok(value) => value,
                Err(_) if !live => Value::Int(0),
                Err(why) => return Err(unfit(Wrong::new(self.cursor.since(start), why), sign, [old, right])),
            };
            if live {
                self.variables.insert(name, value);
            }
            return Ok(value);
        }
        self.variables.get(name).copied().ok_or_else(|| self.unset(start, name))
    }
}

const ADDRESSES: &str =
    "an address takes `+` and `-` of an integer; two in one object take `-` and comparisons";

/// What to do about an operator that does not go with its operands.
fn unfit(wrong: Wrong, sign: &str, operands: [Value; 2]) -> Wrong {
    let any = |test: fn(&Value) -> bool| operands.iter().any(test);
    if any(|v| matches!(v, Value::Argument(_))) {
        wrong.help(FETCHED)
    } else if any(|v| matches!(v, Value::Address(..))) {
        wrong.help(ADDRESSES)
    } else if any(|v| matches!(v, Value::Float(_))) {
        wrong.help(format!("`{sign}` is for integers"))
    } else {
        wrong
    }
}

fn is_true(value: Value) -> Result<bool, String> {
    match value {
        Value::Int(v) => Ok(v != 0),
        Value::Float(v) => Ok(v != 0.0),
        // No object stands at address 0.
        Value::Address(..) => Ok(true),
        Value::Argument(_) => Err("an argument handle has no truth value".into()),
    }
}

/// What an invalid operation gives on x86: a quiet NaN with the sign set. Constant folding by the compiler that
/// translates this file is free to choose another, so it is written down.
fn default_nan(result: f64, left: f64, right: f64) -> f64 {
    if result.is_nan() && !left.is_nan() && !right.is_nan() {
        f64::from_bits(0xfff8_0000_0000_0000)
    } else {
        result
    }
}

fn binary(sign: &str, left: Value, right: Value) -> Result<Value, String> {
    use Value::{Address, Float, Int};
    let unfit = || format!("`{sign}` between {} and {}", left.kind(), right.kind());
    match (left, right) {
        (Int(a), Int(b)) => integers(sign, a, b),
        (Int(a), Float(b)) => floats(sign, a as f64, b).ok_or_else(unfit),
        (Float(a), Int(b)) => floats(sign, a, b as f64).ok_or_else(unfit),
        (Float(a), Float(b)) => floats(sign, a, b).ok_or_else(unfit),
        (Address(base, a), Int(b)) if sign == "+" => Ok(Address(base, a.wrapping_add(b))),
        (Int(a), Address(base, b)) if sign == "+" => Ok(Address(base, a.wrapping_add(b))),
        (Address(base, a), Int(b)) if sign == "-" => Ok(Address(base, a.wrapping_sub(b))),
        (Address(one, a), Address(other, b)) if one == other => match sign {
            "-" => Ok(Int(a.wrapping_sub(b))),
            _ => compared(sign, a.cmp(&b)).map(Int).ok_or_else(unfit),
        },
        // Different objects have different addresses, and none is 0.
        (Address(..), Address(..)) | (Address(..), Int(0)) | (Int(0), Address(..)) if sign == "==" => {
            Ok(Int(0))
        }
        (Address(..), Address(..)) | (Address(..), Int(0)) | (Int(0), Address(..)) if sign == "!=" => {
            Ok(Int(1))
        }
        (Address(..), Address(..)) => {
            Err("where the two objects are is known only when the program runs".into())
        }
        _ => Err(unfit()),
    }
}

fn compared(sign: &str, order: std::cmp::Ordering) -> Option<i64> {
    let holds = match sign {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        "==" => order.is_eq(),
        ">=" => order.is_ge(),
        ">" => order.is_gt(),
        "!=" => order.is_ne(),
        _ => return None,
    };
    Some(holds as i64)
}

fn integers(sign: &str, a: i64, b: i64) -> Result<Value, String> {
    let value = match sign {
        "+" => a.wrapping_add(b),
        "-" => a.wrapping_sub(b),
        "*" => a.wrapping_mul(b),
        "/" | "%" if b == 0 => return Err("division by zero".into()),
        "/" => a.wrapping_div(b),
        "%" => a.wrapping_rem(b),
        "<<" => a.wrapping_shl(b as u32),
        ">>" => a.wrapping_shr(b as u32),
        "&" => a & b,
        "^" => a ^ b,
        "|" => a | b,
        _ => {
            return compared(sign, a.cmp(&b))
                .map(Value::Int)
                .ok_or_else(|| format!("`{sign}` between integers"));
        }
    };
    Ok(Value::Int(value))
}

fn floats(sign: &str, a: f64, b: f64) -> Option<Value> {
    let value = match sign {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        "<" => return Some(Value::Int((a < b) as i64)),
        "<=" => return Some(Value::Int((a <= b) as i64)),
        "==" => return Some(Value::Int((a == b) as i64)),
        ">=" => return Some(Value::Int((a >= b) as i64)),
        ">" => return Some(Value::Int((a > b) as i64)),
        "!=" => return Some(Value::Int((a != b) as i64)),
        _ => return None,
    };
    Some(Value::Float(default_nan(value, a, b)))
}
