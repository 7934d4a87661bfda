import pytest

from lead_pipeline.errors import ConfigurationError
from lead_pipeline.salesforce.addresses import clean_instance_url, require_allowed

REFUSED = (
    "http://mycompany.my.salesforce.com",
    "https://169.254.169.254",
    "https://2852039166",
    "https://0xa9fea9fe",
    "https://[::ffff:169.254.169.254]",
    "https://10.0.0.1",
    "http://127.0.0.1@evil.example",
    "https://user:secret@mycompany.my.salesforce.com",
    "ftp://mycompany.my.salesforce.com",
    "file:///etc/passwd",
    "mycompany.my.salesforce.com",
    "https://",
    "https:///x",
    "",
    "https://mycompany.my.salesforce.com:port",
    "http://localtest.me",
    "http://0.0.0.0",
    "http://127.1",
    "http://2130706433",
    "javascript:alert(1)",
)


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_no_token_may_go_to_is_refused_with_the_name_of_its_setting(address: str) -> None:
    with pytest.raises(ConfigurationError, match="SALESFORCE_INSTANCE_URL") as refusal:
        clean_instance_url(address)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("address", "cleaned"),
    [
        ("https://mycompany.my.salesforce.com/", "https://mycompany.my.salesforce.com"),
        ("https://mycompany.my.salesforce.com/services/data", "https://mycompany.my.salesforce.com"),
        ("https://salesforce-proxy.mycompany.example:8443", "https://salesforce-proxy.mycompany.example:8443"),
        ("http://127.0.0.1:8123", "http://127.0.0.1:8123"),
        ("http://localhost:8123/", "http://localhost:8123"),
    ],
)
def test_an_org_address_is_reduced_to_scheme_and_host(address: str, cleaned: str) -> None:
    assert clean_instance_url(address) == cleaned


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/services/data",
        "https://evilsalesforce.com/x",
        "https://salesforce.com.evil.example/",
        "http://mycompany.my.salesforce.com/",
        "https://a@mycompany.my.salesforce.com/",
        "http://localhost:9/",
        "http://127.0.0.1:9/",
    ],
)
def test_a_request_to_another_host_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        require_allowed(url, configured_host="mycompany.my.salesforce.com")


@pytest.mark.parametrize(
    "url", ["https://mycompany.my.salesforce.com/x", "https://login.salesforce.com/x", "https://x.lightning.force.com/"]
)
def test_salesforce_itself_is_allowed(url: str) -> None:
    require_allowed(url, configured_host="mycompany.my.salesforce.com")
