"""The manifests of deploy/kubernetes, and what runs by them: by its name."""

from __future__ import annotations

from typing import Any

import yaml

from tests.deploy.image import PROJECT

FOLDER = PROJECT / "deploy/kubernetes"


def documents(file: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all((FOLDER / file).read_text()) if each]


FILES = sorted(path.name for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")
ALL = [document for file in FILES for document in documents(file)]


def of_kind(kind: str) -> dict[str, Any]:
    return {each["metadata"]["name"]: each for each in ALL if each["kind"] == kind}


DEPLOYMENTS = of_kind("Deployment")
NIGHTLY = {name: each["spec"]["jobTemplate"] for name, each in of_kind("CronJob").items()}
WORKLOADS = DEPLOYMENTS | of_kind("Job") | NIGHTLY
PODS = {name: each["spec"]["template"] for name, each in WORKLOADS.items()}
CONTAINERS = {name: pod["spec"]["containers"][0] for name, pod in PODS.items()}
