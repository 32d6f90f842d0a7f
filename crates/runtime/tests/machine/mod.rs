//! Machine code written by hand, so that the tests of this crate need no compiler. x86-64 only, as the bytes are.
#![allow(dead_code, reason = "each test binary uses some of it")]

use kiln_codegen::Code;
use kiln_codegen::code::{
    FaultCause, FrameInfo, FunctionCode, InlinedCall, Reloc, RelocKind, Routine, SpanRow, Target, TrapSite,
};
use kiln_codegen::recovery::{Leave, RecoveryValue, ValuePlace};
use kiln_ir::{DataDecl, DataId, FuncId, Inst, Linkage, Module, Signature, Type};
use kiln_runtime::{HostSymbols, Image, LinkError, ProcessSymbols, RawTrap, enter, link};

/// A module and its code, growing.
#[derive(Default)]
pub struct Hand {
    pub module: Module,
    pub code: Code,
    pub host: HostSymbols,
}

pub const CALL: RelocKind = RelocKind::Call32;

impl Hand {
    pub fn import(&mut self, name: &str) -> FuncId {
        self.module.import(name, Signature::default())
    }

    /// An import with the address to give it.
    pub fn host(&mut self, name: &str, address: *const u8) -> FuncId {
        self.host.define(name, address);
        self.import(name)
    }

    pub fn declare(&mut self, name: &str) -> FuncId {
        self.module.declare(name, Signature::default(), Linkage::Export)
    }

    pub fn data(&mut self, data: DataDecl) -> DataId {
        self.module.add_data(data)
    }

    /// Gives a function its bytes, and returns the offset of the first.
    pub fn body(&mut self, func: FuncId, bytes: &[u8], frame: FrameInfo) -> u32 {
        let start = self.code.bytes.len().next_multiple_of(16);
        self.code.bytes.resize(start, 0xcc);
        self.code.bytes.extend(bytes);
        let (start, end) = (start as u32, self.code.bytes.len() as u32);
        self.code.functions.push(FunctionCode { func, entry: None, start, code_end: end, end, frame });
        self.code.spans.push(SpanRow { at: start, inst: Inst(func.0 * 100), site: InlinedCall::NONE });
        start
    }

    /// A declared function with its bytes.
    pub fn function(&mut self, name: &str, bytes: &[u8]) -> FuncId {
        let func = self.declare(name);
        self.body(func, bytes, FrameInfo::default());
        func
    }

    /// A function that calls another one with the first word and stores what it returns in the second.
    pub fn caller(&mut self, name: &str, callee: FuncId) -> FuncId {
        let bytes = [
            0x53, // push rbx
            0x48, 0x89, 0xfb, // mov rbx, rdi
            0x48, 0x8b, 0x3b, // mov rdi, [rbx]
            0xe8, 0, 0, 0, 0, // call callee
            0x48, 0x89, 0x43, 0x08, // mov [rbx + 8], rax
            0x5b, // pop rbx
            0xc3, // ret
        ];
        let func = self.declare(name);
        let frame =
            FrameInfo { saved: 1 << 3, steps: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0], ..FrameInfo::default() };
        let start = self.body(func, &bytes, frame);
        self.reloc(start + 8, CALL, Target::Func(callee), -4);
        func
    }

    pub fn reloc(&mut self, at: u32, kind: RelocKind, to: Target, addend: i64) {
        self.code.relocs.push(Reloc { at, kind, to, addend });
    }

    pub fn trap(&mut self, at: u32, cause: FaultCause) {
        self.code.traps.push(TrapSite { at, cause });
    }

    pub fn link(&self) -> Result<Image, LinkError> {
        link(&self.code, &self.module, &(&self.host, ProcessSymbols))
    }

    pub fn linked(&self) -> Image {
        self.link().expect("links")
    }
}

/// Runs a function of an image on words.
pub fn run(image: &Image, func: FuncId, args: &mut [u64]) -> Result<(), RawTrap> {
    // SAFETY: the tests write functions that take a pointer to as many words as they use.
    unsafe { enter(image.address(func).expect("has an address"), args.as_mut_ptr()) }
}

