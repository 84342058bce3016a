/* Radius R of the elastic domain of a law without directions, as a function of the cumulated
 * plastic strain p. Each function also gives the slope dR/dp. */
#ifndef ROMNET_HARDENING_H
#define ROMNET_HARDENING_H

#include "tensors.h"

/* R0 + H p + Q (1 - exp(-b p)); properties R0, H, Q, b. */
enum { N_VOCE = 4 };

INLINE double voce_radius(const double *properties, double p, double *slope)
{
    const double r0 = properties[0], h = properties[1], q = properties[2], b = properties[3];
    const double decay = q != 0.0 ? exp(-b * p) : 0.0;
    *slope = h + q * b * decay;
    return r0 + h * p + q * (1.0 - decay);
}

/* Straight lines between points, constant beyond the last; properties: number of points, their p
 * (ascending from zero), their R. */
INLINE double table_radius(const double *properties, double p, double *slope)
{
    const int n = (int)properties[0];
    const double *at = properties + 1, *radius = at + n;
    int next = 1;
    while (next < n && at[next] <= p) next++;
    *slope = 0.0;
    if (next == n) return radius[n - 1];
    *slope = (radius[next] - radius[next - 1]) / (at[next] - at[next - 1]);
    return radius[next - 1] + *slope * (p - at[next - 1]);
}

#endif
