//! Debug builds of the compiler check what they allocate: here for all programs of the repository and some generated ones,
//! with every hostile choice.

use kiln::verify::{Checked, check};
use kiln_codegen::{Code, Features, Options, Passes, Scratch, Stress, Tier, compile};
use kiln_tests::differential::baseline_program;
use std::path::Path;

/// Generated programs.
const PROGRAMS: u64 = 300;

const STRESSES: [Stress; 4] =
    [Stress::None, Stress::SpillEverything, Stress::RandomRegisters(1), Stress::RandomRegisters(77)];

/// Compiles in every way; gives the number of functions.
fn compiles(module: &Checked, scratch: &mut Scratch) -> usize {
    let mut count = 0;
    for (n, stress) in STRESSES.into_iter().enumerate() {
        let options = Options {
            tier: Tier::Optimized,
            stress,
            features: if n == 0 { Features::ALL } else { Features::default() },
            passes: if n == 2 { Passes::ALL.without(Passes::FUSE) } else { Passes::ALL },
            frame_pointers: n == 2,
            landing_pads: n == 1,
            fuel: n == 3,
            polls: n == 3,
            ..Options::default()
        };
        let mut code = Code::default();
        // Refusals are for other tests.
        let _ = compile(module, &options, scratch, &mut code);
        count += code.functions.len();
    }
    count
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "builds without debug assertions check nothing")]
fn programs_of_the_repository_find_their_values() {
    let mut scratch = Scratch::default();
    let mut count = 0;
    for dir in ["run", "codegen/x64", "codegen/x64/optimized", "../examples"] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
        let mut paths: Vec<_> = std::fs::read_dir(dir)
            .expect("a directory of programs")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|ext| ext == "kiln")) {
            let text = std::fs::read_to_string(path).expect("a readable file");
            let Ok(module) = kiln::text::parse("program", &text, &kiln::NoIncludes) else { continue };
            let Ok(module) = check(module) else { continue };
            println!("{}", path.display());
            count += compiles(&module, &mut scratch);
        }
    }
    assert!(count > 1000, "only {count} functions were compiled");
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "builds without debug assertions check nothing")]
fn generated_programs_find_their_values() {
    let mut scratch = Scratch::default();
    let mut count = 0;
    for seed in 0..PROGRAMS {
        let Ok(module) = check(baseline_program(seed).module) else { continue };
        println!("program {seed}");
        count += compiles(&module, &mut scratch);
    }
    assert!(count > PROGRAMS as usize, "only {count} functions were compiled");
}
