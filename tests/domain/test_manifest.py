from textwrap import dedent

import pytest

from deployer.domain.arrays import Keys
from deployer.domain.documents import Path, fingerprint
from deployer.domain.manifest import Manifest, parse_manifest
from deployer.domain.model import span
from deployer.domain.notify import Occasion
from deployer.errors import ManifestError

FILLED_IN = "flow, integration, exports, imports, connections"

ENV = {"ACME_TOKEN": "s3cret-value", "HOST": "127.0.0.1:8080"}
WHOLE = """\
name: order-sync
template: {flow: 123456789012345678901234}
accounts:
  acme-us:
    region: us
    token: "env:ACME_TOKEN"
    rate: {share: 50%, per_second: 150, burst: 500, in_flight: 64}
    template: 5980e7fedd9939649f8a5d9b
    connections: {57f1aaaa: keep}
  local: {url: "http://${env:HOST}/", token: "file:token.txt"}
tenants:
  - {tenant: 007, account: acme-us, integration: 12345678, labels: {ring: 1}, values: {size: 200, zone: no}}
flow:
  name: "Order sync: ${tenant.name}"
  description: null
  schedule: "0 2 * * *"
  timezone: ${tenant.values.zone:-Europe/Berlin}
  disabled: false
  skipRetries: ${tenant.values.skip:-true}
  settings: {region: "${tenant.labels.ring}", host: "${env:HOST}"}
connections: {57f1aaaa: "${tenant.values.netsuite}"}
run: {trigger: true, follow: true, max_errors: 3, timeout: 2h, mode: reconcile}
marker: description
adopt: name
drift: report
safety: {settle: 250ms, lag: 0s, intent: 1.5s, clone_timeout: 6m, timeout: 30s}
"""
SMALL = """\
name: order-sync
template: {flow: 5980e7fedd9939649f8a5d9a}
accounts: {main: {region: eu, token: "env:MAIN"}}
tenants: tenants.csv
"""
MANGLED = '"5.98E+23" was an id until a spreadsheet made a number of it: format the column as text'
OWNED = "name, description, schedule, timezone, disabled, skipRetries, settings"
SECRET = "a webhook's address is a secret: write where it is, as env:NAME, file:PATH or command:…"
BARE = "a token itself never stands in a manifest: write where it is, as env:NAME, file:PATH or command:…"


def lines(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text, "r.yaml", ENV)
    return caught.value.lines()


def with_line(line: str) -> str:
    """Return the small manifest with one line more, its fifth, or with that key replaced."""
    key = line.split(":", maxsplit=1)[0]
    return "".join(f"{kept}\n" for kept in SMALL.splitlines() if not kept.startswith(f"{key}:")) + line


def test_a_whole_manifest_becomes_values() -> None:
    manifest = parse_manifest(WHOLE, "r.yaml", ENV)
    assert manifest.template.key == "123456789012345678901234"
    assert manifest.accounts["acme-us"].base_url == "https://api.integrator.io"
    assert manifest.accounts["acme-us"].rate is not None
    assert manifest.accounts["acme-us"].rate.share == 0.5
    assert manifest.accounts["local"].base_url == "http://127.0.0.1:8080"
    assert (manifest.run.timeout, manifest.run.mode) == (7200, "reconcile")
    assert (manifest.safety.settle, manifest.safety.lag, manifest.safety.intent) == (0.25, 0, 1.5)
    assert manifest.flow["settings"] == {"region": "${tenant.labels.ring}", "host": "${env:HOST}"}


def test_an_inline_tenant_keeps_its_text_and_knows_its_place() -> None:
    tenants = parse_manifest(WHOLE, "r.yaml", ENV).tenants
    assert isinstance(tenants, tuple)
    entry = tenants[0]
    assert (entry.tenant, entry.integration, entry.labels) == ("007", "12345678", {"ring": "1"})
    assert entry.values == {"size": 200, "zone": "no"}
    assert entry.where == "r.yaml:12:5"


