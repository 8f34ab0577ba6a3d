"""Load server-side credentials and say that they are there, without ever showing them.

Without this, a key reaches a notebook's output the first time somebody prints the settings "to check", and
a CI log the first time a validation error quotes its input. Here the value lives in a ``Credential`` that
has no text form, errors are rebuilt from names and reasons, and presence is reported as two booleans.

    check_secret("LLM_API_KEY")   # {'loaded': True, 'server_only': True}, or a named RuntimeError
    settings = load_settings()    # environment, then .env, then a directory of secret files
    headers = adapter.auth_headers(settings.require().reveal())
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, NoReturn
from urllib.parse import urlsplit

from labkit.failures import LabkitError
from labkit.keykinds import is_placeholder, kind_of

KEY_NAME = "LLM_API_KEY"
MIN_LENGTH = 12

#: Bundlers copy variables with these prefixes into browser code: what they hold is public.
PUBLIC_PREFIXES = (
    "NEXT_PUBLIC_",
    "VITE_",
    "REACT_APP_",
    "NUXT_PUBLIC_",
    "EXPO_PUBLIC_",
    "PUBLIC_",
    "GATSBY_",
)

Environment = Literal["dev", "prod"]


class SecretError(LabkitError, RuntimeError):
    """A credential or a setting cannot be used. The message has names and reasons, never a value."""


class Credential:
    """A secret value that nothing prints by accident.

    ``repr``, ``str``, ``format``, ``vars``, ``copy``, ``pickle``, JSON, dataclass and pydantic dumps show
    the variable's name or refuse. ``reveal()`` is the one way out, so that a search for ``.reveal(`` finds
    every place a key can leave from.
    """

    __slots__ = ("_open", "name")

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        # In a closure, not in an attribute: debuggers and error trackers walk attributes.
        self._open: Callable[[], str] = lambda: value

    def reveal(self) -> str:
        """The value itself. Call it where the header is made, and keep the result in no variable."""
        return self._open()

    def __repr__(self) -> str:
        return f"Credential({self.name})"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __copy__(self) -> Credential:
        return self

    def __deepcopy__(self, memo: object) -> Credential:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            f"{self!r} is not pickled: a pickle is a plain-text copy. Load it anew in the other process."
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        """In a pydantic model: accepted as an instance only, dumped as its name."""
        from pydantic_core import core_schema  # noqa: PLC0415 - keeps `import labkit` light

        return core_schema.is_instance_schema(
            cls, serialization=core_schema.plain_serializer_function_ser_schema(repr)
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """What the boundary needs to reach a provider. ``credential`` is None when ``problem`` says why."""

    provider: str
    base_url: str | None
    model: str | None
    environment: Environment
    issued: date | None
    credential: Credential | None
    problem: str | None

    def require(self) -> Credential:
        """The credential, or a ``SecretError`` that names the variable and the fix."""
        if self.credential is None:
            raise SecretError(self.problem)
        return self.credential

    def report(self) -> dict[str, object]:
        """Everything that may be shown: presence of the key, never a part of it."""
        return {
            "loaded": self.credential is not None,
            "provider": self.provider,
            "base_url": self.base_url,
            "model": self.model,
            "environment": self.environment,
        }


def check_secret(name: str = KEY_NAME, environ: Mapping[str, str] | None = None) -> dict[str, bool]:
    """Say that a server-side credential is usable, without showing any of it.

    Raises ``SecretError`` (a ``RuntimeError``) that names the variable when it is missing, shorter than 12
    characters, a placeholder, or named so that a bundler would copy it into browser code.
    """
    problem = _problem(name, (os.environ if environ is None else environ).get(name))
    del environ  # a traceback with locals must not print the environment
    if problem is not None:
        raise SecretError(problem)
    return {"loaded": True, "server_only": True}


def _problem(name: str, value: str | None) -> str | None:
    fix = f"Set {name} in the server's environment or in .env, never in code or a notebook."
    if name.startswith(PUBLIC_PREFIXES):
        return f"{name}: a bundler copies such a variable into browser code. Rename it, and rotate the key."
    if value is None or not value.strip():
        return f"{name} is missing. {fix}"
    if len(value) < MIN_LENGTH:
        return f"{name} is shorter than {MIN_LENGTH} characters, so it is no API key. {fix}"
    if is_placeholder(value):
        return f"{name} holds a placeholder from documentation, not a key. {fix}"
    return None


def load_settings(
    environ: Mapping[str, str] | None = None,
    *,
    env_file: Path | None = Path(".env"),
    secrets_dir: Path | None = None,
    last_source: Callable[[], Credential | None] = lambda: None,
) -> Settings:
    """Read settings: the environment first, then ``.env``, then one file per secret.

    ``last_source`` is asked when none of them has the key: ``lambda: from_keyring("labkit")``, say.

    A missing key is no error here (the practice provider needs none); ``settings.require()`` makes it one.
    A wrong setting raises ``SecretError`` with the setting's name and the reason, without the value.
    """
    values, problems = _read(environ, env_file, secrets_dir)
    del environ
    if problems:
        raise SecretError("Settings cannot be used. " + " ".join(problems))
    key = values["llm_api_key"]
    credential = Credential(KEY_NAME, key.get_secret_value().strip()) if key else None
    credential = credential or last_source()
    problem = _problem(KEY_NAME, credential.reveal() if credential else None)
    return Settings(
        provider=values["llm_provider"],
        base_url=values["llm_base_url"],
        model=values["llm_model"],
        environment=values["llm_environment"],
        issued=values["llm_api_key_issued"],
        credential=None if problem else credential,
        problem=problem,
    )


def _read(
    environ: Mapping[str, str] | None, env_file: Path | None, secrets_dir: Path | None
) -> tuple[dict[str, Any], list[str]]:
    """The settings, or the problems.

    Library errors are taken apart here and not chained: a ValidationError quotes its input, a decoding error
    carries the whole file, and both would travel on as ``__context__``.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - keeps `import labkit` light

    if secrets_dir is not None and not secrets_dir.is_dir():
        return {}, [f"The secrets directory {secrets_dir} does not exist."]
    try:
        return dict(_reader(environ)(_env_file=env_file, _secrets_dir=secrets_dir)), []
    except ValidationError as error:
        return {}, [f"{str(item['loc'][0]).upper()}: {_reason(item)}." for item in error.errors()]
    except (OSError, ValueError) as error:
        return {}, [f"{env_file} or {secrets_dir} cannot be read ({type(error).__name__})."]


