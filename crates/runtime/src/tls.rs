//! Where thread-local objects of the process are, as code for any thread needs it: module and offset.
//! Source: Drepper, "ELF Handling for Thread-Local Storage", 3.4.
#![allow(unsafe_code, reason = "walks the dynamic linker's list of modules")]

use std::ffi::{c_int, c_void};
use std::mem::{offset_of, size_of};

/// A thread-local object: what `__tls_get_addr` takes, in its order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TlsIndex {
    pub(crate) module: usize,
    pub(crate) offset: usize,
}

struct Search {
    address: usize,
    found: Option<TlsIndex>,
}

/// The thread-local object that this thread's copy of is at an address.
pub(crate) fn index_of(address: usize) -> Option<TlsIndex> {
    let mut search = Search { address, found: None };
    // SAFETY: `visit` takes what is passed here, and only during this call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
    search.found
}

/// # Safety
/// Only called by the dynamic linker, with a module's description of `size` bytes and a [`Search`].
unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, size: usize, search: *mut c_void) -> c_int {
    // SAFETY: the caller's promise.
    let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
    let has_tls = size >= offset_of!(libc::dl_phdr_info, dlpi_tls_data) + size_of::<usize>();
    if !has_tls || info.dlpi_tls_data.is_null() {
        return 0;
    }
    // SAFETY: so many headers are there.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize) };
    let len = headers.iter().find(|header| header.p_type == libc::PT_TLS).map_or(0, |header| header.p_memsz);
    let offset = search.address.wrapping_sub(info.dlpi_tls_data as usize);
    if offset >= len as usize {
        return 0;
    }
    search.found = Some(TlsIndex { module: info.dlpi_tls_modid, offset });
    1
}
