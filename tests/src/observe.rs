//! What a run lets see, and the interpreter's run in a closed world, which is what the others are held against.

use crate::hosts;
use kiln_generator::{ARENA, ARENA_SIZE, ENTRY};
use kiln_ir::interp::{Arena, Host, Interpreter, Settings, Trap};
use kiln_ir::op::{Field, Role};
use kiln_ir::trap::TrapKind;
use kiln_ir::types::AbiType;
use kiln_ir::verify::Checked;
use kiln_ir::{DataId, FuncId, Function, InstData, Linkage, Type};

/// Steps that a call may take in the interpreter.
pub const STEPS: u64 = 300_000;
/// Activations at a time.
const DEPTH: u32 = 1000;

/// Which NaNs float arithmetic gives in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nans {
    /// Any, so that payloads cannot be compared.
    Any,
    /// One only, so that all bits of all values are determined.
    One,
}

/// What a run lets see.
#[derive(Clone, PartialEq, Debug)]
pub struct Observation {
    /// Which NaNs there were.
    pub nans: Nans,
    /// Of each call the results, normalised by [`normal`], or how it ended.
    pub outcomes: Vec<Result<Vec<u64>, Ended>>,
    /// What the host functions were called with.
    pub log: Vec<u64>,
    /// The arena at the end. Empty after a bad access, for then the order of effects is open.
    pub arena: Vec<u8>,
}

/// How a call ended that did not return.
#[derive(Clone, PartialEq, Debug)]
pub struct Ended {
    /// The kind of the trap.
    pub kind: TrapKind,
    /// The values that an exit left with.
    pub values: Vec<u64>,
    /// Their types, where they are known.
    pub types: Vec<Type>,
    /// The function and the line, where they are known.
    pub place: Option<(String, u32)>,
}

impl Ended {
    /// How the interpreter's run of a module ended.
    pub fn in_interpreter(module: &Checked, trap: Trap) -> Ended {
        let decl = module.func(trap.func);
        let body = decl.body.as_ref();
        let types = body.filter(|_| !trap.values.is_empty());
        let types = types.map_or(vec![], |f| listed(f, &f.insts()[trap.inst.index()]));
        let position = body.and_then(|f| f.position(trap.inst));
        let place = position.map(|position| (decl.name.clone(), position.line));
        Ended { kind: trap.kind, values: trap.values, types, place }
    }

    /// Whether another run ended in the same way; the types that this one knows say which bits count.
    fn agrees(&self, other: &Ended, nans: Nans) -> bool {
        let normalised = |values: &[u64]| -> Vec<u64> {
            values.iter().zip(&self.types).map(|(word, ty)| exactly(*ty, *word, nans)).collect()
        };
        // Whoever has no positions cannot say.
        let apart = self.place.is_some() && other.place.is_some() && self.place != other.place;
        self.kind == other.kind
            && !apart
            && self.values.len() == other.values.len()
            && normalised(&self.values) == normalised(&other.values)
    }
}

/// The types of the values that an exit, a guard or a safepoint lists.
pub fn listed(f: &Function, inst: &InstData) -> Vec<Type> {
    let operands = inst.op.shape().operands().iter();
    let list = operands.filter_map(|(field, role)| match (field, role) {
        (Field::Tail(at), Role::List) => Some(f.list(inst, *at as usize)),
        _ => None,
    });
    list.flat_map(|list| list.iter()).map(|v| f.ty(v)).collect()
}

/// The word of an exit's or safepoint's value with the payload of a NaN set to 0, if that is open. All other bits are
/// promised, the upper ones too.
pub fn exactly(ty: Type, word: u64, nans: Nans) -> u64 {
    match ty {
        Type::F32 if word >> 32 == 0 => normal(AbiType::Value(ty), word, nans),
        Type::F64 => normal(AbiType::Value(ty), word, nans),
        _ => word,
    }
}

impl Observation {
    /// Whether a call ended for want of steps or stack, or by an address that no tier has to treat alike, so that
    /// nothing can be compared.
    pub fn cannot_be_compared(&self) -> bool {
        self.cannot_be_compared_under_limits() || self.ended(|kind| kind == TrapKind::StackOverflow)
    }

    /// The same for runs whose depth is limited, so that stack does not run out before.
    pub fn cannot_be_compared_under_limits(&self) -> bool {
        self.ended(|kind| matches!(kind, TrapKind::StepLimit | TrapKind::BadAccess(_) | TrapKind::BadLabel))
    }

    /// Whether a call ended in one of these ways.
    fn ended(&self, so: impl Fn(TrapKind) -> bool) -> bool {
        self.outcomes.iter().any(|outcome| outcome.as_ref().is_err_and(|ended| so(ended.kind)))
    }

