//! Every engine does the same: programs instruction by instruction, and random ones.

use kiln_whitespace::engine::TABLE as ENGINES;
use kiln_whitespace::options::{self, Options};
use kiln_whitespace::state::{Channels, FLAT_LEAST, Sizes};
use kiln_whitespace::{Class, Engine, Integer, Machine, Opcode, Program, Stop};

/// A number as tokens.
fn number(text: &mut Vec<u8>, value: &str) {
    let value: Integer = value.parse().expect("a number");
    let negative = value < Integer::ZERO;
    text.push(if negative { b'\t' } else { b' ' });
    let magnitude = if negative { -value } else { value };
    let digits = format!("{magnitude:b}");
    text.extend(digits.bytes().map(|digit| if digit == b'1' { b'\t' } else { b' ' }));
    text.push(b'\n');
}

/// Assembly without comments: mnemonics and arguments; labels are names.
fn assemble(source: &str) -> Vec<u8> {
    let mut text = Vec::new();
    let mut words = source.split_whitespace();
    while let Some(word) = words.next() {
        let opcode = Opcode::from_mnemonic(word).unwrap_or_else(|| panic!("no mnemonic: {word}"));
        text.extend(opcode.tokens().map(|token| token.byte()));
        match opcode.argument() {
            kiln_whitespace::instruction::Argument::None => {}
            kiln_whitespace::instruction::Argument::Number => {
                number(&mut text, words.next().expect("a number"))
            }
            kiln_whitespace::instruction::Argument::Label => {
                for byte in words.next().expect("a label").bytes() {
                    let bits = (0..8).rev().map(|bit| if byte >> bit & 1 == 1 { b'\t' } else { b' ' });
                    text.extend(bits);
                }
                text.push(b'\n');
            }
        }
    }
    text
}

/// All that can be seen of a run.
#[derive(PartialEq, Eq, Debug)]
struct Seen {
    result: Result<Stop, (Class, String)>,
    instruction: u32,
    steps: u64,
    stack: Vec<Integer>,
    calls: Vec<u32>,
    heap: Vec<(Integer, Integer)>,
    output: Vec<u8>,
    input_left: Vec<u8>,
}

fn small() -> Sizes {
    Sizes { flat: FLAT_LEAST, stack: 1 << 16, calls: 1 << 16, rest: 1 << 20 }
}

/// Runs a program in parts: one part for each number of steps, the last one to the end or `limit`.
fn run_parts(program: &Program, options: &Options, input: &[u8], parts: &[(Engine, u64)]) -> Seen {
    let (mut output, mut input) = (Vec::new(), input);
    let channels = Channels::new(&mut input, &mut output);
    let mut machine = Machine::with_sizes(program, options, channels, small()).expect("address space");
    let mut result = Ok(Stop::Steps);
    for (engine, steps) in parts {
        result = machine.run_for(*engine, *steps);
        if result != Ok(Stop::Steps) {
            break;
        }
    }
    let state = machine.state();
    let mut seen = Seen {
        result: result.map_err(|fault| (fault.kind.class(), fault.kind.to_string())),
        instruction: state.instruction(),
        steps: machine.steps(),
        stack: state.stack().collect(),
        calls: state.calls().to_vec(),
        heap: state.heap().collect(),
        output: Vec::new(),
        input_left: Vec::new(),
    };
    drop(machine);
    (seen.output, seen.input_left) = (output, input.to_vec());
    seen
}

fn run(program: &Program, options: &Options, input: &[u8], engine: Engine) -> Seen {
    run_parts(program, options, input, &[(engine, 400_000)])
}

/// Runs on all engines and compares.
fn agree(program: &Program, options: &Options, input: &[u8], what: &dyn Fn() -> String) -> Seen {
    let expected = run(program, options, input, Engine::Reference);
    for row in ENGINES {
        let seen = run(program, options, input, row.engine);
        assert_eq!(seen, expected, "{} with {options:?}\n{}", row.name, what());
    }
    expected
}

fn check(source: &str, options: &Options, input: &[u8]) -> Seen {
    let program = Program::parse_with("test", &assemble(source), options).expect("a program");
    agree(&program, options, input, &|| source.into())
}

fn fault(seen: &Seen) -> Option<Class> {
    seen.result.as_ref().err().map(|(class, _)| *class)
}

