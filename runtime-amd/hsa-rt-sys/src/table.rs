//! The table of HSA functions that a program calls through.

use core::ffi::{c_char, c_int, c_void};

use crate::bindings::{self, *};

/// Why the HSA runtime could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No such library, or it cannot be loaded.
    #[error("cannot load the HSA runtime {name}: {source}; install ROCm, or Debian's libhsa-runtime64-1")]
    Library {
        /// The library that was tried.
        name: String,
        /// What the dynamic linker says.
        source: libloading::Error,
    },
    /// The library lacks a function.
    #[error("the HSA runtime {name} has no function {function}: it is too old or not an HSA runtime")]
    Function {
        /// The library that was loaded.
        name: String,
        /// The function that it lacks.
        function: &'static str,
    },
}

/// What a function that is not implemented returns.
trait Unavailable {
    const ANSWER: Self;
}

impl Unavailable for hsa_status_t {
    const ANSWER: Self = HSA_STATUS_ERROR;
}

impl Unavailable for u64 {
    const ANSWER: Self = 0;
}

impl Unavailable for hsa_signal_value_t {
    const ANSWER: Self = 0;
}

macro_rules! hsa_table {
    ($( fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)?; )*) => {
        /// The HSA functions that Geobacter calls, each under its own name.
        ///
        /// Every field is a function of the HSA runtime; calling one is `unsafe` under the contract that the HSA
        /// specification gives for it.
        #[derive(Clone, Copy)]
        #[allow(missing_docs, reason = "each field is the HSA function of that name")]
        pub struct HsaApi {
            $( pub $name: unsafe extern "C" fn($($arg: $ty),*) $(-> $ret)?, )*
        }

        // The signatures above are those of the headers: a difference does not compile.
        $( const _: unsafe extern "C" fn($($ty),*) $(-> $ret)? = bindings::$name; )*

        impl HsaApi {
            /// A table in which no function is implemented: each returns `HSA_STATUS_ERROR`, or 0 where it returns a
            /// value. A software implementation of a part of HSA starts from it:
            /// `HsaApi { hsa_init: my_init, ..HsaApi::UNAVAILABLE }`.
            pub const UNAVAILABLE: Self = Self { $(
                $name: {
                    #[allow(unused_variables, reason = "the arguments keep the names of the headers")]
                    unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
                        $(<$ret as Unavailable>::ANSWER)?
                    }
                    $name
                },
            )* };

            fn from_library(library: &libloading::Library, name: &str) -> Result<Self, LoadError> {
                Ok(Self { $(
                    // SAFETY: the symbol has the type that the HSA headers declare for it, checked above.
                    $name: *unsafe { library.get(concat!(stringify!($name), "\0").as_bytes()) }
                        .map_err(|_| LoadError::Function { name: name.to_owned(), function: stringify!($name) })?,
                )* })
            }
        }
    };
}

