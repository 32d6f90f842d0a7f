//! What can be wrong with a module: one variant per rule, with the message and what to do, in one table.

use crate::entity::{Block, DataId, FuncId, VReg};
use crate::function::Function;
use crate::module::Module;
use crate::op::{Op, Order, Variant};
use crate::types::{MemType, Type, TypeSet};
use std::fmt;

/// An entity with its name, if it has one, printed as the text form writes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named<T> {
    /// Which one.
    pub id: T,
    /// Its name.
    pub name: Option<Box<str>>,
}

impl<T> Named<T> {
    fn new(id: T, name: Option<&str>) -> Named<T> {
        Named { id, name: name.filter(|n| !n.is_empty()).map(Into::into) }
    }
}

/// Whether a name is written without quotes.
fn is_plain(name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '@' | '.');
    name.chars().all(word) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// How an entity is written: before its name, before its number.
macro_rules! written {
    ($($entity:ident $name:literal $number:literal;)*) => {$(
        impl fmt::Display for Named<$entity> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match &self.name {
                    Some(name) if is_plain(name) => write!(f, concat!($name, "{}"), name),
                    Some(name) => write!(f, concat!($name, "{:?}"), name),
                    None => write!(f, concat!($number, "{}"), self.id.0),
                }
            }
        }
    )*};
}

written! {
    VReg "%" "%";
    Block "" ".";
    FuncId "" "#";
    DataId "" "#";
}

/// The register as it is printed.
pub(super) fn reg(f: &Function, v: VReg) -> Named<VReg> {
    Named::new(v, f.vreg_names.get(v.index()))
}

/// The block as it is printed.
pub(super) fn label(f: &Function, b: Block) -> Named<Block> {
    Named::new(b, f.block_names.get(b.index()))
}

/// The function as it is printed.
pub(super) fn func(m: &Module, id: FuncId) -> Named<FuncId> {
    Named::new(id, m.funcs.get(id.index()).map(|f| f.name.as_str()))
}

/// The data object as it is printed.
pub(super) fn data(m: &Module, id: DataId) -> Named<DataId> {
    Named::new(id, m.data.get(id.index()).map(|d| d.name.as_str()))
}

/// An op with its variant, printed as its mnemonic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InstName {
    /// The op.
    pub op: Op,
    /// What fills the braces of its mnemonic.
    pub variant: Variant,
}

impl fmt::Display for InstName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.op.info().name(self.variant))
    }
}

/// A set of types, printed as a choice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OneOf(pub TypeSet);

impl fmt::Display for OneOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.iter().count();
        for (i, ty) in self.0.iter().enumerate() {
            let before = match i {
                0 => "",
                _ if i + 1 == count => " or ",
                _ => ", ",
            };
            write!(f, "{before}{ty}")?;
        }
        if count == 0 { f.write_str("none") } else { Ok(()) }
    }
}

/// How a value of one type becomes one of another, printed as advice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conversion {
    /// What there is.
    pub from: Type,
    /// What is wanted.
    pub to: Type,
}

impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ops = match (self.from, self.to) {
            (Type::I32, Type::I64 | Type::Ptr) => "`sext` or `zext`",
            (Type::I64 | Type::Ptr, Type::I32) => "`trunc`",
            (Type::F32, Type::F64) => "`fpromote`",
            (Type::F64, Type::F32) => "`fdemote`",
            (from, to) if from.is_float() && !to.is_float() => "`ftosi` or `ftoui`",
            (from, to) if !from.is_float() && to.is_float() => "`sitof` or `uitof`",
            _ => "`copy`",
        };
        write!(f, "convert it with {ops}")
    }
}

/// The blocks that control passes through, from an entry on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trail(pub Vec<Named<Block>>);

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// How many blocks are shown at either end of a long way.
        const ENDS: usize = 4;
        if let [only] = &self.0[..] {
            return write!(f, "further up in block {only}");
        }
        f.write_str("on the way ")?;
        for (i, block) in self.0.iter().enumerate() {
            if i < ENDS || i + ENDS >= self.0.len() {
                write!(f, "{}{block}", if i == 0 { "" } else { " -> " })?;
            } else if i == ENDS {
                f.write_str(" -> ...")?;
            }
        }
        Ok(())
    }
}

