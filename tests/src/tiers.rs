//! Running programs through the facade, on each of its tiers.

#![allow(unsafe_code, reason = "calling a program and reading its memory are unsafe")]

use crate::observe::{Ended, Nans, Observation, STEPS, entry, exactly, further_entries, listed, normal};
use crate::{arena, hosts, positions};
use kiln::{
    Checked, Config, Engine, Features, InvokeError, LoadError, Rule, Safepoint, Tier, TrapKind, Watch,
};
use kiln_codegen::{Passes, Stress};
use kiln_generator::{ARENA, ARENA_AT, ARENA_SIZE, ENTRY};
use kiln_ir::{Linkage, Type};
use std::sync::Arc;

/// A way to run programs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Way {
    /// The tier's name in golden files.
    pub tier_name: &'static str,
    /// The tier.
    pub tier: Tier,
    /// Whether compiled code may use all that this processor has, or only what every one has.
    pub all_features: bool,
    /// Whether every compiled function keeps a frame pointer, or only those that need one; and whether there are landing
    /// pads.
    pub frame_pointers: bool,
    /// When code changes over to better code, in the tier that does.
    pub rule: Option<Rule>,
    /// The passes of the optimizing compiler that run.
    pub passes: Passes,
    /// What it does that is legal but hostile.
    pub stress: Stress,
}

/// Every way to run programs that users have.
pub const WAYS: [Way; 7] = [
    way("interpreter", Tier::Interpreter),
    way("baseline", Tier::Baseline),
    Way { all_features: false, frame_pointers: true, ..way("baseline", Tier::Baseline) },
    way("optimized", Tier::Optimized),
    Way { all_features: false, frame_pointers: true, ..way("optimized", Tier::Optimized) },
    Way { rule: Some(EARLY), ..way("auto", Tier::Auto) },
    Way { rule: Some(INSIDE), frame_pointers: true, ..way("auto", Tier::Auto) },
];

/// Ways through the optimizing compiler that are for tests: without each of its passes, then with registers chosen at
/// random, then with all values in the frame.
pub const HOSTILE: [Way; Passes::LIST.len() + 3] = {
    let mut ways = [way("optimized", Tier::Optimized); Passes::LIST.len() + 3];
    let mut n = 0;
    while n < Passes::LIST.len() {
        ways[n].passes = Passes::ALL.without(Passes::LIST[n].0);
        n += 1;
    }
    ways[n] = random_registers(1);
    ways[n + 1] = Way { all_features: false, frame_pointers: true, ..random_registers(2) };
    ways[n + 2].stress = Stress::SpillEverything;
    ways
};

/// The way with registers chosen at random.
pub const fn random_registers(seed: u32) -> Way {
    Way { stress: Stress::RandomRegisters(seed), ..way("optimized", Tier::Optimized) }
}

/// Some ways to compile for the program of a seed: each compiler, and some of the hostile ways, so that over the seeds
/// all have their turn, also in each combination of two.
pub fn ways_of(seed: u64) -> Vec<Way> {
    let turn = |of: u64, in_place: u64| (seed / in_place % of) as usize;
    let passes = Passes::LIST.len() as u64;
    let mut ways = vec![WAYS[1 + turn(2, 3)], WAYS[3 + turn(2, 1)], HOSTILE[turn(passes, 1)]];
    ways.push(match turn(3, 1) {
        0 => HOSTILE[passes as usize + 2],
        1 => WAYS[5 + turn(2, 3)],
        _ => HOSTILE[turn(passes, passes)],
    });
    let random = random_registers((seed ^ seed >> 32) as u32);
    ways.push(if turn(2, 2) == 0 {
        random
    } else {
        Way { all_features: false, frame_pointers: true, ..random }
    });
    ways
}

/// Changes over at the first call and the first loop head.
const EARLY: Rule = Rule { calls: 0, rounds: 0, ops: 0, at_once: true, small: 0, innermost: false };
/// Changes over where a loop goes round for the third time, wherever it is.
const INSIDE: Rule = Rule { calls: 2, rounds: 2, ops: 0, at_once: true, small: 0, innermost: true };

const fn way(tier_name: &'static str, tier: Tier) -> Way {
    Way {
        tier_name,
        tier,
        all_features: true,
        frame_pointers: false,
        rule: None,
        passes: Passes::ALL,
        stress: Stress::None,
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.tier_name)?;
        if !self.all_features {
            f.write_str(" without processor features")?;
        }
        if let Some(rule) = self.rule {
            write!(f, " after {} rounds", rule.rounds)?;
        }
        for (_, name, _) in Passes::LIST.iter().filter(|(pass, ..)| !self.passes.has(*pass)) {
            write!(f, " without {name}")?;
        }
        match self.stress {
            Stress::None => {}
            Stress::RandomRegisters(seed) => write!(f, " with registers at random {seed}")?,
            Stress::SpillEverything => f.write_str(" with all values in the frame")?,
        }
        if self.frame_pointers { f.write_str(" with frame pointers and landing pads") } else { Ok(()) }
    }
}

/// An engine with the host functions of generated programs.
pub fn engine(way: Way) -> Engine {
    engine_with(way, |config| config)
}

