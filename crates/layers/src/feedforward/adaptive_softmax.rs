//! Softmaxes over many classes of unequal frequency.

use bptt_autodiff::Var;
use bptt_tensor::shape::OrPanic;
use bptt_tensor::{Scalar, Shape, ShapeError};
use rand::Rng;

use super::linear::Linear;
use crate::core::module::Module;
use crate::loss;
use crate::loss::Loss;
use crate::loss::terms::positions;

/// An adaptive softmax (Grave et al. 2017) over many classes, such as the 100 000 words of a vocabulary. Rare classes
/// form clusters that are computed only where they are needed.
///
/// Cutoffs `c_0 < c_1 < ..` divide the `V` classes, which are numbered from the most frequent to the rarest. The *head*
/// is a softmax over the classes below `c_0` and over the clusters of the others. Cluster `i` has the classes from
/// `c_i` to the next cutoff, and a softmax of its own, behind a projection to fewer features:
///
/// ```text
/// p(y | h) = softmax(h W)[y]                                     y < c_0
/// p(y | h) = softmax(h W)[c_0 + i] softmax(h P_i U_i)[y − c_i]   c_i ≤ y < c_{i+1}
/// ```
///
/// `h: [.., H]`, `W: [H, c_0 + clusters]`, `P_i: [H, H / d^(i+1)]` with the factor `d`. There are no biases. The
/// [loss](Self::loss) of a batch computes the softmax of a cluster only at the positions whose target is in the
/// cluster.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::AdaptiveSoftmax;
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let softmax = AdaptiveSoftmax::<f32>::new(&mut rng, 64, 5000, &[200, 1000], 4);
/// let tape = Tape::new();
/// let hs = tape.constant(Tensor::ones([3, 2, 64])); // [T, B, H]
/// let loss = softmax.loss(hs, &[7, 4321, 0, 199, 1, 800]).mean();
/// let log_p = softmax.log_probabilities(hs); // [T, B, V], for evaluation
/// assert_eq!(log_p.shape(), [3, 2, 5000]);
/// # assert!(loss.item() > 0.0);
/// ```
#[derive(Clone, Debug, Module)]
pub struct AdaptiveSoftmax<T> {
    head: Linear<T>,
    clusters: Vec<Cluster<T>>,
    /// The first class of each cluster, and the number of classes.
    #[module(skip)]
    bounds: Vec<usize>,
}

/// The softmax over the classes of a cluster.
#[derive(Clone, Debug, Module)]
struct Cluster<T> {
    /// `P: [H, H / d^(i+1)]`
    projection: Linear<T>,
    /// `U: [H / d^(i+1), classes]`
    output: Linear<T>,
}

impl<T: Scalar> Cluster<T> {
    #[track_caller]
    fn logits<'t>(&self, h: Var<'t, T>) -> Var<'t, T> {
        self.output.forward(self.projection.forward(h))
    }
}

impl<T: Scalar> AdaptiveSoftmax<T> {
    /// Creates a softmax from `H = input_size` features over `V = classes`, with a cluster from each cutoff to the next.
    /// The projection of each cluster has `factor` times fewer features than the one before, and at least one. The
    /// weights start as those of [`Linear`].
    ///
    /// # Panics
    ///
    /// If the cutoffs do not increase from 1 or more to less than the number of classes, or the factor is 0.
    #[track_caller]
    #[must_use]
    pub fn new(
        rng: &mut impl Rng,
        input_size: usize,
        classes: usize,
        cutoffs: &[usize],
        factor: usize,
    ) -> Self {
        let bounds = [cutoffs, &[classes]].concat();
        assert!(
            bounds[0] > 0 && bounds.is_sorted_by(|left, right| left < right),
            "adaptive_softmax: cutoffs increase from 1 or more to less than the {classes} classes, not {cutoffs:?}"
        );
        assert!(factor > 0, "adaptive_softmax: a projection by a factor of 0 has no size");
        let mut linear = |inputs, outputs| Linear::new(rng, inputs, outputs).bias(false);
        let head = linear(input_size, bounds[0] + cutoffs.len());
        let mut size = input_size;
        let clusters = bounds.windows(2).map(|bounds| {
            size = (size / factor).max(1);
            Cluster {
                projection: linear(input_size, size),
                output: linear(size, bounds[1] - bounds[0]),
            }
        });
        Self { head, clusters: clusters.collect(), bounds }
    }

    /// Returns the cross-entropy of the target class at each position of features `h: [.., H]`, in nats. Targets are in
    /// row-major order, one for each position.
    ///
    /// # Panics
    ///
    /// If the number of targets is not that of the positions, a target is not less than `V`, or the last axis of `h` is
    /// not the input size.
    #[track_caller]
    pub fn loss<'t>(&self, h: Var<'t, T>, targets: &[usize]) -> Loss<'t, T> {
        let positions = positions::rows("adaptive_softmax", &h.shape()).or_panic();
        let count = positions.elements();
        if targets.len() != count {
            let targets = targets.len();
            let problem =
                format!("has {count} positions but {targets} targets; give one class for each");
            Err::<(), _>(ShapeError::new("adaptive_softmax", &[&h.shape()], problem)).or_panic();
        }
        let clusters = self.clusters_of(targets, &positions);
        let rows = h.reshape([count, h.shape()[h.rank() - 1]]);
        let of_head: Vec<usize> = (targets.iter().zip(&clusters))
            .map(|(&y, &cluster)| cluster.map_or(y, |cluster| self.bounds[0] + cluster))
            .collect();
        let mut losses = loss::cross_entropy(self.head.forward(rows), &of_head).per_position();
        for (i, cluster) in self.clusters.iter().enumerate() {
            let there: Vec<usize> = (0..count).filter(|&row| clusters[row] == Some(i)).collect();
            if there.is_empty() {
                continue;
            }
            let classes: Vec<usize> =
                there.iter().map(|&row| targets[row] - self.bounds[i]).collect();
            let logits = cluster.logits(rows.gather_rows(&there));
            let within = loss::cross_entropy(logits, &classes).per_position();
            losses = losses + within.scatter_rows(&there, count);
        }
        Loss::new(losses.reshape(positions))
    }

    /// Returns the cluster of each target; `None` for those of the head.
    #[track_caller]
    fn clusters_of(&self, targets: &[usize], positions: &Shape) -> Vec<Option<usize>> {
        let classes = self.bounds[self.bounds.len() - 1];
        if let Some((position, target)) = targets.iter().enumerate().find(|(_, y)| **y >= classes) {
            panic!(
                "adaptive_softmax: target {target} at position {:?} is not one of {classes} classes, which \
                 count from 0",
                positions.index_of(position),
            );
        }
        let cluster = |y| self.bounds.partition_point(|&bound| bound <= y).checked_sub(1);
        targets.iter().map(|&y| cluster(y)).collect()
    }

    /// Returns the log-probabilities of all classes, `[.., V]`, of features `h: [.., H]`, for evaluation and generation.
    ///
    /// # Panics
    ///
    /// If the last axis of `h` is not the input size.
    #[track_caller]
    #[must_use]
    pub fn log_probabilities<'t>(&self, h: Var<'t, T>) -> Var<'t, T> {
        let first = self.bounds[0];
        let head = self.head.forward(h).log_softmax(-1);
        let mut parts = vec![head.slice(-1, 0..first)];
        for (i, cluster) in self.clusters.iter().enumerate() {
            let of_cluster = head.slice(-1, first + i..first + i + 1);
            parts.push(of_cluster + cluster.logits(h).log_softmax(-1));
        }
        Var::concat(&parts, -1)
    }
}
