//! Calls: native ones, of which the call stack in memory keeps a record, and bodies in their place.

use super::control::results;
use super::{CALLS, Item, PARAMETERS, Range, Translator, Value};
use crate::compile::functions::{Flow, flow};
use crate::compile::heights::{Effect, Fixed};
use kiln::{Access, MemType, VReg};

impl Translator<'_> {
    /// The number of the call target among the program's.
    pub(super) fn callee(&self, to: u32) -> Option<usize> {
        self.shared.places.called.binary_search(&to).ok()
    }

    /// Translates a call. Gives false if nothing comes behind it.
    pub(super) fn call(&mut self, to: u32) -> bool {
        let Some(n) = self.callee(to) else { unreachable!("it is a call target") };
        let effect = self.shared.effects.get(to);
        if let Effect::Fixed(fixed) = effect {
            self.need(fixed.depth);
            if let Some(range) = self.shared.inlined[n] {
                self.inline(range);
                return true;
            }
        }
        let Some(callee) = self.shared.functions[n] else {
            self.leave();
            return false;
        };
        match effect {
            Effect::Fixed(fixed) => self.call_fixed(callee, fixed),
            Effect::Dynamic | Effect::Never | Effect::Opaque => {
                let height = self.stack.height();
                self.sync_below(height);
                let [sp, csp] = self.linkage();
                let (state, result) = (self.state, self.sp);
                self.b.to(result).call(callee, &[state, sp, csp]);
                self.stack.reset(0);
                (self.checked, self.region_floor) = (0, 0);
                if effect != Effect::Dynamic {
                    self.at += 1;
                    self.counted = self.at;
                    self.leave();
                    return false;
                }
            }
        }
        true
    }

    /// Stores the return place; gives the addresses that the callee has its items and its return place from.
    fn linkage(&mut self) -> [VReg; 2] {
        let place = i64::from(self.at) + 1;
        self.b.store(Access::new(MemType::U32).alias(CALLS), self.csp, place);
        let sp = self.b.addr((self.sp, self.stack.height() * 8));
        let csp = self.b.addr((self.csp, 4));
        [sp, csp]
    }

    fn call_fixed(&mut self, callee: kiln::FuncId, fixed: Fixed) {
        let parameters = fixed.depth.min(PARAMETERS);
        let height = self.stack.height();
        self.sync_below(height - parameters);
        let items: Vec<VReg> = (height - parameters..height)
            .map(|place| {
                let value = self.at_place(place);
                self.register(value)
            })
            .collect();
        let [sp, csp] = self.linkage();
        let arguments: Vec<VReg> = [self.state, sp, csp].into_iter().chain(items).collect();
        let given = self.b.call(callee, &arguments);
        let (first, count) = results(fixed);
        debug_assert_eq!(given.len(), count as usize);
        self.stack.remove(fixed.reach);
        for _ in -fixed.reach..first {
            self.stack.items.push(Item { value: Value::Memory, dirty: false });
        }
        for result in given {
            self.stack.push(Value::Register(result, Range::ANY));
        }
    }

    /// Translates the body of a leaf without branches in the place of its call.
    fn inline(&mut self, (start, end): (u32, u32)) {
        let at = self.at;
        self.frames.push(at + 1);
        self.at = start;
        while self.at < end && flow(self.shared.program, self.at) != Flow::Return {
            // No branch follows inside, so the number of the block does not matter.
            self.instruction(self.shared.program.instructions()[self.at as usize], end, 0);
            self.at += 1;
        }
        self.frames.pop();
        self.at = at;
    }
}
