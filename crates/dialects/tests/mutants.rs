//! The programs under `tests/dialects`, changed at random: every text and every bytecode gives faults or a module that keeps the verifier's
//! rules, in time and of a size that its length bounds. For `KILN_FUZZ_SECONDS`, 20 if not said, a third for each test; a longer run
//! by hand, from another number on:
//!
//! ```text
//! KILN_FUZZ_SECONDS=1800 KILN_FUZZ_SEED=1000000 cargo test --release -p kiln-dialects --test mutants
//! ```
//!
//! A failure prints the number and the text; the same number makes the same mutant as long as the programs are the same.

use kiln_dialects::lightning;
use kiln_dialects::rasm::{self, Layout};
use kiln_ir::text::{NoIncludes, Sources};
use kiln_ir::{Module, verify};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A small generator: splitmix.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn one<'t, T: ?Sized>(&mut self, of: &[&'t T]) -> &'t T {
        of[self.below(of.len())]
    }
}

/// The files of a dialect with this extension, in the order of their names.
fn files(dialect: &str, extension: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/dialects").join(dialect);
    let entries = std::fs::read_dir(dir).expect("the directory of programs");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = paths.filter(|p| p.extension().is_some_and(|e| e == extension)).collect();
    files.sort();
    files
}

/// What is made of a number and the programs.
type Make = fn(&mut Random, &[Vec<u8>]) -> Vec<u8>;
/// Looks at a mutant: whether it was a good program.
type Judge = fn(&[u8]) -> bool;

/// After so long a mutant counts as one that never ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes and judges mutants until the time is over.
fn run(programs: Vec<Vec<u8>>, make: Make, judge: Judge) {
    assert!(programs.len() > 50, "programs are missing");
    let variable = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let time = Duration::from_millis(variable("KILN_FUZZ_SECONDS").unwrap_or(20) * 1000 / 3);
    let first = variable("KILN_FUZZ_SEED").unwrap_or(0);
    let (under_way, begun) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let (start, mut seed, mut good) = (Instant::now(), first, 0);
        while start.elapsed() < time {
            under_way.send(seed).expect("somebody waits as long as this runs");
            let mutant = make(&mut Random(seed), &programs);
            match std::panic::catch_unwind(|| judge(&mutant)) {
                Ok(is_good) => good += is_good as u64,
                Err(_) => panic!("mutant {seed}:\n{}", String::from_utf8_lossy(&mutant)),
            }
            seed += 1;
        }
        (seed - first, good)
    });
    let mut last = first;
    loop {
        match begun.recv_timeout(PATIENCE) {
            Ok(seed) => last = seed,
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("mutant {last} does not end"),
        }
    }
    let (all, good) = worker.join().expect("no mutant makes it panic");
    println!("{all} mutants, {good} of them good programs");
    assert!(good * 200 > all, "only {good} of {all} mutants are good: the test tests little");
}

/// What a text may become at most.
fn verify_bounded(module: Module, length: usize) {
    let ops: usize = module.funcs().iter().filter_map(|f| f.body.as_ref()).map(|f| f.insts().len()).sum();
    assert!(ops <= 64 * length + 1000, "{ops} ops came of {length} bytes");
    if let Err((_, faults)) = verify::check(module) {
        panic!("a translation does not keep the rules: {}", faults[0]);
    }
}

/// Bytes that mean something somewhere.
const ODD: &[u8] = b" \n$%@&=!.:,()-+*/'\"0179abdefirvlpuxs_\\#;\x00\x7f\xc3\xff";
/// Words that mean something somewhere.
const WORDS: &[&str] = &[
    "0",
    "-1",
    "64",
    "2147483648",
    "-9223372036854775808",
    "18446744073709551615",
    "99999999999999999999",
    "1e400",
    "-0.0",
    "%r0",
    "%v2",
    "%f0",
    "%fpr5",
    "%fp",
    "%ret",
    "\n",
    "=>",
    "!forward",
    "@self",
    "prolog",
    "epilog",
    "ret",
    "prepare",
    "ellipsis",
];

/// A text with lines, words and bytes changed, or with another's end.
fn text(random: &mut Random, programs: &[Vec<u8>]) -> Vec<u8> {
    let other = &programs[random.below(programs.len())];
    let mut lines: Vec<&[u8]> = programs[random.below(programs.len())].split(|b| *b == b'\n').collect();
    // What is long is tried in part as well, so that more is tried.
    if lines.len() > 80 && random.below(4) > 0 {
        let from = random.below(lines.len() - 40);
        let to = lines.len() - random.below(40).min(lines.len() - from - 1);
        lines.drain(from..to.max(from));
    }
    for _ in 0..random.below(3) {
        if lines.is_empty() {
            lines.push(b"");
        }
        let (at, to, some) = (random.below(lines.len()), random.below(lines.len()), 1 + random.below(4));
        let end = (at + some).min(lines.len());
        match random.below(4) {
            0 if lines.len() > some => drop(lines.drain(at..end)),
            1 => {
                let copies = lines[at..end].to_vec();
                lines.splice(to..to, copies);
            }
            2 => lines.swap(at, to),
            _ => {
                let others: Vec<&[u8]> = other.split(|b| *b == b'\n').collect();
                let from = random.below(others.len());
                match random.below(2) {
                    0 => lines.splice(at.., others[from..].to_vec()),
                    _ => lines.splice(at..at, others[from..(from + some).min(others.len())].to_vec()),
                };
            }
        }
    }
    let mut bytes = lines.join(&b'\n');
    for _ in 0..random.below(3) {
        let mut words: Vec<&[u8]> = bytes.split_inclusive(|b| b.is_ascii_whitespace()).collect();
        if words.is_empty() {
            break;
        }
        let (at, to) = (random.below(words.len()), random.below(words.len()));
        match random.below(4) {
            0 => drop(words.remove(at)),
            1 => words.insert(to, words[at]),
            2 => words.swap(at, to),
            _ => words.splice(at..=at, [random.one(WORDS).as_bytes(), b" "]).for_each(drop),
        }
        bytes = words.concat();
    }
    if random.below(3) == 0 && !bytes.is_empty() {
        for _ in 0..1 + random.below(3) {
            let at = random.below(bytes.len());
            bytes[at] = ODD[random.below(ODD.len())];
        }
    }
    bytes
}

