# Makes weight_bits.safetensors: weights of 4 bits as PyTorch quantises them and as ONNX files pack them, two a byte.
# Run: python3 make_weight_bits.py    (PyTorch 2.15, onnx 1.23, ml_dtypes, numpy)
import ml_dtypes
import numpy as np
import onnx
import torch

from golden_file import File

LARGEST = 7

file = File()


def case(name, shape, axis):
    """`axis` is that of the output channels, None where one step serves all. Draws until no weight is near a tie."""
    while True:
        w = file.draw(name + ".weight", shape, 0.3, 0.02)
        t = torch.from_numpy(w)
        others = [d for d in range(t.dim()) if d != axis]
        step = (t.abs().amax(others, keepdim=True) if axis is not None else t.abs().max()) / LARGEST
        real = t / step
        if ((real - real.floor() - 0.5).abs() > 1e-4).all():
            break
    codes = torch.round(real).numpy().astype(np.int8)
    if axis is None:
        zero = torch.zeros((), dtype=torch.int32)
        fake = torch.fake_quantize_per_tensor_affine(t, step, zero, -LARGEST, LARGEST)
    else:
        zeros = torch.zeros(shape[axis], dtype=torch.int32)
        fake = torch.fake_quantize_per_channel_affine(t, step.flatten(), zeros, axis, -LARGEST, LARGEST)
    packed = onnx.numpy_helper.from_array(codes.astype(ml_dtypes.int4)).raw_data
    assert len(packed) == (codes.size + 1) // 2
    file.store(name + ".bytes", np.frombuffer(packed, np.uint8))
    file.store(name + ".steps", step.flatten())
    file.store(name + ".values", fake)
    file.cases.append({"name": name, "per_channel": axis is not None})


for per_channel in (True, False):
    end = "_by_channel" if per_channel else ""
    case("conv" + end, [9, 3, 3, 3], 0 if per_channel else None)
    case("conv_transpose" + end, [3, 5, 3, 3], 1 if per_channel else None)
    case("linear" + end, [3, 5], 0 if per_channel else None)
file.write("weight_bits.safetensors")
