/*
 * strbuf.c - a string that grows as text is added to it.
 *
 * The buffer always keeps one spare byte for the closing zero, so its
 * contents can be handed to any function that expects a plain C string.
 * When memory runs out the buffer is marked as broken; later additions
 * do nothing, and the caller needs to look at the mark only once, at the
 * end of a long series of calls.
 */

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 32       /* bytes taken by the first allocation */
#define NO_INDEX ((size_t) -1)

struct strbuf {
    char *text;             /* zero terminated, or NULL while empty */
    size_t used;            /* bytes of text, without the zero */
    size_t room;            /* bytes allocated */
    int broken;             /* set once an allocation has failed */
};

/* Prepare an empty buffer. No memory is taken until the first addition. */
void strbuf_init(struct strbuf *sb)
{
    sb->text = NULL;
    sb->used = 0;
    sb->room = 0;
    sb->broken = 0;
}

/* Release the memory and leave the buffer empty and ready for reuse. */
void strbuf_free(struct strbuf *sb)
{
    free(sb->text);
    strbuf_init(sb);
}

/*
 * Make sure that `extra` more bytes and a closing zero will fit.
 * Returns 1 when they do and 0 when memory is short.
 */
static int reserve(struct strbuf *sb, size_t extra)
{
    size_t wanted;
    size_t room;
    char *moved;

    if (sb->broken) {
        return 0;
    }
    wanted = sb->used + extra + 1;
    if (wanted < extra) {           /* the sum wrapped around */
        sb->broken = 1;
        return 0;
    }
    if (wanted <= sb->room) {
        return 1;
    }
    room = sb->room ? sb->room : FIRST_ROOM;
    while (room < wanted) {
        size_t next = room + room / 2;
        if (next <= room) {
            room = wanted;          /* growth by half would overflow */
        } else {
            room = next;
        }
    }
    moved = realloc(sb->text, room);
    if (moved == NULL) {
        sb->broken = 1;
        return 0;
    }
    sb->text = moved;
    sb->room = room;
    return 1;
}

/* Add `count` bytes; they may contain zeros. */
int strbuf_add_bytes(struct strbuf *sb, const char *bytes, size_t count)
{
    if (!reserve(sb, count)) {
        return 0;
    }
    memcpy(sb->text + sb->used, bytes, count);
    sb->used += count;
    sb->text[sb->used] = '\0';
    return 1;
}

/* Add a zero terminated string. */
int strbuf_add(struct strbuf *sb, const char *word)
{
    return strbuf_add_bytes(sb, word, strlen(word));
}

/* Add one character several times over, for rulers and padding. */
int strbuf_fill(struct strbuf *sb, char c, size_t count)
{
    if (!reserve(sb, count)) {
        return 0;
    }
    memset(sb->text + sb->used, c, count);
    sb->used += count;
    sb->text[sb->used] = '\0';
    return 1;
}

/*
 * Add formatted text, as printf would write it. The text is measured
 * first, so it may be of any length.
 */
int strbuf_addf(struct strbuf *sb, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0 || !reserve(sb, (size_t) length)) {
        return 0;
    }
    va_start(args, format);
    vsnprintf(sb->text + sb->used, (size_t) length + 1, format, args);
    va_end(args);
    sb->used += (size_t) length;
    return 1;
}

/*
 * Add a string the way it would stand in source code: between double
 * quotes, with the awkward characters written as escapes.
 */
int strbuf_add_quoted(struct strbuf *sb, const char *word)
{
    const unsigned char *p = (const unsigned char *) word;

    strbuf_add(sb, "\"");
    for (; *p != '\0'; p++) {
        switch (*p) {
        case '\n':
            strbuf_add(sb, "\\n");
            break;
        case '\t':
            strbuf_add(sb, "\\t");
            break;
        case '\r':
            strbuf_add(sb, "\\r");
            break;
        case '"':
        case '\\':
            strbuf_fill(sb, '\\', 1);
            strbuf_fill(sb, (char) *p, 1);
            break;
        default:
            if (isprint(*p)) {
                strbuf_fill(sb, (char) *p, 1);
            } else {
                /* three octal digits never swallow what follows */
                strbuf_addf(sb, "\\%03o", (unsigned) *p);
            }
            break;
        }
    }
    return strbuf_add(sb, "\"");
}

/* Put text in at a place counted from the start; the tail moves up. */
int strbuf_insert(struct strbuf *sb, size_t at, const char *word)
{
    size_t count = strlen(word);

    if (at > sb->used || !reserve(sb, count)) {
        return 0;
    }
    memmove(sb->text + at + count, sb->text + at, sb->used - at);
    memcpy(sb->text + at, word, count);
    sb->used += count;
    sb->text[sb->used] = '\0';
    return 1;
}

