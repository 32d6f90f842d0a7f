//! The ways between Rust and compiled code, which follow no convention a compiler knows.
#![allow(unsafe_code, reason = "changes the stack pointer and jumps")]

use std::arch::naked_asm;

/// Calls `adapter(args)` after writing the stack pointer to `*sp`, and returns 0. A trap sets the stack pointer to
/// that value again and continues at [`landing`], which returns from here with 1.
///
/// # Safety
/// `adapter` is the address of a function `extern "C-unwind" fn(*mut u64)` that may be called with `args`.
#[unsafe(naked)]
pub(crate) unsafe extern "C-unwind" fn enter(adapter: *const u8, args: *mut u64, sp: *mut usize) -> u32 {
    naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "push rbx",
        ".cfi_offset rbx, -24",
        "push r12",
        ".cfi_offset r12, -32",
        "push r13",
        ".cfi_offset r13, -40",
        "push r14",
        ".cfi_offset r14, -48",
        "push r15",
        ".cfi_offset r15, -56",
        "sub rsp, 8", // calls want a multiple of 16
        "mov [rdx], rsp",
        "mov rax, rdi",
        "mov rdi, rsi",
        "call rax",
        "xor eax, eax",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
    )
}

/// Where a trap continues: the stack pointer is that of an [`enter`], which returns 1. Not to be called.
///
/// # Safety
/// Only jumped to, with the stack pointer that `enter` wrote.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn landing() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_def_cfa rsp, 64",
        ".cfi_offset rbp, -16",
        ".cfi_offset rbx, -24",
        ".cfi_offset r12, -32",
        ".cfi_offset r13, -40",
        ".cfi_offset r14, -48",
        ".cfi_offset r15, -56",
        "mov eax, 1",
        "add rsp, 8",
        ".cfi_def_cfa_offset 56",
        "pop r15",
        ".cfi_def_cfa_offset 48",
        "pop r14",
        ".cfi_def_cfa_offset 40",
        "pop r13",
        ".cfi_def_cfa_offset 32",
        "pop r12",
        ".cfi_def_cfa_offset 24",
        "pop rbx",
        ".cfi_def_cfa_offset 16",
        "pop rbp",
        ".cfi_def_cfa_offset 8",
        "ret",
        ".cfi_endproc",
    )
}

/// Called by compiled code to end the activation. Does not return.
///
/// # Safety
/// Only called by compiled code, with no Rust frame between it and its `enter`.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn raise() {
    naked_asm!(
        ".cfi_startproc",
        "endbr64", // may be reached through a stub
        "mov rdi, rsp", // [rdi] is the return address
        "mov rsi, rbp",
        "and rsp, -16",
        "call {record}",
        "mov rsp, rax",
        "jmp {landing}",
        ".cfi_endproc",
        record = sym crate::call::record_raise,
        landing = sym landing,
    )
}

/// Jumped to by compiled code: leaves the activation by an exit with its number in the first argument register and
/// the address of the values in the second.
///
/// # Safety
/// Only jumped to by compiled code, with no Rust frame between it and its `enter`.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn exit() {
    naked_asm!(
        ".cfi_startproc",
        "endbr64", // may be reached through a stub
        "mov rdx, rsp",
        "and rsp, -16",
        "call {record}",
        "mov rsp, rax",
        "jmp {landing}",
        ".cfi_endproc",
        record = sym crate::call::record_exit,
        landing = sym landing,
    )
}

/// C's `memmove` for compiled code: a fault in it is a trap. Passes on where its caller is.
///
/// # Safety
/// Only called by compiled code; else as C's.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn memmove() {
    naked_asm!(
        ".cfi_startproc",
        "endbr64", // may be reached through a stub
        "mov rcx, rsp", // [rcx] is the return address
        "mov r8, rbp",
        "jmp {copy}",
        ".cfi_endproc",
        copy = sym crate::routines::copy,
    )
}

/// C's `memset` for compiled code: a fault in it is a trap. Passes on where its caller is.
///
/// # Safety
/// Only called by compiled code; else as C's.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn memset() {
    naked_asm!(
        ".cfi_startproc",
        "endbr64", // may be reached through a stub
        "mov rcx, rsp", // [rcx] is the return address
        "mov r8, rbp",
        "jmp {fill}",
        ".cfi_endproc",
        fill = sym crate::routines::fill,
    )
}
