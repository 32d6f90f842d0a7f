//! What blocks expect: for each value that they find written, and each of their parameters, a place.

use super::detour::Detour;
use super::live::Live;
use super::resolve::{Resolver, Step};
use crate::emit::Val;
use crate::optimize::Body;
use crate::regs::Reg;
use kiln_ir::{Block, Op};

/// Where a block expects a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expected {
    /// In this register, or in none.
    pub reg: Reg,
    /// In its place in the frame (too), see [`Val::since`]; or 0, not there.
    pub since: u8,
}

impl Expected {
    pub const NOWHERE: Expected = Expected { reg: Reg::NONE, since: 0 };
    pub const SLOT: Expected = Expected { reg: Reg::NONE, since: Val::HERE };

    pub const fn in_reg(reg: Reg) -> Expected {
        Expected { reg, since: 0 }
    }

    pub const fn in_slot(self) -> bool {
        self.since != 0
    }
}

/// What blocks expect, and the memory that it takes.
#[derive(Debug, Default)]
pub struct States {
    /// For each block, whether a way has reached it.
    pub fixed: Vec<bool>,
    /// For each entry of the live lists.
    pub live: Vec<Expected>,
    /// For each parameter of a block, as [`Body::params`] has them.
    pub params: Vec<Expected>,
    /// For each block, the label by which the current instruction goes there.
    pub ways: Vec<Block>,
    /// For each block, the label that its address names.
    pub addresses: Vec<Block>,
    /// For each block, how many label sets that are jumped through it is in: at most [`SEVERAL`], or [`SEVERAL_WRITTEN`].
    pub sets: Vec<u8>,
    /// For each block that jumps through a label set and does nothing before, the place in [`Body::params`] of the address.
    pub dispatches: Vec<Option<u32>>,
    /// For each parameter of a block of several such sets, the room in the frame through which it comes. Places in
    /// [`Body::params`].
    pub rooms: Vec<u32>,
    pub detours: Vec<Detour>,
    /// The steps of all detours, then those of the way that is being gone.
    pub steps: Vec<Step>,
    pub resolver: Resolver,
}

impl States {
    /// Starts a function: nothing is expected yet.
    pub fn clear(&mut self, body: &Body, live: &Live) {
        let blocks = body.blocks() as usize;
        self.fixed.clear();
        self.fixed.resize(blocks, false);
        self.live.clear();
        self.live.resize(live.entries.len(), Expected::NOWHERE);
        self.params.clear();
        self.params.resize(body.params.len(), Expected::NOWHERE);
        self.ways.clear();
        self.ways.extend((0..blocks as u32).map(Block));
        self.addresses.clear();
        self.addresses.extend((0..blocks as u32).map(Block));
        self.rooms.clear();
        self.sets.clear();
        self.sets.resize(blocks, 0);
        if !body.f.label_sets().is_empty() {
            for inst in body.f.insts().iter().filter(|inst| inst.op == Op::JumpTo) {
                for label in &body.f.label_sets()[inst.b as usize] {
                    let sets = &mut self.sets[label.index()];
                    *sets = (*sets + 1).min(SEVERAL);
                }
            }
        }
        self.detours.clear();
        self.steps.clear();
        self.find_dispatches(body);
    }

    /// Finds the blocks whose jump may stand in the place of jumps to them: what they expect is all that it needs.
    fn find_dispatches(&mut self, body: &Body) {
        self.dispatches.clear();
        if body.f.label_sets().is_empty() {
            return;
        }
        self.dispatches.resize(body.blocks() as usize, None);
        for block in (0..body.blocks()).map(Block) {
            let range = body.f.block_range(block);
            let inst = &body.f.insts()[range.start];
            if inst.op != Op::JumpTo || range.len() != 1 {
                continue;
            }
            let mut labels = body.f.label_sets()[inst.b as usize].iter();
            let address = body.params_of(block).iter().position(|param| param.0 == inst.a);
            if labels.all(|label| self.sets[label.index()] == 1) {
                self.dispatches[block.index()] = address.map(|n| body.param_start[block.index()] + n as u32);
            }
        }
    }

    /// The register in which a block that does nothing but jump through it expects the address.
    pub fn dispatch(&self, block: Block) -> Option<Reg> {
        let param = (*self.dispatches.get(block.index())?)?;
        let reg = self.params[param as usize].reg;
        (reg != Reg::NONE).then_some(reg)
    }
}

/// In [`States::sets`]: more than one.
pub const SEVERAL: u8 = 2;

/// In [`States::sets`]: more than one, and the detour to the block is noted.
pub const SEVERAL_WRITTEN: u8 = 3;
