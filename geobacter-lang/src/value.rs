//! What a group's and an item's values can be.

/// A value that the whole group can have: what [`Workgroup::once`](crate::Workgroup::once) gives.
///
/// Every type that is `Copy + Send + Sync + 'static` is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given to the whole group",
    label = "not a plain value",
    note = "the result of `once` is copied to every item of the group: a number, an array `[T; N]`, or a struct that derives `Clone` and `Copy`, without borrowed parts"
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
