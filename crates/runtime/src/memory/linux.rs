//! Address space on Linux: the calls that reserve, map twice, seal and give back. Nothing else knows them.
#![allow(unsafe_code, reason = "system calls on address ranges")]

use std::ffi::c_int;
use std::ptr;

/// Why the system refused memory.
pub(crate) type Refused = std::io::Error;

/// The size of a page, in bytes. Also the unit of protection.
pub(crate) const PAGE: usize = 4096;

fn map(at: usize, len: usize, prot: c_int, flags: c_int, fd: c_int, offset: usize) -> Result<usize, Refused> {
    // SAFETY: callers pass either no place at all, or (with MAP_FIXED) a range inside a reservation made here that
    // they own; so no memory that Rust knows of is replaced.
    let got = unsafe { libc::mmap(at as *mut _, len, prot, flags, fd, offset as libc::off_t) };
    if got == libc::MAP_FAILED { Err(Refused::last_os_error()) } else { Ok(got as usize) }
}

fn limit(resource: libc::__rlimit_resource_t) -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place to write.
    let known = unsafe { libc::getrlimit(resource, &mut limit) } == 0;
    if known { usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX) } else { usize::MAX }
}

/// How much address space this process may have, in bytes; `usize::MAX` if there is no limit.
pub(crate) fn address_space_limit() -> usize {
    limit(libc::RLIMIT_AS)
}

/// Reserves address space that holds nothing and costs nothing.
pub(crate) fn reserve(len: usize) -> Result<usize, Refused> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    map(0, len, libc::PROT_NONE, flags, -1, 0)
}

/// Returns a reservation.
///
/// # Safety
/// The range was reserved here and nothing points into it any more.
pub(crate) unsafe fn release(at: usize, len: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::munmap(at as *mut _, len) };
}

/// Memory without a name in the file system, from which it is mapped more than once. Closing it keeps the mappings:
/// so no descriptor stays open that a program closing all of its descriptors could pull away.
struct MemFile(c_int);

impl MemFile {
    fn new(len: usize) -> Result<MemFile, Refused> {
        const MFD_EXEC: libc::c_uint = 0x10;
        // Growing a file beyond the limit would raise a signal, so ask first.
        if limit(libc::RLIMIT_FSIZE) < len {
            return Err(Refused::from_raw_os_error(libc::EFBIG));
        }
        let name = c"kiln-code".as_ptr();
        // SAFETY: the name is a C string; older kernels refuse the flag, hence the second try.
        let mut fd = unsafe { libc::memfd_create(name, libc::MFD_CLOEXEC | MFD_EXEC) };
        if fd < 0 {
            // SAFETY: as above.
            fd = unsafe { libc::memfd_create(name, libc::MFD_CLOEXEC) };
        }
        if fd < 0 {
            return Err(Refused::last_os_error());
        }
        let file = MemFile(fd);
        // SAFETY: `fd` is open. The file is sparse: length costs nothing.
        if unsafe { libc::ftruncate(fd, len as libc::off_t) } != 0 {
            return Err(Refused::last_os_error());
        }
        Ok(file)
    }
}

impl Drop for MemFile {
    fn drop(&mut self) {
        // SAFETY: this is the only owner.
        unsafe { libc::close(self.0) };
    }
}

/// Maps one new piece of memory twice: `code` bytes executable and `consts` bytes readable at `views` (inside a
/// reservation), and all of it writable at the place returned, or at `writer` if that is given. Contents are zero.
pub(crate) fn map_twice(
    views: usize,
    code: usize,
    consts: usize,
    writer: Option<usize>,
) -> Result<usize, Refused> {
    let file = MemFile::new(code + consts)?;
    fill_twice(&file, views, code, consts, writer)
}

fn fill_twice(
    file: &MemFile,
    views: usize,
    code: usize,
    consts: usize,
    writer: Option<usize>,
) -> Result<usize, Refused> {
    let fixed = libc::MAP_SHARED | libc::MAP_FIXED | libc::MAP_NORESERVE;
    let (rw, rx) = (libc::PROT_READ | libc::PROT_WRITE, libc::PROT_READ | libc::PROT_EXEC);
    let writer = match writer {
        Some(at) => map(at, code + consts, rw, fixed, file.0, 0)?,
        None => map(0, code + consts, rw, libc::MAP_SHARED | libc::MAP_NORESERVE, file.0, 0)?,
    };
    map(views, code, rx, fixed, file.0, 0)?;
    map(views + code, consts, libc::PROT_READ, fixed, file.0, code)?;
    Ok(writer)
}

/// Replaces the memory of [`map_twice`] by a copy of its own at the same addresses; `used` gives the ranges (offsets)
/// whose contents count. Other threads may run in the code meanwhile: each page changes at once to an equal one.
///
/// # Safety
/// `views`, `code`, `consts` and `writer` are those of `map_twice`, and nobody writes through `writer` meanwhile.
pub(crate) unsafe fn unshare(
    views: usize,
    code: usize,
    consts: usize,
    writer: usize,
    used: impl Iterator<Item = std::ops::Range<usize>>,
) -> Result<(), Refused> {
    let file = MemFile::new(code + consts)?;
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let copy = map(0, code + consts, rw, libc::MAP_SHARED | libc::MAP_NORESERVE, file.0, 0)?;
    for range in used {
        let (from, to) = (writer + range.start, copy + range.start);
        // SAFETY: both mappings have `code + consts` bytes and the ranges lie in them; they are different memory.
        unsafe { ptr::copy_nonoverlapping(from as *const u8, to as *mut u8, range.len()) };
    }
    // SAFETY: `copy` was mapped above and nothing points into it.
    unsafe { release(copy, code + consts) };
    fill_twice(&file, views, code, consts, Some(writer)).map(|_| ())
}

