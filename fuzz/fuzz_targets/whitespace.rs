//! Any bytes: a Whitespace program or problems with places, and what is a program survives every way through it.
#![no_main]

use kiln_whitespace::assembly::{AsmOptions, Style};
use kiln_whitespace::options::{Compat, Options};
use kiln_whitespace::{Program, SourceMap};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    if let Err(rejected) = Program::parse(text) {
        assert!(rejected.diagnostics.iter().all(|problem| rejected.position(problem).is_some()));
    }
    let late = Options::compat(Compat::Wspace03);
    let program = Program::parse_with("fuzz.ws", text, &late).expect("what is wrong is found when it runs");
    let tokens = program.to_whitespace();
    let read =
        |text: &[u8]| Program::parse_with("again.ws", text, &late).expect("what was written can be read");
    assert_eq!(read(&tokens).to_whitespace(), tokens);
    assert_eq!(read(&program.annotate()).to_whitespace(), tokens);
    let small = program.minify().to_whitespace();
    assert!(small.len() <= tokens.len());
    assert_eq!(read(&small).minify().to_whitespace(), small);
    let options = AsmOptions { options: late.clone(), ..AsmOptions::default() };
    let exact = Program::assemble(&program.to_assembly(Style::EXACT), &options)
        .expect("what was printed can be read");
    assert_eq!(exact.to_whitespace(), tokens);
    program.check(&Options::default());
    let map = program.source_map().expect("places");
    assert_eq!(SourceMap::parse(&map.to_text()), Ok(map));
});
