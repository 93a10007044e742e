//! How many waves one of a multiprocessor's schedulers can hold at once.

use super::processor::Processor;

/// Schedulers of a multiprocessor, which its registers and waves are divided among.
const SCHEDULERS: u32 = 4;
/// Registers of a multiprocessor.
const REGISTERS: u32 = 64 << 10;
/// Registers are given to a wave in multiples of this.
const GRANULE: u32 = 256;
/// LDS that the system takes for each work-group, from sm_80 on.
const RESERVED_LDS: u32 = 1 << 10;

/// Waves for each scheduler of the GPU with this name, bounded by registers and by LDS; `None` if there is no such GPU.
pub fn warps_per_scheduler(name: &str, registers: u32, lds: u32, workgroup: u32) -> Option<u32> {
    let processor = Processor::find(name)?;
    let most = processor.warps / SCHEDULERS;
    let allocated = (registers.max(1) * super::WAVE_SIZE).next_multiple_of(GRANULE);
    let by_registers = (REGISTERS / SCHEDULERS / allocated).min(most);
    let warps_per_group = workgroup.div_ceil(super::WAVE_SIZE).max(1);
    let by_lds = match lds {
        0 => most,
        lds => {
            let reserved = if processor.reserves_lds { RESERVED_LDS } else { 0 };
            ((processor.lds / (lds + reserved)).max(1) * warps_per_group).div_ceil(SCHEDULERS).min(most)
        }
    };
    Some(by_registers.min(by_lds).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the tables of NVIDIA's occupancy calculator.
    #[test]
    fn registers_and_lds_bound_waves() {
        assert_eq!(warps_per_scheduler("sm_90", 32, 0, 256), Some(16));
        assert_eq!(warps_per_scheduler("sm_90", 33, 0, 256), Some(12));
        assert_eq!(warps_per_scheduler("sm_80", 255, 0, 256), Some(2));
        assert_eq!(warps_per_scheduler("sm_75", 32, 0, 256), Some(8));
        assert_eq!(warps_per_scheduler("sm_86", 32, 0, 256), Some(12));
        assert_eq!(warps_per_scheduler("sm_70", 32, 48 << 10, 256), Some(4));
        assert_eq!(warps_per_scheduler("gfx942", 32, 0, 256), None);
    }
}
