//! A number of bytes that threads share.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of bytes that threads share.
#[derive(Debug)]
pub(super) struct Limit {
    bytes: usize,
    reserved: AtomicUsize,
}

impl Limit {
    pub(super) const fn new(bytes: usize) -> Self {
        Self { bytes, reserved: AtomicUsize::new(0) }
    }

    /// Reserves bytes if the limit allows it, and says whether it does.
    pub(super) fn reserve(&self, bytes: usize) -> bool {
        let more = |reserved: usize| reserved.checked_add(bytes).filter(|&sum| sum <= self.bytes);
        self.reserved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// The bytes that are reserved.
    pub(super) fn reserved(&self) -> usize {
        self.reserved.load(Ordering::Relaxed)
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.reserved.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_reserve_no_more_than_there_is() {
        let limit = Limit::new(1000);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for bytes in (0..300).cycle().take(3000) {
                        if limit.reserve(bytes) {
                            assert!(limit.reserved() <= 1000);
                            limit.give_back(bytes);
                        }
                    }
                });
            }
        });
        assert!(limit.reserve(1000));
        assert!(!limit.reserve(1) && !limit.reserve(usize::MAX));
    }
}