def test_what_is_not_said_has_the_defaults_of_the_safety_rules() -> None:
    manifest = parse_manifest(SMALL, "r.yaml", {})
    safety = manifest.safety
    assert (safety.settle, safety.lag, safety.intent) == (120, 30, 10)
    assert (safety.clone_timeout, safety.timeout) == (360, 30)
    assert (manifest.run.trigger, manifest.run.mode, manifest.run.timeout) == (False, "at-most-once", 1800)
    assert (manifest.marker, manifest.adopt, manifest.flow) == ("description", None, {})


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("us", "https://api.integrator.io"),
        ("eu", "https://api.eu.integrator.io"),
        ("au", "https://api.au.integrator.io"),
        ("ca", "https://api.ca.integrator.io"),
    ],
)
def test_a_region_has_its_host(region: str, url: str) -> None:
    manifest = parse_manifest(SMALL.replace("eu", region), "r.yaml", {})
    assert manifest.accounts["main"].base_url == url


def test_a_manifest_read_back_from_its_dump_is_the_same() -> None:
    manifest = parse_manifest(WHOLE, "r.yaml", ENV)
    again = Manifest.model_validate(manifest.model_dump(mode="json"))
    assert again.model_dump() == manifest.model_dump()


def test_where_things_stand_is_no_part_of_the_digest() -> None:
    dumps = [parse_manifest(text, "r.yaml", ENV).model_dump(mode="json") for text in (WHOLE, f"# moved\n{WHOLE}")]
    assert fingerprint(dumps[0]) == fingerprint(dumps[1])


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    text = """\
        name: Order Sync
        template: {file: x.json}
        accounts:
          a: {region: uk, token: "env:T", rate: {share: 50}, tempalte: x}
          b: {token: "env:T", values: 5}
        tenants:
          - {tenant: acme, timezon: x, integration: 5.98E+23}
        flow:
          nam: x
          pageGenerators: []
          schedule: "0 2 1 * MON"
          timezone: "${tenant.values.timezone} ${tennant.name}"
          name: ${env:ZZZZZ}
        connections: {57f1: x}
        run: {trigger: true, follow: yes, max_errors: -1, timeout: 30}
        waves: {sizes: [1], tolerance: 5 %}
        safety: {settle: 120, timeout: 0s}
        """
    assert lines(dedent(text)) == [
        'error: r.yaml:1:7: name: must be lower-case letters, digits, "-" and "_", 63 at most',
        "error: r.yaml:2:11: template.id: is required with file: it tells this template from others",
        "error: r.yaml:4:15: accounts.a.region: must be 'us', 'eu', 'au' or 'ca'",
        "error: r.yaml:4:49: accounts.a.rate.share: must be a percentage such as 50%",
        'error: r.yaml:4:54: accounts.a.tempalte: unknown key (did you mean "template"?)',
        "error: r.yaml:5:6: accounts.b: takes either region or url",
        "error: r.yaml:5:31: accounts.b.values: must be a mapping of keys to values",
        'error: r.yaml:7:20: tenants[0].timezon: unknown key (did you mean "values.timezone"?)',
        f"error: r.yaml:7:45: tenants[0].integration: {MANGLED}",
        'error: r.yaml:9:3: flow.nam: unknown key (did you mean "name"?)',
        "error: r.yaml:9:3: flow.disabled: must be stated where schedule or run.trigger is used",
        f"error: r.yaml:10:3: flow.pageGenerators: belongs to the template; yours are {OWNED}",
        'error: r.yaml:11:13: flow.schedule: day of month ("1") and day of week ("MON") cannot both be restricted',
        'error: r.yaml:12:13: flow.timezone: unknown name ${tennant.name} (did you mean "tenant.name"?)',
        "error: r.yaml:13:9: flow.name: unknown name ${env:ZZZZZ}",
        'error: r.yaml:14:15: connections.57f1: "57f1" is no id: 8 to 64 letters and digits',
        "error: r.yaml:15:30: run.follow: must be true or false",
        "error: r.yaml:15:47: run.max_errors: must be at least 0",
        "error: r.yaml:15:60: run.timeout: must be a duration such as 250ms, 30s, 5m or 2h",
        'error: r.yaml:16:32: waves.tolerance: must be a number of tenants, or a percentage such as "20%"',
        "error: r.yaml:17:18: safety.settle: must be a duration such as 250ms, 30s, 5m or 2h",
        "error: r.yaml:17:32: safety.timeout: must be more than 0",
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("tenant: x", 'r.yaml:5:1: tenant: unknown key (did you mean "tenants"?)'),
        ("template: {}",
         "r.yaml:4:11: template: takes either flow (the id of a flow to clone) or file (a flow to create)"),
        ("template: {flow: 12345678, id: a}",
         "r.yaml:4:28: template.id: belongs to file only: a flow's own id identifies it"),
        ("accounts: {}", "r.yaml:4:11: accounts: must not be empty"),
        ('accounts: "a\\u202Eb.csv"',
         "r.yaml:4:11: accounts: holds a control or text-direction character (U+202E)"),
        ('accounts: ""', "r.yaml:4:11: accounts: must not be empty"),
        ("values: {a: '${tenant.name}'}",
         f"r.yaml:5:13: values.a: ${{tenant.name}} can stand only under {FILLED_IN}"),
        ("labels: {ring: {a: 1}}", 'r.yaml:5:10: labels.ring: "ring" is no label such as ring=eu'),
        ("labels: {'ring=eu,=x': {}}", "r.yaml:5:10: labels.ring=eu,=x: must not be empty"),
        ("labels: {ring=eu: 5}", "r.yaml:5:19: labels.ring=eu: must be a mapping of keys to values"),
        ("accounts: {main: {region: us, url: https://x.io, token: env:T}}",
         "r.yaml:4:18: accounts.main: takes either region or url"),
        ("accounts: {main: {url: http://api.integrator.io, token: env:T}}",
         "r.yaml:4:24: accounts.main.url: must begin with https:// (http:// only for this very machine)"),
        ("accounts: {main: {url: https://x.io/v1, token: env:T}}",
         "r.yaml:4:24: accounts.main.url: must be scheme, host and port only, such as https://api.integrator.io"),
        ("accounts: {main: {region: us}}", "r.yaml:4:18: accounts.main.token: is required"),
        ("accounts: {a b: {region: us, token: env:T}}",
         "r.yaml:4:12: accounts.a b: an account's name is made of letters, digits, \".\", \"-\" and \"_\", 63 at most"),
        ("tenants: []\nflow: {name: ''}", "r.yaml:5:14: flow.name: must not be empty"),
        ("flow: {disabled: no}", 'r.yaml:5:18: flow.disabled: must be true or false, not the text "no"'),
        ("flow: {name: null}", "r.yaml:5:14: flow.name: must be text"),
        ("flow: {settings: [1]}", "r.yaml:5:18: flow.settings: must be an object"),
        ("flow: {timezone: Europe/Berln}",
         'r.yaml:5:18: flow.timezone: unknown time zone "Europe/Berln" (did you mean "Europe/Berlin"?)'),
        ("flow: {schedule: 0 2 * * *}",
         "r.yaml:5:7: flow.disabled: must be stated where schedule or run.trigger is used"),
        ("flow: {disabled: true}\nrun: {trigger: true}",
         "r.yaml:6:16: run.trigger: cannot run a flow that flow.disabled switches off"),
        ("run: {follow: true}", "r.yaml:5:15: run.follow: needs run.trigger: true"),
        ("run: {mode: always}", "r.yaml:5:13: run.mode: must be 'at-most-once' or 'reconcile'"),
        ("run: 5m", "r.yaml:5:6: run: must be a mapping of keys to values"),
        ("template: {file: f.json, id: a}\nmarker: none",
         "r.yaml:5:9: marker: cannot be none for a template from a file: nothing else tells its flows apart"),
        ("drift: off", "r.yaml:5:8: drift: not supported in this version"),
        ("adopt: marker", "r.yaml:5:8: adopt: must be 'name' or 'id'"),
        ("name: ${tenant.name}", f"r.yaml:4:7: name: ${{tenant.name}} can stand only under {FILLED_IN}"),
    ],
)  # fmt: skip
def test_a_mistake_is_explained_at_its_place(line: str, problem: str) -> None:
    assert lines(with_line(line)) == [f"error: {problem}"]


