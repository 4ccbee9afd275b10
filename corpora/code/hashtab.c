/*
 * hashtab.c - a table from words to numbers, with open addressing.
 *
 * Every slot is free, taken, or a gravestone left by a removal. A search
 * walks from the home slot of its word until it meets the word or a free
 * slot; gravestones must be walked over, for the word may lie beyond one.
 * The table is rebuilt when taken slots and gravestones together fill
 * more than two thirds of it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum slot_state {
    SLOT_FREE = 0,          /* calloc hands out tables full of these */
    SLOT_TAKEN,
    SLOT_GRAVE
};

struct slot {
    enum slot_state state;
    unsigned long hash;     /* kept, so that a rebuild need not recompute */
    char *key;
    long value;
};

struct table {
    struct slot *slots;
    size_t size;            /* always a power of two, or zero */
    size_t taken;
    size_t graves;
};

struct table_stats {
    size_t longest_walk;
    double average_walk;
    double load;
};

/* A visitor returns 0 to end the round early. */
typedef int (*table_visitor)(const char *key, long value, void *extra);

/* Copy a string into fresh memory, or return NULL. */
static char *copy_key(const char *key)
{
    size_t bytes = strlen(key) + 1;
    char *copy = malloc(bytes);

    if (copy != NULL) {
        memcpy(copy, key, bytes);
    }
    return copy;
}

/*
 * Mix the characters of a word into one number. Each step multiplies by
 * an odd constant and folds the high bits down, because the slot number
 * is taken from the low bits only.
 */
static unsigned long mix_key(const char *key)
{
    unsigned long h = 5171UL;

    while (*key != '\0') {
        h ^= (unsigned char) *key++;
        h *= 2654435UL;
        h ^= h >> 15;
    }
    return h;
}

/* Start with nothing. */
void table_init(struct table *t)
{
    t->slots = NULL;
    t->size = 0;
    t->taken = 0;
    t->graves = 0;
}

/* Give back every key and the slots themselves. */
void table_free(struct table *t)
{
    size_t i;

    for (i = 0; i < t->size; i++) {
        if (t->slots[i].state == SLOT_TAKEN) {
            free(t->slots[i].key);
        }
    }
    free(t->slots);
    table_init(t);
}

/*
 * Look for a key. Returns its slot, or NULL when it is absent; in the
 * second case *vacant (unless vacant is NULL) is the slot where the key
 * should go, and that is the first gravestone passed, if there was one.
 */
static struct slot *seek(const struct table *t, const char *key,
                         unsigned long hash, struct slot **vacant)
{
    struct slot *grave = NULL;
    size_t mask = t->size - 1;
    size_t at = (size_t) hash & mask;
    size_t step;

    if (t->size == 0) {
        return NULL;
    }
    for (step = 0; step < t->size; step++) {
        struct slot *s = &t->slots[at];
        switch (s->state) {
        case SLOT_FREE:
            if (vacant != NULL) {
                *vacant = grave ? grave : s;
            }
            return NULL;
        case SLOT_GRAVE:
            if (grave == NULL) {
                grave = s;
            }
            break;
        case SLOT_TAKEN:
            if (s->hash == hash && strcmp(s->key, key) == 0) {
                return s;
            }
            break;
        }
        at = (at + 1) & mask;
    }
    if (vacant != NULL) {
        *vacant = grave;        /* no free slot anywhere */
    }
    return NULL;
}

/* Move all entries into a table of a new size; gravestones vanish. */
static int rebuild(struct table *t, size_t new_size)
{
    struct slot *old = t->slots;
    struct slot *fresh = calloc(new_size, sizeof *fresh);
    size_t old_size = t->size;
    size_t i;

    if (fresh == NULL) {
        return 0;
    }
    t->slots = fresh;
    t->size = new_size;
    t->graves = 0;
    for (i = 0; i < old_size; i++) {
        if (old[i].state == SLOT_TAKEN) {
            size_t at = (size_t) old[i].hash & (new_size - 1);
            while (fresh[at].state != SLOT_FREE) {
                at = (at + 1) & (new_size - 1);
            }
            fresh[at] = old[i];
        }
    }
    free(old);
    return 1;
}

