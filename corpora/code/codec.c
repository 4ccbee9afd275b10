/*
 * codec.c - two small ways of making data shorter, and bits in general.
 *
 * The first way counts runs: a run of equal bytes becomes a length and
 * one byte, and bytes that do not repeat are copied in a block. The second
 * writes whole numbers with as few bits as their size requires, behind a
 * unary prefix that tells how many bits follow. Both can be undone
 * exactly, and both decoders refuse input that has been cut off.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned char byte;

/* A control byte below 128 begins a block, any other one a run. */
#define RUN_FLAG 0x80
#define BLOCK_MAX 128       /* bytes copied behind one control byte */
#define RUN_MIN 3           /* shorter runs are not worth a control byte */
#define RUN_MAX (127 + RUN_MIN)

struct sink {
    byte *data;
    size_t room;
    size_t used;
    int overflow;
};

struct bits {
    byte *data;
    size_t limit;           /* in bits */
    size_t at;              /* the next bit, counted from the front */
    int spoiled;            /* a read or a write went past the limit */
};

/* Append one byte unless the sink is full. */
static void emit(struct sink *s, byte b)
{
    if (s->used < s->room) {
        s->data[s->used++] = b;
    } else {
        s->overflow = 1;
    }
}

/* The number of equal bytes at the front, up to a limit. */
static size_t run_length(const byte *in, size_t count, size_t limit)
{
    size_t n = 1;

    while (n < count && n < limit && in[n] == in[0]) {
        n++;
    }
    return n;
}

/*
 * Shorten `count` bytes. Returns the number of bytes written, or 0 when
 * the output did not fit into its room.
 */
size_t rle_pack(const byte *in, size_t count, byte *out, size_t room)
{
    struct sink s = { out, room, 0, 0 };
    size_t at = 0;

    while (at < count) {
        size_t run = run_length(in + at, count - at, RUN_MAX);
        if (run >= RUN_MIN) {
            emit(&s, (byte) (RUN_FLAG | (run - RUN_MIN)));
            emit(&s, in[at]);
            at += run;
        } else {
            /* gather a block that ends before the next proper run */
            size_t start = at;
            size_t i;
            while (at < count && at - start < BLOCK_MAX) {
                if (run_length(in + at, count - at, RUN_MIN) == RUN_MIN) {
                    break;
                }
                at++;
            }
            emit(&s, (byte) (at - start - 1));
            for (i = start; i < at; i++) {
                emit(&s, in[i]);
            }
        }
    }
    return s.overflow ? 0 : s.used;
}

/* Undo rle_pack; returns the number of bytes, or 0 for broken input. */
size_t rle_unpack(const byte *in, size_t count, byte *out, size_t room)
{
    struct sink s = { out, room, 0, 0 };
    size_t at = 0;

    while (at < count) {
        byte control = in[at++];
        if (control & RUN_FLAG) {
            size_t run = (size_t) (control & 0x7f) + RUN_MIN;
            if (at == count) {
                return 0;           // a run without its byte
            }
            while (run-- > 0) {
                emit(&s, in[at]);
            }
            at++;
        } else {
            size_t block = (size_t) control + 1;
            if (block > count - at) {
                return 0;           // a block that stops too early
            }
            while (block-- > 0) {
                emit(&s, in[at++]);
            }
        }
    }
    return s.overflow ? 0 : s.used;
}

/* Look at memory as a row of bits, the highest bit of each byte first. */
void bits_open(struct bits *b, byte *data, size_t bytes)
{
    b->data = data;
    b->limit = bytes * 8;
    b->at = 0;
    b->spoiled = 0;
}

/* Write one bit. */
void bits_put(struct bits *b, int bit)
{
    byte mask;

    if (b->at >= b->limit) {
        b->spoiled = 1;
        return;
    }
    mask = (byte) (0x80 >> (b->at % 8));
    if (bit) {
        b->data[b->at / 8] |= mask;
    } else {
        b->data[b->at / 8] &= (byte) ~mask;
    }
    b->at++;
}

/* Read one bit; past the end every bit is a one, which ends prefixes. */
int bits_get(struct bits *b)
{
    int bit;

    if (b->at >= b->limit) {
        b->spoiled = 1;
        return 1;
    }
    bit = (b->data[b->at / 8] >> (7 - b->at % 8)) & 1;
    b->at++;
    return bit;
}

