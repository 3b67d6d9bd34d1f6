"""Long-running children: the dashboards, and Dagster beside them. Ctrl-C, or the end of one, ends all."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

from orchestration.dagster_home import prepare_dagster_home
from warehouse.errors import SkillsmithError
from warehouse.settings import PROJECT_ROOT, Settings

# Long enough for Dagster's children to end their own.
_GRACE_SECONDS = 15.0
_DYING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Child:
    """One process to keep running: its name for messages, its command and its environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


def dashboards(settings: Settings) -> Child:
    """The Streamlit server of the pages, its telemetry off."""
    command = [
        *(sys.executable, "-m", "streamlit", "run", str(PROJECT_ROOT / "dashboards" / "app.py")),
        *("--server.port", str(settings.port), "--server.headless", "true"),
        *("--browser.gatherUsageStats", "false", "--server.fileWatcherType", "none"),
        *("--client.toolbarMode", "minimal"),
    ]
    return Child("dashboards", command, child_environment(settings))


def dagster(settings: Settings, port: int) -> Child:
    """Dagster's UI and daemon (schedule and sensor), its telemetry off."""
    command = [
        *(sys.executable, "-m", "dagster", "dev", "--module-name", "orchestration.definitions"),
        *("--port", str(port), "--working-directory", str(PROJECT_ROOT)),
    ]
    return Child("Dagster", command, child_environment(settings))


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of a child: ours, with the places this call was given, and every telemetry off."""
    given = {
        "SKILLSMITH_HOME": str(settings.home),
        "SKILLSMITH_DROP": str(settings.drop_folder),
        "SKILLSMITH_PORT": str(settings.port),
        # Dagster's settings file names this variable.
        "SKILLSMITH_DAGSTER_URL": settings.dagster_url.get_secret_value() if settings.dagster_url else "",
        "DAGSTER_HOME": str(settings.home / "dagster"),
        "DO_NOT_TRACK": "1",
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")])),
    }
    return {**os.environ, **given}


def serve_dashboards(settings: Settings) -> None:
    """Serve the pages until Ctrl-C. Raises SkillsmithError where the port is taken."""
    require_free(settings.port, "SKILLSMITH_PORT or --port")
    print(f"Dashboards: http://localhost:{settings.port} (Ctrl-C stops them)", file=sys.stderr, flush=True)
    keep_running([dashboards(settings)])


def serve_all(settings: Settings, dagster_port: int) -> None:
    """Serve Dagster and the pages until Ctrl-C. Raises SkillsmithError where a port is taken."""
    require_free(settings.port, "SKILLSMITH_PORT or --port")
    require_free(dagster_port, "--dagster-port")
    prepare_dagster_home(settings)
    print(
        f"Dashboards: http://localhost:{settings.port}   Dagster: http://localhost:{dagster_port} (Ctrl-C stops both)",
        file=sys.stderr,
        flush=True,
    )
    keep_running([dagster(settings, dagster_port), dashboards(settings)])


def require_free(port: int, option: str) -> None:
    """Raise SkillsmithError where something listens on the port already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            raise SkillsmithError(
                f"port {port} cannot be used ({error.strerror}); stop what is there, or choose another with {option}"
            ) from error


def keep_running(children: Sequence[Child]) -> None:
    """Start the children and wait; when one ends, or we are told to stop, end the others.

    Raises KeyboardInterrupt on Ctrl-C or SIGTERM, SkillsmithError where a child ends by itself.
    """
    before = signal.signal(signal.SIGTERM, _interrupt)
    processes: list[tuple[Child, subprocess.Popen[bytes]]] = []
    try:
        for child in children:
            # A session of its own: Ctrl-C reaches the children through us, once, and in order.
            process = subprocess.Popen(child.command, env=dict(child.environment), start_new_session=True)
            processes.append((child, process))
        while True:
            for child, process in processes:
                if process.poll() is not None:
                    raise SkillsmithError(f"{child.name} stopped with exit code {process.returncode}; see above")
            time.sleep(0.2)
    finally:
        _stop([process for _, process in processes])
        signal.signal(signal.SIGTERM, before)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        _signal_group(process, signal.SIGINT)
    until = time.monotonic() + _GRACE_SECONDS
    for process in processes:
        try:
            process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal_group(process, signal.SIGKILL)
            process.wait()
    for process in processes:
        # What a child left in its group goes with it.
        _signal_group(process, signal.SIGKILL)
    # A killed process holds its ports and files until the kernel has taken it apart: who is told "stopped" may start
    # anew at once. An init that collects no orphans would keep their groups for ever, so the wait has an end.
    until = time.monotonic() + _DYING_SECONDS
    while any(_has_group(process) for process in processes) and time.monotonic() < until:
        time.sleep(0.02)


def _signal_group(process: subprocess.Popen[bytes], what: signal.Signals) -> None:
    try:
        os.killpg(process.pid, what)
    except ProcessLookupError:
        return


def _has_group(process: subprocess.Popen[bytes]) -> bool:
    # As the first process of a container it is us who collect orphans.
    with suppress(ChildProcessError):
        os.waitpid(-process.pid, os.WNOHANG)
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
