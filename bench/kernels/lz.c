/* Unpacks n bytes of LZ4-like blocks (literals, then a copy of earlier bytes), which it packs by a pattern first. */
#include <stdint.h>

/* A length of 15 or more goes on in further bytes, of which the last is below 255. */
static unsigned char *put_length(unsigned char *out, int64_t length) {
    if (length < 15)
        return out;
    length -= 15;
    while (length >= 255) {
        *out++ = 255;
        length -= 255;
    }
    *out++ = (unsigned char)length;
    return out;
}

/* A block: lengths of literals and copy in a byte, the literals, the copy's distance in two bytes. */
static unsigned char *put_block(unsigned char *out, uint32_t literals, uint32_t distance, uint32_t length) {
    uint32_t high = literals < 15 ? literals : 15;
    uint32_t low = length < 15 ? length : 15;
    *out++ = (unsigned char)(high << 4 | low);
    out = put_length(out, literals);
    for (uint32_t i = 0; i < literals; i++)
        *out++ = (unsigned char)(distance * 7 + i);
    *out++ = (unsigned char)distance;
    *out++ = (unsigned char)(distance >> 8);
    return put_length(out, length);
}

/* Packs blocks for at least n bytes; a block of 0 literals and distance 0 is the last. */
static void pack(unsigned char *out, int64_t n) {
    uint32_t x = 1;
    int64_t size = 0;
    while (size < n) {
        x = x * 1664525 + 1013904223;
        uint32_t literals = 1 + (x >> 28);
        uint32_t length = 4 + (x >> 20) % 32;
        if (x >> 25 == 5)
            length += 400;
        uint32_t distance = 1 + (x >> 9) % 2000;
        if (distance > size + literals)
            distance = (uint32_t)size + literals;
        out = put_block(out, literals, distance, length);
        size += literals + length;
    }
    put_block(out, 0, 0, 0);
}

static int64_t unpack(const unsigned char *in, unsigned char *out) {
    unsigned char *start = out;
    for (;;) {
        int64_t token = *in++;
        int64_t literals = token >> 4;
        if (literals == 15) {
            int64_t more;
            do {
                more = *in++;
                literals += more;
            } while (more == 255);
        }
        while (literals > 0) {
            *out++ = *in++;
            literals--;
        }
        int64_t distance = in[0] | in[1] << 8;
        in += 2;
        if (distance == 0)
            return out - start;
        int64_t length = token & 15;
        if (length == 15) {
            int64_t more;
            do {
                more = *in++;
                length += more;
            } while (more == 255);
        }
        const unsigned char *from = out - distance;
        do {
            *out++ = *from++;
            length--;
        } while (length > 0);
    }
}

/* The packed bytes are no more than n + 64; the unpacked ones stand behind them and are no more than n + 512. */
int64_t kernel(int64_t n, unsigned char *memory) {
    unsigned char *out = memory + n + 64;
    pack(memory, n);
    int64_t size = unpack(memory, out);
    int64_t checksum = size;
    for (int64_t i = 0; i < size; i += 13)
        checksum = checksum * 3 % 1000003 + out[i];
    return checksum;
}
