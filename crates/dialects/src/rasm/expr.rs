//! Constant expressions, and the walk over the words of a line that they share with statements.

use super::fault::Fault;
use super::lex::{Kind, Sign, Token};
use super::parse::Fail;
use kiln_ir::FileId;
use kiln_ir::diagnostic::Span;

/// How deep expressions may be nested.
const MAX_DEPTH: u32 = 64;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Constant {
    Int(i64),
    Float(f64),
}

/// The words of a line and where reading is.
pub(super) struct Line<'l, 't> {
    tokens: &'l [Token<'t>],
    file: FileId,
    at: usize,
    /// Operands are separated by commas, so that an expression goes on to the next one.
    commas: bool,
    depth: u32,
}

/// How tightly a binary operator binds; nothing of those that do not exist.
fn level(operator: Sign) -> Option<u8> {
    Some(match operator {
        Sign::Or => 0,
        Sign::Xor => 1,
        Sign::And => 2,
        Sign::Left | Sign::Right => 3,
        Sign::Plus | Sign::Minus => 4,
        Sign::Times | Sign::Over | Sign::Modulo => 5,
        Sign::Power => 6,
        _ => return None,
    })
}

impl<'l, 't> Line<'l, 't> {
    pub fn new(tokens: &'l [Token<'t>], file: FileId) -> Line<'l, 't> {
        let commas = tokens.iter().any(|t| matches!(t.kind, Kind::Sign(Sign::Comma)));
        Line { tokens, file, at: 0, commas, depth: 0 }
    }

    pub fn peek(&self) -> Option<Kind<'t>> {
        self.tokens.get(self.at).map(|t| t.kind)
    }

    pub fn next(&mut self) {
        self.at += 1;
    }

    pub fn is_arrow(&self) -> bool {
        matches!(self.peek(), Some(Kind::Sign(Sign::Arrow)))
    }

    /// Whether no further operand can follow.
    pub fn at_end(&self) -> bool {
        self.peek().is_none() || self.is_arrow()
    }

    pub fn eat(&mut self, sign: Sign) -> bool {
        let found = matches!(self.peek(), Some(Kind::Sign(next)) if next == sign);
        self.at += found as usize;
        found
    }

    /// The place of the next word, or of the end of the line.
    pub fn span(&self) -> Span {
        match (self.tokens.get(self.at), self.tokens.last()) {
            (Some(t), _) => Span { file: self.file, start: t.start, end: t.end },
            (None, Some(t)) => Span { file: self.file, start: t.end, end: t.end },
            (None, None) => Span { file: self.file, start: 0, end: 0 },
        }
    }

    /// From the beginning of a place to the word before the next.
    pub fn since(&self, from: Span) -> Span {
        let end = self.tokens.get(self.at.wrapping_sub(1)).map_or(from.end, |t| t.end);
        Span { end: end.max(from.end), ..from }
    }

    pub fn expected(&self, wanted: &'static str) -> Fail {
        let found = match self.peek() {
            None => "the end of the line".into(),
            Some(Kind::Word(word)) => format!("`{word}`"),
            Some(Kind::Int(value)) => format!("`{value}`"),
            Some(Kind::Float(value)) => format!("`{value:?}`"),
            Some(Kind::Str(_)) => "a string".into(),
            Some(Kind::Register(name)) => format!("`%{name}`"),
            Some(Kind::Name(sigil, name)) => format!("`{sigil}{name}`"),
            Some(Kind::Sign(sign)) => format!("`{}`", sign.text()),
        };
        (Fault::Expected { wanted, found }, self.span(), None)
    }

    fn touches(&self, at: usize) -> bool {
        at > 0 && self.tokens.get(at).is_some_and(|t| self.tokens[at - 1].end == t.start)
    }

    /// The binary operator that comes next. Where no commas part the operands, a sign that touches a number behind
    /// it and nothing before it begins an operand.
    fn operator(&self) -> Option<Sign> {
        let Some(Kind::Sign(sign)) = self.peek() else { return None };
        if matches!(sign, Sign::Arrow | Sign::Comma | Sign::Open | Sign::Close | Sign::Not) {
            return None;
        }
        let number =
            matches!(self.tokens.get(self.at + 1), Some(Token { kind: Kind::Int(_) | Kind::Float(_), .. }));
        let begins = matches!(sign, Sign::Plus | Sign::Minus)
            && !self.commas
            && self.depth == 0
            && number
            && self.touches(self.at + 1)
            && !self.touches(self.at);
        (!begins).then_some(sign)
    }

    /// Whether an operator follows.
    pub fn continues(&self) -> bool {
        self.operator().is_some()
    }

    pub fn expression(&mut self) -> Result<Constant, Fail> {
        self.binary(0)
    }

    /// An expression of operators that bind at least so tightly.
    fn binary(&mut self, least: u8) -> Result<Constant, Fail> {
        let start = self.span();
        let mut left = self.unary()?;
        while let Some(operator) = self.operator() {
            let Some(level) = level(operator) else {
                let fault = Fault::BadExpression("there are no operators `&&` and `||`");
                return Err((fault, self.span(), None));
            };
            if level < least {
                break;
            }
            self.next();
            let right = self.binary(level + 1)?;
            left = match binary(operator, left, right) {
                Ok(value) => value,
                Err(reason) => return Err((Fault::BadExpression(reason), self.since(start), None)),
            };
        }
        Ok(left)
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fail>) -> Result<T, Fail> {
        if self.depth >= MAX_DEPTH {
            let fault = Fault::BadExpression("the expression is nested too deeply");
            return Err((fault, self.span(), None));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn unary(&mut self) -> Result<Constant, Fail> {
        let at = self.span();
        match self.peek() {
            Some(Kind::Int(magnitude)) => {
                self.next();
                let bad = || (Fault::BadNumber(magnitude.to_string()), at, range_help());
                i64::try_from(magnitude).map(Constant::Int).map_err(|_| bad())
            }
            Some(Kind::Float(value)) => {
                self.next();
                Ok(Constant::Float(value))
            }
            Some(Kind::Sign(Sign::Open)) => {
                self.next();
                let value = self.nested(|line| line.binary(0))?;
                if !self.eat(Sign::Close) {
                    return Err(self.expected("`)`"));
                }
                Ok(value)
            }
            Some(Kind::Sign(Sign::Minus)) => {
                self.next();
                if let Some(Kind::Int(magnitude)) = self.peek() {
                    self.next();
                    let bad = || (Fault::BadNumber(format!("-{magnitude}")), self.since(at), range_help());
                    return 0i64.checked_sub_unsigned(magnitude).map(Constant::Int).ok_or_else(bad);
                }
                Ok(match self.nested(Self::unary)? {
                    Constant::Int(value) => Constant::Int(value.wrapping_neg()),
                    Constant::Float(value) => Constant::Float(-value),
                })
            }
            Some(Kind::Sign(Sign::Plus)) => {
                self.next();
                self.nested(Self::unary)
            }
            Some(Kind::Sign(Sign::Not)) => {
                self.next();
                match self.nested(Self::unary)? {
                    Constant::Int(value) => Ok(Constant::Int(!value)),
                    Constant::Float(_) => {
                        Err((Fault::BadExpression("`~` is for integers only"), self.since(at), None))
                    }
                }
            }
            Some(Kind::Register(name)) => {
                Err((Fault::NotConstant(format!("the register `%{name}`")), at, None))
            }
            Some(Kind::Name(sigil, name)) => Err((Fault::NotConstant(format!("`{sigil}{name}`")), at, None)),
            _ => Err(self.expected("an operand")),
        }
    }
}

fn range_help() -> Option<String> {
    Some("integers are from -9223372036854775808 to 9223372036854775807".into())
}

fn binary(operator: Sign, left: Constant, right: Constant) -> Result<Constant, &'static str> {
    match (left, right) {
        (Constant::Int(a), Constant::Int(b)) => integers(operator, a, b).map(Constant::Int),
        (Constant::Float(a), Constant::Float(b)) => floats(operator, a, b).map(Constant::Float),
        _ => Err("an integer and a float cannot be mixed in one expression"),
    }
}

