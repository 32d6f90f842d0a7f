//! Signatures in Kiln: the same functions as in C, and some that pass calls on.

use super::cells::{
    ADDRESSES, ADDRESSES_ROOM, ARGS, GIVEN, LIVE, LIVE_FLOATS, LIVE_INTEGERS, LIVE_ROOM, LIVED, RESULT, SEEN,
    offset,
};
use super::signature::{Convention, Element, Reading, Signature};
use super::types::Type;
use std::fmt::Write;

/// The functions of a signature, in the order in which the table lists their addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Calls C's function.
    CallsC,
    /// Calls Kiln's function.
    CallsKiln,
    /// Calls Kiln's function that calls another in its own place.
    CallsTail,
    /// Calls Kiln's function without parameters that calls another in its own place.
    CallsGrowing,
    /// Is called.
    Callee,
    /// Reads the rest of a list of variable arguments.
    Rest,
    /// Calls C's function with its own arguments and returns what comes back.
    Forwards,
    /// Calls C's function in its own place.
    TailCallsC,
    /// Calls Kiln's function in its own place.
    TailCallsKiln,
    /// Has no parameters and calls Kiln's function, which may need any number of bytes of stack, in its own place.
    Grows,
}

impl Role {
    const ALL: [Role; 10] = [
        Role::CallsC,
        Role::CallsKiln,
        Role::CallsTail,
        Role::CallsGrowing,
        Role::Callee,
        Role::Rest,
        Role::Forwards,
        Role::TailCallsC,
        Role::TailCallsKiln,
        Role::Grows,
    ];

    /// Whether signatures have such a function.
    pub fn is_of(self, sig: &Signature) -> bool {
        let in_c = sig.convention != Convention::Kiln;
        match self {
            Role::CallsC => in_c,
            Role::CallsKiln | Role::Callee => true,
            Role::Rest => sig.is_variadic(),
            // Variable arguments cannot be passed on.
            Role::Forwards => in_c && !sig.is_variadic(),
            Role::TailCallsC => in_c && sig.has_tail_calls(),
            Role::CallsTail | Role::TailCallsKiln => sig.has_tail_calls(),
            // Other conventions have the caller give the stack back, so a tail call cannot take more of it.
            Role::CallsGrowing | Role::Grows => !in_c && sig.has_tail_calls(),
        }
    }

    /// Whether the table lists such a function: what C or a call stub can call.
    pub fn is_listed(self, sig: &Signature) -> bool {
        self.is_caller() || self == Role::Callee || sig.convention != Convention::Kiln
    }

    /// Whether it takes nothing, finds the arguments itself and stores the result.
    pub fn is_caller(self) -> bool {
        matches!(self, Role::CallsC | Role::CallsKiln | Role::CallsTail | Role::CallsGrowing)
    }

    /// The position of a function in the table of a module with this role's function of the `n`th signature.
    pub fn position(self, n: usize) -> i64 {
        (n * Role::ALL.len() + self as usize) as i64
    }

    fn function(self, n: usize) -> String {
        let role = match self {
            Role::CallsC => "calls_c",
            Role::CallsKiln => "calls_kiln",
            Role::CallsTail => "calls_tail",
            Role::CallsGrowing => "calls_growing",
            Role::Callee => "callee",
            Role::Rest => "rest",
            Role::Forwards => "forwards",
            Role::TailCallsC => "tail_calls_c",
            Role::TailCallsKiln => "tail_calls_kiln",
            Role::Grows => "grows",
        };
        format!("{role}_{n}")
    }
}

/// The Kiln file of some signatures, each with its number, which calls functions of a library.
///
/// `entry` gives the addresses of the functions by position.
pub fn file(signatures: &[(usize, &Signature)], library: &str) -> String {
    let mut out = String::from("extern data cells\n");
    let mut table = Vec::new();
    for (position, (n, sig)) in signatures.iter().enumerate() {
        assert_eq!(position, *n, "signatures are numbered in order");
        let words = Words::define(*n, sig, library, &mut out);
        for role in Role::ALL {
            let present = role.is_of(sig);
            let listed = present && role.is_listed(sig);
            table.push(if listed { role.function(*n) } else { "0".into() });
            if present {
                words.function(role, &mut out);
            }
        }
    }
    let _ = writeln!(out, "const data table = ptr [{}]", table.join(", "));
    out.push_str("export fn entry(%n: i64) -> ptr {\n    %p = load.ptr [table + %n*8]\n    ret %p\n}\n");
    out
}

