/* The sum of the primes below n, by trial division: a loop that waits for the processor's division. */
#include <stdint.h>

static int is_prime(uint32_t x) {
    if (x < 4)
        return x >= 2;
    if (x % 2 == 0)
        return 0;
    for (uint32_t d = 3; d * d <= x; d += 2) {
        if (x % d == 0)
            return 0;
    }
    return 1;
}

int64_t kernel(int64_t n, unsigned char *memory) {
    (void)memory;
    int64_t sum = 0;
    for (uint32_t x = 0; x < n; x++) {
        if (is_prime(x))
            sum += x;
    }
    return sum;
}
