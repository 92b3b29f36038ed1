"""What the environment asks for by the standard's own variables, and why some of it cannot be had."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from deployer.errors import UsageError

_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOL: Final = "http/protobuf"
_LAST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class Asked:
    """Whether traces and metrics go to a collector; `by` names the variable that asks, `not_had` says what cannot be.

    Where nothing is asked for, nothing of OpenTelemetry is imported.
    """

    traces: bool = False
    metrics: bool = False
    by: str = ""
    not_had: str = ""


def asked_by(env: Mapping[str, str]) -> Asked:
    """Return what an environment asks for: an endpoint turns on, OTEL_SDK_DISABLED and an exporter of none turn off."""
    if env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Asked()
    found = {signal: _asks(env, signal) for signal in ("TRACES", "METRICS")}
    by = next(filter(None, found.values()), "")
    foreign = [name for signal, name in found.items() if name and _protocol(env, signal) != _PROTOCOL]
    if foreign:
        return Asked(by=by, not_had=f"only OTLP over {_PROTOCOL} is spoken here: set OTEL_EXPORTER_OTLP_PROTOCOL to it")
    return Asked(bool(found["TRACES"]), bool(found["METRICS"]), by)


def _asks(env: Mapping[str, str], signal: str) -> str:
    """Return the variable that asks for a signal, if one does."""
    exporter = f"OTEL_{signal}_EXPORTER"
    named = [name.strip() for name in env.get(exporter, "").split(",") if name.strip()]
    if named:
        return exporter if "otlp" in named else ""
    return next((name for name in (_ENDPOINT, f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") if env.get(name)), "")


def _protocol(env: Mapping[str, str], signal: str) -> str:
    own = env.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL")
    return own or env.get("OTEL_EXPORTER_OTLP_PROTOCOL") or _PROTOCOL


@dataclass(frozen=True, slots=True)
class Scrape:
    """Where Prometheus finds metrics: at an address, or in a file."""

    host: str = ""
    port: int = 0
    file: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """Read `ADDRESS:PORT`, `:PORT` of this very machine, or a file whose name ends in .prom; raise UsageError."""
        if text.endswith(".prom"):
            return cls(file=text)
        host, colon, port = text.rpartition(":")
        if not (colon and port.isascii() and port.isdigit() and 0 < int(port) <= _LAST_PORT):
            remedy = "write ADDRESS:PORT, :PORT for this machine alone, or a file that ends in .prom"
            raise UsageError("neither an address nor a file for metrics", where=text, remedy=remedy)
        return cls(host.strip("[]") or "127.0.0.1", int(port))
