//! What a processor can do beyond the target's base level.

macro_rules! features {
    ($($(#[doc = $doc:literal])+ $name:ident;)*) => {
        /// Processor features that generated code may use beyond the target's base level.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Features {
            $($(#[doc = $doc])+ pub $name: bool,)*
        }

        impl Features {
            /// The features by name.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// Every feature.
            pub const ALL: Features = Features { $($name: true),* };

            /// Gives the feature of this name, or none if there is none.
            pub fn named(&mut self, name: &str) -> Option<&mut bool> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

features! {
    /// Fused multiply-add instructions (x86: FMA3 with AVX enabled by the system). Without them, `fma` calls the C
    /// library.
    fma;
    /// Bit manipulation, first group (x86: `andn`, `blsi`, `blsmsk`, `blsr`, `tzcnt`).
    bmi1;
    /// Bit manipulation, second group (x86: shifts by any register, rotates into another, `mulx`).
    bmi2;
    /// Counting leading zeros in one instruction.
    lzcnt;
}