/// Options by the names of the table.
fn with(settings: &[(&str, &str)]) -> Options {
    let mut options = Options::default();
    settings.iter().for_each(|(option, value)| assert!(options.set(option, value), "{option}={value}"));
    options
}

#[test]
fn each_instruction_at_every_height() {
    for opcode in Opcode::ALL {
        for height in 0..5usize {
            let has_number = opcode.argument() == kiln_whitespace::instruction::Argument::Number;
            let arguments = ["-1", "0", "1", "2", "3", "4", "5", "18446744073709551616"];
            for argument in &arguments[..if has_number { arguments.len() } else { 1 }] {
                let pushes = (1..=height).map(|value| format!("push {value} ")).collect::<String>();
                let source = match opcode.argument() {
                    kiln_whitespace::instruction::Argument::None => format!("{pushes}{}", opcode.name()),
                    kiln_whitespace::instruction::Argument::Number => {
                        format!("{pushes}{} {argument}", opcode.name())
                    }
                    kiln_whitespace::instruction::Argument::Label => {
                        // A label that exists once, whichever instruction is looked at.
                        let other = if *opcode == Opcode::Label { "" } else { "push 9 end label x" };
                        format!("{pushes}{} x {other}", opcode.name())
                    }
                };
                for options in option_sets() {
                    let seen = check(&source, &options, b"7\n");
                    let needs = usize::from(opcode.info().pops);
                    assert_eq!(fault(&seen) == Some(Class::StackUnderflow), height < needs, "{source}");
                    if seen.result.is_err() && seen.instruction == height as u32 {
                        let stack = (1..=height).map(Integer::from).collect::<Vec<_>>();
                        assert_eq!((seen.stack, seen.steps), (stack, height as u64), "{source}");
                    }
                }
            }
        }
    }
}

/// Every value of every option alone, the presets, and limits.
fn option_sets() -> Vec<Options> {
    let mut sets = vec![Options::default()];
    for row in options::TABLE {
        sets.extend(row.values[1..].iter().map(|value| with(&[(row.name, value.name)])));
    }
    sets.extend(options::Compat::ALL.iter().map(|compat| Options::compat(*compat)));
    sets
}

/// What a program does with given options: its output, or the class of its fault.
fn result(source: &str, options: &Options, input: &str) -> String {
    let seen = check(source, options, input.as_bytes());
    match seen.result {
        Ok(_) => String::from_utf8_lossy(&seen.output).into_owned(),
        Err((class, _)) => format!("{}{}", String::from_utf8_lossy(&seen.output), class.name()),
    }
}

/// A value of an option, and what the program does with it.
type Case = (&'static str, &'static str);

