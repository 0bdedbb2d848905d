//! What can be measured.

use super::Number;

/// A type of number that instruments take: `u64`, `i64` and `f64`.
pub trait Measurement: sealed::Bits {}

impl Measurement for u64 {}
impl Measurement for i64 {}
impl Measurement for f64 {}

/// The type of an instrument's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberType {
    U64,
    I64,
    F64,
}

impl NumberType {
    pub(super) fn number(self, bits: u64) -> Number {
        match self {
            Self::U64 => Number::U64(bits),
            Self::I64 => Number::I64(bits.cast_signed()),
            Self::F64 => Number::F64(f64::from_bits(bits)),
        }
    }

    pub(super) fn bits(number: Number) -> u64 {
        match number {
            Number::U64(value) => value,
            Number::I64(value) => value.cast_unsigned(),
            Number::F64(value) => value.to_bits(),
        }
    }

    /// The sum; integers wrap.
    pub(super) fn sum(self, left: u64, right: u64) -> u64 {
        match self {
            Self::U64 | Self::I64 => left.wrapping_add(right),
            Self::F64 => (f64::from_bits(left) + f64::from_bits(right)).to_bits(),
        }
    }
}

#[expect(unnameable_types, reason = "nobody else implements it")]
pub(super) mod sealed {
    use super::NumberType;

    pub trait Bits: Copy + PartialOrd + std::fmt::Debug + Send + Sync + 'static {
        /// What `bind` measures to find out whose an instrument is.
        const PROBE: Self;
        #[expect(private_interfaces, reason = "sealed")]
        const TYPE: NumberType;

        fn is_probe(self) -> bool;
        fn is_negative(self) -> bool;
        fn is_finite(self) -> bool;
        fn bits(self) -> u64;
        fn to_f64(self) -> f64;
    }
}

macro_rules! integer {
    ($type:ty, $kind:ident, $bits:expr, $negative:expr) => {
        impl sealed::Bits for $type {
            const PROBE: Self = 0;
            #[expect(private_interfaces, reason = "sealed")]
            const TYPE: NumberType = NumberType::$kind;

            #[inline]
            fn is_probe(self) -> bool {
                self == 0
            }
            #[inline]
            fn is_negative(self) -> bool {
                $negative(self)
            }
            #[inline]
            fn is_finite(self) -> bool {
                true
            }
            #[inline]
            fn bits(self) -> u64 {
                $bits(self)
            }
            #[inline]
            #[expect(
                clippy::cast_precision_loss,
                reason = "the nearest will do for buckets"
            )]
            fn to_f64(self) -> f64 {
                self as f64
            }
        }
    };
}

integer!(u64, U64, |value| value, |_| false);
integer!(i64, I64, i64::cast_unsigned, |value: i64| value < 0);

impl sealed::Bits for f64 {
    /// Not a number, so that no implementation takes it for a measurement.
    const PROBE: Self = Self::NAN;
    #[expect(private_interfaces, reason = "sealed")]
    const TYPE: NumberType = NumberType::F64;

    #[inline]
    fn is_probe(self) -> bool {
        self.is_nan()
    }
    #[inline]
    fn is_negative(self) -> bool {
        self < 0.0
    }
    #[inline]
    fn is_finite(self) -> bool {
        Self::is_finite(self)
    }
    #[inline]
    fn bits(self) -> u64 {
        self.to_bits()
    }
    #[inline]
    fn to_f64(self) -> f64 {
        self
    }
}
