"""libgsx_c, by ctypes; what its functions mean says gsx.h."""

import ctypes
import os
import pathlib

# Of gsx.h.
_ABI = 1
_OK, _FAILED, _MISUSED, _STOPPED = range(4)


class Error(RuntimeError):
    """What gsx refuses or cannot do, in one sentence."""


class Stopped(Error):
    """A compression that its progress function stopped. It can be resumed."""


class Options(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("threads", ctypes.c_int32),
        ("device", ctypes.c_char_p),
        ("isa", ctypes.c_char_p),
    ]


class Tensor(ctypes.Structure):
    _fields_ = [
        ("values", ctypes.c_void_p),
        ("shape", ctypes.c_int64 * 4),
        ("rank", ctypes.c_int32),
    ]


class CProgress(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("stage", ctypes.c_char_p),
        ("step", ctypes.c_int32),
        ("steps", ctypes.c_int32),
        ("total_step", ctypes.c_int32),
        ("total_steps", ctypes.c_int32),
        ("seconds_left", ctypes.c_double),
        ("message", ctypes.c_char_p),
    ]


ProgressFunction = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.POINTER(CProgress), ctypes.c_void_p)

_I32 = ctypes.POINTER(ctypes.c_int32)
_SIGNATURES = {
    "gsx_version": (ctypes.c_char_p, []),
    "gsx_abi": (ctypes.c_int32, []),
    "gsx_error": (ctypes.c_char_p, []),
    "gsx_open": (ctypes.c_void_p, [ctypes.c_char_p, ctypes.POINTER(Options)]),
    "gsx_open_memory": (
        ctypes.c_void_p,
        [ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(Options)],
    ),
    "gsx_close": (None, [ctypes.c_void_p]),
    "gsx_describe": (ctypes.c_char_p, [ctypes.c_void_p]),
    "gsx_output_size": (
        ctypes.c_int,
        [ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32, _I32, _I32],
    ),
    "gsx_run_u8": (
        ctypes.c_int,
        [
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.c_int32,
            ctypes.c_size_t,
            ctypes.c_void_p,
            ctypes.c_size_t,
        ],
    ),
    "gsx_run_f32": (
        ctypes.c_int,
        [
            ctypes.c_void_p,
            ctypes.POINTER(Tensor),
            ctypes.c_size_t,
            ctypes.POINTER(Tensor),
            ctypes.POINTER(ctypes.c_size_t),
            ctypes.c_size_t,
        ],
    ),
    "gsx_compress": (
        ctypes.c_int,
        [
            ctypes.c_char_p,
            ProgressFunction,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        ],
    ),
    "gsx_free": (None, [ctypes.c_void_p]),
}


def _opened():
    """The library beside this package, or the one that GSX_LIBRARY or the system names."""
    beside = sorted(pathlib.Path(__file__).parent.glob("libgsx_c.so*"))
    name = os.environ.get("GSX_LIBRARY") or (str(beside[0]) if beside else "libgsx_c.so.1")
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        raise ImportError(f"gsx: its library {name} cannot be loaded: {error}") from None
    if library.gsx_abi() < _ABI:  # before later functions are asked for
        raise ImportError(f"gsx: the library {name} is older than this package; update it")
    for function, (result, arguments) in _SIGNATURES.items():
        getattr(library, function).restype = result
        getattr(library, function).argtypes = arguments
    return library


lib = _opened()


def version() -> str:
    """Of the library, such as 0.2.0."""
    return lib.gsx_version().decode()


def reason() -> str:
    """Why this thread's last call failed."""
    return lib.gsx_error().decode(errors="replace")


def check(status: int) -> None:
    """Raises what a status that is not OK means."""
    if status == _OK:
        return
    if status == _MISUSED:
        raise ValueError(reason())
    raise (Stopped if status == _STOPPED else Error)(reason())
