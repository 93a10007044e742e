/* Signals: every operation in every memory order, waits for one and for several, handlers. */
#include "client.h"

#include <pthread.h>
#include <unistd.h>

static hsa_signal_t make(hsa_signal_value_t value) {
    hsa_signal_t signal;
    OK(hsa_signal_create(value, 0, NULL, &signal));
    return signal;
}

/* One operation in the four orders of the specification and the three older names. */
#define CHANGE(operation, before, operand, after)                                                        \
    do {                                                                                                 \
        void (*const functions[])(hsa_signal_t, hsa_signal_value_t) = {                                  \
            hsa_signal_##operation##_relaxed,      hsa_signal_##operation##_scacquire,                   \
            hsa_signal_##operation##_screlease,    hsa_signal_##operation##_scacq_screl,                 \
            hsa_signal_##operation##_acquire,      hsa_signal_##operation##_release,                     \
            hsa_signal_##operation##_acq_rel,                                                            \
        };                                                                                               \
        for (size_t i = 0; i < sizeof functions / sizeof *functions; ++i) {                              \
            hsa_signal_store_relaxed(signal, before);                                                    \
            functions[i](signal, operand);                                                               \
            EXPECT(hsa_signal_load_relaxed(signal) == (after));                                          \
        }                                                                                                \
    } while (0)

static void check_operations(void) {
    hsa_signal_t signal = make(3);
    CHANGE(add, 40, 2, 42);
    CHANGE(subtract, 40, 2, 38);
    CHANGE(and, 0xff, 0x3c, 0x3c);
    CHANGE(or, 0xf0, 0x0f, 0xff);
    CHANGE(xor, 0xff, 0x0f, 0xf0);
    hsa_signal_value_t (*const exchanges[])(hsa_signal_t, hsa_signal_value_t) = {
        hsa_signal_exchange_relaxed, hsa_signal_exchange_scacquire, hsa_signal_exchange_screlease,
        hsa_signal_exchange_scacq_screl, hsa_signal_exchange_acquire, hsa_signal_exchange_release,
        hsa_signal_exchange_acq_rel,
    };
    hsa_signal_store_release(signal, 0);
    for (int i = 0; i < 7; ++i) EXPECT(exchanges[i](signal, i + 1) == i);
    hsa_signal_value_t (*const swaps[])(hsa_signal_t, hsa_signal_value_t, hsa_signal_value_t) = {
        hsa_signal_cas_relaxed, hsa_signal_cas_scacquire, hsa_signal_cas_screlease, hsa_signal_cas_scacq_screl,
        hsa_signal_cas_acquire, hsa_signal_cas_release, hsa_signal_cas_acq_rel,
    };
    hsa_signal_store_screlease(signal, 0);
    for (int i = 0; i < 7; ++i) {
        EXPECT(swaps[i](signal, 99, 98) == i);
        EXPECT(swaps[i](signal, i, i + 1) == i);
    }
    EXPECT(hsa_signal_load_acquire(signal) == 7 && hsa_signal_load_scacquire(signal) == 7);
    hsa_signal_silent_store_relaxed(signal, 8);
    hsa_signal_silent_store_screlease(signal, 9);
    volatile hsa_signal_value_t *value = NULL;
    OK(hsa_amd_signal_value_pointer(signal, &value));
    EXPECT(*value == 9);
    *value = 10;
    EXPECT(hsa_signal_load_relaxed(signal) == 10);
    OK(hsa_signal_destroy(signal));
    IS(HSA_STATUS_ERROR_INVALID_SIGNAL, hsa_signal_destroy(signal));
    OK(hsa_amd_signal_create(5, 0, NULL, HSA_AMD_SIGNAL_AMD_GPU_ONLY, &signal));
    EXPECT(hsa_signal_load_relaxed(signal) == 5);
    OK(hsa_signal_destroy(signal));
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT, hsa_amd_signal_create(5, 0, NULL, 1 << 20, &signal));
}

static void *set_later(void *argument) {
    usleep(20000);
    hsa_signal_store_screlease(*(hsa_signal_t *)argument, 1);
    return NULL;
}

