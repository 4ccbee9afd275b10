"""Networks in .pt and .pth files, which PyTorch reads: here alone it is known, and only as a reader of tensors."""

import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

from rnnplay.config import UserError
from rnnplay.exchange.tensor_file import IMPORT_FORMATS, Array, TensorFile, check_size, metadata_of, tensor_file

_MAX_DEPTH = 4
_NO_WEIGHTS = ("optim", "sched", "scaler")  # what a checkpoint holds beside the network


def read(path: Path) -> TensorFile:
    """Return the tensors of a state_dict, or of a checkpoint with one in it. Nothing of the file is executed.

    Raises UserError if PyTorch is not installed, or if the file holds something else.
    """
    try:
        torch: Any = import_module("torch")
    except ImportError:
        raise UserError(
            f'"{path}" is a file of PyTorch, which is not installed.',
            "Install it (pip install torch), or save the weights with safetensors.torch.save_file.",
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on protocols of pickle
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of many kinds
        if "GLOBAL" in str(error):  # the pickle names a class or a function
            raise UserError(
                f'"{path}" holds Python objects, not only tensors.', "Save the network's state_dict() and import that."
            ) from None
        if "Weights only" in str(error):  # pickle.dump wrote it, or it ends too early
            raise UserError(
                f'"{path}" is a pickle, not a file of torch.save, or is broken.',
                "Save the network's state_dict() with torch.save, or its arrays with numpy.savez.",
            ) from None
        reason = (str(error) or type(error).__name__).splitlines()[0].partition(". ")[0]
        raise UserError(f'"{path}" is no whole file of PyTorch ({reason}).', IMPORT_FORMATS) from None
    tensors: dict[str, Any] = {}
    values: dict[str, object] = {}

    def collect(prefix: str, value: Any, depth: int) -> None:
        for key, item in value.items():
            name = f"{prefix}{key}"
            if isinstance(item, torch.Tensor):
                tensors[name] = item
            elif isinstance(item, dict) and depth < _MAX_DEPTH and not any(word in name for word in _NO_WEIGHTS):
                collect(f"{name}.", item, depth + 1)
                values.setdefault(str(key), item)
            else:
                values.setdefault(str(key), item)

    if isinstance(content, dict):
        collect("", content, 0)
    if not tensors:
        raise UserError(f'"{path}" holds no tensors by name.', "Save the network's state_dict() and import that.")
    # A tensor may say that it repeats few numbers many times.
    check_size(path, (tensor.numel() * 4 for tensor in tensors.values()))

    def array(name: str, tensor: Any) -> Array:
        if tensor.is_sparse or tensor.is_quantized:
            raise UserError(f'The tensor "{name}" is sparse or quantized.', "Save it as float32.")
        result: Array = (tensor if tensor.dtype != torch.bfloat16 else tensor.float()).numpy(force=True)
        return result

    try:
        return tensor_file({name: array(name, tensor) for name, tensor in tensors.items()}, metadata_of(values))
    except (TypeError, RuntimeError) as error:
        raise UserError(f'"{path}" holds tensors that are not read ({error}).', "Save them as float32.") from None
