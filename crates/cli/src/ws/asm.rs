//! `kiln ws asm`: from assembly to Whitespace.

use super::input::{Input, map_name};
use super::options::Reading;
use crate::render;
use crate::status::Status;
use kiln_whitespace::Opcode;
use kiln_whitespace::assembly::Labels;
use std::path::Path;

const EXAMPLES: &str = "\
Examples:
  kiln ws asm program.wsa                  writes program.ws
  kiln ws asm program.wsa -o - | wc -c
  kiln ws asm --labels short program.wsa   labels in as few tokens as can be
  kiln ws asm --map program.wsa            and program.ws.map, for messages that show the assembly

A line has labels (`name:`), instructions and a comment (`;`, `#`, `//`). Further:
  push 'x'   push \"text\"   pushz \"text\"     characters; the first is on top; with a 0 below
  add 5   store 5   retrieve 5   printc 'x'   push the number first
  .name:                                    a label that belongs to the plain label before it
  include \"file\"                            another file
  macro name a b { ... }                    `name 1 x` is its text, with a and b replaced

Instructions";

/// Make Whitespace of assembly
#[derive(clap::Args)]
#[command(after_help = help())]
pub struct Arguments {
    /// The file to write; `-` for standard output [default: the program's name with .ws]
    #[arg(short, long, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    output: Option<String>,
    /// Which tokens labels get
    #[arg(long, value_name = "CHOICE", default_value = "spelled")]
    labels: LabelChoice,
    /// Write a source map beside the output
    #[arg(long)]
    map: bool,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    options: Reading,
}

/// Which tokens labels get.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum LabelChoice {
    /// Those that spell their names, so that `disasm` shows the names
    Spelled,
    /// The shortest, the most used label first
    Short,
}

/// The examples, and the instructions with all their names.
fn help() -> String {
    let mut text = String::from(EXAMPLES);
    text.push_str(" and their other names:\n");
    for opcode in Opcode::ALL {
        let others: Vec<_> =
            Opcode::mnemonics().filter(|(_, of)| of == opcode).map(|(name, _)| name).skip(1).collect();
        text.push_str(&format!("  {:<9} {}\n", opcode.name(), others.join(" ")));
    }
    text.truncate(text.trim_end().len());
    text
}

/// Assembles and writes.
pub fn asm(arguments: Arguments) -> Result<(), Status> {
    let Arguments { output, labels, map, input, options: Reading(options) } = arguments;
    let output = match output {
        Some(output) => output,
        None if input.path == "-" => "-".to_owned(),
        None => Path::new(&input.path).with_extension("ws").display().to_string(),
    };
    if output == input.path && output != "-" {
        render::error("the output would replace the program", Some("name another file with `-o`"));
        return Err(Status::USAGE);
    }
    if map && output == "-" {
        render::error("a source map is written beside the output", Some("name a file with `-o`"));
        return Err(Status::USAGE);
    }
    let labels = match labels {
        LabelChoice::Spelled => Labels::Spelled,
        LabelChoice::Short => Labels::Short,
    };
    let program = input.load(&options, labels)?;
    super::write(&output, &program.to_whitespace())?;
    let Some(mut source_map) = program.source_map().filter(|_| map) else { return Ok(()) };
    let folder = Path::new(&output).parent().unwrap_or(Path::new(""));
    for source in &mut source_map.sources {
        *source = from_folder(folder, source);
    }
    super::write(&map_name(&output), source_map.to_text().as_bytes())
}

/// A file's name as seen from a folder: relative if it is below, else whole.
fn from_folder(folder: &Path, file: &str) -> String {
    let absolute = |path: &Path| std::path::absolute(path).ok();
    let (Some(folder), Some(whole)) = (absolute(folder), absolute(Path::new(file))) else {
        return file.to_owned();
    };
    match whole.strip_prefix(&folder) {
        Ok(below) => below.display().to_string(),
        Err(_) => whole.display().to_string(),
    }
}
