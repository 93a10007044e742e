//! Conditions that hold for some lanes.

use super::{HOST_LANES, Varying, Wave};
use crate::intrinsics as gb;

impl<const D: usize> Wave<'_, D> {
    /// The lanes for which the condition holds, as bits: bit 0 is the first lane's. Beyond the wave's lanes they are 0.
    #[inline(always)]
    pub fn ballot(&self, condition: &Varying<'_, bool>) -> u64 {
        self.assert_wave_scope();
        let condition = condition.values();
        if !self.workgroup.is_sequential() {
            // SAFETY: rule 4: wave scope; and a lane that is here has its value.
            return unsafe { gb::__gb_wave_ballot(condition[0].assume_init()) };
        }
        let (mut bits, mut lane) = (0, 0);
        while lane < self.lanes() {
            // SAFETY: rule 4: as for `values`: all lanes have a value.
            bits |= u64::from(unsafe { condition[lane % HOST_LANES].assume_init() }) << lane;
            lane += 1;
        }
        bits
    }

    /// Whether the condition holds for a lane.
    #[inline(always)]
    pub fn any(&self, condition: &Varying<'_, bool>) -> bool {
        self.ballot(condition) != 0
    }

    /// Whether the condition holds for all lanes.
    #[inline(always)]
    pub fn all(&self, condition: &Varying<'_, bool>) -> bool {
        self.count(condition) as usize == self.lanes()
    }

    /// For how many lanes the condition holds.
    #[inline(always)]
    pub fn count(&self, condition: &Varying<'_, bool>) -> u32 {
        self.ballot(condition).count_ones()
    }
}
