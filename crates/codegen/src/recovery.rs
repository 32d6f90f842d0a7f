//! Recovery records: where the values of the IR are at a place at which compiled code leaves for the host or stops
//! for it.
//!
//! Code tests a condition and jumps to a stub behind the function; the stub loads its own end's address into a
//! register that holds no value and jumps to [`Routine::Leave`](crate::code::Routine::Leave), which saves all registers.
//! The address names the record, and record and saved registers together give the values. So the way that is not
//! left costs the test alone: nothing is stored or moved for the sake of the record.
//!
//! A record is a list of frames, innermost first: one for each function whose code is at that place. The baseline
//! compiler does not inline, so its records have one. Of outer frames no values are known.

use kiln_ir::{DataId, FuncId, Inst, Type};

/// All records of a [`Code`](crate::Code).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recoveries {
    /// In ascending order of `at`.
    rows: Vec<Recovery>,
    frames: Vec<RecoveryFrame>,
    values: Vec<RecoveryValue>,
    /// Of functions that count, in ascending order of their starts: where what they hold starts in `held_values`. It
    /// ends where the next one's starts.
    held: Vec<(u32, u32)>,
    held_values: Vec<RecoveryValue>,
}

/// What code does at a place that has a record, when the place's condition holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leave {
    /// Ends the activation with the exit of this number.
    Exit(u32),
    /// The safepoint of this number was reached while something is asked of the code. It may go on.
    Safepoint(u32),
    /// The same at a function's entry or a loop's head.
    Poll,
    /// There was no fuel left. Code goes on if nobody limits it.
    OutOfFuel,
    /// There are too many activations. Code goes on if nobody limits it.
    TooDeep,
    /// The counter of this number is below 0, at a function's entry or a loop's head. Code goes on, or at a loop's head
    /// other code takes the activation over, with what the function [holds](Recoveries::held).
    Hot(u32),
}

/// One place and what is known there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recovery {
    /// The offset of the stub's end, which the stub hands over. Code that goes on goes on there.
    pub at: u32,
    /// What happens.
    pub leave: Leave,
    /// Where its frames start; they end where those of the next row start.
    frames: u32,
}

/// The part of one function in a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecoveryFrame {
    /// The function.
    pub func: FuncId,
    /// The instruction it is at; of an outer frame, the call.
    pub inst: Inst,
    /// Where its values start; they end where those of the next frame start.
    values: u32,
}

/// One value of the list that the instruction names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecoveryValue {
    /// Its type, which says how many of the place's bytes count.
    pub ty: Type,
    /// Where it is.
    pub place: ValuePlace,
}

/// Where a value is. Registers have their DWARF numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValuePlace {
    /// In the low bytes of a register.
    Register(u8),
    /// In memory, this far from where a register points.
    Memory(u8, i32),
    /// It is an address in the frame: the first multiple of `align` from `base + disp` on, and `plus` more.
    Address {
        /// The register.
        base: u8,
        /// What is added to it.
        disp: i32,
        /// A power of 2.
        align: u32,
        /// What is added then.
        plus: i32,
    },
    /// It is this constant, as the bits of its type.
    Constant(u64),
    /// It is the address of a data object, plus a distance.
    Data(DataId, i32),
    /// It is the address of a function.
    Func(FuncId),
    /// It is the address of this offset in the code.
    Code(u32),
}

/// The base of a place in memory that is to be [settled](Recoveries::settle).
pub(crate) const NO_BASE: u8 = 0xff;

impl Recoveries {
    /// Starts a record; [`Self::frame`] adds its frames. Records are added in ascending order of their places.
    pub fn start(&mut self, at: u32, leave: Leave) {
        self.rows.push(Recovery { at, leave, frames: self.frames.len() as u32 });
    }

    /// Adds a frame to the record started last, innermost first.
    pub fn frame(&mut self, func: FuncId, inst: Inst, values: impl IntoIterator<Item = RecoveryValue>) {
        self.frames.push(RecoveryFrame { func, inst, values: self.values.len() as u32 });
        self.values.extend(values);
    }

    /// The record of a place.
    pub fn find(&self, at: u32) -> Option<&Recovery> {
        let index = self.rows.binary_search_by_key(&at, |row| row.at).ok()?;
        Some(&self.rows[index])
    }

    /// All records.
    pub fn rows(&self) -> &[Recovery] {
        &self.rows
    }

