"""The devices that train: their names, PyTorch for one, and what is wrong where there is none.

PyTorch is imported here alone, when a device that needs it is opened: that takes seconds, and the CPU needs none of it.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from rnnplay.config import UserError

CPU, TORCH_CPU = "cpu", "torch-cpu"

# cuDNN's recurrent layers repeat bit for bit only with such a workspace, and CUDA reads this when it starts.
_WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:2")
_DRIVER_FILES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg")  # the last: Windows' Linux
_USE_CPU = "or train on the CPU with --device cpu."


class TorchDevice(NamedTuple):
    """PyTorch's module, a device of its, and the dtype that layers compute with."""

    torch: Any
    device: Any
    compute_dtype: Any

    @property
    def is_gpu(self) -> bool:
        return bool(self.device.type == "cuda")

    def describe(self, precision: str) -> str:
        """The device for people: the card's name and the arithmetic's precision."""
        if not self.is_gpu:
            return f"PyTorch {self.torch.__version__} on the CPU"
        return f"{self.torch.cuda.get_device_name(self.device)} ({self.device}), {precision}"


def has_nvidia_driver() -> bool:
    """Return whether the system has a device file of NVIDIA's driver; costs nothing."""
    return any(Path(file).exists() for file in _DRIVER_FILES)


def has_torch() -> bool:
    """Return whether PyTorch is installed; it is not imported."""
    return find_spec("torch") is not None


def open_torch(name: str, precision: str, dtype: str) -> TorchDevice:
    """PyTorch for the device `name`: cuda, cuda:1 or torch-cpu. Raises UserError if it cannot be had.

    precision: float32, tf32 or bf16, of the arithmetic in float32; float64 is computed as it is.
    """
    os.environ.setdefault(*_WORKSPACE)
    if not has_torch():
        raise UserError(
            f"The device {name} needs PyTorch, which is not installed.",
            f"Install it with pip install 'rnnplay[cuda]', {_USE_CPU}",
        )
    torch: Any = import_module("torch")
    if name == TORCH_CPU:
        torch.set_num_threads(1)
        device = torch.device("cpu")
    else:
        device = torch.device(_existing_gpu(torch, name))
        torch.cuda.set_device(device)
    single = dtype == "float32"
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = False  # it would choose by the clock
    torch.backends.cudnn.deterministic = True
    return TorchDevice(torch, device, torch.bfloat16 if single and precision == "bf16" else getattr(torch, dtype))


def _existing_gpu(torch: Any, name: str) -> str:
    """`name` with its number. Raises UserError if there is no such GPU."""
    if torch.version.cuda is None:
        raise UserError(
            f"The PyTorch that is installed ({torch.__version__}) has no CUDA.",
            f"Install one that has, as pytorch.org says, {_USE_CPU}",
        )
    number = int(name.partition(":")[2] or 0)
    try:
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if not count:
            torch.cuda.init()  # says why
    except (RuntimeError, AssertionError) as error:
        raise _no_gpu(str(error), torch.version.cuda) from None
    if number >= count:
        gpus = (
            "no GPU that CUDA can use" if not count else f"{count} GPU{'s' if count > 1 else ''}, the first is cuda:0"
        )
        raise UserError(f"There is no {name}: this machine has {gpus}.", f"Name one that there is, {_USE_CPU}")
    return f"cuda:{number}"


def _no_gpu(reason: str, cuda: str) -> UserError:
    """Return what is wrong and what to do, from what CUDA says when it cannot start."""
    if "too old" in reason:
        return UserError(
            f"The NVIDIA driver is too old for this PyTorch, which was built for CUDA {cuda}.",
            f"Update the driver, or install a PyTorch for an earlier CUDA, {_USE_CPU}",
        )
    if "no NVIDIA driver" in reason or not has_nvidia_driver():
        return UserError("There is no NVIDIA driver on this machine.", f"Install the driver, {_USE_CPU}")
    first = reason.strip().splitlines()[0] if reason.strip() else "no reason is given"
    return UserError(f"CUDA cannot start ({first.rstrip('.')}).", f"See that nvidia-smi runs, {_USE_CPU}")
