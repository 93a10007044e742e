//! The simulated machine of a test binary.

use std::sync::{Arc, OnceLock};

use geobacter_runtime_core::{Device, code::DeviceCode};
use geobacter_runtime_cuda::{Card, Extent, Gpu, Options, Origin, Session};
use geobacter_spool::job::{HIDDEN_BLOCK, HiddenArg, KernelResources};

/// The text of the kernels.
#[allow(dead_code, reason = "not every test binary runs kernels")]
pub const KERNELS: &str = include_str!("kernels.ptx");

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

/// A kernel of `kernels.ptx`, with what it takes.
#[allow(dead_code, reason = "not every test binary runs kernels")]
pub fn code(kernel: &str) -> DeviceCode {
    let explicit = if kernel == "affine" { 24 } else { 8 };
    let hidden = (kernel == "panics").then(|| HiddenArg { kind: HIDDEN_BLOCK.into(), offset: explicit, size: 8 });
    let resources = KernelResources {
        symbol: kernel.into(),
        kernarg_size: explicit + hidden.as_ref().map_or(0, |argument| argument.size),
        kernarg_align: 16,
        explicit_kernarg_size: explicit,
        hidden_args: hidden.into_iter().collect(),
        lds: 0,
        scratch: 0,
        dynamic_stack: false,
        vgprs: 0,
        agprs: 0,
        sgprs: 0,
        vgpr_spills: 0,
        sgpr_spills: 0,
        wave_size: 32,
        max_workgroup: 64,
        occupancy: 0,
        code_size: 0,
    };
    DeviceCode { code_object: KERNELS.as_bytes().into(), resources }
}

/// Groups of 64 work-items along x.
#[allow(dead_code, reason = "not every test binary runs kernels")]
pub fn line(groups: u32) -> Extent {
    Extent { groups: [groups, 1, 1], workgroup: [64, 1, 1], dynamic_lds: 0 }
}
