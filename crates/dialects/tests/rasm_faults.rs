//! What rasm programs are told that are wrong: the message, its place, and what to do.

use kiln_dialects::rasm;
use kiln_ir::diagnostic::Place;
use kiln_ir::text::{Includes, NoIncludes, Source, Sources};

/// The messages about a text, a line each: place, fault, help in parentheses.
fn faults(text: &str, includes: &dyn Includes) -> Vec<String> {
    let mut sources = Sources::default();
    let program = rasm::parse(&mut sources, "test.ras", text, includes);
    let translated = program.and_then(|program| rasm::translate(&program, &sources));
    let Err(faults) = translated else { return vec![] };
    let line = |fault: &kiln_ir::diagnostic::Diagnostic<rasm::Fault>| {
        let Place::Span(span) = fault.at else { panic!("{fault} has no place in the text") };
        let source = sources.get(span.file).expect("the file of the span");
        let (line, column) = sources.line_column(span.file, span.start).expect("a place in the file");
        let marked = &source.text[span.start as usize..span.end as usize];
        format!("{line}:{column} `{marked}` {fault}")
    };
    faults.iter().map(line).collect()
}

#[track_caller]
fn says(text: &str, expected: &[&str]) {
    assert_eq!(faults(text, &NoIncludes), expected, "{text}");
}

/// Statements behind `prolog`, so that they begin in line 2.
#[track_caller]
fn body_says(body: &str, expected: &[&str]) {
    says(&format!("prolog\n{body}\nret\n"), expected);
}

