//! What stands where in a bytecode file, for people: the parts of a file as the reader comes across them. Works on
//! faulty files too, up to the fault.

use super::fault::Fault;
use super::{decode, number::Decoded};
use crate::diagnostic::{Diagnostic, Place};
use crate::function::{Function, InstData};
use crate::module::Module;
use crate::op::Role;
use std::cell::RefCell;
use std::fmt::Write as _;

/// A part of a file. The parts follow each other without gaps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Its first byte.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// How deep it stands: 0 the header and sections, 1 counts, 2 the things of a section, 3 their parts, 4
    /// instructions.
    pub depth: usize,
    /// What it says.
    pub meaning: String,
}

/// The parts noted so far; their ends are found when all are known.
#[derive(Default)]
pub(super) struct Outline(RefCell<Vec<Part>>);

impl Outline {
    pub(super) fn note(&self, start: usize, depth: usize, meaning: String) {
        self.0.borrow_mut().push(Part { start, end: start, depth, meaning });
    }
}

/// The parts of a bytecode file, and what is wrong with it. The last part before a fault reaches to the fault.
pub fn outline(bytes: &[u8]) -> (Vec<Part>, Option<Diagnostic<Fault>>) {
    let outline = Outline::default();
    let result: Decoded<Module> = decode::file(bytes, Some(&outline));
    let mut parts = outline.0.into_inner();
    let fault = result.err().map(|fault| *fault);
    let mut end = match &fault {
        Some(Diagnostic { at: Place::Byte(at), .. }) => *at as usize,
        _ => bytes.len(),
    };
    for part in parts.iter_mut().rev() {
        part.end = end.max(part.start);
        end = part.start;
    }
    (parts, fault)
}

/// An instruction in the order of its bytes: mnemonic, type, operands.
pub(super) fn instruction(f: &Function, inst: &InstData) -> String {
    let info = inst.op.info();
    let mut text = info.name(inst.variant());
    if inst.op.shape().accesses() {
        let _ = write!(text, ".{}", inst.access());
    }
    if info.types.0.count_ones() > 1 {
        let _ = write!(text, ".{}", inst.ty);
    }
    let mut operands = Vec::new();
    for (field, role) in inst.op.shape().operands() {
        let word = || f.word(inst, *field);
        operands.push(match role {
            Role::UseOrImm(_) if inst.has_imm() => format!("{}", word() as i32),
            Role::StoreValue if inst.value_is_imm() => format!("{}", word() as i32),
            Role::Def(_) | Role::Use(_) | Role::UseOrImm(_) | Role::StoreValue => format!("%{}", word()),
            Role::Const if inst.ty.is_float() => format!("bits {:#x}", f.constant(inst)),
            Role::Const => format!("{}", f.constant(inst) as i64),
            Role::Mem => {
                let mem = f.mem(inst);
                match mem.index.is_none() {
                    true => format!("[%{} + {}]", mem.base.0, mem.disp),
                    false => format!("[%{} + %{}*{} + {}]", mem.base.0, mem.index.0, mem.scale, mem.disp),
                }
            }
            Role::Imm => format!("{}", word() as i32),
            Role::BitRange => format!("bit {} width {}", word() & 0xff, word() >> 8),
            Role::Block | Role::ColdBlock => format!("block {}", word()),
            Role::Func => format!("function {}", word()),
            Role::Data => format!("data {}", word()),
            Role::Slot => format!("slot {}", word()),
            Role::LabelSet => format!("label set {}", word()),
            Role::ExitId | Role::TrapCode | Role::CodeBytes => format!("number {}", word()),
            Role::List | Role::Results => {
                let mut list = Vec::new();
                f.for_each_use(inst, |v| list.push(format!("%{}", v.0)));
                format!("({})", list.join(" "))
            }
            Role::Cases => {
                let (default, cases) = f.cases(inst);
                format!("{} cases, default block {}", cases.len(), default.0)
            }
            Role::CallList => {
                let call = f.call(inst);
                let args: Vec<_> = call.args.iter().map(|v| format!("%{}", v.0)).collect();
                let mut results = Vec::new();
                f.for_each_def(inst, |v| results.push(format!("%{}", v.0)));
                format!("signature {}, ({}) to ({})", call.sig.0, args.join(" "), results.join(" "))
            }
        });
    }
    if !operands.is_empty() {
        let _ = write!(text, " {}", operands.join(", "));
    }
    text
}
