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
        self.reduce_first(self.lanes(), values, combine)
    }

    /// As [`reduce`](Self::reduce), of the first lanes only: at least one.
    #[inline(always)]
    #[doc(hidden)]
    pub fn reduce_first<T: GroupValue>(
        &self,
        lanes: usize,
        values: &Varying<'_, T>,
        combine: impl Fn(T, T) -> T + Sync,
    ) -> T {
        self.assert_wave_scope();
        let mut values = values.values();
        if self.workgroup.is_sequential() {
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
            return self.read_first_lane(values[0]);
        }
        // One step after the other, and not a loop: each distance is a constant, for which devices have faster instructions.
        let mut value = values[0];
        let lane = self.own_lane();
        macro_rules! step {
            ($distance:literal) => {
                if $distance < self.workgroup.wave_size() {
                    let second = self.partner(value, $distance);
                    // Lanes whose value nobody needs combine nothing, since that could panic; but what they have instead is any
                    // value, and so the optimiser may let them, where it cannot.
                    let needed = if $distance < BLOCK { lane % BLOCK < $distance } else { lane == 0 };
                    value = if !needed {
                        MaybeUninit::uninit()
                    } else if ((lane ^ $distance) as usize) < lanes {
                        let _items = self.enter_item_scope();
                        // SAFETY: rule 4: this lane and its partner are needed lanes of the step before.
                        MaybeUninit::new(unsafe { combine(value.assume_init(), second.assume_init()) })
                    } else {
                        value
                    };
                }
            };
        }
        step!(16);
        step!(8);
        step!(4);
        step!(2);
        step!(1);
        step!(32);
        self.read_first_lane(value)
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
        let mut value = values[0];
        let lane = self.own_lane();
        macro_rules! step {
            ($distance:literal) => {
                if $distance < self.workgroup.wave_size() {
                    let first = self.before(value, $distance);
                    if lane >= $distance {
                        let _items = self.enter_item_scope();
                        // SAFETY: rule 4: all lanes have a value, and there is a lane before by this distance.
                        value = MaybeUninit::new(unsafe { combine(first.assume_init(), value.assume_init()) });
                    }
                }
            };
        }
        step!(1);
        step!(2);
        step!(4);
        step!(8);
        step!(16);
        step!(32);
        values[0] = value;
        Varying::new(sequential, values)
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
