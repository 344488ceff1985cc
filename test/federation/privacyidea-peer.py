"""What privacyIDEA's own code says, a JSON document a line: which parameters it reads of a request, and the like."""

import base64
import contextlib
import datetime
import io
import json
import os
import re
import sys
import time
import types
from unittest import mock

from flask import request
from privacyidea.app import create_app

app = create_app(config_name="production", config_file=sys.argv[1], silent=True)

from privacyidea.api.lib.utils import get_all_params, get_plugin_info_from_useragent  # noqa: E402
from privacyidea.lib import event as events  # noqa: E402
from privacyidea.lib import tokenclass  # noqa: E402
from privacyidea.lib.eventhandler import base  # noqa: E402
from privacyidea.lib.utils import compare  # noqa: E402

os.environ["TZ"] = "UTC"
time.tzset()


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


class _Simulated(types.SimpleNamespace):
    """A token, a container and so on, of which a test says what its methods answer with."""

    def __getattr__(self, name):
        return lambda *_args, **_more: self.answers[name]


def _clock(now):
    """The module `datetime` at a time of the test's."""

    class Meta(type):
        def __instancecheck__(cls, instance):
            return isinstance(instance, datetime.datetime)

    class At(datetime.datetime, metaclass=Meta):
        @classmethod
        def now(cls, tz=None):
            return datetime.datetime.fromtimestamp(now / 1000, tz)

    return types.SimpleNamespace(
        datetime=At, timedelta=datetime.timedelta, timezone=datetime.timezone
    )


def _instant(text):
    return None if text is None else datetime.datetime.fromisoformat(text)


def _token(known):
    if known is None:
        return None
    token = _Simulated(
        token=types.SimpleNamespace(
            serial=known["serial"], count=known["otpCounter"], rollout_state=known["rolloutState"]
        ),
        answers={
            "get_realms": known["realms"],
            "get_tokentype": known["type"],
            "get_serial": known["serial"],
            "get_failcount": known["failCounter"],
            "get_max_failcount": known["failCounter"] + (0 if known["isLocked"] else 1),
            "get_user_id": "1" if known["hasOwner"] else "",
            "is_orphaned": known["isOrphaned"],
            "check_validity_period": known["isInValidityPeriod"],
            "get_count_auth": known["authenticationCount"],
            "get_count_auth_success": known["authenticationSuccessCount"],
        },
    )
    info = {**known["info"], "last_auth": known["lastAuthentication"]}
    token.get_tokeninfo = lambda key, default=None: info.get(key, default)
    token.check_last_auth_newer = lambda text: tokenclass.TokenClass.check_last_auth_newer(token, text)
    return token


def _container(known):
    if known is None:
        return None
    return _Simulated(
        serial=known["serial"],
        type=known["type"],
        last_authentication=_instant(known["lastAuthentication"]),
        last_synchronization=_instant(known["lastSynchronization"]),
        answers={
            "get_states": known["states"],
            "get_users": [types.SimpleNamespace(resolver=name) for name in known["resolvers"]],
            "get_tokens": [_token(one) for one in known["tokens"]],
            "get_container_info_dict": known["info"],
        },
    )


def condition(question):
    """Whether a condition is fulfilled, by the code that decides it; its data are those of the test."""
    facts = question["facts"]
    token, container, user = _token(facts["token"]), _container(facts["container"]), facts["user"]
    owner = _Simulated(
        realm=user["realm"],
        resolver=user["resolver"],
        answers={"exist": True, "is_empty": False},
    )
    owner.get_specific_info = lambda keys: {key: user["info"].get(key) for key in keys}
    challenges = [
        _Simulated(session=one["session"], answers={"is_valid": not one["isExpired"]})
        for one in facts["challenges"]
    ]
    clock = _clock(facts["now"])
    changes = {
        "datetime": clock,
        "get_tokens": lambda count=False, **_more: user["tokenCount"] if count else [token],
        "get_realms": lambda: {
            realm: {"resolver": [{"name": name} for name in facts["token"]["resolvers"]]}
            for realm in facts["token"]["realms"]
        },
        "find_container_by_serial": lambda _serial: container,
        "find_container_for_token": lambda _serial: container if facts["token"]["isInContainer"] else None,
        "get_all_containers": lambda **_more: {
            "count": user["containerCount"],
            "containers": [container],
        },
        "get_container_realms": lambda _serial: facts["container"]["realms"],
        "get_challenges": lambda **_more: challenges,
        "counter_read": facts["counters"].get,
    }
    asked = _Simulated(
        all_data={"serial": facts["token"]["serial"], "container_serial": facts["container"]["serial"]},
        User=owner,
    )
    options = {
        "g": types.SimpleNamespace(client_ip=facts["address"], logged_in_user={"role": facts["role"]}),
        "request": asked,
        "response": types.SimpleNamespace(is_json=True, json=facts["answer"]),
        "handler_def": {"conditions": {question["name"]: question["value"]}},
    }
    patched = [
        mock.patch.multiple(base, **changes),
        mock.patch.object(compare, "datetime", clock),
        mock.patch.object(tokenclass, "datetime", clock.datetime),
    ]
    try:
        with contextlib.ExitStack() as stack:
            for one in patched:
                stack.enter_context(one)
            return base.BaseEventHandler().check_condition(options)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def is_date(question):
    """Whether dateutil makes a date of a text, in whatever notation, with which comparisons begin there."""
    try:
        return compare.parse(question["text"]) is not None
    except Exception:
        return False


answers = {
    "is_date": is_date,
    "condition": condition,
    "parameters": parameters,
    "routes": routes,
    "unquotes": unquotes,
    "pattern": pattern,
}

for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps(answers[asked["ask"]](asked)), flush=True)
