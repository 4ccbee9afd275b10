/*
 * sched.c - a ring queue, and a round-robin scheduler simulated with it.
 *
 * Time passes in whole ticks. A task arrives, works for some ticks, may
 * fall asleep now and then as if it waited for a disk, and ends when its
 * work is done. The scheduler lets the first task of the ready queue run
 * for one slice at most and then sends it to the back.
 */

#include <stdio.h>
#include <string.h>

#define RING_ROOM 16        /* a power of two, for the mask below */
#define TASKS_MAX 12
#define SLICE 3
#define FOREVER 10000       /* a simulation this long has gone wrong */

enum task_state { TASK_COMING, TASK_READY, TASK_RUNNING,
                  TASK_ASLEEP, TASK_DONE };

struct task {
    char name[12];
    enum task_state state;
    int arrival;            /* the tick at which it shows up */
    int work;               /* ticks of work still to be done */
    int sleep_every;        /* worked ticks between naps, 0 for none */
    int sleep_length;
    int awake_at;           /* meaningful while asleep */
    int worked;
    int waited;             /* ticks spent in the ready queue */
    int finish;
};

/*
 * The head counts removals and the tail counts additions. Neither ever
 * wraps back to zero by itself: only the low bits choose a place, and the
 * difference of the two is the number of entries.
 */
struct ring {
    int slot[RING_ROOM];
    unsigned head;
    unsigned tail;
};

struct sim {
    struct task task[TASKS_MAX];
    int count;
    struct ring ready;
    int running;            /* index of a task, or -1 */
    int slice_left;
    int clock;
    int idle;
    int switches;
    int verbose;
};

/* Empty the ring. */
static void ring_clear(struct ring *r)
{
    r->head = 0;
    r->tail = 0;
}

/* How many entries wait in the ring. */
static unsigned ring_length(const struct ring *r)
{
    return r->tail - r->head;
}

/* Add at the back; returns 0 when the ring is full. */
static int ring_push(struct ring *r, int value)
{
    if (ring_length(r) == RING_ROOM) {
        return 0;
    }
    r->slot[r->tail & (RING_ROOM - 1)] = value;
    r->tail++;
    return 1;
}

/* Take from the front; returns 0 when there is nothing to take. */
static int ring_pop(struct ring *r, int *value)
{
    if (ring_length(r) == 0) {
        return 0;
    }
    *value = r->slot[r->head & (RING_ROOM - 1)];
    r->head++;
    return 1;
}

/* Start a simulation without tasks. */
void sim_init(struct sim *s, int verbose)
{
    memset(s, 0, sizeof *s);
    ring_clear(&s->ready);
    s->running = -1;
    s->verbose = verbose;
}

/* Announce a task; returns its index or -1 if there are too many. */
int sim_add(struct sim *s, const char *name, int arrival, int work,
            int sleep_every, int sleep_length)
{
    struct task *t;

    if (s->count == TASKS_MAX || work <= 0) {
        return -1;
    }
    t = &s->task[s->count];
    memset(t, 0, sizeof *t);
    strncpy(t->name, name, sizeof t->name - 1);
    t->state = TASK_COMING;
    t->arrival = arrival;
    t->work = work;
    t->sleep_every = sleep_every;
    t->sleep_length = sleep_length;
    return s->count++;
}

/* Write one line of the diary, if anyone wants to read it. */
static void diary(const struct sim *s, const struct task *t,
                  const char *event)
{
    if (s->verbose) {
        printf("%4d  %-10s %s\n", s->clock, t->name, event);
    }
}

/* Let tasks arrive and wake up, in the order of their numbers. */
static void admit(struct sim *s)
{
    int i;

    for (i = 0; i < s->count; i++) {
        struct task *t = &s->task[i];
        int joins = 0;
        switch (t->state) {
        case TASK_COMING:
            if (t->arrival <= s->clock) {
                diary(s, t, "arrives");
                joins = 1;
            }
            break;
        case TASK_ASLEEP:
            if (t->awake_at <= s->clock) {
                diary(s, t, "wakes up");
                joins = 1;
            }
            break;
        case TASK_READY:
        case TASK_RUNNING:
        case TASK_DONE:
            break;
        }
        if (joins) {
            if (ring_push(&s->ready, i)) {
                t->state = TASK_READY;
            } else {
                /* the ring is full: the task tries again next tick */
                diary(s, t, "finds no room in the queue");
            }
        }
    }
}

/* Choose the next task when the processor is free. */
static void dispatch(struct sim *s)
{
    int next;

    if (s->running >= 0) {
        return;
    }
    if (ring_pop(&s->ready, &next)) {
        s->running = next;
        s->slice_left = SLICE;
        s->switches++;
        s->task[next].state = TASK_RUNNING;
        diary(s, &s->task[next], "gets the processor");
    }
}

