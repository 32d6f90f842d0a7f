//! Mistakes are told with their places.

/// What is wrong with a text, one mistake a line.
fn errors(text: &str) -> Vec<String> {
    let errors = regvm::load("test", text).expect_err("the program has a mistake");
    errors.iter().map(ToString::to_string).collect()
}

/// What is wrong with a body whose first line is line 2.
fn in_body(body: &str) -> Vec<String> {
    errors(&format!("func_start f(r0, d0) -> int\n{body}\nret r0\nfunc_end\n"))
}

#[test]
fn text_that_cannot_be_read() {
    assert_eq!(in_body("  add r0, r0"), ["2:13: expected `,`, found the end of the line"]);
    assert_eq!(in_body("add r0, r0, 5"), ["2:13: expected a register, found `5`"]);
    assert_eq!(in_body("add r0, r0, r01"), ["2:13: expected a register, found `r01`"]);
    assert_eq!(in_body("movi r0, r1"), ["2:10: expected an int, a function or a string, found `r1`"]);
    assert_eq!(
        in_body("movi r0, 18446744073709551616"),
        ["2:10: `18446744073709551616` is not a number of 64 bits"]
    );
    assert_eq!(in_body("movd d0, 1.5x"), ["2:10: `1.5x` is not a number of 64 bits"]);
    assert_eq!(in_body("movd d0,"), ["2:9: expected a number, found the end of the line"]);
    assert_eq!(in_body("nop nop"), ["2:5: expected the end of the line, found `nop`"]);
    assert_eq!(in_body("frobnicate r0"), ["2:1: there is no instruction `frobnicate`"]);
    assert_eq!(in_body("(r0)"), ["2:1: expected an instruction, found `(`"]);
    assert_eq!(in_body("calle puts"), ["2:1: `puts` is not declared by an `extern` above"]);
    assert_eq!(errors("extern f(int, ..., int)"), ["1:20: expected `)` after `...`, found `int`"]);
    assert_eq!(errors("extern f(float)"), ["1:10: expected `int`, `int32` or `double`, found `float`"]);
    assert_eq!(errors("func_start f() -> int32"), ["1:19: expected `int` or `double`, found `int32`"]);
    assert_eq!(errors("string s \"a"), ["1:12: expected `\"`, found the end of the line"]);
    assert_eq!(errors("string s \"\\q\""), ["1:12: expected one of n r t \\ \" ' xNN, found `q\"`"]);
    assert_eq!(errors("extern f()\nstring f \"\""), ["2:1: the name `f` is taken"]);
    assert_eq!(errors("extern f()\nfunc_start f()"), ["2:1: `f` is not a function of the program"]);
    assert_eq!(errors("extern f() from \"\\xff\""), ["1:1: the library's name is not UTF-8"]);
    // Columns count characters, not bytes.
    assert_eq!(errors("string s \"äöü\" x"), ["1:16: expected the end of the line, found `x`"]);
    let all = "func_start f()\nadd\nsub\nfunc_end";
    let wanted = [
        "2:4: expected a register, found the end of the line",
        "3:4: expected a register, found the end of the line",
    ];
    assert_eq!(errors(all), wanted);
}

#[test]
fn kinds_that_do_not_fit() {
    assert_eq!(in_body("add r0, r0, d0"), ["2:1: d0 holds a double, an int is needed here"]);
    assert_eq!(in_body("imul d0, d0, d0"), ["2:1: d0 holds a double, an int is needed here"]);
    assert_eq!(in_body("movd r0, 1.0"), ["2:1: r0 holds an int, a double is needed here"]);
    assert_eq!(in_body("cmp d0, r0, r0"), ["2:1: d0 holds a double, an int is needed here"]);
    assert_eq!(in_body("cmp r0, d0, r0"), ["2:1: r0 holds an int, a double is needed here"]);
    assert_eq!(in_body("ret d0"), ["2:1: the function gives an int, not a double"]);
    assert_eq!(in_body("ret"), ["2:1: the function gives an int, not nothing"]);
    assert_eq!(in_body("call_start\npushi 1\ncall f"), ["4:1: the function takes (int, double), not (int)"]);
    let result = "call_start\npushi 1\npush d0\ncall f -> d0";
    assert_eq!(in_body(result), ["5:1: the function gives an int, not a double"]);
    let variadic = "extern p(int, ...)\nfunc_start f()\ncall_start\npushd 1.0\ncalle p\nfunc_end";
    assert_eq!(errors(variadic), ["5:1: the function takes (int, ...), not (double)"]);
}

#[test]
fn structure() {
    assert_eq!(errors("nop"), ["1:1: this stands outside functions"]);
    assert_eq!(errors("func_start f()"), ["1:1: function `f` has no `func_end`"]);
    assert_eq!(errors("func_start f()\nfunc_start g()\nfunc_end"), ["2:1: the function above has not ended"]);
    let twice = "func_start f()\nfunc_end\nfunc_start f()\nfunc_end";
    assert_eq!(errors(twice), ["3:1: function `f` is defined twice"]);
    assert_eq!(errors("func_start f(r0, r0)\nfunc_end"), ["1:1: r0 is a parameter twice"]);
    assert_eq!(
        errors("func_start f() -> int\nfunc_end"),
        ["2:1: the function ends here without its int result"]
    );
    assert_eq!(in_body("jmp nowhere"), ["2:1: this function has no label `nowhere`"]);
    assert_eq!(in_body("label l\nlabel l"), ["3:1: label `l` is placed twice"]);
    assert_eq!(in_body("movi r0, g"), ["2:1: there is no function `g`"]);
    assert_eq!(in_body("push r0"), ["2:1: no call is open: `call_start` is missing"]);
    assert_eq!(in_body("call f"), ["2:1: no call is open: `call_start` is missing"]);
    let open = "2:1: a call is still open: its arguments are pushed, but not used";
    assert_eq!(in_body("call_start\nlabel l"), [open.replace("2:", "3:")]);
    assert_eq!(in_body("call_start"), [open.replace("2:", "3:")]);
}

#[test]
fn patches() {
    let functions = "func_start f()\nfunc_end\nfunc_start g(r0)\nfunc_end\n";
    let with = |more: &str| errors(&format!("{functions}{more}"));
    assert_eq!(with("patch @s, f"), ["5:1: no call has the site `@s`"]);
    assert_eq!(with("func_start h()\npatch @s, f\nfunc_end"), ["6:1: no call has the site `@s`"]);
    let call = "func_start h()\ncall_start\ncall f @s\nfunc_end\n";
    assert_eq!(with(&format!("{call}patch @s, g")), ["7:1: the function takes (int), not ()"]);
    let patch = format!("{call}func_start i()\npatch @s, g\nfunc_end");
    assert_eq!(with(&patch), ["10:1: `g` has another signature than the call's target"]);
    let twice = "func_start h()\ncall_start\ncall f @s\ncall_start\ncall f @s\nfunc_end";
    assert_eq!(with(twice), ["9:1: two calls have the site `@s`"]);
}
