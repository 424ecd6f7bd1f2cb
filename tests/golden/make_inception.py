# Makes inception.safetensors: features of FID's Inception v3, as pytorch-fid builds it, on drawn weights;
# PyTorch in float64. CASE/param/NAME (drawn), CASE/x (RGB in -1..1), CASE/y/pool3, CASE/y/logits, and
# CASE/y/unbiased as torch-fidelity's Inception Score takes them.
# Run: python3 make_inception.py    (PyTorch 2.15, torchvision 0.29, pytorch-fid 0.3.0, numpy)
import numpy as np
import torch
from pytorch_fid import inception

import golden_file

golden = golden_file.File()


def network():
    """pytorch-fid's network without its download."""
    inception.load_state_dict_from_url = lambda *_, **__: None
    load = torch.nn.Module.load_state_dict
    torch.nn.Module.load_state_dict = lambda *_, **__: None
    try:
        return inception.fid_inception_v3().eval()
    finally:
        torch.nn.Module.load_state_dict = load


def fill(net, prefix):
    """Every layer's values stay near 1, and every batch norm has something to do."""
    for name, value in net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        shape = tuple(value.shape)
        scale, shift = {
            "running_mean": (0.1, 0.0), "running_var": (0.4, 0.6), "bias": (0.2, 0.1)}.get(name.split(".")[-1], (0.3, 1.0))
        if len(shape) > 1:
            scale, shift = float(np.sqrt(6 / np.prod(shape[1:]))), 0.0
        value.copy_(torch.from_numpy(golden.draw(f"{prefix}/{name}", shape, scale, shift)))


def case(name, x_shape):
    net = network()
    with torch.no_grad():
        fill(net, f"{name}/param")
        net.double()
        x = torch.from_numpy(golden.draw(f"{name}/x", x_shape)).double()
        inception.fid_inception_v3 = lambda: net
        wrapped = inception.InceptionV3([3], resize_input=False, normalize_input=False)
        pool3 = wrapped(x)[0].flatten(1)
        logits = net.fc(pool3)
        unbiased = pool3 @ net.fc.weight.T
    for key, value in (("pool3", pool3), ("logits", logits), ("unbiased", unbiased)):
        golden.store(f"{name}/y/{key}", value)
        print(name, key, tuple(value.shape), f"mean {value.mean():.3g}, deviation {value.std():.3g}")
    golden.cases.append({"name": name})


case("fid_inception", (2, 3, 83, 101))
golden.write("inception.safetensors")