/* Work for one tick and see what becomes of the running task. */
static void work_one_tick(struct sim *s)
{
    struct task *t;

    if (s->running < 0) {
        s->idle++;
        return;
    }
    t = &s->task[s->running];
    t->work--;
    t->worked++;
    s->slice_left--;
    if (t->work == 0) {
        t->state = TASK_DONE;
        t->finish = s->clock + 1;
        diary(s, t, "is done");
        s->running = -1;
    } else if (t->sleep_every > 0 && t->worked % t->sleep_every == 0) {
        t->state = TASK_ASLEEP;
        t->awake_at = s->clock + 1 + t->sleep_length;
        diary(s, t, "falls asleep");
        s->running = -1;
    } else if (s->slice_left == 0) {
        if (ring_length(&s->ready) > 0) {
            /*
             * A place has just been freed for every task that waits, so
             * this addition cannot fail unless the ring was too small
             * from the start.
             */
            if (ring_push(&s->ready, s->running)) {
                t->state = TASK_READY;
                diary(s, t, "gives way");
                s->running = -1;
            } else {
                s->slice_left = 1;
            }
        } else {
            s->slice_left = SLICE;      // nobody else wants to run
        }
    }
}

/* Count one tick of waiting for everyone in the ready state. */
static void count_waiting(struct sim *s)
{
    int i;

    for (i = 0; i < s->count; i++) {
        if (s->task[i].state == TASK_READY) {
            s->task[i].waited++;
        }
    }
}

/* Whether all tasks have ended. */
static int all_done(const struct sim *s)
{
    int i;

    for (i = 0; i < s->count; i++) {
        if (s->task[i].state != TASK_DONE) {
            return 0;
        }
    }
    return 1;
}

/* Run to the end; returns the number of ticks, or -1 for a runaway. */
int sim_run(struct sim *s)
{
    while (!all_done(s)) {
        if (s->clock >= FOREVER) {
            return -1;
        }
        admit(s);
        dispatch(s);
        count_waiting(s);
        work_one_tick(s);
        s->clock++;
    }
    return s->clock;
}

/* A table with one line for each task. */
void sim_report(const struct sim *s, FILE *out)
{
    long waited = 0;
    int i;

    fprintf(out, "%-10s %7s %7s %7s %7s\n",
            "task", "arrive", "work", "wait", "finish");
    for (i = 0; i < s->count; i++) {
        const struct task *t = &s->task[i];
        fprintf(out, "%-10s %7d %7d %7d %7d\n",
                t->name, t->arrival, t->worked, t->waited, t->finish);
        waited += t->waited;
    }
    fprintf(out, "\nticks %d, idle %d, switches %d", s->clock, s->idle,
            s->switches);
    if (s->count > 0) {
        fprintf(out, ", mean wait %.2f", (double) waited / s->count);
    }
    fputc('\n', out);
}

/* A bar of characters for every task: when it arrived, when it ended. */
void sim_chart(const struct sim *s, FILE *out, int width)
{
    int i, column;

    if (s->clock == 0 || width <= 0) {
        return;
    }
    for (i = 0; i < s->count; i++) {
        const struct task *t = &s->task[i];
        fprintf(out, "%-10s |", t->name);
        for (column = 0; column < width; column++) {
            int tick = column * s->clock / width;
            if (tick < t->arrival) {
                fputc(' ', out);
            } else if (tick < t->finish) {
                fputc(t->sleep_every > 0 ? '~' : '=', out);
            } else {
                fputc('.', out);
            }
        }
        fputs("|\n", out);
    }
}

/* Exercise the ring past its end several times. */
static int check_ring(void)
{
    struct ring r;
    int in = 0;
    int expected = 0;
    int value;
    int round;

    ring_clear(&r);
    for (round = 0; round < 20; round++) {
        int burst = 5 + round % 7;
        while (burst > 0 && ring_push(&r, in)) {
            in++;
            burst--;
        }
        for (burst = 0; burst < 6; burst++) {
            if (ring_pop(&r, &value)) {
                if (value != expected) {
                    printf("ring gave %d, not %d\n", value, expected);
                    return 1;
                }
                expected++;
            }
        }
    }
    while (ring_pop(&r, &value)) {
        if (value != expected++) {
            puts("ring lost its order while it was emptied");
            return 1;
        }
    }
    return in == expected ? 0 : 1;
}

/* Three short stories with a known amount of work. */
int sched_selftest(void)
{
    struct sim s;
    int faults = check_ring();
    int i;

    sim_init(&s, 0);
    sim_add(&s, "letters", 0, 7, 0, 0);
    sim_add(&s, "backup", 1, 10, 4, 6);
    sim_add(&s, "clock", 2, 4, 1, 2);
    if (sim_run(&s) < 0) {
        puts("the simulation did not come to an end");
        faults++;
    }
    for (i = 0; i < s.count; i++) {
        const struct task *t = &s.task[i];
        if (t->finish < t->arrival + t->worked + t->waited) {
            printf("'%s' ended before it could have\n", t->name);
            faults++;
        }
    }
    if (s.clock != s.idle + 7 + 10 + 4) {
        puts("busy and idle ticks do not add up");
        faults++;
    }
    sim_report(&s, stdout);
    sim_chart(&s, stdout, 50);
    return faults;
}
