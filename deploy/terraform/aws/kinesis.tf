# EventBridge → Kinesis. Helios keeps its place in the stream in a table of
# DynamoDB, which is made here so that it needs no right to make tables.

resource "aws_kinesis_stream" "events" {
  count            = contains(var.ways, "kinesis") ? 1 : 0
  name             = var.name
  shard_count      = var.kinesis_shards
  retention_period = var.kinesis_retention_hours
  encryption_type  = "KMS"
  kms_key_id       = var.kms_key_arn == null ? "alias/aws/kinesis" : var.kms_key_arn
  tags             = var.tags

  stream_mode_details {
    stream_mode = var.kinesis_shards == null ? "ON_DEMAND" : "PROVISIONED"
  }
}

# The keys are those that the input aws_kinesis expects.
resource "aws_dynamodb_table" "offsets" {
  count        = contains(var.ways, "kinesis") ? 1 : 0
  name         = "${var.name}-kinesis"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "StreamID"
  range_key    = "ShardID"
  tags         = var.tags

  attribute {
    name = "StreamID"
    type = "S"
  }
  attribute {
    name = "ShardID"
    type = "S"
  }
}

resource "aws_iam_role" "stream" {
  count              = contains(var.ways, "kinesis") ? 1 : 0
  name               = "${var.name}-rule-to-stream"
  assume_role_policy = data.aws_iam_policy_document.rule_trust.json
  tags               = var.tags
}

data "aws_iam_policy_document" "stream" {
  count = contains(var.ways, "kinesis") ? 1 : 0

  statement {
    sid       = "Put"
    actions   = ["kinesis:PutRecord", "kinesis:PutRecords"]
    resources = [aws_kinesis_stream.events[0].arn]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "Encrypt"
      actions   = ["kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role_policy" "stream" {
  count  = contains(var.ways, "kinesis") ? 1 : 0
  name   = "put"
  role   = aws_iam_role.stream[0].id
  policy = data.aws_iam_policy_document.stream[0].json
}

resource "aws_cloudwatch_event_target" "stream" {
  count          = contains(var.ways, "kinesis") ? 1 : 0
  rule           = aws_cloudwatch_event_rule.events.name
  event_bus_name = local.bus
  target_id      = "stream"
  arn            = aws_kinesis_stream.events[0].arn
  role_arn       = aws_iam_role.stream[0].arn

  # Events without order among them: spread by their own id.
  kinesis_target {
    partition_key_path = "$.id"
  }
  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }

  depends_on = [aws_iam_role_policy.stream, aws_sqs_queue_policy.undelivered]
}
