//! The assembler of the machine that `stackvm.wsa` plays: words to the numbers that it reads, first how many they are.

use anyhow::{Context, Result, ensure};
use std::collections::HashMap;
use std::fmt::Write;

/// What follows an instruction's number.
#[derive(PartialEq)]
enum Argument {
    None,
    Number,
    Label,
}

/// The numbers of an instruction, and what follows them.
fn instruction(word: &str) -> Option<(&'static [i64], Argument)> {
    use Argument::{Label, None, Number};
    Some(match word {
        "push" => (&[0], Number),
        "add" => (&[1], None),
        "sub" => (&[2], None),
        "mul" => (&[3], None),
        "load" => (&[4], None),
        "store" => (&[5], None),
        "jmp" => (&[6], Label),
        "jz" => (&[7], Label),
        "call" => (&[8], Label),
        "ret" => (&[9], None),
        "dup" => (&[10], None),
        "swap" => (&[11], None),
        "over" => (&[12], None),
        "drop" => (&[13], None),
        "lt" => (&[14], None),
        "end" => (&[15, 0], None),
        "print" => (&[15, 1], None),
        _ => return Option::None,
    })
}

/// The machine's input.
///
/// # Errors
/// A word is unknown, an argument missing or wrong, a label missing.
pub fn assemble(text: &str) -> Result<String> {
    let mut cells: Vec<i64> = Vec::new();
    let mut labels = HashMap::new();
    let mut wanted = Vec::new();
    let mut words = text.lines().flat_map(|line| line.split(';').next().unwrap_or("").split_whitespace());
    while let Some(word) = words.next() {
        if let Some(label) = word.strip_suffix(':') {
            ensure!(labels.insert(label, cells.len()).is_none(), "{label} stands twice");
            continue;
        }
        let (numbers, argument) = instruction(word).with_context(|| format!("{word} is no instruction"))?;
        cells.extend(numbers);
        if argument == Argument::None {
            continue;
        }
        let value = words.next().with_context(|| format!("{word} needs an argument"))?;
        if argument == Argument::Label {
            wanted.push((cells.len(), value));
            cells.push(0);
        } else {
            cells.push(value.parse().with_context(|| format!("{value} is no number"))?);
        }
    }
    for (at, label) in wanted {
        cells[at] = *labels.get(label).with_context(|| format!("there is no label {label}"))? as i64;
    }
    let mut input = format!("{}\n", cells.len());
    for cell in cells {
        writeln!(input, "{cell}")?;
    }
    Ok(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_places_of_cells() {
        let input = assemble("jmp on ; skip\n push -3 on: print jz on end").unwrap();
        assert_eq!(input.lines().collect::<Vec<_>>().join(" "), "10 6 4 0 -3 15 1 7 4 15 0");
        assert!(assemble("jmp nowhere").is_err() && assemble("push").is_err() && assemble("what").is_err());
    }
}
