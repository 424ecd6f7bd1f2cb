# How `gsx bench ... --vs COMMAND` talks to a rival: COMMAND is started with the words of the measurement
# (`infer --model cyclegan --size 256 --batch 1 --threads 2`), prepares itself, and then answers every line
# "run" on stdin by one run and the line {"seconds": S} on stdout. Its first line says who it is; after the
# end of stdin a last line tells the most memory the process ever held. One process does one measurement, so
# that the peak is that measurement's.
import argparse
import json
import resource
import sys
import time

WARM_UP = 3


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["infer", "step", "norm", "start"])
    parser.add_argument("--model", default="cyclegan")
    parser.add_argument("--method", default="gs8")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser


def say(**words):
    print(json.dumps(words), flush=True)


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def serve(name, work):
    """work() does one run; several first, until everything is compiled, allocated and warm."""
    for _ in range(WARM_UP):
        work()
    say(name=name)
    for line in sys.stdin:
        if line.strip() != "run":
            raise SystemExit(f"expected the line 'run', got {line!r}")
        start = time.perf_counter()
        work()
        say(seconds=time.perf_counter() - start)
    say(peak_bytes=peak_bytes())
