//! Random programs do the same as native code, in Kiln's interpreter, and in the machine's own.

use kiln::{Config, Engine, Tier, TrapKind};
use regvm::bytecode::Symbol;
use regvm::operand::{Func, Label, Site};
use regvm::{
    Bytecode, CType, Checked, External, Imm, Inst, Interpreter, Kind, Machine, MachineError, Place, Reg,
};
use regvm::{Value, check, load, read, translate};
use std::sync::{Arc, Mutex};

/// Programs tried.
const PROGRAMS: u64 = 600;
/// Instructions after which a program is given up.
const STEPS: u64 = 30_000;

#[test]
fn random_programs_agree_with_the_interpreter() {
    let (mut returned, mut trapped, mut calls) = (0, 0, 0);
    for seed in 1..=PROGRAMS {
        let code = Generator::new(seed).program();
        let text = code.to_string();
        let code = check(code).unwrap_or_else(|errors| panic!("seed {seed}: {errors:?}\n{text}"));
        let wanted = interpret(&code);
        match &wanted.end {
            Err((TrapKind::StepLimit, _)) => continue,
            Err(_) => trapped += 1,
            Ok(_) => returned += 1,
        }
        calls += wanted.calls.len();
        // Kiln's interpreter is slow too, so it has its turn now and then.
        let tier = if seed % 8 == 0 { Tier::Interpreter } else { Tier::Baseline };
        let found = compiled(&code, tier);
        assert!(wanted == found, "seed {seed}, {tier:?}: {}\n{text}", difference(&wanted, &found));
    }
    // The test is worth something only if many programs do something and come to their end.
    let much = returned > PROGRAMS / 2 && trapped > PROGRAMS / 50 && calls > 20 * PROGRAMS as usize;
    assert!(much, "{returned} returned, {trapped} trapped, {calls} calls");
}

fn difference(wanted: &Outcome, found: &Outcome) -> String {
    match wanted.calls.iter().zip(&found.calls).position(|(a, b)| a != b) {
        Some(n) => format!("call {n} is {:x?}, not {:x?}", found.calls[n], wanted.calls[n]),
        None => format!(
            "{:x?} after {} calls, not {:x?} after {}",
            found.end,
            found.calls.len(),
            wanted.end,
            wanted.calls.len()
        ),
    }
}

#[test]
fn printed_programs_read_back() {
    for seed in 1..=100 {
        let code = Generator::new(seed).program();
        let text = code.to_string();
        let again = read("random", &text).unwrap_or_else(|errors| panic!("seed {seed}: {errors:?}\n{text}"));
        assert_eq!(again.to_string(), text, "seed {seed}");
        // Places are lines of the text now, everything else is as it was.
        let [a, b] = [code, again].map(|code| interpret(&check(code).unwrap()));
        assert_eq!(a.calls, b.calls, "seed {seed}");
        assert_eq!(a.end.map_err(|(kind, _)| kind), b.end.map_err(|(kind, _)| kind), "seed {seed}");
    }
}

/// Whatever the text, it is refused with a place or becomes a module that Kiln accepts.
#[test]
fn damaged_programs_are_refused_or_translated() {
    let (mut refused, mut accepted) = (0, 0);
    for seed in 1..=600 {
        let mut random = Generator::new(seed);
        let text = Generator::new(seed).program().to_string();
        let mut words: Vec<&str> = text.split_inclusive([' ', '\n', ',']).collect();
        for _ in 0..1 + random.below(3) {
            let (a, b) = (random.below(words.len()), random.below(words.len()));
            match random.below(3) {
                0 => words.swap(a, b),
                1 => words[a] = words[b],
                _ => drop(words.remove(a)),
            }
        }
        let text = words.concat();
        match load("damaged", &text) {
            Err(errors) => {
                refused += 1;
                assert!(!errors.is_empty() && errors.iter().all(|error| error.place.line > 0), "{errors:?}");
            }
            Ok(code) => {
                accepted += 1;
                let module = translate(&code).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
                let faults = kiln::check(module).map(drop).map_err(|(_, faults)| faults);
                assert_eq!(faults, Ok(()), "seed {seed}\n{text}");
            }
        }
    }
    assert!(refused > 100 && accepted > 50, "{refused} refused, {accepted} accepted");
}

/// What a run of a program shows: each call of `mix`, and how `main` ended.
#[derive(PartialEq, Debug)]
struct Outcome {
    calls: Vec<[u64; 4]>,
    end: Result<Option<u64>, (TrapKind, Place)>,
}

