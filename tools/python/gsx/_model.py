"""Models: images and tensors in and out."""

from __future__ import annotations

import ctypes
import json
import os
from typing import TYPE_CHECKING, Any, Sequence, Union

import numpy as np

from gsx._library import Error, Options, Tensor, check, lib, reason

if TYPE_CHECKING:
    import PIL.Image

    Picture = Union[np.ndarray, PIL.Image.Image]


class Model:
    """A network that is ready to run. Several threads may use one at once.

    Attributes:
        info: what gsx_describe tells: architecture, inputs, outputs, scale, params, macs, bytes,
            quantized, device, isa, threads.
    """

    def __init__(self, handle: int):
        self._handle = handle
        self.info: dict[str, Any] = json.loads(lib.gsx_describe(handle))

    def __del__(self):
        if getattr(self, "_handle", None):
            lib.gsx_close(self._handle)

    def __repr__(self) -> str:
        kind = "8-bit" if self.info["quantized"] else "float"
        return f"<gsx.Model {self.info['architecture']}, {kind}, {self.info['bytes']} bytes>"

    def __call__(self, image: Picture) -> Picture:
        """Sends an image of any size through a generator of images.

        Args:
            image: a uint8 array [height, width, 3] of red, green, blue, or a PIL image, which is
                turned into RGB.

        Returns:
            The same kind of image, of the same size, or info["scale"] times that.

        Raises:
            ValueError: the array is none of an image.
            gsx.Error: the network takes no images, or memory does not suffice.
        """
        if isinstance(image, np.ndarray):
            return self._run_array(image)
        if not hasattr(image, "convert"):
            raise ValueError(
                f"gsx.Model: expected a numpy array or a PIL image, got {type(image).__name__}"
            )
        from PIL import Image

        return Image.fromarray(self._run_array(np.asarray(image.convert("RGB"))))

    def _run_array(self, image: np.ndarray) -> np.ndarray:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(
                "gsx.Model: expected a uint8 array [height, width, 3], got "
                f"{image.dtype} {list(image.shape)}"
            )
        image = np.ascontiguousarray(image)
        height, width = image.shape[:2]
        out_width, out_height = ctypes.c_int32(), ctypes.c_int32()
        size = (ctypes.byref(out_width), ctypes.byref(out_height))
        check(lib.gsx_output_size(self._handle, width, height, *size))
        result = np.empty((out_height.value, out_width.value, 3), np.uint8)
        check(
            lib.gsx_run_u8(
                self._handle, image.ctypes.data, width, height, 0, result.ctypes.data, 0
            )
        )
        return result

    def run(self, *inputs: np.ndarray) -> Union[np.ndarray, Sequence[np.ndarray]]:
        """Sends raw values through the network.

        Args:
            inputs: one array per input of the network, [N, C, H, W] or [N, F]; they are turned
                into float32.

        Returns:
            The output as float32, or a list of them where the network has several.

        Raises:
            ValueError: there are too few or too many inputs, or one is neither of images nor vectors.
            gsx.Error: the network does not take these shapes, or memory does not suffice.
        """
        arrays = [np.ascontiguousarray(x, np.float32) for x in inputs]
        given = (Tensor * max(1, len(arrays)))()
        for tensor, array in zip(given, arrays):
            if array.ndim not in (2, 4):
                raise ValueError(f"gsx.Model: an input has 2 or 4 dimensions, got {array.ndim}")
            tensor.values, tensor.rank = array.ctypes.data, array.ndim
            tensor.shape[: array.ndim] = array.shape
        count = len(self.info["outputs"])
        made = (Tensor * count)()
        room = (ctypes.c_size_t * count)()
        for _ in range(2):  # the shapes, then the values
            check(lib.gsx_run_f32(self._handle, given, len(arrays), made, room, count))
            if made[0].values:
                break
            results = [np.empty(t.shape[: t.rank], np.float32) for t in made]
            for i, array in enumerate(results):
                made[i].values, room[i] = array.ctypes.data, array.size
        return results[0] if count == 1 else results


def load(
    model: Union[str, os.PathLike, bytes],
    *,
    threads: int = 0,
    device: str = "cpu",
    isa: str | None = None,
) -> Model:
    """Opens a model.

    Args:
        model: the path of a gsx model, a PyTorch or an ONNX file, ARCH[,KEY=VALUE...]:FILE, or a
            gsx model's content as bytes.
        threads: 0 for as many as the process may run on.
        device: "cpu", "cuda" or "cuda:N".
        isa: the instruction set of the CPU's kernels; the best there is by default.

    Raises:
        gsx.Error: the file is none, or is damaged.
    """
    options = Options(
        ctypes.sizeof(Options), threads, device.encode(), isa.encode() if isa else None
    )
    if isinstance(model, bytes):
        handle = lib.gsx_open_memory(model, len(model), ctypes.byref(options))
    else:
        handle = lib.gsx_open(os.fsencode(model), ctypes.byref(options))
    if not handle:
        raise Error(reason())
    return Model(handle)
