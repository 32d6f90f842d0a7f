//! An op with its operands and what it must give, and the ways to try it.

#![allow(unsafe_code, reason = "calling a program is unsafe")]

use kiln::{Checked, Config, Engine, Function, TrapKind, Type};
use kiln_tests::tiers::{WAYS, Way};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

/// What one result must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bits {
    /// Exactly this, zero-extended from its width.
    Exactly(u64),
    /// Any NaN of the result's type; the canonical one where that is asked for.
    Nan,
}

/// What an op must do with some operands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It gives these results.
    Gives(Vec<Bits>),
    /// It goes to its cold block and writes nothing.
    Leaves,
    /// It traps.
    Traps(TrapKind),
}

/// One result with exactly these bits.
pub fn exactly(bits: u64) -> Outcome {
    Outcome::Gives(vec![Bits::Exactly(bits)])
}

/// How an op stands in a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `results = op operands`.
    Plain,
    /// The same with a cold block as last operand.
    Overflow,
    /// A branch; 1 if it is taken, else 0.
    Branch,
}

type Oracle = Box<dyn Fn(&[u64]) -> Outcome>;

/// An op with its operands and what it must give.
pub struct Case {
    /// Mnemonic with suffix.
    pub op: String,
    /// Constants after the operands, with a comma before each.
    pub tail: String,
    pub form: Form,
    pub params: Vec<Type>,
    pub results: Vec<Type>,
    /// Operands as words, zero-extended from the width of their type.
    pub inputs: Vec<Vec<u64>>,
    pub oracle: Oracle,
}

impl Case {
    pub fn new(
        op: impl Into<String>,
        params: &[Type],
        results: &[Type],
        inputs: Vec<Vec<u64>>,
        oracle: impl Fn(&[u64]) -> Outcome + 'static,
    ) -> Case {
        Case {
            op: op.into(),
            tail: String::new(),
            form: Form::Plain,
            params: params.to_vec(),
            results: results.to_vec(),
            inputs,
            oracle: Box::new(oracle),
        }
    }

    /// The same in another form.
    pub fn form(self, form: Form) -> Case {
        Case { form, ..self }
    }

    /// The same with constants after the operands.
    pub fn tail(self, tail: impl Into<String>) -> Case {
        Case { tail: tail.into(), ..self }
    }
}

/// All pairs of two lists.
pub fn pairs(a: &[u64], b: &[u64]) -> Vec<Vec<u64>> {
    a.iter().flat_map(|a| b.iter().map(|b| vec![*a, *b])).collect()
}

/// All triples of three lists.
pub fn triples(a: &[u64], b: &[u64], c: &[u64]) -> Vec<Vec<u64>> {
    a.iter().flat_map(|a| b.iter().flat_map(|b| c.iter().map(|c| vec![*a, *b, *c]))).collect()
}

/// Lists of one operand each.
pub fn singles(a: &[u64]) -> Vec<Vec<u64>> {
    a.iter().map(|a| vec![*a]).collect()
}

/// The bits of a register of the type.
pub fn mask(ty: Type) -> u64 {
    if ty.bytes() == 4 { u64::from(u32::MAX) } else { u64::MAX }
}

/// What a result register that nothing has been written to holds.
const UNWRITTEN: u64 = 0x5a5a_5a5a_5a5a_5a5a;

/// A function that tries a case in one way.
struct Try {
    /// The register of each operand: that of an earlier one if it shares it.
    operands: Vec<usize>,
    /// The operand register that each result goes to, if it is not one of its own.
    overlaps: Vec<Option<usize>>,
    /// The operand that is a constant.
    constant: Option<(usize, u64)>,
    /// Whether a call stands before the op, so that operands come from memory.
    call: bool,
}

impl Try {
    /// Whether the function can be called with these operands.
    fn takes(&self, input: &[u64]) -> bool {
        self.constant.is_none_or(|(i, value)| input[i] == value)
            && self.operands.iter().enumerate().all(|(i, at)| input[i] == input[*at])
    }

    /// What a result register holds before the op.
    fn before(&self, result: usize, input: &[u64]) -> u64 {
        self.overlaps[result].map_or(UNWRITTEN, |at| input[at])
    }
}

const OPERANDS: [&str; 3] = ["%a", "%b", "%c"];
const RESULTS: [&str; 2] = ["%r", "%s"];

impl Case {
    fn tries(&self) -> Vec<Try> {
        let distinct: Vec<usize> = (0..self.params.len()).collect();
        let mut sharings = vec![distinct.clone()];
        for later in 1..self.params.len() {
            for earlier in 0..later {
                if self.params[earlier] == self.params[later] {
                    let mut sharing = distinct.clone();
                    sharing[later] = earlier;
                    sharings.push(sharing);
                }
            }
        }
        if self.params.len() == 3 && self.params.iter().all(|ty| *ty == self.params[0]) {
            sharings.push(vec![0; 3]);
        }
        let mut tries = vec![];
        for operands in &sharings {
            for overlaps in self.overlaps(operands) {
                for call in [false, true] {
                    tries.push(Try {
                        operands: operands.clone(),
                        overlaps: overlaps.clone(),
                        constant: None,
                        call,
                    });
                }
            }
        }
        for place in 0..self.params.len() {
            let values: BTreeSet<u64> = self.inputs.iter().map(|input| input[place]).collect();
            tries.extend(values.into_iter().map(|value| Try {
                operands: distinct.clone(),
                overlaps: vec![None; self.results.len()],
                constant: Some((place, value)),
                call: false,
            }));
        }
        tries
    }

