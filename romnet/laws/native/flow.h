/* Flow rules: the cumulated plastic strain dp of an increment and the overstress f that drives it.
 *
 *   RATE_INDEPENDENT     f = 0
 *   NORTON               dp = capacity (f / scale)^exponent
 *   HYPERBOLIC_SINE      dp = capacity sinh(f / scale)^exponent
 *
 * The capacity is a rate times the length of the increment. As a function of dp the overstress of
 * the last two has an infinite slope at zero. Therefore dp is sought along a parameter t in (0, 1]
 * in which the overstress is linear, f = drag t; dp is a smooth and convex function of it.
 */
#ifndef ROMNET_FLOW_H
#define ROMNET_FLOW_H

#include "tensors.h"

enum { RATE_INDEPENDENT, NORTON, HYPERBOLIC_SINE };

typedef struct {
    int kind;
    double scale, exponent, capacity;
} Flow;

/* Overstress of an increment dp > 0. */
INLINE double overstress(const Flow *flow, double dp)
{
    if (flow->kind == RATE_INDEPENDENT) return 0.0;
    const double root = pow(dp / flow->capacity, 1.0 / flow->exponent);
    return flow->scale * (flow->kind == NORTON ? root : asinh(root));
}

/* dp / t where the overstress is drag t, dp_max being that of t = 1; `power` becomes the local
 * exponent d log(dp) / d log(t). */
INLINE double increment_per_parameter(const Flow *flow, double dp_max, double drag, double t,
                                      double *power)
{
    *power = flow->kind == RATE_INDEPENDENT ? 1.0 : flow->exponent;
    if (flow->kind == HYPERBOLIC_SINE) {
        const double x = drag * t / flow->scale;
        *power *= x / tanh(x);
        return t < 1.0 ? flow->capacity * pow(sinh(x), flow->exponent) / t : dp_max;
    }
    return *power != 1.0 ? dp_max * pow(t, *power - 1.0) : dp_max;
}

/* The rule K (dp/dt)^(1/n), rate independent for K = 0. */
INLINE Flow norton_flow(double viscosity, double exponent, double dt)
{
    const Flow flow = {viscosity > 0.0 ? NORTON : RATE_INDEPENDENT, viscosity, exponent, dt};
    return flow;
}

#endif
