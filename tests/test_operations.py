"""The runbook: what it tells somebody in trouble to type exists, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands, load_command_class

from config import environment
from config.celery import app

PROJECT = Path(__file__).parents[1]
PAGE = PROJECT / "docs/operations.md"
TEXT = PAGE.read_text()
FAMILIES = (
    *("http_", "stock_lock", "cache_", "outbox_", "webhook_", "celery_", "ledger_diff", "slow_"),
    *("database_", "figures_", "reservations_", "duty_", "message_", "broker_", "probe_", "rpc_"),
)
OF_OTHERS = re.compile(r"^(OTEL_|ENDPOINT_ID$|OLD_CONTAINER$)")
NAMES = r"(?<![\w./-])[A-Z]+(?:_[A-Z]+)+(?![\w./-])"
OF_COMPOSE = re.compile(r"\$\{(\w+)[:}]")


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {anchor(found) for found in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)}


def test_every_command_of_manage_py_exists_with_its_options():
    commands = get_commands()
    named = re.findall(r"manage\.py ([a-z]\w+)((?: (?:--[\w-]+|[^`\s]+))*)", TEXT)
    assert len({name for name, _ in named}) > 10
    for name, words in named:
        assert name in commands, name
        known = load_command_class(commands[name], name).create_parser("manage.py", name)
        for option in re.findall(r"--[\w-]+", words):
            assert option in known.format_help(), f"{name} {option}"


def test_every_target_of_make_exists():
    targets = re.findall(r"`make ([a-z-]+)", TEXT)
    makefile = (PROJECT / "Makefile").read_text()
    assert targets
    assert [name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize(("to", "place"), re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", TEXT))
def test_every_link_leads_somewhere(to, place):
    if to.startswith("https://"):
        return
    target = (PAGE.parent / to).resolve() if to else PAGE
    assert target.exists()
    assert not place or place in anchors(target)


def test_every_file_that_it_names_exists():
    named = re.findall(r"`((?:tests|deploy|docs|config|common)/[\w./]+)`", TEXT)
    assert named
    assert [name for name in named if not (PROJECT / name).exists()] == []


def test_every_variable_that_it_names_exists():
    compose = set(OF_COMPOSE.findall((PROJECT / "docker-compose.yml").read_text()))
    known = set(environment.VARIABLES) | compose
    words = {word for code in re.findall(r"`([^`\n]+)`", TEXT) for word in re.findall(NAMES, code)}
    assert len(words & known) > 10
    assert {word for word in words - known if not OF_OTHERS.match(word)} == set()


def test_every_alert_leads_to_a_heading():
    rules = yaml.safe_load((PROJECT / "deploy/prometheus/rules.yml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    assert alerts
    for alert in alerts:
        page, _, place = alert["annotations"]["runbook"].partition("#")
        assert page == "docs/operations.md"
        assert place in anchors(PAGE), alert["alert"]
        assert alert["alert"] in TEXT, "whoever is woken up searches for its name"


def test_every_service_of_compose_that_it_names_exists():
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    named = re.findall(r"docker compose (?:exec|run --rm)(?: --?[\w-]+)* ([a-z]+)", TEXT)
    assert named
    assert set(named) <= set(services)


def test_every_task_that_it_names_exists():
    app.loader.import_default_modules()
    named = re.findall(r"`([a-z_.]+\.tasks\.\w+)`", TEXT)
    assert set(named) <= set(app.tasks)


def test_every_metric_and_every_line_of_the_log_that_it_names_exists():
    modules = [*(PROJECT / "common").rglob("*.py"), *(PROJECT / "inventory").rglob("*.py")]
    names = {name for one in modules for name in re.findall(r'"([a-z_]+)"', one.read_text())}
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)(?:\{[^`]*)?`", TEXT))
    of_ours = {name for name in named if name.startswith(FAMILIES)}
    assert len(of_ours) > 15
    for name in of_ours:
        assert {name, re.sub(r"_(total|count|bucket|sum)$", "", name)} & names, name


def test_the_readme_leads_here():
    assert "docs/operations.md" in (PROJECT / "README.md").read_text()
