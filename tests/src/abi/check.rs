//! Calls between C and Kiln, compared bit by bit: each signature in every direction and tier, a batch of signatures in
//! one process of its own. What fails is made small in further processes.

#![allow(unsafe_code, reason = "code of two compilers is called, which may be wrong")]

use super::cells::{ADDRESSES, ADDRESSES_ROOM, ARGS, Cells, GIVEN, LIVE, LIVE_ROOM, LIVED, RESULT, SEEN};
use super::kiln::{self as spelled, Role};
use super::library::{Library, Loaded, call};
use super::signature::{Convention, Element, Side, Signature};
use super::{c, places};
use crate::isolate::isolated;
use kiln::{CallStub, Config, Engine, Layout, Program, Tier};
use kiln_generator::Entropy;
use std::ffi::c_void;
use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

/// The ways a call takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Path {
    /// C calls C: what is wrong here is wrong with the test.
    CToC,
    /// Kiln calls C.
    KilnToC,
    /// C calls Kiln.
    CToKiln,
    /// Kiln calls Kiln.
    KilnToKiln,
    /// C calls Kiln, which calls C with the same arguments and returns its result.
    Forward,
    /// C calls Kiln, which calls C in its own place.
    TailToC,
    /// C calls Kiln, which calls Kiln in its own place.
    TailToKiln,
    /// Kiln calls Kiln, which calls Kiln in its own place.
    KilnTailToKiln,
    /// The same, where the function that goes had no arguments.
    Growing,
    /// Rust calls C through a call stub.
    StubToC,
    /// Rust calls Kiln through a call stub.
    StubToKiln,
}

impl Path {
    const ALL: [Path; 11] = [
        Path::CToC,
        Path::KilnToC,
        Path::CToKiln,
        Path::KilnToKiln,
        Path::Forward,
        Path::TailToC,
        Path::TailToKiln,
        Path::KilnTailToKiln,
        Path::Growing,
        Path::StubToC,
        Path::StubToKiln,
    ];

    /// The function of Kiln that is called first, by C's caller unless it is a caller itself.
    fn entered(self) -> Option<Role> {
        match self {
            Path::CToC | Path::StubToC | Path::StubToKiln => None,
            Path::KilnToC => Some(Role::CallsC),
            Path::CToKiln => Some(Role::Callee),
            Path::KilnToKiln => Some(Role::CallsKiln),
            Path::Forward => Some(Role::Forwards),
            Path::TailToC => Some(Role::TailCallsC),
            Path::TailToKiln => Some(Role::TailCallsKiln),
            Path::KilnTailToKiln => Some(Role::CallsTail),
            Path::Growing => Some(Role::CallsGrowing),
        }
    }

    /// Whether calls of a signature can take it.
    fn is_of(self, sig: &Signature) -> bool {
        match self.entered() {
            None => self == Path::StubToKiln || sig.convention != Convention::Kiln,
            Some(Role::Callee) => sig.convention != Convention::Kiln,
            Some(role) => role.is_of(sig) && role.is_listed(sig),
        }
    }

    /// Who sends and who receives the arguments, on the last leg of their way.
    fn arguments(self) -> (Side, Side) {
        match self {
            Path::CToC => (Side::C, Side::C),
            Path::CToKiln => (Side::C, Side::Kiln),
            Path::KilnToC | Path::Forward | Path::TailToC | Path::StubToC => (Side::Kiln, Side::C),
            Path::KilnToKiln | Path::TailToKiln | Path::KilnTailToKiln | Path::Growing | Path::StubToKiln => {
                (Side::Kiln, Side::Kiln)
            }
        }
    }

    /// Who sends and who receives the result.
    fn result(self) -> (Side, Side) {
        match self {
            Path::CToC | Path::TailToC => (Side::C, Side::C),
            Path::KilnToC | Path::StubToC => (Side::C, Side::Kiln),
            Path::CToKiln | Path::Forward | Path::TailToKiln => (Side::Kiln, Side::C),
            Path::KilnToKiln | Path::KilnTailToKiln | Path::Growing | Path::StubToKiln => {
                (Side::Kiln, Side::Kiln)
            }
        }
    }
}

/// A signature as each side is told; they differ only where a mistake is planted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    /// What C is told.
    pub c: Signature,
    /// What Kiln is told.
    pub kiln: Signature,
}

impl From<Signature> for Case {
    fn from(sig: Signature) -> Case {
        Case { c: sig.clone(), kiln: sig }
    }
}

/// A signature that fails.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its number in the batch.
    pub n: usize,
    /// Whether a call went wrong; else a program could not be loaded, and the number says nothing.
    pub called: bool,
    /// What is wrong.
    pub what: String,
}

