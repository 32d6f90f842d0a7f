//! What the instructions for input and output do: characters, numbers, the end of the input.

use crate::Integer;
use crate::fault::FaultKind;
use crate::instruction::Opcode;
use crate::options::{Chars, Eof, Numbers, Options, Overflow};
use crate::state::{Halt, State};
use crate::value::{Value, ValueRef};

/// Writes a character.
///
/// # Errors
/// [`FaultKind::CharRange`] if the number is none, and those of [`State::write`].
#[inline]
pub fn print_char(state: &mut State<'_>, value: ValueRef<'_>, chars: Chars) -> Result<(), FaultKind> {
    match (value, chars) {
        (ValueRef::Small(code @ 0..=0x7F), _) | (ValueRef::Small(code @ 0..=0xFF), Chars::Bytes) => {
            state.put(code as u8)
        }
        (ValueRef::Small(code), Chars::Utf8) => match u32::try_from(code).ok().and_then(char::from_u32) {
            Some(code) => state.write(code.encode_utf8(&mut [0; 4]).as_bytes()),
            None => Err(FaultKind::CharRange { value: code.into() }),
        },
        _ => Err(FaultKind::CharRange { value: value.integer().into_owned() }),
    }
}

/// Writes a number in decimal.
///
/// # Errors
/// Those of [`State::write`].
pub fn print_number(state: &mut State<'_>, value: ValueRef<'_>) -> Result<(), FaultKind> {
    let small = match value {
        ValueRef::Small(small) => small,
        ValueRef::Big(big) => return state.write(big.to_string().as_bytes()),
    };
    // Digits from the last one on; 20 and a sign is the most there are.
    let mut text = [0; 21];
    let (mut at, mut left) = (text.len(), small.unsigned_abs());
    loop {
        at -= 1;
        text[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if small < 0 {
        at -= 1;
        text[at] = b'-';
    }
    state.write(&text[at..])
}

/// Reads a character. None if the input has ended and the cell is to stay as it is.
///
/// # Errors
/// [`FaultKind::InputEof`] and [`FaultKind::InputEncoding`], and those of [`State::peek_byte`].
#[inline]
pub fn read_char(state: &mut State<'_>, options: &Options) -> Result<Option<Value>, Halt> {
    let Some(first) = state.peek_byte()? else { return Ok(at_end(options.eof)?) };
    state.take_byte();
    if first < 0x80 || options.chars == Chars::Bytes {
        return Ok(Some(Value::Small(first.into())));
    }
    rest_of_char(state, first)
}

/// The rest of a character of several bytes. A sequence that goes wrong is consumed up to the byte that cannot belong to it.
fn rest_of_char(state: &mut State<'_>, first: u8) -> Result<Option<Value>, Halt> {
    // How many bytes follow, and what the first of them may be: so no character is written longer than need be, none is a
    // surrogate, and none is beyond the last.
    let (more, allowed) = match first {
        0xC2..=0xDF => (1, 0x80..=0xBF),
        0xE0 => (2, 0xA0..=0xBF),
        0xED => (2, 0x80..=0x9F),
        0xE1..=0xEF => (2, 0x80..=0xBF),
        0xF0 => (3, 0x90..=0xBF),
        0xF1..=0xF3 => (3, 0x80..=0xBF),
        0xF4 => (3, 0x80..=0x8F),
        _ => return Err(FaultKind::InputEncoding { bytes: vec![first] }.into()),
    };
    let mut bytes = vec![first];
    let mut code = u32::from(first) & (0x3F >> more);
    while bytes.len() <= more {
        let next = match state.peek_byte() {
            Ok(next) => next,
            Err(halt) => {
                state.unread(bytes);
                return Err(halt);
            }
        };
        let good = |byte: &u8| if bytes.len() == 1 { allowed.contains(byte) } else { byte & 0xC0 == 0x80 };
        let Some(byte) = next.filter(good) else { return Err(FaultKind::InputEncoding { bytes }.into()) };
        state.take_byte();
        bytes.push(byte);
        code = code << 6 | u32::from(byte & 0x3F);
    }
    Ok(Some(Value::Small(code.into())))
}

/// Reads a line that holds a number. None if the input has ended and the cell is to stay as it is. The line is consumed whatever
/// it holds.
///
/// # Errors
/// [`FaultKind::InputEof`], [`FaultKind::InputNumber`] and [`FaultKind::Overflow`], and those of [`State::peek_byte`].
pub fn read_number(state: &mut State<'_>, options: &Options) -> Result<Option<Value>, Halt> {
    let mut line = Vec::new();
    match state.take_line(&mut line) {
        Ok(true) => {}
        Ok(false) => return Ok(at_end(options.eof)?),
        Err(halt) => {
            state.unread(line);
            return Err(halt);
        }
    }
    let Some(number) = parse_number(&line, options.numbers) else {
        return Err(FaultKind::InputNumber { line }.into());
    };
    Ok(Some(bounded(number, Opcode::Readi, options.overflow)?))
}

/// What becomes of a constant or of a number read.
///
/// # Errors
/// [`FaultKind::Overflow`], as the option says.
pub fn bounded(number: Value, opcode: Opcode, overflow: Overflow) -> Result<Value, FaultKind> {
    match (number, overflow) {
        (Value::Big(big), Overflow::Wrap) => Ok(Value::Small(wrapped(&big))),
        (Value::Big(big), Overflow::Error) => Err(FaultKind::Overflow { opcode, operands: vec![big] }),
        (number, _) => Ok(number),
    }
}

/// An integer modulo 2^64, in two's complement.
pub fn wrapped(integer: &Integer) -> i64 {
    let (sign, words) = integer.as_sign_words();
    // A word has 64 bits on every target that there is code for.
    let low = words.first().copied().unwrap_or(0) as i64;
    if sign == dashu_int::Sign::Negative { low.wrapping_neg() } else { low }
}

fn at_end(eof: Eof) -> Result<Option<Value>, FaultKind> {
    match eof {
        Eof::Error => Err(FaultKind::InputEof),
        Eof::Zero => Ok(Some(Value::Small(0))),
        Eof::MinusOne => Ok(Some(Value::Small(-1))),
        Eof::Keep => Ok(None),
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

fn trimmed(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_blank(*byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_blank(*byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

/// The number that a line holds, if it is one by these rules.
pub fn parse_number(line: &[u8], numbers: Numbers) -> Option<Value> {
    let text = trimmed(line);
    match numbers {
        Numbers::Strict => signed(text, b"+-"),
        Numbers::Wspace => {
            let mut text = text;
            while let [b'(', inside @ .., b')'] = text {
                text = trimmed(inside);
            }
            signed(text, b"-")
        }
        Numbers::Prefix => {
            let sign = usize::from(matches!(text, [b'+' | b'-', ..]));
            let digits = text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            Some(signed(&text[..sign + digits], b"+-").unwrap_or(Value::Small(0)))
        }
    }
}

/// A number with at most one of these signs, with which blanks may follow.
fn signed(text: &[u8], signs: &[u8]) -> Option<Value> {
    let (negative, magnitude) = match text {
        [sign, rest @ ..] if signs.contains(sign) => (*sign == b'-', trimmed(rest)),
        _ => (false, text),
    };
    let (radix, digits) = match magnitude {
        [b'0', b'x' | b'X', digits @ ..] => (16, digits),
        [b'0', b'o' | b'O', digits @ ..] => (8, digits),
        [b'0', b'b' | b'B', digits @ ..] => (2, digits),
        digits => (10, digits),
    };
    // Checked here, because the library's parser knows more forms.
    if digits.is_empty() || !digits.iter().all(|digit| char::from(*digit).is_digit(radix)) {
        return None;
    }
    let digits = std::str::from_utf8(digits).ok()?;
    if let Ok(small) = i64::from_str_radix(digits, radix) {
        return Some(Value::Small(if negative { -small } else { small }));
    }
    let magnitude = Integer::from_str_radix(digits, radix).ok()?;
    Some(Value::from(if negative { -magnitude } else { magnitude }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Channels;

    #[test]
    fn lines_are_numbers_as_the_rules_say() {
        let yes: &[(&str, [Option<i64>; 3])] = &[
            ("42", [Some(42); 3]),
            (" 42 ", [Some(42); 3]),
            ("\t7", [Some(7); 3]),
            ("5\r", [Some(5); 3]),
            ("-5", [Some(-5); 3]),
            ("007", [Some(7); 3]),
            ("+5", [Some(5), Some(5), None]),
            ("0x1F", [Some(31), Some(0), Some(31)]),
            ("0XfF", [Some(255), Some(0), Some(255)]),
            ("0o17", [Some(15), Some(0), Some(15)]),
            ("0b101", [Some(5), Some(0), Some(5)]),
            ("-0x10", [Some(-16), Some(0), Some(-16)]),
            ("- 5", [Some(-5), Some(0), Some(-5)]),
            ("(5)", [None, Some(0), Some(5)]),
            ("( (- 5 ))", [None, Some(0), Some(-5)]),
            ("-(5)", [None, Some(0), None]),
            ("(5", [None, Some(0), None]),
            ("1_000", [None, Some(1), None]),
            ("", [None, Some(0), None]),
            ("1e3", [None, Some(1), None]),
            ("12abc", [None, Some(12), None]),
            ("4 2", [None, Some(4), None]),
            ("--5", [None, Some(0), None]),
            ("-", [None, Some(0), None]),
            ("0x", [None, Some(0), None]),
            ("0x-1", [None, Some(0), None]),
            ("0x+1", [None, Some(0), None]),
            ("\u{665}", [None, Some(0), None]),
            ("9223372036854775807", [Some(i64::MAX); 3]),
            ("-9223372036854775808", [Some(i64::MIN); 3]),
        ];
        for (line, expected) in yes {
            for (numbers, expected) in
                [Numbers::Strict, Numbers::Prefix, Numbers::Wspace].iter().zip(expected)
            {
                let got = parse_number(line.as_bytes(), *numbers);
                assert_eq!(got, expected.map(Value::Small), "{line:?} {numbers}");
            }
        }
        let long = "12345678901234567890123";
        let expected = long.parse::<Integer>().expect("digits");
        assert_eq!(parse_number(long.as_bytes(), Numbers::Strict), Some(Value::Big(expected.clone())));
        assert_eq!(
            parse_number(format!("-{long}x").as_bytes(), Numbers::Prefix),
            Some(Value::Big(-expected))
        );
    }

    #[test]
    fn wrapping_is_modulo_two_to_the_64() {
        for (value, expected) in [
            (Integer::ONE << 63, i64::MIN),
            ((Integer::ONE << 64) + 5, 5),
            (-(Integer::ONE << 64) - 5, -5),
            (-(Integer::ONE << 63) - 1, i64::MAX),
            (Integer::ONE << 200, 0),
        ] {
            assert_eq!(wrapped(&value), expected, "{value}");
        }
    }

    fn with_input<T>(input: &[u8], test: impl FnOnce(&mut State<'_>) -> T) -> T {
        let channels = Channels::new(input, std::io::sink());
        test(&mut State::new(&Options::default(), channels).expect("address space"))
    }

    #[test]
    fn characters_are_read_as_utf_8() {
        let text = "a\u{e9}\u{20ac}\u{10ffff}\0\r\n";
        with_input(text.as_bytes(), |state| {
            for code in text.chars() {
                assert_eq!(
                    read_char(state, &Options::default()),
                    Ok(Some(Value::Small(u32::from(code).into())))
                );
            }
            assert_eq!(read_char(state, &Options::default()), Err(FaultKind::InputEof.into()));
        });
        let bad: &[(&[u8], usize)] = &[
            (b"\x80z", 1),
            (b"\xC0\x80z", 1),
            (b"\xC3z", 1),
            (b"\xC3", 1),
            (b"\xE2\x82z", 2),
            (b"\xE2\x82", 2),
            (b"\xED\xA0\x80z", 1),
            (b"\xE0\x80\x80z", 1),
            (b"\xF0\x9F\x98", 3),
            (b"\xF4\x90\x80\x80z", 1),
            (b"\xF5z", 1),
        ];
        for (input, consumed) in bad {
            with_input(input, |state| {
                let bytes = input[..*consumed].to_vec();
                assert_eq!(
                    read_char(state, &Options::default()),
                    Err(FaultKind::InputEncoding { bytes }.into())
                );
                assert_eq!(state.peek_byte(), Ok(input.get(*consumed).copied()));
            });
        }
    }

    /// Input of which each part is followed by a failure.
    struct Broken(Vec<&'static [u8]>, bool);

    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            unreachable!("only the buffer is used")
        }
    }

    impl std::io::BufRead for Broken {
        fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
            self.1 = !self.1;
            if self.1 {
                Err(std::io::ErrorKind::TimedOut.into())
            } else {
                Ok(self.0.first().unwrap_or(&&b""[..]))
            }
        }

        fn consume(&mut self, count: usize) {
            if let Some(first) = self.0.first_mut() {
                *first = &first[count..];
                if first.is_empty() {
                    self.0.remove(0);
                }
            }
        }
    }

    #[test]
    fn what_was_read_of_a_line_or_character_is_kept_when_waiting_fails() {
        let input = Broken(vec![b"\xE2\x82", b"\xAC1", b"2", b"\n", b"3"], false);
        let mut state =
            State::new(&Options::default(), Channels::new(input, std::io::sink())).expect("address space");
        fn retry(mut read: impl FnMut() -> Result<Option<Value>, Halt>) -> Value {
            loop {
                if let Ok(value) = read() {
                    return value.expect("not at the end");
                }
            }
        }
        let options = Options::default();
        assert_eq!(retry(|| read_char(&mut state, &options)), Value::Small(0x20AC));
        assert_eq!(retry(|| read_number(&mut state, &options)), Value::Small(12));
        assert_eq!(retry(|| read_char(&mut state, &options)), Value::Small(b'3'.into()));
    }
}
