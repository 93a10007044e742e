//! Reductions and scans.
//!
//! Both combine in an order that depends on the number of lanes alone, the same in both ways of running a wave. The reduction's is
//! a tree: in each block of 32 lanes, the second half is combined into the first, again and again, and then block with block.

use core::mem::MaybeUninit;

use super::{HOST_LANES, Varying, Wave};
use crate::value::GroupValue;

/// Lanes that every GPU's wave has.
const BLOCK: u32 = 32;

impl<const D: usize> Wave<'_, D> {
    /// Combines the values of all lanes to one, for the whole wave.
    ///
    /// The values are combined as a tree, in no particular order, which differs with the wave's size: `combine` is associative and
    /// commutative (for floating point: up to rounding).
    #[inline(always)]
    pub fn reduce<T: GroupValue>(&self, values: &Varying<'_, T>, combine: impl Fn(T, T) -> T + Sync) -> T {
        // SAFETY: rule 4: that many lanes there are.
        unsafe { self.reduce_first(self.lanes(), values, combine) }
    }

    /// As [`reduce`](Self::reduce), of the first lanes only: at least one.
    ///
    /// # Safety
    /// There are as many, the same number for all.
    #[inline(always)]
    #[doc(hidden)]
    pub unsafe fn reduce_first<T: GroupValue>(
        &self,
        lanes: usize,
        values: &Varying<'_, T>,
        combine: impl Fn(T, T) -> T + Sync,
    ) -> T {
        self.assert_wave_scope();
        if self.workgroup.is_sequential() {
            let mut values = values.values();
            let mut distance = HOST_LANES / 2;
            while distance > 0 {
                let paired = lanes.saturating_sub(distance);
                self.combine_lanes(0, if paired < distance { paired } else { distance }, |lane| {
                    // SAFETY: rule 4: as for `values`: all lanes have a value, and both are lanes.
                    unsafe {
                        let (a, b) = (values[lane].assume_init(), values[lane + distance].assume_init());
                        values[lane] = MaybeUninit::new(combine(a, b));
                    }
                });
                distance /= 2;
            }
            // SAFETY: rule 4: the first lane has a value.
            return unsafe { values[0].assume_init() };
        }
        // SAFETY: rule 4: all lanes have a value.
        let value = unsafe { self.reduce_blocks(lanes, values.own(), &combine) };
        let value = if BLOCK < self.workgroup.wave_size() && (BLOCK as usize) < lanes {
            self.combined_with_partner(value, BLOCK, self.own_lane() == 0, lanes, &combine)
        } else {
            value
        };
        // SAFETY: rule 4: the first lane has the result.
        unsafe { self.read_first_lane(value) }
    }

    /// Combines, in each block of 32 lanes, the values of those that are among the first `lanes`. A block's first lane gets the
    /// result, and others any value.
    ///
    /// # Safety
    /// A call runs one item. The first lanes have a value.
    #[inline(always)]
    #[doc(hidden)]
    pub unsafe fn reduce_blocks<T: GroupValue>(
        &self,
        lanes: usize,
        mut value: MaybeUninit<T>,
        combine: &(impl Fn(T, T) -> T + Sync),
    ) -> MaybeUninit<T> {
        let lane = self.own_lane();
        // One step after the other, and not a loop: each distance is a constant, for which devices have faster instructions.
        macro_rules! step {
            ($distance:literal) => {
                if $distance < self.workgroup.wave_size() && $distance < lanes {
                    value = self.combined_with_partner(value, $distance, lane % BLOCK < $distance, lanes, combine);
                }
            };
        }
        step!(16);
        step!(8);
        step!(4);
        step!(2);
        step!(1);
        value
    }

    /// A step of a reduction. Lanes that are not `needed`, which nobody will ask for their value, combine nothing, since that could
    /// panic; but what they have instead is any value, and so the optimiser may let them, where it cannot.
    #[inline(always)]
    fn combined_with_partner<T: GroupValue>(
        &self,
        value: MaybeUninit<T>,
        distance: u32,
        needed: bool,
        lanes: usize,
        combine: &(impl Fn(T, T) -> T + Sync),
    ) -> MaybeUninit<T> {
        let second = self.partner(value, distance);
        let mut combined = MaybeUninit::uninit();
        if needed {
            combined = if ((self.own_lane() ^ distance) as usize) < lanes {
                let _items = self.enter_item_scope();
                // SAFETY: rule 4: this lane and its partner were needed lanes of the step before, or all are.
                MaybeUninit::new(unsafe { combine(value.assume_init(), second.assume_init()) })
            } else {
                value
            };
        }
        combined
    }

    /// Gives each lane the combination of the values of all lanes up to it, and the whole wave that of all.
    ///
    /// `combine` is associative (for floating point: up to rounding, which differs with the wave's size).
    #[inline(always)]
    pub fn inclusive_scan<T: GroupValue>(
        &self,
        values: &Varying<'_, T>,
        combine: impl Fn(T, T) -> T + Sync,
    ) -> (Varying<'_, T>, T) {
        let scanned = self.scanned(values, combine);
        let all = self.broadcast(&scanned, self.lanes() - 1);
        (scanned, all)
    }

    /// As [`inclusive_scan`](Self::inclusive_scan), of the lanes before each lane: the first gets `identity`.
    #[inline(always)]
    pub fn exclusive_scan<T: GroupValue>(
        &self,
        identity: T,
        values: &Varying<'_, T>,
        combine: impl Fn(T, T) -> T + Sync,
    ) -> (Varying<'_, T>, T) {
        let (scanned, all) = self.inclusive_scan(values, combine);
        let mut before = self.shuffle_up(&scanned, 1).values();
        if self.workgroup.is_sequential() || self.own_lane() == 0 {
            before[0] = MaybeUninit::new(identity);
        }
        (Varying::new(self.workgroup.is_sequential(), before), all)
    }

    /// The inclusive scan, after Hillis and Steele ("Data parallel algorithms", CACM 1986).
    #[inline(always)]
    fn scanned<T: GroupValue>(&self, values: &Varying<'_, T>, combine: impl Fn(T, T) -> T + Sync) -> Varying<'_, T> {
        self.assert_wave_scope();
        let (mut values, lanes, sequential) = (values.values(), self.lanes(), self.workgroup.is_sequential());
        if sequential {
            let mut distance = 1;
            while distance < HOST_LANES {
                let before = values;
                self.combine_lanes(distance, lanes, |lane| {
                    // SAFETY: rule 4: as for `values`: all lanes have a value, and both are lanes.
                    unsafe {
                        let (a, b) = (before[lane - distance].assume_init(), before[lane].assume_init());
                        values[lane] = MaybeUninit::new(combine(a, b));
                    }
                });
                distance *= 2;
            }
            return Varying::new(sequential, values);
        }
        // SAFETY: rule 4: all lanes have a value.
        let mut value = unsafe { self.scan_blocks(lanes, values[0], &combine) };
        if BLOCK < self.workgroup.wave_size() && (BLOCK as usize) < lanes {
            // The second block comes behind all of the first.
            // SAFETY: rule 4: the lane has a value.
            let first = unsafe { self.read_lane(value, BLOCK as usize - 1) };
            if self.own_lane() >= BLOCK {
                let _items = self.enter_item_scope();
                // SAFETY: rule 4: all lanes have a value.
                value = MaybeUninit::new(combine(first, unsafe { value.assume_init() }));
            }
        }
        values[0] = value;
        Varying::new(sequential, values)
    }

    /// The inclusive scan of each block of 32 lanes, for the first `lanes`. Others keep their value.
    ///
    /// # Safety
    /// A call runs one item. The first lanes have a value.
    #[inline(always)]
    #[doc(hidden)]
    pub unsafe fn scan_blocks<T: GroupValue>(
        &self,
        lanes: usize,
        mut value: MaybeUninit<T>,
        combine: &(impl Fn(T, T) -> T + Sync),
    ) -> MaybeUninit<T> {
        let lane = self.own_lane();
        macro_rules! step {
            ($distance:literal) => {
                if $distance < self.workgroup.wave_size() && $distance < lanes {
                    let has_before = lane % BLOCK >= $distance && (lane as usize) < lanes;
                    value = self.combined_with_before(value, $distance, has_before, combine);
                }
            };
        }
        step!(1);
        step!(2);
        step!(4);
        step!(8);
        step!(16);
        value
    }

    /// A step of a scan: combines, where there is one, the value of the lane before by `distance` with the own value.
    #[inline(always)]
    fn combined_with_before<T: GroupValue>(
        &self,
        value: MaybeUninit<T>,
        distance: u32,
        has_before: bool,
        combine: &(impl Fn(T, T) -> T + Sync),
    ) -> MaybeUninit<T> {
        let first = self.before(value, distance);
        if !has_before {
            return value;
        }
        let _items = self.enter_item_scope();
        // SAFETY: rule 4: all lanes that are scanned have a value, and there is one before by this distance.
        MaybeUninit::new(unsafe { combine(first.assume_init(), value.assume_init()) })
    }

    /// Where a call runs whole groups: runs `body`, which combines values, for lanes from `begin` to `end`, as a part of item scope.
    #[inline(always)]
    fn combine_lanes(&self, begin: usize, end: usize, mut body: impl FnMut(usize)) {
        let _items = self.enter_item_scope();
        let mut lane = begin;
        while lane < end {
            // By the lane's item, so that a panic is its.
            self.workgroup.run_item(self.place(lane as u32), |_| body(lane));
            lane += 1;
        }
    }
}
