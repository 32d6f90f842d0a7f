/* Counts three words in n letters by comparing at every place: byte loads, two nested loops, early exits. */
#include <stdint.h>

static const char *const words[3] = {"abbabca", "cccc", "bacabad"};

static int64_t length(const char *word) {
    int64_t n = 0;
    while (word[n])
        n++;
    return n;
}

static int64_t count(const char *text, int64_t n, const char *word) {
    int64_t m = length(word), found = 0;
    for (int64_t i = 0; i + m <= n; i++) {
        int64_t j = 0;
        while (j < m && text[i + j] == word[j])
            j++;
        if (j == m)
            found++;
    }
    return found;
}

int64_t kernel(int64_t n, unsigned char *memory) {
    char *text = (char *)memory;
    uint32_t x = 7;
    for (int64_t i = 0; i < n; i++) {
        x = x * 1664525 + 1013904223;
        text[i] = (char)('a' + (x >> 24) % 4);
    }
    int64_t checksum = 0;
    for (int64_t i = 0; i < 3; i++)
        checksum = checksum * 100003 + count(text, n, words[i]);
    return checksum;
}
