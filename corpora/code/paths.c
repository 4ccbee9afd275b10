/*
 * paths.c - shortest routes on a map, with a heap that can be updated.
 *
 * A map is a list of places and of roads with lengths. The heap keeps the
 * places that have been seen but not settled, the nearest on top; since a
 * shorter way to a place may turn up later, the heap remembers where each
 * place sits and can lift it when its distance shrinks.
 */

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define PLACES_MAX 40
#define ROADS_MAX 200
#define NAME_MAX_LENGTH 20
#define UNREACHED LONG_MAX

struct road {
    int to;
    int length;
    int next;               /* the next road from the same place, or -1 */
};

struct map {
    char name[PLACES_MAX][NAME_MAX_LENGTH];
    int first_road[PLACES_MAX];
    int places;
    struct road road[ROADS_MAX];
    int roads;
};

struct heap {
    int item[PLACES_MAX];       /* places, in heap order */
    int where[PLACES_MAX];      /* position of a place, or -1 */
    const long *key;            /* distances, owned by the caller */
    int count;
};

struct tour {
    long distance[PLACES_MAX];
    int from[PLACES_MAX];       /* the place before, or -1 */
};

/* An empty sheet of paper. */
void map_init(struct map *m)
{
    m->places = 0;
    m->roads = 0;
}

/* The number of a place, which is added if it is new; -1 if full. */
int map_place(struct map *m, const char *name)
{
    int i;

    for (i = 0; i < m->places; i++) {
        if (strcmp(m->name[i], name) == 0) {
            return i;
        }
    }
    if (m->places == PLACES_MAX || strlen(name) >= NAME_MAX_LENGTH) {
        return -1;
    }
    strcpy(m->name[m->places], name);
    m->first_road[m->places] = -1;
    return m->places++;
}

/* Add a road that leads one way only. */
static int add_one_way(struct map *m, int a, int b, int length)
{
    struct road *r;

    if (m->roads == ROADS_MAX) {
        return 0;
    }
    r = &m->road[m->roads];
    r->to = b;
    r->length = length;
    r->next = m->first_road[a];
    m->first_road[a] = m->roads++;
    return 1;
}

/* Add a road for both directions; a negative length is refused. */
int map_road(struct map *m, const char *a, const char *b, int length)
{
    int i = map_place(m, a);
    int j = map_place(m, b);

    if (i < 0 || j < 0 || i == j || length < 0) {
        return 0;
    }
    return add_one_way(m, i, j, length) && add_one_way(m, j, i, length);
}

/*
 * Read a map from text. A line looks like
 *
 *     Harbour - Mill : 12
 *
 * and a line that starts with '*' is a remark. Returns the number of the
 * first line that makes no sense, or 0 if there is none.
 */
int map_read(struct map *m, const char *text)
{
    int line = 0;

    while (*text != '\0') {
        char row[80];
        char a[NAME_MAX_LENGTH], b[NAME_MAX_LENGTH];
        size_t length = strcspn(text, "\n");
        int distance;

        line++;
        if (length >= sizeof row) {
            return line;
        }
        memcpy(row, text, length);
        row[length] = '\0';
        text += length;
        if (*text == '\n') {
            text++;
        }
        if (row[0] != '*' && row[strspn(row, " \t")] != '\0') {
            if (sscanf(row, " %19s - %19s : %d", a, b, &distance) != 3) {
                return line;
            }
            if (!map_road(m, a, b, distance)) {
                return line;
            }
        }
    }
    return 0;
}

/* Whether the item in slot i is nearer than the one in slot j. */
static int nearer(const struct heap *h, int i, int j)
{
    return h->key[h->item[i]] < h->key[h->item[j]];
}

/* Exchange two slots and keep the positions right. */
static void heap_swap(struct heap *h, int i, int j)
{
    int keep = h->item[i];

    h->item[i] = h->item[j];
    h->item[j] = keep;
    h->where[h->item[i]] = i;
    h->where[h->item[j]] = j;
}

/* Move an item toward the top until its parent is no farther. */
static void lift(struct heap *h, int i)
{
    while (i > 0) {
        int parent = (i - 1) / 2;
        if (!nearer(h, i, parent)) {
            break;
        }
        heap_swap(h, i, parent);
        i = parent;
    }
}

