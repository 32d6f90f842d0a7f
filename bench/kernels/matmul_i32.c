/* The product of two n x n matrices of 32-bit integers, row by row and column by column: loads, products, sums. */
#include <stdint.h>

int64_t kernel(int64_t n, unsigned char *memory) {
    int32_t *a = (int32_t *)memory;
    int32_t *b = a + n * n;
    int32_t *c = b + n * n;
    for (int64_t i = 0; i < n * n; i++) {
        a[i] = (int32_t)(i % 13) - 6;
        b[i] = (int32_t)(i % 17) - 5;
    }
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) {
            int32_t sum = 0;
            for (int64_t k = 0; k < n; k++)
                sum += a[i * n + k] * b[k * n + j];
            c[i * n + j] = sum;
        }
    }
    int64_t checksum = 0;
    for (int64_t i = 0; i < n * n; i++)
        checksum += (i % 7 + 1) * c[i];
    return checksum;
}
