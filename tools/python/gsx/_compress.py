"""Compression: what gsx train does."""

from __future__ import annotations

import ctypes
import json
import os
from dataclasses import dataclass
from typing import Any, Callable, Union

from gsx._library import ProgressFunction, check, lib

Path = Union[str, os.PathLike]


@dataclass(frozen=True)
class Progress:
    """Where a compression stands.

    Attributes:
        stage: "slim", "finetune" and so on.
        step, steps: within the stage.
        total_step, total_steps: of the whole run.
        seconds_left: to its end.
        message: a line worth telling, or None.
    """

    stage: str
    step: int
    steps: int
    total_step: int
    total_steps: int
    seconds_left: float
    message: str | None


def compress(
    teacher: Path | None,
    photos: Path | None,
    out: Path,
    *,
    ratio: float | None = None,
    progress: Callable[[Progress], Any] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Compresses a generator, or trains one and compresses it where `teacher` is None.

    Args:
        teacher: a gsx model, a PyTorch or an ONNX file, or ARCH[,KEY=VALUE...]:FILE.
        photos: a folder of images, or None for the built-in ones.
        out: the run folder; the model will be its model.safetensors.
        ratio: how many times smaller the file shall be.
        progress: called with every step and message; returning False stops the run, which
            `resume=True` continues. What it raises comes out here.
        settings: any flag of `gsx train`, with _ for -, and threads, device, isa, resume.

    Returns:
        What `gsx train --json` prints: r_s, r_c, distance_to_teacher, model and so on.

    Raises:
        ValueError: a setting is unknown, out of its range, or without effect in this run.
        gsx.Stopped: `progress` returned False.
        gsx.Error: a file or the machine does not allow it, or the budget was missed.
    """
    given = {"out": os.fspath(out), **settings}
    for key, value in (("teacher", teacher), ("data", photos)):
        if value is not None:
            given[key] = os.fspath(value)
    if ratio is not None:
        given["target_ratio"] = ratio
    raised: list[BaseException] = []

    def tell(c_progress, _user) -> int:
        try:
            if raised:
                return 1
            p = c_progress.contents
            now = Progress(
                p.stage.decode(),
                p.step,
                p.steps,
                p.total_step,
                p.total_steps,
                p.seconds_left,
                p.message.decode(errors="replace") if p.message else None,
            )
            return 1 if progress is not None and progress(now) is False else 0
        except BaseException as error:  # KeyboardInterrupt too: nothing may pass through C
            raised.append(error)
            return 1

    function = ProgressFunction(tell)
    text = ctypes.c_void_p()
    status = lib.gsx_compress(json.dumps(given, default=os.fspath, allow_nan=False).encode(), function, None, ctypes.byref(text))
    try:
        if raised:
            raise raised[0]
        check(status)
        return json.loads(ctypes.string_at(text.value))
    finally:
        lib.gsx_free(text)
