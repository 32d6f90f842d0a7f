//! The programs in `programs/` print what they should, in both tiers, and programs made at random do what a plain
//! interpreter of the language does.

use brainfuck::{AtEnd, CELLS, Program, RunError, Tier};
use std::fmt::Write;

const TIERS: [Tier; 2] = [Tier::Baseline, Tier::Interpreter];

fn load(source: &[u8], tier: Tier) -> Program {
    Program::new("test.bf", source, tier).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a program in both tiers; gives the output.
#[track_caller]
fn output(source: &[u8], input: &[u8]) -> Vec<u8> {
    let [baseline, interpreter] = TIERS.map(|tier| {
        let mut output = Vec::new();
        if let Err(error) = load(source, tier).run(input, &mut output, AtEnd::Zero) {
            panic!("{tier:?}: {error}");
        }
        output
    });
    assert_eq!(baseline, interpreter, "the tiers differ");
    baseline
}

/// Runs a program that stops before its end in both tiers; gives its output and why it stopped.
#[track_caller]
fn stopped(source: &[u8], input: &[u8]) -> (Vec<u8>, RunError) {
    let [baseline, interpreter] = TIERS.map(|tier| {
        let mut output = Vec::new();
        let error =
            load(source, tier).run(input, &mut output, AtEnd::Zero).expect_err("the program should stop");
        (output, error)
    });
    assert_eq!(baseline.0, interpreter.0, "the tiers differ");
    assert_eq!(baseline.1.to_string(), interpreter.1.to_string(), "the tiers differ");
    baseline
}

#[test]
fn hello() {
    assert_eq!(output(include_bytes!("../programs/hello.bf"), b""), b"Hello, world!\n");
}

#[test]
fn cat() {
    let bytes: Vec<u8> = (0..20_000).map(|n| (n % 255) as u8 + 1).collect();
    assert_eq!(output(include_bytes!("../programs/cat.bf"), &bytes), bytes);
    assert_eq!(output(include_bytes!("../programs/cat.bf"), b""), b"");
}

#[test]
fn reverse() {
    assert_eq!(output(include_bytes!("../programs/reverse.bf"), b"kiln\xff"), b"\xffnlik");
}

#[test]
fn squares() {
    let expected: String = (0..16).map(|n| format!("{}\n", n * n)).collect();
    assert_eq!(output(include_bytes!("../programs/squares.bf"), b""), expected.as_bytes());
}

#[test]
fn sierpinski() {
    let mut expected = String::new();
    for line in 0..32 {
        // The number at this place of Pascal's triangle is odd.
        let cell = |n: i32| if n & !line == 0 { " *" } else { "  " };
        let cells: String = (0..32).map(cell).collect();
        let _ = writeln!(expected, "{}{cells}", " ".repeat(31 - line as usize));
    }
    let drawn = output(include_bytes!("../programs/sierpinski.bf"), b"");
    assert_eq!(String::from_utf8_lossy(&drawn), expected);
}

#[test]
fn cells_are_bytes_that_wrap() {
    assert_eq!(output(b"-.+.[-].-[+].", b""), [255, 0, 0, 0]);
    assert_eq!(output(b",[->+++<]>.", &[100]), [44]);
    assert_eq!(output(b",[>+++<+]>.", &[100]), [212]);
}

#[test]
fn the_end_of_the_input_reads_as_asked() {
    for (at_end, expected) in [(AtEnd::Zero, 0), (AtEnd::MinusOne, 255), (AtEnd::Keep, b'a')] {
        for tier in TIERS {
            let mut output = Vec::new();
            load(b"-,.,.", tier).run(&b"a"[..], &mut output, at_end).unwrap();
            assert_eq!(output, [b'a', expected]);
        }
    }
}

#[test]
fn a_program_without_commands_does_nothing() {
    assert_eq!(output(b"", b""), b"");
    assert_eq!(output(b"only words", b""), b"");
}

#[test]
fn a_program_runs_again_on_a_new_tape() {
    let program = load(b"+.>+++.", Tier::Baseline);
    for _ in 0..3 {
        let mut output = Vec::new();
        program.run(std::io::empty(), &mut output, AtEnd::Zero).unwrap();
        assert_eq!(output, [1, 3]);
    }
}

#[test]
fn the_whole_tape_can_be_used_and_nothing_beside_it() {
    let to_last = ">".repeat(CELLS - 1);
    assert_eq!(output(format!("{to_last}+.").as_bytes(), b""), [1]);
    let outside = |source: &str| match stopped(source.as_bytes(), b"") {
        (output, RunError::OutsideTape { cell, position }) => {
            let position = position.expect("programs carry positions");
            (output, cell, (position.line, position.column))
        }
        (_, error) => panic!("{source}: {error}"),
    };
    assert_eq!(outside("+.\n <+"), (vec![1], -1, (2, 3)));
    assert_eq!(outside("<."), (vec![], -1, (1, 2)));
    assert_eq!(outside("<,"), (vec![], -1, (1, 2)));
    assert_eq!(outside("<[-]"), (vec![], -1, (1, 2)));
    assert_eq!(outside("<[]"), (vec![], -1, (1, 2)));
    assert_eq!(outside("+.[\n<+\n]"), (vec![1], -1, (2, 2)));
    assert_eq!(outside("+[>+]"), (vec![], CELLS as i64, (1, 4)));
    assert_eq!(outside("+[<]"), (vec![], -1, (1, 2)));
    assert_eq!(outside("+>[]<[-<+>]"), (vec![], -1, (1, 6)));
    assert_eq!(outside(&format!("{to_last}>+")), (vec![], CELLS as i64, (1, CELLS as u32 + 1)));
}

#[test]
fn no_program_jumps_over_what_guards_the_tape() {
    // Each round goes as far as the source is long, and only the bracket looks at a cell.
    for (arrow, cell) in [("<", -1_000_001), (">", 1_000_001)] {
        let source = format!("+[{}+]", arrow.repeat(1_000_001));
        let (_, error) = stopped(source.as_bytes(), b"");
        assert!(matches!(error, RunError::OutsideTape { cell: c, .. } if c == cell), "{error}");
    }
}

#[test]
fn a_loop_that_does_not_run_may_mention_cells_outside() {
    assert_eq!(output(b"[-<+>]+.", b""), [1]);
}

#[test]
fn messages_have_file_line_and_column() {
    let message = stopped(b"\n <.", b"").1.to_string();
    assert_eq!(message, "test.bf:2:3: there is no cell -1: the tape has cells 0 to 65535");
    let Err(error) = Program::new("test.bf", b"+[", Tier::Baseline) else { panic!("it should not load") };
    assert_eq!(error.to_string(), "1:2: this `[` has no `]`");
}

#[test]
fn a_stream_that_fails_stops_the_program() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the wire is cut"))
        }
    }
    impl std::io::Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the wire is cut"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for tier in TIERS {
        let error = load(b"+\n,", tier).run(Broken, Vec::new(), AtEnd::Zero).unwrap_err();
        assert_eq!(error.to_string(), "cannot read: the wire is cut in `run` at test.bf:2:1");
        let error = load(b"+[.]", tier).run(std::io::empty(), Broken, AtEnd::Zero).unwrap_err();
        assert_eq!(error.to_string(), "cannot write: the wire is cut in `run` at test.bf:1:3");
        let error = load(b".", tier).run(std::io::empty(), Broken, AtEnd::Zero).unwrap_err();
        assert_eq!(error.to_string(), "cannot write: the wire is cut");
    }
}

