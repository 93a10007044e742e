//! The HSA C ABI: what a program sees of the simulator (*HSA Runtime Programmer's Reference Manual* 1.2, and the
//! comments of `hsa.h` and `hsa_ext_amd.h`). Every function here has the signature, the checks and the statuses of its
//! namesake.

mod access;
mod agent;
mod arena;
mod code_object;
mod control;
mod copy;
mod deallocation;
mod engine;
mod events;
mod executable;
mod extensions;
mod handlers;
#[cfg(feature = "fault-injection")]
pub mod injection;
mod isa;
mod loader;
mod loader_extension;
mod out;
mod pool;
mod product;
mod profiling;
mod queue;
mod refused;
mod region;
mod signal;
mod signal_functions;
mod signal_orders;
mod signal_set;
mod soft_queue;
mod state;
mod system;
mod watch;

use hsa_rt_sys::{HsaApi, OtherHsaApi};

pub use queue::take_fault_report;
pub use state::{InstallError, executed_instructions, install, last_error, take_counters};

macro_rules! table {
    ($table:ident { $( $module:ident: $( $name:ident )* ; )* }) => {
        $table { $( $( $name: $module::$name, )* )* }
    };
}

/// The functions themselves.
const REAL: HsaApi = table! { HsaApi {
    system: hsa_init hsa_shut_down hsa_status_string hsa_system_get_info;
    agent: hsa_iterate_agents hsa_agent_get_info;
    isa: hsa_agent_iterate_isas hsa_isa_get_info_alt;
    queue: hsa_queue_create hsa_queue_destroy hsa_queue_inactivate hsa_amd_queue_set_priority;
    control: hsa_queue_load_read_index_relaxed hsa_queue_load_read_index_scacquire
        hsa_queue_load_write_index_relaxed hsa_queue_load_write_index_scacquire
        hsa_queue_store_write_index_relaxed hsa_queue_store_write_index_screlease
        hsa_queue_cas_write_index_scacq_screl hsa_queue_add_write_index_relaxed
        hsa_queue_add_write_index_scacq_screl;
    signal_functions: hsa_signal_create hsa_signal_destroy hsa_signal_wait_scacquire;
    signal_orders: hsa_signal_load_relaxed hsa_signal_load_scacquire
        hsa_signal_store_screlease hsa_signal_store_relaxed hsa_signal_silent_store_relaxed
        hsa_signal_exchange_scacq_screl hsa_signal_cas_scacq_screl hsa_signal_add_screlease
        hsa_signal_subtract_screlease hsa_signal_wait_relaxed;
    handlers: hsa_amd_signal_async_handler;
    pool: hsa_amd_agent_iterate_memory_pools hsa_amd_memory_pool_get_info hsa_amd_agent_memory_pool_get_info
        hsa_amd_memory_pool_allocate hsa_amd_memory_pool_free hsa_memory_copy hsa_amd_memory_fill;
    access: hsa_amd_agents_allow_access hsa_amd_memory_lock hsa_amd_memory_unlock hsa_amd_pointer_info;
    copy: hsa_amd_memory_async_copy hsa_amd_memory_async_copy_rect;
    profiling: hsa_amd_profiling_set_profiler_enabled hsa_amd_profiling_get_dispatch_time
        hsa_amd_profiling_async_copy_enable hsa_amd_profiling_get_async_copy_time
        hsa_amd_profiling_convert_tick_to_system_domain;
    executable: hsa_code_object_reader_create_from_memory hsa_code_object_reader_destroy
        hsa_executable_create_alt hsa_executable_load_agent_code_object hsa_executable_freeze
        hsa_executable_get_symbol_by_name hsa_executable_symbol_get_info hsa_executable_destroy;
    events: hsa_amd_register_system_event_handler;
} };

