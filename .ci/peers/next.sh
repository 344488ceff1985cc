#!/usr/bin/env bash
# Next, in which the route handler of a guide is built and served: next.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
printf '{ "private": true }\n' >"$1/package.json"
mapfile -t packages <"$here/next.requirements.txt"
npm install --prefix "$1" --no-audit --no-fund --loglevel error "${packages[@]}"
