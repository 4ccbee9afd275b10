/*
 * ini.c - read settings from text with sections, and write them again.
 *
 * The text looks like this:
 *
 *     ; a remark, and # begins one too
 *     colour = "dark green"
 *     [window]
 *     width = 80          ; remarks may follow a value
 *     title = say "hello" \
 *             twice
 *
 * A backslash at the end of a line joins it to the next one. Quotes that
 * enclose the whole value are dropped, and within them the escapes \n,
 * \t, \" and \\ mean what they mean in C. Sections may be opened again; a
 * setting that is given twice keeps its last value.
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_LIMIT 32
#define VALUE_LIMIT 120
#define LINE_LIMIT 400

struct setting {
    char section[PART_LIMIT];   /* "" before the first section */
    char key[PART_LIMIT];
    char value[VALUE_LIMIT];
    struct setting *next;
};

struct ini {
    struct setting *first;
    struct setting *last;
    char complaint[160];
    int line;                   /* where the complaint arose */
};

/* No settings, no complaint. */
void ini_init(struct ini *ini)
{
    ini->first = NULL;
    ini->last = NULL;
    ini->complaint[0] = '\0';
    ini->line = 0;
}

/* Forget everything. */
void ini_free(struct ini *ini)
{
    while (ini->first != NULL) {
        struct setting *next = ini->first->next;
        free(ini->first);
        ini->first = next;
    }
    ini_init(ini);
}

/* Keep a message about the line being read; always returns 0. */
static int complain(struct ini *ini, const char *what, const char *about)
{
    sprintf(ini->complaint, "%.60s: '%.60s'", what, about);
    return 0;
}

/* Compare two words without regard to capitals. */
static int same_word(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        if (tolower((unsigned char) *a) != tolower((unsigned char) *b)) {
            return 0;
        }
        a++;
        b++;
    }
    return *a == *b;
}

/* Cut the blanks from both ends of a string, in place. */
static char *strip(char *s)
{
    char *end;

    while (isspace((unsigned char) *s)) {
        s++;
    }
    end = s + strlen(s);
    while (end > s && isspace((unsigned char) end[-1])) {
        end--;
    }
    *end = '\0';
    return s;
}

/* Find a setting by its section and its key. */
static struct setting *find(const struct ini *ini, const char *section,
                            const char *key)
{
    struct setting *s;

    for (s = ini->first; s != NULL; s = s->next) {
        if (same_word(s->section, section) && same_word(s->key, key)) {
            return s;
        }
    }
    return NULL;
}

/* Give a setting a value; returns 0 if a part is too long. */
int ini_set(struct ini *ini, const char *section, const char *key,
            const char *value)
{
    struct setting *s;

    if (strlen(section) >= PART_LIMIT || strlen(key) >= PART_LIMIT) {
        return complain(ini, "the name is too long", key);
    }
    if (strlen(value) >= VALUE_LIMIT) {
        return complain(ini, "the value is too long", value);
    }
    s = find(ini, section, key);
    if (s == NULL) {
        s = malloc(sizeof *s);
        if (s == NULL) {
            return complain(ini, "no memory is left", key);
        }
        strcpy(s->section, section);
        strcpy(s->key, key);
        s->next = NULL;
        if (ini->last != NULL) {
            ini->last->next = s;
        } else {
            ini->first = s;
        }
        ini->last = s;
    }
    strcpy(s->value, value);
    return 1;
}

/*
 * Cut off a remark. The mark counts only outside of quotes and behind a
 * blank, so that "a;b" and colours such as #f80 can be written plainly.
 */
static void drop_remark(char *line)
{
    int quoted = 0;
    int i;

    for (i = 0; line[i] != '\0'; i++) {
        if (line[i] == '\\' && line[i + 1] != '\0') {
            i++;                /* whatever follows is not a mark */
        } else if (line[i] == '"') {
            quoted = !quoted;
        } else if (line[i] == ';' && !quoted) {
            if (i == 0 || isspace((unsigned char) line[i - 1])) {
                line[i] = '\0';
                return;
            }
        }
    }
}

/* Remove enclosing quotes and resolve escapes, in place. */
static int unquote(struct ini *ini, char *value)
{
    size_t length = strlen(value);
    char *in = value + 1;
    char *out = value;

    if (length < 2 || value[0] != '"' || value[length - 1] != '"') {
        return 1;               /* a plain value stays as it is */
    }
    while (in < value + length - 1) {
        if (*in == '"') {
            return complain(ini, "a quote in the middle", in);
        }
        if (*in == '\\') {
            in++;
            switch (*in) {
            case 'n':
                *out++ = '\n';
                break;
            case 't':
                *out++ = '\t';
                break;
            case '\\':
            case '"':
                if (in == value + length - 1) {
                    return complain(ini, "the last quote is escaped", in);
                }
                *out++ = *in;
                break;
            default:
                return complain(ini, "an unknown escape", in - 1);
            }
            in++;
        } else {
            *out++ = *in++;
        }
    }
    *out = '\0';
    return 1;
}

