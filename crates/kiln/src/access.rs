//! Access to any address without risk: routines in IR that load, store and exchange, entered as programs are, so that a
//! fault comes back as an error. The interpreter of programs with real memory stands on them.

use crate::link::{self, Assembled};
use kiln_ir::interp::BadAccess;
use kiln_ir::trap::TrapKind;
use kiln_ir::{FunctionBuilder, Linkage, MemType, Module, Order, Rmw, Signature, Type};
use kiln_runtime::fork::ForkMutex;
use std::sync::OnceLock;

/// The routines: each takes words, the address first.
struct Routines {
    /// By number of bytes: the second word becomes what is there.
    load: [Assembled; 8],
    /// By number of bytes: the second word is written.
    store: [Assembled; 8],
    /// By binary logarithm of the number of bytes: if the second word is there, the third is written; the second
    /// becomes what was there.
    exchange: [Assembled; 4],
    /// Writes a byte back as it is.
    probe: Assembled,
}

fn routines() -> &'static Routines {
    static ROUTINES: OnceLock<Routines> = OnceLock::new();
    /// Held while they are made, so that a fork does not come between.
    static MAKING: ForkMutex<()> = ForkMutex::new(0, ());
    ROUTINES.get().unwrap_or_else(|| {
        let _held = MAKING.lock();
        ROUTINES.get_or_init(make)
    })
}

fn make() -> Routines {
    Routines {
        load: std::array::from_fn(|n| {
            routine(|b| {
                let words = b.param(0);
                let address = b.load(Type::Ptr, MemType::PTR, words);
                let value = b.load(Type::I64, MemType::int(n as u8 + 1, false), address);
                b.store(MemType::I64, (words, 8), value);
            })
        }),
        store: std::array::from_fn(|n| {
            routine(|b| {
                let words = b.param(0);
                let address = b.load(Type::Ptr, MemType::PTR, words);
                let value = b.load(Type::I64, MemType::I64, (words, 8));
                b.store(MemType::int(n as u8 + 1, false), address, value);
            })
        }),
        exchange: std::array::from_fn(|n| {
            routine(|b| {
                let words = b.param(0);
                let address = b.load(Type::Ptr, MemType::PTR, words);
                let expected = b.load(Type::I64, MemType::I64, (words, 8));
                let new = b.load(Type::I64, MemType::I64, (words, 16));
                let access = if n == 3 { MemType::I64 } else { MemType::int(1 << n, false) };
                let old = b.atomic_cas(access, Order::SeqCst, address, expected, new);
                b.store(MemType::I64, (words, 8), old);
            })
        }),
        probe: routine(|b| {
            let words = b.param(0);
            let address = b.load(Type::Ptr, MemType::PTR, words);
            let zero = b.iconst(Type::I32, 0);
            b.atomic_rmw(Rmw::Or, MemType::U8, Order::Relaxed, address, zero);
        }),
    }
}

fn routine(write: impl FnOnce(&mut FunctionBuilder<'_>)) -> Assembled {
    let mut module = Module::new();
    let func = module.declare("access", Signature::new([Type::Ptr], [] as [Type; 0]), Linkage::Export);
    let mut b = module.build(func);
    write(&mut b);
    b.ret(&[]);
    link::finish(b);
    link::assemble(module, &[])
}

fn run(routine: &Assembled, words: &mut [u64; 3]) -> Result<(), BadAccess> {
    // SAFETY: the routine reads and writes these three words, and the address in the first: if that cannot be
    // accessed, it traps; whether it may be is for who runs the program to say.
    let done = unsafe { kiln_runtime::enter(routine.address as *const u8, words.as_mut_ptr()) };
    done.map_err(|raw| match raw.kind {
        TrapKind::BadAccess(Some(address)) => BadAccess(address),
        _ => BadAccess(words[0]),
    })
}

/// Reads 1 to 8 bytes.
pub(crate) fn load(address: u64, bytes: u32) -> Result<u64, BadAccess> {
    let mut words = [address, 0, 0];
    run(&routines().load[bytes as usize - 1], &mut words)?;
    Ok(words[1])
}

/// Writes 1 to 8 bytes.
pub(crate) fn store(address: u64, bytes: u32, value: u64) -> Result<(), BadAccess> {
    run(&routines().store[bytes as usize - 1], &mut [address, value, 0])
}

/// If 1, 2, 4 or 8 aligned bytes are as expected, writes others, in one step; gives what was there.
pub(crate) fn exchange(address: u64, bytes: u32, expected: u64, new: u64) -> Result<u64, BadAccess> {
    let mut words = [address, expected, new];
    run(&routines().exchange[bytes.ilog2() as usize], &mut words)?;
    Ok(words[1])
}

/// Whether all of a range can be read, or written.
pub(crate) fn probe(address: u64, length: u64, writing: bool) -> Result<(), BadAccess> {
    const PAGE: u64 = 4096;
    let Some(last) = length.checked_sub(1) else { return Ok(()) };
    let last = address.checked_add(last).ok_or(BadAccess(address))?;
    let mut at = address;
    loop {
        if writing {
            run(&routines().probe, &mut [at, 0, 0])?;
        } else {
            load(at, 1)?;
        }
        match (at | (PAGE - 1)).checked_add(1) {
            Some(next) if next <= last => at = next,
            _ => return Ok(()),
        }
    }
}
