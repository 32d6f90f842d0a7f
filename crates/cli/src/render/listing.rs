//! Listings of compiled programs and of bytes.

use crate::input::Input;
use anstyle::{AnsiColor, Style};
use iced_x86::{Decoder, DecoderOptions, Formatter, FormatterOutput, FormatterTextKind, NasmFormatter};
use kiln_codegen::abi::call_layout;
use kiln_codegen::code::{FunctionCode, Target};
use kiln_codegen::{Architecture, Code};
use kiln_ir::bytecode::Part;
use kiln_ir::{FuncId, Inst, Linkage, Module, text};
use std::fmt::Write as _;

/// The colours of a listing; all plain where colour is not wanted.
struct Palette {
    source: Style,
    ir: Style,
    label: Style,
    mnemonic: Style,
    register: Style,
    number: Style,
    bytes: Style,
    note: Style,
}

impl Palette {
    fn new(coloured: bool) -> Palette {
        let colour = |c: AnsiColor| if coloured { c.on_default() } else { Style::new() };
        Palette {
            source: colour(AnsiColor::Green),
            ir: colour(AnsiColor::Yellow),
            label: if coloured { Style::new().bold() } else { Style::new() },
            mnemonic: colour(AnsiColor::Blue),
            register: colour(AnsiColor::Cyan),
            number: colour(AnsiColor::Magenta),
            bytes: if coloured { Style::new().dimmed() } else { Style::new() },
            note: colour(AnsiColor::BrightBlack),
        }
    }
}

/// Collects what the disassembler writes, in colour.
struct Painted<'p> {
    text: String,
    palette: &'p Palette,
}

impl FormatterOutput for Painted<'_> {
    fn write(&mut self, text: &str, kind: FormatterTextKind) {
        let style = match kind {
            FormatterTextKind::Mnemonic | FormatterTextKind::Prefix => self.palette.mnemonic,
            FormatterTextKind::Register => self.palette.register,
            FormatterTextKind::Number
            | FormatterTextKind::LabelAddress
            | FormatterTextKind::FunctionAddress => self.palette.number,
            _ => Style::new(),
        };
        let _ = write!(self.text, "{style}{text}{style:#}");
    }
}

/// Machine code with the source lines and the IR that it comes from.
pub fn assembly(input: &Input, code: &Code) -> String {
    let palette = Palette::new(super::coloured(&std::io::stdout()));
    let mut out = String::new();
    let lines: Lines<'_> = input.sources.iter().map(|source| source.text.lines().collect()).collect();
    for function in &code.functions {
        assembly_of(&mut out, input, &lines, code, function, &palette);
    }
    out
}

/// The lines of each source, so that none has to be looked for.
type Lines<'t> = Vec<Vec<&'t str>>;

fn assembly_of(
    out: &mut String,
    input: &Input,
    lines: &Lines<'_>,
    code: &Code,
    function: &FunctionCode,
    palette: &Palette,
) {
    let module = &*input.module;
    let name = name(module, function);
    let Palette { label, note, .. } = palette;
    let size = function.end - function.start;
    let _ =
        writeln!(out, "{label}{name}:{label:#}  {note}; {size} bytes, frame {}{note:#}", function.frame.size);

    let bytes = &code.bytes[function.start as usize..function.code_end as usize];
    let mut decoder = Decoder::with_ip(64, bytes, function.start.into(), DecoderOptions::NONE);
    let mut formatter = NasmFormatter::new();
    formatter.options_mut().set_hex_prefix("0x");
    formatter.options_mut().set_hex_suffix("");
    formatter.options_mut().set_space_after_operand_separator(true);
    let mut shown: Option<(FuncId, Inst)> = None;
    let mut shown_line = 0;
    while decoder.can_decode() {
        let at = decoder.ip() as u32;
        let place = code.inst_at(at);
        if place != shown
            && let Some((func, inst)) = place
        {
            origin(out, input, lines, (func, inst), &mut shown_line, palette);
            shown = place;
        }
        let instruction = decoder.decode();
        let length = instruction.len();
        let mut hex = String::new();
        let start = (at - function.start) as usize;
        for byte in &bytes[start..start + length] {
            let _ = write!(hex, "{byte:02x}");
        }
        let mut painted = Painted { text: String::new(), palette };
        formatter.format(&instruction, &mut painted);
        let Palette { bytes: dim, .. } = palette;
        let _ = write!(out, "  {dim}{at:6x}  {hex:<22}{dim:#} {}", painted.text);
        let first = code.relocs.partition_point(|r| r.at < at);
        for reloc in code.relocs[first..].iter().take_while(|r| r.at < at + length as u32) {
            let _ = write!(out, "  {note}; {}{note:#}", target(module, reloc.to));
        }
        out.push('\n');
    }
    if function.end > function.code_end {
        let _ = writeln!(out, "  {note}; {} bytes of constants{note:#}", function.end - function.code_end);
    }
    out.push('\n');
}

