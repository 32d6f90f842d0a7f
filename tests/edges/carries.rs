//! Ops with two results: carries, and products of double width.

use crate::case::{Bits, Case, Outcome, mask, pairs, run, triples};
use crate::integers::{integers, signed, unsigned, wrapped};
use kiln::Type;

/// Whole words of a low and a high half.
fn halves(ty: Type, value: i128) -> Outcome {
    let low = wrapped(ty, value);
    let high = (value >> (ty.bytes() * 8)) as u64 & mask(ty);
    Outcome::Gives(vec![Bits::Exactly(low), Bits::Exactly(high)])
}

#[test]
fn products_of_double_width() {
    let mut cases = vec![];
    for ty in [Type::I32, Type::I64] {
        let values = integers(ty);
        cases.push(Case::new(
            format!("smul_wide.{ty}"),
            &[ty, ty],
            &[ty, ty],
            pairs(&values, &values),
            move |v| halves(ty, signed(ty, v[0]) * signed(ty, v[1])),
        ));
        cases.push(Case::new(
            format!("umul_wide.{ty}"),
            &[ty, ty],
            &[ty, ty],
            pairs(&values, &values),
            move |v| {
                // The product may need all 128 bits, of which the sign is one.
                halves(ty, (unsigned(ty, v[0]) as u128 * unsigned(ty, v[1]) as u128) as i128)
            },
        ));
    }
    run(cases);
}

#[test]
fn carries_in_and_out() {
    // Whatever is not 0 is a carry.
    let carries = [0, 1, 2, 0x8000_0000, 0xffff_ffff];
    let mut cases = vec![];
    for ty in [Type::I32, Type::I64] {
        let values: Vec<u64> =
            integers(ty).into_iter().step_by(2).chain([0, mask(ty), mask(ty) / 2]).collect();
        for (op, sign) in [("add_carry", 1), ("sub_borrow", -1)] {
            let params = [ty, ty, Type::I32];
            let oracle = move |v: &[u64]| {
                let value = unsigned(ty, v[0]) + sign * (unsigned(ty, v[1]) + i128::from(v[2] != 0));
                let carry = value < 0 || value > unsigned(ty, mask(ty));
                Outcome::Gives(vec![Bits::Exactly(wrapped(ty, value)), Bits::Exactly(carry.into())])
            };
            let inputs = triples(&values, &values, &carries);
            cases.push(Case::new(format!("{op}.{ty}"), &params, &[ty, Type::I32], inputs, oracle));
        }
    }
    run(cases);
}
