"""A faulty file is brought in, mended by leaving out, applied and seen to be, in a browser."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from tests.browser import chromium
from tests.common.importing.files import as_csv

if TYPE_CHECKING:
    from tests.running import RunningServer

pytestmark = pytest.mark.slow

WORK = """
from common.importing.carrying_on import carry_on
from common.importing.models import Import
[carry_on(file.pk, seconds=60) for file in Import.objects.filter(status="applying")]
"""


def test_a_faulty_file_is_applied_without_its_wrong_rows(
    running_server: RunningServer, tmp_path, tmp_path_factory
):
    name, password, sku = f"ana-{secrets.token_hex(4)}", secrets.token_urlsafe(12), "BROWSED-1"
    running_server.manage(
        "shell",
        "-v0",
        "-c",
        "from django.contrib.auth.models import User;"
        f" User.objects.create_superuser({name!r}, password={password!r})",
    )
    file = tmp_path / "spring.csv"
    head = ["sku", "name", "description", "price"]
    file.write_bytes(as_csv(head, [sku, "Mug", "Round.", "9,50"], ["POT", "Pot", "", "1.234,56"]))
    with chromium(tmp_path_factory.mktemp("browser")) as page:
        page.look(width=1280, height=800)
        page.log_in(running_server.base_url, name, password)
        page.open(f"{running_server.base_url}/admin/importing/import/add/")
        page.tab.check("[name=kind][value=products]")
        page.tab.set_input_files("[name=file]", str(file))
        page.do("document.querySelector('#upload-form [type=submit]').click()")
        assert "without thousands marks" in page.tab.inner_text(".so-import-rows")
        page.do("document.querySelector('#apply-form [type=submit]').click()")
        assert "1 row is wrong" in page.tab.inner_text("#apply-form")
        page.tab.check("[name=leaves_out_wrong]")
        page.do("document.querySelector('#apply-form [type=submit]').click()")
        assert page.tab.inner_text("#progress-words") == "0 of 1 rows are applied."
        running_server.manage("shell", "-v0", "-c", WORK)
        page.wait_until("!document.getElementById('progress')")  # the page has looked by itself
        assert "applied by " + name in page.tab.inner_text("#content")
        page.open(f"{running_server.base_url}/admin/products/product/?q={sku}")
        assert "Mug" in page.tab.inner_text("#content")
        assert page.complaints == []
