"""What checks of exported networks share: each folder that the command line names is looked at."""

import sys
from pathlib import Path


def check_folders(check):
    """The exit code: 1 where check(folder) failed for one, whatever the others did."""
    failed = False
    for name in sys.argv[1:]:
        try:
            check(Path(name))
        except Exception as e:  # every network is looked at
            failed = True
            print(f"FAILED {Path(name).name}: {type(e).__name__}: {e}")
    return 1 if failed else 0
