//! Mutants: programs with a few records changed at random. The verifier must refuse them, or they must compile
//! without a panic and run equal on the interpreter and on baseline.
//!
//! A mutant's accesses are no longer confined, so it must not simply be run. It runs in the interpreter first, in a
//! world where only the arena can be accessed; only if it never left it, and ended, and can neither see where other
//! things lie nor the payload of a NaN, does it run natively. The arena is imported and lies at the same address in
//! both, so even a program that computes with its address sees the same; then the native run makes the same accesses,
//! or the compiler is wrong.

use crate::differential::{NOT_LOADED, Verdict, baseline_config};
use crate::observe::{Nans, Observation, outcomes};
use crate::positions::positioned;
use crate::tiers::{self, Looks, engine, ways_of};
use crate::{arena, hosts};
use kiln::{Checked, Engine, LoadError, verify};
use kiln_generator::{
    ARENA, Config, Entropy, FUEL, FUEL_SIZE, Generated, generate, hides_nan_payloads, mutate, sees_addresses,
};
use kiln_ir::interp::{BadAccess, ForeignCall, Host};
use kiln_ir::trap::TrapKind;
use kiln_ir::{DataId, FuncId, Linkage, Op, Type};
use std::sync::Arc;

/// Mutants made of each program.
const PER_PROGRAM: u64 = 64;

/// What mutants are made of: small programs on an imported arena, whose alias classes, changed, would be lies. Most of them keep to what a mutant may run with,
/// a quarter has everything, and are mostly only compiled.
fn config(seed: u64) -> Config {
    let small = Config {
        functions: 2,
        small: 2,
        blocks: 4,
        insts: 10,
        arena: Linkage::Import,
        alias_classes: false,
        ..baseline_config()
    };
    if seed % 4 == 3 {
        return small;
    }
    let supports = |op: Op, ty: Type| match op {
        Op::SlotAddr | Op::SlotOffset | Op::FrameAddr | Op::FuncAddr | Op::LabelAddr => false,
        Op::Alloca | Op::CallPtr | Op::JumpTo | Op::TailCallPtr | Op::Fcopysign => false,
        Op::Bitcast => ty.is_float(),
        Op::Store => !ty.is_float(),
        _ => true,
    };
    Config { supports, ..small }
}

/// The mutant with this number.
pub fn mutant(seed: u64) -> Generated {
    let program = seed / PER_PROGRAM;
    let mut generated = generate(&mut Entropy::from_seed(program), &config(program));
    // Not a stream that any program is made of.
    let mut entropy = Entropy::from_seed(seed ^ 0x6d75_7461_6e74 << 16);
    let before = generated.module.clone();
    for _ in 0..10 {
        if mutate(&mut entropy, &mut generated.module) && generated.module != before {
            break;
        }
    }
    generated
}

/// A world with only the arena, at the address that the native run has it at.
struct Confined {
    /// The bytes of the objects that are imported, in their order.
    bytes: [Vec<u8>; 2],
    names: Vec<String>,
    /// Which data they are.
    objects: [Option<DataId>; 2],
}

impl Confined {
    /// The bytes from the address on.
    fn at(&mut self, address: u64, bytes: u64) -> Result<&mut [u8], BadAccess> {
        for (object, (_, start, size)) in self.bytes.iter_mut().zip(arena::objects()) {
            let from = address.wrapping_sub(start as u64);
            match from.checked_add(bytes) {
                Some(end) if end <= size as u64 => return Ok(&mut object[from as usize..end as usize]),
                _ => {}
            }
        }
        Err(BadAccess(address))
    }
}

impl Host for Confined {
    fn load(&mut self, address: u64, bytes: u32) -> Result<u64, BadAccess> {
        let mut word = [0; 8];
        word[..bytes as usize].copy_from_slice(self.at(address, bytes as u64)?);
        Ok(u64::from_le_bytes(word))
    }

