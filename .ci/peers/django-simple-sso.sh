#!/usr/bin/env bash
# django-simple-sso, once with each kind of itsdangerous: django-simple-sso.sh FOLDER
#
# FOLDER/2011 has release 0.24, which django-simple-sso asks for and which counts from 2011; FOLDER/unix has 2.2.0, which is past what
# it asks for and counts from 1970. Both are there for the tests of itsdangerous itself too.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for epoch in 2011 unix; do
  release=0.24
  if [ "$epoch" = unix ]; then release=2.2.0; fi
  /usr/bin/python3 -m venv "$1/$epoch"
  "$1/$epoch/bin/pip" install --quiet --no-deps --requirement "$here/django-simple-sso.requirements.txt"
  # Release 0.24 is a source archive without a pyproject.toml.
  "$1/$epoch/bin/pip" install --quiet --no-deps --use-pep517 "itsdangerous==$release"
done
