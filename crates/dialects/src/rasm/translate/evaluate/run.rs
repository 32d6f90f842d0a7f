//! What instructions do at assembly time: labels, patches, storage in the frame.

use super::Evaluation;
use super::calls::MAX_PARAMS;
use crate::rasm::fault::Fault;
use crate::rasm::table::{Form, Opcode};
use crate::rasm::translate::body::{Inst, Site, Value};
use kiln_ir::diagnostic::Span;

/// Bytes of storage in a frame.
const MAX_FRAME: i64 = 1 << 30;

impl Evaluation<'_, '_> {
    /// Does what an instruction does at assembly time, and keeps it if it does something at run time.
    pub(super) fn run(
        &mut self,
        op: Opcode,
        (at, line): (Span, u32),
        mut args: [Option<Value>; 3],
    ) -> Option<Value> {
        let instruction = op.get();
        let mut number = 0;
        match instruction.form {
            Form::Prolog => {
                if self.begun {
                    self.fault(at, Fault::SecondProlog);
                }
                self.begun = true;
                return None;
            }
            Form::Arg => {
                if self.body.params.len() == MAX_PARAMS {
                    self.fault(at, Fault::TooMany("parameters"));
                }
                self.body.params.push(instruction.ty);
                return Some(Value::Param(self.body.params.len() as u32 - 1));
            }
            Form::Alloca => return self.allocate(at, args[0]),
            Form::GetLabel => return Some(self.here()),
            Form::Forward => return Some(Value::Forward),
            Form::Entry => return Some(Value::Function(self.number)),
            Form::AssignInt | Form::AssignLabel => return args[0],
            Form::AssignReg => return None,
            Form::Patch => {
                let here = self.here();
                self.patch(at, args[0], here, op);
                return None;
            }
            Form::PatchAt | Form::PatchMovi => {
                if let Some(target) = args[1] {
                    self.patch(at, args[0], target, op);
                }
                return None;
            }
            Form::Prepare => {
                self.prepare(instruction.ty, at, args[0]);
                return None;
            }
            Form::PushArg => {
                if self.preparing.is_none() {
                    let help = "`prepare_i N` begins a call with N integer arguments";
                    self.help(at, Fault::NotPrepared, help);
                    return None;
                }
                number = self.body.pushed.len() as u32;
                self.body.pushed.push(instruction.ty);
            }
            Form::Call | Form::CallReg => number = self.call(op, at, args[0]),
            Form::RetVal => self.result(instruction.ty, at),
            _ => {}
        }
        let mut given = None;
        if instruction.leads() {
            let movi = matches!(instruction.form, Form::Mov(_));
            let place = &mut args[movi as usize];
            let target = place.filter(|value| *value != Value::Forward);
            let site = Value::Site(self.body.sites.len() as u32);
            self.body.sites.push(Site { at, movi, target });
            *place = Some(site);
            given = Some(site);
        }
        self.body.push(Inst { op, at, line, args, number });
        given
    }

    fn allocate(&mut self, at: Span, size: Option<Value>) -> Option<Value> {
        let Some(Value::Int(size)) = size else { return None };
        // Each piece begins at a multiple of 16.
        let taken = size.max(1).saturating_add(15) & !15;
        match u32::try_from(size) {
            Ok(bytes) if self.frame + taken <= MAX_FRAME => {
                self.frame += taken;
                self.body.frame.push(bytes);
                Some(Value::Offset(self.body.frame.len() as u32 - 1))
            }
            _ => {
                self.help(at, Fault::FrameSize(size), "a function has room for 1 GiB in all");
                Some(Value::Int(0))
            }
        }
    }

    fn patch(&mut self, at: Span, site: Option<Value>, target: Value, op: Opcode) {
        let Some(Value::Site(site)) = site else { return };
        let site = &mut self.body.sites[site as usize];
        let movi = op.get().form == Form::PatchMovi;
        if site.movi != movi {
            let right = if site.movi { "patch_movi" } else { "patch_at" };
            let help = format!("`{right}` does it");
            self.help(at, Fault::WrongPatch { used: op.mnemonic(), right }, help);
        } else if site.target.is_some_and(|target| target != Value::Forward) {
            self.help(
                at,
                Fault::PatchedTwice,
                "only a target that was given as `!forward` can be patched, and once",
            );
        } else if target != Value::Forward {
            site.target = Some(target);
        }
    }
}
