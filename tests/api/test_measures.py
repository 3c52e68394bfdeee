from __future__ import annotations

import re

import httpx


def test_answers_are_counted_by_route_and_the_format_is_prometheus_own(api: httpx.Client) -> None:
    for _ in range(3):
        api.get("/api/jobs/00000000000000000000000000")
    api.get("/api/nothing/that/is/there")
    answer = api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert 'spellwright_requests_total{method="GET",route="/api/jobs/{id}",status="404"} 3' in lines
    assert 'spellwright_requests_total{method="GET",route="none",status="404"} 1' in lines
    assert 'spellwright_request_seconds_count{route="/api/jobs/{id}"} 3' in lines
    assert any(re.fullmatch(r'spellwright_jobs\{status="queued"\} \d+', line) for line in lines)
    assert "nothing" not in answer.text and "00000" not in answer.text
    named = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    for line in lines:
        if not line.startswith("#"):
            assert re.fullmatch(r'[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [0-9.e+-]+', line), line
            assert re.sub(r"_(bucket|sum|count)?(?=\{|\s).*", "", line).split("{")[0].split()[0] in " ".join(named)


def test_the_steps_of_the_histogram_only_rise(api: httpx.Client) -> None:
    api.get("/healthz")
    text = api.get("/metrics").text
    steps = [int(n) for n in re.findall(r'seconds_bucket\{route="/healthz",le="[^"]+"\} (\d+)', text)]
    assert steps == sorted(steps) and steps[-1] >= 1
