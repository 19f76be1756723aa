"""What release/build.sh has made, as who gets it: each file is checked, installed and tried."""

import contextlib
import hashlib
import json
import os
import pathlib
import platform
import re
import struct
import subprocess
import tarfile
from collections.abc import Iterator

import dockerfile_parse
import pytest

import chart
from cluster.control_plane import free_port
from test_parts import VERSION

ROOT = chart.ROOT
MADE = ROOT / f"target/release-{VERSION}{'-rehearsal' if os.environ.get('REHEARSAL') else ''}"
# As ELF numbers machines.
MACHINES = {"x86_64": 62, "aarch64": 183}
IMAGES = {"x86_64": "amd64", "aarch64": "arm64"}
DYNAMIC, INTERPRETER = 2, 3


def run(*command: object, **more) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def digest(file: pathlib.Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def unpacked(name: str, folder: pathlib.Path) -> pathlib.Path:
    with tarfile.open(MADE / name) as archive:
        archive.extractall(folder, filter="tar")
    return folder


def programs(architecture: str, folder: pathlib.Path) -> pathlib.Path:
    name = f"tokenlease-{VERSION}-{architecture}-linux"
    return unpacked(f"{name}.tar.gz", folder) / name


def test_sums_are_of_every_file():
    run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=MADE)
    told = {line.split("  ")[1] for line in (MADE / "SHA256SUMS").read_text().splitlines()}
    assert told == {file.name for file in MADE.iterdir()} - {"SHA256SUMS"}


def test_the_statement_is_of_every_file_and_of_this_commit():
    statement = json.loads((MADE / f"tokenlease-{VERSION}.intoto.json").read_text())
    told = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
    others = [file for file in MADE.iterdir() if file.name not in ("SHA256SUMS", f"tokenlease-{VERSION}.intoto.json")]
    assert told == {file.name: digest(file) for file in others}
    made_of = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    (commit,) = [each["digest"]["gitCommit"] for each in made_of if each["uri"] == "git+tokenlease"]
    assert commit == run("git", "rev-parse", "HEAD", cwd=ROOT).strip()


def segments(program: bytes) -> set[int]:
    """The kinds of segments of a 64-bit ELF file."""
    (offset,) = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    return {struct.unpack_from("<I", program, offset + size * number)[0] for number in range(count)}


@pytest.mark.parametrize("architecture", MACHINES)
@pytest.mark.parametrize("name", ["quota-server", "openai-gateway"])
def test_programs_are_static_and_tell_nothing_of_where_they_were_built(architecture: str, name: str, tmp_path: pathlib.Path):
    program = (programs(architecture, tmp_path) / name).read_bytes()
    assert program[:6] == b"\x7fELF\x02\x01"
    assert struct.unpack_from("<H", program, 18) == (MACHINES[architecture],)
    assert INTERPRETER not in segments(program), "it wants a loader"
    assert b"\x00.symtab\x00" not in program, "symbols are left"
    for place in (str(ROOT), str(pathlib.Path.home())):
        assert place.encode() not in program, place


@contextlib.contextmanager
def serving(program: pathlib.Path, folder: pathlib.Path) -> Iterator[str]:
    """Its URL; it knows a deployment `chat`."""
    url = f"http://127.0.0.1:{free_port()}"
    command = [program, "serve", f"--listen={url.removeprefix('http://')}", f"--data-dir={folder}/data"]
    with (folder / "log").open("w") as log, subprocess.Popen([str(each) for each in command], stdout=log, stderr=log, env={}) as server:
        try:
            while subprocess.run([program, "check", "--url", url], env={}, capture_output=True).returncode != 0:
                assert server.poll() is None, (folder / "log").read_text()
            run(program, "deployments", "set", "chat", "--tpm", 500, "--url", url, env={})
            yield url
        finally:
            server.terminate()


def test_the_program_grants_a_lease(tmp_path: pathlib.Path):
    program = programs(platform.machine(), tmp_path) / "quota-server"
    with serving(program, tmp_path) as url:
        assert "a lease of `chat` was granted" in run(program, "check", "--deployment", "chat", "--url", url, env={})
    assert run(program, "--version", env={}) == f"quota-server {VERSION}\n"


def layout(folder: pathlib.Path) -> pathlib.Path:
    return unpacked(f"tokenlease-{VERSION}-image.oci.tar", folder / "layout")


def blob(image: pathlib.Path, descriptor: dict) -> dict:
    return json.loads((image / "blobs" / descriptor["digest"].replace(":", "/")).read_text())


