/* examples/fib.kiln in C. */
#include <stdio.h>
#include <stdlib.h>

long fib(long n) {
    if (n < 2)
        return n;
    return fib(n - 1) + fib(n - 2);
}

int main(int argc, char **argv) {
    long n = 30;
    if (argc >= 2)
        n = atol(argv[1]);
    printf("fib(%ld) = %ld\n", n, fib(n));
    return 0;
}
