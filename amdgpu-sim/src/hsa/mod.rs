//! The HSA C ABI: what a program sees of the simulator (*HSA Runtime Programmer's Reference Manual* 1.2, and the
//! comments of `hsa.h` and `hsa_ext_amd.h`). Every function here has the signature, the checks and the statuses of its
//! namesake.

mod access;
mod agent;
mod arena;
mod control;
mod copy;
mod engine;
mod events;
mod executable;
mod handlers;
#[cfg(feature = "fault-injection")]
pub mod injection;
mod loader;
mod out;
mod pool;
mod profiling;
mod queue;
mod signal;
mod signal_functions;
mod state;
mod system;
mod watch;

use hsa_rt_sys::HsaApi;

pub use queue::take_fault_report;
pub use state::{InstallError, executed_instructions, install, last_error};

macro_rules! table {
    ($( $module:ident: $( $name:ident )* ; )*) => {
        HsaApi { $( $( $name: $module::$name, )* )* }
    };
}

/// The functions themselves.
const REAL: HsaApi = table! {
    system: hsa_init hsa_shut_down hsa_status_string hsa_system_get_info;
    agent: hsa_iterate_agents hsa_agent_get_info hsa_agent_iterate_isas hsa_isa_get_info_alt;
    queue: hsa_queue_create hsa_queue_destroy hsa_queue_inactivate hsa_amd_queue_set_priority;
    control: hsa_queue_load_read_index_relaxed hsa_queue_load_read_index_scacquire
        hsa_queue_load_write_index_relaxed hsa_queue_load_write_index_scacquire
        hsa_queue_store_write_index_relaxed hsa_queue_store_write_index_screlease
        hsa_queue_cas_write_index_scacq_screl hsa_queue_add_write_index_relaxed
        hsa_queue_add_write_index_scacq_screl;
    signal_functions: hsa_signal_create hsa_signal_destroy hsa_signal_load_relaxed hsa_signal_load_scacquire
        hsa_signal_store_screlease hsa_signal_store_relaxed hsa_signal_silent_store_relaxed
        hsa_signal_exchange_scacq_screl hsa_signal_cas_scacq_screl hsa_signal_add_screlease
        hsa_signal_subtract_screlease hsa_signal_wait_relaxed hsa_signal_wait_scacquire;
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
};

/// The simulator's HSA functions. Until [`install`] and `hsa_init`, each gives `HSA_STATUS_ERROR_NOT_INITIALIZED`.
pub fn hsa_api() -> HsaApi {
    #[cfg(feature = "fault-injection")]
    return injection::WRAPPED;
    #[cfg(not(feature = "fault-injection"))]
    REAL
}
