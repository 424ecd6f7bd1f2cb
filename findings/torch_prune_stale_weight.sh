#!/bin/sh
# A layer pruned by torch.nn.utils.prune keeps its old weight after load_state_dict.
#
# torch 2.15.0: pruning makes `weight` a plain tensor that a hook computes from weight_orig and
# weight_mask when the layer is called. After load_state_dict, or after a step of an optimizer, the
# attribute still holds the old values. Whatever reads layer.weight without calling the layer
# (an exporter, a count of zeros, F.conv2d with modulated weights as StyleGAN has it) uses the
# stale ones: a checkpoint that was loaded correctly is written out as the random initial weights.
#
# Seen, largest difference between two layers, of which one was loaded from the other:
#   after load_state_dict   weight_orig 0.00  weight 0.36
#   after calling the layer weight_orig 0.00  weight 0.00
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install --no-compile torch==2.15.0 numpy==2.4.6
"$dir/venv/bin/python" - <<'PYTHON'
import torch
from torch.nn.utils import prune


def pruned():
    layer = torch.nn.Conv2d(3, 4, 3)
    prune.l1_unstructured(layer, "weight", amount=0.5)
    return layer


def differences(when):
    of = [float((getattr(trained, n) - getattr(loaded, n)).detach().abs().max())
          for n in ("weight_orig", "weight")]
    print("{:23} weight_orig {:.2f}  weight {:.2f}".format(when, *of))
    return of


torch.manual_seed(0)
trained, loaded = pruned(), pruned()
loaded.load_state_dict(trained.state_dict())
before = differences("after load_state_dict")
loaded(torch.zeros(1, 3, 5, 5))
after = differences("after calling the layer")
assert before[0] == 0 and before[1] > 0.1 and after == [0, 0], "the behaviour has changed"
PYTHON
