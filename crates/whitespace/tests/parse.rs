//! Bytes to programs: every instruction, every problem with its place, every odd way to write something.

use kiln_whitespace::instruction::{Argument, Instruction, Opcode};
use kiln_whitespace::label::LabelId;
use kiln_whitespace::number::{Form, Size};
use kiln_whitespace::options::{DuplicateLabels, Options, Tail, UndefinedLabels};
use kiln_whitespace::token::Token;
use kiln_whitespace::{Class, Integer, Program, Rejected};

/// The bytes of a program written with the letters S, T and L. All else stays, as comments.
fn bytes(letters: &str) -> Vec<u8> {
    let byte = |letter| match letter {
        b'S' => b' ',
        b'T' => b'\t',
        b'L' => b'\n',
        b' ' => b'.',
        other => other,
    };
    letters.bytes().map(byte).collect()
}

fn parse(letters: &str) -> Result<Program, Rejected> {
    Program::parse_with("t.ws", &bytes(letters), &Options::default())
}

/// Class, line, column and instruction of every problem.
fn problems(letters: &str) -> Vec<String> {
    let rejected = parse(letters).expect_err(letters);
    let shown = rejected.diagnostics.iter().map(|problem| {
        let position = rejected.position(problem).expect("known");
        let instruction = problem.instruction.expect("known");
        format!("{}:{} {} #{instruction}", position.line, position.column, problem.class)
    });
    shown.collect()
}

#[test]
fn every_instruction_is_read() {
    for opcode in Opcode::ALL {
        let (argument, define) = match opcode.argument() {
            Argument::None => ("", ""),
            Argument::Number => ("STSTL", ""),
            Argument::Label => ("STL", if *opcode == Opcode::Label { "" } else { "LSSSTL" }),
        };
        let text = format!("{}{argument}{define}", opcode.info().tokens);
        let program = parse(&text).expect("a program");
        let first = program.instructions()[0];
        assert_eq!(first.opcode(), Some(*opcode));
        assert_eq!(first.number().and_then(|number| number.as_i64()), {
            (opcode.argument() == Argument::Number).then_some(5)
        });
        assert_eq!(first.label(), (opcode.argument() == Argument::Label).then_some(LabelId(0)));
        assert_eq!(program.to_whitespace(), bytes(&text));
    }
}

#[test]
fn comments_stand_anywhere() {
    let plain = parse("SSSTSTLTLSTLLL").expect("a program");
    let commented = bytes("oneS twoSthreeS\rT\u{e9}SxTyLzTL-S-T-LLL end");
    let mut damaged = commented.clone();
    damaged.extend([0xFF, 0xFE, 0x80, 0x00, b'\r']);
    for text in [commented, damaged] {
        let program = Program::parse(&text).expect("a program");
        assert_eq!(program.instructions(), plain.instructions());
        assert_eq!(program.to_whitespace(), plain.to_whitespace());
    }
}

#[test]
fn numbers_of_every_form_have_their_value() {
    let cases = [
        ("SL", "0", None),
        ("STL", "1", None),
        ("TTL", "-1", None),
        ("L", "0", Some(Form::Empty)),
        ("TL", "0", Some(Form::Padded { negative: true, zeros: 0 })),
        ("SSL", "0", Some(Form::Padded { negative: false, zeros: 1 })),
        ("TSSL", "0", Some(Form::Padded { negative: true, zeros: 2 })),
        ("SSSTSL", "2", Some(Form::Padded { negative: false, zeros: 2 })),
        ("TSTTL", "-3", Some(Form::Padded { negative: true, zeros: 1 })),
    ];
    for (tokens, value, form) in cases {
        let program = parse(&format!("LLLSS{tokens}")).expect("a program");
        let number = program.instructions()[1].number().expect("a push");
        assert_eq!(program.value(number).to_string(), value);
        assert_eq!(program.odd_forms().first().map(|odd| odd.form), form, "{tokens}");
        assert_eq!(program.to_whitespace(), bytes(&format!("LLLSS{tokens}")));
    }
}

#[test]
fn numbers_beyond_64_bits_are_exact() {
    for power in [63, 64, 65, 127, 128, 200] {
        for sign in ["S", "T"] {
            let text = format!("SS{sign}T{}L", "S".repeat(power));
            let program = parse(&text).expect("a program");
            let number = program.instructions()[0].number().expect("a push");
            let value = Integer::from(if sign == "S" { 1 } else { -1 }) << power;
            assert_eq!(*program.value(number), value);
            let small = power == 63 && sign == "T";
            assert_eq!(matches!(number.size(), Size::Small(_)), small);
            assert_eq!(program.to_whitespace(), bytes(&text));
        }
    }
}

