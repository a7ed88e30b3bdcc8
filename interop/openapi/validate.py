#!/usr/bin/env python3
"""Checks HTTP messages against 3GPP's OpenAPI files.

    validate.py FOLDER

Reads one JSON object a line, writes one line for each: {"ok": true} or {"ok": false, "error": "..."}.

An answer:  {"method", "path", "status", "contentType", "location", "body"}
A request:  {"method", "path", "request": <body>}

Statuses that HTTP itself gives (405, 406, 408) and 504, which TS 29.509 6.1.7.3 has and its OpenAPI file has not, may be
used with any operation; they must carry ProblemDetails.
"""

import json
import re
import sys
from pathlib import Path

import jsonschema
import yaml

OF_HTTP = {"405", "406", "408", "504"}


def nullable(node):
    """OpenAPI 3.0 says `nullable`, JSON Schema says `null`."""
    if isinstance(node, list):
        return [nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {name: nullable(value) for name, value in node.items()}
    if node.pop("nullable", False):
        return {"anyOf": [{"type": "null"}, node]}
    return node


class Api:
    def __init__(self, path):
        self.document = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.root = re.sub(r"^\{apiRoot\}", "", self.document["servers"][0]["url"])
        self.components = nullable(self.document["components"])

    def operation(self, method, path):
        """The operation of a path; a path without variables is preferred, as OpenAPI asks."""
        if not path.startswith(self.root + "/"):
            return None
        found = []
        for template, item in self.document["paths"].items():
            pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, path[len(self.root):]) and method.lower() in item:
                found.append(("{" in template, item[method.lower()]))
        found.sort(key=lambda pair: pair[0])
        return found[0][1] if found else None

    def resolve(self, node):
        while "$ref" in node:
            node = self.at(node["$ref"])
        return node

    def at(self, reference):
        node = self.document
        for name in reference.removeprefix("#/").split("/"):
            node = node[name]
        return node

    def validate(self, schema, value):
        whole = dict(nullable(schema))
        whole["components"] = self.components
        jsonschema.Draft7Validator(whole).validate(value)


class Folder:
    """The files of a folder, each read when something is asked of its API."""

    def __init__(self, folder):
        server = re.compile(r"^servers:\s+- url: ['\"]?\{apiRoot\}(/[^'\"\s]+)", re.MULTILINE)
        found = ((server.search(path.read_text(encoding="utf-8")), path) for path in sorted(folder.glob("*.yaml")))
        self.paths = {match[1]: path for match, path in found if match}
        self.apis = {}

    def api(self, path):
        """The API of a path. Of one that no file has, the first: ProblemDetails is the same in all."""
        root = next((root for root in self.paths if path.startswith(root + "/")), next(iter(self.paths)))
        if root not in self.apis:
            self.apis[root] = Api(self.paths[root])
        return self.apis[root]


def check_problem(api, seen):
    if seen.get("contentType") != "application/problem+json":
        raise ValueError(f"content type {seen.get('contentType')}")
    api.validate({"$ref": "#/components/schemas/ProblemDetails"}, json.loads(seen["body"]))


def check(folder, seen):
    api = folder.api(seen["path"])
    operation = api.operation(seen["method"], seen["path"])
    if operation is None:
        if "request" in seen or seen["status"] < 400:
            raise ValueError("no such operation")
        return check_problem(api, seen)
    if "request" in seen:
        content = api.resolve(operation["requestBody"])["content"]
        # One media type each: application/json, or a patch in its own.
        form = content.get("application/json") or next(iter(content.values()))
        return api.validate(form["schema"], seen["request"])
    status = str(seen["status"])
    if status not in operation["responses"]:
        if status in OF_HTTP:
            return check_problem(api, seen)
        raise ValueError(f"the operation has no status {status}")
    response = api.resolve(operation["responses"][status])
    for name, header in response.get("headers", {}).items():
        if header.get("required") and not seen.get(name.lower()):
            raise ValueError(f"no {name}")
    content = response.get("content", {})
    if not content:
        if seen["body"]:
            raise ValueError("a body that is not described")
        return None
    if seen.get("contentType") not in content:
        raise ValueError(f"content type {seen.get('contentType')}, described: {list(content)}")
    return api.validate(content[seen["contentType"]]["schema"], json.loads(seen["body"]))


def main():
    folder = Folder(Path(sys.argv[1]))
    for line in sys.stdin:
        try:
            check(folder, json.loads(line))
            answer = {"ok": True}
        except (jsonschema.ValidationError, ValueError, KeyError) as error:
            message = getattr(error, "message", None) or repr(error)
            answer = {"ok": False, "error": message}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
