//! Units of compiled code: functions of a program, with the descriptors of their exits.

use super::exits::Exits;
use super::functions::{Body, Flow, Places, Scratch, flow};
use super::heights::{Effect, Effects, Fixed, Heights, heights};
use super::routines;
use super::translate::control::results;
use super::translate::{Kind, PARAMETERS, Routines, Settings, Shared, translate};
use crate::instruction::Instruction;
use crate::options::Chars;
use crate::program::Program;
use crate::state::Header;
use kiln::{Config, Convention, Engine, FuncId, Function, Linkage, LoadError, Module, Signature, Tier, Type};

/// How long a body may be that takes the place of its calls.
pub const INLINED: u32 = 24;
/// How many items a region that is entered in the middle loads at once, at most.
const LOADED: i32 = 32;

/// What all units of a program start from.
#[derive(Debug)]
pub struct Analysis {
    pub program: Program,
    pub settings: Settings,
    pub places: Places,
    pub effects: Effects,
    /// For each call target the body that takes the place of its calls.
    inlined: Vec<Option<(u32, u32)>>,
}

impl Analysis {
    /// Looks at the whole program.
    pub fn of(program: &Program, settings: Settings) -> Analysis {
        let places = Places::of(program);
        let mut scratch = Scratch::default();
        let effects = Effects::of(program, &places, &mut scratch);
        let inlined = places
            .called
            .iter()
            .map(|entry| if settings.counting { None } else { straight(program, *entry) });
        let inlined = inlined.collect();
        Analysis { program: program.clone(), settings, places, effects, inlined }
    }
}

/// The range of a function without branches and calls, if it is short.
fn straight(program: &Program, entry: u32) -> Option<(u32, u32)> {
    for at in entry..entry + INLINED {
        match flow(program, at) {
            Flow::Return => return Some((entry, at + 1)),
            Flow::Next => {
                if program.instructions()[at as usize] == Instruction::Readi {
                    return None;
                }
            }
            _ => return None,
        }
    }
    None
}

/// The type of what the driver enters: it takes the header, and gives the instruction to go on with.
pub type Enter = fn(*mut Header) -> i64;

/// Compiled functions: one that is entered from outside, and all that it calls.
#[derive(Debug)]
pub struct Unit {
    /// The code.
    pub code: kiln::Program,
    /// The function that is entered.
    pub function: Function<Enter>,
    /// How many items the stack must hold for that.
    pub loaded: u32,
    /// The descriptors of its exits.
    pub exits: Exits,
    /// How far a function of it lets the stack rise at most.
    pub rise: u32,
}

/// A function to be compiled.
struct Planned {
    id: FuncId,
    body: Body,
    heights: Heights,
    kind: Kind,
}

/// Compiles what is entered at a place, with all functions that it calls.
///
/// # Errors
/// What the core refuses; it should not.
pub fn compile(analysis: &Analysis, entry: u32, tier: Tier) -> Result<Unit, LoadError> {
    let Analysis { program, settings, places, effects, inlined } = analysis;
    let mut scratch = Scratch::default();
    let mut module = Module::new();
    let routines = declare_routines(&mut module);
    let mut functions: Vec<Option<FuncId>> = vec![None; places.called.len()];
    let mut planned: Vec<Planned> = Vec::new();
    let enter = Signature::new([Type::Ptr], [Type::I64]);
    let id = module.declare("enter", enter, Linkage::Export);
    let body = scratch.body(program, places, entry, u32::MAX).expect("no limit");
    let found = heights(program, &body, |to| effects.get(to));
    let lowest = if found.heads[0] { 0 } else { found.lowest[0] };
    let loaded = (-lowest).min(LOADED);
    planned.push(Planned { id, body, heights: found, kind: Kind::Entry(loaded) });
    let mut next = 0;
    while next < planned.len() {
        let mut wanted = Vec::new();
        for block in &planned[next].body.blocks {
            for at in block.start..block.end {
                if let Flow::Call(to) = flow(program, at)
                    && let Ok(n) = places.called.binary_search(&to)
                    && functions[n].is_none()
                    && inlined[n].is_none_or(|_| !matches!(effects.get(to), Effect::Fixed(_)))
                {
                    wanted.push((n, to));
                }
            }
        }
        for (n, to) in wanted {
            if functions[n].is_some() {
                continue;
            }
            let (kind, signature) = match effects.get(to) {
                Effect::Opaque => continue,
                Effect::Fixed(fixed) => (Kind::Fixed(fixed), signature(fixed)),
                Effect::Never | Effect::Dynamic => {
                    (Kind::Dynamic, Signature::new([Type::Ptr; 3], [Type::Ptr]))
                }
            };
            let signature = Signature { convention: Convention::Kiln, ..signature };
            let id = module.declare(&format!("call_{to}"), signature, Linkage::Local);
            functions[n] = Some(id);
            let body = scratch.body(program, places, to, u32::MAX).expect("no limit");
            let heights = heights(program, &body, |to| effects.get(to));
            planned.push(Planned { id, body, heights, kind });
        }
        next += 1;
    }
    let shared = Shared { program, places, settings, effects, routines, functions: &functions, inlined };
    let mut exits = Exits::default();
    let mut rise = 0;
    for Planned { id, body, heights, kind } in &planned {
        rise = rise.max(super::translate::rise(heights));
        translate(module.build(*id), shared, &mut exits, body, heights, *kind);
    }
    let code = engine(settings, tier).load_module(module)?;
    let function = code.function("enter").expect("it was declared so");
    Ok(Unit { code, function, loaded: loaded as u32, exits, rise: rise as u32 })
}

/// The signature of a function of fixed effect.
fn signature(fixed: Fixed) -> Signature {
    let parameters = fixed.depth.min(PARAMETERS) as usize;
    let (_, count) = results(fixed);
    let types =
        [Type::Ptr; 3].into_iter().chain([Type::I64; PARAMETERS as usize].into_iter().take(parameters));
    Signature::new(types, vec![Type::I64; count as usize])
}

fn declare_routines(module: &mut Module) -> Routines {
    let value = Signature::new([Type::Ptr, Type::I64], [Type::I64]);
    let print = Signature::new([Type::Ptr, Type::I64], [Type::I32]);
    let store = Signature::new([Type::Ptr, Type::I64, Type::I64], [Type::I32]);
    Routines {
        load: module.import("load", value),
        store: module.import("store", store),
        print_character: module.import("print_character", print.clone()),
        print_number: module.import("print_number", print),
    }
}

#[allow(unsafe_code, reason = "names functions for compiled code to call")]
fn engine(settings: &Settings, tier: Tier) -> Engine {
    let mut engine = Engine::new(Config::new().tier(tier));
    let character = match settings.options.chars {
        Chars::Bytes => routines::print_byte,
        Chars::Utf8 => routines::print_code_point,
    };
    // SAFETY: these are C functions, declared above as they are, which stay where they are.
    unsafe {
        engine.define_address("load", routines::load as *const u8);
        engine.define_address("store", routines::store as *const u8);
        engine.define_address("print_character", character as *const u8);
        engine.define_address("print_number", routines::print_number as *const u8);
    }
    engine
}
