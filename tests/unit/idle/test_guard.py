"""A notebook's address is fetched only where contract 6 allows it."""

import pytest

from bot.idle.guard import Refused, first_allowed, is_loopback, matches, target
from bot.model import Endpoint

PUBLIC = Endpoint(
    "research",
    "otc",
    "eu-de",
    "https://modelarts.example.com",
    "https://iam.example.com",
    "https://aom.example.com",
    "eu-de",
    notebook_hosts=("authoring-*.example.com", "*.nb.example.com"),
)
LOCAL = Endpoint(
    "sandbox",
    "otc",
    "eu-de",
    "http://127.0.0.1:9000",
    "http://127.0.0.1:9001",
    "http://127.0.0.1:9002",
    "eu-de",
    notebook_hosts=("127.0.0.1", "localhost", "::1"),
)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://authoring-eude.example.com/5f0c/lab", "https://authoring-eude.example.com/5f0c"),
        ("https://authoring-eude.example.com/5f0c/lab/", "https://authoring-eude.example.com/5f0c"),
        ("https://authoring-eude.example.com/5f0c", "https://authoring-eude.example.com/5f0c"),
        ("https://authoring-eude.example.com:8443/5f0c/lab?token=x#y", "https://authoring-eude.example.com:8443/5f0c"),
        ("https://AUTHORING-EUDE.example.com/5f0c/lab", "https://authoring-eude.example.com/5f0c"),
        ("https://a.nb.example.com/lab", "https://a.nb.example.com/"),
    ],
)
def test_the_base_address_is_the_url_without_lab_and_query(url: str, base: str) -> None:
    assert str(target(url, PUBLIC).url) == base


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://authoring-eude.example.com/5f0c/lab", id="plain http"),
        pytest.param("ftp://authoring-eude.example.com/5f0c/lab", id="another scheme"),
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("https://evil.example.org/lab", id="another host"),
        pytest.param("https://authoring-eude.example.com.evil.org/lab", id="the host as a prefix"),
        pytest.param("https://authoring-eude.example.com@evil.org/lab", id="the host as a user"),
        pytest.param("https://u:p@authoring-eude.example.com/lab", id="credentials"),
        pytest.param("https://169.254.169.254/latest/meta-data", id="the metadata service"),
        pytest.param("http://127.0.0.1:9000/lab", id="loopback although the project is not"),
        pytest.param("http://localhost/lab", id="loopback by name"),
        pytest.param("https://", id="no host"),
        pytest.param("", id="empty"),
        pytest.param("https://[::1/lab", id="unreadable"),
        pytest.param("https://a\x00.nb.example.com/lab", id="control character"),
    ],
)
def test_other_addresses_are_refused_with_a_reason_without_the_address(url: str) -> None:
    with pytest.raises(Refused) as refused:
        target(url, PUBLIC)
    assert "the notebook's" in str(refused.value)
    assert "evil" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8888/n/lab", "http://localhost:8888/n/lab", "http://[::1]:8888/n/lab"]
)
def test_plain_http_is_for_two_loopback_ends(url: str) -> None:
    assert target(url, LOCAL).loopback_allowed


def test_a_project_without_notebook_hosts_fetches_nothing() -> None:
    with pytest.raises(Refused, match="notebook_hosts"):
        target("https://a.example.com/lab", Endpoint("p", "otc", "eu-de", "https://m.example.com", "", "", "eu-de"))


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "127.0.0.1",
        "127.9.9.9",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2002:a00:1::",
        "fec0::1",
        "::10.0.0.1",
        "::ffff:0:10.0.0.1",
        "64:ff9b:1::a00:1",
    ],
)
def test_private_and_local_addresses_are_refused_in_every_notation(address: str) -> None:
    with pytest.raises(Refused, match="private or local"):
        first_allowed([address], loopback_allowed=False)


def test_one_private_address_among_public_ones_condemns_the_name() -> None:
    with pytest.raises(Refused):
        first_allowed(["93.184.216.34", "10.0.0.1"], loopback_allowed=False)
    assert first_allowed(["93.184.216.34", "2606:4700::1111"], loopback_allowed=False) == "93.184.216.34"


def test_loopback_is_allowed_for_a_loopback_project_and_private_is_not() -> None:
    assert first_allowed(["127.0.0.1"], loopback_allowed=True) == "127.0.0.1"
    with pytest.raises(Refused):
        first_allowed(["192.168.1.1"], loopback_allowed=True)


def test_a_host_without_addresses_is_refused() -> None:
    with pytest.raises(Refused, match="no address"):
        first_allowed([], loopback_allowed=True)


def test_globs_ignore_case_and_cover_the_whole_host() -> None:
    assert matches("a.nb.example.com", ["*.NB.example.com"])
    assert not matches("a.nb.example.com.", ["*.nb.example.com"])
    assert not matches("nb.example.com", ["*.nb.example.com"])


def test_loopback_is_recognised_as_written() -> None:
    assert is_loopback("LocalHost")
    assert is_loopback("127.0.0.53")
    assert not is_loopback("localhost.example.com")
