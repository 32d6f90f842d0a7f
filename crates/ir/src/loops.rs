//! Loop heads: where code that runs without end must come by, function entries aside.

use crate::entity::Block;
use crate::function::Function;
use crate::op::{Effect, Op};

impl Function {
    /// For each block whether it is a loop head: some jump, branch or cold edge in it or in a block behind it (in layout
    /// order) may go to its start. For `jump_to` each label of its set counts. O(instructions + labels).
    pub fn loop_heads(&self) -> Vec<bool> {
        let mut heads = vec![false; self.blocks().len()];
        // The last block that jumps over each label set: what goes back from an earlier one goes back from there too.
        let mut last = vec![None; self.label_sets().len()];
        for b in 0..self.blocks().len() as u32 {
            for inst in &self.insts()[self.block_range(Block(b))] {
                if inst.op == Op::JumpTo {
                    last[inst.b as usize] = Some(b);
                } else if matches!(inst.op.effect(), Effect::control | Effect::terminator) {
                    self.for_each_target(inst, |target| heads[target.index()] |= target.0 <= b);
                }
            }
        }
        for (labels, last) in self.label_sets().iter().zip(last) {
            for label in labels.iter().filter(|label| last.is_some_and(|b| label.0 <= b)) {
                heads[label.index()] = true;
            }
        }
        heads
    }
}

#[cfg(test)]
mod tests {
    use crate::module::Module;

    #[test]
    fn heads_are_what_jumps_behind_them_go_to() {
        let module = Module::parse(
            "fn f(%n: i64) {\nfirst:\n %n = add %n, 1\n blt %n, 3, first\n jump last\nmiddle:\n ret\n\
             last:\n %r = sadd_ovf %n, 1, cold_one\n blt %n, 9, middle\n ret\ncold cold_one:\n jump cold_one\n}\n",
        )
        .unwrap();
        let heads = module.funcs()[0].body.as_ref().unwrap().loop_heads();
        // The blocks that open by themselves behind branches are no heads.
        assert_eq!(heads, [true, false, true, false, false, true]);
    }

    #[test]
    fn a_label_set_goes_back_from_its_last_jump() {
        let module = Module::parse(
            "fn f(%n: i64) {\n labels l = {a, b}\n %p = label_addr a\n jump_to %p, l\na:\n jump_to %p, l\nb:\n ret\n}\n",
        )
        .unwrap();
        assert_eq!(module.funcs()[0].body.as_ref().unwrap().loop_heads(), [false, true, false]);
    }
}
