//! A program as native code.

use crate::bytecode::Symbol;
use crate::check::Checked;
use crate::operand::Kind;
use crate::translate::{cell_name, translate};
use crate::value::Value;
use kiln::{BuildError, Engine, InvokeError, LoadError, Trap};
use std::fmt;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A program in memory, ready to be called, also from several threads at once.
#[derive(Debug)]
pub struct Machine {
    program: kiln::Program,
    code: Checked,
}

impl Machine {
    /// Translates, compiles and links a program. External functions are those that the engine defines, else those of
    /// the process.
    ///
    /// # Errors
    /// An external function that was not found, or is defined with another signature.
    pub fn load(engine: &Engine, code: Checked) -> Result<Machine, MachineError> {
        let module = translate(&code).map_err(MachineError::Build)?;
        let program = engine.load_module(module).map_err(MachineError::Load)?;
        Ok(Machine { program, code })
    }

    /// Calls a function.
    ///
    /// # Errors
    /// There is no such function, the arguments are not what it takes, or it trapped.
    ///
    /// # Safety
    /// The program runs as native code. It must declare external functions as they are and call them as they ask, and
    /// `callr` must go to functions that take what was pushed and give what it expects.
    pub unsafe fn call(&self, name: &str, arguments: &[Value]) -> Result<Option<Value>, MachineError> {
        let function = match self.code.symbol(name) {
            Some(Symbol::Function(func)) => self.code.function(func),
            _ => None,
        };
        let function = function.ok_or_else(|| MachineError::NoFunction(name.into()))?;
        let wanted: Vec<Kind> = function.params.iter().map(|param| param.kind).collect();
        if !arguments.iter().map(|value| value.kind()).eq(wanted.iter().copied()) {
            return Err(MachineError::Arguments { function: name.into(), wanted });
        }
        let words: Vec<u64> = arguments.iter().map(|value| value.to_word()).collect();
        // SAFETY: the words are of the function's kinds; the rest is what this function asks of its caller.
        let results = unsafe { self.program.invoke(name, &words) };
        let results = results.map_err(|error| match error {
            InvokeError::Trap(trap) => MachineError::Trap(trap),
            other => MachineError::Invoke(other),
        })?;
        Ok(function.result.zip(results.first()).map(|(kind, word)| Value::from_word(kind, *word)))
    }

    /// Overwrites the target of the call with this site, for calls made from now on; those under way go on where they are.
    /// Any thread may do so at any time.
    ///
    /// # Errors
    /// There is no such site or function, or the function has another signature than the call's target.
    pub fn overwrite_call(&self, site: &str, target: &str) -> Result<(), MachineError> {
        let known = self.code.find_site(site);
        let first = known.and_then(|known| self.code.sites().find(|(site, _)| *site == known));
        let cell = self.program.data(&cell_name(site));
        let (Some((_, first)), Some(cell)) = (first, cell) else {
            return Err(MachineError::NoSite(site.into()));
        };
        let func = match self.code.symbol(target) {
            Some(Symbol::Function(func)) => self.code.function(func),
            _ => None,
        };
        let (Some(func), Some(address)) = (func, self.program.address(target)) else {
            return Err(MachineError::NoFunction(target.into()));
        };
        if !self.code.function(first).is_some_and(|first| first.same_signature(func)) {
            return Err(MachineError::OtherSignature(target.into()));
        }
        // SAFETY: the cell is 8 bytes of writable data, aligned to 8, that live as long as the program; code reads and
        // writes them with atomic operations only.
        let cell = unsafe { AtomicPtr::from_ptr(cell.cast::<*mut u8>()) };
        cell.store(address.cast_mut(), Ordering::Release);
        Ok(())
    }

    /// The program as Kiln has it.
    pub fn program(&self) -> &kiln::Program {
        &self.program
    }

    /// The bytecode.
    pub fn code(&self) -> &Checked {
        &self.code
    }
}

/// Why a program could not be loaded or a call not be made or ended.
#[derive(Clone, PartialEq, Debug)]
pub enum MachineError {
    /// The translation is not complete; a mistake of the translator.
    Build(BuildError),
    /// Kiln could not load the translation.
    Load(LoadError),
    /// The program has no function of this name.
    NoFunction(String),
    /// No call has a site of this name.
    NoSite(String),
    /// A function was called with other arguments than it takes.
    Arguments {
        /// The function.
        function: String,
        /// What it takes.
        wanted: Vec<Kind>,
    },
    /// A call's target was to be a function of another signature.
    OtherSignature(String),
    /// The call could not be made.
    Invoke(InvokeError),
    /// The call ended before it returned.
    Trap(Trap),
}

impl fmt::Display for MachineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MachineError::Build(error) => write!(f, "{error}"),
            MachineError::Load(error) => write!(f, "{error}"),
            MachineError::NoFunction(name) => write!(f, "there is no function `{name}`"),
            MachineError::NoSite(name) => write!(f, "no call has the site `@{name}`"),
            MachineError::Arguments { function, wanted } => {
                let kinds: Vec<String> = wanted.iter().map(Kind::to_string).collect();
                write!(f, "`{function}` takes ({})", kinds.join(", "))
            }
            MachineError::OtherSignature(name) => {
                write!(f, "`{name}` has another signature than the call's target")
            }
            MachineError::Invoke(error) => write!(f, "{error}"),
            MachineError::Trap(trap) => write!(f, "{trap}"),
        }
    }
}

impl std::error::Error for MachineError {}
