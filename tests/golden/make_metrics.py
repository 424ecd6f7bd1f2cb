# Makes metrics.safetensors: FID, KID and Inception Scores of given features by the functions of pytorch-fid,
# clean-fid and torch-fidelity themselves, and what these make of images before Inception sees them.
# CASE/a, CASE/b (features), CASE/fid/TOOL, CASE/kid/clean-fid, CASE/kid/torch-fidelity (mean, deviation);
# logits/rows, logits/is (mean, deviation); IMAGE/pixels (drawn; 8-bit after rounding down), IMAGE/TOOL (every
# STRIDE-th row and column of [3,299,299]); colours/... for the colour matching of Gatys et al.
# Run: python3 make_metrics.py    (pytorch-fid 0.3.0, clean-fid 0.1.35, torch-fidelity 0.4.0, PyTorch 2.15, scipy)
import warnings

import numpy as np
import torch
from cleanfid import fid as clean
from cleanfid.resize import build_resizer
from pytorch_fid.fid_score import calculate_frechet_distance
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

import golden_file

warnings.filterwarnings("ignore")
golden = golden_file.File()
STRIDE = 13
KID = {"kid_kernel": "poly", "kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None, "kid_kernel_poly_coef0": 1,
       "rng_seed": 2020, "verbose": False, "kid_subsets": 100}


def features(name, shape, seed, shift):
    """Correlated, on scales from 1 to 2, never below zero, as pooled activations."""
    draw = golden_file.uniform(shape, seed).astype(np.float64)
    mix = golden_file.uniform((shape[1], shape[1]), shape[1]).astype(np.float64) / shape[1]**0.5
    rows = np.abs(draw @ (mix + np.eye(shape[1])) * np.linspace(1, 2, shape[1]) + shift).astype(np.float32)
    golden.store(name, rows)
    return rows


def distances(name, a_shape, b_shape, subset, same=False):
    a = features(f"{name}/a", a_shape, 3 * len(name), 1.0)
    b = a if same else features(f"{name}/b", b_shape, 3 * len(name) + 1, 0.7)
    if same:
        golden.store(f"{name}/b", b)
    x, y = a.astype(np.float64), b.astype(np.float64)
    fid = {
        "pytorch-fid": calculate_frechet_distance(x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False)),
        "clean-fid": clean.fid_from_feats(a, b),
        "torch-fidelity": fid_statistics_to_metric(*(fid_features_to_statistics(torch.from_numpy(v)) for v in (a, b)),
                                                   False)["frechet_inception_distance"]}
    np.random.seed(2020)
    kid_clean = clean.kernel_distance(a.astype(np.float64), b.astype(np.float64), max_subset_size=subset)
    kid = kid_features_to_metric(torch.from_numpy(x), torch.from_numpy(y),
                                 kid_subset_size=min(subset, len(a), len(b)), **KID)
    for tool, value in fid.items():
        golden.store(f"{name}/fid/{tool}", np.array(value))
    golden.store(f"{name}/kid/clean-fid", np.array(kid_clean))
    golden.store(f"{name}/kid/torch-fidelity", np.array([kid[f"kernel_inception_distance_{k}"] for k in ("mean", "std")]))
    golden.cases.append({"name": name, "kind": "distances", "subset": subset})
    print(name, fid, kid_clean, kid)


def score():
    rows = golden.draw("logits/rows", (43, 12), 3.0)
    result = isc_features_to_metric(torch.from_numpy(rows))
    golden.store("logits/is", np.array([result["inception_score_mean"], result["inception_score_std"]]))
    golden.cases.append({"name": "logits", "kind": "score"})
    print(result)


def image(name, height, width):
    pixels = np.floor(np.clip(golden.draw(f"{name}/pixels", (height, width, 3), 128, 128), 0, 255)).astype(np.uint8)
    chw = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    bilinear = torch.nn.functional.interpolate(chw.float() / 255, size=(299, 299), mode="bilinear", align_corners=False)
    cubic = torch.from_numpy(build_resizer("clean")(pixels)).permute(2, 0, 1)[None]
    tf1 = interpolate_bilinear_2d_like_tensorflow1x(chw.float(), size=(299, 299), align_corners=False)
    for tool, value in (("pytorch-fid", 2 * bilinear - 1), ("clean-fid", (cubic - 128) / 128),
                        ("torch-fidelity", (tf1 - 128) / 128)):
        golden.store(f"{name}/{tool}", value[0, :, ::STRIDE, ::STRIDE])
    golden.cases.append({"name": name, "kind": "image", "stride": STRIDE})


def root(m, inverse=False):
    values, vectors = np.linalg.eigh(m)
    return (vectors * values**(-0.5 if inverse else 0.5)) @ vectors.T


def colours():
    """Image-Analogies colour transfer (Gatys et al. 2016): x' = A x + mean_s - A mean_c, A = S^1/2 C^-1/2."""
    def pixels(tag, shape, mix, shift):
        drawn = golden_file.uniform(shape, len(tag)).reshape(-1, 3) @ np.array(mix) + shift
        return np.floor(np.clip(drawn, 0, 255)).astype(np.uint8).reshape(shape)

    c = pixels("c", (9, 14, 3), [[60, 20, 5], [10, 50, 0], [0, 10, 70]], [120, 90, 140])
    s = pixels("style", (12, 7, 3), [[30, -10, 15], [5, 60, 20], [-20, 10, 40]], [90, 130, 100])
    x, y = (v.reshape(-1, 3).astype(np.float64) for v in (c, s))
    a = root(np.cov(y, rowvar=False, bias=True)) @ root(np.cov(x, rowvar=False, bias=True), inverse=True)
    result = (x - x.mean(0)) @ a.T + y.mean(0)
    for key, value in (("image", c), ("reference", s), ("result", np.clip(result, 0, 255).reshape(c.shape))):
        golden.store(f"colours/{key}", value.astype(np.float32))
    golden.cases.append({"name": "colours", "kind": "colours"})


distances("full_rank", (40, 7), (33, 7), 20)
distances("few", (9, 24), (11, 24), 8)
distances("few_and_many", (9, 12), (30, 12), 1000)
distances("same", (15, 20), (15, 20), 10, same=True)
score()
image("growing", 37, 29)
image("shrinking", 412, 337)
image("one_side", 299, 128)
colours()
golden.write("metrics.safetensors")
