/* Queues without kernels: indices, barrier packets of all sorts, packets that make no sense, queues of the program. */
#include "client.h"

static hsa_status_t failed_with;

static void failed(hsa_status_t status, hsa_queue_t *queue, void *data) {
    (void)queue;
    failed_with = status;
    hsa_signal_store_screlease(*(hsa_signal_t *)data, 1);
}

static hsa_signal_t make(hsa_signal_value_t value) {
    hsa_signal_t signal;
    OK(hsa_signal_create(value, 0, NULL, &signal));
    return signal;
}

/* Puts 64 bytes into a queue and rings. */
static void submit(hsa_queue_t *queue, const void *packet, uint16_t header) {
    uint64_t index = hsa_queue_add_write_index_screlease(queue, 1);
    char *slot = (char *)queue->base_address + index % queue->size * 64;
    memcpy(slot + 2, (const char *)packet + 2, 62);
    __atomic_store_n((uint16_t *)slot, header, __ATOMIC_RELEASE);
    hsa_signal_store_screlease(queue->doorbell_signal, (hsa_signal_value_t)index);
}

static hsa_signal_value_t settled(hsa_signal_t signal) {
    return hsa_signal_wait_scacquire(signal, HSA_SIGNAL_CONDITION_LT, 1, 10000000000u, HSA_WAIT_STATE_BLOCKED);
}

static void check_indices(const machine_t *machine) {
    hsa_queue_t *queue;
    hsa_region_t region = {machine->kernarg.handle};
    hsa_signal_t doorbell = make(0);
    OK(hsa_soft_queue_create(region, 16, HSA_QUEUE_TYPE_SINGLE, HSA_QUEUE_FEATURE_AGENT_DISPATCH, doorbell, &queue));
    EXPECT(queue->size == 16 && queue->doorbell_signal.handle == doorbell.handle);
    uint64_t (*const adds[])(const hsa_queue_t *, uint64_t) = {
        hsa_queue_add_write_index_relaxed, hsa_queue_add_write_index_scacquire, hsa_queue_add_write_index_screlease,
        hsa_queue_add_write_index_scacq_screl, hsa_queue_add_write_index_acquire, hsa_queue_add_write_index_release,
        hsa_queue_add_write_index_acq_rel,
    };
    for (uint64_t i = 0; i < 7; ++i) EXPECT(adds[i](queue, 1) == i);
    uint64_t (*const swaps[])(const hsa_queue_t *, uint64_t, uint64_t) = {
        hsa_queue_cas_write_index_relaxed, hsa_queue_cas_write_index_scacquire, hsa_queue_cas_write_index_screlease,
        hsa_queue_cas_write_index_scacq_screl, hsa_queue_cas_write_index_acquire, hsa_queue_cas_write_index_release,
        hsa_queue_cas_write_index_acq_rel,
    };
    for (uint64_t i = 0; i < 7; ++i) EXPECT(swaps[i](queue, 0, 1) == 7 + i && swaps[i](queue, 7 + i, 8 + i) == 7 + i);
    EXPECT(hsa_queue_load_write_index_relaxed(queue) == 14 && hsa_queue_load_write_index_scacquire(queue) == 14);
    hsa_queue_store_write_index_release(queue, 3);
    EXPECT(hsa_queue_load_write_index_acquire(queue) == 3);
    hsa_queue_store_write_index_relaxed(queue, 4);
    hsa_queue_store_write_index_screlease(queue, 5);
    hsa_queue_store_read_index_relaxed(queue, 1);
    hsa_queue_store_read_index_release(queue, 2);
    EXPECT(hsa_queue_load_read_index_relaxed(queue) == 2 && hsa_queue_load_read_index_acquire(queue) == 2);
    hsa_queue_store_read_index_screlease(queue, 5);
    EXPECT(hsa_queue_load_read_index_scacquire(queue) == 5);
    OK(hsa_queue_inactivate(queue));
    OK(hsa_queue_destroy(queue));
    IS(HSA_STATUS_ERROR_INVALID_QUEUE, hsa_queue_destroy(queue));
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT,
       hsa_soft_queue_create(region, 15, HSA_QUEUE_TYPE_SINGLE, HSA_QUEUE_FEATURE_AGENT_DISPATCH, doorbell, &queue));
    OK(hsa_signal_destroy(doorbell));
}

