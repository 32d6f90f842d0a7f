/* MurmurHash3 of n texts of 4 to 60 bytes: 32-bit products and rotations, a helper in a loop, a switch for the rest. */
#include <stdint.h>
#include <string.h>

enum { BUFFER = 4096 };

static uint32_t rotl(uint32_t x, int count) {
    return x << count | x >> (32 - count);
}

static uint32_t mix(uint32_t k) {
    k *= 0xcc9e2d51;
    k = rotl(k, 15);
    return k * 0x1b873593;
}

static uint32_t hash(const unsigned char *bytes, int64_t n, uint32_t h) {
    int64_t words = n / 4;
    for (int64_t i = 0; i < words; i++) {
        uint32_t k;
        memcpy(&k, bytes + 4 * i, 4);
        h ^= mix(k);
        h = rotl(h, 13);
        h = h * 5 + 0xe6546b64;
    }
    const unsigned char *rest = bytes + 4 * words;
    uint32_t k = 0;
    switch (n % 4) {
    case 3:
        k ^= (uint32_t)rest[2] << 16; /* fall through */
    case 2:
        k ^= (uint32_t)rest[1] << 8; /* fall through */
    case 1:
        k ^= rest[0];
        h ^= mix(k);
    }
    h ^= (uint32_t)n;
    h ^= h >> 16;
    h *= 0x85ebca6b;
    h ^= h >> 13;
    h *= 0xc2b2ae35;
    h ^= h >> 16;
    return h;
}

int64_t kernel(int64_t n, unsigned char *memory) {
    for (int64_t i = 0; i < BUFFER; i++)
        memory[i] = (unsigned char)(i * 3 + (i >> 5));
    uint32_t h = 0;
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const unsigned char *text = memory + i % (BUFFER - 64);
        h = hash(text, 4 + i % 57, h);
        sum += h;
    }
    return sum;
}
