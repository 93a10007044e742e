//! Group scope: what a work-group does as a whole.
//!
//! A kernel `fn k(wg: Workgroup<1>, ..)` runs once for each work-group. On the host that is one call, and [`each`] is a loop
//! over the group's items. On a GPU every item runs the group's code redundantly, with the same values, and the bounds of
//! the loop in `each` are its own id and the next: the loop folds away. So group scope has to be *uniform*: whatever it
//! computes is the same for every item of the group, and a barrier, which exists only here, is reached by all or by none.
//!
//! Three things keep it uniform (rule 4 of the crate's soundness rules). Item ids do not exist at group scope. A closure for
//! item scope is `Fn + Sync`: it cannot change what it captures. And whatever may differ between items (an element of an
//! output, a [`Private`], an atomic) asks for an item's token.
//!
//! [`each`]: Workgroup::each

use core::{cell::Cell, fmt, hint, marker::PhantomData, mem, ptr};

use crate::{
    entry::KernargHeader,
    intrinsics as gb,
    item::{Item, Leader, LocalItem, first, linear_group},
    private::Private,
    shape::GridShape,
    value::{GroupValue, ItemValue},
    wave::Wave,
};

/// One work-group of a grid of `D` dimensions: the token of group scope.
///
/// Neither `Send` nor `Sync`, so a closure for item scope cannot capture it: no barrier and no second [`each`](Self::each)
/// inside an `each`.
pub struct Workgroup<'k, const D: usize> {
    axes: [Axis; 3],
    extent: [u32; 3],
    /// Whether item scope is being run. On a GPU this folds to a constant.
    in_item_scope: Flag,
    scope: PhantomData<(&'k (), dyn OnlyAtGroupScope)>,
}

/// Marks what stays out of item scope: a [`Workgroup`], a [`Wave`], an `Lds`.
///
/// Nothing implements it. `dyn OnlyAtGroupScope` is neither `Send` nor `Sync`, and its name stands in rustc's message when a
/// closure for item scope captures what contains it: "`(dyn OnlyAtGroupScope + 'static)` cannot be shared between threads
/// safely".
pub trait OnlyAtGroupScope {}

/// One dimension of a work-group: which items this call runs.
#[derive(Clone, Copy)]
struct Axis {
    /// Id of the group.
    group: u32,
    /// Items of a whole group.
    size: u32,
    /// Grid position of the group's first item.
    origin: u32,
    /// The first item that this call runs.
    begin: u32,
    /// One past the last item that this call runs.
    end: u32,
    /// The same without items beyond the grid's edge.
    end_in_grid: u32,
}

impl Axis {
    const SINGLE: Self = Self { group: 0, size: 1, origin: 0, begin: 0, end: 1, end_in_grid: 1 };

    #[inline(always)]
    fn new(group: u32, size: u32, extent: u32, begin: u32, end: u32) -> Self {
        // Neither wraps: the launch checked that whole groups fit into 32 bits, and a group begins within the grid.
        let origin = group.wrapping_mul(size);
        let left = extent.wrapping_sub(origin);
        Self { group, size, origin, begin, end, end_in_grid: if end < left { end } else { left } }
    }

    #[inline(always)]
    fn whole(&self, extent: u32) -> Self {
        Self::new(self.group, self.size, extent, 0, self.size)
    }
}

/// Tells the host which item a panic leaves. Dropped on that path only.
struct Unwinding {
    local: [u32; 3],
}

impl Drop for Unwinding {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: rule 2: this is what the item leaves, on the thread that runs it.
        unsafe { gb::__gb_item_unwinds(self.local[0], self.local[1], self.local[2]) }
    }
}

/// A flag of one thread.
pub(crate) struct Flag(Cell<bool>);

impl Flag {
    /// Whether something is being run that must not come back to the flag's owner.
    #[inline(always)]
    pub(crate) fn is_set(&self) -> bool {
        self.0.get()
    }

    /// Sets it for as long as the guard lives.
    #[inline(always)]
    pub(crate) fn set(&self) -> ItemScope<'_> {
        self.0.set(true);
        ItemScope(&self.0)
    }

    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self(Cell::new(false))
    }
}

// SAFETY: rule 4: it lies in a `Workgroup` or a `Wave` only, which are not `Sync` by their `OnlyAtGroupScope`. So that is what
// rustc's message names, and not a `Cell` that nobody knows of.
unsafe impl Sync for Flag {}

/// The time that item scope takes.
pub(crate) struct ItemScope<'w>(&'w Cell<bool>);

