"""What must hold in a manifest beyond the types of its values, told as complaints that lead to a place in the file."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from deployer.domain.array_models import merge_rules
from deployer.domain.documents import MISSING, Document, Json, Value
from deployer.domain.interpolation import UNSET, InterpolationError, Lookup, interpolate
from deployer.domain.owned import OWNED
from deployer.domain.source import Located, Steps
from deployer.domain.wording import did_you_mean, is_broken, legible
from deployer.errors import Problem

PLANNED: Final = "not supported in this version"
DISABLED: Final = "must be stated where schedule or run.trigger is used"
GUESSES: Final = 50  # complaints that say what may have been meant: to guess among many for each of many takes long
NAMES: Final = ("tenant.name", "tenant.account", "tenant.integration", "account.name")
SECRET: Final = "secret."  # how the name of a secret begins  # noqa: S105 - no password
_GROUPS: Final = ("tenant.values.", "tenant.labels.")
_DEFERRED: Final = ("flow", "integration", "exports", "imports", "connections")
_SECRETS: Final = ("secrets", "values")  # are filled in for each tenant too
_PLANNED_KEYS: Final[Mapping[Steps, frozenset[str]]] = {
    (): frozenset({"pin", "prune", "verify", "restore"}),
}
_MESSAGES: Final[Mapping[str, str]] = {
    "missing": "is required",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "value_error": "{error}",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with the value at `steps`, or with its key."""

    steps: Steps
    what: str
    key: bool = False


def problems(source: Located, complaints: Iterable[Complaint]) -> list[Problem]:
    """Return the first complaint about each place as a problem, in the order of the file."""
    first: dict[Steps, Problem] = {}
    for complaint in complaints:
        steps = _as_written(complaint.steps, source)
        if steps not in first:
            first[steps] = source.problem(steps, complaint.what, key=complaint.key)
    return sorted(first.values(), key=lambda problem: [int(number) for number in problem.where.split(":")[-2:]])


def _as_written(steps: Steps, source: Located) -> Steps:
    """Return the steps to a value in the file, where waves may be a list that is short for their `each`."""
    listed = isinstance(source.value, dict) and isinstance(source.value.get("waves"), list)
    return steps[:1] + steps[2:] if listed and steps[:2] == ("waves", "each") else steps


def complaints(error: ValidationError, known: Mapping[Steps, Iterable[str]]) -> Iterator[Complaint]:
    """Say in our words what pydantic found; `known` names the keys of each part, with `*` for any name or number."""
    for number, found in enumerate(error.errors(include_url=False, include_input=False)):
        steps: Steps = tuple(step for step in found["loc"] if step != "[key]")
        if steps[:1] == ("tenants",):
            steps = steps[:1] + steps[2:]  # the second says which of the two forms pydantic tried
        if found["type"] == "extra_forbidden":
            yield Complaint(steps, _unknown_key(steps, known if number < GUESSES else {}), key=True)
        else:
            what = _MESSAGES.get(found["type"], found["msg"]).format(**found.get("ctx", {}))
            yield Complaint(steps, what, key="[key]" in found["loc"])


def _unknown_key(steps: Steps, known: Mapping[Steps, Iterable[str]]) -> str:
    part, key = (
        tuple("*" if i == 1 or isinstance(step, int) else step for i, step in enumerate(steps[:-1])),
        str(steps[-1]),
    )
    if key in _PLANNED_KEYS.get(part, ()):
        return PLANNED
    return f"unknown key{did_you_mean(key, known.get(part, ()))}"


def fill(source: Document, env: Mapping[str, str]) -> tuple[Document, list[Complaint]]:
    """Fill `${env:…}` in, except in what is filled in for each tenant, where references are only checked."""
    found: list[Complaint] = []
    now, later = _environment(env), _any_tenant(env)
    secrets = [f"{SECRET}{name}" for name in _part(_part(source, "secrets"), "values")]
    known = [*NAMES, *secrets, *(f"env:{name}" for name in env)]

    def walk(value: Json, steps: Steps) -> Json:
        match value:
            case dict():
                return {key: walk(item, (*steps, key)) for key, item in value.items()}
            case list():
                return [walk(item, (*steps, index)) for index, item in enumerate(value)]
            case str():
                return _filled(value, steps)
            case _:
                return value

    def _filled(text: str, steps: Steps) -> Json:
        deferred = (
            steps[0] in _DEFERRED or (steps[0], *steps[2:3]) == ("accounts", "connections") or steps[:2] == _SECRETS
        )
        try:
            filled = interpolate(text, _with_secrets(later, secrets, text, steps) if deferred else now, known=known)
        except InterpolationError as error:
            found.append(Complaint(steps, str(error)))
            return text
        return text if deferred else filled

    return {key: walk(value, (key,)) for key, value in source.items()}, found


def _environment(env: Mapping[str, str]) -> Lookup:
    def lookup(name: str) -> Value:
        if name.startswith(("tenant.", "account.", SECRET)):
            raise ValueError(f"${{{name}}} can stand only under {', '.join(_DEFERRED)}")
        return variable(name, env)

    return lookup


def _any_tenant(env: Mapping[str, str]) -> Lookup:
    def lookup(name: str) -> Value:
        if name in NAMES or name.startswith(_GROUPS):
            return "…"
        if not name.startswith("env:"):
            raise ValueError(f"unknown name ${{{name}}}{did_you_mean(name, [*NAMES, *_GROUPS])}")
        return variable(name, env)

    return lookup