#[test]
fn labels_are_their_exact_tokens() {
    let program = parse("LSSL LSSSL LSSSSL LSSTL LSSTSL LSLSSL").expect("a program");
    let names: Vec<_> = program.labels().map(|(id, _)| program.label_name(id).into_owned()).collect();
    assert_eq!(names, ["_", "_0", "_00", "_1", "_10"]);
    let jump = program.instructions()[5].jump().expect("a jump");
    assert_eq!((jump.0, jump.1.instruction()), (LabelId(2), Some(3)));
    assert_eq!(program.find_label("_10"), Some(LabelId(4)));
    assert_eq!(program.definition(LabelId(4)), Some(4));
}

#[test]
fn a_jump_leads_behind_the_label_also_at_the_end() {
    let program = parse("LSLTL LSSTL").expect("a program");
    assert_eq!(program.instructions()[0].jump().and_then(|(_, target)| target.instruction()), Some(2));
}

#[test]
fn tokens_that_begin_no_instruction_are_reported() {
    for tokens in ["STT", "TSL", "TSTL", "TTL", "TLSL", "TLTL", "TLL", "LLS", "LLT"] {
        assert_eq!(problems(tokens), ["1:1 parse/unknown-opcode #0"], "{tokens}");
        let before = format!("SLS;{tokens}LLL");
        assert_eq!(problems(&before), ["2:3 parse/unknown-opcode #1"], "{before}");
    }
    let all = problems("STT SLS TLL\nLLS");
    let expected =
        ["1:1 parse/unknown-opcode #0", "2:3 parse/unknown-opcode #1", "4:1 parse/unknown-opcode #1"];
    assert_eq!(all[..2], expected[..2]);
}

#[test]
fn what_was_expected_is_said() {
    let rejected = parse("STT").expect_err("unknown");
    assert_eq!(rejected.diagnostics[0].message, "T after `S T` begins no instruction");
    assert_eq!(rejected.diagnostics[0].notes[0].message, "expected S (`copy`) or L (`slide`)");
}

#[test]
fn no_more_than_twenty_problems_are_reported() {
    let rejected = parse(&"STT".repeat(50)).expect_err("unknown");
    assert_eq!((rejected.diagnostics.len(), rejected.omitted), (20, 1));
    let jumps: String =
        (0..50).map(|i| format!("LSL{:b}L", 64 + i).replace('0', "S").replace('1', "T")).collect();
    let rejected = parse(&jumps).expect_err("undefined");
    assert_eq!((rejected.diagnostics.len(), rejected.omitted), (20, 30));
}

