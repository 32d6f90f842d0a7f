//! Whitespace as C, instruction by instruction: a stack in memory, a flat array as the heap, computed `goto` for returns, 64 bits that
//! wrap around, and no checks whatever. It is what programs could cost if nothing could go wrong in them.

use anyhow::{Result, bail};
use kiln_whitespace::number::Number;
use kiln_whitespace::program::Target;
use kiln_whitespace::{Instruction, Program};
use std::fmt::Write;

const PROLOGUE: &str = "\
#include <stdio.h>
#include <stdlib.h>
typedef long W;
typedef unsigned long U;
static W stack[1 << 24], heap[1 << 25];
static void *calls[1 << 24];
static char line[1 << 10];
int main(void) {
  W *s = stack, t;
  void **c = calls;
";

/// The program as C. Its divisions round toward zero.
///
/// # Errors
/// It needs numbers beyond 64 bits, or ends in a trap.
pub fn translate(program: &Program) -> Result<String> {
    let instructions = program.instructions();
    let mut is_target = vec![false; instructions.len() + 1];
    for (_, target) in instructions.iter().filter_map(|instruction| instruction.jump()) {
        is_target[place(target)?] = true;
    }
    let mut text = String::from(PROLOGUE);
    for (at, instruction) in instructions.iter().enumerate() {
        if is_target[at] {
            writeln!(text, "I{at}:;")?;
        }
        statement(&mut text, at, *instruction)?;
    }
    if is_target[instructions.len()] {
        writeln!(text, "I{}:;", instructions.len())?;
    }
    text.push_str("  return 0;\n}\n");
    Ok(text)
}

fn place(target: Target) -> Result<usize> {
    match target.instruction() {
        Some(at) => Ok(at as usize),
        None => bail!("a jump leads nowhere"),
    }
}

fn small(number: Number) -> Result<i64> {
    match number.as_i64() {
        Some(value) => Ok(value),
        None => bail!("a number has more than 64 bits"),
    }
}

fn statement(text: &mut String, at: usize, instruction: Instruction) -> Result<()> {
    use Instruction::*;
    let unsigned = |operator| format!("s--; s[-1] = (W)((U)s[-1] {operator} (U)s[0]);");
    let signed = |operator| format!("s--; s[-1] = s[-1] {operator} s[0];");
    let line = match instruction {
        Push(number) => format!("*s++ = (W){}u;", small(number)? as u64),
        Dup => "s[0] = s[-1]; s++;".into(),
        Copy(number) => format!("s[0] = s[-1 - {}]; s++;", small(number)?),
        Swap => "t = s[-1]; s[-1] = s[-2]; s[-2] = t;".into(),
        Drop => "s--;".into(),
        Slide(number) => format!("s[-1 - {0}] = s[-1]; s -= {0};", small(number)?),
        Add => unsigned('+'),
        Sub => unsigned('-'),
        Mul => unsigned('*'),
        Div => signed('/'),
        Mod => signed('%'),
        Store => "s -= 2; heap[s[0]] = s[1];".into(),
        Retrieve => "s[-1] = heap[s[-1]];".into(),
        Label(_) => return Ok(()),
        Call(_, target) => format!("*c++ = &&R{at}; goto I{}; R{at}:;", place(target)?),
        Jmp(_, target) => format!("goto I{};", place(target)?),
        Jz(_, target) => format!("if (*--s == 0) goto I{};", place(target)?),
        Jn(_, target) => format!("if (*--s < 0) goto I{};", place(target)?),
        Ret => "goto **--c;".into(),
        End => "return 0;".into(),
        Printc => "putchar(*--s);".into(),
        Printi => "printf(\"%ld\", *--s);".into(),
        Readc => "s--; heap[s[0]] = getchar();".into(),
        Readi => "if (!fgets(line, sizeof line, stdin)) return 3; s--; heap[s[0]] = atol(line);".into(),
        Trap => bail!("the program could not be parsed to its end"),
    };
    writeln!(text, "  {line}")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whitespace::programs;
    use kiln_bench_peers::c::GCC_O1;
    use std::process::Command;

    /// What a program in assembly prints when it is compiled.
    fn output(assembly: &str) -> String {
        let program = programs::assemble("test", assembly).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (source, executable) = (folder.path().join("test.c"), folder.path().join("test"));
        std::fs::write(&source, translate(&program).unwrap()).unwrap();
        GCC_O1.executable(&source, &executable).unwrap();
        String::from_utf8(Command::new(executable).output().unwrap().stdout).unwrap()
    }

    #[test]
    fn each_instruction_does_what_it_does() {
        let text = "
            push 7 push 2 sub printi                    ; 5
            push -7 push 2 div printi                   ; -3
            push -7 push 2 mod printi                   ; -1
            push 1 push 2 push 3 copy 2 printi slide 1 printi printi    ; 1 3 1
            push 9 dup mul push 5 swap store push 5 retrieve printi     ; 81
            push 4 push 6 swap printi printi            ; 4 6
            call sub
            push 0 jz on push 8 printi
        on: push -1 jn over push 8 printi
        over: push -9223372036854775808 printi jmp last
        sub: push 10 printc ret
        last: push 1 drop";
        assert_eq!(output(text), "5-3-1131814 6\n-9223372036854775808".replace(' ', ""));
    }

    #[test]
    fn big_numbers_are_refused() {
        let program = programs::assemble("test", "push 9223372036854775808").unwrap();
        assert!(translate(&program).is_err());
    }
}
