//! What one lane gets of another's value.

use core::mem::MaybeUninit;

use super::{HOST_LANES, Varying, Wave};
use crate::{intrinsics as gb, item::LocalItem, value::GroupValue};

impl<const D: usize> Wave<'_, D> {
    /// The value of one lane, for the whole wave.
    ///
    /// # Panics
    /// The kernel panics if the wave has no such lane.
    #[inline(always)]
    #[track_caller]
    pub fn broadcast<T: GroupValue>(&self, values: &Varying<'_, T>, lane: usize) -> T {
        self.assert_wave_scope();
        assert!(lane < self.lanes(), "`broadcast` from a lane that the wave does not have");
        let values = values.values();
        if self.workgroup.is_sequential() {
            // SAFETY: rule 4: all lanes have a value, and there is this lane.
            return unsafe { values[lane % HOST_LANES].assume_init() };
        }
        // SAFETY: rule 4: as above; a call runs one item.
        unsafe { self.read_lane(values[0], lane) }
    }

    /// What one lane has, the same for all.
    ///
    /// # Safety
    /// A call runs one item. The lane is one of the wave's, and has a value.
    #[inline(always)]
    #[doc(hidden)]
    pub unsafe fn read_lane<T: GroupValue>(&self, value: MaybeUninit<T>, lane: usize) -> T {
        self.end_unless_complete::<T>();
        let read = exchanged(value, |from, to, size| {
            // SAFETY: rule 4: wave scope, and the lane is the same for all.
            unsafe { gb::__gb_wave_read(from, to, size, lane as u32) }
        });
        // SAFETY: this function's contract. If the lane is missing, this is any number, or nobody gets here.
        unsafe { read.assume_init() }
    }

    /// Where a call runs one item: to each lane, what the lane has that `from` names; any value if there is none.
    #[inline(always)]
    #[doc(hidden)]
    pub fn gather<T: GroupValue>(
        &self,
        value: MaybeUninit<T>,
        from: impl Fn(LocalItem<'_, D>) -> usize + Sync,
    ) -> MaybeUninit<T> {
        let mut lane = 0;
        self.run(|_, item| lane = from(item) as u32);
        self.end_unless_complete::<T>();
        exchanged(value, |from, to, size| shuffle(from, to, size, lane))
    }

    /// The value of the first lane, for the whole wave.
    #[inline(always)]
    pub fn read_first<T: GroupValue>(&self, values: &Varying<'_, T>) -> T {
        self.assert_wave_scope();
        // SAFETY: rule 4: all lanes have a value.
        unsafe { self.read_first_lane(values.values()[0]) }
    }

    /// To each lane, the value of the lane that `from` names; its own value if the wave has no such lane.
    #[inline(always)]
    pub fn shuffle<T: GroupValue>(
        &self,
        values: &Varying<'_, T>,
        from: impl Fn(LocalItem<'_, D>) -> usize + Sync,
    ) -> Varying<'_, T> {
        let from = self.varying(from).values();
        // SAFETY: rule 4: as for `values`: all lanes have just got a number.
        self.gathered(values, |slot, _| unsafe { from[slot].assume_init() }, shuffle)
    }

    /// To each lane, the value of the lane whose number is less by `distance`; its own value if there is none.
    #[inline(always)]
    pub fn shuffle_up<T: GroupValue>(&self, values: &Varying<'_, T>, distance: usize) -> Varying<'_, T> {
        self.assert_wave_scope();
        self.gathered(values, |_, lane| lane.checked_sub(distance).unwrap_or(lane), shuffle)
    }

    /// To each lane, the value of the lane whose number is greater by `distance`; its own value if there is none.
    #[inline(always)]
    pub fn shuffle_down<T: GroupValue>(&self, values: &Varying<'_, T>, distance: usize) -> Varying<'_, T> {
        self.assert_wave_scope();
        self.gathered(values, |_, lane| lane.saturating_add(distance), shuffle)
    }

    /// To each lane, the value of the lane whose number differs in the bits of the mask; its own value if there is none.
    #[inline(always)]
    pub fn shuffle_xor<T: GroupValue>(&self, values: &Varying<'_, T>, mask: usize) -> Varying<'_, T> {
        self.assert_wave_scope();
        if mask >= self.workgroup.wave_size() as usize {
            // No lane has that one: the same for all lanes.
            return Varying::new(self.workgroup.is_sequential(), values.values());
        }
        self.gathered(
            values,
            |_, lane| lane ^ mask,
            // SAFETY: rule 4: wave scope; the mask is less than the wave's size.
            |from, to, size, _| unsafe { gb::__gb_wave_shuffle_xor(from, to, size, mask as u32) },
        )
    }

    /// To each lane, the value of the lane that `source` makes of its slot and its number; its own value if there is none.
    /// `exchange`: gives where a call runs one item, the value of the lane with the given number, if there is one.
    #[inline(always)]
    fn gathered<T: GroupValue>(
        &self,
        values: &Varying<'_, T>,
        source: impl Fn(usize, usize) -> usize,
        exchange: impl FnOnce(*const u8, *mut u8, u32, u32),
    ) -> Varying<'_, T> {
        let (values, lanes, sequential) = (values.values(), self.lanes(), self.workgroup.is_sequential());
        let mut gathered = [MaybeUninit::uninit(); HOST_LANES];
        if sequential {
            let mut lane = 0;
            while lane < lanes {
                let from = source(lane % HOST_LANES, lane);
                gathered[lane % HOST_LANES] = values[if from < lanes { from } else { lane } % HOST_LANES];
                lane += 1;
            }
        } else {
            self.end_unless_complete::<T>();
            let from = source(0, self.own_lane() as usize);
            let moved = exchanged(values[0], |at, to, size| exchange(at, to, size, from as u32));
            gathered[0] = if from < lanes { moved } else { values[0] };
        }
        Varying::new(sequential, gathered)
    }

    /// What the first lane has.
    ///
    /// # Safety
    /// The first lane's value is there, in the call that runs it.
    #[inline(always)]
    #[doc(hidden)]
    pub unsafe fn read_first_lane<T: GroupValue>(&self, value: MaybeUninit<T>) -> T {
        let value = if self.workgroup.is_sequential() {
            value
        } else {
            self.end_unless_complete::<T>();
            exchanged(value, |from, to, size| {
                // SAFETY: rule 4: wave scope.
                unsafe { gb::__gb_wave_read_first(from, to, size) }
            })
        };
        // SAFETY: this function's contract. If the first lane is missing, this is any number, or nobody gets here.
        unsafe { value.assume_init() }
    }

    /// Where a call runs one item: the value of the lane whose number differs in one bit, for lanes that have such a partner.
    #[inline(always)]
    pub(super) fn partner<T: GroupValue>(&self, value: MaybeUninit<T>, distance: u32) -> MaybeUninit<T> {
        self.end_unless_complete::<T>();
        exchanged(value, |from, to, size| {
            // SAFETY: rule 4: wave scope; the callers' distance is less than the wave's size.
            unsafe { gb::__gb_wave_shuffle_xor(from, to, size, distance) }
        })
    }

    /// Where a call runs one item: what the lane before by `distance` has; any value if there is none.
    #[inline(always)]
    #[doc(hidden)]
    pub fn before<T: GroupValue>(&self, value: MaybeUninit<T>, distance: u32) -> MaybeUninit<T> {
        self.end_unless_complete::<T>();
        let lane = self.own_lane().wrapping_sub(distance);
        exchanged(value, |from, to, size| shuffle(from, to, size, lane))
    }
}

/// For wave scope only.
#[inline(always)]
fn shuffle(from: *const u8, to: *mut u8, size: u32, lane: u32) {
    // SAFETY: rule 4: called by `Wave`'s methods only.
    unsafe { gb::__gb_wave_shuffle(from, to, size, lane) }
}

/// What an operation between lanes makes of a value.
#[inline(always)]
fn exchanged<T>(value: MaybeUninit<T>, exchange: impl FnOnce(*const u8, *mut u8, u32)) -> MaybeUninit<T> {
    if size_of::<T>() == 0 {
        return value;
    }
    let mut result = MaybeUninit::<T>::uninit();
    exchange(value.as_ptr().cast(), result.as_mut_ptr().cast(), const { gb::size::<T>() });
    result
}