/// Bytes changed, left out, doubled, or another's behind them.
fn bytes(random: &mut Random, programs: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = programs[random.below(programs.len())].clone();
    let other = &programs[random.below(programs.len())];
    // The layout's byte stands first, and remains.
    let place = |random: &mut Random, bytes: &[u8]| 1 + random.below(bytes.len() - 1);
    for _ in 0..1 + random.below(3) {
        if bytes.len() < 2 {
            break;
        }
        let (at, some) = (place(random, &bytes), 1 + random.below(9));
        match random.below(8) {
            0..3 => bytes[at] ^= 1 << random.below(8),
            3 => bytes[at] = [0, 1, 2, 15, 18, 0x7f, 0x80, 0xff][random.below(8)],
            4 => drop(bytes.drain(at..(at + some).min(bytes.len()))),
            5 => {
                let copy = bytes[at..(at + some).min(bytes.len())].to_vec();
                let to = place(random, &bytes);
                bytes.splice(to..to, copy);
            }
            6 => bytes.truncate(at),
            _ if other.len() > 1 => {
                let from = place(random, other);
                bytes.splice(at.., other[from..].to_vec());
            }
            _ => {}
        }
    }
    bytes
}

#[test]
fn lightning_texts() {
    let preprocessed = |path: &PathBuf| {
        let mut cpp = Command::new("cpp");
        cpp.args(["-D__WORDSIZE=64", "-D__LITTLE_ENDIAN=1234", "-D__BYTE_ORDER=1234"]).arg(path);
        cpp.stdin(Stdio::null()).output().ok().filter(|output| output.status.success()).map(|o| o.stdout)
    };
    let files = files("lightning", "tst");
    let programs: Vec<Vec<u8>> = files.iter().filter_map(preprocessed).collect();
    if programs.is_empty() {
        assert!(std::env::var_os("CI").is_none(), "there is no C preprocessor");
        return eprintln!("skipped: there is no C preprocessor");
    }
    run(programs, text, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match lightning::read("mutant.tst", &text) {
            Ok(reading) => {
                verify_bounded(reading.module, text.len());
                true
            }
            Err(faults) => {
                assert!(!faults.is_empty() && faults.iter().all(|fault| !fault.to_string().is_empty()));
                false
            }
        }
    });
}

fn rasm_programs() -> Vec<Vec<u8>> {
    let read = |path: &PathBuf| std::fs::read(path).expect("a readable file");
    files("rasm", "ras").iter().map(read).collect()
}

#[test]
fn rasm_texts() {
    run(rasm_programs(), text, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let mut sources = Sources::default();
        let Ok(program) = rasm::parse(&mut sources, "mutant.ras", &text, &NoIncludes) else { return false };
        if let Ok(bytes) = rasm::encode(&program, Layout::File) {
            let again = rasm::decode(&bytes, Layout::File).expect("what was written can be read");
            assert_eq!(rasm::encode(&again, Layout::File).as_ref(), Ok(&bytes));
        }
        match rasm::translate(&program, &sources) {
            Ok(module) => {
                verify_bounded(module, text.len());
                true
            }
            Err(faults) => {
                assert!(!faults.is_empty() && faults.iter().all(|fault| !fault.to_string().is_empty()));
                false
            }
        }
    });
}

#[test]
fn rasm_bytecode() {
    let mut images = vec![];
    for text in rasm_programs() {
        let text = String::from_utf8(text).expect("programs are text");
        let parsed = rasm::parse(&mut Sources::default(), "program.ras", &text, &NoIncludes);
        // One program includes another.
        let Ok(program) = parsed else { continue };
        for (pick, layout) in [(0, Layout::Unit), (1, Layout::File)] {
            if let Ok(bytes) = rasm::encode(&program, layout) {
                images.push([vec![pick], bytes].concat());
            }
        }
    }
    run(images, bytes, |bytes| {
        let (pick, bytes) = bytes.split_first().expect("the layout's byte remains");
        let layout = if *pick == 0 { Layout::Unit } else { Layout::File };
        let Ok(program) = rasm::decode(bytes, layout) else { return false };
        let again = rasm::encode(&program, layout).expect("what was read can be written");
        let again = rasm::decode(&again, layout).expect("what was written can be read");
        if let Ok(text) = rasm::print(&program) {
            assert_eq!(rasm::print(&again).as_ref(), Ok(&text));
            rasm::parse(&mut Sources::default(), "mutant.ras", &text, &NoIncludes)
                .unwrap_or_else(|faults| panic!("what was printed cannot be read: {}\n{text}", faults[0]));
        }
        match rasm::translate(&program, &Sources::default()) {
            Ok(module) => {
                verify_bounded(module, bytes.len());
                true
            }
            Err(_) => false,
        }
    });
}
