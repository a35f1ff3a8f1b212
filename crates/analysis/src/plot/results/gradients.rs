//! Pictures of gradients over time.

use bptt_tensor::{Scalar, Tensor};

use crate::gradients::{
    Agreement, ErrorFlow, GradientsByLag, ParameterByLag, StateGradients, TruncationBias,
};
use crate::plot::{HeatMap, Lines, Picture};

/// The most parameters that are drawn beside each other.
const MOST: usize = 6;

impl<T: Scalar> StateGradients<T> {
    /// Draws the norms of the gradients with respect to the state after each step: the total ones as lines, and the direct
    /// ones as dots where they are not zero.
    pub fn picture(&self) -> Picture {
        let lines = Lines::new("gradient of the loss by state", "step t", "norm over the batch");
        let lines = self.variables.iter().fold(lines.log(), |lines, variable| {
            let total = numbered(variable.total_norms());
            let lines = lines.line(&format!("{}: total", variable.name), total);
            let direct = numbered(variable.direct_norms()).filter(|&(_, norm)| norm != 0.0);
            let direct: Vec<_> = direct.collect();
            if direct.is_empty() {
                return lines;
            }
            lines.dots(&format!("{}: direct", variable.name), direct)
        });
        lines.picture()
    }
}

impl ErrorFlow {
    /// Draws the norms for all variables of the state together, `[T, T]`, on a logarithmic scale.
    pub fn picture(&self) -> Picture {
        let title = "gradient of each step's loss by each state";
        HeatMap::matrix(title, "loss of step t", "state after step k", &self.overall())
            .log()
            .quantity("‖∂L_t/∂s_k‖")
            .picture()
    }
}

impl<T: Scalar> GradientsByLag<T> {
    /// Draws the norms by lag on a logarithmic scale: of all parameters together, and of each. If there are many, those
    /// with the six largest gradients are drawn.
    pub fn picture(&self) -> Picture {
        let mut parameters: Vec<_> =
            self.parameters.iter().map(|it| (&it.name, it.norms())).collect();
        if parameters.len() > MOST {
            let size = |norms: &[f64]| norms.iter().copied().fold(0.0, f64::max);
            parameters.sort_by(|(_, a), (_, b)| size(b).total_cmp(&size(a)));
            parameters.truncate(MOST);
        }
        let lines = by_lag("gradient of the parameters by lag");
        let lines = parameters
            .into_iter()
            .fold(lines, |lines, (name, norms)| lines.line(name, numbered(norms)));
        lines.dashed("all together", numbered(self.norms())).picture()
    }
}

impl<T: Scalar> ParameterByLag<T> {
    /// Draws the norms by lag on a logarithmic scale.
    pub fn picture(&self) -> Picture {
        by_lag(&format!("gradient of {} by lag", self.name))
            .line("", numbered(self.norms()))
            .picture()
    }
}

impl TruncationBias {
    /// Draws how well the truncated gradient of each parameter agrees with the whole one.
    pub fn picture(&self) -> Picture {
        let all = [("all", &self.overall)];
        let named = self.parameters.iter().map(|(name, agreement)| (name.as_str(), agreement));
        let (names, rows): (Vec<_>, Vec<&Agreement>) = all.into_iter().chain(named).unzip();
        let numbers = rows
            .iter()
            .flat_map(|it| [it.cosine, it.norm_ratio, it.sign_agreement, it.relative_error]);
        let table = Tensor::from_vec([names.len(), 4], numbers.collect());
        let title = "agreement of the truncated gradient with the whole one";
        HeatMap::matrix(title, "", "", &table)
            .columns(["cosine", "norm ratio", "same sign", "relative error"])
            .rows(names)
            .between(0.0, 1.0)
            .quantity("")
            .numbers()
            .picture()
    }
}

fn by_lag(title: &str) -> Lines {
    Lines::new(title, "lag ℓ (steps)", "norm of the part with lag ℓ").log()
}

/// Returns values with their indices, as the points of a line.
pub(super) fn numbered(values: impl IntoIterator<Item = f64>) -> impl Iterator<Item = (f64, f64)> {
    (0_u32..).map(f64::from).zip(values)
}
