//! Assembly both ways: what the words mean, and that what is printed reads back to the same tokens.

use kiln_whitespace::assembly::{AsmOptions, Dialect, Included, Includes, Labels, Style, language};
use kiln_whitespace::number::Form;
use kiln_whitespace::source::Language;
use kiln_whitespace::{Opcode, Program};

fn assemble(text: &str) -> Program {
    match Program::assemble(text, &AsmOptions::default()) {
        Ok(program) => program,
        Err(rejected) => panic!("{rejected}\nin:\n{text}"),
    }
}

/// The program in one line, instructions separated by `; `.
fn listing(program: &Program) -> String {
    let lines: Vec<_> = (0..program.len() as u32).map(|at| program.instruction_text(at)).collect();
    lines.join("; ")
}

/// Tokens as letters.
fn letters(program: &Program) -> String {
    program
        .to_whitespace()
        .iter()
        .map(|byte| match byte {
            b' ' => 'S',
            b'\t' => 'T',
            _ => 'L',
        })
        .collect()
}

#[test]
fn every_mnemonic_is_read_in_any_case() {
    for (name, opcode) in Opcode::mnemonics() {
        let argument = match opcode.argument() {
            kiln_whitespace::instruction::Argument::None => "",
            kiln_whitespace::instruction::Argument::Number => " 5",
            kiln_whitespace::instruction::Argument::Label => " here",
        };
        let define = if argument == " here" && opcode != Opcode::Label { "\nhere:" } else { "" };
        for name in [name.to_owned(), name.to_uppercase()] {
            let program = assemble(&format!("{name}{argument}{define}"));
            assert_eq!(program.instructions()[0].opcode(), Some(opcode), "{name}");
        }
    }
}

#[test]
fn several_instructions_stand_on_a_line() {
    let program = assemble(
        "a: b: push 1 dup add jmp a ; comment\n5: label c # comment\ncall 5 // comment\nend -- comment",
    );
    let expected = "a:; b:; push 1; dup; add; jmp a; _101:; c:; call _101; end";
    assert_eq!(listing(&program), expected);
}

#[test]
fn comments_nest_and_end_a_line() {
    let program = assemble("push {- one {- two -} -} 1\nadd {-\n-} 2: drop {- -}dup");
    assert_eq!(listing(&program), "push 1; add; _10:; drop; dup");
}

#[test]
fn immediates_are_pushed_first() {
    let cases = [
        ("add 5", "push 5; add"),
        ("sub -1", "push -1; sub"),
        ("mul 'a'", "push 97; mul"),
        ("div 0x10", "push 16; div"),
        ("mod 0b11", "push 3; mod"),
        ("store 5", "push 5; swap; store"),
        ("retrieve 5", "push 5; retrieve"),
        ("printc 'x'", "push 120; printc"),
        ("printi 5", "push 5; printi"),
        ("readc 5", "push 5; readc"),
        ("readi 5", "push 5; readi"),
        ("add 5 dup", "push 5; add; dup"),
        ("add 5: dup", "add; _101:; dup"),
    ];
    for (text, expected) in cases {
        assert_eq!(listing(&assemble(text)), expected, "{text}");
    }
}

