//! Which devices the simulator must have, so that those with given ids are there.

use geobacter_spool::bundle::SIMULATED_TARGETS;

use crate::{UsageError, cargo_invocation::SIMULATED};

/// What `AMDGPU_SIM` must be for these ids: those of simulated devices are `sim:gfx1100`, the first gfx1100, and
/// `sim:gfx1100:1`, the second one; `sim` alone stands for the usual one. Empty if none of the ids is of a simulated device.
///
/// # Errors
/// [`UsageError`] if the simulator has no such device.
pub fn simulated_devices(ids: &str) -> Result<String, UsageError> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for id in ids.split(',').map(str::trim) {
        let mut parts = id.split(':');
        if parts.next() != Some("sim") {
            continue;
        }
        let name = parts.next().unwrap_or(SIMULATED);
        let Some(target) = SIMULATED_TARGETS.iter().find(|target| **target == name) else {
            let known = SIMULATED_TARGETS.join("`, `sim:");
            return Err(UsageError(format!("there is no simulated device `{id}`; there are `sim:{known}`")));
        };
        let number = match parts.next() {
            None => Some(0),
            Some(number) => number.parse::<usize>().ok().filter(|number| *number < 64),
        };
        let (Some(number), None) = (number, parts.next()) else {
            return Err(UsageError(format!("`{id}` names no device; the second {target} is `sim:{target}:1`")));
        };
        match counts.iter_mut().find(|(known, _)| known == target) {
            Some((_, count)) => *count = number.max(*count - 1) + 1,
            None => counts.push((target, number + 1)),
        }
    }
    let entries =
        counts.iter().map(|(name, count)| if *count == 1 { (*name).to_owned() } else { format!("{name}x{count}") });
    Ok(entries.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_devices() {
        let of = |ids: &str| simulated_devices(ids).map_err(|error| error.0);
        assert_eq!(of("sim:gfx1100"), Ok("gfx1100".into()));
        assert_eq!(of("host,amd:0"), Ok(String::new()));
        assert_eq!(of("sim"), Ok("gfx942".into()));
        assert_eq!(of("sim:gfx942:2, sim:gfx90a,sim:gfx942:1"), Ok("gfx942x3,gfx90a".into()));
        assert!(of("sim:gfx906").unwrap_err().contains("`sim:gfx90a`"));
        assert!(of("sim:gfx942:x").unwrap_err().contains("`sim:gfx942:1`"));
        assert!(of("sim:gfx942:1:1").is_err());
    }
}
