/* Builds binary trees up to depth n with malloc, counts their nodes and frees them: recursion, calls into the C library. */
#include <stdint.h>
#include <stdlib.h>

struct node {
    struct node *left, *right;
};

static struct node *make(int64_t depth) {
    struct node *node = malloc(sizeof *node);
    if (!node)
        abort();
    if (depth > 0) {
        node->left = make(depth - 1);
        node->right = make(depth - 1);
    } else {
        node->left = NULL;
        node->right = NULL;
    }
    return node;
}

static int64_t count(const struct node *node) {
    if (!node->left)
        return 1;
    return 1 + count(node->left) + count(node->right);
}

static void drop(struct node *node) {
    if (node->left) {
        drop(node->left);
        drop(node->right);
    }
    free(node);
}

int64_t kernel(int64_t n, unsigned char *memory) {
    (void)memory;
    struct node *long_lived = make(n);
    int64_t checksum = 0;
    for (int64_t depth = 2; depth <= n; depth += 2) {
        int64_t trees = (int64_t)1 << (n - depth);
        int64_t nodes = 0;
        for (int64_t i = 0; i < trees; i++) {
            struct node *tree = make(depth);
            nodes += count(tree);
            drop(tree);
        }
        checksum = checksum * 31 + nodes;
    }
    checksum = checksum * 31 + count(long_lived);
    drop(long_lived);
    return checksum;
}