#[test]
fn rows_of_the_table_of_options() {
    #[rustfmt::skip]
    let rows: &[(&str, &str, &str, &[Case])] = &[
        ("push -7 push 2 div printi", "", "division", &[("floor", "-4"), ("trunc", "-3")]),
        ("push -7 push 2 mod printi", "", "division", &[("floor", "1"), ("trunc", "-1")]),
        ("push 7 push -2 mod printi", "", "division", &[("floor", "-1"), ("trunc", "1")]),
        ("push -8 push 2 div printi", "", "division", &[("floor", "-4"), ("trunc", "-4")]),
        ("push 1 push 0 div", "", "division", &[("floor", "divide-by-zero"), ("trunc", "divide-by-zero")]),
        ("push 1 push 0 mod", "", "overflow", &[("exact", "divide-by-zero"), ("wrap", "divide-by-zero"), ("error", "divide-by-zero")]),
        ("push -9223372036854775808 push -1 div printi", "", "overflow", &[("exact", "9223372036854775808"), ("wrap", "-9223372036854775808"), ("error", "overflow")]),
        ("push -9223372036854775808 push -1 mod printi", "", "overflow", &[("exact", "0"), ("wrap", "0"), ("error", "0")]),
        ("push 9223372036854775807 push 1 add printi", "", "overflow", &[("exact", "9223372036854775808"), ("wrap", "-9223372036854775808"), ("error", "overflow")]),
        ("push 18446744073709551621 printi", "", "overflow", &[("exact", "18446744073709551621"), ("wrap", "5"), ("error", "overflow")]),
        ("push 0 readi push 0 retrieve printi", "18446744073709551621", "overflow", &[("exact", "18446744073709551621"), ("wrap", "5"), ("error", "overflow")]),
        ("push 5 push 1 store push 3 retrieve printi push 6 retrieve printi", "", "heap", &[("zero", "00"), ("error", "heap-unset"), ("wspace", "0heap-unset")]),
        ("push -5 push 1 store push -5 retrieve printi", "", "heap", &[("zero", "1"), ("error", "1"), ("wspace", "heap-key")]),
        ("push 9223372036854775808 push 1 store push 9223372036854775808 retrieve printi", "", "heap", &[("zero", "1"), ("error", "1"), ("wspace", "1")]),
        ("push 1 push 2 slide 5 printi", "", "slide", &[("clamp", "2"), ("error", "slide-out-of-range")]),
        ("push 1 push 2 slide -1 printi printi", "", "slide", &[("clamp", "21"), ("error", "slide-out-of-range")]),
        ("push 1 push 2 slide 0 printi printi", "", "slide", &[("clamp", "21"), ("error", "21")]),
        ("push 1 push 2 slide 18446744073709551616 printi", "", "slide", &[("clamp", "2"), ("error", "slide-out-of-range")]),
        ("push 1 copy 4294967296", "", "slide", &[("clamp", "copy-out-of-range")]),
        ("push 1 printi ret", "", "empty-return", &[("error", "1call-stack-empty"), ("exit", "1")]),
        ("push 1 printi", "", "end", &[("implicit", "1"), ("error", "1end-of-program")]),
        ("", "", "end", &[("implicit", ""), ("error", "end-of-program")]),
        ("jmp a label a push 1 printi end label a push 2 printi", "", "duplicate-labels", &[("first", "1"), ("last", "2")]),
        ("push 1 printi push 1 jz a push 0 jz a", "", "undefined-labels", &[("late", "1label/undefined")]),
        ("push 233 printc", "", "chars", &[("utf8", "\u{e9}"), ("bytes", "\u{fffd}")]),
        ("push 1114111 printc", "", "chars", &[("utf8", "\u{10ffff}"), ("bytes", "char-range")]),
        ("push 1114112 printc", "", "chars", &[("utf8", "char-range"), ("bytes", "char-range")]),
        ("push 55296 printc", "", "chars", &[("utf8", "char-range"), ("bytes", "char-range")]),
        ("push -1 printc", "", "chars", &[("utf8", "char-range"), ("bytes", "char-range")]),
        ("push 256 printc", "", "chars", &[("utf8", "\u{100}"), ("bytes", "char-range")]),
        ("push 0 readc push 0 retrieve printi", "\u{e9}", "chars", &[("utf8", "233"), ("bytes", "195")]),
        ("push 0 push 7 store push 0 readc push 0 retrieve printi", "", "eof", &[("error", "input-eof"), ("zero", "0"), ("minus-one", "-1"), ("keep", "7")]),
        ("push 0 push 7 store push 0 readi push 0 retrieve printi", "", "eof", &[("error", "input-eof"), ("zero", "0"), ("minus-one", "-1"), ("keep", "7")]),
        ("push 0 readi push 0 retrieve printi", "12abc\n", "numbers", &[("strict", "input-number"), ("prefix", "12"), ("wspace", "input-number")]),
        ("push 0 readi push 0 retrieve printi", "(12)\n", "numbers", &[("strict", "input-number"), ("prefix", "0"), ("wspace", "12")]),
    ];
    for (source, input, option, cases) in rows {
        for (value, expected) in *cases {
            assert_eq!(
                result(source, &with(&[(option, value)]), input),
                *expected,
                "{source} --{option} {value}"
            );
        }
    }
    // What cannot be parsed runs up to there.
    let options = with(&[("tail", "late")]);
    let mut text = assemble("push 1 printi");
    text.extend(b"\n\n ");
    let program = Program::parse_with("test", &text, &options).expect("late");
    let seen = agree(&program, &options, b"", &|| "a tail".into());
    assert_eq!((fault(&seen), seen.output, seen.steps), (Some(Class::UnknownOpcode), b"1".to_vec(), 2));
}

