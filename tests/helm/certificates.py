"""Certificates for tests, made with openssl."""

import functools
import pathlib
import subprocess
import tempfile

# The server's is for where tests ask it; the gateway's is in the sample of a tokens file.
SERVER, GATEWAY = "IP:127.0.0.1", "DNS:gateway.example"


@functools.cache
def secrets() -> dict[str, dict]:
    """The secrets with certificates that values sets name."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        authority = made(folder, "authority", "-addext", "basicConstraints=critical,CA:TRUE")
        signed = ("-CA", folder / "authority.crt", "-CAkey", folder / "authority.key")
        leaf = (*signed, "-addext", "basicConstraints=critical,CA:FALSE", "-addext")
        return {
            "authority": {"ca.crt": authority["tls.crt"]},
            "quota-tls": made(folder, "server", *leaf, f"subjectAltName={SERVER}"),
            "gateway-tls": made(folder, "gateway", *leaf, f"subjectAltName={GATEWAY}"),
            "quota-db-client": made(folder, "quota", *leaf, "subjectAltName=DNS:quota.example"),
            "quota-redis-client": made(folder, "quota-redis", *leaf, "subjectAltName=DNS:quota.example"),
        }


def made(folder: pathlib.Path, name: str, *more: object) -> dict[str, str]:
    key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={name}", "-keyout", key, "-out", certificate, *more]
    subprocess.run(command, check=True, capture_output=True)
    return {"tls.crt": certificate.read_text(), "tls.key": key.read_text()}
