from io import StringIO
from time import process_time

import pytest

from deployer.domain.accounts import with_accounts
from deployer.domain.documents import fingerprint
from deployer.domain.manifest import Account, Manifest, parse_manifest
from deployer.errors import ManifestError

ENV = {"HOST": "127.0.0.1:8080", "STAGE": "test"}
MANIFEST = "name: a\ntemplate: {flow: 12345678}\naccounts: accounts.csv\ntenants: tenants.csv\n"
TEXT = """\
account,region,url,token,template,connections.57f1aaaa,rate.share,rate.per_second,rate.in_flight,values.zone,values.n:int
main,us,,env:MAIN,12345678,NS ${tenant.name},50%,12.5,64,UTC,012
local,,"http://${env:HOST}","env:LOCAL_${env:STAGE}",,,,,,,
"""


def read(text: str) -> Manifest:
    manifest = parse_manifest(MANIFEST, "r.yaml", ENV)
    return with_accounts(manifest, StringIO(text, newline=""), name="accounts.csv", env=ENV)


def lines(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        read(text)
    return caught.value.lines()


def test_a_path_stands_for_accounts_that_are_read_later() -> None:
    manifest = parse_manifest(MANIFEST, "r.yaml", ENV)
    assert (manifest.accounts_file, manifest.accounts) == ("accounts.csv", {})


def test_a_row_is_an_account_as_a_manifest_writes_it() -> None:
    assert read(TEXT).accounts == {
        "main": Account.model_validate(
            {
                "region": "us",
                "token": "env:MAIN",
                "template": "12345678",
                "connections": {"57f1aaaa": "NS ${tenant.name}"},
                "rate": {"share": "50%", "per_second": 12.5, "in_flight": 64},
                "values": {"zone": "UTC", "n": 12},
            }
        ),
        "local": Account.model_validate({"url": "http://127.0.0.1:8080", "token": "env:LOCAL_test"}),
    }


def test_a_spreadsheets_dialect_is_understood() -> None:
    assert list(read("\ufeffsep=;\r\naccount;region;token\r\n;;\r\n main ; eu;env:A\r\n").accounts) == ["main"]


def test_the_accounts_are_part_of_the_manifests_digest_and_their_file_is_not() -> None:
    written = MANIFEST.replace("accounts.csv", "{main: {region: eu, token: env:A}}")
    digests = {
        fingerprint(manifest.model_dump(mode="json"))
        for manifest in (parse_manifest(written, "r.yaml", {}), read("account,region,token\nmain,eu,env:A\n"))
    }
    assert len(digests) == 1


def test_every_wrong_cell_is_named_as_the_spreadsheet_names_it() -> None:
    text = """\
account,region,url,token,template,connections.57f1aaaa,rate.share,rate.burst,values.n:int
a b,us,,env:T,,,,,
a,uk,,s3cret,1,${tennant.name},50,many,x
b,us,https://x.io,env:T,,,,,
c,,http://${env:HOTS},env:T,,,,,

b,us,,env:T,,,,,
d,us,,,,,,,
"""
    bare = "a token itself never stands in a manifest: write where it is, as env:NAME, file:PATH or command:…"
    name = 'an account\'s name is made of letters, digits, ".", "-" and "_", 63 at most'
    near = '(did you mean "tenant.name"?)'
    assert lines(text) == [
        f"error: accounts.csv:2: account: cell A2: {name}",
        'error: accounts.csv:3: values.n:int: cell I3: "x" is no whole number',
        f"error: accounts.csv:3: connections.57f1aaaa: cell F3: unknown name ${{tennant.name}} {near}",
        "error: accounts.csv:3: region: cell B3: must be 'us', 'eu', 'au' or 'ca'",
        f"error: accounts.csv:3: token: cell D3: {bare}",
        'error: accounts.csv:3: template: cell E3: "1" is no id: 8 to 64 letters and digits',
        "error: accounts.csv:3: rate.burst: cell H3: must be a whole number",
        "error: accounts.csv:3: rate.share: cell G3: must be a percentage such as 50%",
        "error: accounts.csv:4: b: takes either region or url",
        'error: accounts.csv:5: url: cell C5: unknown name ${env:HOTS} (did you mean "env:HOST"?)',
        'error: accounts.csv:7: account: cell A7: "b" is already at accounts.csv:4',
        "error: accounts.csv:8: token: cell D8: must not be empty",
    ]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["accounts.csv:1: there is no header such as account,region,token"]),
        ("account,region,token\n", ["accounts.csv: there are no accounts"]),
        ("acount,regoin,token,zone,conections.57f1aaaa,connections.57f1\n", [
            'accounts.csv:1: acount: unknown column (did you mean "account"?)',
            'accounts.csv:1: regoin: unknown column (did you mean "region"?)',
            "accounts.csv:1: zone: unknown column",
            'accounts.csv:1: conections.57f1aaaa: unknown column (did you mean "connections."?)',
            'accounts.csv:1: connections.57f1: "57f1" is no id: 8 to 64 letters and digits',
            'accounts.csv:1: account: there is no such column (did you mean "acount"?)',
        ]),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_of_accounts_is_refused(text: str, problems: list[str]) -> None:
    assert lines(text) == [f"error: {problem}" for problem in problems]


def test_a_thousand_accounts_are_read_in_less_than_a_second() -> None:
    head, row = "account,region,token,connections.57f1aaaa,rate.per_second,values.zone\n", "us,env:T,keep,100,UTC\n"
    text = head + "".join(f"a{number},{row}" for number in range(1000))
    start = process_time()
    assert len(read(text).accounts) == 1000
    assert process_time() - start < 1
