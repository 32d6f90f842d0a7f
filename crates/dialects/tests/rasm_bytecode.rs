//! rasm's bytecode, byte for byte, and what is not bytecode.

use kiln_dialects::rasm::{self, Fault, Layout, Program};
use kiln_ir::diagnostic::Place;
use kiln_ir::text::{NoIncludes, Sources};

const UNTYPED: &str = include_str!("programs/fib.ras");

/// The instructions of the program above in the first layout.
const UNIT: &[&str] = &[
    "00 01 02 38 07 00 00 00 01",
    "01 00 01 a7 00 02 69 6e",
    "00 02 01 99 04 00 00 00 00 00 00 02 69 6e",
    "01 03 01 c3 02 00 07 66 6f 72 77 61 72 64 04 00 00 00 00 07 00 00 00 02 00 03 72 65 66",
    "00 03 00 27 04 00 00 00 01 04 00 00 00 00 07 00 00 00 01",
    "00 03 00 27 04 00 00 00 02 04 00 00 00 00 07 00 00 00 02",
    "00 01 01 8a 07 00 00 00 01",
    "00 01 01 94 04 00 00 00 01",
    "00 01 02 32 01 00 04 73 65 6c 66",
    "00 01 01 b2 04 00 00 00 01",
    "00 01 01 8a 07 00 00 00 01",
    "00 01 01 94 04 00 00 00 02",
    "00 01 02 32 01 00 04 73 65 6c 66",
    "00 01 01 b2 04 00 00 00 02",
    "00 03 00 0b 04 00 00 00 01 04 00 00 00 01 07 00 00 00 01",
    "00 03 00 04 06 00 00 00 00 04 00 00 00 01 04 00 00 00 02",
    "00 00 02 37",
    "00 01 02 3e 01 00 03 72 65 66",
    "00 02 00 fb 06 00 00 00 00 07 00 00 00 01",
    "00 00 02 37",
];

const TYPED: &str = "\
#function start
    prolog      1
    arg_ui                          => $in
    getarg_ui   %v0, $in
    blti_ui     !forward, %v0, 2    => @ref
    subi_ui     %v1, %v0, 1
    subi_ui     %v2, %v0, 2
    prepare_i   1
    pusharg_ui  %v1
    finish      @self
    retval_i    %v1
    prepare_i   1
    pusharg_ui  %v2
    finish      @self
    retval_i    %v2
    addi_ui     %v1, %v1, 1
    addr_ui     %ret, %v1, %v2
    ret
    patch       @ref
    movi_i      %ret, 1
    ret
";

/// Header and statements of the program above in the second layout.
const FILE: &[&str] = &[
    "00 00 00 00 05 73 74 61 72 74 00 14",
    "01 01 02 38 04 00 00 00 01",
    "02 01 00 01 a8 0d 00 00 00 02 69 6e",
    "01 02 01 9e 06 00 0d 00 00 00 02 69 6e",
    "02 01 03 01 c4 0f 02 3c 06 00 04 00 00 00 02 0c 00 00 00 03 72 65 66",
    "01 03 00 23 06 01 06 00 04 00 00 00 01",
    "01 03 00 23 06 02 06 00 04 00 00 00 02",
    "01 01 01 8a 04 00 00 00 01",
    "01 01 01 91 06 01",
    "01 01 02 32 0c 00 00 00 04 73 65 6c 66",
    "01 01 01 b2 06 01",
    "01 01 01 8a 04 00 00 00 01",
    "01 01 01 91 06 02",
    "01 01 02 32 0c 00 00 00 04 73 65 6c 66",
    "01 01 01 b2 06 02",
    "01 03 00 07 06 01 06 01 04 00 00 00 01",
    "01 03 00 00 0a 06 01 06 02",
    "01 00 02 37",
    "01 01 02 3e 0c 00 00 00 03 72 65 66",
    "01 02 00 fb 0a 04 00 00 00 01",
    "01 00 02 37",
];

fn bytes(lines: &[&str]) -> Vec<u8> {
    let words = lines.iter().flat_map(|line| line.split_ascii_whitespace());
    words.map(|word| u8::from_str_radix(word, 16).expect("a byte")).collect()
}

