/* What agents, ISAs, caches, regions and extensions say of themselves. */
#include "client.h"

COLLECT(collect_isa, hsa_isa_t)
COLLECT(collect_wavefront, hsa_wavefront_t)
COLLECT(collect_cache, hsa_cache_t)
COLLECT(collect_region, hsa_region_t)

static void check_isa(const machine_t *machine) {
    list_t isas = {0};
    OK(hsa_agent_iterate_isas(machine->gpu, collect_isa, &isas));
    EXPECT(isas.count == 1);
    hsa_isa_t isa = {isas.handles[0]}, other;
    uint32_t length = 0;
    char name[128];
    memset(name, 'x', sizeof name);
    OK(hsa_isa_get_info_alt(isa, HSA_ISA_INFO_NAME_LENGTH, &length));
    OK(hsa_isa_get_info_alt(isa, HSA_ISA_INFO_NAME, name));
    EXPECT(strcmp(name, "amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-") == 0 && length == strlen(name) + 1);
    EXPECT(name[length] == 'x');
    OK(hsa_isa_from_name(name, &other));
    EXPECT(other.handle == isa.handle);
    bool compatible = false;
    OK(hsa_isa_from_name("amdgcn-amd-amdhsa--gfx90a", &other));
    OK(hsa_isa_compatible(other, isa, &compatible));
    EXPECT(compatible);
    OK(hsa_isa_from_name("amdgcn-amd-amdhsa--gfx90a:xnack+", &other));
    OK(hsa_isa_compatible(other, isa, &compatible));
    EXPECT(!compatible);
    IS(HSA_STATUS_ERROR_INVALID_ISA_NAME, hsa_isa_from_name("amdgcn-amd-amdhsa--gfx000", &other));
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT, hsa_isa_from_name(NULL, &other));
    other.handle = 5;
    IS(HSA_STATUS_ERROR_INVALID_ISA, hsa_isa_get_info_alt(other, HSA_ISA_INFO_NAME_LENGTH, &length));
    IS(HSA_STATUS_ERROR_INVALID_INDEX, hsa_isa_get_info(isa, HSA_ISA_INFO_CALL_CONVENTION_INFO_WAVEFRONT_SIZE, 1, &length));
    OK(hsa_isa_get_info(isa, HSA_ISA_INFO_CALL_CONVENTION_INFO_WAVEFRONT_SIZE, 0, &length));
    EXPECT(length == 64);
    list_t waves = {0};
    OK(hsa_isa_iterate_wavefronts(isa, collect_wavefront, &waves));
    EXPECT(waves.count == 1);
    hsa_wavefront_t wave = {waves.handles[0]};
    OK(hsa_wavefront_get_info(wave, HSA_WAVEFRONT_INFO_SIZE, &length));
    EXPECT(length == 64);
    wave.handle = 7;
    IS(HSA_STATUS_ERROR_INVALID_WAVEFRONT, hsa_wavefront_get_info(wave, HSA_WAVEFRONT_INFO_SIZE, &length));
    hsa_round_method_t method;
    OK(hsa_isa_get_round_method(isa, HSA_FP_TYPE_32, HSA_FLUSH_MODE_FTZ, &method));
    EXPECT(method == HSA_ROUND_METHOD_SINGLE);
    uint16_t mask = 9;
    OK(hsa_isa_get_exception_policies(isa, HSA_PROFILE_BASE, &mask));
    EXPECT(mask == 0);
    mask = 9;
    OK(hsa_agent_get_exception_policies(machine->gpu, HSA_PROFILE_BASE, &mask));
    EXPECT(mask == 0);
}

