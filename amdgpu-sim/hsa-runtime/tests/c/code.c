/* Code: readers, executables, symbols, dispatches, faults, the loader extension, code objects that are no good. */
#include "client.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static uint32_t factor = 3;
static hsa_status_t failed_with;

static void failed(hsa_status_t status, hsa_queue_t *queue, void *data) {
    (void)queue;
    (void)data;
    failed_with = status;
}

typedef struct {
    hsa_agent_t agent;
    int kernels, variables;
} symbols_t;

static hsa_status_t take_symbol(hsa_executable_t executable, hsa_agent_t agent, hsa_executable_symbol_t symbol, void *data) {
    symbols_t *symbols = data;
    (void)executable;
    hsa_symbol_kind_t kind;
    hsa_agent_t owner;
    uint32_t length = 0;
    char name[64] = {0};
    OK(hsa_executable_symbol_get_info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_TYPE, &kind));
    OK(hsa_executable_symbol_get_info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_AGENT, &owner));
    OK(hsa_executable_symbol_get_info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_NAME_LENGTH, &length));
    EXPECT(length < sizeof name && owner.handle == agent.handle);
    OK(hsa_executable_symbol_get_info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_NAME, name));
    EXPECT(strlen(name) == length);
    symbols->kernels += kind == HSA_SYMBOL_KIND_KERNEL;
    symbols->variables += kind == HSA_SYMBOL_KIND_VARIABLE;
    return HSA_STATUS_SUCCESS;
}

static hsa_status_t count_symbol(hsa_executable_t executable, hsa_executable_symbol_t symbol, void *data) {
    (void)executable;
    (void)symbol;
    ++*(int *)data;
    return HSA_STATUS_SUCCESS;
}

static hsa_status_t take_object(hsa_executable_t executable, hsa_loaded_code_object_t object, void *data) {
    (void)executable;
    *(hsa_loaded_code_object_t *)data = object;
    return HSA_STATUS_SUCCESS;
}

static hsa_status_t find_executable(hsa_executable_t executable, void *data) {
    hsa_executable_t *wanted = data;
    if (executable.handle != wanted->handle) return HSA_STATUS_SUCCESS;
    return HSA_STATUS_INFO_BREAK;
}

static void check_loader(const machine_t *machine, hsa_executable_t executable, uint64_t kernel, const void *bytes, size_t size) {
    hsa_ven_amd_loader_1_03_pfn_t loader;
    OK(hsa_system_get_major_extension_table(HSA_EXTENSION_AMD_LOADER, 1, sizeof loader, &loader));
    hsa_loaded_code_object_t object = {0};
    OK(loader.hsa_ven_amd_loader_executable_iterate_loaded_code_objects(executable, take_object, &object));
    EXPECT(object.handle);
    IS(HSA_STATUS_INFO_BREAK, loader.hsa_ven_amd_loader_iterate_executables(find_executable, &executable));
    hsa_executable_t owner;
    OK(loader.hsa_ven_amd_loader_query_executable((void *)kernel, &owner));
    EXPECT(owner.handle == executable.handle);
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT, loader.hsa_ven_amd_loader_query_executable(&owner, &owner));
    const void *host;
    OK(loader.hsa_ven_amd_loader_query_host_address((void *)kernel, &host));
    EXPECT(host == (void *)kernel);
    uint64_t base = 0, length = 0, storage = 0, storage_size = 0;
    hsa_agent_t agent;
    uint32_t uri_length = 0;
    char uri[256] = {0}, expected[256];
