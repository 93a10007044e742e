//! Instruction set architectures, and which code runs on which.
//!
//! An ISA is a target and what is said of its features: `amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-`. Code that says
//! nothing of a feature runs whether the agent has it on or off (*User Guide for AMDGPU Backend*, "Target ID"). A handle
//! holds all of it, so there is no table of live ones.

use std::{
    ffi::{c_char, c_void},
    fmt,
};

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    out::{null, put, put_bytes, text},
    product::Product,
    state::{fail, simulator, status},
};
use crate::{isa::target::Target, machine::dispatch::MAX_WORKGROUP};

/// How all names begin.
const TRIPLE: &str = "amdgcn-amd-amdhsa--";
/// Set in every handle, so that none is small.
const MARK: u64 = 0x6973_6100_0000;

/// What is said of a feature. The numbers are those of the ELF header's flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The target has no such feature.
    Unsupported = 0,
    /// Nothing: both are fine.
    Any = 1,
    /// Off.
    Off = 2,
    /// On.
    On = 3,
}

impl Setting {
    /// The setting of this number, of which two bits count.
    pub fn from_bits(bits: u64) -> Self {
        match bits & 3 {
            0 => Self::Unsupported,
            1 => Self::Any,
            2 => Self::Off,
            _ => Self::On,
        }
    }

    /// Whether code for this setting runs on an agent with that one.
    fn runs_on(self, agent: Self) -> bool {
        self == agent || self == Self::Any
    }
}

/// A target with its features.
#[derive(Clone, Copy, Debug)]
pub struct Isa {
    product: &'static Product,
    sramecc: Setting,
    xnack: Setting,
}

impl Isa {
    /// That of a simulated GPU.
    pub fn of(product: &'static Product) -> Self {
        let has = |setting| if product.features { setting } else { Setting::Unsupported };
        Self { product, sramecc: has(Setting::On), xnack: has(Setting::Off) }
    }

    /// What code for this target says that has these two settings.
    pub fn of_code(product: &'static Product, sramecc: Setting, xnack: Setting) -> Self {
        Self { product, sramecc, xnack }
    }

    /// Whether code for this one runs on an agent with that one.
    pub fn runs_on(self, agent: Self) -> bool {
        self.product.target == agent.product.target
            && self.sramecc.runs_on(agent.sramecc)
            && self.xnack.runs_on(agent.xnack)
    }

    /// Its handle.
    pub fn handle(self) -> hsa_isa_t {
        let machine = u64::from(self.product.target.elf_machine());
        hsa_isa_t { handle: MARK | machine << 4 | (self.sramecc as u64) << 2 | self.xnack as u64 }
    }

    /// The ISA of a handle.
    pub fn find(isa: hsa_isa_t) -> Result<Self, hsa_status_t> {
        let unknown = || fail(HSA_STATUS_ERROR_INVALID_ISA, format!("no ISA has the handle {:#x}", isa.handle));
        let bits = isa.handle.checked_sub(MARK).ok_or_else(unknown)?;
        let target = Target::ALL.into_iter().find(|target| u64::from(target.elf_machine()) == bits >> 4);
        let product = Product::of(target.ok_or_else(unknown)?);
        let found = Self { product, sramecc: Setting::from_bits(bits >> 2), xnack: Setting::from_bits(bits) };
        let supported = [found.sramecc, found.xnack].map(|setting| setting != Setting::Unsupported);
        if supported == [product.features; 2] { Ok(found) } else { Err(unknown()) }
    }

    /// The ISA of a name. `None` if there is no such one.
    fn from_name(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix(TRIPLE)?.split(':');
        let product = Product::of(Target::named(parts.next()?)?);
        let unsaid = if product.features { Setting::Any } else { Setting::Unsupported };
        let mut isa = Self { product, sramecc: unsaid, xnack: unsaid };
        for part in parts {
            let setting = match part.chars().next_back()? {
                '+' => Setting::On,
                '-' => Setting::Off,
                _ => return None,
            };
            let place = match &part[..part.len() - 1] {
                "sramecc" => &mut isa.sramecc,
                "xnack" => &mut isa.xnack,
                _ => return None,
            };
            // A feature that the target has not, or that was said before.
            if *place != Setting::Any {
                return None;
            }
            *place = setting;
        }
        Some(isa)
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{TRIPLE}{}", self.product.target.name())?;
        for (name, setting) in [("sramecc", self.sramecc), ("xnack", self.xnack)] {
            match setting {
                Setting::On => write!(f, ":{name}+")?,
                Setting::Off => write!(f, ":{name}-")?,
                Setting::Any | Setting::Unsupported => {}
            }
        }
        Ok(())
    }
}

