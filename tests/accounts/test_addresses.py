"""Whose address a request comes from, and what a limit by address counts (CFG-04, D13)."""

import pytest

from accounts import addresses


@pytest.mark.rule("CFG-04")
@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "", "192.0.2.9"),
        (0, "198.51.100.1", "192.0.2.9"),  # nobody vouches for it
        (1, "", "192.0.2.9"),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "203.0.113.5, 198.51.100.1", "198.51.100.1"),  # the first is what the visitor claims
        (2, "203.0.113.5, 198.51.100.1, 198.51.100.2", "198.51.100.1"),
        (2, "198.51.100.2", "192.0.2.9"),  # shorter than the chain: somebody went round the proxies
        (1, " , 2001:db8::1 ,", "2001:db8::1"),
        (1, "2001:DB8:0:0::1", "2001:db8::1"),
        (1, "unknown", None),
        (1, "198.51.100.1:4711", None),
    ],
)
def test_only_what_the_trusted_proxies_saw_is_believed(rf, settings, proxies, forwarded, expected):
    settings.TRUSTED_PROXIES = proxies
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert addresses.client_ip(rf.get("/", REMOTE_ADDR="192.0.2.9", **headers)) == expected


@pytest.mark.rule("CFG-04")
def test_a_request_without_an_address_has_none(rf):
    assert addresses.client_ip(rf.get("/", REMOTE_ADDR="")) is None


@pytest.mark.rule("D13", "CAP-06")
def test_a_limit_counts_an_ipv4_address_and_an_ipv6_network(rf):
    where = addresses.neighbourhood
    assert where("192.0.2.1") != where("192.0.2.2")
    assert where("2001:db8::1") == where("2001:db8::ffff:ffff:ffff:ffff")
    assert where("2001:db8::1") != where("2001:db8:0:1::1")
    assert where(None) not in (where("192.0.2.1"), where("2001:db8::1"))
