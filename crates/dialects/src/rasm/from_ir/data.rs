//! Addresses of functions and of data. rasm's data is constant text; all else with a name is a symbol of the process.

use super::writer::Writer;
use super::{Written, refuse};
use crate::rasm::print::quoted;
use crate::rasm::program::{is_identifier, is_symbol};
use kiln_ir::diagnostic::Place;
use kiln_ir::{DataDecl, FuncId, InstData, Linkage, VReg};

/// Zeros at the end of an object are written out up to so many.
const MAX_ZEROS: u64 = 4096;

impl Writer<'_, '_> {
    /// A function as an operand.
    pub(super) fn callee(&self, at: Place, func: FuncId) -> Written<String> {
        let decl = self.module.func(func);
        if decl.linkage != Linkage::Import {
            let name = &self.names[func.index()];
            if !is_identifier(name) {
                return refuse(at, format_args!("the function `{name}` as an operand"));
            }
            return Ok(format!("={name}"));
        }
        if decl.replaceable || decl.library.is_some() {
            return refuse(
                at,
                format_args!("the import `{}`, which is replaceable or names its library", decl.name),
            );
        }
        symbol(at, &decl.name)
    }

    /// Whether a function of the module gives a float, as its bits.
    pub(super) fn gives_float(&self, func: FuncId) -> bool {
        let own = self.module.func(func).linkage != Linkage::Import;
        own && self.module.signature_of(func).results.iter().any(|ty| ty.register().is_float())
    }

    pub(super) fn func_addr(&mut self, at: Place, inst: &InstData) -> Written {
        if self.gives_float(FuncId(inst.a)) {
            return refuse(at, "the address of a function that gives a float");
        }
        let callee = self.callee(at, FuncId(inst.a))?;
        self.line(format_args!("movi_p %r0, {callee}"));
        self.put(VReg(inst.dst), "%r0");
        Ok(())
    }

    pub(super) fn data_addr(&mut self, at: Place, inst: &InstData) -> Written {
        let decl = &self.module.data()[inst.a as usize];
        let operand = if decl.linkage == Linkage::Import && !decl.thread_local {
            symbol(at, &decl.name)?
        } else {
            match string(decl) {
                Ok(string) => string,
                Err(reason) => {
                    return refuse(at, format_args!("the data object `{}`, which {reason}", decl.name));
                }
            }
        };
        self.line(format_args!("movi_p %r0, {operand}"));
        self.line(format_args!("addi_l %r0, %r0, {}", inst.b as i32));
        self.put(VReg(inst.dst), "%r0");
        Ok(())
    }
}

fn symbol(at: Place, name: &str) -> Written<String> {
    if is_symbol(name) { Ok(format!("*{name}")) } else { refuse(at, format_args!("the symbol `{name}`")) }
}

/// A data object as a string, which has a zero byte more, or why it is none.
fn string(decl: &DataDecl) -> Result<String, &'static str> {
    if decl.writable {
        return Err("can be written");
    }
    if !decl.relocs.is_empty() {
        return Err("has addresses in it");
    }
    if decl.align > 16 || decl.zeros > MAX_ZEROS {
        return Err("is aligned to more than 16 bytes or has many zeros");
    }
    let mut text = String::from(std::str::from_utf8(&decl.bytes).map_err(|_| "is no text in UTF-8")?);
    // The last zero is the string's own.
    if decl.zeros > 0 {
        text.extend(std::iter::repeat_n('\0', decl.zeros as usize - 1));
    } else if text.ends_with('\0') {
        text.pop();
    }
    Ok(quoted(&text))
}