pub unsafe extern "C" fn hsa_agent_iterate_isas(
    agent: hsa_agent_t,
    callback: Option<unsafe extern "C" fn(isa: hsa_isa_t, data: *mut c_void) -> hsa_status_t>,
    data: *mut c_void,
) -> hsa_status_t {
    let product = match simulator().and_then(|simulator| Ok(Agent::find(simulator, agent)?.product(simulator))) {
        Ok(product) => product,
        Err(status) => return status,
    };
    let Some(callback) = callback else { return null("callback") };
    match product {
        // The CPU runs no code objects.
        None => HSA_STATUS_SUCCESS,
        // SAFETY: the program's callback, called as the specification says.
        Some(product) => unsafe { callback(Isa::of(product).handle(), data) },
    }
}

pub unsafe extern "C" fn hsa_isa_from_name(name: *const c_char, isa: *mut hsa_isa_t) -> hsa_status_t {
    let find = || {
        simulator()?;
        // SAFETY: the caller gives text that ends with a zero.
        let name = unsafe { text(name, "name") }?;
        let found = Isa::from_name(name)
            .ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_ISA_NAME, format!("no ISA has the name {name:?}")))?;
        // SAFETY: null, or room for a handle by the caller.
        unsafe { put(isa, found.handle()) }
    };
    status(find())
}

pub unsafe extern "C" fn hsa_isa_get_info_alt(
    isa: hsa_isa_t,
    attribute: hsa_isa_info_t,
    value: *mut c_void,
) -> hsa_status_t {
    let get = || {
        simulator()?;
        let isa = Isa::find(isa)?;
        // SAFETY: the specification has the caller give room for the attribute's type; for the name, of the length
        // that `HSA_ISA_INFO_NAME_LENGTH` gives.
        unsafe {
            match attribute {
                HSA_ISA_INFO_NAME_LENGTH => put(value, isa.to_string().len() as u32 + 1),
                HSA_ISA_INFO_NAME => put_bytes(value, format!("{isa}\0").as_bytes()),
                HSA_ISA_INFO_MACHINE_MODELS => put(value, [false, true]),
                HSA_ISA_INFO_PROFILES => put(value, [true, false]),
                HSA_ISA_INFO_DEFAULT_FLOAT_ROUNDING_MODES | HSA_ISA_INFO_BASE_PROFILE_DEFAULT_FLOAT_ROUNDING_MODES => {
                    put(value, [false, false, true])
                }
                HSA_ISA_INFO_FAST_F16_OPERATION => put(value, true),
                HSA_ISA_INFO_WORKGROUP_MAX_DIM => put(value, [MAX_WORKGROUP as u16; 3]),
                HSA_ISA_INFO_WORKGROUP_MAX_SIZE => put(value, MAX_WORKGROUP),
                HSA_ISA_INFO_GRID_MAX_DIM => put(value, [u32::MAX; 3]),
                HSA_ISA_INFO_GRID_MAX_SIZE => put(value, u64::MAX),
                HSA_ISA_INFO_FBARRIER_MAX_SIZE => put(value, 32_u32),
                HSA_ISA_INFO_CALL_CONVENTION_COUNT => put(value, 1_u32),
                HSA_ISA_INFO_CALL_CONVENTION_INFO_WAVEFRONT_SIZE => put(value, isa.product.wave()),
                HSA_ISA_INFO_CALL_CONVENTION_INFO_WAVEFRONTS_PER_COMPUTE_UNIT => put(value, isa.product.waves),
                _ => Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no ISA attribute {attribute}"))),
            }
        }
    };
    status(get())
}

/// The older form of `hsa_isa_get_info_alt`. There is one call convention.
pub unsafe extern "C" fn hsa_isa_get_info(
    isa: hsa_isa_t,
    attribute: hsa_isa_info_t,
    index: u32,
    value: *mut c_void,
) -> hsa_status_t {
    if index != 0 {
        return fail(HSA_STATUS_ERROR_INVALID_INDEX, format!("no call convention {index}: there is one"));
    }
    // SAFETY: the same contract.
    unsafe { hsa_isa_get_info_alt(isa, attribute, value) }
}

pub unsafe extern "C" fn hsa_isa_get_exception_policies(
    isa: hsa_isa_t,
    profile: hsa_profile_t,
    mask: *mut u16,
) -> hsa_status_t {
    let get = || {
        simulator()?;
        Isa::find(isa)?;
        // SAFETY: null, or room for a mask by the caller.
        unsafe { exception_policies(profile, mask) }
    };
    status(get())
}

/// Writes the exception policies, of which there are none.
///
/// # Safety
/// `mask` is null or has room for a mask.
pub unsafe fn exception_policies(profile: hsa_profile_t, mask: *mut u16) -> Result<(), hsa_status_t> {
    if ![HSA_PROFILE_BASE, HSA_PROFILE_FULL].contains(&profile) {
        return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no profile {profile}")));
    }
    // SAFETY: by this function's contract.
    unsafe { put(mask, 0_u16) }
}

