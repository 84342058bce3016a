/* Isotropic linear elasticity as a UMAT.
 *
 * PROPS   young, poisson
 * STATEV  none
 *
 * The stress follows from the total mechanical strain, so that moduli may change with temperature.
 */
#include "tensors.h"
#include "umat.h"

INLINE int integrate(int n, const double *props, const double *strain_old,
                     const double *increment, double *stress, double *tangent)
{
    const double bulk = bulk_modulus(props[0], props[1]);
    const double shear = shear_modulus(props[0], props[1]);
    double strain[MAX_COMPONENTS], deviator[MAX_COMPONENTS];
    for (int i = 0; i < n; i++) strain[i] = strain_old[i] + increment[i];
    const double pressure = bulk * strain_deviator(n, strain, deviator);
    if (!isfinite(pressure)) return 0;
    for (int i = 0; i < n; i++) stress[i] = 2.0 * shear * deviator[i] + (i < N_NORMAL) * pressure;
    isotropic_stiffness(n, bulk, shear, tangent);
    return 1;
}

void umat_(UMAT_ARGUMENTS)
{
    UMAT_UNUSED;
    const int n = *NTENS;
    int done = 0;
    if (*NPROPS == 2 && layout_is_known(*NDI, *NSHR, n))
        done = n == 6 ? integrate(6, PROPS, STRAN, DSTRAN, STRESS, DDSDDE)
                      : integrate(4, PROPS, STRAN, DSTRAN, STRESS, DDSDDE);
    if (!done) *PNEWDT = 0.5;
}
