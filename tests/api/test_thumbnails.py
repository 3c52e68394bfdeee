from __future__ import annotations

import io

import httpx
import pytest
from PIL import Image

from prompts.metadata import read_infotext
from service.provenance.marks import Mark, mark_of


@pytest.fixture
def picture(api: httpx.Client) -> str:
    spell = {"prompt": "a boat", "params": {"steps": 1, "width": 128, "height": 64, "checkpoint": "demo"}}
    job = api.post("/api/jobs", json={"spell": spell}).json()
    with api.stream("GET", job["events_url"]) as events:
        events.read()
    url: str = api.get(f"/api/jobs/{job['id']}").json()["images"][0]["url"]
    return url


@pytest.mark.parametrize(("side", "size"), [(64, (64, 32)), (32, (32, 16)), (512, (128, 64))])
def test_a_thumbnail_keeps_the_shape_and_the_mark_and_is_never_larger(
    api: httpx.Client, picture: str, side: int, size: tuple[int, int]
) -> None:
    answer = api.get(f"{picture}/thumbnail", params={"side": side})
    assert answer.headers["content-type"] == "image/webp"
    with Image.open(io.BytesIO(answer.content)) as small:
        assert (small.format, small.size) == ("WEBP", size)
    assert mark_of(answer.content) is Mark.GENERATED
    assert read_infotext(answer.content) is None


def test_a_thumbnail_is_cached_by_its_size(api: httpx.Client, picture: str) -> None:
    first = api.get(f"{picture}/thumbnail")
    again = api.get(f"{picture}/thumbnail", headers={"if-none-match": first.headers["etag"]})
    other = api.get(f"{picture}/thumbnail?side=32", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, other.status_code) == (304, 200)
    assert "immutable" in first.headers["cache-control"]


@pytest.mark.parametrize("side", ["0", "31", "1025", "big"])
def test_a_side_out_of_range_is_refused(api: httpx.Client, picture: str, side: str) -> None:
    assert api.get(f"{picture}/thumbnail", params={"side": side}).status_code == 422
