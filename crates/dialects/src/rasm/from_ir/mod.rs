//! From a module to a program in rasm, for what rasm can say. Every register of the IR gets a place in the frame, since
//! the language has six of its own; an instruction loads its operands, does its work and stores its result. What takes more
//! than a few instructions is a call of a routine in rasm, which then stands behind the program.
//!
//! A function that gives a float gives its bits in `%ret`, which functions of the program read so; no C function could, so
//! that the address of such a function is not said.

mod arithmetic;
mod calls;
mod control;
mod data;
mod floats;
mod memory;
mod routines;
mod words;
mod writer;

use super::fault::Fault;
use super::parse::MAX_FAULTS;
use super::program::{is_function, is_identifier};
use kiln_ir::diagnostic::{Diagnostic, Place};
use kiln_ir::{FuncId, Function, Linkage, Module, VReg};
use routines::Routines;
use std::collections::HashSet;
use std::fmt::{Display, Write};
use writer::Writer;

type Written<T = ()> = Result<T, Diagnostic<Fault>>;

/// Writes a module as rasm's text. Its `main` is called by a `start` that ends the process with its result.
///
/// # Errors
/// What rasm cannot say, by the names of the ops, up to 50.
pub fn from_module(module: &Module) -> Result<String, Vec<Diagnostic<Fault>>> {
    let mut faults = vec![];
    // What calls `start` in a program that came from rasm is not said: rasm's own runner does it.
    let driver = is_from_rasm(module).then(|| module.find_func("main")).flatten();
    let main = module.find_func("main").filter(|id| driver.is_none() && module.func(*id).body.is_some());
    let names = names(module, main.is_some());
    let mut routines = Routines::default();
    let mut text = String::new();
    for (number, decl) in module.funcs().iter().enumerate() {
        let func = FuncId(number as u32);
        let Some(body) = &decl.body else { continue };
        if driver != Some(func) {
            Writer::new(module, &names, func, body, &mut text, &mut routines).function(decl, &mut faults);
        }
    }
    if let Some(main) = main {
        faults.extend(start(module, main, &names, &mut text).err());
    }
    let exported = |d: &&kiln_ir::DataDecl| d.linkage == Linkage::Export;
    faults.extend(module.data().iter().filter(exported).map(|decl| {
        Diagnostic::new(
            Place::Module,
            Fault::Inexpressible(format!("that the data object `{}` is exported", decl.name)),
        )
    }));
    routines.write(&mut text);
    faults.truncate(MAX_FAULTS);
    if faults.is_empty() { Ok(text) } else { Err(faults) }
}

fn refuse<T>(at: Place, what: impl Display) -> Written<T> {
    Err(Diagnostic::new(at, Fault::Inexpressible(what.to_string())))
}

/// Whether `main` is the one that [`super::translate`] makes, which has its messages in objects of these names.
fn is_from_rasm(module: &Module) -> bool {
    module.find_func("start").is_some() && module.data().iter().any(|decl| decl.name == "\"result\"")
}

/// What calls `main`. It has nothing to pass: the arguments of a rasm program are integers.
fn start(module: &Module, main: FuncId, names: &[String], text: &mut String) -> Written {
    let params = module.signature_of(main).params.len();
    let reads = |body: &Function| {
        let mut read = false;
        for inst in body.insts() {
            body.for_each_use(inst, |v: VReg| read |= (v.0 as usize) < params);
        }
        read
    };
    if module.func(main).body.as_ref().is_some_and(reads) {
        return refuse(Place::Func(main), "a `main` that reads its parameters: `start` is given integers");
    }
    let _ = writeln!(text, "#function start\n    prolog 0\n    movi_l %v0, 0\n    prepare_i {params}");
    text.push_str(&"    pusharg_l %v0\n".repeat(params));
    let _ = writeln!(text, "    finish ={}\n    retval_i %v0", names[main.index()]);
    text.push_str("    prepare_i 1\n    pusharg_i %v0\n    finish *exit\n    ret\n\n");
    Ok(())
}

/// A name for each function: its own, without the sigil that a translation from rasm may have given it, if rasm can
/// write it and it is not taken.
fn names(module: &Module, has_start: bool) -> Vec<String> {
    let mut taken: HashSet<String> = routines::names().map(str::to_owned).collect();
    if has_start {
        taken.insert("start".into());
    }
    let mut names = Vec::with_capacity(module.funcs().len());
    for (number, decl) in module.funcs().iter().enumerate() {
        let mut name = decl.name.strip_prefix('=').unwrap_or(&decl.name).to_owned();
        // Nobody outside knows the name of a local function, which is to be one that operands can have.
        if !is_function(&name) || decl.linkage == Linkage::Local && !is_identifier(&name) {
            name = format!("f{number}");
        }
        while decl.body.is_some() && !taken.insert(name.clone()) {
            name.push('_');
        }
        names.push(name);
    }
    names
}
