//! What the optimizing compiler promises about its output, whatever the target.

mod subjects;

use kiln_codegen::{Options, Scratch, Stress, Tier};
use subjects::promises::{self, code_of};
use subjects::{long, module};

fn options() -> Options {
    Options { tier: Tier::Optimized, ..Options::default() }
}

#[test]
fn same_module_gives_same_bytes_whatever_came_before() {
    for stress in [Stress::None, Stress::RandomRegisters(7), Stress::SpillEverything] {
        promises::same_bytes(&Options { stress, ..options() });
    }
}

#[test]
fn tables_are_in_ascending_order() {
    promises::tables_in_order(&options());
}

#[test]
fn a_block_of_a_million_instructions_and_a_hundred_thousand_blocks_compile() {
    let code = code_of(&long(50), &options(), &mut Scratch::default());
    assert_eq!(code.functions.len(), 2);
}

#[test]
fn exits_of_inlined_code_know_the_calls_they_came_through() {
    let module = module(
        "fn inner(%a: i64) -> i64 {\n guard_lt %a, 0, 3 (%a)\n %b = add %a, 1\n ret %b\n}\n\
         fn middle(%a: i64) -> i64 {\n %a = mul %a, 3\n %b = call inner(%a)\n ret %b\n}\n\
         export fn outer(%a: i64) -> i64 {\n %a = xor %a, 5\n %b = call middle(%a)\n ret %b\n}\n",
    );
    let code = code_of(&module, &options(), &mut Scratch::default());
    let of_outer = code.functions.iter().find(|f| f.func.0 == 2).expect("it is compiled");
    // A stub may end where its function does.
    let of_outer = of_outer.start + 1..=of_outer.end;
    let record = code.recoveries.rows().iter().find(|row| of_outer.contains(&row.at));
    let record = record.expect("the guard was inlined");
    let frames: Vec<_> = code
        .recoveries
        .frames(record)
        .map(|(frame, values)| (frame.func.0, frame.inst.0, values.len()))
        .collect();
    assert_eq!(frames, [(0, 0, 1), (1, 1, 0), (2, 1, 0)]);
}
