# EventBridge → API destination and SNS → HTTPS, both to the listener of Helios.

resource "random_password" "api_key" {
  count   = contains(var.ways, "api_destination") ? 1 : 0
  length  = 40
  special = false
}

resource "aws_cloudwatch_event_connection" "webhook" {
  count              = contains(var.ways, "api_destination") ? 1 : 0
  name               = var.name
  authorization_type = "API_KEY"

  auth_parameters {
    api_key {
      key   = "x-api-key"
      value = random_password.api_key[0].result
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "webhook" {
  count                            = contains(var.ways, "api_destination") ? 1 : 0
  name                             = var.name
  connection_arn                   = aws_cloudwatch_event_connection.webhook[0].arn
  http_method                      = "POST"
  invocation_endpoint              = "${var.webhook_url}${var.webhook_path}"
  invocation_rate_limit_per_second = var.invocation_rate_limit_per_second
}

resource "aws_iam_role" "api_destination" {
  count              = contains(var.ways, "api_destination") ? 1 : 0
  name               = "${var.name}-rule-to-webhook"
  assume_role_policy = data.aws_iam_policy_document.rule_trust.json
  tags               = var.tags
}

data "aws_iam_policy_document" "api_destination" {
  count = contains(var.ways, "api_destination") ? 1 : 0

  statement {
    sid       = "Invoke"
    actions   = ["events:InvokeApiDestination"]
    resources = [aws_cloudwatch_event_api_destination.webhook[0].arn]
  }
}

resource "aws_iam_role_policy" "api_destination" {
  count  = contains(var.ways, "api_destination") ? 1 : 0
  name   = "invoke"
  role   = aws_iam_role.api_destination[0].id
  policy = data.aws_iam_policy_document.api_destination[0].json
}

resource "aws_cloudwatch_event_target" "api_destination" {
  count          = contains(var.ways, "api_destination") ? 1 : 0
  rule           = aws_cloudwatch_event_rule.events.name
  event_bus_name = local.bus
  target_id      = "webhook"
  arn            = aws_cloudwatch_event_api_destination.webhook[0].arn
  role_arn       = aws_iam_role.api_destination[0].arn

  # The most that EventBridge allows: a day of Helios being away.
  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }
  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }

  depends_on = [aws_iam_role_policy.api_destination, aws_sqs_queue_policy.undelivered]
}

resource "aws_sns_topic" "events" {
  count             = contains(var.ways, "sns") ? 1 : 0
  name              = var.name
  signature_version = 2
  kms_master_key_id = var.kms_key_arn
  tags              = var.tags
}

data "aws_iam_policy_document" "topic" {
  count = contains(var.ways, "sns") ? 1 : 0

  statement {
    sid       = "Rule"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.events[0].arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.events.arn]
    }
  }
}

resource "aws_sns_topic_policy" "events" {
  count  = contains(var.ways, "sns") ? 1 : 0
  arn    = aws_sns_topic.events[0].arn
  policy = data.aws_iam_policy_document.topic[0].json
}

resource "aws_cloudwatch_event_target" "topic" {
  count          = contains(var.ways, "sns") && var.webhook_ready ? 1 : 0
  rule           = aws_cloudwatch_event_rule.events.name
  event_bus_name = local.bus
  target_id      = "topic"
  arn            = aws_sns_topic.events[0].arn

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }

  # A topic takes events while nobody is subscribed, and forgets them.
  depends_on = [aws_sns_topic_policy.events, aws_sns_topic_subscription.webhook, aws_sqs_queue_policy.undelivered]
}

# Raw delivery stays off: raw messages are not signed.
resource "aws_sns_topic_subscription" "webhook" {
  count                           = contains(var.ways, "sns") && var.webhook_ready ? 1 : 0
  topic_arn                       = aws_sns_topic.events[0].arn
  protocol                        = "https"
  endpoint                        = "${var.webhook_url}${var.webhook_path}/sns"
  endpoint_auto_confirms          = true
  confirmation_timeout_in_minutes = 5
  redrive_policy                  = jsonencode({ deadLetterTargetArn = aws_sqs_queue.undelivered.arn })

  depends_on = [aws_sqs_queue_policy.undelivered]
}
