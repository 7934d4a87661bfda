"""Everything the environment says, read in one place, typed and checked.

Addresses and secrets live here and nowhere else; rules, limits and mappings are YAML (see `config`). Reading happens
in `load_settings` alone: importing this module does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from lead_pipeline.errors import ConfigurationError, InvalidDocumentError
from lead_pipeline.problems import ConfigurationProblem
from lead_pipeline.transport.egress import clean_base_url

FILE_SUFFIX = "_FILE"  # NAME_FILE names a file that holds the secret NAME, as Docker and Kubernetes mount them
MAX_SECRET_FILE_BYTES = 64 * 1024  # a larger file is no key
HOME_DIRECTORY_NAME = ".lead_pipeline"
CHECKOUT_MARKS = ("pyproject.toml", "dagster.yaml", "lead_pipeline")  # what the top of a checkout holds


def default_home() -> Path:
    """Return the same directory wherever a command is called from: in the checkout if this is one, else the user's."""
    top = Path(__file__).resolve().parent.parent
    is_checkout = all((top / mark).exists() for mark in CHECKOUT_MARKS)
    return (top if is_checkout else Path.home()) / HOME_DIRECTORY_NAME


class Settings(BaseModel):
    """The environment, typed. Made by `load_settings`, which also checks it; secrets never show in its text."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    dievio_base_url: str | None = Field(
        default=None,
        alias="DIEVIO_BASE_URL",
        description="Address of Dievio. Unset: the sandbox.",
        examples=["https://dievio.com"],
    )
    dievio_api_key: SecretStr | None = Field(
        default=None, alias="DIEVIO_API_KEY", description="API key of the Dievio workspace."
    )
    contact_api_base_url: str | None = Field(
        default=None,
        alias="CONTACT_API_BASE_URL",
        description="Address of the second enrichment provider (contact_api in enrichment.yaml). Unset: the sandbox.",
    )
    contact_api_key: SecretStr | None = Field(
        default=None, alias="CONTACT_API_KEY", description="API key of the second enrichment provider."
    )
    salesforce_instance_url: str | None = Field(
        default=None,
        alias="SALESFORCE_INSTANCE_URL",
        description="Address of the Salesforce org. Unset: the sandbox.",
        examples=["https://mycompany.my.salesforce.com"],
    )
    salesforce_client_id: str | None = Field(
        default=None,
        alias="SALESFORCE_CLIENT_ID",
        description="Consumer key of the external client app; with a client secret, or with a JWT key file.",
    )
    salesforce_client_secret: SecretStr | None = Field(
        default=None,
        alias="SALESFORCE_CLIENT_SECRET",
        description="Consumer secret, for signing in by client credentials.",
    )
    salesforce_jwt_key_file: Path | None = Field(
        default=None,
        alias="SALESFORCE_JWT_KEY_FILE",
        description="PEM file of the private key, for signing in by JWT; needs SALESFORCE_USERNAME.",
    )
    salesforce_username: str | None = Field(
        default=None, alias="SALESFORCE_USERNAME", description="Integration user that the JWT speaks for."
    )
    salesforce_access_token: SecretStr | None = Field(
        default=None,
        alias="SALESFORCE_ACCESS_TOKEN",
        description="A ready access token, instead of signing in; for trying things out.",
    )
    salesforce_admin_access_token: SecretStr | None = Field(
        default=None,
        alias="SALESFORCE_ADMIN_ACCESS_TOKEN",
        description="Access token of an admin, for `org apply` and `doctor --probe` alone; leave it unset otherwise.",
    )
    lead_platform_base_url: str | None = Field(
        default=None,
        alias="LEAD_PLATFORM_BASE_URL",
        description="Address of the lead platform that lead status is pushed back to. Unset: the sandbox.",
    )
    lead_platform_token: SecretStr | None = Field(
        default=None, alias="LEAD_PLATFORM_TOKEN", description="Bearer token of the lead platform."
    )
    database_url: SecretStr | None = Field(
        default=None,
        alias="LEAD_PIPELINE_DATABASE_URL",
        description="Postgres database of this product. Unset: an embedded server under LEAD_PIPELINE_HOME.",
        examples=["postgresql://user@host:5432/lead_pipeline"],
    )
    home: Path = Field(
        default_factory=default_home,
        alias="LEAD_PIPELINE_HOME",
        description="Absolute directory for what runs on this machine: embedded database, sandbox, Dagster.",
    )
    config_dir: Path | None = Field(
        default=None,
        alias="LEAD_PIPELINE_CONFIG_DIR",
        description="Absolute directory with your own YAML files; a file missing there falls back to the default.",
    )

    @property
    def is_dievio_sandbox(self) -> bool:
        """Whether leads come from the emulated Dievio."""
        return self.dievio_base_url is None

    @property
    def is_salesforce_sandbox(self) -> bool:
        """Whether records go to the emulated org."""
        return self.salesforce_instance_url is None

    @property
    def is_lead_platform_sandbox(self) -> bool:
        """Whether lead status goes to the emulated platform."""
        return self.lead_platform_base_url is None

    @property
    def is_database_embedded(self) -> bool:
        """Whether the product starts its own Postgres."""
        return self.database_url is None

    def secret_values(self) -> tuple[str, ...]:
        """Return every secret that is set, for the masking of logs."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))


