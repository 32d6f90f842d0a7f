//! Rust types that cross into compiled code and back: which register each travels in, and how it looks as a word.
//!
//! Between Rust and adapters every value is one 8-byte word: integers extended to it by their own signedness,
//! floats as their bits, addresses as they are. Adapters read the low bytes they need, so the upper half of a
//! narrower value has no meaning on the way back.

use kiln_ir::{AbiType, Type};

mod sealed {
    /// Keeps [`super::Value`] to the types listed here, so that more can be added without breaking anyone.
    pub trait Sealed {}
    /// The same for [`super::Values`].
    pub trait SealedResults {}
}

/// A type that can be a parameter or a result: integers of 8 to 64 bits, `bool`, floats, raw pointers.
///
/// Signedness matters for 8 and 16 bits only, where it says how the value is extended; `i32` and `u32` are both
/// Kiln's `i32`, and `i64`, `u64`, `isize`, `usize` and pointers may stand for its `i64` and its `ptr`.
pub trait Value: Copy + 'static + sealed::Sealed {
    /// The element of a signature that this type stands for.
    const ABI: AbiType;

    /// The value as a word.
    fn to_word(self) -> u64;

    /// The value that a word holds in its low bytes.
    fn from_word(word: u64) -> Self;
}

macro_rules! values {
    ($($ty:ty = $abi:expr, $to:expr, $from:expr;)*) => {$(
        impl sealed::Sealed for $ty {}
        impl Value for $ty {
            const ABI: AbiType = $abi;
            #[inline]
            fn to_word(self) -> u64 { let to: fn($ty) -> u64 = $to; to(self) }
            #[inline]
            fn from_word(word: u64) -> $ty { let from: fn(u64) -> $ty = $from; from(word) }
        }
    )*};
}

values! {
    bool = AbiType::U8, |v| v as u64, |w| w as u8 != 0;
    i8 = AbiType::I8, |v| v as u64, |w| w as i8;
    u8 = AbiType::U8, |v| v as u64, |w| w as u8;
    i16 = AbiType::I16, |v| v as u64, |w| w as i16;
    u16 = AbiType::U16, |v| v as u64, |w| w as u16;
    i32 = AbiType::Value(Type::I32), |v| v as u64, |w| w as i32;
    u32 = AbiType::Value(Type::I32), |v| v as u64, |w| w as u32;
    i64 = AbiType::Value(Type::I64), |v| v as u64, |w| w as i64;
    u64 = AbiType::Value(Type::I64), |v| v, |w| w;
    isize = AbiType::Value(Type::I64), |v| v as u64, |w| w as isize;
    usize = AbiType::Value(Type::I64), |v| v as u64, |w| w as usize;
    f32 = AbiType::Value(Type::F32), |v| v.to_bits() as u64, |w| f32::from_bits(w as u32);
    f64 = AbiType::Value(Type::F64), f64::to_bits, f64::from_bits;
}

impl<T: 'static> sealed::Sealed for *const T {}
impl<T: 'static> Value for *const T {
    const ABI: AbiType = AbiType::Value(Type::Ptr);

    #[inline]
    fn to_word(self) -> u64 {
        self as usize as u64
    }

    #[inline]
    fn from_word(word: u64) -> *const T {
        word as usize as *const T
    }
}

impl<T: 'static> sealed::Sealed for *mut T {}
impl<T: 'static> Value for *mut T {
    const ABI: AbiType = AbiType::Value(Type::Ptr);

    #[inline]
    fn to_word(self) -> u64 {
        self as usize as u64
    }

    #[inline]
    fn from_word(word: u64) -> *mut T {
        word as usize as *mut T
    }
}

/// What a function gives back: nothing `()`, one value, or a tuple of up to four.
pub trait Values: sealed::SealedResults {
    /// The result elements of the signature.
    fn abi() -> Vec<AbiType>;

    /// The values that the first words hold.
    fn from_words(words: &[u64]) -> Self;

    /// Writes the values to the first words.
    fn to_words(self, words: &mut [u64]);
}

impl sealed::SealedResults for () {}
impl Values for () {
    fn abi() -> Vec<AbiType> {
        Vec::new()
    }

    #[inline]
    fn from_words(_: &[u64]) {}

    #[inline]
    fn to_words(self, _: &mut [u64]) {}
}

impl<T: Value> sealed::SealedResults for T {}
impl<T: Value> Values for T {
    fn abi() -> Vec<AbiType> {
        vec![T::ABI]
    }

    #[inline]
    fn from_words(words: &[u64]) -> T {
        T::from_word(words[0])
    }

    #[inline]
    fn to_words(self, words: &mut [u64]) {
        words[0] = self.to_word();
    }
}

macro_rules! tuples {
    ($($name:ident $at:tt)*) => {
        impl<$($name: Value),*> sealed::SealedResults for ($($name,)*) {}
        impl<$($name: Value),*> Values for ($($name,)*) {
            fn abi() -> Vec<AbiType> {
                vec![$($name::ABI),*]
            }

            #[inline]
            fn from_words(words: &[u64]) -> Self {
                ($($name::from_word(words[$at]),)*)
            }

            #[inline]
            fn to_words(self, words: &mut [u64]) {
                $(words[$at] = self.$at.to_word();)*
            }
        }
    };
}

tuples!(A 0 B 1);
tuples!(A 0 B 1 C 2);
tuples!(A 0 B 1 C 2 D 3);
