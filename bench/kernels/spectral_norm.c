/* The greatest singular value of an infinite matrix, cut to n x n, by ten steps: a small helper in the inner loop. */
#include <math.h>
#include <stdint.h>

enum { STEPS = 10 };

static double a(int64_t i, int64_t j) {
    return 1.0 / (double)((i + j) * (i + j + 1) / 2 + i + 1);
}

static void multiply(int64_t n, const double *v, double *to) {
    for (int64_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (int64_t j = 0; j < n; j++)
            sum += a(i, j) * v[j];
        to[i] = sum;
    }
}

static void multiply_transposed(int64_t n, const double *v, double *to) {
    for (int64_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (int64_t j = 0; j < n; j++)
            sum += a(j, i) * v[j];
        to[i] = sum;
    }
}

int64_t kernel(int64_t n, unsigned char *memory) {
    double *u = (double *)memory;
    double *v = u + n;
    double *between = v + n;
    for (int64_t i = 0; i < n; i++)
        u[i] = 1.0;
    for (int64_t step = 0; step < STEPS; step++) {
        multiply(n, u, between);
        multiply_transposed(n, between, v);
        multiply(n, v, between);
        multiply_transposed(n, between, u);
    }
    double uv = 0.0, vv = 0.0;
    for (int64_t i = 0; i < n; i++) {
        uv += u[i] * v[i];
        vv += v[i] * v[i];
    }
    return (int64_t)(sqrt(uv / vv) * 1e12);
}
