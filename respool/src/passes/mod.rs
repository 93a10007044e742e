//! The passes that every target shares, one a file. [`compile`](crate::compile) gives their order and why it matters.

pub mod address_spaces;
pub mod approximations;
pub mod attributes;
pub mod group_scope;
pub mod library_calls;
pub mod messages;
pub mod redundant_barriers;
pub mod stack_assumptions;
