"""Cut a published OpenAPI or Swagger description down to what an adapter asks for.

    python tests/contract/cut_description.py BIG.json > tests/contract/github-openapi.json

BIG.json is generated/api.github.com.json of the npm package @octokit/openapi."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

GITHUB = {
    "/user": ("get",),
    "/repos/{owner}/{repo}": ("get",),
    "/repos/{owner}/{repo}/branches/{branch}": ("get",),
    "/repos/{owner}/{repo}/branches/{branch}/protection": ("get",),
    "/repos/{owner}/{repo}/rules/branches/{branch}": ("get",),
    "/repos/{owner}/{repo}/pulls": ("get", "post"),
    "/repos/{owner}/{repo}/pulls/{pull_number}": ("get", "patch"),
    "/repos/{owner}/{repo}/pulls/{pull_number}/merge": ("put",),
    "/repos/{owner}/{repo}/issues/{issue_number}": ("get",),
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ("get", "post"),
    "/repos/{owner}/{repo}/issues/comments/{comment_id}": ("patch",),
}
GITEA = {
    "/version": ("get",),
    "/user": ("get",),
    "/repos/{owner}/{repo}": ("get",),
    "/repos/{owner}/{repo}/branches/{branch}": ("get",),
    "/repos/{owner}/{repo}/contents/{filepath}": ("get",),
    "/repos/{owner}/{repo}/pulls": ("get", "post"),
    "/repos/{owner}/{repo}/pulls/{base}/{head}": ("get",),
    "/repos/{owner}/{repo}/pulls/{index}": ("get", "patch"),
    "/repos/{owner}/{repo}/pulls/{index}/merge": ("post",),
    "/repos/{owner}/{repo}/issues/{index}/comments": ("get", "post"),
    "/repos/{owner}/{repo}/issues/{index}/timeline": ("get",),
    "/repos/{owner}/{repo}/issues/comments/{id}": ("patch",),
}
_HEAD = ("openapi", "swagger", "info", "servers", "consumes", "produces", "security", "securityDefinitions")
_NAMED = ("properties", "schemas", "definitions", "responses", "parameters", "headers", "examples", "paths")
_SAID = ("description", "summary", "externalDocs", "tags")


def cut(big: Mapping[str, Any], asked: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The asked paths and all they reach, without prose."""
    out = {key: big[key] for key in _HEAD if key in big}
    out["info"] = {key: big["info"][key] for key in ("title", "version", "license")}
    out["paths"] = {path: {way: big["paths"][path][way] for way in ways} for path, ways in asked.items()}
    waiting, seen = list(_refs(out["paths"])), set()
    while waiting:
        ref = waiting.pop()
        if ref not in seen:
            seen.add(ref)
            *way, last = ref[2:].split("/")
            found, place = big, out
            for part in way:
                found, place = found[part], place.setdefault(part, {})
            place[last] = found[last]
            waiting += _refs(found[last])
    return _silent(out)


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from _refs(one)


def _silent(node: Any, inside: str = "") -> Any:
    """Without prose and extensions; a response keeps an empty description, which the format demands."""
    if isinstance(node, list):
        return [_silent(one) for one in node]
    if not isinstance(node, dict) or inside in ("example", "value"):
        return node
    if inside in _NAMED:
        kept = {key: _silent(value) for key, value in node.items()}
        if inside == "responses":
            kept = {key: one if "$ref" in one else {"description": "", **one} for key, one in kept.items()}
        return kept
    return {
        key: _silent(value, key)
        for key, value in node.items()
        if key not in _SAID and not key.startswith("x-")
    }


if __name__ == "__main__":
    json.dump(
        cut(json.loads(Path(sys.argv[1]).read_bytes()), GITHUB), sys.stdout, ensure_ascii=False, indent=1
    )
    print()
