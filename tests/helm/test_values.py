"""Every value is in some values set, and makes a difference there."""

import concurrent.futures
import os
import pathlib
from collections.abc import Iterator

import yaml

import chart

DEFAULTS = yaml.safe_load((chart.CHART / "values.yaml").read_text())
Path = tuple[str, ...]
# Maps whose keys are not the chart's.
OPEN = {"config", "resources", "dashboardLabels"}
# What shows only where secrets are found, in cluster/.
INSTALLED = {("restartOnSecretChange",)}


def leaves(defaults: dict, above: Path = ()) -> Iterator[Path]:
    """The values that there are: an empty map, and one that may hold anything, is one value."""
    for key, value in defaults.items():
        path = (*above, key)
        if isinstance(value, dict) and value and key not in OPEN:
            yield from leaves(value, path)
        else:
            yield path


def at(values: dict, path: Path) -> object:
    """`None`: it is not said."""
    for key in path:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def without(values: dict, path: Path) -> dict:
    first, *rest = path
    kept = {key: value for key, value in values.items() if key != first}
    return kept | ({first: without(values[first], tuple(rest))} if rest else {})


def makes_a_difference(values: pathlib.Path, path: Path, folder: pathlib.Path) -> bool:
    """Without it something else is rendered, or nothing at all."""
    other = folder / f"{values.stem}-{'-'.join(path)}.yaml"
    other.write_text(yaml.safe_dump(without(yaml.safe_load(values.read_text()), path)))
    return rendered(values) != rendered(other)


def rendered(values: pathlib.Path) -> tuple[list[str], str]:
    """As text, which is compared sooner; without secrets that are made anew each time."""
    done = chart.template(values)
    return [each for each in done.stdout.split("\n---\n") if "\nkind: Secret\n" not in each], done.stderr


def does_something(path: Path, folder: pathlib.Path) -> bool:
    said = {values: at(yaml.safe_load(values.read_text()) or {}, path) for values in chart.GOOD}
    saying = [values for values, value in said.items() if value not in (None, at(DEFAULTS, path))]
    return any(makes_a_difference(values, path, folder) for values in saying)


def test_each_does_something_in_some_values_set(tmp_path: pathlib.Path):
    paths = [path for path in leaves(DEFAULTS) if path not in INSTALLED]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        done = pool.map(lambda path: does_something(path, tmp_path), paths)
        idle = [".".join(path) for path, does in zip(paths, done, strict=True) if not does]
    assert not idle, f"no values set of ci/ shows what these do: {idle}"


def test_a_value_that_there_is_not_is_refused():
    """At each place where there are some; `global` is shared with other charts."""
    places = {path[:depth] for path in leaves(DEFAULTS) for depth in range(len(path))} - {("global",)}
    open_ones = [".".join(place) for place in places if told(place).get("additionalProperties") is not False]
    assert not open_ones


def told(place: Path) -> dict:
    """What the schema says there."""
    schema = chart.schema()
    for key in place:
        schema = chart.resolved(schema)["properties"][key]
    return chart.resolved(schema)