#[test]
fn a_program_cut_off_at_any_byte_is_reported_where_the_unfinished_part_starts() {
    // push 5; comment; label S T; jmp there; add
    let text = "SSSTSTL.xLSSSTLLSLSTLTSSS";
    let whole = parse(text).expect("a program");
    assert_eq!(whole.len(), 4);
    let expected: &[(usize, &str)] = &[
        (1, "1:1 parse/unterminated-opcode #0"),
        (2, "1:1 parse/unterminated-number #0"),
        (3, "1:3 parse/unterminated-number #0"),
        (4, "1:3 parse/unterminated-number #0"),
        (5, "1:3 parse/unterminated-number #0"),
        (6, "1:3 parse/unterminated-number #0"),
        (10, "2:3 parse/unterminated-opcode #1"),
        (11, "2:3 parse/unterminated-opcode #1"),
        (12, "2:3 parse/unterminated-label #1"),
        (13, "3:3 parse/unterminated-label #1"),
        (14, "3:3 parse/unterminated-label #1"),
        (16, "4:1 parse/unterminated-opcode #2"),
        (17, "4:1 parse/unterminated-opcode #2"),
        (18, "4:1 parse/unterminated-label #2"),
        (19, "6:1 parse/unterminated-label #2"),
        (20, "6:1 parse/unterminated-label #2"),
        (22, "7:1 parse/unterminated-opcode #3"),
        (23, "7:1 parse/unterminated-opcode #3"),
        (24, "7:1 parse/unterminated-opcode #3"),
    ];
    let mut found = Vec::new();
    for length in 0..text.len() {
        match parse(&text[..length]) {
            Ok(program) => assert!(whole.to_whitespace().starts_with(&program.to_whitespace())),
            Err(_) => found.push((length, problems(&text[..length]))),
        }
    }
    let found: Vec<_> = found.iter().map(|(length, problems)| (*length, problems.join(", "))).collect();
    let expected: Vec<_> =
        expected.iter().map(|(length, problem)| (*length, (*problem).to_owned())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_late_tail_is_one_trap_with_the_error() {
    let late = Options { tail: Tail::Late, ..Options::default() };
    for (text, class) in [
        ("SLS STT LLL", Class::UnknownOpcode),
        ("SLS SS", Class::UnterminatedNumber),
        ("SLS LSL", Class::UnterminatedLabel),
        ("SLS TS", Class::UnterminatedOpcode),
    ] {
        let program = Program::parse_with("t.ws", &bytes(text), &late).expect("a program");
        assert_eq!(program.instructions(), [Instruction::Dup, Instruction::Trap], "{text}");
        assert_eq!(program.tail().map(|tail| tail.class), Some(class));
        assert_eq!(program.position(1).expect("known").to_string(), "t.ws:2:3");
        assert_eq!(program.tail_fault().map(|fault| fault.class()), Some(class));
        assert_eq!(program.to_whitespace(), bytes("SLS"));
    }
}

#[test]
fn equal_labels_are_rejected_or_one_of_them_is_meant() {
    let text = "LSSTL SLS LSSTL LSLTL";
    assert_eq!(problems(text), ["4:3 label/duplicate #2"]);
    let rejected = parse(text).expect_err("duplicate");
    let first = rejected.diagnostics[0].notes[0].span.expect("a place");
    assert_eq!(rejected.sources.position(first.start).expect("known").to_string(), "t.ws:1:1");
    for (choice, target) in [(DuplicateLabels::First, 1), (DuplicateLabels::Last, 3)] {
        let options = Options { duplicate_labels: choice, ..Options::default() };
        let program = Program::parse_with("t.ws", &bytes(text), &options).expect("a program");
        let jump = program.instructions()[3].jump().expect("a jump");
        assert_eq!(jump.1.instruction(), Some(target));
        assert_eq!(program.to_whitespace(), bytes(&text.replace(' ', "")));
    }
}

#[test]
fn missing_labels_are_rejected_or_wait_for_the_jump() {
    // Each missing label once, where it is first wanted.
    let text = "LTSTL LSLTL LSTSL LSSTTL";
    assert_eq!(problems(text), ["1:1 label/undefined #0", "6:2 label/undefined #2"]);
    let options = Options { undefined_labels: UndefinedLabels::Late, ..Options::default() };
    let program = Program::parse_with("t.ws", &bytes(text), &options).expect("a program");
    for at in 0..3 {
        assert_eq!(program.instructions()[at].jump().expect("a jump").1.instruction(), None);
    }
}

#[test]
fn a_missing_label_that_is_nearly_another_is_suggested() {
    let spelled = |name: &str| -> String {
        name.bytes().map(|byte| format!("{byte:08b}")).collect::<String>().replace('0', "S").replace('1', "T")
    };
    let rejected =
        parse(&format!("LSS{}L LSL{}L", spelled("start"), spelled("strat"))).expect_err("undefined");
    assert_eq!(rejected.diagnostics[0].message, "there is no label `strat`");
    assert_eq!(rejected.diagnostics[0].help.as_deref(), Some("did you mean `start`?"));
}

#[test]
fn labels_are_not_looked_at_where_the_text_is_misread() {
    assert_eq!(problems("LSLTL STT"), ["4:2 parse/unknown-opcode #1"]);
}

#[test]
fn an_empty_text_is_a_program_without_instructions() {
    for text in ["", "only, comments"] {
        let program = parse(text).expect("a program");
        assert!(program.is_empty());
        assert_eq!(program.position(0).expect("the start").to_string(), "t.ws:1:1");
    }
}

#[test]
fn a_stripped_program_has_no_places() {
    let program = parse("SSSSTL LLL").expect("a program").strip();
    assert_eq!(program.to_whitespace(), bytes("SSSSTLLLL"));
    assert!(program.position(0).is_none() && program.sources().is_none());
    assert!(std::thread::spawn(move || program.clone().len()).join().is_ok());
}

#[test]
fn ten_million_tokens_of_one_argument_are_read() {
    const LENGTH: usize = 10_000_000;
    let mut number = bytes("SST");
    number.extend((0..LENGTH).map(|i| if i % 3 == 0 { b'\t' } else { b' ' }));
    number.push(b'\n');
    let program = Program::parse(&number).expect("a program");
    assert_eq!(program.to_whitespace(), number);
    let mut label = bytes("LSS");
    label.extend((0..LENGTH).map(|i| if i % 3 == 0 { b'\t' } else { b' ' }));
    let unfinished = Program::parse(&label).expect_err("unfinished");
    assert_eq!(unfinished.diagnostics[0].class, Class::UnterminatedLabel);
    label.push(b'\n');
    let program = Program::parse(&label).expect("a program");
    assert_eq!(program.label(LabelId(0)).len(), LENGTH);
    assert_eq!(program.to_whitespace(), label);
    // A jump to the label without its last token: the message does not print it all.
    let mut jump = label.clone();
    jump.extend(bytes("LSL"));
    jump.extend(&label[3..LENGTH + 2]);
    jump.push(Token::L.byte());
    let undefined = Program::parse(&jump).expect_err("undefined");
    assert!(undefined.to_string().len() < 200, "{}", undefined.to_string().len());
}
