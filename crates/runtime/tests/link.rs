//! Addresses: calls near and far, data, cells, slots, and what is said when something is missing.

mod machine;

use kiln_codegen::code::{FrameInfo, Label, RelocKind, Routine, Target};
use kiln_ir::{Block, DataDecl, DataReloc, DataTarget, FuncId, Inst, Linkage};
use kiln_runtime::{Image, LinkFault, ReplaceFault};
use machine::{CALL, Hand, run};

/// `lea rax, [rdi + 1]; ret`
const SUCCESSOR: [u8; 5] = [0x48, 0x8d, 0x47, 0x01, 0xc3];
/// `lea rax, [rdi + 2]; ret`
const PLUS_TWO: [u8; 5] = [0x48, 0x8d, 0x47, 0x02, 0xc3];

extern "C" fn double(n: u64) -> u64 {
    n * 2
}

#[test]
fn calls_reach_functions_of_the_module() {
    let mut hand = Hand::default();
    let callee = hand.function("successor", &SUCCESSOR);
    let caller = hand.caller("caller", callee);
    let mut args = [41, 0];
    run(&hand.linked(), caller, &mut args).unwrap();
    assert_eq!(args[1], 42);
}

#[test]
fn calls_reach_imports_wherever_they_are() {
    let mut hand = Hand::default();
    let far = hand.host("double", double as *const u8);
    let labs = hand.import("labs");
    let (a, b, c) = (hand.caller("a", far), hand.caller("b", far), hand.caller("c", labs));
    let image = hand.linked();
    for (func, arg, result) in [(a, 21, 42), (b, 4, 8), (c, -7i64 as u64, 7)] {
        let mut args = [arg, 0];
        run(&image, func, &mut args).unwrap();
        assert_eq!(args[1], result);
    }
    assert_eq!(image.address(far), Some(double as *const u8));
}

#[test]
fn routines_are_called_by_name_of_their_kind() {
    let mut hand = Hand::default();
    let func = hand.declare("fill");
    let bytes = [
        0x48, 0x83, 0xec, 0x08, // sub rsp, 8
        0xbe, 0xab, 0, 0, 0, // mov esi, 0xab
        0xba, 8, 0, 0, 0, // mov edx, 8
        0xe8, 0, 0, 0, 0, // call memset
        0x48, 0x83, 0xc4, 0x08, // add rsp, 8
        0xc3, // ret
    ];
    let start = hand.body(func, &bytes, FrameInfo::default());
    hand.reloc(start + 15, CALL, Target::Routine(Routine::MemSet), -4);
    let mut args = [0];
    run(&hand.linked(), func, &mut args).unwrap();
    assert_eq!(args[0], 0xabab_abab_abab_abab);
}

#[test]
fn data_is_reached_directly_and_starts_anew_with_each_image() {
    let mut hand = Hand::default();
    let counter = hand.data(DataDecl {
        name: "counter".into(),
        writable: true,
        align: 8,
        bytes: 40u64.to_le_bytes().into(),
        zeros: 100,
        ..DataDecl::default()
    });
    let func = hand.declare("count");
    let bytes = [
        0x48, 0x8b, 0x05, 0, 0, 0, 0, // mov rax, [counter]
        0x48, 0xff, 0xc0, // inc rax
        0x48, 0x89, 0x05, 0, 0, 0, 0, // mov [counter], rax
        0x48, 0x89, 0x07, // mov [rdi], rax
        0xc3, // ret
    ];
    let start = hand.body(func, &bytes, FrameInfo::default());
    hand.reloc(start + 3, RelocKind::Pc32, Target::Data(counter), -4);
    hand.reloc(start + 13, RelocKind::Pc32, Target::Data(counter), -4);
    for _ in 0..3 {
        let image = hand.linked();
        let mut args = [0];
        run(&image, func, &mut args).unwrap();
        run(&image, func, &mut args).unwrap();
        assert_eq!(args[0], 42);
        let at = image.data_address(counter).unwrap();
        // SAFETY: the object has 108 bytes and the image is alive.
        let bytes = unsafe { std::slice::from_raw_parts_mut(at, 108) };
        assert!(bytes[8..].iter().all(|byte| *byte == 0));
        bytes.fill(0xff);
    }
}

