C     Von Mises plasticity with linear isotropic hardening: a UMAT.
C
C     PROPS   young, poisson, yield stress, hardening
C     STATEV  p, the cumulated plastic strain
C
C     Six components, or four in plane strain: 11, 22, 33, 12, 13, 23
C     with engineering shear.
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
      DIMENSION DEV(6)
C
      IF (NDI .NE. 3 .OR. NPROPS .NE. 4) THEN
        PNEWDT = 0.5D0
        RETURN
      END IF
      SHEAR = PROPS(1) / (2.0D0 * (1.0D0 + PROPS(2)))
      BULK = PROPS(1) / (3.0D0 * (1.0D0 - 2.0D0 * PROPS(2)))
      YIELD = PROPS(3)
      HARD = PROPS(4)
C
C     Elastic stiffness and trial stress
      DO J = 1, NTENS
        DO I = 1, NTENS
          DDSDDE(I, J) = 0.0D0
          IF (I .LE. 3 .AND. J .LE. 3) THEN
            DDSDDE(I, J) = BULK - 2.0D0 * SHEAR / 3.0D0
          END IF
        END DO
        IF (J .LE. 3) THEN
          DDSDDE(J, J) = DDSDDE(J, J) + 2.0D0 * SHEAR
        ELSE
          DDSDDE(J, J) = SHEAR
        END IF
      END DO
      DO J = 1, NTENS
        DO I = 1, NTENS
          STRESS(I) = STRESS(I) + DDSDDE(I, J) * DSTRAN(J)
        END DO
      END DO
C
C     Yield
      PRESS = (STRESS(1) + STRESS(2) + STRESS(3)) / 3.0D0
      SQUARE = 0.0D0
      DO I = 1, NTENS
        IF (I .LE. 3) THEN
          DEV(I) = STRESS(I) - PRESS
          SQUARE = SQUARE + 1.5D0 * DEV(I)**2
        ELSE
          DEV(I) = STRESS(I)
          SQUARE = SQUARE + 3.0D0 * DEV(I)**2
        END IF
      END DO
      SMISES = SQRT(SQUARE)
      EXCESS = SMISES - YIELD - HARD * STATEV(1)
      IF (EXCESS .NE. EXCESS) THEN
        PNEWDT = 0.5D0
        RETURN
      END IF
      IF (EXCESS .LE. 0.0D0) RETURN
C
C     Radial return, which is exact, and its consistent tangent
      DP = EXCESS / (3.0D0 * SHEAR + HARD)
      STATEV(1) = STATEV(1) + DP
      TURN = 6.0D0 * SHEAR**2 * DP / SMISES
      GROW = 4.0D0 * SHEAR**2 * (1.0D0 / (3.0D0 * SHEAR + HARD)
     1 - DP / SMISES)
      DO J = 1, NTENS
        DO I = 1, NTENS
          PROJ = 0.0D0
          IF (I .EQ. J .AND. I .LE. 3) PROJ = 1.0D0
          IF (I .EQ. J .AND. I .GT. 3) PROJ = 0.5D0
          IF (I .LE. 3 .AND. J .LE. 3) PROJ = PROJ - 1.0D0 / 3.0D0
          DDSDDE(I, J) = DDSDDE(I, J) - TURN * PROJ
     1     - GROW * 2.25D0 * DEV(I) * DEV(J) / SQUARE
        END DO
      END DO
      DO I = 1, NTENS
        STRESS(I) = (1.0D0 - 3.0D0 * SHEAR * DP / SMISES) * DEV(I)
        IF (I .LE. 3) STRESS(I) = STRESS(I) + PRESS
      END DO
      RETURN
      END
