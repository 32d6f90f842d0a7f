/* The longest Collatz sequence that begins below n: a loop of three operations and a branch on a data bit. */
#include <stdint.h>

static int64_t steps(uint64_t x) {
    int64_t count = 0;
    while (x != 1) {
        if (x % 2 == 0)
            x = x / 2;
        else
            x = 3 * x + 1;
        count++;
    }
    return count;
}

int64_t kernel(int64_t n, unsigned char *memory) {
    (void)memory;
    int64_t longest = 0, start = 0;
    for (int64_t i = 1; i < n; i++) {
        int64_t count = steps((uint64_t)i);
        if (count > longest) {
            longest = count;
            start = i;
        }
    }
    return start * 1000 + longest;
}
