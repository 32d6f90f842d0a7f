//! Loads and stores of every size at both ends of mapped memory, with every form of address.

#![allow(unsafe_code, reason = "programs that access memory, and the memory they access")]

use kiln::{Config, Engine, Function, MemType, Program, TrapKind, Type};
use kiln_tests::tiers::{WAYS, Way};
use std::fmt::Write as _;

const PAGE: usize = 4096;

/// A page of memory with nothing before and behind it.
struct Island {
    reserved: *mut u8,
}

impl Island {
    fn new() -> Island {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: new memory, of which the middle page becomes accessible.
        unsafe {
            let reserved = libc::mmap(std::ptr::null_mut(), 3 * PAGE, libc::PROT_NONE, flags, -1, 0);
            assert_ne!(reserved, libc::MAP_FAILED);
            let island = Island { reserved: reserved.cast() };
            let access = libc::PROT_READ | libc::PROT_WRITE;
            assert_eq!(libc::mprotect(island.at(0).cast(), PAGE, access), 0);
            island
        }
    }

    fn at(&self, offset: usize) -> *mut u8 {
        // SAFETY: the reservation has three pages, and offsets go up to one page beyond the first.
        unsafe { self.reserved.add(PAGE + offset) }
    }

    #[expect(clippy::mut_from_ref, reason = "the memory is not part of the value")]
    fn bytes(&self) -> &mut [u8] {
        // SAFETY: mapped as long as the island lives; programs touch it only between uses of the slice.
        unsafe { std::slice::from_raw_parts_mut(self.at(0), PAGE) }
    }

    /// Writes bytes of both signs, none equal to its neighbours.
    fn fill(&self) {
        for (i, byte) in self.bytes().iter_mut().enumerate() {
            *byte = (i as u8).wrapping_mul(0x67) ^ if i % 3 == 0 { 0x80 } else { 0x1b };
        }
    }
}

