"""The metrics of several workers, told as those of one."""

from services.edge.workers.merged_metrics import MergedMetrics

ONE = """\
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{route="chat"} 3.0
requests_total{route="page"} 1.0
# HELP open_now Requests being answered.
# TYPE open_now gauge
open_now 2.0
# HELP keypool_away 1 while it is.
# TYPE keypool_away gauge
keypool_away 1.0
# HELP seconds Time.
# TYPE seconds histogram
seconds_bucket{le="1.0"} 1.0
seconds_bucket{le="+Inf"} 2.0
seconds_count 2.0
seconds_sum 4.5
"""
OTHER = ONE.replace("chat", "embed").replace("away 1.0", "away 0.0")


def lines(metrics: MergedMetrics) -> set[str]:
    return {line for line in metrics.render().decode().splitlines() if not line.startswith("#")}


def test_counts_add_up_and_states_do_not() -> None:
    metrics = MergedMetrics()
    metrics.take(1, ONE)
    metrics.take(2, OTHER)

    assert lines(metrics) == {
        'requests_total{route="chat"} 3.0',
        'requests_total{route="embed"} 3.0',
        'requests_total{route="page"} 2.0',
        "open_now 4.0",
        "keypool_away 1.0",
        'seconds_bucket{le="1.0"} 2.0',
        'seconds_bucket{le="+Inf"} 4.0',
        "seconds_count 4.0",
        "seconds_sum 9.0",
    }


def test_what_a_worker_tells_replaces_what_it_told() -> None:
    metrics = MergedMetrics()
    metrics.take(1, ONE)
    metrics.take(1, ONE.replace("3.0", "5.0"))

    assert 'requests_total{route="chat"} 5.0' in lines(metrics)


def test_no_count_falls_when_a_worker_ends() -> None:
    metrics = MergedMetrics()
    metrics.take(1, ONE)
    metrics.take(2, ONE)

    metrics.end(1)
    metrics.end(1)
    between = lines(metrics)
    metrics.take(1, ONE)

    assert {'requests_total{route="chat"} 6.0', "seconds_sum 9.0", "open_now 2.0"} <= between
    assert {'requests_total{route="chat"} 9.0', "open_now 4.0"} <= lines(metrics)