#[test]
fn input_is_one_stream_of_lines_and_characters() {
    let source = "push 0 readi push 1 readc push 2 readc push 3 readi push 4 readc
        push 0 retrieve printi push 1 retrieve printi push 2 retrieve printi push 3 retrieve printi
        push 4 retrieve printi push 5 readc";
    let seen = check(source, &Options::default(), b" 42 \r\n\r\n-7\n\0");
    assert_eq!(fault(&seen), Some(Class::InputEof));
    assert_eq!(seen.output, b"421310-70");
    assert_eq!(seen.stack, [Integer::from(5)]);
    // A line that is no number is consumed; the key stays.
    let seen = check("push 3 readi", &Options::default(), b"1_000\nrest");
    assert_eq!((fault(&seen), &seen.input_left[..]), (Some(Class::InputNumber), &b"rest"[..]));
    assert_eq!(seen.stack, [Integer::from(3)]);
}

/// The faults of another implementation, which this one must not have.
#[test]
fn known_faults_of_others() {
    // Cells that were overwritten keep the last value when a value outgrows 64 bits.
    let source = "push 5 push 1 store push 65541 push 7 store push 5 push 2 store
        push 9223372036854775807 push 1 add drop push 5 retrieve printi push 65541 retrieve printi";
    assert_eq!(result(source, &Options::default(), ""), "27");
    assert_eq!(result("push 1 slide 0 printi", &with(&[("slide", "error")]), ""), "1");
    assert_eq!(result("push 0 readi", &Options::default(), "1_000\n"), "input-number");
    let seen = check("push -1 printc", &Options::default(), b"");
    assert_eq!((fault(&seen), seen.stack), (Some(Class::CharRange), vec![Integer::from(-1)]));
    assert_eq!(result("push 1 copy 4294967296 printi", &Options::default(), ""), "copy-out-of-range");
    let wrap = with(&[("overflow", "wrap")]);
    let source = "push 18446744073709551617 push 0 readi push 0 retrieve add printi";
    assert_eq!(result(source, &wrap, "36893488147419103233\n"), "2");
}

#[test]
fn limits_stop_every_engine_at_the_same_place() {
    let limits = |set: fn(&mut options::Limits)| {
        let mut options = Options::default();
        set(&mut options.limits);
        options
    };
    let loops = "label a push 1 push 2 add printi jmp a";
    let cases: &[(&str, Options, u64)] = &[
        (loops, limits(|limits| limits.steps = Some(1000)), 1000),
        (loops, limits(|limits| limits.output = Some(10)), 10),
        ("label a push 1 jmp a", limits(|limits| limits.stack = Some(10)), 10),
        ("label a call a", limits(|limits| limits.calls = Some(10)), 10),
        ("push 0 label a dup push 5 store push 70001 add jmp a", limits(|limits| limits.heap = Some(10)), 10),
        ("push 0 label a dup push 0 store push 70001 add jmp a", limits(|limits| limits.heap = Some(10)), 10),
        ("label a push 1 jmp a", Options::default(), 8 << 16),
        ("label a call a", Options::default(), 4 << 16),
    ];
    for (source, options, limit) in cases {
        let seen = check(source, options, b"");
        let steps = run(
            &Program::parse_with("test", &assemble(source), options).expect("a program"),
            options,
            b"",
            Engine::Optimised,
        );
        let Err((class, message)) = steps.result else { panic!("{source} does not stop: {seen:?}") };
        assert_eq!(class, Class::Limit);
        assert!(message.contains(&limit.to_string()), "{source}: {message}");
    }
}

/// What is too large for the memory that there may be ends in a fault before it is computed or copied. (The reference has no such
/// bound.)
#[test]
fn big_values_have_a_limit() {
    for source in [
        "push 3 label a dup mul jmp a",
        "push 3 label a dup mul dup push 0 swap store jmp a",
        "push 18446744073709551616 label a dup jmp a",
        "push 0 push 18446744073709551616 store label a push 0 retrieve jmp a",
        "push 0 push 18446744073709551616 store push 1 label a dup push 0 retrieve store push 1 add jmp a",
        "push 18446744073709551616 label a dup push 1 store push 1 add jmp a",
    ] {
        let options = Options::default();
        let program = Program::parse_with("test", &assemble(source), &options).expect("a program");
        for engine in [Engine::Bignum, Engine::Optimised] {
            let seen = run(&program, &options, b"", engine);
            let Err((class, message)) = seen.result else { panic!("{source} does not stop") };
            assert!(class == Class::Limit && message.contains("memory"), "{source}: {message}");
        }
    }
}