    fn store(&mut self, address: u64, bytes: u32, value: u64) -> Result<(), BadAccess> {
        self.at(address, bytes as u64)?.copy_from_slice(&value.to_le_bytes()[..bytes as usize]);
        Ok(())
    }

    fn reserve(&mut self, _: u64, _: u64) -> Result<u64, TrapKind> {
        // Frames that nobody can take the address of need no room.
        Ok(0)
    }

    fn mark(&self) -> u64 {
        0
    }

    fn release(&mut self, _: u64) {}

    fn func_address(&mut self, _: FuncId) -> u64 {
        0
    }

    fn func_at(&mut self, _: u64) -> Option<FuncId> {
        None
    }

    fn data_address(&mut self, data: DataId) -> u64 {
        let found = self.objects.iter().position(|object| *object == Some(data));
        found.map_or(0, |n| arena::objects()[n].1 as u64)
    }

    fn tls_address(&mut self, _: DataId) -> Result<u64, TrapKind> {
        Err(TrapKind::BadAccess(None))
    }

    fn call_import(&mut self, func: FuncId, call: &ForeignCall<'_>) -> Result<Vec<u64>, TrapKind> {
        Ok(hosts::call(&self.names[func.index()], call.args).into_iter().collect())
    }

    fn call_address(&mut self, address: u64, _: &ForeignCall<'_>) -> Result<Vec<u64>, TrapKind> {
        Err(TrapKind::BadAccess(Some(address)))
    }
}

fn interpret(module: &Checked, objects: [Option<DataId>; 2], calls: &[Vec<u64>]) -> Observation {
    let names = module.funcs().iter().map(|f| f.name.clone()).collect();
    let bytes = [arena::initial().to_vec(), vec![0; FUEL_SIZE]];
    let mut world = Confined { bytes, names, objects };
    hosts::take_log();
    let outcomes = outcomes(module, &mut world, calls, Nans::Any);
    let [arena, _] = world.bytes;
    Observation { nans: Nans::Any, outcomes, log: hosts::take_log(), arena }
}

/// Whether it loads in some compiled ways and then behaves as the interpreter.
pub fn check(seed: u64, mutant: &Generated) -> Verdict {
    let checked = match verify::check(positioned(&mutant.module)) {
        Ok(checked) => Arc::new(checked),
        Err(_) => return Verdict::Skipped("refused by the verifier"),
    };
    let object = |name: &str| checked.data().iter().position(|d| d.name == name).map(|n| DataId(n as u32));
    let objects = [ARENA, FUEL].map(object);
    let fixed: Vec<DataId> = objects.into_iter().flatten().collect();
    let ways = ways_of(seed);
    let engines: Vec<Engine> = ways.iter().map(|way| engine(*way)).collect();
    for (engine, way) in engines.iter().zip(&ways) {
        // Loading compiles: that must not panic, whether it can be run or not.
        match engine.load(checked.clone()) {
            Ok(_) => {}
            Err(LoadError::Compile(_)) => return Verdict::Skipped("refused by a compiler"),
            Err(error) => return Verdict::Different(format!("{way} {NOT_LOADED}: {error}")),
        }
    }
    if sees_addresses(&checked, &fixed) || !hides_nan_payloads(&checked) {
        return Verdict::Skipped("compiled only");
    }
    let expected = interpret(&checked, objects, &mutant.calls);
    if expected.cannot_be_compared() {
        return Verdict::Skipped("compiled, and ended by a limit or a bad access in the interpreter");
    }
    for (engine, way) in engines.iter().zip(&ways) {
        let found = match tiers::run(engine, checked.clone(), &mutant.calls, Looks::default()) {
            Ok(found) => found,
            Err(error) => return Verdict::Different(format!("{way} {NOT_LOADED}: {error}")),
        };
        if let Some(difference) = expected.difference(&found) {
            return Verdict::Different(format!("interpreter and {way}: {difference}"));
        }
    }
    Verdict::Same
}
