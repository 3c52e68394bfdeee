from __future__ import annotations

import io
import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from prompts.metadata import read_infotext, write_infotext
from service.errors import SettingsError
from service.provenance.marks import Mark, mark_of, with_mark
from service.testing import quiet_settings, running_server

c2pa = pytest.importorskip("c2pa")

INFOTEXT = "a secret wish\nSteps: 20, Sampler: Euler, Seed: 3, Size: 64x64"


def a_file(kind: str) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((64, 48)).save(out, kind)
    return with_mark(write_infotext(out.getvalue(), INFOTEXT), Mark.GENERATED)


def read(data: bytes, media_type: str = "image/png") -> dict[str, Any]:
    with c2pa.Reader(media_type, io.BytesIO(data)) as reader:
        found: dict[str, Any] = json.loads(reader.json())
    return found


def seal(folder: Path) -> Any:
    from service.provenance.c2pa_seal import C2paSeal
    from service.provenance.credential import own_credential

    return C2paSeal(lambda: own_credential(folder))


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
@pytest.mark.parametrize("mark", list(Mark))
def test_a_sealed_file_says_how_it_was_made_and_keeps_the_rest(
    tmp_path: Path, kind: str, media_type: str, mark: Mark
) -> None:
    plain = a_file(kind)
    sealed = seal(tmp_path).sealed(plain, mark)
    found = read(sealed, media_type)
    codes = [status["code"] for status in found.get("validation_status", [])]
    assert set(codes) <= {"signingCredential.untrusted"}
    manifest = found["manifests"][found["active_manifest"]]
    (actions,) = [a["data"]["actions"] for a in manifest["assertions"] if a["label"].startswith("c2pa.actions")]
    assert actions[0]["digitalSourceType"] == mark.value
    assert "a secret wish" not in json.dumps(found)
    assert read_infotext(sealed) == INFOTEXT
    assert mark_of(sealed) is Mark.GENERATED
    assert Image.open(io.BytesIO(sealed)).tobytes() == Image.open(io.BytesIO(plain)).tobytes()


def test_one_changed_byte_is_seen(tmp_path: Path) -> None:
    sealed = bytearray(seal(tmp_path).sealed(a_file("PNG"), Mark.GENERATED))
    at = sealed.index(b"a secret wish")
    sealed[at] ^= 1
    found = read(bytes(sealed))
    assert "assertion.dataHash.mismatch" in [status["code"] for status in found["validation_status"]]


def test_the_own_key_is_made_once_and_private(tmp_path: Path) -> None:
    from service.provenance.credential import own_credential

    first = own_credential(tmp_path / "deep" / "folder")
    assert own_credential(tmp_path / "deep" / "folder") == first
    key = tmp_path / "deep" / "folder" / "key.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_operators_certificate_is_used_or_refused(tmp_path: Path) -> None:
    from service.provenance.credential import given_credential, own_credential

    made = own_credential(tmp_path)
    assert given_credential(tmp_path / "chain.pem", tmp_path / "key.pem") == made
    for chain, key in (("key.pem", "key.pem"), ("chain.pem", "chain.pem"), ("missing.pem", "key.pem")):
        with pytest.raises(SettingsError):
            given_credential(tmp_path / chain, tmp_path / key)


def test_a_file_that_cannot_be_signed_is_kept_as_it_was(tmp_path: Path) -> None:
    from service.provenance.c2pa_seal import C2paSeal
    from service.provenance.credential import Credential

    data = a_file("PNG")
    assert C2paSeal(lambda: Credential(b"no", b"key")).sealed(data, Mark.GENERATED) == data


def test_starting_up_loads_no_library_and_a_wrong_certificate_stops_the_start(tmp_path: Path) -> None:
    from service.provenance.seal import NoSeal
    from service.provenance.setup import seal_of

    look = (
        "import sys; from pathlib import Path; from service.provenance.setup import seal_of; "
        "from service.testing import quiet_settings; seal_of(quiet_settings(Path('x'), c2pa='auto')); "
        "print('c2pa' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert isinstance(seal_of(quiet_settings(tmp_path, c2pa="off")), NoSeal)
    for values in ({"c2pa_certificate": tmp_path / "x.pem"}, {"c2pa_private_key": tmp_path / "x.pem"}):
        with pytest.raises(SettingsError):
            seal_of(quiet_settings(tmp_path, c2pa="auto", **values))
    both = {"c2pa_certificate": tmp_path / "x.pem", "c2pa_private_key": tmp_path / "y.pem"}
    with pytest.raises(SettingsError):
        seal_of(quiet_settings(tmp_path, c2pa="auto", **both))


def test_every_stored_picture_is_sealed_and_keeps_it_on_the_way_out(tmp_path: Path) -> None:
    settings = quiet_settings(tmp_path, c2pa="auto")
    with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        spell = {"prompt": "a boat", "params": {"steps": 1, "width": 64, "height": 64}}
        job = client.post("/api/jobs", json={"spell": spell, "count": 2}).json()
        with client.stream("GET", job["events_url"]) as events:
            events.read()
        for image in client.get(f"/api/jobs/{job['id']}").json()["images"]:
            found = read(client.get(image["url"]).content)
            assert found["manifests"][found["active_manifest"]]["signature_info"]["issuer"] == "Spellwright"
    assert (settings.data_dir / "provenance" / "key.pem").is_file()
