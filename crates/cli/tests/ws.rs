//! Programs in Whitespace on the command line: checking and translating.

mod command;

use command::{file, run, run_with_input, scratch};

const HELLO: &str = "
start: push 'H' printc push 'i' printc
  push 3
.loop: push '!' printc sub 1 dup jz .done jmp .loop
.done: drop end
";

fn path(name: &str) -> String {
    scratch(name).display().to_string()
}

fn read(path: &str) -> Vec<u8> {
    std::fs::read(path).expect("the file was written")
}

#[test]
fn assembly_becomes_whitespace_and_comes_back() {
    let source = file("ws-hello.wsa", HELLO);
    assert_eq!(run(&["ws", "asm", &source]).succeeds(), "");
    let program = path("ws-hello.ws");
    assert!(read(&program).starts_with(b"\n   \t\t\t  \t\t"));
    let listing = run(&["ws", "disasm", &program]);
    assert!(listing.succeeds().starts_with("start:\n  push 72\n  printc  ; 'H'\n"), "{}", listing.stdout);
    let again = run_with_input(&["ws", "asm", "-"], listing.stdout.as_bytes());
    assert_eq!(again.succeeds().as_bytes(), read(&program));
    let other = run(&["ws", "disasm", "--style", "whitespacers", &program]);
    assert!(other.succeeds().starts_with("start:\n    push  72\n    pchr\n"));
    let strict =
        run_with_input(&["ws", "asm", "--dialect", "whitespacers", "-", "-o", "-"], other.stdout.as_bytes());
    assert_eq!(strict.succeeds().as_bytes(), read(&program));
    run(&["ws", "check", &program]).succeeds();
    run(&["ws", "check", &source]).succeeds();
}

#[test]
fn both_forms_are_recognised_and_f_decides_otherwise() {
    let assembly = "  push 5\n  printi\n  end\n";
    assert_eq!(run_with_input(&["ws", "disasm", "-"], assembly.as_bytes()).succeeds(), assembly);
    // The blanks of the text are instructions too.
    let as_blanks = run_with_input(&["ws", "disasm", "-f", "ws", "--tail", "late", "-"], assembly.as_bytes());
    assert!(as_blanks.succeeds().starts_with("  push 0\n"), "{}", as_blanks.stdout);
    assert_eq!(run_with_input(&["ws", "disasm", "-f", "asm", "-"], b"\n \n").succeeds(), "");
}

#[test]
fn programs_are_written_smaller_annotated_and_stripped() {
    let program = "   \t\none\t\n \tthen\n  start\t\t\n\n \n\t\t\n";
    let in_form =
        |way: &str| run_with_input(&["ws", "fmt", way, "-"], program.as_bytes()).succeeds().to_owned();
    assert_eq!(in_form("--strip"), program.replace(|c: char| c.is_alphabetic(), ""));
    assert_eq!(in_form("--minify"), "   \t\n\t\n \t\n  \n\n \n\n");
    assert_eq!(in_form("--annotate"), "[push:1]   \t\n[printi]\t\n \t[_11:]\n  \t\t\n[jmp:_11]\n \n\t\t\n");
}

#[test]
fn programs_that_are_rejected_give_3_and_say_where() {
    let undefined = file("ws-undefined.wsa", "start: push 1\n  jmp strat\n");
    let words = [
        "error[label/undefined]",
        "ws-undefined.wsa:2:3",
        "2 |   jmp strat\n  |   ^^^^^^^^^",
        "did you mean `start`?",
    ];
    run(&["ws", "check", &undefined]).fails(3, &words);
    let unknown = file("ws-unknown.ws", b"   \t\n\tone \xE9\t\n \t  \n  \t \tand two \t\t \t\n");
    let outcome = run(&["ws", "check", &unknown]);
    outcome.fails(3, &["error[parse/"]);
    assert!(!outcome.stderr.contains(":::"), "{}", outcome.stderr);
    let unfinished = file("ws-unfinished.ws", "say hello:\n  \t");
    let words = ["error[parse/unterminated-label]", "the file ends inside the label"];
    run(&["ws", "check", "-f", "ws", &unfinished]).fails(3, &["error[parse/"]);
    let unfinished = file("ws-label.ws", "\n  the place \t");
    run(&["ws", "check", &unfinished]).fails(3, &words);
    run(&["ws", "check", &unfinished])
        .fails(3, &["ws-label.ws:2:6", "S S S S T    the place\n  |     ^^^^^"]);
    for subcommand in [vec!["disasm"], vec!["fmt", "--minify"], vec!["asm", "-o", "-"]] {
        run(&[&["ws"], &subcommand[..], &[&unfinished]].concat()).fails(3, &["parse/unterminated-label"]);
    }
    // A preset, and a single option that overrides it.
    run(&["ws", "check", "--compat", "wspace-0.3", &unfinished]).succeeds();
    run(&["ws", "check", "--compat", "wspace-0.3", "--tail", "error", &unfinished]).fails(3, &["parse/"]);
}

