//! What the interpreter asks of a host, over the memory of the process.

use crate::access;
use crate::adapter::{adapter, words_of};
use crate::interpreted::{Interpreted, tls_signature};
use crate::trap::{Trap, leave_pending};
use kiln_ir::interp::{BadAccess, ForeignCall, Host, Safepoint};
use kiln_ir::trap::TrapKind;
use kiln_ir::{AbiType, DataId, FuncId};
use kiln_runtime::Round;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

/// Room for the frames of interpreted functions, on each thread.
const STACK: usize = 8 << 20;

thread_local! {
    /// Frames of all interpreters at work on this thread, one below the other.
    static FRAMES: RefCell<Frames> = const { RefCell::new(Frames { bytes: Vec::new(), used: 0 }) };
}

struct Frames {
    bytes: Vec<u8>,
    /// How many bytes are used, from the end.
    used: usize,
}

impl Frames {
    fn reserve(&mut self, bytes: u64, align: u64) -> Option<u64> {
        if self.bytes.capacity() == 0 {
            // Memory that the system gives page by page, as it is used.
            self.bytes.reserve_exact(STACK);
        }
        let base = self.bytes.as_ptr() as u64;
        let top = base + STACK as u64;
        let end = (top - self.used as u64).checked_sub(bytes)?;
        let at = end - end % align.max(1);
        if at < base {
            return None;
        }
        self.used = (top - at) as usize;
        Some(at)
    }
}

/// The process, as one interpreter sees it.
pub(crate) struct Process<'p> {
    pub program: &'p Interpreted,
    /// The round of the call from the host, if it came from Rust.
    pub round: Option<Arc<Round>>,
}

impl Process<'_> {
    /// Calls native code.
    fn call(&mut self, address: u64, call: &ForeignCall<'_>) -> Result<Vec<u64>, TrapKind> {
        let layouts = self.program.module.layouts();
        let variable = call.types.get(call.sig.params.len()..).unwrap_or_default();
        let adapter = adapter(call.sig, variable, layouts);
        let mut words = vec![address];
        words.extend(call.args);
        for result in &call.sig.results {
            if let AbiType::Aggregate(layout) = result {
                let layout = &layouts[layout.index()].layout;
                words.push(self.reserve(layout.size.max(1) as u64, layout.align as u64)?);
            }
        }
        words.resize(1 + words_of(call.sig, variable.len()), 0);
        // SAFETY: the adapter is made for these arguments; that what is called is what the program declares is
        // what whoever called the program vouched for.
        match unsafe { kiln_runtime::enter(adapter as *const u8, words.as_mut_ptr()) } {
            Ok(()) => Ok(words[1..=call.sig.results.len()].to_vec()),
            Err(raw) => {
                let trap = Trap::from_raw(&raw);
                let kind = trap.kind();
                leave_pending(trap);
                Err(kind)
            }
        }
    }
}

impl Host for Process<'_> {
    fn load(&mut self, address: u64, bytes: u32) -> Result<u64, BadAccess> {
        access::load(address, bytes)
    }

    fn store(&mut self, address: u64, bytes: u32, value: u64) -> Result<(), BadAccess> {
        access::store(address, bytes, value)
    }

    fn update(
        &mut self,
        address: u64,
        bytes: u32,
        change: &mut dyn FnMut(u64) -> Option<u64>,
    ) -> Result<u64, BadAccess> {
        let mut old = access::load(address, bytes)?;
        loop {
            let Some(new) = change(old) else {
                fence(Ordering::SeqCst);
                return Ok(old);
            };
            match access::exchange(address, bytes, old, new)? {
                seen if seen == old => return Ok(old),
                seen => old = seen,
            }
        }
    }

    fn copy(&mut self, to: u64, from: u64, length: u64) -> Result<(), BadAccess> {
        access::probe(from, length, false)?;
        access::probe(to, length, true)?;
        // SAFETY: every page of both ranges was just accessed; that nobody unmaps them meanwhile, and that they are
        // the program's to use, is what whoever called the program vouched for.
        unsafe { std::ptr::copy(from as *const u8, to as *mut u8, length as usize) };
        Ok(())
    }

    fn fill(&mut self, to: u64, value: u8, length: u64) -> Result<(), BadAccess> {
        access::probe(to, length, true)?;
        // SAFETY: as of `copy`.
        unsafe { std::ptr::write_bytes(to as *mut u8, value, length as usize) };
        Ok(())
    }

    fn fence(&mut self) {
        fence(Ordering::SeqCst);
    }

    fn reserve(&mut self, bytes: u64, align: u64) -> Result<u64, TrapKind> {
        FRAMES.with_borrow_mut(|frames| frames.reserve(bytes, align)).ok_or(TrapKind::StackOverflow)
    }

    fn mark(&self) -> u64 {
        FRAMES.with_borrow(|frames| frames.used as u64)
    }

    fn release(&mut self, mark: u64) {
        FRAMES.with_borrow_mut(|frames| frames.used = mark as usize);
    }

    fn func_address(&mut self, func: FuncId) -> u64 {
        self.program.func_address(func)
    }

    fn func_at(&mut self, address: u64) -> Option<FuncId> {
        self.program.func_at(address)
    }

    fn replacement(&mut self, func: FuncId) -> Option<u64> {
        self.program.replacement(func)
    }

    fn data_address(&mut self, data: DataId) -> u64 {
        self.program.data_address(data)
    }

    fn tls_address(&mut self, data: DataId) -> Result<u64, TrapKind> {
        // The linker has found every such object, or the program would not be loaded.
        let function = self.program.tls_function(data).ok_or(TrapKind::BadAccess(None))?;
        let results = self.call(function, &ForeignCall { sig: &tls_signature(), types: &[], args: &[] })?;
        Ok(results[0])
    }

    fn call_import(&mut self, func: FuncId, call: &ForeignCall<'_>) -> Result<Vec<u64>, TrapKind> {
        self.call(self.program.func_address(func), call)
    }

    fn safepoint(&mut self, at: &Safepoint<'_>) -> Result<(), TrapKind> {
        self.program.control.stop(at.func, at.inst, at.id, at.values)
    }

    fn poll(&mut self) -> Result<(), TrapKind> {
        match &self.round {
            Some(round) if round.is_interrupted() => Err(TrapKind::Interrupted),
            _ => Ok(()),
        }
    }

    fn call_address(&mut self, address: u64, call: &ForeignCall<'_>) -> Result<Vec<u64>, TrapKind> {
        self.call(address, call)
    }
}
