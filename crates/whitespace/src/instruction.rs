//! The instructions: one row each. The parser's trie, the assembler's mnemonics, the printers, the names that messages use
//! and the help text all derive from this table.

use crate::label::LabelId;
use crate::number::Number;
use crate::program::Target;
use crate::token::Token;

/// What follows an opcode.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Argument {
    /// Nothing.
    None,
    /// A number.
    Number,
    /// A label.
    Label,
}

/// A row of the table: all that is known of an opcode.
#[derive(Clone, Copy, Debug)]
pub struct OpcodeInfo {
    /// The opcode.
    pub opcode: Opcode,
    /// Its tokens: `S`, `T` and `L` without blanks between them.
    pub tokens: &'static str,
    /// The name that Kiln prints.
    pub name: &'static str,
    /// The name that whitespacers prints and reads.
    pub whitespacers: &'static str,
    /// Further names that the assembler reads.
    pub aliases: &'static [&'static str],
    /// What follows the opcode.
    pub argument: Argument,
    /// How many items it takes from the data stack; `copy` and `slide` look deeper, as their arguments say.
    pub pops: u8,
    /// How many items it leaves there in their place.
    pub pushes: u8,
    /// What it does, in one sentence.
    pub doc: &'static str,
}

macro_rules! define_opcodes {
    ($($(#[doc = $doc:literal])* $opcode:ident $tokens:literal $name:literal $whitespacers:literal [$($alias:literal),*]
        $argument:ident $pops:literal -> $pushes:literal;)*) => {
        /// What an instruction does, without its argument.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Opcode { $($(#[doc = $doc])* $opcode,)* }

        impl Opcode {
            /// Every opcode, in the order of the table.
            pub const ALL: &'static [Opcode] = &[$(Opcode::$opcode),*];
        }

        static INFO: &[OpcodeInfo] = &[$(OpcodeInfo {
            opcode: Opcode::$opcode,
            tokens: $tokens,
            name: $name,
            whitespacers: $whitespacers,
            aliases: &[$($alias),*],
            argument: Argument::$argument,
            pops: $pops,
            pushes: $pushes,
            doc: concat!($($doc),*).trim_ascii_start(),
        }),*];

        /// The token strings alone, for the trie.
        pub(crate) const TOKENS: &[&str] = &[$($tokens),*];
    };
}

define_opcodes! {
    /// Pushes a number.
    Push "SS" "push" "push" [] Number 0 -> 1;
    /// Pushes the top item once more.
    Dup "SLS" "dup" "dup" ["dupe", "duplicate", "doub"] None 1 -> 2;
    /// Pushes the n-th item counted from the top, which is number 0.
    Copy "STS" "copy" "copy" ["pick"] Number 0 -> 1;
    /// Exchanges the two top items.
    Swap "SLT" "swap" "swap" ["exchange"] None 2 -> 2;
    /// Removes the top item.
    Drop "SLL" "drop" "pop" ["discard"] None 1 -> 0;
    /// Removes n items below the top item, which stays.
    Slide "STL" "slide" "slide" [] Number 1 -> 1;
    /// Replaces a and b by a + b.
    Add "TSSS" "add" "add" [] None 2 -> 1;
    /// Replaces a and b by a - b.
    Sub "TSST" "sub" "sub" ["subtract"] None 2 -> 1;
    /// Replaces a and b by a * b.
    Mul "TSSL" "mul" "mul" ["multiply"] None 2 -> 1;
    /// Replaces a and b by their quotient.
    Div "TSTS" "div" "div" ["divide"] None 2 -> 1;
    /// Replaces a and b by the remainder of their division.
    Mod "TSTT" "mod" "mod" ["modulo"] None 2 -> 1;
    /// Takes a key and a value above it, and puts the value into the heap.
    Store "TTS" "store" "set" ["put"] None 2 -> 0;
    /// Replaces a key by the value that the heap has for it.
    Retrieve "TTT" "retrieve" "get" ["load", "fetch", "retrive"] None 1 -> 1;
    /// Marks a place; does nothing when execution comes by.
    Label "LSS" "label" "lbl" ["mark"] Label 0 -> 0;
    /// Goes behind the label, and remembers the place to return to.
    Call "LST" "call" "call" ["gosub"] Label 0 -> 0;
    /// Goes behind the label.
    Jmp "LSL" "jmp" "jmp" ["jump", "goto"] Label 0 -> 0;
    /// Takes a number, and goes behind the label if it is 0.
    Jz "LTS" "jz" "jz" ["jumpz", "jmpz", "jzero", "bz"] Label 1 -> 0;
    /// Takes a number, and goes behind the label if it is below 0.
    Jn "LTT" "jn" "jn" ["jumpn", "jmpn", "jneg", "bltz"] Label 1 -> 0;
    /// Goes to the place that the last call remembered, which forgets it.
    Ret "LTL" "ret" "ret" ["return", "endsub"] None 0 -> 0;
    /// Ends the program.
    End "LLL" "end" "exit" ["halt", "quit", "endprog"] None 0 -> 0;
    /// Takes a number and writes the character with this code.
    Printc "TLSS" "printc" "pchr" ["outc", "putc", "outchar", "putchar", "ochr", "writec"] None 1 -> 0;
    /// Takes a number and writes it in decimal.
    Printi "TLST" "printi" "pnum" ["outn", "putn", "putnum", "outnum", "onum", "outi", "puti", "printn", "writen"] None 1 -> 0;
    /// Takes a key, reads a character and puts its code into the heap.
    Readc "TLTS" "readc" "ichr" ["getc", "getchar", "readchar"] None 1 -> 0;
    /// Takes a key, reads a line that holds a number and puts it into the heap.
    Readi "TLTT" "readi" "inum" ["readn", "getn", "getnum", "readnum", "geti"] None 1 -> 0;
}

impl Opcode {
    /// The row of the table.
    pub fn info(self) -> &'static OpcodeInfo {
        &INFO[self as usize]
    }

    /// The name that Kiln prints.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The tokens.
    pub fn tokens(self) -> impl ExactSizeIterator<Item = Token> {
        self.info().tokens.bytes().map(|letter| match letter {
            b'S' => Token::S,
            b'T' => Token::T,
            _ => Token::L,
        })
    }

    /// What follows the opcode.
    pub fn argument(self) -> Argument {
        self.info().argument
    }

    /// The opcode with this mnemonic: any of its names, in any case.
    pub fn from_mnemonic(name: &str) -> Option<Opcode> {
        Opcode::mnemonics().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, opcode)| opcode)
    }

    /// Every mnemonic that the assembler reads for an opcode, canonical names first within each row. None stands twice.
    pub fn mnemonics() -> impl Iterator<Item = (&'static str, Opcode)> {
        INFO.iter().flat_map(|row| {
            let other = (row.whitespacers != row.name).then_some(row.whitespacers);
            std::iter::once(row.name)
                .chain(other)
                .chain(row.aliases.iter().copied())
                .map(|name| (name, row.opcode))
        })
    }
}

