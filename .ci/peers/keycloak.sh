#!/usr/bin/env bash
# Keycloak with its own SCIM API, built, so that it starts in seconds: keycloak.sh FOLDER
#
# It needs a JDK 17 and Maven, which fetches it.
set -euo pipefail
version=26.7.3
artifact=org.keycloak:keycloak-quarkus-dist:$version:tar.gz
mvn --quiet --batch-mode org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
  -Dartifact=$artifact -DoutputDirectory="$1/download" -Dmdep.useBaseVersion=true
tar --extract --gzip --file "$1/download/keycloak-quarkus-dist-$version.tar.gz" \
  --directory "$1" --strip-components=1
rm -r "$1/download"
"$1/bin/kc.sh" build --db=dev-mem --cache=local --features=scim-api