/* Deal with one whole line; the section may change. */
static int take_line(struct ini *ini, char *line, char *section)
{
    char *text;
    char *equals;

    drop_remark(line);
    text = strip(line);
    if (text[0] == '\0' || text[0] == '#') {
        return 1;
    }
    if (text[0] == '[') {
        size_t length = strlen(text);
        if (text[length - 1] != ']') {
            return complain(ini, "a bracket is open", text);
        }
        text[length - 1] = '\0';
        text = strip(text + 1);
        if (*text == '\0' || strlen(text) >= PART_LIMIT) {
            return complain(ini, "this cannot be a section", text);
        }
        strcpy(section, text);
        return 1;
    }
    equals = strchr(text, '=');
    if (equals == NULL) {
        return complain(ini, "there is no equals sign", text);
    } else {
        char *key;
        char *value;
        *equals = '\0';
        key = strip(text);
        value = strip(equals + 1);
        if (*key == '\0') {
            return complain(ini, "a value without a name", value);
        }
        return unquote(ini, value) && ini_set(ini, section, key, value);
    }
}

/* Read a text; returns 1, or 0 with a complaint and a line number. */
int ini_read(struct ini *ini, const char *text)
{
    char section[PART_LIMIT] = "";
    char line[LINE_LIMIT];
    size_t used = 0;

    ini->line = 0;
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        int joined = 0;
        ini->line++;
        if (used + length >= LINE_LIMIT) {
            return complain(ini, "the line is too long", "...");
        }
        memcpy(line + used, text, length);
        used += length;
        text += length;
        if (*text == '\n') {
            text++;
        }
        if (length > 0 && line[used - 1] == '\\') {
            if (*text != '\0') {
                line[used - 1] = ' ';   // in place of the backslash
                joined = 1;
            }
        }
        if (!joined) {
            line[used] = '\0';
            used = 0;
            if (!take_line(ini, line, section)) {
                return 0;
            }
        }
    }
    return 1;
}

/* The value of a setting, or a substitute when it is not set. */
const char *ini_text(const struct ini *ini, const char *section,
                     const char *key, const char *otherwise)
{
    const struct setting *s = find(ini, section, key);

    return s != NULL ? s->value : otherwise;
}

/* The same for whole numbers; nonsense counts as not set. */
long ini_number(const struct ini *ini, const char *section,
                const char *key, long otherwise)
{
    const struct setting *s = find(ini, section, key);
    char *end;
    long number;

    if (s == NULL || s->value[0] == '\0') {
        return otherwise;
    }
    errno = 0;
    number = strtol(s->value, &end, 0);
    if (*end != '\0' || errno == ERANGE) {
        return otherwise;
    }
    return number;
}

/* And for switches: yes, on, true and 1, or no, off, false and 0. */
int ini_switch(const struct ini *ini, const char *section,
               const char *key, int otherwise)
{
    static const char *const words[2][4] = {
        { "no", "off", "false", "0" },
        { "yes", "on", "true", "1" }
    };
    const struct setting *s = find(ini, section, key);
    int side, i;

    if (s != NULL) {
        for (side = 0; side < 2; side++) {
            for (i = 0; i < 4; i++) {
                if (same_word(s->value, words[side][i])) {
                    return side;
                }
            }
        }
    }
    return otherwise;
}

/* Try a text that uses everything, and two that are wrong. */
int ini_selftest(void)
{
    static const char good[] =
        "language = Norse   ; spoken by the crew\n"
        "# rigging\n"
        "[Mast]\n"
        "height = 0x1f\n"
        "flag = \"red; \\\"torn\\\"\"\n"
        "[ hold ]\n"
        "cargo = salt, \\\n"
        "  rope\n"
        "locked = Yes\n";
    static const char *const wrong[] = {
        "[open\nx = 1\n",
        "a = 1\n\nno sign here\n"
    };
    struct ini ini;
    int faults = 0;
    size_t i;

    ini_init(&ini);
    if (!ini_read(&ini, good)) {
        printf("line %d, %s\n", ini.line, ini.complaint);
        faults++;
    }
    if (ini_number(&ini, "mast", "height", -1) != 31) {
        puts("the mast has lost its height");
        faults++;
    }
    if (strcmp(ini_text(&ini, "mast", "flag", "?"), "red; \"torn\"") != 0) {
        printf("the flag is %s\n", ini_text(&ini, "mast", "flag", "?"));
        faults++;
    }
    if (!ini_switch(&ini, "hold", "locked", 0)) {
        puts("the hold stands open");
        faults++;
    }
    ini_free(&ini);
    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (ini_read(&ini, wrong[i])) {
            printf("text %lu should have failed\n", (unsigned long) i);
            faults++;
        } else {
            printf("as expected, line %d: %s\n", ini.line, ini.complaint);
        }
        ini_free(&ini);
    }
    return faults;
}
