//! Signatures at random, and the values that calls of them pass.

use super::types::{self, Scalar, Type};
use kiln_generator::Entropy;

/// Most fixed parameters.
pub const MOST_PARAMS: usize = 16;
/// Most variable arguments.
pub const MOST_VARIABLE: usize = 12;

/// A calling convention that both sides know.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Convention {
    /// The system's own.
    C,
    /// That of 64-bit Windows.
    Win64,
    /// Kiln's own, which C does not know.
    Kiln,
}

/// A parameter, variable argument or result.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Element {
    /// What is passed.
    pub ty: Type,
    /// Whether C declares a wider integer type and so sees, or leaves garbage in, the bits above a small one: the
    /// sender extends integers smaller than `int`, the receiver trusts nobody.
    pub wide: bool,
}

/// Who sends or receives a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Code that gcc made.
    C,
    /// Code that Kiln made, or its interpreter.
    Kiln,
}

impl Element {
    /// The type of the Kiln register that carries it.
    pub fn register(&self) -> kiln_ir::Type {
        match self.ty {
            Type::Scalar(scalar) => match scalar.register() {
                "i64" => kiln_ir::Type::I64,
                "f32" => kiln_ir::Type::F32,
                "f64" => kiln_ir::Type::F64,
                "ptr" => kiln_ir::Type::Ptr,
                _ => kiln_ir::Type::I32,
            },
            _ => kiln_ir::Type::Ptr,
        }
    }

    /// Bytes that its cell holds.
    pub fn room(&self) -> u32 {
        match &self.ty {
            // A whole register.
            Type::Scalar(s) if !s.is_float() => 8,
            ty => ty.layout().size,
        }
    }

    /// The type under which C declares a scalar.
    pub fn scalar_in_c(&self, scalar: Scalar) -> &'static str {
        match scalar {
            s if !self.wide => s.in_c(),
            Scalar::I8 | Scalar::I16 => "int",
            Scalar::Bool | Scalar::U8 | Scalar::U16 => "unsigned",
            Scalar::I32 => "long",
            s => s.in_c(),
        }
    }

    /// The bytes that a receiver stores of a value, given the bytes from which the sender loads it: `None` where
    /// nothing is promised.
    pub fn expected(&self, from: Side, to: Side, source: &[u8]) -> Vec<Option<u8>> {
        let Type::Scalar(scalar) = self.ty else {
            let meaningful = self.ty.layout().meaningful();
            return source.iter().zip(meaningful).map(|(byte, holds)| holds.then_some(*byte)).collect();
        };
        let bytes = scalar.bytes() as usize;
        let mut expected: Vec<Option<u8>> = source.iter().copied().map(Some).collect();
        if scalar.is_float() || bytes == 8 {
            return expected;
        }
        let negative = scalar.is_signed() && source[bytes - 1] >= 0x80;
        let known = match to {
            // The register is stored zero-extended from the 32 bits that it has.
            Side::Kiln => 8,
            Side::C if self.wide && from == Side::Kiln => 4,
            Side::C => bytes,
        };
        for (at, byte) in expected.iter_mut().enumerate().skip(bytes) {
            *byte = (at < known).then_some(if negative && at < 4 { 0xff } else { 0 });
        }
        expected
    }

    /// Fills the bytes from which a sender loads a value.
    pub fn fill(&self, e: &mut Entropy<'_>, bytes: &mut [u8]) {
        let edge = e.pick(&[None, None, Some(0), Some(0xff), Some(0x80), Some(0x7f)]);
        for byte in bytes.iter_mut() {
            *byte = edge.filter(|_| e.chance(70)).unwrap_or(e.word() as u8);
        }
        for field in self.ty.layout().fields {
            let field_bytes = &mut bytes[field.offset as usize..][..field.bytes as usize];
            match field.kind {
                _ if field.bool => field_bytes[0] &= 1,
                // Infinities and NaNs, quiet and signalling, with random payloads.
                "f32" if e.chance(30) => {
                    field_bytes[3] |= 0x7f;
                    field_bytes[2] |= 0x80;
                }
                "f64" if e.chance(30) => {
                    field_bytes[7] |= 0x7f;
                    field_bytes[6] |= 0xf0;
                }
                "f80" if e.chance(30) => {
                    field_bytes[9] |= 0x7f;
                    field_bytes[8] = 0xff;
                }
                _ => {}
            }
        }
    }
}

/// How the variable arguments of a call are read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reading {
    /// All by the callee, the later ones from a copy of the list.
    Own,
    /// The first ones by the callee, the rest by a function of the other language to which it hands its list.
    Handed,
}

/// What a call passes and returns.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Signature {
    /// The calling convention.
    pub convention: Convention,
    /// Fixed parameters.
    pub params: Vec<Element>,
    /// Variable arguments of the call, if the function is variadic: `int`, `long`, `double`, `void *`.
    pub variable: Option<Vec<Element>>,
    /// How they are read, and how many of them before the list is copied or handed on.
    pub reading: (Reading, usize),
    /// The result.
    pub result: Option<Element>,
    /// Whether Kiln is told of several results, where C is told of a structure of them.
    pub spread: bool,
    /// Whether Kiln calls through a pointer.
    pub indirect: bool,
}

impl Signature {
    /// The fixed parameters and variable arguments.
    pub fn arguments(&self) -> impl Iterator<Item = &Element> {
        self.params.iter().chain(self.variable.iter().flatten())
    }

