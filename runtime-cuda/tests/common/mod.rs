//! The simulated machine of a test binary.

use std::sync::{Arc, OnceLock};

use geobacter_runtime_core::Device;
use geobacter_runtime_cuda::{Card, Gpu, Options, Origin, Session};

/// The cards of a simulator with this configuration, which must be the same in a whole test binary.
pub fn cards(config: &str) -> &'static [Card] {
    static CARDS: OnceLock<Vec<Card>> = OnceLock::new();
    CARDS.get_or_init(|| {
        let api = ptx_sim::install(config.parse().unwrap()).unwrap();
        Card::all(&Session::start(api, Origin::simulator()).unwrap()).unwrap()
    })
}

/// A card as a device.
#[allow(dead_code, reason = "not every test binary has typed memory")]
pub fn device(card: &Card, id: &str) -> Device {
    Device::new(Arc::new(Gpu::open(card, id, Options::default()).unwrap()))
}