static void check_barriers(const machine_t *machine) {
    hsa_queue_t *queue;
    hsa_signal_t error = make(0), one = make(1), two = make(1), done = make(1), none = {0};
    OK(hsa_queue_create(machine->gpu, 64, HSA_QUEUE_TYPE_MULTI, failed, &error, UINT32_MAX, UINT32_MAX, &queue));
    uint16_t type = HSA_PACKET_TYPE_BARRIER_AND << HSA_PACKET_HEADER_TYPE;
    hsa_barrier_and_packet_t both = {.dep_signal = {one, none, two, none}, .completion_signal = done};
    submit(queue, &both, type);
    hsa_signal_store_screlease(two, 0);
    EXPECT(hsa_signal_wait_scacquire(done, HSA_SIGNAL_CONDITION_LT, 1, 5000000, HSA_WAIT_STATE_BLOCKED) == 1);
    hsa_signal_store_screlease(one, 0);
    EXPECT(settled(done) == 0);

    hsa_signal_store_relaxed(one, 1);
    hsa_signal_store_relaxed(two, 1);
    hsa_signal_store_relaxed(done, 1);
    hsa_barrier_or_packet_t either = {.dep_signal = {one, two}, .completion_signal = done};
    submit(queue, &either, HSA_PACKET_TYPE_BARRIER_OR << HSA_PACKET_HEADER_TYPE);
    EXPECT(hsa_signal_wait_scacquire(done, HSA_SIGNAL_CONDITION_LT, 1, 5000000, HSA_WAIT_STATE_BLOCKED) == 1);
    hsa_signal_store_screlease(two, 0);
    EXPECT(settled(done) == 0);

    /* Waits until the low byte is at least 5. */
    hsa_signal_store_relaxed(one, 0x104);
    hsa_signal_store_relaxed(done, 1);
    hsa_amd_barrier_value_packet_t value = {
        .header = {.AmdFormat = HSA_AMD_PACKET_TYPE_BARRIER_VALUE},
        .signal = one,
        .value = 5,
        .mask = 0xff,
        .cond = HSA_SIGNAL_CONDITION_GTE,
        .completion_signal = done,
    };
    submit(queue, &value, HSA_PACKET_TYPE_VENDOR_SPECIFIC << HSA_PACKET_HEADER_TYPE);
    EXPECT(hsa_signal_wait_scacquire(done, HSA_SIGNAL_CONDITION_LT, 1, 5000000, HSA_WAIT_STATE_BLOCKED) == 1);
    hsa_signal_add_screlease(one, 1);
    EXPECT(settled(done) == 0);

    OK(hsa_amd_queue_set_priority(queue, HSA_AMD_QUEUE_PRIORITY_HIGH));
    uint32_t mask[4] = {0x0f, 0, 0, 0}, got[4] = {9, 9, 9, 9};
    OK(hsa_amd_queue_cu_get_mask(queue, 128, got));
    EXPECT(got[0] == UINT32_MAX && got[3] == (1u << (110 - 96)) - 1);
    OK(hsa_amd_queue_cu_set_mask(queue, 64, mask));
    OK(hsa_amd_queue_cu_get_mask(queue, 128, got));
    EXPECT(got[0] == 0x0f && got[1] == 0 && got[3] == 0);
    OK(hsa_amd_queue_cu_set_mask(queue, 0, NULL));
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT, hsa_amd_queue_cu_set_mask(queue, 33, mask));
    uint64_t before = hsa_queue_load_read_index_relaxed(queue);
    hsa_queue_store_read_index_relaxed(queue, 0);
    EXPECT(hsa_queue_load_read_index_relaxed(queue) == before);

    /* A packet of no type that there is puts the queue in error, and nobody waits for ever. */
    hsa_signal_store_relaxed(done, 1);
    submit(queue, &both, 0x7f);
    EXPECT(settled(done) < 0);
    EXPECT(hsa_signal_wait_scacquire(error, HSA_SIGNAL_CONDITION_EQ, 1, 10000000000u, HSA_WAIT_STATE_BLOCKED) == 1);
    EXPECT(failed_with == HSA_STATUS_ERROR_INVALID_PACKET_FORMAT);
    hsa_signal_store_relaxed(done, 1);
    submit(queue, &both, type);
    EXPECT(settled(done) < 0);
    OK(hsa_queue_destroy(queue));

    /* So does a barrier whose dependency is destroyed. */
    hsa_signal_store_relaxed(error, 0);
    hsa_signal_store_relaxed(done, 1);
    hsa_signal_store_relaxed(one, 1);
    OK(hsa_queue_create(machine->gpu, 64, HSA_QUEUE_TYPE_MULTI, failed, &error, UINT32_MAX, UINT32_MAX, &queue));
    both.dep_signal[2] = none;
    submit(queue, &both, type);
    OK(hsa_signal_destroy(one));
    EXPECT(settled(done) < 0);
    OK(hsa_queue_destroy(queue));
    OK(hsa_signal_destroy(two));
    OK(hsa_signal_destroy(done));
    OK(hsa_signal_destroy(error));
}

void check_queues(const machine_t *machine) {
    check_indices(machine);
    check_barriers(machine);
    hsa_queue_t *queue;
    IS(HSA_STATUS_ERROR_INVALID_QUEUE_CREATION,
       hsa_queue_create(machine->cpu, 64, HSA_QUEUE_TYPE_MULTI, NULL, NULL, 0, 0, &queue));
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT,
       hsa_queue_create(machine->gpu, 65, HSA_QUEUE_TYPE_MULTI, NULL, NULL, 0, 0, &queue));
}
