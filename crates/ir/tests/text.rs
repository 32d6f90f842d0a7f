//! The text form: golden diagnostics, the paper test, and that printing and reading are inverse.

mod every_op;

use kiln_ir::diagnostic::{Diagnostic, Place};
use kiln_ir::op::{all_mnemonics, find_mnemonic};
use kiln_ir::text::{self, Fault, Includes, NoIncludes, Source, Sources};
use kiln_ir::types::{MemType, Signature, Type};
use kiln_ir::{Block, Cond, FileId, InstData, Linkage, Mem, Module, Pos, VReg, verify};
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/text").join(name)
}

fn kiln_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder of golden files");
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "kiln"));
    files.sort();
    assert!(!files.is_empty(), "no tests in {}", folder.display());
    files
}

fn parse(text: &str) -> Module {
    text::parse("test.kiln", text, &NoIncludes).unwrap_or_else(|faults| {
        let faults: Vec<String> = faults.iter().map(|f| format!("{:?}: {f}", f.at)).collect();
        panic!("{}\n{text}", faults.join("\n"))
    })
}

/// The first line in which two texts differ is shown, not both texts.
fn assert_same_text(a: &str, b: &str) {
    for (n, (a, b)) in a.lines().zip(b.lines()).enumerate() {
        assert_eq!(a, b, "line {}", n + 1);
    }
    assert_eq!(a.lines().count(), b.lines().count());
}

/// Reading what is printed gives the same module.
fn assert_exact(module: &Module) {
    let printed = text::print(module).with_positions().to_string();
    let second = parse(&printed);
    for (before, after) in module.funcs().iter().zip(second.funcs()) {
        if before != after {
            println!("{printed}");
            assert_same_text(
                &format!("{before:?}").replace(", ", ",\n"),
                &format!("{after:?}").replace(", ", ",\n"),
            );
        }
    }
    assert!(*module == second, "{printed}");
}

/// Text and module no longer change after one pass, with and without positions.
fn assert_stable(text: &str) {
    let first = parse(text);
    assert_exact(&first);
    let plain = first.to_string();
    assert_same_text(&plain, &parse(&plain).to_string());
}

/// The files of the folder of golden files; paths are relative to the file that includes.
struct Folder;

impl Includes for Folder {
    fn load(&self, from: &str, path: &str) -> Result<Source, String> {
        let name = Path::new(from).with_file_name(path).to_string_lossy().into_owned();
        let text = std::fs::read_to_string(folder(&name)).map_err(|_| "no such file".to_owned())?;
        Ok(Source { name, text })
    }
}

/// A fault as plain text, with the line it is in.
fn render(sources: &Sources, fault: &Diagnostic<Fault>) -> String {
    let Place::Span(span) = fault.at else { panic!("{fault:?} has no place in the text") };
    let source = sources.get(span.file).expect("the source of a span");
    let (line, column) = sources.line_column(span.file, span.start).expect("the place of a span");
    let text = source.text.lines().nth(line as usize - 1).unwrap_or("");
    let marked = source.text[span.start as usize..span.end as usize].lines().next().unwrap_or("");
    let mut out = format!("{}:{line}:{column}: {}\n", source.name, fault.fault);
    writeln!(out, "    {text}").unwrap();
    let (skip, marks) = (column as usize - 1, marked.chars().count().max(1));
    writeln!(out, "    {}{}", " ".repeat(skip), "^".repeat(marks)).unwrap();
    if let Some(help) = &fault.help {
        writeln!(out, "    help: {help}").unwrap();
    }
    out
}

#[test]
fn each_mistake_is_shown_as_expected() {
    let bless = std::env::var_os("KILN_BLESS").is_some();
    for file in kiln_files(&folder("")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let mut sources = Sources::default();
        let found = match text::parse_with(&mut sources, &name, &text, &Folder) {
            Ok(module) => module.to_string(),
            Err(faults) => faults.iter().map(|f| render(&sources, f)).collect::<Vec<_>>().join("\n"),
        };
        let expected = file.with_extension("expected");
        if bless {
            std::fs::write(&expected, found).unwrap();
            continue;
        }
        let wanted = std::fs::read_to_string(&expected).unwrap_or_default();
        assert!(
            found == wanted,
            "{name}: KILN_BLESS=1 rewrites the expectation\n--- found\n{found}\n--- expected\n{wanted}"
        );
    }
}

