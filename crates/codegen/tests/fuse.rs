//! What selection folds: the registers of the source whose values are computed by their readers, by name, and those
//! that nobody computes because nobody reads them, with a `-`.

use kiln_codegen::optimize::{Body, Fused, Lent, Origins, fuse, ssa};
use kiln_codegen::{Architecture, Features};
use kiln_ir::verify::check;
use kiln_ir::{FuncId, Inst, Module};

/// The module's first function.
fn marks(text: &str, features: Features) -> Vec<String> {
    let module = check(Module::parse(text).expect("parses")).expect("verifies");
    let f = module.func(FuncId(0)).body.as_ref().expect("has a body");
    let mut body = Body::default();
    ssa::construct(
        &ssa::Source { f, origins: Origins::Own, labels: &[] },
        ssa::Settings { folds: false, canonical_nan: false },
        &mut ssa::Scratch::default(),
        &mut Lent::default(),
        &mut body,
    );
    body.check().expect("a sound body");
    let mut fused = Fused::default();
    fuse(&body, Architecture::X64, features, &mut fused);
    let mut marks = Vec::new();
    for (at, inst) in body.f.insts().iter().enumerate() {
        let mut reads = Vec::new();
        fused.for_each_read(&body.f, inst, &mut |v| reads.push(v));
        for v in reads {
            // What is read is somewhere: only absent instructions read what is absent.
            let def = fused.def(v);
            assert!(fused.is_absent(Inst(at as u32)) || !def.is_some_and(|def| fused.is_absent(def)), "{at}");
        }
        if !fused.is_absent(Inst(at as u32)) {
            continue;
        }
        // Nothing was folded before, so that each instruction writes what that of the source did.
        let mut names = Vec::new();
        f.for_each_def(&f.insts()[body.origins[at].inst.index()], |v| {
            names.push(f.vreg_names.get(v.index()).unwrap_or("?"));
        });
        let mut names = names.into_iter();
        body.f.for_each_def(inst, |v| {
            let name = names.next().expect("as many as in the source");
            let dropped = if fused.folded(v).is_some() { "" } else { "-" };
            marks.push(format!("{dropped}{name}"));
        });
    }
    marks
}

/// Asserts what is folded in a function with these parameters; its results are those of the block's `ret`.
#[track_caller]
fn folds(params: &str, results: &str, body: &str, expected: &[&str]) {
    folds_with(Features::default(), params, results, body, expected);
}

