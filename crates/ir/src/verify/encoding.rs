//! The rules of how records are written: attribute bits, variants, accesses, orders, tails.

use super::fault::{self, Fault, InstName};
use super::rules::{self, TailRule};
use super::walk::Walk;
use crate::entity::VReg;
use crate::function::{InstData, aux};
use crate::op::{Field, Hint, Order, Role, Shape};
use crate::types::Type;

impl Walk<'_> {
    /// Checks what `aux` says but the tail flag. Gives whether the operands can be looked at.
    pub(super) fn attributes(&mut self, at: usize, inst: &InstData, shape: Shape) -> bool {
        let row = rules::row_of(inst.op, inst.ty);
        let op = InstName { op: inst.op, variant: inst.variant() };
        let odd = inst.aux & !row.allowed & !aux::TAIL;
        if odd != 0 {
            self.fatal(at, None, Fault::Flags { op, bits: odd });
            return false;
        }
        let number = match shape.variants() {
            crate::op::Variants::Rmw => inst.aux >> aux::RMW & 15,
            crate::op::Variants::None => 0,
            _ => inst.aux >> aux::VARIANT & 15,
        };
        if number as u8 >= rules::variant_count(shape.variants()) {
            self.fatal(at, None, Fault::Number { what: "variant of this op", number: number as u32 });
        }
        let hint = inst.aux >> aux::HINT & 3;
        if matches!(shape, Shape::Branch | Shape::FBranch) && Hint::from_number(hint as u8).is_none() {
            self.fatal(at, None, Fault::Number { what: "hint", number: hint as u32 });
        }
        if shape.ordered() {
            let number = inst.aux >> aux::ORDER & 7;
            match Order::from_number(number as u8) {
                None => self.fatal(at, None, Fault::Number { what: "memory order", number: number as u32 }),
                Some(order) if !order_fits(shape, order) => {
                    self.fault(at, None, Fault::AtomicOrder { op, order: fault::OrderName(order) });
                }
                Some(_) => {}
            }
        }
        if shape.accesses() {
            let access = inst.access();
            if !access.is_valid() {
                self.fatal(at, None, Fault::Number { what: "memory access", number: access.0 as u32 });
            } else if shape.ordered() && (access.is_float() || !access.bytes().is_power_of_two()) {
                self.fault(at, None, Fault::AtomicAccess { access });
            } else if !access.fits(inst.ty) && rules::type_allowed(inst.op.info().types, inst.ty) {
                self.fault(at, None, Fault::AccessFits { access, ty: inst.ty });
            }
        }
        true
    }

    /// Checks that the tail is there if and only if it must be, and lies inside the pool with all its lists.
    pub(super) fn tail(&mut self, at: usize, inst: &InstData, shape: Shape) -> bool {
        let f = self.f;
        let rule = rules::tail_rule(shape);
        let flag = inst.has_tail();
        let op = InstName { op: inst.op, variant: inst.variant() };
        let wrong = match rule {
            TailRule::Never if flag => Some("has no tail"),
            TailRule::Always if !flag => Some("needs a tail"),
            _ => None,
        };
        if let Some(rule) = wrong {
            self.fatal(at, None, Fault::TailFlag { op, rule });
            return false;
        }
        if flag && !f.pool.get(inst.b as usize..).is_some_and(|tail| tail_fits(tail, shape)) {
            self.fatal(at, None, Fault::TailOutside { op, start: inst.b, pool: f.pool.len() });
            return false;
        }
        let form_holds = match rule {
            TailRule::WithIndex => !flag || f.pool[inst.b as usize] != VReg::NONE.0,
            TailRule::MoreResults => !flag || f.pool[inst.b as usize] != 0,
            TailRule::WideConst => {
                let value = f.constant(inst) as i64;
                let wide = match inst.ty {
                    Type::I32 | Type::F32 => false,
                    Type::F64 => true,
                    Type::I64 | Type::Ptr => flag && value != value as i32 as i64,
                };
                if flag != wide {
                    self.fatal(at, None, Fault::ConstForm { ty: inst.ty });
                    return false;
                }
                true
            }
            TailRule::Never | TailRule::Always => true,
        };
        if !form_holds {
            self.fatal(at, None, Fault::TailFlag { op, rule: "has no tail for this operand" });
        }
        form_holds
    }
}

/// Whether an atomic of this shape can have the order.
fn order_fits(shape: Shape, order: Order) -> bool {
    match shape {
        Shape::AtomicLoad => matches!(order, Order::Relaxed | Order::Acquire | Order::SeqCst),
        Shape::AtomicStore => matches!(order, Order::Relaxed | Order::Release | Order::SeqCst),
        _ => true,
    }
}

/// Whether the words of a tail are all there, `tail` being the pool from its start on.
fn tail_fits(tail: &[u32], shape: Shape) -> bool {
    let word = |n: usize| tail.get(n).map(|word| *word as usize);
    let mut len = 0;
    for (field, role) in shape.operands() {
        let at = if let Field::Tail(n) = field { *n as usize } else { 0 };
        let end = match role {
            Role::Mem => Some(3),
            Role::Const => Some(2),
            Role::List => word(at).map(|count| at + 1 + count),
            Role::Cases => word(1).map(|count| 2 + 3 * count),
            Role::Results => word(0).map(|count| 1 + count),
            Role::CallList => {
                word(1).zip(word(2)).map(|(args, results)| 3 + args + results.saturating_sub(1))
            }
            _ => Some(at + matches!(field, Field::Tail(_)) as usize),
        };
        let Some(end) = end else { return false };
        len = len.max(end);
    }
    len <= tail.len()
}