/// Bits to compare by: all NaNs are one.
fn bits(value: Value) -> u64 {
    match value {
        Value::Double(value) if value.is_nan() => f64::NAN.to_bits(),
        value => value.to_word(),
    }
}

/// The external function of generated programs.
fn mix(a: i64, x: f64, b: i32, y: f64) -> i32 {
    let parts = [a as i32, x as i32, b, y as i32];
    parts.iter().fold(7, |sum: i32, part| sum.wrapping_mul(31).wrapping_add(*part))
}

fn words(a: i64, x: f64, b: i32, y: f64) -> [u64; 4] {
    [a as u64, bits(Value::Double(x)), b as u64, bits(Value::Double(y))]
}

fn interpret(code: &Checked) -> Outcome {
    let mut calls = Vec::new();
    let mut interpreter = Interpreter::new(code, |_, arguments| match arguments {
        [Value::Int(a), Value::Double(x), Value::Int(b), Value::Double(y)] => {
            calls.push(words(*a, *x, *b as i32, *y));
            Ok(Some(Value::Int(mix(*a, *x, *b as i32, *y).into())))
        }
        _ => Err("`mix` takes other arguments".into()),
    });
    interpreter.steps = STEPS;
    let end = interpreter.call("main", &[]).expect("main takes nothing");
    drop(interpreter);
    Outcome { calls, end: end.map(|value| value.map(bits)).map_err(|stop| (stop.kind, stop.place)) }
}

fn compiled(code: &Checked, tier: Tier) -> Outcome {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let sink = calls.clone();
    let mut engine = Engine::new(Config::new().tier(tier));
    engine.define("mix", move |a: i64, x: f64, b: i32, y: f64| {
        sink.lock().unwrap().push(words(a, x, b, y));
        mix(a, x, b, y)
    });
    let machine = Machine::load(&engine, code.clone()).unwrap();
    // SAFETY: generated programs call each other and `mix`, as they are declared.
    let end = match unsafe { machine.call("main", &[]) } {
        Ok(value) => Ok(value.map(bits)),
        Err(MachineError::Trap(trap)) => {
            let position = trap.position().expect("every instruction has a place");
            Err((trap.kind(), Place { line: position.line, column: position.column }))
        }
        Err(error) => panic!("{error}"),
    };
    Outcome { calls: std::mem::take(&mut calls.lock().unwrap()), end }
}

/// What a function takes and gives.
#[derive(Clone, PartialEq)]
struct Shape {
    params: Vec<Kind>,
    result: Option<Kind>,
}

/// Makes programs that end: calls go only to functions further down, jumps only ahead, loops count.
struct Generator {
    state: u64,
    code: Bytecode,
    functions: Vec<(Func, Shape)>,
    /// The function at hand.
    current: usize,
    /// Labels that may still be placed here.
    pending: Vec<Label>,
    /// Every call with a site: its function, and its target's shape.
    sites: Vec<(Site, usize, Shape)>,
    loops: u16,
    names: u32,
}

/// Registers that statements use; those above serve loops and `callr`.
const REGISTERS: u16 = 6;
const COUNTER: u16 = 40;
const ONE: u16 = 38;
const FUNCTION: u16 = 39;

impl Generator {
    fn new(seed: u64) -> Generator {
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let code = Bytecode::new("random");
        let (functions, pending, sites) = (Vec::new(), Vec::new(), Vec::new());
        Generator { state, code, functions, current: 0, pending, sites, loops: 0, names: 0 }
    }

