/*
 * tokens.c - a tokenizer and evaluator for a small expression language.
 *
 * The language knows numbers, quoted strings, names, the usual operators,
 * parentheses, and remarks that begin with '#' and run to the end of the
 * line. A program is a list of expressions parted by semicolons, such as
 *
 *     # the area of a frame
 *     w = 12; h = 7.5;
 *     (w + 2) * (h + 2) - w * h
 *
 * The evaluator below works on numbers alone; strings are tokenized so
 * that an error message can show them, but no operator accepts them.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_LIMIT 64
#define NAME_LIMIT 24
#define VARIABLES 32

enum kind {
    T_END, T_NUMBER, T_STRING, T_NAME,
    T_PLUS, T_MINUS, T_STAR, T_SLASH, T_PERCENT,
    T_OPEN, T_CLOSE, T_ASSIGN, T_EQUAL, T_LESS, T_LESS_EQUAL,
    T_SEMICOLON, T_BAD
};

struct token {
    enum kind kind;
    double number;              /* for T_NUMBER */
    char text[TEXT_LIMIT];      /* for T_NAME and T_STRING, or an error */
    int line;
};

struct lexer {
    const char *at;
    int line;
    struct token now;           /* the token being looked at */
};

struct variable {
    char name[NAME_LIMIT];
    double value;
};

struct machine {
    struct lexer lex;
    struct variable vars[VARIABLES];
    int count;
    int failed;
    char message[128];
};

/* Words for the kinds, in the order of the enumeration. */
static const char *const kind_names[] = {
    "end of input", "number", "string", "name",
    "'+'", "'-'", "'*'", "'/'", "'%'",
    "'('", "')'", "'='", "'=='", "'<'", "'<='",
    "';'", "bad token"
};

/* Step over blanks and remarks, counting the lines on the way. */
static void skip_blanks(struct lexer *lx)
{
    for (;;) {
        if (*lx->at == '\n') {
            lx->line++;
            lx->at++;
        } else if (isspace((unsigned char) *lx->at)) {
            lx->at++;
        } else if (*lx->at == '#') {
            while (*lx->at != '\0' && *lx->at != '\n') {
                lx->at++;
            }
        } else {
            return;
        }
    }
}

/* Turn the token into a complaint. */
static void bad_token(struct token *t, const char *why)
{
    t->kind = T_BAD;
    strncpy(t->text, why, TEXT_LIMIT - 1);
    t->text[TEXT_LIMIT - 1] = '\0';
}

/*
 * Read a string literal; lx->at stands on the opening quote. The escapes
 * \n, \t, \" and \\ are understood and every other one is refused.
 */
static void read_string(struct lexer *lx, struct token *t)
{
    size_t used = 0;

    t->kind = T_STRING;
    lx->at++;
    while (*lx->at != '"') {
        char c = *lx->at;
        if (c == '\0' || c == '\n') {
            bad_token(t, "a string is not closed on its line");
            return;
        }
        if (c == '\\') {
            lx->at++;
            switch (*lx->at) {
            case 'n':
                c = '\n';
                break;
            case 't':
                c = '\t';
                break;
            case '"':
            case '\\':
                c = *lx->at;
                break;
            default:
                bad_token(t, "unknown escape in a string");
                return;
            }
        }
        if (used + 1 >= TEXT_LIMIT) {
            bad_token(t, "a string is too long");
            return;
        }
        t->text[used++] = c;
        lx->at++;
    }
    t->text[used] = '\0';
    lx->at++;                   /* the closing quote */
}

/* Choose between a one-character operator and its two-character kin. */
static enum kind longer(struct lexer *lx, char second,
                        enum kind one, enum kind two)
{
    if (lx->at[1] == second) {
        lx->at += 2;
        return two;
    }
    lx->at += 1;
    return one;
}

/* Read the next token into lx->now. */
static void advance(struct lexer *lx)
{
    struct token *t = &lx->now;
    unsigned char c;

    skip_blanks(lx);
    c = (unsigned char) *lx->at;
    t->line = lx->line;
    t->text[0] = '\0';
    t->number = 0.0;

    if (isdigit(c) || (c == '.' && isdigit((unsigned char) lx->at[1]))) {
        char *end;
        t->kind = T_NUMBER;
        t->number = strtod(lx->at, &end);
        lx->at = end;
        return;
    }
    if (isalpha(c) || c == '_') {
        size_t used = 0;
        while (isalnum((unsigned char) *lx->at) || *lx->at == '_') {
            if (used + 1 < NAME_LIMIT) {
                t->text[used++] = *lx->at;
            }
            lx->at++;
        }
        t->text[used] = '\0';
        t->kind = T_NAME;
        return;
    }
    switch (c) {
    case '\0': t->kind = T_END; break;
    case '"': read_string(lx, t); break;
    case '+': t->kind = T_PLUS; lx->at++; break;
    case '-': t->kind = T_MINUS; lx->at++; break;
    case '*': t->kind = T_STAR; lx->at++; break;
    case '/': t->kind = T_SLASH; lx->at++; break;
    case '%': t->kind = T_PERCENT; lx->at++; break;
    case '(': t->kind = T_OPEN; lx->at++; break;
    case ')': t->kind = T_CLOSE; lx->at++; break;
    case ';': t->kind = T_SEMICOLON; lx->at++; break;
    case '=': t->kind = longer(lx, '=', T_ASSIGN, T_EQUAL); break;
    case '<': t->kind = longer(lx, '=', T_LESS, T_LESS_EQUAL); break;
    default:
        bad_token(t, "a character that has no meaning");
        lx->at++;
        break;
    }
}