/// The types and imports of one signature as Kiln writes them, for people to read.
pub fn spelling(sig: &Signature) -> String {
    let mut out = String::new();
    Words::define(0, sig, "C", &mut out);
    out
}

/// The words for a signature.
struct Words<'s> {
    n: usize,
    sig: &'s Signature,
    /// Types of the parameters.
    params: Vec<String>,
    /// What follows the parameters: convention and result.
    tail: String,
    /// The convention alone.
    convention: &'static str,
}

impl<'s> Words<'s> {
    fn define(n: usize, sig: &'s Signature, library: &str, out: &mut String) -> Words<'s> {
        let mut name = |element: &Element, name: &str| element.ty.define_in_kiln(name, out);
        let params: Vec<String> =
            sig.params.iter().enumerate().map(|(k, element)| name(element, &format!("t{n}_{k}"))).collect();
        let convention = match sig.convention {
            Convention::C => "",
            Convention::Win64 => " conv win64",
            Convention::Kiln => " conv kiln",
        };
        let result = match (sig.several_results(), &sig.result) {
            (Some(several), _) => {
                let types: Vec<&str> = several.iter().map(|(_, scalar)| scalar.in_signature()).collect();
                format!(" -> ({})", types.join(", "))
            }
            (None, Some(element)) => format!(" -> {}", name(element, &format!("r{n}"))),
            (None, None) => String::new(),
        };
        let tail = format!("{convention}{result}");
        let mut list = params.clone();
        if sig.is_variadic() {
            list.push("...".into());
        }
        let _ = writeln!(out, "sig s{n} = fn({}){tail}", list.join(", "));
        if sig.convention != Convention::Kiln {
            let _ = writeln!(out, "extern spoiling_{n}: s{n} from \"{library}\"");
        }
        if sig.is_variadic() {
            let _ = writeln!(out, "extern c_rest_{n}: fn(ptr){convention} from \"{library}\"");
        }
        Words { n, sig, params, tail, convention }
    }

    fn function(&self, role: Role, out: &mut String) {
        let name = role.function(self.n);
        let line = |out: &mut String, text: &str| {
            let _ = writeln!(out, "    {text}");
        };
        match role {
            role if role.is_caller() => {
                let _ = writeln!(out, "fn {name}() {{");
            }
            Role::Grows => {
                let _ = writeln!(out, "fn {name}(){} {{", self.tail);
            }
            Role::Rest => {
                let _ = writeln!(out, "fn {name}(%list: ptr){} {{", self.convention);
            }
            _ => {
                let params = self.params.iter().enumerate().map(|(k, ty)| format!("%a{k}: {ty}"));
                let mut params: Vec<String> = params.collect();
                if self.sig.is_variadic() {
                    params.push("...".into());
                }
                let _ = writeln!(out, "fn {name}({}){} {{", params.join(", "), self.tail);
            }
        }
        match role {
            Role::CallsC => self.caller(&format!("spoiling_{}", self.n), out),
            Role::CallsKiln => self.caller(&Role::Callee.function(self.n), out),
            Role::CallsTail => self.caller(&Role::TailCallsKiln.function(self.n), out),
            Role::CallsGrowing => {
                let results = self.results();
                let to = if results.is_empty() { results } else { format!("{results} = ") };
                self.caller_of(&format!("    {to}call {}()\n", Role::Grows.function(self.n)), out);
            }
            Role::Callee => self.callee(out),
            Role::Rest => {
                self.list_parameter(out);
                let last = self.sig.variable.as_ref().map_or(0, Vec::len);
                self.read_variable(self.sig.reading.1, last, "%ap", out);
                line(out, "ret");
            }
            Role::Forwards => {
                self.call(&format!("spoiling_{}", self.n), out);
                line(out, format!("ret {}", self.results()).trim_end());
            }
            Role::TailCallsC => {
                line(out, &format!("%callee = func_addr spoiling_{}", self.n));
                line(out, &format!("tail_call_ptr %callee: s{} ({})", self.n, self.arguments()));
            }
            Role::Grows => {
                self.get_arguments(out);
                line(out, &format!("tail_call {}({})", Role::Callee.function(self.n), self.arguments()));
            }
            Role::TailCallsKiln => {
                line(out, &format!("tail_call {}({})", Role::Callee.function(self.n), self.arguments()));
            }
        }
        out.push_str("}\n");
    }

    fn arguments(&self) -> String {
        (0..self.sig.arguments().count()).map(|k| format!("%a{k}")).collect::<Vec<_>>().join(", ")
    }

    /// The registers of the results: `%r`, or if there are several, `%r0` and so on.
    fn results(&self) -> String {
        match (self.sig.several_results(), &self.sig.result) {
            (Some(several), _) => (0..several.len()).map(|k| format!("%r{k}")).collect::<Vec<_>>().join(", "),
            (None, Some(_)) => "%r".into(),
            (None, None) => String::new(),
        }
    }

    /// Loads the arguments from their cells.
    fn get_arguments(&self, out: &mut String) {
        for (k, element) in self.sig.arguments().enumerate() {
            get(element, &format!("%a{k}"), offset(ARGS + k, element.room()), out);
        }
    }

    /// The call of a function with `%a0` and so on.
    fn call(&self, callee: &str, out: &mut String) {
        let results = self.results();
        let to = if results.is_empty() { results } else { format!("{results} = ") };
        let arguments = self.arguments();
        if self.sig.indirect {
            let _ = writeln!(out, "    %callee = func_addr {callee}");
            let _ = writeln!(out, "    {to}call_ptr %callee: s{} ({arguments})", self.n);
        } else {
            let _ = writeln!(out, "    {to}call {callee}({arguments})");
        }
    }

    /// Calls a function with arguments from their cells while other values live in registers.
    fn caller(&self, callee: &str, out: &mut String) {
        let mut call = String::new();
        self.get_arguments(&mut call);
        self.call(callee, &mut call);
        self.caller_of(&call, out);
    }

    /// Makes a call, given in full, while other values live in registers, and stores the result.
    fn caller_of(&self, call: &str, out: &mut String) {
        let live = |k: usize| match k {
            0..LIVE_INTEGERS => (format!("%i{k}"), "i64"),
            _ => (format!("%f{k}"), "f64"),
        };
        for k in 0..LIVE_INTEGERS + LIVE_FLOATS {
            let (register, ty) = live(k);
            let _ = writeln!(out, "    {register} = load.{ty} [cells + {}]", offset(LIVE, LIVE_ROOM) + 8 * k);
        }
        out.push_str(call);
        if let Some(element) = &self.sig.result {
            let at = offset(RESULT, element.room());
            if let Some(several) = self.sig.several_results() {
                for (k, (within, scalar)) in several.into_iter().enumerate() {
                    let at = at + within as usize;
                    let _ = writeln!(out, "    store.{} [cells + {at}], %r{k}", scalar.field());
                }
            } else {
                put(element, "%r", at, out);
                self.note_address(element, "%r", self.sig.arguments().count(), out);
            }
        }
        for k in 0..LIVE_INTEGERS + LIVE_FLOATS {
            let (register, ty) = live(k);
            let _ =
                writeln!(out, "    store.{ty} [cells + {}], {register}", offset(LIVED, LIVE_ROOM) + 8 * k);
        }
        out.push_str("    ret\n");
    }

    fn callee(&self, out: &mut String) {
        for (k, element) in self.sig.params.iter().enumerate() {
            put(element, &format!("%a{k}"), offset(SEEN + k, element.room()), out);
            self.note_address(element, &format!("%a{k}"), k, out);
        }
        if let Some(variable) = &self.sig.variable {
            out.push_str("    slot list: 24\n    %ap = slot_addr list\n    va_start %ap\n");
            let (reading, middle) = self.sig.reading;
            self.read_variable(0, middle, "%ap", out);
            match (reading, self.sig.convention) {
                (Reading::Own, _) => {
                    out.push_str("    slot copy: 24\n    %bp = slot_addr copy\n    va_copy %bp, %ap\n");
                    self.read_variable(middle, variable.len(), "%bp", out);
                    out.push_str("    va_end %bp\n");
                }
                // C takes an array of one, that is its address.
                (Reading::Handed, Convention::C | Convention::Kiln) => {
                    let _ = writeln!(out, "    call c_rest_{}(%ap)", self.n);
                }
                // C takes the pointer that the list is.
                (Reading::Handed, Convention::Win64) => {
                    let _ = writeln!(out, "    %p = load.ptr [%ap]\n    call c_rest_{}(%p)", self.n);
                }
            }
            out.push_str("    va_end %ap\n");
        }
        for (k, element) in self.sig.params.iter().enumerate() {
            // A parameter by value is the callee's own.
            if element.ty.is_aggregate() {
                let _ = writeln!(out, "    mem_fill %a{k}, 0x55, {}", element.room());
            }
        }
        if let Some(element) = &self.sig.result {
            let at = offset(GIVEN, element.room());
            if let Some(several) = self.sig.several_results() {
                for (k, (within, scalar)) in several.into_iter().enumerate() {
                    let at = at + within as usize;
                    let _ = writeln!(out, "    %r{k} = load.{} [cells + {at}]", scalar.field());
                }
            } else {
                get(element, "%r", at, out);
            }
        }
        let _ = writeln!(out, "    ret {}", self.results());
    }

    /// Makes `%ap` the address of the list that the parameter is.
    fn list_parameter(&self, out: &mut String) {
        match self.sig.convention {
            Convention::C | Convention::Kiln => out.push_str("    %ap = copy %list\n"),
            Convention::Win64 => {
                out.push_str("    slot own: 24\n    %ap = slot_addr own\n    store.ptr [%ap], %list\n");
            }
        }
    }

    /// Reads variable arguments, from one up to another, from a list.
    fn read_variable(&self, from: usize, to: usize, list: &str, out: &mut String) {
        let variable = self.sig.variable.iter().flatten().enumerate();
        for (k, element) in variable.skip(from).take(to - from) {
            let Type::Scalar(scalar) = element.ty else { unreachable!("variable arguments are scalars") };
            let _ = writeln!(out, "    %v{k} = va_arg.{} {list}", scalar.register());
            put(element, &format!("%v{k}"), offset(SEEN + self.sig.params.len() + k, element.room()), out);
        }
    }

    /// Stores the address of an aggregate that was received.
    fn note_address(&self, element: &Element, register: &str, k: usize, out: &mut String) {
        if element.ty.is_aggregate() {
            let at = offset(ADDRESSES, ADDRESSES_ROOM) + 8 * k;
            let _ = writeln!(out, "    store.ptr [cells + {at}], {register}");
        }
    }
}

/// Loads a value to be sent. Of small integers the register holds garbage in the bits above.
fn get(element: &Element, register: &str, at: usize, out: &mut String) {
    let _ = match &element.ty {
        Type::Scalar(s) => writeln!(out, "    {register} = load.{} [cells + {at}]", s.register()),
        _ => writeln!(out, "    {register} = data_addr cells + {at}"),
    };
}

/// Stores a value that was received, of integers the whole register, zero-extended to 64 bits.
fn put(element: &Element, register: &str, at: usize, out: &mut String) {
    let _ = match &element.ty {
        Type::Scalar(s) if s.register() == "i32" => {
            writeln!(out, "    %w = zext {register}\n    store.i64 [cells + {at}], %w")
        }
        Type::Scalar(s) => writeln!(out, "    store.{} [cells + {at}], {register}", s.register()),
        ty => {
            let size = ty.layout().size;
            writeln!(out, "    %to = data_addr cells + {at}\n    mem_copy %to, {register}, {size}")
        }
    };
}
