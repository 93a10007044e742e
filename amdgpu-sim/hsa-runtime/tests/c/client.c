/* An HSA client that knows AMD's headers and nothing of the simulator. Says PASS if all is as the headers say. */
#include "client.h"

COLLECT(collect_pool, hsa_amd_memory_pool_t)

static hsa_status_t take_agent(hsa_agent_t agent, void *data) {
    machine_t *machine = data;
    hsa_device_type_t type;
    OK(hsa_agent_get_info(agent, HSA_AGENT_INFO_DEVICE, &type));
    if (type == HSA_DEVICE_TYPE_CPU) machine->cpu = agent;
    if (type == HSA_DEVICE_TYPE_GPU && machine->gpus++ == 0) machine->gpu = agent;
    return HSA_STATUS_SUCCESS;
}

void find_agents(machine_t *machine) {
    memset(machine, 0, sizeof *machine);
    OK(hsa_iterate_agents(take_agent, machine));
    EXPECT(machine->cpu.handle && machine->gpu.handle && machine->gpus == 2);
    list_t pools = {0};
    OK(hsa_amd_agent_iterate_memory_pools(machine->cpu, collect_pool, &pools));
    for (int i = 0; i < pools.count; ++i) {
        hsa_amd_memory_pool_t pool = {pools.handles[i]};
        uint32_t flags = 0;
        OK(hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS, &flags));
        if (flags & HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_KERNARG_INIT) machine->kernarg = pool;
        if (flags & HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED) machine->host_coarse = pool;
    }
    pools.count = 0;
    OK(hsa_amd_agent_iterate_memory_pools(machine->gpu, collect_pool, &pools));
    int groups = 0;
    for (int i = 0; i < pools.count; ++i) {
        hsa_amd_memory_pool_t pool = {pools.handles[i]};
        hsa_amd_segment_t segment;
        uint32_t flags = 0;
        OK(hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_SEGMENT, &segment));
        if (segment == HSA_AMD_SEGMENT_GROUP) {
            ++groups;
            continue;
        }
        OK(hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS, &flags));
        if (flags & HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED) machine->device = pool;
    }
    EXPECT(machine->kernarg.handle && machine->host_coarse.handle && machine->device.handle && groups == 1);
}

int main(int count, char **arguments) {
    EXPECT(count == 2);
    hsa_signal_t signal;
    IS(HSA_STATUS_ERROR_NOT_INITIALIZED, hsa_signal_create(0, 0, NULL, &signal));
    IS(HSA_STATUS_ERROR_NOT_INITIALIZED, hsa_shut_down());
    OK(hsa_init());
    OK(hsa_init());
    OK(hsa_shut_down());
    machine_t machine;
    find_agents(&machine);
    check_information(&machine);
    check_signals(&machine);
    check_memory(&machine);
    check_queues(&machine);
    check_code(&machine, arguments[1]);
    check_refusals(&machine);
    OK(hsa_shut_down());
    IS(HSA_STATUS_ERROR_NOT_INITIALIZED, hsa_iterate_agents(take_agent, &machine));
    puts("PASS");
    return 0;
}
