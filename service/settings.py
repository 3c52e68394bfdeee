"""Every setting, in one object, built once and passed down; nothing else reads the environment.

Values come from, first to last: arguments, the environment (`SPELLWRIGHT_<NAME>`), the TOML file
(`SPELLWRIGHT_CONFIG`, or `<data_dir>/spellwright.toml`), and last `OPENAI_API_KEY`, `OPENAI_BASE_URL` and
`DATABASE_URL`.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from prompts.errors import PromptError, near_hint, near_names
from service.errors import SettingsError
from service.hand_choice import choice_from_text

PREFIX = "SPELLWRIGHT_"
CONFIG_KEY = "SPELLWRIGHT_CONFIG"
KIB, MIB = 1024, 1024 * 1024
SHORTEST_KEY = 16
FALLBACKS = {"llm_api_key": "OPENAI_API_KEY", "llm_base_url": "OPENAI_BASE_URL", "database_url": "DATABASE_URL"}
"""Variables of other programs that are read when Spellwright's own setting is not there."""


class Settings(BaseSettings):
    """What the operator decides; see `docs/settings.md`. Build it with `load_settings`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    data_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path("spellwright"))
    """Folder of all state: database, pictures, models, caches."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=7860, ge=0, le=65535)
    """TCP port; 0 takes a free one."""
    public_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Further names this server answers to (a tunnel's or proxy's), without port; commas between in the environment."""
    api_key: SecretStr | None = None
    """The operator's own key, 16 characters or more; further ones are made by `spellwright keys add`."""
    database_url: SecretStr | None = None
    """A PostgreSQL database instead of the SQLite file; `DATABASE_URL` is the fall-back."""
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    """How much is logged."""

    engine: str = Field(default="local", pattern="^(local|remote)$")
    """What draws: local (this machine), or remote (an A1111-compatible server at `remote_engine_url`)."""
    remote_engine_url: str | None = Field(default=None, pattern=r"^https?://[^\s@]+$")
    """Address of that server, without `/sdapi/v1`; it may be in your own network."""
    remote_engine_auth: SecretStr | None = None
    """`user:password` for its `--api-auth`, or an API key of another Spellwright."""
    remote_engine_parallel: int = Field(default=1, ge=1, le=64)
    """Pictures asked of it at once: A1111 draws one at a time, another Spellwright batches them."""
    remote_engine_timeout_seconds: float = Field(default=900.0, gt=0, le=86_400)
    """Seconds until a picture that does not come is given up."""

    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    """Where pictures are drawn: auto, cpu, mps, cuda or cuda:N."""
    dtype: str = Field(default="auto", pattern="^(auto|float32|float16|bfloat16)$")
    """Precision of the networks: auto (float32; on CUDA bfloat16 or float16), float32, float16, bfloat16."""
    compile_blocks: bool = False
    """On CUDA: compile the UNet's blocks beside the first pictures of a size; later ones come sooner."""
    threads: int = Field(default=0, ge=0, le=1024)
    """CPU threads of torch; 0 leaves torch's own choice."""
    batch_rows: int = Field(default=0, ge=0, le=64)
    """UNet rows of one call (a guided picture takes two); 0 measures what is best for each size."""
    default_checkpoint: str | None = None
    """Checkpoint of spells that name none; unset: the first installed one, else the demo model."""
    checkpoints_dir: Path | None = None
    """Folder of checkpoints; unset: `models/checkpoints` in the data folder."""
    loras_dir: Path | None = None
    """Folder of LoRAs; unset: `models/loras` in the data folder."""
    embeddings_dir: Path | None = None
    """Folder of textual inversions; unset: `models/embeddings` in the data folder."""
    vaes_dir: Path | None = None
    """Folder of VAEs that a spell may name; unset: `models/vaes` in the data folder."""
    upscalers_dir: Path | None = None
    """Folder of upscaling networks (ESRGAN and its kin); unset: `models/upscalers` in the data folder."""
    models_quota_bytes: int = Field(default=0, ge=0)
    """Most bytes that fetched models may bring the model folders to; 0: as much as the disk holds."""
    hub_url: str = Field(default="https://huggingface.co", pattern=r"^https?://[^/\s]+$")
    """Address of the model hub, or of a mirror of it."""
    hub_key: SecretStr | None = None
    """Key for gated models of the hub; sent to `hub_url` alone."""
    civitai_url: str = Field(default="https://civitai.com", pattern=r"^https?://[^/\s]+$")
    """Address of Civitai, or of a mirror of it."""
    civitai_key: SecretStr | None = None
    """Key for downloads that Civitai gives to signed-in people only; sent to `civitai_url` alone."""
    clip_model: str = "ViT-L-14/openai"
    """CLIP model that reads photos, in open_clip's notation `architecture/weights`."""
    terms_dir: Path | None = None
    """Folder of your own `.txt` term lists, beside the published ones; unset: `terms` in the data folder."""
    captions: str = Field(default="auto", pattern="^(auto|chat|none)$")
    """Who writes captions: auto (BLIP where its weights are), chat (a language model that sees pictures) or none."""
    caption_chat_model: str | None = None
    """Model name for captions by chat; unset: `llm_model`. Pictures are sent there, reduced to 768 pixels."""

    llm_base_url: str | None = None
    """Address of an OpenAI-compatible language model; `OPENAI_BASE_URL` is the fall-back."""
    llm_api_key: SecretStr | None = None
    """Key for it; `OPENAI_API_KEY` is the fall-back. With neither key nor address the offline expander works."""
    llm_model: str = "gpt-4.1-mini"
    """Model name sent to it."""
    llm_timeout_seconds: float = Field(default=60.0, gt=0, le=600)
    """Seconds until a silent language model is given up."""
    llm_discover: bool = False
    """Without an address or key: look for a language model's server on this machine (loopback only) at the start."""
    llm_discover_ports: Annotated[tuple[int, ...], NoDecode] = (11434, 1234, 8080)
    """Ports it is looked for on: Ollama, LM Studio, llama.cpp."""
    llm_request_tokens: int = Field(default=24_000, ge=0)
    """Most tokens sent to the language model in one call, estimated; 0: no limit."""
    llm_tokens_per_day: int = Field(default=0, ge=0)
    """Tokens each tenant may use in a day (UTC), estimated, after which the offline expander works; 0: no limit."""
    hand_plan: str = "auto"
    """What is done about hands unless somebody chooses: auto, off, or strategies with commas between."""

    c2pa: str = Field(default="auto", pattern="^(auto|off)$")
    """Sign pictures with C2PA: auto (where `c2pa-python` is installed) or off; they are marked either way."""
    c2pa_certificate: Path | None = None
    """PEM chain to sign with, leaf first; unset: this installation makes its own in the data folder."""
    c2pa_private_key: Path | None = None
    """PEM key of that chain: P-256, without a password."""

    adult_mode: bool = False
    """Allow adult nudity on this server; minors and real persons stay blocked whatever is set."""

    webhook_url: str | None = Field(default=None, pattern=r"^https?://[^\s@]+$")
    """Told by a signed POST when any job is over; may be in your own network."""
    webhook_secret: SecretStr | None = Field(default=None, min_length=16)
    """Signs those messages; needed by the two other settings."""
    webhooks_from_orders: bool = False
    """Let an order bring its own `webhook_url`: https on public addresses only."""
    webhooks_private: bool = False
    """Let such an address be in a private network, and without TLS."""

    max_json_bytes: int = Field(default=1 * MIB, ge=KIB, le=4 * MIB)
    """Largest JSON body without a picture."""
    max_picture_body_bytes: int = Field(default=32 * MIB, ge=KIB, le=64 * MIB)
    """Largest body of the routes that take a picture."""
    max_upload_bytes: int = Field(default=20 * MIB, ge=KIB, le=64 * MIB)
    """Largest picture file."""
    body_idle_seconds: float = Field(default=10.0, gt=0, le=30)
    """Seconds an upload may stand still."""
    body_total_seconds: float = Field(default=60.0, gt=0, le=300)
    """Seconds an upload may take as a whole."""
    max_images_per_job: int = Field(default=64, ge=1, le=256)
    """Most pictures of one job."""
    max_queued_jobs: int = Field(default=2000, ge=1, le=100_000)
    """Most jobs that wait at once."""
    max_queued_jobs_per_tenant: int = Field(default=100, ge=1, le=100_000)
    """Most jobs of one tenant that wait at once; this machine's own user has the whole queue."""
    requests_per_minute: int = Field(default=1200, ge=1, le=1_000_000)
    """Most requests of one tenant in a minute; this machine's own user is not counted."""
    max_running_jobs: int = Field(default=8, ge=1, le=64)
    """Most jobs worked on at once; the engine batches their pictures."""
    max_event_streams: int = Field(default=256, ge=1, le=10_000)
    """Most event streams open at once."""
    max_event_streams_per_tenant: int = Field(default=8, ge=1, le=10_000)
    """Most event streams of one tenant; this machine's own user has them all."""
    min_free_bytes: int = Field(default=256 * MIB, ge=0)
    """Free disk space below which new jobs are refused."""
    heartbeat_seconds: float = Field(default=10.0, gt=0, lt=15)
    """Seconds between two comments on a silent event stream."""
    drain_seconds: float = Field(default=20.0, ge=0, le=300)
    """Seconds a stopping server waits for step boundaries and open answers."""

    @field_validator("llm_discover_ports", mode="before")
    @classmethod
    def _split_ports(cls, ports: object) -> object:
        return tuple(p.strip() for p in ports.split(",") if p.strip()) if isinstance(ports, str) else ports

    @field_validator("hand_plan")
    @classmethod
    def _known_strategies(cls, text: str) -> str:
        try:
            choice_from_text(text)
        except PromptError as unknown:
            raise ValueError(unknown.detail) from unknown
        return text

    @field_validator("public_hosts", mode="before")
    @classmethod
    def _split_at_commas(cls, hosts: object) -> object:
        return tuple(h.strip() for h in hosts.split(",") if h.strip()) if isinstance(hosts, str) else hosts

    @field_validator("public_hosts")
    @classmethod
    def _bare_host_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not host or any(c in host for c in "/:@?#* "):
                raise ValueError(f"{host!r} is not a bare host name")
        return tuple(h.casefold() for h in hosts)

    @field_validator("api_key")
    @classmethod
    def _no_short_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < SHORTEST_KEY:
            raise ValueError(f"it is shorter than {SHORTEST_KEY} characters")
        return key

    @property
    def checkpoints_path(self) -> Path:
        """The folder of checkpoints."""
        return self.checkpoints_dir or self.data_dir / "models" / "checkpoints"

    @property
    def terms_path(self) -> Path:
        """The folder of the operator's own term lists."""
        return self.terms_dir or self.data_dir / "terms"

    @property
    def loras_path(self) -> Path:
        """The folder of LoRAs."""
        return self.loras_dir or self.data_dir / "models" / "loras"

    @property
    def embeddings_path(self) -> Path:
        """The folder of textual inversions."""
        return self.embeddings_dir or self.data_dir / "models" / "embeddings"

    @property
    def vaes_path(self) -> Path:
        """The folder of VAEs."""
        return self.vaes_dir or self.data_dir / "models" / "vaes"

    @property
    def upscalers_path(self) -> Path:
        """The folder of upscaling networks."""
        return self.upscalers_dir or self.data_dir / "models" / "upscalers"

    @property
    def audit_path(self) -> Path:
        """The audit log; see `service.audit`."""
        return self.data_dir / "audit.jsonl"

    @property
    def weakened(self) -> tuple[str, ...]:
        """What in these settings weakens the safety of the defaults, by the names of the settings."""
        is_set = {
            "host": not self.is_loopback,
            "public_hosts": bool(self.public_hosts),
            "adult_mode": self.adult_mode,
            "webhooks_from_orders": self.webhooks_from_orders,
            "webhooks_private": self.webhooks_private,
            "c2pa": self.c2pa == "off",
        }
        return tuple(name for name, weakens in is_set.items() if weakens)

    @property
    def hands_path(self) -> Path:
        """The folder of the networks that find hands."""
        return self.data_dir / "models" / "hands"

    @property
    def cache_path(self) -> Path:
        """The folder of things that can be made again."""
        return self.data_dir / "cache"

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "spellwright.db"

    @property
    def blobs_path(self) -> Path:
        """The folder of pictures and uploads."""
        return self.data_dir / "blobs"

    @property
    def has_llm(self) -> bool:
        """Whether a language model was configured."""
        return self.llm_base_url is not None or self.llm_api_key is not None

    @property
    def database_place(self) -> Path | str:
        """The SQLite file, or the URL of a PostgreSQL database."""
        return self.database_path if self.database_url is None else self.database_url.get_secret_value()

    @property
    def is_private(self) -> bool:
        """Whether only this machine reaches the server, and under no other name."""
        return self.is_loopback and not self.public_hosts

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.casefold() == "localhost"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, environment; `load_settings` brings the file and the OpenAI fall-backs underneath."""
        return (init_settings, env_settings, _Underneath(settings_cls))


class _Underneath(PydanticBaseSettingsSource):
    """The TOML file over the fall-backs."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Unused: `__call__` gives all values at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Values from the file, then from the variables in `FALLBACKS`."""
        fallback = {field: os.environ.get(key) for field, key in FALLBACKS.items()}
        values: dict[str, Any] = {key: value for key, value in fallback.items() if value}
        return values | _file_values(self.current_state.get("data_dir"))


