"""Share the cores: how many there are, and variables that hold all libraries to some threads.

Libraries read these variables when they are imported.
"""

import os


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def thread_limits(threads: int) -> dict[str, str]:
    """Return the environment of a process whose arithmetic may use so many threads."""
    pools = ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM")
    return {
        **{f"{pool}_NUM_THREADS": str(threads) for pool in pools},
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}",
    }
