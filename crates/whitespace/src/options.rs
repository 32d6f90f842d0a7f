//! Where implementations of the language differ, and what a program is allowed to use up.
//!
//! One table holds the options: their names, values and what these mean. The structure, the presets' names, reading by name and the
//! command line derive from it. The defaults let every program work that works on the authors' own interpreter, wspace 0.3,
//! unless it does what their tutorial forbids.

/// The value of an option, as text names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ValueInfo {
    /// Its name.
    pub name: &'static str,
    /// What it means, in one sentence.
    pub doc: &'static str,
}

/// A row of the table of options.
#[derive(Clone, Copy)]
pub struct OptionInfo {
    /// The name, as the command has it behind `--`.
    pub name: &'static str,
    /// What it decides.
    pub doc: &'static str,
    /// The values; the default is the first.
    pub values: &'static [ValueInfo],
    set: fn(&mut Options, usize),
    get: fn(&Options) -> usize,
}

macro_rules! define_options {
    ($($(#[doc = $doc:literal])* $name:literal $field:ident: $choice:ident {
        $($(#[doc = $value_doc:literal])* $value:ident $value_name:literal;)*
    })*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
            #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
            pub enum $choice { $($(#[doc = $value_doc])* $value,)* }

            impl $choice {
                const ALL: &'static [$choice] = &[$($choice::$value),*];

                /// Its name.
                pub fn name(self) -> &'static str {
                    match self { $($choice::$value => $value_name),* }
                }
            }

            /// The first value of the table.
            impl Default for $choice {
                fn default() -> $choice {
                    $choice::ALL[0]
                }
            }

            impl std::fmt::Display for $choice {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str(self.name())
                }
            }
        )*

        /// How a program is understood and run. The default is documented at each type.
        #[derive(Clone, PartialEq, Eq, Debug, Default)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
        pub struct Options {
            $($(#[doc = $doc])* pub $field: $choice,)*
            /// What a program may use up.
            pub limits: Limits,
        }

        /// The options, in the order that help lists them.
        pub static TABLE: &[OptionInfo] = &[$(OptionInfo {
            name: $name,
            doc: concat!($($doc),*).trim_ascii_start(),
            values: &[$(ValueInfo { name: $value_name, doc: concat!($($value_doc),*).trim_ascii_start() }),*],
            set: |options, value| options.$field = $choice::ALL[value],
            get: |options| options.$field as usize,
        }),*];
    };
}

define_options! {
    /// How `div` and `mod` round.
    "division" division: Division {
        /// The quotient is rounded down; the remainder has the sign of the divisor.
        Floor "floor";
        /// The quotient is rounded toward zero; the remainder has the sign of the dividend.
        Trunc "trunc";
    }
    /// What arithmetic does beyond 64 bits.
    "overflow" overflow: Overflow {
        /// Integers have any size.
        Exact "exact";
        /// Everything is modulo 2^64, in two's complement; also numbers pushed and read.
        Wrap "wrap";
        /// An error.
        Error "error";
    }
    /// What a heap cell holds that was never written.
    "heap" heap: Heap {
        /// It is 0.
        Zero "zero";
        /// Reading it is an error.
        Error "error";
        /// It is 0 below the largest key written, reading above is an error, and so is any negative key.
        Wspace "wspace";
    }
    /// What `slide n` does for a negative n, or with n items or fewer on the stack.
    "slide" slide: Slide {
        /// It keeps only the top, and does nothing for a negative n.
        Clamp "clamp";
        /// An error.
        Error "error";
    }
    /// What `ret` does without a call to return from.
    "empty-return" empty_return: EmptyReturn {
        /// An error.
        Error "error";
        /// It ends the program.
        Exit "exit";
    }
    /// What happens behind the last instruction.
    "end" end: End {
        /// The program ends.
        Implicit "implicit";
        /// An error.
        Error "error";
    }
    /// Which of several equal labels is meant.
    "duplicate-labels" duplicate_labels: DuplicateLabels {
        /// The program is rejected.
        Error "error";
        /// The first one.
        First "first";
        /// The last one.
        Last "last";
    }
    /// What becomes of a jump to a label that does not exist.
    "undefined-labels" undefined_labels: UndefinedLabels {
        /// The program is rejected.
        Error "error";
        /// It is an error when the jump is taken.
        Late "late";
    }
    /// What becomes of bytes that cannot be parsed.
    "tail" tail: Tail {
        /// The program is rejected.
        Error "error";
        /// They and all behind them become one instruction that is an error when it runs.
        Late "late";
    }
    /// What `printc` and `readc` take for a character.
    "chars" chars: Chars {
        /// A code point of Unicode, as UTF-8 outside.
        Utf8 "utf8";
        /// A byte.
        Bytes "bytes";
    }
    /// What `readc` and `readi` do at the end of the input.
    "eof" eof: Eof {
        /// An error.
        Error "error";
        /// They store 0.
        Zero "zero";
        /// They store -1.
        MinusOne "minus-one";
        /// They leave the cell as it is.
        Keep "keep";
    }
    /// Which lines `readi` accepts.
    "numbers" numbers: Numbers {
        /// One number and blanks around it: decimal, hexadecimal (0x), octal (0o) or binary (0b), with a sign.
        Strict "strict";
        /// As much of the line as is a decimal number; 0 if nothing is.
        Prefix "prefix";
        /// What wspace 0.3 reads: as strict, with parentheses around it, but no plus sign.
        Wspace "wspace";
    }
}

/// What a program may use up. None means that only the machine sets a limit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Limits {
    /// How many instructions may run.
    pub steps: Option<u64>,
    /// How many items the data stack may hold.
    pub stack: Option<u64>,
    /// How many cells of the heap may be written.
    pub heap: Option<u64>,
    /// How many calls may be under way.
    pub calls: Option<u64>,
    /// How many bytes may be written.
    pub output: Option<u64>,
}

/// An implementation whose answers to all the questions are taken at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Compat {
    /// The interpreter by the language's authors, in its last version.
    Wspace03,
    /// The Rust crate of this name.
    Whitespacers,
}

impl Compat {
    /// Every one.
    pub const ALL: &'static [Compat] = &[Compat::Wspace03, Compat::Whitespacers];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Compat::Wspace03 => "wspace-0.3",
            Compat::Whitespacers => "whitespacers",
        }
    }

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<Compat> {
        Compat::ALL.iter().copied().find(|compat| compat.name() == name)
    }
}