/* Store a value under a key, over any earlier value. */
int table_put(struct table *t, const char *key, long value)
{
    unsigned long hash = mix_key(key);
    struct slot *vacant = NULL;
    struct slot *found;

    if (3 * (t->taken + t->graves + 1) > 2 * t->size) {
        /* grow only when living entries, not graves, need the space */
        size_t size = t->size ? t->size : 8;
        if (2 * (t->taken + 1) > size) {
            size *= 2;
        }
        if (!rebuild(t, size)) {
            return 0;
        }
    }
    found = seek(t, key, hash, &vacant);
    if (found != NULL) {
        found->value = value;
        return 1;
    }
    if (vacant == NULL) {
        return 0;
    } else {
        char *copy = copy_key(key);
        if (copy == NULL) {
            return 0;
        }
        if (vacant->state == SLOT_GRAVE) {
            t->graves--;
        }
        vacant->state = SLOT_TAKEN;
        vacant->hash = hash;
        vacant->key = copy;
        vacant->value = value;
        t->taken++;
    }
    return 1;
}

/* Fetch a value; returns 0 and leaves *value alone if there is none. */
int table_get(const struct table *t, const char *key, long *value)
{
    struct slot *s = seek(t, key, mix_key(key), NULL);

    if (s == NULL) {
        return 0;
    }
    *value = s->value;
    return 1;
}

/* Add to a counter, which starts at zero. */
int table_bump(struct table *t, const char *key, long amount)
{
    long now = 0;

    table_get(t, key, &now);
    return table_put(t, key, now + amount);
}

/* Remove a key; returns whether it was there. */
int table_remove(struct table *t, const char *key)
{
    struct slot *s = seek(t, key, mix_key(key), NULL);

    if (s == NULL) {
        return 0;
    }
    free(s->key);
    s->key = NULL;
    s->state = SLOT_GRAVE;
    t->taken--;
    t->graves++;
    return 1;
}

/* Show every entry to a visitor, in no particular order. */
int table_each(const struct table *t, table_visitor visit, void *extra)
{
    size_t i;

    for (i = 0; i < t->size; i++) {
        const struct slot *s = &t->slots[i];
        if (s->state == SLOT_TAKEN) {
            if (!visit(s->key, s->value, extra)) {
                return 0;
            }
        }
    }
    return 1;
}

/* Measure how far the entries lie from their home slots. */
void table_measure(const struct table *t, struct table_stats *out)
{
    size_t total = 0;
    size_t i;

    out->longest_walk = 0;
    for (i = 0; i < t->size; i++) {
        if (t->slots[i].state == SLOT_TAKEN) {
            size_t home = (size_t) t->slots[i].hash & (t->size - 1);
            size_t walk = (i + t->size - home) & (t->size - 1);
            total += walk;
            if (walk > out->longest_walk) {
                out->longest_walk = walk;
            }
        }
    }
    if (t->taken > 0) {
        out->average_walk = (double) total / (double) t->taken;
        out->load = (double) t->taken / (double) t->size;
    } else {
        out->average_walk = 0.0;
        out->load = 0.0;
    }
}

/* A visitor that adds all the values into one sum. */
static int add_value(const char *key, long value, void *extra)
{
    long *sum = extra;

    (void) key;             /* only the numbers matter here */
    *sum += value;
    return 1;
}

/* Count made-up words, remove some, and compare with what is expected. */
int table_selftest(void)
{
    static const char *coast[] = {
        "gull", "kelp", "gull", "tern", "wrack", "kelp", "gull", "eel"
    };
    struct table t;
    struct table_stats stats;
    char name[40];
    long value = 0;
    long sum = 0;
    int faults = 0;
    int i;

    table_init(&t);
    for (i = 0; i < (int) (sizeof coast / sizeof coast[0]); i++) {
        table_bump(&t, coast[i], 1);
    }
    if (!table_get(&t, "gull", &value) || value != 3) {
        printf("expected three gulls, saw %ld\n", value);
        faults++;
    }

    /* Enough entries to force several rebuilds, half of them removed. */
    for (i = 0; i < 500; i++) {
        sprintf(name, "buoy/%d", i);
        table_put(&t, name, 2);
    }
    for (i = 0; i < 500; i += 2) {
        sprintf(name, "buoy/%d", i);
        if (!table_remove(&t, name)) {
            printf("could not remove '%s'\n", name);
            faults++;
        }
    }
    for (i = 0; i < 500; i++) {
        sprintf(name, "buoy/%d", i);
        if (table_get(&t, name, &value) != (i % 2 == 1)) {
            printf("'%s' is %s\n", name, i % 2 ? "missing" : "back");
            faults++;
        }
    }
    table_each(&t, add_value, &sum);
    if (sum != 8 + 250 * 2) {
        printf("the values add up to %ld\n", sum);
        faults++;
    }
    table_measure(&t, &stats);
    printf("load %.2f, mean walk %.2f, longest %lu\n",
           stats.load, stats.average_walk,
           (unsigned long) stats.longest_walk);
    table_free(&t);
    return faults;
}
