# What Helios may do: what its inputs call and what helios-connect doctor looks
# at, on these queues and this stream and nothing else.

data "aws_iam_policy_document" "helios" {
  count = local.pulled ? 1 : 0

  dynamic "statement" {
    for_each = aws_sqs_queue.events

    content {
      sid       = "Queue"
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
      resources = [statement.value.arn]
    }
  }

  dynamic "statement" {
    for_each = aws_kinesis_stream.events

    content {
      sid       = "Stream"
      actions   = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"]
      resources = [statement.value.arn]
    }
  }

  dynamic "statement" {
    for_each = aws_dynamodb_table.offsets

    content {
      sid       = "Offsets"
      actions   = ["dynamodb:DescribeTable", "dynamodb:Scan", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
      resources = [statement.value.arn]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "Decrypt"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

# What is only pushed takes no right in AWS.
locals {
  pulled = length(setintersection(var.ways, ["sqs", "kinesis"])) > 0
}

resource "aws_iam_policy" "helios" {
  count       = local.pulled ? 1 : 0
  name        = "${var.name}-consumer"
  description = "Takes events out of the queue or stream of ${var.name}"
  policy      = data.aws_iam_policy_document.helios[0].json
  tags        = var.tags
}

resource "aws_iam_user" "helios" {
  count = local.pulled && var.identity == "user" ? 1 : 0
  name  = "${var.name}-consumer"
  tags  = var.tags
}

resource "aws_iam_user_policy_attachment" "helios" {
  count      = local.pulled && var.identity == "user" ? 1 : 0
  user       = aws_iam_user.helios[0].name
  policy_arn = aws_iam_policy.helios[0].arn
}

resource "aws_iam_access_key" "helios" {
  count = local.pulled && var.identity == "user" ? 1 : 0
  user  = aws_iam_user.helios[0].name
}

data "aws_iam_policy_document" "machine_trust" {
  statement {
    # Pods are told apart by tags of their session.
    actions = var.trusted_service == "pods.eks.amazonaws.com" ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [var.trusted_service]
    }
  }
}

resource "aws_iam_role" "helios" {
  count              = local.pulled && var.identity == "role" ? 1 : 0
  name               = "${var.name}-consumer"
  assume_role_policy = data.aws_iam_policy_document.machine_trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy_attachment" "helios" {
  count      = local.pulled && var.identity == "role" ? 1 : 0
  role       = aws_iam_role.helios[0].name
  policy_arn = aws_iam_policy.helios[0].arn
}

resource "aws_iam_instance_profile" "helios" {
  count = local.pulled && var.identity == "role" && var.trusted_service == "ec2.amazonaws.com" ? 1 : 0
  name  = "${var.name}-consumer"
  role  = aws_iam_role.helios[0].name
  tags  = var.tags
}
