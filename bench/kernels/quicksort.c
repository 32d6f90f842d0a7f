/* Sorts n 64-bit integers by Hoare's quicksort: recursion, branches that cannot be predicted, swaps. */
#include <stdint.h>

static void sort(int64_t *a, int64_t low, int64_t high) {
    if (low >= high)
        return;
    int64_t pivot = a[low + (high - low) / 2];
    int64_t i = low, j = high;
    do {
        while (a[i] < pivot)
            i++;
        while (a[j] > pivot)
            j--;
        if (i <= j) {
            int64_t t = a[i];
            a[i] = a[j];
            a[j] = t;
            i++;
            j--;
        }
    } while (i <= j);
    sort(a, low, j);
    sort(a, i, high);
}

int64_t kernel(int64_t n, unsigned char *memory) {
    int64_t *a = (int64_t *)memory;
    uint64_t x = 1;
    for (int64_t i = 0; i < n; i++) {
        x = x * 6364136223846793005 + 1442695040888963407;
        a[i] = (int64_t)(x >> 20) - (1LL << 43);
    }
    sort(a, 0, n - 1);
    uint64_t checksum = 0;
    for (int64_t i = 0; i < n; i++)
        checksum = checksum * 31 + (uint64_t)a[i];
    return (int64_t)checksum;
}
