# How `gsx bench ... --vs COMMAND` talks to a rival. COMMAND is started with `--threads N` behind it and says
# who it is: {"name": ...}. Then every line on stdin describes one work, as
#   {"what": "infer", "model": "cyclegan", "size": 256, "batch": 1}
#   {"what": "conv forward", "shape": {"n": 1, "h": 64, "w": 64, "c": 256, "k": 256, "kernel": 3, ...}}
# and is answered by {"seconds": S}, the time of one run, or {"error": why}. What comes first is prepared and
# warmed up before. After the end of stdin a last line tells the most memory the process ever held.
import json
import resource
import sys
import time

WARM_UP = 3


def say(**words):
    print(json.dumps(words), flush=True)


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Work:
    """run(before()) is timed without before()."""

    def __init__(self, run, before=lambda: None):
        self.run, self.before = run, before

    def seconds(self):
        given = self.before()
        start = time.perf_counter()
        self.run(given)
        return time.perf_counter() - start


def serve(name, prepare):
    """prepare(work) makes a Work of a description, or raises NotImplementedError."""
    say(name=name)
    known = {}
    for line in sys.stdin:
        try:
            if line not in known:
                known.clear()  # one work's memory at a time
                known[line] = prepare(json.loads(line))
                for _ in range(WARM_UP):
                    known[line].seconds()
            say(seconds=known[line].seconds())
        except NotImplementedError as error:
            say(error=str(error))
    say(peak_bytes=peak_bytes())
