//! What the baseline compiler promises about its output, whatever the target.

mod subjects;

use kiln_codegen::{Code, Options, Refusal, Scratch, compile};
use kiln_ir::verify::{Checked, check};
use kiln_ir::{Linkage, MemType, Module, Signature, Type};
use subjects::{CALLS, LOOP, crowded, long, module, promises};

fn code_of(module: &Checked, scratch: &mut Scratch) -> Code {
    promises::code_of(module, &Options::default(), scratch)
}

#[test]
fn same_module_gives_same_bytes_whatever_came_before() {
    promises::same_bytes(&Options::default());
}

#[test]
fn tables_are_in_ascending_order() {
    promises::tables_in_order(&Options::default());
}

#[test]
fn a_frame_of_more_than_a_page_is_touched_page_by_page() {
    let small = code_of(&crowded(100), &mut Scratch::default());
    let large = code_of(&crowded(1000), &mut Scratch::default());
    assert!(small.traps.is_empty(), "{:?}", small.traps);
    assert_eq!(large.traps.len(), 1);
    assert!(large.functions[0].frame.size > 4096);
}

/// Also where a frame turns out too small and the function is written once more.
#[test]
fn each_return_from_a_frame_is_listed() {
    let two = module(
        "extern g: fn() -> i64\nexport fn f(%a: i64) -> i64 {\n %x = call g()\n blt %x, %a, low\n ret %x\n\
         low:\n %y = add %x, %a\n ret %y\n}\n",
    );
    for (module, returns) in [(two, 2), (module(CALLS), 1), (crowded(40), 1), (crowded(1000), 1)] {
        let code = code_of(&module, &mut Scratch::default());
        let function = &code.functions[0];
        let epilogues = code.epilogues_of(function);
        assert_eq!(epilogues.len(), returns);
        for epilogue in epilogues {
            let end = epilogue.end as usize;
            assert!(epilogue.at < epilogue.end && epilogue.end <= function.code_end);
            assert_eq!(code.bytes[end - 1], 0xc3, "ends with the return");
        }
    }
    assert!(code_of(&module(LOOP), &mut Scratch::default()).epilogues.is_empty());
}

#[test]
fn a_leaf_with_few_values_needs_no_frame() {
    let code = code_of(&module(LOOP), &mut Scratch::default());
    assert_eq!(code.functions[0].frame.size, 0);
}

#[test]
fn frame_pointers_are_kept_on_request() {
    let options = Options { frame_pointers: true, ..Options::default() };
    for module in [module(LOOP), module(CALLS), crowded(10), crowded(1000)] {
        let mut code = Code::default();
        compile(&module, &options, &mut Scratch::default(), &mut code).expect("compiles");
        for f in &code.functions {
            // push rbp; mov rbp, rsp
            assert_eq!(code.bytes[f.start as usize..][..4], [0x55, 0x48, 0x8b, 0xec]);
            assert!(f.frame.frame_pointer);
            assert_eq!(f.frame.steps[..2], [1, 4]);
            assert_eq!(f.frame.saved & 1 << 6, 0, "it is not among the other registers");
        }
        assert!(code_of(&module, &mut Scratch::default()).functions.iter().all(|f| !f.frame.frame_pointer));
    }
}

const LANDINGS: &str = "data table = ptr [f.two, f.two, f.unused]\n\
    fn f(%a: i64) -> i64 {\n labels set = {one, two}\n entry g(%a: i64) -> two\n entry h(%b: i64, %a: i64) -> one\n \
    %p = label_addr one\n beq %a, 3, unused\n jump_to %p, set\none:\n %a = add %a, 1\ntwo:\n ret %a\nunused:\n ret 7\n}\n";

#[test]
fn landing_pads_stand_wherever_addresses_lead() {
    let module = module(LANDINGS);
    let options = Options { landing_pads: true, ..Options::default() };
    let mut code = Code::default();
    compile(&module, &options, &mut Scratch::default(), &mut code).expect("compiles");
    let endbr64 = [0xf3, 0x0f, 0x1e, 0xfa];
    let starts: Vec<u32> = code.functions.iter().map(|f| f.start).collect();
    assert_eq!(starts.len(), 3, "a body and two entries");
    let labels: Vec<u32> = code.labels.iter().map(|label| label.at).collect();
    let is_pad = |at: &u32| code.bytes[*at as usize..][..4] == endbr64;
    assert!(starts.iter().all(is_pad));
    // The first of the two labels in data is of the set, the second is not, so nothing may jump there.
    assert_eq!(labels.iter().map(is_pad).collect::<Vec<_>>(), [true, false]);
    let pads = code.bytes.windows(4).filter(|bytes| *bytes == endbr64).count();
    assert_eq!(pads, starts.len() + 2);
    let without = code_of(&module, &mut Scratch::default());
    assert_eq!(without.bytes.windows(4).filter(|bytes| *bytes == endbr64).count(), 0);
}