static void check_caches(const machine_t *machine) {
    list_t caches = {0};
    OK(hsa_agent_iterate_caches(machine->gpu, collect_cache, &caches));
    EXPECT(caches.count == 2);
    for (int i = 0; i < caches.count; ++i) {
        hsa_cache_t cache = {caches.handles[i]};
        uint32_t length = 0, size = 0;
        uint8_t level = 0;
        char name[64] = {0};
        OK(hsa_cache_get_info(cache, HSA_CACHE_INFO_NAME_LENGTH, &length));
        EXPECT(length > 0 && length < sizeof name);
        OK(hsa_cache_get_info(cache, HSA_CACHE_INFO_NAME, name));
        EXPECT(strlen(name) == length);
        OK(hsa_cache_get_info(cache, HSA_CACHE_INFO_LEVEL, &level));
        EXPECT(level == i + 1);
        OK(hsa_cache_get_info(cache, HSA_CACHE_INFO_SIZE, &size));
        EXPECT(size == (i == 0 ? 16u << 10 : 8u << 20));
    }
    hsa_cache_t none = {0x123456};
    uint32_t size;
    IS(HSA_STATUS_ERROR_INVALID_CACHE, hsa_cache_get_info(none, HSA_CACHE_INFO_SIZE, &size));
}

static void check_regions(const machine_t *machine) {
    list_t regions = {0};
    OK(hsa_agent_iterate_regions(machine->gpu, collect_region, &regions));
    int kernarg = 0, group = 0, global = 0;
    for (int i = 0; i < regions.count; ++i) {
        hsa_region_t region = {regions.handles[i]};
        hsa_region_segment_t segment;
        uint32_t flags = 0;
        bool allowed = false;
        size_t size = 0;
        OK(hsa_region_get_info(region, HSA_REGION_INFO_SEGMENT, &segment));
        OK(hsa_region_get_info(region, HSA_REGION_INFO_RUNTIME_ALLOC_ALLOWED, &allowed));
        OK(hsa_region_get_info(region, HSA_REGION_INFO_SIZE, &size));
        EXPECT(size > 0);
        if (segment == HSA_REGION_SEGMENT_GROUP) {
            ++group;
            EXPECT(!allowed && size == 65536);
            continue;
        }
        OK(hsa_region_get_info(region, HSA_REGION_INFO_GLOBAL_FLAGS, &flags));
        ++global;
        kernarg += (flags & HSA_REGION_GLOBAL_FLAG_KERNARG) != 0;
        EXPECT(allowed);
        void *memory = NULL;
        OK(hsa_memory_allocate(region, 100, &memory));
        memset(memory, 1, 100);
        OK(hsa_memory_assign_agent(memory, machine->gpu, HSA_ACCESS_PERMISSION_RW));
        OK(hsa_memory_free(memory));
        IS(HSA_STATUS_ERROR_INVALID_ALLOCATION, hsa_memory_free(memory));
    }
    EXPECT(kernarg == 1 && group == 1 && global >= 3);
    hsa_region_t none = {3};
    void *memory;
    IS(HSA_STATUS_ERROR_INVALID_REGION, hsa_memory_allocate(none, 100, &memory));
    OK(hsa_memory_register(&memory, sizeof memory));
    OK(hsa_memory_deregister(&memory, sizeof memory));
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT, hsa_memory_register(&memory, 0));
}

