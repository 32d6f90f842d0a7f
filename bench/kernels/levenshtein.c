/* The edit distance of two texts of n letters, in two rows: a loop-carried minimum of three. */
#include <stdint.h>

static int32_t min(int32_t a, int32_t b) {
    return a < b ? a : b;
}

static int32_t distance(const unsigned char *s, const unsigned char *t, int64_t n, int32_t *above, int32_t *row) {
    for (int64_t j = 0; j <= n; j++)
        above[j] = (int32_t)j;
    for (int64_t i = 0; i < n; i++) {
        row[0] = (int32_t)i + 1;
        for (int64_t j = 0; j < n; j++) {
            int32_t replace = above[j];
            if (s[i] != t[j])
                replace++;
            row[j + 1] = min(replace, min(above[j + 1], row[j]) + 1);
        }
        int32_t *free = above;
        above = row;
        row = free;
    }
    return above[n];
}

int64_t kernel(int64_t n, unsigned char *memory) {
    int32_t *above = (int32_t *)memory;
    int32_t *row = above + n + 1;
    unsigned char *s = (unsigned char *)(row + n + 1);
    unsigned char *t = s + n;
    uint32_t x = 3;
    for (int64_t i = 0; i < 2 * n; i++) {
        x = x * 1664525 + 1013904223;
        s[i] = (unsigned char)('a' + (x >> 16) % 6);
    }
    return distance(s, t, n, above, row);
}
