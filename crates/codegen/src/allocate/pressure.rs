//! How many values are live at a time in loops.
//!
//! Blocks that have fewer values than there are registers, counting all they find and all they write, are not looked
//! at more closely; the others are walked once, from front to back, and values counted that are written and read for the
//! last time. O(entries of live lists), and O(operands) of the blocks that are walked.

use super::live::Live;
use crate::emit::Val;
use crate::optimize::{Body, Fused};
use kiln_ir::{Block, Inst, VReg};

impl Live {
    /// Finds how many values are live in each loop. `calls` are the positions of ops that call something; `registers`,
    /// how many there are of each class.
    pub fn measure(&mut self, body: &Body, fused: &Fused, calls: &[u32], vals: &[Val], registers: [u32; 2]) {
        if self.loops.is_empty() {
            return;
        }
        for b in 0..body.blocks() {
            if self.loops.around(b).is_none() {
                continue;
            }
            let mut count = [0u32; 2];
            let mut add = |v: VReg| {
                let val = &vals[v.index()];
                count[val.ty.is_float() as usize] += (val.flags & Val::REMAT == 0) as u32;
            };
            self.entries[self.of(Block(b))].iter().for_each(|entry| add(entry.v));
            body.params_of(Block(b)).iter().for_each(|v| add(*v));
            let range = body.f.block_range(Block(b));
            let length = range.len() as u32;
            let few = (0..2).all(|class| count[class] + length <= registers[class]);
            if few && !self.calls[b as usize] {
                continue;
            }
            let calls = match self.calls[b as usize] {
                true => &calls[calls.partition_point(|at| (*at as usize) < range.start)..],
                false => &[],
            };
            let (most, across) = self.walk(body, fused, calls, vals, b);
            if let Some(around) = self.loops.around_mut(b) {
                for class in 0..2 {
                    around.most[class] = around.most[class].max(most[class]);
                    around.across[class] = around.across[class].max(across[class]);
                }
            }
        }
        self.loops.sum_up();
    }

    /// How many values are live in a block at a time, and across a call. The calls from its first one on.
    fn walk(
        &mut self,
        body: &Body,
        fused: &Fused,
        mut calls: &[u32],
        vals: &[Val],
        b: u32,
    ) -> ([u32; 2], [u32; 2]) {
        let f = &body.f;
        // Greater than all numbers of blocks.
        let mark = body.blocks() + 1 + b;
        let class = |v: VReg| vals[v.index()].ty.is_float() as usize;
        let counts = |v: VReg| vals[v.index()].flags & (Val::REMAT | Val::FOLDED) == 0;
        let mut count = [0u32; 2];
        for at in self.of(Block(b)) {
            let entry = self.entries[at];
            if counts(entry.v) && !self.demoted[entry.v.index()] {
                count[class(entry.v)] += 1;
                let left = if entry.out || entry.uses == u16::MAX { u32::MAX } else { entry.uses as u32 };
                (self.def[entry.v.index()], self.head[entry.v.index()]) = (mark, left);
            }
        }
        let is_wanted = |v: VReg| {
            let val = &vals[v.index()];
            counts(v) && (val.uses != 0 || val.flags & Val::GLOBAL != 0)
        };
        for v in body.params_of(Block(b)).iter().filter(|v| is_wanted(**v)) {
            count[class(*v)] += 1;
        }
        let (mut most, mut across) = (count, [0; 2]);
        for at in f.block_range(Block(b)) {
            if fused.is_absent(Inst(at as u32)) {
                continue;
            }
            let inst = &f.insts()[at];
            fused.for_each_read(f, inst, &mut |v| {
                if !counts(v) {
                    return;
                }
                let (marked, left) = (&mut self.def[v.index()], &mut self.head[v.index()]);
                if *marked == mark {
                    *left -= (*left != u32::MAX) as u32;
                    count[class(v)] -= (*left == 0) as u32;
                } else if self.last_read[v.index()] == at as u32 && vals[v.index()].flags & Val::GLOBAL == 0 {
                    (*marked, *left) = (mark, u32::MAX);
                    count[class(v)] -= 1;
                }
            });
            if let Some(rest) = calls.split_first().filter(|(call, _)| **call == at as u32) {
                calls = rest.1;
                for class in 0..2 {
                    across[class] = across[class].max(count[class]);
                }
            }
            f.for_each_def(inst, |v| count[class(v)] += is_wanted(v) as u32);
            for class in 0..2 {
                most[class] = most[class].max(count[class]);
            }
        }
        (most, across)
    }
}
