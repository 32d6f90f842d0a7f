//! What takes rasm more than a few instructions, written in rasm. A program gets those that it uses.

const TEXT: &str = include_str!("routines.ras");
const BEGIN: &str = "#function ";

/// Every routine: its name, and its text with the line of its name.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let starts: Vec<usize> = TEXT.match_indices(BEGIN).map(|(at, _)| at).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([TEXT.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| {
        let text = &TEXT[start..end];
        (text[BEGIN.len()..].split_whitespace().next().unwrap_or(""), text)
    })
}

/// The names of all, which no other function can have.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|(name, _)| name)
}

/// The routines that a program uses.
#[derive(Default)]
pub(super) struct Routines {
    needed: Vec<&'static str>,
}

impl Routines {
    pub fn need(&mut self, name: &'static str) {
        if self.needed.contains(&name) {
            return;
        }
        self.needed.push(name);
        // One that another calls.
        if name == "ir_whole" {
            self.need("ir_double");
        }
    }

    /// Writes them in the order of the file.
    pub fn write(&self, text: &mut String) {
        for (_, routine) in all().filter(|(name, _)| self.needed.contains(name)) {
            text.push_str(routine);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rasm;
    use kiln_ir::text::{NoIncludes, Sources};

    #[test]
    fn the_routines_are_a_program() {
        let mut sources = Sources::default();
        let program = rasm::parse(&mut sources, "routines.ras", super::TEXT, &NoIncludes).expect("a program");
        let module = rasm::translate(&program, &sources).expect("a module");
        assert!(kiln_ir::verify::check(module).is_ok());
        assert_eq!(super::names().count(), 9);
    }
}
