"""Whatever door a photo comes in by: of what it tells beside its pixels only the spell and the mark are stored."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image, ImageOps

from prompts.metadata import read_spell, write_spell
from prompts.pictures import open_picture
from prompts.spell import Params, Spell
from service.provenance.marks import Mark, mark_of, with_mark
from service.testing import quiet_settings, running_server

SECRET = b"Anna's kitchen, 52.5200 N"
DRAWN = {"prompt": "a cat", "params": {"steps": 1, "sampler": "Euler a", "seed": 7}}


def phone_photo(kind: str = "JPEG", turned: int = 6, shade: int = 0) -> bytes:
    """A turned photo that says where and by whom it was taken, in EXIF, XMP and behind its end."""
    image = Image.linear_gradient("L").resize((96, 64)).point(lambda value: (value + shade) % 256).convert("RGB")
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = turned, SECRET.decode()
    exif.get_ifd(0x8825)[29] = SECRET.decode()
    encoded = io.BytesIO()
    image.save(encoded, kind, exif=exif)
    return encoded.getvalue() + SECRET


def text(photo: bytes) -> str:
    return base64.b64encode(photo).decode()


def by_url(photo: bytes) -> str:
    return "data:image/jpeg;base64," + text(photo)


DOORS: dict[str, Callable[[httpx.Client, bytes], httpx.Response]] = {
    "uploads": lambda web, photo: web.post("/api/uploads", files={"file": photo}),
    "img2img": lambda web, photo: web.post(
        "/api/jobs", json={"spell": DRAWN, "img2img": {"source": {"image_base64": text(photo)}}}
    ),
    "mask": lambda web, photo: web.post(
        "/api/jobs",
        json={
            "spell": DRAWN,
            "img2img": {
                "source": {"image_base64": text(photo)},
                "inpaint": {"mask": {"image_base64": text(photo)}},
            },
        },
    ),
    "upscales": lambda web, photo: web.post("/api/upscales", json={"source": {"image_base64": text(photo)}, "by": 2}),
    "interrogations": lambda web, photo: web.post("/api/interrogations", files={"file": photo}),
    "generate": lambda web, photo: web.post("/api/generate", files={"file": photo}),
    "round-trips": lambda web, photo: web.post("/api/round-trips", files={"file": photo}),
    "A1111 img2img": lambda web, photo: web.post(
        "/sdapi/v1/img2img", json={"prompt": "a cat", "steps": 1, "init_images": [by_url(photo)]}
    ),
    "A1111 interrogate": lambda web, photo: web.post(
        "/sdapi/v1/interrogate", json={"image": by_url(photo), "model": "clip"}
    ),
    "A1111 extras": lambda web, photo: web.post(
        "/sdapi/v1/extra-single-image", json={"image": by_url(photo), "upscaler_1": "Lanczos", "upscaling_resize": 2}
    ),
    "OpenAI edits": lambda web, photo: web.post("/v1/images/edits", files={"image": photo}, data={"prompt": "a cat"}),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    settings = quiet_settings(tmp_path_factory.mktemp("photos"))
    with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=60) as web:
        yield web, settings.data_dir


@pytest.mark.parametrize("name", DOORS)
def test_what_a_photo_tells_about_people_is_stored_by_no_door(house: tuple[httpx.Client, Path], name: str) -> None:
    web, folder = house
    photo = phone_photo(shade=1 + list(DOORS).index(name))
    before = set(uploads_of(folder))
    answer = DOORS[name](web, photo)
    assert answer.is_success, answer.text
    stored = set(uploads_of(folder)) - before
    assert stored, "this door keeps the photo that it works on"
    upright = np.asarray(open_picture(photo))
    assert upright.shape == (96, 64, 3)
    for file in stored:
        assert np.asarray(open_picture(file.read_bytes())).shape == upright.shape, "as upright as it was sent"
    for file in folder.rglob("*"):
        assert not file.is_file() or SECRET not in file.read_bytes(), file


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_stored_picture_keeps_its_spell_its_mark_and_the_way_it_is_turned(
    house: tuple[httpx.Client, Path], kind: str
) -> None:
    web, folder = house
    spell = Spell(f"a {kind.lower()} lighthouse, 灯台", params=Params(steps=3, seed=5))
    photo = with_mark(write_spell(phone_photo(kind).removesuffix(SECRET), spell), Mark.GENERATED) + SECRET
    before = set(uploads_of(folder))
    assert web.post("/api/uploads", files={"file": photo}).status_code == 201
    (stored,) = set(uploads_of(folder)) - before
    kept = stored.read_bytes()
    assert (read_spell(kept), mark_of(kept)) == (read_spell(photo), Mark.GENERATED)
    assert SECRET not in kept
    with Image.open(io.BytesIO(kept)) as opened:
        assert opened.size == (96, 64) and ImageOps.exif_transpose(opened).size == (64, 96)


def test_the_upscaled_picture_of_an_upload_still_knows_its_spell(house: tuple[httpx.Client, Path]) -> None:
    web, _ = house
    photo = write_spell(phone_photo(shade=90), Spell("a heron", params=Params(steps=3, seed=5)))
    upload = web.post("/api/uploads", files={"file": photo}).json()["id"]
    job = web.post("/api/upscales", json={"source": {"upload_id": upload}, "by": 2}).json()
    assert job["spell"]["prompt"] == "a heron"


def test_a_photo_that_cannot_be_taken_apart_is_written_anew(house: tuple[httpx.Client, Path]) -> None:
    web, folder = house
    whole = phone_photo(turned=6, shade=120)
    scan = whole.index(b"\xff\xda")
    # What stands before the scan is no marker; decoders step over it, and over the EXIF that hides behind it.
    odd = whole[:scan] + b"\xff\x00" + b"\xff\xe1" + (len(SECRET) + 2).to_bytes(2) + SECRET + whole[scan:]
    before = set(uploads_of(folder))
    assert web.post("/api/uploads", files={"file": odd}).status_code == 201
    (stored,) = set(uploads_of(folder)) - before
    assert stored.suffix == ".png" and SECRET not in stored.read_bytes()
    assert np.array_equal(np.asarray(open_picture(stored.read_bytes())), np.asarray(open_picture(whole)))


def uploads_of(folder: Path) -> list[Path]:
    return [file for file in (folder / "blobs" / "uploads").rglob("*") if file.is_file()]
