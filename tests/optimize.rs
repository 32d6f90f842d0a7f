//! What each pass of the optimizing compiler makes of small programs: the files under `optimize/`, in a directory for each
//! pass. Behind the line `; ---` of each stands the SSA form of its functions as the pass alone leaves it.
//! `KILN_BLESS=1` writes these parts anew.

use kiln::{Checked, FuncId, verify};
use kiln_codegen::optimize::{self, Body, Lent, Passes, ssa};
use kiln_tests::destruct::{build, optimized};
use kiln_tests::observe::Nans;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Ends the program; what comes behind it is compared.
const RULE: &str = "; ---\n";

#[test]
fn passes_make_of_programs_what_their_files_say() {
    let bless = std::env::var_os("KILN_BLESS").is_some_and(|v| v == "1");
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("optimize");
    let mut faults = vec![];
    let mut count = 0;
    for pass_dir in entries(&dir) {
        let name = pass_dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let pass = Passes::find(&name).expect("directories are named for passes");
        // Those over registers have another form.
        if [Passes::INLINE, Passes::RECURSION, Passes::INVERT].contains(&pass) {
            continue;
        }
        for path in entries(&pass_dir) {
            let text = std::fs::read_to_string(&path).expect("a readable file");
            let (program, wanted) = text.split_once(RULE).unwrap_or((&text, ""));
            let checked = match kiln::text::parse(&name, program, &kiln::NoIncludes).map(verify::check) {
                Ok(Ok(checked)) => checked,
                Ok(Err((_, faults))) => panic!("{}: {}", path.display(), faults[0]),
                Err(faults) => panic!("{}: {}", path.display(), faults[0]),
            };
            // The verifier follows every way to every read.
            for passes in [pass.with(Passes::SSA), Passes::ALL] {
                optimized(&checked, passes, Nans::Any);
            }
            let found = after(&checked, pass.with(Passes::SSA));
            count += 1;
            if bless {
                std::fs::write(&path, format!("{program}{RULE}{found}")).expect("the file can be rewritten");
            } else if found != wanted {
                faults.push(format!("{}:\n{found}", path.display()));
            }
        }
    }
    println!("{count} files");
    assert!(faults.is_empty(), "{} files differ; found:\n{}", faults.len(), faults.join("\n"));
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a directory of golden files");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// The functions as the pass leaves them, in comments.
fn after(module: &Checked, pass: Passes) -> String {
    let (mut memory, mut scratch) = (ssa::Scratch::default(), optimize::Scratch::default());
    let (mut lent, mut body, mut text) = (Lent::default(), Body::default(), String::new());
    for func in (0..module.funcs().len() as u32).map(FuncId) {
        let Some(f) = &module.func(func).body else { continue };
        build(module, func, f, (pass, Nans::Any), (&mut memory, &mut lent), &mut body);
        optimize::improve(module, func, pass, &mut body, &mut scratch, &mut lent, &mut ());
        let shown = body.show(module).to_string();
        let lines = std::iter::once(module.func(func).name.clone()).chain(shown.lines().map(String::from));
        lines.for_each(|line| {
            writeln!(text, "{}", format!("; {line}").trim_end()).expect("a string takes all")
        });
    }
    text
}
