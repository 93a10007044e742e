// The product of two matrices of any size, by tiles of 16 by 16 in shared memory: the example matmul_tiled.

constexpr unsigned TILE = 16;

extern "C" __global__ void __launch_bounds__(TILE * TILE)
matmul(unsigned columns, unsigned rows, unsigned inner, const float *__restrict__ a, const float *__restrict__ b,
       float *__restrict__ c) {
    __shared__ float tile_a[TILE][TILE], tile_b[TILE][TILE];
    const unsigned lx = threadIdx.x, ly = threadIdx.y;
    const unsigned x = blockIdx.x * TILE + lx, y = blockIdx.y * TILE + ly;
    float sum = 0.0f;
    for (unsigned start = 0; start < inner; start += TILE) {
        // Beyond the matrices' edges stand zeros, which add nothing.
        tile_a[ly][lx] = y < rows && start + lx < inner ? a[(size_t)y * inner + start + lx] : 0.0f;
        tile_b[ly][lx] = start + ly < inner && x < columns ? b[(size_t)(start + ly) * columns + x] : 0.0f;
        __syncthreads();
#pragma unroll
        for (unsigned k = 0; k < TILE; k++) sum += tile_a[ly][k] * tile_b[k][lx];
        __syncthreads();
    }
    if (x < columns && y < rows) c[(size_t)y * columns + x] = sum;
}