    /// The first thing in which two runs differ, in words.
    pub fn difference(&self, other: &Observation) -> Option<String> {
        for (n, (a, b)) in self.outcomes.iter().zip(&other.outcomes).enumerate() {
            let same = match (a, b) {
                (Err(a), Err(b)) => a.agrees(b, self.nans),
                _ => a == b,
            };
            if !same {
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

/// The word of a result with what has no meaning set to 0: the upper bits of narrow values, the payload of a NaN if it is
/// open.
pub fn normal(ty: AbiType, word: u64, nans: Nans) -> u64 {
    let open = nans == Nans::Any;
    match ty {
        AbiType::I8 | AbiType::U8 => word as u8 as u64,
        AbiType::I16 | AbiType::U16 => word as u16 as u64,
        AbiType::Value(Type::I32) => word as u32 as u64,
        AbiType::Value(Type::F32) if open && f32::from_bits(word as u32).is_nan() => {
            f32::NAN.to_bits() as u64
        }
        AbiType::Value(Type::F32) => word as u32 as u64,
        AbiType::Value(Type::F64) if open && f64::from_bits(word).is_nan() => f64::NAN.to_bits(),
        AbiType::Value(Type::I64 | Type::F64 | Type::Ptr) | AbiType::Aggregate(_) => word,
    }
}

/// The settings of the interpreter's runs.
pub fn settings(nans: Nans) -> Settings {
    Settings { steps: STEPS, depth: DEPTH, canonical_nan: nans == Nans::One, ..Settings::default() }
}

/// The entry of a generated program, and the types of its results.
pub fn entry(module: &Checked) -> Option<(FuncId, Vec<AbiType>)> {
    let id = module.find_func(ENTRY)?;
    Some((id, module.signature_of(id).results.clone()))
}

/// A further entry of a program, and what it is called with.
#[derive(Clone, PartialEq, Debug)]
pub struct FurtherEntry {
    /// What it is called by.
    pub func: FuncId,
    /// The entry's name.
    pub name: String,
    /// A word for each parameter.
    pub args: Vec<u64>,
    /// What it returns.
    pub results: Vec<AbiType>,
}

/// The further entries of a program with arguments, always the same for the same program.
pub fn further_entries(module: &Checked) -> Vec<FurtherEntry> {
    let mut found = vec![];
    for body in module.funcs().iter().filter_map(|decl| decl.body.as_ref()) {
        for entry in body.entries() {
            let (decl, sig) = (module.func(entry.func), module.signature_of(entry.func));
            let word = |(n, param): (usize, &AbiType)| {
                let mixed = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(n as u32 * 11);
                let small = mixed as i8;
                match param.register() {
                    Type::I32 => mixed as u32 as u64,
                    Type::I64 | Type::Ptr if n % 3 == 0 => small as i64 as u64,
                    Type::I64 | Type::Ptr => mixed,
                    Type::F32 => (f32::from(small) * 0.75).to_bits() as u64,
                    Type::F64 => (f64::from(small) * 0.75).to_bits(),
                }
            };
            let args = sig.params.iter().enumerate().map(word).collect();
            let (name, results) = (decl.name.clone(), sig.results.clone());
            found.push(FurtherEntry { func: entry.func, name, args, results });
        }
    }
    found
}

/// What the interpreter gives for all calls, one after the other, and then for a call of each further entry.
///
/// # Panics
/// If the program has no entry (a bug of the test).
pub fn outcomes(
    module: &Checked,
    world: &mut dyn Host,
    calls: &[Vec<u64>],
    nans: Nans,
) -> Vec<Result<Vec<u64>, Ended>> {
    let (entry, results) = entry(module).expect("a generated program has an entry");
    let mut outcomes = vec![];
    let mut keep = |outcome: Result<Vec<u64>, Trap>, results: &[AbiType]| {
        outcomes.push(match outcome {
            Ok(words) => Ok(words.iter().zip(results).map(|(w, ty)| normal(*ty, *w, nans)).collect()),
            Err(trap) => Err(Ended::in_interpreter(module, trap)),
        });
    };
    for args in calls {
        keep(Interpreter::new(module, world).with(settings(nans)).call(entry, args), &results);
    }
    for further in further_entries(module) {
        let mut interpreter = Interpreter::new(module, world).with(settings(nans));
        keep(interpreter.call(further.func, &further.args), &further.results);
    }
    outcomes
}

/// Runs a generated program that defines its arena in a closed world: all its calls, one after the other, then a call of
/// each further entry.
///
/// # Panics
/// If it has no entry (a bug of the test).
pub fn interpret(module: &Checked, calls: &[Vec<u64>], nans: Nans) -> Observation {
    let mut world = Arena::new(module, 1 << 19);
    for (id, func) in module.funcs().iter().enumerate().filter(|(_, f)| f.linkage == Linkage::Import) {
        let name = func.name.clone();
        world.import(FuncId(id as u32), move |_, words| Ok(hosts::call(&name, words).into_iter().collect()));
    }
    hosts::take_log();
    let outcomes = outcomes(module, &mut world, calls, nans);
    let arena = module.data().iter().position(|d| d.name == ARENA).map(|n| DataId(n as u32));
    let arena = arena.map_or(vec![], |id| world.data(id, ARENA_SIZE as u64).to_vec());
    Observation { nans, outcomes, log: hosts::take_log(), arena }
}
