/*
 * wrap.c - break paragraphs into lines of a given width.
 *
 * Two ways of breaking are offered. The greedy way puts as many words on
 * each line as will fit. The balanced way looks at all the ways to break
 * the paragraph and takes one whose lines end most evenly, counting for
 * each line but the last the square of the blanks left over.
 *
 * Words are never split: a word that is wider than the page stands alone
 * on a line and sticks out at the right.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 400
#define HUGE_COST 1000000000L

enum adjust { ADJUST_LEFT, ADJUST_RIGHT, ADJUST_CENTRE, ADJUST_BOTH };

struct style {
    int width;              /* columns in a line, margin included */
    int indent;             /* extra blanks before a paragraph */
    int margin;             /* blanks before every line */
    enum adjust adjust;
    int balanced;
};

struct word {
    const char *start;
    int length;
    int sentence_end;       /* followed by a wider gap */
};

struct paragraph {
    struct word word[WORDS_MAX];
    int count;
    int break_after[WORDS_MAX];     /* 1 where a line ends */
};

/* Whether a word closes a sentence, quotes and brackets aside. */
static int closes_sentence(const char *start, int length)
{
    while (length > 1) {
        char c = start[length - 1];
        if (c == '"' || c == '\'' || c == ')' || c == ']') {
            length--;       /* look at what stands inside: "so?" */
        } else {
            break;
        }
    }
    switch (start[length - 1]) {
    case '.':
        /* an initial such as "B." is no end of a sentence */
        return !(length == 2 && isupper((unsigned char) start[0]));
    case '!':
    case '?':
        return 1;
    default:
        return 0;
    }
}

/*
 * Collect the words up to the next empty line. Returns the place behind
 * that line, or NULL when the text has no further words.
 */
static const char *collect(struct paragraph *p, const char *text)
{
    p->count = 0;
    while (isspace((unsigned char) *text)) {
        text++;
    }
    if (*text == '\0') {
        return NULL;
    }
    while (*text != '\0') {
        int newlines = 0;
        const char *start = text;
        while (*text != '\0' && !isspace((unsigned char) *text)) {
            text++;
        }
        if (p->count < WORDS_MAX) {
            struct word *w = &p->word[p->count++];
            w->start = start;
            w->length = (int) (text - start);
            w->sentence_end = closes_sentence(start, w->length);
        } else {
            return start;   // the rest becomes a paragraph of its own
        }
        while (isspace((unsigned char) *text)) {
            if (*text == '\n') {
                newlines++;
            }
            text++;
        }
        if (newlines > 1) {
            break;
        }
    }
    return text;
}

/* The columns between a word and the next one on its line. */
static int gap_after(const struct word *w)
{
    return w->sentence_end ? 2 : 1;
}

/* The columns taken by the words from first to last. */
static int span(const struct paragraph *p, int first, int last)
{
    int columns = 0;
    int i;

    for (i = first; i <= last; i++) {
        columns += p->word[i].length;
        if (i < last) {
            columns += gap_after(&p->word[i]);
        }
    }
    return columns;
}

/* The room on a line, which is less on the first of a paragraph. */
static int room_for(const struct style *st, int first)
{
    int room = st->width - st->margin;

    if (first == 0) {
        room -= st->indent;
    }
    return room > 1 ? room : 1;
}

/* Break as late as possible on every line. */
static void break_greedy(struct paragraph *p, const struct style *st)
{
    int first = 0;
    int i;

    memset(p->break_after, 0, sizeof p->break_after);
    for (i = 1; i < p->count; i++) {
        if (span(p, first, i) > room_for(st, first)) {
            p->break_after[i - 1] = 1;
            first = i;
        }
    }
    if (p->count > 0) {
        p->break_after[p->count - 1] = 1;
    }
}

/*
 * Break so that the sum of squared blanks is least. cost[i] is the best
 * that can be had for the words from i on, and it is found from the end
 * of the paragraph backward, since each line depends only on what follows.
 */
