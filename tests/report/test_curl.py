import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.documents import Document, Json
from deployer.report.curl import curl_line
from deployer.report.hiding import redacted

URL = "https://api.integrator.io/v1/flows/5f0000000000000000000f01"
ENV = "env:ACME_TOKEN"
HOSTILE = ["'; touch pwned; '", "$(touch pwned)", "`touch pwned`", '"\\', "-rf", "@/etc/hosts", "a\nb", "\x1b[2J", "’"]
TEXT = st.text(st.characters(exclude_characters="\0")) | st.sampled_from(HOSTILE)


def arguments(line: str, **env: str) -> list[str]:
    """Return what a real shell passes to curl."""
    script = f"curl() {{ for word; do printf '%s\\0' \"$word\"; done; }}; {line}"
    told = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True, env={**os.environ, **env})
    assert told.stderr == b""
    return told.stdout.decode().split("\0")[:-1]


def test_a_request_reads_like_this() -> None:
    line = curl_line("PUT", URL, b'{"name": "Orders: acme", "disabled": false}', ENV)
    assert line == (
        f"curl --globoff -X PUT {URL} -H \"Authorization: Bearer $ACME_TOKEN\" -H 'Content-Type: application/json' "
        """--data-raw '{"name":"Orders: acme","disabled":false}'"""
    )


def test_a_request_without_a_body_has_no_body() -> None:
    assert curl_line("GET", URL, None, ENV) == f'curl --globoff -X GET {URL} -H "Authorization: Bearer $ACME_TOKEN"'


@pytest.mark.parametrize("text", HOSTILE)
def test_a_shell_hands_curl_what_would_be_sent_and_runs_nothing(text: str) -> None:
    line = curl_line("POST", f"{URL}?name={text!r}", json.dumps({text: [text]}).encode(), ENV)
    words = arguments(line, ACME_TOKEN="t0")
    assert json.loads(words[-1]) == {text: [text]}
    assert words[5] == "Authorization: Bearer t0"
    assert not Path("pwned").exists()
    assert line.isprintable()


@given(TEXT, TEXT)
def test_a_name_is_one_word_whatever_is_in_it(key: str, value: str) -> None:
    body = json.dumps({f"x{key}": value}).encode()
    words = shlex.split(curl_line("PUT", URL, body, ENV))
    assert len(words) == 11
    assert json.loads(words[-1]) == redacted({f"x{key}": value})


@pytest.mark.parametrize(
    "key", ["password", "dbPassword", "client_secret", "accessToken", "apiKey", "api-key", "Authorization", "X-API-Key"]
)
def test_what_is_named_like_a_secret_is_hidden_at_any_depth(key: str) -> None:
    value: Document = {"settings": [{"http": {key: "s3cret", "size": 2}}], key: {"inner": "s3cret"}}
    line = curl_line("PUT", f"{URL}?{key}=s3cret&page=2", json.dumps(value).encode(), ENV)
    assert "s3cret" not in line
    assert f"{key}=***&page=2" in line
    assert redacted(value) == {"settings": [{"http": {key: "***", "size": 2}}], key: "***"}


def test_a_header_of_a_secret_name_is_hidden() -> None:
    assert redacted({"name": "Authorization", "value": "Bearer x"}) == {"name": "Authorization", "value": "***"}
    assert redacted({"name": "Accept", "value": "json"}) == {"name": "Accept", "value": "json"}


@pytest.mark.parametrize("value", ["******", None, True])
def test_what_hides_nothing_stays(value: Json) -> None:
    assert redacted({"token": value}) == {"token": value}


def test_a_body_that_cannot_be_read_is_not_shown() -> None:
    assert curl_line("PUT", URL, b"token=s3cret", ENV).endswith("--data-raw '***'")


def test_the_token_is_read_where_the_manifest_says_and_never_shown(tmp_path: Path) -> None:
    file = tmp_path / 'it\'s "$HOME" `x`'
    file.write_text("t1\n")
    (tmp_path / "plain").write_text("t2\n")
    references = {ENV: "t0", f"file:{file}": "t1", "file:~/plain": "t2", "command:printf %s 't $3'": "t $3"}
    for reference, token in references.items():
        words = arguments(curl_line("GET", URL, None, reference), ACME_TOKEN="t0", HOME=str(tmp_path))
        assert words[-1] == f"Authorization: Bearer {token}"


@pytest.mark.parametrize("reference", ["env:A;touch pwned", "command:'", "file:", "s3cret-itself"])
def test_a_reference_that_names_nothing_is_not_shown(reference: str) -> None:
    assert '"Authorization: Bearer $TOKEN"' in curl_line("GET", URL, None, reference)
