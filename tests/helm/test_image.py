"""The Dockerfile and the chart agree. What comes of the Dockerfile tests/image.sh tries."""

import json
import pathlib

import dockerfile_parse

import chart


def last_stage() -> list[dict]:
    parser = dockerfile_parse.DockerfileParser(str(chart.ROOT / "Dockerfile"), cache_content=True)
    steps = parser.structure
    starts = [index for index, step in enumerate(steps) if step["instruction"] == "FROM"]
    return steps[starts[-1] :]


def said(instruction: str) -> str:
    (found,) = [step["value"] for step in last_stage() if step["instruction"] == instruction]
    return found


def test_the_image_has_nothing_but_the_programs():
    assert said("FROM") == "scratch"
    assert said("COPY") == "--from=build /image /"


def test_it_runs_as_the_user_that_the_chart_names(objects: list[dict]):
    user = f"{65532}:{65532}"
    assert said("USER") == user
    for workload in chart.workloads(objects):
        context = chart.pod_of(workload)["spec"]["securityContext"]
        named = [str(context[key]) for key in ("runAsUser", "runAsGroup") if key in context]
        assert ":".join(named) in (user, "")


def test_programs_are_where_the_chart_starts_them(objects: list[dict]):
    installed = (chart.ROOT / "Dockerfile").read_text()
    for workload in chart.workloads(objects):
        folder, program = pathlib.Path(chart.own(workload)["command"][0]).parts[-2:]
        assert f"/image/usr/{folder}" in installed
        assert f"release/{program}" in installed
    assert json.loads(said("ENTRYPOINT")) == ["/usr/bin/quota-server"]


def test_what_is_copied_is_there():
    let_in = [line[1:] for line in (chart.ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert let_in
    assert all((chart.ROOT / path).exists() for path in let_in)
