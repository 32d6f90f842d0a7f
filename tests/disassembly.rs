//! What machine code small functions become: each file under `codegen/x64/` (of the baseline compiler) and
//! `codegen/x64/optimized/` is a title, a function, and below it its disassembly (by a decoder that is not Kiln's) as comments that begin with `;>`. `KILN_BLESS=1` rewrites those lines;
//! the difference is what gets reviewed. Compiled without processor features beyond the target's base level, but for
//! those that a line `; features: NAME, ...` names.

use iced_x86::{Decoder, DecoderOptions, Formatter, NasmFormatter};
use kiln_codegen::code::Target;
use kiln_codegen::{Code, Features, Options, Scratch, Tier};
use kiln_ir::{FuncId, Module};
use std::fmt::Write;
use std::path::Path;

#[test]
fn functions_compile_to_the_code_their_files_show() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("codegen/x64");
    check_directory(&dir, Tier::Baseline);
    check_directory(&dir.join("optimized"), Tier::Optimized);
}

fn check_directory(dir: &Path, tier: Tier) {
    let bless = std::env::var_os("KILN_BLESS").is_some_and(|v| v == "1");
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .expect("the directory of golden files")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "kiln"))
        .collect();
    files.sort();
    assert!(files.len() >= 15, "golden files are missing");
    let mut faults = String::new();
    for path in &files {
        let text = std::fs::read_to_string(path).expect("a readable file");
        let program: Vec<&str> = text.lines().filter(|line| !line.starts_with(";>")).collect();
        let program = program.join("\n").trim_end().to_string() + "\n";
        let found = program.clone() + "\n" + &disassembly(&program, &path.display().to_string(), tier);
        if found == text {
            continue;
        }
        if bless {
            std::fs::write(path, found).expect("the file can be rewritten");
        } else {
            let _ = writeln!(faults, "{} shows\n{text}\nbut it compiles to\n{found}", path.display());
        }
    }
    assert!(faults.is_empty(), "{faults}\nIf that is meant: KILN_BLESS=1");
}

fn disassembly(program: &str, name: &str, tier: Tier) -> String {
    let module = Module::parse(program).unwrap_or_else(|faults| panic!("{name}: {}", faults[0]));
    let checked =
        kiln_ir::verify::check(module).unwrap_or_else(|(_, faults)| panic!("{name}: {}", faults[0]));
    let mut code = Code::default();
    let options = Options { tier, features: features(program, name), ..Options::default() };
    if let Err(refusals) = kiln_codegen::compile(&checked, &options, &mut Scratch::default(), &mut code) {
        panic!("{name}: {}", refusals[0]);
    }
    let mut formatter = NasmFormatter::new();
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_space_after_operand_separator(true);
    options.set_show_branch_size(false);
    options.set_branch_leading_zeros(false);
    let mut text = String::new();
    for function in &code.functions {
        let decl = checked.func(function.entry.unwrap_or(function.func));
        let _ = writeln!(text, ";> {}:", decl.name);
        let bytes = &code.bytes[function.start as usize..function.code_end as usize];
        let mut decoder = Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE);
        while decoder.can_decode() {
            let at = decoder.ip() as u32;
            let instruction = decoder.decode();
            let mut line = String::new();
            formatter.format(&instruction, &mut line);
            let range = function.start + at..function.start + at + instruction.len() as u32;
            let symbols: Vec<String> = code
                .relocs
                .iter()
                .filter(|r| range.contains(&r.at))
                .map(|r| symbol(&checked, r.to))
                .collect();
            let note = if symbols.is_empty() { String::new() } else { format!("  ; {}", symbols.join(", ")) };
            let _ = writeln!(text, ";> {at:4x}  {line}{note}");
        }
    }
    text
}

/// The processor features that the file names.
fn features(program: &str, file: &str) -> Features {
    let mut features = Features::default();
    let names = program.lines().filter_map(|line| line.strip_prefix("; features: "));
    for name in names.flat_map(|names| names.split(", ")) {
        let Some(feature) = features.named(name) else { panic!("{file}: no feature is called {name}") };
        *feature = true;
    }
    features
}

fn symbol(module: &Module, target: Target) -> String {
    match target {
        Target::Func(FuncId(n)) => module.funcs()[n as usize].name.clone(),
        Target::Data(data) => module.data()[data.index()].name.clone(),
        other => format!("{other:?}"),
    }
}