#[test]
fn an_interrupt_stops_a_loop_and_it_goes_on_afterwards() {
    let program =
        Program::parse_with("test", &assemble("push 0 label a push 1 add jmp a"), &Options::default())
            .expect("a program");
    for row in ENGINES {
        let mut machine =
            Machine::new(&program, &Options::default(), &b""[..], std::io::sink()).expect("address space");
        for _ in 0..2 {
            let token = machine.interrupt_token();
            let thread = std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(5));
                token.interrupt();
            });
            // Compiled code counts if it may have to stop.
            assert_eq!(machine.run_for(row.engine, 1 << 60), Ok(Stop::Interrupted), "{}", row.name);
            thread.join().expect("it ends");
        }
        // A step later everything still fits together.
        assert_eq!(machine.step(), Ok(Stop::Steps));
        let rounds = machine.state().stack().next().expect("the counter");
        let steps = Integer::from(machine.steps());
        assert!(steps >= &rounds * 3 && steps <= &rounds * 3 + 4, "{steps} {rounds}");
    }
}

/// A generator of numbers, the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

const VALUES: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "3",
    "-3",
    "10",
    "65",
    "255",
    "256",
    "-65536",
    "-65537",
    "65535",
    "65536",
    "65537",
    "131072",
    "2147483647",
    "-2147483648",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "7640891576956012809",
];

const NUMBERS: &[&str] = &["0", "1", "2", "3", "-1", "5", "4294967296"];

/// A program of blocks with labels, most of whose instructions find what they need.
fn structured(random: &mut Random) -> String {
    let labels = 1 + random.below(5);
    let mut source = String::new();
    for label in 0..labels {
        for _ in 0..random.below(14) {
            let target = random.below(labels);
            source += &match random.below(30) {
                0..=5 => format!("push {} ", random.pick(VALUES)),
                6 => "dup ".into(),
                7 => format!("copy {} ", random.pick(NUMBERS)),
                8 => "swap ".into(),
                9 => format!("slide {} ", random.pick(NUMBERS)),
                10..=13 => format!(
                    "push {} {} ",
                    random.pick(VALUES),
                    random.pick(&["add", "sub", "mul", "div", "mod"])
                ),
                14..=15 => format!("{} ", random.pick(&["add", "sub", "mul", "div", "mod"])),
                16 => format!("push {} push {} store ", random.pick(VALUES), random.pick(VALUES)),
                17 => format!("push {} swap store ", random.pick(VALUES)),
                18..=19 => format!("push {} retrieve ", random.pick(VALUES)),
                20 => format!("push 3 push 3 retrieve push {} add store ", random.pick(VALUES)),
                21 => {
                    format!("dup push {} sub {} l{target} ", random.pick(VALUES), random.pick(&["jz", "jn"]))
                }
                22 => format!("{} l{target} ", random.pick(&["jz", "jn", "jmp", "call", "call"])),
                23 => format!("copy 1 {} l{target} ", random.pick(&["jz", "jn", "sub jz", "sub jn"])),
                24 => "printi ".into(),
                25 => format!("push {} {} ", 60 + random.below(90), random.pick(&["printc", "printi"])),
                26 => format!("push {} {} ", random.below(5), random.pick(&["readc", "readi"])),
                27 => format!("{} ", random.pick(&["store", "retrieve", "drop", "printc", "ret"])),
                28 => format!("push {} add retrieve ", random.pick(VALUES)),
                _ => format!("label m{label}x{} ", source.len()),
            };
        }
        source += &match random.below(6) {
            0 => "ret ".into(),
            1 => format!("jmp l{} ", random.below(labels)),
            2 => format!("call l{} ", random.below(labels)),
            3 => "end ".into(),
            _ => String::new(),
        };
        source += &format!("label l{label} ");
    }
    source + "push 1 printi"
}

const INPUT: &[u8] = b"12\n-5 \nx\xc3\xa9\xe2\x82\xac\n99999999999999999999\nabc\n0x10\n\xff";

#[test]
fn random_programs_do_the_same_on_every_engine() {
    let sets = option_sets();
    for seed in 0..1500 {
        let random = &mut Random(seed);
        let source = structured(random);
        let options = sets[random.below(sets.len() as u64) as usize].clone();
        let text = assemble(&source);
        let Ok(program) = Program::parse_with("test", &text, &options) else { continue };
        let limited = Options {
            limits: options::Limits { steps: Some(random.below(3000)), ..options.limits.clone() },
            ..options
        };
        let what = || format!("seed {seed}\n{source}");
        let whole = agree(&program, &limited, INPUT, &what);
        // The same in parts, each on another engine.
        let mut left = whole.steps;
        let mut parts = Vec::new();
        while left > 0 {
            let steps = 1 + random.below(left);
            parts.push((ENGINES[random.below(ENGINES.len() as u64) as usize].engine, steps));
            left -= steps;
        }
        parts.push((Engine::Optimised, u64::MAX));
        assert_eq!(run_parts(&program, &limited, INPUT, &parts), whole, "{parts:?}\n{}", what());
    }
}