/// Those that the table of the project's own runtime has not.
const OTHERS: OtherHsaApi = table! { OtherHsaApi {
    extensions: hsa_extension_get_name hsa_system_extension_supported hsa_system_major_extension_supported
        hsa_system_get_extension_table hsa_system_get_major_extension_table hsa_agent_extension_supported
        hsa_agent_major_extension_supported;
    agent: hsa_agent_get_exception_policies hsa_cache_get_info hsa_agent_iterate_caches
        hsa_amd_coherency_get_type hsa_amd_coherency_set_type;
    isa: hsa_isa_from_name hsa_isa_get_info hsa_isa_get_exception_policies hsa_isa_get_round_method
        hsa_wavefront_get_info hsa_isa_iterate_wavefronts hsa_isa_compatible;
    signal_functions: hsa_amd_signal_create hsa_amd_signal_value_pointer;
    signal_orders: hsa_signal_load_acquire hsa_signal_store_release hsa_signal_silent_store_screlease
        hsa_signal_exchange_acq_rel hsa_signal_exchange_scacquire hsa_signal_exchange_acquire
        hsa_signal_exchange_relaxed hsa_signal_exchange_screlease hsa_signal_exchange_release
        hsa_signal_cas_acq_rel hsa_signal_cas_scacquire hsa_signal_cas_acquire hsa_signal_cas_relaxed
        hsa_signal_cas_screlease hsa_signal_cas_release
        hsa_signal_add_scacq_screl hsa_signal_add_acq_rel hsa_signal_add_scacquire hsa_signal_add_acquire
        hsa_signal_add_relaxed hsa_signal_add_release
        hsa_signal_subtract_scacq_screl hsa_signal_subtract_acq_rel hsa_signal_subtract_scacquire
        hsa_signal_subtract_acquire hsa_signal_subtract_relaxed hsa_signal_subtract_release
        hsa_signal_and_scacq_screl hsa_signal_and_acq_rel hsa_signal_and_scacquire hsa_signal_and_acquire
        hsa_signal_and_relaxed hsa_signal_and_screlease hsa_signal_and_release
        hsa_signal_or_scacq_screl hsa_signal_or_acq_rel hsa_signal_or_scacquire hsa_signal_or_acquire
        hsa_signal_or_relaxed hsa_signal_or_screlease hsa_signal_or_release
        hsa_signal_xor_scacq_screl hsa_signal_xor_acq_rel hsa_signal_xor_scacquire hsa_signal_xor_acquire
        hsa_signal_xor_relaxed hsa_signal_xor_screlease hsa_signal_xor_release hsa_signal_wait_acquire;
    signal_set: hsa_signal_group_create hsa_signal_group_destroy hsa_signal_group_wait_any_scacquire
        hsa_signal_group_wait_any_relaxed hsa_amd_signal_wait_any;
    handlers: hsa_amd_async_function;
    queue: hsa_amd_queue_cu_set_mask hsa_amd_queue_cu_get_mask;
    soft_queue: hsa_soft_queue_create;
    control: hsa_queue_load_read_index_acquire hsa_queue_load_write_index_acquire
        hsa_queue_store_write_index_release hsa_queue_cas_write_index_acq_rel hsa_queue_cas_write_index_acquire
        hsa_queue_cas_write_index_scacquire hsa_queue_cas_write_index_relaxed hsa_queue_cas_write_index_release
        hsa_queue_cas_write_index_screlease hsa_queue_add_write_index_acq_rel hsa_queue_add_write_index_acquire
        hsa_queue_add_write_index_scacquire hsa_queue_add_write_index_release
        hsa_queue_add_write_index_screlease hsa_queue_store_read_index_relaxed
        hsa_queue_store_read_index_release hsa_queue_store_read_index_screlease;
    region: hsa_region_get_info hsa_agent_iterate_regions hsa_memory_allocate hsa_memory_free
        hsa_memory_assign_agent hsa_memory_register hsa_memory_deregister;
    pool: hsa_amd_memory_pool_can_migrate hsa_amd_memory_migrate;
    access: hsa_amd_memory_lock_to_pool;
    deallocation: hsa_amd_pointer_info_set_userdata hsa_amd_register_deallocation_callback
        hsa_amd_deregister_deallocation_callback;
    executable: hsa_code_object_reader_create_from_file hsa_executable_create
        hsa_executable_load_program_code_object hsa_executable_get_info hsa_executable_global_variable_define
        hsa_executable_agent_global_variable_define hsa_executable_readonly_variable_define
        hsa_executable_validate hsa_executable_validate_alt hsa_executable_get_symbol
        hsa_executable_iterate_symbols hsa_executable_iterate_agent_symbols
        hsa_executable_iterate_program_symbols;
    code_object: hsa_code_object_serialize hsa_code_object_deserialize hsa_code_object_destroy
        hsa_code_object_get_info hsa_executable_load_code_object hsa_code_object_get_symbol
        hsa_code_object_get_symbol_from_name hsa_code_symbol_get_info hsa_code_object_iterate_symbols;
    refused: hsa_ext_image_get_capability hsa_ext_image_get_capability_with_layout hsa_ext_image_data_get_info
        hsa_ext_image_data_get_info_with_layout hsa_ext_image_create hsa_ext_image_create_with_layout
        hsa_ext_image_destroy hsa_ext_image_copy hsa_ext_image_import hsa_ext_image_export hsa_ext_image_clear
        hsa_ext_sampler_create hsa_ext_sampler_destroy hsa_amd_image_get_info_max_dim hsa_amd_image_create
        hsa_amd_interop_map_buffer hsa_amd_interop_unmap_buffer hsa_amd_ipc_memory_create
        hsa_amd_ipc_memory_attach hsa_amd_ipc_memory_detach hsa_amd_ipc_signal_create
        hsa_amd_ipc_signal_attach hsa_amd_svm_attributes_set hsa_amd_svm_attributes_get
        hsa_amd_svm_prefetch_async hsa_ext_program_create hsa_ext_program_destroy hsa_ext_program_add_module
        hsa_ext_program_iterate_modules hsa_ext_program_get_info hsa_ext_program_finalize;
} };

/// The simulator's HSA functions. Until [`install`] and `hsa_init`, each gives `HSA_STATUS_ERROR_NOT_INITIALIZED`.
pub const fn hsa_api() -> HsaApi {
    #[cfg(feature = "fault-injection")]
    return injection::WRAPPED;
    #[cfg(not(feature = "fault-injection"))]
    REAL
}

/// The simulator's HSA functions that [`HsaApi`] has not: for programs that nobody here wrote. The state is the same.
pub const fn other_hsa_api() -> OtherHsaApi {
    OTHERS
}
