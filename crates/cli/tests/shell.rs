//! What the command gives to shells and to `man`: completions and manual pages. Pages are set by groff where there is
//! one, and in CI (`CI=true`) there is.

mod command;

use command::{file, run, scratch};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

/// The subcommands, as the help lists them.
fn subcommands() -> Vec<String> {
    subcommands_of(&[])
}

fn subcommands_of(command: &[&str]) -> Vec<String> {
    let help = run(&[command, &["--help"]].concat());
    let lines = help.succeeds().lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The options that a help text names.
fn options(help: &str) -> BTreeSet<String> {
    let options = help.lines().skip_while(|line| *line != "Options:").take_while(|line| !line.is_empty());
    let words = options.flat_map(|line| line.split([' ', ',']));
    words.filter(|word| word.starts_with("--") && word.len() > 2).map(str::to_owned).collect()
}

#[test]
fn bash_completes_subcommands_options_and_operations() {
    let script = file("completions.bash", run(&["completions", "bash"]).succeeds());
    // As bash calls it: the command's name, the word to complete and the one before it.
    let complete = |words: &[&str]| {
        let (current, before) = (words[words.len() - 1], words[words.len() - 2]);
        let program = format!(
            "source {script}; complete -p kiln > /dev/null || exit 1; COMP_WORDS=({}); COMP_CWORD={}; \
             _kiln kiln '{current}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words.len() - 1,
        );
        let output = Command::new("bash").args(["--norc", "-c", &program]).output().expect("bash starts");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["kiln", "exp"]), ["explain"]);
    assert_eq!(complete(&["kiln", "run", "--perf"]), ["--perf-map"]);
    assert_eq!(complete(&["kiln", "run", "--tier", "int"]), ["interpreter"]);
    assert_eq!(complete(&["kiln", "explain", "sdi"]), ["sdiv"]);
    assert_eq!(complete(&["kiln", "completions", "zs"]), ["zsh"]);
    let all = complete(&["kiln", "''"]);
    for name in subcommands() {
        assert!(all.contains(&name), "no `{name}` in {all:?}");
    }
}

#[test]
fn every_shell_gets_every_subcommand() {
    let names = subcommands();
    assert!(names.len() >= 7, "{names:?}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(&["completions", shell]);
        for name in &names {
            assert!(script.succeeds().contains(name), "no `{name}` for {shell}");
        }
    }
    run(&["completions", "cmd"]).fails(2, &["possible values", "bash"]);
}

#[test]
fn manual_pages_say_all_that_help_says() {
    let folder = scratch("man");
    std::fs::create_dir_all(&folder).unwrap();
    run(&["man", folder.to_str().unwrap()]).succeeds();
    let mut all = String::new();
    let mut check = |page: &str, help: &[&str]| {
        let text = std::fs::read_to_string(folder.join(page)).unwrap();
        let help = run(help);
        let options = options(help.succeeds());
        assert!(!options.is_empty(), "{page}");
        for option in options {
            assert!(text.contains(&option.replace('-', "\\-")), "no {option} in {page}");
        }
        assert!(text.contains(".SH \"EXAMPLES\"") || text.contains(".SH EXAMPLES"), "{page}");
        all += &text;
    };
    check("kiln.1", &["--help"]);
    for name in subcommands() {
        check(&format!("kiln-{name}.1"), &[&name, "--help"]);
    }
    for name in subcommands_of(&["ws"]) {
        check(&format!("kiln-ws-{name}.1"), &["ws", &name, "--help"]);
    }
    // Without a folder, the same one behind the other.
    assert_eq!(run(&["man"]).succeeds(), all);
    run(&["man", "/nowhere/at/all"]).fails(73, &["cannot write `/nowhere/at/all/kiln.1`"]);
}

#[test]
fn manual_pages_are_what_groff_expects() {
    let page = file("all-pages.1", run(&["man"]).succeeds());
    let output =
        Command::new("groff").args(["-man", "-Tascii", "-ww", "-P-cbu", &page]).stdin(Stdio::null()).output();
    let output = match output {
        Ok(output) => output,
        Err(error) if std::env::var_os("CI").is_some() => panic!("groff cannot be run: {error}"),
        Err(error) => {
            eprintln!("SKIPPED: groff cannot be run: {error}");
            return;
        }
    };
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8_lossy(&output.stdout);
    for words in ["kiln(1)", "kiln-run(1)", "EXIT STATUS", "--perf-map", "kiln explain sdiv"] {
        assert!(text.contains(words), "no `{words}` in {text}");
    }
}