fn integers(operator: Sign, a: i64, b: i64) -> Result<i64, &'static str> {
    let divided = |value: Option<i64>| {
        value.ok_or(if b == 0 { "division by zero" } else { "the quotient is out of range" })
    };
    let count = || if (0..64).contains(&b) { Ok(b as u32) } else { Err("shift counts are from 0 to 63") };
    Ok(match operator {
        Sign::Plus => a.wrapping_add(b),
        Sign::Minus => a.wrapping_sub(b),
        Sign::Times => a.wrapping_mul(b),
        Sign::Over => divided(a.checked_div(b))?,
        Sign::Modulo => divided(a.checked_rem(b))?,
        Sign::Left => a.wrapping_shl(count()?),
        Sign::Right => a >> count()?,
        Sign::And => a & b,
        Sign::Xor => a ^ b,
        Sign::Or => a | b,
        _ => {
            let power = (a as f64).powf(b as f64).trunc();
            if !(-9223372036854775808.0..9223372036854775808.0).contains(&power) {
                return Err("the power is out of range");
            }
            power as i64
        }
    })
}

fn floats(operator: Sign, a: f64, b: f64) -> Result<f64, &'static str> {
    Ok(match operator {
        Sign::Plus => a + b,
        Sign::Minus => a - b,
        Sign::Times => a * b,
        Sign::Over => a / b,
        Sign::Modulo => a % b,
        Sign::Power => a.powf(b),
        _ => return Err("this operator is for integers only"),
    })
}
