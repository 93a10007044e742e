//! What a group's and an item's values can be.

/// A value that the whole group can have, and that lanes of a wave can exchange: what [`Workgroup::once`](crate::Workgroup::once)
/// gives, and what a [`Varying`](crate::Varying) holds.
///
/// Every type that is `Copy + Send + Sync + 'static` is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given to a whole group or wave",
    label = "not a plain value",
    note = "the result of `once` is copied to every item of the group, and a value of a `Varying` from lane to lane: a number, an array `[T; N]`, or a struct that derives `Clone` and `Copy`, without borrowed parts"
)]
pub trait GroupValue: Copy + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Copy + Send + Sync + 'static> GroupValue for T {}

/// A value that an item can keep: what a [`Private`](crate::Private) holds for each.
///
/// Every type that is `Copy + Send` is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept for each item",
    label = "not a plain value",
    note = "a private value is a number, an array `[T; N]`, or a struct that derives `Clone` and `Copy`; a kernel cannot allocate a `Vec`, `String` or `Box`"
)]
pub trait ItemValue: Copy + Send {}

#[diagnostic::do_not_recommend]
impl<T: Copy + Send> ItemValue for T {}
