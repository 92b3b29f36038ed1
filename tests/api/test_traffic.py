"""How fast a rollout goes, from samples."""

from dataclasses import replace

from deployer.api.traffic import Span, Traffic, whole
from deployer.domain.samples import Call, Sample, bucket_of
from deployer.web.chart import chart

SAMPLE = Sample("us", "2026-03-01T10:00:00.000Z", 10.0, 100, in_flight=3, limit=20.0)


def at(second: int, **changes: object) -> Sample:
    return replace(SAMPLE, at=f"2026-03-01T10:{second // 60:02}:{second % 60:02}.000Z", **changes)  # type: ignore[arg-type]  # fields of a sample


def test_accounts_that_are_asked_at_one_time_add_up() -> None:
    traffic = Traffic()
    traffic.add([at(0), at(3, account="eu", seconds=5.0, requests=25, throttled=2, paused=1.5), at(10, requests=10)])
    [first, second] = traffic.spans
    assert (first.rate, first.limit, first.throttled, first.paused, first.in_flight) == (15.0, 40.0, 2, 1.5, 6)
    assert (second.rate, second.limit) == (1.0, 20.0)
    assert (traffic.requests, traffic.throttled, traffic.paused) == (135, 2, 1.5)


def test_what_comes_a_little_late_is_counted_in_its_own_span() -> None:
    traffic = Traffic()
    traffic.add([at(0), at(20), at(10), at(5, account="eu", seconds=5.0, requests=10)])
    assert [span.rate for span in traffic.spans] == [12.0, 10.0, 10.0]


def test_short_samples_of_one_account_add_up_to_what_a_long_one_tells() -> None:
    traffic = Traffic()
    traffic.add(at(second, seconds=1.0, requests=10) for second in range(10))
    [span] = traffic.spans
    assert (span.rate, span.limit, span.in_flight) == (10.0, 20.0, 3)


def test_a_long_sample_is_spread_over_the_spans_that_it_lasts() -> None:
    traffic = Traffic()
    traffic.add([at(5, seconds=20.0, requests=200)])
    assert [(span.rate, span.limit) for span in traffic.spans] == [(10.0, 20.0)] * 3
    traffic.add([at(60, seconds=3600.0, requests=36_000)])
    assert [span.rate for span in whole(traffic.spans)] == [10.0] * 180


def test_what_is_asked_is_of_now_for_some_seconds() -> None:
    traffic = Traffic()
    traffic.add([at(0), at(10, requests=40)])
    now = traffic.now("2026-03-01T10:00:30.000Z")
    assert now is not None
    assert now.rate == 4.0
    assert traffic.now("2026-03-01T10:01:00.000Z") is None
    assert Traffic().now("2026-03-01T10:00:00.000Z") is None


def test_time_in_which_nothing_was_asked_is_shown_as_such() -> None:
    traffic = Traffic()
    traffic.add([at(0), at(40)])
    assert [span.rate for span in whole(traffic.spans)] == [10.0, 0.0, 0.0, 0.0, 10.0]
    assert whole([]) == []


def test_the_line_of_the_limit_goes_on_while_nothing_is_asked() -> None:
    traffic = Traffic()
    traffic.add([at(0), at(40)])
    drawn = chart(traffic.spans)
    assert drawn is not None
    assert drawn.top == 20.0
    assert len({point.partition(",")[2] for point in drawn.limit.split()}) == 1
    assert chart([Span(0)]) is None


def test_half_an_hour_is_kept_however_long_it_takes() -> None:
    traffic = Traffic()
    traffic.add(at(second) for second in range(0, 3590, 10))
    assert len(traffic.spans) == len(whole(traffic.spans)) == 180
    assert traffic.requests == 35_900


def test_answers_are_told_by_the_kind_of_request() -> None:
    traffic = Traffic()
    quick, slow = bucket_of(0.010), bucket_of(1.0)
    traffic.add(
        [at(0, latency={Call.CLONE: {slow: 1}}), at(10, latency={Call.CLONE: {slow: 1}, Call.READ: {quick: 99}})]
    )
    answers = traffic.answers()
    assert answers.keys() == {Call.CLONE, Call.READ}
    assert 1.0 <= answers[Call.CLONE][0] < 1.2
    assert 0.010 <= answers[Call.READ][1] < 0.012


def test_what_is_left_goes_by_the_last_minute_and_nothing_is_guessed_from_less_than_ten_seconds() -> None:
    traffic = Traffic()
    traffic.rest(0.0, 0)
    traffic.rest(5.0, 100)
    assert traffic.left(100) is None
    traffic.rest(20.0, 100)
    assert traffic.left(50) == 10.0
    traffic.rest(100.0, 180)
    traffic.rest(120.0, 190)
    assert traffic.left(50) == 100.0
    traffic.rest(300.0, 190)
    assert traffic.left(50) is None
