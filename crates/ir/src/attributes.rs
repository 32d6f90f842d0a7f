//! Which bits of a record's `aux` an op may carry, and which of its words it uses. Both follow from the op's shape;
//! readers of untrusted input ask here before they believe a record.
//!
//! Invariant of every record: bits outside [`InstData::allowed_bits`] are 0, fields of several bits hold a number
//! that exists, words without meaning hold [`crate::VReg::NONE`] (`dst`) or 0 (`a`, `b`). So two records that mean
//! the same are equal.

use crate::function::{InstData, aux};
use crate::op::{Cond, FCond, Field, Hint, Op, Order, Rmw, Role, Shape, Variants};

/// What an op's records look like.
#[derive(Clone, Copy)]
struct Rule {
    /// Bits of `aux` that mean something.
    allowed: u16,
    /// Bits of `aux` that are always set.
    required: u16,
    /// Whether `dst`, `a`, `b` mean something when there is no tail.
    dst: bool,
    a: bool,
    b: bool,
}

/// Whether records carry a branch's hint.
const fn hinted(shape: Shape) -> bool {
    matches!(shape, Shape::Branch | Shape::FBranch)
}

const fn rule(shape: Shape) -> Rule {
    let mut rule = Rule { allowed: 0, required: 0, dst: false, a: false, b: false };
    let operands = shape.operands();
    let mut i = 0;
    while i < operands.len() {
        let (field, role) = operands[i];
        match field {
            Field::Dst => rule.dst = true,
            Field::A => rule.a = true,
            Field::B => rule.b = true,
            Field::Tail(_) => rule.required |= aux::TAIL,
        }
        match role {
            Role::UseOrImm(_) => rule.allowed |= aux::IMM,
            Role::StoreValue if matches!(shape, Shape::Store) => rule.allowed |= aux::VALUE_IMM,
            Role::Mem => {
                rule.b = true;
                rule.allowed |= aux::TAIL;
            }
            Role::Const | Role::Results => rule.allowed |= aux::TAIL,
            Role::CallList => rule.dst = true,
            _ => {}
        }
        i += 1;
    }
    rule.allowed |= rule.required;
    match shape.variants() {
        Variants::None => {}
        Variants::Cond | Variants::FCond => rule.allowed |= 15 << aux::VARIANT,
        Variants::Rmw => rule.allowed |= 15 << aux::RMW,
    }
    if hinted(shape) {
        rule.allowed |= 3 << aux::HINT;
    }
    if shape.accesses() {
        rule.allowed |= 31 << aux::ACCESS;
    }
    if shape.ordered() {
        rule.allowed |= 7 << aux::ORDER;
    }
    if matches!(shape, Shape::Load | Shape::Store) {
        rule.allowed |= 15 << aux::ALIAS | aux::VOLATILE | aux::NO_TRAP | aux::NON_TEMPORAL | aux::PRECISE;
    }
    if matches!(shape, Shape::Load) {
        rule.allowed |= aux::KEEP;
    }
    rule
}

/// The bits of `aux` that mean something in records of a shape.
pub(crate) const fn allowed_bits(shape: Shape) -> u16 {
    rule(shape).allowed
}

/// The rule of each op, by its number.
static RULES: [Rule; 256] = {
    let mut rules = [rule(Shape::None); 256];
    let mut i = 0;
    while i < Op::ALL.len() {
        rules[Op::ALL[i] as usize] = rule(Op::ALL[i].shape());
        i += 1;
    }
    rules
};

impl InstData {
    /// The bits of `aux` that mean something for an op.
    pub fn allowed_bits(op: Op) -> u16 {
        RULES[op as usize].allowed
    }

    /// The bits of `aux` that every record of an op has set.
    pub fn required_bits(op: Op) -> u16 {
        RULES[op as usize].required
    }

    /// Whether `aux` has only bits that the op knows, all that it requires, and in each field a number that exists.
    pub fn attributes_are_valid(&self) -> bool {
        let rule = &RULES[self.op as usize];
        if self.aux & !rule.allowed != 0 || self.aux & rule.required != rule.required {
            return false;
        }
        let shape = self.op.shape();
        let field = |first: u32, mask: u16| (self.aux >> first & mask) as u8;
        let variant = match shape.variants() {
            Variants::None => true,
            Variants::Cond => Cond::from_number(field(aux::VARIANT, 15)).is_some(),
            Variants::FCond => FCond::from_number(field(aux::VARIANT, 15)).is_some(),
            Variants::Rmw => Rmw::from_number(field(aux::RMW, 15)).is_some(),
        };
        variant
            && (!hinted(shape) || Hint::from_number(field(aux::HINT, 3)).is_some())
            && (!shape.accesses() || self.access().is_valid())
            && (!shape.ordered() || Order::from_number(field(aux::ORDER, 7)).is_some())
    }

    /// The record with the words that mean nothing set to what the invariant asks.
    pub(crate) fn canonical(mut self) -> InstData {
        let rule = &RULES[self.op as usize];
        if !rule.dst {
            self.dst = u32::MAX;
        }
        if !rule.a {
            self.a = 0;
        }
        if !rule.b && !self.has_tail() {
            self.b = 0;
        }
        self
    }
}
