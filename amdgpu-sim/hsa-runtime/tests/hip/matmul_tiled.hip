// Multiplies matrices through tiles in `__shared__` memory, with edges that no tile fits, and compares with the host.
#include "check.h"

constexpr int TILE = 16;

__global__ void matmul(const float *a, const float *b, float *c, int rows, int inner, int columns) {
    __shared__ float tile_a[TILE][TILE];
    __shared__ float tile_b[TILE][TILE + 1];
    int row = blockIdx.y * TILE + threadIdx.y, column = blockIdx.x * TILE + threadIdx.x;
    float sum = 0.0f;
    for (int k = 0; k < inner; k += TILE) {
        int ka = k + threadIdx.x, kb = k + threadIdx.y;
        tile_a[threadIdx.y][threadIdx.x] = row < rows && ka < inner ? a[row * inner + ka] : 0.0f;
        tile_b[threadIdx.y][threadIdx.x] = kb < inner && column < columns ? b[kb * columns + column] : 0.0f;
        __syncthreads();
        for (int i = 0; i < TILE; ++i) sum += tile_a[threadIdx.y][i] * tile_b[i][threadIdx.x];
        __syncthreads();
    }
    if (row < rows && column < columns) c[row * columns + column] = sum;
}

int main() {
    const int rows = 75, inner = 61, columns = 93;
    std::vector<float> a(rows * inner), b(inner * columns), c(rows * columns);
    // Small integers: sums are exact in any order.
    for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<int>(i * 7 % 13) - 6;
    for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<int>(i * 5 % 11) - 5;
    float *da, *db, *dc;
    CHECK(hipMalloc(&da, a.size() * sizeof(float)));
    CHECK(hipMalloc(&db, b.size() * sizeof(float)));
    CHECK(hipMalloc(&dc, c.size() * sizeof(float)));
    CHECK(hipMemcpy(da, a.data(), a.size() * sizeof(float), hipMemcpyHostToDevice));
    CHECK(hipMemcpy(db, b.data(), b.size() * sizeof(float), hipMemcpyHostToDevice));
    dim3 groups((columns + TILE - 1) / TILE, (rows + TILE - 1) / TILE), items(TILE, TILE);
    matmul<<<groups, items>>>(da, db, dc, rows, inner, columns);
    CHECK(hipGetLastError());
    CHECK(hipMemcpy(c.data(), dc, c.size() * sizeof(float), hipMemcpyDeviceToHost));
    for (int row = 0; row < rows; ++row) {
        for (int column = 0; column < columns; ++column) {
            float sum = 0.0f;
            for (int k = 0; k < inner; ++k) sum += a[row * inner + k] * b[k * columns + column];
            EXPECT(c[row * columns + column] == sum, row * columns + column);
        }
    }
    CHECK(hipFree(da));
    CHECK(hipFree(db));
    CHECK(hipFree(dc));
    return passed();
}