#[test]
fn entries_are_parts_of_their_function() {
    let mut code = Code::default();
    let landings = module(LANDINGS);
    for _ in 0..2 {
        compile(&landings, &Options::default(), &mut Scratch::default(), &mut code).expect("compiles");
    }
    let parts: Vec<_> = code.functions.iter().map(|f| f.entry).collect();
    let (g, h) = (landings.find_func("g"), landings.find_func("h"));
    assert_eq!(parts, [None, g, h, None, g, h]);
    assert!(code.functions.is_sorted_by(|a, b| a.end <= b.start));
    assert!(code.labels.is_sorted_by_key(|label| label.at));
    for f in &code.functions {
        assert_eq!(f.start % 16, 0);
        let (func, _) = code.inst_at(f.code_end - 1).expect("has a row");
        assert_eq!(func, f.func);
        assert_eq!(code.function_at(f.code_end - 1).map(|found| found.entry), Some(f.entry));
    }
}

#[test]
fn switches_and_label_sets_of_a_hundred_thousand_compile() {
    const COUNT: i64 = 100_000;
    let mut module = Module::new();
    for step in [1, 3, 5, 1 << 40] {
        let f = module.declare("", Signature::new([Type::I64], [Type::I64]), Linkage::Local);
        let mut b = module.build(f);
        let x = b.param(0);
        let (one, other) = (b.block(), b.block());
        let cases: Vec<_> = (0..COUNT).map(|i| ((i - COUNT / 2) * step, one)).collect();
        b.switch(x, &cases, other);
        b.place(one);
        b.ret(&[x]);
        b.place(other);
        let zero = b.iconst(Type::I64, 0);
        b.ret(&[zero]);
        b.finish().expect("is complete");
    }
    let code = code_of(&check(module).expect("verifies"), &mut Scratch::default());
    let size = |n: usize| (code.functions[n].code_end - code.functions[n].start) as i64;
    assert!(size(0) < 5 * COUNT && size(1) < 13 * COUNT, "tables of 4 bytes an entry");
    assert!(size(2) < 30 * COUNT && size(3) < 40 * COUNT, "searches");
}

#[test]
fn what_is_not_done_is_refused_with_its_place() {
    let module = module(
        "fn g(%a: i64, %b: i64, %c: i64, %d: i64, %e: i64, %f: i64, %g: i64) {\n ret\n}\n\
         export fn f(%n: i64) {\n tail_call g(%n, %n, %n, %n, %n, %n, %n)\n}\n",
    );
    let mut code = Code::default();
    let refused = compile(&module, &Options::default(), &mut Scratch::default(), &mut code).unwrap_err();
    let names: Vec<String> = refused.iter().map(|d| d.fault.to_string()).collect();
    assert_eq!(names, ["the tail call passes 8 bytes on the stack, but its function got only 0"]);
    assert!(refused.iter().all(|d| matches!(d.fault, Refusal::TailCall(_)) && d.help.is_some()));
}

#[test]
fn a_block_of_a_million_instructions_and_a_hundred_thousand_blocks_compile() {
    let code = code_of(&long(1000), &mut Scratch::default());
    assert_eq!(code.functions.len(), 2);
}

#[test]
fn room_in_the_frame_is_used_again() {
    // A thousand values come and go, forty at a time.
    let mut module = Module::new();
    let f = module.declare("f", Signature::new([Type::Ptr], [Type::I64]), Linkage::Export);
    let mut b = module.build(f);
    let p = b.param(0);
    let mut live: Vec<_> = (0..40).map(|i| b.load(Type::I64, MemType::I64, (p, 8 * i))).collect();
    for i in 0..1000 {
        let (x, y) = (live.remove(0), live[i % 39]);
        live.push(b.add(x, y));
    }
    let sum = live[1..].iter().fold(live[0], |sum, v| b.xor(sum, *v));
    b.ret(&[sum]);
    b.finish().expect("is complete");
    let code = code_of(&check(module).expect("verifies"), &mut Scratch::default());
    let size = code.functions[0].frame.size;
    assert!(size < 60 * 8, "{size} bytes");
}
