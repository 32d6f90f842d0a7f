/* Sorts n doubles by heapsort: a helper that walks down a tree in an array, comparing floats. */
#include <stdint.h>

static void sift_down(double *a, int64_t root, int64_t end) {
    double value = a[root];
    for (;;) {
        int64_t child = 2 * root + 1;
        if (child >= end)
            break;
        if (child + 1 < end && a[child] < a[child + 1])
            child++;
        if (value >= a[child])
            break;
        a[root] = a[child];
        root = child;
    }
    a[root] = value;
}

static void sort(double *a, int64_t n) {
    for (int64_t i = n / 2 - 1; i >= 0; i--)
        sift_down(a, i, n);
    for (int64_t end = n - 1; end > 0; end--) {
        double t = a[0];
        a[0] = a[end];
        a[end] = t;
        sift_down(a, 0, end);
    }
}

int64_t kernel(int64_t n, unsigned char *memory) {
    double *a = (double *)memory;
    uint32_t x = 42;
    for (int64_t i = 0; i < n; i++) {
        x = x * 1664525 + 1013904223;
        a[i] = (double)(x >> 4) * 0.001;
    }
    sort(a, n);
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++)
        sum = a[i] - 0.5 * sum;
    return (int64_t)(sum * 1000.0);
}
