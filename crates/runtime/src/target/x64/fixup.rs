//! Relocated fields and stubs.

use kiln_codegen::code::RelocKind;
use std::ops::Range;

/// Length of a stub, in bytes.
pub(crate) const STUB_LEN: usize = 16;

/// An undefined instruction, in place of a stub.
pub(crate) const TRAP_STUB: [u8; STUB_LEN] = {
    let mut stub = [0xcc; STUB_LEN];
    let (pad, undefined) = ([0xf3, 0x0f, 0x1e, 0xfa], [0x0f, 0x0b]); // endbr64; ud2
    (stub[0], stub[1], stub[2], stub[3]) = (pad[0], pad[1], pad[2], pad[3]);
    (stub[4], stub[5]) = (undefined[0], undefined[1]);
    stub
};
/// Where in it the instruction stands.
pub(crate) const TRAP_AT: usize = 4;

/// A jump through a cell: stands at `at`, the pointer-sized cell at `cell`. It may itself be called through a register,
/// so it begins with a landing pad, which does nothing where nobody asks for one.
pub(crate) fn stub(at: usize, cell: usize) -> [u8; STUB_LEN] {
    let distance = (cell.wrapping_sub(at + 10)) as i64 as i32;
    let [a, b, c, d] = distance.to_le_bytes();
    let mut stub = [0xcc; STUB_LEN];
    stub[..4].copy_from_slice(&[0xf3, 0x0f, 0x1e, 0xfa]); // endbr64
    stub[4..10].copy_from_slice(&[0xff, 0x25, a, b, c, d]); // jmp [rip + distance]
    stub
}

/// Whether any place in `region` reaches `address` with a 32-bit distance, whatever small addend goes with it.
pub(crate) fn reaches(region: &Range<usize>, address: usize) -> bool {
    const REACH: usize = (1 << 31) - (1 << 16);
    address.abs_diff(region.start) < REACH && address.abs_diff(region.end) < REACH
}

/// Writes a field: `to` is the address it refers to (for `GotPc32` and `TlsPc32` the cell's, for `Thread32` a
/// distance), `at` the address of the field.
/// Nothing is written if the distance does not fit, which is then returned.
pub(crate) fn apply(kind: RelocKind, field: &mut [u8], to: usize, addend: i64, at: usize) -> Result<(), i64> {
    let value = (to as i64).wrapping_add(addend);
    match kind {
        RelocKind::Abs64 => field[..8].copy_from_slice(&value.to_le_bytes()),
        RelocKind::Call32 | RelocKind::Pc32 | RelocKind::GotPc32 | RelocKind::TlsPc32 => {
            let distance = value.wrapping_sub(at as i64);
            let short = i32::try_from(distance).map_err(|_| distance)?;
            field[..4].copy_from_slice(&short.to_le_bytes());
        }
        RelocKind::Thread32 => {
            let short = i32::try_from(value).map_err(|_| value)?;
            field[..4].copy_from_slice(&short.to_le_bytes());
        }
    }
    Ok(())
}
