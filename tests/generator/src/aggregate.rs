//! Aggregates by value and variable arguments inside functions. Addresses differ from tier to tier, so a register that
//! holds one never joins the values of the program: only what lies there does.

use crate::body::{Body, Class};
use crate::program::ARENA_SEEN;
use kiln_ir::types::{AbiType, Field, FieldKind};
use kiln_ir::{LayoutId, MemType, Type, VReg};

/// An aggregate that this function may read and change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aggregate {
    /// The register that holds its address.
    pub address: VReg,
    pub layout: LayoutId,
}

impl Body<'_, '_, '_> {
    /// Takes over the parameters that are aggregates.
    pub fn take_aggregates(&mut self) {
        for (n, param) in self.signature.params.iter().enumerate() {
            if let AbiType::Aggregate(layout) = *param {
                let aggregate = Aggregate { address: self.b.param(n as u32), layout };
                self.aggregates.push(aggregate);
                self.touch(aggregate);
            }
        }
    }

    /// The register with the address of an aggregate to pass or to return.
    pub fn aggregate(&mut self, layout: LayoutId) -> VReg {
        let size = self.plan.layout(layout).size;
        let own: Vec<VReg> =
            self.visible_aggregates().filter(|a| a.layout == layout).map(|a| a.address).collect();
        if !own.is_empty() && self.e.chance(60) {
            return self.e.pick(&own);
        }
        let slots: Vec<_> = self.slots.iter().filter(|(_, bytes)| *bytes >= size).copied().collect();
        if !slots.is_empty() && self.e.chance(30) {
            let (slot, bytes) = self.e.pick(&slots);
            let at = self.e.range(0, bytes - size) as i32;
            return self.b.slot_addr(slot, at);
        }
        let at = self.e.range(0, ARENA_SEEN - size) as i32 - self.mid;
        self.b.addr((self.base, at))
    }

    fn visible_aggregates(&self) -> impl Iterator<Item = Aggregate> + '_ {
        self.aggregates.iter().chain(&self.local_aggregates).copied()
    }

    /// Reads or changes some aggregate, if there is one.
    pub fn touch_any(&mut self) {
        let all: Vec<Aggregate> = self.visible_aggregates().collect();
        if !all.is_empty() {
            let aggregate = self.e.pick(&all);
            self.touch(aggregate);
        }
    }

    /// Reads a field of an aggregate, or writes one.
    pub fn touch(&mut self, aggregate: Aggregate) {
        let layout = self.plan.layout(aggregate.layout);
        if layout.fields.is_empty() {
            return;
        }
        let Field { offset, kind, count } = self.e.pick(&layout.fields);
        let at = (offset + kind.bytes() * self.e.below(count)) as i32;
        let (class, access) = match kind {
            FieldKind::I8 => (Class::I32, MemType::U8),
            FieldKind::I16 => (Class::I32, MemType::I16),
            FieldKind::I32 => (Class::I32, MemType::I32),
            FieldKind::I64 | FieldKind::Ptr => (Class::I64, MemType::I64),
            FieldKind::F32 => (Class::LooseF32, MemType::F32),
            FieldKind::F64 => (Class::LooseF64, MemType::F64),
            // The 64 bits of the fraction; sign and exponent follow.
            FieldKind::F80 if self.e.chance(50) => (Class::I64, MemType::I64),
            FieldKind::F80 => return self.touch_exponent(aggregate.address, at + 8),
        };
        if self.e.chance(70) {
            let dst = self.write_to(class, &[]);
            self.b.to(dst).load(class.ty(), access, (aggregate.address, at));
        } else {
            // What goes to memory may come back as an integer.
            let value = match class {
                Class::LooseF32 => self.read_strictly(Class::ExactF32),
                Class::LooseF64 => self.read_strictly(Class::ExactF64),
                class => self.read_strictly(class),
            };
            self.b.store(access, (aggregate.address, at), value);
        }
    }

    fn touch_exponent(&mut self, address: VReg, at: i32) {
        let dst = self.write_to(Class::I32, &[]);
        self.b.to(dst).load(Type::I32, MemType::U16, (address, at));
    }

    /// Reads some of the variable arguments, if the function has any.
    pub fn take_variable(&mut self) {
        if !self.signature.variadic {
            return;
        }
        let types = self.variable.to_vec();
        let slot = self.b.slot(24, 8);
        let mut list = self.b.slot_addr(slot, 0);
        self.b.va_start(list);
        let some = self.e.range(0, types.len() as u32) as usize;
        for (n, ty) in types.into_iter().take(some).enumerate() {
            if self.e.chance(15) {
                let copy = self.b.slot(24, 8);
                let copy = self.b.slot_addr(copy, 0);
                self.b.va_copy(copy, list);
                self.b.va_end(list);
                list = copy;
            }
            // The low half of a double is as good as any float.
            let ty = if ty == Type::F64 && n % 3 == 2 { Type::F32 } else { ty };
            let class = Class::of(ty, false);
            let v = self.b.va_arg(ty, list);
            self.add_global(class, v);
        }
        self.b.va_end(list);
    }
}