/* Take out at most `count` bytes beginning at a place. */
void strbuf_cut(struct strbuf *sb, size_t at, size_t count)
{
    if (at >= sb->used) {
        return;
    }
    if (count > sb->used - at) {
        count = sb->used - at;
    }
    memmove(sb->text + at, sb->text + at + count, sb->used - at - count);
    sb->used -= count;
    sb->text[sb->used] = '\0';
}

/* Remove the blanks at both ends. */
void strbuf_trim(struct strbuf *sb)
{
    size_t lead = 0;

    if (sb->used == 0) {
        return;
    }
    while (sb->used > 0 && isspace((unsigned char) sb->text[sb->used - 1])) {
        sb->used--;
    }
    sb->text[sb->used] = '\0';
    while (lead < sb->used && isspace((unsigned char) sb->text[lead])) {
        lead++;
    }
    strbuf_cut(sb, 0, lead);
}

/* The first place at or after `from` where the word stands, if any. */
size_t strbuf_find(const struct strbuf *sb, const char *word, size_t from)
{
    size_t count = strlen(word);
    size_t i;

    if (count == 0 || sb->used < count) {
        return NO_INDEX;
    }
    for (i = from; i + count <= sb->used; i++) {
        if (sb->text[i] == word[0]) {
            if (memcmp(sb->text + i, word, count) == 0) {
                return i;
            }
        }
    }
    return NO_INDEX;
}

/*
 * Replace every occurrence of one word by another. Text that has just
 * been put in is not searched again, so "a" may safely become "aa".
 * Returns the number of replacements.
 */
int strbuf_replace(struct strbuf *sb, const char *old, const char *new)
{
    size_t at = 0;
    int changes = 0;

    while ((at = strbuf_find(sb, old, at)) != NO_INDEX) {
        strbuf_cut(sb, at, strlen(old));
        if (!strbuf_insert(sb, at, new)) {
            return changes;
        }
        at += strlen(new);
        changes++;
    }
    return changes;
}

/*
 * Fill in a template. A name in braces, as in "dear {name},", gives way
 * to its value from a list of pairs that ends with NULL; an opening brace
 * that is doubled stands for itself; an unknown name is kept as it was.
 */
int strbuf_expand(struct strbuf *sb, const char *form, const char **pairs)
{
    const char *p = form;

    while (*p != '\0') {
        if (p[0] == '{' && p[1] == '{') {
            strbuf_fill(sb, '{', 1);
            p += 2;
        } else if (p[0] == '{') {
            const char *end = strchr(p, '}');
            const char *value = NULL;
            if (end != NULL) {
                size_t length = (size_t) (end - p - 1);
                int i;
                for (i = 0; pairs[i] != NULL; i += 2) {
                    if (strlen(pairs[i]) == length) {
                        if (memcmp(pairs[i], p + 1, length) == 0) {
                            value = pairs[i + 1];
                            break;
                        }
                    }
                }
            }
            if (value != NULL) {
                strbuf_add(sb, value);
                p = end + 1;
            } else {
                strbuf_fill(sb, *p++, 1);
            }
        } else {
            strbuf_fill(sb, *p++, 1);
        }
    }
    return !sb->broken;
}

/* Try the functions above on a few small texts. */
int strbuf_selftest(void)
{
    static const char *pairs[] = {
        "guest", "Odile", "dish", "plum \"tart\"", NULL
    };
    struct strbuf sb;
    int faults = 0;

    strbuf_init(&sb);
    strbuf_add(&sb, "  one heron, two herons\t\n");
    strbuf_trim(&sb);
    if (strcmp(sb.text, "one heron, two herons") != 0) {
        fprintf(stderr, "trim left \"%s\"\n", sb.text);
        faults++;
    }
    if (strbuf_replace(&sb, "heron", "crane") != 2) {
        fprintf(stderr, "replace missed a bird\n");
        faults++;
    }
    strbuf_free(&sb);

    strbuf_expand(&sb, "{guest} orders {{1} {dish}, {sauce}", pairs);
    strbuf_add(&sb, "\n");
    strbuf_add_quoted(&sb, "tab\there, \"quotes\" there");
    if (strbuf_find(&sb, "{sauce}", 0) == NO_INDEX) {
        fprintf(stderr, "expand lost an unknown name\n");
        faults++;
    }
    if (strbuf_find(&sb, "\\t", 0) == NO_INDEX) {
        fprintf(stderr, "the tab was not escaped\n");
        faults++;
    }
    printf("%s\n", sb.broken ? "(out of memory)" : sb.text);
    strbuf_free(&sb);
    return faults;
}
