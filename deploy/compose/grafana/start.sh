#!/bin/sh
# Puts together what Grafana reads at its start: the provisioning of the repository,
# and of its contact points those that the environment asks for; then starts the
# command given. Grafana takes the values from its environment itself, so no file holds
# a secret. CONFIG_DIR and RUN_DIR are for the tests.
set -eu
umask 077

config="${CONFIG_DIR:-/etc/helios}"
. "$config/receivers.sh"
check_receivers

# A variable that is absent would keep Grafana from starting.
export ALERT_SLACK_CHANNEL="${ALERT_SLACK_CHANNEL:-}"

run="${RUN_DIR:-/tmp/provisioning}"
rm -rf "$run"
cp -R "$config/provisioning" "$run"
mkdir -p "$run/plugins" # it complains without

# switch takes the file that switches something on, or else the one that makes Grafana
# forget it: it keeps what it once read.
switch() {
  if [ -n "$2" ]; then
    cp "$config/contacts/$1.json" "$run/alerting/"
  else
    cp "$config/contacts/$1.off.json" "$run/alerting/"
  fi
}

slack="${ALERT_SLACK_URL:-}" pagerduty="${ALERT_PAGERDUTY_KEY:-}" webhook="${ALERT_WEBHOOK_URL:-}" email="${ALERT_EMAIL_TO:-}"
if [ "${ALERT_SENDER:-grafana}" != grafana ]; then # Alertmanager tells them
  slack="" pagerduty="" webhook="" email=""
fi
tickets="$slack$webhook$email"
switch slack "$slack"
switch webhook "$webhook"
switch email "$email"
switch pagerduty "$pagerduty"
# Nobody is woken up for a ticket, unless there is no other way to tell of it.
[ -n "$tickets" ] && switch pagerduty-tickets "" || switch pagerduty-tickets "$pagerduty"
switch policy "$tickets$pagerduty"

if [ -n "$email" ]; then
  export GF_SMTP_ENABLED=true GF_SMTP_HOST="$ALERT_EMAIL_SMARTHOST" GF_SMTP_FROM_ADDRESS="$ALERT_EMAIL_FROM" \
    GF_SMTP_USER="${ALERT_EMAIL_USER:-}" GF_SMTP_PASSWORD="${ALERT_EMAIL_PASSWORD:-}"
fi
export GF_PATHS_PROVISIONING="$run"
exec "$@"
