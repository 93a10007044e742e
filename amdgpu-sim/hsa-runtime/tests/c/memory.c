/* Memory: pools and who may access them, locked memory, what pointers are, copies. */
#include "client.h"

static int told;

static void gone(void *memory, void *argument) {
    told += *(int *)argument;
    /* It is still there. */
    *(char *)memory = 1;
}

static void *allocate(hsa_amd_memory_pool_t pool, size_t size) {
    void *memory = NULL;
    OK(hsa_amd_memory_pool_allocate(pool, size, 0, &memory));
    return memory;
}

static void check_pointers(const machine_t *machine) {
    char *device = allocate(machine->device, 10000);
    int argument = 3, mark;
    OK(hsa_amd_pointer_info_set_userdata(device + 50, &mark));
    OK(hsa_amd_register_deallocation_callback(device, gone, &argument));
    OK(hsa_amd_register_deallocation_callback(device, gone, &argument));
    OK(hsa_amd_deregister_deallocation_callback(device, gone));
    hsa_amd_pointer_info_t info = {.size = sizeof info};
    uint32_t count = 0;
    hsa_agent_t *agents = NULL;
    OK(hsa_amd_pointer_info(device + 100, &info, malloc, &count, &agents));
    EXPECT(info.type == HSA_EXT_POINTER_TYPE_HSA && info.agentBaseAddress == device && info.sizeInBytes == 10000);
    EXPECT(info.agentOwner.handle == machine->gpu.handle && info.userData == &mark && count == 2);
    free(agents);
    OK(hsa_amd_memory_pool_free(device));
    EXPECT(told == 3);
    info.size = sizeof info;
    OK(hsa_amd_pointer_info(device, &info, NULL, NULL, NULL));
    EXPECT(info.type == HSA_EXT_POINTER_TYPE_UNKNOWN);
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT, hsa_amd_register_deallocation_callback(device, gone, &argument));

    static char own[5000];
    void *locked = NULL;
    OK(hsa_amd_memory_lock(own, sizeof own, (hsa_agent_t *)&machine->gpu, 1, &locked));
    info.size = sizeof info;
    OK(hsa_amd_pointer_info(locked, &info, NULL, NULL, NULL));
    EXPECT(info.type == HSA_EXT_POINTER_TYPE_LOCKED && info.hostBaseAddress == own && info.userData == NULL);
    OK(hsa_amd_memory_unlock(own));
    OK(hsa_amd_memory_lock_to_pool(own, sizeof own, NULL, 0, machine->host_coarse, 0, &locked));
    OK(hsa_amd_memory_unlock(own));
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT,
       hsa_amd_memory_lock_to_pool(own, sizeof own, NULL, 0, machine->device, 0, &locked));
    bool migrates = true;
    OK(hsa_amd_memory_pool_can_migrate(machine->host_coarse, machine->device, &migrates));
    EXPECT(!migrates);
}

static void check_copies(const machine_t *machine) {
    enum { SIZE = 40000 };
    unsigned char *from = allocate(machine->host_coarse, SIZE), *to = allocate(machine->host_coarse, SIZE);
    unsigned char *device = allocate(machine->device, SIZE);
    OK(hsa_amd_agents_allow_access(1, &machine->gpu, NULL, from));
    for (int i = 0; i < SIZE; ++i) from[i] = (unsigned char)(i * 7);
    OK(hsa_amd_profiling_async_copy_enable(true));
    hsa_signal_t gate, first, second;
    OK(hsa_signal_create(1, 0, NULL, &gate));
    OK(hsa_signal_create(1, 0, NULL, &first));
    OK(hsa_signal_create(1, 0, NULL, &second));
    OK(hsa_amd_memory_async_copy(to, machine->cpu, device, machine->gpu, SIZE, 1, &first, second));
    OK(hsa_amd_memory_async_copy(device, machine->gpu, from, machine->cpu, SIZE, 1, &gate, first));
    EXPECT(hsa_signal_wait_scacquire(second, HSA_SIGNAL_CONDITION_LT, 1, 5000000, HSA_WAIT_STATE_BLOCKED) == 1);
    hsa_signal_subtract_screlease(gate, 1);
    EXPECT(hsa_signal_wait_scacquire(second, HSA_SIGNAL_CONDITION_LT, 1, UINT64_MAX, HSA_WAIT_STATE_BLOCKED) == 0);
    EXPECT(memcmp(from, to, SIZE) == 0);
    hsa_amd_profiling_async_copy_time_t time = {0, 0};
    OK(hsa_amd_profiling_get_async_copy_time(second, &time));
    EXPECT(time.start > 0 && time.end >= time.start);

    /* A box of 12 bytes, 5 rows and 2 layers. */
    hsa_pitched_ptr_t source = {from, 64, 64 * 16}, target = {device, 32, 32 * 8};
    hsa_dim3_t source_at = {4, 2, 1}, target_at = {8, 1, 0}, range = {12, 5, 2};
    OK(hsa_amd_memory_fill(device, 0xabababab, SIZE / 4));
    hsa_signal_store_relaxed(first, 1);
    OK(hsa_amd_memory_async_copy_rect(&target, &target_at, &source, &source_at, &range, machine->gpu, hsaHostToDevice, 0,
                                      NULL, first));
    EXPECT(hsa_signal_wait_scacquire(first, HSA_SIGNAL_CONDITION_LT, 1, UINT64_MAX, HSA_WAIT_STATE_BLOCKED) == 0);
    OK(hsa_memory_copy(to, device, SIZE));
    for (unsigned z = 0; z < 3; ++z) {
        for (unsigned y = 0; y < 8; ++y) {
            for (unsigned x = 0; x < 32; ++x) {
                bool inside = x >= 8 && x < 20 && y >= 1 && y < 6 && z < 2;
                unsigned char expected = inside ? from[(z + 1) * 64 * 16 + (y + 1) * 64 + (x - 4)] : 0xab;
                EXPECT(to[z * 32 * 8 + y * 32 + x] == expected);
            }
        }
    }
    /* A dependency that has failed is passed on. */
    hsa_signal_store_relaxed(gate, -9);
    hsa_signal_store_relaxed(first, 1);
    OK(hsa_amd_memory_async_copy(to, machine->cpu, device, machine->gpu, SIZE, 1, &gate, first));
    EXPECT(hsa_signal_wait_scacquire(first, HSA_SIGNAL_CONDITION_LT, 1, UINT64_MAX, HSA_WAIT_STATE_BLOCKED) < 0);
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT,
       hsa_amd_memory_async_copy(to, machine->cpu, device, machine->gpu, SIZE + 1, 0, NULL, first));
    OK(hsa_signal_destroy(gate));
    OK(hsa_signal_destroy(first));
    OK(hsa_signal_destroy(second));
    OK(hsa_amd_memory_pool_free(from));
    OK(hsa_amd_memory_pool_free(to));
    OK(hsa_amd_memory_pool_free(device));
}

void check_memory(const machine_t *machine) {
    check_pointers(machine);
    check_copies(machine);
}
