"""A PostgreSQL of a test's own, on 127.0.0.1, that asks for certificates."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator

import certificates
from cluster.control_plane import free_port, process

PATIENCE_S = 60
# Whoever shows a certificate of the authority is let in, and nobody else.
HBA = "hostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n"


@contextlib.contextmanager
def encrypted() -> Iterator[str]:
    """Its URL."""
    # As root it runs as another user, who must reach its folder.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tokenlease-"))
    user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    try:
        port = free_port()
        command = prepared(folder, user, port)
        with process(folder / "log", *command, cwd=folder, **user) as server:
            wait(folder / "log", server)
            yield f"postgres://postgres@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder)


def prepared(folder: pathlib.Path, user: dict[str, str], port: int) -> list[object]:
    own = certificates.secrets()
    files = {"ca.crt": own["authority"]["ca.crt"], "hba": HBA} | own["quota-tls"]
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    (folder / "log").touch()
    for path in (folder, *folder.iterdir()) if user else ():
        shutil.chown(path, "postgres", "postgres")
    data = folder / "data"
    making = [programs() / "initdb", "--username=postgres", "--no-sync", data]
    subprocess.run(making, check=True, capture_output=True, cwd=folder, **user)
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "ssl": "on",
        "ssl_ca_file": folder / "ca.crt",
        "ssl_cert_file": folder / "tls.crt",
        "ssl_key_file": folder / "tls.key",
        "hba_file": folder / "hba",
    }
    return [programs() / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())]


def programs() -> pathlib.Path:
    """Of the newest version, or those that a variable names."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return pathlib.Path(os.environ.get("TOKENLEASE_POSTGRES_BIN") or found[-1])


def wait(log: pathlib.Path, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while "ready to accept connections" not in log.read_text():
        assert server.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