#[test]
fn the_paper_test_and_the_tour_read_print_stably_and_verify() {
    for file in kiln_files(&folder("paper")).into_iter().chain([folder("tour.kiln")]) {
        println!("{}", file.display());
        let text = std::fs::read_to_string(&file).unwrap();
        assert_stable(&text);
        if let Err((module, faults)) = verify::check(parse(&text)) {
            panic!("{}: {faults:?}\n{module}", file.display());
        }
    }
}

#[test]
fn every_op_and_form_is_printed_and_read() {
    let module = every_op::module();
    let second = parse(&text::print(&module).with_positions().to_string());
    assert_exact(&second);
    for (before, after) in module.funcs().iter().zip(second.funcs()) {
        let (Some(a), Some(b)) = (&before.body, &after.body) else { continue };
        if before.name == "op_store" {
            // Has constants as floats, which no verified module has; reading loads them into registers first.
            continue;
        }
        assert_eq!(a.insts().len(), b.insts().len(), "{}", before.name);
        for (a, b) in a.insts().iter().zip(b.insts()) {
            let said = |i: &InstData| (i.op, i.ty, i.variant(), i.hint(), i.order(), i.alias(), i.has_imm());
            assert_eq!(said(a), said(b), "{}", before.name);
        }
    }
}

/// All texts of the golden files, good and bad.
fn corpus() -> Vec<String> {
    let files = kiln_files(&folder("")).into_iter().chain(kiln_files(&folder("paper")));
    let mut texts: Vec<String> = files.map(|f| std::fs::read_to_string(f).unwrap()).collect();
    let all = every_op::module().to_string();
    // A function of each op, with what it names: small texts out of a large one.
    let names = "extern callee: fn(i32, i64) -> (i32, f64)\ndata text = \"a\"\n";
    texts.extend(all.split("\n\n").filter(|t| t.starts_with("export fn")).map(|t| format!("{names}{t}")));
    texts
}

/// A generator of xorshift type: the same numbers at every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }
}

