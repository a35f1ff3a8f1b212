//! Products with Jacobians and Hessians, computed by differentiating vector-Jacobian products.

use bptt_tensor::{Scalar, Tensor};

use crate::tape::{Tape, Var};

impl<T: Scalar> Tape<T> {
    /// The Jacobian-vector product `Σ ∂y/∂xᵢ · vᵢ` for pairs of a source `xᵢ` and its tangent `vᵢ`: the derivative of `y`
    /// along the tangents. It can be differentiated again.
    ///
    /// It is computed in reverse mode. The function `w ↦ wᵀ ∂y/∂x` is linear in `w`, and its
    /// vector-Jacobian product with `v` is the Jacobian-vector product.
    ///
    /// # Panics
    ///
    /// If a tangent does not have its source's shape.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn jvp<'t>(&'t self, y: Var<'t, T>, tangents: &[(Var<'t, T>, Var<'t, T>)]) -> Var<'t, T> {
        check_shapes("jvp", tangents);
        let sources: Vec<_> = tangents.iter().map(|&(x, _)| x).collect();
        let cotangent = self.variable(Tensor::zeros(y.shape()));
        let pulled = self.vjp(&[(y, cotangent)], &sources);
        let pairs: Vec<_> =
            pulled.into_iter().zip(tangents).map(|(pulled, &(_, v))| (pulled, v)).collect();
        self.vjp(&pairs, &[cotangent])[0]
    }

    /// The Hessian-vector product `∂²y/∂x² · v` of a `y` of one element, for pairs of a source and
    /// its direction. Returns one result for each source, which includes the mixed derivatives with
    /// the others. The results can be differentiated again.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::new();
    /// let x = tape.variable(Tensor::from_vec([2], vec![1.0, 2.0]));
    /// let y = (x * x * x).sum_all(); // the Hessian is diag(6 x)
    /// let v = tape.constant(Tensor::from_vec([2], vec![1.0, -1.0]));
    /// assert_eq!(tape.hvp(y, &[(x, v)])[0].value().to_vec(), [6.0, -12.0]);
    /// ```
    ///
    /// # Panics
    ///
    /// If `y` does not have exactly one element, or a direction does not have its source's shape.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn hvp<'t>(
        &'t self,
        y: Var<'t, T>,
        directions: &[(Var<'t, T>, Var<'t, T>)],
    ) -> Vec<Var<'t, T>> {
        check_shapes("hvp", directions);
        assert!(
            y.shape().elements() == 1,
            "hvp: a Hessian is of one number, not of shape {}; reduce it first",
            y.shape()
        );
        let sources: Vec<_> = directions.iter().map(|&(x, _)| x).collect();
        let seed = self.constant(Tensor::ones(y.shape()));
        let slopes = self.vjp(&[(y, seed)], &sources);
        let pairs: Vec<_> =
            slopes.into_iter().zip(directions).map(|(slope, &(_, v))| (slope, v)).collect();
        self.vjp(&pairs, &sources)
    }
}

#[track_caller]
fn check_shapes<T: Scalar>(operation: &str, pairs: &[(Var<'_, T>, Var<'_, T>)]) {
    for (x, v) in pairs {
        assert!(
            x.shape() == v.shape(),
            "{operation}: a source of shape {} needs a direction of the same shape, not {}",
            x.shape(),
            v.shape()
        );
    }
}
