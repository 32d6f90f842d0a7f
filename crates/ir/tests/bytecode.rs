//! The bytecode form: nothing is lost, and no bytes whatever do harm.

mod every_op;

use kiln_ir::bytecode::{self, Fault, HEADER, Item, MEMORY_PER_BYTE, Options};
use kiln_ir::diagnostic::{Diagnostic, Place};
use kiln_ir::op::Op;
use kiln_ir::types::{Signature, Type};
use kiln_ir::{Cond, Linkage, Module, Pos};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts the memory that each thread holds, and the most it ever held.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(0) };
}

fn grow(by: usize) {
    HELD.with(|held| {
        held.set(held.get().wrapping_add(by));
        MOST.with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: every call goes to the system's allocator as it came; the counters allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.with(|held| held.set(held.get().wrapping_sub(layout.size())));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Decodes, and checks that it took no more memory than promised.
fn decode(bytes: &[u8]) -> Result<Module, Diagnostic<Fault>> {
    let before = HELD.get();
    MOST.set(before);
    let result = Module::from_bytes(bytes);
    let most = MOST.get() - before;
    let limit = bytes.len() * MEMORY_PER_BYTE + 4096;
    assert!(most <= limit, "{most} bytes of memory for {} bytes of bytecode", bytes.len());
    if let Err(d) = &result {
        let Place::Byte(at) = d.at else { panic!("{d:?}") };
        assert!(at <= bytes.len() as u64);
        assert!(!d.to_string().is_empty());
    }
    result
}

/// A module with a bit of everything in few bytes.
fn small() -> Module {
    let mut m = Module::new();
    let file = m.file("fib.kiln");
    let sig = Signature::new([Type::I64], [Type::I64]);
    let fib = m.declare("fib", sig, Linkage::Export);
    let mut b = m.build(fib);
    let small = b.block();
    b.name_block(small, "small");
    let n = b.param(0);
    b.name_vreg(n, "n");
    b.at(Pos { file, line: 2, column: 5 });
    b.branch(Cond::Lt, n, 2, small);
    b.at(Pos { file, line: 3, column: 5 });
    let x = b.sub(n, 1);
    let x = b.call1(fib, &[x]);
    b.at(Pos { file, line: 4, column: 5 });
    let y = b.sub(n, 2);
    let y = b.call1(fib, &[y]);
    let r = b.add(x, y);
    b.ret(&[r]);
    b.place(small);
    b.ret(&[n]);
    b.finish().expect("every block is placed");
    m.constant("text", b"fib\n\0");
    m
}

fn pseudo_random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn fault(bytes: &[u8]) -> Fault {
    decode(bytes).expect_err("the bytes are wrong").fault
}

/// The bytes with length and checksum made right again.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytecode::seal(&mut bytes);
    bytes
}

#[test]
fn every_op_and_form_comes_back_as_it_was() {
    let m = every_op::module();
    let bytes = m.to_bytes();
    let back = decode(&bytes).expect("what is written can be read");
    for (before, after) in m.funcs().iter().zip(back.funcs()) {
        assert_eq!(before, after, "{}", before.name);
    }
    assert_eq!(m, back);
    assert_eq!(bytes, back.to_bytes());
}

#[test]
fn modules_that_are_nearly_empty_come_back() {
    let mut only_declared = Module::new();
    only_declared.declare("later", Signature::default(), Linkage::Local);
    for m in [Module::new(), only_declared, small()] {
        assert_eq!(decode(&m.to_bytes()).expect("what is written can be read"), m);
    }
}

#[test]
fn a_stripped_module_keeps_all_but_names_and_positions() {
    let m = small();
    let bytes = bytecode::encode(&m, Options { strip: true });
    assert!(bytes.len() < m.to_bytes().len());
    let back = decode(&bytes).expect("what is written can be read");
    assert!(back.files().is_empty());
    let (before, after) = (m.funcs()[0].body.as_ref(), back.funcs()[0].body.as_ref());
    let (before, after) = (before.expect("has a body"), after.expect("has a body"));
    assert!(after.positions().is_empty());
    assert_eq!(after.vreg_names.iter().count() + after.block_names.iter().count(), 0);
    assert_eq!(before.insts(), after.insts());
    assert_eq!(before.vregs(), after.vregs());
    assert_eq!(bytecode::encode(&back, Options { strip: true }), bytes);
}

#[test]
fn instructions_take_a_quarter_of_their_memory() {
    let mut m = Module::new();
    let sig = Signature::new([Type::I64], [Type::I64]);
    let f = m.declare("f", sig, Linkage::Export);
    let mut b = m.build(f);
    let mut v = b.param(0);
    for n in 0..1000 {
        v = b.add(v, n % 64);
    }
    b.ret(&[v]);
    b.finish().expect("one block");
    // Op, type, two registers of up to two bytes, a constant, and the new register's type.
    let bytes = bytecode::encode(&m, Options { strip: true }).len();
    assert!(bytes <= 1000 * 8 + 60, "{bytes}");
}

#[test]
fn each_fault_of_the_header_has_its_own_name() {
    let good = small().to_bytes();
    let length = good.len() as u64;
    assert_eq!(fault(b"; a text file\n"), Fault::NotBytecode);
    assert_eq!(fault(b""), Fault::NotBytecode);
    assert_eq!(fault(&good[..3]), Fault::Truncated { expected: HEADER as u64, found: 3 });
    assert_eq!(fault(&good[..good.len() - 1]), Fault::Truncated { expected: length, found: length - 1 });
    let mut long = good.clone();
    long.extend(b"more");
    assert_eq!(fault(&long), Fault::Trailing { bytes: 4 });
    let mut damaged = good.clone();
    damaged[30] ^= 4;
    assert!(matches!(fault(&damaged), Fault::Checksum { .. }));
    let mut newer = good.clone();
    newer[4] = 2;
    assert_eq!(fault(&newer), Fault::Major { found: 2 });
    assert!(decode(&newer).expect_err("newer").help.is_some());
    assert!(bytecode::is_bytecode(&good) && !bytecode::is_bytecode(b"text"));
}

#[test]
fn a_newer_minor_version_is_refused_only_for_what_is_unknown() {
    let mut newer = small().to_bytes();
    newer[6] = 9;
    let newer = sealed(newer);
    assert_eq!(decode(&newer).expect("nothing in it is unknown"), small());

    // The first instruction of `fib` is the branch; its op becomes one that does not exist.
    let at = newer.iter().position(|b| *b == Op::Branch as u8).expect("there is a branch");
    let mut unknown = newer.clone();
    unknown[at] = 0xfe;
    let d = decode(&sealed(unknown.clone())).expect_err("op 0xfe");
    assert_eq!(d.fault, Fault::Unknown { item: Item::Op, number: 0xfe, newer: Some(9) });
    assert_eq!(d.at, Place::Byte(at as u64));
    assert!(d.help.is_some());
    unknown[6] = 0;
    assert_eq!(fault(&sealed(unknown)), Fault::Unknown { item: Item::Op, number: 0xfe, newer: None });

    let mut section = newer;
    section.extend([0x77, 2, 1, 2]);
    assert_eq!(fault(&sealed(section)), Fault::Unknown { item: Item::Section, number: 0x77, newer: Some(9) });
}

/// A file of these bytes behind a header.
fn file(content: &[u8]) -> Vec<u8> {
    let mut bytes = Module::new().to_bytes();
    bytes.extend_from_slice(content);
    sealed(bytes)
}

/// A file with one function without parameters and results, of this body.
fn file_with_body(body: &[u8]) -> Vec<u8> {
    let mut content = vec![3, 4, 1, 0, 0, 0, 4, body.len() as u8 + 9, 1, 1, b'f', 0x10, 0];
    content.extend((body.len() as u32).to_le_bytes());
    content.extend_from_slice(body);
    content[7] = content.len() as u8 - 8;
    file(&content)
}

#[test]
fn each_fault_of_the_content_has_its_own_name() {
    use Fault::*;
    // No further registers, no slots; then blocks, cold blocks, label sets, entries, instructions, names, positions.
    let unreachable = [0x8f, 0];
    let ret = [0x85, 0, 0];
    let body = |blocks: u8, insts: &[&[u8]]| {
        let mut body = vec![0, 0, blocks, 0, 0, 0, insts.len() as u8];
        body.extend(insts.concat());
        body.extend([0; 4]);
        file_with_body(&body)
    };
    decode(&body(1, &[&unreachable])).expect("the simplest body");
    decode(&body(2, &[&unreachable, &ret])).expect("two blocks");

    assert_eq!(fault(&body(2, &[&unreachable])), Blocks { stated: 2, found: 1 });
    assert_eq!(fault(&body(1, &[&unreachable, &ret])), Blocks { stated: 1, found: 2 });
    assert_eq!(fault(&body(1, &[&[0, 0]])), Unterminated);
    assert_eq!(fault(&body(0, &[])), Unterminated);
    let branch = [0x81, 16, 0, 0, 0];
    assert_eq!(fault(&body(1, &[&branch])), Index { item: Item::VReg, index: 0, count: 0 });
    let jump = [0x80, 0, 5];
    assert_eq!(fault(&body(1, &[&jump])), Index { item: Item::Block, index: 5, count: 1 });
    assert_eq!(fault(&body(1, &[&[0x80, 0, 0x80, 0]])), Number);
    assert_eq!(fault(&body(1, &[&[0x8f, 0x10]])), Attributes { op: Op::Unreachable, bits: 1 });
    assert_eq!(fault(&body(1, &[&[0x8f, 9]])), Unknown { item: Item::Type, number: 9, newer: None });
    let data_addr = [4, 4, 0, 0, 0];
    assert_eq!(
        fault(&file_with_body(&[&[1, 4, 0, 1, 0, 0, 0, 2], &data_addr[..], &unreachable, &[0; 4]].concat())),
        Index { item: Item::Data, index: 0, count: 0 }
    );
    assert_eq!(fault(&file_with_body(&[0, 0])), EndsEarly);
    assert_eq!(fault(&file_with_body(&[0, 0, 1, 0, 0, 0, 1, 0x8f, 0, 0, 0, 0, 0, 7])), Leftover { bytes: 1 });
    assert_eq!(fault(&file_with_body(&[9, 0, 0, 0, 0])), Count { item: Item::VReg, count: 9 });
    assert_eq!(fault(&file(&[1, 2, 1, 0, 1, 2, 1, 0])), Order { item: Item::Section });
    assert_eq!(fault(&file(&[1, 3, 1, 1, 0xff])), Text);
    assert_eq!(fault(&file(&[3, 7, 2, 0, 0, 0, 0, 0, 0])), RepeatedSignature);
    assert_eq!(
        fault(&file(&[3, 5, 1, 0, 1, 0x77, 0])),
        Unknown { item: Item::Element, number: 0x77, newer: None }
    );
    assert_eq!(fault(&file(&[1, 9])), Count { item: Item::Byte, count: 9 });
}

#[test]
fn no_truncated_file_is_taken() {
    let good = small().to_bytes();
    for length in 0..good.len() {
        decode(&good[..length]).expect_err("truncated");
        // With a header that agrees, the reader behind it finds what is missing, unless it is whole sections.
        if let Ok(m) = decode(&sealed(good[..length].to_vec())) {
            assert!(m.data().is_empty(), "cut at {length}");
        }
    }
}

#[test]
fn every_flipped_byte_is_found() {
    let good = small().to_bytes();
    for at in 0..good.len() {
        for flip in 1..=255 {
            let mut bytes = good.clone();
            bytes[at] ^= flip;
            // Only a raised minor version changes nothing but itself, and the checksum covers it too.
            decode(&bytes).expect_err("the checksum does not fit");
        }
    }
}

/// Decodes changed bytes as if they had been written so. What is taken must be a module like any other.
fn try_sealed(bytes: Vec<u8>) {
    let bytes = sealed(bytes);
    if let Ok(m) = decode(&bytes) {
        let again = m.to_bytes();
        assert_eq!(Module::from_bytes(&again).expect("what is written can be read"), m);
    }
}

#[test]
fn flipped_bytes_with_a_right_checksum_never_panic() {
    let good = small().to_bytes();
    for at in HEADER..good.len() {
        for flip in 1..=255 {
            let mut bytes = good.clone();
            bytes[at] ^= flip;
            try_sealed(bytes);
        }
    }
}

#[test]
fn changes_to_a_file_with_every_op_never_panic() {
    let good = every_op::module().to_bytes();
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..1000 {
        let mut bytes = good.clone();
        for _ in 0..=pseudo_random(&mut state) % 3 {
            let at = HEADER + pseudo_random(&mut state) as usize % (bytes.len() - HEADER);
            match pseudo_random(&mut state) % 4 {
                0 => bytes[at] = pseudo_random(&mut state) as u8,
                1 => bytes[at] ^= 1 << (pseudo_random(&mut state) % 8),
                2 => bytes[at] = 0xff,
                _ => drop(bytes.remove(at)),
            }
        }
        try_sealed(bytes);
    }
}

#[test]
fn a_megabyte_of_hostile_bytes_takes_little_memory() {
    let size = 1 << 20;
    let mut state = 88_172_645_463_325_252;
    // Without a header, then behind one.
    let noise: Vec<u8> = (0..size).map(|_| pseudo_random(&mut state) as u8).collect();
    decode(&noise).expect_err("noise");
    decode(&file(&noise)).expect_err("noise");

    // Sections that announce as much as their bytes allow, and are made of the smallest things there are.
    let section = |number: u8, least: usize, thing: &[u8]| {
        let count = (size / least) as u64;
        let mut content = Vec::new();
        leb(&mut content, count);
        while content.len() < size {
            content.extend_from_slice(thing);
        }
        let mut bytes = vec![number];
        leb(&mut bytes, content.len() as u64);
        bytes.extend(content);
        bytes
    };
    for number in 1..=5 {
        for least in 1..=8 {
            for thing in [&[0][..], &[0; 8], &[1, 1, 1], &[0xff, 0x7f], &[0x80]] {
                let _ = decode(&file(&section(number, least, thing)));
            }
        }
    }
    // The most that a file can make of each byte: functions without name and body.
    let mut functions = vec![3, 4, 1, 0, 0, 0];
    functions.extend(section(4, 7, &[0; 7]));
    let _ = decode(&file(&functions));
    // A body in which every table is as long as can be.
    for (head, thing) in [
        (vec![], vec![0]),
        (vec![0], vec![0, 1]),
        (vec![0, 0], vec![0]),
        (vec![0, 0, 1, 0], vec![0]),
        (vec![0, 0, 1, 0, 0], vec![0]),
        (vec![0, 0, 1, 0, 0, 0], vec![0, 0]),
    ] {
        for least in 1..=4 {
            let mut body = head.clone();
            leb(&mut body, (size / least) as u64);
            while body.len() < size {
                body.extend(&thing);
            }
            let mut function = vec![1, 0, 0x10, 0];
            function.extend((body.len() as u32).to_le_bytes());
            function.extend(body);
            let mut content = vec![3, 4, 1, 0, 0, 0, 4];
            leb(&mut content, function.len() as u64);
            content.extend(function);
            let _ = decode(&file(&content));
        }
    }
}

fn leb(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[test]
fn many_jumps_over_a_large_label_set_are_read_in_linear_time() {
    let mut m = Module::new();
    let f = m.declare("f", Signature::new([Type::Ptr], [] as [Type; 0]), Linkage::Export);
    let mut b = m.build(f);
    let blocks: Vec<_> = (0..200_000).map(|_| b.block()).collect();
    let set = b.label_set(&blocks);
    let address = b.param(0);
    for block in blocks {
        b.place(block);
        b.jump_to(address, set);
    }
    b.finish().expect("every block is placed");
    assert!(decode(&m.to_bytes()) == Ok(m));
}

#[test]
fn the_dump_in_the_documentation_is_true() {
    let page = include_str!("../../../docs/bytecode.md");
    let (_, dump) = page.split_once("```hex\n").expect("the page has a dump");
    let (dump, _) = dump.split_once("```").expect("the dump ends");
    let bytes = small().to_bytes();
    let mut at = 0;
    for line in dump.lines() {
        let (offset, rest) = line.split_at(4);
        assert_eq!(usize::from_str_radix(offset.trim(), 16), Ok(at), "{line}");
        // Hex digits end where two spaces begin the explanation.
        for digits in rest.split("  ").next().unwrap_or_default().split(' ') {
            let byte = u8::from_str_radix(digits, 16).expect("two hex digits");
            assert_eq!(bytes.get(at), Some(&byte), "{at:#x}: {line}");
            at += 1;
        }
    }
    assert_eq!(at, bytes.len());
}

#[test]
fn an_outline_tells_every_byte_of_a_file() {
    let bytes = small().to_bytes();
    let (parts, fault) = bytecode::outline(&bytes);
    assert_eq!(fault, None);
    assert_eq!((parts[0].start, parts[parts.len() - 1].end), (0, bytes.len()));
    assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start && pair[0].start < pair[0].end));
    let lines: Vec<_> = parts
        .iter()
        .map(|p| format!("{:02x} {}{}", p.start, "  ".repeat(p.depth), p.meaning))
        .filter(|line| line.starts_with('4') || line.starts_with('5'))
        .collect();
    assert_eq!(
        lines,
        [
            "40       8 instructions",
            "41         blt.i64 %0, 2, block 2",
            "47         sub.i64 %1, %0, 1",
            "4c         call function 0, signature 0, (%1) to (%2)",
            "54         sub.i64 %3, %0, 2",
            "59         call function 0, signature 0, (%3) to (%4)",
        ]
    );
    // A damaged file is outlined as far as it can be read.
    let mut damaged = bytes;
    damaged[0x54] = 0xfe;
    let (parts, fault) = bytecode::outline(&sealed(damaged));
    assert_eq!(fault.map(|d| d.at), Some(Place::Byte(0x54)));
    assert_eq!(parts.last().map(|p| (p.start, p.end)), Some((0x4c, 0x54)));
    bytecode::outline(&every_op::module().to_bytes());
}