/// One instruction of a [`Program`](crate::Program).
///
/// Dense and `Copy`: a number beyond 64 bits is an index into the program's pool, a label is an index into its table, and
/// jumps know the instruction they lead to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Instruction {
    /// [`Opcode::Push`]
    Push(Number),
    /// [`Opcode::Dup`]
    Dup,
    /// [`Opcode::Copy`]. The number may be negative or beyond 64 bits; `copy` fails then when it runs.
    Copy(Number),
    /// [`Opcode::Swap`]
    Swap,
    /// [`Opcode::Drop`]
    Drop,
    /// [`Opcode::Slide`]. The number may be negative or beyond 64 bits.
    Slide(Number),
    /// [`Opcode::Add`]
    Add,
    /// [`Opcode::Sub`]
    Sub,
    /// [`Opcode::Mul`]
    Mul,
    /// [`Opcode::Div`]
    Div,
    /// [`Opcode::Mod`]
    Mod,
    /// [`Opcode::Store`]
    Store,
    /// [`Opcode::Retrieve`]
    Retrieve,
    /// [`Opcode::Label`]
    Label(LabelId),
    /// [`Opcode::Call`]
    Call(LabelId, Target),
    /// [`Opcode::Jmp`]
    Jmp(LabelId, Target),
    /// [`Opcode::Jz`]
    Jz(LabelId, Target),
    /// [`Opcode::Jn`]
    Jn(LabelId, Target),
    /// [`Opcode::Ret`]
    Ret,
    /// [`Opcode::End`]
    End,
    /// [`Opcode::Printc`]
    Printc,
    /// [`Opcode::Printi`]
    Printi,
    /// [`Opcode::Readc`]
    Readc,
    /// [`Opcode::Readi`]
    Readi,
    /// Not an instruction of the language: what could not be parsed, where [`Tail::Late`](crate::options::Tail::Late)
    /// lets such programs run. It is the last instruction, and fails with [`Program::tail`](crate::Program::tail) when
    /// execution comes to it.
    Trap,
}

const _: () = assert!(size_of::<Instruction>() <= 16);

impl Instruction {
    /// What it does, without its argument; none for the trap.
    pub fn opcode(self) -> Option<Opcode> {
        Some(match self {
            Instruction::Push(_) => Opcode::Push,
            Instruction::Dup => Opcode::Dup,
            Instruction::Copy(_) => Opcode::Copy,
            Instruction::Swap => Opcode::Swap,
            Instruction::Drop => Opcode::Drop,
            Instruction::Slide(_) => Opcode::Slide,
            Instruction::Add => Opcode::Add,
            Instruction::Sub => Opcode::Sub,
            Instruction::Mul => Opcode::Mul,
            Instruction::Div => Opcode::Div,
            Instruction::Mod => Opcode::Mod,
            Instruction::Store => Opcode::Store,
            Instruction::Retrieve => Opcode::Retrieve,
            Instruction::Label(_) => Opcode::Label,
            Instruction::Call(..) => Opcode::Call,
            Instruction::Jmp(..) => Opcode::Jmp,
            Instruction::Jz(..) => Opcode::Jz,
            Instruction::Jn(..) => Opcode::Jn,
            Instruction::Ret => Opcode::Ret,
            Instruction::End => Opcode::End,
            Instruction::Printc => Opcode::Printc,
            Instruction::Printi => Opcode::Printi,
            Instruction::Readc => Opcode::Readc,
            Instruction::Readi => Opcode::Readi,
            Instruction::Trap => return None,
        })
    }

