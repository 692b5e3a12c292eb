"""The guard of PyTorch: no setting of a caller changes a result, and each is as before."""

from contextlib import contextmanager, nullcontext

import pytest

torch = pytest.importorskip("torch")

from threelayer import Config, DivergedError, load  # noqa: E402
from threelayer.frameworks.pytorch_guard import guarded  # noqa: E402

CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=2, dtype="float32")
NAMES = "pytorch_scratch", "pytorch_modules", "pytorch_lightning"


@contextmanager
def setting(change, restore):
    change()
    try:
        yield
    finally:
        restore()


def default_device(name):
    return setting(lambda: torch.set_default_device(name), lambda: torch.set_default_device(None))


def default_dtype(dtype):
    return setting(lambda: torch.set_default_dtype(dtype), lambda: torch.set_default_dtype(torch.float32))


def matmul_precision(precision):
    return setting(
        lambda: torch.set_float32_matmul_precision(precision),
        lambda: torch.set_float32_matmul_precision("highest"),
    )


def tf32_of_cuda_alone():
    matmul = torch.backends.cuda.matmul
    if not hasattr(matmul, "fp32_precision"):
        pytest.skip("before PyTorch 2.9 there is one interface to the setting")
    return setting(
        lambda: setattr(matmul, "fp32_precision", "tf32"), lambda: setattr(matmul, "fp32_precision", "ieee")
    )


HOSTILE = {
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "default device": lambda: default_device("meta"),
    "a device around the call": lambda: torch.device("meta"),
    "default dtype": lambda: default_dtype(torch.float16),
    "matmul precision": lambda: matmul_precision("medium"),
    "matmul precision of one library": tf32_of_cuda_alone,
}


def settings() -> dict:
    """Return all that the guard touches."""
    places = [getattr(library, "matmul", None) for library in (torch.backends.cuda, torch.backends.mkldnn)]
    try:
        precision = torch.get_float32_matmul_precision()
    except RuntimeError:
        precision = "two interfaces disagree"
    return {
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": [torch.is_autocast_enabled(device) for device in ("cpu", "cuda")],
        "device": torch.get_default_device(),
        "dtype": torch.get_default_dtype(),
        "precision": [precision, *(getattr(place, "fp32_precision", None) for place in places)],
    }


def results(module, params, data):
    """Return everything that the entry points compute, as one list of arrays."""
    single = type(params)(*(p.astype("float32") for p in params))
    loss, grads = module.loss_and_grads(single, data.x_train, data.y_train)
    fit = module.fit(params, data, CONFIG)
    return [
        module.predict(single, data.x_test),
        loss,
        *grads,
        *fit.params,
        fit.history.train_loss,
        fit.history.val_loss,
    ]


def same(left, right):
    return all(
        (torch.as_tensor(a, device="cpu") == torch.as_tensor(b, device="cpu")).all()
        for a, b in zip(left, right, strict=True)
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", HOSTILE)
def test_no_setting_changes_a_result_and_each_stays(name, case, params, data):
    if name == "pytorch_lightning":
        pytest.importorskip("pytorch_lightning")
    module = load(name)
    expected = results(module, params, data)
    with HOSTILE[case]():
        before = settings()
        found = results(module, params, data)
        assert settings() == before
        with pytest.raises(DivergedError):
            module.fit(params, data, Config(hidden=(5, 4), batch_size=7, epochs=2, learning_rate=1e200))
        assert settings() == before
    assert same(found, expected)


def product():
    """Return where a product is made, its dtype, whether it is recorded, and how exactly it is computed."""
    x = torch.tensor([[1.0]], dtype=torch.float32, requires_grad=True)
    y = x @ x
    return y.device.type, y.dtype, y.requires_grad, y.is_inference(), settings()["precision"][0]


@pytest.mark.parametrize("case", [case for case in HOSTILE if case != "default dtype"])
def test_without_the_guard_each_setting_matters(case):
    usual = product()
    with HOSTILE[case]():
        assert product() != usual
        assert guarded(product)() == usual
    assert product() == usual


def test_a_setting_of_the_call_ends_with_it():
    with torch.no_grad(), nullcontext():
        assert guarded(torch.is_grad_enabled)()
        assert not torch.is_grad_enabled()
