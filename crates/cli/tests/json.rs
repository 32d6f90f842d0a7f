//! `examples/json.kiln` takes what RFC 8259 allows and nothing else, and prints it as serde_json does.

mod command;

use command::{Outcome, example, file, kiln, outcome, run, run_with_input};
use serde_json::Value;
use serde_json::value::RawValue;

/// What the example makes of a text on its standard input, in every tier.
#[track_caller]
fn json(text: &[u8]) -> Outcome {
    let run = |tier| run_with_input(&["run", "--tier", tier, "examples/json.kiln"], text);
    let outcomes = ["auto", "optimized", "baseline", "interpreter"].map(run);
    assert!(outcomes.iter().all(|o| *o == outcomes[0]), "the tiers differ on {}", text.escape_ascii());
    let [outcome, ..] = outcomes;
    outcome
}

/// Numbers, strings and nesting at the edges of RFC 8259, and what they are printed as; `None`: as they are.
const VALUES: &[(&str, Option<&str>)] = &[
    ("null", None),
    ("true", None),
    ("false", None),
    (" \t\r\n null\n", Some("null")),
    ("0", None),
    ("-0", None),
    ("-1", None),
    ("1234567890123456789012345678901234567890", None),
    ("0.000", None),
    ("-0.5e1", None),
    ("1e400", None),
    ("1E+2", None),
    ("10.25E-007", None),
    ("0e0", None),
    (r#""""#, None),
    (r#"" ~!#[]{}:,'/""#, None),
    (r#""\"\\\/\b\f\n\r\t""#, None),
    (r#""\u0000\uaBcD\uD83D\uDE00""#, None),
    (r#""\udc00 half a pair""#, None),
    ("\"\u{7f}\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}\"", None),
    ("[]", None),
    ("{}", None),
    (" [ ] ", Some("[]")),
    ("{\n}", Some("{}")),
    ("[1]", Some("[\n  1\n]")),
    ("[[],{}]", Some("[\n  [],\n  {}\n]")),
    (r#"{"a":1,"a":2}"#, Some("{\n  \"a\": 1,\n  \"a\": 2\n}")),
    (r#"{"":{"":[0 , 1]}}"#, Some("{\n  \"\": {\n    \"\": [\n      0,\n      1\n    ]\n  }\n}")),
];

#[test]
fn prints_what_is_json() {
    for (text, printed) in VALUES {
        let printed = format!("{}\n", printed.unwrap_or(text));
        assert_eq!(json(text.as_bytes()).succeeds(), printed, "{text}");
    }
}

/// What is wrong with a text that is not JSON, and where.
const MISTAKES: &[(&[u8], &str)] = &[
    (b"", "1:1: expected a value, but the text ends here"),
    (b" \n ", "2:2: expected a value, but the text ends here"),
    (b"\xef\xbb\xbf1", "1:1: expected a value"),
    (b"nul", "1:1: expected a value"),
    (b"True", "1:1: expected a value"),
    (b"truefalse", "1:5: expected the end of the text"),
    (b"1 2", "1:3: expected the end of the text"),
    (b"1\0", "1:2: expected the end of the text"),
    (b"\0", "1:1: expected a value"),
    (b"/* no */ 1", "1:1: expected a value"),
    (b"NaN", "1:1: expected a value"),
    (b"'a'", "1:1: expected a value"),
    (b"\x0c1", "1:1: expected a value"),
    (b"+1", "1:1: expected a value"),
    (b"-", "1:2: expected a digit, but the text ends here"),
    (b"- 1", "1:2: expected a digit"),
    (b"01", "1:2: expected the end of the text"),
    (b"-012", "1:3: expected the end of the text"),
    (b".5", "1:1: expected a value"),
    (b"1.", "1:3: expected a digit, but the text ends here"),
    (b"1.e1", "1:3: expected a digit"),
    (b"1e", "1:3: expected a digit, but the text ends here"),
    (b"1e+-1", "1:4: expected a digit"),
    (b"0x10", "1:2: expected the end of the text"),
    (b"[", "1:2: expected a value, but the text ends here"),
    (b"[1", "1:3: expected a comma or `]`, but the text ends here"),
    (b"[1,", "1:4: expected a value, but the text ends here"),
    (b"[1,]", "1:4: expected a value"),
    (b"[,1]", "1:2: expected a value"),
    (b"[1 2]", "1:4: expected a comma or `]`"),
    (b"[1}", "1:3: expected a comma or `]`"),
    (b"]", "1:1: expected a value"),
    (b"{", "1:2: expected a name in double quotes, but the text ends here"),
    (b"{1:2}", "1:2: expected a name in double quotes"),
    (b"{a:1}", "1:2: expected a name in double quotes"),
    (b"{\"a\"}", "1:5: expected a colon after the name"),
    (b"{\"a\" 1}", "1:6: expected a colon after the name"),
    (b"{\"a\":}", "1:6: expected a value"),
    (b"{\"a\":1,}", "1:8: expected a name in double quotes"),
    (b"{\"a\":1 \"b\":2}", "1:8: expected a comma or `}`"),
    (b"{\"a\":1]", "1:7: expected a comma or `}`"),
    (b"\"abc", "1:1: this string has no end"),
    (b"[\"abc\\\"]", "1:2: this string has no end"),
    (b"\"a\nb\"", "1:3: a control character in a string"),
    (b"\"\t\"", "1:2: a control character in a string"),
    (b"\"a\0b\"", "1:3: a control character in a string"),
    (b"\"\\x41\"", "1:2: expected one of \"\\/bfnrtu after a backslash"),
    (b"\"\\U0041\"", "1:2: expected one of"),
    (b"\"\\", "1:2: expected one of"),
    (b"\"\\u12\"", "1:2: expected four hexadecimal digits after \\u"),
    (b"\"\\u12g4\"", "1:2: expected four hexadecimal digits"),
    // Columns count characters.
    (b"[\"\xc3\xa9\xf0\x9f\x98\x80\", x]", "1:8: expected a value"),
    (b"[1,\n2,\r\n  x]", "3:3: expected a value"),
    // Not UTF-8: a lone continuation, one missing, one too many; too long; a surrogate; above the last code point.
    (b"\"\x80\"", "1:2: this is not UTF-8"),
    (b"\"\xc3\"", "1:2: this is not UTF-8"),
    (b"\"\xe2\x82\"", "1:2: this is not UTF-8"),
    (b"\"\xc3\xa9\xa9\"", "1:3: this is not UTF-8"),
    (b"\"\xc0\xaf\"", "1:2: this is not UTF-8"),
    (b"\"\xe0\x9f\xbf\"", "1:2: this is not UTF-8"),
    (b"\"\xf0\x8f\xbf\xbf\"", "1:2: this is not UTF-8"),
    (b"\"\xed\xa0\x80\"", "1:2: this is not UTF-8"),
    (b"\"\xf4\x90\x80\x80\"", "1:2: this is not UTF-8"),
    (b"\"\xf8\x88\x80\x80\x80\"", "1:2: this is not UTF-8"),
    (b"\"\xff\"", "1:2: this is not UTF-8"),
    (b"\"\xf0\x9f\x98", "1:2: this is not UTF-8"),
];

#[test]
fn says_what_is_wrong_and_where() {
    for (text, mistake) in MISTAKES {
        let outcome = json(text);
        outcome.fails(1, &[&format!("<stdin>:{mistake}")]);
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
        assert!(!is_json(text), "the oracle takes {}", text.escape_ascii());
    }
}

/// Whether serde_json finds it right. A raw value is only checked by the grammar, numbers of any size included.
fn is_json(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<&RawValue>(text).is_ok())
}

#[test]
fn nests_to_its_limit() {
    let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    assert_eq!(json(&nested(1024)).succeeds().lines().count(), 2047);
    json(&nested(1025)).fails(1, &["<stdin>:1:1025: arrays and objects are nested too deep"]);
    let objects = [br#"{"":"#.repeat(1024), b"1".to_vec(), vec![b'}'; 1024]].concat();
    assert_eq!(json(&objects).succeeds().lines().count(), 2049);
    let mixed = br#"[{"":"#.repeat(513);
    json(&mixed).fails(1, &[":1:2561: arrays and objects are nested too deep"]);
}

/// A document with a bit of everything.
fn document() -> String {
    let strings = ["", "plain", "\u{e9}\u{4e2d}\u{1f600}", "\"quoted\" \\ and\ttabbed", "\u{1} \u{7f}"];
    let numbers = ["0", "-17", "3.25", "-1e-9", "6.02e+23", "123456789012345678901234567890"];
    let mut records = Vec::new();
    for n in 0..40 {
        let string = serde_json::to_string(strings[n % 5]).unwrap();
        let number = numbers[n % 6];
        records.push(format!(
            r#"{{"z{n}":{string}, "list" : [{number},true,[null, []]],"a":{{ }},{string}:{{"n":{n}}}}}"#
        ));
    }
    format!("[{}]", records.join(",\r\n\t"))
}

#[test]
fn prints_as_serde_json_does() {
    let text = document();
    let value: Value = serde_json::from_str(&text).unwrap();
    let printed = format!("{}\n", serde_json::to_string_pretty(&value).unwrap());
    let path = file("document.json", &text);
    assert_eq!(example("json", &[&path]), printed);
    // What has been printed is printed the same again.
    assert_eq!(json(printed.as_bytes()).succeeds(), printed);
}

#[test]
fn agrees_with_serde_json_on_damaged_texts() {
    let document = &document().into_bytes()[..400];
    let small = br#"{"a":[1,-2.5e+3,"\u00e9\n","\u20ac"],"b":{"c":null,"d":[true,false,{}]}} "#;
    let bytes = br#"[]{}:,"\/0123456789-+.eEtrufalsn bx"#;
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let mut right = 0;
    for n in 0..400 {
        let mut text = if n % 8 == 0 { document.to_vec() } else { small.to_vec() };
        for _ in 0..=random(2) {
            let at = random(text.len());
            let next = (at + 1) % text.len();
            match random(5) {
                0 => drop(text.remove(at)),
                1 => text.insert(at, bytes[random(bytes.len())]),
                2 => text[at] = bytes[random(bytes.len())],
                3 => text[at] = random(256) as u8,
                _ => text.swap(at, next),
            }
        }
        let outcome = json(&text);
        let expected = is_json(&text);
        let shown = text.escape_ascii();
        assert_eq!(outcome.status, Some(i32::from(!expected)), "{shown}\n{}", outcome.stderr);
        right += usize::from(expected);
    }
    assert!((20..380).contains(&right), "{right} of 400 are right: the damage is one-sided");
}

#[test]
fn prints_long_strings_and_texts() {
    // Longer than the output's buffer, at and around multiples of it.
    for length in [65533, 65534, 65535, 131_070, 200_000] {
        let text = format!("\"{}\"\n", "x".repeat(length));
        assert_eq!(json(text.as_bytes()).succeeds(), text);
    }
    let numbers: Vec<String> = (0..60_000).map(|n| (n * 7919 % 100_003).to_string()).collect();
    let printed = format!("[\n  {}\n]\n", numbers.join(",\n  "));
    assert_eq!(json(format!("[{}]", numbers.join(",")).as_bytes()).succeeds(), printed);
}

#[test]
fn prints_what_comes_before_a_mistake() {
    let outcome = json(b"[1, {\"a\": 2}, oops]");
    assert_eq!(outcome.stdout, "[\n  1,\n  {\n    \"a\": 2\n  },\n  \n");
    assert_eq!(outcome.stderr, "<stdin>:1:15: expected a value\n");
    assert_eq!(json(b"oops").stdout, "");
}

#[test]
fn fails_without_input_or_room() {
    run(&["run", "examples/json.kiln", "/nonexistent"]).fails(1, &["/nonexistent: No such file"]);
    run(&["run", "examples/json.kiln", "examples"]).fails(1, &["examples: Is a directory"]);
    run(&["run", "examples/json.kiln", "a", "b"]).fails(2, &["usage: json [FILE]"]);
    let path = file("full.json", "[1]");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = kiln(&["run", "examples/json.kiln", &path]);
    outcome(command.stdout(full).output().unwrap()).fails(1, &["json: No space left on device"]);
}