#[test]
fn strings_are_pushed_so_that_popping_reads_them() {
    assert_eq!(listing(&assemble(r#"push "abc""#)), "push 99; push 98; push 97");
    assert_eq!(listing(&assemble(r#"pushz "a\n\u{1F600}""#)), "push 0; push 128512; push 10; push 97");
    assert_eq!(listing(&assemble(r#"push "" pushz """#)), "push 0");
    assert_eq!(listing(&assemble(r"push '\'' push '\\' push 'é'")), "push 39; push 92; push 233");
}

#[test]
fn names_stand_for_the_bits_of_their_letters() {
    assert_eq!(letters(&assemble("a:")), "LSSSTTSSSSTL");
    assert_eq!(letters(&assemble("_01:_:0:1:6:")), "LSSSTLLSSLLSSSLLSSTLLSSTTSL");
}

#[test]
fn local_labels_belong_to_the_plain_label_before_them() {
    let program = assemble("main: .loop: jmp .loop\nother: .loop: jmp .loop jmp main.loop");
    assert_eq!(
        listing(&program),
        "main:; main.loop:; jmp main.loop; other:; other.loop:; jmp other.loop; jmp main.loop"
    );
}

#[test]
fn big_numbers_are_exact() {
    let text = "push 340282366920938463463374607431768211456";
    assert_eq!(listing(&assemble(text)), text);
    let hex = format!("push -0x1{}", "0".repeat(2000));
    assert_eq!(listing(&assemble(&hex)), hex);
    assert_eq!(letters(&assemble("push 18446744073709551616")), format!("SSST{}L", "S".repeat(64)));
}

#[test]
fn short_labels_keep_their_names_in_messages_only() {
    let options = AsmOptions { labels: Labels::Short, ..AsmOptions::default() };
    let program =
        Program::assemble("start: jmp often\noften: jz often jmp start", &options).expect("a program");
    assert_eq!(listing(&program), "start:; jmp often; often:; jz often; jmp start");
    // `often` stands three times, `start` twice.
    assert_eq!(letters(&program), "LSSSLLSLLLSSLLTSLLSLSL");
    assert_eq!(program.find_label("often").and_then(|label| program.definition(label)), Some(2));
    assert!(program.to_assembly(Style::KILN).starts_with("_0:\n  jmp _\n"));
}

#[test]
fn macros_have_labels_of_their_own() {
    let text = "
        macro countdown from body {
            push from
            .again:
            call body
            push 1 sub dup jz .done jmp .again
            .done: drop
        }
        main: .show: jmp .go
        .go:
        countdown 3 .show
        countdown 4 main
        end";
    let program = assemble(text);
    let expected = "main:; main.show:; jmp main.go; main.go:; \
        push 3; countdown.1.again:; call main.show; push 1; sub; dup; jz countdown.1.done; jmp countdown.1.again; \
        countdown.1.done:; drop; \
        push 4; countdown.2.again:; call main; push 1; sub; dup; jz countdown.2.done; jmp countdown.2.again; \
        countdown.2.done:; drop; end";
    assert_eq!(listing(&program), expected);
    let nested = "macro twice x { x x }\nmacro four x { twice x twice x }";
    let program = assemble(&format!("{nested}\nfour dup"));
    assert_eq!(listing(&program), "dup; dup; dup; dup");
}

struct Folder;

impl Includes for Folder {
    fn load(&self, from: &str, path: &str) -> Result<Included, String> {
        let text: &[u8] = match path {
            "library.wsa" => b"double: dup add ret\n.local: jmp .local",
            "itself.wsa" => b"include \"itself.wsa\"",
            "broken.wsa" => b"dup\n  dupp",
            "latin.wsa" => b"dup ; \xE9",
            "doubling.wsa" => b"macro a0 { dup }",
            _ => return Err(format!("there is no such file beside `{from}`")),
        };
        Ok(Included { name: path.into(), text: text.into() })
    }
}

fn with_files(text: &str) -> Result<Program, String> {
    let options = AsmOptions { name: "main.wsa", includes: &Folder, ..AsmOptions::default() };
    Program::assemble(text, &options).map_err(|rejected| rejected.to_string())
}

#[test]
fn files_are_included_where_they_are_asked_for() {
    let program = with_files("main: include \"library.wsa\"\n.x: jmp .x").expect("a program");
    let expected = "main:; double:; dup; add; ret; double.local:; jmp double.local; main.x:; jmp main.x";
    assert_eq!(listing(&program), expected);
    assert_eq!(program.position(2).expect("known").to_string(), "library.wsa:1:9");
    assert_eq!(program.position(7).expect("known").to_string(), "main.wsa:2:1");
}

#[test]
fn included_files_that_are_wrong_are_reported_where_it_is() {
    let problems = |text| with_files(text).expect_err("wrong");
    assert_eq!(
        problems("\n include \"itself.wsa\""),
        "itself.wsa:1:1: asm/include: `itself.wsa` includes itself"
    );
    assert_eq!(
        problems("include \"broken.wsa\""),
        "broken.wsa:2:3: asm/unknown-mnemonic: `dupp` is no instruction"
    );
    assert_eq!(
        problems("include \"none.wsa\""),
        "main.wsa:1:1: asm/include: cannot include `none.wsa`: there is no such file beside `main.wsa`"
    );
    assert!(problems("include \"latin.wsa\"").starts_with("latin.wsa:1:7: asm/encoding: "));
}

#[test]
fn macros_that_double_without_end_are_stopped() {
    let mut text = String::from("macro m0 { dup dup dup dup }\n");
    for level in 1..40 {
        text.push_str(&format!("macro m{level} {{ m{0} m{0} }}\n", level - 1));
    }
    text.push_str("m39");
    let problem = with_files(&text).expect_err("too much");
    assert!(problem.contains("asm/macro: macros and included files come to more than"), "{problem}");
}

#[test]
fn the_example_of_the_manual_is_a_program() {
    let manual = include_str!("../../../docs/whitespace.md");
    let (_, section) = manual.split_once("## Assembly\n\n```\n").expect("the section");
    let (example, _) = section.split_once("```").expect("its end");
    let program = assemble(example);
    assert!(
        program
            .check(&kiln_whitespace::Options::default())
            .iter()
            .all(|warning| warning.message.contains("start"))
    );
    assert!(program.find_label("start.loop").is_some());
}

#[test]
fn what_macros_repeat_is_counted() {
    let long = "x".repeat(500_000);
    let name = "n".repeat(300);
    for (text, class) in [
        (format!("macro a {{ push \"{long}\" }}\n{}", "a ".repeat(1000)), "asm/macro"),
        (format!("{long}: .a: jmp .b"), "asm/bad-label"),
        (format!("macro {name} {{ .a: }}"), "asm/macro"),
    ] {
        let problem = with_files(&text).expect_err("too much");
        assert!(problem.contains(class) && problem.len() < 20_000, "{}", &problem[..problem.len().min(300)]);
    }
    // A label may be long, and the next one takes local labels again.
    with_files(&format!("{long}: jmp {long} b: .a: jmp .a")).expect("a program");
}

#[test]
fn the_dialect_of_whitespacers_takes_what_it_takes() {
    let options = AsmOptions { dialect: Dialect::Whitespacers, ..AsmOptions::default() };
    let text = "a: b: push  -1 ; one\n  lbl c\n  jmp c\n  pchr\nexit: exit\n";
    let program = Program::assemble(text, &options).expect("a program");
    assert_eq!(listing(&program), "a:; b:; push -1; c:; jmp c; printc; exit:; end");
    let kiln = assemble(text);
    assert_eq!(kiln.to_whitespace(), program.to_whitespace());
    assert_eq!(
        program.to_assembly(Style::WHITESPACERS),
        "a:\nb:\n    push  -1\nc:\n    jmp   c\n    pchr\nexit:\n    exit\n"
    );
    for text in [
        "push 1 pop",
        "label a",
        "printc",
        "PUSH 1",
        "push 0x1F",
        "push 'a'",
        "push \"a\"",
        "# a",
        "jmp .a",
        "add 5",
        "copy -1",
        "slide 99999999999999999999",
        "push +1",
        "5:",
        "a.b:",
        "macro a { }",
        "drop",
        "// a",
        "{- a -}",
    ] {
        assert!(Program::assemble(text, &options).is_err(), "{text}");
    }
}

#[test]
fn printing_shows_characters_that_are_printed() {
    let program = assemble(
        "start: push 'H' printc push 10 printc push 'a' x: printc push -5 printc push 200000 printc jmp start",
    );
    let expected = "start:\n  push 72\n  printc  ; 'H'\n  push 10\n  printc  ; '\\n'\n  push 97\nx:\n  printc\n  push -5\n  printc\n  push 200000\n  printc\n  jmp start\n";
    assert_eq!(program.to_assembly(Style::KILN), expected);
}

/// A program of odd numbers and labels, as letters.
const ODD: &str = "SSL SSTL SSSL SSSSL SSTSSL SSSSSTSL SSTSTL STSTL STLL STSTTL STLSSL \
    LSSL LSSSL LSSSSL LSSTL LSSSTTSSSSTL LSSSTSTTTTTL LSSSTSTTTTTSSTTSSSSL LSSSSTTTSSTL LSSTTTTTTTTL \
    LSLL LSTSL LTSSSL LTTSTTSSSSTL LSLSTSTTTTTL LSLSTSTTTTTSSTTSSSSL LSLSSTTTSSTL LSLTTTTTTTTL LSSSSTSTTTSSTTSSSSTL";

fn parse(letters: &str) -> Program {
    let byte = |letter| match letter {
        b'S' => b' ',
        b'T' => b'\t',
        b'L' => b'\n',
        other => other,
    };
    let text: Vec<u8> = letters.bytes().filter(|letter| *letter != b' ').map(byte).collect();
    Program::parse(&text).unwrap_or_else(|rejected| panic!("{rejected}"))
}

#[test]
fn odd_programs_survive_the_way_through_text() {
    let program = parse(ODD);
    let exact = assemble(&program.to_assembly(Style::EXACT));
    assert_eq!(exact.to_whitespace(), program.to_whitespace());
    assert_eq!(exact.odd_forms(), program.odd_forms());
    assert_eq!(exact.odd_forms()[0].form, Form::Empty);
    for style in [Style::KILN, Style::WHITESPACERS] {
        let again = assemble(&program.to_assembly(style));
        assert_eq!(again.instructions().len(), program.len());
        assert!(again.odd_forms().is_empty());
        let labels =
            |program: &Program| program.labels().map(|(_, label)| label.exact_name()).collect::<Vec<_>>();
        assert_eq!(labels(&again), labels(&program));
        // Normalised once, it stays.
        assert_eq!(assemble(&again.to_assembly(style)).to_whitespace(), again.to_whitespace());
    }
}

#[test]
fn numbers_with_given_tokens_must_have_that_value() {
    for good in
        ["push 0 @\"\"", "push 0 @\"T\"", "push 5 @\"SSSTST\"", "copy 2 @\"STS\"", "slide -1 @\"TSST\""]
    {
        let program = assemble(good);
        assert_eq!(assemble(&program.to_assembly(Style::EXACT)).to_whitespace(), program.to_whitespace());
    }
    for (bad, message) in [
        ("push 1 @\"\"", "these tokens are another number"),
        ("push 5 @\"STSS\"", "these tokens are another number"),
        ("push 5 @\"TTST\"", "these tokens are another number"),
        ("push 5 @\"SXST\"", "the tokens of a number are S and T"),
        ("push 5 @", "`@` is followed by the tokens of the number, as in `push 0 @\"T\"`"),
    ] {
        let rejected = Program::assemble(bad, &AsmOptions::default()).expect_err(bad);
        assert_eq!(rejected.diagnostics[0].message, message);
    }
}

#[test]
fn minifying_keeps_instructions_and_is_idempotent() {
    for program in [parse(ODD), assemble("a: b: c: d: jmp d jz d jn c jmp c call b push 0x0 end")] {
        let small = program.minify();
        assert!(small.to_whitespace().len() <= program.to_whitespace().len());
        assert_eq!(small.minify().to_whitespace(), small.to_whitespace());
        let shape = |program: &Program| {
            let each = program.instructions().iter();
            each.map(|i| (i.opcode(), i.jump().map(|(_, target)| target))).collect::<Vec<_>>()
        };
        assert_eq!(shape(&small), shape(&program));
        let again = Program::parse(&small.to_whitespace()).expect("a program");
        assert_eq!(again.minify().to_whitespace(), small.to_whitespace());
    }
    // Used most: d and c, three times each; then b; then a. The first of equals is c.
    let small = assemble("a: b: c: d: jmp d jz d jn c jmp c call b").minify();
    assert_eq!(listing(&small), "_00:; _1:; _:; _0:; jmp _0; jz _0; jn _; jmp _; call _1");
}

#[test]
fn the_language_of_a_text_is_seen() {
    for text in [
        "push 1\n",
        "  push 1\n  printi\n  end",
        "; comment\n\nmain:\n  call x\nx: ret",
        "macro a { dup }\n a",
        "5:",
        "dupp\nadd\nadd",
    ] {
        assert_eq!(language(text.as_bytes()), Language::Assembly, "{text}");
    }
    for text in ["", "   \t\n", "prose about push\n  \t\n", "dup  \t\nsome more\nprose", "\u{FF}"] {
        assert_eq!(language(text.as_bytes()), Language::Whitespace, "{text}");
    }
    assert_eq!(language(b"push 1 ; \xFF"), Language::Whitespace);
    let licence = "{- Permission is granted\nto whom it may concern\nto do anything. -}\n# As is.\nend\n";
    assert_eq!(language(licence.as_bytes()), Language::Assembly);
}

#[test]
fn hostile_texts_are_refused_in_time_linear_in_their_length() {
    let opts = AsmOptions::default();
    for text in [
        "{-".repeat(1_000_000),
        "'".repeat(1_000_000),
        "\"".repeat(999_999),
        "\\".repeat(1_000_000),
        "a:".repeat(500_000),
        "jmp a\n".repeat(200_000),
        "@".repeat(1_000_000),
        "é".repeat(500_000),
        format!("push {}", "_".repeat(1_000_000)),
    ] {
        assert!(Program::assemble(&text, &opts).is_err());
    }
    let long = "a".repeat(1_250_000);
    let program = assemble(&format!("{long}: jmp {long}"));
    assert_eq!(program.label(program.instructions()[0].label().expect("a label")).len(), 10_000_000);
    let hex = format!("push 0x1{}", "0".repeat(2_500_000));
    assert_eq!(assemble(&hex).to_assembly(Style::KILN), format!("  {hex}\n"));
}
