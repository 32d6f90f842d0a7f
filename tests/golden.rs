//! Runs every `.kiln` file under `run/` on every tier it is for; see [`kiln_tests::golden`] for the format.
//! `KILN_BLESS=1` rewrites what the lines expect by what the interpreter gives.

use kiln::{Engine, InvokeError, LoadError, Tier};
use kiln_codegen::Passes;
use kiln_ir::types::{AbiType, TypeSet};
use kiln_ir::{Module, Op, Signature, Type};
use kiln_tests::destruct::optimized;
use kiln_tests::golden::{self, Expected, Golden, Run};
use kiln_tests::observe::{Nans, STEPS};
use kiln_tests::prepared::prepared;
use kiln_tests::tiers::{HOSTILE, WAYS, engine, engine_with};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

#[test]
fn programs_give_what_their_files_say() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("run");
    let bless = std::env::var_os("KILN_BLESS").is_some_and(|v| v == "1");
    let mut files: Vec<_> = std::fs::read_dir(&dir)
        .expect("the directory of golden files")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "kiln"))
        .collect();
    files.sort();
    assert!(files.len() > 100, "golden files are missing");
    let mut faults = vec![];
    let mut runs = 0;
    for path in &files {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let text = std::fs::read_to_string(path).expect("a readable file");
        match file(&name, &text, bless) {
            Ok((count, blessed)) => {
                runs += count;
                if let Some(text) = blessed {
                    std::fs::write(path, text).expect("the file can be rewritten");
                }
            }
            Err(more) => faults.extend(more.into_iter().map(|fault| format!("{name}: {fault}"))),
        }
    }
    println!("{} files, {runs} runs", files.len());
    let shown: Vec<&str> = faults.iter().take(60).map(String::as_str).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), shown.join("\n"));
}

