/* Fibonacci by plain recursion: calls, compares, little else. */
#include <stdint.h>

static int64_t fib(int64_t n) {
    if (n < 2)
        return n;
    return fib(n - 1) + fib(n - 2);
}

int64_t kernel(int64_t n, unsigned char *memory) {
    (void)memory;
    return fib(n);
}
