"""Metrics, as a collector gets them and as Prometheus reads them; and what of it nobody counts by tenant."""

import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deployer.errors import UsageError
from deployer.simulator import Customer, Rule
from deployer.telemetry.asked import Scrape
from tests.engine.stage import US, Stage
from tests.telemetry.receiver import Received


def samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def total(found: Iterable[tuple[dict[str, str], float]], **labels: str) -> float:
    return sum(value for said, value in found if labels.items() <= said.items())


def written(stage: Stage) -> dict[str, list[tuple[dict[str, str], float]]]:
    return samples((stage.directory / "deployer.prom").read_text("utf-8"))


def apply(stage: Stage, *options: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    stage.apply("--metrics", "deployer.prom", *options)
    return written(stage)


def test_requests_are_counted_by_call_and_outcome_with_how_long_they_took(stage: Stage) -> None:
    stage.refuse("globex")
    found = apply(stage)
    durations = found["http_client_request_duration_seconds_count"]
    assert total(durations) == len(stage.ledger.arrivals)
    put = {"http_request_method": "PUT", "url_template": "/v1/flows/{id}"}
    assert total(durations, **put, http_response_status_code="200", deployer_call_outcome="done") == 2
    assert total(durations, **put, error_type="422", deployer_call_outcome="refused") == 1
    buckets = [float(said["le"]) for said, _ in found["http_client_request_duration_seconds_bucket"]]
    assert {0.005, 0.1, 10.0, float("inf")} <= set(buckets)


def test_what_a_limit_cost_is_counted_by_account(stage: Stage) -> None:
    rule = Rule(action="refuse", route="flows.put", times=1, status=429, headers={"Retry-After": "1"})
    stage.befall(rule)
    found = apply(stage)
    assert total(found["deployer_account_throttled_total"], deployer_account_name=US) == 1
    assert 0.9 < total(found["deployer_account_paused_seconds_total"], deployer_account_name=US) <= 1.1


def test_tenants_are_counted_by_where_they_stand_and_rollouts_by_what_they_came_to(stage: Stage) -> None:
    stage.refuse("globex")
    found = apply(stage)
    assert total(found["deployer_rollout_tenants"], deployer_tenant_status="done") == 2
    assert total(found["deployer_rollout_tenants"], deployer_tenant_status="failed") == 1
    assert total(found["deployer_rollout_tenants"]) == 3
    assert total(found["deployer_tenant_rests_total"], deployer_tenant_status="failed") == 1
    assert total(found["deployer_rollout_ends_total"], deployer_rollout_outcome="succeeded_with_failures") == 1


def test_commits_of_the_journal_are_timed(stage: Stage) -> None:
    commits = apply(stage)["db_client_operation_duration_seconds_count"]
    assert total(commits, db_system_name="sqlite", db_operation_name="COMMIT") > 3


def test_as_many_series_are_made_for_many_tenants_as_for_few(stage: Stage) -> None:
    few = {name: len(series) for name, series in apply(stage).items()}
    stage.tenants = {f"tenant-{number}": Customer(US, number) for number in range(3, 20)}
    assert {name: len(series) for name, series in apply(stage, "--allow", "shrunk-list").items()} == few
    assert "tenant-3" not in (stage.directory / "deployer.prom").read_text("utf-8")


def test_a_page_is_there_to_scrape_while_a_rollout_goes(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def scrape() -> str:
        stage.await_requests("flows.put")
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    stage.befall(Rule(action="stall", route="flows.put", times=3))
    with ThreadPoolExecutor(1) as pool:
        text = pool.submit(scrape)
        assert stage.apply("--metrics", f":{port}").code == 0
    found = samples(text.result())
    assert total(found["http_client_active_requests"], deployer_account_name=US) > 0
    assert total(found["deployer_account_limit_per_second"], deployer_account_name=US) > 100
    assert total(found["deployer_rollout_tenants"]) == 3
    assert total(found["deployer_rollout_tenants"], deployer_tenant_status="running") > 0


def test_a_port_that_is_taken_is_said_before_anything_is_sent(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = stage.apply("--metrics", f":{taken.getsockname()[1]}")
    assert ended.code == 2
    assert "metrics cannot be shown" in ended.err
    assert not stage.ledger.arrivals


def test_a_file_that_cannot_be_written_is_said_before_anything_is_sent(stage: Stage) -> None:
    ended = stage.apply("--metrics", "nowhere/deployer.prom")
    assert (ended.code, stage.ledger.arrivals) == (2, [])
    assert "nowhere/deployer.prom: metrics cannot be written" in ended.err


def test_a_collector_gets_the_same_metrics(stage: Stage, collector: Received) -> None:
    assert stage.apply().code == 0
    durations = collector.points("http.client.request.duration")
    assert sum(point.count for _, point in durations) == len(stage.ledger.arrivals)
    standing = collector.points("deployer.rollout.tenants")
    assert [point.as_int for said, point in standing if said["deployer.tenant.status"] == "done"] == [3]
    assert collector.metrics["http.client.request.duration"].unit == "s"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (":9464", Scrape("127.0.0.1", 9464)),
        ("0.0.0.0:9464", Scrape("0.0.0.0", 9464)),  # noqa: S104 - which somebody has to write
        ("[::1]:9464", Scrape("::1", 9464)),
        ("/var/lib/node/deployer.prom", Scrape(file="/var/lib/node/deployer.prom")),
    ],
)
def test_metrics_are_shown_on_this_machine_alone_unless_an_address_is_given(text: str, where: Scrape) -> None:
    assert Scrape.of(text) == where


@pytest.mark.parametrize("text", ["", ":", "9464", "host:", "host:0", "host:65536", "host:x", "metrics.txt", ":٣"])
def test_metrics_are_shown_nowhere_else(text: str) -> None:
    with pytest.raises(UsageError, match="neither an address nor a file"):
        Scrape.of(text)
