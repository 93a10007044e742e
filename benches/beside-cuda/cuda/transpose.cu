// A matrix turned over its diagonal, by tiles of 16 by 16 in shared memory: the example transpose. The result has as many columns as the matrix has rows.

constexpr unsigned TILE = 16;

extern "C" __global__ void __launch_bounds__(TILE * TILE)
transpose(unsigned rows, unsigned columns, const float *__restrict__ matrix, float *__restrict__ transposed) {
    __shared__ float tile[TILE][TILE];
    const unsigned lx = threadIdx.x, ly = threadIdx.y;
    const unsigned first_row = blockIdx.x * TILE, first_column = blockIdx.y * TILE;
    const unsigned row = first_row + ly, column = first_column + lx;
    tile[ly][lx] = row < rows && column < columns ? matrix[(size_t)row * columns + column] : 0.0f;
    __syncthreads();
    const unsigned x = first_row + lx, y = first_column + ly;
    if (x < rows && y < columns) transposed[(size_t)y * rows + x] = tile[lx][ly];
}