/// Changes a text in some places: bytes, words, lines taken away, doubled or swapped with others.
fn mutate(text: &str, corpus: &[String], numbers: &mut Numbers) -> String {
    if numbers.below(2) == 0 {
        let mut lines: Vec<&str> = text.lines().collect();
        let (a, b) = (numbers.below(lines.len()), numbers.below(lines.len()));
        match numbers.below(3) {
            0 => lines.swap(a, b),
            1 => lines.insert(a, lines[b]),
            _ => drop(lines.remove(a)),
        }
        return lines.join("\n");
    }
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..1 + numbers.below(3) {
        let at = numbers.below(bytes.len());
        let len = numbers.below(12).min(bytes.len() - at);
        match numbers.below(6) {
            0 => {
                bytes.drain(at..at + len);
            }
            1 => {
                let piece = bytes[at..at + len].to_vec();
                let to = numbers.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            2 => {
                let signs = b"%.,:;()[]{}\"'#!-+*\n0ax\\\xff";
                bytes.insert(at, signs[numbers.below(signs.len())]);
            }
            3 => bytes.truncate(at),
            4 => {
                let other = corpus[numbers.below(corpus.len())].as_bytes();
                let from = numbers.below(other.len());
                let piece = other[from..(from + 20).min(other.len())].to_vec();
                bytes.splice(at..at + len, piece);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = numbers.below(256) as u8;
                }
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn changed_texts_never_panic_and_are_read_stably() {
    let corpus = corpus();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut read = 0;
    let rounds = std::env::var("KILN_TEXT_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(4000);
    for round in 0..rounds {
        let text = mutate(&corpus[round % corpus.len()], &corpus, &mut numbers);
        let mut sources = Sources::default();
        match text::parse_with(&mut sources, "test.kiln", &text, &NoIncludes) {
            Ok(module) => {
                read += 1;
                let printed = text::print(&module).with_positions().to_string();
                let again = parse(&printed);
                assert!(module == again, "{text}\n--- printed as\n{printed}");
            }
            Err(faults) => {
                assert!(!faults.is_empty());
                faults.iter().for_each(|fault| drop(render(&sources, fault)));
            }
        }
    }
    assert!(read > rounds / 10, "only {read} changed texts could be read");
}

#[test]
fn random_bytes_never_panic() {
    let mut numbers = Numbers(7);
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..numbers.below(300)).map(|_| numbers.below(256) as u8).collect();
        let text = String::from_utf8_lossy(&bytes);
        drop(Module::parse(&text));
        drop(Module::parse(&format!("fn f() {{\n{text}\n}}")));
        drop(Module::parse(&format!("data d = {text}")));
    }
}

#[test]
fn deep_and_large_input_is_refused_or_read_in_order() {
    let deep = "(".repeat(1 << 16);
    for text in [
        format!("const A = {deep}1"),
        format!("const A = {}1", "-".repeat(1 << 16)),
        format!("fn f() {{\n%a = const {deep}\nret\n}}"),
        format!("fn f() {{\nret\n{}", "{".repeat(1 << 16)),
        format!("type a = {}i8{}", "{".repeat(1 << 16), "}".repeat(1 << 16)),
        "fn f(".repeat(1 << 14),
        "\"".repeat(1 << 16),
        "x:\n".repeat(1 << 14),
    ] {
        assert!(Module::parse(&text).is_err());
    }
    let mut types = String::from("type t0 = {i64, f64}\n");
    for n in 1..40 {
        writeln!(types, "type t{n} = {{t{0}, t{0}}}", n - 1).unwrap();
    }
    let faults = Module::parse(&types).unwrap_err();
    assert!(matches!(faults[0].fault, Fault::TooMany { .. }), "{faults:?}");
}

#[test]
fn every_mnemonic_is_found() {
    let mut all = 0;
    for (name, op, variant) in all_mnemonics() {
        assert_eq!(find_mnemonic(&name), Some((op, variant)));
        assert_eq!(find_mnemonic(&format!("{name}?")), None);
        all += 1;
    }
    assert!(all > 200);
    for name in ["", "b", "cmp_", "cmp_{}", "{}", "addd", "atomic_"] {
        assert_eq!(find_mnemonic(name), None, "{name}");
    }
}

#[test]
fn operands_are_found_in_the_text_again() {
    let lines = [
        ("%a = sub %n, 1", &["%a", "%n", "1"][..]),
        ("%lo: i64, %hi = umul_wide.i64 %a,  %b ; comment", &["%lo", "%hi", "%a", "%b"]),
        ("%a = load.u8.i64 [%p + %n*8 + 16] !volatile", &["%a", "[%p + %n*8 + 16]"]),
        ("store [%p], 'a'", &["[%p]", "'a'"]),
        ("%a, %b = call f(%x, 3)", &["%a", "%b", "f", "%x", "3"]),
        ("call_ptr %p: fn(i64, ptr) -> (i64, i64) (%x, fmt)", &["%p", "%x", "fmt"]),
        ("%r = call_ptr %p: fn(i64) -> i64 (%x)", &["%r", "%p", "%x"]),
        ("call_ptr %p: fn(i64) (%x)", &["%p", "%x"]),
        ("call_ptr %p: compare (%x, %y)", &["%p", "%x", "%y"]),
        ("guard_lt %a, %b, 3 (%x, %y)", &["%a", "%b", "3", "%x", "%y"]),
        ("switch %x, other, {1: a, 2: b}", &["%x", "other", "1: a", "2: b"]),
        ("ret %a, %b", &["%a", "%b"]),
        ("%a = 5", &["%a", "5"]),
        ("%p = data_addr fmt + 8", &["%p", "fmt + 8"]),
        ("blt %a, 2, small !likely", &["%a", "2", "small"]),
        ("pause }", &[]),
    ];
    for (line, operands) in lines {
        let text = format!("; ä\nfn f() {{\n    {line}\n}}\n");
        let pos = Pos { file: FileId(3), line: 3, column: 5 };
        let span = |n| {
            let span = text::operand_span(&text, pos, n).expect("the line is there");
            assert_eq!(span.file, FileId(3));
            text[span.start as usize..span.end as usize].to_owned()
        };
        for (n, operand) in operands.iter().enumerate() {
            assert_eq!(span(Some(n as u8)), *operand, "{line}");
        }
        let whole = span(None);
        assert!(line.starts_with(&whole), "{whole}");
        assert_eq!(span(Some(operands.len() as u8)), whole);
    }
    let pos = Pos { file: FileId(0), line: 9, column: 1 };
    assert_eq!(text::operand_span("", pos, None), None);
    assert!(text::operand_span("a\nb", Pos { line: 2, column: 77, ..pos }, Some(1)).is_some());
}

#[test]
fn every_instruction_has_its_place() {
    let text = "fn f(%n: i64) -> i64 {\n    %a = add %n, 1\n  x: %b = call f(7)\n    ret %b\n}\n";
    let module = parse(text);
    let body = module.funcs()[0].body.as_ref().unwrap();
    let places: Vec<_> = body.positions().iter().map(|(i, p)| (i.0, p.line, p.column)).collect();
    // The second line's constant and the jump into the label are instructions 1 and 2.
    assert_eq!(places, [(0, 2, 5), (2, 3, 6), (4, 4, 5)]);
    assert_eq!(module.files(), ["test.kiln"]);
}

/// A module as builders make them: names of all kinds and none, registers written in any order.
fn built(numbers: &mut Numbers) -> Module {
    let names = ["a", "b", "7", "x#2", "two words", "a\"b\\", "", "é\n", "cold", "reg", "a"];
    let mut m = Module::new();
    let name = |n: &mut Numbers| names[n.below(names.len())].to_owned();
    let file = m.file("somewhere");
    m.file(&name(numbers));
    let unused = Signature::new([Type::F32], [Type::F32]);
    if numbers.below(2) == 0 {
        m.signature(unused);
    }
    let callee = m.import(&name(numbers), Signature::new([Type::I64], [Type::I64, Type::F64]));
    let data: Vec<u8> = (0..numbers.below(40)).map(|_| [0, b'a', b'\n', 200][numbers.below(4)]).collect();
    let data = m.constant(&name(numbers), &data);
    for _ in 0..1 + numbers.below(3) {
        let sig = Signature::new([Type::I64, Type::Ptr], [Type::I64]);
        let func = m.declare(&name(numbers), sig, Linkage::Export);
        let mut b = m.build(func);
        let mut regs: Vec<VReg> = (0..numbers.below(6)).map(|_| b.vreg(Type::I64)).collect();
        regs.extend([b.param(0)]);
        let blocks: Vec<Block> = (0..1 + numbers.below(4)).map(|_| b.block()).collect();
        for (n, block) in blocks.iter().enumerate() {
            if numbers.below(2) == 0 {
                b.name_block(*block, &format!("{}{}", name(numbers), "b".repeat(n % 2)));
            }
        }
        for block in &blocks {
            b.place(*block);
            for _ in 0..numbers.below(6) {
                if numbers.below(3) == 0 {
                    b.at(Pos { file, line: numbers.below(99) as u32, column: numbers.below(3) as u32 });
                }
                let (v, w) = (regs[numbers.below(regs.len())], regs[numbers.below(regs.len())]);
                if numbers.below(2) == 0 {
                    b.to(w);
                }
                let new = match numbers.below(9) {
                    0 => b.add(v, numbers.below(9) as i64),
                    1 => b.mul(v, w),
                    2 => b.iconst(Type::I64, (numbers.below(9) as i64) << numbers.below(60)),
                    3 => b.load(Type::I64, MemType::U8, (VReg(1), -8)),
                    4 => b.call(callee, &[v])[0],
                    5 => b.bitcast(Type::I64, v),
                    6 => {
                        b.to(VReg::NONE);
                        let narrow = b.trunc(v);
                        b.sext(narrow)
                    }
                    7 => b.copy(v),
                    _ => {
                        b.to(VReg::NONE);
                        let p = b.data_addr(data, 4);
                        b.load(Type::I64, MemType::I64, Mem { base: p, index: v, scale: 8, disp: 1 })
                    }
                };
                if numbers.below(3) == 0 {
                    let name = names[numbers.below(6)];
                    b.name_vreg(new, name);
                }
                regs.push(new);
            }
            let v = regs[numbers.below(regs.len())];
            match numbers.below(3) {
                0 => b.jump(blocks[numbers.below(blocks.len())]),
                1 => {
                    b.branch(Cond::Lt, v, 7, blocks[numbers.below(blocks.len())]);
                    b.ret(&[v]);
                }
                _ => b.ret(&[v]),
            }
        }
        b.finish().expect("every block is placed and ended");
    }
    m
}

#[test]
fn built_modules_come_back_exactly() {
    let mut numbers = Numbers(42);
    for _ in 0..500 {
        assert_exact(&built(&mut numbers));
    }
}
