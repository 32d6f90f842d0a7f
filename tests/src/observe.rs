//! What a run lets see, and the interpreter's run in a closed world, which is what the others are held against.

use crate::hosts;
use kiln_generator::{ARENA, ARENA_SIZE, ENTRY};
use kiln_ir::interp::{Arena, Interpreter, Settings};
use kiln_ir::trap::TrapKind;
use kiln_ir::types::AbiType;
use kiln_ir::verify::Checked;
use kiln_ir::{DataId, FuncId, Linkage, Type};

/// Steps that a call may take in the interpreter.
pub const STEPS: u64 = 300_000;
/// Activations at a time.
const DEPTH: u32 = 1000;

/// What a run lets see.
#[derive(Clone, PartialEq, Debug)]
pub struct Observation {
    /// Of each call the results, normalised by [`normal`], or the kind of the trap.
    pub outcomes: Vec<Result<Vec<u64>, TrapKind>>,
    /// What the host functions were called with.
    pub log: Vec<u64>,
    /// The arena at the end. Empty after a bad access, for then the order of effects is open.
    pub arena: Vec<u8>,
}

impl Observation {
    /// Whether a call ended for want of steps or stack, or by an address that no tier has to treat alike, so that
    /// nothing can be compared.
    pub fn cannot_be_compared(&self) -> bool {
        let ends = |kind: &TrapKind| {
            matches!(
                kind,
                TrapKind::StepLimit | TrapKind::StackOverflow | TrapKind::BadAccess(_) | TrapKind::BadLabel
            )
        };
        self.outcomes.iter().any(|o| o.as_ref().is_err_and(ends))
    }

    /// The first thing in which two runs differ, in words.
    pub fn difference(&self, other: &Observation) -> Option<String> {
        for (n, (a, b)) in self.outcomes.iter().zip(&other.outcomes).enumerate() {
            if a != b {
                return Some(format!("call {n} gives {a:x?} and {b:x?}"));
            }
        }
        if self.outcomes.len() != other.outcomes.len() {
            return Some(format!("{} and {} calls ended", self.outcomes.len(), other.outcomes.len()));
        }
        if let Some(n) = self.log.iter().zip(&other.log).position(|(a, b)| a != b) {
            return Some(format!("word {n} of the host's log is {:#x} and {:#x}", self.log[n], other.log[n]));
        }
        if self.log.len() != other.log.len() {
            return Some(format!("the host's log has {} and {} words", self.log.len(), other.log.len()));
        }
        let at = self.arena.iter().zip(&other.arena).position(|(a, b)| a != b)?;
        Some(format!("byte {at} of the arena is {:#x} and {:#x}", self.arena[at], other.arena[at]))
    }
}

/// The word of a result with what has no meaning set to 0: the upper bits of narrow values, the payload of a NaN.
pub fn normal(ty: AbiType, word: u64) -> u64 {
    match ty {
        AbiType::I8 | AbiType::U8 => word as u8 as u64,
        AbiType::I16 | AbiType::U16 => word as u16 as u64,
        AbiType::Value(Type::I32) => word as u32 as u64,
        AbiType::Value(Type::F32) if f32::from_bits(word as u32).is_nan() => f32::NAN.to_bits() as u64,
        AbiType::Value(Type::F32) => word as u32 as u64,
        AbiType::Value(Type::F64) if f64::from_bits(word).is_nan() => f64::NAN.to_bits(),
        AbiType::Value(Type::I64 | Type::F64 | Type::Ptr) | AbiType::Aggregate(_) => word,
    }
}

/// The limits of the interpreter's runs.
pub fn settings() -> Settings {
    Settings { steps: STEPS, depth: DEPTH, ..Settings::default() }
}

/// The entry of a generated program, and the types of its results.
pub fn entry(module: &Checked) -> Option<(FuncId, Vec<AbiType>)> {
    let id = module.find_func(ENTRY)?;
    Some((id, module.signature_of(id).results.clone()))
}

/// Runs a generated program that defines its arena in a closed world: all its calls, one after the other.
///
/// # Panics
/// If it has no entry (a bug of the test).
pub fn interpret(module: &Checked, calls: &[Vec<u64>]) -> Observation {
    let (entry, results) = entry(module).expect("a generated program has an entry");
    let mut world = Arena::new(module, 1 << 19);
    for (id, func) in module.funcs().iter().enumerate().filter(|(_, f)| f.linkage == Linkage::Import) {
        let name = func.name.clone();
        world.import(FuncId(id as u32), move |_, words| Ok(hosts::call(&name, words).into_iter().collect()));
    }
    hosts::take_log();
    let mut outcomes = vec![];
    for args in calls {
        let outcome = Interpreter::new(module, &mut world).with(settings()).call(entry, args);
        outcomes.push(match outcome {
            Ok(words) => Ok(words.iter().zip(&results).map(|(w, ty)| normal(*ty, *w)).collect()),
            Err(trap) => Err(trap.kind),
        });
    }
    let arena = module.data().iter().position(|d| d.name == ARENA).map(|n| DataId(n as u32));
    let arena = arena.map_or(vec![], |id| world.data(id, ARENA_SIZE as u64).to_vec());
    Observation { outcomes, log: hosts::take_log(), arena }
}
