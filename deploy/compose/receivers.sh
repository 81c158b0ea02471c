# Read by the start scripts of Alertmanager and of Grafana, and by compose.sh: checks
# the variables that say who is told of alerts. A complaint names the variable and
# never its value, which may be a secret.

complain() {
  echo "$1" >&2
  exit 1
}

# url checks the variable of the name $1, whose value is $2. $3 is an example.
url() {
  case "$2" in
  http://?* | https://?*) ;;
  *) complain "$1 is no URL; it takes one such as $3" ;;
  esac
  case "$2" in
  *[!]A-Za-z0-9._~:/?#@!\&\'\(\)*+,\;=%[-]*) complain "$1 holds a character that no URL has; write it as %XX, a space as %20 and a dollar sign as %24" ;;
  esac
}

# address checks mail addresses, separated by commas.
address() {
  case "$2" in
  *[!A-Za-z0-9.,_+@-]*) complain "$1 holds a character that no mail address has; it takes $3" ;;
  esac
  rest="$2,"
  while [ -n "$rest" ]; do
    one="${rest%%,*}"
    rest="${rest#*,}"
    case "$one" in
    *@*@* | @* | *@) complain "$1 is no mail address; it takes $3" ;;
    *@*) ;;
    *) complain "$1 is no mail address; it takes $3" ;;
    esac
  done
}

# check_receivers complains of what is wrong.
check_receivers() {
  case "${ALERT_SENDER:-grafana}" in
  grafana | alertmanager) ;;
  *) complain "ALERT_SENDER is \"$ALERT_SENDER\"; allowed are grafana and alertmanager" ;;
  esac
  [ -z "${ALERT_SLACK_URL:-}" ] || url ALERT_SLACK_URL "$ALERT_SLACK_URL" https://hooks.slack.com/services/...
  case "${ALERT_SLACK_CHANNEL:-}" in
  *[!A-Za-z0-9#@._-]*) complain "ALERT_SLACK_CHANNEL is no channel; it takes one such as #alerts" ;;
  esac
  case "${ALERT_PAGERDUTY_KEY:-}" in
  "") ;;
  *[!A-Za-z0-9]*) complain "ALERT_PAGERDUTY_KEY is no integration key: those are 32 letters and digits" ;;
  ????????????????????????????????) ;;
  *) complain "ALERT_PAGERDUTY_KEY has ${#ALERT_PAGERDUTY_KEY} characters; an integration key has 32" ;;
  esac
  [ -z "${ALERT_WEBHOOK_URL:-}" ] || url ALERT_WEBHOOK_URL "$ALERT_WEBHOOK_URL" https://example.com/alerts
  [ -z "${ALERT_EMAIL_TO:-}" ] || check_mail
}

check_mail() {
  if [ -z "${ALERT_EMAIL_FROM:-}" ] || [ -z "${ALERT_EMAIL_SMARTHOST:-}" ]; then
    complain "ALERT_EMAIL_TO is set, which needs ALERT_EMAIL_FROM and ALERT_EMAIL_SMARTHOST (for example smtp.example.com:587) too"
  fi
  address ALERT_EMAIL_TO "$ALERT_EMAIL_TO" "one such as team@example.com, several separated by commas"
  address ALERT_EMAIL_FROM "$ALERT_EMAIL_FROM" "one such as helios@example.com"
  case "$ALERT_EMAIL_SMARTHOST" in
  *[!A-Za-z0-9.:_-]* | :* | *:*:* | *:*[!0-9]*) complain "ALERT_EMAIL_SMARTHOST is no host and port; it takes both, for example smtp.example.com:587" ;;
  ?*:[0-9]*) ;;
  *) complain "ALERT_EMAIL_SMARTHOST is no host and port; it takes both, for example smtp.example.com:587" ;;
  esac
}
