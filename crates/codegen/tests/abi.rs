//! What the calling conventions say, as they print it. Expectations are from the psABI, from Microsoft's description, and
//! where those are silent from what gcc does (see the tests against gcc in the tests package).

use kiln_codegen::Architecture;
use kiln_codegen::abi::call_layout;
use kiln_ir::{Module, Type};

const TYPES: &str = "
type pair = {i64, i64}
type mixed = {f64, i32}
type floats = {f32, f32, f32}
type odd = {[3]i8}
type big = {[3]i64}
type packed = size 9 align 1 {i8 at 0, i64 at 1}
type vec = align 32 {[4]f64}
type ldbl = x87
type boxed = {ldbl}
type cfloat = complex f32
type cdouble = complex f64
type cldouble = complex x87
type wide = int128
type either = union {f64, i32}
type strange = union {ldbl, pair}
type empty = {}
type one = {i32}
";

/// The layout of a signature as text, with these types as variable arguments.
fn shown(sig: &str, variable: &[Type]) -> String {
    let module = Module::parse(&format!("{TYPES}extern f: {sig}\n")).expect("parses");
    let sig = module.signature_of(kiln_ir::FuncId(0));
    call_layout(Architecture::X64, sig, module.layouts(), variable).show(Architecture::X64).to_string()
}

#[test]
fn system_v() {
    for (sig, expected) in [
        ("fn()", "()"),
        ("fn(i32, f64, ptr) -> i64", "(rdi, xmm0, rsi) -> rax"),
        (
            "fn(i64, i64, i64, i64, i64, i64, i8, f32) -> f32",
            "(rdi, rsi, rdx, rcx, r8, r9, stack+0, xmm0) -> xmm0; 8 bytes of stack",
        ),
        (
            "fn(pair) -> pair",
            "({rdi: 0..8, rsi: 8..16}) -> +0 of 16 bytes aligned to 8 in {rax: 0..8, rdx: 8..16}",
        ),
        (
            "fn(mixed) -> mixed",
            "({xmm0: 0..8, rdi: 8..16}) -> +0 of 16 bytes aligned to 8 in {xmm0: 0..8, rax: 8..16}",
        ),
        (
            "fn(floats) -> floats",
            "({xmm0: 0..8, xmm1: 8..12}) -> +0 of 12 bytes aligned to 4 in {xmm0: 0..8, xmm1: 8..12}",
        ),
        ("fn(odd) -> odd", "({rdi: 0..3}) -> +0 of 3 bytes aligned to 1 in {rax: 0..3}"),
        (
            "fn(big, i64) -> big",
            "(stack+0..24, rsi) -> +0 of 24 bytes aligned to 8 in memory at rdi, back in rax; 24 bytes of stack",
        ),
        ("fn(packed)", "(stack+0..9); 16 bytes of stack"),
        (
            "fn(big, vec, i64) -> vec",
            "(stack+0..24, stack+32..64, rsi) -> +0 of 32 bytes aligned to 32 in memory at rdi, back in rax; 64 bytes of stack; stack aligned to 32",
        ),
        (
            "fn(i32, ldbl, i32) -> ldbl",
            "(rdi, stack+0..16, rsi) -> +0 of 16 bytes aligned to 16 in st0; 16 bytes of stack",
        ),
        ("fn(boxed) -> boxed", "(stack+0..16) -> +0 of 16 bytes aligned to 16 in st0; 16 bytes of stack"),
        ("fn(cfloat) -> cfloat", "({xmm0: 0..8}) -> +0 of 8 bytes aligned to 4 in {xmm0: 0..8}"),
        (
            "fn(cdouble) -> cdouble",
            "({xmm0: 0..8, xmm1: 8..16}) -> +0 of 16 bytes aligned to 8 in {xmm0: 0..8, xmm1: 8..16}",
        ),
        (
            "fn(cldouble) -> cldouble",
            "(stack+0..32) -> +0 of 32 bytes aligned to 16 in st0, st1; 32 bytes of stack",
        ),
        (
            "fn(i64, i64, i64, i64, i64, wide, i64)",
            "(rdi, rsi, rdx, rcx, r8, stack+0..16, r9); 16 bytes of stack",
        ),
        ("fn(either)", "({rdi: 0..8})"),
        (
            "fn(strange) -> strange",
            "({rdi: 0..8, rsi: 8..16}) -> +0 of 16 bytes aligned to 16 in {rax: 0..8, rdx: 8..16}",
        ),
        ("fn(empty, i32) -> empty", "({}, rdi) -> +0 of 0 bytes aligned to 1 in {}"),
        ("fn() -> (i64, f64)", "() -> rax, xmm0"),
        ("fn() -> (i32, i64)", "() -> rax, rdx"),
        ("fn() -> (i32, i32)", "() -> +0, +4 of 8 bytes aligned to 4 in {rax: 0..8}"),
        (
            "fn(i64) -> (i64, i64, i64)",
            "(rsi) -> +0, +8, +16 of 24 bytes aligned to 8 in memory at rdi, back in rax",
        ),
    ] {
        assert_eq!(shown(sig, &[]), expected, "{sig}");
    }
    assert_eq!(shown("fn(ptr, ...) -> i32", &[Type::F64, Type::I32]), "(rdi, xmm0, rsi) -> rax");
}

