"""A site with Django and django-simple-sso: a server of sign-on, or a client of one.

    django-site.py server PUBLIC_KEY PRIVATE_KEY
    django-site.py client PUBLIC_KEY PRIVATE_KEY SERVER_URL

Prints its URL, and serves until its standard input ends.
"""

import sys
from select import select
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

role, public_key, private_key, *server_url = sys.argv[1:]

settings.configure(
    ALLOWED_HOSTS=["*"],
    # Requests are answered one at a time, each with the one connection to this database.
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "simple_sso.sso_server",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    ROOT_URLCONF="urls",
    SECRET_KEY="of no use to anybody",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import include, path


def sign_in(request):
    """Signs in whoever asks: how visitors prove who they are is no part of the exchange."""
    login(request, User.objects.get(username="alice"))
    return HttpResponseRedirect(request.GET["next"])


def deactivate(request):
    User.objects.update(is_active=False)
    return HttpResponse()


def who(request):
    """Who is signed in here, and which accounts there are."""
    accounts = User.objects.values(
        "username", "email", "first_name", "last_name", "is_staff", "is_superuser", "is_active"
    )
    return JsonResponse({"user": request.user.username, "accounts": list(accounts)})


def routes():
    common = [path("who/", who), path("deactivate/", deactivate)]
    if role == "client":
        from simple_sso.sso_client.client import Client

        client = Client(server_url[0], public_key, private_key)
        return [*common, path("client/", include(client.get_urls()))]

    from simple_sso.sso_server.server import Server

    server = path("server/", include(Server().get_urls()))
    return [*common, server, path("login/", sign_in, name="login")]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


call_command("migrate", verbosity=0)
sys.modules["urls"] = type(sys)("urls")
sys.modules["urls"].urlpatterns = routes()
if role == "server":
    from simple_sso.sso_server.models import Consumer

    User.objects.create_user("alice", "alice@example.com", first_name="Alice", last_name="Ünïcode")
    Consumer.objects.create(name="client", public_key=public_key, private_key=private_key)

# Browsers share cookies between ports, so each side has an address of its own.
address = {"client": "127.0.0.2", "server": "127.0.0.3"}[role]
site = make_server(address, 0, get_wsgi_application(), handler_class=Quiet)
host, port = site.server_address
print(f"http://{host}:{port}/", flush=True)
while True:
    ready, _, _ = select([sys.stdin, site], [], [])
    if sys.stdin in ready:
        break
    site.handle_request()
