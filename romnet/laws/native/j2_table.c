/* Von Mises viscoplasticity with tabulated hardening and Norton flow as a UMAT; see j2.h.
 *
 *   R(p) by straight lines between points,   dp/dt = <f / K>^n    (K = 0: f <= 0, dp >= 0)
 *
 * PROPS   young, poisson, K, n, number of points, p of each (ascending from 0), R of each, then one
 *         pair (C_i, D_i) for each back-stress
 */
#include "hardening.h"

INLINE double radius(const double *properties, double p, double *slope)
{
    return table_radius(properties, p, slope);
}

#include "j2.h"

enum { YOUNG, POISSON, K, N, N_POINTS };

void umat_(UMAT_ARGUMENTS)
{
    UMAT_UNUSED;
    if (*NPROPS <= N_POINTS || !(PROPS[N_POINTS] >= 1.0 && PROPS[N_POINTS] <= *NPROPS)) {
        *PNEWDT = 0.5;
        return;
    }
    const int first_pair = N_POINTS + 1 + 2 * (int)PROPS[N_POINTS];
    if (*NPROPS < first_pair) {
        *PNEWDT = 0.5;
        return;
    }
    const Material material = {
        PROPS[YOUNG], PROPS[POISSON], PROPS + N_POINTS, norton_flow(PROPS[K], PROPS[N], *DTIME),
        back_stresses(*NPROPS - first_pair), PROPS + first_pair,
    };
    j2_umat(&material, *NDI, *NSHR, *NTENS, *NSTATV, STRAN, DSTRAN, STRESS, STATEV, DDSDDE, PNEWDT);
}