#define GET(attribute, place) \
    OK(loader.hsa_ven_amd_loader_loaded_code_object_get_info(object, HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_INFO_##attribute, place))
    GET(AGENT, &agent);
    GET(LOAD_BASE, &base);
    GET(LOAD_SIZE, &length);
    GET(CODE_OBJECT_STORAGE_MEMORY_BASE, &storage);
    GET(CODE_OBJECT_STORAGE_MEMORY_SIZE, &storage_size);
    GET(URI_LENGTH, &uri_length);
    EXPECT(uri_length < sizeof uri);
    GET(URI, uri);
    snprintf(expected, sizeof expected, "memory://%d#offset=%p&size=%zu", (int)getpid(), bytes, size);
    EXPECT(agent.handle == machine->gpu.handle && base <= kernel && kernel < base + length);
    EXPECT(storage == (uint64_t)bytes && storage_size == size && strcmp(uri, expected) == 0);
    size_t count = 0;
    OK(loader.hsa_ven_amd_loader_query_segment_descriptors(NULL, &count));
    EXPECT(count > 1 && count < 32);
    hsa_ven_amd_loader_segment_descriptor_t segments[32];
    OK(loader.hsa_ven_amd_loader_query_segment_descriptors(segments, &count));
    for (size_t i = 0; i < count; ++i) EXPECT(segments[i].code_object_storage_base == bytes && segments[i].segment_size > 0);
}

static hsa_signal_value_t launch(const machine_t *machine, hsa_queue_t *queue, hsa_executable_symbol_t symbol,
                                 const void *arguments, size_t size, hsa_signal_t done) {
    uint64_t object = 0;
    uint32_t kernarg_size = 0, group = 0, private = 0;
    OK(hsa_executable_symbol_get_info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_OBJECT, &object));
    OK(hsa_executable_symbol_get_info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_KERNARG_SEGMENT_SIZE, &kernarg_size));
    OK(hsa_executable_symbol_get_info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_GROUP_SEGMENT_SIZE, &group));
    OK(hsa_executable_symbol_get_info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_PRIVATE_SEGMENT_SIZE, &private));
    EXPECT(size <= kernarg_size);
    char *kernarg = NULL;
    OK(hsa_amd_memory_pool_allocate(machine->kernarg, kernarg_size, 0, (void **)&kernarg));
    OK(hsa_amd_agents_allow_access(1, &machine->gpu, NULL, kernarg));
    memset(kernarg, 0, kernarg_size);
    memcpy(kernarg, arguments, size);
    hsa_signal_store_relaxed(done, 1);
    uint64_t index = hsa_queue_add_write_index_scacq_screl(queue, 1);
    hsa_kernel_dispatch_packet_t *packet = (hsa_kernel_dispatch_packet_t *)queue->base_address + index % queue->size;
    packet->workgroup_size_x = 64;
    packet->workgroup_size_y = packet->workgroup_size_z = 1;
    packet->grid_size_x = 1000;
    packet->grid_size_y = packet->grid_size_z = 1;
    packet->private_segment_size = private;
    packet->group_segment_size = group;
    packet->kernel_object = object;
    packet->kernarg_address = kernarg;
    packet->completion_signal = done;
    uint32_t header = HSA_PACKET_TYPE_KERNEL_DISPATCH << HSA_PACKET_HEADER_TYPE | 1 << HSA_PACKET_HEADER_BARRIER
        | HSA_FENCE_SCOPE_SYSTEM << HSA_PACKET_HEADER_SCACQUIRE_FENCE_SCOPE
        | HSA_FENCE_SCOPE_SYSTEM << HSA_PACKET_HEADER_SCRELEASE_FENCE_SCOPE;
    uint32_t setup = 1 << HSA_KERNEL_DISPATCH_PACKET_SETUP_DIMENSIONS;
    __atomic_store_n((uint32_t *)packet, header | setup << 16, __ATOMIC_RELEASE);
    hsa_signal_store_screlease(queue->doorbell_signal, (hsa_signal_value_t)index);
    hsa_signal_value_t value = hsa_signal_wait_scacquire(done, HSA_SIGNAL_CONDITION_LT, 1, UINT64_MAX, HSA_WAIT_STATE_BLOCKED);
    OK(hsa_amd_memory_pool_free(kernarg));
    return value;
}

