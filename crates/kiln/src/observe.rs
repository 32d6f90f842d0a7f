//! What debuggers and profilers are told of a program, on request: names of functions, source lines. The runtime tells
//! them; here is known what is what.

use kiln_codegen::code::Target;
use kiln_ir::Module;
use kiln_runtime::{Image, Legend, LineRow, Piece};
use std::io;

/// Who is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Observers {
    pub perf_map: bool,
    #[cfg(feature = "gdb")]
    pub gdb: bool,
}

impl Observers {
    fn nobody(self) -> bool {
        self == Observers::default()
    }

    /// Before code is made that they are to be told of.
    pub fn prepare(self) {
        if !self.nobody() {
            kiln_runtime::use_private_pages();
        }
    }

    fn tell(self, image: &Image, legend: &Legend) -> io::Result<()> {
        #[cfg(feature = "gdb")]
        if self.gdb {
            image.show_to_debuggers(legend);
        }
        if self.perf_map { image.name_in_perf_map(legend) } else { Ok(()) }
    }

    /// Tells of a program's code.
    ///
    /// # Errors
    /// The perf map file cannot be written.
    pub fn program(self, image: &Image, module: &Module) -> io::Result<()> {
        if self.nobody() {
            return Ok(());
        }
        let mut lines: Vec<LineRow> = Vec::new();
        let mut last = None;
        for (at, func, inst) in image.spans() {
            let body = module.funcs().get(func.index()).and_then(|decl| decl.body.as_ref());
            let Some(pos) = body.and_then(|body| body.position(inst)) else { continue };
            // Rows that say nothing new are left out, but each function has its own first.
            if last.replace((func, pos)) != Some((func, pos)) {
                lines.push(LineRow { at, file: pos.file.0, line: pos.line, column: pos.column });
            }
        }
        self.tell(image, &Legend { lines, ..legend(image, module, "") })
    }

    /// Tells of the ways by which native code calls an interpreted program.
    ///
    /// # Errors
    /// The perf map file cannot be written.
    pub fn callbacks(self, image: &Image, module: &Module) -> io::Result<()> {
        if self.nobody() { Ok(()) } else { self.tell(image, &legend(image, module, "callback:")) }
    }

    /// Tells of a function that the facade wrote, by its address, unless that was told before.
    ///
    /// # Errors
    /// The perf map file cannot be written.
    pub fn written(self, address: usize, name: impl FnOnce() -> String) -> io::Result<()> {
        if self.nobody() {
            return Ok(());
        }
        let Some(image) = Image::containing(address) else { return Ok(()) };
        // Without white space, of which names have none there.
        let name = name().replace(' ', "");
        let names = image.pieces().map(|(range, piece)| match piece {
            Piece::Function(_) | Piece::Entry(..) => (range, name.clone()),
            Piece::Stub(_) => (range, format!("stub:{name}")),
        });
        let legend = Legend { title: "kiln".into(), names: names.collect(), ..Legend::default() };
        self.tell(&image, &legend)
    }
}

/// The names of an image's code, functions with a prefix before theirs.
fn legend(image: &Image, module: &Module, prefix: &str) -> Legend {
    let function = |func: kiln_ir::FuncId| module.funcs().get(func.index()).map_or("", |decl| &decl.name);
    let names = image.pieces().map(|(range, piece)| {
        let name = match piece {
            Piece::Function(func) | Piece::Entry(_, func) => format!("{prefix}{}", function(func)),
            Piece::Stub(Target::Func(func)) => format!("stub:{}", function(func)),
            Piece::Stub(Target::Routine(routine)) => format!("stub:{routine:?}"),
            // Nothing calls these.
            Piece::Stub(
                Target::Data(_) | Target::Here(_) | Target::Request | Target::Counter(_) | Target::Thread(_),
            ) => "stub:".into(),
        };
        (range, name)
    });
    // Names of source files are relative to where the host runs.
    let folder = std::env::current_dir().map(|folder| folder.display().to_string()).unwrap_or_default();
    Legend {
        title: module.files().first().cloned().unwrap_or_else(|| "program".into()),
        folder,
        names: names.collect(),
        files: module.files().to_vec(),
        lines: Vec::new(),
    }
}
