from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import SettingsError
from service.settings import Settings, load_settings, unknown_environment_keys

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for key in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "SPELLWRIGHT_CONFIG"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("SPELLWRIGHT_DATA_DIR", str(tmp_path))


def test_arguments_go_before_the_environment_before_the_file_before_openai_fall_backs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "spellwright.toml").write_text('port = 1\nllm_base_url = "http://file"\ndevice = "cpu"\n')
    monkeypatch.setenv("OPENAI_BASE_URL", "http://openai")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-fallback")
    assert load_settings().port == 1
    monkeypatch.setenv("SPELLWRIGHT_PORT", "2")
    settings = load_settings(host="127.0.0.2")
    assert (settings.port, settings.host, settings.device) == (2, "127.0.0.2", "cpu")
    assert settings.llm_base_url == "http://file"
    assert settings.llm_api_key is not None and settings.llm_api_key.get_secret_value() == "sk-fallback"
    assert load_settings(port=3).port == 3


def test_a_named_config_file_is_read_and_a_missing_one_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPELLWRIGHT_CONFIG", str(tmp_path / "own.toml"))
    with pytest.raises(SettingsError, match="not a file"):
        load_settings()
    (tmp_path / "own.toml").write_text("port = 9")
    assert load_settings().port == 9
    (tmp_path / "own.toml").write_text("port = = 9")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load_settings()


@pytest.mark.parametrize(
    ("key", "value", "type_name"),
    [
        ("PORT", "abc", "int"),
        ("PORT", "70000", "int"),
        ("DEVICE", "tpu", "str"),
        ("LLM_TIMEOUT_SECONDS", "0", "float"),
        ("LOG_LEVEL", "loud", "str"),
        ("PUBLIC_HOSTS", "http://a.b/c", "tuple"),
        ("ADULT_MODE", "perhaps", "bool"),
    ],
)
def test_a_bad_value_stops_the_start_naming_key_value_and_type(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str, type_name: str
) -> None:
    monkeypatch.setenv(f"SPELLWRIGHT_{key}", value)
    with pytest.raises(SettingsError) as stopped:
        load_settings()
    assert f"SPELLWRIGHT_{key}" in stopped.value.detail and value in stopped.value.detail
    assert stopped.value.facts["type"] == type_name


def test_an_unknown_key_in_the_file_names_the_near_one(tmp_path: Path) -> None:
    (tmp_path / "spellwright.toml").write_text("prot = 1")
    with pytest.raises(SettingsError, match="Near: port"):
        load_settings()


def test_a_key_never_shows_in_errors_or_reprs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPELLWRIGHT_LLM_API_KEY", "sk-canary-123")
    assert "canary" not in repr(load_settings())
    assert "canary" not in str(load_settings().model_dump())


def test_a_misspelt_variable_is_found_for_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPELLWRIGHT_PROT", "1")
    assert "SPELLWRIGHT_PROT" in unknown_environment_keys()
    assert "SPELLWRIGHT_DATA_DIR" not in unknown_environment_keys()


def test_hosts_are_separated_by_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPELLWRIGHT_PUBLIC_HOSTS", "A.example, b.example")
    assert load_settings().public_hosts == ("a.example", "b.example")


def test_all_state_lies_under_the_data_folder(tmp_path: Path) -> None:
    settings = load_settings()
    for path in (settings.database_path, settings.blobs_path, settings.cache_path, settings.loras_path):
        assert path.is_relative_to(tmp_path)


def test_every_setting_is_documented_with_its_default() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    missing = [name for name in Settings.model_fields if f"`{name}`" not in text]
    assert missing == []
    stale = [
        line for line in text.splitlines()
        if line.startswith("| `") and line.split("`")[1] not in Settings.model_fields
    ]  # fmt: skip
    assert stale == []
