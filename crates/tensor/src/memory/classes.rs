//! Size classes of buffers. Each doubling has four classes, so at most a fifth of a buffer is
//! unused.

const SMALLEST: usize = 4;

/// The largest class whose buffers need no more than `len` elements.
pub(super) fn class_within(len: usize) -> usize {
    let log = len.ilog2();
    (log as usize - 2) * 4 + ((len >> (log - 2)) & 3)
}

/// The number of elements of a buffer of this class: 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, …
pub(super) fn class_len(class: usize) -> usize {
    (4 + class % 4) << (class / 4)
}

/// The smallest class whose buffers hold `len` elements.
pub(super) fn class_holding(len: usize) -> usize {
    if len <= SMALLEST {
        return 0;
    }
    let class = class_within(len);
    class + usize::from(class_len(class) < len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ordered_and_waste_at_most_a_fifth() {
        for class in 0..100 {
            assert!(class_len(class) < class_len(class + 1));
            assert_eq!(class_within(class_len(class)), class);
        }
        for len in 4..5000 {
            let held = class_len(class_holding(len));
            assert!(held >= len, "{len} does not fit its class");
            assert!(
                len == 4 || class_len(class_holding(len) - 1) < len,
                "{len} fits a smaller class"
            );
            assert!(class_len(class_within(len)) <= len);
            assert!(
                (held - len) as f64 <= 0.2 * held as f64 + 1.0,
                "{len} wastes too much of {held}"
            );
        }
    }
}
