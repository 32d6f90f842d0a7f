/* Writes n numbers in decimal and reads them back: division by ten, which is a constant, and short loops over digits. */
#include <stdint.h>

static unsigned char *write_number(unsigned char *out, uint64_t x) {
    unsigned char digits[20];
    int64_t count = 0;
    do {
        digits[count] = (unsigned char)('0' + x % 10);
        x /= 10;
        count++;
    } while (x > 0);
    while (count > 0) {
        count--;
        *out++ = digits[count];
    }
    return out;
}

int64_t kernel(int64_t n, unsigned char *memory) {
    unsigned char *out = memory;
    for (int64_t i = 0; i < n; i++) {
        uint64_t x = (uint64_t)i * 0x9e3779b97f4a7c15;
        out = write_number(out, x >> (i & 63));
        *out++ = ' ';
    }
    uint64_t sum = 0;
    const unsigned char *in = memory;
    while (in < out) {
        uint64_t x = 0;
        while (*in >= '0' && *in <= '9') {
            x = x * 10 + (*in - '0');
            in++;
        }
        in++;
        sum = sum * 3 + x;
    }
    return (int64_t)sum;
}
