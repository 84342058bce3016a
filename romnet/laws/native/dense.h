/* Small dense systems: factors with row exchanges, in place. */
#ifndef ROMNET_DENSE_H
#define ROMNET_DENSE_H

#include "tensors.h"

/* matrix = P L U of n rows; false when it is singular or not finite. */
INLINE int factorise(int n, double *matrix, int *exchange)
{
    for (int k = 0; k < n; k++) {
        int best = k;
        for (int i = k + 1; i < n; i++)
            if (fabs(matrix[i * n + k]) > fabs(matrix[best * n + k])) best = i;
        exchange[k] = best;
        if (!(fabs(matrix[best * n + k]) > 0.0) || !isfinite(matrix[best * n + k])) return 0;
        if (best != k)
            for (int j = 0; j < n; j++) {
                const double kept = matrix[k * n + j];
                matrix[k * n + j] = matrix[best * n + j];
                matrix[best * n + j] = kept;
            }
        const double inverse = 1.0 / matrix[k * n + k];
        for (int i = k + 1; i < n; i++) {
            const double factor = matrix[i * n + k] *= inverse;
            if (factor != 0.0)
                for (int j = k + 1; j < n; j++) matrix[i * n + j] -= factor * matrix[k * n + j];
        }
    }
    return 1;
}

/* Solve in place for m right-hand sides; entry i of side j is side[i * m + j]. */
INLINE void substitute(int n, const double *factors, const int *exchange, int m, double *side)
{
    for (int k = 0; k < n; k++) {
        for (int j = 0; j < m; j++) {
            const double kept = side[k * m + j];
            side[k * m + j] = side[exchange[k] * m + j];
            side[exchange[k] * m + j] = kept;
        }
    }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++)
            for (int j = 0; j < m; j++) side[i * m + j] -= factors[i * n + k] * side[k * m + j];
    for (int i = n - 1; i >= 0; i--) {
        for (int k = i + 1; k < n; k++)
            for (int j = 0; j < m; j++) side[i * m + j] -= factors[i * n + k] * side[k * m + j];
        for (int j = 0; j < m; j++) side[i * m + j] /= factors[i * n + i];
    }
}

#endif
