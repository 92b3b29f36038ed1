"""What the models of a manifest are made of: their base, and how amounts and times are written."""

import re
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictInt,
    WithJsonSchema,
)

from deployer.domain.editor import as_written, written

_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)%")
_LONGEST = 876_000 * 3600.0  # seconds, with which no date gets out of hand
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def span(text: object) -> float:
    """Return a duration such as 250ms, 30s, 5m or 2h in seconds; raise ValueError for anything else."""
    match = _SPAN.fullmatch(str(text))
    if not match:
        raise ValueError("must be a duration such as 250ms, 30s, 5m or 2h")
    seconds = round(float(match[1]) * _SECONDS[match[2]], 6)  # as it is kept, and read again
    if seconds > _LONGEST:
        raise ValueError("must be 876000h at most, a hundred years")
    return seconds


def _share(text: object) -> float:
    match = _PERCENT.fullmatch(str(text))
    if not match:
        raise ValueError("must be a percentage such as 50%")
    return round(float(match[1]) / 100, 8)  # as it is kept, and read again


_Span = Annotated[
    float,
    BeforeValidator(span),
    PlainSerializer(lambda seconds: f"{seconds:.6f}s"),
    WithJsonSchema(written(rf"^({_SPAN.pattern})$|\$\{{")),
]
Duration = Annotated[_Span, Field(ge=0)]
Timeout = Annotated[_Span, Field(gt=0)]
Share = Annotated[
    float,
    BeforeValidator(_share),
    PlainSerializer(lambda share: f"{share:.6%}"),
    WithJsonSchema(written(rf"^({_PERCENT.pattern})$|\$\{{")),
    Field(gt=0, le=1),
]
Positive = Annotated[StrictInt, Field(gt=0)]


class Part(BaseModel):
    """A part of a manifest: strict about its keys, and frozen."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
        json_schema_extra=as_written,
    )
