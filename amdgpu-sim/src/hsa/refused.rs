//! What simulated GPUs have not: images and samplers, memory and signals of other processes and of graphics, shared
//! virtual memory, HSAIL. Each function checks what it is given, and refuses with the status that its header has for
//! that; where an extension is concerned, `hsa_system_extension_supported` says that it is not there.

use std::ffi::{c_char, c_int, c_void};

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    out::{null, put},
    state::{fail, simulator, status},
};

/// What images and samplers are refused with, where an agent can be wrong first.
fn no_images(agent: hsa_agent_t, status_: hsa_status_t) -> hsa_status_t {
    let refuse = || {
        Agent::find(simulator()?, agent)?;
        Err(fail(status_, "simulated GPUs have no images and no samplers"))
    };
    status(refuse())
}

/// The format is none that the agent has.
const NO_FORMAT: hsa_status_t = HSA_EXT_STATUS_ERROR_IMAGE_FORMAT_UNSUPPORTED;

/// No format can be used in any way.
pub unsafe extern "C" fn hsa_ext_image_get_capability(
    agent: hsa_agent_t,
    _geometry: hsa_ext_image_geometry_t,
    image_format: *const hsa_ext_image_format_t,
    capability_mask: *mut u32,
) -> hsa_status_t {
    let get = || {
        Agent::find(simulator()?, agent)?;
        if image_format.is_null() {
            return Err(null("image_format"));
        }
        // SAFETY: null, or room for a mask by the caller.
        unsafe { put(capability_mask, HSA_EXT_IMAGE_CAPABILITY_NOT_SUPPORTED) }
    };
    status(get())
}

pub unsafe extern "C" fn hsa_ext_image_get_capability_with_layout(
    agent: hsa_agent_t,
    geometry: hsa_ext_image_geometry_t,
    image_format: *const hsa_ext_image_format_t,
    _image_data_layout: hsa_ext_image_data_layout_t,
    capability_mask: *mut u32,
) -> hsa_status_t {
    // SAFETY: the same contract.
    unsafe { hsa_ext_image_get_capability(agent, geometry, image_format, capability_mask) }
}

pub unsafe extern "C" fn hsa_ext_image_data_get_info(
    agent: hsa_agent_t,
    _image_descriptor: *const hsa_ext_image_descriptor_t,
    _access_permission: hsa_access_permission_t,
    _image_data_info: *mut hsa_ext_image_data_info_t,
) -> hsa_status_t {
    no_images(agent, NO_FORMAT)
}

pub unsafe extern "C" fn hsa_ext_image_data_get_info_with_layout(
    agent: hsa_agent_t,
    _image_descriptor: *const hsa_ext_image_descriptor_t,
    _access_permission: hsa_access_permission_t,
    _image_data_layout: hsa_ext_image_data_layout_t,
    _image_data_row_pitch: usize,
    _image_data_slice_pitch: usize,
    _image_data_info: *mut hsa_ext_image_data_info_t,
) -> hsa_status_t {
    no_images(agent, NO_FORMAT)
}

pub unsafe extern "C" fn hsa_ext_image_create(
    agent: hsa_agent_t,
    _image_descriptor: *const hsa_ext_image_descriptor_t,
    _image_data: *const c_void,
    _access_permission: hsa_access_permission_t,
    _image: *mut hsa_ext_image_t,
) -> hsa_status_t {
    no_images(agent, NO_FORMAT)
}

pub unsafe extern "C" fn hsa_ext_image_create_with_layout(
    agent: hsa_agent_t,
    _image_descriptor: *const hsa_ext_image_descriptor_t,
    _image_data: *const c_void,
    _access_permission: hsa_access_permission_t,
    _image_data_layout: hsa_ext_image_data_layout_t,
    _image_data_row_pitch: usize,
    _image_data_slice_pitch: usize,
    _image: *mut hsa_ext_image_t,
) -> hsa_status_t {
    no_images(agent, NO_FORMAT)
}

pub unsafe extern "C" fn hsa_amd_image_create(
    agent: hsa_agent_t,
    _image_descriptor: *const hsa_ext_image_descriptor_t,
    _image_layout: *const hsa_amd_image_descriptor_t,
    _image_data: *const c_void,
    _access_permission: hsa_access_permission_t,
    _image: *mut hsa_ext_image_t,
) -> hsa_status_t {
    no_images(agent, NO_FORMAT)
}

pub unsafe extern "C" fn hsa_amd_image_get_info_max_dim(
    agent: hsa_agent_t,
    attribute: hsa_agent_info_t,
    value: *mut c_void,
) -> hsa_status_t {
    if !(HSA_EXT_AGENT_INFO_IMAGE_1D_MAX_ELEMENTS..=HSA_EXT_AGENT_INFO_IMAGE_ARRAY_MAX_LAYERS).contains(&attribute) {
        return fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("{attribute:#x} is no attribute of images"));
    }
    // SAFETY: the same contract.
    unsafe { super::agent::hsa_agent_get_info(agent, attribute, value) }
}