def _file_values(data_dir: object) -> dict[str, Any]:
    named = os.environ.get(CONFIG_KEY)
    if named:
        path = Path(named)
        if not path.is_file():
            raise SettingsError(
                f"{CONFIG_KEY} is {named!r}, which is not a file. Point it at a TOML file or unset it.",
                key=CONFIG_KEY,
                got=named,
            )
    else:
        folder = Path(str(data_dir)) if data_dir else platformdirs.user_data_path("spellwright")
        path = folder / "spellwright.toml"
        if not path.is_file():
            return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise SettingsError(f"The settings file {path.name} is not valid TOML: {broken}.", key=path.name) from broken


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process; `overrides` go before everything (the CLI's options).

    Raises:
        SettingsError: A bad value or unknown key; names key, value and expected type.
    """
    given = {key: value for key, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as invalid:
        raise _settings_error(invalid) from invalid


def unknown_environment_keys() -> tuple[str, ...]:
    """`SPELLWRIGHT_*` variables that no setting reads; `doctor` shows them with near names."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_KEY}
    return tuple(sorted(key for key in os.environ if key.startswith(PREFIX) and key.upper() not in known))


def _settings_error(invalid: ValidationError) -> SettingsError:
    first = invalid.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else "settings"
    field = Settings.model_fields.get(key)
    if field is None:
        hint = near_hint(near_names(key, Settings.model_fields))
        return SettingsError(f"There is no setting called {key!r}.{hint}", key=key)
    secret = "key" in key or key in ("database_url", "remote_engine_auth", "webhook_secret")
    got = "***" if secret else repr(first["input"])
    wanted = getattr(field.annotation, "__name__", str(field.annotation))
    return SettingsError(
        f"Setting {key} ({PREFIX}{key.upper()}) is {got}; it must be of type {wanted}: {first['msg']}.",
        key=key,
        got=got,
        type=wanted,
    )