/// Signatures with the C side compiled, or being compiled.
pub struct Batch {
    seed: u64,
    cases: Vec<Case>,
    library: Library,
}

/// Levels of optimization; -O0 keeps everything in memory, -O2 keeps nothing there.
const LEVELS: [&str; 4] = ["-O1", "-O2", "-O0", "-O1"];

impl Batch {
    /// Starts gcc on a batch. The seed determines the values.
    pub fn start(seed: u64, cases: Vec<Case>) -> Batch {
        let signatures: Vec<_> = cases.iter().map(|case| &case.c).enumerate().collect();
        let level = LEVELS[seed as usize % LEVELS.len()];
        let library = Library::compile(&seed.to_string(), &c::file(&signatures), level);
        Batch { seed, cases, library }
    }

    /// Makes all calls; gives the first signature that fails.
    pub fn check(&mut self) -> Option<Failure> {
        let path = self.library.path();
        let time = Duration::from_secs(60);
        let (said, death) = isolated(time, |to| {
            let _ = self.run(&path, to);
        });
        let said = String::from_utf8_lossy(&said);
        // Each call was announced by a line; after it comes what was wrong with it.
        let (mut n, mut way, mut what) = (0, None, String::new());
        for line in said.lines() {
            match line.strip_prefix("at ").and_then(|rest| rest.split_once(' ')) {
                Some((number, rest)) => (n, way) = (number.parse().unwrap_or(0), Some(rest)),
                None => {
                    let _ = writeln!(what, "    {line}");
                }
            }
        }
        if let Some(death) = death {
            let _ = writeln!(what, "    {death}");
        }
        let failed = !what.is_empty();
        let called = way.is_some();
        let what = format!("{}:\n{what}", way.unwrap_or("loading"));
        failed.then_some(Failure { n, called, what })
    }

