//! No text takes more than a small multiple of its size in memory; were reading anything but linear, these would not end.

use kiln_ir::Module;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts the memory that each thread holds, and the most it ever held.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it came; the counters allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.get().wrapping_add(layout.size());
        HELD.set(held);
        MOST.set(MOST.get().max(held));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.set(HELD.get().wrapping_sub(layout.size()));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What one byte of text may take at most, the growth of tables included.
const MEMORY_PER_BYTE: usize = 64;

/// Bytes of each text.
const SIZE: usize = 1 << 19;

/// `begin`, then as many of `line(0)`, `line(1)` and so on as the size allows, then `end`.
fn repeat(begin: &str, line: impl Fn(usize) -> String, end: &str) -> String {
    let mut text = begin.to_owned();
    let mut n = 0;
    while text.len() < SIZE {
        text.push_str(&line(n));
        n += 1;
    }
    text.push_str(end);
    text
}

#[test]
fn memory_is_a_small_multiple_of_the_text() {
    let long = "x".repeat(90);
    let texts = [
        repeat("fn f(){", |n| format!("\n%{n}=1"), "\nret\n}"),
        repeat("fn f(){", |_| "\nnop".into(), "\nret\n}"),
        repeat("fn f(){", |n| format!("\na{n}:"), "\nret\n}"),
        repeat("fn f(){", |n| format!("\njump a{n}\nb{n}:"), "\nret\n}"),
        repeat("fn f(){", |n| format!("\nslot s{n}:1"), "\nret\n}"),
        repeat("fn f(){\na:", |n| format!("\nlabels L{n}={{}}"), "\nret\n}"),
        repeat("fn f(){ret}", |n| format!("\nfn f{n}(){{ret}}"), ""),
        repeat("fn f(%a:i64)->i64{\nret %a\n}\nfn g(){", |_| "\ncall f(1)".into(), "\nret\n}"),
        repeat("fn f(%a:i64){\nswitch %a,b,{", |n| format!("{n}:b,"), "}\nb:\nret\n}"),
        repeat("data a=i64[", |_| "1,".into(), "1]"),
        repeat("data a=ptr[", |_| "a,".into(), "a]"),
        repeat("data a=\"\"", |_| ",zero 9999,\"\"".into(), ""),
        repeat("data a=zero 1", |n| format!("\ndata a{n}=zero 1<<47"), ""),
        repeat("const a=1", |n| format!("\nconst a{n}=1"), ""),
        repeat("type a={i8,i16}", |n| format!("\ntype a{n}={{[2047]a}}"), ""),
        repeat("type a={", |_| "i8,".into(), "i8}"),
        repeat("sig a=fn(", |_| "i8,".into(), "i8)\nextern f:a"),
        repeat("extern a:fn(i8)", |n| format!("\nextern a{n}:fn(i8)"), ""),
        repeat("", |n| format!("fn {long}{n}() {{\n"), ""),
        repeat("", |n| format!("{long}{n}\n"), ""),
        repeat("fn f() {", |n| format!("\n%a = {long}{n} %b"), ""),
        repeat("fn f() {", |n| format!("\njump a{n}{long}\nb{n}:"), "\n}"),
        repeat("", |_| "\"".into(), ""),
        repeat("", |_| "{".into(), ""),
        repeat("fn f() {", |_| "{".into(), ""),
        repeat("const a = 1", |_| "+1".into(), ""),
        repeat(".sources \"\"", |_| ",\"\"".into(), ""),
    ];
    for text in texts {
        let before = HELD.get();
        MOST.set(before);
        let result = Module::parse(&text);
        let most = MOST.get() - before;
        let begin: String = text.chars().take(40).collect();
        println!("{:6.1} {} {begin:?}", most as f64 / text.len() as f64, result.is_ok());
        assert!(
            most <= text.len() * MEMORY_PER_BYTE + (1 << 20),
            "{most} bytes of memory for {} bytes of text: {begin}",
            text.len()
        );
    }
}
