//! From Rust function types to signatures: `fn(i64, *const u8) -> i32` stands for Kiln's `fn(i64, ptr) -> i32`.

use crate::value::{Value, Values};
use kiln_ir::{AbiType, LayoutId, Module, Signature};
use std::fmt::Write;

/// A Rust function type that names a signature: `fn(A, B, …) -> R` with up to twelve parameters of types that are
/// [`Value`]s and a result that is [`Values`].
pub trait FunctionType: 'static {
    /// The signature it stands for.
    fn signature() -> Signature;
}

macro_rules! function_types {
    ($($name:ident)*) => {
        impl<$($name: Value,)* Out: Values + 'static> FunctionType for fn($($name),*) -> Out {
            fn signature() -> Signature {
                let params: Vec<AbiType> = vec![$($name::ABI),*];
                Signature::new(params, Out::abi())
            }
        }
    };
}

/// Calls the given macro with the type names of each arity from 0 to 12.
macro_rules! for_each_arity {
    ($with:ident) => {
        $with!();
        $with!(A);
        $with!(A B);
        $with!(A B C);
        $with!(A B C D);
        $with!(A B C D E);
        $with!(A B C D E F);
        $with!(A B C D E F G);
        $with!(A B C D E F G H);
        $with!(A B C D E F G H I);
        $with!(A B C D E F G H I J);
        $with!(A B C D E F G H I J K);
        $with!(A B C D E F G H I J K L);
    };
}
pub(crate) use for_each_arity;

for_each_arity!(function_types);

/// Whether values of one signature may be passed as the other says: elements equal, but for `ptr` and `i64`, which
/// mix.
pub(crate) fn agree(a: &Signature, b: &Signature) -> bool {
    agree_but(a, b, |x, y| x == y)
}

/// The same for signatures of two modules, whose aggregates agree if they are laid out alike.
pub(crate) fn agree_across((of_a, a): (&Module, &Signature), (of_b, b): (&Module, &Signature)) -> bool {
    let layout = |module: &Module, id: LayoutId| module.layouts().get(id.index()).map(|l| l.layout.clone());
    agree_but(a, b, |x, y| layout(of_a, x) == layout(of_b, y))
}

fn agree_but(a: &Signature, b: &Signature, aggregates: impl Fn(LayoutId, LayoutId) -> bool) -> bool {
    let elements = |x: &[AbiType], y: &[AbiType]| {
        x.len() == y.len()
            && x.iter().zip(y).all(|(x, y)| match (x, y) {
                (AbiType::Value(x), AbiType::Value(y)) => x.accepts(*y),
                (AbiType::Aggregate(x), AbiType::Aggregate(y)) => aggregates(*x, *y),
                _ => x == y,
            })
    };
    elements(&a.params, &b.params)
        && elements(&a.results, &b.results)
        && a.variadic == b.variadic
        && a.convention == b.convention
}

/// A signature as the text form writes it.
pub(crate) fn show(sig: &Signature, module: Option<&Module>) -> String {
    let mut text = String::from("fn(");
    for (i, param) in sig.params.iter().enumerate() {
        text.push_str(if i > 0 { ", " } else { "" });
        element(&mut text, *param, module);
    }
    if sig.variadic {
        text.push_str(if sig.params.is_empty() { "..." } else { ", ..." });
    }
    text.push(')');
    for (i, result) in sig.results.iter().enumerate() {
        text.push_str(if i > 0 { ", " } else { " -> " });
        element(&mut text, *result, module);
    }
    text
}

fn element(text: &mut String, element: AbiType, module: Option<&Module>) {
    match element {
        AbiType::I8 => text.push_str("i8"),
        AbiType::U8 => text.push_str("u8"),
        AbiType::I16 => text.push_str("i16"),
        AbiType::U16 => text.push_str("u16"),
        AbiType::Value(ty) => text.push_str(ty.name()),
        AbiType::Aggregate(LayoutId(n)) => {
            match module.and_then(|m| m.layouts().get(n as usize)) {
                Some(layout) => text.push_str(&layout.name),
                None => {
                    // Writing to a string cannot fail.
                    let _ = write!(text, "layout {n}");
                }
            }
        }
    }
}
