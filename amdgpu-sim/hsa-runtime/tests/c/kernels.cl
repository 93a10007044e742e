// What client.c runs. `factor` is defined by the client, `table` here.
typedef unsigned int uint32;

extern __global uint32 factor[1];
__constant uint32 table[4] = {1, 10, 100, 1000};
__global uint32 launches[1];

__kernel void scale(__global uint32 *values, uint32 count) {
    uint32 i = __builtin_amdgcn_workgroup_id_x() * 64 + __builtin_amdgcn_workitem_id_x();
    if (i < count) values[i] = values[i] * factor[0] + table[i & 3];
    if (i == 0) launches[0] += 1;
}

__kernel void out_of_bounds(__global uint32 *values) {
    values[__builtin_amdgcn_workitem_id_x() + 100000] = 7;
}
