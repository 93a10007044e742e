// Kernels with one bug each, which the simulator's checks find. The argument says which one runs; a line with a bug ends
// with a comment that names it. Without checks most of these programs seem to work.
#include "check.h"

#include <cstring>

const int ITEMS = 256;

// The barrier is missing between writing the tile and reading the neighbour's element.
__global__ void shared_race(int *out) {
    __shared__ int tile[ITEMS];
    int i = threadIdx.x;
    tile[i] = 0;
    __syncthreads();
    tile[i] = i;                    // shared_race
    out[i] = tile[ITEMS - 1 - i];   // shared_race
}

// Only a part of the tile is written.
__global__ void shared_unwritten(int *out) {
    __shared__ int tile[ITEMS];
    int i = threadIdx.x;
    if (i < ITEMS / 2) tile[i] = i;
    __syncthreads();
    out[i] = tile[i] + 1; // shared_unwritten
}

// Each block reads the last element of the block before it, which that one changes.
__global__ void block_race(int *values) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int left = i > 0 ? values[i - 1] : 0; // block_race
    __syncthreads();
    values[i] = left + 1; // block_race
}

// Two threads of different blocks write one element.
__global__ void block_writes(int *values) {
    if (threadIdx.x == 0) values[7] = blockIdx.x; // block_writes
}

// Nobody has written the memory that hipMalloc gave.
__global__ void global_unwritten(int *values, int *out) {
    out[threadIdx.x] = values[threadIdx.x] * 2; // global_unwritten
}

// The barrier stands in a branch that half of the threads take.
__global__ void divergent_barrier(int *out) {
    if (threadIdx.x % 2 == 0) {
        out[threadIdx.x] = 1;
        __syncthreads(); // divergent_barrier
        out[threadIdx.x] = 2;
    }
}

// Some threads return before the barrier.
__global__ void early_return(int *out, int n) {
    if (threadIdx.x >= n) return;
    out[threadIdx.x] = 1;
    __syncthreads(); // early_return
    out[threadIdx.x] = 2;
}

// The memory was given back.
__global__ void freed(int *values, int *out) {
    out[threadIdx.x] = values[threadIdx.x]; // freed
}

// A plain write beside an atomic operation.
__global__ void atomic_and_write(int *out) {
    if (threadIdx.x < 64) atomicAdd(out, 1);  // atomic_and_write
    if (threadIdx.x == 200) out[0] = 5;       // atomic_and_write
}

// All of the above done right.
__global__ void right(int *values, int *out) {
    __shared__ int tile[ITEMS];
    __shared__ int count;
    int i = threadIdx.x, at = blockIdx.x * blockDim.x + i;
    if (i == 0) count = 0;
    tile[i] = values[at];
    __syncthreads();
    if (tile[ITEMS - 1 - i] % 2) atomicAdd(&count, 1);
    __syncthreads();
    if (i == 0) atomicAdd(out, count);
    out[1 + at] = tile[ITEMS - 1 - i] + count;
}

int main(int, char **arguments) {
    const char *which = arguments[1];
    const int blocks = 4, size = (blocks * ITEMS + 1) * sizeof(int);
    int *values, *out;
    CHECK(hipMalloc(&values, size));
    CHECK(hipMalloc(&out, size));
    CHECK(hipMemset(out, 0, size));
    if (std::strcmp(which, "global_unwritten")) CHECK(hipMemset(values, 1, size));
    auto is = [&](const char *name) { return !std::strcmp(which, name); };
    if (is("shared_race")) shared_race<<<1, ITEMS>>>(out);
    if (is("shared_unwritten")) shared_unwritten<<<1, ITEMS>>>(out);
    if (is("block_race")) block_race<<<blocks, ITEMS>>>(values);
    if (is("block_writes")) block_writes<<<blocks, ITEMS>>>(values);
    if (is("global_unwritten")) global_unwritten<<<1, ITEMS>>>(values, out);
    if (is("divergent_barrier")) divergent_barrier<<<1, ITEMS>>>(out);
    if (is("early_return")) early_return<<<1, ITEMS>>>(out, 128);
    if (is("freed")) {
        CHECK(hipFree(values));
        freed<<<1, ITEMS>>>(values, out);
    }
    if (is("atomic_and_write")) atomic_and_write<<<1, ITEMS>>>(out);
    if (is("right")) right<<<blocks, ITEMS>>>(values, out);
    CHECK(hipDeviceSynchronize());
    return passed();
}
