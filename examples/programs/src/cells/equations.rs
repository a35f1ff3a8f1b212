//! The equations of the cells, as text.

use super::CellKind;

/// The marks in `my_cell.rs` begin so.
const MARK: &str = "// ──";

impl CellKind {
    /// Returns the equations, one a line, as the documentation of the cell's type writes them: those of the options that
    /// [`build`](Self::build) sets. A line without ` = ` is a note. Of your own cell, it is the source between the marks.
    #[must_use]
    pub fn equations(self) -> Vec<&'static str> {
        let is_mark = |line: &&str| line.starts_with(MARK);
        match self.source() {
            Some(source) => {
                let cell = source.lines().skip_while(|line| !is_mark(line)).skip(1);
                cell.take_while(|line| !is_mark(line)).collect()
            }
            None => self.text().trim().lines().map(str::trim).collect(),
        }
    }

    /// Returns the names that the equations define, in their order. A run has them as its [probes](bptt::Probes), except
    /// for values that are never computed. Your own cell names its probes in its source, so it has none here.
    #[must_use]
    pub fn variables(self) -> Vec<&'static str> {
        let lines = self.text().lines().filter_map(|line| line.split_once(" = "));
        let is_variable = |name: &&str| !name.contains('('); // f(a) is a function
        lines.flat_map(|(names, _)| names.trim().split(", ")).filter(is_variable).collect()
    }

    /// Returns the equations of a cell of the library, indented as here.
    fn text(self) -> &'static str {
        match self {
            Self::Elman | Self::FullyRecurrent | Self::EchoState => {
                "h = tanh(x W_ih + h₋ W_hh + b)"
            }
            Self::Irnn => "h = relu(x W_ih + h₋ W_hh + b)",
            Self::OutputToHidden => {
                "
                h = tanh(x W_ih + o₋ W_oh + b)
                o = h W_ho + b_ho"
            }
            Self::IndRnn => "h = relu(x W_ih + w_hh ⊙ h₋ + b)",
            Self::Window => "h = tanh([x_{t−k+1}, …, x_t] W_ih + b)",
            Self::Lstm1997 => {
                "
                g = tanh(x W_ih_g + h₋ W_hh_g + b_g)
                i, o = σ(x W_ih_{i,o} + h₋ W_hh_{i,o} + b_{i,o})
                c = c₋ + i ⊙ g
                h = o ⊙ tanh(c)"
            }
            Self::MemoryBlocks => {
                "
                g = f_g(x W_ih_g + h₋ W_hh_g)
                f_g(a) = 4 σ(a) − 2
                i, o = σ(x W_ih_{i,o} + h₋ W_hh_{i,o})
                c = c₋ + î ⊙ g
                y = ô ⊙ f_c(c)
                f_c(a) = 2 σ(a) − 1
                h = [y, i, o]
                î, ô: the gates of a cell's block"
            }
            Self::Lstm => {
                "
                i, f, o = σ(x W_ih_{i,f,o} + h₋ W_hh_{i,f,o} + b_{i,f,o})
                g = tanh(x W_ih_g + h₋ W_hh_g + b_g)
                c = f ⊙ c₋ + i ⊙ g
                h = o ⊙ tanh(c)"
            }
            Self::PeepholeLstm => {
                "
                i, f = σ(x W_ih_{i,f} + h₋ W_hh_{i,f} + p_{i,f} ⊙ c₋ + b_{i,f})
                g = tanh(x W_ih_g + h₋ W_hh_g + b_g)
                c = f ⊙ c₋ + i ⊙ g
                o = σ(x W_ih_o + h₋ W_hh_o + p_o ⊙ c + b_o)
                h = o ⊙ tanh(c)"
            }
            Self::CoupledLstm => {
                "
                f, o = σ(x W_ih_{f,o} + h₋ W_hh_{f,o} + b_{f,o})
                g = tanh(x W_ih_g + h₋ W_hh_g + b_g)
                c = f ⊙ c₋ + (1 − f) ⊙ g
                h = o ⊙ tanh(c)"
            }
            Self::LayerNormLstm => {
                "
                i, f = σ(N_ih(x W_ih)_{i,f} + N_hh(h₋ W_hh)_{i,f} + b_{i,f})
                g = tanh(N_ih(x W_ih)_g + N_hh(h₋ W_hh)_g + b_g)
                c = f ⊙ c₋ + i ⊙ g
                o = σ(N_ih(x W_ih)_o + N_hh(h₋ W_hh)_o + b_o)
                h = o ⊙ tanh(N_c(c))
                N_ih, N_hh, N_c: layer norms"
            }
            Self::ProjectedLstm => {
                "
                i, f, o = σ(x W_ih_{i,f,o} + h₋ W_hh_{i,f,o} + b_{i,f,o})
                g = tanh(x W_ih_g + h₋ W_hh_g + b_g)
                c = f ⊙ c₋ + i ⊙ g
                h = (o ⊙ tanh(c)) W_hr"
            }
            Self::Gru => {
                "
                r, z = σ(x W_ih_{r,z} + h₋ W_hh_{r,z} + b_{r,z})
                n = tanh(x W_ih_n + b_n + r ⊙ (h₋ W_hh_n + b_hh_n))
                h = (1 − z) ⊙ n + z ⊙ h₋"
            }
            Self::LayerNormGru => {
                "
                r, z = σ(N_ih_rz(x W_ih_{r,z}) + N_hh_rz(h₋ W_hh_{r,z}))
                n = tanh(N_ih_n(x W_ih_n) + r ⊙ N_hh_n(h₋ W_hh_n))
                h = (1 − z) ⊙ n + z ⊙ h₋
                N_ih_rz, N_hh_rz, N_ih_n, N_hh_n: layer norms"
            }
            Self::MinimalGated => {
                "
                f = σ(x W_ih_f + h₋ W_hh_f + b_f)
                n = tanh(x W_ih_n + (f ⊙ h₋) W_hh_n + b_n)
                h = (1 − f) ⊙ h₋ + f ⊙ n"
            }
            Self::MinGru => {
                "
                z = σ(x W_ih_z + b_z)
                n = x W_ih_n + b_n
                h = (1 − z) ⊙ h₋ + z ⊙ n"
            }
            Self::MinLstm => {
                "
                f, i = σ(x W_ih_{f,i} + b_{f,i})
                n = x W_ih_n + b_n
                f' = f/(f + i)
                i' = i/(f + i)
                h = f' ⊙ h₋ + i' ⊙ n"
            }
            Self::Mine => "",
        }
    }
}
