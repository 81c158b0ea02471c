#!/bin/sh
# Completes alertmanager.yml, which is generated and lacks the receivers, with those
# that the environment asks for, and starts the command given. Secrets go into files
# that only this user can read. CONFIG_DIR and RUN_DIR are for the tests.
set -eu
umask 077

. "${CONFIG_DIR:-/etc/alertmanager}/../receivers.sh"
check_receivers

run="${RUN_DIR:-/tmp/alertmanager}"
mkdir -p "$run"
config="$run/alertmanager.yml"
cat "${CONFIG_DIR:-/etc/alertmanager}/alertmanager.yml" >"$config"

# secret writes a value to a file and prints the file's name.
secret() { printf %s "$2" >"$run/$1" && printf %s "$run/$1"; }
# quoted writes a value as a YAML string between single quotes.
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }
add() { printf '%s\n' "$1" >>"$config"; }

# pager adds PagerDuty with a severity of its own.
pager() {
  add "    pagerduty_configs:"
  add "      - routing_key_file: $(secret pagerduty_key "$ALERT_PAGERDUTY_KEY")"
  add "        severity: $1"
  add "        links: [ { text: Runbook, href: '{{ (index .Alerts 0).Annotations.runbook_url }}' }, { text: Panel, href: '{{ (index .Alerts 0).Annotations.dashboard }}' } ]"
}

slack() {
  add "    slack_configs:"
  add "      - api_url_file: $(secret slack_url "$ALERT_SLACK_URL")"
  [ -z "${ALERT_SLACK_CHANNEL:-}" ] || add "        channel: $(quoted "$ALERT_SLACK_CHANNEL")"
  add "        send_resolved: true"
  add "        text: \"{{ range .Alerts }}*{{ .Annotations.summary }}* {{ .Annotations.description }} <{{ .Annotations.runbook_url }}|Runbook> <{{ .Annotations.dashboard }}|Panel>\\\\n{{ end }}\""
}

email() {
  add "    email_configs:"
  add "      - to: $(quoted "$ALERT_EMAIL_TO")"
  add "        from: $(quoted "$ALERT_EMAIL_FROM")"
  add "        smarthost: $(quoted "$ALERT_EMAIL_SMARTHOST")"
  add "        send_resolved: true"
  if [ -n "${ALERT_EMAIL_USER:-}" ]; then
    add "        auth_username: $(quoted "$ALERT_EMAIL_USER")"
    add "        auth_password_file: $(secret email_password "${ALERT_EMAIL_PASSWORD:-}")"
  fi
}

# receiver adds one, with every way that is on. Nobody is woken up for a ticket, unless
# PagerDuty is the only way to tell of it.
receiver() {
  add "  - name: $1"
  [ "${ALERT_SENDER:-alertmanager}" = alertmanager ] || return 0
  if [ -n "${ALERT_PAGERDUTY_KEY:-}" ]; then
    if [ "$1" = page ]; then
      pager critical
    elif [ -z "${ALERT_SLACK_URL:-}${ALERT_WEBHOOK_URL:-}${ALERT_EMAIL_TO:-}" ]; then
      pager warning
    fi
  fi
  [ -z "${ALERT_SLACK_URL:-}" ] || slack
  [ -z "${ALERT_EMAIL_TO:-}" ] || email
  if [ -n "${ALERT_WEBHOOK_URL:-}" ]; then
    add "    webhook_configs:"
    add "      - url: $(quoted "$ALERT_WEBHOOK_URL")"
  fi
}

add "receivers:"
receiver page
receiver ticket

[ $# -eq 0 ] || exec "$@" "--config.file=$config"
