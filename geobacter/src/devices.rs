//! Which devices there are, and why others are not.

use std::{env, ffi::OsStr, fmt, path::Path};

use geobacter_runtime_core::{archive, bundle};

use crate::{Device, DeviceInfo, DeviceKind};

/// The environment variable that says which devices programs see: ids or kinds, for example `sim:gfx1100` or `host,amd`.
/// Empty or not set: all.
pub const DEVICE_VARIABLE: &str = "GEOBACTER_DEVICE";

/// Devices, and what is missing.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Devices {
    /// Those that are present: the host first, then GPUs, then simulated ones.
    pub present: Vec<Device>,
    /// Why other kinds of device are not.
    pub absent: Vec<Absence>,
}

impl Devices {
    /// The first device that these facts suit: `devices().find(|info| info.isa == "gfx942" && info.memory >= 64 <<
    /// 30)`.
    pub fn find(&self, suits: impl Fn(&DeviceInfo) -> bool) -> Option<Device> {
        self.present.iter().find(|device| suits(device.info())).cloned()
    }

    /// All devices that these facts suit.
    pub fn all(&self, suits: impl Fn(&DeviceInfo) -> bool) -> Vec<Device> {
        self.present.iter().filter(|device| suits(device.info())).cloned().collect()
    }

    /// The one to take where nothing else is asked for: the first GPU; if there is none, the host; if that is not
    /// there, a simulated GPU.
    pub fn preferred(&self) -> Option<Device> {
        let kinds = [DeviceKind::Gpu, DeviceKind::Host, DeviceKind::Simulator];
        kinds.iter().find_map(|&kind| self.find(|info| info.kind == kind))
    }
}

/// Why there is no device of some kind. Displays as one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Absence {
    /// What there is none of, for example `AMD GPUs`.
    pub what: String,
    /// Why, and what to do.
    pub reason: String,
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {}: {}", self.what, self.reason)
    }
}

/// The devices that this program can run kernels on, or those of them that `GEOBACTER_DEVICE` names.
///
/// A program that plain cargo built carries device code for nothing but the host, so GPUs are not even looked for; the
/// one [`Absence`] says what to type instead.
pub fn devices() -> Devices {
    if archive::is_empty() && bundle::is_empty() {
        let mut devices = Devices::default();
        devices.add_host();
        let reason = format!("plain cargo built this program, for the host only; type `{}` instead", command());
        devices.absent.push(Absence { what: "GPU device".into(), reason });
        devices.restrict(&asked());
        return devices;
    }
    discover()
}

/// The devices of this machine, whether or not this program carries code for them.
///
/// The first call may load and start the HSA runtime and the CUDA driver; later calls give the same devices. Only an NVIDIA GPU
/// whose context a kernel has lost is opened again, if it can be, and another device stands in its place then.
pub fn discover() -> Devices {
    let mut devices = Devices::default();
    devices.add_host();
    #[cfg(feature = "amd")]
    {
        let found = geobacter_runtime_amd::devices();
        devices.present.extend(found.devices.iter().cloned());
        let absences = found
            .absent
            .iter()
            .map(|(source, reason)| Absence { what: source.to_string(), reason: reason.to_string() });
        devices.absent.extend(absences);
    }
    #[cfg(not(feature = "amd"))]
    devices.absent.push(Absence {
        what: "AMD GPUs".into(),
        reason: "the program was built without geobacter's feature `amd`".into(),
    });
    #[cfg(feature = "cuda")]
    {
        let found = geobacter_runtime_cuda::devices();
        devices.present.extend(found.devices());
        let absences = found
            .absent
            .iter()
            .map(|(source, reason)| Absence { what: source.to_string(), reason: reason.to_string() });
        devices.absent.extend(absences);
    }
    #[cfg(not(feature = "cuda"))]
    devices.absent.push(Absence {
        what: "NVIDIA GPUs".into(),
        reason: "the program was built without geobacter's feature `cuda`".into(),
    });
    // GPUs before simulated ones, whoever makes them.
    devices.present.sort_by_key(|device| device.info().kind == DeviceKind::Simulator);
    devices.restrict(&asked());
    devices
}

