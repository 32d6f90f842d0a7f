/* The number of primes up to n, by the sieve of Eratosthenes: byte stores in nested loops. */
#include <stdint.h>

int64_t kernel(int64_t n, unsigned char *composite) {
    int64_t count = 0;
    for (int64_t i = 0; i <= n; i++)
        composite[i] = 0;
    for (int64_t i = 2; i <= n; i++) {
        if (composite[i])
            continue;
        count++;
        for (int64_t j = i * i; j <= n; j += i)
            composite[j] = 1;
    }
    return count;
}
