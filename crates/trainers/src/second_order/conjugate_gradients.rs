//! The method of conjugate gradients.

use crate::vector::Vector;

/// When to stop, after Martens (2010).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    /// The greatest number of products with the matrix.
    pub(crate) iterations: usize,
    /// The relative progress per iteration at which the method ends.
    pub(crate) tolerance: f64,
    /// The relative rounding error of a product.
    pub(crate) rounding: f64,
}

/// An approximate solution, with earlier ones.
#[derive(Clone, Debug)]
pub(crate) struct Solution {
    /// Approximations `x` with `q(x)`, the last one the best. Earlier ones are at growing distances, `1.3ᵏ` iterations.
    pub(crate) iterates: Vec<(Vector, f64)>,
    /// The number of products with the matrix.
    pub(crate) iterations: usize,
}

/// Why there is no solution.
#[derive(Debug, PartialEq)]
pub(crate) enum NoSolution {
    /// A direction `p` has `pᵀ A p < 0` beyond rounding: the matrix is not positive semidefinite.
    NegativeCurvature,
    /// A product is not finite.
    NonFinite,
}

/// The ratio of the iterations after which approximations are kept.
const GROWTH: f64 = 1.3;

/// Minimizes `q(x) = ½ xᵀ A x − bᵀ x`, that is, solves `A x = b`, for a positive semidefinite `A`, from `start`, or from 0
/// if that is lower.
///
/// The preconditioner is a diagonal matrix that approximates `A`. The method ends when the relative progress of `q` over
/// the last `k = max(10, i / 10)` iterations is below `k` times the tolerance (Martens 2010, section 4.4).
pub(crate) fn solve(
    mut product: impl FnMut(&Vector) -> Vector,
    b: &Vector,
    start: Vector,
    preconditioner: &Vector,
    stop: Stop,
) -> Result<Solution, NoSolution> {
    let value = |x: &Vector, residual: &Vector| 0.5 * x.dot(&(residual - b));
    let mut x = start;
    let mut residual = -b;
    if x.amax() > 0.0 {
        let image = product(&x);
        if value(&x, &(&image - b)) < 0.0 {
            residual += image;
        } else {
            x.fill(0.0);
        }
    }
    let mut iterations = 0;
    let mut values = vec![value(&x, &residual)];
    let mut largest = 0.0_f64; // of the eigenvalues, as far as it is seen
    let mut scaled = residual.component_div(preconditioner);
    let mut slope = residual.dot(&scaled);
    let mut direction = -&scaled;
    let mut iterates = Vec::new();
    let mut next_kept = 1.0_f64;
    while iterations < stop.iterations && slope > 0.0 {
        let image = product(&direction);
        iterations += 1;
        let (curvature, square) = (direction.dot(&image), direction.norm_squared());
        if !(curvature.is_finite() && square.is_finite()) {
            return Err(NoSolution::NonFinite);
        }
        largest = largest.max(image.norm() / square.sqrt());
        let noise = stop.rounding * largest * square;
        if curvature < -noise {
            return Err(NoSolution::NegativeCurvature);
        }
        if curvature <= noise {
            break; // flat up to rounding: nothing more is to be gained
        }
        let length = slope / curvature;
        x.axpy(length, &direction, 1.0);
        residual.axpy(length, &image, 1.0);
        values.push(value(&x, &residual));
        let steps = values.len() - 1;
        if steps as f64 >= next_kept {
            iterates.push((x.clone(), values[steps]));
            next_kept = (next_kept * GROWTH).max(steps as f64 + 1.0);
        }
        let window = (steps / 10).max(10);
        if steps > window && values[steps] < 0.0 {
            let progress = 1.0 - values[steps - window] / values[steps];
            if progress < window as f64 * stop.tolerance {
                break;
            }
        }
        scaled = residual.component_div(preconditioner);
        let next = residual.dot(&scaled);
        direction *= next / slope;
        direction -= &scaled;
        slope = next;
    }
    let last = values[values.len() - 1];
    if iterates.last().is_none_or(|(kept, _)| *kept != x) {
        iterates.push((x, last));
    }
    Ok(Solution { iterates, iterations })
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;

    use super::*;

    fn matrix(size: usize) -> DMatrix<f64> {
        let factor = DMatrix::from_fn(size, size, |i, j| ((i * 7 + j * 3) as f64).sin());
        &factor * factor.transpose() + DMatrix::identity(size, size) * 0.1
    }

    const EXACT: Stop = Stop { iterations: 200, tolerance: 0.0, rounding: 1e-14 };

    #[test]
    fn the_solution_is_that_of_a_dense_factorization() {
        for size in [1, 2, 7, 20] {
            let a = matrix(size);
            let b = Vector::from_fn(size, |i, _| (i as f64).cos());
            let diagonal = a.diagonal();
            let expected = a.clone().cholesky().expect("positive definite").solve(&b);
            for start in [Vector::zeros(size), Vector::from_element(size, 0.3)] {
                let solution = solve(|v| &a * v, &b, start, &diagonal, EXACT).expect("a solution");
                let (x, value) = solution.iterates.last().expect("an iterate");
                assert!((x - &expected).amax() < 1e-8, "{size}: {x}");
                let exact = 0.5 * expected.dot(&(&a * &expected)) - b.dot(&expected);
                assert!((value - exact).abs() < 1e-9, "{value} is not {exact}");
            }
        }
    }

    #[test]
    fn a_perfect_preconditioner_needs_one_product() {
        let diagonal = Vector::from_vec(vec![1.0, 10.0, 100.0]);
        let product = |v: &Vector| v.component_mul(&diagonal);
        let b = Vector::from_element(3, 1.0);
        let stop = Stop { iterations: 1, ..EXACT };
        let solution = solve(product, &b, Vector::zeros(3), &diagonal, stop).expect("a solution");
        let (x, _) = solution.iterates.last().expect("an iterate");
        assert!((x - b.component_div(&diagonal)).amax() < 1e-15);
    }

    #[test]
    fn negative_curvature_is_an_error() {
        let b = Vector::from_element(2, 1.0);
        let ones = Vector::from_element(2, 1.0);
        let error = solve(|v| -v, &b, Vector::zeros(2), &ones, EXACT).map(drop);
        assert_eq!(error, Err(NoSolution::NegativeCurvature));
    }

    #[test]
    fn products_that_are_not_finite_are_an_error() {
        let b = Vector::from_element(2, 1.0);
        let error = solve(|v| v * f64::NAN, &b, Vector::zeros(2), &b, EXACT).map(drop);
        assert_eq!(error, Err(NoSolution::NonFinite));
    }

    /// A start that is worse than 0 is not used, and one that is better is.
    #[test]
    fn a_bad_start_is_left() {
        let b = Vector::from_element(2, 1.0);
        let stop = Stop { iterations: 1, ..EXACT };
        let first = |start: f64| {
            let start = Vector::from_vec(vec![start, 0.0]);
            let diagonal = Vector::from_vec(vec![1.0, 3.0]);
            let solution = solve(|v| v.component_mul(&diagonal), &b, start, &b, stop);
            solution.expect("a solution").iterates.remove(0).0
        };
        assert_eq!(first(-5.0), first(0.0));
        assert_ne!(first(0.5), first(0.0));
    }

    /// With eigenvalues from 1 to 10⁴, the last digits of the value take most of the iterations. The method ends where the
    /// relative progress over a tenth of them is below that many times the tolerance, and not before.
    #[test]
    fn it_ends_where_progress_falls_off() {
        let size = 400;
        let diagonal = Vector::from_fn(size, |i, _| 1e4_f64.powf(i as f64 / size as f64));
        let (b, ones) = (Vector::from_element(size, 1.0), Vector::from_element(size, 1.0));
        let run = |iterations, tolerance| {
            let stop = Stop { iterations, tolerance, rounding: 1e-14 };
            let product = |v: &Vector| v.component_mul(&diagonal);
            solve(product, &b, Vector::zeros(size), &ones, stop).expect("a solution")
        };
        let value_after = |iterations| run(iterations, 0.0).iterates.pop().expect("an iterate").1;
        let tolerance = 5e-4;
        let has_fallen_off = |steps: usize| {
            let window = (steps / 10).max(10);
            1.0 - value_after(steps - window) / value_after(steps) < window as f64 * tolerance
        };
        let end = run(1000, tolerance).iterations;
        assert!((20..200).contains(&end), "{end}");
        assert!(has_fallen_off(end) && !has_fallen_off(end - 1));
    }

    #[test]
    fn a_singular_matrix_has_a_solution_in_its_range() {
        let product = |v: &Vector| Vector::from_vec(vec![2.0 * v[0], 0.0]);
        let b = Vector::from_vec(vec![4.0, 0.0]);
        let ones = Vector::from_element(2, 1.0);
        let solution = solve(product, &b, Vector::zeros(2), &ones, EXACT).expect("a solution");
        assert_eq!(
            solution.iterates.last().expect("an iterate").0,
            Vector::from_vec(vec![2.0, 0.0])
        );
    }
}
