"""Blocks are compiled beside the plain calls, which answer until then; the twin shares the weights."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from generator import device
from generator.compiled import CompiledBlocks, twin_of
from generator.models.checkpoint import Checkpoint


class _Later(Executor):
    """Runs what was handed in when told to."""

    def __init__(self) -> None:
        self.handed: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.handed.append((future, lambda: work(*given, **named)))
        return future

    def run(self) -> None:
        for future, work in self.handed:
            try:
                future.set_result(work())
            except Exception as failed:  # noqa: BLE001 - as an executor does
                future.set_exception(failed)
        self.handed.clear()


def _asked(checkpoint: Checkpoint, rows: int = 2, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    width = checkpoint.towers[0].encoder.config.hidden_size
    context = torch.randn((rows, 77, width), generator=generator)
    return torch.randn((rows, 4, 8, 8), generator=generator), torch.linspace(900, 100, rows), context


def test_plain_calls_answer_until_a_shape_is_compiled(tiny_checkpoint: Checkpoint) -> None:
    compiled: list[str] = []

    def compile_block(module: nn.Module) -> None:
        compiled.append(type(module).__name__)
        module.compile(backend="eager", dynamic=False)

    later = _Later()
    blocks = CompiledBlocks(tiny_checkpoint, compile_block, later)
    given = _asked(tiny_checkpoint)
    expected = tiny_checkpoint.predict(*given)
    assert torch.equal(blocks.predict(*given), expected)
    assert torch.equal(blocks.predict(*given), expected)
    assert len(later.handed) == 1 and not compiled and not blocks.is_ready(given[0], given[2])
    later.run()
    assert set(compiled) == {"BasicTransformerBlock", "ResnetBlock2D"}
    assert blocks.is_ready(given[0], given[2])
    other = _asked(tiny_checkpoint, seed=1)
    assert torch.allclose(blocks.predict(*other), tiny_checkpoint.predict(*other), atol=1e-5)
    wider = _asked(tiny_checkpoint, rows=3)
    blocks.predict(*wider)
    assert not blocks.is_ready(wider[0], wider[2])


def test_the_network_in_use_is_not_compiled_and_its_twin_has_the_same_weights(tiny_checkpoint: Checkpoint) -> None:
    twin = twin_of(tiny_checkpoint.unet)
    assert twin is not tiny_checkpoint.unet
    for own, other in zip(tiny_checkpoint.unet.parameters(), twin.parameters(), strict=True):
        assert own.data_ptr() == other.data_ptr()
    modules = zip(tiny_checkpoint.unet.modules(), twin.modules(), strict=True)
    assert all(own is not other for own, other in modules)


def test_what_cannot_be_compiled_is_called_plainly(
    tiny_checkpoint: Checkpoint, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(module: nn.Module) -> None:
        raise RuntimeError("no compiler")

    later = _Later()
    blocks = CompiledBlocks(tiny_checkpoint, refuse, later)
    given = _asked(tiny_checkpoint)
    blocks.predict(*given)
    later.run()
    assert torch.equal(blocks.predict(*given), tiny_checkpoint.predict(*given))
    assert not later.handed and "is not compiled" in caplog.text


@pytest.mark.parametrize(("capability", "dtype"), [((7, 5), torch.float16), ((8, 0), torch.bfloat16)])
def test_a_card_computes_in_bfloat16_where_it_can(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert device.Compute.resolve("cuda", "auto").dtype == dtype
    assert device.Compute.resolve("cuda", "float16").dtype == torch.float16
