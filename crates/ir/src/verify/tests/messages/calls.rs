//! What is said of calls and returns.

use super::Case;
use super::parts::{AT, DOUBLE, INT, PAIR, PRINTF, SINGLE, SMALL, body, broken, line, module, tail_call};
use crate::types::{Convention, Signature, Type};

pub fn cases() -> Vec<Case> {
    const NONE: [Type; 0] = [];
    vec![
        (
            "a called function exists",
            broken(
                |b| {
                    b.call(PRINTF, &[AT]);
                },
                |f| f.insts[0].a = 50,
            ),
        ),
        (
            "a call's signature exists",
            broken(
                |b| {
                    b.call(PRINTF, &[AT]);
                },
                |f| f.pool[0] = 50,
            ),
        ),
        (
            "a call has the signature of its function",
            broken(
                |b| {
                    b.call(PRINTF, &[AT]);
                },
                |f| f.insts[0].a = PAIR.0,
            ),
        ),
        (
            "a call has all arguments",
            line(|b| {
                b.call(PAIR, &[]);
            }),
        ),
        (
            "a call of variable arguments has the fixed ones",
            line(|b| {
                b.call(PRINTF, &[]);
            }),
        ),
        (
            "an argument has the type",
            line(|b| {
                b.call(PAIR, &[SMALL]);
            }),
        ),
        (
            "a variable argument is not f32",
            line(|b| {
                b.call(PRINTF, &[AT, DOUBLE, SINGLE]);
            }),
        ),
        (
            "a call takes all results",
            broken(
                |b| {
                    b.call(PAIR, &[INT]);
                },
                |f| f.pool[2] = 1,
            ),
        ),
        (
            "a call's result has the type",
            broken(
                |b| {
                    b.call(PAIR, &[INT]);
                },
                |f| f.insts[0].dst = SINGLE.0,
            ),
        ),
        ("a return has all results", body(|b| b.ret(&[]))),
        ("a return has the type", body(|b| b.ret(&[DOUBLE]))),
        ("a tail call gives the caller's results", tail_call(Signature::new(NONE, [Type::F64]))),
        (
            "a tail call keeps the convention",
            tail_call(Signature { convention: Convention::Win64, ..Signature::new(NONE, [Type::I64]) }),
        ),
        (
            "Kiln's convention has no variable arguments",
            module(|m| {
                m.signature(Signature {
                    variadic: true,
                    convention: Convention::Kiln,
                    ..Signature::default()
                });
            }),
        ),
    ]
}
