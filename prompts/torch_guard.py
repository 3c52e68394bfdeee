"""Make `import torchvision` survive a torchvision wheel built for another torch.

The registry's torchvision is linked to CUDA. Beside a CPU torch its import dies with
`operator torchvision::nms does not exist`, and then open_clip, transformers and diffusers cannot be
imported either, though nothing here ever calls that operator. Importing this module loads no torch.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

_MISSING_OPERATOR = "torchvision::"
_DECLARED = ("nms", "qnms")
_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def ensure_torchvision() -> bool:
    """Import torchvision; call it before the first import of open_clip, transformers or diffusers.

    Where torchvision's compiled part loads, this is a plain import. Where it does not, the operators
    it wants at import are declared (without an implementation) and the import is tried once more.
    Safe to call again: the second call finds the module loaded.

    Returns:
        Whether torchvision is there; `False` when it is not installed at all.

    Raises:
        RuntimeError: torchvision fails for a reason this guard does not know.
    """
    try:
        importlib.import_module("torchvision")
    except ModuleNotFoundError as absent:
        if absent.name != "torchvision":
            raise
        return False
    except RuntimeError as broken:
        if _MISSING_OPERATOR not in str(broken):
            raise
        _forget_half_import()
        library = _declare_operators()
        torchvision = importlib.import_module("torchvision")
        # torch drops the declarations with the library object, so it must live as long as the module.
        torchvision.spellwright_operators = library  # type: ignore[attr-defined]
    return True


def _forget_half_import() -> None:
    for name in [m for m in sys.modules if m == "torchvision" or m.startswith("torchvision.")]:
        del sys.modules[name]


def _declare_operators() -> object:
    # torch-lazy: the web process must be able to import this module. (torch leaves Library unannotated.)
    torch_library: Any = importlib.import_module("torch.library")
    library = torch_library.Library("torchvision", "FRAGMENT")
    for operator in _DECLARED:
        library.define(operator + _SIGNATURE)
    return library
