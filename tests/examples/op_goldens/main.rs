//! Writes the golden files of the ops that compute a value from values: `cargo run -p kiln-tests --example
//! op_goldens`. The expected values are computed here, by Rust's arithmetic on wide integers and its floats, and
//! never by Kiln. Files of the other ops are written by hand.

use std::fmt::Write as _;
use std::path::Path;

mod floats;
mod integers;

/// A value, or the name of the trap.
type Outcome<T> = Result<T, &'static str>;

/// A golden file: a title, then functions, each below the runs of it.
struct File {
    name: String,
    title: String,
    functions: Vec<(String, String)>,
}

impl File {
    fn new(name: &str, title: &str) -> File {
        File { name: name.into(), title: format!("; {name}: {title}\n"), functions: vec![] }
    }

    /// A run of the function added last or, if another name is called, of the one of that name.
    fn run(&mut self, call: &str, outcome: Outcome<String>) {
        let name = &call[..call.find('(').expect("a call has parentheses")];
        let (_, text) = self.functions.iter_mut().find(|(n, _)| n == name).expect("a function added before");
        match outcome {
            Ok(value) => writeln!(text, "; run: {call} == {value}"),
            Err(trap) => writeln!(text, "; run: {call} traps {trap}"),
        }
        .expect("a string takes everything");
    }

    fn function(&mut self, text: &str) {
        let name = text.strip_prefix("export fn ").and_then(|t| t.split('(').next());
        let name = format!("@{}", name.expect("functions begin with `export fn name(`"));
        self.functions.push((name, text.into()));
    }

    fn write(self, to: &Path) {
        let path = to.join(format!("{}.kiln", self.name));
        let mut text = self.title;
        for (_, function) in self.functions {
            let (code, runs) = function.split_at(function.find("\n}\n").map_or(0, |at| at + 3));
            text += &format!("\n{runs}{code}");
        }
        std::fs::write(path, text).expect("the golden directory can be written");
    }
}

fn main() {
    let to = Path::new(env!("CARGO_MANIFEST_DIR")).join("run");
    std::fs::create_dir_all(&to).expect("the golden directory can be made");
    integers::write(&to);
    floats::write(&to);
}