/// Operations round once, whatever becomes of denormal numbers.
pub unsafe extern "C" fn hsa_isa_get_round_method(
    isa: hsa_isa_t,
    fp_type: hsa_fp_type_t,
    flush_mode: hsa_flush_mode_t,
    round_method: *mut hsa_round_method_t,
) -> hsa_status_t {
    let get = || {
        simulator()?;
        Isa::find(isa)?;
        let known = [HSA_FP_TYPE_16, HSA_FP_TYPE_32, HSA_FP_TYPE_64].contains(&fp_type)
            && [HSA_FLUSH_MODE_FTZ, HSA_FLUSH_MODE_NON_FTZ].contains(&flush_mode);
        if !known {
            let reason = format!("no floating-point type {fp_type} or flush mode {flush_mode}");
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, reason));
        }
        // SAFETY: null, or room for the method by the caller.
        unsafe { put(round_method, HSA_ROUND_METHOD_SINGLE) }
    };
    status(get())
}

pub unsafe extern "C" fn hsa_isa_compatible(
    code_object_isa: hsa_isa_t,
    agent_isa: hsa_isa_t,
    result: *mut bool,
) -> hsa_status_t {
    let compare = || {
        simulator()?;
        let (code, agent) = (Isa::find(code_object_isa)?, Isa::find(agent_isa)?);
        // SAFETY: null, or room for the result by the caller.
        unsafe { put(result, code.runs_on(agent)) }
    };
    status(compare())
}

/// A wavefront is named by its size.
pub unsafe extern "C" fn hsa_isa_iterate_wavefronts(
    isa: hsa_isa_t,
    callback: Option<unsafe extern "C" fn(wavefront: hsa_wavefront_t, data: *mut c_void) -> hsa_status_t>,
    data: *mut c_void,
) -> hsa_status_t {
    let isa = match simulator().and_then(|_| Isa::find(isa)) {
        Ok(isa) => isa,
        Err(status) => return status,
    };
    let Some(callback) = callback else { return null("callback") };
    let sizes: &[u64] = if isa.product.wave() == 32 { &[32, 64] } else { &[64] };
    for size in sizes {
        // SAFETY: the program's callback, called as the specification says.
        let result = unsafe { callback(hsa_wavefront_t { handle: *size }, data) };
        if result != HSA_STATUS_SUCCESS {
            return result;
        }
    }
    HSA_STATUS_SUCCESS
}

pub unsafe extern "C" fn hsa_wavefront_get_info(
    wavefront: hsa_wavefront_t,
    attribute: hsa_wavefront_info_t,
    value: *mut c_void,
) -> hsa_status_t {
    let get = || {
        simulator()?;
        match (wavefront.handle, attribute) {
            // SAFETY: null, or room for the size by the caller.
            (size @ (32 | 64), HSA_WAVEFRONT_INFO_SIZE) => unsafe { put(value, size as u32) },
            (32 | 64, _) => Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no wavefront attribute {attribute}"))),
            (handle, _) => {
                Err(fail(HSA_STATUS_ERROR_INVALID_WAVEFRONT, format!("no wavefront has the handle {handle:#x}")))
            }
        }
    };
    status(get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        let shown = |name: &str| Isa::from_name(name).map(|isa| isa.to_string());
        for name in ["gfx90a", "gfx90a:xnack-", "gfx942:sramecc+:xnack-", "gfx1100"] {
            let name = format!("{TRIPLE}{name}");
            assert_eq!(shown(&name), Some(name));
        }
        for name in ["gfx90a", "gfx1100:xnack+", "gfx90a:xnack", "gfx90a:xnack+:xnack+", "gfx90a:fast+", "gfx1", ""] {
            let name = if name == "gfx90a" { name.to_owned() } else { format!("{TRIPLE}{name}") };
            assert_eq!(shown(&name), None, "{name}");
        }
    }

    #[test]
    fn code_that_says_nothing_of_a_feature_runs_on_both() {
        let isa = |name: &str| Isa::from_name(&format!("{TRIPLE}{name}")).unwrap();
        let agent = Isa::of(Product::of(Target::Gfx90a));
        assert_eq!(agent.to_string(), "amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-");
        assert!(isa("gfx90a").runs_on(agent) && isa("gfx90a:xnack-").runs_on(agent));
        assert!(!isa("gfx90a:xnack+").runs_on(agent) && !isa("gfx942").runs_on(agent));
        assert_eq!(Isa::find(agent.handle()).unwrap().to_string(), agent.to_string());
    }
}