static void break_balanced(struct paragraph *p, const struct style *st)
{
    long cost[WORDS_MAX + 1];
    int next[WORDS_MAX];
    int i, j;

    memset(p->break_after, 0, sizeof p->break_after);
    cost[p->count] = 0;
    for (i = p->count - 1; i >= 0; i--) {
        int room = room_for(st, i);
        cost[i] = HUGE_COST;
        next[i] = i + 1;
        for (j = i; j < p->count; j++) {
            long blanks = room - span(p, i, j);
            long here;
            if (blanks < 0) {
                if (j > i) {
                    break;          /* too many words already */
                }
                here = 0;           /* one wide word cannot be helped */
            } else if (j == p->count - 1) {
                here = 0;           /* the last line may be short */
            } else {
                here = blanks * blanks;
            }
            if (here + cost[j + 1] < cost[i]) {
                cost[i] = here + cost[j + 1];
                next[i] = j + 1;
            }
        }
    }
    for (i = 0; i < p->count; i = next[i]) {
        p->break_after[next[i] - 1] = 1;
    }
}

/* Write some blanks. */
static void blanks(FILE *out, int count)
{
    while (count-- > 0) {
        fputc(' ', out);
    }
}

/* Write one line, spreading or shifting it as the style demands. */
static void write_line(const struct paragraph *p, const struct style *st,
                       int first, int last, int is_final, FILE *out)
{
    int spare = room_for(st, first) - span(p, first, last);
    int gaps = last - first;
    int i;

    if (spare < 0) {
        spare = 0;
    }
    blanks(out, st->margin + (first == 0 ? st->indent : 0));
    switch (st->adjust) {
    case ADJUST_RIGHT:
        blanks(out, spare);
        break;
    case ADJUST_CENTRE:
        blanks(out, spare / 2);
        break;
    case ADJUST_LEFT:
    case ADJUST_BOTH:
        break;
    }
    for (i = first; i <= last; i++) {
        fprintf(out, "%.*s", p->word[i].length, p->word[i].start);
        if (i < last) {
            int gap = gap_after(&p->word[i]);
            if (st->adjust == ADJUST_BOTH && !is_final) {
                /* hand out the spare blanks as evenly as can be */
                int share = spare / gaps;
                if (i - first >= gaps - spare % gaps) {
                    share++;
                }
                gap += share;
            }
            blanks(out, gap);
        }
    }
    fputc('\n', out);
}

/* Lay out a whole text; returns the number of lines written. */
int wrap_text(const char *text, const struct style *st, FILE *out)
{
    struct paragraph *p = malloc(sizeof *p);
    int lines = 0;
    int paragraphs = 0;

    if (p == NULL) {
        return -1;
    }
    while ((text = collect(p, text)) != NULL) {
        int first = 0;
        int i;
        if (paragraphs++ > 0) {
            fputc('\n', out);
            lines++;
        }
        if (st->balanced) {
            break_balanced(p, st);
        } else {
            break_greedy(p, st);
        }
        for (i = 0; i < p->count; i++) {
            if (p->break_after[i]) {
                write_line(p, st, first, i, i == p->count - 1, out);
                first = i + 1;
                lines++;
            }
        }
    }
    free(p);
    return lines;
}

/* Draw a ruler with a figure at every tenth column. */
void wrap_ruler(int width, FILE *out)
{
    int column;

    for (column = 1; column <= width; column++) {
        if (column % 10 == 0) {
            fprintf(out, "%d", column / 10 % 10);
        } else {
            fputc(column % 5 == 0 ? '+' : '-', out);
        }
    }
    fputc('\n', out);
}

/* Show one text in several styles. */
void wrap_demo(FILE *out)
{
    static const char letter[] =
        "Dear neighbour,\n\n"
        "the fence between our gardens fell in the night. \"At last!\" said\n"
        "my daughter, who likes your plums. I shall bring posts and nails\n"
        "on Saturday (or Sunday, should it rain); if you lend me the long\n"
        "ladder, half of the work is done.\n\n"
        "With kind regards from number 9.";
    static const struct style styles[] = {
        { 40, 4, 0, ADJUST_LEFT, 0 },
        { 40, 4, 0, ADJUST_LEFT, 1 },
        { 52, 2, 6, ADJUST_BOTH, 1 },
        { 36, 0, 0, ADJUST_CENTRE, 1 }
    };
    size_t i;

    for (i = 0; i < sizeof styles / sizeof styles[0]; i++) {
        int lines;
        fprintf(out, "style %lu:\n", (unsigned long) i + 1);
        wrap_ruler(styles[i].width, out);
        lines = wrap_text(letter, &styles[i], out);
        if (lines < 0) {
            fprintf(out, "\t[no memory]\n");
        } else {
            fprintf(out, "\t[%d lines]\n\n", lines);
        }
    }
}
