#!/usr/bin/env python3
# Times gsx against PyTorch and ONNX Runtime on this machine's processor, in turns, and writes what docs/benchmarks.md
# shows. The rivals are installed into build/peers from PyPI (several GB) when they are not there.
#   benchmarks/compare.py run       measures everything (about 20 minutes on 2 idle cores), writes the page
#   benchmarks/compare.py report    writes docs/benchmarks.md from docs/benchmarks.json again
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import venv

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEERS = os.path.join(ROOT, "benchmarks", "peers")
VENV = os.path.join(ROOT, "build", "peers")
PYTHON = os.path.join(VENV, "bin", "python")
JSON, PAGE = (os.path.join(ROOT, "docs", f"benchmarks.{kind}") for kind in ("json", "md"))
THREADS = 2

TORCH, COMPILED = "torch_peer.py", "torch_peer.py --compile"
ORT, ORT_INT8 = "onnxruntime_peer.py", "onnxruntime_peer.py --int8"
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}

# Title, gsx bench's words, rival, its environment, turns, goal as (what, at least).
WORKS = [
    ("generator forward, 256x256", "infer --size 256", TORCH, {}, 15, 3.0),
    ("generator forward, 256x256", "infer --size 256", ORT, {}, 15, 2.7),
    ("generator forward, 256x256", "infer --size 256", ORT_INT8, {}, 15, 1.6),
    ("the same in 8 bits (integer program)", "infer --size 256 --quantized", ORT_INT8, {}, 15, None),
    ("generator forward, 128x128", "infer --size 128", TORCH, {}, 15, None),
    ("GS-8 step, 256x256", "step --size 256", TORCH, {}, 7, 3.0),
    ("GS-8 step, 256x256", "step --size 256", COMPILED, {}, 7, None),
    ("GS-8 step, 128x128", "step --size 128", TORCH, {}, 11, 2.8),
    ("GS-8 step, 64x64", "step --size 64", TORCH, {}, 15, 2.5),
    ("dense CycleGAN step, 128x128", "step --method dense --size 128", TORCH, {}, 5, 2.8),
    ("GS-8 step, 256x256, --memory high", "step --size 256 --memory high", TORCH, {}, 5, None),
    ("GS-8 step, 128x128, --memory high", "step --size 128 --memory high", TORCH, {}, 7, None),
    ("GS-8 step, 64x64, --memory high", "step --size 64 --memory high", TORCH, {}, 11, None),
    ("GS-8 step, 256x256, one thread", "step --size 256 --threads 1", TORCH, {}, 5, 2.5),
    ("generator forward, 256x256, AVX2", "infer --size 256 --isa avx2", TORCH, AVX2, 11, 3.0),
    ("GS-8 step, 256x256, AVX2", "step --size 256 --isa avx2", TORCH, AVX2, 5, 3.0),
    ("GS-8 step, 128x128, AVX2", "step --size 128 --isa avx2", TORCH, AVX2, 5, 2.8),
    ("GS-8 step, 64x64, AVX2", "step --size 64 --isa avx2", TORCH, AVX2, 11, 2.5),
]
NORM_GOALS = {"forward": 5.0, "backward": 6.0}


def install():
    wanted = open(os.path.join(PEERS, "requirements.txt")).read()
    stamp = os.path.join(VENV, "installed.txt")
    if os.path.exists(stamp) and open(stamp).read() == wanted:
        return
    print("compare: installing the rivals", file=sys.stderr)
    venv.create(VENV, with_pip=True, clear=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "-q", "-r", os.path.join(PEERS, "requirements.txt")], check=True)
    open(stamp, "w").write(wanted)


def save(result):
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in result.items())
    with open(JSON, "w") as file:
        file.write("{\n" + lines.replace(ROOT + os.sep, "") + "\n}\n")


def gsx(words, environment=None):
    command = [os.path.join(ROOT, "gsx"), *words]
    print("compare:", *words, file=sys.stderr)
    run = subprocess.run(command, stdout=subprocess.PIPE, env={**os.environ, **(environment or {})})
    if run.returncode != 0:
        return {"error": f"gsx {' '.join(words)} ended with {run.returncode}"}
    return json.loads(run.stdout)


def bench(words, rival, environment, turns):
    if "--threads" not in words:
        words += f" --threads {THREADS}"
    command = f"{PYTHON} {os.path.join(PEERS, rival)}"
    return gsx(["bench", *words.split(), "--samples", str(turns), "--json", "--vs", command], environment)