impl Drop for ItemScope<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.set(false);
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn entered_from_item_scope() -> ! {
    panic!("group scope was entered from item scope: an item cannot run its group's code")
}

/// Temporary LDS for one `T`.
///
/// # Safety
/// At group scope, by somebody who begins with a barrier and ends before the next call.
#[inline(always)]
unsafe fn temporary<T>() -> *mut T {
    if size_of::<T>() == 0 {
        return ptr::dangling_mut();
    }
    // SAFETY: this function's contract is the intrinsic's.
    unsafe { gb::__gb_lds_temporary(const { gb::size::<T>() }, const { align_of::<T>() as u32 }, u32::MAX).cast() }
}

/// Whether some bytes are no `T`: `bool`, `char`, enums, references, and what contains one.
///
/// These are the types in which `Option` finds room for its `None`.
pub(crate) const fn has_invalid_values<T>() -> bool {
    size_of::<T>() != 0 && size_of::<Option<T>>() == size_of::<T>()
}

const _: () = {
    assert!(has_invalid_values::<bool>() && has_invalid_values::<char>() && has_invalid_values::<&u32>());
    assert!(
        has_invalid_values::<Option<u32>>() && has_invalid_values::<[bool; 3]>() && has_invalid_values::<(u32, char)>()
    );
    assert!(has_invalid_values::<core::cmp::Ordering>() && has_invalid_values::<core::num::NonZero<u8>>());
    assert!(!has_invalid_values::<u8>() && !has_invalid_values::<f64>() && !has_invalid_values::<(u8, [f32; 3])>());
    assert!(!has_invalid_values::<()>());
};

impl<'k, const D: usize> Workgroup<'k, D> {
    /// The work-group that this call of an entry function runs.
    ///
    /// # Safety
    /// Called once in an entry function's call, as part of a launch that has checked the grid `header.extent`; `size` is the
    /// launch's work-group size. The tokens of rule 2 come from here.
    #[inline(always)]
    pub(crate) unsafe fn new(header: KernargHeader, size: [u32; 3]) -> Self {
        let extent = header.extent;
        // SAFETY: this function's contract: the ids are asked for where the group's run begins, and rule 4: from here on
        // only `each` and its like look at the bounds.
        let x = unsafe {
            Axis::new(gb::__gb_group_id_x(), size[0], extent[0], gb::__gb_item_begin_x(), gb::__gb_item_end_x())
        };
        // A dimension that the kernel does not have costs no register: its ids are not even asked for.
        let y = if D > 1 {
            // SAFETY: as for x.
            unsafe {
                Axis::new(gb::__gb_group_id_y(), size[1], extent[1], gb::__gb_item_begin_y(), gb::__gb_item_end_y())
            }
        } else {
            Axis::SINGLE
        };
        let z = if D > 2 {
            // SAFETY: as for x.
            unsafe {
                Axis::new(gb::__gb_group_id_z(), size[2], extent[2], gb::__gb_item_begin_z(), gb::__gb_item_end_z())
            }
        } else {
            Axis::SINGLE
        };
        Self { axes: [x, y, z], extent, in_item_scope: Flag::new(), scope: PhantomData }
    }

    /// The same group, if this call runs all of its items, with bounds of its loops that the compiler knows.
    ///
    /// An entry function holds its kernel twice, for this case and for the other. So loops over items have constant lengths
    /// on the host, where LLVM unrolls and vectorises them; and a device drops the half that is for the host.
    #[inline(always)]
    pub(crate) fn whole(&self) -> Option<Self> {
        if !self.is_sequential() {
            return None;
        }
        let [x, y, z] = &self.axes;
        let axes = [x.whole(self.extent[0]), y.whole(self.extent[1]), z.whole(self.extent[2])];
        Some(Self { axes, extent: self.extent, in_item_scope: Flag::new(), scope: PhantomData })
    }