#[test]
fn deep_nesting_needs_no_stack() {
    let source = format!("+{}-{}.", "[".repeat(200_000), "]".repeat(200_000));
    let mut output = Vec::new();
    load(source.as_bytes(), Tier::Baseline).run(std::io::empty(), &mut output, AtEnd::Zero).unwrap();
    assert_eq!(output, [0]);
}

/// What the language means, one character at a time; `None` if it takes more than `steps` or leaves the tape.
fn plain(source: &[u8], mut input: &[u8], steps: usize) -> Option<Vec<u8>> {
    let (mut tape, mut cell, mut output) = (vec![0u8; CELLS], 0usize, Vec::new());
    let (mut at, mut taken) = (0, 0);
    while at < source.len() {
        taken += 1;
        if taken > steps {
            return None;
        }
        match source[at] {
            b'>' => cell = cell.wrapping_add(1),
            b'<' => cell = cell.wrapping_sub(1),
            b'+' => tape.get_mut(cell).map(|value| *value = value.wrapping_add(1))?,
            b'-' => tape.get_mut(cell).map(|value| *value = value.wrapping_sub(1))?,
            b'.' => output.push(*tape.get(cell)?),
            b',' => {
                *tape.get_mut(cell)? = input.first().copied().unwrap_or(0);
                input = input.get(1..).unwrap_or_default();
            }
            b'[' if *tape.get(cell)? == 0 => at = partner(source, at, 1),
            b']' if *tape.get(cell)? != 0 => at = partner(source, at, -1),
            _ => {}
        }
        at += 1;
    }
    Some(output)
}

/// The bracket that belongs to the one at a place, in this direction.
fn partner(source: &[u8], mut at: usize, direction: isize) -> usize {
    let mut depth = 0isize;
    loop {
        match source[at] {
            b'[' => depth += 1,
            b']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
        at = at.wrapping_add_signed(direction);
    }
}

#[test]
fn programs_made_at_random_do_what_a_plain_interpreter_does() {
    let mut state = 7u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    let idioms: [&[u8]; 8] = [b"[-]", b"[->+<]", b"[->++>---<<]", b"[>]", b"[<]", b"[+>-<]", b"+++", b"[.-]"];
    let mut ended = 0;
    for _ in 0..1500 {
        // Some room to the left, so that going there is not always the end.
        let mut source = b">>>>".to_vec();
        let mut depth = 0;
        for _ in 0..random(40) {
            match random(10) {
                0 => {
                    source.push(b'[');
                    depth += 1;
                }
                1 if depth > 0 => {
                    source.push(b']');
                    depth -= 1;
                }
                2 | 3 => source.extend(idioms[random(8) as usize]),
                _ => source.push(b"+-<>.,+><-"[random(10) as usize]),
            }
        }
        source.extend(vec![b']'; depth]);
        source.push(b'.');
        let input: Vec<u8> = (0..random(5)).map(|_| random(256) as u8).collect();
        if let Some(expected) = plain(&source, &input, 20_000) {
            ended += 1;
            assert_eq!(output(&source, &input), expected, "{}", String::from_utf8_lossy(&source));
        }
    }
    assert!(ended > 700, "only {ended} of 1500 programs end");
}