static void check_dispatches(const machine_t *machine, hsa_executable_t executable) {
    hsa_executable_symbol_t scale, bad, launches, none;
    OK(hsa_executable_get_symbol_by_name(executable, "scale.kd", &machine->gpu, &scale));
    OK(hsa_executable_get_symbol(executable, NULL, "out_of_bounds.kd", machine->gpu, 0, &bad));
    OK(hsa_executable_get_symbol_by_name(executable, "launches", &machine->gpu, &launches));
    IS(HSA_STATUS_ERROR_INVALID_SYMBOL_NAME, hsa_executable_get_symbol_by_name(executable, "no", NULL, &none));
    uint64_t counter = 0;
    uint32_t size = 0;
    OK(hsa_executable_symbol_get_info(launches, HSA_EXECUTABLE_SYMBOL_INFO_VARIABLE_ADDRESS, &counter));
    OK(hsa_executable_symbol_get_info(launches, HSA_EXECUTABLE_SYMBOL_INFO_VARIABLE_SIZE, &size));
    EXPECT(size == 4);
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT,
       hsa_executable_symbol_get_info(launches, HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_OBJECT, &counter));

    hsa_queue_t *queue;
    hsa_signal_t done;
    OK(hsa_signal_create(1, 0, NULL, &done));
    OK(hsa_queue_create(machine->gpu, 64, HSA_QUEUE_TYPE_SINGLE, failed, NULL, UINT32_MAX, UINT32_MAX, &queue));
    OK(hsa_amd_profiling_set_profiler_enabled(queue, 1));
    uint32_t *values = NULL, host[1000];
    OK(hsa_amd_memory_pool_allocate(machine->device, sizeof host, 0, (void **)&values));
    for (uint32_t i = 0; i < 1000; ++i) host[i] = i;
    OK(hsa_memory_copy(values, host, sizeof host));
    struct {
        uint32_t *values;
        uint32_t count;
    } arguments = {values, 990};
    EXPECT(launch(machine, queue, scale, &arguments, 12, done) == 0);
    hsa_amd_profiling_dispatch_time_t time;
    OK(hsa_amd_profiling_get_dispatch_time(machine->gpu, done, &time));
    uint64_t now = 0, tick = 0;
    OK(hsa_system_get_info(HSA_SYSTEM_INFO_TIMESTAMP, &now));
    OK(hsa_amd_profiling_convert_tick_to_system_domain(machine->gpu, time.end, &tick));
    EXPECT(time.start > 0 && time.start <= time.end && tick <= now);
    OK(hsa_memory_copy(host, values, sizeof host));
    static const uint32_t table[] = {1, 10, 100, 1000};
    for (uint32_t i = 0; i < 1000; ++i) EXPECT(host[i] == (i < 990 ? 3 * i + table[i % 4] : i));
    uint32_t count = 0;
    OK(hsa_memory_copy(&count, (void *)counter, sizeof count));
    EXPECT(count == 1);

    /* A fault ends the queue, and the program hears of it. */
    EXPECT(launch(machine, queue, bad, &arguments, 8, done) < 0);
    EXPECT((int)failed_with == HSA_STATUS_ERROR_MEMORY_FAULT);
    OK(hsa_queue_destroy(queue));
    OK(hsa_signal_destroy(done));
    OK(hsa_amd_memory_pool_free(values));
}

