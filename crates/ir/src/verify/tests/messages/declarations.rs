//! What is said of names, functions and data.

use super::Case;
use super::parts::{INT, OWN, PRINTF, data, entry, module, reloc};
use crate::entity::{Block, DataId, FuncId, SigId};
use crate::module::{DataDecl, DataTarget, Linkage};
use crate::types::Signature;

pub fn cases() -> Vec<Case> {
    vec![
        ("an import has a name", module(|m| m.funcs[0].name.clear())),
        (
            "exported data has a name",
            module(|m| {
                m.add_data(DataDecl { linkage: Linkage::Export, align: 1, ..DataDecl::default() });
            }),
        ),
        ("an entry has a name", entry("", &[INT])),
        ("a name has no zero byte", module(|m| m.funcs[0].name = "a\0b".into())),
        (
            "functions and data have different names",
            module(|m| {
                m.constant("printf", b"");
            }),
        ),
        ("an entry has a name of its own", entry("pair", &[INT])),
        (
            "a function has a body",
            module(|m| {
                m.declare("later", Signature::default(), Linkage::Local);
            }),
        ),
        ("an import has no body", module(|m| m.funcs[2].linkage = Linkage::Import)),
        ("only imports name a library", module(|m| m.set_library(FuncId(2), "libf.so"))),
        ("imported data has no contents", data(|d| d.linkage = Linkage::Import)),
        ("data defined here is not thread-local", data(|d| d.thread_local = true)),
        ("data is aligned to a power of two", data(|d| d.align = 12)),
        ("a function has a signature of the module", module(|m| m.funcs[0].sig = SigId(77))),
        ("data is not larger than memory", data(|d| d.zeros = u64::MAX)),
        ("an address lies inside its data", data(|d| d.relocs = vec![reloc(25, DataTarget::Func(PRINTF))])),
        (
            "addresses do not overlap",
            data(|d| {
                d.relocs = [8, 12].map(|at| reloc(at, DataTarget::Func(PRINTF))).into();
            }),
        ),
        (
            "an address is of a function that exists",
            data(|d| {
                d.relocs = vec![reloc(0, DataTarget::Func(FuncId(9)))];
            }),
        ),
        (
            "an address is of data that exists",
            data(|d| d.relocs = vec![reloc(0, DataTarget::Data(DataId(9)))]),
        ),
        (
            "an address is not of thread-local data",
            data(|d| d.relocs = vec![reloc(0, DataTarget::Data(OWN))]),
        ),
        (
            "an address is of a label that exists",
            data(|d| {
                d.relocs = vec![reloc(0, DataTarget::Label(FuncId(2), Block(9)))];
            }),
        ),
        ("an import has no labels", data(|d| d.relocs = vec![reloc(0, DataTarget::Label(PRINTF, Block(0)))])),
    ]
}
