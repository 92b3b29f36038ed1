"""Who may see the dashboard, who may change anything, and what the browser is told about both."""

from collections.abc import Iterator, Mapping
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import anyio
import pytest

from tests.factories import crowd, plan
from tests.web.journals import FIRST, written
from tests.web.visited import Dashboard, serving

PAUSE = f"/rollouts/{FIRST.id}/pause"
OWN = {"Sec-Fetch-Site": "same-origin"}


def new_journal(folder: Path) -> Path:
    anyio.run(partial(written, folder / "journal.db", plan(*crowd(3))))
    return folder


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    with serving(new_journal(tmp_path_factory.mktemp("seen")), "--journal", "journal.db") as started:
        yield started


@pytest.fixture(scope="module")
def acting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """Start a dashboard that may change something."""
    folder = new_journal(tmp_path_factory.mktemp("acted on"))
    with serving(folder, "--journal", "journal.db", "--allow-actions") as started:
        yield started


def check_of(dashboard: Dashboard) -> str:
    """Return what stands in the forms."""
    return dashboard.ask(f"/rollouts/{FIRST.id}", headers=dashboard.enter()).text.partition('name="check" value="')[2][
        :64
    ]


def post(dashboard: Dashboard, path: str = PAUSE, *, check: str | None = None, **headers: str) -> int:
    form = urlencode({"check": check_of(dashboard) if check is None else check})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return dashboard.ask(path, method="POST", headers=dashboard.enter() | kind | named, body=form).status


@pytest.mark.parametrize("path", ["/", "/schedules", "/instances", f"/rollouts/{FIRST.id}", "/events?of=/", "/nowhere"])
def test_without_the_token_nothing_is_seen(dashboard: Dashboard, path: str) -> None:
    refused = dashboard.ask(path)
    assert refused.status == 401
    assert FIRST.name not in refused.text


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\N{PILE OF POO}"])
def test_another_token_lets_nobody_in(dashboard: Dashboard, token: str) -> None:
    refused = dashboard.ask("/enter?" + urlencode({"token": token}))
    assert refused.status == 403
    assert "Set-Cookie" not in refused.headers


@pytest.mark.parametrize("cookie", ["", "x", "the token"])
def test_another_cookie_lets_nobody_in_not_even_one_with_the_token(dashboard: Dashboard, cookie: str) -> None:
    name = dashboard.enter()["Cookie"].partition("=")[0]
    value = dashboard.token if cookie == "the token" else cookie
    assert dashboard.ask("/", headers={"Cookie": f"{name}={value}"}).status == 401


def test_the_token_is_turned_into_a_cookie_that_no_script_and_no_other_site_can_use(dashboard: Dashboard) -> None:
    parts = urlsplit(dashboard.address)
    entered = dashboard.ask(f"{parts.path}?{parts.query}")
    assert (entered.status, entered.headers["Location"]) == (303, "/")
    attributes = {each.strip().lower() for each in entered.headers["Set-Cookie"].split(";")[1:]}
    assert attributes == {"httponly", "path=/", "samesite=strict"}
    assert dashboard.token not in entered.headers["Set-Cookie"]
    assert dashboard.ask("/", headers=dashboard.enter()).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::2]", "127.0.0.2", "a b"]
)
def test_a_foreign_host_is_refused_even_with_the_cookie(dashboard: Dashboard, host: str) -> None:
    connection = HTTPConnection(urlsplit(dashboard.address).netloc, timeout=20)
    connection.putrequest("GET", "/", skip_host=True)
    connection.putheader("Host", host)
    connection.putheader("Cookie", dashboard.enter()["Cookie"])
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status in {400, 403}
    assert FIRST.name not in answer.read().decode()
    connection.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_this_machine_is_no_foreign_host_whatever_the_port_of_a_tunnel(dashboard: Dashboard, host: str) -> None:
    cookie = dashboard.enter()["Cookie"].partition("=")[2]
    headers = {"Host": f"{host}:9999", "Cookie": f"deployer-9999={cookie}"}
    assert dashboard.ask("/", headers=headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site", "Origin": "null"},
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": "same-origin", "Origin": "http://evil.example"},
    ],
)
def test_a_form_of_another_site_changes_nothing(acting: Dashboard, headers: Mapping[str, str]) -> None:
    assert post(acting, **headers) == 403
    assert "paused" not in acting.ask("/", headers=acting.enter()).text


@pytest.mark.parametrize("check", ["", "x", "0" * 64])
def test_a_form_without_what_ours_hold_changes_nothing(acting: Dashboard, check: str) -> None:
    assert post(acting, check=check, Sec_Fetch_Site="same-origin") == 403
    assert "paused" not in acting.ask("/", headers=acting.enter()).text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_what_is_neither_read_nor_a_form_is_refused(acting: Dashboard, method: str) -> None:
    assert acting.ask(PAUSE, method=method, headers=acting.enter() | OWN).status == 405


def test_nothing_can_be_changed_unless_it_was_started_so(dashboard: Dashboard) -> None:
    assert post(dashboard, check="", Sec_Fetch_Site="same-origin") == 403
    page = dashboard.ask(f"/rollouts/{FIRST.id}", headers=dashboard.enter()).text
    assert "<form method" not in page
    assert "unfinished" in page


def test_a_form_of_ours_is_heard_with_an_origin_and_with_a_browser_that_tells_where_it_comes_from(
    tmp_path: Path,
) -> None:
    with serving(new_journal(tmp_path), "--journal", "journal.db", "--allow-actions") as acting:
        assert post(acting, "/rollouts/nobody/pause", Origin=acting.origin) == 303
        assert post(acting, "/rollouts/nobody/pause", Origin="null", Sec_Fetch_Site="same-origin") == 303
        assert post(acting, f"/rollouts/{FIRST.id}/explode", Origin=acting.origin) == 404
        assert post(acting, Origin=acting.origin) == 303
        assert "paused" in acting.ask("/", headers=acting.enter()).text


@pytest.mark.parametrize(
    "path",
    ["/", "/nowhere", "/static/dashboard.js", "/static/nothing.js", "/enter", "/rollouts/x", "/events?of=/nowhere"],
)
def test_every_answer_tells_the_browser_to_trust_nothing_but_the_dashboard(dashboard: Dashboard, path: str) -> None:
    headers = dashboard.ask(path, headers=dashboard.enter()).headers
    rules = dict(rule.strip().split(" ", 1) for rule in headers["Content-Security-Policy"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["frame-ancestors"] == "'none'"
    assert {rules[name] for name in ("script-src", "style-src", "connect-src", "form-action", "img-src")} == {"'self'"}
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "name",
    ["../serving.py", "..%2fserving.py", "%2e%2e/serving.py", "....//serving.py", "/etc/passwd", "serving.py", ""],
)
def test_no_file_is_served_but_those_of_the_pages(dashboard: Dashboard, name: str) -> None:
    answer = dashboard.ask(f"/static/{name}", headers=dashboard.enter())
    assert answer.status in {400, 404}
    assert "import" not in answer.text


@pytest.mark.parametrize("path", ["//evil.example", "/rollouts//evil.example/pause", "/\\evil.example"])
def test_nobody_is_sent_to_another_site(acting: Dashboard, path: str) -> None:
    for method in ("GET", "POST"):
        answer = acting.ask(path, method=method, headers=acting.enter() | OWN)
        assert not answer.headers.get("Location", "/").startswith(("//", "http", "/\\"))
