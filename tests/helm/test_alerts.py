"""What `monitoring.alerts` says of alerts is what Prometheus does."""

import pathlib
import subprocess

import yaml

import chart


def promtool(*args: object) -> None:
    done = subprocess.run(["promtool", *map(str, args)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def rules(folder: pathlib.Path, *args: str) -> pathlib.Path:
    """Those of ci/outside.yaml."""
    (rule,) = chart.of_kind(chart.render(chart.SETS / "outside.yaml", *args), "PrometheusRule")
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump(rule["spec"]))
    return path


def test_prometheus_takes_the_rules(tmp_path: pathlib.Path):
    """Rules of one name differ by their deployments only, which is no fault."""
    promtool("check", "rules", "--lint=none", rules(tmp_path))


def exhausted(deployment: str, of_ten: int) -> dict:
    """A deployment that is exhausted for so many of ten minutes, again and again."""
    values = " ".join(["2"] * of_ten + ["0"] * (10 - of_ten))
    labels = f'namespace="llm", job="q", instance="a", deployment="{deployment}"'
    return {"series": f"quota_deployment_state{{{labels}}}", "values": " ".join([values] * 4)}


def firing(folder: pathlib.Path, severities: dict[str, str], *args: str) -> None:
    """Asserts which deployments' alert fires, and how severe."""
    deployments = {"gpt-4o-eu": 5, "llama-3.1-test": 10, "llama-3x1-test": 10, "half": 5}
    labels = {"namespace": "llm", "job": "q", "team": "platform"}
    expected = [labels | {"deployment": each, "severity": severity} for each, severity in severities.items()]
    shown = 'ALERTS{alertname="QuotaDeploymentExhausted", alertstate="firing"}'
    samples = [sample(each) for each in expected]
    test = {
        "interval": "1m",
        "input_series": [exhausted(each, of_ten) for each, of_ten in deployments.items()],
        "promql_expr_test": [{"expr": shown, "eval_time": "35m", "exp_samples": samples}],
    }
    path = folder / "test.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [str(rules(folder, *args))], "tests": [test]}))
    promtool("test", "rules", path)


def sample(labels: dict[str, str]) -> dict:
    told = labels | {"alertname": "QuotaDeploymentExhausted", "alertstate": "firing"}
    text = ", ".join(f'{name}="{value}"' for name, value in sorted(told.items()))
    return {"labels": f"ALERTS{{{text}}}", "value": 1}


def test_each_deployment_has_the_threshold_that_is_meant_for_it(tmp_path: pathlib.Path):
    firing(tmp_path, {"gpt-4o-eu": "critical", "llama-3x1-test": "warning"})


def test_an_exception_may_be_louder_than_the_rule(tmp_path: pathlib.Path):
    rule = "monitoring.alerts.rules.QuotaDeploymentExhausted"
    firing(tmp_path, {"gpt-4o-eu": "critical"}, "--set", f"{rule}.enabled=false", "--set", f"{rule}.except[1].enabled=true")