#[test]
fn cells_and_words_hold_addresses() {
    let mut hand = Hand::default();
    let import = hand.host("double", double as *const u8);
    let data = hand.module.constant("text", b"hello\0");
    let local = hand.function("successor", &SUCCESSOR);
    let mut funcs = Vec::new();
    for to in [Target::Func(import), Target::Data(data), Target::Func(local)] {
        for (kind, bytes, at) in [
            (RelocKind::GotPc32, &[0x48, 0x8b, 0x05, 0, 0, 0, 0, 0x48, 0x89, 0x07, 0xc3][..], 3),
            (RelocKind::Abs64, &[0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0x48, 0x89, 0x07, 0xc3][..], 2),
        ] {
            let func = hand.declare(&format!("address{}", funcs.len()));
            let start = hand.body(func, bytes, FrameInfo::default());
            hand.reloc(start + at, kind, to, if kind == RelocKind::Abs64 { 0 } else { -4 });
            funcs.push((func, to));
        }
    }
    let image = hand.linked();
    for (func, to) in funcs {
        let mut args = [0];
        run(&image, func, &mut args).unwrap();
        let wanted = match to {
            Target::Data(data) => image.data_address(data).unwrap() as *const u8,
            Target::Func(func) => image.address(func).unwrap(),
            _ => unreachable!(),
        };
        assert_eq!(args[0], wanted as u64);
    }
    // SAFETY: six bytes, see above.
    let text = unsafe { std::slice::from_raw_parts(image.data_address(data).unwrap(), 6) };
    assert_eq!(text, b"hello\0");
}

#[test]
fn data_holds_addresses_of_functions_and_data() {
    let mut hand = Hand::default();
    let import = hand.host("double", double as *const u8);
    let local = hand.function("successor", &SUCCESSOR);
    let text = hand.module.constant("text", b"0123456789");
    for writable in [false, true] {
        hand.data(DataDecl {
            name: format!("table{writable}"),
            writable,
            align: 4096,
            bytes: vec![0; 24],
            relocs: vec![
                DataReloc { offset: 0, target: DataTarget::Func(import), addend: 0 },
                DataReloc { offset: 8, target: DataTarget::Func(local), addend: 0 },
                DataReloc { offset: 16, target: DataTarget::Data(text), addend: 3 },
            ],
            ..DataDecl::default()
        });
    }
    let image = hand.linked();
    for id in 1..3 {
        let at = image.data_address(kiln_ir::DataId(id)).unwrap();
        assert_eq!(at as usize % 4096, 0);
        // SAFETY: 24 aligned bytes of a live image.
        let words = unsafe { *at.cast::<[u64; 3]>() };
        assert_eq!(words[0], double as *const () as u64);
        assert_eq!(words[1], image.address(local).unwrap() as u64);
        assert_eq!(words[2], image.data_address(text).unwrap() as u64 + 3);
    }
}

#[test]
fn imported_data_is_found_in_the_process() {
    let mut hand = Hand::default();
    let environ = hand.data(DataDecl {
        name: "environ".into(),
        linkage: Linkage::Import,
        writable: true,
        ..DataDecl::default()
    });
    let func = hand.declare("address");
    let start =
        hand.body(func, &[0x48, 0x8b, 0x05, 0, 0, 0, 0, 0x48, 0x89, 0x07, 0xc3], FrameInfo::default());
    hand.reloc(start + 3, RelocKind::GotPc32, Target::Data(environ), -4);
    let image = hand.linked();
    let mut args = [0];
    run(&image, func, &mut args).unwrap();
    assert_eq!(args[0], image.data_address(environ).unwrap() as u64);
    assert_ne!(args[0], 0);
}

