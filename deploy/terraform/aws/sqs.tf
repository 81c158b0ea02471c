# EventBridge → SQS. A message leaves the queue when Helios has it in its log.

resource "aws_sqs_queue" "events" {
  count                      = contains(var.ways, "sqs") ? 1 : 0
  name                       = var.name
  visibility_timeout_seconds = var.visibility_timeout_seconds
  message_retention_seconds  = var.message_retention_seconds
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = var.kms_key_arn == null ? true : null
  kms_master_key_id          = var.kms_key_arn
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[0].arn
    maxReceiveCount     = var.max_receive_count
  })
}

resource "aws_sqs_queue" "dead" {
  count                     = contains(var.ways, "sqs") ? 1 : 0
  name                      = "${var.name}-dead"
  message_retention_seconds = var.message_retention_seconds
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  kms_master_key_id         = var.kms_key_arn
  tags                      = var.tags
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  count     = contains(var.ways, "sqs") ? 1 : 0
  queue_url = aws_sqs_queue.dead[0].url

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.events[0].arn]
  })
}

data "aws_iam_policy_document" "queue" {
  count = contains(var.ways, "sqs") ? 1 : 0

  statement {
    sid       = "Rule"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.events[0].arn]

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

resource "aws_sqs_queue_policy" "events" {
  count     = contains(var.ways, "sqs") ? 1 : 0
  queue_url = aws_sqs_queue.events[0].url
  policy    = data.aws_iam_policy_document.queue[0].json
}

resource "aws_cloudwatch_event_target" "queue" {
  count          = contains(var.ways, "sqs") ? 1 : 0
  rule           = aws_cloudwatch_event_rule.events.name
  event_bus_name = local.bus
  target_id      = "queue"
  arn            = aws_sqs_queue.events[0].arn

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }

  # Before the policies are there, each event would be refused.
  depends_on = [aws_sqs_queue_policy.events, aws_sqs_queue_policy.undelivered]
}