    /// Every choice of an operand register, or none, for each result; no two results in one register.
    fn overlaps(&self, operands: &[usize]) -> Vec<Vec<Option<usize>>> {
        let mut all: Vec<Vec<Option<usize>>> = vec![vec![]];
        for ty in &self.results {
            let places = (0..operands.len()).filter(|i| operands[*i] == *i && self.params[*i] == *ty);
            let places: Vec<_> = std::iter::once(None).chain(places.map(Some)).collect();
            let longer = all.iter().flat_map(|before| {
                let free = places.iter().filter(|place| place.is_none() || !before.contains(place));
                free.map(|place| [&before[..], &[*place]].concat())
            });
            all = longer.collect();
        }
        all
    }

    fn function(&self, name: usize, how: &Try, text: &mut String) -> std::fmt::Result {
        writeln!(text, "export fn f{name}(%w0: i64, %w1: i64, %w2: i64, %out: ptr) {{")?;
        for (i, ty) in self.params.iter().enumerate() {
            let name = OPERANDS[i];
            match ty {
                Type::I32 => writeln!(text, "    {name} = trunc %w{i}")?,
                Type::I64 | Type::Ptr => writeln!(text, "    {name} = copy.{ty} %w{i}")?,
                Type::F32 => writeln!(text, "    %t{i} = trunc %w{i}\n    {name} = bitcast.f32 %t{i}")?,
                Type::F64 => writeln!(text, "    {name} = bitcast.f64 %w{i}")?,
            }
        }
        let results: Vec<&str> =
            how.overlaps.iter().zip(RESULTS).map(|(at, own)| at.map_or(own, |at| OPERANDS[at])).collect();
        if self.form == Form::Overflow {
            for (i, ty) in self.results.iter().enumerate().filter(|(i, _)| how.overlaps[*i].is_none()) {
                writeln!(text, "    {} = const.{ty} {:#x}", RESULTS[i], UNWRITTEN & mask(*ty))?;
            }
        }
        if how.call {
            text.push_str("    call nothing()\n");
        }
        // Of a conversion's operand the text cannot know the type, so it is said.
        if let (Some((_, value)), [ty]) = (how.constant, &self.params[..]) {
            writeln!(text, "    %a = const.{ty} {}", constant(*ty, value))?;
        }
        let operands: Vec<String> = (0..self.params.len())
            .map(|i| match how.constant {
                Some((at, value)) if at == i && self.params.len() > 1 => constant(self.params[i], value),
                _ => OPERANDS[how.operands[i]].into(),
            })
            .collect();
        let (op, operands, tail) = (&self.op, operands.join(", "), &self.tail);
        match self.form {
            Form::Plain => writeln!(text, "    {} = {op} {operands}{tail}", results.join(", "))?,
            Form::Overflow => writeln!(text, "    {} = {op} {operands}{tail}, over", results.join(", "))?,
            Form::Branch => {
                let r = results[0];
                writeln!(text, "    {op} {operands}, yes\n    {r} = const.i32 0\n    jump done")?;
                writeln!(text, "yes:\n    {r} = const.i32 1\ndone:")?;
            }
        }
        self.stores(&results, "0", text)?;
        if self.form == Form::Overflow {
            text.push_str("cold over:\n");
            self.stores(&results, "1", text)?;
        }
        text.push_str("}\n");
        Ok(())
    }

    /// Writes whole registers to memory, then whether the op left.
    fn stores(&self, results: &[&str], left: &str, text: &mut String) -> std::fmt::Result {
        for (i, (ty, name)) in self.results.iter().zip(results).enumerate() {
            let at = i * 8;
            match ty {
                Type::I32 => writeln!(text, "    %x{i} = zext {name}\n    store.i64 [%out + {at}], %x{i}")?,
                Type::I64 | Type::Ptr => writeln!(text, "    store.{ty} [%out + {at}], {name}")?,
                Type::F32 => {
                    writeln!(text, "    %y{i} = bitcast.i32 {name}\n    %x{i} = zext %y{i}")?;
                    writeln!(text, "    store.i64 [%out + {at}], %x{i}")?;
                }
                Type::F64 => {
                    writeln!(text, "    %x{i} = bitcast.i64 {name}\n    store.i64 [%out + {at}], %x{i}")?;
                }
            }
        }
        writeln!(text, "    store.i64 [%out + 16], {left}\n    ret")
    }

