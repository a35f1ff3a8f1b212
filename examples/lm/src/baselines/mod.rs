//! Models that a recurrent network is compared with, on the same text.
