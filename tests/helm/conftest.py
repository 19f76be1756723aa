import pathlib

import pytest

import chart


@pytest.fixture(params=chart.GOOD, ids=lambda path: path.stem)
def values(request: pytest.FixtureRequest) -> pathlib.Path:
    """Each values set in turn."""
    return request.param


@pytest.fixture
def objects(values: pathlib.Path) -> list[dict]:
    return chart.render(values)
