//! Literals: integers and escapes.

use crate::Integer;
use dashu_int::{Sign, UBig};

/// The integer that a word is: a sign, a prefix for the radix, digits with `_` between them.
pub(super) fn integer(word: &str) -> Option<Integer> {
    let (sign, digits) = match word.as_bytes().first()? {
        b'-' => (Sign::Negative, &word[1..]),
        b'+' => (Sign::Positive, &word[1..]),
        _ => (Sign::Positive, word),
    };
    let prefix = digits.get(..2).unwrap_or("").to_ascii_lowercase();
    let (radix, digits) = match prefix.as_str() {
        "0x" => (16, &digits[2..]),
        "0o" => (8, &digits[2..]),
        "0b" => (2, &digits[2..]),
        _ => (10, digits),
    };
    let good = !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__");
    if !good || digits.is_empty() || !digits.bytes().all(|b| b == b'_' || char::from(b).is_digit(radix)) {
        return None;
    }
    let plain = digits.replace('_', "");
    Some(Integer::from_parts(sign, UBig::from_str_radix(&plain, radix).ok()?))
}

/// The character at the start of a text, which may be an escape, and the bytes it takes. The quote ends such texts, so it
/// must not come unescaped.
pub(super) fn character(text: &str) -> Result<(char, usize), BadEscape> {
    let mut chars = text.chars();
    let first = chars.next().ok_or(BadEscape { length: 0 })?;
    if first != '\\' {
        return Ok((first, first.len_utf8()));
    }
    let escape = chars.next().ok_or(BadEscape { length: 1 })?;
    let simple = |character| Ok((character, 2));
    match escape {
        'n' => simple('\n'),
        't' => simple('\t'),
        'r' => simple('\r'),
        '0' => simple('\0'),
        '\\' | '"' | '\'' => simple(escape),
        'x' => {
            let digits = text.get(2..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
            let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            value.map(|value| (char::from(value), 4)).ok_or(BadEscape { length: 2 })
        }
        'u' => {
            let rest = text[2..].strip_prefix('{').ok_or(BadEscape { length: 2 })?;
            let length = rest.bytes().take(9).position(|b| b == b'}').ok_or(BadEscape { length: 3 })?;
            let digits = Some(&rest[..length]).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
            let value = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            let character = value.and_then(char::from_u32);
            character.map(|character| (character, 4 + length)).ok_or(BadEscape { length: 4 + length })
        }
        other => Err(BadEscape { length: 1 + other.len_utf8() }),
    }
}

/// An escape that stands for nothing.
pub(super) struct BadEscape {
    /// How many bytes of it were understood to belong to it.
    pub length: usize,
}

/// A character as it is written between single quotes, if it can be seen there.
pub(super) fn shown(code: i64) -> Option<String> {
    let character = u32::try_from(code).ok().and_then(char::from_u32)?;
    match character {
        '\n' | '\t' | '\r' | '\\' | '\'' => Some(format!("'{}'", character.escape_default())),
        // Marks that combine with what is before them, or direct the text, would garble the line.
        ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' => Some(format!("'{character}'")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_signs_prefixes_and_underscores() {
        let good = [
            ("5", 5),
            ("-5", -5),
            ("+5", 5),
            ("007", 7),
            ("1_000", 1000),
            ("0x1F", 31),
            ("-0Xff", -255),
            ("0o17", 15),
            ("0b1_01", 5),
        ];
        for (word, value) in good {
            assert_eq!(integer(word), Some(value.into()), "{word}");
        }
        for word in ["", "-", "0x", "_1", "1_", "1__0", "0x_1", "12a", "0b2", "0o8", "1e3", "--5", "0x-1"] {
            assert_eq!(integer(word), None, "{word}");
        }
        let long = format!("0x1{}", "0".repeat(1000));
        assert_eq!(integer(&long), Some(Integer::ONE << 4000));
    }

    #[test]
    fn escapes_stand_for_characters() {
        let good = [
            ("a", 'a'),
            ("\\n", '\n'),
            ("\\x41", 'A'),
            ("\\xe9", '\u{e9}'),
            ("\\u{1F600}", '\u{1F600}'),
            ("\\0", '\0'),
            ("\u{e9}", '\u{e9}'),
        ];
        for (text, expected) in good {
            assert!(
                matches!(character(text), Ok((c, length)) if c == expected && length == text.len()),
                "{text}"
            );
        }
        for text in [
            "\\",
            "\\q",
            "\\x4",
            "\\xg0",
            "\\u",
            "\\u{",
            "\\u{}",
            "\\u{d800}",
            "\\u{110000}",
            "\\u{1234567890}",
        ] {
            assert!(character(text).is_err(), "{text}");
        }
    }
}