static void check_no_good(const machine_t *machine, hsa_executable_t executable, const char *bytes, size_t size) {
    char *copy = malloc(size);
    hsa_code_object_reader_t reader;
    /* Cut off anywhere, or with any byte of its headers changed, it is refused or loaded, and never a crash. */
    for (size_t length = 1; length < size; length += length < 256 ? 13 : size / 37 + 1) {
        memcpy(copy, bytes, length);
        OK(hsa_code_object_reader_create_from_memory(copy, length, &reader));
        hsa_executable_load_agent_code_object(executable, machine->gpu, reader, NULL, NULL);
        OK(hsa_code_object_reader_destroy(reader));
    }
    for (size_t at = 0; at < 1024 && at < size; ++at) {
        memcpy(copy, bytes, size);
        copy[at] = (char)(copy[at] ^ 0xff);
        OK(hsa_code_object_reader_create_from_memory(copy, size, &reader));
        hsa_executable_load_agent_code_object(executable, machine->gpu, reader, NULL, NULL);
        OK(hsa_code_object_reader_destroy(reader));
    }
    /* Code for gfx906 (the number of the machine stands at byte 48), and code that wants XNACK on. */
    memcpy(copy, bytes, size);
    copy[48] = 0x2f;
    OK(hsa_code_object_reader_create_from_memory(copy, size, &reader));
    IS(HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS,
       hsa_executable_load_agent_code_object(executable, machine->gpu, reader, NULL, NULL));
    OK(hsa_code_object_reader_destroy(reader));
    copy[48] = 0x3f;
    copy[49] = (char)((copy[49] & ~3) | 3);
    OK(hsa_code_object_reader_create_from_memory(copy, size, &reader));
    IS(HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS,
       hsa_executable_load_agent_code_object(executable, machine->gpu, reader, NULL, NULL));
    IS(HSA_STATUS_ERROR_INVALID_AGENT,
       hsa_executable_load_agent_code_object(executable, machine->cpu, reader, NULL, NULL));
    OK(hsa_code_object_reader_destroy(reader));
    IS(HSA_STATUS_ERROR_INVALID_CODE_OBJECT_READER, hsa_code_object_reader_destroy(reader));
    memset(copy, 0, size);
    OK(hsa_code_object_reader_create_from_memory(copy, size, &reader));
    IS(HSA_STATUS_ERROR_INVALID_CODE_OBJECT,
       hsa_executable_load_agent_code_object(executable, machine->gpu, reader, NULL, NULL));
    OK(hsa_code_object_reader_destroy(reader));
    free(copy);
}

static void check_old_functions(const machine_t *machine, const char *bytes, size_t size) {
    hsa_code_object_t object;
    hsa_executable_t executable;
    OK(hsa_code_object_deserialize((void *)bytes, size, NULL, &object));
    hsa_isa_t isa;
    char name[128];
    OK(hsa_code_object_get_info(object, HSA_CODE_OBJECT_INFO_ISA, &isa));
    OK(hsa_isa_get_info_alt(isa, HSA_ISA_INFO_NAME, name));
    EXPECT(strncmp(name, "amdgcn-amd-amdhsa--gfx90a", 25) == 0);
    OK(hsa_executable_create(HSA_PROFILE_BASE, HSA_EXECUTABLE_STATE_UNFROZEN, NULL, &executable));
    OK(hsa_executable_global_variable_define(executable, "factor", &factor));
    OK(hsa_executable_load_code_object(executable, machine->gpu, object, NULL));
    OK(hsa_code_object_destroy(object));
    IS(HSA_STATUS_ERROR_INVALID_CODE_OBJECT, hsa_code_object_destroy(object));
    OK(hsa_executable_destroy(executable));
    OK(hsa_executable_create(HSA_PROFILE_BASE, HSA_EXECUTABLE_STATE_FROZEN, NULL, &executable));
    IS(HSA_STATUS_ERROR_FROZEN_EXECUTABLE, hsa_executable_freeze(executable, NULL));
    OK(hsa_executable_destroy(executable));
}

