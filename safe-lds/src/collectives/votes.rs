//! Conditions: waves vote, and what they have counted is added.

use core::mem::MaybeUninit;

use geobacter_lang::{Item, Workgroup};

use super::{reduce, waves};

#[inline(always)]
pub(super) fn count<const D: usize>(
    workgroup: &Workgroup<'_, D>,
    condition: impl Fn(Item<'_, D>) -> bool + Sync,
) -> u32 {
    if !waves::are_wide(workgroup) {
        return reduce::reduce(workgroup, 0, |item| u32::from(condition(item)), u32::wrapping_add);
    }
    // SAFETY: rule 4: what each wave has counted differs, and is only added.
    let own = unsafe { workgroup.in_own_wave(|wave| wave.count(&wave.varying_or(false, condition))) };
    waves::combined(workgroup, workgroup.wave_size() as usize, MaybeUninit::new(own), u32::wrapping_add)
}
