/* The product of two n x n matrices of doubles in the order i, j, k: indexed loads and float sums. */
#include <stdint.h>

int64_t kernel(int64_t n, unsigned char *memory) {
    double *a = (double *)memory;
    double *b = a + n * n;
    double *c = b + n * n;
    for (int64_t i = 0; i < n * n; i++) {
        a[i] = (double)(i % 7) + 0.5;
        b[i] = (double)(i % 11) - 2.25;
    }
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) {
            double sum = 0.0;
            for (int64_t k = 0; k < n; k++)
                sum += a[i * n + k] * b[k * n + j];
            c[i * n + j] = sum;
        }
    }
    double trace = 0.0;
    for (int64_t i = 0; i < n; i++)
        trace += c[i * n + (n - 1 - i)];
    return (int64_t)(trace * 1000.0);
}
