//! Annotating, source maps, and what `check` warns of.

use kiln_whitespace::options::{Options, Overflow, Slide};
use kiln_whitespace::{AsmOptions, Program, SourceMap};

fn assemble(text: &str) -> Program {
    let options = AsmOptions { name: "a.wsa", ..AsmOptions::default() };
    Program::assemble(text, &options).unwrap_or_else(|rejected| panic!("{rejected}"))
}

/// Class, line and instruction of every warning.
fn warnings(text: &str, options: &Options) -> Vec<String> {
    let program = assemble(text);
    let shown = program.check(options).into_iter().map(|warning| {
        let at = warning.instruction.expect("known");
        format!(
            "{} {}",
            warning.class.name().trim_start_matches("warning/"),
            program.position(at).expect("known").line
        )
    });
    shown.collect()
}

#[test]
fn annotated_programs_are_the_same_programs() {
    let program =
        assemble("main: push 'a' printc push -7 jz main copy 2 slide 0 @\"T\" call _0110 _0110: end");
    let text = program.annotate();
    let again = Program::parse(&text).expect("a program");
    assert_eq!(again.to_whitespace(), program.to_whitespace());
    assert!(text.starts_with(b"[main:]\n  "));
    assert!(String::from_utf8_lossy(&text).contains("[push:-7]"));
    assert_eq!(again.annotate(), text);
}

#[test]
fn source_maps_lead_back_to_the_assembly() {
    let text = "start: push 5 ; five\n  printi \u{e9}".replace('\u{e9}', "; \u{e9}");
    let program = assemble(&text);
    let map = SourceMap::parse(&program.source_map().expect("places").to_text()).expect("a map");
    let plain = Program::parse(&program.to_whitespace()).expect("a program");
    let mapped = plain.with_source_map(&map, &[text.clone().into_bytes()]).expect("the same program");
    for at in 0..3 {
        assert_eq!(mapped.position(at), program.position(at));
        assert_eq!(mapped.span(at), program.span(at));
    }
    assert_eq!(mapped.position(2).expect("known").to_string(), "a.wsa:2:3");
    assert!(plain.with_source_map(&map, &[b"start:".to_vec()]).is_err());
    assert!(plain.with_source_map(&map, &[]).is_err());
    assert!(assemble("end").with_source_map(&map, &[text.into_bytes()]).is_err());
    assert!(plain.strip().source_map().is_none());
}

#[test]
fn unreachable_instructions_are_seen() {
    let options = Options::default();
    assert_eq!(warnings("end\npush 1\ndrop\n", &options), ["unreachable 2"]);
    assert_eq!(warnings("jmp a\npush 1\na: end", &options), ["unreachable 2"]);
    assert_eq!(warnings("call a\nend\na: ret", &options), [""; 0]);
    assert_eq!(warnings("end\na:\njmp a", &options), ["unreachable 2"]);
}

#[test]
fn certain_underflow_is_seen_and_uncertain_is_not() {
    let options = Options::default();
    assert_eq!(warnings("add", &options), ["underflow 1"]);
    assert_eq!(warnings("push 1\nadd\nend", &options), ["underflow 2", "unreachable 3"]);
    assert_eq!(warnings("push 1\npush 2\nadd\ncopy 1", &options), ["underflow 4"]);
    // The loop may have pushed any number.
    assert_eq!(warnings("a: push 1\ndup\njz a\nadd\nadd\nadd\nadd", &options), [""; 0]);
    // The subroutine may have pushed.
    assert_eq!(warnings("call a\nadd\nend\na: push 1\npush 2\nret", &options), [""; 0]);
    assert_eq!(warnings("push 1\npush 2\nslide 7\nprinti\nprinti", &options), ["underflow 5"]);
    let strict = Options { slide: Slide::Error, ..Options::default() };
    assert_eq!(warnings("push 1\npush 2\nslide 1\nslide 1", &strict), ["underflow 4"]);
    assert_eq!(warnings("push 1\nslide -1", &strict), ["argument 2"]);
    assert_eq!(warnings("push 1\nslide -1", &options), [""; 0]);
    assert_eq!(warnings("push 1\ncopy -1", &options), ["argument 2"]);
    assert_eq!(warnings("push 1\ncopy 99999999999999999999", &options), ["argument 2"]);
}

