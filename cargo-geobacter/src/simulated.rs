//! Which devices the simulators must have, so that those with given ids are there.

use geobacter_spool::bundle::SIMULATED_TARGETS;

use crate::{UsageError, cargo_invocation::SIMULATED};

/// What each simulator is asked for, in the words of its environment variable; empty if nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulated {
    /// `AMDGPU_SIM`.
    pub amd: String,
    /// `PTX_SIM`.
    pub nvidia: String,
}

/// What the simulators must have for these ids: those of simulated devices are `sim:gfx1100`, the first gfx1100, and
/// `sim:gfx1100:1`, the second one; `sim` alone stands for the usual one. Nothing if none of the ids is of a simulated device.
///
/// # Errors
/// [`UsageError`] if no simulator has such a device.
pub fn simulated_devices(ids: &str) -> Result<Simulated, UsageError> {
    let nvidia = ptx_sim::Config::known_targets();
    let known = || SIMULATED_TARGETS.iter().chain(&nvidia).copied();
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for id in ids.split(',').map(str::trim) {
        let mut parts = id.split(':');
        if parts.next() != Some("sim") {
            continue;
        }
        let name = parts.next().unwrap_or(SIMULATED);
        let Some(target) = known().find(|target| *target == name) else {
            let known = known().collect::<Vec<_>>().join("`, `sim:");
            return Err(UsageError(format!("there is no simulated device `{id}`; there are `sim:{known}`")));
        };
        let number = match parts.next() {
            None => Some(0),
            Some(number) => number.parse::<usize>().ok().filter(|number| *number < 64),
        };
        let (Some(number), None) = (number, parts.next()) else {
            return Err(UsageError(format!("`{id}` names no device; the second {target} is `sim:{target}:1`")));
        };
        match counts.iter_mut().find(|(known, _)| *known == target) {
            Some((_, count)) => *count = number.max(*count - 1) + 1,
            None => counts.push((target, number + 1)),
        }
    }
    let of = |is_nvidia: bool| {
        let entries = counts.iter().filter(|(name, _)| nvidia.contains(name) == is_nvidia);
        let entries =
            entries.map(|(name, count)| if *count == 1 { (*name).to_owned() } else { format!("{name}x{count}") });
        entries.collect::<Vec<_>>().join(",")
    };
    Ok(Simulated { amd: of(false), nvidia: of(true) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_devices() {
        let of = |ids: &str| simulated_devices(ids).map_err(|error| error.0);
        let simulated = |amd: &str, nvidia: &str| Ok(Simulated { amd: amd.into(), nvidia: nvidia.into() });
        assert_eq!(of("sim:gfx1100"), simulated("gfx1100", ""));
        assert_eq!(of("host,amd:0,cuda:0"), simulated("", ""));
        assert_eq!(of("sim"), simulated("gfx942", ""));
        assert_eq!(of("sim:gfx942:2, sim:gfx90a,sim:gfx942:1"), simulated("gfx942x3,gfx90a", ""));
        assert_eq!(of("sim:sm_90"), simulated("", "sm_90"));
        assert_eq!(of("sim:sm_80:1,sim:gfx942,sim:sm_90"), simulated("gfx942", "sm_80x2,sm_90"));
        let error = of("sim:gfx906").unwrap_err();
        assert!(error.contains("`sim:gfx90a`") && error.contains("`sim:sm_90`"), "{error}");
        assert!(of("sim:gfx942:x").unwrap_err().contains("`sim:gfx942:1`"));
        assert!(of("sim:gfx942:1:1").is_err());
    }
}