    /// Runs every try in every way; gives what was wrong, and the number of calls.
    fn faults(&self, canonical: bool) -> (Vec<String>, usize) {
        let tries = self.tries();
        let mut text = String::from("fn nothing() {\n    ret\n}\n");
        for (i, how) in tries.iter().enumerate() {
            self.function(i, how, &mut text).expect("a string takes everything");
        }
        let module = kiln::text::parse(&self.op, &text, &kiln::NoIncludes)
            .unwrap_or_else(|d| panic!("{}: {}", self.op, d[0]));
        let checked = kiln::check(module).unwrap_or_else(|(_, d)| panic!("{}: {}", self.op, d[0]));
        let checked = Arc::new(checked);
        let wanted: Vec<Outcome> = self.inputs.iter().map(|input| (self.oracle)(input)).collect();
        let mut faults = vec![];
        let mut calls = 0;
        for way in WAYS {
            calls += self.faults_of(way, canonical, &checked, &tries, &wanted, &mut faults);
        }
        (faults, calls)
    }

    fn faults_of(
        &self,
        way: Way,
        canonical: bool,
        module: &Arc<Checked>,
        tries: &[Try],
        wanted: &[Outcome],
        faults: &mut Vec<String>,
    ) -> usize {
        let config = Config::new().tier(way.tier).canonical_nan(canonical);
        let config = if way.all_features { config } else { config.features(kiln::Features::default()) };
        let program = Engine::new(config).load(module.clone()).expect("it loads");
        let mut calls = 0;
        for (i, how) in tries.iter().enumerate() {
            let f: Function<fn(u64, u64, u64, *mut u64)> =
                program.function(&format!("f{i}")).expect("it is there");
            for (input, wanted) in self.inputs.iter().zip(wanted).filter(|(input, _)| how.takes(input)) {
                calls += 1;
                // The upper half of the word of a 32-bit operand means nothing, so it holds something.
                let word = |i: usize| match (input.get(i), self.params.get(i)) {
                    (Some(value), Some(ty)) => value | 0xdead_beef_0000_0000 & !mask(*ty),
                    _ => u64::MAX,
                };
                let mut out = [0u64; 3];
                // SAFETY: the function writes three words.
                let ended = unsafe { f.call(word(0), word(1), word(2), out.as_mut_ptr()) };
                let right = match (wanted, &ended) {
                    (Outcome::Traps(kind), Err(trap)) => trap.kind() == *kind,
                    (Outcome::Gives(bits), Ok(())) => {
                        let results = bits.iter().zip(&self.results).zip(out);
                        out[2] == 0
                            && results.into_iter().all(|((bits, ty), word)| is(*bits, *ty, word, canonical))
                    }
                    (Outcome::Leaves, Ok(())) => {
                        let unwritten = |i: usize| how.before(i, input) & mask(self.results[i]);
                        out[2] == 1 && (0..self.results.len()).all(|i| out[i] == unwritten(i))
                    }
                    _ => false,
                };
                if !right {
                    let Try { operands, overlaps, constant, call } = how;
                    faults.push(format!(
                        "{way}: {}{} {input:x?}: wanted {wanted:x?}, found {ended:?} {out:x?} (operands {operands:?}, \
                         results in {overlaps:?}, constant {constant:x?}, after a call {call}, canonical {canonical})",
                        self.op, self.tail
                    ));
                }
            }
        }
        calls
    }
}

/// A constant of the type as text.
fn constant(ty: Type, value: u64) -> String {
    match ty {
        Type::I32 => format!("{}", value as i32),
        Type::I64 | Type::Ptr => format!("{}", value as i64),
        Type::F32 | Type::F64 => format!("bits({value:#x})"),
    }
}

fn is(wanted: Bits, ty: Type, word: u64, canonical: bool) -> bool {
    match (wanted, ty) {
        (Bits::Exactly(bits), _) => word == bits,
        (Bits::Nan, Type::F32) if canonical => word == 0x7fc0_0000,
        (Bits::Nan, _) if canonical => word == 0x7ff8_0000_0000_0000,
        (Bits::Nan, Type::F32) => word >> 32 == 0 && f32::from_bits(word as u32).is_nan(),
        (Bits::Nan, _) => f64::from_bits(word).is_nan(),
    }
}

/// Tries all cases, with NaNs as they come.
pub fn run(cases: Vec<Case>) {
    run_with(cases, &[false]);
}

/// Tries all cases with and without canonical NaNs.
pub fn run_with_nans(cases: Vec<Case>) {
    run_with(cases, &[false, true]);
}

fn run_with(cases: Vec<Case>, canonical: &[bool]) {
    let (mut faults, mut calls) = (vec![], 0);
    for case in &cases {
        for canonical in canonical {
            let (more, made) = case.faults(*canonical);
            calls += made;
            // One op that is wrong everywhere must not hide the others.
            let count = more.len();
            faults.extend(more.into_iter().take(5));
            if count > 5 {
                faults.push(format!("{}{}: {} more", case.op, case.tail, count - 5));
            }
        }
    }
    println!("{} cases, {calls} calls", cases.len());
    assert!(calls > 0 && faults.is_empty(), "{}", faults.join("\n"));
}
