/* Numbers in fixed columns of text: the tables of result files, read at the speed of the disk.
 *
 * Strict and bounded: no byte outside the text is read, a field that is no finite decimal number is
 * refused with its place, and nothing depends on the locale. */

#include <math.h>
#include <stdint.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#define MOST_DIGITS 18 /* of a mantissa that fits in 64 bits */
#define MOST_EXPONENT 9999

static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* mantissa * 10^exponent; correctly rounded for up to 15 digits and small exponents, within two
 * units in the last place otherwise. */
static double scaled(uint64_t mantissa, int64_t exponent) {
    if (mantissa < (UINT64_C(1) << 53) && exponent >= -22 && exponent <= 22) {
        return exponent < 0 ? (double)mantissa / powers[-exponent]
                            : (double)mantissa * powers[exponent];
    }
    return (double)((long double)mantissa * powl(10.0L, (long double)exponent));
}

/* Sets the exponent that stands in text[i..n): E+05, D-3, or -101 without a letter. */
static int64_t read_exponent(const char *text, int64_t i, int64_t n, int64_t *exponent) {
    int negative = 0;
    int64_t start, value = 0;
    if (text[i] == 'E' || text[i] == 'e' || text[i] == 'D' || text[i] == 'd') {
        i++;
    } else if (text[i] != '+' && text[i] != '-') {
        return i;
    }
    if (i < n && (text[i] == '+' || text[i] == '-')) {
        negative = text[i++] == '-';
    }
    for (start = i; i < n && is_digit(text[i]); i++) {
        if (value <= MOST_EXPONENT) {
            value = 10 * value + (text[i] - '0');
        }
    }
    if (i == start) {
        return -1;
    }
    *exponent = negative ? -value : value;
    return i;
}

/* Reads the one number in text[0..n), blanks around it allowed; returns 0 if there is none. */
static int read_number(const char *text, int64_t n, double *value) {
    int64_t i = 0, digits = 0, significant = 0, fraction = 0, dropped = 0, exponent = 0;
    uint64_t mantissa = 0;
    int negative = 0, point = 0;
    while (i < n && text[i] == ' ') {
        i++;
    }
    if (i < n && (text[i] == '+' || text[i] == '-')) {
        negative = text[i++] == '-';
    }
    for (; i < n; i++) {
        if (is_digit(text[i])) {
            if (significant < MOST_DIGITS) {
                mantissa = 10 * mantissa + (uint64_t)(text[i] - '0');
                significant += mantissa != 0;
                fraction += point;
            } else {
                dropped += !point;
            }
            digits++;
        } else if (text[i] == '.' && !point) {
            point = 1;
        } else {
            break;
        }
    }
    if (digits == 0) {
        return 0;
    }
    if (i < n && text[i] != ' ') {
        i = read_exponent(text, i, n, &exponent);
        if (i < 0) {
            return 0;
        }
    }
    while (i < n && text[i] == ' ') {
        i++;
    }
    if (i < n) {
        return 0;
    }
    *value = mantissa == 0 ? 0.0 : scaled(mantissa, exponent - fraction + dropped);
    if (!isfinite(*value)) {
        return 0;
    }
    if (negative) {
        *value = -*value;
    }
    return 1;
}

/* Read n_rows rows of `width` bytes. Bytes of the template other than '#' must stand in every row;
 * each field is `sizes[k]` bytes from `starts[k]`, within the row. Values go to
 * values[row * n_fields + field]. Returns -1, or the number of the first row that is malformed, with
 * the field in *bad (or -1 there when the template is not met). */
EXPORT int64_t romnet_read_columns(const char *text, int64_t n_rows, int64_t width,
                                   const char *layout, int64_t n_fields, const int64_t *starts,
                                   const int64_t *sizes, double *values, int64_t *bad) {
    for (int64_t row = 0; row < n_rows; row++) {
        const char *line = text + row * width;
        for (int64_t k = 0; k < width; k++) {
            if (layout[k] != '#' && layout[k] != line[k]) {
                *bad = -1;
                return row;
            }
        }
        for (int64_t k = 0; k < n_fields; k++) {
            if (!read_number(line + starts[k], sizes[k], values + row * n_fields + k)) {
                *bad = k;
                return row;
            }
        }
    }
    return -1;
}
