"""The environment: which combinations are accepted, what each refusal says, and that no secret shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from lead_pipeline.errors import ConfigurationError, InvalidDocumentError
from lead_pipeline.settings import SECRET_VARIABLES, VARIABLES, Settings, default_home, describe_settings, load_settings

DIEVIO = {"DIEVIO_BASE_URL": "https://dievio.com", "DIEVIO_API_KEY": "canary-key"}
SALESFORCE_URL = {"SALESFORCE_INSTANCE_URL": "https://acme.my.salesforce.com"}


def test_an_empty_environment_means_the_sandbox_for_every_system() -> None:
    settings = load_settings({})

    assert settings.is_dievio_sandbox
    assert settings.is_salesforce_sandbox
    assert settings.is_lead_platform_sandbox
    assert settings.is_database_embedded
    assert settings.home == default_home()
    assert settings.config_dir is None


def test_a_variable_set_to_nothing_counts_as_not_set() -> None:
    assert load_settings(dict.fromkeys(VARIABLES, "  ")) == load_settings({})


def test_each_system_is_switched_to_the_real_one_by_its_address() -> None:
    settings = load_settings({**DIEVIO, "LEAD_PLATFORM_BASE_URL": "https://p.example/", "LEAD_PLATFORM_TOKEN": "t"})

    assert not settings.is_dievio_sandbox
    assert not settings.is_lead_platform_sandbox
    assert settings.is_salesforce_sandbox
    assert settings.lead_platform_base_url == "https://p.example"
    assert settings.dievio_api_key is not None
    assert settings.dievio_api_key.get_secret_value() == "canary-key"


def test_the_process_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEAD_PIPELINE_HOME", str(tmp_path))

    assert load_settings().home == tmp_path


def test_the_home_does_not_depend_on_the_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = load_settings({}).home
    monkeypatch.chdir(tmp_path)

    assert load_settings({}).home == before
    assert before.is_absolute()


@pytest.mark.parametrize(
    "way",
    [
        {"SALESFORCE_CLIENT_ID": "id", "SALESFORCE_CLIENT_SECRET": "secret"},
        {"SALESFORCE_CLIENT_ID": "id", "SALESFORCE_JWT_KEY_FILE": __file__, "SALESFORCE_USERNAME": "robot"},
        {"SALESFORCE_ACCESS_TOKEN": "token"},
    ],
    ids=["client credentials", "jwt", "access token"],
)
def test_each_way_to_sign_in_to_salesforce_is_accepted_when_complete(way: dict[str, str]) -> None:
    assert not load_settings({**SALESFORCE_URL, **way}).is_salesforce_sandbox


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            {"DIEVIO_API_KEY": "k"},
            "DIEVIO_BASE_URL: is not set, but DIEVIO_API_KEY is. Set DIEVIO_BASE_URL to use Dievio",
        ),
        ({"DIEVIO_BASE_URL": "https://dievio.com"}, "DIEVIO_API_KEY: is not set, but DIEVIO_BASE_URL is"),
        ({"LEAD_PLATFORM_TOKEN": "k"}, "LEAD_PLATFORM_BASE_URL: is not set, but LEAD_PLATFORM_TOKEN is"),
        ({"SALESFORCE_CLIENT_ID": "k"}, "SALESFORCE_INSTANCE_URL: is not set, but SALESFORCE_CLIENT_ID is"),
        (SALESFORCE_URL, "SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET are not set"),
        ({**SALESFORCE_URL, "SALESFORCE_CLIENT_ID": "i"}, "SALESFORCE_CLIENT_SECRET is not set"),
        ({**SALESFORCE_URL, "SALESFORCE_CLIENT_SECRET": "s"}, "SALESFORCE_CLIENT_ID is not set"),
        (
            {**SALESFORCE_URL, "SALESFORCE_CLIENT_ID": "i", "SALESFORCE_USERNAME": "u"},
            "SALESFORCE_JWT_KEY_FILE is not set. Signing in needs SALESFORCE_CLIENT_ID and SALESFORCE_JWT_KEY_FILE and",
        ),
        (
            {**SALESFORCE_URL, "SALESFORCE_ACCESS_TOKEN": "t", "SALESFORCE_USERNAME": "u"},
            "SALESFORCE_CLIENT_ID and SALESFORCE_JWT_KEY_FILE are not set",
        ),
        (
            {
                **SALESFORCE_URL,
                "SALESFORCE_ACCESS_TOKEN": "t",
                "SALESFORCE_CLIENT_ID": "i",
                "SALESFORCE_CLIENT_SECRET": "s",
            },
            "SALESFORCE_CLIENT_SECRET and SALESFORCE_ACCESS_TOKEN are both set. Leave one of them unset",
        ),
        (
            {
                **SALESFORCE_URL,
                "SALESFORCE_CLIENT_ID": "i",
                "SALESFORCE_USERNAME": "u",
                "SALESFORCE_JWT_KEY_FILE": "/no/key",
            },
            "SALESFORCE_JWT_KEY_FILE: names /no/key, which is no file",
        ),
        ({"LEAD_PIPELINE_HOME": "here"}, "LEAD_PIPELINE_HOME: is not an absolute path"),
        ({"LEAD_PIPELINE_HOME": "~nobody-at-all/here"}, "LEAD_PIPELINE_HOME: is not an absolute path"),
        ({"LEAD_PIPELINE_HOME": __file__}, "which is no directory. Name a directory"),
        ({"LEAD_PIPELINE_CONFIG_DIR": "/no/such"}, "names /no/such, which is no directory. Create it with"),
        (
            {"DIEVIO_API_KEY_FILE": "/no/such"},
            "DIEVIO_API_KEY_FILE: names /no/such, which cannot be read (No such file",
        ),
        ({**DIEVIO, "DIEVIO_API_KEY_FILE": "/x"}, "DIEVIO_API_KEY_FILE: is set together with DIEVIO_API_KEY"),
    ],
)
def test_a_half_set_environment_is_told_apart(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environment)

    assert message in str(caught.value)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("address", "flaw"),
    [
        ("http://dievio.com", "is not https"),
        ("http://localhost.evil.example", "is not https"),
        ("ftp://dievio.com", "is not an address"),
        ("dievio.com", "is not an address"),
        ("https://", "is not an address"),
        ("https://dievio.com:port", "is not an address"),
        ("https://user:canary@dievio.com", "holds a user name or password"),
        ("https://127.0.0.1@evil.example", "holds a user name or password"),
        ("https://dievio.com?key=canary", "holds a query or a fragment"),
        ("https://dievio.com/#canary", "holds a query or a fragment"),
        ("https://169.254.169.254", "does not name its host in plain letters"),
        ("https://2130706433", "does not name its host in plain letters"),
        ("https://0x7f000001", "does not name its host in plain letters"),
        ("https://[fd00::1]", "does not name its host in plain letters"),
        ("https://ⅾievio.com", "does not name its host in plain letters"),
    ],
)
@pytest.mark.parametrize("variable", ["DIEVIO_BASE_URL", "SALESFORCE_INSTANCE_URL", "LEAD_PLATFORM_BASE_URL"])
def test_an_unsafe_address_is_refused_without_repeating_it(variable: str, address: str, flaw: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"DIEVIO_API_KEY": "k", "LEAD_PLATFORM_TOKEN": "t", variable: address})

    assert f"{variable}: {flaw}" in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8701", "http://localhost:1/", "http://[::1]:9", "https://d.example/x/"]
)
def test_the_loopback_may_be_plain_and_a_trailing_slash_is_dropped(address: str) -> None:
    settings = load_settings({"DIEVIO_BASE_URL": address, "DIEVIO_API_KEY": "k"})

    assert settings.dievio_base_url == address.rstrip("/")


def test_every_flaw_is_named_at_once() -> None:
    with pytest.raises(InvalidDocumentError) as caught:
        load_settings({"DIEVIO_API_KEY": "k", "LEAD_PIPELINE_HOME": "here", "SALESFORCE_USERNAME": "u"})

    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("variable", sorted(SECRET_VARIABLES))
def test_a_secret_can_stand_in_a_file(variable: str, tmp_path: Path) -> None:
    secret_file = tmp_path / "secret"
    secret_file.write_text("  canary-secret\n")
    rest = {
        "DIEVIO_API_KEY": {"DIEVIO_BASE_URL": "https://dievio.com"},
        "SALESFORCE_CLIENT_SECRET": {**SALESFORCE_URL, "SALESFORCE_CLIENT_ID": "i"},
        "SALESFORCE_ACCESS_TOKEN": SALESFORCE_URL,
        "CONTACT_API_KEY": {"CONTACT_API_BASE_URL": "https://c.example"},
        "SALESFORCE_ADMIN_ACCESS_TOKEN": {**SALESFORCE_URL, "SALESFORCE_ACCESS_TOKEN": "canary-secret"},
        "LEAD_PLATFORM_TOKEN": {"LEAD_PLATFORM_BASE_URL": "https://p.example"},
        "LEAD_PIPELINE_DATABASE_URL": {},
    }[variable]

    settings = load_settings({**rest, f"{variable}_FILE": str(secret_file)})

    assert getattr(settings, VARIABLES[variable]).get_secret_value() == "canary-secret"
    assert set(settings.secret_values()) == {"canary-secret"}


@pytest.mark.parametrize(
    ("content", "flaw"), [(b"", "empty"), (b"x" * 70_000, "too large"), (b"\xff\xfe", "not UTF-8")]
)
def test_a_file_that_is_no_secret_is_refused(tmp_path: Path, content: bytes, flaw: str) -> None:
    secret_file = tmp_path / "secret"
    secret_file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=f"DIEVIO_API_KEY_FILE: .*{flaw}"):
        load_settings({"DIEVIO_BASE_URL": "https://dievio.com", "DIEVIO_API_KEY_FILE": str(secret_file)})


def test_no_secret_shows_in_the_text_of_the_settings() -> None:
    settings = load_settings({**DIEVIO, "LEAD_PIPELINE_DATABASE_URL": "postgresql://u:canary@h/d"})

    assert "canary" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_every_secret_is_known_as_one_and_every_field_is_described() -> None:
    secrets = {str(field.alias) for field in Settings.model_fields.values() if "SecretStr" in str(field.annotation)}

    assert secrets == SECRET_VARIABLES
    assert all(field.description for field in Settings.model_fields.values())


def test_the_template_of_the_environment_names_every_variable_and_sets_none() -> None:
    lines = describe_settings().splitlines()

    assert all(line.startswith("#") for line in lines if line)
    assert all(any(line.startswith(f"# {name}=") for line in lines) for name in VARIABLES)