fn parse(text: &str) -> Program {
    rasm::parse(&mut Sources::default(), "test.ras", text, &NoIncludes).expect("a program")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_first_layout_is_that_of_the_reference() {
    let expected = bytes(UNIT);
    assert_eq!(expected.len(), 244);
    assert_eq!(hex(&rasm::encode(&parse(UNTYPED), Layout::Unit).expect("bytes")), hex(&expected));
    let read = rasm::decode(&expected, Layout::Unit).expect("a program");
    assert_eq!(rasm::print(&read), rasm::print(&parse(UNTYPED)));
}

#[test]
fn the_second_layout_is_that_of_the_reference() {
    let expected = bytes(FILE);
    assert_eq!(expected.len(), 215);
    assert_eq!(hex(&rasm::encode(&parse(TYPED), Layout::File).expect("bytes")), hex(&expected));
    let read = rasm::decode(&expected, Layout::File).expect("a program");
    assert_eq!(rasm::print(&read), rasm::print(&parse(TYPED)));
}

/// One statement behind `prolog` in each layout, without the beginning.
#[track_caller]
fn encoded(statement: &str, unit: &str, file: &str) {
    let program = parse(&format!("prolog\n{statement}\n"));
    let written = rasm::encode(&program, Layout::Unit).expect("bytes");
    assert_eq!(hex(&written[4..]), unit, "{statement}");
    let read = rasm::decode(&written, Layout::Unit).expect("a program");
    assert_eq!(rasm::print(&read), rasm::print(&program), "{statement}");
    let written = rasm::encode(&program, Layout::File).expect("bytes");
    assert_eq!(hex(&written[16..]), file, "{statement}");
    let read = rasm::decode(&written, Layout::File).expect("a program");
    assert_eq!(rasm::print(&read), rasm::print(&program), "{statement}");
}

#[test]
fn every_kind_of_operand_has_its_code() {
    encoded("movr_l %r2, %fp", "00 02 00 f6 03 00 00 00 02 09 00 00 00 00", "01 02 00 f6 05 02 09");
    encoded("movr_l %v2, %sp", "00 02 00 f6 04 00 00 00 02 08 00 00 00 00", "01 02 00 f6 06 02 08");
    encoded("movr_d %fpr5, %fpr1", "00 02 00 fa 05 00 00 00 05 05 00 00 00 01", "01 02 00 fa 07 05 07 01");
    encoded(
        "movi_d %fpr0, 1.5",
        "00 02 01 01 05 00 00 00 00 0a 3f c0 00 00",
        "01 02 01 01 07 00 03 3f c0 00 00",
    );
    encoded(
        "movi_d %fpr0, &x",
        "00 02 01 01 05 00 00 00 00 0b 00 01 78",
        "01 02 01 01 07 00 0e 00 00 00 01 78",
    );
    encoded("finish =f", "00 01 02 32 0c 00 01 66", "01 01 02 32 0b 00 00 00 01 66");
    encoded("finish *f", "00 01 02 32 0d 00 01 66", "01 01 02 32 10 00 00 00 01 66");
    encoded(
        r#"movi_p %ret, "a\n""#,
        "00 02 00 ff 06 00 00 00 00 0e 00 02 61 0a",
        "01 02 00 ff 0a 11 00 00 00 02 61 0a",
    );
    encoded("jmpi !get_label", "00 01 02 35 02 00 09 67 65 74 5f 6c 61 62 65 6c", "01 01 02 35 0f 02 3b");
}

#[test]
fn immediates_take_more_than_32_bits_only_where_they_must() {
    let head = ("00 02 00 fd 06 00 00 00 00", "01 02 00 fd 0a");
    let integer = |value: &str, unit: &str, file: &str| {
        encoded(
            &format!("movi_l %ret, {value}"),
            &format!("{} {unit}", head.0),
            &format!("{} {file}", head.1),
        );
    };
    integer("-1", "07 ff ff ff ff", "04 ff ff ff ff");
    integer("2147483647", "07 7f ff ff ff", "04 7f ff ff ff");
    integer("-2147483648", "07 80 00 00 00", "04 80 00 00 00");
    integer("2147483648", "0f 00 00 00 00 80 00 00 00", "12 00 00 00 00 80 00 00 00");
    integer("-2147483649", "0f ff ff ff ff 7f ff ff ff", "12 ff ff ff ff 7f ff ff ff");
    // A double that is no float takes the same code; a `_f` instruction sees a float of whatever is written.
    encoded(
        "movi_d %fpr0, 0.1",
        "00 02 01 01 05 00 00 00 00 0f 3f b9 99 99 99 99 99 9a",
        "01 02 01 01 07 00 12 3f b9 99 99 99 99 99 9a",
    );
}

#[test]
fn a_float_that_is_kept_has_no_instruction_of_its_own() {
    encoded("1.5 => &x", "01 01 02 41 0a 3f c0 00 00 00 01 78", "02 03 3f c0 00 00 0e 00 00 00 01 78");
}

#[track_caller]
fn refused(layout: Layout, hex: &str, at: u64, fault: Fault) {
    let found = rasm::decode(&bytes(&[hex]), layout).expect_err("a fault");
    assert_eq!((found.at, found.fault), (Place::Byte(at), fault), "{hex}");
}

#[test]
fn bytes_that_mean_nothing_are_refused_where_they_stand() {
    let bad = |what, value| Fault::BadByte { what, value };
    refused(Layout::Unit, "02 00 02 37", 0, bad("mark of a result", 2));
    refused(Layout::Unit, "00 04 02 37", 1, bad("number of operands", 4));
    refused(Layout::Unit, "00 00 02 44", 2, bad("opcode", 580));
    refused(Layout::Unit, "00 01 02 38 10 00 00 00 00", 4, bad("kind of operand", 16));
    refused(Layout::Unit, "00 01 02 36 03 00 00 00 03", 5, bad("index of a register", 3));
    refused(Layout::Unit, "00 01 02 36 04 ff ff ff ff", 5, bad("index of a register", 0xffff_ffff));
    refused(Layout::Unit, "00 01 02 36 05 00 00 00 06", 5, bad("index of a register", 6));
    refused(Layout::Unit, "00 01 02 32 01 00 02 31 31", 7, Fault::BadName);
    refused(Layout::Unit, "00 01 02 32 02 00 03 72 65 74", 5, Fault::NotCallable("ret".into()));
    refused(Layout::File, "01 00 02 37", 0, bad("beginning of a function", 1));
    refused(Layout::File, "00 00 00 00 01 66 00 01 03", 8, bad("kind of statement", 3));
    refused(Layout::File, "00 00 00 00 01 66 00 01 01 01 02 36 13", 12, bad("kind of operand", 0x13));
    refused(
        Layout::File,
        "00 00 00 00 01 66 00 01 02 01 00 02 37 0b 00 00 00 01 78",
        13,
        bad("kind of variable", 11),
    );
    refused(Layout::File, "00 00 00 00 01 20 00 00", 5, Fault::BadName);
    refused(
        Layout::File,
        "00 00 00 00 01 66 00 00 00 00 00 00 01 66 00 00",
        8,
        Fault::DuplicateFunction("f".into()),
    );
    // A length beyond the end.
    refused(Layout::File, "00 ff ff ff ff 66", 6, Fault::Truncated);
}

#[test]
fn what_ends_in_the_middle_is_refused() {
    for (lines, layout) in [(UNIT, Layout::Unit), (FILE, Layout::File)] {
        let all = bytes(lines);
        let mut ends = vec![0];
        ends.extend(lines.iter().scan(0, |at, line| {
            *at += bytes(&[line]).len();
            Some(*at)
        }));
        for length in 0..all.len() {
            let whole = layout == Layout::Unit && ends.contains(&length) || length == 0;
            let read = rasm::decode(&all[..length], layout);
            match read {
                Ok(_) => assert!(whole, "{length} bytes"),
                Err(found) => {
                    assert!(!whole, "{length} bytes");
                    assert_eq!((found.at, found.fault), (Place::Byte(length as u64), Fault::Truncated));
                }
            }
        }
    }
}

/// Whatever stands in the bytes: a fault, or a program that can be translated or has faults of its own.
#[test]
fn damaged_bytes_do_no_harm() {
    for (lines, layout) in [(UNIT, Layout::Unit), (FILE, Layout::File)] {
        let whole = bytes(lines);
        let mut read = 0;
        for at in 0..whole.len() {
            for value in (0..=20).chain([0x7f, 0x80, 0xff]) {
                let mut damaged = whole.clone();
                damaged[at] = value;
                if let Ok(program) = rasm::decode(&damaged, layout) {
                    read += 1;
                    let again = rasm::encode(&program, layout).expect("what was read can be written");
                    assert_eq!(
                        rasm::decode(&again, layout).map(|p| rasm::print(&p)),
                        Ok(rasm::print(&program))
                    );
                    if let Ok(module) = rasm::translate(&program, &Sources::default())
                        && let Err((_, faults)) = kiln_ir::verify::check(module)
                    {
                        panic!("translations keep the rules: {faults:?}");
                    }
                }
            }
        }
        assert!(read > 500, "most of it says something");
    }
}

#[test]
fn what_a_layout_cannot_say_is_named() {
    let fault = |text: &str, layout| rasm::encode(&parse(text), layout).expect_err("a fault").fault;
    let not = |what: &str| Fault::NotEncodable(what.into());
    let two = "#function a\nprolog\n#function b\nprolog\n";
    assert_eq!(fault(two, Layout::Unit), not("any number of functions but one"));
    assert_eq!(fault("#function a\nprolog\n", Layout::Unit), not("a function that is not `start`"));
    assert_eq!(fault("0.1 => &x\n", Layout::Unit), not("a variable that holds a float of more than 32 bits"));
    for layout in [Layout::Unit, Layout::File] {
        let four = fault("addr_i %v0, %v1, %v2, %v2\n", layout);
        assert_eq!(four, not("an instruction with more than three operands"));
        // The bits would be taken for those of a float.
        let integer = fault("movi_d %fpr0, 2147483648\n", layout);
        assert_eq!(integer, not("an integer of more than 32 bits in the place of a float"));
    }
    let long = "ret\n".repeat(65536);
    assert_eq!(fault(&long, Layout::File), not("a function of more than 65535 statements"));
}