    /// Item scope: runs `body` for each item of the group that lies in the grid.
    ///
    /// On the host the items run one after the other, on a GPU at once; no item waits for another. `body` is `Fn + Sync`, so
    /// it makes no difference: what items share cannot be changed through it. Results leave an item through an output, a
    /// [`Private`], LDS or an atomic, each of which takes the item's token.
    #[inline(always)]
    pub fn each(&self, body: impl Fn(Item<'_, D>) + Sync) {
        let _items = self.enter_item_scope();
        self.run_flat(body);
    }

    /// Item scope for all items of the group, those beyond the grid's edge too.
    #[inline(always)]
    pub fn each_local(&self, body: impl Fn(LocalItem<'_, D>) + Sync) {
        let _items = self.enter_item_scope();
        let [x, y, z] = &self.axes;
        self.run([x.end, y.end, z.end], |item| body(LocalItem { item }));
    }

    /// As [`each_local`](Self::each_local), for the items whose number in the group is less than `count`.
    #[inline(always)]
    #[doc(hidden)]
    pub fn each_local_below(&self, count: usize, body: impl Fn(LocalItem<'_, D>) + Sync) {
        let [x, y, z] = &self.axes;
        if D == 1 && self.is_sequential() {
            // A shorter loop, and no question in it.
            let end = if count < x.end as usize { count as u32 } else { x.end };
            let _items = self.enter_item_scope();
            self.run([end, y.end, z.end], |item| body(LocalItem { item }));
        } else {
            self.each_local(|item| {
                if item.local_index() < count {
                    body(item);
                }
            });
        }
    }

    /// Runs `body`, which does the work of all items of a sequential group, as a part of item scope.
    #[inline(always)]
    #[doc(hidden)]
    pub fn for_all_items(&self, body: impl FnOnce()) {
        let _items = self.enter_item_scope();
        body();
    }

    /// As [`each`](Self::each), for a flat kernel, whose handles are made anew for each item.
    #[inline(always)]
    pub(crate) fn run_flat(&self, body: impl Fn(Item<'_, D>)) {
        let [x, y, z] = &self.axes;
        self.run([x.end_in_grid, y.end_in_grid, z.end_in_grid], body);
    }

    #[inline(always)]
    fn run(&self, end: [u32; 3], body: impl Fn(Item<'_, D>)) {
        let [x, y, z] = &self.axes;
        let begin = [x.begin, y.begin, z.begin];
        let mut local_z = begin[2];
        while local_z < end[2] {
            let mut local_y = begin[1];
            while local_y < end[1] {
                let mut local_x = begin[0];
                while local_x < end[0] {
                    self.run_item([local_x, local_y, local_z], &body);
                    local_x = local_x.wrapping_add(1);
                }
                local_y = local_y.wrapping_add(1);
            }
            local_z = local_z.wrapping_add(1);
        }
    }

    #[inline(always)]
    pub(crate) fn run_item<R>(&self, local: [u32; 3], body: impl FnOnce(Item<'_, D>) -> R) -> R {
        let unwinding = Unwinding { local };
        let [x, y, z] = &self.axes;
        if self.is_sequential() {
            // LLVM loses sight of it: to know it saves bounds checks of LDS, and a check that is left over costs the
            // vectorised loop. Devices have the range with the id.
            // SAFETY: rule 1: the launch checked the group's size, and the loops end there or before.
            unsafe { hint::assert_unchecked(local[0] < x.size && local[1] < y.size && local[2] < z.size) };
        }
        let result = body(Item {
            group: [x.group, y.group, z.group],
            local,
            origin: [x.origin, y.origin, z.origin],
            extent: self.extent,
            size: [x.size, y.size, z.size],
            wave: self.wave_size(),
            scope: PhantomData,
        });
        mem::forget(unwinding);
        result
    }

    /// Wave scope: runs `body` for each wave of the group.
    ///
    /// A wave is what a device runs in lockstep: see [`Wave`]. On the host the waves run one after the other, on a GPU at once;
    /// none waits for another. `body` is `Fn + Sync`, as closures for item scope are: what waves share cannot be changed through
    /// it, and there is no `Workgroup` in it, so no barrier.
    #[inline(always)]
    pub fn waves(&self, body: impl Fn(Wave<'_, D>) + Sync) {
        let _waves = self.enter_item_scope();
        let size = self.wave_size();
        // Counted down, since LLVM does not know that a wave's number is small.
        let (mut index, mut left) = if self.is_sequential() {
            (0, (self.items() as u32).div_ceil(size))
        } else {
            // SAFETY: rule 4: all lanes of a wave are here, and the items of a wave have numbers that differ by less than its
            // size, which divides the first.
            (unsafe { gb::__gb_wave_uniform(self.own_number() / size) }, 1)
        };
        while left > 0 {
            // SAFETY: as in `own_wave`.
            body(Wave::new(unsafe { self.copy() }, index));
            index = index.wrapping_add(1);
            left = left.wrapping_sub(1);
        }
    }

    /// Where a call runs one item: its wave.
    ///
    /// # Safety
    /// Not [sequential](Self::is_sequential). What is computed with it may differ between waves and lanes: whoever uses it keeps
    /// rule 4.
    #[inline(always)]
    #[doc(hidden)]
    pub unsafe fn own_wave(&self) -> Wave<'_, D> {
        self.assert_group_scope();
        // SAFETY: as in `waves`.
        let index = unsafe { gb::__gb_wave_uniform(self.own_number() / self.wave_size()) };
        // SAFETY: rule 4: a wave does nothing with it but ask.
        Wave::new(unsafe { self.copy() }, index)
    }

    /// The same group once more, so that nobody holds the address of the one that the compiler shall see through.
    ///
    /// # Safety
    /// Only one of the two is used at a time, and this one by code that makes no LDS of its own place in the source (rule 5).
    #[inline(always)]
    #[doc(hidden)]
    pub unsafe fn copy(&self) -> Workgroup<'_, D> {
        Workgroup { axes: self.axes, extent: self.extent, in_item_scope: Flag::new(), scope: PhantomData }
    }

    /// Items of a whole wave: the lanes that the device has, or that [`Wave`] has on the host.
    #[inline(always)]
    #[doc(hidden)]
    pub fn wave_size(&self) -> u32 {
        // The host's is asked for without a call, so that loops over lanes have a length that is known.
        if self.is_sequential() { gb::HOST_WAVE_SIZE } else { gb::__gb_wave_size() }
    }

    /// The first item that this call runs.
    #[inline(always)]
    pub(crate) fn own_first(&self) -> [u32; 3] {
        let [x, y, z] = &self.axes;
        [x.begin, y.begin, z.begin]
    }

    /// The number, in its group, of the first item that this call runs.
    #[inline(always)]
    pub(crate) fn own_number(&self) -> u32 {
        let [x, y, z] = &self.axes;
        // Wrapping, because a group has at most 1024 items.
        let mut number = x.begin;
        if D > 1 {
            number = number.wrapping_add(x.size.wrapping_mul(y.begin));
        }
        if D > 2 {
            number = number.wrapping_add(x.size.wrapping_mul(y.size).wrapping_mul(z.begin));
        }
        number
    }

    /// One past the last item in the grid, along each axis, of those that this call runs.
    #[inline(always)]
    pub(crate) fn end_in_grid(&self) -> [u32; 3] {
        let [x, y, z] = &self.axes;
        [x.end_in_grid, y.end_in_grid, z.end_in_grid]
    }

    /// Runs `body` by one item of the group, and gives its result to the whole group.
    ///
    /// This is how a side effect is done once for a group, and how a value that an item has computed reaches group scope.
    /// What the group's items did before is visible to `body`, and what `body` did is visible to what comes after: there is
    /// a barrier before and one after it.
    #[inline(always)]
    pub fn once<T: GroupValue>(&self, body: impl Fn(Leader<'_, D>) -> T + Sync) -> T {
        // SAFETY: rule 4: group scope, and `body`, which cannot have a `Workgroup`, reaches no other call. The barrier follows:
        // nobody still reads what stood there.
        let result = unsafe { temporary::<T>() };
        self.barrier();
        let [x, y, z] = &self.axes;
        // The group's first item lies in the grid.
        if x.begin == 0 && y.begin == 0 && z.begin == 0 {
            let _items = self.enter_item_scope();
            let value = self.run_item([0; 3], |item| body(Leader { item }));
            // SAFETY: rule 6: temporary LDS has room for one `T`; this item alone writes it, between two barriers.
            unsafe { result.write(value) };
        }
        self.barrier();
        self.end_unless_complete::<T>();
        // SAFETY: rules 4 and 6: every group has a first item, which has written it before the barrier (or nobody gets here that
        // could tell), and nobody writes it before the next one.
        let value = unsafe { result.read() };
        if size_of::<T>() != 0 {
            // SAFETY: rule 5: given by `temporary` above, and this was the last use.
            unsafe { gb::__gb_release(result.cast()) }
        }
        value
    }

    /// A value for each item of the group that lives across calls of [`each`](Self::each), all of them `value` at first.
    #[inline(always)]
    pub fn private<T: ItemValue + Sync>(&self, value: T) -> Private<'k, T> {
        self.private_with(|_| value)
    }

    /// A value for each item of the group that lives across calls of [`each`](Self::each), at first what `value` gives.
    #[inline(always)]
    pub fn private_with<T: ItemValue>(&self, value: impl Fn(&LocalItem<'_, D>) -> T + Sync) -> Private<'k, T> {
        let private = Private::uninitialized(self.is_sequential() && self.items() > 1);
        self.each_local(|item| private.set(&item, value(&item)));
        private
    }

    /// Waits until every item of the group is here, and makes what each has written visible to all.
    ///
    /// LDS and [`once`](Self::once) bring the barriers that they need. One more is of use around atomics.
    #[inline(always)]
    #[doc(alias = "syncthreads")]
    pub fn barrier(&self) {
        self.assert_group_scope();
        // SAFETY: rule 4: whoever holds a `Workgroup` is at group scope.
        unsafe { gb::__gb_barrier() }
    }

    /// To be called after the phase in which items have written values of type `T` where nothing was: ends this group's run if one
    /// of its items panicked meanwhile, and its value is missing.
    ///
    /// On the host such a panic has ended the call. On a GPU the others would go on, and read what was never written. For numbers
    /// that is any number, and the launch returns an error anyway. For other types it might be no value at all; so there the
    /// group ends, at the price of a look at the panicked items, in kernels that can panic. Debug builds do so for all types:
    /// what follows from a missing value would be reported in place of the panic.
    #[inline(always)]
    #[doc(hidden)]
    pub fn end_unless_complete<T>(&self) {
        if const { cfg!(debug_assertions) || has_invalid_values::<T>() } {
            self.assert_group_scope();
            // SAFETY: rule 4: whoever holds a `Workgroup` is at group scope.
            unsafe { gb::__gb_barrier_of_all() }
        }
    }

    /// A `Workgroup` cannot be captured by a closure for item scope. On the host a closure's `Sync` can be had by a promise that
    /// is kept at run time (a wrapper that looks whether it is used on its own thread), so there this is checked.
    #[inline(always)]
    pub(crate) fn assert_group_scope(&self) {
        if self.in_item_scope.is_set() {
            entered_from_item_scope();
        }
    }

    #[inline(always)]
    fn enter_item_scope(&self) -> ItemScope<'_> {
        self.assert_group_scope();
        self.in_item_scope.set()
    }

    /// Whether this call runs the items of the group one after the other, so that nothing happens between two steps of one
    /// item. On the host; and everywhere for groups of one item.
    #[inline(always)]
    #[doc(hidden)]
    pub fn is_sequential(&self) -> bool {
        let [x, y, z] = &self.axes;
        (x.end.wrapping_sub(x.begin) == x.size)
            & (y.end.wrapping_sub(y.begin) == y.size)
            & (z.end.wrapping_sub(z.begin) == z.size)
    }

    /// Items of a whole work-group along each dimension: the kernel's `workgroup`.
    #[inline(always)]
    pub fn size(&self) -> [u32; D] {
        let [x, y, z] = &self.axes;
        first([x.size, y.size, z.size])
    }

    /// Items of a whole work-group.
    #[inline(always)]
    pub fn items(&self) -> usize {
        let [x, y, z] = &self.axes;
        x.size.wrapping_mul(y.size).wrapping_mul(z.size) as usize
    }

    /// Id of the group along each dimension.
    #[inline(always)]
    pub fn group(&self) -> [u32; D] {
        let [x, y, z] = &self.axes;
        first([x.group, y.group, z.group])
    }

    /// Linear id of the group, row by row.
    #[inline(always)]
    pub fn group_index(&self) -> usize {
        let [x, y, z] = &self.axes;
        linear_group::<D>([x.group, y.group, z.group], self.extent, [x.size, y.size, z.size])
    }

    /// Grid position of the group's first item.
    #[inline(always)]
    pub fn origin(&self) -> [usize; D] {
        let [x, y, z] = &self.axes;
        // By index, as `first` does: a `map` is a loop over memory in an unoptimised build's bitcode.
        let from: [u32; D] = first([x.origin, y.origin, z.origin]);
        let mut origin = [0; D];
        let mut axis = 0;
        while axis < D {
            origin[axis] = from[axis] as usize;
            axis += 1;
        }
        origin
    }

    /// The grid's shape, to look up the elements of any items with [`In::at`](crate::In::at).
    #[inline(always)]
    pub fn grid(&self) -> GridShape<'k, D> {
        GridShape::new(self.extent)
    }

    /// Items of the grid along each dimension.
    #[inline(always)]
    pub fn extent(&self) -> [u32; D] {
        first(self.extent)
    }
}

impl<const D: usize> fmt::Debug for Workgroup<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workgroup").field("group", &self.group()).field("size", &self.size()).finish()
    }
}
