/*
 * stackvm.c - a tiny stack machine with an assembler in front of it.
 *
 * A program is text, one instruction to a line. A word that ends with a
 * colon is a label and names the place of the instruction behind it:
 *
 *             push 10
 *     again:  dup
 *             print           ; ten, nine, eight, ...
 *             push 1
 *             sub
 *             dup
 *             jumpif again    ; until zero is left
 *             halt
 *
 * The machine has a stack for numbers, another one for return addresses,
 * and sixteen cells of memory. It stops at the first mistake and says
 * which instruction made it.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE_MAX 128
#define STACK_MAX 32
#define CALLS_MAX 16
#define CELLS 16
#define LABELS_MAX 24
#define WORD_MAX 16
#define STEPS_MAX 100000L

enum opcode {
    OP_HALT, OP_PUSH, OP_DROP, OP_DUP, OP_SWAP, OP_OVER,
    OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_LESS, OP_NOT,
    OP_LOAD, OP_STORE, OP_JUMP, OP_JUMPIF, OP_CALL, OP_RETURN,
    OP_PRINT, OP_COUNT
};

enum operand { NONE, NUMBER, PLACE, CELL };

struct op_info {
    const char *name;
    enum operand operand;
    int needs;              /* entries that must be on the stack */
    int leaves;             /* entries that take their place */
};

struct instruction {
    enum opcode op;
    long arg;
    int line;               /* in the source, for messages */
};

struct label {
    char name[WORD_MAX];
    int place;              /* -1 while used but not yet defined */
};

struct vm {
    struct instruction code[CODE_MAX];
    int length;
    struct label label[LABELS_MAX];
    int labels;
    long stack[STACK_MAX];
    int depth;
    int calls[CALLS_MAX];
    int call_depth;
    long cell[CELLS];
    long last_printed;
    char error[100];
};

/* One row for every opcode, in the order of the enumeration. */
static const struct op_info info[OP_COUNT] = {
    { "halt", NONE, 0, 0 },
    { "push", NUMBER, 0, 1 },
    { "drop", NONE, 1, 0 },
    { "dup", NONE, 1, 2 },
    { "swap", NONE, 2, 2 },
    { "over", NONE, 2, 3 },
    { "add", NONE, 2, 1 },
    { "sub", NONE, 2, 1 },
    { "mul", NONE, 2, 1 },
    { "div", NONE, 2, 1 },
    { "less", NONE, 2, 1 },
    { "not", NONE, 1, 1 },
    { "load", CELL, 0, 1 },
    { "store", CELL, 1, 0 },
    { "jump", PLACE, 0, 0 },
    { "jumpif", PLACE, 1, 0 },
    { "call", PLACE, 0, 0 },
    { "return", NONE, 0, 0 },
    { "print", NONE, 1, 0 }
};

/* Keep an error message; always returns 0. */
static int refuse(struct vm *vm, int line, const char *why, const char *word)
{
    sprintf(vm->error, "line %d: %.50s %.16s", line, why, word);
    return 0;
}

/* The number of a label, which is noted down if it is new. */
static int label_number(struct vm *vm, const char *name)
{
    int i;

    for (i = 0; i < vm->labels; i++) {
        if (strcmp(vm->label[i].name, name) == 0) {
            return i;
        }
    }
    if (vm->labels == LABELS_MAX) {
        return -1;
    }
    strcpy(vm->label[i].name, name);
    vm->label[i].place = -1;
    return vm->labels++;
}

/* Cut the next word from a line; returns its length, 0 at the end. */
static int next_word(const char **at, char *word)
{
    int length = 0;

    while (**at == ' ' || **at == '\t') {
        (*at)++;
    }
    if (**at == ';') {
        return 0;               /* the rest is a remark */
    }
    while (**at != '\0' && !isspace((unsigned char) **at) && **at != ';') {
        if (length < WORD_MAX - 1) {
            word[length++] = **at;
        }
        (*at)++;
    }
    word[length] = '\0';
    return length;
}

