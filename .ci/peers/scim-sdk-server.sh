#!/usr/bin/env bash
# SCIM-SDK's service provider with a program around it that keeps resources in memory: scim-sdk-server.sh FOLDER
#
# It needs a JDK 17, and Maven, which fetches it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mvn --quiet --batch-mode --file "$here/scim-sdk-server.pom.xml" \
  org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies -DoutputDirectory="$1/lib"
cp "$here/scim-sdk-server.java" "$1/ScimSdkServer.java"
javac -Xlint:all -cp "$1/lib/*" -d "$1/classes" "$1/ScimSdkServer.java"
