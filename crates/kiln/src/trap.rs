//! Why a call did not return: [`Trap`], with function and source line.

use kiln_ir::trap::TrapKind;
use kiln_ir::verify::Checked;
use kiln_ir::{FuncId, Inst, Module, Pos};
use kiln_runtime::{Image, RawTrap, take_exit};
use std::cell::RefCell;
use std::fmt;

/// Where a trap happened, as far as the program's source positions tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    /// The source file's name.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1; 0 if only the line is known.
    pub column: u32,
}

/// A call into a program that ended before it returned. The program, and the process, live on.
#[derive(Clone, PartialEq, Eq)]
pub struct Trap(Box<Details>);

#[derive(Clone, PartialEq, Eq)]
struct Details {
    kind: TrapKind,
    message: Option<String>,
    function: Option<String>,
    position: Option<Position>,
    values: Vec<u64>,
}

impl Trap {
    pub(crate) fn new(kind: TrapKind) -> Trap {
        Trap(Box::new(Details { kind, message: None, function: None, position: None, values: Vec::new() }))
    }

    /// A host function's error.
    pub(crate) fn host(message: String) -> Trap {
        Trap::with_message(TrapKind::Host, message)
    }

    /// A trap that has more to say than its kind.
    pub(crate) fn with_message(kind: TrapKind, message: String) -> Trap {
        let mut trap = Trap::new(kind);
        trap.0.message = Some(message);
        trap
    }

    /// What a call into compiled code ended with, and where: in the function that trapped, or, if a host function
    /// failed, in the one that called it.
    pub(crate) fn from_raw(raw: &RawTrap) -> Trap {
        let mut trap = take_pending().or_else(|| Trap::unbound(raw)).unwrap_or_else(|| Trap::new(raw.kind));
        if let TrapKind::Exit(_) = raw.kind
            && let Some(innermost) = take_exit().into_iter().next()
        {
            trap = trap.with_values(innermost.values);
        }
        for pc in [raw.pc, raw.caller] {
            // Images without a module attached are thunks.
            if let Some(image) = Image::containing(pc)
                && let Some(module) = image.attachment().and_then(|any| any.downcast_ref::<Checked>())
                && let Some((func, inst)) = image.place_of(pc)
            {
                return trap.at(module, func, inst);
            }
        }
        trap
    }

    /// The call of a replaceable import to which nothing is bound.
    fn unbound(raw: &RawTrap) -> Option<Trap> {
        if raw.kind != TrapKind::Unbound {
            return None;
        }
        let image = Image::containing(raw.pc)?;
        let module = image.attachment()?.downcast_ref::<Checked>()?;
        let name = &module.func(image.unbound_at(raw.pc)?).name;
        let message = format!("nothing is bound to `{name}`, which was called");
        Some(Trap::with_message(raw.kind, message))
    }

    /// Adds why it ends the process.
    pub(crate) fn because(mut self, why: impl fmt::Display) -> Trap {
        self.0.message = Some(format!("{}: {why}", self.reason()));
        self
    }

    /// Adds where it happened, unless that is known already.
    pub(crate) fn at(mut self, module: &Module, func: FuncId, inst: Option<Inst>) -> Trap {
        if self.0.function.is_none()
            && let Some(decl) = module.funcs().get(func.index())
        {
            self.0.function = Some(decl.name.clone());
            let position = inst.and_then(|inst| decl.body.as_ref()?.position(inst));
            self.0.position = position.map(|pos| Position::of(module, pos));
        }
        self
    }

    /// Adds the values that the program left with, unless it has some.
    pub(crate) fn with_values(mut self, values: Vec<u64>) -> Trap {
        if self.0.values.is_empty() {
            self.0.values = values;
        }
        self
    }

    /// What happened, with its values.
    pub fn kind(&self) -> TrapKind {
        self.0.kind
    }

    /// What happened, in words: of a host function, what it said.
    pub fn reason(&self) -> String {
        match &self.0.message {
            Some(message) => message.clone(),
            None => self.0.kind.to_string(),
        }
    }

    /// The function in which it happened.
    pub fn function(&self) -> Option<&str> {
        self.0.function.as_deref()
    }

    /// The values listed by the `exit` or guard by which the program left, in order, one word each: integers of 32 bits
    /// zero-extended, floats as their bits. Empty for other traps.
    pub fn values(&self) -> &[u64] {
        &self.0.values
    }

    /// The source position at which it happened, if the program carries positions.
    pub fn position(&self) -> Option<&Position> {
        self.0.position.as_ref()
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason())?;
        if let Some(function) = &self.0.function {
            write!(f, " in `{function}`")?;
        }
        if let Some(position) = &self.0.position {
            write!(f, " at {position}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trap({self})")
    }
}

impl std::error::Error for Trap {}

impl Position {
    /// A position that the module names.
    pub(crate) fn of(module: &Module, pos: Pos) -> Position {
        let file = module.files().get(pos.file.index()).cloned().unwrap_or_default();
        Position { file, line: pos.line, column: pos.column }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        Ok(())
    }
}

thread_local! {
    /// What a Rust function called from compiled code left to say when it asked for a trap. Compiled code cannot carry
    /// it; the call that the trap ends picks it up.
    static PENDING: RefCell<Option<Trap>> = const { RefCell::new(None) };
}

/// Keeps a trap for the call that it ends.
pub(crate) fn leave_pending(trap: Trap) {
    PENDING.with(|pending| *pending.borrow_mut() = Some(trap));
}

/// The trap left by a Rust function, if there is one.
pub(crate) fn take_pending() -> Option<Trap> {
    PENDING.with(|pending| pending.borrow_mut().take())
}
