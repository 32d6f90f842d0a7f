/* A hash table with open addressing: n keys are inserted, then 2n are looked up, of which half are there. */
#include <stdint.h>

struct entry {
    uint64_t key; /* 0 if the entry is free */
    int64_t value;
};

static uint64_t hash(uint64_t key) {
    key ^= key >> 32;
    key *= 0x9e3779b97f4a7c15;
    key ^= key >> 29;
    return key;
}

/* The entry of a key, or the free one where it belongs. */
static struct entry *find(struct entry *table, uint64_t mask, uint64_t key) {
    uint64_t i = hash(key) & mask;
    while (table[i].key != 0 && table[i].key != key)
        i = (i + 1) & mask;
    return &table[i];
}

int64_t kernel(int64_t n, unsigned char *memory) {
    struct entry *table = (struct entry *)memory;
    uint64_t size = 16;
    while (size < (uint64_t)n + (uint64_t)n / 2)
        size *= 2;
    uint64_t mask = size - 1;
    for (uint64_t i = 0; i < size; i++) {
        table[i].key = 0;
        table[i].value = 0;
    }
    for (int64_t i = 0; i < n; i++) {
        uint64_t key = (uint64_t)i * 10 + 1;
        struct entry *e = find(table, mask, key);
        e->key = key;
        e->value = i;
    }
    int64_t found = 0, sum = 0;
    for (int64_t i = 0; i < 2 * n; i++) {
        uint64_t key = (uint64_t)i * 5 + 1;
        struct entry *e = find(table, mask, key);
        if (e->key == key) {
            found++;
            sum += e->value ^ i;
        }
    }
    return sum * 1000003 + found;
}
