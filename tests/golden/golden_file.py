# Writes golden files: safetensors (an 8-byte header length, a JSON header, raw little-endian data),
# with the description of the cases as JSON text under "cases" in the metadata.
import json
import os
import struct

import numpy as np


def to_array(value):
    """A torch tensor or array as contiguous float32 (int32 for integers)."""
    array = value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
    return np.ascontiguousarray(array, dtype="<i4" if array.dtype.kind in "iub" else "<f4")


def write(path, tensors, cases):
    header = {"__metadata__": {"cases": json.dumps(cases)}}
    blobs, offset = [], 0
    for name, value in tensors.items():
        array = to_array(value)
        shape = list(np.shape(value)) if not hasattr(value, "shape") else list(value.shape)
        header[name] = {"dtype": "I32" if array.dtype.kind == "i" else "F32", "shape": shape,
                        "data_offsets": [offset, offset + array.nbytes]}
        blobs.append(array.tobytes())
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(f"{os.path.basename(path)}: {len(cases)} cases, {len(tensors)} tensors, {8 + len(text) + offset} bytes")
