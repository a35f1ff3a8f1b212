//! Numbers of sixteen bits.

/// A binary floating-point format of sixteen bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HalfPrecision {
    /// IEEE 754 binary16: eleven significant bits, up to 65504, PyTorch's `float16`.
    F16,
    /// The upper half of an `f32`: eight significant bits, up to 3.39e38, PyTorch's `bfloat16`.
    Bf16,
}

/// The number of stored bits of the significand of an `f64`.
const FRACTION: u32 = f64::MANTISSA_DIGITS - 1;
/// The bias of the exponent of an `f64`.
const BIAS: i32 = f64::MAX_EXP - 1;

impl HalfPrecision {
    /// The number of stored bits of the significand.
    fn fraction(self) -> u32 {
        match self {
            Self::F16 => 10,
            Self::Bf16 => 7,
        }
    }

    /// The bias of the exponent.
    fn bias(self) -> i32 {
        match self {
            Self::F16 => 15,
            Self::Bf16 => 127,
        }
    }

    /// The bit pattern of infinity. Larger patterns are NaN.
    fn infinity(self) -> u16 {
        0x7fff >> self.fraction() << self.fraction()
    }

    /// Returns the exact value of a bit pattern.
    #[must_use]
    pub fn decode(self, pattern: u16) -> f64 {
        let magnitude = pattern & 0x7fff;
        let exponent = i32::from(magnitude >> self.fraction());
        let fraction = magnitude & ((1 << self.fraction()) - 1);
        let value = if magnitude >= self.infinity() {
            // a NaN keeps its payload
            let carried = u64::from(fraction) << (FRACTION - self.fraction());
            f64::from_bits(f64::INFINITY.to_bits() | carried)
        } else {
            let leading = if exponent == 0 { 0 } else { 1 << self.fraction() };
            let quantum = exponent.max(1) - self.bias() - self.fraction() as i32;
            f64::from(leading | fraction) * power_of_two(quantum)
        };
        if pattern >> 15 == 0 { value } else { -value }
    }

    /// Returns the pattern of the nearest value, and the even one of two that are equally near. `None` if a finite value
    /// would become infinite.
    ///
    /// ```
    /// # use bptt_tensor::HalfPrecision;
    /// assert_eq!(HalfPrecision::F16.encode(1.0), Some(0x3c00));
    /// assert_eq!(HalfPrecision::F16.encode(1e5), None);
    /// ```
    #[must_use]
    pub fn encode(self, value: f64) -> Option<u16> {
        let sign = u16::from(value.is_sign_negative()) << 15;
        if value.is_nan() {
            let quiet = 1 << (self.fraction() - 1);
            let carried = value.to_bits() << 12 >> (64 - self.fraction());
            return Some(sign | self.infinity() | quiet | carried as u16);
        }
        if value.is_infinite() {
            return Some(sign | self.infinity());
        }
        let magnitude = value.abs();
        let exponent = (magnitude.to_bits() >> FRACTION) as i32 - BIAS;
        let exponent = exponent.max(1 - self.bias()); // subnormal numbers have the spacing of the smallest normal ones
        let quantum = power_of_two(exponent - self.fraction() as i32);
        let quanta = (magnitude / quantum).round_ties_even() as i32;
        // The leading one and a carry each add 1 to the exponent; a subnormal number has no leading one.
        let pattern = ((exponent + self.bias() - 1) << self.fraction()) + quanta;
        let pattern = u16::try_from(pattern).ok().filter(|&pattern| pattern < self.infinity());
        pattern.map(|pattern| sign | pattern)
    }
}

/// `2ⁿ`, for normal numbers.
fn power_of_two(n: i32) -> f64 {
    f64::from_bits(u64::from((n + BIAS) as u32) << FRACTION)
}
