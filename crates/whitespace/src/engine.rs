//! The ways to run a program.

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

impl Engine {
    /// The engine with this name.
    pub fn from_name(name: &str) -> Option<Engine> {
        TABLE.iter().find(|row| row.name == name || row.aliases.contains(&name)).map(|row| row.engine)
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
