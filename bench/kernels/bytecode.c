/* An interpreter of a small register bytecode, n rounds of a loop: each operation jumps to the next by a table. */
#include <stdint.h>

enum { SET, MOVE, ADD, SUB, MUL, XOR, AND, SHIFT, ADD_BYTE, JUMP, IF_ZERO, IF_LESS, HALT };

/* An operation: its number, the register it writes, two operands. Jumps count from the operation behind them. */
struct operation {
    uint8_t op, a;
    int8_t b, c;
};

static const struct operation program[] = {
    {SET, 1, 0, 0},       /*  0: i = 0 */
    {SET, 2, 1, 0},       /*  1: hash = 1 */
    {SET, 3, 7, 0},       /*  2: balance = 7 */
    {SET, 4, 31, 0},      /*  3: factor = 31 */
    {JUMP, 0, 11, 0},     /*  4: to 16 */
    {MUL, 2, 2, 4},       /*  5: hash *= factor */
    {ADD, 2, 2, 1},       /*  6: hash += i */
    {SHIFT, 5, 2, 7},     /*  7: t = hash >> 7 */
    {XOR, 2, 2, 5},       /*  8: hash ^= t */
    {AND, 5, 2, 3},       /*  9: t = hash & 3 */
    {IF_ZERO, 5, 2, 0},   /* 10: if t == 0 go to 13 */
    {ADD, 3, 3, 5},       /* 11: balance += t */
    {JUMP, 0, 2, 0},      /* 12: to 15 */
    {MOVE, 6, 3, 0},      /* 13: t = balance */
    {SUB, 3, 6, 1},       /* 14: balance = t - i */
    {ADD_BYTE, 1, 1, 1},  /* 15: i += 1 */
    {IF_LESS, 1, 0, -12}, /* 16: if i < n go to 5 */
    {XOR, 2, 2, 3},       /* 17: hash ^= balance */
    {HALT, 2, 0, 0},      /* 18: give hash */
};

int64_t kernel(int64_t n, unsigned char *memory) {
    static const void *const labels[] = {
        &&set, &&move, &&add, &&sub, &&mul, &&xor, &&and, &&shift, &&add_byte, &&jump, &&if_zero, &&if_less, &&halt,
    };
    uint64_t *r = (uint64_t *)memory;
    const struct operation *pc = program;
    r[0] = (uint64_t)n;
    goto *labels[pc->op];
set:
    r[pc->a] = (uint64_t)pc->b;
    pc++;
    goto *labels[pc->op];
move:
    r[pc->a] = r[pc->b];
    pc++;
    goto *labels[pc->op];
add:
    r[pc->a] = r[pc->b] + r[pc->c];
    pc++;
    goto *labels[pc->op];
sub:
    r[pc->a] = r[pc->b] - r[pc->c];
    pc++;
    goto *labels[pc->op];
mul:
    r[pc->a] = r[pc->b] * r[pc->c];
    pc++;
    goto *labels[pc->op];
xor:
    r[pc->a] = r[pc->b] ^ r[pc->c];
    pc++;
    goto *labels[pc->op];
and:
    r[pc->a] = r[pc->b] & (uint64_t)pc->c;
    pc++;
    goto *labels[pc->op];
shift:
    r[pc->a] = r[pc->b] >> pc->c;
    pc++;
    goto *labels[pc->op];
add_byte:
    r[pc->a] = r[pc->b] + (uint64_t)pc->c;
    pc++;
    goto *labels[pc->op];
jump:
    pc += pc->b + 1;
    goto *labels[pc->op];
if_zero:
    pc += r[pc->a] == 0 ? pc->b + 1 : 1;
    goto *labels[pc->op];
if_less:
    pc += (int64_t)r[pc->a] < (int64_t)r[pc->b] ? pc->c + 1 : 1;
    goto *labels[pc->op];
halt:
    return (int64_t)r[pc->a];
}
