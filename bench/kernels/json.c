/* examples/json.kiln in C, function by function: checks JSON strictly by RFC 8259 and prints it indented. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_DEPTH = 1024, INDENT = 2, FIRST_READ = 1 << 16, OUTPUT_SIZE = 1 << 16 };

static const char *text, *text_end;
static char output[OUTPUT_SIZE];
static int64_t output_used;
static int output_failed;
static const char *mistake, *mistake_at;

static int read_all(int file) {
    int64_t room = FIRST_READ, used = 0;
    char *bytes = malloc(room);
    while (bytes) {
        int64_t wanted = room - used - 1;
        int64_t n = read(file, bytes + used, wanted);
        if (n < 0)
            break;
        if (n == 0) {
            bytes[used] = 0;
            text = bytes;
            text_end = bytes + used;
            return 0;
        }
        used += n;
        if (n == wanted) {
            room <<= 1;
            bytes = realloc(bytes, room);
        }
    }
    return 1;
}

static void flush(void) {
    const char *from = output;
    int64_t left = output_used;
    output_used = 0;
    if (output_failed)
        return;
    while (left) {
        int64_t n = write(1, from, left);
        if (n < 0) {
            perror("json");
            output_failed = 1;
            return;
        }
        from += n;
        left -= n;
    }
}

static char *reserve(int64_t length) {
    int64_t used = output_used, after = used + length;
    if (after > OUTPUT_SIZE) {
        flush();
        used = 0;
        after = length;
    }
    output_used = after;
    return output + used;
}

static void put(char byte) {
    *reserve(1) = byte;
}

static void put_bytes(const char *from, int64_t length) {
    do {
        int64_t n = length < OUTPUT_SIZE ? length : OUTPUT_SIZE;
        memcpy(reserve(n), from, n);
        from += n;
        length -= n;
    } while (length);
}

static void newline(int64_t depth) {
    int64_t spaces = depth * INDENT;
    char *place = reserve(spaces + 1);
    *place = '\n';
    memset(place + 1, ' ', spaces);
}

static const char *fail(const char *at, const char *message) {
    mistake = message;
    mistake_at = at;
    return NULL;
}

static void report(const char *file_name) {
    int64_t line = 1, column = 1;
    for (const char *p = text; p < mistake_at; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else {
            column += (*p & 0xc0) != 0x80;
        }
    }
    const char *more = mistake_at == text_end ? ", but the text ends here" : "";
    dprintf(2, "%s:%ld:%ld: %s%s\n", file_name, (long)line, (long)column, mistake, more);
}

static const char *skip_space(const char *at) {
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')
        at++;
    return at;
}

static const char *wide_character(const char *at) {
    int32_t code = (unsigned char)*at, least = 0x80;
    int more = 1;
    if (code < 0xc0)
        return fail(at, "this is not UTF-8");
    if (code >= 0xe0) {
        more = 2;
        least = 0x800;
    }
    if (code >= 0xf0) {
        more = 3;
        least = 0x10000;
    }
    if (code >= 0xf8)
        return fail(at, "this is not UTF-8");
    code &= 0x3f >> more;
    const char *p = at;
    do {
        p++;
        if ((*p & 0xc0) != 0x80)
            return fail(at, "this is not UTF-8");
        code = code << 6 | (*p & 0x3f);
    } while (--more);
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return fail(at, "this is not UTF-8");
    return p + 1;
}

static const char *escape(const char *at) {
    switch (at[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        return at + 2;
    case 'u': {
        const char *p = at + 2;
        for (int left = 4; left; left--, p++) {
            char small = *p | 0x20;
            if (!(*p >= '0' && *p <= '9') && !(small >= 'a' && small <= 'f'))
                return fail(at, "expected four hexadecimal digits after \\u");
        }
        return p;
    }
    default:
        return fail(at, "expected one of \"\\/bfnrtu after a backslash");
    }
}

static const char *string(const char *start) {
    const char *at = start + 1;
    for (;;) {
        unsigned char c = *at;
        if (c < ' ') {
            if (at == text_end)
                return fail(start, "this string has no end");
            return fail(at, "a control character in a string is written as an escape");
        } else if (c == '"') {
            at++;
            put_bytes(start, at - start);
            return at;
        } else if (c == '\\') {
            at = escape(at);
            if (!at)
                return NULL;
        } else if (c >= 0x80) {
            at = wide_character(at);
            if (!at)
                return NULL;
        } else {
            at++;
        }
    }
}

static const char *digits(const char *at) {
    if (!(*at >= '0' && *at <= '9'))
        return fail(at, "expected a digit");
    do
        at++;
    while (*at >= '0' && *at <= '9');
    return at;
}

static const char *number(const char *start) {
    const char *at = start;
    if (*at == '-')
        at++;
    if (*at == '0') {
        at++;
    } else {
        at = digits(at);
        if (!at)
            return NULL;
    }
    if (*at == '.') {
        at = digits(at + 1);
        if (!at)
            return NULL;
    }
    if ((*at | 0x20) == 'e') {
        at++;
        if (*at == '+' || *at == '-')
            at++;
        at = digits(at);
        if (!at)
            return NULL;
    }
    put_bytes(start, at - start);
    return at;
}

static const char *word(const char *at, const char *word, int64_t length) {
    if (strncmp(at, word, length) != 0)
        return fail(at, "expected a value");
    put_bytes(word, length);
    return at + length;
}

static const char *value(const char *at, int64_t depth);

static const char *array(const char *start, int64_t depth) {
    if (depth == MAX_DEPTH)
        return fail(start, "arrays and objects are nested too deep");
    put('[');
    const char *at = skip_space(start + 1);
    if (*at != ']') {
        for (;;) {
            newline(depth + 1);
            at = value(at, depth + 1);
            if (!at)
                return NULL;
            at = skip_space(at);
            if (*at != ',')
                break;
            put(',');
            at = skip_space(at + 1);
        }
        if (*at != ']')
            return fail(at, "expected a comma or `]`");
        newline(depth);
    }
    put(']');
    return at + 1;
}

static const char *member(const char *at, int64_t depth) {
    if (*at != '"')
        return fail(at, "expected a name in double quotes");
    at = string(at);
    if (!at)
        return NULL;
    at = skip_space(at);
    if (*at != ':')
        return fail(at, "expected a colon after the name");
    put(':');
    put(' ');
    return value(skip_space(at + 1), depth);
}

static const char *object(const char *start, int64_t depth) {
    if (depth == MAX_DEPTH)
        return fail(start, "arrays and objects are nested too deep");
    put('{');
    const char *at = skip_space(start + 1);
    if (*at != '}') {
        for (;;) {
            newline(depth + 1);
            at = member(at, depth + 1);
            if (!at)
                return NULL;
            at = skip_space(at);
            if (*at != ',')
                break;
            put(',');
            at = skip_space(at + 1);
        }
        if (*at != '}')
            return fail(at, "expected a comma or `}`");
        newline(depth);
    }
    put('}');
    return at + 1;
}

static const char *value(const char *at, int64_t depth) {
    switch (*at) {
    case '{': return object(at, depth);
    case '[': return array(at, depth);
    case '"': return string(at);
    case 't': return word(at, "true", 4);
    case 'f': return word(at, "false", 5);
    case 'n': return word(at, "null", 4);
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        return number(at);
    default: return fail(at, "expected a value");
    }
}

static const char *document(void) {
    const char *at = value(skip_space(text), 0);
    if (!at)
        return NULL;
    at = skip_space(at);
    if (at != text_end)
        return fail(at, "expected the end of the text");
    return at;
}

int main(int argc, char **argv) {
    if (argc > 2) {
        dprintf(2, "usage: json [FILE]\n");
        return 2;
    }
    int file = 0;
    const char *file_name = "<stdin>";
    if (argc == 2) {
        file_name = argv[1];
        file = open(file_name, O_RDONLY);
    }
    if (file < 0 || read_all(file) != 0) {
        perror(file_name);
        return 1;
    }
    close(file);
    const char *after = document();
    if (output_used) {
        put('\n');
        flush();
    }
    if (!after) {
        report(file_name);
        return 1;
    }
    return output_failed;
}
