//! Colour maps that the colour-blind can read.

use plotters::style::RGBColor;

/// The map of values from 0 to 1: viridis (Smith and van der Walt 2015), which is dark at 0 and light at 1.
const SEQUENTIAL: [u32; 11] = [
    0x44_01_54, 0x48_25_76, 0x41_44_87, 0x35_60_8d, 0x2a_78_8e, 0x21_90_8c, 0x22_a8_84, 0x43_bf_71,
    0x7a_d1_51, 0xbb_df_27, 0xfd_e7_25,
];

/// The map of values from -1 to 1: from blue over white to orange.
const DIVERGING: [u32; 5] = [0x08_45_7e, 0x5b_a3_cf, 0xfa_fa_fa, 0xf2_9b_4c, 0xa0_3c_00];

/// A map from the part of a scale, 0 to 1, to a colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColorMap(&'static [u32]);

impl ColorMap {
    pub(super) const SEQUENTIAL: Self = Self(&SEQUENTIAL);
    pub(super) const DIVERGING: Self = Self(&DIVERGING);

    /// Returns the colour at a part of the scale. Beyond its ends, the colours of the ends stay.
    pub(super) fn at(self, part: f64) -> RGBColor {
        let last = self.0.len() - 1;
        let place = part.clamp(0.0, 1.0) * last as f64;
        let below = (place as usize).min(last - 1);
        let mix = |shift: u32| {
            let [a, b] = [self.0[below], self.0[below + 1]].map(|it| f64::from(it >> shift & 0xff));
            (a + (b - a) * (place - below as f64)).round() as u8
        };
        RGBColor(mix(16), mix(8), mix(0))
    }
}