#[test]
fn win64() {
    for (sig, expected) in [
        ("fn() conv win64", "(); 32 bytes of stack"),
        (
            "fn(i32, f64, ptr, f32, i8) conv win64 -> f64",
            "(rcx, xmm1, r8, xmm3, stack+32) -> xmm0; 40 bytes of stack",
        ),
        (
            "fn(cfloat, one, odd, big) conv win64 -> one",
            "({rcx: 0..8}, {rdx: 0..4}, address in r8 of 3 bytes aligned to 16, address in r9 of 24 bytes aligned to 16) -> +0 of 4 bytes aligned to 4 in {rax: 0..4}; 32 bytes of stack",
        ),
        (
            "fn(i64, wide, ldbl) conv win64 -> wide",
            "(rcx, address in rdx of 16 bytes aligned to 16, address in r8 of 16 bytes aligned to 16) -> +0 of 16 bytes aligned to 16 in {xmm0: 0..16}; 32 bytes of stack",
        ),
        (
            "fn(f64, i64, i64, i64, one, pair) conv win64 -> ldbl",
            "(xmm1, r8, r9, stack+32, stack+40..44, address in stack+48 of 16 bytes aligned to 16) -> +0 of 16 bytes aligned to 16 in memory at rcx, back in rax; 56 bytes of stack",
        ),
        (
            "fn() conv win64 -> (i32, i32)",
            "() -> +0, +4 of 8 bytes aligned to 4 in {rax: 0..8}; 32 bytes of stack",
        ),
    ] {
        assert_eq!(shown(sig, &[]), expected, "{sig}");
    }
    assert_eq!(
        shown("fn(f64, ...) conv win64", &[Type::F64, Type::I64, Type::F64, Type::F64]),
        "(xmm0, xmm1 and rdx, r8, xmm3 and r9, stack+32); 40 bytes of stack"
    );
}

#[test]
fn kiln() {
    for (sig, expected) in [
        (
            "fn(i64, i64, i64, i64, i64, i64, i64, i64) conv kiln",
            "(rdi, rsi, rdx, rcx, r8, r9, r10, stack+0); 16 bytes of stack that the callee gives back",
        ),
        ("fn() conv kiln -> (i64, f32, i8, f64, ptr)", "() -> rax, xmm0, rdx, xmm1, rcx"),
        (
            "fn(big) conv kiln -> (i64, pair)",
            "(stack+0..24) -> +0, +8 of 24 bytes aligned to 8 in memory at rdi, back in rax; 32 bytes of stack that the callee gives back",
        ),
    ] {
        assert_eq!(shown(sig, &[]), expected, "{sig}");
    }
}
