"""Valid input for each target, which is then spoilt, and pieces that have a meaning somewhere."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_TEMPLATES: Final = Path(__file__).parents[2] / "templates"
_MANIFESTS: Final = [path.read_bytes() for path in sorted(_TEMPLATES.glob("*/rollout.yaml"))]
_SPREADSHEETS: Final = [path.read_bytes() for path in sorted(_TEMPLATES.glob("*/tenants.csv"))]
_FLOW: Final = {
    "_id": "6b0493a34e07408562bedb8b",
    "name": "n",
    "_integrationId": "5980e7fedd9939649f8a5d01",
    "lastModified": "2026-03-01T10:00:00.000Z",
    "pageProcessors": [{"type": "import", "_importId": "5980e7fedd9939649f8a5d02"}],
}
_EVERY_KEY: Final = b"""
name: order-sync
template: {flow: 5f0000000000000000000001}
accounts:
  main: {region: us, token: "env:T", rate: {per_second: 2.5, burst: 5, share: 50%}, connections: {12345678: "a"}}
  other: {url: "https://api.integrator.io", token: "file:t", values: {a: [1, {b: null}]}}
tenants:
  - {tenant: acme, account: main, integration: 5980e7fedd9939649f8a5d01, labels: {ring: eu}, values: {size: 200}}
values: {region: "${env:HOST:-eu}", smtp.host: x}
labels: {"ring=eu,tier=gold": {region: eu}}
flow: {name: "${tenant.name}", schedule: "? 0 2 ? * *", timezone: Europe/Berlin, disabled: false,
  settings: {stores: [{id: 7, n: a}, {id: 8}], batch: "${tenant.values.size}"}}
merge: {settings.stores: {by_key: id}}
run: {trigger: true, follow: true, max_errors: 3, timeout: 30m, mode: reconcile}
waves: {mode: strict, sizes: [1, "20%"], tolerance: "5%", verify: {equal: true, command: "check 'a b'"},
  bake: {min: 1h, max: 2h}}
pins: [{tenant: acme, revision: "rev:7f3ac1", until: 2026-12-31, by: jo, why: w}]
freeze: [{timezone: America/New_York, start: 2026-12-20, end: "2026-12-27T18:00", why: w}]
safety: {settle: 250ms, lag: 0.5s}
schedules: {nightly: {do: apply, cron: "0 3 * * MON-FRI", timezone: America/New_York, jitter: 5m}}
"""
_ROWS: Final = b"""tenant,account,integration,id,label.ring,size:int,rate:float,on:bool,more:json,note
acme,main,5980e7fedd9939649f8a5d01,5980e7fedd9939649f8a5d03,eu,200,0.5,true,"[1, {""a"": null}]",=1+1
"glo""bex",other,5980e7fedd9939649f8a5d02,,,,,,,"two
lines"
"""
_LISTED: Final = [
    {
        "tenant": "acme",
        "account": "main",
        "integration": "5980e7fedd9939649f8a5d01",
        "values": {"a": [1.5, {"b": None}]},
    },
    {"tenant": "globex", "account": "other", "integration": "5980e7fedd9939649f8a5d02", "labels": {"ring": "eu"}},
]
_ACCOUNTS: Final = b"""account;region;url;token;template;rate.per_second;rate.share;connections.12345678;values.a:int
main;us;;env:T;5980e7fedd9939649f8a5d01;2.5;50%;${tenant.name};7
other;;https://api.integrator.io;${env:HOST};;auto;;;
"""

EXAMPLES: Final[Mapping[str, Sequence[bytes]]] = {
    "manifest": [_EVERY_KEY, *_MANIFESTS],
    "document": [_EVERY_KEY, b'\xef\xbb\xbf{"a": [1, "x"], "b": {"c": 0.5}}\r\n', b"a: |\n  x\n  y\nb: >-\n  z\n"],
    "tenants": [
        b"\x00" + _ROWS,
        *(b"\x00" + text for text in _SPREADSHEETS),
        b"\x00sep=;\r\n" + _ROWS.replace(b",", b";").replace(b"\n", b"\r\n"),
        b"\x01" + json.dumps(_LISTED).encode(),
        b"\x02" + "\n".join(map(json.dumps, _LISTED)).encode(),
    ],
    "accounts": [_ACCOUNTS],
    "cron": [b"0 3 * * MON-FRI", b"*/15 0-6,22 L 1,jul ?", b"? 30 2 ? * SUN#2", b"0 0 29 2 7", b"5 4 LW 2 MON"],
    "interpolation": [b"a ${a} ${n:-5} $${a} {{b}} ${{c}}", b"${list}", b"${a:-d}", b"{{#if ${a}}} ${u:-x}", b"${ a }"],
    "overrides": [b"batchSize=500\nsmtp.host=a\nsmtp.port=25\nflag=true\nnothing=$unset"],
    "json_file": [json.dumps(_FLOW).encode(), b'\xef\xbb\xbf[1, 0.5, "\\ud83d\\ude00"]'],
    "answer": [
        b"\x00" + json.dumps(_FLOW).encode(),
        b"\x01" + json.dumps([{"model": "Flow", "doc": _FLOW}, {"model": "Export", **_FLOW}]).encode(),
        b'\x00{"_jobId": "6b0493a34e07408562bedb8c"}',
        b'\x04{"errors": [{"code": "invalid_field", "field": "timezone", "message": "no such zone"}]}',
        b"\x08<html>bad gateway</html>",
    ],
    "headers": [
        b'<https://api.integrator.io/v1/flows?page=2>; rel="next", <https://x.example/>; rel=prev',
        b"120",
        b"Sun, 01 Mar 2026 10:00:00 GMT",
        b"1e9",
    ],
}

_PIECES: Final = """
${ ${a} ${a:- :- } {{ }} $${ $unset ${env:HOST} ${env:HALF} ${tenant.values. \\ud800 \\ud83d\\ude00 \\U00110000 \\x07
& * ! !!python/object:x <<: - ? : | > % %YAML --- ... [ ] { } , ; # " ' = == @ 1e999 -0 NaN Infinity 012 0x1f no null
true 1.10 9223372036854775808 : :: ../ / \\ L LW W # 5L MON#5 */0 1-0 59/60 7-0 ? 60 sep=; tenant: tenant integration
label. values. :json :int :float waves: schedules: pins: freeze: 0.0000001s 9999999h 0.00000001% 2026-02-30 rel=next <>
"""
# No text file may hold some of these; a spreadsheet, a header and an environment variable may.
_MARKS: Final = (
    *("\ufeff", "\0", "\r\n", "\r", "\n", "\t", "  ", "\x1b[31m", "\x07", "\x85", "\x9b", "\u2028", "\u202e", "\u200b"),
    *("e\u0301", "\U0001f600", "\udcff", "²", "\u0661", "\u017f", "\u3000", "İ", "=1+1", "\uff1d", "::error::", "%s"),
)
PIECES: Final[Sequence[bytes]] = [
    *(piece.encode() for piece in _PIECES.split()),
    *(mark.encode("utf-8", "surrogateescape") for mark in _MARKS),
    *(digit * 20 for digit in (b"9", b"0", b"[", b"(", b'"', b"{", b"a", b",")),
    b"9" * 400,
    b"[" * 70 + b"]" * 70,
]
