"""The circuit breaker."""

from __future__ import annotations

import pytest

from prompts.errors import ChatModelUnreachable
from prompts.expansion.breaker import CircuitBreaker


def test_it_opens_after_failures_in_a_row_and_lets_one_call_through_after_the_rest() -> None:
    now = [0.0]
    breaker = CircuitBreaker(failures=2, rest_seconds=10, clock=lambda: now[0])
    breaker.failed()
    breaker.check()
    breaker.failed()
    with pytest.raises(ChatModelUnreachable) as caught:
        breaker.check()
    assert caught.value.facts["retry_after"] == 10
    now[0] = 10.0
    breaker.check()
    breaker.failed()
    with pytest.raises(ChatModelUnreachable):
        breaker.check()


def test_one_success_forgets_the_failures() -> None:
    breaker = CircuitBreaker(failures=2)
    breaker.failed()
    breaker.worked()
    breaker.failed()
    breaker.check()