#[test]
fn thread_local_data_is_found_for_each_thread() {
    let mut hand = Hand::default();
    let object = hand.data(DataDecl {
        name: "a_word".into(),
        linkage: Linkage::Import,
        writable: true,
        thread_local: true,
        ..DataDecl::default()
    });
    thread_local!(static WORD: std::cell::Cell<u64> = const { std::cell::Cell::new(0) });
    let here = || WORD.with(|word| word.as_ptr() as u64);
    hand.host.define("a_word", here() as *const u8);
    let func = hand.declare("address");
    let bytes = [
        0x53, // push rbx
        0x48, 0x89, 0xfb, // mov rbx, rdi
        0x48, 0x8d, 0x3d, 0, 0, 0, 0, // lea rdi, [index]
        0xe8, 0, 0, 0, 0, // call __tls_get_addr
        0x48, 0x89, 0x03, // mov [rbx], rax
        0x5b, // pop rbx
        0xc3, // ret
    ];
    let start = hand.body(func, &bytes, FrameInfo::default());
    hand.reloc(start + 7, RelocKind::TlsPc32, Target::Data(object), -4);
    hand.reloc(start + 12, CALL, Target::Routine(Routine::TlsGetAddr), -4);
    let image = hand.linked();
    let check = || {
        let mut args = [0];
        run(&image, func, &mut args).unwrap();
        assert_eq!(args[0], here());
    };
    check();
    std::thread::scope(|scope| {
        scope.spawn(check);
    });
    // An address that is no thread's own.
    hand.host.define("a_word", double as *const u8);
    assert!(matches!(hand.link().unwrap_err().faults[..], [LinkFault::ThreadLocal { .. }]));
}

#[test]
fn everything_missing_is_reported_at_once() {
    let mut hand = Hand::default();
    let one = hand.import("no_such_function");
    let two = hand.import("cos_of_nothing");
    hand.module.set_library(two, "no-such-library");
    let unused = hand.import("no_such_but_unused");
    let three = hand.declare("not_compiled");
    hand.data(DataDecl {
        name: "label".into(),
        bytes: vec![0; 8],
        relocs: vec![DataReloc { offset: 0, target: DataTarget::Label(three, Block(1)), addend: 0 }],
        ..DataDecl::default()
    });
    for callee in [one, two, one, three] {
        hand.caller(&format!("caller{}", hand.code.functions.len()), callee);
    }
    let error = hand.link().unwrap_err();
    let text = error.to_string();
    assert_eq!(error.faults.len(), 3, "{text}");
    assert!(
        matches!(&error.faults[0], LinkFault::MissingFunction { func, reason: None, .. } if *func == one)
    );
    assert!(
        matches!(&error.faults[1], LinkFault::MissingFunction { func, reason: Some(_), .. } if *func == two)
    );
    assert!(matches!(&error.faults[2], LinkFault::NoCode { func, .. } if *func == three));
    assert!(text.contains("`no_such_function` was not found\n"), "{text}");
    assert!(text.contains("in library `no-such-library`: "), "{text}");
    assert_eq!(hand.module.func(unused).name, "no_such_but_unused");
}

#[test]
fn data_holds_the_addresses_of_labels() {
    let mut hand = Hand::default();
    let first = hand.function("first", &[0xc3]);
    let func = hand.function("second", &[0x90, 0x90, 0xc3]);
    let at = hand.code.functions[1].start;
    hand.code.labels.push(Label { func, block: Block(7), at: at + 2 });
    let mut table = |target, addend| {
        let relocs = vec![DataReloc { offset: 8, target, addend }];
        hand.data(DataDecl { name: "".into(), bytes: vec![0; 16], relocs, ..DataDecl::default() })
    };
    let (inside, behind) =
        (table(DataTarget::Label(func, Block(7)), 0), table(DataTarget::Label(func, Block(7)), 3));
    let image = hand.linked();
    let held = |data| {
        // SAFETY: the object has 16 bytes, which nobody writes.
        unsafe { *image.data_address(data).expect("has an address").add(8).cast::<u64>() }
    };
    let start = image.address(func).expect("has an address") as u64;
    assert_eq!((held(inside), held(behind)), (start + 2, start + 5));
    // Code of which a label is used that it does not list.
    let target = DataTarget::Label(first, Block(0));
    let relocs = vec![DataReloc { offset: 0, target, addend: 0 }];
    hand.data(DataDecl { name: "".into(), bytes: vec![0; 8], relocs, ..DataDecl::default() });
    let faults = hand.link().unwrap_err().faults;
    assert!(matches!(faults[..], [LinkFault::NoCode { func, .. }] if func == first), "{faults:?}");
}

