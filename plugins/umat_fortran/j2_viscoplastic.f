C     Von Mises viscoplasticity with isotropic hardening: a UMAT.
C
C       stress     sigma = C(T) : (strain - strain_p)
C       hardening  R(p) = R0 + H p + Q (1 - exp(-b p))
C       flow       dp/dt = <(q - R) / K>**n, q the von Mises stress
C                  (K = 0: q - R <= 0)
C
C     PROPS   young, poisson, R0, H, Q, b, K, n
C     STATEV  p, strain_p (NTENS, engineering shear)
C
C     Backward Euler by radial return: one scalar equation in the
C     overstress V = q - R, solved by bisection down to rounding. The
C     stress comes from total strains, so that every property may
C     change with temperature.
C
C     Six components, or four in plane strain: 11, 22, 33, 12, 13, 23.
C
      SUBROUTINE UMAT(STRESS, STATEV, DDSDDE, SSE, SPD, SCD,
     1 RPL, DDSDDT, DRPLDE, DRPLDT,
     2 STRAN, DSTRAN, TIME, DTIME, TEMP, DTEMP, PREDEF, DPRED, CMNAME,
     3 NDI, NSHR, NTENS, NSTATV, PROPS, NPROPS, COORDS, DROT, PNEWDT,
     4 CELENT, DFGRD0, DFGRD1, NOEL, NPT, LAYER, KSPT, KSTEP, KINC)
C
      INCLUDE 'ABA_PARAM.INC'
C
      CHARACTER*80 CMNAME
      DIMENSION STRESS(NTENS), STATEV(NSTATV), DDSDDE(NTENS, NTENS),
     1 DDSDDT(NTENS), DRPLDE(NTENS), STRAN(NTENS), DSTRAN(NTENS),
     2 TIME(2), PREDEF(1), DPRED(1), PROPS(NPROPS), COORDS(3),
     3 DROT(3, 3), DFGRD0(3, 3), DFGRD1(3, 3)
      DIMENSION ELAS(6), DEV(6)
      PARAMETER (ZERO = 0.0D0, HALF = 0.5D0, ONE = 1.0D0, TWO = 2.0D0,
     1 THREE = 3.0D0)
C
      IF (NDI .NE. 3 .OR. NPROPS .NE. 8 .OR. NSTATV .LT. NTENS + 1) THEN
        PNEWDT = HALF
        RETURN
      END IF
      SHEAR = PROPS(1) / (TWO * (ONE + PROPS(2)))
      BULK = PROPS(1) / (THREE * (ONE - TWO * PROPS(2)))
      VISC = PROPS(7)
      POWER = PROPS(8)
      PLAST = STATEV(1)
C
C     Trial state: DEV is the deviator of the stress
      TRACE = ZERO
      DO I = 1, NTENS
        ELAS(I) = STRAN(I) + DSTRAN(I) - STATEV(1 + I)
        IF (I .LE. 3) TRACE = TRACE + ELAS(I)
      END DO
      SQUARE = ZERO
      DO I = 1, NTENS
        IF (I .LE. 3) THEN
          DEV(I) = TWO * SHEAR * (ELAS(I) - TRACE / THREE)
          SQUARE = SQUARE + 1.5D0 * DEV(I)**2
        ELSE
          DEV(I) = SHEAR * ELAS(I)
          SQUARE = SQUARE + THREE * DEV(I)**2
        END IF
      END DO
      TRIAL = SQRT(SQUARE)
      EXCESS = TRIAL - RADIUS(PROPS, PLAST)
      IF (EXCESS .NE. EXCESS) THEN
        PNEWDT = HALF
        RETURN
      END IF
C
C     Plastic increment DP; SLOPE is the derivative of the flow stress
      DP = ZERO
      SLOPE = ZERO
      IF (EXCESS .GT. ZERO .AND.
     1 (VISC .LE. ZERO .OR. DTIME .GT. ZERO)) THEN
        DOWN = ZERO
        IF (VISC .GT. ZERO) THEN
          UP = EXCESS
        ELSE
          UP = TRIAL / (THREE * SHEAR)
        END IF
        DO K = 1, 2000
          V = HALF * (DOWN + UP)
          IF (V .LE. DOWN .OR. V .GE. UP) EXIT
          IF (VISC .GT. ZERO) THEN
            DP = DTIME * (V / VISC)**POWER
            REST = EXCESS - V
          ELSE
            DP = V
            REST = EXCESS
          END IF
          REST = REST - THREE * SHEAR * DP
     1     - (RADIUS(PROPS, PLAST + DP) - RADIUS(PROPS, PLAST))
          IF (REST .GT. ZERO) THEN
            DOWN = V
          ELSE
            UP = V
          END IF
        END DO
        IF (VISC .GT. ZERO) DP = DTIME * (UP / VISC)**POWER
        IF (VISC .LE. ZERO) DP = UP
        SLOPE = PROPS(4)
     1   + PROPS(5) * PROPS(6) * EXP(-PROPS(6) * (PLAST + DP))
        IF (VISC .GT. ZERO .AND. DP .GT. ZERO)
     1   SLOPE = SLOPE + UP / (POWER * DP)
      END IF
C
C     Radial return and its consistent tangent
      TURN = ZERO
      GROW = ZERO
      IF (DP .GT. ZERO) THEN
        TURN = 6.0D0 * SHEAR**2 * DP / TRIAL
        GROW = 4.0D0 * SHEAR**2
     1   * (ONE / (THREE * SHEAR + SLOPE) - DP / TRIAL)
        STATEV(1) = PLAST + DP
      END IF
      DO J = 1, NTENS
        DO I = 1, NTENS
          PROJ = ZERO
          IF (I .EQ. J .AND. I .LE. 3) PROJ = ONE
          IF (I .EQ. J .AND. I .GT. 3) PROJ = HALF
          IF (I .LE. 3 .AND. J .LE. 3) PROJ = PROJ - ONE / THREE
          DDSDDE(I, J) = (TWO * SHEAR - TURN) * PROJ
          IF (I .LE. 3 .AND. J .LE. 3) DDSDDE(I, J) = DDSDDE(I, J) +BULK
          IF (DP .GT. ZERO) DDSDDE(I, J) = DDSDDE(I, J)
     1     - GROW * 2.25D0 * DEV(I) * DEV(J) / SQUARE
        END DO
      END DO
      DO I = 1, NTENS
        STRESS(I) = DEV(I)
        IF (DP .GT. ZERO) THEN
          STRESS(I) = (ONE - THREE * SHEAR * DP / TRIAL) * DEV(I)
          FLOW = 1.5D0 * DP * DEV(I) / TRIAL
          IF (I .GT. 3) FLOW = TWO * FLOW
          STATEV(1 + I) = STATEV(1 + I) + FLOW
        END IF
        IF (I .LE. 3) STRESS(I) = STRESS(I) + BULK * TRACE
      END DO
      RETURN
      END
C
C     Radius of the elastic domain
      FUNCTION RADIUS(PROPS, P)
C
      INCLUDE 'ABA_PARAM.INC'
C
      DIMENSION PROPS(8)
      RADIUS = PROPS(3) + PROPS(4) * P
     1 + PROPS(5) * (1.0D0 - EXP(-PROPS(6) * P))
      RETURN
      END