@pytest.mark.parametrize("key", ["prune", "verify", "restore"])
def test_what_is_planned_is_refused_and_not_ignored(key: str) -> None:
    assert lines(with_line(f"{key}: {{}}")) == [f"error: r.yaml:5:1: {key}: not supported in this version"]


@pytest.mark.parametrize("token", ["s3cret-value", "${env:ACME_TOKEN}", "env:", "Bearer s3cret-value"])
def test_a_bare_token_is_refused_and_never_echoed(token: str) -> None:
    (line,) = lines(SMALL.replace("env:MAIN", token))
    assert line.endswith(
        "a token itself never stands in a manifest: write where it is, as env:NAME, file:PATH or command:…"
    )
    assert "s3cret" not in line


@pytest.mark.parametrize(
    "url", ["https://hooks.slack.com/services/s3cret-value", "${env:ACME_TOKEN}", "env:", "env:1X", "s3cret-value"]
)
def test_the_address_of_a_webhook_is_refused_and_never_echoed(url: str) -> None:
    told = lines(with_line(f'notify: [{{url: "{url}"}}]\n'))
    assert told == [f"error: r.yaml:5:16: notify[0].url: {SECRET}"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{url: "env:X", kid: slack}', '5:25: notify[0].kid: unknown key (did you mean "kind"?)'),
        ("{kind: slack}", "5:10: notify[0].url: is required"),
        ('{url: "env:X", kind: mail}', "5:31: notify[0].kind: must be 'json', 'slack' or 'teams'"),
        (
            '{url: "env:X", on: [finish]}',
            "5:30: notify[0].on[0]: must be 'finished', 'halted', 'waiting' or 'failed_night'",
        ),
        ('{url: "env:X", on: []}', "5:29: notify[0].on: must not be empty"),
        ('{url: "env:X", on: finished}', "5:29: notify[0].on: must be a list"),
    ],
)
def test_a_mistake_about_who_is_told_is_explained_at_its_place(line: str, problem: str) -> None:
    [told] = lines(with_line(f"notify: [{line}]\n"))
    assert told.startswith(f"error: r.yaml:{problem}")


