//! The names that imports can have without naming a library, for suggestions.

use object::{Object, ObjectSymbol};
use std::collections::BTreeSet;

/// The functions and data of the libraries in this process, as far as their files can be read.
pub fn of_process() -> BTreeSet<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let libraries: BTreeSet<&str> = maps
        .lines()
        .filter_map(|line| line.find('/').map(|at| &line[at..]))
        .filter(|path| path.contains(".so"))
        .collect();
    let mut names = BTreeSet::new();
    for library in libraries {
        let Ok(bytes) = std::fs::read(library) else { continue };
        let Ok(file) = object::File::parse(&*bytes) else { continue };
        let defined = file.dynamic_symbols().filter(|symbol| symbol.is_definition());
        names.extend(defined.filter_map(|symbol| symbol.name().ok().map(str::to_owned)));
    }
    names
}