/*
 * Write a number greater than zero. If it has k binary digits, then k - 1
 * zeros come first and the digits follow; the first digit is always a
 * one, and so the reader knows where the zeros end:
 *
 *     1 -> 1      2 -> 010      3 -> 011      4 -> 00100
 */
void gamma_put(struct bits *b, unsigned long value)
{
    int digits = 0;
    int i;

    while (digits < 32 && (value >> digits) != 0) {
        digits++;
    }
    for (i = 1; i < digits; i++) {
        bits_put(b, 0);
    }
    for (i = digits - 1; i >= 0; i--) {
        bits_put(b, (int) ((value >> i) & 1UL));
    }
}

/* Read such a number again; 0 means that the bits were spoiled. */
unsigned long gamma_get(struct bits *b)
{
    unsigned long value = 1;
    int zeros = 0;

    while (!bits_get(b)) {
        zeros++;
        if (zeros > 31) {
            b->spoiled = 1;
            return 0;
        }
    }
    while (zeros-- > 0) {
        value = (value << 1) | (unsigned long) bits_get(b);
    }
    return b->spoiled ? 0 : value;
}

/* Fold the signed numbers 0, -1, 1, -2, 2, ... onto 1, 2, 3, 4, 5, ... */
static unsigned long fold(long n)
{
    if (n < 0) {
        return 2UL * (unsigned long) -(n + 1) + 2UL;
    }
    return 2UL * (unsigned long) n + 1UL;
}

/* And back again. */
static long unfold(unsigned long u)
{
    if (u % 2 == 0) {
        return -(long) (u / 2 - 1) - 1;
    }
    return (long) (u / 2);
}

/*
 * Store a slowly changing series as its differences. The count is not
 * stored; the reader has to know it. Returns the bits used, or 0.
 */
size_t series_pack(const long *series, int count, byte *out, size_t room)
{
    struct bits b;
    long before = 0;
    int i;

    bits_open(&b, out, room);
    for (i = 0; i < count; i++) {
        gamma_put(&b, fold(series[i] - before));
        before = series[i];
    }
    return b.spoiled ? 0 : b.at;
}

/* Restore a series; returns 1 if all of it was there. */
int series_unpack(byte *in, size_t bytes, long *series, int count)
{
    struct bits b;
    long value = 0;
    int i;

    bits_open(&b, in, bytes);
    for (i = 0; i < count; i++) {
        unsigned long u = gamma_get(&b);
        if (u == 0) {
            return 0;
        }
        value += unfold(u);
        series[i] = value;
    }
    return 1;
}

/* Pack and unpack a pattern, and say how that went. */
static int try_pattern(const char *title, const byte *in, size_t count)
{
    byte packed[600];
    byte back[600];
    size_t small = rle_pack(in, count, packed, sizeof packed);
    size_t again = rle_unpack(packed, small, back, sizeof back);

    printf("%-12s %4lu -> %4lu bytes\n", title,
           (unsigned long) count, (unsigned long) small);
    if (again != count || memcmp(in, back, count) != 0) {
        printf("\t\"%s\" did not survive\n", title);
        return 1;
    }
    if (small > 2 && rle_unpack(packed, small - 1, back, sizeof back) == count) {
        printf("\t\"%s\" was not missed when cut\n", title);
        return 1;
    }
    return 0;
}

/* Runs, noise, a mixture, and a day of temperatures. */
int codec_selftest(void)
{
    static const long degrees[12] = {
        -3, -4, -4, -2, 1, 5, 9, 10, 8, 4, 0, -1
    };
    long read_back[12];
    byte data[500];
    byte packed[32];
    unsigned noise = 77u;
    int faults = 0;
    size_t i;

    memset(data, 'z', sizeof data);
    faults += try_pattern("one letter", data, sizeof data);
    for (i = 0; i < sizeof data; i++) {
        noise = noise * 1640531525u + 907u;
        data[i] = (byte) (noise >> 16);
    }
    faults += try_pattern("noise", data, sizeof data);
    for (i = 0; i < sizeof data; i++) {
        if (i % 50 < 30) {
            data[i] = '.';
        }
    }
    faults += try_pattern("mixture", data, sizeof data);

    i = series_pack(degrees, 12, packed, sizeof packed);
    if (i == 0 || !series_unpack(packed, sizeof packed, read_back, 12)) {
        puts("the temperatures are lost");
        faults++;
    } else if (memcmp(degrees, read_back, sizeof degrees) != 0) {
        puts("the temperatures have changed");
        faults++;
    } else {
        printf("12 readings in %lu bits\n", (unsigned long) i);
    }
    return faults;
}
