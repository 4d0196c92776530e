#!/usr/bin/env bash
# Fails when a generated file or go.mod is not what `make generate` and `go mod tidy` would write.
# It works on a copy, so the working tree is left as it is.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

cd "$root"
git ls-files --cached --others --exclude-standard -z |
  while IFS= read -r -d '' file; do [[ -e $file ]] && printf '%s\0' "$file"; done |
  xargs -0 cp --parents -t "$copy"

cd "$copy"
git init -q && git add -A && git -c user.name=verify -c user.email=verify@localhost commit -qm before
make -s generate
make -s verify-protocol
for module in . cmd/localkube tools/generate tools/lint; do
  (cd "$module" && go mod tidy)
done
if [[ -n $(git status --porcelain) ]]; then
  echo "verify: these files are stale; run 'make generate' and 'go mod tidy', then commit:" >&2
  git --no-pager diff --stat >&2
  git status --porcelain >&2
  exit 1
fi
unformatted=$(gofmt -l $(git ls-files '*.go'))
if [[ -n $unformatted ]]; then
  printf "verify: run gofmt -w on:\n%s\n" "$unformatted" >&2
  exit 1
fi
echo "verify: generated files, modules and formatting are up to date"
