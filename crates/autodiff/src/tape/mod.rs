//! The tape: the graph of a computation, its variables and its operations as data.

mod context;
mod dot;
mod finite;
mod graph;
mod id_map;
mod leaves;
mod op_class;
mod operand;
mod operation;
mod param;
pub(crate) mod primitive;
mod probes;
mod probing;
mod roundings;
mod scopes;
mod substitution;
mod untied;

pub(crate) use context::{Origin, Step, StepCount};
pub use dot::Dot;
pub use finite::NonFinite;
pub(crate) use graph::Node;
pub use graph::{Tape, Var};
pub(crate) use id_map::IdMap;
pub(crate) use op_class::{Class, Function, ViewOf};
pub use op_class::{OpClass, RowFunction};
pub use operand::Operand;
pub(crate) use operation::{Contribution, Cotangent, Leaf, Op, Slots};
pub use operation::{Operation, Pullback};
pub use param::{Param, ParamId};
pub use probes::Probes;
pub(crate) use probes::listed;
pub use probing::Scope;
pub use scopes::Aside;
pub use substitution::Substitution;