#[test]
fn words_that_are_none() {
    body_says("mov %v0 08", &["2:9 `08` `08` is not a number in range"]);
    body_says("mov %v0 0x", &["2:9 `0x` `0x` is not a number in range"]);
    body_says("mov %v0 12ab", &["2:9 `12ab` `12ab` is not a number in range"]);
    body_says("movi_d %fpr0, 1.", &["2:15 `1.` `1.` is not a number in range"]);
    body_says("mov %v0 ?", &["2:9 `?` the character '?' begins no word"]);
    body_says(r#"mov %v0 "a\q""#, &[r#"2:9 `"a\q` there is no escape `\q`"#]);
    body_says("mov %v0 \"abc", &["2:9 `\"abc` the string has no closing quote on its line"]);
    says("prolog /* a /* b */", &["1:8 `/*` the comment has no end"]);
    body_says(
        "mov %r10 1",
        &[
            "2:5 `%r10` there is no register `%r10` (there are %r0 to %r2, %v0 to %v2, %fpr0 to %fpr5, %ret, %sp and %fp)",
        ],
    );
    let range = "integers are from -9223372036854775808 to 9223372036854775807";
    body_says(
        "movi_l %v0, 9223372036854775808",
        &[&format!("2:13 `9223372036854775808` `9223372036854775808` is not a number in range ({range})")],
    );
}

#[test]
fn mnemonics_that_are_none() {
    body_says("addd %v0 %v1 1", &["2:1 `addd` there is no instruction `addd` (did you mean `add`?)"]);
    body_says(
        "addi_ii %v0, %v1, 1",
        &["2:1 `addi_ii` there is no instruction `addi_ii` (did you mean `addi_ui`?)"],
    );
    body_says("jmpi !forwrd", &["2:6 `!forwrd` there is no instruction `forwrd` (did you mean `!forward`?)"]);
    body_says(
        "jmpi !ret",
        &["2:6 `!ret` `ret` cannot be called with `!`: it takes operands or gives nothing \
           (`!forward`, `!get_label`, `!entry` and `!arg_…` exist)"],
    );
}

#[test]
fn lines_that_do_not_fit_the_grammar() {
    body_says("add %v0, %v1,", &["2:14 `` expected an operand, found the end of the line"]);
    body_says("5", &["2:2 `` expected `=>` after an operand without instruction, found the end of the line"]);
    body_says("5 => %v0", &["2:6 `%v0` expected a variable (`$x`, `@x` or `&x`), found `%v0`"]);
    body_says("5 => 6", &["2:6 `6` expected a variable (`$x`, `@x` or `&x`), found `6`"]);
    body_says("5 => $x 7", &["2:9 `7` expected the end of the line, found `7`"]);
    body_says("mov %v0 (1 + 2", &["2:15 `` expected `)`, found the end of the line"]);
    says("#function\n", &["1:10 `` `#function` is followed by one name and nothing else"]);
    says("#function a b\n", &["1:11 `a b` `#function` is followed by one name and nothing else"]);
    says("#function a\u{7f}\n", &["1:11 `a\u{7f}` `#function` is followed by one name and nothing else"]);
}

#[test]
fn expressions() {
    body_says(
        "movi_i %v0, 1 + 2.5",
        &["2:13 `1 + 2.5` an integer and a float cannot be mixed in one expression"],
    );
    body_says("movi_i %v0, 1 / 0", &["2:13 `1 / 0` division by zero"]);
    body_says("movi_i %v0, 1 << 64", &["2:13 `1 << 64` shift counts are from 0 to 63"]);
    body_says("movi_d %fpr0, 1.0 << 2.0", &["2:15 `1.0 << 2.0` this operator is for integers only"]);
    body_says("movi_i %v0, 1 && 1", &["2:15 `&&` there are no operators `&&` and `||`"]);
    body_says("movi_i %v0, 1 + $x", &["2:17 `$x` `$x` cannot occur in an expression"]);
    body_says("movi_i %v0, $x + 1", &["2:13 `$x` `$x` cannot occur in an expression"]);
}

#[test]
fn operands_of_another_class() {
    body_says(
        "addi_i %v0, %v1, %v2",
        &[
            "2:18 `%v2` operand 3 of `addi_i` is to be an integer, but is the register `%v2` (the form with `r` takes a register)",
        ],
    );
    body_says(
        "addr_i %v0, %v1, 2",
        &[
            "2:18 `2` operand 3 of `addr_i` is to be an integer register, but is the integer 2 (the form with `i` takes an immediate)",
        ],
    );
    body_says(
        "addr_i %v0, %fpr1, %v2",
        &[
            "2:13 `%fpr1` operand 2 of `addr_i` is to be an integer register, but is the float register `%fpr1` \
           (the forms with `_f` and `_d` take float registers)",
        ],
    );
    body_says(
        "addr_d %fpr0, %v1, %fpr0",
        &["2:15 `%v1` operand 2 of `addr_d` is to be a float register, but is the register `%v1`"],
    );
    body_says(
        "movi_d %fpr0, 1",
        &["2:15 `1` operand 2 of `movi_d` is to be a float, but is the integer 1 (write `1.0`)"],
    );
    body_says(
        "jmpi 5",
        &["2:6 `5` operand 1 of `jmpi` is to be a label of this function, but is the integer 5"],
    );
    body_says(
        "jmpi @self",
        &["2:6 `@self` operand 1 of `jmpi` is to be a label of this function, but is `@self`, a function \
           (call it with `finish`, or take a label after `prolog`)"],
    );
    body_says(
        "finish %v0 => $x\nfinish 5",
        &["3:8 `5` operand 1 of `finish` is to be a function, but is the integer 5"],
    );
    body_says(
        "getarg_i %v0, 0",
        &["2:15 `0` operand 2 of `getarg_i` is to be what `arg` gave, but is the integer 0"],
    );
    body_says("movi_l %fp, 0", &["2:8 `%fp` `%fp` cannot be written"]);
    body_says(
        "movi_i %v0, \"a\"",
        &["2:13 `\"a\"` operand 2 of `movi_i` is to be an integer, but is a string"],
    );
}

#[test]
fn operands_by_number_and_range() {
    body_says("addi_i %v0, %v1", &["2:1 `addi_i` `addi_i` takes 3 operands, but has 2"]);
    body_says("allocai => $x", &["2:1 `allocai` `allocai` takes 1 operand, but has 0"]);
    body_says("ret 1", &["2:1 `ret` `ret` takes 0 operands, but has 1"]);
    body_says(
        "movi_i %v0, 4294967296",
        &[
            "2:13 `4294967296` 4294967296 does not fit the type of `movi_i` (it takes -2147483648 to 4294967295)",
        ],
    );
}

#[test]
fn sizes() {
    body_says(
        "allocai -1 => $x",
        &["2:1 `allocai` a frame cannot hold -1 bytes (a function has room for 1 GiB in all)"],
    );
    body_says(
        "allocai 1073741824 => $x\nallocai 0 => $y",
        &["3:1 `allocai` a frame cannot hold 0 bytes (a function has room for 1 GiB in all)"],
    );
    let many = "arg => $x\n".repeat(65536);
    says(&format!("prolog\n{many}ret\n"), &["65537:1 `arg` there are more than 65535 parameters"]);
}

#[test]
fn variables() {
    body_says(
        "movi_i %v0, $x",
        &["2:13 `$x` `$x` has not been set here (an instruction above sets it with `=> $x`)"],
    );
    body_says(
        "5 => $count\nmovi_i %v0, $cuont",
        &["3:13 `$cuont` `$cuont` has not been set here (did you mean `$count`?)"],
    );
    body_says(
        "get_label => @l\nmovi_i %v0, $l",
        &["3:13 `$l` operand 2 of `movi_i` is to be an integer, but is `$l`, which holds a label"],
    );
    body_says(
        "5 => $n\nmovi_i %v0, @n",
        &["3:13 `@n` operand 2 of `movi_i` is to be a label, but is `@n`, which holds an integer"],
    );
    body_says("arg => @n", &["2:8 `@n` `@n` cannot keep a parameter (write `=> $n`)"]);
    body_says(
        "finish =nobody",
        &["2:8 `=nobody` there is no function `nobody` (a C function is written `*nobody`)"],
    );
}

#[test]
fn functions_as_a_whole() {
    says(
        "#function a\nprolog\nret\n#function a\n",
        &["4:11 `a` the function `a` is defined twice (give one of them another name)"],
    );
    let first = "write `prolog N` first, with the number of parameters";
    says(
        "ret\n",
        &[&format!("1:1 `ret` the function `start` does not begin with `prolog` or `leaf` ({first})")],
    );
    body_says("leaf 0", &["2:1 `leaf` the function has begun already"]);
    says(
        "prolog\nmovi_i %v0, 1\n",
        &["2:1 `movi_i` control runs off the end of the function `start` (`ret` ends it)"],
    );
    body_says(
        "jmpr %v0",
        &[
            "2:1 `jmpr` no label of this function has its address taken (`movi_p` takes the address of a label)",
        ],
    );
}

#[test]
fn patches() {
    body_says(
        "jmpi !forward",
        &["2:1 `jmpi` nothing gives this branch its target (keep it with `=> @site`, and `patch` that)"],
    );
    body_says(
        "movi_p %v0, !forward => @m",
        &[
            "2:1 `movi_p` nothing gives this address its target (keep it with `=> @site`, and `patch_movi` that)",
        ],
    );
    let once = "only a target that was given as `!forward` can be patched, and once";
    body_says(
        "jmpi !forward => @s\npatch @s\npatch @s",
        &[&format!("4:1 `patch` this place has its target already ({once})")],
    );
    body_says(
        "get_label => @l\njmpi @l => @s\npatch @s",
        &[&format!("4:1 `patch` this place has its target already ({once})")],
    );
    body_says(
        "movi_p %v0, !forward => @m\npatch @m\npatch_movi @m @self",
        &["3:1 `patch` `patch` cannot patch this (`patch_movi` does it)"],
    );
    body_says(
        "get_label => @l\npatch @l",
        &["3:7 `@l` operand 1 of `patch` is to be what a branch gave, but is `@l`, a label"],
    );
}

#[test]
fn calls() {
    body_says(
        "pusharg_i %v0",
        &[
            "2:1 `pusharg_i` an argument is pushed, but no call has been prepared (`prepare_i N` begins a call with N integer arguments)",
        ],
    );
    body_says(
        "prepare 2\npusharg %v0\nfinish *puts",
        &["4:1 `finish` 2 integer arguments were prepared, but 1 pushed"],
    );
    body_says(
        "prepare 0",
        &["2:1 `prepare` a call has been prepared and not finished (`finish` makes the call)"],
    );
    body_says(
        "prepare 1\npusharg %v0\nfinish @self",
        &["4:1 `finish` `start` takes no arguments, but gets (integer)"],
    );
    body_says("retval %v0", &["2:1 `retval` there is no call whose result this could be"]);
    body_says(
        "calli @self\nretval_d %fpr0",
        &["2:1 `calli` a function of the program gives an integer, not a float"],
    );
}

/// Every mistake of a text is told, up to 50.
#[test]
fn all_mistakes_are_told() {
    body_says("movi_i %v0, $a\nfoo\nadd %v0", &["3:1 `foo` there is no instruction `foo`"]);
    body_says(
        "movi_i %v0, $a\nadd %v0",
        &[
            "2:13 `$a` `$a` has not been set here (an instruction above sets it with `=> $a`)",
            "3:1 `add` `addr_i` takes 3 operands, but has 1",
        ],
    );
    assert_eq!(faults(&"foo\n".repeat(1000), &NoIncludes).len(), 50);
}

struct Circle;

impl Includes for Circle {
    fn load(&self, _: &str, path: &str) -> Result<Source, String> {
        match path {
            "a" => Ok(Source { name: "a".into(), text: "#include b\n".into() }),
            "b" => Ok(Source { name: "b".into(), text: "\n  nothing\n#include a\n".into() }),
            _ => Err("no such file".into()),
        }
    }
}

#[test]
fn includes() {
    assert_eq!(faults("#include c\n", &Circle), ["1:10 `c` cannot include `c`: no such file"]);
    assert_eq!(faults("#include\n", &Circle), ["1:9 `` `#include` is followed by the path of a file"]);
    assert_eq!(
        faults("#include a\n", &Circle),
        [
            "2:3 `nothing` there is no instruction `nothing`",
            "3:10 `a` cannot include `a`: it is being read already"
        ]
    );
}