/// `[rdi] / [rdi + 8]` to `[rdi]`
pub const DIVIDE: [u8; 16] = [
    0x48, 0x8b, 0x07, // mov rax, [rdi]
    0x48, 0x99, // cqo
    0x48, 0x8b, 0x4f, 0x08, // mov rcx, [rdi + 8]
    0x48, 0xf7, 0xf9, // idiv rcx
    0x48, 0x89, 0x07, // mov [rdi], rax
    0xc3, // ret
];

/// The word at the address in `[rdi]` to `[rdi]`
pub const LOAD: [u8; 10] = [
    0x48, 0x8b, 0x07, // mov rax, [rdi]
    0x48, 0x8b, 0x00, // mov rax, [rax]
    0x48, 0x89, 0x07, // mov [rdi], rax
    0xc3, // ret
];

/// Adds a function with the bytes of [`LOAD`].
pub fn load(hand: &mut Hand) -> FuncId {
    hand.function("load", &LOAD)
}

/// Adds a function with the bytes of [`DIVIDE`].
pub fn divide(hand: &mut Hand) -> FuncId {
    let func = hand.function("divide", &DIVIDE);
    let start = hand.code.functions.last().unwrap().start;
    hand.trap(start + 9, FaultCause::Division { divisor: 2, wide: true });
    func
}

/// Adds a function that calls itself without end.
pub fn recurse(hand: &mut Hand) -> FuncId {
    let func = hand.declare("recurse");
    let frame = FrameInfo { size: 8, steps: [4, 0, 0, 0, 0, 0, 0, 0, 0, 0], ..FrameInfo::default() };
    let start = hand.body(
        func,
        &[
            0x48, 0x83, 0xec, 0x08, // sub rsp, 8
            0xe8, 0, 0, 0, 0, // call recurse
            0x48, 0x83, 0xc4, 0x08, // add rsp, 8
            0xc3, // ret
        ],
        frame,
    );
    hand.reloc(start + 5, CALL, Target::Func(func), -4);
    func
}

/// Adds a function that leaves by exit 7 from two frames: its own, and that of a function said to be inlined there.
pub fn exit(hand: &mut Hand) -> FuncId {
    let func = hand.declare("exit");
    let start = hand.body(
        func,
        &[
            0x48, 0x83, 0xec, 0x18, // sub rsp, 24
            0xc7, 0x44, 0x24, 0x08, 0xff, 0xff, 0xff, 0xff, // mov dword [rsp + 8], -1
            0x48, 0xc7, 0xc0, 0xfe, 0xff, 0xff, 0xff, // mov rax, -2
            0x66, 0x48, 0x0f, 0x6e, 0xf8, // movq xmm7, rax
            0x41, 0xbf, 42, 0, 0, 0, // mov r15d, 42
            0xbb, 1, 0, 0, 0, // mov ebx, 1
            0x4c, 0x8d, 0x1d, 5, 0, 0, 0, // lea r11, [rip + 5]
            0xe9, 0, 0, 0, 0, // jmp leave
        ],
        FrameInfo { size: 24, steps: [4, 0, 0, 0, 0, 0, 0, 0, 0, 0], ..FrameInfo::default() },
    );
    hand.reloc(start + 43, CALL, Target::Routine(Routine::Leave), -4);
    let value = |ty, place| RecoveryValue { ty, place };
    let recoveries = &mut hand.code.recoveries;
    recoveries.start(start + 47, Leave::Exit(7));
    recoveries.frame(
        FuncId(100),
        Inst(3),
        [
            value(Type::I64, ValuePlace::Register(15)),
            value(Type::I32, ValuePlace::Register(0)),
            value(Type::F64, ValuePlace::Register(17 + 7)),
            value(Type::I32, ValuePlace::Memory(7, 8)),
            value(Type::F32, ValuePlace::Constant(0x3f80_0000)),
        ],
    );
    recoveries.frame(
        func,
        Inst(9),
        [
            value(Type::I64, ValuePlace::Register(3)),
            value(Type::Ptr, ValuePlace::Address { base: 7, disp: 8, align: 64, plus: 3 }),
            value(Type::Ptr, ValuePlace::Func(func)),
        ],
    );
    func
}
