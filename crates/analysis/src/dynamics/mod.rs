//! The dynamics of a cell: Jacobians of a step, Lyapunov exponents, fixed points, saturation, memory capacity.
