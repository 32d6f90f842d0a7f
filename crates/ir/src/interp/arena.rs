//! A closed world for the interpreter: a checked arena that holds the module's data and frames, numbers that stand
//! for functions, imports as closures. Deterministic, no real memory: for tests and tools.

use super::host::{BadAccess, ForeignCall, Host, label_address};
use crate::entity::{DataId, FuncId};
use crate::module::{DataTarget, Linkage, Module};
use crate::trap::TrapKind;
use std::collections::{HashMap, HashSet};

/// What an import does: argument words in, result words out.
pub type Import<'a> = Box<dyn FnMut(&mut Arena<'_>, &[u64]) -> Result<Vec<u64>, TrapKind> + 'a>;

/// Where the arena's first byte is.
const BASE: u64 = 0x10_0000;
/// Bytes that an imported data object gets.
const IMPORTED: u64 = 64;
/// Function `n` is at this plus 16 times `n`.
const FUNCS: u64 = 0x7000_0000_0000;

/// The world.
pub struct Arena<'a> {
    bytes: Vec<u8>,
    /// Where the room for frames begins, and the frame handed out last, or the end of the room: they grow downward.
    floor: u64,
    top: u64,
    data: Vec<u64>,
    /// Ranges that may not be written.
    constant: Vec<(u64, u64)>,
    funcs: u32,
    imports: HashMap<FuncId, Import<'a>>,
    /// Imports to which something may be bound later.
    replaceable: HashSet<FuncId>,
}

impl<'a> Arena<'a> {
    /// Lays out a module's data and leaves `stack` bytes for frames.
    pub fn new(module: &Module, stack: usize) -> Arena<'a> {
        let mut arena = Arena {
            bytes: Vec::new(),
            floor: 0,
            top: 0,
            data: Vec::new(),
            constant: Vec::new(),
            funcs: module.funcs().len() as u32,
            imports: HashMap::new(),
            replaceable: (0..)
                .map(FuncId)
                .zip(module.funcs())
                .filter(|(_, f)| f.replaceable)
                .map(|f| f.0)
                .collect(),
        };
        for data in module.data() {
            let at = (BASE + arena.bytes.len() as u64).next_multiple_of(data.align.max(1) as u64);
            arena.bytes.resize((at - BASE) as usize, 0);
            arena.bytes.extend_from_slice(&data.bytes);
            // How large an imported object is, its module does not know.
            let size = if data.linkage == Linkage::Import { IMPORTED } else { data.size() };
            arena.bytes.resize((at - BASE + size) as usize, 0);
            arena.data.push(at);
            if !data.writable && data.linkage != Linkage::Import {
                arena.constant.push((at, at + data.size()));
            }
        }
        for (data, at) in module.data().iter().zip(arena.data.clone()) {
            for reloc in &data.relocs {
                let target = match reloc.target {
                    DataTarget::Func(func) => FUNCS + 16 * func.0 as u64,
                    DataTarget::Data(data) => arena.data[data.index()],
                    DataTarget::Label(func, block) => label_address(func, block),
                };
                let value = target.wrapping_add(reloc.addend as u64);
                let place = (at - BASE) as usize + reloc.offset as usize;
                arena.bytes[place..place + 8].copy_from_slice(&value.to_le_bytes());
            }
        }
        arena.floor = (BASE + arena.bytes.len() as u64).next_multiple_of(16);
        arena.top = arena.floor + (stack as u64 & !15);
        arena.bytes.resize((arena.top - BASE) as usize, 0);
        arena
    }

    /// Says what an import does.
    pub fn import(
        &mut self,
        func: FuncId,
        run: impl FnMut(&mut Arena<'_>, &[u64]) -> Result<Vec<u64>, TrapKind> + 'a,
    ) {
        self.imports.insert(func, Box::new(run));
    }

    /// The bytes of a data object, as they are now.
    pub fn data(&self, data: DataId, size: u64) -> &[u8] {
        let at = (self.data[data.index()] - BASE) as usize;
        &self.bytes[at..at + size as usize]
    }

    fn range(&self, address: u64, bytes: u64) -> Result<std::ops::Range<usize>, BadAccess> {
        let start = address.checked_sub(BASE).ok_or(BadAccess(address))?;
        let end = start.checked_add(bytes).ok_or(BadAccess(address))?;
        if end > self.bytes.len() as u64 {
            return Err(BadAccess(address));
        }
        Ok(start as usize..end as usize)
    }
}

impl Host for Arena<'_> {
    fn load(&mut self, address: u64, bytes: u32) -> Result<u64, BadAccess> {
        let range = self.range(address, bytes as u64)?;
        let mut word = [0; 8];
        word[..bytes as usize].copy_from_slice(&self.bytes[range]);
        Ok(u64::from_le_bytes(word))
    }

    fn store(&mut self, address: u64, bytes: u32, value: u64) -> Result<(), BadAccess> {
        let range = self.range(address, bytes as u64)?;
        if self.constant.iter().any(|(start, end)| address < *end && address + bytes as u64 > *start) {
            return Err(BadAccess(address));
        }
        self.bytes[range].copy_from_slice(&value.to_le_bytes()[..bytes as usize]);
        Ok(())
    }

    fn reserve(&mut self, bytes: u64, align: u64) -> Result<u64, TrapKind> {
        let end = self.top.checked_sub(bytes).ok_or(TrapKind::StackOverflow)?;
        let at = end - end % align;
        if at < self.floor {
            return Err(TrapKind::StackOverflow);
        }
        self.top = at;
        Ok(at)
    }

    fn mark(&self) -> u64 {
        self.top
    }

    fn release(&mut self, mark: u64) {
        self.top = mark;
    }

    fn func_address(&mut self, func: FuncId) -> u64 {
        FUNCS + 16 * func.0 as u64
    }

    fn func_at(&mut self, address: u64) -> Option<FuncId> {
        let distance = address.checked_sub(FUNCS)?;
        (distance % 16 == 0 && distance / 16 < self.funcs as u64).then_some(FuncId((distance / 16) as u32))
    }

    fn data_address(&mut self, data: DataId) -> u64 {
        self.data[data.index()]
    }

    fn tls_address(&mut self, data: DataId) -> Result<u64, TrapKind> {
        // One thread only: its object is the object.
        Ok(self.data[data.index()])
    }

    fn call_import(&mut self, func: FuncId, call: &ForeignCall<'_>) -> Result<Vec<u64>, TrapKind> {
        // Taken out for the time of the call, because it gets the arena too.
        let Some(mut import) = self.imports.remove(&func) else {
            let unbound = self.replaceable.contains(&func);
            return Err(if unbound { TrapKind::Unbound } else { TrapKind::Host });
        };
        let result = import(self, call.args);
        self.imports.insert(func, import);
        result
    }

    fn call_address(&mut self, address: u64, _: &ForeignCall<'_>) -> Result<Vec<u64>, TrapKind> {
        Err(TrapKind::BadAccess(Some(address)))
    }
}
