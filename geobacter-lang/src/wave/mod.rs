//! Wave scope: what the items that a device runs in lockstep do together.
//!
//! A work-group's items are numbered row by row, and each run of as many items as the device has lanes is a **wave**. Its items
//! can hand each other values without memory and without a barrier. [`Workgroup::waves`] enters wave scope, which lies between
//! group and item scope and is like group scope in all but what it is uniform for: on the host it runs once for each wave, on a GPU
//! every lane runs it with the same values (rule 4).
//!
//! * [`varying`]: a value for each lane.
//! * `exchange`: what one lane gets of another's value.
//! * `fold`: reductions and scans.
//! * `votes`: conditions.
//!
//! [`Workgroup::waves`]: crate::Workgroup::waves

mod exchange;
mod fold;
pub mod varying;
mod votes;

use core::{fmt, marker::PhantomData, mem::MaybeUninit};

pub use varying::Varying;

use crate::{
    intrinsics as gb,
    item::{Item, LocalItem},
    value::GroupValue,
    workgroup::{Flag, ItemScope, OnlyAtGroupScope, Workgroup, has_invalid_values},
};

/// Lanes of a wave where one call runs all of them.
const HOST_LANES: usize = gb::HOST_WAVE_SIZE as usize;

/// One wave of a work-group of `D` dimensions: the token of wave scope.
///
/// Its lanes are items of the group whose numbers follow each other: as many as [`spec::wave_size`](crate::spec::wave_size) says,
/// fewer in the last wave of a group whose size is no multiple of that. How many there are differs from device to device, so a
/// kernel that is right for one number must be right for all.
///
/// Neither `Send` nor `Sync`, so a closure for item scope cannot capture it.
pub struct Wave<'w, const D: usize> {
    workgroup: Workgroup<'w, D>,
    index: u32,
    in_item_scope: Flag,
    scope: PhantomData<dyn OnlyAtGroupScope>,
}

impl<'w, const D: usize> Wave<'w, D> {
    /// For [`Workgroup::waves`] and its like only, which all lanes of the wave with this number have entered.
    #[inline(always)]
    pub(crate) fn new(workgroup: Workgroup<'w, D>, index: u32) -> Self {
        Self { workgroup, index, in_item_scope: Flag::new(), scope: PhantomData }
    }

    /// Number of the wave in its group.
    #[inline(always)]
    pub fn index(&self) -> usize {
        self.index as usize
    }

    /// Number of lanes: of items of the group, in the grid or beyond its edge.
    #[inline(always)]
    pub fn lanes(&self) -> usize {
        let (items, size) = (self.workgroup.items() as u32, self.workgroup.wave_size());
        // Known where a program is compiled, if it can be.
        let lanes = if items <= size {
            items
        } else if items.is_multiple_of(size) {
            size
        } else {
            let left = items.wrapping_sub(self.first());
            if left < size { left } else { size }
        };
        lanes as usize
    }

    /// Id of the wave's work-group along each dimension.
    #[inline(always)]
    pub fn group(&self) -> [u32; D] {
        self.workgroup.group()
    }

    /// Items of the grid along each dimension.
    #[inline(always)]
    pub fn extent(&self) -> [u32; D] {
        self.workgroup.extent()
    }

    /// The number of its first item in the group.
    #[inline(always)]
    fn first(&self) -> u32 {
        self.index.wrapping_mul(self.workgroup.wave_size())
    }

