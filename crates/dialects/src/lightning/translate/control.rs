//! Moves, branches, jumps, returns.

use super::body::{Body, Stub};
use super::operands::Value;
use super::results;
use crate::lightning::flow::Spot;
use crate::lightning::live;
use crate::lightning::program::{FRAME_POINTER, Operand};
use crate::lightning::table::{Meaning, Row, Ty};
use kiln_ir::function::aux;
use kiln_ir::{InstData, Op, Type, VReg};

impl Body<'_, '_, '_> {
    pub(super) fn control(&mut self, row: &Row, o: &[Operand; 4]) {
        match row.meaning {
            Meaning::Move => {
                let to = self.int(o[0]);
                match o[1] {
                    Operand::Word(v) => {
                        self.b.to(to).iconst(Type::I64, v);
                    }
                    Operand::Int(FRAME_POINTER) | Operand::Int(_) | Operand::Address(..) => {
                        let from = self.word(o[1]);
                        self.b.to(to).copy(from);
                    }
                    Operand::Label(label) => match self.names.flow.spots[label as usize] {
                        Spot::Head(part) => {
                            let function = self.names.functions[part as usize];
                            let address = self.b.func_addr(function);
                            self.b.to(to).copy(address);
                        }
                        _ => {
                            let block = self.block_of(label);
                            let address = self.b.label_addr(block);
                            self.b.to(to).copy(address);
                        }
                    },
                    _ => unreachable!("not an operand of a move"),
                }
            }
            Meaning::Branch(cond) => {
                self.keep_all_arguments();
                let (a, b) = (self.word(o[1]), self.value(o[2]));
                let target = self.target(o[0]);
                self.b.branch(cond, a, b, target);
            }
            Meaning::FloatBranch(predicate) => {
                self.keep_all_arguments();
                let ty = if row.ty == Ty::F32 { Type::F32 } else { Type::F64 };
                let (a, b) = (self.float(o[1], ty), self.float(o[2], ty));
                let target = self.target(o[0]);
                self.b.fbranch(predicate, a, b, target);
            }
            Meaning::BranchOverflow { op, on_overflow } => {
                self.keep_all_arguments();
                let register = self.int(o[1]);
                let other = self.value(o[2]);
                let target = self.target(o[0]);
                self.branch_overflow(op, on_overflow, register, other, target);
            }
            Meaning::Jump => {
                self.keep_all_arguments();
                let target = self.target(o[0]);
                self.b.jump(target);
            }
            Meaning::JumpTo => {
                self.keep_all_arguments();
                let address = self.word(o[0]);
                match self.targets {
                    Some(set) => self.b.jump_to(address, set),
                    None => unreachable!("labels were looked for before"),
                }
            }
            Meaning::Epilog | Meaning::Return => self.give_back_r0(),
            Meaning::ReturnValue => match row.ty {
                Ty::F32 => {
                    let value = self.float(o[0], Type::F32);
                    self.give_back(None, Some(value));
                }
                Ty::F64 => {
                    let value = self.float(o[0], Type::F64);
                    self.give_back(None, Some(value));
                }
                _ => {
                    let value = self.word(o[0]);
                    self.give_back(Some(value), None);
                }
            },
            _ => unreachable!("not a control instruction"),
        }
    }

    fn target(&mut self, operand: Operand) -> kiln_ir::Block {
        match operand {
            Operand::Label(label) => self.block_of(label),
            _ => unreachable!("the parser gives a code label here"),
        }
    }

    /// The op writes nothing if it overflows, and leaves for a cold block; the result is written there then.
    fn branch_overflow(
        &mut self,
        op: Op,
        on_overflow: bool,
        register: VReg,
        other: Value,
        target: kiln_ir::Block,
    ) {
        let cold = self.b.block();
        let again = match op {
            Op::SaddOvf | Op::UaddOvf => Op::Add,
            _ => Op::Sub,
        };
        let (word, imm) = self.or_constant(other);
        let inst = InstData { op, ty: Type::I64, aux: aux::TAIL | imm, dst: register.0, a: register.0, b: 0 };
        self.b.push(inst, &[word, cold.0]);
        let to = if on_overflow {
            target
        } else {
            self.b.jump(target);
            let next = self.b.block();
            self.b.place(next);
            next
        };
        let other = if imm == 0 { Value::Reg(VReg(word)) } else { other };
        self.stubs.push(Stub { block: cold, op: again, register, other, to });
    }

    pub(super) fn give_back_r0(&mut self) {
        let value = self.group.returns.word.then(|| self.register(live::R0.trailing_zeros()));
        self.give_back(value, None);
    }

    /// Returns; what the function gives back beside what is given here nobody may look at.
    fn give_back(&mut self, word: Option<VReg>, float: Option<VReg>) {
        let types = results(self.group.returns);
        let mut values = Vec::with_capacity(types.len());
        for ty in types {
            values.push(match ty {
                Type::F32 | Type::F64 => match float {
                    Some(value) if self.b.ty(value) == ty => value,
                    Some(value) => self.as_double(value),
                    None if ty == Type::F32 => self.b.f32const(0.0),
                    None => self.b.f64const(0.0),
                },
                ty => match word {
                    Some(value) => value,
                    None => self.b.iconst(ty, 0),
                },
            });
        }
        self.b.ret(&values);
    }

    /// A double whose low half is the float: so a float stands in a register or on the stack for a double.
    pub(super) fn as_double(&mut self, float: VReg) -> VReg {
        let bits = self.b.bitcast(Type::I32, float);
        let wide = self.b.zext(bits);
        self.b.bitcast(Type::F64, wide)
    }
}
