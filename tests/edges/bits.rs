//! Bit-fields of every place and width.

use crate::case::{Case, exactly, pairs, run, singles};
use crate::integers::{few, wrapped};
use kiln::Type;

/// Every bit-field of a type, or for `i64` those that begin or end near a boundary of bytes.
fn fields(ty: Type) -> Vec<(u32, u32)> {
    let bits = ty.bytes() * 8;
    let near = |at: u32| bits == 32 || matches!(at % 32, 0 | 1 | 7 | 8 | 9 | 16 | 31);
    let all = (0..bits).flat_map(|bit| (1..=bits - bit).map(move |width| (bit, width)));
    all.filter(|(bit, width)| near(*bit) && near(bit + width)).collect()
}

#[test]
fn extraction() {
    let mut cases = vec![];
    for ty in [Type::I32, Type::I64] {
        for (bit, width) in fields(ty) {
            let low = move |v: &[u64]| i128::from(v[0] >> bit) & ((1 << width) - 1);
            let tail = format!(", {bit}, {width}");
            let inputs = singles(&few(ty));
            let unsigned = move |v: &[u64]| exactly(wrapped(ty, low(v)));
            cases.push(Case::new(format!("ubits.{ty}"), &[ty], &[ty], inputs.clone(), unsigned).tail(&tail));
            let signed = move |v: &[u64]| {
                let top = 1 << (width - 1);
                exactly(wrapped(ty, (low(v) ^ top) - top))
            };
            cases.push(Case::new(format!("sbits.{ty}"), &[ty], &[ty], inputs, signed).tail(&tail));
        }
    }
    run(cases);
}

#[test]
fn insertion() {
    let mut cases = vec![];
    for ty in [Type::I32, Type::I64] {
        for (bit, width) in fields(ty) {
            let oracle = move |v: &[u64]| {
                let field = ((1u128 << width) - 1) << bit;
                let inserted = u128::from(v[0]) & !field | u128::from(v[1]) << bit & field;
                exactly(wrapped(ty, inserted as i128))
            };
            let inputs = pairs(&few(ty)[1..], &few(ty)[1..]);
            let case = Case::new(format!("set_bits.{ty}"), &[ty, ty], &[ty], inputs, oracle);
            cases.push(case.tail(format!(", {bit}, {width}")));
        }
    }
    run(cases);
}
