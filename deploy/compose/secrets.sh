#!/bin/sh
# Makes .env of .env.example, with a random value for each `generate`. Into one that is
# there already it adds the secrets that are new, and changes nothing.
# ENV_FILE is for the tests.
set -eu
example="$(dirname "$0")/.env.example"
file="${ENV_FILE:-$(dirname "$0")/../../.env}"
umask 077

# Letters and digits alone, so that it stands in URLs and in YAML: 192 bits.
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

if [ ! -f "$file" ]; then
  while IFS= read -r line || [ -n "$line" ]; do
    case "$line" in
    [A-Z]*=generate) printf '%s=%s\n' "${line%%=*}" "$(random)" ;;
    *) printf '%s\n' "$line" ;;
    esac
  done <"$example" >"$file.new"
  mv "$file.new" "$file"
  echo "Made .env with random secrets; it is never committed."
  exit 0
fi
sed -n 's/^\([A-Z_]*\)=generate$/\1/p' "$example" | while read -r name; do
  grep -q "^$name=" "$file" && continue
  printf '%s=%s\n' "$name" "$(random)" >>"$file"
  echo "Added $name to .env."
done
