/* Small-strain von Mises flow with nonlinear kinematic hardening: what all J2 laws share.
 *
 *   stress       sigma = C(T) : (strain - strain_v)
 *   back-stress  X = (2/3) sum_i C_i alpha_i          d alpha_i = d strain_v - D_i alpha_i dp
 *   flow         f = J2(dev sigma - X) - R(p)          f(dp) as in flow.h
 *                d strain_v = (3/2) dp (dev sigma - X) / J2(dev sigma - X)
 *
 * A law defines `radius`, its R(p), before it includes this header.
 *
 * STATEV  p | strain_v (NTENS) | alpha_1 (NTENS) | alpha_2 (NTENS) ...
 *         strain_v and alpha_i are strains, with engineering shear
 *
 * The state is strain-like, so that every property may change with temperature.
 *
 * Backward Euler. With w_i = 1 / (1 + D_i dp) and B(dp) = s_trial - (2/3) sum_i C_i w_i alpha_i,n
 * the direction of flow is that of B and one scalar equation is left,
 *
 *   g(dp) - f(dp) = 0,   g(dp) = J2(B) - 3 mu dp - sum_i C_i w_i dp - R(p_n + dp).
 *
 * It is solved for the parameter t of flow.h, in which it is smooth and, as a rule, concave: Newton
 * converges monotonically from the right; a bracket guards it.
 */
#ifndef ROMNET_J2_H
#define ROMNET_J2_H

#include "flow.h"
#include "tensors.h"
#include "umat.h"

enum { MAX_ITERATIONS = 100, MAX_DOUBLINGS = 60 };

/* The law of one point at one temperature, over one increment of time. */
typedef struct {
    double young, poisson;
    const double *radius; /* properties of R(p) */
    Flow flow;
    int n_back;           /* back-stresses */
    const double *pairs;  /* C_i and D_i of each */
} Material;

typedef struct {
    const Material *material;
    const double *back;   /* alpha_i at the start, engineering shear */
    const double *trial;  /* deviator of the trial stress */
    double p;             /* cumulated viscoplastic strain at the start */
    double shear;         /* shear modulus */
} Point;

/* What the scalar equation is made of at one value of dp. */
typedef struct {
    double flow[MAX_COMPONENTS];  /* B */
    double slope[MAX_COMPONENTS]; /* dB / d(dp) */
    double equivalent;            /* J2(B) */
    double g, dg;                 /* g and its derivative */
} Balance;

INLINE void balance(int n, const Point *point, double dp, Balance *out)
{
    double kinematic = 3.0 * point->shear * dp, kinematic_slope = 3.0 * point->shear;
    for (int j = 0; j < n; j++) {
        out->flow[j] = point->trial[j];
        out->slope[j] = 0.0;
    }
    for (int i = 0; i < point->material->n_back; i++) {
        const double modulus = point->material->pairs[2 * i];
        const double recall = point->material->pairs[2 * i + 1];
        const double w = 1.0 / (1.0 + recall * dp);
        const double stress = 2.0 / 3.0 * modulus * w, slope = stress * recall * w;
        const double *alpha = point->back + n * i;
        for (int j = 0; j < N_NORMAL; j++) {
            out->flow[j] -= stress * alpha[j];
            out->slope[j] += slope * alpha[j];
        }
        for (int j = N_NORMAL; j < n; j++) {
            out->flow[j] -= 0.5 * stress * alpha[j];
            out->slope[j] += 0.5 * slope * alpha[j];
        }
        kinematic += modulus * w * dp;
        kinematic_slope += modulus * w * w;
    }
    double slope;
    const double threshold = radius(point->material->radius, point->p + dp, &slope);
    out->equivalent = j2(n, out->flow);
    out->g = out->equivalent - kinematic - threshold;
    out->dg = -kinematic_slope - slope;
    if (out->equivalent > 0.0)
        out->dg += 1.5 * contract(n, out->flow, out->slope) / out->equivalent;
}

/* Solve for dp > 0 from its balance at zero, which must have g > 0; false when that fails.
 * On return `state` is the balance at dp and `stiffness` minus the derivative of the equation. */
INLINE int solve(int n, const Point *point, Balance *state, double *dp, double *stiffness)
{
    const Flow *flow = &point->material->flow;
    const double start = state->g, scale = state->equivalent + fabs(start);

    /* g <= g(0) - 3 mu dp whenever hardening and recall behave; otherwise look further. */
    double dp_max = start / (3.0 * point->shear);
    for (int k = 0;; k++) {
        balance(n, point, dp_max, state);
        if (state->g <= 0.0) break;
        if (k == MAX_DOUBLINGS || !isfinite(state->g)) return 0;
        dp_max *= 2.0;
    }
    const double drag = overstress(flow, dp_max);
    double low = 0.0, high = 1.0, t = drag > start ? start / drag : 1.0;
    for (int k = 0, last = 0; k < MAX_ITERATIONS; k++) {
        double power;
        const double per_t = increment_per_parameter(flow, dp_max, drag, t, &power);
        *dp = per_t * t;
        if (t < 1.0) balance(n, point, *dp, state); /* at t = 1 it is known already */
        if (last) {
            *stiffness = -state->dg + (per_t > 0.0 ? drag / (power * per_t) : 0.0);
            return *stiffness > 0.0;
        }
        const double residual = state->g - drag * t;
        const double slope = state->dg * power * per_t - drag;
        if (!isfinite(residual) || !isfinite(slope)) return 0;
        if (residual > 0.0) low = t;
        else high = t;
        double next = t - residual / slope;
        if (!(next > low && next < high))
            next = fabs(residual) <= 4e-16 * scale ? t : 0.5 * (low + high);
        /* Newton squares the error of dp, which is `power` times that of t. */
        last = power * fabs(next - t) <= 3e-7 * t || high - low <= 4e-16 * high;
        t = next;
    }
    return 0;
}