def _with_secrets(lookup: Lookup, secrets: Collection[str], text: str, steps: Steps) -> Lookup:
    """Return a lookup that knows the manifest's secrets too, where they may stand: alone, as a setting."""

    def found(name: str) -> Value:
        if not name.startswith(SECRET):
            return lookup(name)
        if not _is_setting(steps):
            raise ValueError(f"${{{name}}} can stand only in settings, and in no list")
        if text != f"${{{name}}}":
            raise ValueError(f"${{{name}}} stands alone, without a default: keep the whole text as the secret")
        return "…" if name in secrets else MISSING

    return found


def _is_setting(steps: Steps) -> bool:
    """Tell whether a place is a setting of a flow or a resource, and not within a list."""
    named = steps[0] in {"exports", "imports"}  # and each has its name before its settings
    within = steps[2:] if named else steps[1:]
    is_stated = named or steps[0] in {"flow", "integration"}
    is_keyed = len(within) > 1 and all(isinstance(each, str) for each in within)
    return is_stated and is_keyed and within[0] == "settings"


def variable(name: str, env: Mapping[str, str]) -> Value:
    """Look `env:NAME` up."""
    value = env.get(name[4:], MISSING) if name.startswith("env:") else MISSING
    if isinstance(value, str) and is_broken(value):
        raise ValueError(f"${{{name}}} is no UTF-8 text")
    return value


def rules(manifest: Document) -> Iterator[Complaint]:
    """Complain of what contradicts itself; values of a wrong type are left to the types."""
    if isinstance(template := manifest.get("template"), dict):
        yield from _template_rules(template, manifest)
    yield from _accounts_file_rules(manifest.get("accounts"))
    for name, account in _part(manifest, "accounts").items():
        yield from account_rules(name, account)
    if manifest.get("drift") == "off":
        yield Complaint(("drift",), PLANNED)
    yield from _pin_rules(manifest.get("pins"))
    yield from _flow_rules(_part(manifest, "flow"))
    for steps, what, is_key in merge_rules(_part(manifest, "merge"), _part(manifest, "flow")):
        yield Complaint(steps, what, key=is_key)
    yield from _run_rules(_part(manifest, "flow"), _part(manifest, "run"))


def _accounts_file_rules(accounts: Json) -> Iterator[Complaint]:
    """Complain of no accounts at all, and of a path to them that nobody can read."""
    if accounts == {}:
        yield Complaint(("accounts",), "must not be empty")
    elif isinstance(accounts, str):
        try:
            legible(accounts)
        except ValueError as error:
            yield Complaint(("accounts",), str(error))


def account_rules(name: str, account: Json) -> Iterator[Complaint]:
    """Complain of an account that contradicts itself."""
    if isinstance(account, dict) and ("region" in account) == ("url" in account):
        yield Complaint(("accounts", name), "takes either region or url")


def _part(manifest: Document, key: str) -> Document:
    part = manifest.get(key)
    return part if isinstance(part, dict) else {}


def _template_rules(template: Document, manifest: Document) -> Iterator[Complaint]:
    if ("flow" in template) == ("file" in template):
        yield Complaint(("template",), "takes either flow (the id of a flow to clone) or file (a flow to create)")
    elif "file" in template and "id" not in template:
        yield Complaint(("template", "id"), "is required with file: it tells this template from others")
    elif "flow" in template and "id" in template:
        yield Complaint(("template", "id"), "belongs to file only: a flow's own id identifies it", key=True)
    if "file" in template:
        for key in ("exports", "imports"):
            if key in manifest:
                yield Complaint((key,), "needs template.flow: a template from a file copies no exports and imports")
    if "file" in template and manifest.get("marker") == "none":
        yield Complaint(("marker",), "cannot be none for a template from a file: nothing else tells its flows apart")


def _pin_rules(pins: Json) -> Iterator[Complaint]:
    names = [pin.get("tenant") if isinstance(pin, dict) else None for pin in pins] if isinstance(pins, list) else []
    for index, name in enumerate(names):
        if name is not None and name in names[:index]:
            yield Complaint(("pins", index, "tenant"), f'"{name}" is pinned twice')


def _flow_rules(flow: Document) -> Iterator[Complaint]:
    for key, value in flow.items():
        if check := OWNED.get(key):
            try:
                if not (isinstance(value, str) and ("${" in value or value == UNSET)):
                    check(value)
            except ValueError as error:
                yield Complaint(("flow", key), str(error))
        else:
            near = did_you_mean(key, OWNED)
            what = f"unknown key{near}" if near else f"belongs to the template; yours are {', '.join(OWNED)}"
            yield Complaint(("flow", key), what, key=True)


def _run_rules(flow: Document, run: Document) -> Iterator[Complaint]:
    trigger, schedule = run.get("trigger") is True, flow.get("schedule") not in [None, UNSET]
    if flow.get("disabled", UNSET) == UNSET and (trigger or schedule):
        yield Complaint(("flow", "disabled"), DISABLED)
    if trigger and flow.get("disabled") is True:
        yield Complaint(("run", "trigger"), "cannot run a flow that flow.disabled switches off")
    if run.get("follow") is True and not trigger:
        yield Complaint(("run", "follow"), "needs run.trigger: true")
