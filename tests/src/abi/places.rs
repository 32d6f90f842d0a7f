//! Where Kiln's conventions put what a signature passes.

use super::kiln;
use super::signature::Signature;
use kiln_codegen::Architecture;
use kiln_codegen::abi::call_layout;
use kiln_ir::text::{NoIncludes, parse};
use kiln_ir::types::Type;

/// The places that a caller uses, in words.
///
/// # Panics
/// If the signature's spelling cannot be read, which is a mistake of the generator.
pub fn of(sig: &Signature) -> String {
    let module = parse("signature", &kiln::spelling(sig), &NoIncludes).expect("signatures can be read");
    let variable: Vec<Type> = sig.variable.iter().flatten().map(|element| element.register()).collect();
    let layout = call_layout(Architecture::X64, &module.sigs()[0], module.layouts(), &variable);
    layout.show(Architecture::X64).to_string()
}
