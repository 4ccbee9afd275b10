/*
 * matrix.c - dense matrices of doubles, stored row by row.
 *
 * All functions that create a matrix return NULL when memory is short or
 * when the shapes of their arguments do not fit together. The solver uses
 * elimination with row exchanges, so that it never divides by a number
 * that is small beside the others in its column.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TINY 1e-12

typedef struct {
    int rows;
    int cols;
    double *cell;           /* rows * cols numbers */
} Matrix;

/* The element in row r and column c. */
#define AT(m, r, c) ((m)->cell[(size_t) (r) * (size_t) (m)->cols + (size_t) (c)])

/* Make a matrix full of zeros. */
Matrix *matrix_new(int rows, int cols)
{
    Matrix *m;

    if (rows <= 0 || cols <= 0) {
        return NULL;
    }
    m = malloc(sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    m->rows = rows;
    m->cols = cols;
    m->cell = calloc((size_t) rows * (size_t) cols, sizeof *m->cell);
    if (m->cell == NULL) {
        free(m);
        return NULL;
    }
    return m;
}

/* Destroy a matrix; NULL is welcome. */
void matrix_free(Matrix *m)
{
    if (m != NULL) {
        free(m->cell);
        free(m);
    }
}

/* Make a matrix from a flat list of numbers. */
Matrix *matrix_from(int rows, int cols, const double *numbers)
{
    Matrix *m = matrix_new(rows, cols);

    if (m != NULL) {
        memcpy(m->cell, numbers,
               (size_t) rows * (size_t) cols * sizeof *numbers);
    }
    return m;
}

/* The square matrix with ones along the diagonal. */
Matrix *matrix_identity(int size)
{
    Matrix *m = matrix_new(size, size);
    int i;

    if (m != NULL) {
        for (i = 0; i < size; i++) {
            AT(m, i, i) = 1.0;
        }
    }
    return m;
}

/* A mirror image: rows become columns. */
Matrix *matrix_transpose(const Matrix *a)
{
    Matrix *t = matrix_new(a->cols, a->rows);
    int r, c;

    if (t == NULL) {
        return NULL;
    }
    for (r = 0; r < a->rows; r++) {
        for (c = 0; c < a->cols; c++) {
            AT(t, c, r) = AT(a, r, c);
        }
    }
    return t;
}

/* The product of two matrices. */
Matrix *matrix_times(const Matrix *a, const Matrix *b)
{
    Matrix *p;
    int r, c, k;

    if (a->cols != b->rows) {
        return NULL;
    }
    p = matrix_new(a->rows, b->cols);
    if (p == NULL) {
        return NULL;
    }
    // The middle loop runs over k so that both b and p are read in the
    // order in which they lie in memory.
    for (r = 0; r < a->rows; r++) {
        for (k = 0; k < a->cols; k++) {
            double factor = AT(a, r, k);
            if (factor != 0.0) {
                for (c = 0; c < b->cols; c++) {
                    AT(p, r, c) += factor * AT(b, k, c);
                }
            }
        }
    }
    return p;
}

/*
 * A power with a whole exponent that is not negative, by repeated
 * squaring: the binary digits of the exponent say which of the squares
 * a, a^2, a^4, a^8, ... are multiplied into the result.
 */
Matrix *matrix_power(const Matrix *a, unsigned exponent)
{
    Matrix *result;
    Matrix *square;

    if (a->rows != a->cols) {
        return NULL;
    }
    result = matrix_identity(a->rows);
    square = matrix_from(a->rows, a->cols, a->cell);
    while (exponent > 0 && result != NULL && square != NULL) {
        Matrix *next;
        if (exponent & 1u) {
            next = matrix_times(result, square);
            matrix_free(result);
            result = next;
        }
        exponent >>= 1;
        if (exponent > 0) {
            next = matrix_times(square, square);
            matrix_free(square);
            square = next;
            if (square == NULL) {
                matrix_free(result);
                return NULL;
            }
        }
    }
    matrix_free(square);
    return result;
}

/* Exchange two rows. */
static void swap_rows(Matrix *m, int one, int two)
{
    int c;

    if (one == two) {
        return;
    }
    for (c = 0; c < m->cols; c++) {
        double keep = AT(m, one, c);
        AT(m, one, c) = AT(m, two, c);
        AT(m, two, c) = keep;
    }
}

/* Among the rows from `from` downward, the one largest in a column. */
static int largest_in_column(const Matrix *m, int col, int from)
{
    int best = from;
    int r;

    for (r = from + 1; r < m->rows; r++) {
        if (fabs(AT(m, r, col)) > fabs(AT(m, best, col))) {
            best = r;
        }
    }
    return best;
}

/*
 * Bring a square matrix to triangular form, doing the same to a matrix
 * of right hand sides if there is one. Returns the determinant, which is
 * zero when the work had to stop.
 */
static double eliminate(Matrix *m, Matrix *sides)
{
    double det = 1.0;
    int col, r, c;

    for (col = 0; col < m->cols; col++) {
        int pivot = largest_in_column(m, col, col);
        if (fabs(AT(m, pivot, col)) < TINY) {
            return 0.0;
        }
        if (pivot != col) {
            swap_rows(m, pivot, col);
            if (sides != NULL) {
                swap_rows(sides, pivot, col);
            }
            det = -det;
        }
        det *= AT(m, col, col);
        for (r = col + 1; r < m->rows; r++) {
            double share = AT(m, r, col) / AT(m, col, col);
            if (share != 0.0) {
                for (c = col; c < m->cols; c++) {
                    AT(m, r, c) -= share * AT(m, col, c);
                }
                if (sides != NULL) {
                    for (c = 0; c < sides->cols; c++) {
                        AT(sides, r, c) -= share * AT(sides, col, c);
                    }
                }
            }
        }
    }
    return det;
}

/* The determinant; the argument is left as it was. */
double matrix_det(const Matrix *a)
{
    Matrix *work;
    double det;

    if (a->rows != a->cols) {
        return 0.0;
    }
    work = matrix_from(a->rows, a->cols, a->cell);
    if (work == NULL) {
        return 0.0;
    }
    det = eliminate(work, NULL);
    matrix_free(work);
    return det;
}

/*
 * Solve a * x = b for x. Every column of b is a separate task, so the
 * inverse is what comes out when b is the identity.
 */
Matrix *matrix_solve(const Matrix *a, const Matrix *b)
{
    Matrix *work;
    Matrix *x;
    int r, c, k;

    if (a->rows != a->cols || a->rows != b->rows) {
        return NULL;
    }
    work = matrix_from(a->rows, a->cols, a->cell);
    x = matrix_from(b->rows, b->cols, b->cell);
    if (work == NULL || x == NULL || eliminate(work, x) == 0.0) {
        matrix_free(work);
        matrix_free(x);
        return NULL;
    }
    /* The last unknown stands alone; go upward from there. */
    for (r = a->rows - 1; r >= 0; r--) {
        for (c = 0; c < x->cols; c++) {
            double rest = AT(x, r, c);
            for (k = r + 1; k < a->cols; k++) {
                rest -= AT(work, r, k) * AT(x, k, c);
            }
            AT(x, r, c) = rest / AT(work, r, r);
        }
    }
    matrix_free(work);
    return x;
}

/* Print with a title, one row to a line. */
void matrix_print(const Matrix *m, const char *title)
{
    int r, c;

    printf("%s (%d x %d):\n", title, m->rows, m->cols);
    for (r = 0; r < m->rows; r++) {
        for (c = 0; c < m->cols; c++) {
            printf("%s%9.4f", c > 0 ? " " : "  [", AT(m, r, c));
        }
        printf(" ]\n");
    }
}

/* The largest distance between elements in equal places, or -1. */
double matrix_distance(const Matrix *a, const Matrix *b)
{
    double worst = 0.0;
    int r, c;

    if (a->rows != b->rows || a->cols != b->cols) {
        return -1.0;
    }
    for (r = 0; r < a->rows; r++) {
        for (c = 0; c < a->cols; c++) {
            double gap = fabs(AT(a, r, c) - AT(b, r, c));
            if (gap > worst) {
                worst = gap;
            }
        }
    }
    return worst;
}

/* Check the inverse of a small matrix and a power that is known. */
int matrix_selftest(void)
{
    static const double numbers[9] = {
        0.0, 2.0, 1.0,          /* a zero here forces an exchange */
        4.0, 1.0, -1.0,
        2.0, 3.0, 5.0
    };
    static const double steps[4] = { 1.0, 1.0, 1.0, 0.0 };
    Matrix *a = matrix_from(3, 3, numbers);
    Matrix *one = matrix_identity(3);
    Matrix *s = matrix_from(2, 2, steps);
    int faults = 0;

    if (a != NULL && one != NULL && s != NULL) {
        Matrix *inverse = matrix_solve(a, one);
        Matrix *tenth = matrix_power(s, 10);
        if (inverse == NULL) {
            puts("no inverse was found, though one exists");
            faults++;
        } else {
            Matrix *back = matrix_times(a, inverse);
            if (back == NULL || matrix_distance(back, one) > 1e-9) {
                puts("the inverse does not undo the matrix");
                faults++;
            }
            matrix_print(inverse, "inverse");
            matrix_free(back);
        }
        if (tenth == NULL || fabs(AT(tenth, 0, 0) - 89.0) > 1e-9) {
            puts("the tenth power should begin with 89");
            faults++;
        }
        matrix_free(inverse);
        matrix_free(tenth);
    }
    matrix_free(a);
    matrix_free(one);
    matrix_free(s);
    return faults;
}