static void check_extensions(const machine_t *machine) {
    bool there = false;
    uint16_t minor = 0;
    uint8_t bits[128];
    OK(hsa_system_extension_supported(HSA_EXTENSION_AMD_LOADER, 1, 0, &there));
    EXPECT(there);
    OK(hsa_system_extension_supported(HSA_EXTENSION_AMD_LOADER, 1, 9, &there));
    EXPECT(!there);
    OK(hsa_system_major_extension_supported(HSA_EXTENSION_AMD_LOADER, 1, &minor, &there));
    EXPECT(there && minor == 3);
    OK(hsa_agent_extension_supported(HSA_EXTENSION_IMAGES, machine->gpu, 1, 0, &there));
    EXPECT(!there);
    OK(hsa_agent_major_extension_supported(HSA_EXTENSION_FINALIZER, machine->gpu, 1, &minor, &there));
    EXPECT(!there);
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT, hsa_system_extension_supported(0x7777, 1, 0, &there));
    OK(hsa_system_get_info(HSA_SYSTEM_INFO_EXTENSIONS, bits));
    EXPECT(bits[HSA_EXTENSION_AMD_LOADER / 8] >> HSA_EXTENSION_AMD_LOADER % 8 & 1);
    EXPECT(!(bits[0] >> HSA_EXTENSION_IMAGES & 1));
    const char *name = NULL;
    OK(hsa_extension_get_name(HSA_EXTENSION_AMD_LOADER, &name));
    EXPECT(strcmp(name, "HSA_EXTENSION_AMD_LOADER") == 0);
    /* No more than was asked for is written. */
    union {
        hsa_ven_amd_loader_1_00_pfn_t table;
        unsigned char bytes[256];
    } loader;
    memset(&loader, 0x55, sizeof loader);
    OK(hsa_system_get_extension_table(HSA_EXTENSION_AMD_LOADER, 1, 0, &loader));
    EXPECT(loader.table.hsa_ven_amd_loader_query_host_address && loader.bytes[sizeof loader.table] == 0x55);
    memset(&loader, 0x55, sizeof loader);
    OK(hsa_system_get_major_extension_table(HSA_EXTENSION_AMD_LOADER, 1, 16, &loader));
    EXPECT(loader.table.hsa_ven_amd_loader_query_segment_descriptors && loader.bytes[16] == 0x55);
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT,
       hsa_system_get_major_extension_table(HSA_EXTENSION_IMAGES, 1, sizeof loader, &loader));
}

void check_information(const machine_t *machine) {
    char name[64] = {0}, product[64] = {0}, uuid[24] = {0};
    uint32_t units = 0, wave = 0;
    OK(hsa_agent_get_info(machine->gpu, HSA_AGENT_INFO_NAME, name));
    OK(hsa_agent_get_info(machine->gpu, (hsa_agent_info_t)HSA_AMD_AGENT_INFO_PRODUCT_NAME, product));
    OK(hsa_agent_get_info(machine->gpu, (hsa_agent_info_t)HSA_AMD_AGENT_INFO_UUID, uuid));
    OK(hsa_agent_get_info(machine->gpu, (hsa_agent_info_t)HSA_AMD_AGENT_INFO_COMPUTE_UNIT_COUNT, &units));
    OK(hsa_agent_get_info(machine->gpu, HSA_AGENT_INFO_WAVEFRONT_SIZE, &wave));
    EXPECT(strcmp(name, "gfx90a") == 0 && strcmp(product, "AMD Instinct MI250X") == 0 && strncmp(uuid, "GPU-", 4) == 0);
    EXPECT(units == 110 && wave == 64);
    hsa_amd_hdp_flush_t flush = {0};
    OK(hsa_agent_get_info(machine->gpu, (hsa_agent_info_t)HSA_AMD_AGENT_INFO_HDP_FLUSH, &flush));
    *flush.HDP_MEM_FLUSH_CNTL = 1;
    uint64_t first, second, frequency;
    OK(hsa_system_get_info(HSA_SYSTEM_INFO_TIMESTAMP, &first));
    OK(hsa_system_get_info(HSA_SYSTEM_INFO_TIMESTAMP, &second));
    OK(hsa_system_get_info(HSA_SYSTEM_INFO_TIMESTAMP_FREQUENCY, &frequency));
    EXPECT(first <= second && frequency == 1000000000);
    hsa_amd_coherency_type_t type;
    OK(hsa_amd_coherency_set_type(machine->gpu, HSA_AMD_COHERENCY_TYPE_NONCOHERENT));
    OK(hsa_amd_coherency_get_type(machine->gpu, &type));
    EXPECT(type == HSA_AMD_COHERENCY_TYPE_NONCOHERENT);
    IS(HSA_STATUS_ERROR_INVALID_AGENT, hsa_amd_coherency_get_type(machine->cpu, &type));
    check_isa(machine);
    check_caches(machine);
    check_regions(machine);
    check_extensions(machine);
}