/// The passes over register IR change no program's meaning, on whichever tier it runs then.
#[test]
fn programs_give_the_same_behind_the_passes_over_registers() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("run");
    let mut faults = vec![];
    for entry in std::fs::read_dir(&dir).expect("the directory of golden files") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        // What cannot be read is the other test's to report.
        let Ok(golden) = golden::read(&text) else { continue };
        let Ok(module) = kiln::text::parse(&name, &text, &kiln::NoIncludes) else { continue };
        let Ok(checked) = kiln::verify::check(module) else { continue };
        let module = Arc::new(prepared(&checked, kiln_codegen::Passes::ALL));
        for way in WAYS {
            let wanted = golden.tiers.as_ref().is_none_or(|t| t.iter().any(|t| t == way.tier_name));
            for run in golden.runs.iter().filter(|_| wanted) {
                if let Err(fault) = check(&engine(way), &module, run) {
                    faults.push(format!("{name}, line {} on {way}: {fault}", run.line + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A row of the op table, or a type of one, that no golden file has fails here.
#[test]
fn every_op_with_every_type_is_in_a_golden_file() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("run");
    let mut seen = HashSet::new();
    for entry in std::fs::read_dir(&dir).expect("the directory of golden files") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a readable file");
        // What cannot be read is the other test's to report.
        let Ok(module) = Module::parse(&text) else { continue };
        let bodies = module.funcs().iter().filter_map(|f| f.body.as_ref());
        seen.extend(bodies.flat_map(|b| b.insts()).map(|inst| (inst.op, inst.ty)));
    }
    let mut missing = vec![];
    for op in Op::ALL {
        let types = op.info().types;
        if types == TypeSet::NONE {
            if !seen.contains(&(*op, Type::I32)) {
                missing.push(op.info().mnemonic.to_string());
            }
        } else {
            let absent = types.iter().filter(|ty| !seen.contains(&(*op, *ty)));
            missing.extend(absent.map(|ty| format!("{}.{ty}", op.info().mnemonic)));
        }
    }
    assert!(missing.is_empty(), "no golden file has {missing:?}");
}

/// Checks one file on its tiers; gives the number of runs, and the text if it is to be rewritten.
fn file(name: &str, text: &str, bless: bool) -> Result<(usize, Option<String>), Vec<String>> {
    let one = |fault: String| vec![fault];
    let golden = golden::read(text).map_err(one)?;
    let module = kiln::text::parse(name, text, &kiln::NoIncludes).map_err(|d| vec![d[0].to_string()])?;
    let checked = kiln::verify::check(module)
        .map_err(|(_, d)| d.iter().map(|d| format!("the verifier says: {d}")).collect::<Vec<_>>())?;
    let checked = Arc::new(checked);
    let mut faults = vec![];
    let mut count = 0;
    for way in WAYS.into_iter().chain(HOSTILE) {
        let (tier_name, engine) = (way.tier_name, engine(way));
        let wanted = golden.tiers.as_ref().is_none_or(|t| t.iter().any(|t| t == tier_name));
        if !wanted {
            // What a tier learns to do must lose its exception.
            match engine.load(checked.clone()) {
                Err(LoadError::Compile(_)) => {}
                Err(error) => faults.push(format!("{tier_name} was to refuse it, but: {error}")),
                Ok(_) => faults.push(format!("{tier_name} does not refuse it: take away the `tiers` line")),
            }
            continue;
        }
        if way.tier == Tier::Interpreter && !bless {
            // The interpreter also runs what the optimizing compiler's passes make of the program, in some more steps.
            let engine = engine_with(way, |config| config.step_limit(STEPS * 100));
            for passes in [Passes::ALL, Passes::ALL.without(Passes::SSA)] {
                let after = Arc::new(optimized(&checked, passes, Nans::Any));
                for run in &golden.runs {
                    if let Err(fault) = check(&engine, &after, run) {
                        faults.push(format!("line {} after {passes:?}: {fault}", run.line + 1));
                    }
                }
            }
        }
        if bless && way.tier == Tier::Interpreter {
            return Ok((golden.runs.len(), Some(golden::bless(text, &outcomes(&engine, &checked, &golden)))));
        }
        for run in &golden.runs {
            count += 1;
            if let Err(fault) = check(&engine, &checked, run) {
                faults.push(format!("line {} on {way}: {fault}", run.line + 1));
            }
        }
    }
    if faults.is_empty() { Ok((count, None)) } else { Err(faults) }
}

fn check(engine: &Engine, module: &Arc<kiln::Checked>, run: &Run) -> Result<(), String> {
    let (results, outcome) = execute(engine, module, run)?;
    match (&run.expected, outcome) {
        (Expected::Values(texts), Ok(words)) => {
            if texts.len() != words.len() {
                return Err(format!("{} gives {} values", run.name, words.len()));
            }
            for ((text, ty), word) in texts.iter().zip(&results).zip(&words) {
                if !golden::is(text, *ty, *word)? {
                    return Err(format!(
                        "@{}({}) == {text}, but it gives {} ({word:#x})",
                        run.name,
                        run.args.join(", "),
                        golden::show(*ty, *word)
                    ));
                }
            }
            Ok(())
        }
        (Expected::Trap(name), Err(trap)) if *name == trap => Ok(()),
        (expected, outcome) => {
            Err(format!("@{}({}): expected {expected:?}, found {outcome:?}", run.name, run.args.join(", ")))
        }
    }
}

type Outcome = Result<Vec<u64>, String>;

/// Runs a line on a fresh instance: the types of the results, then values or the name of the trap.
#[allow(unsafe_code, reason = "calling a program is unsafe")]
fn execute(
    engine: &Engine,
    module: &Arc<kiln::Checked>,
    run: &Run,
) -> Result<(Vec<AbiType>, Outcome), String> {
    let sig = signature(module, &run.name).ok_or(format!("there is no function `{}`", run.name))?;
    if sig.params.len() != run.args.len() {
        return Err(format!("@{} takes {} arguments", run.name, sig.params.len()));
    }
    let words: Result<Vec<u64>, String> =
        run.args.iter().zip(&sig.params).map(|(text, ty)| golden::word(text, *ty)).collect();
    let program = engine.load(module.clone()).map_err(|e| e.to_string())?;
    // SAFETY: golden files access only their own memory, or addresses that no process has.
    let outcome = match unsafe { program.invoke(&run.name, &words?) } {
        Ok(words) => Ok(words),
        Err(InvokeError::Trap(trap)) => {
            let types = golden::exit_types(module, trap.kind());
            Err(golden::trap_name(trap.kind()) + &golden::list(&types, trap.values()))
        }
        Err(InvokeError::Function(error)) => return Err(error.to_string()),
    };
    Ok((sig.results, outcome))
}

/// The signature of a function, or of a further entry, by its name.
fn signature(module: &kiln::Checked, name: &str) -> Option<Signature> {
    Some(module.signature_of(module.find_func(name)?).clone())
}

fn outcomes(
    engine: &Engine,
    module: &Arc<kiln::Checked>,
    golden: &Golden,
) -> Vec<(usize, Result<Vec<String>, String>)> {
    let show = |run: &Run| {
        let (results, outcome) = execute(engine, module, run).ok()?;
        let values = |words: Vec<u64>| results.iter().zip(words).map(|(t, w)| golden::show(*t, w)).collect();
        Some((run.line, outcome.map(values)))
    };
    golden.runs.iter().filter_map(show).collect()
}
