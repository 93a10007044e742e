//! The system's HSA runtime, as far as this machine has one.

use std::path::Path;

use geobacter_runtime_amd::{
    Agent, Gpu, KFD, KfdError, NoDevices, Options, Origin, Session, Source, devices, diagnose,
};
use geobacter_runtime_core::driver::Driver;
use hsa_rt_sys::{HsaApi, LIBRARY, LIBRARY_VARIABLE, LoadError};

/// The table of the system's library; `None`, with the reason printed, if there is no such library.
fn library() -> Option<HsaApi> {
    match HsaApi::load() {
        Ok(api) => Some(api),
        Err(error @ LoadError::Library { .. }) => {
            assert!(std::env::var_os("GEOBACTER_REQUIRE_TOOLS").is_none(), "{error}");
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_systems_library_has_every_function_and_starts_or_says_why_not() {
    let Some(api) = library() else { return };
    match Session::start(api, Origin::system()) {
        Ok(session) => {
            let agents = Agent::all(&session).unwrap();
            assert!(agents.iter().any(Agent::is_cpu), "every HSA system has a host agent: {agents:?}");
            for (index, agent) in agents.iter().filter(|agent| agent.is_gpu()).enumerate() {
                let gpu = Gpu::open(agent, &agents, format!("amd:{index}"), Options::default()).unwrap();
                eprintln!("{:?}", gpu.info());
            }
        }
        Err(error) => {
            assert!(!Path::new(KFD).exists(), "there is a kernel driver, and {error}");
            assert_eq!(error.function, "hsa_init");
            assert_ne!(error.status, 0);
            assert!(error.to_string().starts_with("hsa_init failed: "), "{error}");
            eprintln!("without a kernel driver: {error}");
        }
    }
}

#[test]
fn a_diagnosis_tells_library_and_kernel_driver_apart() {
    let diagnosis = diagnose();
    assert_eq!(diagnosis.library.is_ok(), library().is_some());
    if let Err(error) = &diagnosis.library {
        assert!(error.to_string().contains(LIBRARY), "{error}");
    }
    match diagnosis.kfd {
        Ok(()) => assert!(Path::new(KFD).exists()),
        Err(KfdError::Missing) => assert!(!Path::new(KFD).exists()),
        Err(other) => assert!(other.to_string().contains(KFD), "{other}"),
    }
}

#[test]
fn a_source_without_devices_says_why() {
    let found = devices();
    assert!(std::ptr::eq(found, devices()), "devices are looked for once");
    if found.devices.iter().any(|device| device.info().id.starts_with("amd:")) {
        return;
    }
    let (_, reason) = found.absent.iter().find(|(source, _)| *source == Source::System).unwrap();
    if !Path::new(KFD).exists() && std::env::var_os(LIBRARY_VARIABLE).is_none() {
        assert!(matches!(reason, NoDevices::Kfd(KfdError::Missing)), "{reason}");
    }
    assert!(!reason.to_string().is_empty());
}
