"""Hold what an adapter sends, and what a fake answers, against the descriptions that hosts publish.

Strictly: a name that a description does not know is an error, in a query, in a body and in an answer. An answer may
lack what no adapter reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from fake_host import Asked, FakeHost, Reply
from jsonschema import Draft202012Validator, FormatChecker

GITHUB = Path(__file__).parent / "github-openapi.json"
SHARED = Path(__file__).parents[3] / "shared" / "specs"
_KEPT = ("type", "enum", "format", "pattern", "required", "minimum", "maximum", "minLength", "maxLength")
_WIDE = ("head", "filepath")  # parameters of a path that may hold slashes


def descriptions(fake: FakeHost) -> None:
    """Let the fake complain about every request and every answer that its host's description does not know; GitLab
    publishes none that is complete, and Gitea's and Forgejo's lie outside this repository."""
    path = description_of(fake.kind)
    if path is not None and path.exists():
        fake.check = partial(complaints, path)


def description_of(kind: str) -> Path | None:
    if kind == "gitlab":
        return None
    return GITHUB if kind == "github" else SHARED / f"{kind}-swagger.json"


def complaints(path: Path, asked: Asked, reply: Reply) -> Iterator[str]:
    """What the description says against one request and, where it was granted, its answer."""
    what = f"{asked.method} {asked.path}"
    template = _template(path, asked.method.lower(), asked.path)
    if template is None:
        yield f"{what}: not described"
        return
    query, body, needed = _wanted(path, asked.method.lower(), template)
    yield from (f"{what}: ?{name} is not known" for name in asked.query if name not in query)
    for name, value in asked.query.items():
        for error in query[name].iter_errors(_typed(value)) if name in query else ():
            yield f"{what}: ?{name}: {error.message}"
    if (asked.body is None and needed) or (asked.body is not None and body is None):
        yield f"{what}: a body is {'needed' if needed else 'not known'}"
    if asked.body is not None and body is not None:
        yield from (f"{what}: {error.json_path}: {error.message}" for error in body.iter_errors(asked.body))
    if reply.status < 300:
        yield from (f"{what} -> {words}" for words in _answer(path, asked.method.lower(), template, reply))


@cache
def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_bytes())


@cache
def _template(path: Path, method: str, asked: str) -> str | None:
    """The described path with the most literal parts that fits."""
    paths = load(path)["paths"]
    fitting = [one for one in paths if method in paths[one] and re.fullmatch(_pattern(one), asked)]
    return min(fitting, key=lambda one: one.count("{"), default=None)


def _pattern(template: str) -> str:
    parts = re.split(r"\{(\w+)\}", template)
    return "".join(
        re.escape(part) if n % 2 == 0 else (".+" if part in _WIDE else "[^/]+")
        for n, part in enumerate(parts)
    )


@cache
def _wanted(
    path: Path, method: str, template: str
) -> tuple[Mapping[str, Draft202012Validator], Draft202012Validator | None, bool]:
    """Validators for the query's parameters and for the body, and whether a body is needed."""
    doc, operation = load(path), load(path)["paths"][template][method]
    given = [_at(doc, one) for one in operation.get("parameters", [])]
    query = {one["name"]: _validator(doc, one.get("schema", one)) for one in given if one["in"] == "query"}
    for one in given:
        if one["in"] == "body":  # Swagger 2
            return query, _validator(doc, one["schema"]), bool(one.get("required"))
    body = operation.get("requestBody", {})
    if not body:
        return query, None, False
    return query, _validator(doc, body["content"]["application/json"]["schema"]), bool(body.get("required"))


@cache
def _answers(path: Path, method: str, template: str, status: str) -> Draft202012Validator | None:
    """The validator for an answer's body; None where it has none. KeyError for a status that is not described."""
    doc = load(path)
    response = _at(doc, doc["paths"][template][method]["responses"][status])
    schema = response.get("schema") or response.get("content", {}).get("application/json", {}).get("schema")
    return _validator(doc, schema, answer=True) if schema else None


def _answer(path: Path, method: str, template: str, reply: Reply) -> Iterator[str]:
    try:
        validator = _answers(path, method, template, str(reply.status))
    except KeyError:
        yield f"{reply.status} is not described"
        return
    if validator is None:
        return
    data = _without_nulls(reply.data) if "swagger" in load(path) else reply.data
    yield from (f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(data))


def _validator(
    doc: Mapping[str, Any], schema: Mapping[str, Any], *, answer: bool = False
) -> Draft202012Validator:
    return Draft202012Validator(_strict(doc, schema, answer), format_checker=FormatChecker())


def _strict(
    doc: Mapping[str, Any],
    schema: Mapping[str, Any],
    answer: bool,
    *,
    root: bool = True,
    stack: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The schema as JSON Schema 2020-12: references written out, `nullable` as a type, objects closed."""
    if "$ref" in schema:
        ref = schema["$ref"]
        return {} if ref in stack else _strict(doc, _at(doc, schema), answer, root=root, stack=(*stack, ref))
    inner = partial(_strict, doc, answer=answer, stack=stack)
    out = {key: schema[key] for key in _KEPT if key in schema and not (answer and key == "required")}
    for key in ("allOf", "anyOf", "oneOf"):
        if key in schema:
            # What makes one alternative fit and no other is often what it demands.
            name = "anyOf" if answer and key == "oneOf" else key
            out[name] = [inner(one, root=False) for one in schema[key]]
    if "items" in schema:
        out["items"] = inner(schema["items"])
    if "properties" in schema:
        out["properties"] = {key: inner(value) for key, value in schema["properties"].items()}
    more = schema.get("additionalProperties")
    if more is not None:
        out["additionalProperties"] = inner(more) if isinstance(more, dict) else more
    elif root and any(key in out for key in ("properties", "allOf", "anyOf", "oneOf")):
        out["unevaluatedProperties"] = False  # sees through allOf and anyOf
    return {"anyOf": [out, {"type": "null"}]} if schema.get("nullable") else out


def _at(doc: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node itself, or what its reference names."""
    while "$ref" in node:
        found: Any = doc
        for part in node["$ref"][2:].split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def _typed(value: str) -> object:
    """A query's value as a number or a truth value, where it looks like one."""
    return json.loads(value) if re.fullmatch(r"\d+|true|false", value) else value


def _without_nulls(data: Any) -> Any:
    """Swagger 2 has no word for null, which both hosts send for what is not set."""
    if isinstance(data, dict):
        return {key: _without_nulls(value) for key, value in data.items() if value is not None}
    return [_without_nulls(one) for one in data] if isinstance(data, list) else data
