/* Turns n bytes (a multiple of 3) into base64 and back: shifts and masks between bytes, two tables. */
#include <stdint.h>

static const unsigned char digits[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode(const unsigned char *in, int64_t n, unsigned char *out) {
    for (int64_t i = 0; i < n; i += 3) {
        uint32_t x = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
        out[0] = digits[x >> 18];
        out[1] = digits[x >> 12 & 63];
        out[2] = digits[x >> 6 & 63];
        out[3] = digits[x & 63];
        out += 4;
    }
}

/* Gives the number of characters that are no digits of base64. */
static int64_t decode(const unsigned char *in, int64_t n, const unsigned char *values, unsigned char *out) {
    int64_t wrong = 0;
    for (int64_t i = 0; i < n; i += 4) {
        uint32_t x = 0;
        for (int64_t j = 0; j < 4; j++) {
            uint32_t value = values[in[i + j]];
            if (value >= 64)
                wrong++;
            x = x << 6 | value;
        }
        out[0] = (unsigned char)(x >> 16);
        out[1] = (unsigned char)(x >> 8);
        out[2] = (unsigned char)x;
        out += 3;
    }
    return wrong;
}

int64_t kernel(int64_t n, unsigned char *memory) {
    unsigned char *values = memory;
    unsigned char *bytes = values + 256;
    unsigned char *text = bytes + n;
    int64_t length = n / 3 * 4;
    for (int64_t i = 0; i < 256; i++)
        values[i] = 64;
    for (int64_t i = 0; i < 64; i++)
        values[digits[i]] = (unsigned char)i;
    for (int64_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)(i * 11 + (i >> 7));
    encode(bytes, n, text);
    int64_t checksum = 0;
    for (int64_t i = 0; i < length; i += 16)
        checksum += text[i] * i;
    checksum += decode(text, length, values, bytes);
    for (int64_t i = 0; i < n; i += 16)
        checksum ^= bytes[i] * i;
    return checksum;
}
