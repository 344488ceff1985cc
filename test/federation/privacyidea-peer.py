"""What privacyIDEA's own code says, a JSON document a line: which parameters it reads of a request, and the like."""

import base64
import io
import json
import re
import sys

from flask import request
from privacyidea.app import create_app

app = create_app(config_name="production", config_file=sys.argv[1], silent=True)

from privacyidea.api.lib.utils import get_all_params, get_plugin_info_from_useragent  # noqa: E402
from privacyidea.lib import event as events  # noqa: E402


def environ_of(question):
    path, _, query = question["target"].partition("?")
    content = base64.b64decode(question.get("content", ""))
    environ = {
        "REQUEST_METHOD": question["method"],
        "SCRIPT_NAME": "",
        # As a server has it: bytes in the clothes of Latin-1.
        "PATH_INFO": _unquote(path),
        "QUERY_STRING": query,
        "SERVER_NAME": "child",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
    }
    for name, value in question.get("fields", []):
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return environ


def _unquote(path):
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(path).decode("latin-1")


def parameters(question):
    with app.request_context(environ_of(question)):
        try:
            return {"parameters": get_all_params(request)}
        except Exception as error:
            return {"error": type(error).__name__}


def event_of(function):
    """The name of the event in the decorators around a view."""
    seen = set()
    pending = [function]
    while pending:
        one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        for cell in getattr(one, "__closure__", None) or ():
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            if isinstance(value, events.event):
                return value.eventname
            if callable(value):
                pending.append(value)
        wrapped = getattr(one, "__wrapped__", None)
        if wrapped is not None:
            pending.append(wrapped)
    return None


def routes(_question):
    found = []
    for rule in app.url_map.iter_rules():
        name = event_of(app.view_functions[rule.endpoint])
        if name is None:
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            found.append([method, path, name])
    return found


def unquotes(question):
    from privacyidea.api.lib.utils import NO_UNQUOTE_USER_AGENTS

    return get_plugin_info_from_useragent(question["agent"])[0].lower() not in NO_UNQUOTE_USER_AGENTS


def pattern(question):
    """How an expression matches: nothing where it is none."""
    try:
        compiled = re.compile(question["pattern"])
    except re.error:
        return None
    return [
        [compiled.search(text) is not None, compiled.match(text) is not None]
        for text in question["texts"]
    ]


def comparison(question):
    from privacyidea.lib.eventhandler import base

    name = question["name"]
    try:
        if name == "generic":
            return base.compare_generic(question["condition"], lambda key: question["value"], "{0!s}")
        if name == "ints":
            return base.compare_ints(question["condition"], question["value"])
        if name == "client_ip":
            found, excluded = base.check_ip_in_policy(
                question["value"], [ip.strip() for ip in question["condition"].split(",")]
            )
            return found and not excluded
    except Exception as error:
        return {"error": type(error).__name__}
    return {"error": "unknown"}


answers = {
    "parameters": parameters,
    "routes": routes,
    "unquotes": unquotes,
    "pattern": pattern,
    "comparison": comparison,
}

for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps(answers[asked["ask"]](asked)), flush=True)
