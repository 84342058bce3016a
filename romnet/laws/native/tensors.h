/* Small tensors of a UMAT: NTENS components, the first three normal, the others shear. */
#ifndef ROMNET_TENSORS_H
#define ROMNET_TENSORS_H

#include <math.h>

/* Called with a constant number of components, these unroll: half of the time of a point. */
#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

enum { MAX_COMPONENTS = 6, N_NORMAL = 3 };

/* Deviator of a strain with engineering shear, as tensor components; returns the trace. */
INLINE double strain_deviator(int n, const double *strain, double *deviator)
{
    const double trace = strain[0] + strain[1] + strain[2];
    for (int i = 0; i < N_NORMAL; i++) deviator[i] = strain[i] - trace / 3.0;
    for (int i = N_NORMAL; i < n; i++) deviator[i] = 0.5 * strain[i];
    return trace;
}

/* Double contraction of two tensors, both with tensor components. */
INLINE double contract(int n, const double *a, const double *b)
{
    double normal = 0.0, shear = 0.0;
    for (int i = 0; i < N_NORMAL; i++) normal += a[i] * b[i];
    for (int i = N_NORMAL; i < n; i++) shear += a[i] * b[i];
    return normal + 2.0 * shear;
}

/* J2(a) = sqrt(3/2 a:a) of a deviator with tensor components. */
INLINE double j2(int n, const double *a) { return sqrt(1.5 * contract(n, a, a)); }

/* bulk 1 x 1 + 2 shear I_dev, acting on strains with engineering shear. */
INLINE void isotropic_stiffness(int n, double bulk, double shear, double *stiffness)
{
    for (int i = 0; i < n * n; i++) stiffness[i] = 0.0;
    for (int i = 0; i < N_NORMAL; i++)
        for (int j = 0; j < N_NORMAL; j++)
            stiffness[i + n * j] = bulk + 2.0 * shear * ((i == j) - 1.0 / 3.0);
    for (int i = N_NORMAL; i < n; i++) stiffness[i + n * i] = shear;
}

INLINE double bulk_modulus(double young, double poisson)
{
    return young / (3.0 * (1.0 - 2.0 * poisson));
}

INLINE double shear_modulus(double young, double poisson)
{
    return young / (2.0 * (1.0 + poisson));
}

/* Three normal components, and one (plane strain) or three (space) shear components. */
INLINE int layout_is_known(int n_direct, int n_shear, int n)
{
    return n_direct == N_NORMAL && (n_shear == 1 || n_shear == 3) && n == n_direct + n_shear;
}

#endif