def test_the_image_is_what_the_dockerfile_says_for_each_architecture(tmp_path: pathlib.Path):
    image = layout(tmp_path)
    for file in (image / "blobs/sha256").iterdir():
        assert digest(file) == file.name
    tagged = {each["annotations"]["org.opencontainers.image.ref.name"]: each for each in blob_index(image)}
    platforms = blob(image, tagged[VERSION])["manifests"]
    assert {each["platform"]["architecture"] for each in platforms} == set(IMAGES.values())
    parser = dockerfile_parse.DockerfileParser(str(ROOT / "Dockerfile"), cache_content=True)
    said = {step["instruction"]: step["value"] for step in parser.structure}
    for each in platforms:
        config = blob(image, blob(image, each)["config"])["config"]
        assert config["User"] == said["USER"]
        assert config["WorkingDir"] == said["WORKDIR"]
        assert list(config["Volumes"]) == [said["VOLUME"]]
        assert list(config["ExposedPorts"]) == [f"{said['EXPOSE']}/tcp"]
        assert config["Entrypoint"] == json.loads(said["ENTRYPOINT"])
        assert config["Cmd"] == json.loads(said["CMD"])
        labels = config["Labels"]
        assert parser.labels.items() <= labels.items()
        assert labels["org.opencontainers.image.version"] == VERSION


def blob_index(image: pathlib.Path) -> list[dict]:
    return json.loads((image / "index.json").read_text())["manifests"]


@pytest.mark.parametrize("architecture", IMAGES)
def test_the_image_s_root_serves(architecture: str, tmp_path: pathlib.Path):
    """That of another machine has the same files, and cannot be run here."""
    image, bundle = layout(tmp_path), tmp_path / "bundle"
    run(chart.TOOLS / "bin/umoci", "unpack", "--image", f"{image}:{VERSION}-{IMAGES[architecture]}", bundle)
    root = bundle / "rootfs"
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert files == {"usr/bin/quota-server", "usr/bin/openai-gateway", "etc/ssl/certs/ca-certificates.crt"}
    taken = programs(architecture, tmp_path)
    for name in ("quota-server", "openai-gateway"):
        assert digest(root / "usr/bin" / name) == digest(taken / name)
    if architecture == platform.machine():
        run(ROOT / "tests/image.sh", "root", root)


def test_the_chart_s_pods_start_the_programs(tmp_path: pathlib.Path):
    folder = programs(platform.machine(), tmp_path)
    package = MADE / f"tokenlease-{VERSION}-chart.tgz"
    environment = os.environ | {"TOKENLEASE_PROGRAMS": str(folder)}
    assert "passed" in run(ROOT / "tests/helm.sh", "package", package, env=environment)
    about = run(chart.HELM, "show", "chart", package)
    assert f"version: {VERSION}\n" in about and f"appVersion: {VERSION}\n" in about.replace('"', "")


def test_the_wheel_draws_in_an_environment_of_its_own(tmp_path: pathlib.Path):
    (wheel,) = MADE.glob(f"tokenlease-{VERSION}-*manylinux*_{platform.machine()}.whl")
    run("python3", "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    run(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel)
    draw = "import sys, tokenlease\nwith tokenlease.Client(sys.argv[1]) as client:\n"
    draw += "    with client.deployment('chat').draw_blocking(100) as permit: permit.settle(81)\nprint('drawn')"
    with serving(programs(platform.machine(), tmp_path) / "quota-server", tmp_path) as url:
        assert run(python, "-c", draw, url, cwd=tmp_path) == "drawn\n"
        assert "chat" in run(tmp_path / "venv/bin/tokenlease", "doctor", env={"QUOTA_URL": url})


def test_wheels_and_the_sdist_are_of_this_version():
    names = sorted(file.name for file in MADE.glob("*.whl"))
    assert len(names) == 2 and all(name.startswith(f"tokenlease-{VERSION}-cp39-abi3-") for name in names)
    with tarfile.open(MADE / f"tokenlease-{VERSION}.tar.gz") as sdist:
        assert f"tokenlease-{VERSION}/Cargo.lock" in sdist.getnames()


@pytest.mark.parametrize(
    ("part", "within", "without"),
    [
        ("quota-server", {"tokio", "redis", "sqlx-postgres", "quota-core"}, {"proptest", "rcgen", "pyo3"}),
        ("openai-gateway", {"tokio", "reqwest", "gateway-router"}, {"sqlx-postgres", "rcgen", "pyo3"}),
        ("tokenlease-python", {"pyo3", "gateway-client"}, {"sqlx-postgres", "axum"}),
    ],
)
def test_what_a_part_is_made_of_is_told(part: str, within: set[str], without: set[str]):
    told = json.loads((MADE / f"{part}-{VERSION}.cdx.json").read_text())
    assert told["bomFormat"] == "CycloneDX"
    components = {each["name"]: each for each in told["components"]}
    assert within <= components.keys() and not without & components.keys()
    assert all(re.match("pkg:cargo/", each["purl"]) and each["version"] for each in components.values())
    assert str(ROOT) not in json.dumps(told)


def test_changes_are_told():
    assert re.match("## (Changed|Added)\n", (MADE / f"CHANGES-{VERSION}.md").read_text())
