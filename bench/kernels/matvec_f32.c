/* Twelve products of an n x n matrix and a vector of floats, each scaled to 1: 32-bit float sums along rows. */
#include <stdint.h>

enum { STEPS = 12 };

static void multiply(int64_t n, const float *a, const float *x, float *y) {
    for (int64_t i = 0; i < n; i++) {
        const float *row = a + i * n;
        float sum = 0.0f;
        for (int64_t j = 0; j < n; j++)
            sum += row[j] * x[j];
        y[i] = sum;
    }
}

/* Gives y, divided by its greatest element. */
static void scale(int64_t n, const float *y, float *x) {
    float greatest = y[0];
    for (int64_t i = 1; i < n; i++) {
        if (y[i] > greatest)
            greatest = y[i];
    }
    for (int64_t i = 0; i < n; i++)
        x[i] = y[i] / greatest;
}

int64_t kernel(int64_t n, unsigned char *memory) {
    float *a = (float *)memory;
    float *x = a + n * n;
    float *y = x + n;
    for (int64_t i = 0; i < n * n; i++)
        a[i] = (float)(i % 19) * 0.125f + 0.25f;
    for (int64_t i = 0; i < n; i++)
        x[i] = 1.0f;
    for (int64_t step = 0; step < STEPS; step++) {
        multiply(n, a, x, y);
        scale(n, y, x);
    }
    float sum = 0.0f;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return (int64_t)(sum * 10000.0f);
}