/// What `GEOBACTER_DEVICE` names.
fn asked() -> Vec<String> {
    let text = env::var(DEVICE_VARIABLE).unwrap_or_default();
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

impl Devices {
    /// Keeps the devices with these names, which are ids or kinds; all, if there is no name. A name that fits none becomes
    /// an absence. If each fits one, no absence is left: nobody asked for what is missing.
    fn restrict(&mut self, names: &[String]) {
        if names.is_empty() {
            return;
        }
        let fits = |device: &Device, name: &str| {
            let id = device.id();
            id == name || id.split(':').next() == Some(name)
        };
        let missing: Vec<_> =
            names.iter().filter(|name| !self.present.iter().any(|device| fits(device, name))).collect();
        if missing.is_empty() {
            self.absent.clear();
        }
        for name in missing {
            let known: Vec<_> = self.present.iter().map(Device::id).collect();
            let reason = format!("{DEVICE_VARIABLE} asks for it; those here are `{}`", known.join("`, `"));
            self.absent.push(Absence { what: format!("device `{name}`"), reason });
        }
        self.present.retain(|device| names.iter().any(|name| fits(device, name)));
    }

    fn add_host(&mut self) {
        #[cfg(feature = "host")]
        self.present.push(geobacter_runtime_host::device());
        #[cfg(not(feature = "host"))]
        self.absent.push(Absence {
            what: "host device".into(),
            reason: "the program was built without geobacter's feature `host`".into(),
        });
    }
}

/// The device with this id: `host`, `amd:0`, `cuda:0`, `sim:gfx942`, `sim:sm_90`.
///
/// # Errors
/// [`DeviceError`] if this program can use none with this id; it names those that it can.
pub fn device(id: &str) -> Result<Device, DeviceError> {
    let Devices { present, absent } = devices();
    present.iter().find(|device| device.id() == id).cloned().ok_or_else(|| DeviceError {
        id: id.to_owned(),
        present: present.iter().map(|device| device.id().to_owned()).collect(),
        absent,
    })
}

/// There is no device with this id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct DeviceError {
    /// What was asked for.
    pub id: String,
    /// The ids of the devices that are present.
    pub present: Vec<String>,
    /// Why other kinds of device are not.
    pub absent: Vec<Absence>,
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = match &*self.present {
            [] => "there is none at all".to_owned(),
            [one] => format!("the only one here is `{one}`"),
            several => format!("those here are `{}`", several.join("`, `")),
        };
        write!(f, "there is no device `{}`; {known}", self.id)?;
        self.absent.iter().try_for_each(|absence| write!(f, "\n{absence}"))
    }
}

/// The command that builds and runs this program with device code.
fn command() -> String {
    env::current_exe().map_or_else(|_| "cargo geobacter run".to_owned(), |path| command_for(&path))
}

/// As [`command`], for a program at this path. Cargo's layout says what it is: `debug/examples/NAME`, `release/NAME`,
/// `debug/deps/NAME-HASH` for tests.
fn command_for(path: &Path) -> String {
    let name = |path: Option<&OsStr>| path.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let program = name(path.file_stem());
    let folders: Vec<_> = path.ancestors().skip(1).map(|folder| name(folder.file_name())).take(2).collect();
    let release = if folders.iter().any(|folder| folder == "release") { " --release" } else { "" };
    match folders.first().map(String::as_str) {
        Some("examples") => format!("cargo geobacter run{release} --example {program}"),
        Some("deps") => format!("cargo geobacter test{release}"),
        Some("debug" | "release") => format!("cargo geobacter run{release} --bin {program}"),
        _ => "cargo geobacter run".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_fits_the_program() {
        let cases = [
            ("t/debug/examples/saxpy", "cargo geobacter run --example saxpy"),
            ("t/release/examples/saxpy", "cargo geobacter run --release --example saxpy"),
            ("t/debug/demo", "cargo geobacter run --bin demo"),
            ("t/release/deps/demo-0123456789abcdef", "cargo geobacter test --release"),
            ("opt/bin/demo", "cargo geobacter run"),
        ];
        for (path, command) in cases {
            assert_eq!(command_for(Path::new(path)), command, "{path}");
        }
    }

    #[test]
    fn devices_are_restricted_to_those_asked_for() {
        let seen = |names: &[&str]| {
            let mut devices = Devices::default();
            devices.add_host();
            devices.restrict(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
            let ids: Vec<_> = devices.present.iter().map(|device| device.id().to_owned()).collect();
            (ids, devices.absent.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let host = vec!["host".to_owned()];
        assert_eq!(seen(&[]), (host.clone(), vec![]));
        assert_eq!(seen(&["host"]), (host, vec![]));
        let absent = "no device `sim`: GEOBACTER_DEVICE asks for it; those here are `host`".to_owned();
        assert_eq!(seen(&["sim"]), (vec![], vec![absent]));
    }

    #[test]
    fn an_unknown_device_names_those_that_are_there() {
        let error = device("sim:gfx1").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("there is no device `sim:gfx1`; "), "{text}");
        assert!(text.contains("`host`"), "{text}");
        // Tests of this crate hold no kernel, however they are built.
        assert!(
            text.contains(
                "\nno GPU device: plain cargo built this program, for the host only; type `cargo geobacter test"
            ),
            "{text}"
        );
    }
}
