//! Signatures in C: for each, a function to be called, a function that calls, and one that reads the rest of a list of
//! variable arguments.

use super::cells::{ARGS, GIVEN, RESULT, SEEN, offset};
use super::signature::{Convention, Element, Reading, Signature};
use super::types::Type;
use std::fmt::Write;

const PRELUDE: &str = r#"
#define C
#define WIN64 __attribute__((ms_abi))
#define LOAD(value, at) __builtin_memcpy(&value, cells + at, sizeof value)
#define STORE(at, value) __builtin_memcpy(cells + at, &value, sizeof value)
/* A parameter by value is the callee's own. */
#define SPOIL(value) __builtin_memset(&value, 0x55, sizeof value); __asm__ volatile("" : : "r"(&value) : "memory")
unsigned char *cells;
void *rest;
"#;

/// The C file of some signatures, each with its number. Signatures of Kiln's own convention have nothing there.
pub fn file(signatures: &[(usize, &Signature)]) -> String {
    let mut out = String::from(PRELUDE);
    for (n, sig) in signatures.iter().filter(|(_, sig)| sig.convention != Convention::Kiln) {
        let names = Names::define(*n, sig, &mut out);
        names.callee(&mut out);
        names.caller(&mut out);
    }
    out
}

/// The types and the prototype of one signature as C writes them, for people to read.
pub fn spelling(sig: &Signature) -> String {
    let mut out = String::new();
    let names = Names::define(0, sig, &mut out);
    let types = names.parameter_types(sig.params.len());
    let _ = writeln!(out, "{} {} f({types});", names.convention, names.result);
    out
}

/// The words for a signature.
struct Names<'s> {
    n: usize,
    sig: &'s Signature,
    /// Types of the parameters and variable arguments.
    arguments: Vec<String>,
    result: String,
    convention: &'static str,
    list: &'static str,
}

impl<'s> Names<'s> {
    fn define(n: usize, sig: &'s Signature, out: &mut String) -> Names<'s> {
        let mut name = |element: &Element, name: &str| match element.ty {
            Type::Scalar(scalar) => element.scalar_in_c(scalar).to_owned(),
            ref ty => ty.define_in_c(name, out),
        };
        let arguments =
            sig.arguments().enumerate().map(|(k, element)| name(element, &format!("t{n}_{k}"))).collect();
        let result = sig.result.as_ref().map_or("void".into(), |element| name(element, &format!("r{n}")));
        let (convention, list) = match sig.convention {
            Convention::C | Convention::Kiln => ("C", "__builtin_va_list"),
            Convention::Win64 => ("WIN64", "__builtin_ms_va_list"),
        };
        Names { n, sig, arguments, result, convention, list }
    }

    /// The builtin of this convention that starts or ends a list.
    fn builtin(&self, what: &str) -> String {
        match self.sig.convention {
            Convention::C | Convention::Kiln => format!("__builtin_va_{what}"),
            Convention::Win64 => format!("__builtin_ms_va_{what}"),
        }
    }

    /// Reads variable arguments, from one up to another, from the list `ap`.
    fn read_variable(&self, from: usize, to: usize, out: &mut String) {
        for k in self.sig.params.len() + from..self.sig.params.len() + to {
            let (ty, at) = (&self.arguments[k], offset(SEEN + k, 8));
            let _ = writeln!(out, "    {ty} a{k} = __builtin_va_arg(ap, {ty}); STORE({at}, a{k});");
        }
    }

    fn callee(&self, out: &mut String) {
        let Names { n, sig, arguments, result, convention, list } = self;
        let count = sig.params.len();
        if let Some(variable) = &sig.variable {
            let _ = writeln!(out, "{convention} void c_rest_{n}({list} ap) {{");
            self.read_variable(sig.reading.1, variable.len(), out);
            out.push_str("}\n");
        }
        let mut params: Vec<String> =
            arguments[..count].iter().enumerate().map(|(k, ty)| format!("{ty} a{k}")).collect();
        if sig.is_variadic() {
            params.push("...".into());
        }
        let params = if params.is_empty() { "void".into() } else { params.join(", ") };
        let _ = writeln!(out, "{convention} {result} c_callee_{n}({params}) {{");
        for (k, element) in sig.params.iter().enumerate() {
            let _ = writeln!(out, "    STORE({}, a{k}); SPOIL(a{k});", offset(SEEN + k, element.room()));
        }
        if let Some(variable) = &sig.variable {
            let _ = writeln!(out, "    {list} ap; {}(ap, a{});", self.builtin("start"), count - 1);
            let (reading, middle) = sig.reading;
            self.read_variable(0, middle, out);
            match reading {
                Reading::Own => {
                    let _ = writeln!(out, "    {list} last; {}(last, ap);", self.builtin("copy"));
                    out.push_str("    {\n");
                    let mut later = String::new();
                    self.read_variable(middle, variable.len(), &mut later);
                    out.push_str(&later.replace("(ap,", "(last,"));
                    let _ = writeln!(out, "    }} {}(last);", self.builtin("end"));
                }
                Reading::Handed => {
                    let _ = writeln!(out, "    ((void ({convention} *)({list}))rest)(ap);");
                }
            }
            let _ = writeln!(out, "    {}(ap);", self.builtin("end"));
        }
        if let Some(element) = &sig.result {
            let _ = writeln!(out, "    {result} r; LOAD(r, {}); return r;", offset(GIVEN, element.room()));
        }
        out.push_str("}\n");
        // What Kiln calls: the callee, with registers overwritten behind it.
        let spoil = match sig.convention {
            Convention::C | Convention::Kiln => "spoil_c",
            Convention::Win64 => "spoil_win64",
        };
        let _ = writeln!(
            out,
            "__asm__(\".text\\n.hidden {spoil}\\n.globl spoiling_{n}\\n.type spoiling_{n}, @function\\n\"\n    \
             \"spoiling_{n}: mov c_callee_{n}@GOTPCREL(%rip), %r11\\njmp {spoil}\\n\");"
        );
    }

    fn parameter_types(&self, count: usize) -> String {
        let mut types = self.arguments[..count].to_vec();
        if self.sig.is_variadic() {
            types.push("...".into());
        }
        if types.is_empty() { "void".into() } else { types.join(", ") }
    }

    fn caller(&self, out: &mut String) {
        let Names { n, sig, arguments, result, convention, .. } = self;
        let types = self.parameter_types(sig.params.len());
        let _ = writeln!(out, "void c_caller_{n}({result} ({convention} *f)({types})) {{");
        let mut passed = Vec::new();
        for (k, (element, ty)) in sig.arguments().zip(arguments).enumerate() {
            let _ = writeln!(out, "    {ty} a{k}; LOAD(a{k}, {});", offset(ARGS + k, element.room()));
            passed.push(format!("a{k}"));
        }
        let call = format!("f({})", passed.join(", "));
        let _ = match &sig.result {
            Some(element) => {
                writeln!(out, "    {result} r = {call}; STORE({}, r);", offset(RESULT, element.room()))
            }
            None => writeln!(out, "    {call};"),
        };
        out.push_str("}\n");
    }
}
