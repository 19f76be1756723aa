"""etcd and Kubernetes' API server, on 127.0.0.1, with temporary data. No controllers and no kubelets: what
is installed is stored, checked and admitted, and nothing of it runs."""

import contextlib
import pathlib
import socket
import subprocess
import time
import urllib.error
from collections.abc import Iterator

import chart

from .api import Api, Refused

TOKEN = "the-administrator-of-this-test"
PATIENCE_S = 120


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def process(log: pathlib.Path, *command: object, **more) -> Iterator[subprocess.Popen]:
    with log.open("w") as output:
        started = subprocess.Popen([str(part) for part in command], stdout=output, stderr=output, **more)
        try:
            yield started
        finally:
            started.terminate()
            started.wait(timeout=60)


@contextlib.contextmanager
def etcd(folder: pathlib.Path) -> Iterator[str]:
    clients, peers = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    command = [
        "etcd",
        f"--data-dir={folder}/etcd",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
    ]
    with process(folder / "etcd.log", *command):
        yield clients


@contextlib.contextmanager
def api_server(folder: pathlib.Path) -> Iterator[Api]:
    (folder / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n")
    key = folder / "service-accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    port = free_port()
    with etcd(folder) as store:
        command = [
            chart.TOOLS / "bin/kube-apiserver",
            f"--etcd-servers={store}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={folder}",
            f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.0.0.0/16,fd00::/112",
        ]
        log = folder / "kube-apiserver.log"
        with process(log, *command) as server:
            api = Api(f"https://127.0.0.1:{port}", TOKEN, folder / "apiserver.crt")
            wait_until_ready(api, server, log)
            yield api


def wait_until_ready(api: Api, server: subprocess.Popen, log: pathlib.Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(Refused, urllib.error.URLError, FileNotFoundError):
            api.ask("GET", "/readyz")
            return
        time.sleep(0.1)
    raise TimeoutError(f"the API server does not come up:\n{log.read_text()[-4000:]}")
