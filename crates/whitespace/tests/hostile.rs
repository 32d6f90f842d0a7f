//! Damaged texts: no panic, places inside the text, and what is accepted survives every way through it.

use kiln_whitespace::assembly::{AsmOptions, Style, language};
use kiln_whitespace::options::{Compat, Options};
use kiln_whitespace::{Program, Rejected, SourceMap};

/// Numbers that look random: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

const ASSEMBLY: &str = r#"
{- counts {- down -} -}
macro show what { what .x: jz .x printi }
start: push 10 .loop: dup printi printc '\n' sub 1
  dup jz .done jmp .loop ; again
.done: drop push "hi\u{21}" pushz "\x41" call 5 end
5: store 0x10 retrieve -1_000 copy 2 slide 1 @"SST"
_0110: show dup push 0 @"" jn start.loop ret // out
"#;

fn mutate(random: &mut Random, text: &mut Vec<u8>, pieces: &[&[u8]]) {
    for _ in 0..=random.below(4) {
        let at = random.below(text.len() + 1);
        match random.below(5) {
            0 => text.truncate(at),
            1 if at < text.len() => {
                text.remove(at);
            }
            2 if at < text.len() => text[at] = random.below(256) as u8,
            3 => {
                let piece = pieces[random.below(pieces.len())];
                text.splice(at..at, piece.iter().copied());
            }
            _ => {
                let end = at + random.below(text.len() + 1 - at);
                let copied = text[at..end].to_vec();
                text.splice(at..at, copied);
            }
        }
    }
}

/// Problems stand in the order of the text, at places that exist.
fn check_rejected(rejected: &Rejected) {
    assert!(!rejected.diagnostics.is_empty() && rejected.diagnostics.len() <= 20);
    assert!(rejected.diagnostics.is_sorted_by_key(|problem| problem.span));
    for problem in &rejected.diagnostics {
        assert!(problem.span.start <= problem.span.end);
        let source = rejected.sources.of(problem.span.start).expect("a text");
        assert!(source.range(problem.span).end <= source.text.len());
        assert!(rejected.position(problem).is_some() && !problem.message.is_empty());
    }
}

/// What must hold of every program.
fn check_program(program: &Program) {
    let tokens = program.to_whitespace();
    let late = Options::compat(Compat::Wspace03);
    let again = Program::parse_with("again.ws", &tokens, &late).expect("what was written can be read");
    assert_eq!(again.to_whitespace(), tokens);
    let options = AsmOptions { options: late.clone(), ..AsmOptions::default() };
    let exact = Program::assemble(&program.to_assembly(Style::EXACT), &options)
        .expect("what was printed can be read");
    assert_eq!(exact.to_whitespace(), tokens);
    let whitespacers = program.to_assembly(Style::WHITESPACERS);
    let plain = Program::assemble(&whitespacers, &options).expect("what was printed can be read");
    assert_eq!(
        Program::assemble(&program.to_assembly(Style::KILN), &options).expect("read").to_whitespace(),
        plain.to_whitespace()
    );
    let annotated = Program::parse_with("annotated.ws", &program.annotate(), &late).expect("still a program");
    assert_eq!(annotated.to_whitespace(), tokens);
    let small = program.minify();
    let bytes = small.to_whitespace();
    assert!(bytes.len() <= tokens.len());
    assert_eq!(small.minify().to_whitespace(), bytes);
    let read = Program::parse_with("small.ws", &bytes, &late).expect("still a program");
    assert_eq!(read.minify().to_whitespace(), bytes);
    let shrunk = program.shrink();
    assert!(shrunk.len() <= program.len() && shrunk.to_whitespace().len() <= tokens.len());
    for warning in program.check(&Options::default()) {
        assert!((warning.instruction.expect("known") as usize) < program.len());
    }
    let map = program.source_map().expect("places");
    assert_eq!(SourceMap::parse(&map.to_text()), Ok(map));
}

#[test]
fn damaged_assembly_is_refused_or_survives() {
    let pieces: [&[u8]; 16] = [
        b"\"",
        b"'",
        b"\\",
        b"{",
        b"}",
        b"{-",
        b"-}",
        b":",
        b"@",
        b"\n",
        b".",
        b"macro m {",
        b" jmp ",
        b"0x",
        b"\xC3\xA9",
        b"\xFF",
    ];
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut accepted = 0;
    for _ in 0..3000 {
        let mut text = ASSEMBLY.as_bytes().to_vec();
        mutate(&mut random, &mut text, &pieces);
        language(&text);
        match Program::assemble_bytes(&text, &AsmOptions::default()) {
            Ok(program) => {
                accepted += 1;
                check_program(&program);
            }
            Err(rejected) => check_rejected(&rejected),
        }
    }
    assert!(accepted > 150, "{accepted}");
}

#[test]
fn damaged_whitespace_is_refused_or_survives() {
    let pieces: [&[u8]; 8] = [b" ", b"\t", b"\n", b"\n \n\n", b"\n  \n", b"   \n", b"\r\n", b"comment\xFF"];
    let seed = Program::assemble(ASSEMBLY, &AsmOptions::default()).expect("a program");
    let mut random = Random(42);
    let mut accepted = 0;
    for round in 0..3000 {
        let mut text = if round % 2 == 0 { seed.to_whitespace() } else { seed.annotate() };
        mutate(&mut random, &mut text, &pieces);
        for options in [Options::default(), Options::compat(Compat::Wspace03)] {
            match Program::parse_with("t.ws", &text, &options) {
                Ok(program) => {
                    accepted += 1;
                    check_program(&program);
                }
                Err(rejected) => check_rejected(&rejected),
            }
        }
    }
    assert!(accepted > 3000, "{accepted}");
}

#[test]
fn noise_is_refused_or_survives() {
    let mut random = Random(7);
    for _ in 0..3000 {
        let length = random.below(200);
        let text: Vec<u8> = (0..length).map(|_| b" \t\n"[random.below(3)]).collect();
        let program =
            Program::parse_with("t.ws", &text, &Options::compat(Compat::Wspace03)).expect("anything goes");
        check_program(&program);
    }
}