static void check_waits(void) {
    hsa_signal_t signals[3] = {make(0), {0}, make(0)};
    hsa_signal_condition_t conditions[3] = {HSA_SIGNAL_CONDITION_EQ, HSA_SIGNAL_CONDITION_EQ, HSA_SIGNAL_CONDITION_GTE};
    hsa_signal_value_t values[3] = {1, 0, 1}, found = -1;
    EXPECT(hsa_amd_signal_wait_any(3, signals, conditions, values, 1000000, HSA_WAIT_STATE_BLOCKED, &found) == UINT32_MAX);
    EXPECT(hsa_signal_wait_relaxed(signals[0], HSA_SIGNAL_CONDITION_NE, 0, 1000000, HSA_WAIT_STATE_ACTIVE) == 0);
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, set_later, &signals[2]) == 0);
    EXPECT(hsa_amd_signal_wait_any(3, signals, conditions, values, UINT64_MAX, HSA_WAIT_STATE_BLOCKED, &found) == 2);
    EXPECT(found == 1 && pthread_join(thread, NULL) == 0);
    EXPECT(hsa_signal_wait_acquire(signals[2], HSA_SIGNAL_CONDITION_EQ, 1, UINT64_MAX, HSA_WAIT_STATE_BLOCKED) == 1);

    hsa_signal_group_t group;
    hsa_signal_t members[2] = {signals[0], signals[2]}, satisfied;
    OK(hsa_signal_group_create(2, members, 0, NULL, &group));
    hsa_signal_condition_t less[2] = {HSA_SIGNAL_CONDITION_LT, HSA_SIGNAL_CONDITION_LT};
    hsa_signal_value_t bounds[2] = {0, 2};
    OK(hsa_signal_group_wait_any_scacquire(group, less, bounds, HSA_WAIT_STATE_BLOCKED, &satisfied, &found));
    EXPECT(satisfied.handle == signals[2].handle && found == 1);
    hsa_signal_store_relaxed(signals[0], -4);
    OK(hsa_signal_group_wait_any_relaxed(group, less, bounds, HSA_WAIT_STATE_ACTIVE, &satisfied, &found));
    EXPECT(satisfied.handle == signals[0].handle && found == -4);
    OK(hsa_signal_group_destroy(group));
    IS(HSA_STATUS_ERROR_INVALID_SIGNAL_GROUP, hsa_signal_group_destroy(group));
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT, hsa_signal_group_create(0, members, 0, NULL, &group));
    OK(hsa_signal_destroy(signals[0]));
    OK(hsa_signal_destroy(signals[2]));
    /* One that is not there any more is waited for by nobody. */
    EXPECT(hsa_amd_signal_wait_any(3, signals, conditions, values, UINT64_MAX, HSA_WAIT_STATE_BLOCKED, &found) == UINT32_MAX);
}

typedef struct {
    hsa_signal_t signal, done;
} destroyed_t;

static void *wait_for_destroyed(void *argument) {
    destroyed_t *destroyed = argument;
    hsa_signal_condition_t condition = HSA_SIGNAL_CONDITION_EQ;
    hsa_signal_value_t value = 77;
    hsa_amd_signal_wait_any(1, &destroyed->signal, &condition, &value, UINT64_MAX, HSA_WAIT_STATE_BLOCKED, NULL);
    hsa_signal_store_screlease(destroyed->done, 1);
    return NULL;
}

static bool handle(hsa_signal_value_t value, void *argument) {
    hsa_signal_add_screlease(*(hsa_signal_t *)argument, value);
    return false;
}

static void call(void *argument) { hsa_signal_add_screlease(*(hsa_signal_t *)argument, 1000); }

void check_signals(const machine_t *machine) {
    (void)machine;
    check_operations();
    check_waits();

    /* A signal that is destroyed wakes who waits for it. */
    destroyed_t destroyed = {make(0), make(0)};
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, wait_for_destroyed, &destroyed) == 0);
    usleep(20000);
    OK(hsa_signal_destroy(destroyed.signal));
    EXPECT(hsa_signal_wait_scacquire(destroyed.done, HSA_SIGNAL_CONDITION_EQ, 1, 10000000000u, HSA_WAIT_STATE_BLOCKED) == 1);
    EXPECT(pthread_join(thread, NULL) == 0);
    OK(hsa_signal_destroy(destroyed.done));

    hsa_signal_t signal = make(0), sum = make(0);
    OK(hsa_amd_signal_async_handler(signal, HSA_SIGNAL_CONDITION_GTE, 7, handle, &sum));
    hsa_signal_store_screlease(signal, 8);
    EXPECT(hsa_signal_wait_scacquire(sum, HSA_SIGNAL_CONDITION_EQ, 8, 10000000000u, HSA_WAIT_STATE_BLOCKED) == 8);
    OK(hsa_amd_async_function(call, &sum));
    EXPECT(hsa_signal_wait_scacquire(sum, HSA_SIGNAL_CONDITION_EQ, 1008, 10000000000u, HSA_WAIT_STATE_BLOCKED) == 1008);
    OK(hsa_signal_destroy(signal));
    OK(hsa_signal_destroy(sum));
}
