"""Configurations that several tests load, and what every key is called."""

from collections.abc import Callable, Iterator
from typing import get_args

from hypothesis import HealthCheck, settings
from pydantic import BaseModel

from exporter.config import (
    Config,
)

UNTIMED = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # a busy machine is no failure


CANARY = "sk_canary-0123456789abcdef"


ACCOUNT = "accounts: [{name: acme, api_key: sk_canary-acme}]"


Load = Callable[..., Config]


Fail = Callable[..., list[str]]


def keys_of(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = [*value.values()]
    if isinstance(value, list):
        for item in value:
            yield from keys_of(item)


def keys_of_model(annotation: object) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from annotation.model_fields
        for field in annotation.model_fields.values():
            yield from keys_of_model(field.annotation)
    for part in get_args(annotation):
        yield from keys_of_model(part)