/* Read the operand that an instruction of this kind must have. */
static int read_operand(struct vm *vm, const char **at,
                        struct instruction *in)
{
    enum operand kind = info[in->op].operand;
    char word[WORD_MAX];
    char *end;

    in->arg = 0;
    if (kind == NONE) {
        return 1;
    }
    if (next_word(at, word) == 0) {
        return refuse(vm, in->line, "an operand is missing for",
                      info[in->op].name);
    }
    switch (kind) {
    case PLACE:
        in->arg = label_number(vm, word);
        if (in->arg < 0) {
            return refuse(vm, in->line, "too many labels, at", word);
        }
        return 1;
    case NUMBER:
    case CELL:
        in->arg = strtol(word, &end, 10);
        if (*end != '\0') {
            return refuse(vm, in->line, "this is no number:", word);
        }
        if (kind == CELL && (in->arg < 0 || in->arg >= CELLS)) {
            return refuse(vm, in->line, "there is no cell", word);
        }
        return 1;
    case NONE:
        break;
    }
    return 1;
}

/* Assemble one line, which may hold a label and an instruction. */
static int assemble_line(struct vm *vm, const char *at, int line)
{
    char word[WORD_MAX];
    int length;

    while ((length = next_word(&at, word)) > 0) {
        if (word[length - 1] == ':') {
            int n;
            word[length - 1] = '\0';
            n = label_number(vm, word);
            if (n < 0 || vm->label[n].place >= 0) {
                return refuse(vm, line, "this label cannot be used:", word);
            }
            vm->label[n].place = vm->length;
        } else {
            struct instruction *in = &vm->code[vm->length];
            int op = 0;
            while (op < OP_COUNT && strcmp(info[op].name, word) != 0) {
                op++;
            }
            if (op == OP_COUNT) {
                return refuse(vm, line, "no instruction is called", word);
            }
            if (vm->length == CODE_MAX - 1) {
                return refuse(vm, line, "the program is too long at", word);
            }
            in->op = (enum opcode) op;
            in->line = line;
            if (!read_operand(vm, &at, in)) {
                return 0;
            }
            vm->length++;
        }
    }
    return 1;
}

/* Assemble a whole text; returns 1 on success. */
int vm_assemble(struct vm *vm, const char *text)
{
    int line = 1;
    int i;

    memset(vm, 0, sizeof *vm);
    while (*text != '\0') {
        char row[100];
        size_t length = strcspn(text, "\n");
        if (length >= sizeof row) {
            return refuse(vm, line, "the line is too long", "");
        }
        memcpy(row, text, length);
        row[length] = '\0';
        if (!assemble_line(vm, row, line)) {
            return 0;
        }
        text += length;
        if (*text == '\n') {
            text++;
            line++;
        }
    }
    /* Jumps hold label numbers so far; turn these into places. */
    for (i = 0; i < vm->length; i++) {
        struct instruction *in = &vm->code[i];
        if (info[in->op].operand == PLACE) {
            const struct label *l = &vm->label[in->arg];
            if (l->place < 0) {
                return refuse(vm, in->line, "nothing is labelled", l->name);
            }
            in->arg = l->place;
        }
    }
    vm->code[vm->length].op = OP_HALT;  // in case the text forgot it
    return 1;
}

/* Carry out an instruction that only touches the top of the stack. */
static int compute(struct vm *vm, const struct instruction *in)
{
    long *top = &vm->stack[vm->depth - 1];

    switch (in->op) {
    case OP_ADD: top[-1] += top[0]; break;
    case OP_SUB: top[-1] -= top[0]; break;
    case OP_MUL: top[-1] *= top[0]; break;
    case OP_DIV:
        if (top[0] == 0) {
            return refuse(vm, in->line, "division by zero in", "div");
        }
        top[-1] /= top[0];
        break;
    case OP_LESS: top[-1] = top[-1] < top[0]; break;
    case OP_NOT: top[0] = !top[0]; break;
    case OP_DUP: top[1] = top[0]; break;
    case OP_OVER: top[1] = top[-1]; break;
    case OP_SWAP: {
        long keep = top[0];
        top[0] = top[-1];
        top[-1] = keep;
        break;
    }
    default:
        break;
    }
    return 1;
}

