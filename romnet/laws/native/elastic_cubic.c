/* Linear elasticity of a cubic crystal as a UMAT.
 *
 * PROPS   c11, c12, c44, material axes (6, see axes.h)
 * STATEV  none
 */
#include "anisotropic.h"

enum { C11, C12, C44, AXES, N_PROPERTIES = AXES + N_AXES };

void umat_(UMAT_ARGUMENTS)
{
    UMAT_UNUSED;
    int done = 0;
    if (*NPROPS == N_PROPERTIES && layout_is_known(*NDI, *NSHR, *NTENS)) {
        double stiffness[FULL][FULL];
        cubic_stiffness(PROPS[C11], PROPS[C12], PROPS[C44], stiffness);
        done = linear_elastic(*NTENS, stiffness, PROPS + AXES, STRAN, DSTRAN, STRESS, DDSDDE);
    }
    if (!done) *PNEWDT = 0.5;
}
