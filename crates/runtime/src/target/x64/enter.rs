//! The ways between Rust and compiled code, which follow no convention a compiler knows.
#![allow(unsafe_code, reason = "changes the stack pointer and jumps")]

use std::arch::{asm, naked_asm};

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

/// Jumped to by stubs of compiled code, with the address behind the stub in `r11`: saves the registers and asks
/// [`crate::leave::record_leave`] where to go on.
///
/// To unwinders this frame's caller is the code before that address, as if the stub had made a call that leaves the red
/// zone below the stack pointer alone.
///
/// # Safety
/// Only jumped to by compiled code at a stub that has a record.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn leave() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_def_cfa rsp, 0",
        ".cfi_register rip, r11",
        "endbr64", // may be reached through a stub
        "lea rsp, [rsp - 128]", // the red zone
        ".cfi_def_cfa_offset 128",
        "push r11",
        ".cfi_def_cfa_offset 136",
        ".cfi_offset rip, -136",
        "push rbp",
        ".cfi_def_cfa_offset 144",
        ".cfi_offset rbp, -144",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "sub rsp, {size}",
        "and rsp, -16",
        "mov [rsp], rax",
        "mov [rsp + 8], rdx",
        "mov [rsp + 16], rcx",
        "mov [rsp + 24], rbx",
        "mov [rsp + 32], rsi",
        "mov [rsp + 40], rdi",
        "mov rax, [rbp]",
        "mov [rsp + 48], rax",
        "lea rax, [rbp + 144]",
        "mov [rsp + 56], rax",
        "mov [rsp + 64], r8",
        "mov [rsp + 72], r9",
        "mov [rsp + 80], r10",
        "mov [rsp + 88], r11",
        "mov [rsp + 96], r12",
        "mov [rsp + 104], r13",
        "mov [rsp + 112], r14",
        "mov [rsp + 120], r15",
        "movaps [rsp + 128], xmm0",
        "movaps [rsp + 144], xmm1",
        "movaps [rsp + 160], xmm2",
        "movaps [rsp + 176], xmm3",
        "movaps [rsp + 192], xmm4",
        "movaps [rsp + 208], xmm5",
        "movaps [rsp + 224], xmm6",
        "movaps [rsp + 240], xmm7",
        "movaps [rsp + 256], xmm8",
        "movaps [rsp + 272], xmm9",
        "movaps [rsp + 288], xmm10",
        "movaps [rsp + 304], xmm11",
        "movaps [rsp + 320], xmm12",
        "movaps [rsp + 336], xmm13",
        "movaps [rsp + 352], xmm14",
        "movaps [rsp + 368], xmm15",
        "mov rdi, rsp",
        "mov rsi, r11",
        "call {record}",
        "test rax, rax",
        "jnz 2f",
        // Where, is among the registers.
        "mov rax, [rsp + 88]",
        "mov [rbp + 8], rax",
        // It goes on. The callee has kept the other registers; no flags are alive at a stub.
        "mov rax, [rsp]",
        "mov rdx, [rsp + 8]",
        "mov rcx, [rsp + 16]",
        "mov rsi, [rsp + 32]",
        "mov rdi, [rsp + 40]",
        "mov r8, [rsp + 64]",
        "mov r9, [rsp + 72]",
        "mov r10, [rsp + 80]",
        "movaps xmm0, [rsp + 128]",
        "movaps xmm1, [rsp + 144]",
        "movaps xmm2, [rsp + 160]",
        "movaps xmm3, [rsp + 176]",
        "movaps xmm4, [rsp + 192]",
        "movaps xmm5, [rsp + 208]",
        "movaps xmm6, [rsp + 224]",
        "movaps xmm7, [rsp + 240]",
        "movaps xmm8, [rsp + 256]",
        "movaps xmm9, [rsp + 272]",
        "movaps xmm10, [rsp + 288]",
        "movaps xmm11, [rsp + 304]",
        "movaps xmm12, [rsp + 320]",
        "movaps xmm13, [rsp + 336]",
        "movaps xmm14, [rsp + 352]",
        "movaps xmm15, [rsp + 368]",
        "mov rsp, rbp",
        ".cfi_remember_state",
        ".cfi_def_cfa rsp, 144",
        "pop rbp",
        ".cfi_def_cfa_offset 136",
        ".cfi_restore rbp",
        "pop r11",
        ".cfi_def_cfa_offset 128",
        ".cfi_register rip, r11",
        "lea rsp, [rsp + 128]",
        ".cfi_def_cfa_offset 0",
        "notrack jmp r11",
        ".cfi_restore_state",
        "2:",
        "mov rsp, rax",
        "jmp {landing}",
        ".cfi_endproc",
        size = const size_of::<crate::leave::Registers>(),
        record = sym crate::leave::record_leave,
        landing = sym landing,
    )
}

/// How far the two words in which compiled code counts, of the calling thread, are from the thread pointer (the address
/// at `fs:0`): the same distance on every thread, because the linker gives the words a place in the static block of
/// thread-local storage (ELF Handling for Thread-Local Storage, 4.4.6, initial exec).
#[unsafe(naked)]
pub(crate) extern "C" fn thread_words_offset() -> isize {
    naked_asm!(
        ".pushsection .tbss,\"awT\",@nobits",
        ".p2align 4",
        ".type kiln_runtime_thread_words, @object",
        ".size kiln_runtime_thread_words, 16",
        "kiln_runtime_thread_words:",
        ".zero 16",
        ".popsection",
        "mov rax, qword ptr [rip + kiln_runtime_thread_words@gottpoff]",
        "ret",
    )
}

/// The address of those words of the calling thread.
pub(crate) fn thread_words() -> *mut [u64; 2] {
    let pointer: usize;
    // SAFETY: the thread pointer of the system's ABI points to itself.
    unsafe {
        asm!("mov {}, fs:[0]", out(reg) pointer, options(nostack, preserves_flags, readonly, pure));
    }
    pointer.wrapping_add_signed(thread_words_offset()) as *mut [u64; 2]
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