#[test]
fn warnings_do_not_reject_unless_asked_to() {
    let doubtful = file("ws-doubtful.wsa", "push 1\nadd\nend\n");
    let outcome = run(&["ws", "check", &doubtful]);
    outcome.succeeds();
    assert!(outcome.stderr.contains("warning[warning/underflow]"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("at instruction 1, `add`"), "{}", outcome.stderr);
    run(&["ws", "check", "--deny-warnings", &doubtful]).fails(3, &["warning/underflow"]);
}

#[test]
fn messages_show_the_assembly_where_there_is_a_map() {
    let source = file("ws-mapped.wsa", "; a comment\nmain: push 1 ; one\n  add\n");
    run(&["ws", "asm", "--map", &source]).succeeds();
    let program = path("ws-mapped.ws");
    run(&["ws", "check", "--deny-warnings", &program])
        .fails(3, &["ws-mapped.wsa:3:3", "3 |   add\n  |   ^^^"]);
    // A map that does not fit is said not to be used.
    file("ws-mapped.wsa", "end");
    let words = ["the source map", "is not used: line 2: the source has changed since", "ws-mapped.ws:"];
    run(&["ws", "check", "--deny-warnings", &program]).fails(3, &words);
}

#[test]
fn included_files_are_found_beside_the_file_that_includes() {
    std::fs::create_dir_all(scratch("ws-library")).expect("the scratch folder can be written");
    file("ws-library/a.wsa", "include \"b.wsa\"");
    file("ws-library/b.wsa", "dup\n  dupp");
    let main = file("ws-main.wsa", "push 1 include \"ws-library/a.wsa\" drop drop");
    run(&["ws", "disasm", &main]).fails(3, &["ws-library/b.wsa:2:3", "did you mean `dup`?"]);
    file("ws-library/b.wsa", "dup");
    assert_eq!(run(&["ws", "disasm", &main]).succeeds(), "  push 1\n  dup\n  drop\n  drop\n");
    file("ws-library/b.wsa", "include \"../ws-library/a.wsa\"");
    run(&["ws", "disasm", &main]).fails(3, &["asm/include", "includes itself"]);
}

#[test]
fn wrong_use_and_files_that_cannot_be_used_give_2() {
    run(&["ws", "check", "no-such-file.ws"]).fails(2, &["cannot read `no-such-file.ws`"]);
    run(&["ws", "fmt", "x.ws"]).fails(2, &["--minify|--annotate|--strip"]);
    run(&["ws", "check", "--division", "round", "x.ws"]).fails(2, &["floor", "trunc"]);
    run(&["ws", "check", "--unchecked-heap", "--heap", "error", "x.ws"]).fails(2, &["cannot be used with"]);
    let program = file("ws-same.ws", "push 1\n");
    run(&["ws", "asm", &program]).fails(2, &["the output would replace the program"]);
    run(&["ws", "asm", "--map", "-"]).fails(2, &["a source map is written beside the output"]);
    run(&["ws", "asm", &program, "-o", "/no/such/folder/x.ws"]).fails(2, &["cannot write"]);
}

#[test]
fn help_names_every_instruction_and_option() {
    let asm = run(&["ws", "asm", "--help"]);
    for opcode in kiln_whitespace::Opcode::ALL {
        assert!(asm.succeeds().contains(opcode.name()), "{}", opcode.name());
    }
    let check = run(&["ws", "check", "--help"]);
    for option in kiln_whitespace::options::TABLE {
        assert!(check.succeeds().contains(&format!("--{}", option.name)), "{}", option.name);
    }
    let example = run(&["ws", "--help"]).stdout;
    let (_, example) = example.split_once("hello.wsa:\n").expect("an example");
    let (example, _) = example.split_once("\n\n").expect("its end");
    run_with_input(&["ws", "check", "--deny-warnings", "-f", "asm", "-"], example.as_bytes()).succeeds();
}
