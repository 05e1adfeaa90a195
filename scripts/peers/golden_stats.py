# SPDX-License-Identifier: MIT
"""Numbers that tests/unit/test-student.c and test-rank.c compare with.

    golden_stats.py > tests/unit/golden-stats.h

Distributions are computed by mpmath with 40 digits, the noncentral t by quadrature over its
scale and not by a series as in core/stats.  SciPy has to agree as far as it is exact.
Needs: pip install scipy mpmath
"""
import mpmath as mp
import numpy as np
import scipy.stats as st

mp.mp.dps = 40


def pieces(a, b):
    """Integrals are taken in pieces, so that a narrow peak is not missed."""
    return [a + (b - a) * mp.mpf(i) / 16 for i in range(17)]


def t_upper(t, df):
    t, df = mp.mpf(t), mp.mpf(df)
    return mp.betainc(df / 2, mp.mpf(1) / 2, 0, df / (df + t * t), regularized=True) / 2


def nct_cdf(t, df, nc):
    """E over s of P(Z <= t s - nc), s = sqrt(chi2 / df)."""
    df, t, nc = mp.mpf(df), mp.mpf(t), mp.mpf(nc)
    lc = df / 2 * mp.log(df) - mp.loggamma(df / 2) - (df / 2 - 1) * mp.log(2)
    def f(s):
        return mp.ncdf(t * s - nc) * mp.exp(lc + (df - 1) * mp.log(s) - df * s * s / 2)
    top = 1 + 15 / mp.sqrt(df)
    edge = nc / t if t else mp.mpf(0)
    low = max(mp.mpf(10) ** -30, 1 - 15 / mp.sqrt(df))
    cuts = pieces(low, top)
    if t and low < edge < top:
        w = 1 / abs(t)
        cuts += [x for x in (edge - 8 * w, edge - w, edge, edge + w, edge + 8 * w)
                 if low < x < top]
    return mp.quad(f, sorted(set(cuts)))


def show(x):
    return mp.nstr(mp.mpf(x), 17, min_fixed=-3, max_fixed=6)


def table(name, fields, rows, what):
    print(f"\n/* {what} */")
    print(f"static const struct {{ double {fields}; }} {name}[] = {{")
    for row in rows:
        print("\t{ " + ", ".join(x if isinstance(x, str) else repr(x) for x in row) + " },")
    print("};")


def agree(a, b, tolerance, what):
    assert abs(float(a) - b) <= tolerance * max(abs(b), 1e-300), (what, float(a), b)


def main():
    print("/* SPDX-License-Identifier: MIT */")
    print("/* Written by scripts/peers/golden_stats.py. */")
    rows = []
    for df in (1, 2, 2.5, 4, 7, 30, 1000):
        for t in (0.001, 0.3, 1.0, 2.776, 12.5, 300.0):
            if df == 1000 and t == 300.0:
                continue
            p = t_upper(t, df)
            agree(p, st.t.sf(t, df), 1e-12, ("t", t, df))
            rows.append((t, df, show(p)))
    table("golden_t", "t, df, upper", rows, "P(T > t)")
    rows = []
    for df in (1, 2, 3, 4, 7, 19, 99.5):
        for q in (1e-12, 0.001, 0.025, 0.05, 0.2, 0.49):
            guess = float(st.t.isf(q, df))
            t = mp.findroot(lambda x: mp.log(t_upper(x, df) / mp.mpf(q)), guess)
            rows.append((q, df, show(t)))
    table("golden_t_quantile", "q, df, t", rows, "the t with P(T > t) = q")
    rows = []
    for df, t, nc in ((2, 4.302652729911275, 3.0), (4, 2.7764451051977987, 1.0),
                      (4, 2.7764451051977987, 4.0), (7, 2.3646242515927844, 3.0),
                      (7, 2.3646242515927844, -1.5), (4, -1.0, 0.5), (4, 0.0, 1.25),
                      (1, 12.706204736432095, 20.0), (19, 2.093, 6.0), (3, 50.0, 40.0),
                      (30, 130.0, 120.0), (2.5, 1.5, 0.75)):
        p = nct_cdf(t, df, nc)
        agree(p, st.nct.cdf(t, df, nc), 1e-6, ("nct", t, df, nc))
        rows.append((t, df, nc, show(p)))
    table("golden_nct", "t, df, nc, below", rows, "noncentral t: P(T <= t)")
    rows = []
    for p in (1e-300, 1e-10, 0.001, 0.025, 0.3, 0.499, 0.51, 0.975, 0.999):
        rows.append((p, show(mp.sqrt(2) * mp.erfinv(2 * mp.mpf(p) - 1)) if p > 1e-20
                     else show(-mp.findroot(lambda z: mp.log(mp.erfc(z / mp.sqrt(2)) / 2 /
                                                            mp.mpf(p)), 37))))
    table("golden_normal", "p, z", rows, "the z with P(Z <= z) = p")
    rng = np.random.default_rng(1)
    d = np.round(rng.normal(0.3, 0.5, 6), 3)
    r = st.ttest_1samp(d, 0)
    ci = r.confidence_interval(0.9)
    print("\n/* Differences, and what scipy.stats.ttest_1samp says of them. */")
    print("static const double golden_d[] = { " + ", ".join(map(repr, map(float, d))) + " };")
    print("static const double golden_paired[] = {\n\t/* p, 90 % interval, p of <= 0.1, of >= 0.1 */")
    for x in (r.pvalue, ci.low, ci.high, st.ttest_1samp(d, 0.1, alternative="greater").pvalue,
              st.ttest_1samp(d, 0.1, alternative="less").pvalue):
        print(f"\t{float(x)!r},")
    print("};")
    a = np.float32(np.round(rng.normal(size=40), 1))
    b = np.float32(np.round(a + rng.normal(size=40), 1))
    print("\n/* With ties, and scipy.stats.spearmanr of them. */")
    for name, x in (("golden_a", a), ("golden_b", b)):
        print(f"static const float {name}[] = {{")
        for i in range(0, 40, 10):
            print("\t" + " ".join(f"{float(v):.1f}f," for v in x[i:i + 10]))
        print("};")
    print(f"static const double golden_rho = {float(st.spearmanr(a, b).statistic)!r};")


main()
