//! When a prediction is right although several symbols may follow.

/// Whether each legal symbol has a larger output than each illegal one, for outputs with whether their symbol is legal. Outputs
/// that are not numbers are never right.
pub(crate) fn are_legal_first(outputs: &(impl Iterator<Item = (f64, bool)> + Clone)) -> bool {
    let of = |wanted: bool| outputs.clone().filter(move |it| it.1 == wanted).map(|it| it.0);
    of(true).all(|legal| of(false).all(|illegal| legal > illegal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tie_or_what_is_no_number_is_wrong() {
        let right =
            |outputs: [f64; 3]| are_legal_first(&outputs.into_iter().zip([true, false, true]));
        assert!(right([0.3, 0.2, 0.9]));
        assert!(!right([0.1, 0.2, 0.9]));
        assert!(!right([0.2, 0.2, 0.9]));
        assert!(!right([f64::NAN, 0.2, 0.9]));
        assert!(!right([0.3, f64::NAN, 0.9]));
    }
}
