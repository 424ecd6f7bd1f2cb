"""gsx: small, fast, faithful image generators by GAN Slimming.

    import gsx
    model = gsx.load("runs/small/model.safetensors")
    painted = model(image)                    # numpy array or PIL image, of any size
    gsx.compress("teacher.safetensors", "photos", "runs/small", ratio=16)
"""

from gsx._library import Error, Stopped, version
from gsx._model import Model, load
from gsx._compress import Progress, compress

__version__ = version()
__all__ = ["Error", "Model", "Progress", "Stopped", "compress", "load"]
