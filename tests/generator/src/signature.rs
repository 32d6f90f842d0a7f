//! What functions take and give: conventions, scalars, aggregates by value, variable arguments.

use crate::entropy::Entropy;
use kiln_ir::types::{AbiType, AggregateClass, Field, FieldKind, Signature};
use kiln_ir::{Convention, Layout, LayoutId, Module, Type};

/// Aggregates that a program passes by value.
pub(crate) type Layouts = Vec<(LayoutId, Layout)>;

/// Bytes that any aggregate takes at most.
pub(crate) const LARGEST: u32 = 128;

const SCALARS: [AbiType; 9] = [
    AbiType::Value(Type::I32),
    AbiType::Value(Type::I64),
    AbiType::Value(Type::F64),
    AbiType::Value(Type::F32),
    AbiType::Value(Type::Ptr),
    AbiType::I8,
    AbiType::U8,
    AbiType::I16,
    AbiType::U16,
];

/// A few aggregates of the module.
pub(crate) fn layouts(module: &mut Module, entropy: &mut Entropy) -> Layouts {
    let count = entropy.below(4);
    (0..count)
        .map(|n| {
            let layout = layout(entropy);
            (module.layout(&format!("t{n}"), layout.clone()), layout)
        })
        .collect()
}

fn layout(entropy: &mut Entropy) -> Layout {
    let marked = |class, kind: FieldKind, count, align| {
        let bytes = kind.bytes();
        let fields = vec![Field { offset: 0, kind, count }];
        Layout { size: bytes * count, align, fields, class }
    };
    match entropy.below(16) {
        0 => return marked(AggregateClass::X87, FieldKind::F80, 1, 16),
        1 => return marked(AggregateClass::Complex, FieldKind::F32, 2, 4),
        2 => return marked(AggregateClass::Complex, FieldKind::F64, 2, 8),
        3 => return marked(AggregateClass::Complex, FieldKind::F80, 2, 16),
        4 => return marked(AggregateClass::Int128, FieldKind::I64, 2, 16),
        _ => {}
    }
    const KINDS: [FieldKind; 8] = [
        FieldKind::I8,
        FieldKind::I16,
        FieldKind::I32,
        FieldKind::I64,
        FieldKind::F32,
        FieldKind::F64,
        FieldKind::Ptr,
        FieldKind::F80,
    ];
    let union = entropy.chance(10);
    let packed = entropy.chance(10);
    let (mut fields, mut size, mut align) = (vec![], 0u32, 1u32);
    for _ in 0..entropy.range(1, 5) {
        let few = if entropy.chance(10) { 8 } else { 7 };
        let kind = KINDS[entropy.below(few) as usize];
        let count = if entropy.chance(25) { entropy.range(1, 4) } else { 1 };
        let own = if packed { 1 } else { kind.bytes() };
        let offset = if union { 0 } else { size.next_multiple_of(own) };
        if offset + kind.bytes() * count > LARGEST {
            break;
        }
        fields.push(Field { offset, kind, count });
        size = size.max(offset + kind.bytes() * count);
        align = align.max(own);
    }
    if entropy.chance(5) {
        align = 32;
    }
    Layout { size: size.next_multiple_of(align), align, fields, class: AggregateClass::Plain }
}

/// A signature of scalars in C's convention.
pub(crate) fn plain(entropy: &mut Entropy, args: u32, results: u32) -> Signature {
    elements(entropy, &SCALARS, args, results)
}

/// Any signature, with the types of its variable arguments.
pub(crate) fn any(
    entropy: &mut Entropy,
    layouts: &Layouts,
    args: u32,
    results: u32,
) -> (Signature, Vec<Type>) {
    let mut from = SCALARS.to_vec();
    if entropy.chance(40) {
        from.extend(layouts.iter().map(|(id, _)| AbiType::Aggregate(*id)));
    }
    let mut signature = elements(entropy, &from, args, results);
    signature.convention = match entropy.below(10) {
        0 | 1 => Convention::Win64,
        2..=4 => Convention::Kiln,
        _ => Convention::C,
    };
    let mut variable = vec![];
    if signature.convention != Convention::Kiln && entropy.chance(20) {
        signature.variadic = true;
        const TYPES: [Type; 4] = [Type::I32, Type::I64, Type::F64, Type::Ptr];
        variable = (0..entropy.below(12)).map(|_| entropy.pick(&TYPES)).collect();
    }
    (signature, variable)
}

/// The signature of a small function, with the types of its variable arguments: mostly a few scalars in any convention.
pub(crate) fn small(entropy: &mut Entropy, layouts: &Layouts, results: u32) -> (Signature, Vec<Type>) {
    if entropy.chance(15) {
        return any(entropy, layouts, 4, results);
    }
    let mut signature = elements(entropy, &SCALARS, 4, results.min(3));
    signature.convention = entropy.pick(&[Convention::C, Convention::C, Convention::Kiln, Convention::Win64]);
    (signature, vec![])
}

fn elements(entropy: &mut Entropy, from: &[AbiType], args: u32, results: u32) -> Signature {
    // Most calls are short; some overflow the argument registers by far.
    let params = if entropy.chance(25) { entropy.range(0, args) } else { entropy.range(0, args.min(5)) };
    let mostly = entropy.pick(from);
    let element =
        |e: &mut Entropy| if e.chance(30) { mostly } else { from[e.below(from.len() as u32) as usize] };
    let params: Vec<AbiType> = (0..params).map(|_| element(entropy)).collect();
    let results = if entropy.chance(5) { entropy.range(0, results * 4) } else { entropy.range(0, results) };
    let results: Vec<AbiType> = (0..results).map(|_| element(entropy)).collect();
    Signature::new(params, results)
}

/// Whether a function of one signature can surely tail-call one of the other. In a C convention the arguments on the
/// stack need room that the function's caller may not have made, and copies would lie in the frame that ends.
pub(crate) fn can_tail_call(own: &Signature, callee: &Signature, layouts: &Layouts) -> bool {
    let layout = |ty: &AbiType| match ty {
        AbiType::Aggregate(id) => layouts.iter().find(|(known, _)| known == id).map(|(_, layout)| layout),
        _ => None,
    };
    let aggregates = callee.params.iter().filter_map(layout).count();
    let fits = match own.convention {
        Convention::Kiln => callee.params.iter().filter_map(layout).all(|layout| layout.align <= 16),
        Convention::C => aggregates == 0 && callee.params.len() <= 5,
        Convention::Win64 => aggregates == 0 && callee.params.len() <= 3,
    };
    own.results == callee.results && own.convention == callee.convention && !callee.variadic && fits
}