/* Subtract from the elastic stiffness what flows: 2 mu d(strain_v) / d(strain), exactly. */
INLINE void consistent_tangent(int n, const Point *point, const Balance *state, double dp,
                               double stiffness, double *tangent)
{
    const double mu = point->shear, per_flow = 1.5 / state->equivalent;
    double direction[MAX_COMPONENTS], across[MAX_COMPONENTS];
    for (int i = 0; i < n; i++) direction[i] = per_flow * state->flow[i];
    const double along = contract(n, direction, state->slope);
    /* The part of dB/d(dp) across the direction of flow turns it: the unsymmetric term. */
    for (int i = 0; i < n; i++) across[i] = state->slope[i] - 2.0 / 3.0 * along * direction[i];

    const double turning = per_flow * dp; /* d(strain_v) = turning * dB across the flow */
    const double rotation = 4.0 * mu * mu * turning;
    const double growth = 4.0 * mu * mu / stiffness - 2.0 / 3.0 * rotation;
    const double skew = rotation / stiffness;
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) {
            double deviatoric = (i == j) * (i < N_NORMAL ? 1.0 : 0.5);
            if (i < N_NORMAL && j < N_NORMAL) deviatoric -= 1.0 / 3.0;
            tangent[i + n * j] -= rotation * deviatoric + growth * direction[i] * direction[j] +
                                  skew * across[i] * direction[j];
        }
}

INLINE void commit(int n, const Point *point, const Balance *state, double dp, double *statev)
{
    double increment[MAX_COMPONENTS];
    for (int j = 0; j < n; j++)
        increment[j] = (j < N_NORMAL ? 1.5 : 3.0) * dp * state->flow[j] / state->equivalent;
    statev[0] += dp;
    for (int j = 0; j < n; j++) statev[1 + j] += increment[j];
    for (int i = 0; i < point->material->n_back; i++) {
        const double w = 1.0 / (1.0 + point->material->pairs[2 * i + 1] * dp);
        double *alpha = statev + 1 + n * (i + 1);
        for (int j = 0; j < n; j++) alpha[j] = w * (alpha[j] + increment[j]);
    }
}

/* One increment at one point; false, with nothing written, when it cannot be done. */
INLINE int integrate(int n, const Material *material, const double *strain_old,
                     const double *increment, double *stress, double *statev, double *tangent)
{
    const double bulk = bulk_modulus(material->young, material->poisson);
    const double shear = shear_modulus(material->young, material->poisson);
    double strain[MAX_COMPONENTS], trial[MAX_COMPONENTS];
    for (int i = 0; i < n; i++) strain[i] = strain_old[i] + increment[i] - statev[1 + i];
    const double pressure = bulk * strain_deviator(n, strain, trial);
    for (int i = 0; i < n; i++) trial[i] *= 2.0 * shear;

    const Point point = {material, statev + 1 + n, trial, statev[0], shear};
    Balance state;
    balance(n, &point, 0.0, &state);
    if (!isfinite(state.g) || !isfinite(pressure)) return 0;
    /* Without time nothing creeps. */
    const Flow *flow = &material->flow;
    const int flows = state.g > 0.0 && (flow->kind == RATE_INDEPENDENT || flow->capacity > 0.0);
    double dp = 0.0, stiffness = 0.0;
    if (flows && !solve(n, &point, &state, &dp, &stiffness)) return 0;
    isotropic_stiffness(n, bulk, shear, tangent);
    if (dp > 0.0) {
        const double returned = 3.0 * shear * dp / state.equivalent;
        for (int i = 0; i < n; i++) trial[i] -= returned * state.flow[i];
        consistent_tangent(n, &point, &state, dp, stiffness, tangent);
        commit(n, &point, &state, dp, statev);
    }
    for (int i = 0; i < n; i++) stress[i] = trial[i] + (i < N_NORMAL) * pressure;
    return 1;
}

/* Number of back-stresses in what is left of the properties; -1 when that is no list of pairs. */
INLINE int back_stresses(int n_left) { return n_left >= 0 && n_left % 2 == 0 ? n_left / 2 : -1; }

/* A UMAT from its material: the arguments of the same names. */
INLINE void j2_umat(const Material *material, int n_direct, int n_shear, int n, int n_statev,
                    const double *strain_old, const double *increment, double *stress,
                    double *statev, double *tangent, double *factor)
{
    int done = 0;
    if (material->n_back >= 0 && layout_is_known(n_direct, n_shear, n) &&
        n_statev >= 1 + n * (1 + material->n_back))
        done = n == 6 ? integrate(6, material, strain_old, increment, stress, statev, tangent)
                      : integrate(4, material, strain_old, increment, stress, statev, tangent);
    if (!done) *factor = 0.5;
}

#endif
