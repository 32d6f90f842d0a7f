//! Arithmetic. Results that may leave 64 bits go to an exit on overflow, unless they wrap; constants are folded.

use super::{Cold, Range, Translator, Value};
use crate::options::{Division, Overflow};
use kiln::{Block, Cond, Hint, Type, VReg};

impl Translator<'_> {
    fn wraps(&self) -> bool {
        self.shared.settings.options.overflow == Overflow::Wrap
    }

    /// The two operands.
    fn operands(&mut self) -> (Value, Value) {
        self.need(2);
        let (b, a) = (self.peek(0), self.peek(1));
        (a, b)
    }

    fn result(&mut self, value: Value) {
        self.stack.remove(2);
        self.stack.push(value);
    }

    pub(super) fn add(&mut self) {
        let (a, b) = self.operands();
        self.sum_of(a, b);
    }

    fn sum_of(&mut self, a: Value, b: Value) {
        let known = a.range().add(b.range());
        let value = match (a, b) {
            (Value::Constant(a), Value::Constant(b)) if self.wraps() => Value::Constant(a.wrapping_add(b)),
            (Value::Constant(a), Value::Constant(b)) => match a.checked_add(b) {
                Some(sum) => Value::Constant(sum),
                None => return self.leave(),
            },
            (a, Value::Constant(0)) | (Value::Constant(0), a) => a,
            (Value::Constant(_), _) => return self.sum_of_registers(b, a, known),
            _ => return self.sum_of_registers(a, b, known),
        };
        self.result(value);
    }

    fn sum_of_registers(&mut self, a: Value, b: Value, known: Option<Range>) {
        let (first, second) = (self.register(a), self.operand(b));
        let sum = if self.wraps() || known.is_some() {
            self.b.add(first, second)
        } else {
            let cold = self.leaving();
            self.b.sadd_ovf(first, second, cold)
        };
        let range =
            if self.wraps() { known.unwrap_or(Range::ANY) } else { clamped_sum(a.range(), b.range()) };
        self.result(Value::Register(sum, range));
    }

    pub(super) fn sub(&mut self) {
        let (a, b) = self.operands();
        let known = a.range().sub(b.range());
        let value = match (a, b) {
            (Value::Constant(a), Value::Constant(b)) if self.wraps() => Value::Constant(a.wrapping_sub(b)),
            (Value::Constant(a), Value::Constant(b)) => match a.checked_sub(b) {
                Some(difference) => Value::Constant(difference),
                None => return self.leave(),
            },
            (a, Value::Constant(0)) => a,
            _ => {
                let (first, second) = (self.register(a), self.operand(b));
                let difference = if self.wraps() || known.is_some() {
                    self.b.sub(first, second)
                } else {
                    let cold = self.leaving();
                    self.b.ssub_ovf(first, second, cold)
                };
                Value::Register(difference, known.unwrap_or(Range::ANY))
            }
        };
        self.result(value);
    }

    pub(super) fn mul(&mut self) {
        let (a, b) = self.operands();
        let (a, b) = if matches!(a, Value::Constant(_)) { (b, a) } else { (a, b) };
        let known = a.range().mul(b.range());
        let value = match (a, b) {
            (Value::Constant(a), Value::Constant(b)) if self.wraps() => Value::Constant(a.wrapping_mul(b)),
            (Value::Constant(a), Value::Constant(b)) => match a.checked_mul(b) {
                Some(product) => Value::Constant(product),
                None => return self.leave(),
            },
            (_, Value::Constant(0)) => Value::Constant(0),
            (a, Value::Constant(1)) => a,
            (a, Value::Constant(2)) => return self.sum_of(a, a),
            _ => {
                let (first, second) = (self.register(a), self.operand(b));
                let product = if self.wraps() || known.is_some() {
                    self.b.mul(first, second)
                } else {
                    let cold = self.leaving();
                    self.b.smul_ovf(first, second, cold)
                };
                Value::Register(product, known.unwrap_or(Range::ANY))
            }
        };
        self.result(value);
    }

    pub(super) fn div(&mut self) {
        let (a, b) = self.operands();
        let floor = self.shared.settings.options.division == Division::Floor;
        let value = match (a, b) {
            (_, Value::Constant(0)) => return self.leave(),
            (a, Value::Constant(1)) => a,
            (Value::Constant(a), Value::Constant(b)) => match a.checked_div(b) {
                Some(quotient) if floor && a % b != 0 && (a % b < 0) != (b < 0) => {
                    Value::Constant(quotient - 1)
                }
                Some(quotient) => Value::Constant(quotient),
                None if self.wraps() => Value::Constant(a),
                None => return self.leave(),
            },
            (a, Value::Constant(b @ 2..)) => {
                let range = a.range();
                let dividend = self.register(a);
                let quotient = if floor && b & (b - 1) == 0 {
                    self.b.ashr(dividend, i64::from(b.trailing_zeros()))
                } else {
                    let quotient = self.b.sdiv(dividend, b);
                    if floor && range.low < 0 {
                        let product = self.b.mul(quotient, b);
                        let rest = self.b.sub(dividend, product);
                        let less = self.b.ashr(rest, 63);
                        self.b.add(quotient, less)
                    } else {
                        quotient
                    }
                };
                let range = Range { low: range.low.div_euclid(b), high: range.high / b + 1 };
                Value::Register(quotient, range)
            }
            _ => {
                let (quotient, _) = self.divide(a, b, floor);
                Value::Register(quotient, Range::ANY)
            }
        };
        self.result(value);
    }

    pub(super) fn modulo(&mut self) {
        let (a, b) = self.operands();
        let floor = self.shared.settings.options.division == Division::Floor;
        let value = match (a, b) {
            (_, Value::Constant(0)) => return self.leave(),
            (_, Value::Constant(1 | -1)) => Value::Constant(0),
            (Value::Constant(a), Value::Constant(b)) => {
                let rest = a % b;
                Value::Constant(if floor && rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
            }
            (a, Value::Constant(b @ 2..)) => {
                let range = a.range();
                let dividend = self.register(a);
                let rest = if (floor || range.low >= 0) && b & (b - 1) == 0 {
                    self.b.and(dividend, b - 1)
                } else {
                    let rest = self.b.srem(dividend, b);
                    if floor && range.low < 0 {
                        let negative = self.b.ashr(rest, 63);
                        let more = self.b.and(negative, b);
                        self.b.add(rest, more)
                    } else {
                        rest
                    }
                };
                let low = if floor || range.low >= 0 { 0 } else { 1 - b };
                Value::Register(rest, Range { low, high: b - 1 })
            }
            _ => {
                let (_, rest) = self.divide(a, b, floor);
                Value::Register(rest, Range::ANY)
            }
        };
        self.result(value);
    }

    /// Quotient and remainder by a divisor that may be anything.
    fn divide(&mut self, a: Value, b: Value, floor: bool) -> (VReg, VReg) {
        let (dividend, divisor) = (self.register(a), self.register(b));
        if !matches!(b, Value::Constant(_)) {
            self.leave_if(Cond::Eq, divisor, 0);
        }
        let quotient = self.b.vreg(Type::I64);
        let then = (!b.range().within(0, i64::MAX)).then(|| self.negate(dividend, divisor, quotient));
        self.b.to(quotient).sdiv(dividend, divisor);
        if let Some(then) = then {
            self.b.place(then);
        }
        let product = self.b.mul(quotient, divisor);
        let rest = self.b.sub(dividend, product);
        if !floor {
            return (quotient, rest);
        }
        // One less, where there is a remainder whose sign is not the divisor's.
        let other = self.b.xor(rest, divisor);
        let signs = self.b.ashr(other, 63);
        let some = self.b.cmp(Cond::Ne, rest, 0);
        let some = self.b.zext(some);
        let some = self.b.neg(some);
        let mask = self.b.and(signs, some);
        let quotient = self.b.add(quotient, mask);
        let more = self.b.and(mask, divisor);
        let rest = self.b.add(rest, more);
        (quotient, rest)
    }

    /// The case of the divisor -1, out of the way: the least number has no negative. Gives the block that goes on.
    fn negate(&mut self, value: VReg, divisor: VReg, to: VReg) -> Block {
        let (block, then) = (self.b.block(), self.b.block());
        let (number, values) = self.exit();
        self.b.branch_hint(Cond::Eq, divisor, -1, block, Hint::Unlikely);
        let wraps = self.wraps();
        self.cold.push(Cold::Negate { block, value, to, number, values, then, wraps });
        then
    }
}

/// The range of a sum that did not overflow.
fn clamped_sum(a: Range, b: Range) -> Range {
    Range { low: a.low.saturating_add(b.low), high: a.high.saturating_add(b.high) }
}