/// The source line, if it is another than before, and the IR of an instruction.
fn origin(
    out: &mut String,
    input: &Input,
    lines: &Lines<'_>,
    (func, inst): (FuncId, Inst),
    shown_line: &mut u32,
    palette: &Palette,
) {
    let Some(body) = &input.module.func(func).body else { return };
    let Palette { source, ir, .. } = palette;
    if let Some(pos) = body.position(inst)
        && pos.line != *shown_line
        && let Some(text) = input.sources.get(pos.file)
        && let Some(line) = lines[pos.file.index()].get((pos.line as usize).wrapping_sub(1))
    {
        *shown_line = pos.line;
        let _ = writeln!(out, "{source}; {}:{} {}{source:#}", text.name, pos.line, line.trim());
    }
    let _ = writeln!(out, "    {ir}{}{ir:#}", text::print(&input.module).inst(func, inst).to_string().trim());
}

fn target(module: &Module, target: Target) -> String {
    match target {
        Target::Func(func) => module.func(func).name.clone(),
        Target::Data(data) => module.data()[data.index()].name.clone(),
        Target::Here(offset) => format!("{offset:#x}"),
        Target::Routine(routine) => format!("{routine:?}").to_lowercase(),
        Target::Request => "request".into(),
        Target::Counter(number) => format!("counter {number}"),
        Target::Thread(word) => format!("thread's {word:?}").to_lowercase(),
    }
}

/// What a part of the code is called: the function's name, for a further entry followed by its own.
fn name(module: &Module, function: &FunctionCode) -> String {
    let name = &module.func(function.func).name;
    match function.entry {
        Some(entry) => format!("{name}.{}", module.func(entry).name),
        None => name.clone(),
    }
}

/// Sizes and places.
pub fn layout(module: &Module, code: &Code) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{:>8} {:>8} {:>9} {:>8}  function", "offset", "code", "constants", "frame");
    for function in &code.functions {
        let name = name(module, function);
        let (size, constants) = (function.code_end - function.start, function.end - function.code_end);
        let saved = function.frame.saved.count_ones() * 8 + u32::from(function.frame.frame_pointer) * 8;
        let frame = function.frame.size + saved;
        let _ = writeln!(out, "{:8x} {size:8} {constants:9} {frame:8}  {name}", function.start);
        let Some(body) = &module.func(function.func).body else { continue };
        if function.entry.is_some() {
            continue;
        }
        for (slot, data) in body.slots().iter().enumerate() {
            let name = body.slot_names.get(slot).map_or_else(|| slot.to_string(), str::to_owned);
            let _ = writeln!(out, "{:37}slot {name}: {} bytes, aligned to {}", "", data.size, data.align);
        }
    }
    let _ = writeln!(out, "\n{:>8} {:>8} {:>9} {:8}  data", "size", "aligned", "addresses", "");
    for data in module.data().iter().filter(|d| d.linkage != Linkage::Import) {
        let kind = if data.writable { "" } else { "constant" };
        let (size, name) = (data.size(), &data.name);
        let _ = writeln!(out, "{size:8} {:8} {:9} {kind:8}  {name}", data.align.max(1), data.relocs.len());
    }
    let imports: Vec<&str> = module
        .funcs()
        .iter()
        .filter(|f| f.linkage == Linkage::Import)
        .map(|f| f.name.as_str())
        .chain(module.data().iter().filter(|d| d.linkage == Linkage::Import).map(|d| d.name.as_str()))
        .collect();
    let _ =
        writeln!(out, "\nimports: {}", if imports.is_empty() { "none".into() } else { imports.join(", ") });
    let functions = code.functions.iter().filter(|f| f.entry.is_none()).count();
    let _ = writeln!(out, "code: {} bytes in {functions} functions", code.bytes.len());
    out
}

/// Where arguments and results are in calls of each function and import.
pub fn calls(module: &Module) -> String {
    let mut out = String::new();
    let width = module.funcs().iter().map(|f| f.name.chars().count()).max().unwrap_or(0).min(30);
    for (func, n) in module.funcs().iter().zip(0..) {
        let architecture = Architecture::default();
        let layout = call_layout(architecture, module.signature_of(FuncId(n)), module.layouts(), &[]);
        let _ = writeln!(out, "{:width$}  {}", func.name, layout.show(architecture));
    }
    out
}

/// The parts of a bytecode file: where each stands, its bytes, what it says.
pub fn bytes(bytes: &[u8], parts: &[Part]) -> String {
    const SHOWN: usize = 10;
    let Palette { bytes: dim, source, .. } = Palette::new(super::coloured(&std::io::stdout()));
    let mut out = String::new();
    for part in parts {
        let all = &bytes[part.start.min(bytes.len())..part.end.min(bytes.len())];
        let mut hex: Vec<String> = all.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
        if all.len() > SHOWN {
            hex.push("..".into());
        }
        let (at, indent, meaning) = (part.start, part.depth * 2, &part.meaning);
        let _ = writeln!(
            out,
            "{dim}{at:06x}  {:<34}{dim:#}{:indent$}{source}{meaning}{source:#}",
            hex.join(" "),
            ""
        );
    }
    out
}