/// Defines the faults: fields, message and, where there is something to suggest, help.
macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $ty:ty,)* } $message:literal $(, $help:literal)?;)*) => {
        /// A broken rule of the verifier.
        #[derive(Clone, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[$doc])* $name { $($(#[$fdoc])* $field: $ty,)* },)*
        }

        impl Fault {
            /// The name of every variant, in the order of the table.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// The name of the variant.
            pub fn name(&self) -> &'static str {
                match self { $(Fault::$name { .. } => stringify!($name),)* }
            }

            /// What to do about it, where something can be suggested.
            #[allow(unused_variables, reason = "not every field is in the help")]
            pub fn help(&self) -> Option<String> {
                match self { $(Fault::$name { $($field),* } => faults!(@help $($help)?),)* }
            }
        }

        impl fmt::Display for Fault {
            #[allow(unused_variables, reason = "not every field is in the message")]
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Fault::$name { $($field),* } => write!(f, $message),)* }
            }
        }

        impl std::error::Error for Fault {}
    };
    (@help) => { None };
    (@help $help:literal) => { Some(format!($help)) };
}

faults! {
    // Anywhere.
    /// More than the verifier's limits allow.
    TooMuch {
        /// What is counted.
        what: &'static str,
        /// How much there is.
        count: u64,
        /// How much may be.
        max: u64,
    } "{count} {what} are too many: at most {max} are allowed";
    /// An index past the end of its table.
    NoSuch {
        /// What the index names.
        what: &'static str,
        /// The index.
        index: u32,
        /// How many there are.
        count: usize,
    } "there is no {what} number {index}: there are {count}";
    /// An alignment that is not a power of two up to a page.
    Align {
        /// What is aligned.
        what: &'static str,
        /// The alignment.
        align: u32,
    } "{what} has alignment {align}", "an alignment is a power of two from 1 to 4096";

    // Names, functions and data.
    /// Something that must be found by name has none.
    Nameless {
        /// What it is.
        what: &'static str,
    } "{what} has no name", "name it: it is found by its name";
    /// A name with a zero byte.
    NulInName {
        /// The name.
        name: String,
    } "the name {name:?} contains a zero byte";
    /// Two functions, data objects or entries of one name.
    NameTwice {
        /// The name.
        name: String,
    } "the name `{name}` is given twice", "functions, data and entries share one space of names";
    /// A function without a body that is no import.
    NoBody {
        /// The function.
        func: Named<FuncId>,
    } "`{func}` has no body", "write its body, or declare it as an import";
    /// An import with a body.
    ImportWithBody {
        /// The function.
        func: Named<FuncId>,
    } "`{func}` is an import but has a body", "drop the body, or let it be local or exported";
    /// A further entry that is declared with what only functions have.
    EntryDeclared {
        /// The entry.
        func: Named<FuncId>,
    } "`{func}` is a further entry and more than that", "an entry is local, and has no body and no library; whether it is replaceable its function says";
    /// A further entry that no body has, or two have.
    EntryPlaces {
        /// The entry.
        func: Named<FuncId>,
    } "`{func}` is a further entry, but not in one place", "the function that it belongs to has it once among its entries";
    /// An entry of a body that is not declared as one of this function.
    ForeignEntry {
        /// The entry.
        func: Named<FuncId>,
        /// The function with the body.
        of: Named<FuncId>,
    } "`{func}` is not declared as a further entry of `{of}`", "declare it with `Module::declare_entry`";
    /// A further entry with another signature than its registers and its function make.
    EntrySignature {
        /// The entry.
        func: Named<FuncId>,
    } "the signature of `{func}` is not that of its registers and its function's results";
    /// A library named for a function that is no import.
    LibraryOfDefined {
        /// The function.
        func: Named<FuncId>,
    } "`{func}` names a library but is no import";
    /// Imported data with contents.
    ImportWithData {
        /// The data object.
        data: Named<DataId>,
    } "`{data}` is imported but has contents", "drop the contents, or let it be local or exported";
    /// Thread-local data that is defined here.
    ThreadLocalDefined {
        /// The data object.
        data: Named<DataId>,
    } "`{data}` is thread-local but no import", "only imported data can be thread-local";
    /// A relocation not wholly inside the bytes of its object.
    RelocOutside {
        /// The data object.
        data: Named<DataId>,
        /// Where it begins.
        offset: u32,
        /// Number of bytes of the object, zeros after them not counted.
        size: usize,
    } "the address at {offset} of `{data}` does not lie inside its {size} bytes", "an address takes 8 bytes";
    /// Two relocations that overlap, or are not in order.
    RelocOrder {
        /// The data object.
        data: Named<DataId>,
        /// Where the second begins.
        offset: u32,
    } "the address at {offset} of `{data}` overlaps the one before it or is out of order";
    /// A relocation to a label of a function without body.
    LabelOfImport {
        /// The function.
        func: Named<FuncId>,
    } "`{func}` has no body and so no labels";

    // Layouts.
    /// A size that is not a multiple of the alignment.
    LayoutSize {
        /// The layout.
        name: String,
        /// Its size.
        size: u32,
        /// Its alignment.
        align: u32,
    } "type `{name}` has size {size}, which is no multiple of its alignment {align}";
    /// A field that lies outside of its aggregate or has no elements.
    LayoutField {
        /// The layout.
        name: String,
        /// The number of the field.
        field: usize,
    } "field {field} of type `{name}` is empty or does not lie inside it";
    /// Fields that are not in the order of their offsets.
    LayoutOrder {
        /// The layout.
        name: String,
        /// The number of the field.
        field: usize,
    } "field {field} of type `{name}` begins before the one before it";
    /// A marked class whose fields are not those of the class.
    LayoutClass {
        /// The layout.
        name: String,
    } "the fields of type `{name}` are not those of its class",
        "x87 is one f80, complex two equal floats, int128 two i64 in 16 bytes";

    // Functions as a whole.
    /// Parameter registers that do not match the signature.
    Params {
        /// Number of parameter registers.
        found: u32,
        /// Number of parameters.
        wanted: usize,
    } "the function has {found} parameter registers, but its signature has {wanted} parameters";
    /// A parameter register of the wrong type.
    ParamType {
        /// The register.
        reg: Named<VReg>,
        /// Its type.
        found: Type,
        /// The type of the signature.
        wanted: Type,
    } "parameter {reg} is {found}, but the signature says {wanted}";
    /// An entry that assigns a register twice.
    EntryParamTwice {
        /// The register.
        reg: Named<VReg>,
    } "the entry takes {reg} twice", "each parameter of an entry is a register of its own";
    /// Further entries of a function whose activations need what only its own callers give.
    EntriesOf {
        /// What kind of function it is.
        what: &'static str,
    } "a function {what} has no further entries", "let a function without it have them, and call that";
    /// A function without instructions.
    EmptyBody {} "the function has no instructions", "end it with a return";
    /// Blocks that do not follow each other from the first instruction on, or have no instructions.
    BlockOrder {
        /// The block.
        block: Named<Block>,
    } "block {block} is empty or does not start after the one before it";
    /// A label set without labels.
    EmptyLabelSet {
        /// Its number.
        set: u32,
    } "label set L{set} is empty", "list the labels that the jump may go to";
    /// A position table that is not in the order of the instructions.
    PositionOrder {
        /// The instruction.
        inst: u32,
    } "the source position for instruction {inst} is out of order";

    // Blocks.
    /// A block whose last instruction is no terminator.
    NoTerminator {
        /// The block.
        block: Named<Block>,
        /// Its last instruction.
        op: InstName,
    } "block {block} ends with `{op}`, which does not say where to go on", "end it with a jump, a branch or a return";
    /// A terminator in the middle of a block.
    TerminatorInside {
        /// The instruction.
        op: InstName,
    } "`{op}` ends a block but stands in the middle of one", "begin a new block after it";
    /// A last block that goes on to the next.
    FallsOffEnd {
        /// The instruction.
        op: InstName,
    } "control runs off the end of the function after `{op}`", "end the function with a jump or a return";
    /// A cold edge to a block that is not cold.
    NotCold {
        /// The target.
        block: Named<Block>,
    } "block {block} is the target of an overflow but is not cold", "mark the block as cold";

    // Records.
    /// A type that the op does not have.
    OpType {
        /// The op.
        op: InstName,
        /// The type.
        ty: Type,
        /// The types it has.
        wanted: OneOf,
    } "`{op}` does not work on {ty}", "its types: {wanted}";
    /// Flags or attributes that the op does not have.
    Flags {
        /// The op.
        op: InstName,
        /// The bits.
        bits: u16,
    } "`{op}` cannot have the attribute bits {bits:#06x}";
    /// A tail flag where there must be none, or none where there must be one.
    TailFlag {
        /// The op.
        op: InstName,
        /// Which of the two: "needs a tail" or "has no tail".
        rule: &'static str,
    } "`{op}` {rule}, but the flag of its record says otherwise";
    /// A tail that runs past the end of the side pool.
    TailOutside {
        /// The op.
        op: InstName,
        /// Where it starts.
        start: u32,
        /// Words in the pool.
        pool: usize,
    } "the tail of `{op}` at word {start} runs past the end of the pool of {pool} words";
    /// A number in the record that stands for nothing.
    Number {
        /// What it should be.
        what: &'static str,
        /// The number.
        number: u32,
    } "{number} is no {what}";
    /// A constant that is not in its one form.
    ConstForm {
        /// Its type.
        ty: Type,
    } "this {ty} constant is not stored in its one form",
        "in the tail stand f64, and i64 or ptr if they need more than 32 bits";
    /// A register of the wrong type.
    OperandType {
        /// The op.
        op: InstName,
        /// The register.
        reg: Named<VReg>,
        /// Its type.
        found: Type,
        /// The types that may stand here.
        wanted: OneOf,
        /// How to make one from the other.
        how: Conversion,
    } "`{op}` wants {wanted} here, but {reg} is {found}", "{how}";
    /// An index of a memory operand that is not as wide as an address.
    IndexType {
        /// The register.
        reg: Named<VReg>,
        /// Its type.
        found: Type,
    } "the index {reg} is {found}, but an index is i64", "widen it first with `sext` or `zext`";
    /// An access that the register cannot hold.
    AccessFits {
        /// The access.
        access: MemType,
        /// The type of the register.
        ty: Type,
    } "an access of {access} does not fit a register of type {ty}";
    /// An atomic access of a size that is not 1, 2, 4 or 8.
    AtomicAccess {
        /// The access.
        access: MemType,
    } "{access} cannot be accessed atomically", "atomics are integers of 1, 2, 4 or 8 bytes";
    /// An order that the atomic cannot have.
    AtomicOrder {
        /// The op.
        op: InstName,
        /// The order.
        order: OrderName,
    } "`{op}` cannot be {order}", "a load can be relaxed, acquire or seq_cst, a store relaxed, release or seq_cst";
    /// A float stored as a constant.
    FloatConstant {
        /// Its type.
        ty: Type,
    } "a constant of type {ty} cannot be stored directly", "load it into a register with `const` first";
    /// A bit-field outside of the register.
    BitField {
        /// First bit.
        bit: u32,
        /// Width.
        width: u32,
        /// Type of the register.
        ty: Type,
    } "bits {bit} and up, {width} wide, are not inside {ty}", "the width is at least 1";
    /// A trap code that is too large.
    TrapCode {
        /// The code.
        code: u32,
    } "trap code {code} is too large", "codes go from 0 to 2147483647";
    /// The same register for two results.
    SameResult {
        /// The register.
        reg: Named<VReg>,
    } "{reg} takes two results of the same instruction", "give each result a register of its own";
    /// A case that the type of the value does not have.
    CaseRange {
        /// The case.
        value: i64,
    } "case {value} is out of range for i32", "write the value as signed: -2147483648 to 2147483647";
    /// A value with two cases.
    CaseTwice {
        /// The case.
        value: i64,
    } "case {value} is listed twice";
    /// The address of thread-local data taken as if it were ordinary.
    ThreadLocal {
        /// The data object.
        data: Named<DataId>,
    } "`{data}` is thread-local", "take its address with `tls_addr`";
    /// The thread-local address of ordinary data.
    NotThreadLocal {
        /// The data object.
        data: Named<DataId>,
    } "`{data}` is not thread-local", "take its address with `data_addr`";
    /// `va_start` in a function without variable arguments.
    NotVariadic {} "`va_start` stands in a function without variable arguments", "end its parameters with `...`";

    // Calls and returns.
    /// A direct call with another signature than the function's.
    CallSignature {
        /// The function.
        func: Named<FuncId>,
    } "the call of `{func}` is made with another signature than its own";
    /// Too few or too many arguments.
    ArgumentCount {
        /// How many there are.
        found: usize,
        /// How many the signature has.
        wanted: usize,
        /// What may be said of the number wanted: empty, or "at least ".
        least: &'static str,
    } "the call passes {found} arguments, but its signature wants {least}{wanted}";
    /// An argument of the wrong type.
    ArgumentType {
        /// The number of the argument, from 1.
        number: usize,
        /// The register.
        reg: Named<VReg>,
        /// Its type.
        found: Type,
        /// The type of the signature.
        wanted: Type,
        /// How to make one from the other.
        how: Conversion,
    } "argument {number} is {wanted}, but {reg} is {found}", "{how}";
    /// A variable argument that C would have promoted.
    VariadicFloat {
        /// The register.
        reg: Named<VReg>,
    } "{reg} is f32, which cannot be a variable argument", "convert it to f64 with `fpromote`, as C does";
    /// A call with the wrong number of results.
    ResultCount {
        /// How many there are.
        found: u32,
        /// How many the signature has.
        wanted: usize,
    } "the call takes {found} results, but its signature gives {wanted}";
    /// A result in a register of the wrong type.
    ResultType {
        /// The number of the result, from 1.
        number: usize,
        /// The register.
        reg: Named<VReg>,
        /// Its type.
        found: Type,
        /// The type of the signature.
        wanted: Type,
    } "result {number} is {wanted}, but {reg} is {found}";
    /// A return with the wrong number of results.
    ReturnCount {
        /// How many there are.
        found: usize,
        /// How many the signature has.
        wanted: usize,
    } "{found} results are returned, but the function gives {wanted}";
    /// A return of the wrong type.
    ReturnType {
        /// The number of the result, from 1.
        number: usize,
        /// The register.
        reg: Named<VReg>,
        /// Its type.
        found: Type,
        /// The type of the signature.
        wanted: Type,
        /// How to make one from the other.
        how: Conversion,
    } "the function returns {wanted}, but {reg} is {found}", "{how}";
    /// A tail call whose results are not those of the caller.
    TailResults {} "the tail call gives other results than the function it stands in",
        "call it and return what the caller must give";
    /// Variable arguments in a convention that has none.
    VariadicConvention {} "a signature of the convention `kiln` takes variable arguments",
        "use a C convention; only C reads variable arguments";
    /// A tail call between conventions.
    TailConvention {} "the tail call leads to another calling convention", "call it and return instead";

    // Definite assignment.
    /// A register that is read before it is assigned.
    Unassigned {
        /// The register.
        reg: Named<VReg>,
        /// A way from an entry to the read on which nothing assigns it.
        path: Trail,
    } "{reg} is read here, but not every way to this place assigns it", "nothing assigns it {path}";
}

/// A memory order, printed by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderName(pub Order);

impl fmt::Display for OrderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}