/// The same, with more said in its configuration.
pub fn engine_with(way: Way, more: impl FnOnce(Config) -> Config) -> Engine {
    // What nobody asks for by default goes together.
    let config = Config::new().tier(way.tier).step_limit(STEPS * 20);
    let config = config.frame_pointers(way.frame_pointers).landing_pads(way.frame_pointers);
    let config = config.optimizer(way.passes, way.stress);
    let config = if way.all_features { config } else { config.features(Features::default()) };
    let config = if let Some(rule) = way.rule { config.rule(rule) } else { config };
    let mut engine = Engine::new(more(config));
    for (name, address) in hosts::addresses() {
        // SAFETY: the functions have the signatures that the generator declares and live for ever.
        unsafe { engine.define_address(name, address.cast()) };
    }
    for (name, address, _) in arena::objects() {
        // SAFETY: the memory lives for ever and is as large as programs take it for.
        unsafe { engine.define_address(name, address as *const u8) };
    }
    engine
}

/// The types of the values that the instruction at a line of a [positioned](positions::positioned) program lists.
fn types_at(module: &Checked, function: &str, line: u32) -> Vec<Type> {
    let body = module.find_func(function).and_then(|func| module.func(func).body.as_ref());
    match (body, positions::instruction(module, function, line)) {
        (Some(body), Some(inst)) => listed(body, inst),
        _ => vec![],
    }
}

/// Notes a safepoint in the log of the host. The program must be a [positioned](positions::positioned) one.
fn note(module: &Checked, at: &Safepoint<'_>, nans: Nans) {
    let (function, line) = (at.function(), at.position().map_or(0, |position| position.line));
    let func = module.find_func(function).expect("it is there");
    let types = types_at(module, function, line);
    assert_eq!(types.len(), at.values().len(), "the safepoint lists something else");
    let values: Vec<u64> = at.values().iter().zip(types).map(|(word, ty)| exactly(ty, *word, nans)).collect();
    hosts::log_safepoint(at.id(), (func.0 as u64) << 32 | line as u64, &values);
}

/// How a run is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Looks {
    /// Whether somebody watches the safepoints, which are part of what is seen then. Takes a
    /// [positioned](positions::positioned) program.
    pub watched: bool,
    /// Which NaNs arithmetic gives, as the engine is configured.
    pub nans: Nans,
}

impl Default for Looks {
    fn default() -> Looks {
        Looks { watched: false, nans: Nans::Any }
    }
}

/// Runs a generated program: all its calls and each further entry, on one instance. The arena is part of what is seen if
/// it is imported, or the program exports a function that gives its address.
///
/// # Errors
/// If it cannot be loaded.
///
/// # Panics
/// If it has no entry (a bug of the test).
pub fn run(
    engine: &Engine,
    module: Arc<Checked>,
    calls: &[Vec<u64>],
    Looks { watched, nans }: Looks,
) -> Result<Observation, LoadError> {
    let program = engine.load(module)?;
    let (_, results) = entry(program.module()).expect("a generated program has an entry");
    hosts::take_log();
    let imports = program.module().data().iter().any(|d| d.name == ARENA && d.linkage == Linkage::Import);
    if imports {
        // SAFETY: one program after the other runs in a process of tests.
        unsafe { arena::reset() };
    }
    let watch: Option<Watch> = watched.then(|| {
        let module = program.module().clone();
        program.watch(move |at| note(&module, at, nans))
    });
    let mut outcomes = vec![];
    let further = further_entries(program.module());
    let ordinary = calls.iter().map(|args| (ENTRY, args, &results));
    for (name, args, results) in ordinary.chain(further.iter().map(|e| (&*e.name, &e.args, &e.results))) {
        // SAFETY: generated programs access only their own memory, and of others the caller has made sure.
        let outcome = unsafe { program.invoke(name, args) };
        outcomes.push(match outcome {
            Ok(words) => Ok(words.iter().zip(results).map(|(w, ty)| normal(*ty, *w, nans)).collect()),
            Err(InvokeError::Trap(trap)) => {
                let kind = match trap.kind() {
                    TrapKind::BadAccess(_) => TrapKind::BadAccess(None),
                    kind => kind,
                };
                let place = trap.function().zip(trap.position());
                let place = place.map(|(function, position)| (function.to_owned(), position.line));
                let lists = place.as_ref().filter(|_| !trap.values().is_empty());
                let types =
                    lists.map_or(vec![], |(function, line)| types_at(program.module(), function, *line));
                Err(Ended { kind, values: trap.values().to_vec(), types, place })
            }
            Err(InvokeError::Function(fault)) => panic!("`{name}` cannot be called: {fault}"),
        });
    }
    drop(watch);
    let log = hosts::take_log();
    let mut arena = vec![];
    if imports {
        // SAFETY: the run is over.
        arena = unsafe { arena::contents() };
    } else if program.module().funcs().iter().any(|f| f.name == ARENA_AT && f.linkage == Linkage::Export) {
        // SAFETY: the function only gives an address, and that many bytes stand there while the program lives.
        let bytes = unsafe {
            let at = program.invoke(ARENA_AT, &[]).expect("it gives an address")[0];
            std::slice::from_raw_parts(at as *const u8, ARENA_SIZE)
        };
        arena = bytes.to_vec();
    }
    Ok(Observation { nans, outcomes, log, arena })
}