#[test]
fn noise_does_the_same_on_every_engine() {
    let options = Options {
        limits: options::Limits { steps: Some(2000), ..Default::default() },
        ..with(&[("tail", "late"), ("undefined-labels", "late"), ("duplicate-labels", "first")])
    };
    for seed in 0..3000 {
        let random = &mut Random(seed);
        let text: Vec<u8> = (0..random.below(300)).map(|_| random.pick(b" \t\n")).collect();
        let program = Program::parse_with("test", &text, &options).expect("everything is let through");
        agree(&program, &options, INPUT, &|| format!("seed {seed}"));
    }
}

#[test]
fn the_state_can_be_changed_between_steps() {
    let program = Program::parse_with("test", &assemble("push 1 push 0 div printi"), &Options::default())
        .expect("a program");
    let mut output = Vec::new();
    let mut machine =
        Machine::new(&program, &Options::default(), &b""[..], &mut output).expect("address space");
    let fault = machine.run(Engine::Optimised).expect_err("division by zero");
    assert_eq!((fault.instruction, fault.kind.class()), (2, Class::DivideByZero));
    assert!(machine.set_item(0, Integer::from(-1)) && !machine.set_item(2, Integer::ONE));
    machine.push(Integer::ONE << 80).expect("room");
    assert_eq!(machine.state().item(0), Some(Integer::ONE << 80));
    assert_eq!(machine.pop(), Some(Integer::ONE << 80));
    machine.set_cell(&Integer::from(9), Integer::ONE << 90).expect("room");
    assert_eq!(machine.state().cell(&Integer::from(9)), Some(Integer::ONE << 90));
    assert_eq!(machine.run(Engine::Optimised), Ok(Stop::End));
    assert_eq!(machine.steps(), 4);
    assert!(machine.has_ended() && machine.run(Engine::Reference) == Ok(Stop::End));
    assert!(machine.set_instruction(0) && !machine.set_instruction(5) && !machine.has_ended());
    drop(machine);
    assert_eq!(output, b"-1");
}

#[test]
fn traces_show_what_ran_in_order() {
    use kiln_whitespace::trace::{Events, Trace};
    let source =
        "push 1 call f push 2 printi push 0 div label f push 5 push 7 store push 5 retrieve printi ret";
    let program = Program::parse_with("t.ws", &assemble(source), &Options::default()).expect("a program");
    let traced = |trace: &Trace| {
        let (mut output, mut lines) = (Vec::new(), Vec::new());
        let mut machine =
            Machine::new(&program, &Options::default(), &b""[..], &mut output).expect("address space");
        let result = machine.run_traced(trace, &mut lines);
        assert_eq!(result.expect_err("it fails").instruction, 5);
        drop(machine);
        assert_eq!(output, b"72");
        String::from_utf8(lines).expect("text")
    };
    let lines = traced(&Trace::default());
    assert_eq!(lines.lines().count(), 12, "{lines}");
    assert!(lines.contains("store") && lines.contains("| 1   heap[5] = 7\n"), "{lines}");
    assert_eq!(
        traced(&Trace { events: Events::Calls, ..Trace::default() }),
        "       1  call f\n       8  ret to 2\n"
    );
    // All that was kept back is shown when it fails.
    let quiet = traced(&Trace { from: 11, ..Trace::default() });
    assert_eq!(quiet, format!("{}\nthe last before the error:\n{lines}", lines.lines().last().expect("one")));
    let f = program.definition(program.find_label("f").expect("a label")).expect("a definition");
    let late = traced(&Trace { breaks: vec![f + 1], ..Trace::default() });
    assert!(late.starts_with(lines.lines().nth(2).expect("the first behind the label")), "{late}");
    let blocks = traced(&Trace { events: Events::Blocks, ..Trace::default() });
    assert_eq!(blocks.lines().count(), 3, "{blocks}");
}
