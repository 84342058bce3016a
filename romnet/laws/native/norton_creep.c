/* Norton creep without a threshold, with time hardening, as a UMAT; see j2.h.
 *
 *   dp/dt = A (J2(dev sigma))^n t^m,   t the total time
 *
 * The power of time is integrated exactly over the increment, so that the creep strain under
 * constant stress is exact for any increments, and finite from t = 0 on when -1 < m < 0.
 *
 * PROPS   young, poisson, A, n, m
 * STATEV  p | creep strain (NTENS)
 */
#include "tensors.h"

INLINE double radius(const double *properties, double p, double *slope)
{
    (void)properties, (void)p;
    return *slope = 0.0;
}

#include "j2.h"

enum { YOUNG, POISSON, A, N, M, N_PROPERTIES };

/* Integral of t^m from `start` over `length`. */
INLINE double integral_of_power(double m, double start, double length)
{
    if (m == 0.0) return length;
    return (pow(start + length, m + 1.0) - pow(start, m + 1.0)) / (m + 1.0);
}

void umat_(UMAT_ARGUMENTS)
{
    UMAT_UNUSED;
    if (*NPROPS != N_PROPERTIES) {
        *PNEWDT = 0.5;
        return;
    }
    const double time = integral_of_power(PROPS[M], TIME[1], *DTIME);
    const Material material = {
        PROPS[YOUNG], PROPS[POISSON], NULL, {NORTON, 1.0, PROPS[N], PROPS[A] * time}, 0, NULL,
    };
    j2_umat(&material, *NDI, *NSHR, *NTENS, *NSTATV, STRAN, DSTRAN, STRESS, STATEV, DDSDDE, PNEWDT);
}