    /// The results that Kiln is told of instead of a structure, each with its offset there.
    pub fn several_results(&self) -> Option<Vec<(u32, Scalar)>> {
        let Type::Record(record) = &self.result.as_ref().filter(|_| self.spread)?.ty else { return None };
        let whole = record.union || record.packed || record.align.is_some() || record.members.len() < 2;
        let scalars: Option<Vec<Scalar>> = record
            .members
            .iter()
            .map(|member| match member {
                (1, Type::Scalar(scalar)) if !whole => Some(*scalar),
                _ => None,
            })
            .collect();
        let offsets = self.result.as_ref()?.ty.layout().fields.into_iter().map(|field| field.offset);
        Some(offsets.zip(scalars?).collect())
    }

    /// Whether the callee has an argument read by a function of the other language.
    pub fn is_handed_on(&self, argument: usize) -> bool {
        let (reading, middle) = self.reading;
        reading == Reading::Handed && argument >= self.params.len() + middle
    }

    /// Whether a function of the signature can call another of it in its own place. Variable arguments cannot be passed
    /// on; where Win64 passes the address of a copy, nobody would keep it; and no caller promises to align the stack to
    /// more than 16.
    pub fn has_tail_calls(&self) -> bool {
        !self.is_variadic()
            && self.params.iter().filter(|element| element.ty.is_aggregate()).all(|element| {
                let layout = element.ty.layout();
                match self.convention {
                    Convention::Win64 => matches!(layout.size, 1 | 2 | 4 | 8),
                    Convention::C | Convention::Kiln => layout.align <= 16 || layout.size == 0,
                }
            })
    }

    /// Whether further arguments may follow the fixed ones.
    pub fn is_variadic(&self) -> bool {
        self.variable.is_some()
    }

    /// The signature of a seed.
    pub fn generate(e: &mut Entropy<'_>) -> Signature {
        let most = e.pick(&[3, 5, 8, MOST_PARAMS as u32]);
        let mut params: Vec<Element> = (0..e.below(most + 1)).map(|_| element(e)).collect();
        let convention = match e.below(100) {
            0..50 => Convention::C,
            50..85 => Convention::Win64,
            _ => Convention::Kiln,
        };
        let variadic = e.chance(20) && convention != Convention::Kiln;
        let variable = variadic.then(|| (0..e.below(MOST_VARIABLE as u32 + 1)).map(|_| vararg(e)).collect());
        if variable.is_some() && params.is_empty() {
            params.push(element(e));
        }
        let count = variable.as_ref().map_or(0, Vec::len);
        let spread = e.chance(15);
        let result = match spread {
            true => Some(Element { ty: types::scalars(e), wide: false }),
            false => e.chance(85).then(|| element(e)),
        };
        Signature {
            convention,
            params,
            variable,
            reading: (e.pick(&[Reading::Own, Reading::Handed]), e.below(count as u32 + 1) as usize),
            result,
            spread,
            indirect: e.chance(40),
        }
    }

    /// Signatures that are a little simpler, for finding the smallest that fails; larger steps first.
    pub fn simpler(&self) -> Vec<Signature> {
        let mut all = Vec::new();
        let with = |change: &dyn Fn(&mut Signature)| {
            let mut sig = self.clone();
            change(&mut sig);
            let count = sig.variable.as_ref().map_or(0, Vec::len);
            sig.reading.1 = sig.reading.1.min(count);
            sig
        };
        let params = self.params.len();
        if params > 3 {
            all.push(with(&|s| drop(s.params.drain(..params / 2))));
            all.push(with(&|s| s.params.truncate(params / 2)));
        }
        if self.variable.is_some() {
            all.push(with(&|s| s.variable = None));
        }
        // C asks for a fixed parameter before the variable arguments.
        if params > usize::from(self.is_variadic()) {
            all.extend((0..params).map(|n| with(&|s| drop(s.params.remove(n)))));
        }
        for n in 0..self.variable.as_ref().map_or(0, Vec::len) {
            all.push(with(&|s| drop(s.variable.as_mut().map(|v| v.remove(n)))));
        }
        if self.result.is_some() {
            all.push(with(&|s| s.result = None));
        }
        if self.indirect {
            all.push(with(&|s| s.indirect = false));
        }
        if self.convention != Convention::C {
            all.push(with(&|s| s.convention = Convention::C));
        }
        if self.spread {
            all.push(with(&|s| s.spread = false));
        }
        if self.reading.0 == Reading::Handed {
            all.push(with(&|s| s.reading.0 = Reading::Own));
        }
        for (n, element) in self.params.iter().enumerate() {
            if element.wide {
                all.push(with(&|s| s.params[n].wide = false));
            }
            all.extend(element.ty.simpler().into_iter().map(|ty| with(&|s| s.params[n].ty = ty.clone())));
        }
        if let Some(Element { ty, .. }) = &self.result {
            let set = |s: &mut Signature, ty: &Type| {
                s.result = Some(Element { ty: ty.clone(), wide: false });
            };
            all.extend(ty.simpler().iter().map(|ty| with(&|s| set(s, ty))));
        }
        all
    }
}

fn element(e: &mut Entropy<'_>) -> Element {
    let ty = types::any(e);
    let wide = match ty {
        Type::Scalar(s) => e.chance(40) && (s.is_small() || s == Scalar::I32) && s != Scalar::Bool,
        _ => false,
    };
    Element { ty, wide }
}

fn vararg(e: &mut Entropy<'_>) -> Element {
    let ty = e.pick(&[Scalar::I32, Scalar::I64, Scalar::F64, Scalar::Ptr]);
    Element { ty: Type::Scalar(ty), wide: false }
}
