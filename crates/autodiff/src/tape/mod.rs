//! The tape: the graph of a computation, its variables and its operations as data.

mod dot;
mod finite;
mod graph;
mod id_map;
mod operand;
mod operation;
mod param;
mod roundings;
mod substitution;

pub use dot::Dot;
pub use finite::NonFinite;
pub use graph::{Aside, Tape};
pub(crate) use graph::{Node, Step, check_entries};
pub(crate) use id_map::IdMap;
pub use operand::Operand;
pub use operation::Operation;
pub(crate) use operation::{Leaf, Op};
pub use param::{Param, ParamId};
pub use substitution::Substitution;
