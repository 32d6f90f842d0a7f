//! Reading programs, in either form. Every problem is reported here, so that the subcommands see good programs only.

use crate::input;
use crate::render::{self, whitespace};
use crate::status::Status;
use kiln_whitespace::assembly::{self, Included, Includes};
use kiln_whitespace::source::Language;
use kiln_whitespace::{AsmOptions, Options, Program, SourceMap};
use std::path::Path;

/// Which program, and in what form.
#[derive(clap::Args)]
pub struct Input {
    /// The form of the program [default: by what is in the file]
    #[arg(short, long, value_name = "FORM")]
    pub format: Option<Form>,
    /// Whose rules assembly keeps
    #[arg(long, value_name = "DIALECT", default_value = "kiln")]
    pub dialect: Dialect,
    /// The program; `-` for standard input
    #[arg(value_hint = clap::ValueHint::FilePath, value_name = "FILE")]
    pub path: String,
}

/// The forms of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Form {
    /// Spaces, tabs, line feeds and comments
    Ws,
    /// Assembly
    Asm,
}

/// Dialects of assembly.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Dialect {
    /// Kiln's own, which includes most of the others
    Kiln,
    /// That of whitespacers and no more
    Whitespacers,
}

impl From<Dialect> for assembly::Dialect {
    fn from(dialect: Dialect) -> assembly::Dialect {
        match dialect {
            Dialect::Kiln => assembly::Dialect::Kiln,
            Dialect::Whitespacers => assembly::Dialect::Whitespacers,
        }
    }
}

impl Input {
    /// Reads the program.
    pub fn load(&self, options: &Options, labels: assembly::Labels) -> Result<Program, Status> {
        let (name, bytes) = input::read(&self.path).map_err(|_| Status::USAGE)?;
        self.program(&name, &bytes, options, labels)
    }

    /// The program that these bytes are.
    pub fn program(
        &self,
        name: &str,
        bytes: &[u8],
        options: &Options,
        labels: assembly::Labels,
    ) -> Result<Program, Status> {
        let language = match self.format {
            Some(Form::Ws) => Language::Whitespace,
            Some(Form::Asm) => Language::Assembly,
            None => assembly::language(bytes),
        };
        let program = match language {
            Language::Whitespace => Program::parse_with(name, bytes, options),
            Language::Assembly => {
                let dialect = self.dialect.into();
                let options =
                    AsmOptions { name, dialect, labels, includes: &Files, options: options.clone() };
                Program::assemble_bytes(bytes, &options)
            }
        };
        let program = program.map_err(|rejected| {
            whitespace::rejected(name, &rejected);
            let doubtful = self.format.is_none() && language == Language::Whitespace;
            let words = bytes.iter().any(u8::is_ascii_alphabetic);
            if doubtful && words && !input::has_extension(Path::new(&self.path), "ws") {
                render::note(
                    "the file was taken for Whitespace by what is in it; `-f asm` reads it as assembly",
                );
            }
            Status::REJECTED
        })?;
        Ok(match language {
            Language::Whitespace => mapped(&self.path, program),
            Language::Assembly => program,
        })
    }
}

/// The name of the map of a program's file.
pub fn map_name(path: &str) -> String {
    format!("{path}.map")
}

/// The program with the places of the map beside its file, if there is one that fits.
fn mapped(path: &str, program: Program) -> Program {
    let map_path = map_name(path);
    let Ok(text) = std::fs::read_to_string(&map_path) else { return program };
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let mapped = SourceMap::parse(&text).and_then(|mut map| {
        let texts: Vec<_> =
            map.sources.iter().map_while(|source| std::fs::read(folder.join(source)).ok()).collect();
        // Messages name the files as they can be found from here.
        for source in &mut map.sources {
            *source = folder.join(&*source).display().to_string();
        }
        program.with_source_map(&map, &texts)
    });
    mapped.unwrap_or_else(|reason| {
        render::warning(&format!("the source map `{map_path}` is not used: {reason}"));
        program
    })
}

/// Included files, relative to the file that includes.
struct Files;

impl Includes for Files {
    fn load(&self, from: &str, path: &str) -> Result<Included, String> {
        let folder = Path::new(from).parent().unwrap_or(Path::new(""));
        let file = input::tidy(&folder.join(path));
        let text = std::fs::read(&file).map_err(|reason| render::plain_reason(&reason))?;
        Ok(Included { name: file.display().to_string(), text })
    }
}