impl Options {
    /// The answers that another implementation gives.
    pub fn compat(compat: Compat) -> Options {
        match compat {
            Compat::Wspace03 => Options {
                heap: Heap::Wspace,
                end: End::Error,
                duplicate_labels: DuplicateLabels::First,
                undefined_labels: UndefinedLabels::Late,
                tail: Tail::Late,
                numbers: Numbers::Wspace,
                ..Options::default()
            },
            Compat::Whitespacers => Options {
                division: Division::Trunc,
                heap: Heap::Error,
                slide: Slide::Error,
                chars: Chars::Bytes,
                ..Options::default()
            },
        }
    }

    /// Sets an option by the names of the table. False if there is no such option or no such value.
    pub fn set(&mut self, option: &str, value: &str) -> bool {
        let Some(row) = TABLE.iter().find(|row| row.name == option) else { return false };
        let Some(index) = row.values.iter().position(|known| known.name == value) else { return false };
        (row.set)(self, index);
        true
    }
}

impl OptionInfo {
    /// The name of the value that it has in these options.
    pub fn value(&self, options: &Options) -> &'static str {
        self.values[(self.get)(options)].name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_can_be_set_by_name_and_the_default_is_the_first() {
        let mut options = Options::default();
        for row in TABLE {
            assert_eq!(row.value(&options), row.values[0].name, "{}", row.name);
            for value in row.values {
                assert!(options.set(row.name, value.name));
                assert_eq!(row.value(&options), value.name);
                assert!(!value.doc.is_empty());
            }
        }
        assert!(!options.set("division", "round") && !options.set("rounding", "floor"));
    }

    #[test]
    #[cfg(feature = "serde")]
    fn options_survive_serialisation() {
        let options = Options {
            limits: Limits { steps: Some(7), ..Limits::default() },
            ..Options::compat(Compat::Wspace03)
        };
        let text = serde_json::to_string(&options).expect("plain data");
        assert!(text.contains(r#""undefined_labels":"late""#), "{text}");
        assert_eq!(serde_json::from_str::<Options>(&text).expect("what was written"), options);
        assert_eq!(serde_json::from_str::<Options>("{}").expect("defaults"), Options::default());
    }

    #[test]
    fn presets_answer_as_the_implementations_do() {
        let differing = |compat| {
            let options = Options::compat(compat);
            let rows = TABLE.iter().filter(|row| row.value(&options) != row.values[0].name);
            rows.map(|row| format!("{}={}", row.name, row.value(&options))).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(differing(Compat::Whitespacers), "division=trunc heap=error slide=error chars=bytes");
        assert_eq!(
            differing(Compat::Wspace03),
            "heap=wspace end=error duplicate-labels=first undefined-labels=late tail=late numbers=wspace"
        );
    }
}
