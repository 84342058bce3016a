/* Von Mises viscoplasticity with Voce hardening and hyperbolic-sine flow as a UMAT; see j2.h.
 *
 *   R(p) = R0 + H p + Q (1 - exp(-b p)),   dp/dt = E0 sinh(<f> / K)^n
 *
 * PROPS   young, poisson, R0, H, Q, b, E0, K, n, then one pair (C_i, D_i) for each back-stress
 */
#include "hardening.h"

INLINE double radius(const double *properties, double p, double *slope)
{
    return voce_radius(properties, p, slope);
}

#include "j2.h"

enum { YOUNG, POISSON, R0, E0 = R0 + N_VOCE, K, N, FIRST_PAIR };

void umat_(UMAT_ARGUMENTS)
{
    UMAT_UNUSED;
    if (*NPROPS < FIRST_PAIR || !(PROPS[K] > 0.0)) {
        *PNEWDT = 0.5;
        return;
    }
    const Material material = {
        PROPS[YOUNG], PROPS[POISSON], PROPS + R0,
        {HYPERBOLIC_SINE, PROPS[K], PROPS[N], PROPS[E0] * *DTIME},
        back_stresses(*NPROPS - FIRST_PAIR), PROPS + FIRST_PAIR,
    };
    j2_umat(&material, *NDI, *NSHR, *NTENS, *NSTATV, STRAN, DSTRAN, STRESS, STATEV, DDSDDE, PNEWDT);
}