/// Calls a macro with the declarations of all functions of [`HsaApi`], as `fn name(argument: type, ..) -> type;` each.
///
/// The types are named as in [`bindings`](crate::bindings) and `core::ffi`; where the macro is expanded, they must be
/// in scope.
#[macro_export]
macro_rules! for_each_hsa_function { ($callback:ident) => { $callback! {
    fn hsa_init() -> hsa_status_t;
    fn hsa_shut_down() -> hsa_status_t;
    fn hsa_status_string(status: hsa_status_t, string: *mut *const c_char) -> hsa_status_t;
    fn hsa_system_get_info(attribute: hsa_system_info_t, value: *mut c_void) -> hsa_status_t;
    fn hsa_iterate_agents(
        callback: Option<unsafe extern "C" fn(agent: hsa_agent_t, data: *mut c_void) -> hsa_status_t>,
        data: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_agent_get_info(agent: hsa_agent_t, attribute: hsa_agent_info_t, value: *mut c_void) -> hsa_status_t;
    fn hsa_agent_iterate_isas(
        agent: hsa_agent_t,
        callback: Option<unsafe extern "C" fn(isa: hsa_isa_t, data: *mut c_void) -> hsa_status_t>,
        data: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_isa_get_info_alt(isa: hsa_isa_t, attribute: hsa_isa_info_t, value: *mut c_void) -> hsa_status_t;

    fn hsa_queue_create(
        agent: hsa_agent_t,
        size: u32,
        type_: hsa_queue_type32_t,
        callback: Option<unsafe extern "C" fn(status: hsa_status_t, source: *mut hsa_queue_t, data: *mut c_void)>,
        data: *mut c_void,
        private_segment_size: u32,
        group_segment_size: u32,
        queue: *mut *mut hsa_queue_t,
    ) -> hsa_status_t;
    fn hsa_queue_destroy(queue: *mut hsa_queue_t) -> hsa_status_t;
    fn hsa_queue_inactivate(queue: *mut hsa_queue_t) -> hsa_status_t;
    fn hsa_queue_load_read_index_relaxed(queue: *const hsa_queue_t) -> u64;
    fn hsa_queue_load_read_index_scacquire(queue: *const hsa_queue_t) -> u64;
    fn hsa_queue_load_write_index_relaxed(queue: *const hsa_queue_t) -> u64;
    fn hsa_queue_load_write_index_scacquire(queue: *const hsa_queue_t) -> u64;
    fn hsa_queue_store_write_index_relaxed(queue: *const hsa_queue_t, value: u64);
    fn hsa_queue_store_write_index_screlease(queue: *const hsa_queue_t, value: u64);
    fn hsa_queue_cas_write_index_scacq_screl(queue: *const hsa_queue_t, expected: u64, value: u64) -> u64;
    fn hsa_queue_add_write_index_relaxed(queue: *const hsa_queue_t, value: u64) -> u64;
    fn hsa_queue_add_write_index_scacq_screl(queue: *const hsa_queue_t, value: u64) -> u64;
    fn hsa_amd_queue_set_priority(queue: *mut hsa_queue_t, priority: hsa_amd_queue_priority_t) -> hsa_status_t;

    fn hsa_signal_create(
        initial_value: hsa_signal_value_t,
        num_consumers: u32,
        consumers: *const hsa_agent_t,
        signal: *mut hsa_signal_t,
    ) -> hsa_status_t;
    fn hsa_signal_destroy(signal: hsa_signal_t) -> hsa_status_t;
    fn hsa_signal_load_relaxed(signal: hsa_signal_t) -> hsa_signal_value_t;
    fn hsa_signal_load_scacquire(signal: hsa_signal_t) -> hsa_signal_value_t;
    fn hsa_signal_store_screlease(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_store_relaxed(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_silent_store_relaxed(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_exchange_scacq_screl(signal: hsa_signal_t, value: hsa_signal_value_t) -> hsa_signal_value_t;
    fn hsa_signal_cas_scacq_screl(
        signal: hsa_signal_t,
        expected: hsa_signal_value_t,
        value: hsa_signal_value_t,
    ) -> hsa_signal_value_t;
    fn hsa_signal_add_screlease(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_subtract_screlease(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_wait_relaxed(
        signal: hsa_signal_t,
        condition: hsa_signal_condition_t,
        compare_value: hsa_signal_value_t,
        timeout_hint: u64,
        wait_state_hint: hsa_wait_state_t,
    ) -> hsa_signal_value_t;
    fn hsa_signal_wait_scacquire(
        signal: hsa_signal_t,
        condition: hsa_signal_condition_t,
        compare_value: hsa_signal_value_t,
        timeout_hint: u64,
        wait_state_hint: hsa_wait_state_t,
    ) -> hsa_signal_value_t;
    fn hsa_amd_signal_async_handler(
        signal: hsa_signal_t,
        cond: hsa_signal_condition_t,
        value: hsa_signal_value_t,
        handler: hsa_amd_signal_handler,
        arg: *mut c_void,
    ) -> hsa_status_t;

    fn hsa_amd_agent_iterate_memory_pools(
        agent: hsa_agent_t,
        callback: Option<
            unsafe extern "C" fn(memory_pool: hsa_amd_memory_pool_t, data: *mut c_void) -> hsa_status_t,
        >,
        data: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_amd_memory_pool_get_info(
        memory_pool: hsa_amd_memory_pool_t,
        attribute: hsa_amd_memory_pool_info_t,
        value: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_amd_agent_memory_pool_get_info(
        agent: hsa_agent_t,
        memory_pool: hsa_amd_memory_pool_t,
        attribute: hsa_amd_agent_memory_pool_info_t,
        value: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_amd_memory_pool_allocate(
        memory_pool: hsa_amd_memory_pool_t,
        size: usize,
        flags: u32,
        ptr: *mut *mut c_void,
    ) -> hsa_status_t;
    fn hsa_amd_memory_pool_free(ptr: *mut c_void) -> hsa_status_t;
    fn hsa_amd_agents_allow_access(
        num_agents: u32,
        agents: *const hsa_agent_t,
        flags: *const u32,
        ptr: *const c_void,
    ) -> hsa_status_t;
    fn hsa_amd_memory_lock(
        host_ptr: *mut c_void,
        size: usize,
        agents: *mut hsa_agent_t,
        num_agent: c_int,
        agent_ptr: *mut *mut c_void,
    ) -> hsa_status_t;
    fn hsa_amd_memory_unlock(host_ptr: *mut c_void) -> hsa_status_t;
    fn hsa_amd_pointer_info(
        ptr: *const c_void,
        info: *mut hsa_amd_pointer_info_t,
        alloc: Option<unsafe extern "C" fn(size: usize) -> *mut c_void>,
        num_agents_accessible: *mut u32,
        accessible: *mut *mut hsa_agent_t,
    ) -> hsa_status_t;
    fn hsa_memory_copy(dst: *mut c_void, src: *const c_void, size: usize) -> hsa_status_t;
    fn hsa_amd_memory_fill(ptr: *mut c_void, value: u32, count: usize) -> hsa_status_t;
    fn hsa_amd_memory_async_copy(
        dst: *mut c_void,
        dst_agent: hsa_agent_t,
        src: *const c_void,
        src_agent: hsa_agent_t,
        size: usize,
        num_dep_signals: u32,
        dep_signals: *const hsa_signal_t,
        completion_signal: hsa_signal_t,
    ) -> hsa_status_t;
    fn hsa_amd_memory_async_copy_rect(
        dst: *const hsa_pitched_ptr_t,
        dst_offset: *const hsa_dim3_t,
        src: *const hsa_pitched_ptr_t,
        src_offset: *const hsa_dim3_t,
        range: *const hsa_dim3_t,
        copy_agent: hsa_agent_t,
        dir: hsa_amd_copy_direction_t,
        num_dep_signals: u32,
        dep_signals: *const hsa_signal_t,
        completion_signal: hsa_signal_t,
    ) -> hsa_status_t;

    fn hsa_amd_profiling_set_profiler_enabled(queue: *mut hsa_queue_t, enable: c_int) -> hsa_status_t;
    fn hsa_amd_profiling_get_dispatch_time(
        agent: hsa_agent_t,
        signal: hsa_signal_t,
        time: *mut hsa_amd_profiling_dispatch_time_t,
    ) -> hsa_status_t;
    fn hsa_amd_profiling_async_copy_enable(enable: bool) -> hsa_status_t;
    fn hsa_amd_profiling_get_async_copy_time(
        signal: hsa_signal_t,
        time: *mut hsa_amd_profiling_async_copy_time_t,
    ) -> hsa_status_t;
    fn hsa_amd_profiling_convert_tick_to_system_domain(
        agent: hsa_agent_t,
        agent_tick: u64,
        system_tick: *mut u64,
    ) -> hsa_status_t;

    fn hsa_code_object_reader_create_from_memory(
        code_object: *const c_void,
        size: usize,
        code_object_reader: *mut hsa_code_object_reader_t,
    ) -> hsa_status_t;
    fn hsa_code_object_reader_destroy(code_object_reader: hsa_code_object_reader_t) -> hsa_status_t;
    fn hsa_executable_create_alt(
        profile: hsa_profile_t,
        default_float_rounding_mode: hsa_default_float_rounding_mode_t,
        options: *const c_char,
        executable: *mut hsa_executable_t,
    ) -> hsa_status_t;
    fn hsa_executable_load_agent_code_object(
        executable: hsa_executable_t,
        agent: hsa_agent_t,
        code_object_reader: hsa_code_object_reader_t,
        options: *const c_char,
        loaded_code_object: *mut hsa_loaded_code_object_t,
    ) -> hsa_status_t;
    fn hsa_executable_freeze(executable: hsa_executable_t, options: *const c_char) -> hsa_status_t;
    fn hsa_executable_get_symbol_by_name(
        executable: hsa_executable_t,
        symbol_name: *const c_char,
        agent: *const hsa_agent_t,
        symbol: *mut hsa_executable_symbol_t,
    ) -> hsa_status_t;
    fn hsa_executable_symbol_get_info(
        executable_symbol: hsa_executable_symbol_t,
        attribute: hsa_executable_symbol_info_t,
        value: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_executable_destroy(executable: hsa_executable_t) -> hsa_status_t;

    fn hsa_amd_register_system_event_handler(
        callback: hsa_amd_system_event_callback_t,
        data: *mut c_void,
    ) -> hsa_status_t;
} } }
for_each_hsa_function!(hsa_table);

/// The library that [`HsaApi::load`] loads unless [`LIBRARY_VARIABLE`] names another.
pub const LIBRARY: &str = "libhsa-runtime64.so.1";

/// The environment variable that names another file to load in place of [`LIBRARY`].
pub const LIBRARY_VARIABLE: &str = "ROCM_HSA_LIBRARY";

/// Shows that it is a table; the functions' addresses say nothing to a reader.
impl core::fmt::Debug for HsaApi {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("HsaApi").finish_non_exhaustive()
    }
}

impl HsaApi {
    /// Loads the system's HSA runtime. The library stays loaded for the life of the process.
    ///
    /// The environment variable `ROCM_HSA_LIBRARY` names another file to load in its place.
    ///
    /// # Errors
    /// [`LoadError`] if there is no such library, or it lacks a function.
    pub fn load() -> Result<Self, LoadError> {
        let name = std::env::var(LIBRARY_VARIABLE).unwrap_or_else(|_| LIBRARY.to_owned());
        // SAFETY: the HSA runtime's initialisers run on load; it is made for being loaded by any program.
        let library = unsafe { libloading::Library::new(&name) };
        let library = library.map_err(|source| LoadError::Library { name: name.clone(), source })?;
        let api = Self::from_library(&library, &name)?;
        // The function pointers in the table outlive every use only if the library is never unloaded.
        std::mem::forget(library);
        Ok(api)
    }
}
