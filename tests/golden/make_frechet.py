# Makes frechet.safetensors: Frechet distances between sets of feature vectors by numpy in float64, ddof 1,
# tr((A B)^(1/2)) through symmetric eigenvalues. Per case CASE/a, CASE/b (rows of features), CASE/distance,
# CASE/mean (of a), CASE/covariance (of a). Run: python3 make_frechet.py    (numpy)
import numpy as np

import golden_file

golden = golden_file.File()


def root(m):
    values, vectors = np.linalg.eigh(m)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


def case(name, a_shape, b_shape, same=False):
    def features(tag, shape, shift):
        """Correlated, on scales from 1 to 3, far from zero in one direction."""
        draw = golden_file.uniform(shape, len(name) + ord(tag)).astype(np.float64)
        mix = golden_file.uniform((shape[1], shape[1]), shape[1]).astype(np.float64)
        rows = draw @ (mix + np.eye(shape[1])) * np.linspace(1, 3, shape[1]) + shift
        return rows.astype(np.float32)

    a = features("a", a_shape, 5.0)
    b = a if same else features("b", b_shape, 4.0)
    x, y = a.astype(np.float64), b.astype(np.float64)
    ca, cb = (np.atleast_2d(np.cov(v, rowvar=False)) for v in (x, y))
    half = root(ca)
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(half @ cb @ half), 0, None)).sum()
    distance = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(ca) + np.trace(cb) - 2 * cross
    for key, value in (("a", a), ("b", b), ("distance", np.array(distance)), ("mean", x.mean(0)),
                       ("covariance", ca)):
        golden.store(f"{name}/{key}", value)
    golden.cases.append({"name": name})
    print(name, distance)


case("full_rank", (40, 7), (33, 7))
case("fewer_rows_than_features", (5, 9), (6, 9))
case("one_feature", (12, 1), (9, 1))
case("same", (20, 6), (20, 6), same=True)
golden.write("frechet.safetensors")
