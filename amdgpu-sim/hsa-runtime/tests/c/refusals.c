/* What simulated GPUs have not: refused with a status, and nothing else. */
#include "client.h"

void check_refusals(const machine_t *machine) {
    hsa_ext_image_format_t format = {HSA_EXT_IMAGE_CHANNEL_TYPE_FLOAT, HSA_EXT_IMAGE_CHANNEL_ORDER_RGBA};
    hsa_ext_image_descriptor_t image = {HSA_EXT_IMAGE_GEOMETRY_2D, 16, 16, 1, 0, format};
    hsa_ext_sampler_descriptor_t sampler = {
        HSA_EXT_SAMPLER_COORDINATE_MODE_NORMALIZED,
        HSA_EXT_SAMPLER_FILTER_MODE_LINEAR,
        HSA_EXT_SAMPLER_ADDRESSING_MODE_REPEAT,
    };
    uint32_t capability = 9;
    OK(hsa_ext_image_get_capability(machine->gpu, HSA_EXT_IMAGE_GEOMETRY_2D, &format, &capability));
    EXPECT(capability == HSA_EXT_IMAGE_CAPABILITY_NOT_SUPPORTED);
    hsa_ext_image_t made;
    hsa_ext_sampler_t sampled;
    IS(HSA_EXT_STATUS_ERROR_IMAGE_FORMAT_UNSUPPORTED,
       hsa_ext_image_create(machine->gpu, &image, NULL, HSA_ACCESS_PERMISSION_RW, &made));
    IS(HSA_EXT_STATUS_ERROR_SAMPLER_DESCRIPTOR_UNSUPPORTED, hsa_ext_sampler_create(machine->gpu, &sampler, &sampled));
    hsa_agent_t nobody = {12345};
    IS(HSA_STATUS_ERROR_INVALID_AGENT, hsa_ext_sampler_create(nobody, &sampler, &sampled));
    hsa_amd_ipc_memory_t shared;
    hsa_amd_ipc_signal_t signal;
    hsa_signal_t none = {0};
    void *memory = NULL;
    size_t size = 0;
    OK(hsa_amd_memory_pool_allocate(machine->device, 4096, 0, &memory));
    IS(HSA_STATUS_ERROR_OUT_OF_RESOURCES, hsa_amd_ipc_memory_create(memory, 4096, &shared));
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT, hsa_amd_ipc_memory_detach(memory));
    IS(HSA_STATUS_ERROR_INVALID_ARGUMENT, hsa_amd_ipc_signal_create(none, &signal));
    IS(HSA_STATUS_ERROR, hsa_amd_interop_map_buffer(1, (hsa_agent_t *)&machine->gpu, 0, 0, &size, &memory, NULL, NULL));
    IS(HSA_STATUS_ERROR, hsa_amd_svm_attributes_get(memory, 4096, NULL, 0));
    IS(HSA_STATUS_ERROR_OUT_OF_RESOURCES, hsa_amd_memory_migrate(memory, machine->host_coarse, 0));
    OK(hsa_amd_memory_pool_free(memory));
    hsa_ext_program_t program = {0};
    IS(HSA_STATUS_ERROR,
       hsa_ext_program_create(HSA_MACHINE_MODEL_LARGE, HSA_PROFILE_BASE, HSA_DEFAULT_FLOAT_ROUNDING_MODE_NEAR, NULL, &program));
    IS(HSA_EXT_STATUS_ERROR_INVALID_PROGRAM, hsa_ext_program_destroy(program));
}