void check_code(const machine_t *machine, const char *path) {
    int file = open(path, O_RDONLY);
    struct stat state;
    EXPECT(file >= 0 && fstat(file, &state) == 0);
    size_t size = (size_t)state.st_size;
    char *bytes = malloc(size);
    EXPECT(read(file, bytes, size) == state.st_size);

    hsa_executable_t executable;
    hsa_code_object_reader_t reader;
    OK(hsa_executable_create_alt(HSA_PROFILE_BASE, HSA_DEFAULT_FLOAT_ROUNDING_MODE_DEFAULT, NULL, &executable));
    /* A variable that nobody has defined yet; then one that is defined twice. */
    OK(hsa_code_object_reader_create_from_memory(bytes, size, &reader));
    IS(HSA_STATUS_ERROR_VARIABLE_UNDEFINED,
       hsa_executable_load_agent_code_object(executable, machine->gpu, reader, NULL, NULL));
    uint32_t *shared = NULL;
    OK(hsa_amd_memory_pool_allocate(machine->device, sizeof *shared, 0, (void **)&shared));
    OK(hsa_memory_copy(shared, &factor, sizeof factor));
    OK(hsa_executable_agent_global_variable_define(executable, machine->gpu, "factor", shared));
    IS(HSA_STATUS_ERROR_VARIABLE_ALREADY_DEFINED,
       hsa_executable_agent_global_variable_define(executable, machine->gpu, "factor", shared));
    hsa_loaded_code_object_t loaded = {0};
    OK(hsa_executable_load_agent_code_object(executable, machine->gpu, reader, NULL, &loaded));
    EXPECT(loaded.handle);
    OK(hsa_code_object_reader_destroy(reader));
    uint32_t result = 9;
    OK(hsa_executable_validate(executable, &result));
    EXPECT(result == 0);
    OK(hsa_executable_freeze(executable, NULL));
    OK(hsa_executable_validate_alt(executable, NULL, &result));
    hsa_executable_state_t frozen;
    OK(hsa_executable_get_info(executable, HSA_EXECUTABLE_INFO_STATE, &frozen));
    EXPECT(frozen == HSA_EXECUTABLE_STATE_FROZEN);
    IS(HSA_STATUS_ERROR_FROZEN_EXECUTABLE, hsa_executable_freeze(executable, NULL));
    IS(HSA_STATUS_ERROR_FROZEN_EXECUTABLE, hsa_executable_global_variable_define(executable, "x", shared));

    symbols_t symbols = {machine->gpu, 0, 0};
    int all = 0, of_program = 0;
    OK(hsa_executable_iterate_agent_symbols(executable, machine->gpu, take_symbol, &symbols));
    OK(hsa_executable_iterate_symbols(executable, count_symbol, &all));
    OK(hsa_executable_iterate_program_symbols(executable, count_symbol, &of_program));
    EXPECT(symbols.kernels == 2 && symbols.variables >= 1 && all == symbols.kernels + symbols.variables && of_program == 0);
    hsa_executable_symbol_t kernel;
    uint64_t object = 0;
    OK(hsa_executable_get_symbol_by_name(executable, "scale.kd", NULL, &kernel));
    OK(hsa_executable_symbol_get_info(kernel, HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_OBJECT, &object));
    check_loader(machine, executable, object, bytes, size);
    check_dispatches(machine, executable);
    OK(hsa_executable_destroy(executable));
    IS(HSA_STATUS_ERROR_INVALID_EXECUTABLE, hsa_executable_destroy(executable));
    IS(HSA_STATUS_ERROR_INVALID_EXECUTABLE_SYMBOL,
       hsa_executable_symbol_get_info(kernel, HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_OBJECT, &object));

    /* From a file, whose position stays. */
    EXPECT(lseek(file, 100, SEEK_SET) == 100);
    OK(hsa_code_object_reader_create_from_file(file, &reader));
    EXPECT(lseek(file, 0, SEEK_CUR) == 100);
    OK(hsa_executable_create_alt(HSA_PROFILE_BASE, HSA_DEFAULT_FLOAT_ROUNDING_MODE_DEFAULT, NULL, &executable));
    OK(hsa_executable_global_variable_define(executable, "factor", shared));
    OK(hsa_executable_load_agent_code_object(executable, machine->gpu, reader, NULL, NULL));
    OK(hsa_executable_freeze(executable, NULL));
    OK(hsa_code_object_reader_destroy(reader));
    OK(hsa_executable_destroy(executable));
    close(file);
    IS(HSA_STATUS_ERROR_INVALID_FILE, hsa_code_object_reader_create_from_file(file, &reader));

    OK(hsa_executable_create_alt(HSA_PROFILE_BASE, HSA_DEFAULT_FLOAT_ROUNDING_MODE_DEFAULT, NULL, &executable));
    OK(hsa_executable_global_variable_define(executable, "factor", shared));
    check_no_good(machine, executable, bytes, size);
    OK(hsa_executable_destroy(executable));
    check_old_functions(machine, bytes, size);
    OK(hsa_amd_memory_pool_free(shared));
    free(bytes);
}
