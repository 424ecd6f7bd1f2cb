#!/usr/bin/env python3
"""Searches interpolation points for exact Winograd convolution F(4x4,3x3) in 16-bit factors.

docs/int8-winograd.md derives what is computed here. Prints every set of six points whose factors
fit 16 bits for 256 levels and weights of at most 127, with the largest |y| that its 32-bit sums
give back, and checks the kernels' matrices against direct convolution. Needs no packages:

    python3 benchmarks/winograd_points.py
"""
import itertools
import math
import random
import sys

OUTPUTS, TAPS = 4, 3
REACH = OUTPUTS + TAPS - 1
# A point a/b is (a, b); infinity is (1, 0).
CANDIDATES = [(0, 1), (1, 0)] + [
    (sign * a, b)
    for a, b in ((1, 1), (2, 1), (1, 2), (3, 1), (1, 3), (3, 2), (2, 3))
    for sign in (1, -1)
]
KERNELS = [(0, 1), (1, 1), (-1, 1), (2, 1), (-1, 2), (1, 0)]
TEXTBOOK = [(0, 1), (1, 1), (-1, 1), (2, 1), (-2, 1), (1, 0)]
# The largest sum of |numbers| of a row of G: its square times 127 fits 16 bits.
MOST_OF_ROW = math.isqrt(((1 << 15) - 1) // 127)


def values(point, count):
    """What a polynomial's coefficients contribute to its value at a point."""
    a, b = point
    return [a**i * b ** (count - 1 - i) for i in range(count)]


def matrices(points):
    """Integer A', G, B' and L with L*y = A' ((G g) . (B' d))."""
    rows, norms = [], []
    for i, (a, b) in enumerate(points):
        row, norm = [1], 1
        for j, (c, d) in enumerate(points):
            if i == j:
                continue
            # Times (d x - c), which is zero at the point c/d.
            row = [d * low - c * high for low, high in zip([0] + row, row + [0])]
            norm *= a * d - c * b
        rows.append(row)
        norms.append(norm)
    scale = math.lcm(*norms)
    taps, columns = [], []
    for point, norm in zip(points, norms):
        # What a row of G cannot hold of its factor goes into the column of A', which may wrap.
        row, times = values(point, TAPS), scale // norm
        held = max(
            (n for n in range(1, abs(times) + 1)
             if times % n == 0 and n * sum(map(abs, row)) <= MOST_OF_ROW),
            default=1,
        )
        taps.append([v * held for v in row])
        columns.append([v * (times // held) for v in values(point, OUTPUTS)])
    return transposed(columns), taps, rows, scale


def growth(rows):
    """The most that B' d B is of the distance between the largest and smallest d."""
    sides = [(sum(v for v in r if v > 0), -sum(v for v in r if v < 0)) for r in rows]
    return max(
        max(p * q + m * n, p * n + m * q) for (p, m), (q, n) in itertools.product(sides, sides)
    )


def factor(taps):
    """The most that G g G' is of the largest weight."""
    return max(sum(abs(v) for v in row) for row in taps) ** 2


def lost_bits(scale):
    square, bits = scale * scale, 0
    while square % 2 == 0:
        square //= 2
        bits += 1
    return bits


def product(m, x):
    return [[sum(a * b for a, b in zip(row, column)) for column in zip(*x)] for row in m]


def transposed(m):
    return [list(row) for row in zip(*m)]


def wrap(x, bits):
    return (x + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def check(points, channels, lo, hi):
    """Winograd in 16-bit factors and 32-bit sums against the direct sum; the largest |y| seen."""
    back, taps, rows, scale = matrices(points)
    shift = lost_bits(scale)
    inverse = pow(scale * scale >> shift, -1, 1 << 32)
    sums = [[0] * REACH for _ in range(REACH)]
    direct = [[0] * OUTPUTS for _ in range(OUTPUTS)]
    for _ in range(channels):
        d = [[random.choice((lo, hi)) for _ in range(REACH)] for _ in range(REACH)]
        g = [[random.choice((-127, 127)) for _ in range(TAPS)] for _ in range(TAPS)]
        u = product(product(taps, g), transposed(taps))
        v = product(product(rows, d), transposed(rows))
        for i, j in itertools.product(range(REACH), repeat=2):
            assert wrap(u[i][j], 16) == u[i][j] and wrap(v[i][j], 16) == v[i][j]
            sums[i][j] = wrap(sums[i][j] + u[i][j] * v[i][j], 32)
        for p, q, r, s in itertools.product(
            range(OUTPUTS), range(OUTPUTS), range(TAPS), range(TAPS)
        ):
            direct[p][q] += d[p + r][q + s] * g[r][s]
    y = product(product(back, sums), transposed(back))
    got = [[wrap(n * inverse, 32) >> shift for n in row] for row in y]
    assert got == direct, "a sum is wrong"
    return max(abs(n) for row in direct for n in row)


def name(points):
    return " ".join("inf" if b == 0 else str(a) if b == 1 else f"{a}/{b}" for a, b in points)


def main():
    random.seed(1)
    found, count = [], 0
    for points in itertools.combinations(CANDIDATES, REACH):
        _, taps, rows, scale = matrices(points)
        count += 1
        if growth(rows) * 255 < 1 << 15 and factor(taps) * 127 < 1 << 15:
            found.append((lost_bits(scale), scale, growth(rows), factor(taps), name(points)))
    print(f"{count} sets of six points; those whose factors fit 16 bits:")
    for bits, scale, grown, times, text in sorted(found):
        print(
            f"  {text:24} divisor {scale * scale}, exact for |y| < 2^{31 - bits}, "
            f"V up to {grown} levels, U up to {times} weights"
        )
    for points in (KERNELS, TEXTBOOK):
        for lo, hi in ((0, 255), (-128, 127)):
            check(points, 40, lo, hi)
    print("kernels' and textbook's points agree with direct sums")
    return 0


if __name__ == "__main__":
    sys.exit(main())