#[test]
fn unused_labels_and_doubtful_numbers_are_seen() {
    let options = Options::default();
    assert_eq!(warnings("a:\nb:\njmp b", &options), ["unused-label 1"]);
    assert_eq!(warnings("push 0 @\"\"\npush 0 @\"T\"\n", &options), ["empty-number 1"]);
    let wrap = Options { overflow: Overflow::Wrap, ..Options::default() };
    let big = "push 9223372036854775807\npush 9223372036854775808\npush -9223372036854775808";
    assert_eq!(warnings(big, &wrap), ["wrapped-number 2"]);
    assert_eq!(warnings(big, &options), [""; 0]);
}

#[test]
fn checking_is_linear_in_the_program() {
    // Each block leads to all that follow it one by one, at other heights.
    let mut text = String::new();
    for block in 0..20_000 {
        text.push_str(&format!("b{block}: push 1 push 0 jz b{}\n", (block * 7919) % 20_000));
    }
    assert!(assemble(&text).check(&Options::default()).is_empty());
}

fn shrunk(text: &str) -> String {
    let program = assemble(text).shrink();
    assert_eq!(program.shrink().to_whitespace(), program.to_whitespace(), "{text}");
    let listing = program.to_assembly(kiln_whitespace::Style::KILN);
    listing.lines().map(|line| line.split(';').next().unwrap_or("").trim()).collect::<Vec<_>>().join(" ")
}

#[test]
fn shrinking_leaves_out_what_no_run_can_miss() {
    assert_eq!(shrunk("push 1 end drop x: jmp x"), "push 1 end");
    assert_eq!(shrunk("a: push 1 b: jz b"), "push 1 b: jz b");
    assert_eq!(shrunk("push 300 push 300 push 7 push 7 push 8"), "push 300 dup push 7 dup push 8");
    assert_eq!(
        shrunk("push 99999999999999999999 push 99999999999999999999"),
        "push 99999999999999999999 dup"
    );
    assert_eq!(
        shrunk("push 5 copy 0 slide 0 jmp next other: next: printi jz other"),
        "push 5 dup other: printi jz other"
    );
    assert_eq!(shrunk("call a end a: ret b: call b"), "call a end a: ret");
    assert_eq!(shrunk("jmp a b: end a: jmp b"), "jmp a b: end a: jmp b");
    assert_eq!(shrunk("push 0 jz a end a:"), "push 0 jz a end a:");
    // Where the stack may be empty these fail in ways of their own; behind a label control may come from elsewhere.
    assert_eq!(shrunk("copy 0 slide 0 drop copy 0"), "copy 0 drop copy 0");
    assert_eq!(shrunk("push 1 a: push 1 jz a"), "push 1 a: push 1 jz a");
}

#[test]
fn shrunk_programs_keep_their_places_and_names() {
    let options = AsmOptions {
        name: "a.wsa",
        labels: kiln_whitespace::assembly::Labels::Short,
        ..AsmOptions::default()
    };
    let program =
        Program::assemble("jmp main\nunused: drop\nmain: push 1", &options).expect("a program").shrink();
    assert_eq!(program.instruction_text(0), "push 1");
    assert_eq!(program.position(0).expect("known").to_string(), "a.wsa:3:7");
    let program = Program::assemble("push 0\njz main\nend main: end", &options).expect("a program").shrink();
    assert_eq!(program.instruction_text(1), "jz main");
    assert!(program.strip().shrink().position(0).is_none());
}