def start_up(turns=5):
    """Seconds from the start of `gsx train` to its first step's line, and of `import torch`, in turns."""
    ours, theirs = [], []
    for _ in range(turns):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            words = [os.path.join(ROOT, "gsx"), "train", "--out", os.path.join(folder, "run")]
            run = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
            for line in run.stderr:
                if " 1/" in line:
                    break
            ours.append(time.perf_counter() - start)
            run.terminate()
            run.communicate()
        start = time.perf_counter()
        subprocess.run([PYTHON, "-c", "import torch"], check=True)
        theirs.append(time.perf_counter() - start)
    return {"ours": ours, "theirs": theirs, "ratio": statistics.median(theirs) / statistics.median(ours)}


def measure():
    install()
    result = {"date": time.strftime("%Y-%m-%d"), "system": platform.platform(), "works": [], "load": os.getloadavg()}
    best_set = gsx(["info", "--json"])["instruction_sets"][0]
    for title, words, rival, environment, turns, goal in WORKS:
        if "--isa" in words and best_set == "avx2":
            continue
        work = bench(words + " --model cyclegan", rival, environment, turns)
        result["works"].append({"title": title, "goal": goal, **work})
        save(result)
    result["norm"] = bench("norm --size 256 --only cyclegan", TORCH, {}, 25)
    result["conv"] = {size: bench(f"conv --size {size} --only cyclegan", TORCH, {}, 3) for size in (256, 64)}
    result["pruned"] = gsx(["bench", "conv", "--size", "256", "--only", "pruned", "--threads", str(THREADS), "--samples",
                            "15", "--json"])
    result["layers"] = {what: gsx(["bench", *what.split(), "--model", "cyclegan", "--threads", str(THREADS), "--json"])
                        for what in ("infer --size 256", "step --size 256", "step --size 64")}
    result["start"] = start_up()
    save(result)


def goal_text(ratio, goal):
    if goal is None:
        return ""
    return f"≥ {goal:g}, reached" if ratio >= goal else f"≥ {goal:g}, **missed**"


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join("---:" if i else "---" for i in range(len(heads))) + "|"]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows])


def spread(timing):
    return f"{timing['ms']:.0f} ({timing['ms_least']:.0f} to {timing['ms_most']:.0f})"


def works_table(works):
    rows = []
    for w in works:
        if "error" in w:
            rows.append([w["title"], "", "", "", w["error"], "", ""])
            continue
        rows.append([w["title"], w["peer"], spread(w["ours"]), spread(w["theirs"]),
                     f"**{w['ratio']:.2f}** ({w['ratio_least']:.2f} to {w['ratio_most']:.2f})",
                     goal_text(w["ratio"], w["goal"]),
                     f"{w['process_bytes'] / 1e6:.0f} / {w['peer_process_bytes'] / 1e6:.0f}"])
    return table(["work", "rival", "gsx, ms", "rival, ms", "ratio", "goal", "peak memory, MB"], rows)


def norm_table(norm):
    rows = [[k["kernel"], k["layer"].split(" ", 1)[1], f"{k['vs']['ours']['ms']:.2f}", f"{k['vs']['theirs']['ms']:.2f}",
             f"**{k['vs']['ratio']:.1f}**", goal_text(k["vs"]["ratio"], NORM_GOALS[k["kernel"].split()[1]])]
            for k in norm["kernels"] if "vs" in k and "quantize" in k["kernel"]]
    return table(["fused kernel", "height x width channels", "gsx, ms", "rival, ms", "ratio", "goal"], rows)


def conv_table(conv):
    rows = [[k["kernel"].removeprefix("conv "), k["layer"], f"{k['ms']:.2f}", f"{k['gflops']:.0f}",
             f"{100 * k['share_of_flops']:.0f} %", f"{k['vs']['theirs']['ms']:.2f}", f"{k['vs']['ratio']:.2f}"]
            for k in conv["kernels"] if "vs" in k]
    return table(["pass", "layer", "gsx, ms", "GFLOP/s", "of FMA peak", "rival, ms", "ratio"], rows)


def pruned_table(conv):
    """Milliseconds of layers with 37 channels beside those with 40."""
    times = {(k["kernel"].removeprefix("conv "), k["layer"].removeprefix("pruned ")): k["ms"] for k in conv["kernels"]}
    rows = []
    for (kernel, layer), ms in times.items():
        whole = times.get((kernel, layer.replace("37", "40")))
        if "37" in layer and whole:
            rows.append([kernel, layer, f"{ms:.3f}", f"{whole:.3f}", f"{ms / whole:.2f}"])
    return table(["pass", "layer", "37 channels, ms", "40 channels, ms", "ratio"], rows)


