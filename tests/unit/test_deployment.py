"""The deployment examples name only what there is: settings, commands, volumes, secrets. They are not run here."""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.cli import cli
from warehouse.settings import PROJECT_ROOT, Settings

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text())
MANIFESTS = PROJECT_ROOT / "deploy" / "kubernetes"
EXAMPLE, FILLED_IN = "secret.example.yaml", "secret.yaml"


def objects() -> list[dict[str, Any]]:
    """Every Kubernetes object of the example, the secret that one fills in among them."""
    applied = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["resources"]
    names = [EXAMPLE if name == FILLED_IN else name for name in applied]
    return [found for name in names for found in yaml.safe_load_all((MANIFESTS / name).read_text())]


def named(kind: str) -> set[str]:
    return {found["metadata"]["name"] for found in objects() if found["kind"] == kind}


def pods() -> list[dict[str, Any]]:
    return [found["spec"]["template"]["spec"] for found in objects() if found["kind"] in ("Deployment", "Job")]


@pytest.mark.parametrize("path", ["docker-compose.yml", "deploy/Dockerfile", "deploy/kubernetes/settings.yaml"])
def test_every_variable_of_a_deployment_is_a_setting(path: str) -> None:
    known = {f"SKILLSMITH_{name.upper()}" for name in Settings.model_fields}
    used = set(re.findall(r"SKILLSMITH_[A-Z_]+", (PROJECT_ROOT / path).read_text()))
    assert used
    assert used <= known


def test_no_setting_of_env_moves_what_the_containers_mount_and_serve() -> None:
    app = COMPOSE["x-app"]
    assert app["env_file"] == ".env"
    pinned = {name: app["environment"][f"SKILLSMITH_{name}"] for name in ("HOME", "DROP", "PORT")}
    assert [f"home:{pinned['HOME']}", f"./drop:{pinned['DROP']}:ro"] == app["volumes"]
    assert any(pinned["PORT"] in port for service in COMPOSE["services"].values() for port in service.get("ports", []))


def test_every_service_waits_for_services_and_mounts_volumes_that_are_there() -> None:
    services = COMPOSE["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            is_ours = source.startswith("./deploy/")
            assert (
                source in COMPOSE["volumes"] or source == "./drop" or (is_ours and Path(PROJECT_ROOT, source).is_file())
            )
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), "nobody has signed in, so nobody from outside"
        assert "latest" not in service.get("image", "")


@pytest.mark.parametrize(
    "command",
    [
        *(
            [*service.get("entrypoint", ["skillsmith-analytics"]), *service.get("command", [])]
            for name, service in COMPOSE["services"].items()
            if name != "database"
        ),
        *([*box.get("command", ["skillsmith-analytics"]), *box["args"]] for pod in pods() for box in pod["containers"]),
    ],
    ids=" ".join,
)
def test_every_command_of_a_deployment_is_installed(command: list[str]) -> None:
    program, *arguments = command
    assert shutil.which(program, path=str(Path(sys.executable).parent)) is not None
    if program == "skillsmith-analytics":
        assert arguments[0] in cli.commands


def test_every_file_of_the_kubernetes_example_is_applied() -> None:
    applied = set(yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["resources"])
    # Whoever has filled the secret in has it there, and git does not.
    assert applied | {EXAMPLE, "kustomization.yaml"} == {path.name for path in MANIFESTS.iterdir()} | {FILLED_IN}
    for ignored, lines in ((".gitignore", {".env", "/drop/"}), (".dockerignore", {".env", "drop"})):
        found = set((PROJECT_ROOT / ignored).read_text().split())
        assert lines <= found
        assert any(line.endswith(f"deploy/kubernetes/{FILLED_IN}") for line in found)


def test_pods_name_settings_secrets_and_claims_that_are_there_and_are_nobody_special() -> None:
    assert len(pods()) == 4
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"]
        assert {volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"]} <= named(
            "PersistentVolumeClaim"
        )
        for box in pod["containers"]:
            assert {source["configMapRef"]["name"] for source in box["envFrom"] if "configMapRef" in source} <= named(
                "ConfigMap"
            )
            assert {source["secretRef"]["name"] for source in box["envFrom"] if "secretRef" in source} <= named(
                "Secret"
            )
            assert {mount["name"] for mount in box["volumeMounts"]} <= {volume["name"] for volume in pod["volumes"]}
            assert not box["securityContext"]["allowPrivilegeEscalation"]


def test_every_service_of_the_cluster_leads_to_a_deployment() -> None:
    labels = [found["spec"]["template"]["metadata"]["labels"] for found in objects() if found["kind"] == "Deployment"]
    for found in objects():
        if found["kind"] == "Service":
            assert found["spec"]["selector"] in labels
