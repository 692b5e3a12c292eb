"""What of PyTorch belongs to the whole process, and must be after a call as it was before."""

import torch


def torch_state() -> dict:
    """Return the settings and the random state of PyTorch."""
    return {
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "threads": torch.get_num_threads(),
        "grad mode": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "anomaly": torch.is_anomaly_enabled(),
        "torch seed": torch.get_rng_state().tolist(),
    }