#[test]
fn further_entries_have_addresses_and_belong_to_their_function() {
    let mut hand = Hand::default();
    let func = hand.function("f", &[0xc3]);
    let entry = hand.module.declare_entry(func, "e", &[]);
    let at = hand.body(func, &[0x90, 0xc3], FrameInfo::default());
    hand.code.functions[1].entry = Some(entry);
    let image = hand.linked();
    let code = image.code().start;
    assert_eq!(image.address(func), Some(code as *const u8));
    assert_eq!(image.address(entry), Some((code + at as usize) as *const u8));
    assert_eq!(image.function_at(code + at as usize + 1), Some(func));
}

#[test]
fn absurd_data_is_refused() {
    let mut hand = Hand::default();
    hand.data(DataDecl {
        name: "a".into(),
        writable: true,
        zeros: u64::MAX,
        align: 1,
        ..DataDecl::default()
    });
    assert!(matches!(hand.link().unwrap_err().faults[..], [LinkFault::NoMemory { .. }]));
    hand.module = Default::default();
    hand.data(DataDecl { name: "a".into(), align: 1 << 30, zeros: 1, ..DataDecl::default() });
    assert!(matches!(hand.link().unwrap_err().faults[..], [LinkFault::Alignment { .. }]));
}

#[test]
fn replaceable_functions_are_called_through_their_slot() {
    let mut hand = Hand::default();
    let callee = hand.function("callee", &SUCCESSOR);
    hand.module.set_replaceable(callee, true);
    let caller = hand.caller("caller", callee);
    let image = hand.linked();
    let mut other = Hand::default();
    let better = other.function("better", &PLUS_TWO);
    let ask = |image: &Image, func: FuncId| {
        let mut args = [40, 0];
        run(image, func, &mut args).unwrap();
        args[1]
    };
    let address = image.address(callee);
    assert_eq!(ask(&image, caller), 41);
    let with = other.linked();
    // SAFETY: the functions have one signature.
    unsafe { image.replace(callee, &with, better) }.unwrap();
    drop(with);
    assert_eq!(ask(&image, caller), 42);
    assert_eq!(image.address(callee), address);
    // SAFETY: as above.
    unsafe { image.redirect(callee, double as *const u8) }.unwrap();
    assert_eq!(ask(&image, caller), 80);
    image.restore(callee).unwrap();
    assert_eq!(ask(&image, caller), 41);
    // SAFETY: nothing happens.
    assert_eq!(unsafe { image.redirect(caller, double as *const u8) }, Err(ReplaceFault::NotReplaceable));
}

#[test]
fn places_are_told_from_addresses() {
    let mut hand = Hand::default();
    let one = hand.function("one", &SUCCESSOR);
    let two = hand.function("two", &SUCCESSOR);
    let image = hand.linked();
    image.attach(std::sync::Arc::new("the module".to_string()));
    for func in [one, two] {
        let at = image.address(func).unwrap() as usize;
        assert_eq!(image.locate(at + 4), Some((func, Inst(func.0 * 100))));
        assert_eq!(image.function_at(at), Some(func));
        let found = Image::containing(at + 2).unwrap();
        let attached = found.attachment().unwrap().downcast_ref::<String>().unwrap();
        assert_eq!(attached, "the module");
    }
    assert_eq!(image.locate(image.code().end), None);
    let at = image.code().start;
    drop(image);
    assert!(Image::containing(at).is_none_or(|other| other.attachment().is_none()));
    assert!(Image::containing(double as *const () as usize).is_none());
}
