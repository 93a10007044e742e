//! The functions of the HSA runtime that Geobacter does not call: those that [`HsaApi`](crate::HsaApi) has not.
//!
//! A software implementation has them for programs that nobody here wrote. They are not a part of `HsaApi`: a
//! system whose library is older than one of them must not be refused for it.

use core::ffi::{c_char, c_int, c_void};

use crate::bindings::{self, *};

macro_rules! others {
    ($( fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)?; )*) => {
        /// The functions of the HSA runtime that [`HsaApi`](crate::HsaApi) has not, each under its own name.
        ///
        /// Every field is a function of the HSA runtime; calling one is `unsafe` under the contract that the HSA
        /// specification and the headers give for it.
        #[derive(Clone, Copy)]
        #[allow(missing_docs, reason = "each field is the HSA function of that name")]
        pub struct OtherHsaApi {
            $( pub $name: unsafe extern "C" fn($($arg: $ty),*) $(-> $ret)?, )*
        }

        // The signatures are those of the headers: a difference does not compile.
        $( const _: unsafe extern "C" fn($($ty),*) $(-> $ret)? = bindings::$name; )*
    };
}

/// Calls a macro with the declarations of all functions of [`OtherHsaApi`], as
/// [`for_each_hsa_function`](crate::for_each_hsa_function) does for those of [`HsaApi`](crate::HsaApi).
#[macro_export]
macro_rules! for_each_other_hsa_function { ($callback:ident) => { $callback! {
    fn hsa_extension_get_name(extension: u16, name: *mut *const c_char) -> hsa_status_t;
    fn hsa_system_extension_supported(
        extension: u16,
        version_major: u16,
        version_minor: u16,
        result: *mut bool,
    ) -> hsa_status_t;
    fn hsa_system_major_extension_supported(
        extension: u16,
        version_major: u16,
        version_minor: *mut u16,
        result: *mut bool,
    ) -> hsa_status_t;
    fn hsa_system_get_extension_table(
        extension: u16,
        version_major: u16,
        version_minor: u16,
        table: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_system_get_major_extension_table(
        extension: u16,
        version_major: u16,
        table_length: usize,
        table: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_agent_get_exception_policies(agent: hsa_agent_t, profile: hsa_profile_t, mask: *mut u16) -> hsa_status_t;
    fn hsa_cache_get_info(cache: hsa_cache_t, attribute: hsa_cache_info_t, value: *mut c_void) -> hsa_status_t;
    fn hsa_agent_iterate_caches(
        agent: hsa_agent_t,
        callback: Option<unsafe extern "C" fn(cache: hsa_cache_t, data: *mut c_void) -> hsa_status_t>,
        data: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_agent_extension_supported(
        extension: u16,
        agent: hsa_agent_t,
        version_major: u16,
        version_minor: u16,
        result: *mut bool,
    ) -> hsa_status_t;
    fn hsa_agent_major_extension_supported(
        extension: u16,
        agent: hsa_agent_t,
        version_major: u16,
        version_minor: *mut u16,
        result: *mut bool,
    ) -> hsa_status_t;

    fn hsa_signal_load_acquire(signal: hsa_signal_t) -> hsa_signal_value_t;
    fn hsa_signal_store_release(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_silent_store_screlease(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_exchange_acq_rel(signal: hsa_signal_t, value: hsa_signal_value_t) -> hsa_signal_value_t;
    fn hsa_signal_exchange_scacquire(signal: hsa_signal_t, value: hsa_signal_value_t) -> hsa_signal_value_t;
    fn hsa_signal_exchange_acquire(signal: hsa_signal_t, value: hsa_signal_value_t) -> hsa_signal_value_t;
    fn hsa_signal_exchange_relaxed(signal: hsa_signal_t, value: hsa_signal_value_t) -> hsa_signal_value_t;
    fn hsa_signal_exchange_screlease(signal: hsa_signal_t, value: hsa_signal_value_t) -> hsa_signal_value_t;
    fn hsa_signal_exchange_release(signal: hsa_signal_t, value: hsa_signal_value_t) -> hsa_signal_value_t;
    fn hsa_signal_cas_acq_rel(
        signal: hsa_signal_t,
        expected: hsa_signal_value_t,
        value: hsa_signal_value_t,
    ) -> hsa_signal_value_t;
    fn hsa_signal_cas_scacquire(
        signal: hsa_signal_t,
        expected: hsa_signal_value_t,
        value: hsa_signal_value_t,
    ) -> hsa_signal_value_t;
    fn hsa_signal_cas_acquire(
        signal: hsa_signal_t,
        expected: hsa_signal_value_t,
        value: hsa_signal_value_t,
    ) -> hsa_signal_value_t;
    fn hsa_signal_cas_relaxed(
        signal: hsa_signal_t,
        expected: hsa_signal_value_t,
        value: hsa_signal_value_t,
    ) -> hsa_signal_value_t;
    fn hsa_signal_cas_screlease(
        signal: hsa_signal_t,
        expected: hsa_signal_value_t,
        value: hsa_signal_value_t,
    ) -> hsa_signal_value_t;
    fn hsa_signal_cas_release(
        signal: hsa_signal_t,
        expected: hsa_signal_value_t,
        value: hsa_signal_value_t,
    ) -> hsa_signal_value_t;
    fn hsa_signal_add_scacq_screl(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_add_acq_rel(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_add_scacquire(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_add_acquire(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_add_relaxed(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_add_release(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_subtract_scacq_screl(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_subtract_acq_rel(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_subtract_scacquire(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_subtract_acquire(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_subtract_relaxed(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_subtract_release(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_and_scacq_screl(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_and_acq_rel(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_and_scacquire(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_and_acquire(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_and_relaxed(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_and_screlease(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_and_release(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_or_scacq_screl(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_or_acq_rel(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_or_scacquire(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_or_acquire(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_or_relaxed(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_or_screlease(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_or_release(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_xor_scacq_screl(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_xor_acq_rel(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_xor_scacquire(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_xor_acquire(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_xor_relaxed(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_xor_screlease(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_xor_release(signal: hsa_signal_t, value: hsa_signal_value_t);
    fn hsa_signal_wait_acquire(
        signal: hsa_signal_t,
        condition: hsa_signal_condition_t,
        compare_value: hsa_signal_value_t,
        timeout_hint: u64,
        wait_state_hint: hsa_wait_state_t,
    ) -> hsa_signal_value_t;

    fn hsa_signal_group_create(
        num_signals: u32,
        signals: *const hsa_signal_t,
        num_consumers: u32,
        consumers: *const hsa_agent_t,
        signal_group: *mut hsa_signal_group_t,
    ) -> hsa_status_t;
    fn hsa_signal_group_destroy(signal_group: hsa_signal_group_t) -> hsa_status_t;
    fn hsa_signal_group_wait_any_scacquire(
        signal_group: hsa_signal_group_t,
        conditions: *const hsa_signal_condition_t,
        compare_values: *const hsa_signal_value_t,
        wait_state_hint: hsa_wait_state_t,
        signal: *mut hsa_signal_t,
        value: *mut hsa_signal_value_t,
    ) -> hsa_status_t;
    fn hsa_signal_group_wait_any_relaxed(
        signal_group: hsa_signal_group_t,
        conditions: *const hsa_signal_condition_t,
        compare_values: *const hsa_signal_value_t,
        wait_state_hint: hsa_wait_state_t,
        signal: *mut hsa_signal_t,
        value: *mut hsa_signal_value_t,
    ) -> hsa_status_t;

    fn hsa_soft_queue_create(
        region: hsa_region_t,
        size: u32,
        type_: hsa_queue_type32_t,
        features: u32,
        doorbell_signal: hsa_signal_t,
        queue: *mut *mut hsa_queue_t,
    ) -> hsa_status_t;
    fn hsa_queue_load_read_index_acquire(queue: *const hsa_queue_t) -> u64;
    fn hsa_queue_load_write_index_acquire(queue: *const hsa_queue_t) -> u64;
    fn hsa_queue_store_write_index_release(queue: *const hsa_queue_t, value: u64);
    fn hsa_queue_cas_write_index_acq_rel(queue: *const hsa_queue_t, expected: u64, value: u64) -> u64;
    fn hsa_queue_cas_write_index_acquire(queue: *const hsa_queue_t, expected: u64, value: u64) -> u64;
    fn hsa_queue_cas_write_index_scacquire(queue: *const hsa_queue_t, expected: u64, value: u64) -> u64;
    fn hsa_queue_cas_write_index_relaxed(queue: *const hsa_queue_t, expected: u64, value: u64) -> u64;
    fn hsa_queue_cas_write_index_release(queue: *const hsa_queue_t, expected: u64, value: u64) -> u64;
    fn hsa_queue_cas_write_index_screlease(queue: *const hsa_queue_t, expected: u64, value: u64) -> u64;
    fn hsa_queue_add_write_index_acq_rel(queue: *const hsa_queue_t, value: u64) -> u64;
    fn hsa_queue_add_write_index_acquire(queue: *const hsa_queue_t, value: u64) -> u64;
    fn hsa_queue_add_write_index_scacquire(queue: *const hsa_queue_t, value: u64) -> u64;
    fn hsa_queue_add_write_index_release(queue: *const hsa_queue_t, value: u64) -> u64;
    fn hsa_queue_add_write_index_screlease(queue: *const hsa_queue_t, value: u64) -> u64;
    fn hsa_queue_store_read_index_relaxed(queue: *const hsa_queue_t, value: u64);
    fn hsa_queue_store_read_index_release(queue: *const hsa_queue_t, value: u64);
    fn hsa_queue_store_read_index_screlease(queue: *const hsa_queue_t, value: u64);

    fn hsa_region_get_info(region: hsa_region_t, attribute: hsa_region_info_t, value: *mut c_void) -> hsa_status_t;
    fn hsa_agent_iterate_regions(
        agent: hsa_agent_t,
        callback: Option<unsafe extern "C" fn(region: hsa_region_t, data: *mut c_void) -> hsa_status_t>,
        data: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_memory_allocate(region: hsa_region_t, size: usize, ptr: *mut *mut c_void) -> hsa_status_t;
    fn hsa_memory_free(ptr: *mut c_void) -> hsa_status_t;
    fn hsa_memory_assign_agent(ptr: *mut c_void, agent: hsa_agent_t, access: hsa_access_permission_t) -> hsa_status_t;
    fn hsa_memory_register(ptr: *mut c_void, size: usize) -> hsa_status_t;
    fn hsa_memory_deregister(ptr: *mut c_void, size: usize) -> hsa_status_t;

    fn hsa_isa_from_name(name: *const c_char, isa: *mut hsa_isa_t) -> hsa_status_t;
    fn hsa_isa_get_info(isa: hsa_isa_t, attribute: hsa_isa_info_t, index: u32, value: *mut c_void) -> hsa_status_t;
    fn hsa_isa_get_exception_policies(isa: hsa_isa_t, profile: hsa_profile_t, mask: *mut u16) -> hsa_status_t;
    fn hsa_isa_get_round_method(
        isa: hsa_isa_t,
        fp_type: hsa_fp_type_t,
        flush_mode: hsa_flush_mode_t,
        round_method: *mut hsa_round_method_t,
    ) -> hsa_status_t;
    fn hsa_wavefront_get_info(
        wavefront: hsa_wavefront_t,
        attribute: hsa_wavefront_info_t,
        value: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_isa_iterate_wavefronts(
        isa: hsa_isa_t,
        callback: Option<unsafe extern "C" fn(wavefront: hsa_wavefront_t, data: *mut c_void) -> hsa_status_t>,
        data: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_isa_compatible(code_object_isa: hsa_isa_t, agent_isa: hsa_isa_t, result: *mut bool) -> hsa_status_t;

    fn hsa_code_object_reader_create_from_file(
        file: hsa_file_t,
        code_object_reader: *mut hsa_code_object_reader_t,
    ) -> hsa_status_t;
    fn hsa_executable_create(
        profile: hsa_profile_t,
        executable_state: hsa_executable_state_t,
        options: *const c_char,
        executable: *mut hsa_executable_t,
    ) -> hsa_status_t;
    fn hsa_executable_load_program_code_object(
        executable: hsa_executable_t,
        code_object_reader: hsa_code_object_reader_t,
        options: *const c_char,
        loaded_code_object: *mut hsa_loaded_code_object_t,
    ) -> hsa_status_t;
    fn hsa_executable_get_info(
        executable: hsa_executable_t,
        attribute: hsa_executable_info_t,
        value: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_executable_global_variable_define(
        executable: hsa_executable_t,
        variable_name: *const c_char,
        address: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_executable_agent_global_variable_define(
        executable: hsa_executable_t,
        agent: hsa_agent_t,
        variable_name: *const c_char,
        address: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_executable_readonly_variable_define(
        executable: hsa_executable_t,
        agent: hsa_agent_t,
        variable_name: *const c_char,
        address: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_executable_validate(executable: hsa_executable_t, result: *mut u32) -> hsa_status_t;
    fn hsa_executable_validate_alt(
        executable: hsa_executable_t,
        options: *const c_char,
        result: *mut u32,
    ) -> hsa_status_t;
    fn hsa_executable_get_symbol(
        executable: hsa_executable_t,
        module_name: *const c_char,
        symbol_name: *const c_char,
        agent: hsa_agent_t,
        call_convention: i32,
        symbol: *mut hsa_executable_symbol_t,
    ) -> hsa_status_t;
    fn hsa_executable_iterate_symbols(
        executable: hsa_executable_t,
        callback: Option<
            unsafe extern "C" fn(
                exec: hsa_executable_t,
                symbol: hsa_executable_symbol_t,
                data: *mut c_void,
            ) -> hsa_status_t,
        >,
        data: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_executable_iterate_agent_symbols(
        executable: hsa_executable_t,
        agent: hsa_agent_t,
        callback: Option<
            unsafe extern "C" fn(
                exec: hsa_executable_t,
                agent: hsa_agent_t,
                symbol: hsa_executable_symbol_t,
                data: *mut c_void,
            ) -> hsa_status_t,
        >,
        data: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_executable_iterate_program_symbols(
        executable: hsa_executable_t,
        callback: Option<
            unsafe extern "C" fn(
                exec: hsa_executable_t,
                symbol: hsa_executable_symbol_t,
                data: *mut c_void,
            ) -> hsa_status_t,
        >,
        data: *mut c_void,
    ) -> hsa_status_t;

    fn hsa_code_object_serialize(
        code_object: hsa_code_object_t,
        alloc_callback: Option<
            unsafe extern "C" fn(size: usize, data: hsa_callback_data_t, address: *mut *mut c_void) -> hsa_status_t,
        >,
        callback_data: hsa_callback_data_t,
        options: *const c_char,
        serialized_code_object: *mut *mut c_void,
        serialized_code_object_size: *mut usize,
    ) -> hsa_status_t;
    fn hsa_code_object_deserialize(
        serialized_code_object: *mut c_void,
        serialized_code_object_size: usize,
        options: *const c_char,
        code_object: *mut hsa_code_object_t,
    ) -> hsa_status_t;
    fn hsa_code_object_destroy(code_object: hsa_code_object_t) -> hsa_status_t;
    fn hsa_code_object_get_info(
        code_object: hsa_code_object_t,
        attribute: hsa_code_object_info_t,
        value: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_executable_load_code_object(
        executable: hsa_executable_t,
        agent: hsa_agent_t,
        code_object: hsa_code_object_t,
        options: *const c_char,
    ) -> hsa_status_t;
    fn hsa_code_object_get_symbol(
        code_object: hsa_code_object_t,
        symbol_name: *const c_char,
        symbol: *mut hsa_code_symbol_t,
    ) -> hsa_status_t;
    fn hsa_code_object_get_symbol_from_name(
        code_object: hsa_code_object_t,
        module_name: *const c_char,
        symbol_name: *const c_char,
        symbol: *mut hsa_code_symbol_t,
    ) -> hsa_status_t;
    fn hsa_code_symbol_get_info(
        code_symbol: hsa_code_symbol_t,
        attribute: hsa_code_symbol_info_t,
        value: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_code_object_iterate_symbols(
        code_object: hsa_code_object_t,
        callback: Option<
            unsafe extern "C" fn(
                code_object: hsa_code_object_t,
                symbol: hsa_code_symbol_t,
                data: *mut c_void,
            ) -> hsa_status_t,
        >,
        data: *mut c_void,
    ) -> hsa_status_t;

    fn hsa_ext_image_get_capability(
        agent: hsa_agent_t,
        geometry: hsa_ext_image_geometry_t,
        image_format: *const hsa_ext_image_format_t,
        capability_mask: *mut u32,
    ) -> hsa_status_t;
    fn hsa_ext_image_get_capability_with_layout(
        agent: hsa_agent_t,
        geometry: hsa_ext_image_geometry_t,
        image_format: *const hsa_ext_image_format_t,
        image_data_layout: hsa_ext_image_data_layout_t,
        capability_mask: *mut u32,
    ) -> hsa_status_t;
    fn hsa_ext_image_data_get_info(
        agent: hsa_agent_t,
        image_descriptor: *const hsa_ext_image_descriptor_t,
        access_permission: hsa_access_permission_t,
        image_data_info: *mut hsa_ext_image_data_info_t,
    ) -> hsa_status_t;
    fn hsa_ext_image_data_get_info_with_layout(
        agent: hsa_agent_t,
        image_descriptor: *const hsa_ext_image_descriptor_t,
        access_permission: hsa_access_permission_t,
        image_data_layout: hsa_ext_image_data_layout_t,
        image_data_row_pitch: usize,
        image_data_slice_pitch: usize,
        image_data_info: *mut hsa_ext_image_data_info_t,
    ) -> hsa_status_t;
    fn hsa_ext_image_create(
        agent: hsa_agent_t,
        image_descriptor: *const hsa_ext_image_descriptor_t,
        image_data: *const c_void,
        access_permission: hsa_access_permission_t,
        image: *mut hsa_ext_image_t,
    ) -> hsa_status_t;
    fn hsa_ext_image_create_with_layout(
        agent: hsa_agent_t,
        image_descriptor: *const hsa_ext_image_descriptor_t,
        image_data: *const c_void,
        access_permission: hsa_access_permission_t,
        image_data_layout: hsa_ext_image_data_layout_t,
        image_data_row_pitch: usize,
        image_data_slice_pitch: usize,
        image: *mut hsa_ext_image_t,
    ) -> hsa_status_t;
    fn hsa_ext_image_destroy(agent: hsa_agent_t, image: hsa_ext_image_t) -> hsa_status_t;
    fn hsa_ext_image_copy(
        agent: hsa_agent_t,
        src_image: hsa_ext_image_t,
        src_offset: *const hsa_dim3_t,
        dst_image: hsa_ext_image_t,
        dst_offset: *const hsa_dim3_t,
        range: *const hsa_dim3_t,
    ) -> hsa_status_t;
    fn hsa_ext_image_import(
        agent: hsa_agent_t,
        src_memory: *const c_void,
        src_row_pitch: usize,
        src_slice_pitch: usize,
        dst_image: hsa_ext_image_t,
        image_region: *const hsa_ext_image_region_t,
    ) -> hsa_status_t;
    fn hsa_ext_image_export(
        agent: hsa_agent_t,
        src_image: hsa_ext_image_t,
        dst_memory: *mut c_void,
        dst_row_pitch: usize,
        dst_slice_pitch: usize,
        image_region: *const hsa_ext_image_region_t,
    ) -> hsa_status_t;
    fn hsa_ext_image_clear(
        agent: hsa_agent_t,
        image: hsa_ext_image_t,
        data: *const c_void,
        image_region: *const hsa_ext_image_region_t,
    ) -> hsa_status_t;
    fn hsa_ext_sampler_create(
        agent: hsa_agent_t,
        sampler_descriptor: *const hsa_ext_sampler_descriptor_t,
        sampler: *mut hsa_ext_sampler_t,
    ) -> hsa_status_t;
    fn hsa_ext_sampler_destroy(agent: hsa_agent_t, sampler: hsa_ext_sampler_t) -> hsa_status_t;

    fn hsa_amd_coherency_get_type(agent: hsa_agent_t, type_: *mut hsa_amd_coherency_type_t) -> hsa_status_t;
    fn hsa_amd_coherency_set_type(agent: hsa_agent_t, type_: hsa_amd_coherency_type_t) -> hsa_status_t;
    fn hsa_amd_signal_create(
        initial_value: hsa_signal_value_t,
        num_consumers: u32,
        consumers: *const hsa_agent_t,
        attributes: u64,
        signal: *mut hsa_signal_t,
    ) -> hsa_status_t;
    fn hsa_amd_signal_value_pointer(signal: hsa_signal_t, value_ptr: *mut *mut hsa_signal_value_t) -> hsa_status_t;
    fn hsa_amd_async_function(
        callback: Option<unsafe extern "C" fn(arg: *mut c_void)>,
        arg: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_amd_signal_wait_any(
        signal_count: u32,
        signals: *mut hsa_signal_t,
        conds: *mut hsa_signal_condition_t,
        values: *mut hsa_signal_value_t,
        timeout_hint: u64,
        wait_hint: hsa_wait_state_t,
        satisfying_value: *mut hsa_signal_value_t,
    ) -> u32;
    fn hsa_amd_image_get_info_max_dim(
        agent: hsa_agent_t,
        attribute: hsa_agent_info_t,
        value: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_amd_queue_cu_set_mask(
        queue: *const hsa_queue_t,
        num_cu_mask_count: u32,
        cu_mask: *const u32,
    ) -> hsa_status_t;
    fn hsa_amd_queue_cu_get_mask(queue: *const hsa_queue_t, num_cu_mask_count: u32, cu_mask: *mut u32) -> hsa_status_t;
    fn hsa_amd_memory_pool_can_migrate(
        src_memory_pool: hsa_amd_memory_pool_t,
        dst_memory_pool: hsa_amd_memory_pool_t,
        result: *mut bool,
    ) -> hsa_status_t;
    fn hsa_amd_memory_migrate(ptr: *const c_void, memory_pool: hsa_amd_memory_pool_t, flags: u32) -> hsa_status_t;
    fn hsa_amd_memory_lock_to_pool(
        host_ptr: *mut c_void,
        size: usize,
        agents: *mut hsa_agent_t,
        num_agent: c_int,
        pool: hsa_amd_memory_pool_t,
        flags: u32,
        agent_ptr: *mut *mut c_void,
    ) -> hsa_status_t;
    fn hsa_amd_interop_map_buffer(
        num_agents: u32,
        agents: *mut hsa_agent_t,
        interop_handle: c_int,
        flags: u32,
        size: *mut usize,
        ptr: *mut *mut c_void,
        metadata_size: *mut usize,
        metadata: *mut *const c_void,
    ) -> hsa_status_t;
    fn hsa_amd_interop_unmap_buffer(ptr: *mut c_void) -> hsa_status_t;
    fn hsa_amd_image_create(
        agent: hsa_agent_t,
        image_descriptor: *const hsa_ext_image_descriptor_t,
        image_layout: *const hsa_amd_image_descriptor_t,
        image_data: *const c_void,
        access_permission: hsa_access_permission_t,
        image: *mut hsa_ext_image_t,
    ) -> hsa_status_t;
    fn hsa_amd_pointer_info_set_userdata(ptr: *const c_void, userdata: *mut c_void) -> hsa_status_t;
    fn hsa_amd_ipc_memory_create(ptr: *mut c_void, len: usize, handle: *mut hsa_amd_ipc_memory_t) -> hsa_status_t;
    fn hsa_amd_ipc_memory_attach(
        handle: *const hsa_amd_ipc_memory_t,
        len: usize,
        num_agents: u32,
        mapping_agents: *const hsa_agent_t,
        mapped_ptr: *mut *mut c_void,
    ) -> hsa_status_t;
    fn hsa_amd_ipc_memory_detach(mapped_ptr: *mut c_void) -> hsa_status_t;
    fn hsa_amd_ipc_signal_create(signal: hsa_signal_t, handle: *mut hsa_amd_ipc_signal_t) -> hsa_status_t;
    fn hsa_amd_ipc_signal_attach(handle: *const hsa_amd_ipc_signal_t, signal: *mut hsa_signal_t) -> hsa_status_t;
    fn hsa_amd_register_deallocation_callback(
        ptr: *mut c_void,
        callback: hsa_amd_deallocation_callback_t,
        user_data: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_amd_deregister_deallocation_callback(
        ptr: *mut c_void,
        callback: hsa_amd_deallocation_callback_t,
    ) -> hsa_status_t;
    fn hsa_amd_svm_attributes_set(
        ptr: *mut c_void,
        size: usize,
        attribute_list: *mut hsa_amd_svm_attribute_pair_t,
        attribute_count: usize,
    ) -> hsa_status_t;
    fn hsa_amd_svm_attributes_get(
        ptr: *mut c_void,
        size: usize,
        attribute_list: *mut hsa_amd_svm_attribute_pair_t,
        attribute_count: usize,
    ) -> hsa_status_t;
    fn hsa_amd_svm_prefetch_async(
        ptr: *mut c_void,
        size: usize,
        agent: hsa_agent_t,
        num_dep_signals: u32,
        dep_signals: *const hsa_signal_t,
        completion_signal: hsa_signal_t,
    ) -> hsa_status_t;

    fn hsa_ext_program_create(
        machine_model: hsa_machine_model_t,
        profile: hsa_profile_t,
        default_float_rounding_mode: hsa_default_float_rounding_mode_t,
        options: *const c_char,
        program: *mut hsa_ext_program_t,
    ) -> hsa_status_t;
    fn hsa_ext_program_destroy(program: hsa_ext_program_t) -> hsa_status_t;
    fn hsa_ext_program_add_module(program: hsa_ext_program_t, module: hsa_ext_module_t) -> hsa_status_t;
    fn hsa_ext_program_iterate_modules(
        program: hsa_ext_program_t,
        callback: Option<
            unsafe extern "C" fn(
                program: hsa_ext_program_t,
                module: hsa_ext_module_t,
                data: *mut c_void,
            ) -> hsa_status_t,
        >,
        data: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_ext_program_get_info(
        program: hsa_ext_program_t,
        attribute: hsa_ext_program_info_t,
        value: *mut c_void,
    ) -> hsa_status_t;
    fn hsa_ext_program_finalize(
        program: hsa_ext_program_t,
        isa: hsa_isa_t,
        call_convention: i32,
        control_directives: hsa_ext_control_directives_t,
        options: *const c_char,
        code_object_type: hsa_code_object_type_t,
        code_object: *mut hsa_code_object_t,
    ) -> hsa_status_t;
} } }
for_each_other_hsa_function!(others);

/// Shows that it is a table; the functions' addresses say nothing to a reader.
impl core::fmt::Debug for OtherHsaApi {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("OtherHsaApi").finish_non_exhaustive()
    }
}
