# Writes golden files: safetensors (an 8-byte header length, a JSON header, raw little-endian data),
# with a list of cases as JSON text in the metadata. Tensors that are merely random are not stored:
# the metadata says how to draw them again (uniform() here and in golden_file.h give equal floats).
import json
import os
import struct

import numpy as np

DTYPES = {"f": ("F32", "<f4"), "i": ("I16", "<i2")}


def uniform(shape, seed, scale=1.0, shift=0.0):
    """float32 values shift + scale * u, u uniform in [-1, 1): a hash of seed and position."""
    x = np.uint32(seed * 0x9E3779B9 & 0xFFFFFFFF) + np.arange(int(np.prod(shape)), dtype=np.uint32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    u = (x >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
    return (u * np.float32(scale) + np.float32(shift)).reshape(shape)


class File:
    def __init__(self):
        self.tensors, self.drawn, self.cases = {}, {}, []
        self.seed = 0

    def store(self, name, value):
        array = value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
        code, dtype = DTYPES["i" if array.dtype.kind in "iub" else "f"]
        self.tensors[name] = (code, list(array.shape), np.ascontiguousarray(array, dtype=dtype).tobytes())

    def draw(self, name, shape, scale=1.0, shift=0.0):
        """Registers a random tensor under name and returns it (float32)."""
        self.seed += 1
        self.drawn[name] = {"shape": list(shape), "seed": self.seed, "scale": float(np.float32(scale)),
                            "shift": float(np.float32(shift))}
        return uniform(shape, self.seed, scale, shift)

    def write(self, name):
        header = {"__metadata__": {"cases": json.dumps(self.cases), "drawn": json.dumps(self.drawn)}}
        offset = 0
        for key, (code, shape, data) in self.tensors.items():
            header[key] = {"dtype": code, "shape": shape, "data_offsets": [offset, offset + len(data)]}
            offset += len(data)
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), "wb") as f:
            f.write(struct.pack("<Q", len(text)) + text)
            for _, _, data in self.tensors.values():
                f.write(data)
        print(f"{name}: {len(self.cases)} cases, {len(self.tensors)} stored and {len(self.drawn)} drawn tensors, "
              f"{8 + len(text) + offset} bytes")