def phases_table(layers):
    phases = {}
    for layer in layers["layers"]:
        kind = "convolution" if is_convolution(layer["layer"]) else "everything else"
        phases.setdefault(layer["phase"], {}).setdefault(kind, 0)
        phases[layer["phase"]][kind] += layer["ms"]
    rows = [[phase, *(f"{kinds.get(k, 0):.1f}" for k in ("convolution", "everything else"))]
            for phase, kinds in phases.items()]
    return table(["phase", "convolution layers, ms", "everything else, ms"], rows)


def is_convolution(layer):
    network, _, name = layer.partition("/")
    place = name.rsplit(".", 1)[-1]
    convolutions = {"cyclegan": "1 4 7 19 22 26 1 5", "patchgan": "0 2 5 8 11", "vgg16": "0 2 5 7 10 12 14 17 19 21"}
    if "conv_block" in name:
        return place in ("1", "5")
    return place in convolutions.get(network, "").split()


def report():
    with open(JSON) as file:
        r = json.load(file)
    first = next(w for w in r["works"] if "error" not in w)
    peak = r["conv"]["256"]["ceiling_gflops"]
    macs = r["layers"]["infer --size 256"]["macs_true"]
    vnni_ms = 2 * macs / (4 * peak * 1e6)
    page = f"""# Speed on the CPU

Made by `benchmarks/compare.py run`, which writes this page from its JSON ([benchmarks.json](benchmarks.json)).
{r['date']}, {first['processor']}, {first['threads']} threads, {first['instructions']}; gsx {first['version']}.
Every ratio comes from one run of `gsx bench ... --vs`, both sides taking turns on the same machine; medians, with
the least and the most of one turn. Ratio: the rival's time to ours. Peak memory is each whole process's. PyTorch is given its fused optimisers and
fused fake quantisation, in-place activations and its own memory layout (`torch_peer.py --channels-last` is slower).

## Whole networks and steps

{works_table(r['works'])}

The GS-8 step is student, teacher, VGG16 to relu4_3 with Gram matrices, discriminator and all updates, at batch 1,
as `gsx bench step --model cyclegan` runs it, where not said otherwise with the filters of frozen networks transformed
in every step; `--memory high` keeps them. Rows named AVX2 hold both sides to that instruction set.

From the start to the first step of `gsx train`: {statistics.median(r['start']['ours']):.2f} s; `import torch` alone:
{statistics.median(r['start']['theirs']):.2f} s (ratio {r['start']['ratio']:.1f}).

## Instance norm + ReLU + fake quantisation

{norm_table(r['norm'])}

## Where the time goes

GS-8 step at 256x256, watched layer by layer:

{phases_table(r['layers']['step --size 256'])}

Inference at 256x256:

{phases_table(r['layers']['infer --size 256'])}

## CycleGAN's convolutions, pass by pass

GFLOP/s count the direct algorithm's products, so Winograd layers pass the FMA peak, {peak:.0f} GFLOP/s just then.

At 256x256:

{conv_table(r['conv']['256'])}

At 64x64:

{conv_table(r['conv']['64'])}

## Odd channel counts

Pruning leaves any number of channels; lanes up to the next multiple of eight are padding, so 37 cost what 40 do.

{pruned_table(r['pruned'])}

## What bounds it

- The goals were set on a processor without AVX-512, against PyTorch 1.13. Here PyTorch's convolutions use AVX-512
  and run near the FMA peak (the 256-channel layer below, in about 25 ms, at 190 GFLOP/s), so only fewer
  products help: F(4x4, 3x3) saves a factor of 4, less its transforms.
- ONNX Runtime's int8 model uses VNNI, four products per lane and instruction; fp32 Winograd does not. Our
  integer program does: the row below it. Its {macs / 1e9:.1f} G multiply-adds take {vnni_ms:.0f} ms at four times the
  FMA peak, without norms, quantisers and borders.
- The norm's backward pass must read two tensors twice and write one, whose lines the processor reads first: at
  256x256x64 that is 100 MB, which at the memory's rate, {r['norm']['ceiling_gbytes']:.0f} GB/s just then, takes
  {100.7 / r['norm']['ceiling_gbytes']:.1f} ms.
- At 64x64 a step moves all weights, gradients and moments of 14 million parameters several times, whatever the
  image's size.
"""
    with open(PAGE, "w") as file:
        file.write(page)


def main():
    parser = argparse.ArgumentParser(description="gsx against PyTorch and ONNX Runtime on this processor")
    parser.add_argument("what", choices=["run", "report"])
    if parser.parse_args().what == "run":
        measure()
    report()


main()