/* Note the first failure; later ones would only follow from it. */
static double fail(struct machine *m, const char *what)
{
    if (!m->failed) {
        const struct token *t = &m->lex.now;
        m->failed = 1;
        if (t->kind == T_BAD) {
            sprintf(m->message, "line %d: %.60s", t->line, t->text);
        } else {
            sprintf(m->message, "line %d: %.60s near %s",
                    t->line, what, kind_names[t->kind]);
        }
    }
    return 0.0;
}

/* Find a variable, making it on demand; NULL when it cannot be had. */
static struct variable *lookup(struct machine *m, const char *name, int make)
{
    int i;

    for (i = 0; i < m->count; i++) {
        if (strcmp(m->vars[i].name, name) == 0) {
            return &m->vars[i];
        }
    }
    if (!make || m->count == VARIABLES) {
        return NULL;
    }
    strcpy(m->vars[m->count].name, name);
    m->vars[m->count].value = 0.0;
    return &m->vars[m->count++];
}

static double comparison(struct machine *m);

/* A number, a name, something in parentheses, or a sign before these. */
static double primary(struct machine *m)
{
    struct lexer *lx = &m->lex;
    double value = 0.0;

    switch (lx->now.kind) {
    case T_NUMBER:
        value = lx->now.number;
        advance(lx);
        break;
    case T_NAME: {
        struct variable *v = lookup(m, lx->now.text, 0);
        if (v == NULL) {
            return fail(m, "no value has been given to this");
        }
        value = v->value;
        advance(lx);
        break;
    }
    case T_MINUS:
        advance(lx);
        value = -primary(m);
        break;
    case T_OPEN:
        advance(lx);
        value = comparison(m);
        if (lx->now.kind != T_CLOSE) {
            return fail(m, "a parenthesis is open");
        }
        advance(lx);
        break;
    default:
        return fail(m, "a value is wanted");
    }
    return value;
}

/* Products, quotients and remainders, from left to right. */
static double product(struct machine *m)
{
    double left = primary(m);

    while (!m->failed) {
        enum kind op = m->lex.now.kind;
        double right;
        if (op != T_STAR && op != T_SLASH && op != T_PERCENT) {
            break;
        }
        advance(&m->lex);
        right = primary(m);
        if (op == T_STAR) {
            left *= right;
        } else if (right == 0.0) {
            return fail(m, "division by zero");
        } else if (op == T_SLASH) {
            left /= right;
        } else {
            left -= right * (double) (long) (left / right);
        }
    }
    return left;
}

/* Sums and differences. */
static double sum(struct machine *m)
{
    double left = product(m);

    while (m->lex.now.kind == T_PLUS || m->lex.now.kind == T_MINUS) {
        int minus = (m->lex.now.kind == T_MINUS);
        advance(&m->lex);
        if (minus) {
            left -= product(m);
        } else {
            left += product(m);
        }
    }
    return left;
}

/* At most one comparison, which gives 1 or 0. */
static double comparison(struct machine *m)
{
    double left = sum(m);
    enum kind op = m->lex.now.kind;

    if (op == T_EQUAL || op == T_LESS || op == T_LESS_EQUAL) {
        double right;
        advance(&m->lex);
        right = sum(m);
        if (op == T_EQUAL) {
            return left == right;
        }
        return op == T_LESS ? left < right : left <= right;
    }
    return left;
}

/* Run a program; the result is the value of its last expression. */
double tokens_run(struct machine *m, const char *program)
{
    double value = 0.0;

    m->lex.at = program;
    m->lex.line = 1;
    m->failed = 0;
    m->message[0] = '\0';
    advance(&m->lex);
    while (m->lex.now.kind != T_END && !m->failed) {
        struct lexer mark = m->lex;     /* to step back to */
        struct variable *target = NULL;
        if (mark.now.kind == T_NAME) {
            advance(&m->lex);
            if (m->lex.now.kind == T_ASSIGN) {
                target = lookup(m, mark.now.text, 1);
                if (target == NULL) {
                    return fail(m, "too many names");
                }
                advance(&m->lex);
            } else {
                m->lex = mark;          // a plain expression after all
            }
        }
        value = comparison(m);
        if (target != NULL) {
            target->value = value;
        }
        if (m->lex.now.kind == T_SEMICOLON) {
            advance(&m->lex);
        } else if (m->lex.now.kind != T_END) {
            fail(m, "';' is missing");
        }
    }
    return value;
}
