//! Mistakes in what Kiln is told of a signature. A check that does not notice is worth nothing.

use super::check::{Batch, Case};
use super::signature::{Convention, Signature};
use super::types::{Part, Record, Scalar, Type};
use kiln_generator::Entropy;

/// A mistake.
pub struct Plant {
    /// What is wrong.
    pub name: &'static str,
    /// Changes a signature, if it is one that the mistake can be made with.
    change: fn(&mut Signature) -> bool,
}

/// Signatures among which a mistake must show.
const SIGNATURES: usize = 1500;
/// Signatures with the mistake that are tried at once.
const AT_ONCE: usize = 8;

/// The mistakes that must be found.
pub const PLANTS: &[Plant] = &[
    Plant { name: "a signed char is unsigned", change: |s| scalar(s, Scalar::I8, Scalar::U8) },
    Plant { name: "an unsigned short is signed", change: |s| scalar(s, Scalar::U16, Scalar::I16) },
    Plant { name: "a float travels as an int", change: |s| scalar(s, Scalar::F32, Scalar::I32) },
    Plant { name: "a structure's float is an int", change: |s| member(s, Scalar::F32, Scalar::I32) },
    Plant { name: "a structure's double is a long", change: |s| member(s, Scalar::F64, Scalar::I64) },
    Plant {
        name: "a long double is an integer of its size",
        change: |s| whole(s, &Type::LongDouble, Type::Int128),
    },
    Plant {
        name: "a complex double is a complex float",
        change: |s| whole(s, &Type::Complex(Part::F64), Type::Complex(Part::F32)),
    },
    Plant { name: "a 128-bit integer is two longs", change: |s| whole(s, &Type::Int128, two_longs()) },
    Plant { name: "an over-aligned structure is not", change: unaligned },
    Plant { name: "a packed structure is not", change: |s| record(s, |r| std::mem::take(&mut r.packed)) },
    Plant {
        name: "the last parameter is lost",
        change: |s| s.variable.is_none() && s.params.pop().is_some(),
    },
    Plant { name: "a function of Win64 is one of C", change: other_convention },
];

impl Plant {
    /// The first signature by which the mistake is found, if one is.
    pub fn found(&self) -> Option<usize> {
        let mut e = Entropy::from_seed(0);
        let mut planted = Vec::new();
        for n in 0..SIGNATURES {
            let c = Signature::generate(&mut e);
            let mut kiln = c.clone();
            if (self.change)(&mut kiln) {
                planted.push((n, Case { c, kiln }));
            }
        }
        planted.chunks(AT_ONCE).find_map(|chunk| {
            let cases = chunk.iter().map(|(_, case)| case.clone()).collect();
            let failure = Batch::start(0, cases).check()?;
            failure.called.then(|| chunk[failure.n].0)
        })
    }
}

/// Applies a change to the types of parameters and result; gives whether it did anything.
fn types(s: &mut Signature, change: impl Fn(&mut Type) -> bool) -> bool {
    let elements = s.params.iter_mut().chain(&mut s.result);
    elements.map(|element| change(&mut element.ty)).filter(|changed| *changed).count() > 0
}

fn whole(s: &mut Signature, right: &Type, wrong: Type) -> bool {
    types(s, |ty| {
        let found = ty == right;
        if found {
            *ty = wrong.clone();
        }
        found
    })
}

fn scalar(s: &mut Signature, right: Scalar, wrong: Scalar) -> bool {
    whole(s, &Type::Scalar(right), Type::Scalar(wrong))
}

fn record(s: &mut Signature, change: impl Fn(&mut Record) -> bool) -> bool {
    types(s, |ty| match ty {
        Type::Record(record) => change(record),
        _ => false,
    })
}

fn member(s: &mut Signature, right: Scalar, wrong: Scalar) -> bool {
    record(s, |r| {
        let found = r.members.iter_mut().filter(|(_, ty)| *ty == Type::Scalar(right));
        found.map(|(_, ty)| *ty = Type::Scalar(wrong)).count() > 0
    })
}

fn two_longs() -> Type {
    let members = vec![(2, Type::Scalar(Scalar::I64))];
    Type::Record(Record { members, ..Record::default() })
}

fn unaligned(s: &mut Signature) -> bool {
    record(s, |r| r.align.take().is_some_and(|align| align >= 16))
}

fn other_convention(s: &mut Signature) -> bool {
    let found = s.convention == Convention::Win64;
    s.convention = Convention::C;
    found
}
