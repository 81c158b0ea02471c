#!/bin/sh
# What `make up`, `make down` and `make logs` do: PROFILE (minimal, full, or empty for
# what .env says) and one of up, down, logs.
set -eu
cd "$(dirname "$0")/../.."

profile="$1"
action="$2"

case "$profile" in
"" | minimal | full) ;;
*)
  echo "PROFILE is \"$profile\"; allowed are minimal and full" >&2
  exit 1
  ;;
esac

if ! command -v docker >/dev/null 2>&1; then
  echo "Docker is not installed, which this needs (https://docs.docker.com/get-docker). Without it: make demo" >&2
  exit 1
fi
if ! docker compose version >/dev/null 2>&1; then
  echo "Docker's compose plugin is not installed (https://docs.docker.com/compose/install). Without it: make demo" >&2
  exit 1
fi
if ! docker info >/dev/null 2>&1; then
  echo "Docker does not answer: start it, or ask for the right to use it (docker info says more). Without it: make demo" >&2
  exit 1
fi

deploy/compose/secrets.sh

# setting prints what the environment or .env says, or else the second argument.
setting() {
  value=$(printenv "$1" || sed -n "s/^$1=//p" .env | tail -n 1)
  printf %s "${value:-$2}"
}

export COMPOSE_PROFILES="${profile:-$(setting COMPOSE_PROFILES minimal)}"
[ "$COMPOSE_PROFILES" != full ] || [ -z "$profile" ] || export HELIOS_DEDUPE=redis
[ "$COMPOSE_PROFILES" = full ] || export HELIOS_DEDUPE=none ALERT_SENDER=grafana # there is no Redis, no Alertmanager
[ "$COMPOSE_PROFILES" = full ] || export OTEL_EXPORTER_OTLP_ENDPOINT="$(setting OTEL_EXPORTER_OTLP_ENDPOINT "")" # nor Tempo

# What the containers would refuse is said here already, where somebody looks.
(
  . deploy/compose/receivers.sh
  for name in SENDER SLACK_URL SLACK_CHANNEL PAGERDUTY_KEY WEBHOOK_URL EMAIL_TO EMAIL_FROM EMAIL_SMARTHOST; do
    value=$(setting "ALERT_$name" "")
    case "$value" in \"*\" | \'*\') value="${value#?}" && value="${value%?}" ;; esac
    export "ALERT_$name=$value"
  done
  check_receivers
)

case "$action" in
up)
  [ -n "$(setting GRAFANA_URL "")" ] || export GRAFANA_URL="http://127.0.0.1:$(setting GRAFANA_PORT 3000)"
  docker compose up --detach --build --remove-orphans
  echo "Grafana     http://127.0.0.1:$(setting GRAFANA_PORT 3000)  (to look; $(setting GRAFANA_USER operator) with GRAFANA_PASSWORD of .env to change)"
  echo "Prometheus  http://127.0.0.1:$(setting PROMETHEUS_PORT 9090)"
  echo "API         http://127.0.0.1:$(setting HELIOS_API_PORT 8088)  (with HELIOS_API_TOKEN of .env)"
  [ "$COMPOSE_PROFILES" != full ] || echo "Console     http://127.0.0.1:$(setting CONSOLE_PORT 8080)"
  ;;
down) COMPOSE_PROFILES=full docker compose down --remove-orphans ;;
logs) docker compose logs --follow --tail 100 ;;
*)
  echo "compose.sh: \"$action\" is none of up, down, logs" >&2
  exit 1
  ;;
esac