    /// Vigna's splitmix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn kind(&mut self) -> Kind {
        if self.one_in(2) { Kind::Int } else { Kind::Double }
    }

    fn any(&mut self, kind: Kind) -> Reg {
        Reg { kind, number: self.below(REGISTERS as usize) as u16 }
    }

    fn name(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what}{}", self.names)
    }

    fn program(mut self) -> Bytecode {
        use CType::{Double, Int, Int32};
        let params = vec![Int, Double, Int32, Double];
        let mix =
            External { name: "mix".into(), params, variadic: false, result: Some(Int32), library: None };
        self.code.external(mix).unwrap();
        // Few shapes, so that calls with sites find other targets.
        let shapes: Vec<Shape> = (0..3).map(|_| self.shape()).collect();
        let count = 2 + self.below(6);
        for n in 0..count {
            let shape = shapes[self.below(shapes.len())].clone();
            let shape = if n == 0 { Shape { params: Vec::new(), ..shape } } else { shape };
            let func = self.code.function(&if n == 0 { "main".into() } else { format!("f{n}") }).unwrap();
            self.functions.push((func, shape));
        }
        // From the last to the first, so that functions know the sites in those that they call.
        for n in (0..count).rev() {
            self.current = n;
            self.function();
        }
        self.code
    }

    fn shape(&mut self) -> Shape {
        let count = if self.one_in(3) { self.below(21) } else { self.below(4) };
        let params = (0..count).map(|_| self.kind()).collect();
        let result = if self.one_in(4) { None } else { Some(self.kind()) };
        Shape { params, result }
    }

    fn function(&mut self) {
        let (func, shape) = self.functions[self.current].clone();
        let params = shape.params.iter().zip(0..).map(|(kind, number)| Reg { kind: *kind, number }).collect();
        self.code.emit(Inst::FuncStart { func, params, result: shape.result });
        self.code.emit(Inst::Movi { to: Reg::int(ONE), value: Imm::Int(1) });
        let statements = 5 + self.below(25);
        self.statements(statements);
        for name in std::mem::take(&mut self.pending) {
            self.code.emit(Inst::Label { name });
        }
        self.show();
        let value = shape.result.map(|kind| self.any(kind));
        if value.is_some() || self.one_in(2) {
            self.code.emit(Inst::Ret { value });
        }
        self.code.emit(Inst::FuncEnd {});
    }

    /// Has all registers seen by `mix`.
    fn show(&mut self) {
        let Some(Symbol::External(target)) = self.code.symbol("mix") else { return };
        for n in (0..REGISTERS).step_by(2) {
            self.code.emit(Inst::CallStart {});
            for from in [Reg::int(n), Reg::double(n), Reg::int(n + 1), Reg::double(n + 1)] {
                self.code.emit(Inst::Push { from });
            }
            self.code.emit(Inst::Calle { target, result: None });
        }
    }

    fn statements(&mut self, count: usize) {
        for _ in 0..count {
            self.statement();
        }
    }

    fn statement(&mut self) {
        match self.below(22) {
            0 => {
                self.code.emit(Inst::Nop {});
            }
            1 => {
                let kind = self.kind();
                let to = self.any(kind);
                self.code.emit(Inst::Setz { to });
            }
            2 => {
                let (to, from) = (self.kind(), self.kind());
                let (to, from) = (self.any(to), self.any(from));
                self.code.emit(Inst::Mov { to, from });
            }
            3 | 4 => {
                let (to, value) = (self.any(Kind::Int), Imm::Int(self.int()));
                self.code.emit(Inst::Movi { to, value });
            }
            5 | 6 => {
                let (to, value) = (self.any(Kind::Double), self.double());
                self.code.emit(Inst::Movd { to, value });
            }
            7..=12 => self.arithmetic(),
            13 => {
                let kind = self.kind();
                let (to, a, b) = (self.any(Kind::Int), self.any(kind), self.any(kind));
                self.code.emit(Inst::Cmp { to, a, b });
            }
            14 | 15 => self.jump(),
            16 => {
                if let Some(name) = self.pending.pop() {
                    self.code.emit(Inst::Label { name });
                }
            }
            17 => self.repeat(),
            18 | 19 => self.patch(),
            _ => self.call(2),
        }
    }

    fn int(&mut self) -> i64 {
        match self.below(6) {
            0 => self.next() as i64,
            1 => i64::MIN,
            2 => -1,
            _ => self.below(7) as i64 - 3,
        }
    }

    fn double(&mut self) -> f64 {
        match self.below(8) {
            0 => f64::from_bits(self.next()),
            1 => f64::NAN,
            2 => f64::NEG_INFINITY,
            3 => -0.0,
            _ => self.below(1000) as f64 / 8.0 - 50.0,
        }
    }

    fn arithmetic(&mut self) {
        let kind = self.kind();
        let (to, a, b) = (self.any(kind), self.any(kind), self.any(kind));
        let inst = match self.below(6) {
            0 => Inst::Add { to, a, b },
            1 => Inst::Sub { to, a, b },
            2 if kind == Kind::Int => Inst::Imul { to, a, b },
            3 if kind == Kind::Int => Inst::Idiv { to, a, b },
            2 | 4 => Inst::Mul { to, a, b },
            _ => Inst::Div { to, a, b },
        };
        let divides = matches!(inst, Inst::Idiv { .. } | Inst::Div { .. });
        if kind == Kind::Int && divides && !self.one_in(30) {
            // Most programs should come to their end.
            let value = Imm::Int(3 + self.below(9) as i64);
            self.code.emit(Inst::Movi { to: b, value });
        }
        self.code.emit(inst);
    }

    fn jump(&mut self) {
        let new = self.pending.is_empty() || self.one_in(2);
        if new {
            let name = self.name("l");
            let label = self.code.label(&name);
            self.pending.push(label);
        }
        let which = self.below(self.pending.len());
        let to = self.pending[which];
        if self.one_in(8) {
            self.code.emit(Inst::Jmp { to });
        } else {
            let kind = self.kind();
            let value = self.any(kind);
            self.code.emit(Inst::Jz { value, to });
        }
    }

    /// A loop. Labels made before it are not placed inside, so that nothing jumps past the counter's start.
    fn repeat(&mut self) {
        if self.loops == 2 {
            return;
        }
        let outer = std::mem::take(&mut self.pending);
        let counter = Reg::int(COUNTER + self.loops);
        self.loops += 1;
        let value = Imm::Int(1 + self.below(4) as i64);
        let [top, out] = [self.name("top"), self.name("out")].map(|name| self.code.label(&name));
        self.code.emit(Inst::Movi { to: counter, value });
        self.code.emit(Inst::Label { name: top });
        let statements = 1 + self.below(6);
        self.statements(statements);
        self.code.emit(Inst::Sub { to: counter, a: counter, b: Reg::int(ONE) });
        self.code.emit(Inst::Jz { value: counter, to: out });
        self.code.emit(Inst::Jmp { to: top });
        self.code.emit(Inst::Label { name: out });
        self.loops -= 1;
        self.pending.extend(outer);
    }

    fn call(&mut self, nesting: usize) {
        if self.one_in(5) {
            return self.external();
        }
        let Some(callee) = self.callee(|_| true) else { return };
        let (target, shape) = self.functions[callee].clone();
        self.code.emit(Inst::CallStart {});
        self.arguments(&shape.params, nesting);
        let result = shape.result.filter(|_| !self.one_in(5)).map(|kind| self.any(kind));
        let inst = match self.below(4) {
            // A function in a register must be called with the result that it has.
            0 if result.map(|reg| reg.kind) == shape.result => {
                let register = Reg::int(FUNCTION);
                self.code.emit(Inst::Movi { to: register, value: Imm::Func(target) });
                Inst::Callr { target: register, result }
            }
            1 => {
                let name = self.name("s");
                let site = self.code.site(&name);
                self.sites.push((site, self.current, shape));
                Inst::Call { target, result, site: Some(site) }
            }
            _ => Inst::Call { target, result, site: None },
        };
        let index = self.code.emit(inst.clone());
        if matches!(inst, Inst::Call { .. }) && self.one_in(6) {
            let shape = self.functions[callee].1.clone();
            if let Some(other) = self.callee(|found| *found == shape) {
                self.code.overwrite_call(index, self.functions[other].0).unwrap();
            }
        }
    }

    fn arguments(&mut self, params: &[Kind], nesting: usize) {
        for kind in params {
            if nesting > 0 && self.one_in(5) {
                self.call(nesting - 1);
            }
            let inst = match kind {
                Kind::Int if self.one_in(3) => Inst::Pushi { value: Imm::Int(self.int()) },
                Kind::Double if self.one_in(3) => Inst::Pushd { value: self.double() },
                _ => Inst::Push { from: self.any(*kind) },
            };
            self.code.emit(inst);
        }
    }

    fn external(&mut self) {
        let Some(Symbol::External(target)) = self.code.symbol("mix") else { return };
        self.code.emit(Inst::CallStart {});
        self.arguments(&[Kind::Int, Kind::Double, Kind::Int, Kind::Double], 0);
        let result = Some(self.any(Kind::Int)).filter(|_| !self.one_in(5));
        self.code.emit(Inst::Calle { target, result });
    }

    /// A function further down of a shape that is wanted.
    fn callee(&mut self, wanted: impl Fn(&Shape) -> bool) -> Option<usize> {
        self.further(self.current, wanted)
    }

    fn further(&mut self, than: usize, wanted: impl Fn(&Shape) -> bool) -> Option<usize> {
        let found: Vec<usize> =
            (than + 1..self.functions.len()).filter(|n| wanted(&self.functions[*n].1)).collect();
        if found.is_empty() { None } else { Some(found[self.below(found.len())]) }
    }

    /// Overwrites a call, with a function further down than the one it stands in.
    fn patch(&mut self) {
        if self.sites.is_empty() {
            return;
        }
        let which = self.below(self.sites.len());
        let (site, function, shape) = self.sites[which].clone();
        if let Some(target) = self.further(function, |found| *found == shape) {
            self.code.emit(Inst::Patch { site, target: self.functions[target].0 });
        }
    }
}
