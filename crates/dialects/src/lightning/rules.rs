//! Rules between the operands of an instruction.

use super::fault::{At, Wrong};
use super::items::Item;
use super::operand::passed;
use super::program::Operand;
use super::table::Meaning;
use super::value::Passed;

/// Checks an instruction; `places` is where its operands begin and end in the text.
pub(super) fn check(item: &Item, places: &[(u32, u32); 4]) -> Result<(), Wrong> {
    let row = item.row();
    let o = &item.operands;
    let fault = |n: usize, message: String| {
        let (start, end) = places[n];
        Wrong::new(At { start, end, ..item.at }, message)
    };
    let word = |n: usize| match o[n] {
        Operand::Word(v) => Some(v),
        _ => None,
    };
    // What is no constant is shown as it stands.
    let shown = |n: usize| word(n).map_or("an address".into(), |v| v.to_string());
    match row.meaning {
        Meaning::Product(_) | Meaning::DivideBoth(_) | Meaning::ShiftBoth { .. } if o[0] == o[1] => {
            Err(fault(1, format!("the two results of `{}` are one register", row.name)))
        }
        Meaning::ShiftBoth { .. } if word(3).is_some_and(|n| !(0..=64).contains(&n)) => {
            Err(fault(3, format!("a shift of two words by {}", shown(3))).help("0 to 64"))
        }
        Meaning::LoadMoving { .. } if o[0] == o[1] => {
            Err(fault(1, "the register loaded and the base are one register".into()))
        }
        Meaning::CompareAndSwap if o[1..].contains(&o[0]) => {
            Err(fault(0, format!("the result of `{}` is one of its operands", row.name)))
        }
        Meaning::Extract(_) | Meaning::Deposit => match (word(2), word(3)) {
            (Some(first @ 0..), Some(length @ 1..))
                if first.checked_add(length).is_some_and(|end| end <= 64) =>
            {
                Ok(())
            }
            (Some(_), Some(length @ ..1)) => {
                Err(fault(3, format!("a field of {length} bits")).help("at least 1"))
            }
            _ => {
                let at = At { start: places[2].0, end: places[3].1, ..item.at };
                let field =
                    format!("a field of {} bits from bit {} on is not inside of a word", shown(3), shown(2));
                Err(Wrong::new(at, field).help("first bit, then length; together at most 64"))
            }
        },
        Meaning::LoadBytes { .. } | Meaning::StoreBytes if !word(2).is_some_and(|n| (1..=8).contains(&n)) => {
            Err(fault(2, format!("an access of {} bytes", shown(2))).help("1 to 8"))
        }
        Meaning::LoadFloatBytes | Meaning::StoreFloatBytes if !matches!(word(2), Some(4 | 8)) => {
            Err(fault(2, format!("a float of {} bytes", shown(2))).help("4 is a `float`, 8 a `double`"))
        }
        Meaning::Align if !word(0).is_some_and(|n| (1..=4096).contains(&n) && n & (n - 1) == 0) => {
            Err(fault(0, format!("cannot align to {}", shown(0))).help("a power of two up to 4096"))
        }
        Meaning::Skip if !word(0).is_some_and(|n| (0..=1 << 20).contains(&n)) => {
            Err(fault(0, format!("cannot skip {} bytes", shown(0))).help("0 to 1048576"))
        }
        Meaning::GetArg | Meaning::PutArg => match o[1] {
            Operand::Argument(handle) if handle.passed != passed(row.ty) => {
                let suffix = |passed| match passed {
                    Passed::Word => "",
                    Passed::F32 => "_f",
                    Passed::F64 => "_d",
                };
                let stem =
                    if row.meaning == Meaning::GetArg { "getarg" } else { &row.name[.."putargr".len()] };
                let declared = suffix(handle.passed);
                Err(fault(1, format!("this parameter is declared by `arg{declared}`"))
                    .help(format!("`{stem}{declared}` is for it")))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}
