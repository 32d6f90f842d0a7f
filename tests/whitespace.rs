//! Runs every program under `whitespace/programs/` by every engine: what is printed stands beside it in `.out`, what it reads in
//! `.in`. The outputs were found independently of Kiln. Each engine must end in the same state after as many instructions.

use kiln_whitespace::engine::TABLE as ENGINES;
use kiln_whitespace::{AsmOptions, Engine, Integer, Machine, Options, Program, Stop, Style};
use std::path::{Path, PathBuf};

fn programs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("whitespace/programs");
    let entries = std::fs::read_dir(folder).expect("the folder of programs");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "wsa"));
    files.sort();
    files
}

fn assemble(file: &Path) -> Program {
    let text = std::fs::read_to_string(file).expect("a program");
    let name = file.file_name().expect("a name").to_string_lossy();
    let options = AsmOptions { name: &name, ..AsmOptions::default() };
    Program::assemble(&text, &options).unwrap_or_else(|rejected| panic!("{rejected}"))
}

/// What is to be seen of a program that has ended.
#[derive(PartialEq, Eq, Debug)]
struct Ended {
    instruction: u32,
    steps: u64,
    stack: Vec<Integer>,
    calls: Vec<u32>,
    heap: Vec<(Integer, Integer)>,
}

/// More steps than any of the programs takes. A limit makes compiled code count its steps.
const STEPS: u64 = 1 << 60;

/// Runs a program to its end within so many steps; gives what it printed, and its last state.
fn run(program: &Program, engine: Engine, input: &[u8], steps: u64) -> (Vec<u8>, Ended) {
    let mut output = Vec::new();
    let mut machine = Machine::new(program, &Options::default(), input, &mut output).expect("memory");
    match machine.run_for(engine, steps) {
        Ok(stop) => assert_eq!(stop, Stop::End, "{engine}"),
        Err(fault) => panic!("{engine}: {fault}"),
    }
    let view = machine.state();
    let ended = Ended {
        instruction: view.instruction(),
        steps: machine.steps(),
        stack: view.stack().collect(),
        calls: view.calls().to_vec(),
        heap: view.heap().collect(),
    };
    drop(machine);
    (output, ended)
}

#[test]
fn every_engine_prints_what_is_expected_and_ends_in_the_same_state() {
    let files = programs();
    assert!(files.len() >= 40, "{} programs", files.len());
    for file in files {
        let name = file.file_stem().expect("a name").to_string_lossy();
        let program = assemble(&file);
        let input = std::fs::read(file.with_extension("in")).unwrap_or_default();
        let expected = std::fs::read(file.with_extension("out")).expect("what it prints");
        let mut first = None;
        for row in ENGINES {
            let (output, ended) = run(&program, row.engine, &input, STEPS);
            let shown = String::from_utf8_lossy(&output);
            assert!(output == expected, "{name} prints by {}:\n{shown}", row.name);
            let first = first.get_or_insert_with(|| run(&program, Engine::Reference, &input, STEPS).1);
            assert_eq!(*first, ended, "{name} ends differently by {}", row.name);
            // What does not count is other code.
            let (output, uncounted) = run(&program, row.engine, &input, u64::MAX);
            assert!(output == expected, "{name} prints something else by {} that does not count", row.name);
            let uncounted = Ended { steps: ended.steps, ..uncounted };
            assert_eq!(ended, uncounted, "{name} ends differently by {} that does not count", row.name);
        }
    }
}

#[test]
fn programs_survive_being_written_and_printed() {
    for file in programs() {
        let program = assemble(&file);
        let text = program.to_whitespace();
        let parsed = Program::parse(&text).unwrap_or_else(|rejected| panic!("{rejected}"));
        assert_eq!(parsed.instructions(), program.instructions(), "{}", file.display());
        let printed = Program::assemble(&program.to_assembly(Style::KILN), &AsmOptions::default());
        let printed = printed.unwrap_or_else(|rejected| panic!("{}: {rejected}", file.display()));
        assert_eq!(printed.to_whitespace(), text, "{}", file.display());
    }
}

#[test]
fn the_quine_prints_the_bytes_that_it_is_assembled_to() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("whitespace/programs/quine.wsa");
    let program = assemble(&file);
    assert_eq!(run(&program, Engine::Reference, b"", STEPS).0, program.to_whitespace());
}
