"""Which addresses webhooks may have: those of the public internet, as far as a URL tells."""

from __future__ import annotations

import pytest

from common.errors import Invalid
from common.webhooks.models import WebhookEndpoint
from common.webhooks.operations import change_endpoint, create_endpoint

pytestmark = pytest.mark.django_db

URL = "https://example.com/hooks"


@pytest.fixture
def endpoint(db) -> WebhookEndpoint:
    return create_endpoint(url=URL, created_by="ada")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "example.com/hooks",
        "https://",
        "https:///hooks",
        "https://ada:secret@example.com/",
        "https://ada@example.com/",
        "https://example.com/#part",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:port/",
        "https://exa mple.com/",
        "https://ex\u00e4mple.com/",
        "https://example.com\\@10.0.0.1/",
        "https://example..com/",
        f"https://{'a' * 64}.com/",
        "https://[::1/",
        "https://example.com/" + "a" * 2_048,
        "https://localhost/",
        "https://shop.localhost./",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://10.0.0.1:8443/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://[::1]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[::ffff:10.0.0.1]/",
    ],
)
def test_a_url_that_is_never_called_is_refused_at_once(settings, endpoint, url):
    settings.WEBHOOK_ALLOW_PRIVATE = False
    for attempt in (
        lambda: create_endpoint(url=url, created_by="ada"),
        lambda: change_endpoint(endpoint_id=endpoint.pk, changes={"url": url}),
    ):
        with pytest.raises(Invalid) as refused:
            attempt()
        assert refused.value.attribute == "url"
    assert WebhookEndpoint.objects.get().url == URL


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.com", "https://example.com"),
        ("HTTPS://Example.com/Hooks?a=b", "https://Example.com/Hooks?a=b"),
        ("https://hooks.example.co.uk:8443/x", "https://hooks.example.co.uk:8443/x"),
        ("https://xn--exmple-cua.com/", "https://xn--exmple-cua.com/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
        ("https://intern/", "https://intern/"),
    ],
)
def test_a_url_that_may_be_called_is_taken(settings, url, kept):
    settings.WEBHOOK_ALLOW_PRIVATE = False
    assert create_endpoint(url=url, created_by="ada").url == kept


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/", "http://localhost/", "https://[::1]/"])
def test_developers_may_name_their_own_machine(settings, url):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    assert create_endpoint(url=url, created_by="ada").url == url
