// Heat that spreads over a plate: the example stencil2d. A block of 64 by 16 cells, with a halo of one around them, passes through shared memory.

constexpr unsigned WIDTH = 64, HEIGHT = 16, BLOCK = WIDTH * HEIGHT;
constexpr unsigned TILE_WIDTH = WIDTH + 2, TILE_HEIGHT = HEIGHT + 2;

extern "C" __global__ void __launch_bounds__(BLOCK)
stencil(unsigned width, unsigned height, float rate, const float *__restrict__ plate, float *__restrict__ after) {
    __shared__ float tile[TILE_HEIGHT][TILE_WIDTH];
    const unsigned left = blockIdx.x * WIDTH, top = blockIdx.y * HEIGHT;
    for (unsigned i = threadIdx.y * WIDTH + threadIdx.x; i < TILE_WIDTH * TILE_HEIGHT; i += BLOCK) {
        // One to the left and above; what lies before the first wraps around and is beyond the last.
        const unsigned row = i / TILE_WIDTH, column = i % TILE_WIDTH;
        const unsigned x = left + column - 1, y = top + row - 1;
        tile[row][column] = x < width && y < height ? plate[(size_t)y * width + x] : 0.0f;
    }
    __syncthreads();
    const unsigned x = left + threadIdx.x, y = top + threadIdx.y;
    if (x < width && y < height) {
        const unsigned column = threadIdx.x + 1, row = threadIdx.y + 1;
        const float own = tile[row][column];
        const float neighbours = (tile[row][column - 1] + tile[row][column + 1]) + (tile[row - 1][column] + tile[row + 1][column]);
        after[(size_t)y * width + x] = own + rate * (neighbours - 4.0f * own);
    }
}
