"""Runs the Python of a model card: python3 card_check.py FOLDER IMAGE WANTED.

In FOLDER, whose README.md it is, on IMAGE; what comes out must be within one grey level of WANTED in the mean.
"""

import os
import shutil
import sys

import numpy as np
from PIL import Image

folder, image, wanted = map(os.path.abspath, sys.argv[1:])
text = open(os.path.join(folder, "README.md"), encoding="utf-8").read()
code = text.split("```python\n")[1].split("```")[0]
assert len(code.splitlines()) <= 4, code
shutil.copy(image, os.path.join(folder, "in.jpg"))  # told from its content
os.chdir(folder)
sys.path.insert(0, folder)
exec(code)
got, want = (np.asarray(Image.open(f)).astype(float) for f in ("out.png", wanted))
assert got.shape == want.shape, (got.shape, want.shape)
print(f"mean difference {np.abs(got - want).mean():.4f} grey levels")
assert np.abs(got - want).mean() <= 1
