#!/usr/bin/env bash
# The other runtimes that the package is tested on, and the oldest TypeScript, from npm: runtimes.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for name in node22 node26 bun workerd deno typescript; do
  mkdir -p "$1/$name"
  printf '{ "private": true, "allowScripts": { "node": true, "bun": true, "workerd": true, "deno": true } }\n' >"$1/$name/package.json"
done
while read -r name package; do
  npm install --prefix "$1/$name" --no-audit --no-fund --loglevel error "$package"
done <"$here/runtimes.requirements.txt"
