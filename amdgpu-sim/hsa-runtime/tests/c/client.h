/* What the parts of the C client share. */
#pragma once
#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <hsa/hsa_ext_finalize.h>
#include <hsa/hsa_ven_amd_loader.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(condition)                                                          \
    do {                                                                           \
        if (!(condition)) {                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                               \
        }                                                                          \
    } while (0)

#define IS(status, call)                                                                                   \
    do {                                                                                                   \
        hsa_status_t is_ = (hsa_status_t)(call);                                                           \
        if (is_ != (hsa_status_t)(status)) {                                                               \
            const char *text_ = "?";                                                                       \
            hsa_status_string(is_, &text_);                                                                \
            fprintf(stderr, "%s:%d: %s gives %#x (%s)\n", __FILE__, __LINE__, #call, (unsigned)is_, text_); \
            exit(1);                                                                                       \
        }                                                                                                  \
    } while (0)

#define OK(call) IS(HSA_STATUS_SUCCESS, call)

/* The machine. */
typedef struct {
    hsa_agent_t cpu, gpu;
    int gpus;
    hsa_amd_memory_pool_t kernarg, host_coarse, device;
} machine_t;

void find_agents(machine_t *machine);
void check_information(const machine_t *machine);
void check_signals(const machine_t *machine);
void check_memory(const machine_t *machine);
void check_queues(const machine_t *machine);
void check_code(const machine_t *machine, const char *path);
void check_refusals(const machine_t *machine);

/* A list that callbacks count in. */
typedef struct {
    int count;
    uint64_t handles[64];
} list_t;

#define COLLECT(name, type)                          \
    static hsa_status_t name(type thing, void *data) { \
        list_t *list = data;                         \
        list->handles[list->count++] = thing.handle; \
        return HSA_STATUS_SUCCESS;                   \
    }