_WANTED = {
    "literal_error": "wants dev or prod",
    "string_pattern_mismatch": "wants a name of letters, digits and . : / @ -",
    "string_too_long": "wants a name of at most 200 characters",
}


def _reason(item: Any) -> str:
    if item["type"] == "labkit":
        return str(item["ctx"]["reason"])
    wanted = "wants a date such as 2026-09-30" if item["type"].startswith("date") else item["type"]
    return str(_WANTED.get(item["type"], wanted))


def _reader(environ: Mapping[str, str] | None) -> Any:
    """The pydantic-settings class, made on use: importing it costs more than all of labkit."""
    from typing import Annotated  # noqa: PLC0415

    from pydantic import AfterValidator, SecretStr, StringConstraints  # noqa: PLC0415
    from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict  # noqa: PLC0415
    from pydantic_settings import PydanticBaseSettingsSource as Source  # noqa: PLC0415

    name = Annotated[
        str, StringConstraints(max_length=200, pattern=r"^[A-Za-z0-9][\w.:/@-]*$"), AfterValidator(_no_key)
    ]

    class Reader(BaseSettings):
        model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)

        llm_api_key: SecretStr | None = None
        llm_api_key_issued: date | None = None
        llm_provider: name = "openai_chat"
        llm_base_url: Annotated[str, AfterValidator(_no_key), AfterValidator(_plain_address)] | None = None
        llm_model: name | None = None
        llm_environment: Environment = "dev"

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
            init_settings: Source,
            env_settings: Source,
            dotenv_settings: Source,
            file_secret_settings: Source,
        ) -> tuple[Source, ...]:
            if environ is not None and isinstance(env_settings, EnvSettingsSource):
                # The environment is a parameter here, as the clock is elsewhere.
                env_settings.env_vars = {key.lower(): value for key, value in environ.items() if value}
            return init_settings, env_settings, dotenv_settings, file_secret_settings

    return Reader


def _refuse(reason: str) -> NoReturn:
    from pydantic_core import PydanticCustomError  # noqa: PLC0415 - keeps `import labkit` light

    raise PydanticCustomError("labkit", "{reason}", {"reason": reason})


def _no_key(value: str) -> str:
    kind = kind_of(value)
    if kind is not None:
        _refuse(f"holds an API key of kind {kind.name}; move it to {KEY_NAME} and rotate it")
    return value


def _plain_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        _refuse("wants an address such as https://host/v1")
    if parts.username or parts.password or parts.query:
        _refuse(f"carries a credential or a query; the key belongs in {KEY_NAME}")
    return value
