/* The CRC-32 of n bytes by a table of 256: one byte at a time, each step waiting for the one before. */
#include <stdint.h>

enum { TABLE_SIZE = 256 * 4 };

static void make_table(uint32_t *table) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
        table[i] = c;
    }
}

static uint32_t crc32(const uint32_t *table, const unsigned char *bytes, int64_t n) {
    uint32_t crc = 0xffffffff;
    for (int64_t i = 0; i < n; i++)
        crc = table[(crc ^ bytes[i]) & 0xff] ^ crc >> 8;
    return ~crc;
}

int64_t kernel(int64_t n, unsigned char *memory) {
    uint32_t *table = (uint32_t *)memory;
    unsigned char *bytes = memory + TABLE_SIZE;
    for (int64_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)(i * 5 + (i >> 6));
    make_table(table);
    return crc32(table, bytes, n);
}
