//! Bytes made executable: enough to run one synthetic program and see that it computes the right thing.

use anyhow::{Result, ensure};

/// Code in a mapping of its own.
pub struct Placed {
    address: *mut libc::c_void,
    length: usize,
}

impl Placed {
    /// Copies position-independent code to executable memory.
    ///
    /// # Errors
    /// The system gives no memory, or does not let it be executed.
    pub fn new(bytes: &[u8]) -> Result<Placed> {
        let length = bytes.len().max(1);
        let (write, private) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a fresh anonymous mapping, which nothing else refers to.
        let address = unsafe { libc::mmap(std::ptr::null_mut(), length, write, private, -1, 0) };
        ensure!(address != libc::MAP_FAILED, "no memory for {length} bytes of code");
        let placed = Placed { address, length };
        // SAFETY: the mapping has room for the bytes and overlaps nothing.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), address.cast(), bytes.len()) };
        // SAFETY: the mapping is ours; it is not written again.
        let sealed = unsafe { libc::mprotect(address, length, libc::PROT_READ | libc::PROT_EXEC) };
        ensure!(sealed == 0, "the system does not let memory be executed");
        Ok(placed)
    }

    /// Calls the code's first byte as a synthetic program: base address, fuel.
    ///
    /// # Safety
    /// The bytes must be such a program of the C convention, compiled for this machine.
    pub unsafe fn call(&self, memory: &mut [u64], fuel: i64) -> i64 {
        // SAFETY: the caller vouches for what stands there.
        let entry = unsafe {
            std::mem::transmute::<*mut libc::c_void, unsafe extern "C" fn(*mut u64, i64) -> i64>(self.address)
        };
        // SAFETY: the program stays inside `shape::MEMORY` bytes, which the caller gave.
        unsafe { entry(memory.as_mut_ptr(), fuel) }
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and nobody runs in it: calls borrow `self`.
        unsafe { libc::munmap(self.address, self.length) };
    }
}
