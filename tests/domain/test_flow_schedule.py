import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.flow_schedule import normal_form, timezone

WEEKDAYS = st.sampled_from(["*", "?", "MON", "mon-fri", "SAT,SUN"])
DAYS = st.sampled_from(["*", "?", "1", "1,15", "*/2", "1-5"])
TIMES = st.sampled_from(["*", "0", "*/15", "5,15", "1-20/3"])


@pytest.mark.parametrize(
    ("text", "six"),
    [
        ("0 2 * * *", "? 0 2 ? * *"),
        ("0 2 ? * ?", "? 0 2 ? * *"),
        ("  0  2 * *  * ", "? 0 2 ? * *"),
        ("0 2 1 * *", "? 0 2 1 * ?"),
        ("0 2 */2 * ?", "? 0 2 */2 * ?"),
        ("0 2 * jan-mar mon-fri", "? 0 2 ? JAN-MAR MON-FRI"),
        ("5,35 */4 * 1-6/2 *", "? 5,35 */4 ? 1-6/2 *"),
        ("00 02 * * *", "? 0 2 ? * *"),
        ("? 0 2 ? * 2-6", "? 0 2 ? * 2-6"),
        ("?  0 2 L * ?", "? 0 2 L * ?"),
    ],
)
def test_five_fields_become_six_and_six_pass(text: str, six: str) -> None:
    assert normal_form(text) == six


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 2 1 * MON", 'day of month ("1") and day of week ("MON") cannot both be restricted'),
        ("0 2 * * 1-5", 'write days of the week by name (MON-FRI), not "1-5": which day is 1 is not known'),
        ("0 2 * * SUN,1", 'write days of the week by name (MON-FRI), not "SUN,1": which day is 1 is not known'),
        ("60 2 * * *", '"60" is no minute of a five-field schedule'),
        ("0 24 * * *", '"24" is no hour of a five-field schedule'),
        ("0 2 0 * *", '"0" is no day of month of a five-field schedule'),
        ("0 2 * 13 *", '"13" is no month of a five-field schedule'),
        ("0 2 * * FOO", '"FOO" is no day of week of a five-field schedule'),
        ("0 0 2 * * *", 'the first of six schedule fields must be "?", not "0"'),
        ("@daily", 'a schedule has five fields, or six with a leading "?", not 1: "@daily"'),
        ("", 'a schedule has five fields, or six with a leading "?", not 0: ""'),
    ],
)
def test_a_schedule_that_the_platform_would_misread_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        normal_form(text)
    assert str(caught.value) == reason


@given(st.tuples(TIMES, TIMES, DAYS, st.sampled_from(["*", "1", "DEC"]), WEEKDAYS).map(" ".join))
def test_a_normal_form_is_its_own_normal_form(text: str) -> None:
    try:
        once = normal_form(text)
    except ValueError as refused:
        assert "both be restricted" in str(refused)  # noqa: PT017 - the only refusal among these
    else:
        assert normal_form(once) == once
        assert len(once.split()) == 6
        assert once.split()[0] == "?"


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/Los_Angeles", "UTC"])
def test_zones_of_iana_are_known(name: str) -> None:
    assert timezone(name) == name


@pytest.mark.parametrize("name", ["", "America", "../etc/passwd", "/etc/localtime", "a\0b", "Mars/Olympus"])
def test_other_zones_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        timezone(name)


def test_a_misspelt_zone_brings_a_suggestion() -> None:
    with pytest.raises(ValueError, match=r'unknown time zone "Europe/Berln" \(did you mean "Europe/Berlin"\?\)'):
        timezone("Europe/Berln")
