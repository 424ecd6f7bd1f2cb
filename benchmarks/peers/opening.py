# How long a file takes to open, and how much memory: `gsx inspect FILE` against what a Python user would
# type, in turns, each in a process of its own. The files are made here, of CycleGAN's size (45 MB), unless
# some are given.
#   python3 benchmarks/peers/opening.py build/release/gsx [--rounds 9] [FILE.pth FILE.onnx ...]
# Needs torch, onnx and onnxruntime (requirements.txt).
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

RIVALS = {
    ".pth": "import sys, torch; torch.load(sys.argv[1])",
    ".onnx": "import sys, onnx, onnxruntime; onnx.load(sys.argv[1]); "
             "onnxruntime.InferenceSession(sys.argv[1])",
}


def make(folder):
    """A CycleGAN generator with 9 blocks, as a state dict and as an ONNX file."""
    code = f"""
import torch, torch.nn as nn
def block():
    layers = []
    for i in range(2):
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(256, 256, 3), nn.InstanceNorm2d(256)] + [nn.ReLU()] * (i == 0)
    return nn.Sequential(*layers)
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_block = block()
    def forward(self, x): return x + self.conv_block(x)
net = nn.Module()
layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, 64, 7), nn.InstanceNorm2d(64), nn.ReLU()]
for c in (64, 128): layers += [nn.Conv2d(c, 2 * c, 3, 2, 1), nn.InstanceNorm2d(2 * c), nn.ReLU()]
layers += [Block() for _ in range(9)]
for c in (256, 128): layers += [nn.ConvTranspose2d(c, c // 2, 3, 2, 1, 1), nn.InstanceNorm2d(c // 2), nn.ReLU()]
net.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(64, 3, 7), nn.Tanh())
torch.save(net.state_dict(), {folder + "/cyclegan.pth"!r})
torch.onnx.export(net.model.eval(), (torch.zeros(1, 3, 256, 256),), {folder + "/cyclegan.onnx"!r}, dynamo=False,
                  opset_version=17)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return [folder + "/cyclegan.pth", folder + "/cyclegan.onnx"]


def run(command):
    """Wall seconds, processor seconds and peak bytes of one process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        sys.exit(f"opening: {command[0]} failed with status {status}")
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def compare(gsx, file, rounds):
    rival = RIVALS[os.path.splitext(file)[1]]
    commands = {"gsx": [gsx, "inspect", file], "rival": [sys.executable, "-c", rival, file]}
    for command in commands.values():  # warm
        run(command)
    runs = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(run(command))
    words = f"{os.path.basename(file)} ({os.path.getsize(file) / 1e6:.0f} MB):"
    for i, (what, scale, unit) in enumerate((("wall", 1e3, "ms"), ("processor", 1e3, "ms"), ("peak", 1e-6, "MB"))):
        own, other = (statistics.median(r[i] for r in runs[name]) for name in ("gsx", "rival"))
        ratio = statistics.median(a[i] / b[i] for a, b in zip(runs["gsx"], runs["rival"]))
        words += f" {what} {own * scale:.0f} against {other * scale:.0f} {unit} ({ratio:.3f})"
    print(words)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("gsx")
    parser.add_argument("files", nargs="*")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for path in options.files or make(scratch):
            compare(options.gsx, path, options.rounds)
