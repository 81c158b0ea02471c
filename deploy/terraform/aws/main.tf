# The bus, the rule that picks events, and what all ways share. Each way has a
# file of its own: sqs.tf, kinesis.tf, webhook.tf. What Helios may do is in iam.tf.

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  bus     = var.bus_name == null ? aws_cloudwatch_event_bus.events[0].name : var.bus_name
  pushed  = length(setintersection(var.ways, ["api_destination", "sns"])) > 0
}

resource "aws_cloudwatch_event_bus" "events" {
  count = var.bus_name == null ? 1 : 0
  name  = var.name
  tags  = var.tags
}

resource "aws_cloudwatch_event_rule" "events" {
  name           = var.name
  description    = "Events that Helios reconciles"
  event_bus_name = local.bus
  event_pattern  = var.event_pattern == null ? jsonencode({ account = [local.account] }) : var.event_pattern
  tags           = var.tags
}

# What EventBridge and SNS couldn't deliver within a day, whichever the way.
resource "aws_sqs_queue" "undelivered" {
  name                      = "${var.name}-undelivered"
  message_retention_seconds = var.message_retention_seconds
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  kms_master_key_id         = var.kms_key_arn
  tags                      = var.tags
}

data "aws_iam_policy_document" "undelivered" {
  statement {
    sid       = "Rule"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.undelivered.arn]

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

  dynamic "statement" {
    for_each = aws_sns_topic.events

    content {
      sid       = "Topic"
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.undelivered.arn]

      principals {
        type        = "Service"
        identifiers = ["sns.amazonaws.com"]
      }
      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [statement.value.arn]
      }
    }
  }
}

resource "aws_sqs_queue_policy" "undelivered" {
  queue_url = aws_sqs_queue.undelivered.url
  policy    = data.aws_iam_policy_document.undelivered.json
}

# Roles that EventBridge takes on to deliver: for this rule only.
data "aws_iam_policy_document" "rule_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.events.arn]
    }
  }
}