def test_whoever_is_told_is_told_of_everything_unless_it_is_said() -> None:
    manifest = parse_manifest(with_line('notify: [{url: "env:X"}, {url: "env:Y", on: [halted]}]\n'), "r.yaml", {})
    assert [each.on for each in manifest.notify] == [tuple(Occasion), (Occasion.HALTED,)]
    assert "notify" not in manifest.model_dump(mode="json")


def test_a_password_in_a_url_is_refused_and_never_echoed() -> None:
    (line,) = lines(SMALL.replace("region: eu", "url: 'https://me:s3cret@api.integrator.io'"))
    assert line.endswith("accounts.main.url: a URL must not hold a user or a password")


def test_a_keyring_is_not_supported_yet() -> None:
    (line,) = lines(SMALL.replace("env:MAIN", "keyring:main"))
    assert line.endswith("keyring: is not supported in this version")


@pytest.mark.parametrize(("text", "seconds"), [("250ms", 0.25), ("30s", 30), ("1.5s", 1.5), ("5m", 300), ("2h", 7200)])
def test_a_duration_is_in_seconds(text: str, seconds: float) -> None:
    assert span(text) == seconds


@pytest.mark.parametrize("text", ["30", "", "s", "-1s", "1h30m", "5 m", "1d"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration such as 250ms, 30s, 5m or 2h"):
        span(text)


def test_a_list_is_no_manifest() -> None:
    assert lines("- a") == ["error: r.yaml:1:1: must be a mapping of keys to values"]


WELL = "{tenant: a, revision: rev:7f3ac1, until: 2026-12-31, by: k, why: w}"
PINS = {
    WELL.replace("2026-12-31", "soon"): "5:49: pins[0].until: must be a day such as 2026-12-31",
    WELL.replace("rev:7f3ac1", "v2"): (
        "5:30: pins[0].revision: must be 6 to 64 hex digits, as status and plan show them"
    ),
    WELL.replace(", why: w", ""): "5:8: pins[0].why: is required",
    WELL.replace("}", ", whose: x}"): "5:76: pins[0].whose: unknown key",
}


@pytest.mark.parametrize(("pin", "said"), PINS.items())
def test_a_pin_says_what_until_when_by_whom_and_why(pin: str, said: str) -> None:
    assert lines(with_line(f"pins: [{pin}]")) == [f"error: r.yaml:{said}"]


def test_a_tenant_is_pinned_once() -> None:
    one = "{tenant: a, revision: 7f3ac1, until: 2026-12-31, by: k, why: w}"
    assert lines(with_line(f"pins: [{one}, {one}]")) == ['error: r.yaml:5:82: pins[1].tenant: "a" is pinned twice']


LISTS = """
flow:
  settings: {tags: [a], stores: [{id: 7}], "dotted.key": [1], size: 1, open: "${tenant.values.list}"}
"""


@pytest.mark.parametrize(
    ("merge", "arrays"),
    [
        ("{settings.tags: set}", {("settings", "tags"): ()}),
        (
            "{settings.stores: {by_key: id}, settings.open: set}",
            {("settings", "stores"): ("id",), ("settings", "open"): ()},
        ),
        ("{settings.dotted.key: set}", {("settings", "dotted.key"): ()}),
        ("{settings.tags: replace}", {}),
    ],
)
def test_a_manifest_says_how_arrays_are_merged(merge: str, arrays: dict[Path, Keys]) -> None:
    assert parse_manifest(f"{SMALL}merge: {merge}{LISTS}", "r.yaml", ENV).arrays == arrays


def test_an_array_may_come_with_a_reference_around_it() -> None:
    text = f"{SMALL}merge: {{settings.deep.tags: set}}\nflow: {{settings: {{deep: '${{tenant.values.deep}}'}}}}"
    assert parse_manifest(text, "r.yaml", ENV).arrays == {("settings", "deep", "tags"): ()}


@pytest.mark.parametrize(
    ("merge", "problem"),
    [
        ("{settings.tag: set}", '5:9: merge.settings.tag: flow has no such list (did you mean "settings.tags"?)'),
        ("{settings.size: set}", "5:9: merge.settings.size: is no list in flow"),
        ("{pageProcessors: set}", "5:9: merge.pageProcessors: flow has no such list"),
        (
            "{settings.tags: sett}",
            '5:24: merge.settings.tags: must be replace, set or {by_key: KEY} (did you mean "set"?)',
        ),
        ("{settings.tags: {bykey: id}}", 'must be replace, set or {by_key: KEY} (did you mean "by_key"?)'),
        ("{settings.tags: by_key}", "by_key takes the one key that tells elements apart, such as {by_key: id}"),
        ("{settings.tags: {by_key: [id]}}", "by_key takes the one key that tells elements apart, such as {by_key: id}"),
        ("{settings.tags: 3}", "must be replace, set or {by_key: KEY}"),
        ("{settings.tags: {by_key: id}}", "7:21: flow.settings.tags[0]: has no id, by which elements are told apart"),
    ],
)
def test_what_is_wrong_with_merge_is_said_with_its_place(merge: str, problem: str) -> None:
    (line,) = lines(f"{SMALL}merge: {merge}{LISTS}")
    assert problem in line


def test_an_element_that_repeats_a_key_is_named() -> None:
    flow = "flow: {settings: {stores: [{id: 7}, {id: 8}, {id: '7'}]}}"
    (line,) = lines(f"{SMALL}{flow}\nmerge: {{settings.stores: {{by_key: id}}}}")
    assert line == "error: r.yaml:5:46: flow.settings.stores[2]: has the id of an element before it: [id=7]"
