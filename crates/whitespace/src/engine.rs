//! The ways to run a program.

use crate::instruction::Instruction;
use crate::program::Program;

/// A way to run a program. All of them do the same, observably.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Engine {
    /// The interpreter that says what programs mean, as plainly as possible.
    Reference,
    /// The fast interpreter.
    Optimised,
    /// The interpreter for integers of any size alone.
    Bignum,
    /// Compiled as a whole before it runs.
    Ahead,
    /// Compiled piece by piece, while it waits, as pieces turn out to be hot in the fast interpreter.
    Synchronous,
    /// The same on another thread, while the fast interpreter goes on.
    Threaded,
}

/// A row of the table of engines.
#[derive(Clone, Copy, Debug)]
pub struct EngineInfo {
    /// The engine.
    pub engine: Engine,
    /// Its name.
    pub name: &'static str,
    /// Further names, those of whitespacers among them.
    pub aliases: &'static [&'static str],
    /// What it is, in one sentence.
    pub doc: &'static str,
}

/// Every engine.
pub static TABLE: &[EngineInfo] = &[
    EngineInfo {
        engine: Engine::Reference,
        name: "reference",
        aliases: &["ref"],
        doc: "The interpreter that says what programs mean, as plainly as possible.",
    },
    EngineInfo {
        engine: Engine::Optimised,
        name: "optimised",
        aliases: &["opt", "optimized", "fast"],
        doc: "The fast interpreter.",
    },
    EngineInfo {
        engine: Engine::Bignum,
        name: "bignum",
        aliases: &["big"],
        doc: "The interpreter for integers of any size alone.",
    },
    EngineInfo {
        engine: Engine::Ahead,
        name: "aot",
        aliases: &["precompiled", "ahead"],
        doc: "Compiled as a whole before it runs.",
    },
    EngineInfo {
        engine: Engine::Synchronous,
        name: "sync",
        aliases: &["synchronous"],
        doc: "Compiled piece by piece, as pieces turn out to be hot.",
    },
    EngineInfo {
        engine: Engine::Threaded,
        name: "threaded",
        aliases: &["async"],
        doc: "Compiled piece by piece on another thread, while the fast interpreter goes on.",
    },
];

/// The most instructions of a program that is compiled as a whole unless something else is asked for. At some 10 us for
/// each that takes a few milliseconds, which a program that loops at all is likely to win back.
const AHEAD: usize = 1000;

impl Engine {
    /// The engine with this name.
    pub fn from_name(name: &str) -> Option<Engine> {
        TABLE.iter().find(|row| row.name == name || row.aliases.contains(&name)).map(|row| row.engine)
    }

    /// The engine for a program of which nothing is known but its text: interpreted if nothing in it can run twice, compiled
    /// ahead up to a size that takes a few milliseconds, else as it gets hot.
    pub fn suited(program: &Program) -> Engine {
        let instructions = program.instructions();
        let comes_again = (0..).zip(instructions).any(|(at, instruction)| match instruction {
            Instruction::Call(..) => true,
            Instruction::Jmp(_, target) | Instruction::Jz(_, target) | Instruction::Jn(_, target) => {
                target.instruction().is_some_and(|target| target <= at)
            }
            _ => false,
        });
        match instructions.len() {
            _ if !comes_again => Engine::Optimised,
            ..=AHEAD => Engine::Ahead,
            _ => Engine::Threaded,
        }
    }

    /// Whether it makes machine code.
    pub fn compiles(self) -> bool {
        matches!(self, Engine::Ahead | Engine::Synchronous | Engine::Threaded)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        TABLE.iter().find(|row| row.engine == self).map_or("", |row| row.name)
    }
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assembly::AsmOptions;

    fn suited(text: &str) -> Engine {
        Engine::suited(&Program::assemble(text, &AsmOptions::default()).expect("the program is well formed"))
    }

    #[test]
    fn what_runs_once_is_not_compiled_and_what_is_large_not_ahead() {
        assert_eq!(suited("push 1 jz on push 2 printi on: end"), Engine::Optimised);
        assert_eq!(suited("again: push 1 printi jmp again"), Engine::Ahead);
        assert_eq!(suited("call f end f: ret"), Engine::Ahead);
        assert_eq!(suited(&format!("{} again: jmp again", "push 1 drop ".repeat(AHEAD))), Engine::Threaded);
    }
}
