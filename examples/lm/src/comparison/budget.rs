//! Models of equal size.

/// A budget that no model fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a budget of {budget} parameters is too small: with one hidden unit, the model has {smallest}; raise the budget, or \
     shrink the vocabulary or the embedding"
)]
pub struct BudgetTooSmall {
    /// The parameters allowed.
    pub budget: usize,
    /// The parameters of the smallest model.
    pub smallest: usize,
}

/// Returns the hidden size whose number of parameters is nearest to `budget`. Of two equally near, it is the smaller.
///
/// `parameter_count` must be strictly increasing. Bisection calls it for sizes up to about twice the result.
///
/// ```
/// use lm::comparison::budget::hidden_size_for;
///
/// let elman = |hidden_size: usize| hidden_size * (hidden_size + 10 + 1);
/// assert_eq!(hidden_size_for(10_000, elman)?, 95); // 10 070, where 94 has 9 870
/// # Ok::<(), lm::comparison::budget::BudgetTooSmall>(())
/// ```
///
/// # Errors
///
/// If the model exceeds the budget with one hidden unit.
pub fn hidden_size_for(
    budget: usize,
    parameter_count: impl Fn(usize) -> usize,
) -> Result<usize, BudgetTooSmall> {
    let smallest = parameter_count(1);
    if smallest > budget {
        return Err(BudgetTooSmall { budget, smallest });
    }
    // `within` is always within the budget, and `above` above it.
    let (mut within, mut above) = (1, 2);
    while parameter_count(above) <= budget {
        (within, above) = (above, 2 * above);
    }
    while above - within > 1 {
        let middle = within.midpoint(above);
        if parameter_count(middle) <= budget {
            within = middle;
        } else {
            above = middle;
        }
    }
    let missing = budget - parameter_count(within);
    let excess = parameter_count(above) - budget;
    Ok(if excess < missing { above } else { within })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 1, 4, 9, 16 parameters: 6 is nearer to 4 than to 9, 7 to 9. With 2, 4, 6, …, an odd budget lies between two.
    #[test]
    fn nearest_and_ties_down() {
        let square = |h| h * h;
        let sizes = [1, 4, 6, 7, 9].map(|budget| hidden_size_for(budget, square).unwrap());
        assert_eq!(sizes, [1, 2, 2, 3, 3]);
        assert_eq!(hidden_size_for(5, |h| 2 * h), Ok(2));
    }

    #[test]
    fn a_budget_below_one_unit_is_an_error() {
        let error = hidden_size_for(99, |h| 100 * h).unwrap_err();
        assert_eq!(error, BudgetTooSmall { budget: 99, smallest: 100 });
    }

    proptest! {
        #[test]
        fn no_size_is_nearer(
            [square, linear, constant] in prop::array::uniform3(0_usize..50),
            budget in 0_usize..20_000,
        ) {
            let count = |h: usize| square * h * h + (linear + 1) * h + constant;
            match hidden_size_for(budget, count) {
                Err(error) => prop_assert_eq!(error, BudgetTooSmall { budget, smallest: count(1) }),
                Ok(size) => {
                    let distance = |h| count(h).abs_diff(budget);
                    let nearest = (1..=budget + 1).min_by_key(|&h| distance(h)); // the first of several
                    prop_assert_eq!(Some(size), nearest);
                }
            }
        }
    }
}