pub unsafe extern "C" fn hsa_ext_image_destroy(agent: hsa_agent_t, _image: hsa_ext_image_t) -> hsa_status_t {
    no_images(agent, HSA_STATUS_ERROR_INVALID_ARGUMENT)
}

pub unsafe extern "C" fn hsa_ext_image_copy(
    agent: hsa_agent_t,
    _src_image: hsa_ext_image_t,
    _src_offset: *const hsa_dim3_t,
    _dst_image: hsa_ext_image_t,
    _dst_offset: *const hsa_dim3_t,
    _range: *const hsa_dim3_t,
) -> hsa_status_t {
    no_images(agent, HSA_STATUS_ERROR_INVALID_ARGUMENT)
}

pub unsafe extern "C" fn hsa_ext_image_import(
    agent: hsa_agent_t,
    _src_memory: *const c_void,
    _src_row_pitch: usize,
    _src_slice_pitch: usize,
    _dst_image: hsa_ext_image_t,
    _image_region: *const hsa_ext_image_region_t,
) -> hsa_status_t {
    no_images(agent, HSA_STATUS_ERROR_INVALID_ARGUMENT)
}

pub unsafe extern "C" fn hsa_ext_image_export(
    agent: hsa_agent_t,
    _src_image: hsa_ext_image_t,
    _dst_memory: *mut c_void,
    _dst_row_pitch: usize,
    _dst_slice_pitch: usize,
    _image_region: *const hsa_ext_image_region_t,
) -> hsa_status_t {
    no_images(agent, HSA_STATUS_ERROR_INVALID_ARGUMENT)
}

pub unsafe extern "C" fn hsa_ext_image_clear(
    agent: hsa_agent_t,
    _image: hsa_ext_image_t,
    _data: *const c_void,
    _image_region: *const hsa_ext_image_region_t,
) -> hsa_status_t {
    no_images(agent, HSA_STATUS_ERROR_INVALID_ARGUMENT)
}

pub unsafe extern "C" fn hsa_ext_sampler_create(
    agent: hsa_agent_t,
    _sampler_descriptor: *const hsa_ext_sampler_descriptor_t,
    _sampler: *mut hsa_ext_sampler_t,
) -> hsa_status_t {
    no_images(agent, HSA_EXT_STATUS_ERROR_SAMPLER_DESCRIPTOR_UNSUPPORTED)
}

pub unsafe extern "C" fn hsa_ext_sampler_destroy(agent: hsa_agent_t, _sampler: hsa_ext_sampler_t) -> hsa_status_t {
    no_images(agent, HSA_STATUS_ERROR_INVALID_ARGUMENT)
}

/// Memory of other processes and of graphics.
fn no_sharing(status_: hsa_status_t) -> hsa_status_t {
    let reason = "simulated devices share no memory and no signals with other processes or with graphics";
    status(simulator().and_then(|_| Err(fail(status_, reason))))
}

pub unsafe extern "C" fn hsa_amd_interop_map_buffer(
    num_agents: u32,
    agents: *mut hsa_agent_t,
    _interop_handle: c_int,
    flags: u32,
    _size: *mut usize,
    _ptr: *mut *mut c_void,
    _metadata_size: *mut usize,
    _metadata: *mut *const c_void,
) -> hsa_status_t {
    let check = || {
        // SAFETY: the caller gives `num_agents` agents.
        unsafe { Agent::list(simulator()?, agents, num_agents as usize) }?;
        if flags != 0 {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("flags {flags:#x}, which are reserved")));
        }
        Ok(())
    };
    match check() {
        Ok(()) => no_sharing(HSA_STATUS_ERROR),
        Err(status) => status,
    }
}

pub unsafe extern "C" fn hsa_amd_interop_unmap_buffer(_ptr: *mut c_void) -> hsa_status_t {
    no_sharing(HSA_STATUS_ERROR_INVALID_ARGUMENT)
}

pub unsafe extern "C" fn hsa_amd_ipc_memory_create(
    ptr: *mut c_void,
    len: usize,
    _handle: *mut hsa_amd_ipc_memory_t,
) -> hsa_status_t {
    if ptr.is_null() || len == 0 {
        return no_sharing(HSA_STATUS_ERROR_INVALID_ARGUMENT);
    }
    no_sharing(HSA_STATUS_ERROR_OUT_OF_RESOURCES)
}

pub unsafe extern "C" fn hsa_amd_ipc_memory_attach(
    _handle: *const hsa_amd_ipc_memory_t,
    _len: usize,
    _num_agents: u32,
    _mapping_agents: *const hsa_agent_t,
    _mapped_ptr: *mut *mut c_void,
) -> hsa_status_t {
    // Nobody can have made a handle.
    no_sharing(HSA_STATUS_ERROR_INVALID_ARGUMENT)
}