/* Run from the first instruction; prints go to a stream, if given. */
int vm_run(struct vm *vm, FILE *out)
{
    int at = 0;
    long steps;

    vm->depth = 0;
    vm->call_depth = 0;
    for (steps = 0; steps < STEPS_MAX; steps++) {
        const struct instruction *in = &vm->code[at++];
        const struct op_info *about = &info[in->op];
        long top = vm->depth > 0 ? vm->stack[vm->depth - 1] : 0;

        if (vm->depth < about->needs) {
            return refuse(vm, in->line, "too little on the stack for",
                          about->name);
        }
        if (vm->depth - about->needs + about->leaves > STACK_MAX) {
            return refuse(vm, in->line, "the stack is full at", about->name);
        }
        switch (in->op) {
        case OP_HALT:
            return 1;
        case OP_PUSH:
            vm->stack[vm->depth] = in->arg;
            break;
        case OP_LOAD:
            vm->stack[vm->depth] = vm->cell[in->arg];
            break;
        case OP_STORE:
            vm->cell[in->arg] = top;
            break;
        case OP_JUMP:
            at = (int) in->arg;
            break;
        case OP_JUMPIF:
            if (top != 0) {
                at = (int) in->arg;
            }
            break;
        case OP_CALL:
            if (vm->call_depth == CALLS_MAX) {
                return refuse(vm, in->line, "calls are nested too deep", "");
            }
            vm->calls[vm->call_depth++] = at;
            at = (int) in->arg;
            break;
        case OP_RETURN:
            if (vm->call_depth == 0) {
                return refuse(vm, in->line, "nowhere to go for", "return");
            }
            at = vm->calls[--vm->call_depth];
            break;
        case OP_PRINT:
            vm->last_printed = top;
            if (out != NULL) {
                fprintf(out, "%ld\n", top);
            }
            break;
        default:
            if (!compute(vm, in)) {
                return 0;
            }
            break;
        }
        vm->depth += about->leaves - about->needs;
    }
    return refuse(vm, vm->code[at].line, "the program does not end", "");
}

/* A sum of squares, a subroutine, and two faulty programs. */
int stackvm_selftest(void)
{
    static const char squares[] =
        "        push 6\n"
        "        store 0\n"
        "round:  load 0          ; the number itself\n"
        "        call square\n"
        "        load 1\n"
        "        add\n"
        "        store 1\n"
        "        load 0\n"
        "        push 1\n"
        "        sub\n"
        "        dup\n"
        "        store 0\n"
        "        jumpif round\n"
        "        load 1\n"
        "        print\n"
        "        halt\n"
        "square: dup\n"
        "        mul\n"
        "        return\n";
    struct vm *vm = malloc(sizeof *vm);
    int faults = 0;

    if (vm == NULL) {
        return 1;
    }
    if (!vm_assemble(vm, squares) || !vm_run(vm, stdout)) {
        puts(vm->error);
        faults++;
    } else if (vm->last_printed != 91) {
        printf("the squares add up to %ld\n", vm->last_printed);
        faults++;
    }
    if (vm_assemble(vm, "push 1\njump away\n")) {
        puts("a missing label was not noticed");
        faults++;
    }
    if (!vm_assemble(vm, "push 4\npush 0\ndiv\n") || vm_run(vm, NULL)) {
        puts("zero has been divided by");
        faults++;
    } else {
        printf("as it should be: %s\n", vm->error);
    }
    free(vm);
    return faults;
}