    /// The frames of a record, innermost first, each with its values.
    pub fn frames<'r>(
        &'r self,
        record: &Recovery,
    ) -> impl Iterator<Item = (&'r RecoveryFrame, &'r [RecoveryValue])> {
        let next = self.rows.partition_point(|row| row.at <= record.at);
        let end = self.rows.get(next).map_or(self.frames.len(), |row| row.frames as usize);
        (record.frames as usize..end).map(|i| {
            let frame = &self.frames[i];
            let end = self.frames.get(i + 1).map_or(self.values.len(), |next| next.values as usize);
            (frame, &self.values[frame.values as usize..end])
        })
    }

    /// Says where a function holds, at each of its loop heads, what code that takes it over is
    /// [handed](crate::takeover::handed). Functions are added in ascending order of their starts.
    pub(crate) fn hold(&mut self, start: u32, values: impl IntoIterator<Item = RecoveryValue>) {
        self.held.push((start, self.held_values.len() as u32));
        self.held_values.extend(values);
    }

    /// Where the function that starts at this offset holds, at each of its loop heads, what code that takes it over is
    /// [handed](crate::takeover::handed), in that order. None if it cannot be taken over.
    pub fn held(&self, start: u32) -> Option<&[RecoveryValue]> {
        let at = self.held.binary_search_by_key(&start, |(start, _)| *start).ok()?;
        let end = self.held.get(at + 1).map_or(self.held_values.len(), |(_, values)| *values as usize);
        Some(&self.held_values[self.held[at].1 as usize..end])
    }

    /// Every value of every record.
    pub fn values(&self) -> &[RecoveryValue] {
        &self.values
    }

    /// Gives places in memory that have no base yet (a number that is no register's) one, and adds a distance to
    /// theirs: in all records of a function that starts at this place and all behind it.
    pub(crate) fn settle(&mut self, from: u32, base: u8, distance: i32) {
        // The record at the place itself is of the stub that ends there.
        let row = self.rows.partition_point(|row| row.at <= from);
        let values = self.values_from(row);
        let held = self.held_from(from).1;
        for value in self.values[values..].iter_mut().chain(&mut self.held_values[held..]) {
            if let ValuePlace::Memory(known @ NO_BASE, disp) = &mut value.place {
                *known = base;
                *disp += distance;
            }
        }
    }

    /// Takes back all records of a function that starts at this place and all behind it.
    pub(crate) fn truncate(&mut self, from: u32) {
        let row = self.rows.partition_point(|row| row.at <= from);
        let values = self.values_from(row);
        self.values.truncate(values);
        if let Some(row) = self.rows.get(row) {
            self.frames.truncate(row.frames as usize);
        }
        self.rows.truncate(row);
        let (row, values) = self.held_from(from);
        self.held.truncate(row);
        self.held_values.truncate(values);
    }

    /// The first function from a place on that says what it holds, and where that starts.
    fn held_from(&self, from: u32) -> (usize, usize) {
        let row = self.held.partition_point(|(start, _)| *start < from);
        (row, self.held.get(row).map_or(self.held_values.len(), |(_, values)| *values as usize))
    }

    /// Where the values of a row and all behind it start.
    fn values_from(&self, row: usize) -> usize {
        let frame = self.rows.get(row).and_then(|row| self.frames.get(row.frames as usize));
        frame.map_or(self.values.len(), |frame| frame.values as usize)
    }

    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.frames.clear();
        self.values.clear();
        self.held.clear();
        self.held_values.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_has_its_own_frames_and_values() {
        let value = |n| RecoveryValue { ty: Type::I64, place: ValuePlace::Constant(n) };
        let mut recoveries = Recoveries::default();
        recoveries.start(10, Leave::Exit(1));
        recoveries.frame(FuncId(0), Inst(5), [value(1), value(2)]);
        recoveries.start(20, Leave::Exit(2));
        recoveries.frame(FuncId(1), Inst(6), []);
        recoveries.frame(FuncId(2), Inst(7), [value(3)]);
        let shown = |at| {
            let record = recoveries.find(at).unwrap();
            let frames = recoveries.frames(record).map(|(f, v)| (f.func, f.inst, v.to_vec()));
            (record.leave, frames.collect::<Vec<_>>())
        };
        assert_eq!(shown(10), (Leave::Exit(1), vec![(FuncId(0), Inst(5), vec![value(1), value(2)])]));
        let (leave, frames) = shown(20);
        assert_eq!(leave, Leave::Exit(2));
        assert_eq!(frames, [(FuncId(1), Inst(6), vec![]), (FuncId(2), Inst(7), vec![value(3)])]);
        assert_eq!(recoveries.find(15), None);
        recoveries.truncate(20);
        assert_eq!(recoveries.rows().len(), 2, "a stub may end where the next function starts");
        recoveries.truncate(15);
        assert_eq!((recoveries.rows().len(), recoveries.frames.len(), recoveries.values.len()), (1, 1, 2));
    }

    #[test]
    fn what_waits_for_the_frame_is_settled_from_a_place_on() {
        let place = |base, disp| RecoveryValue { ty: Type::I64, place: ValuePlace::Memory(base, disp) };
        let mut recoveries = Recoveries::default();
        for at in [10, 20] {
            recoveries.start(at, Leave::Exit(1));
            recoveries.frame(FuncId(0), Inst(0), [place(NO_BASE, 8), place(7, 16)]);
        }
        recoveries.settle(11, 7, 100);
        assert_eq!(recoveries.values(), [place(NO_BASE, 8), place(7, 16), place(7, 108), place(7, 16)]);
    }
}