    /// Item scope: runs `body` for each lane that lies in the grid.
    ///
    /// As [`Workgroup::each`].
    #[inline(always)]
    pub fn each(&self, body: impl Fn(Item<'_, D>) + Sync) {
        // Two loops on the host, so that the usual one has no question in it.
        if self.workgroup.is_sequential() && self.lies_in_grid() {
            self.run(|_, item| body(item.item));
        } else {
            self.run(|_, item| {
                if let Some(item) = item.into_item() {
                    body(item);
                }
            });
        }
    }

    /// Item scope for all lanes, those beyond the grid's edge too.
    #[inline(always)]
    pub fn each_local(&self, body: impl Fn(LocalItem<'_, D>) + Sync) {
        self.run(|_, item| body(item));
    }

    /// A value for each lane, those beyond the grid's edge too.
    #[inline(always)]
    pub fn varying<T: GroupValue>(&self, value: impl Fn(LocalItem<'_, D>) -> T + Sync) -> Varying<'_, T> {
        let mut values = [MaybeUninit::uninit(); HOST_LANES];
        self.run(|slot, item| values[slot] = MaybeUninit::new(value(item)));
        Varying::new(self.workgroup.is_sequential(), values)
    }

    /// A value for each lane, and `beyond` for those beyond the grid's edge.
    #[inline(always)]
    pub fn varying_or<T: GroupValue>(&self, beyond: T, value: impl Fn(Item<'_, D>) -> T + Sync) -> Varying<'_, T> {
        let mut values = [MaybeUninit::uninit(); HOST_LANES];
        if self.workgroup.is_sequential() && self.lies_in_grid() {
            self.run(|slot, item| values[slot] = MaybeUninit::new(value(item.item)));
        } else {
            self.run(|slot, item| {
                values[slot] = MaybeUninit::new(match item.into_item() {
                    Some(item) => value(item),
                    None => beyond,
                });
            });
        }
        Varying::new(self.workgroup.is_sequential(), values)
    }

    /// Runs `body` by the wave's first lane, and gives its result to the whole wave.
    ///
    /// This is how a side effect is done once for a wave: one atomic operation for all lanes. The first lane may lie beyond the
    /// grid's edge ([`LocalItem::in_grid`]).
    #[inline(always)]
    pub fn once<T: GroupValue>(&self, body: impl Fn(LocalItem<'_, D>) -> T + Sync) -> T {
        let mut value = MaybeUninit::uninit();
        {
            let _items = self.enter_item_scope();
            if self.workgroup.is_sequential() || self.own_lane() == 0 {
                value.write(self.workgroup.run_item(self.place(0), |item| body(LocalItem { item })));
            }
        }
        // SAFETY: rule 4: just written, by the call that runs the first lane.
        unsafe { self.read_first_lane(value) }
    }

    /// Runs `body` for the lanes that this call runs, with the places of their values.
    #[inline(always)]
    fn run(&self, mut body: impl FnMut(usize, LocalItem<'_, D>)) {
        let _items = self.enter_item_scope();
        let lanes = if self.workgroup.is_sequential() { self.lanes() } else { 1 };
        let mut lane = 0;
        while lane < lanes {
            self.workgroup.run_item(self.place(lane as u32), |item| body(lane % HOST_LANES, LocalItem { item }));
            lane += 1;
        }
    }

    /// Where a lane's item is in its group; where a call runs one item, where that is.
    #[inline(always)]
    fn place(&self, lane: u32) -> [u32; 3] {
        if !self.workgroup.is_sequential() {
            return self.workgroup.own_first();
        }
        let first = self.first();
        if D == 1 {
            return [first.wrapping_add(lane), 0, 0];
        }
        let [width, height, _] = self.group_size();
        // In rows of whole waves, the lanes of a wave lie side by side.
        let (row, x) = if width.is_multiple_of(gb::HOST_WAVE_SIZE) {
            (first / width, (first % width).wrapping_add(lane))
        } else {
            let number = first.wrapping_add(lane);
            (number / width, number % width)
        };
        [x, row % height, row / height]
    }

    /// Items of a whole group along each of three axes.
    #[inline(always)]
    fn group_size(&self) -> [u32; 3] {
        let size = self.workgroup.size();
        let at = |axis: usize| if axis < D { size[axis] } else { 1 };
        [at(0), at(1), at(2)]
    }

    /// Whether it is seen at once that all lanes lie in the grid. For calls that run whole groups.
    #[inline(always)]
    fn lies_in_grid(&self) -> bool {
        let [x, y, z] = self.workgroup.end_in_grid();
        if D == 1 {
            return x.wrapping_sub(self.first()) as i32 >= self.lanes() as i32;
        }
        let [width, height, depth] = self.group_size();
        (x == width) & (y == height) & (z == depth)
    }

    /// Where a call runs one item: its lane.
    #[inline(always)]
    fn own_lane(&self) -> u32 {
        self.workgroup.own_number() % self.workgroup.wave_size()
    }

    /// Where a call runs one item: ends the wave's run if a lane is missing, because it panicked, and its value could be none of
    /// the type. As [`Workgroup::end_unless_complete`] does for the group.
    #[inline(always)]
    fn end_unless_complete<T>(&self) {
        if const { cfg!(debug_assertions) || has_invalid_values::<T>() } {
            // SAFETY: rule 4: wave scope.
            unsafe { gb::__gb_wave_of_all(self.lanes() as u32) }
        }
    }

    /// As for the group: on the host, `Sync` can be had by a promise that is kept at run time.
    #[inline(always)]
    #[track_caller]
    fn enter_item_scope(&self) -> ItemScope<'_> {
        self.assert_wave_scope();
        self.in_item_scope.set()
    }

    #[inline(always)]
    #[track_caller]
    fn assert_wave_scope(&self) {
        if self.in_item_scope.is_set() {
            entered_from_item_scope();
        }
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn entered_from_item_scope() -> ! {
    panic!("wave scope was entered from item scope: an item cannot run its wave's code")
}

impl<const D: usize> fmt::Debug for Wave<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wave").field("index", &self.index).field("group", &self.group()).finish()
    }
}