impl Drop for Island {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`.
        unsafe { libc::munmap(self.reserved.cast(), 3 * PAGE) };
    }
}

/// The offsets at which an access of so many bytes is tried: all alignments at both ends.
fn offsets(bytes: usize) -> impl Iterator<Item = usize> {
    (0..9).chain(PAGE - bytes - 8..=PAGE - bytes)
}

/// Forms of address of a byte: what the program writes, and which `%p` and `%i` it wants for the byte's address.
type Form = (&'static str, fn(u64) -> (u64, u64));

const FORMS: &[Form] = &[
    ("[%p]", |at| (at, 0)),
    ("[%p + 40]", |at| (at - 40, 0)),
    ("[%p - 1000]", |at| (at + 1000, 0)),
    ("[%p + 2147483647]", |at| (at - 2_147_483_647, 0)),
    ("[%p - 2147483648]", |at| (at + 2_147_483_648, 0)),
    ("[%p + %i]", |at| (at - 77, 77)),
    ("[%p + %i*2]", |at| (at - 2, 1)),
    ("[%p + %i*4 - 3]", |at| (at + 43, -10i64 as u64)),
    ("[%p + %i*8 + 16]", |at| (at - 816, 100)),
    ("[%p + %i*8 + 2147483640]", |at| (at - 2_147_483_640 - 80, 10)),
    ("[%p + %i*8 - 2147483648]", |at| (at + 2_147_483_648 - 80, 10)),
    // The base as an index, as far as arithmetic modulo 2^64 goes.
    ("[%i + %p*1]", |at| (at - 5, 5)),
    ("[%p + %five*8]", |at| (at - 40, 0)),
    ("[%p + %many*8]", |at| (at - (0x1000_0000 * 8), 0)),
    ("[%p + %many*4 + 2147483640]", |at| (at - 0x1000_0000 * 4 - 2_147_483_640, 0)),
    ("[%p + %least + 8]", |at| (at + 0x8000_0000 - 8, 0)),
];

/// Every access with every register type that it fits.
fn accesses() -> Vec<(MemType, Type)> {
    let all = (0..=u8::MAX).map(MemType).filter(|access| access.is_valid());
    let pairs = all.flat_map(|access| Type::ALL.into_iter().map(move |ty| (access, ty)));
    pairs.filter(|(access, ty)| access.fits(*ty)).collect()
}

/// Where the operands of an access are when it is executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operands {
    /// In registers; of a load, the result in one of its own.
    Registers,
    /// In memory, because a call stands before.
    Memory,
    /// The result of a load is the register of the base, or of the index.
    Base,
    Index,
}

/// The start of a function, in which `%p`, `%i` and some constants are assigned.
fn start(name: &str, ty: Type, operands: Operands, text: &mut String) -> std::fmt::Result {
    writeln!(text, "export fn {name}(%wp: i64, %i: i64, %w: i64) -> i64 {{")?;
    writeln!(text, "    %p = copy.ptr %wp\n    %five = const.i64 5\n    %many = const.i64 0x10000000")?;
    writeln!(text, "    %least = const.i64 -0x80000000")?;
    match ty {
        Type::I32 => writeln!(text, "    %v = trunc %w")?,
        Type::I64 | Type::Ptr => writeln!(text, "    %v = copy.{ty} %w")?,
        Type::F32 => writeln!(text, "    %t = trunc %w\n    %v = bitcast.f32 %t")?,
        Type::F64 => writeln!(text, "    %v = bitcast.f64 %w")?,
    }
    if operands == Operands::Memory {
        writeln!(text, "    call nothing()")?;
    }
    Ok(())
}

/// Returns a register as 64 bits.
fn end(register: &str, ty: Type, text: &mut String) -> std::fmt::Result {
    match ty {
        Type::I32 => writeln!(text, "    %x = zext {register}\n    ret %x\n}}"),
        Type::I64 => writeln!(text, "    ret {register}\n}}"),
        Type::Ptr => writeln!(text, "    %x = copy.i64 {register}\n    ret %x\n}}"),
        Type::F32 => writeln!(text, "    %y = bitcast.i32 {register}\n    %x = zext %y\n    ret %x\n}}"),
        Type::F64 => writeln!(text, "    %x = bitcast.i64 {register}\n    ret %x\n}}"),
    }
}

fn load(way: Way, text: &str) -> Program {
    let config = Config::new().tier(way.tier);
    let config = if way.all_features { config } else { config.features(kiln::Features::default()) };
    Engine::new(config).load_text(text).unwrap_or_else(|e| panic!("{way}: {e}"))
}

type Accessor = Function<fn(u64, u64, u64) -> u64>;

/// The little-endian number that bytes are, extended as the access says to the register.
fn extended(bytes: &[u8], access: MemType, ty: Type) -> u64 {
    let low = bytes.iter().rev().fold(0u64, |n, byte| n << 8 | u64::from(*byte));
    let negative = access.signed() && !access.is_float() && bytes[bytes.len() - 1] >= 0x80;
    let above = u64::MAX.checked_shl(8 * bytes.len() as u32).unwrap_or(0);
    let wide = if negative { low | above } else { low };
    if ty.bytes() == 4 { wide & 0xffff_ffff } else { wide }
}

#[test]
fn loads_read_their_bytes_and_no_others() {
    let island = Island::new();
    island.fill();
    let mut functions = vec![];
    let mut text = String::from("fn nothing() {\n    ret\n}\n");
    for (access, ty) in accesses() {
        for form in FORMS {
            for operands in [Operands::Registers, Operands::Memory, Operands::Base, Operands::Index] {
                let register = match operands {
                    Operands::Registers | Operands::Memory => "%r",
                    Operands::Base if ty == Type::Ptr => "%p",
                    Operands::Index if ty == Type::I64 => "%i",
                    Operands::Base | Operands::Index => continue,
                };
                let name = format!("f{}", functions.len());
                start(&name, ty, operands, &mut text).expect("a string takes everything");
                writeln!(text, "    {register} = load.{access}.{ty} {}", form.0)
                    .expect("a string takes everything");
                end(register, ty, &mut text).expect("a string takes everything");
                functions.push((access, ty, form, operands));
            }
        }
    }
    for way in WAYS {
        let program = load(way, &text);
        for (i, (access, ty, (form, address), operands)) in functions.iter().enumerate() {
            let f: Accessor = program.function(&format!("f{i}")).expect("it is there");
            let bytes = access.bytes() as usize;
            let what = format!("{way}: load.{access}.{ty} {form}, {operands:?}");
            for offset in offsets(bytes) {
                let (p, i) = address(island.at(offset) as u64);
                // SAFETY: the function reads the island.
                let read = unsafe { f.call(p, i, 0) }.unwrap_or_else(|e| panic!("{what} at {offset}: {e}"));
                let wanted = extended(&island.bytes()[offset..offset + bytes], *access, *ty);
                assert_eq!(read, wanted, "{what} at {offset}: {read:x} for {wanted:x}");
            }
            let (p, i) = address(island.at(PAGE - bytes + 1) as u64);
            // SAFETY: the function reads the island and one byte that cannot be read.
            let beyond = unsafe { f.call(p, i, 0) }.map_err(|trap| trap.kind());
            let trapped = matches!(beyond, Err(TrapKind::BadAccess(_)));
            assert!(trapped, "{what} beyond the end gives {beyond:x?}");
        }
    }
}

#[test]
fn stores_write_their_bytes_and_no_others() {
    let island = Island::new();
    let values = [0x0123_4567_89ab_cdef, 0xfff8_dead_beef_0001, 0x7ff0_0000_7f80_0001];
    let mut functions = vec![];
    let mut text = String::from("fn nothing() {\n    ret\n}\n");
    // What is stored does not depend on how a load would extend.
    for (access, ty) in accesses().into_iter().filter(|(access, _)| !access.signed() || access.bytes() == 8) {
        for form in FORMS {
            let bits = if ty.bytes() == 4 { values[1] & 0xffff_ffff } else { values[1] };
            let constant = if ty.is_float() { format!("bits({bits:#x})") } else { "-2".into() };
            for (value, operands) in [
                ("%v", Operands::Registers),
                ("%v", Operands::Memory),
                ("%i", Operands::Index),
                ("%p", Operands::Base),
                (&constant, Operands::Registers),
            ] {
                if operands == Operands::Index && ty != Type::I64
                    || operands == Operands::Base && ty != Type::Ptr
                {
                    continue;
                }
                let name = format!("f{}", functions.len());
                start(&name, ty, operands, &mut text).expect("a string takes everything");
                writeln!(text, "    store.{access} {}, {value}\n    ret 0\n}}", form.0)
                    .expect("a string takes everything");
                let bits = if ty.is_float() { bits } else { -2i64 as u64 };
                functions.push((access, form, operands, (value == constant).then_some(bits)));
            }
        }
    }
    for way in WAYS {
        let program = load(way, &text);
        for (i, (access, (form, address), operands, constant)) in functions.iter().enumerate() {
            let f: Accessor = program.function(&format!("f{i}")).expect("it is there");
            let bytes = access.bytes() as usize;
            let what = format!("{way}: store.{access} {form}, {operands:?} {constant:x?}");
            for (offset, value) in offsets(bytes).zip(values.into_iter().cycle()) {
                let (p, i) = address(island.at(offset) as u64);
                let value = match (constant, operands) {
                    (Some(constant), _) => *constant,
                    (None, Operands::Base) => p,
                    (None, Operands::Index) => i,
                    (None, Operands::Registers | Operands::Memory) => value,
                };
                island.fill();
                let mut wanted = island.bytes().to_vec();
                wanted[offset..offset + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
                // SAFETY: the function writes to the island.
                unsafe { f.call(p, i, value) }.unwrap_or_else(|e| panic!("{what} at {offset}: {e}"));
                let wrong = island.bytes().iter().zip(&wanted).position(|(found, wanted)| found != wanted);
                assert_eq!(wrong, None, "{what} at {offset}");
            }
            let (p, i) = address(island.at(PAGE - bytes + 1) as u64);
            // SAFETY: the function writes to the island and to one byte that cannot be written.
            let beyond = unsafe { f.call(p, i, 0) }.map_err(|trap| trap.kind());
            let trapped = matches!(beyond, Err(TrapKind::BadAccess(_)));
            assert!(trapped, "{what} beyond the end gives {beyond:x?}");
        }
    }
}

/// Accesses to slots and data objects, whose bases are no registers.
#[test]
fn slots_and_data_are_accessed_byte_by_byte() {
    let mut functions = vec![];
    let mut text = String::from("data cells align 8 = zero 64\n");
    for (access, ty) in accesses() {
        for (base, at) in [("buf", 8), ("buf", 11), ("cells", 8), ("cells", 13)] {
            for index in [false, true] {
                let name = format!("f{}", functions.len());
                start(&name, ty, Operands::Registers, &mut text).expect("a string takes everything");
                let place =
                    if index { format!("[{base} + %i*4 + {}]", at - 4) } else { format!("[{base} + {at}]") };
                for word in 0..4 {
                    writeln!(text, "    store.i64 [{base} + {}], -1", word * 8)
                        .expect("a string takes everything");
                }
                writeln!(text, "    store.{access} {place}, %v\n    %r = load.{access}.{ty} {place}")
                    .expect("a string takes everything");
                for word in 0..4 {
                    writeln!(text, "    %c{word} = load.i64 [{base} + {}]", word * 8)
                        .expect("a string takes everything");
                    writeln!(text, "    store.i64 [%p + {}], %c{word}", word * 8)
                        .expect("a string takes everything");
                }
                end("%r", ty, &mut text).expect("a string takes everything");
                functions.push((access, ty, base, at, index));
            }
        }
    }
    let text = text.replace("-> i64 {\n", "-> i64 {\n    slot buf: 64\n");
    let value = 0x8123_c567_89ab_cdefu64;
    for way in WAYS {
        let program = load(way, &text);
        for (i, (access, ty, base, at, index)) in functions.iter().enumerate() {
            let f: Accessor = program.function(&format!("f{i}")).expect("it is there");
            let mut copy = [0u8; 32];
            // SAFETY: the function writes 32 bytes to the array and otherwise accesses its own memory.
            let read = unsafe { f.call(copy.as_mut_ptr() as u64, 1, value) }.expect("it does not trap");
            let bytes = access.bytes() as usize;
            let mut wanted = [0xffu8; 32];
            wanted[*at..at + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
            let what = format!("{way}: {access} at {base} + {at}, index {index}");
            assert_eq!(copy, wanted, "{what}");
            assert_eq!(read, extended(&wanted[*at..at + bytes], *access, *ty), "{what}");
        }
    }
}

#[test]
fn blocks_are_copied_and_filled_up_to_the_ends() {
    let island = Island::new();
    let text = "
        export fn copy(%to: i64, %from: i64, %n: i64) -> i64 {
            %d = copy.ptr %to
            %s = copy.ptr %from
            mem_copy %d, %s, %n
            ret 0
        }
        export fn fill(%to: i64, %value: i64, %n: i64) -> i64 {
            %d = copy.ptr %to
            %v = trunc %value
            mem_fill %d, %v, %n
            ret 0
        }
    ";
    for way in WAYS {
        let program = load(way, text);
        let copy: Accessor = program.function("copy").expect("it is there");
        let fill: Accessor = program.function("fill").expect("it is there");
        for n in [0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 63, 64, 65, 255, 1000] {
            for (to, from) in [(0, PAGE - n), (PAGE - n, 0), (3, 0), (0, 3), (PAGE - n, PAGE - n - 5)] {
                island.fill();
                let mut wanted = island.bytes().to_vec();
                wanted.copy_within(from..from + n, to);
                // SAFETY: the function copies inside the island.
                unsafe { copy.call(island.at(to) as u64, island.at(from) as u64, n as u64) }
                    .expect("no trap");
                assert!(island.bytes() == wanted, "{way}: copy of {n} bytes from {from} to {to}");
                wanted[to..to + n].fill(0xcd);
                // SAFETY: the function writes to the island.
                unsafe { fill.call(island.at(to) as u64, 0xabcd, n as u64) }.expect("no trap");
                assert!(island.bytes() == wanted, "{way}: fill of {n} bytes at {to}");
            }
        }
        for (to, from) in [(PAGE - 9, 0), (0, PAGE - 9)] {
            // SAFETY: the accesses beyond the island trap.
            let beyond = unsafe { copy.call(island.at(to) as u64, island.at(from) as u64, 10) };
            let beyond = beyond.map_err(|trap| trap.kind());
            assert!(matches!(beyond, Err(TrapKind::BadAccess(_))), "{way}: {beyond:?}");
        }
    }
}
