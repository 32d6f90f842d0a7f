//! What is said of modules that break a limit.

use super::parts::{AT, INT, PRINTF, Parts, SMALL, body, layout, line, module, parts, switch};
use crate::module::Module;
use crate::op::Cond;
use crate::types::{AbiType, AggregateClass, Layout, Signature, Type};
use crate::verify::Limits;

/// Modules that break a limit, with the limit.
pub fn cases() -> Vec<(&'static str, Limits, Module)> {
    let usual = Limits::default;
    let long = || {
        line(|b| {
            for _ in 0..20 {
                b.add(INT, 1);
            }
        })
    };
    vec![
        ("instructions are limited", Limits { insts: 10, ..usual() }, long()),
        ("registers are limited", Limits { vregs: 10, ..usual() }, long()),
        ("declarations are limited", Limits { entities: 1, ..usual() }, line(|_| {})),
        ("parameters are limited", Limits { params: 4, ..usual() }, line(|_| {})),
        (
            "arguments are limited",
            Limits { params: 5, ..usual() },
            line(|b| {
                b.call(PRINTF, &[AT, INT, INT, INT, INT, INT]);
            }),
        ),
        ("cases are limited", Limits { cases: 2, ..usual() }, switch(INT, &[1, 2, 3])),
        (
            "aggregates are limited",
            Limits { layout_bytes: 64, ..usual() },
            layout(128, 8, AggregateClass::Plain, &[]),
        ),
        (
            "aggregates of a signature are limited together",
            Limits { layout_bytes: 20, ..usual() },
            module(|m| {
                let t = Layout { size: 16, align: 8, ..Layout::default() };
                let t = AbiType::Aggregate(m.layout("t", t));
                m.signature(Signature { params: vec![t, t], results: vec![t], ..Signature::default() });
            }),
        ),
        ("aggregates of a function's calls are limited together", Limits { call_bytes: 100, ..usual() }, {
            let Parts { mut module, f } = parts();
            let t =
                AbiType::Aggregate(module.layout("t", Layout { size: 64, align: 8, ..Layout::default() }));
            let callee = module.import("callee", Signature::new([t], [] as [Type; 0]));
            let mut b = module.build(f);
            b.call(callee, &[AT]);
            b.call(callee, &[AT]);
            b.ret(&[INT]);
            b.finish().expect("the body has an end");
            module
        }),
        (
            "the search for unassigned registers is limited",
            Limits { search_steps: 3, ..usual() },
            body(|b| {
                let x = b.vreg(Type::I64);
                let (odd, join) = (b.block(), b.block());
                b.branch(Cond::Any, INT, 1, odd);
                b.to(x).iconst(Type::I64, 1);
                b.jump(join);
                b.place(odd);
                b.to(x).iconst(Type::I64, 2);
                for _ in 0..9 {
                    let next = b.block();
                    b.place(next);
                    b.branch(Cond::Any, INT, 1, next);
                }
                b.place(join);
                b.ret(&[x]);
            }),
        ),
        (
            "diagnostics are limited",
            Limits { diagnostics: 2, ..usual() },
            line(|b| {
                for _ in 0..5 {
                    b.add(INT, SMALL);
                }
            }),
        ),
    ]
}