/* Move an item toward the bottom until its children are no nearer. */
static void sink(struct heap *h, int i)
{
    for (;;) {
        int best = i;
        int child = 2 * i + 1;
        int k;
        for (k = child; k <= child + 1; k++) {
            if (k < h->count && nearer(h, k, best)) {
                best = k;
            }
        }
        if (best == i) {
            return;
        }
        heap_swap(h, i, best);
        i = best;
    }
}

/* An empty heap over an array of distances. */
static void heap_init(struct heap *h, const long *key)
{
    int i;

    h->key = key;
    h->count = 0;
    for (i = 0; i < PLACES_MAX; i++) {
        h->where[i] = -1;
    }
}

/* Put a place in, or lift it if it is in and has come nearer. */
static void heap_offer(struct heap *h, int place)
{
    if (h->where[place] < 0) {
        h->item[h->count] = place;
        h->where[place] = h->count;
        h->count++;
    }
    lift(h, h->where[place]);
}

/* Take the nearest place out. */
static int heap_take(struct heap *h)
{
    int top = h->item[0];

    h->count--;
    if (h->count > 0) {
        h->item[0] = h->item[h->count];
        h->where[h->item[0]] = 0;
        sink(h, 0);
    }
    h->where[top] = -1;
    return top;
}

/*
 * Find the shortest distance from one place to all others. When a place
 * leaves the heap its distance is final: any other way to it would have
 * to pass through a place that is no nearer, over roads that are not
 * shorter than nothing.
 */
void map_search(const struct map *m, int start, struct tour *t)
{
    struct heap h;
    int i;

    for (i = 0; i < PLACES_MAX; i++) {
        t->distance[i] = UNREACHED;
        t->from[i] = -1;
    }
    if (start < 0 || start >= m->places) {
        return;
    }
    heap_init(&h, t->distance);
    t->distance[start] = 0;
    heap_offer(&h, start);
    while (h.count > 0) {
        int here = heap_take(&h);
        int r;
        for (r = m->first_road[here]; r >= 0; r = m->road[r].next) {
            const struct road *road = &m->road[r];
            long reach = t->distance[here] + road->length;
            if (reach < t->distance[road->to]) {
                t->distance[road->to] = reach;
                t->from[road->to] = here;
                heap_offer(&h, road->to);
            }
        }
    }
}

/* Print the way to a place, from its beginning. */
void tour_print(const struct map *m, const struct tour *t, int goal)
{
    int stop[PLACES_MAX];
    int count = 0;
    int at;

    if (goal < 0 || t->distance[goal] == UNREACHED) {
        printf("there is no way\n");
        return;
    }
    for (at = goal; at >= 0; at = t->from[at]) {
        stop[count++] = at;
    }
    printf("%ld:", t->distance[goal]);
    while (count-- > 0) {
        printf(" %s%s", m->name[stop[count]], count > 0 ? " ->" : "\n");
    }
}

/* The largest of the shortest distances, over all pairs of places. */
long map_width(const struct map *m)
{
    struct tour t;
    long widest = 0;
    int i, j;

    for (i = 0; i < m->places; i++) {
        map_search(m, i, &t);
        for (j = 0; j < m->places; j++) {
            if (t.distance[j] != UNREACHED) {
                if (t.distance[j] > widest) {
                    widest = t.distance[j];
                }
            }
        }
    }
    return widest;
}

/* A small island with a ferry and a tempting but longer direct road. */
int paths_selftest(void)
{
    static const char island[] =
        "* roads in minutes on foot\n"
        "Harbour - Mill : 12\n"
        "Harbour - Chapel : 40\n"
        "Mill - Quarry : 9\n"
        "Quarry - Chapel : 11\n"
        "\n"
        "* the islet has a light but no bridge\n"
        "Light - Keeper : 3\n"
        "Chapel - Cove : 25\n"
        "Mill - Cove : 50\n";
    struct map m;
    struct tour t;
    int bad_line;
    int faults = 0;

    map_init(&m);
    bad_line = map_read(&m, island);
    if (bad_line != 0) {
        printf("line %d of the map is unclear\n", bad_line);
        return 1;
    }
    map_search(&m, map_place(&m, "Harbour"), &t);
    tour_print(&m, &t, map_place(&m, "Cove"));
    if (t.distance[map_place(&m, "Chapel")] != 32) {
        puts("the way by the quarry was overlooked");
        faults++;
    }
    if (t.distance[map_place(&m, "Light")] != UNREACHED) {
        puts("someone walked on the water");
        faults++;
    }
    if (map_width(&m) != 57) {
        printf("the island is %ld wide\n", map_width(&m));
        faults++;
    }
    return faults;
}
