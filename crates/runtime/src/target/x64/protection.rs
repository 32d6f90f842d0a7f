//! Protections of the process that generated code must keep to.
#![allow(unsafe_code, reason = "asks the system")]

/// Whether this process is ended when a jump or call through a register lands on anything but a landing-pad instruction
/// (indirect branch tracking), so that generated code must have them. `false` where the system cannot say.
pub fn branch_tracking() -> bool {
    // Known to kernels with patches for such protection; released ones refuse the request.
    const ARCH_CET_STATUS: libc::c_ulong = 0x3001;
    const IBT: u64 = 1;
    let mut status = [0u64; 3]; // features, start and length of the shadow stack
    // SAFETY: the request writes three words, if it is known at all.
    let answer = unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_CET_STATUS, status.as_mut_ptr()) };
    answer == 0 && status[0] & IBT != 0
}