/// What may be done with pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// Read and written.
    Write,
    /// Read.
    Read,
    /// Read and executed.
    Execute,
}

/// Makes whole private pages inside a reservation accessible in one way.
///
/// # Safety
/// The pages lie in a reservation made here and belong to the caller.
pub(crate) unsafe fn protect(at: usize, len: usize, access: Access) -> Result<(), Refused> {
    let prot = match access {
        Access::Write => libc::PROT_READ | libc::PROT_WRITE,
        Access::Read => libc::PROT_READ,
        Access::Execute => libc::PROT_READ | libc::PROT_EXEC,
    };
    // SAFETY: the caller's promise.
    if unsafe { libc::mprotect(at as *mut _, len, prot) } == 0 {
        Ok(())
    } else {
        Err(Refused::last_os_error())
    }
}

/// Puts fresh zero pages, writable and private, at a place inside a reservation.
///
/// # Safety
/// The pages lie in a reservation made here, belong to the caller and nothing refers to their contents.
pub(crate) unsafe fn fresh(at: usize, len: usize) -> Result<(), Refused> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
    map(at, len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0).map(|_| ())
}

/// Gives the contents of whole private pages back; they read as zero afterwards.
///
/// # Safety
/// The pages belong to the caller and nothing refers to their contents.
pub(crate) unsafe fn discard_private(at: usize, len: usize) {
    // SAFETY: the caller's promise. Failure would only keep the memory.
    unsafe { libc::madvise(at as *mut _, len, libc::MADV_DONTNEED) };
}

/// Gives the contents of whole pages of a shared mapping back, through any of its views.
///
/// # Safety
/// The pages belong to the caller and nothing refers to their contents.
pub(crate) unsafe fn discard_shared(at: usize, len: usize) {
    // SAFETY: the caller's promise. Failure would only keep the memory.
    unsafe { libc::madvise(at as *mut _, len, libc::MADV_REMOVE) };
}

/// Makes every thread of the process forget instructions it may have fetched from code memory that was written
/// again. Best effort: where the kernel has no such call, processors do it themselves in practice.
pub(crate) fn forget_fetched() {
    const REGISTER_SYNC_CORE: c_int = 1 << 6;
    const SYNC_CORE: c_int = 1 << 5;
    static REGISTERED: std::sync::Once = std::sync::Once::new();
    // SAFETY: the call has no memory arguments.
    REGISTERED.call_once(|| unsafe {
        libc::syscall(libc::SYS_membarrier, REGISTER_SYNC_CORE, 0, 0);
    });
    // SAFETY: as above.
    unsafe { libc::syscall(libc::SYS_membarrier, SYNC_CORE, 0, 0) };
}

/// Runs a full memory barrier on every thread of the process that is running now, as if each had executed one between
/// two of its instructions.
pub(crate) fn barrier_everywhere() {
    const REGISTER_EXPEDITED: c_int = 1 << 4;
    const EXPEDITED: c_int = 1 << 3;
    // SAFETY: the calls have no memory arguments. A child of a fork may have to register anew.
    let done = unsafe {
        libc::syscall(libc::SYS_membarrier, EXPEDITED, 0, 0) == 0
            || libc::syscall(libc::SYS_membarrier, REGISTER_EXPEDITED, 0, 0) == 0
                && libc::syscall(libc::SYS_membarrier, EXPEDITED, 0, 0) == 0
    };
    if !done {
        barrier_by_protection();
    }
}

/// The same where the kernel does not offer it: taking a right to a page away interrupts every processor that runs
/// a thread of the process.
fn barrier_by_protection() {
    static PAGE_USED: std::sync::Mutex<usize> = std::sync::Mutex::new(0);
    let mut page = PAGE_USED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // SAFETY: a page of our own, writable when it is written; the lock keeps others from it.
    unsafe {
        if *page == 0 {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let at = libc::mmap(std::ptr::null_mut(), PAGE, libc::PROT_READ, flags, -1, 0);
            assert_ne!(at, libc::MAP_FAILED, "no page of memory for a barrier");
            *page = at as usize;
        }
        let at = *page as *mut libc::c_void;
        // Written, so that processors know the page as writable and must be told.
        let writable = libc::mprotect(at, PAGE, libc::PROT_READ | libc::PROT_WRITE);
        assert_eq!(writable, 0, "a page can be made writable");
        std::sync::atomic::AtomicUsize::from_ptr(at.cast()).fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(libc::mprotect(at, PAGE, libc::PROT_READ), 0, "a page can be made constant");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn barriers_come_back_in_either_way() {
        barrier_everywhere();
        barrier_by_protection();
        barrier_by_protection();
    }
}
