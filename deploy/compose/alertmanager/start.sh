#!/bin/sh
# Completes alertmanager.yml, whose last line begins the receiver, with what the
# environment asks for, and starts the command given. Secrets go into files that
# only this user can read. CONFIG_DIR and RUN_DIR are for the tests.
set -eu
umask 077

source="${CONFIG_DIR:-/etc/alertmanager}/alertmanager.yml"
run="${RUN_DIR:-/tmp/alertmanager}"
mkdir -p "$run"
config="$run/alertmanager.yml"
cat "$source" >"$config"

# quoted writes a value as a YAML string between single quotes.
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }
# secret writes a value to a file and prints the file's name.
secret() { printf %s "$2" >"$run/$1" && printf %s "$run/$1"; }
add() { printf '%s\n' "$1" >>"$config"; }

if [ -n "${ALERT_SLACK_URL:-}" ]; then
  add "    slack_configs:"
  add "      - api_url_file: $(secret slack_url "$ALERT_SLACK_URL")"
  [ -z "${ALERT_SLACK_CHANNEL:-}" ] || add "        channel: $(quoted "$ALERT_SLACK_CHANNEL")"
  add "        send_resolved: true"
fi
if [ -n "${ALERT_PAGERDUTY_KEY:-}" ]; then
  add "    pagerduty_configs:"
  add "      - routing_key_file: $(secret pagerduty_key "$ALERT_PAGERDUTY_KEY")"
fi
if [ -n "${ALERT_WEBHOOK_URL:-}" ]; then
  add "    webhook_configs:"
  add "      - url: $(quoted "$ALERT_WEBHOOK_URL")"
fi
if [ -n "${ALERT_EMAIL_TO:-}" ]; then
  if [ -z "${ALERT_EMAIL_FROM:-}" ] || [ -z "${ALERT_EMAIL_SMARTHOST:-}" ]; then
    echo "ALERT_EMAIL_TO is set, which needs ALERT_EMAIL_FROM and ALERT_EMAIL_SMARTHOST (for example smtp.example.com:587) too" >&2
    exit 1
  fi
  add "    email_configs:"
  add "      - to: $(quoted "$ALERT_EMAIL_TO")"
  add "        from: $(quoted "$ALERT_EMAIL_FROM")"
  add "        smarthost: $(quoted "$ALERT_EMAIL_SMARTHOST")"
  add "        send_resolved: true"
  if [ -n "${ALERT_EMAIL_USER:-}" ]; then
    add "        auth_username: $(quoted "$ALERT_EMAIL_USER")"
    add "        auth_password: $(quoted "${ALERT_EMAIL_PASSWORD:-}")"
  fi
fi

[ $# -eq 0 ] || exec "$@" "--config.file=$config"