    /// What the child process does. Stops behind the first call that goes wrong.
    fn run(&self, path: &std::path::Path, to: &mut dyn Write) -> std::io::Result<()> {
        let loaded = Loaded::open(path);
        let mut cells = Cells::new();
        loaded.set("cells", cells.base() as usize);
        let signatures: Vec<_> = self.cases.iter().map(|case| &case.kiln).enumerate().collect();
        let text = spelled::file(&signatures, &path.to_string_lossy());
        let mut programs = Vec::new();
        for tier in [Tier::Baseline, Tier::Optimized, Tier::Interpreter] {
            let mut engine = Engine::new(Config::new().tier(tier));
            // SAFETY: the cells stay to the end of the process.
            unsafe { engine.define_address("cells", cells.base()) };
            match engine.load_text(&text) {
                Ok(program) => programs.push((tier, program)),
                Err(error) => return writeln!(to, "{tier:?} does not load: {error}"),
            }
        }
        let mut e = Entropy::from_seed(self.seed);
        for (n, case) in self.cases.iter().enumerate() {
            for (tier, program) in &programs {
                for path in Path::ALL {
                    if !path.is_of(&case.kiln) {
                        continue;
                    }
                    writeln!(to, "at {n} {tier:?}, {path:?}")?;
                    let mut one = Call { n, case, path, loaded, program, cells: &mut cells };
                    one.prepare(&mut e);
                    let faults = one.make();
                    for fault in &faults {
                        writeln!(to, "{fault}")?;
                    }
                    if !faults.is_empty() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

/// One call on one way.
struct Call<'c> {
    n: usize,
    case: &'c Case,
    path: Path,
    loaded: Loaded,
    program: &'c Program,
    cells: &'c mut Cells,
}

impl Call<'_> {
    /// Fills the cells that are read and wipes those that are written.
    fn prepare(&mut self, e: &mut Entropy<'_>) {
        let wiped = 0xa5;
        for (k, element) in self.case.c.arguments().enumerate() {
            element.fill(e, self.cells.get(ARGS + k, element.room()));
            self.cells.get(SEEN + k, element.room()).fill(wiped);
        }
        if let Some(element) = &self.case.c.result {
            element.fill(e, self.cells.get(GIVEN, element.room()));
            self.cells.get(RESULT, element.room()).fill(wiped);
        }
        for byte in self.cells.get(LIVE, LIVE_ROOM) {
            *byte = e.word() as u8;
        }
        self.cells.get(LIVED, LIVE_ROOM).fill(wiped);
        self.cells.get(ADDRESSES, ADDRESSES_ROOM).fill(0);
    }

    fn kiln(&self, role: Role) -> *const c_void {
        let entry = self.program.function::<fn(i64) -> *const c_void>("entry").expect("every file has it");
        // SAFETY: it reads the table at a position that is in it.
        unsafe { entry.call(role.position(self.n)) }.expect("reading a table does not trap")
    }

    /// Makes the call; gives what is wrong.
    fn make(&mut self) -> Vec<String> {
        let Call { n, case, path, loaded, .. } = *self;
        let arguments: Vec<Vec<u8>> = case
            .c
            .arguments()
            .enumerate()
            .map(|(k, e)| self.cells.get(ARGS + k, e.room()).to_vec())
            .collect();
        if case.kiln.is_variadic() {
            // The other language's function, except where there is one language.
            let rest = match path {
                Path::CToC => loaded.symbol(&format!("c_rest_{n}")).cast_const(),
                _ => self.kiln(Role::Rest),
            };
            loaded.set("rest", rest as usize);
        }
        let before = loaded.float_state();
        let mut convention = case.c.convention;
        // SAFETY: the functions are those of the files, which access the cells alone if both compilers are right.
        unsafe {
            match path.entered() {
                None if path == Path::StubToC => {
                    loaded.watch(std::ptr::null());
                    self.call_by_stub(loaded.symbol(&format!("spoiling_{n}")));
                }
                None if path == Path::StubToKiln => {
                    let callee = self.kiln(Role::Callee);
                    loaded.watch(callee);
                    // What C's conventions save is no matter of Kiln's own.
                    let own = convention == Convention::Kiln;
                    self.call_by_stub(if own { callee } else { loaded.watching(convention) });
                }
                None => {
                    loaded.watch(std::ptr::null());
                    call(loaded.symbol(&format!("c_caller_{n}")), loaded.symbol(&format!("c_callee_{n}")));
                }
                Some(role) if role.is_caller() => {
                    convention = Convention::C;
                    loaded.watch(self.kiln(role));
                    call(loaded.watching(convention), std::ptr::null());
                }
                Some(role) => {
                    loaded.watch(self.kiln(role));
                    call(loaded.symbol(&format!("c_caller_{n}")), loaded.watching(convention));
                }
            }
        }
        let mut faults = loaded.faults(convention);
        let after = loaded.float_state();
        if before != after {
            faults.push(format!("the state of the float units is {after:#x} instead of {before:#x}"));
        }
        if path == Path::KilnToC
            && case.c.is_variadic()
            && loaded.vectors() > 8
            && convention == case.c.convention
        {
            faults.push(format!("al says that {} vector registers are used", loaded.vectors()));
        }
        self.compare(&arguments, &mut faults);
        faults
    }

    /// Calls what is at an address through a stub, with a word for each argument and result.
    ///
    /// # Safety
    /// It is a function of the signature, which accesses the cells alone.
    unsafe fn call_by_stub(&mut self, target: *const c_void) {
        let Call { n, case, .. } = *self;
        let module = self.program.module();
        let layouts: Vec<Layout> = module.layouts().iter().map(|decl| decl.layout.clone()).collect();
        let callee =
            module.funcs().iter().find(|f| f.name == format!("callee_{n}")).expect("it is in the file");
        let sig = &module.sigs()[callee.sig.index()];
        let variable: Vec<_> = case.kiln.variable.iter().flatten().map(Element::register).collect();
        let mut words = Vec::new();
        for (k, element) in case.kiln.arguments().enumerate() {
            let bytes = self.cells.get(ARGS + k, element.room());
            let mut word = [0; 8];
            match element.ty.is_aggregate() {
                true => word = (bytes.as_ptr() as u64).to_le_bytes(),
                false => word[..bytes.len()].copy_from_slice(bytes),
            }
            words.push(u64::from_le_bytes(word));
        }
        let several = case.kiln.several_results();
        let result =
            case.kiln.result.as_ref().map(|element| (element, self.cells.get(RESULT, element.room())));
        if let Some((element, bytes)) = &result
            && element.ty.is_aggregate()
            && several.is_none()
        {
            words.push(bytes.as_ptr() as u64);
        }
        let mut results = vec![0; sig.results.len()];
        let stub = CallStub::new(sig, &layouts, &variable);
        // SAFETY: as this function asks; the addresses are those of cells.
        unsafe { stub.call(target.cast(), &words, &mut results) }.expect("nothing in the file traps");
        match (several, result) {
            (Some(several), Some((_, bytes))) => {
                for ((offset, scalar), word) in several.into_iter().zip(results) {
                    let size = scalar.bytes() as usize;
                    bytes[offset as usize..][..size].copy_from_slice(&word.to_le_bytes()[..size]);
                }
            }
            (None, Some((element, bytes))) if !element.ty.is_aggregate() => {
                let small = element.register() == kiln_ir::Type::I32;
                let word = if small { results[0] & 0xffff_ffff } else { results[0] };
                bytes.copy_from_slice(&word.to_le_bytes()[..bytes.len()]);
            }
            _ => {}
        }
    }

    fn compare(&mut self, arguments: &[Vec<u8>], faults: &mut Vec<String>) {
        let path = self.path;
        let (from, to) = path.arguments();
        for (k, element) in self.case.c.arguments().enumerate() {
            let what = match k.checked_sub(self.case.c.params.len()) {
                None => format!("parameter {k}"),
                Some(v) => format!("variable argument {v}"),
            };
            let handed_on = path != Path::CToC && self.case.c.is_handed_on(k);
            let to = if handed_on { other(to) } else { to };
            let expected = element.expected(from, to, &arguments[k]);
            faults.extend(difference(&what, &expected, self.cells.get(SEEN + k, element.room())));
            if *self.cells.get(ARGS + k, element.room()) != arguments[k][..] {
                faults.push(format!("{what}: the caller's own bytes have changed"));
            }
            self.check_address(&what, element, k, faults);
        }
        let (from, to) = path.result();
        if let Some(element) = &self.case.c.result {
            let source = self.cells.get(GIVEN, element.room()).to_vec();
            let expected = element.expected(from, to, &source);
            faults.extend(difference("the result", &expected, self.cells.get(RESULT, element.room())));
            self.check_address("the result", element, arguments.len(), faults);
        }
        if path.entered().is_some_and(Role::is_caller) {
            let live: Vec<Option<u8>> = self.cells.get(LIVE, LIVE_ROOM).iter().copied().map(Some).collect();
            let what = "values that Kiln holds over the call";
            faults.extend(difference(what, &live, self.cells.get(LIVED, LIVE_ROOM)));
        }
    }

    /// Where Kiln was given the address of an aggregate, it is aligned as the type asks; but copies that callers of Win64
    /// make are aligned to 16, whatever the type.
    fn check_address(&mut self, what: &str, element: &Element, k: usize, faults: &mut Vec<String>) {
        let bytes = &self.cells.get(ADDRESSES, ADDRESSES_ROOM)[8 * k..][..8];
        let address = u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
        let most = if self.case.c.convention == Convention::Win64 { 16 } else { u32::MAX };
        let align = element.ty.layout().align.min(most);
        if !address.is_multiple_of(align as u64) {
            faults.push(format!("{what} is at {address:#x}, which is not aligned to {align}"));
        }
    }
}

/// The side that is not this one.
fn other(side: Side) -> Side {
    match side {
        Side::C => Side::Kiln,
        Side::Kiln => Side::C,
    }
}

/// What differs between the bytes promised and those found.
fn difference(what: &str, expected: &[Option<u8>], found: &[u8]) -> Option<String> {
    if expected.iter().zip(found).all(|(e, f)| e.is_none_or(|e| e == *f)) {
        return None;
    }
    let mut text = format!("{what}: expected ");
    for byte in expected {
        let _ = match byte {
            Some(byte) => write!(text, "{byte:02x}"),
            None => write!(text, ".."),
        };
    }
    text.push_str(", found ");
    for byte in found {
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

/// Makes a failing case small.
pub fn shrink(seed: u64, case: &Case, failure: Failure) -> (Case, Failure) {
    let (mut case, mut failure) = (case.clone(), failure);
    // A mistake was planted, which simpler signatures would not have: shown as it is.
    if case.c != case.kiln {
        return (case, failure);
    }
    loop {
        let simpler: Vec<Case> = case.c.simpler().into_iter().map(Case::from).collect();
        // Each alone: one that does not even load would hide the others.
        let found = simpler.into_iter().find_map(|simple| {
            let failure = Batch::start(seed, vec![simple.clone()]).check()?;
            Some((simple, failure))
        });
        match found {
            Some(found) => (case, failure) = found,
            None => return (case, failure),
        }
    }
}

/// Everything about a failure that helps to find its cause.
pub fn report(seed: u64, case: &Case, failure: &Failure) -> String {
    let mut text = format!("signature {} of batch {seed}: {}", failure.n, failure.what);
    let _ = writeln!(text, "  in C:\n{}", indented(&c::spelling(&case.c)));
    let _ = writeln!(text, "  in Kiln:\n{}", indented(&spelled::spelling(&case.kiln)));
    let _ = writeln!(text, "  places:\n{}", indented(&places::of(&case.kiln)));
    text
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