VARIABLES: Mapping[str, str] = {str(field.alias): name for name, field in Settings.model_fields.items()}
SECRET_VARIABLES = frozenset(
    {
        "DIEVIO_API_KEY",
        "CONTACT_API_KEY",
        "SALESFORCE_CLIENT_SECRET",
        "SALESFORCE_ACCESS_TOKEN",
        "SALESFORCE_ADMIN_ACCESS_TOKEN",
        "LEAD_PLATFORM_TOKEN",
        "LEAD_PIPELINE_DATABASE_URL",
    }
)
ADDRESS_VARIABLES = ("DIEVIO_BASE_URL", "CONTACT_API_BASE_URL", "SALESFORCE_INSTANCE_URL", "LEAD_PLATFORM_BASE_URL")
PATH_VARIABLES = ("SALESFORCE_JWT_KEY_FILE", "LEAD_PIPELINE_HOME", "LEAD_PIPELINE_CONFIG_DIR")

#: System -> the variable that switches it from the sandbox to the real one, and those that only make sense then.
SYSTEM_VARIABLES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "Dievio": ("DIEVIO_BASE_URL", ("DIEVIO_API_KEY",)),
    "the second enrichment provider": ("CONTACT_API_BASE_URL", ("CONTACT_API_KEY",)),
    "Salesforce": (
        "SALESFORCE_INSTANCE_URL",
        (
            "SALESFORCE_CLIENT_ID",
            "SALESFORCE_CLIENT_SECRET",
            "SALESFORCE_JWT_KEY_FILE",
            "SALESFORCE_USERNAME",
            "SALESFORCE_ACCESS_TOKEN",
            "SALESFORCE_ADMIN_ACCESS_TOKEN",
        ),
    ),
    "the lead platform": ("LEAD_PLATFORM_BASE_URL", ("LEAD_PLATFORM_TOKEN",)),
}
SALESFORCE_WAYS: tuple[tuple[str, ...], ...] = (
    ("SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET"),
    ("SALESFORCE_CLIENT_ID", "SALESFORCE_JWT_KEY_FILE", "SALESFORCE_USERNAME"),
    ("SALESFORCE_ACCESS_TOKEN",),
)


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check the environment. A variable that is set to nothing counts as not set.

    Args:
        environment: Variables by name; those of this process unless given.

    Raises:
        ConfigurationError: Something is wrong or half set; every flaw is named, none with its value.
    """
    given = os.environ if environment is None else environment
    values = {name: given[name].strip() for name in VARIABLES if given.get(name, "").strip()}
    problems = [*_read_secret_files(given, values), *_check(values)]
    if len(problems) == 1:
        raise ConfigurationError(problems[0].place, what=problems[0].what, repair=problems[0].repair)
    if problems:
        raise InvalidDocumentError(problems)
    clean = {name: clean_base_url(values[name], setting=name) for name in ADDRESS_VARIABLES if name in values}
    return Settings.model_validate({**values, **clean, **_paths(values)})


def describe_settings() -> str:
    """Return a commented template of the environment, every variable unset."""
    lines = [
        "# Environment of lead_pipeline. Unset variables choose the sandbox or the default.",
        f"# Each secret may instead be named by a file: <NAME>{FILE_SUFFIX}=/run/secrets/<name>.",
    ]
    for field in Settings.model_fields.values():
        example = field.examples[0] if field.examples else ""
        lines += ["", f"# {field.description}", f"# {field.alias}={example}"]
    return "\n".join(lines) + "\n"


def _read_secret_files(given: Mapping[str, str], values: dict[str, str]) -> Iterator[ConfigurationProblem]:
    """Add the secrets that stand in files to `values`; yield what is wrong with the files."""
    for name in sorted(SECRET_VARIABLES):
        variable = name + FILE_SUFFIX
        file_name = given.get(variable, "").strip()
        if not file_name:
            continue
        if name in values:
            yield ConfigurationProblem(variable, what=f"is set together with {name}", repair="Leave one of them unset")
            continue
        secret, flaw = _read_secret(Path(file_name))
        if flaw:
            yield ConfigurationProblem(variable, what=flaw, repair="Give the path of a text file with the secret alone")
        values[name] = secret


def _read_secret(path: Path) -> tuple[str, str]:
    """Return the secret of a file and what is wrong with the file, one of them empty."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SECRET_FILE_BYTES + 1)
        secret = content.decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        return "", f"names {path}, which cannot be read ({cause})"
    if not secret or len(content) > MAX_SECRET_FILE_BYTES:
        return "", f"names {path}, which is {'too large' if secret else 'empty'}"
    return secret, ""


