//! The rules that a module must keep before it is compiled or interpreted. Whatever the later stages rely on is
//! checked here, once; only [`check`] makes a [`Checked`].

use crate::module::Module;

/// A module that keeps every rule. It cannot be changed.
#[derive(Clone, PartialEq, Debug)]
pub struct Checked(Module);

impl Checked {
    /// Gives the module back, for changes; it must be checked again.
    pub fn into_module(self) -> Module {
        self.0
    }
}

impl std::ops::Deref for Checked {
    type Target = Module;

    fn deref(&self) -> &Module {
        &self.0
    }
}

/// A broken rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {}

impl std::fmt::Display for Fault {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

/// Checks a module.
///
/// # Errors
/// Every rule that is broken, with its place; the module comes back with them.
#[allow(clippy::result_large_err, reason = "the module must not be lost")]
pub fn check(module: Module) -> Result<Checked, (Module, Vec<crate::diagnostic::Diagnostic<Fault>>)> {
    Ok(Checked(module))
}
