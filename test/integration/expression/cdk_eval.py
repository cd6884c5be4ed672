"""Evaluates templates with Airbyte's own runtime; run by a Python that has airbyte-cdk.

stdin and stdout are those of `firn eval --dialect jinja --batch`: one JSON object per line. FIRN_NOW fixes the clock.
"""
import datetime as real
import json
import os
import sys

from airbyte_cdk.sources.declarative.interpolation import macros
from airbyte_cdk.sources.declarative.interpolation.interpolated_boolean import InterpolatedBoolean
from airbyte_cdk.sources.declarative.interpolation.interpolated_string import InterpolatedString
from airbyte_cdk.sources.declarative.interpolation.jinja import JinjaInterpolation
from airbyte_cdk.sources.types import StreamSlice

NOW = real.datetime.fromisoformat(os.environ["FIRN_NOW"].replace("Z", "+00:00"))


class AnyDatetime(type):
    def __instancecheck__(cls, value):
        return isinstance(value, real.datetime)


class FrozenDatetime(real.datetime, metaclass=AnyDatetime):
    @classmethod
    def now(cls, tz=None):
        return NOW.astimezone(tz) if tz else NOW.replace(tzinfo=None)

    @classmethod
    def strptime(cls, text, pattern):
        return real.datetime.strptime(text, pattern)


class FrozenModule:
    datetime = FrozenDatetime
    date, timedelta, timezone = real.date, real.timedelta, real.timezone


def scope_of(given):
    scope = dict(given)
    slice_ = scope.get("stream_slice")
    if isinstance(slice_, dict) and {"partition", "cursor_slice"} <= slice_.keys():
        scope["stream_slice"] = StreamSlice(partition=slice_["partition"], cursor_slice=slice_["cursor_slice"],
                                            extra_fields=slice_.get("extra_fields"))
    return scope


def evaluate(request):
    scope = scope_of(request.get("scope", {}))
    config = scope.pop("config", None)
    mode = request.get("mode", "value")
    if mode == "value":
        return JinjaInterpolation().eval(request["template"], config, **scope)
    parameters = scope.pop("parameters", {})
    kind = InterpolatedString if mode == "string" else InterpolatedBoolean
    return kind(request["template"], parameters=parameters).eval(config, **scope)


def main():
    macros.datetime = FrozenModule
    for line in sys.stdin:
        try:
            answer = {"repr": repr(evaluate(json.loads(line)))}
        except Exception as error:  # any error counts as one
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), flush=False)


if __name__ == "__main__":
    main()
