/* Pancakes turned over until the first is 0, for n permutations of ten: short loops over small arrays. */
#include <stdint.h>

enum { PANCAKES = 10 };

static void reverse(int32_t *first, int32_t *last) {
    while (first < last) {
        int32_t t = *first;
        *first++ = *last;
        *last-- = t;
    }
}

static int32_t flips(int32_t *p) {
    int32_t count = 0;
    while (p[0] != 0) {
        reverse(p, p + p[0]);
        count++;
    }
    return count;
}

int64_t kernel(int64_t n, unsigned char *memory) {
    int32_t *permutation = (int32_t *)memory;
    int32_t *flipped = permutation + PANCAKES;
    int32_t *left = flipped + PANCAKES;
    for (int64_t i = 0; i < PANCAKES; i++)
        permutation[i] = (int32_t)i;
    int64_t checksum = 0, r = PANCAKES;
    int32_t most = 0, sign = 1;
    for (int64_t done = 0; done < n; done++) {
        while (r > 1) {
            left[r - 1] = (int32_t)r;
            r--;
        }
        for (int64_t i = 0; i < PANCAKES; i++)
            flipped[i] = permutation[i];
        int32_t count = flips(flipped);
        if (count > most)
            most = count;
        checksum += sign * count;
        sign = -sign;
        /* The next permutation: the first r + 1 are turned left by one, for the least r that has turns left. */
        while (r < PANCAKES) {
            int32_t first = permutation[0];
            for (int64_t i = 0; i < r; i++)
                permutation[i] = permutation[i + 1];
            permutation[r] = first;
            left[r]--;
            if (left[r] > 0)
                break;
            r++;
        }
    }
    return checksum * 100 + most;
}