#[track_caller]
fn folds_with(features: Features, params: &str, results: &str, body: &str, expected: &[&str]) {
    let text = format!("fn f({params}) -> {results} {{\n{body}\n}}\n");
    let mut found = marks(&text, features);
    found.sort();
    let mut expected: Vec<_> = expected.iter().map(|name| name.to_string()).collect();
    expected.sort();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn sums_and_products_become_addresses() {
    let body = "%t = shl %i, 3\n%a = add %p, %t\n%b = add %a, 16\n%x = load.i64 [%b]\n%y = load.i64 [%b + 8]\n\
                %r = sub %x, %y\nret %r";
    folds("%p: ptr, %i: i64", "i64", body, &["t", "a", "b", "y"]);
}

#[test]
fn an_address_that_is_a_value_too_stays_one() {
    let body = "%a = add %p, 16\n%x = load.i64 [%a]\nstore.i64 [%p], %x\nret %a";
    folds("%p: ptr", "ptr", body, &[]);
}

#[test]
fn an_index_takes_no_second_one() {
    let body = "%a = add %p, %j\n%x = load.i64 [%a + %i*8]\nret %x";
    folds("%p: ptr, %i: i64, %j: i64", "i64", body, &[]);
}

#[test]
fn a_sum_of_values_stays_in_its_block_and_one_with_a_constant_need_not() {
    let body = "%a = add %p, %i\n%b = add %p, 8\nbeq %i, 0, out\n%x = load.i64 [%a]\nret %x\nout:\n\
                %y = load.i64 [%b]\nret %y";
    folds("%p: ptr, %i: i64", "i64", body, &["b"]);
}

#[test]
fn a_zero_extension_is_free_where_the_register_is_clear() {
    let body = "%j = add %i, 1\n%k = zext %j\n%x = load.i64 [%p + %k*8]\nret %x";
    folds("%p: ptr, %i: i32", "i64", body, &["k"]);
    let body = "%k = zext %i\n%x = load.i64 [%p + %k*8]\nret %x";
    folds("%p: ptr, %i: i32", "i64", body, &[]);
}

#[test]
fn sums_of_three_and_scaled_ones_are_one_instruction() {
    folds("%a: i64, %b: i64", "i64", "%t = add %a, %b\n%r = add %t, 5\nret %r", &["t"]);
    folds("%a: i32, %b: i32", "i32", "%t = shl %a, 2\n%r = add %t, %b\nret %r", &["t"]);
    folds("%a: i64, %b: i64", "i64", "%t = shl %a, 2\n%r = add %t, %b\n%s = xor %r, %t\nret %s", &[]);
}

#[test]
fn a_load_becomes_its_only_readers_operand() {
    folds("%p: ptr, %a: i64", "i64", "%x = load.i64 [%p]\n%r = sub %a, %x\nret %r", &["x"]);
    folds("%p: ptr, %a: i64", "i64", "%x = load.i64 [%p]\n%r = sub %x, %a\nret %r", &[]);
    folds("%p: ptr, %a: i64", "i64", "%x = load.i64 [%p]\n%r = xor %x, %a\nret %r", &["x"]);
    folds("%p: ptr, %a: i64", "i64", "%x = load.i64 [%p]\n%r = mul %x, %x\nret %r", &[]);
    folds("%p: ptr, %a: f64", "f64", "%x = load.f64 [%p]\n%r = fmul %x, %a\nret %r", &["x"]);
    folds("%p: ptr", "f64", "%x = load.f64 [%p]\n%r = fsqrt %x\nret %r", &["x"]);
    folds("%p: ptr", "f64", "%x = load.i32 [%p]\n%r = sitof.f64 %x\nret %r", &["x"]);
    // What is read is narrower than what is added.
    folds("%p: ptr, %a: i64", "i64", "%x: i64 = load.i32 [%p]\n%r = add %x, %a\nret %r", &[]);
}

#[test]
fn a_load_moves_behind_stores_elsewhere_only() {
    let with = |between: &str| format!("%x = load.i64 [%p]\n{between}\n%r = add %x, %a\nret %r");
    folds("%p: ptr, %a: i64", "i64", &with("store.i64 [%p + 8], %a"), &["x"]);
    folds("%p: ptr, %a: i64", "i64", &with("store.i64 [%p + 4], %a"), &[]);
    folds("%p: ptr, %a: i64, %q: ptr", "i64", &with("store.i64 [%q], %a"), &[]);
    folds("%p: ptr, %a: i64", "i64", &with("guard_eq %a, 0, 1 ()"), &["x"]);
    folds("%p: ptr, %a: i64", "i64", &with("safepoint 1 ()"), &[]);
    folds("%p: ptr, %a: i64", "i64", &with("fence !seq_cst"), &[]);
}

#[test]
fn memory_is_updated_in_place() {
    folds(
        "%p: ptr, %a: i64",
        "()",
        "%x = load.i64 [%p]\n%y = add %x, %a\nstore.i64 [%p], %y\nret",
        &["x", "y"],
    );
    folds(
        "%p: ptr, %a: i32",
        "()",
        "%x = load.u8 [%p]\n%y = sub %x, %a\nstore.i8 [%p], %y\nret",
        &["x", "y"],
    );
    folds("%p: ptr, %a: i32", "()", "%x = load.i32 [%p]\n%y = neg %x\nstore.i32 [%p], %y\nret", &["x", "y"]);
    // Subtracted from, not from memory: then the load is an operand as any other.
    folds("%p: ptr, %a: i64", "()", "%x = load.i64 [%p]\n%y = sub %a, %x\nstore.i64 [%p], %y\nret", &["x"]);
    folds(
        "%p: ptr, %a: i64",
        "()",
        "%x = load.i64 [%p + 8]\n%y = add %x, %a\nstore.i64 [%p], %y\nret",
        &["x"],
    );
    folds(
        "%p: ptr, %a: i64",
        "i64",
        "%x = load.i64 [%p]\n%y = add %x, %a\nstore.i64 [%p], %y\nret %y",
        &["x"],
    );
}

#[test]
fn a_compare_is_made_where_its_outcome_is_asked() {
    let body = "%c = cmp_lt %a, %b\n%m = mul %a, %b\nbne %c, 0, out\nret %m\nout:\nret %a";
    folds("%a: i64, %b: i64", "i64", body, &["c"]);
    let body = "%c = cmp_lt %a, %b\n%x = select %c, %a, %b\n%y = select %c, %b, %a\n%r = sub %x, %y\nret %r";
    folds("%a: i64, %b: i64", "i64", body, &["c"]);
    let body = "%c = fcmp_lt %a, %b\n%x = select %c, %a, %b\nret %x";
    folds("%a: f64, %b: f64", "f64", body, &["c"]);
    let body = "%c = cmp_lt %a, %b\n%x = select %c, %a, %b\nstore.i32 [%p], %c\nret %x";
    folds("%a: i64, %b: i64, %p: ptr", "i64", body, &[]);
}

#[test]
fn bits_are_tested() {
    folds("%a: i64, %b: i64", "i64", "%t = and %a, %b\nbne %t, 0, out\nret %a\nout:\nret %b", &["t"]);
    let body = "%one = const.i64 1\n%s = shl %one, %b\n%t = and %a, %s\nbne %t, 0, out\nret %a\nout:\nret %b";
    folds("%a: i64, %b: i64", "i64", body, &["s", "t"]);
    let body =
        "%s = lshr %a, %b\n%t = and %s, 1\n%r = select %c, %a, %b\nbeq %t, 0, out\nret %r\nout:\nret %b";
    folds("%a: i64, %b: i64, %c: i32", "i64", body, &["s", "t"]);
}

#[test]
fn memory_is_compared_in_its_own_width() {
    let with = |load: &str, branch: &str| format!("%x = {load}\n{branch}, out\nret 1\nout:\nret 2");
    let case = |load: &str, branch: &str, expected: &[&str]| {
        let body = with(load, branch).replace("ret 1", "%r = const.i32 1\nret %r");
        folds("%p: ptr", "i32", &body.replace("ret 2", "%s = const.i32 2\nret %s"), expected);
    };
    case("load.u8 [%p]", "beq %x, 200", &["x"]);
    case("load.u8 [%p]", "beq %x, 256", &[]);
    case("load.i8 [%p]", "blt %x, -5", &["x"]);
    case("load.i8 [%p]", "bult %x, 5", &[]);
    case("load.u16 [%p]", "bany %x, 0x8000", &["x"]);
    case("load.i32 [%p]", "bge %x, 7", &["x"]);
}

#[test]
fn pairs_of_bit_operations_need_the_feature() {
    let features = Features { bmi1: true, ..Features::default() };
    for (body, inner) in [
        ("%n = not %b\n%r = and %a, %n\nret %r", "n"),
        ("%n = sub %a, 1\n%r = and %a, %n\nret %r", "n"),
        ("%n = add %a, -1\n%r = xor %n, %a\nret %r", "n"),
        ("%n = neg %a\n%r = and %n, %a\nret %r", "n"),
    ] {
        folds("%a: i64, %b: i64", "i64", body, &[]);
        folds_with(features, "%a: i64, %b: i64", "i64", body, &[inner]);
    }
    folds_with(features, "%a: i64, %b: i64", "i64", "%n = neg %b\n%r = and %n, %a\nret %r", &[]);
}

#[test]
fn what_nobody_reads_goes_if_it_cannot_be_noticed() {
    folds("%p: ptr, %a: i64", "i64", "%x = load.i64 [%p]\n%y = add %x, %a\nret %a", &["-x", "-y"]);
    folds("%p: ptr, %a: i64", "i64", "%x = load.i64 [%p] !volatile\nret %a", &[]);
    folds("%a: i64, %b: i64", "i64", "%x = sdiv %a, %b\nret %a", &[]);
}

#[test]
fn chains_are_folded_to_a_depth_only() {
    let mut body = String::new();
    for n in 0..10_000 {
        let from = if n == 0 { "%p".into() } else { format!("%a{}", n - 1) };
        body += &format!("%a{n} = add {from}, 1\n");
    }
    body += "%x = load.i64 [%a9999]\nret %x";
    let found = marks(&format!("fn f(%p: ptr) -> i64 {{\n{body}\n}}\n"), Features::default());
    assert!((1..8).contains(&found.len()), "{found:?}");
}
