from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx

from service.jobs import EventKind

SPELL = {"prompt": "a cat", "params": {"steps": 6, "sampler": "Euler"}}


def submit(api: httpx.Client, **body: Any) -> str:
    return str(api.post("/api/jobs", json={"spell": SPELL} | body).json()["id"])


def numbered(events: list[Any]) -> list[tuple[int, str]]:
    return [(number, kind) for number, kind, _ in events if number is not None and kind != "snapshot"]


def test_a_stream_begins_with_the_whole_job_and_ends_with_its_end(braked: Any, brake: Any, follow: Any) -> None:
    brake.free.clear()
    job = submit(braked, count=2)
    brake.free.set()
    events = follow(braked, f"/api/jobs/{job}/events")
    assert events[0][1] == "snapshot" and events[0][2]["id"] == job
    assert events[-1][1] == "done"


def test_durable_events_are_numbered_without_gaps_and_progress_has_no_number(
    braked: Any, brake: Any, follow: Any
) -> None:
    brake.seconds = 0.05
    job = submit(braked, count=2)
    events = follow(braked, f"/api/jobs/{job}/events?after=0")
    assert [number for number, _ in numbered(events)] == [1, 2, 3, 4, 5]
    assert [kind for _, kind in numbered(events)] == ["queued", "started", "image", "image", "done"]
    progress = [data for number, kind, data in events if kind == "progress" and number is None]
    assert len(progress) >= 2
    assert progress[-1]["share"] == 1.0
    assert any(data["eta_seconds"] for data in progress)
    assert all(a["done"] <= b["done"] for a, b in pairwise(progress))


def test_a_client_that_reconnects_with_its_last_id_gets_exactly_what_it_missed(api: httpx.Client, follow: Any) -> None:
    job = submit(api, count=3)
    whole = numbered(follow(api, f"/api/jobs/{job}/events?after=0"))
    for seen in range(len(whole)):
        resumed = follow(api, f"/api/jobs/{job}/events", **{"Last-Event-ID": str(seen)})
        assert numbered(resumed) == whole[seen:]


def test_a_client_that_has_everything_of_a_finished_job_is_told_to_stop(api: httpx.Client, follow: Any) -> None:
    job = submit(api)
    last = numbered(follow(api, f"/api/jobs/{job}/events?after=0"))[-1][0]
    done = api.get(f"/api/jobs/{job}/events", headers={"Last-Event-ID": str(last)})
    assert (done.status_code, done.content) == (204, b"")


def test_a_last_id_that_is_not_ours_is_a_first_visit(api: httpx.Client, follow: Any) -> None:
    job = submit(api)
    follow(api, f"/api/jobs/{job}/events")
    for text in ("abc", "-1", "9" * 19, "١"):
        with api.stream("GET", f"/api/jobs/{job}/events", headers={"Last-Event-ID": text.encode()}) as response:
            body = response.read()
        assert response.status_code == 200 and b"event: snapshot" in body


def test_a_silent_stream_is_kept_awake_by_comments(braked: Any, brake: Any) -> None:
    brake.free.clear()
    job = submit(braked)
    with braked.stream("GET", f"/api/jobs/{job}/events") as response:
        lines = response.iter_lines()
        comments = 0
        while comments < 2:
            comments += next(lines).startswith(":")
    brake.free.set()


def test_a_stream_followed_by_two_tells_both_the_same(braked: Any, brake: Any, follow: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    brake.free.clear()
    job = submit(braked)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(follow, braked, f"/api/jobs/{job}/events?after=0") for _ in range(2)]
        brake.free.set()
        first, second = (numbered(one.result(timeout=20)) for one in both)
    assert first == second and first[-1][1] == str(EventKind.DONE)


def test_too_many_streams_are_refused_and_a_closed_one_makes_room(tmp_path: Any, brake: Any, follow: Any) -> None:
    from service.testing import quiet_settings, running_server

    brake.free.clear()
    settings = quiet_settings(tmp_path, max_event_streams=1)
    with running_server(settings, brake.engine) as server, httpx.Client(base_url=server.url, timeout=20) as client:
        job = submit(client)
        with client.stream("GET", f"/api/jobs/{job}/events") as response:
            lines = response.iter_lines()  # closing it would close the stream
            next(lines)
            refused = client.get(f"/api/jobs/{job}/events")
            assert (refused.status_code, refused.json()["code"]) == (429, "streams_full")
            assert int(refused.headers["retry-after"]) > 0
        brake.free.set()
        for _ in range(100):  # the server notices the closed connection at its next heartbeat
            if client.get(f"/api/jobs/{job}/events").status_code == 200:
                break
        else:
            raise AssertionError("the closed stream is still counted")