def _check(values: Mapping[str, str]) -> Iterator[ConfigurationProblem]:
    yield from _check_addresses(values)
    yield from _check_paths(values)
    for system, (switch, others) in SYSTEM_VARIABLES.items():
        present = [name for name in others if name in values]
        if switch not in values and present:
            repair = f"Set {switch} to use {system}, or unset {' and '.join(present)} to use the sandbox"
            yield ConfigurationProblem(switch, what=f"is not set, but {' and '.join(present)} is", repair=repair)
        elif switch in values and len(others) == 1 and not present:
            what = f"is not set, but {switch} is"
            yield ConfigurationProblem(others[0], what=what, repair=f"Set {others[0]} or {others[0]}{FILE_SUFFIX}")
    if "SALESFORCE_INSTANCE_URL" in values:
        yield from _check_sign_in(values)


def _check_addresses(values: Mapping[str, str]) -> Iterator[ConfigurationProblem]:
    for name in ADDRESS_VARIABLES:
        try:
            clean_base_url(values.get(name, "https://unset.example"), setting=name)
        except ConfigurationError as error:
            yield ConfigurationProblem(error.place, what=error.what, repair=error.repair)


def _check_paths(values: Mapping[str, str]) -> Iterator[ConfigurationProblem]:
    for name, path in _paths(values).items():
        if not path.is_absolute():
            # Dagster starts its workers in other directories, where a relative path would mean another place.
            yield ConfigurationProblem(name, what="is not an absolute path", repair=f"Set it to {path.resolve()}")
        elif name == "SALESFORCE_JWT_KEY_FILE" and not path.is_file():
            yield ConfigurationProblem(
                name, what=f"names {path}, which is no file", repair="Give the PEM file of the key"
            )
        elif name == "LEAD_PIPELINE_CONFIG_DIR" and not path.is_dir():
            repair = "Create it with `lead-pipeline init`, or unset the variable to use the defaults"
            yield ConfigurationProblem(name, what=f"names {path}, which is no directory", repair=repair)
        elif name == "LEAD_PIPELINE_HOME" and path.exists() and not path.is_dir():
            yield ConfigurationProblem(name, what=f"names {path}, which is no directory", repair="Name a directory")


def _paths(values: Mapping[str, str]) -> dict[str, Path]:
    # pathlib raises on an unknown user, where this leaves a path that is then refused as not absolute
    return {name: Path(os.path.expanduser(values[name])) for name in PATH_VARIABLES if name in values}  # noqa: PTH111  # see above


def _check_sign_in(values: Mapping[str, str]) -> Iterator[ConfigurationProblem]:
    complete = [way for way in SALESFORCE_WAYS if all(name in values for name in way)]
    begun = {name for way in SALESFORCE_WAYS for name in way if name in values}
    covered = {name for way in complete for name in way}
    if len(complete) > 1:
        what = f"{' and '.join(way[-1] for way in complete)} are both set"
        yield ConfigurationProblem("Salesforce credentials", what=what, repair="Leave one of them unset")
    elif not complete or begun - covered:
        wanted = max(SALESFORCE_WAYS, key=lambda way: len((begun - covered) & set(way)))  # the first of equals
        missing = [name for name in wanted if name not in values]
        what = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
        ways = (wanted,) if begun else SALESFORCE_WAYS
        repair = f"Signing in needs {', or '.join(' and '.join(way) for way in ways)}"
        yield ConfigurationProblem("Salesforce credentials", what=what, repair=repair)