    /// The number that it has as its argument.
    pub fn number(self) -> Option<Number> {
        match self {
            Instruction::Push(number) | Instruction::Copy(number) | Instruction::Slide(number) => {
                Some(number)
            }
            _ => None,
        }
    }

    /// The label that it has as its argument.
    pub fn label(self) -> Option<LabelId> {
        match self {
            Instruction::Label(label) => Some(label),
            _ => self.jump().map(|(label, _)| label),
        }
    }

    /// The label that it goes to, and where that is.
    pub fn jump(self) -> Option<(LabelId, Target)> {
        match self {
            Instruction::Call(label, target)
            | Instruction::Jmp(label, target)
            | Instruction::Jz(label, target)
            | Instruction::Jn(label, target) => Some((label, target)),
            _ => None,
        }
    }

    /// Whether the next instruction may run after it without a return in between: not after `jmp`, `ret`, `end` and the trap.
    pub fn falls_through(self) -> bool {
        !matches!(self, Instruction::Jmp(..) | Instruction::Ret | Instruction::End | Instruction::Trap)
    }

    /// The instruction of an opcode that has no argument.
    pub(crate) fn plain(opcode: Opcode) -> Option<Instruction> {
        Some(match opcode {
            Opcode::Dup => Instruction::Dup,
            Opcode::Swap => Instruction::Swap,
            Opcode::Drop => Instruction::Drop,
            Opcode::Add => Instruction::Add,
            Opcode::Sub => Instruction::Sub,
            Opcode::Mul => Instruction::Mul,
            Opcode::Div => Instruction::Div,
            Opcode::Mod => Instruction::Mod,
            Opcode::Store => Instruction::Store,
            Opcode::Retrieve => Instruction::Retrieve,
            Opcode::Ret => Instruction::Ret,
            Opcode::End => Instruction::End,
            Opcode::Printc => Instruction::Printc,
            Opcode::Printi => Instruction::Printi,
            Opcode::Readc => Instruction::Readc,
            Opcode::Readi => Instruction::Readi,
            Opcode::Push
            | Opcode::Copy
            | Opcode::Slide
            | Opcode::Label
            | Opcode::Call
            | Opcode::Jmp
            | Opcode::Jz
            | Opcode::Jn => return None,
        })
    }

    /// The instruction of an opcode that has a number as its argument.
    pub(crate) fn with_number(opcode: Opcode, number: Number) -> Option<Instruction> {
        match opcode {
            Opcode::Push => Some(Instruction::Push(number)),
            Opcode::Copy => Some(Instruction::Copy(number)),
            Opcode::Slide => Some(Instruction::Slide(number)),
            _ => None,
        }
    }

    /// The instruction of an opcode that has a label as its argument; where jumps lead is found later.
    pub(crate) fn with_label(opcode: Opcode, label: LabelId) -> Option<Instruction> {
        match opcode {
            Opcode::Label => Some(Instruction::Label(label)),
            Opcode::Call => Some(Instruction::Call(label, Target::UNDEFINED)),
            Opcode::Jmp => Some(Instruction::Jmp(label, Target::UNDEFINED)),
            Opcode::Jz => Some(Instruction::Jz(label, Target::UNDEFINED)),
            Opcode::Jn => Some(Instruction::Jn(label, Target::UNDEFINED)),
            _ => None,
        }
    }

    /// The same instruction, leading to another target.
    pub(crate) fn with_target(self, target: Target) -> Instruction {
        match self {
            Instruction::Call(label, _) => Instruction::Call(label, target),
            Instruction::Jmp(label, _) => Instruction::Jmp(label, target),
            Instruction::Jz(label, _) => Instruction::Jz(label, target),
            Instruction::Jn(label, _) => Instruction::Jn(label, target),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_are_a_prefix_code_and_mnemonics_are_distinct() {
        for a in INFO {
            for b in INFO {
                assert!(a.opcode == b.opcode || !b.tokens.starts_with(a.tokens), "{} {}", a.name, b.name);
            }
        }
        let mut names: Vec<_> = Opcode::mnemonics().map(|(name, _)| name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn rows_stand_in_the_order_of_the_opcodes() {
        for (row, opcode) in INFO.iter().zip(Opcode::ALL) {
            assert_eq!(row.opcode, *opcode);
            assert_eq!(Opcode::from_mnemonic(row.name), Some(*opcode));
            assert_eq!(Opcode::from_mnemonic(&row.whitespacers.to_uppercase()), Some(*opcode));
        }
        assert_eq!(Opcode::ALL.len(), 24);
    }
}
