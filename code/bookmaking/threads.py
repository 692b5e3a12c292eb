"""Hold the arithmetic of all libraries to some threads: variables that they read when they are imported."""


def thread_limits(threads: int) -> dict[str, str]:
    """Return the environment of a process whose arithmetic may use so many threads."""
    pools = ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM")
    return {
        **{f"{pool}_NUM_THREADS": str(threads) for pool in pools},
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}",
    }