pub unsafe extern "C" fn hsa_amd_ipc_memory_detach(_mapped_ptr: *mut c_void) -> hsa_status_t {
    no_sharing(HSA_STATUS_ERROR_INVALID_ARGUMENT)
}

/// A signal for other processes cannot be made, so none can be shared.
pub unsafe extern "C" fn hsa_amd_ipc_signal_create(
    _signal: hsa_signal_t,
    _handle: *mut hsa_amd_ipc_signal_t,
) -> hsa_status_t {
    no_sharing(HSA_STATUS_ERROR_INVALID_ARGUMENT)
}

pub unsafe extern "C" fn hsa_amd_ipc_signal_attach(
    _handle: *const hsa_amd_ipc_signal_t,
    _signal: *mut hsa_signal_t,
) -> hsa_status_t {
    no_sharing(HSA_STATUS_ERROR_INVALID_ARGUMENT)
}

/// Shared virtual memory, of which `HSA_AMD_SYSTEM_INFO_SVM_SUPPORTED` says that it is not there.
fn no_svm() -> hsa_status_t {
    status(simulator().and_then(|_| Err(fail(HSA_STATUS_ERROR, "simulated devices have no shared virtual memory"))))
}

pub unsafe extern "C" fn hsa_amd_svm_attributes_set(
    _ptr: *mut c_void,
    _size: usize,
    _attribute_list: *mut hsa_amd_svm_attribute_pair_t,
    _attribute_count: usize,
) -> hsa_status_t {
    no_svm()
}

pub unsafe extern "C" fn hsa_amd_svm_attributes_get(
    _ptr: *mut c_void,
    _size: usize,
    _attribute_list: *mut hsa_amd_svm_attribute_pair_t,
    _attribute_count: usize,
) -> hsa_status_t {
    no_svm()
}

pub unsafe extern "C" fn hsa_amd_svm_prefetch_async(
    _ptr: *mut c_void,
    _size: usize,
    _agent: hsa_agent_t,
    _num_dep_signals: u32,
    _dep_signals: *const hsa_signal_t,
    _completion_signal: hsa_signal_t,
) -> hsa_status_t {
    no_svm()
}

/// HSAIL, which AMD's runtime has no finalizer for either.
fn no_finalizer(status_: hsa_status_t) -> hsa_status_t {
    status(simulator().and_then(|_| Err(fail(status_, "there is no finalizer: simulated GPUs run code objects alone"))))
}

pub unsafe extern "C" fn hsa_ext_program_create(
    _machine_model: hsa_machine_model_t,
    _profile: hsa_profile_t,
    _default_float_rounding_mode: hsa_default_float_rounding_mode_t,
    _options: *const c_char,
    _program: *mut hsa_ext_program_t,
) -> hsa_status_t {
    no_finalizer(HSA_STATUS_ERROR)
}

pub unsafe extern "C" fn hsa_ext_program_destroy(_program: hsa_ext_program_t) -> hsa_status_t {
    no_finalizer(HSA_EXT_STATUS_ERROR_INVALID_PROGRAM)
}

pub unsafe extern "C" fn hsa_ext_program_add_module(
    _program: hsa_ext_program_t,
    _module: hsa_ext_module_t,
) -> hsa_status_t {
    no_finalizer(HSA_EXT_STATUS_ERROR_INVALID_PROGRAM)
}

pub unsafe extern "C" fn hsa_ext_program_iterate_modules(
    _program: hsa_ext_program_t,
    _callback: Option<
        unsafe extern "C" fn(program: hsa_ext_program_t, module: hsa_ext_module_t, data: *mut c_void) -> hsa_status_t,
    >,
    _data: *mut c_void,
) -> hsa_status_t {
    no_finalizer(HSA_EXT_STATUS_ERROR_INVALID_PROGRAM)
}

pub unsafe extern "C" fn hsa_ext_program_get_info(
    _program: hsa_ext_program_t,
    _attribute: hsa_ext_program_info_t,
    _value: *mut c_void,
) -> hsa_status_t {
    no_finalizer(HSA_EXT_STATUS_ERROR_INVALID_PROGRAM)
}

pub unsafe extern "C" fn hsa_ext_program_finalize(
    _program: hsa_ext_program_t,
    _isa: hsa_isa_t,
    _call_convention: i32,
    _control_directives: hsa_ext_control_directives_t,
    _options: *const c_char,
    _code_object_type: hsa_code_object_type_t,
    _code_object: *mut hsa_code_object_t,
) -> hsa_status_t {
    no_finalizer(HSA_EXT_STATUS_ERROR_INVALID_PROGRAM)
}
