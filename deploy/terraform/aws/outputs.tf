locals {
  webhook_paths = concat(
    [for key in random_password.api_key : {
      path            = var.webhook_path
      name            = "aws-${var.name}"
      sender          = "api_destination"
      api_destination = { accounts = [local.account] }
      auth            = { api_key = { header = "x-api-key", keys = [key.result] } }
    }],
    [for topic in aws_sns_topic.events : {
      path   = "${var.webhook_path}/sns"
      name   = "aws-${var.name}-sns"
      sender = "sns"
      sns    = { topics = [topic.arn] }
    }],
  )

  settings = merge(
    { AWS_REGION = data.aws_region.current.region },
    { for queue in aws_sqs_queue.events : "HELIOS_AWS_SQS_URL" => queue.url },
    { for stream in aws_kinesis_stream.events : "HELIOS_AWS_KINESIS_STREAM" => stream.name },
    { for table in aws_dynamodb_table.offsets : "HELIOS_AWS_KINESIS_TABLE" => table.name },
    { for key in aws_iam_access_key.helios : "HELIOS_AWS_ACCESS_KEY_ID" => key.id },
    { for key in aws_iam_access_key.helios : "HELIOS_AWS_SECRET_ACCESS_KEY" => key.secret },
    { for address in [var.webhook_address] : "HELIOS_WEBHOOK_ADDRESS" => address if local.pushed },
    { for file in [var.webhook_cert_file] : "HELIOS_WEBHOOK_CERT_FILE" => file if local.pushed && file != null },
    { for file in [var.webhook_key_file] : "HELIOS_WEBHOOK_KEY_FILE" => file if local.pushed && file != null },
    # A value in a file of settings ends at the first space or #.
    { for paths in [concat(local.webhook_paths, var.other_webhook_paths)] : "HELIOS_WEBHOOK_PATHS" => replace(replace(jsonencode(paths), " ", "\\u0020"), "#", "\\u0023") if local.pushed },
  )
}

output "helios_settings" {
  description = "The settings of this cloud, to be appended to local.env."
  value       = join("", [for name, value in local.settings : "${name}=${value}\n"])
  sensitive   = true
}

output "webhook_paths" {
  description = "The entries of HELIOS_WEBHOOK_PATHS for this cloud, for other_webhook_paths of another cloud's module."
  value       = local.webhook_paths
  sensitive   = true
}

output "bus_name" {
  description = "The event bus, for helios-connect publish --bus."
  value       = local.bus
}

output "rule_arn" {
  description = "The rule that picks the events."
  value       = aws_cloudwatch_event_rule.events.arn
}

output "queue_url" {
  description = "The queue that Helios reads, or null."
  value       = one(aws_sqs_queue.events[*].url)
}

output "dead_letter_queue_url" {
  description = "The queue of messages that were received too often, or null."
  value       = one(aws_sqs_queue.dead[*].url)
}

output "undelivered_queue_url" {
  description = "The queue of events that EventBridge or SNS couldn't deliver."
  value       = aws_sqs_queue.undelivered.url
}

output "policy_arn" {
  description = "The policy that lets Helios read, or null when all is pushed."
  value       = one(aws_iam_policy.helios[*].arn)
}

output "role_arn" {
  description = "The role for Helios, or null unless identity is role."
  value       = one(aws_iam_role.helios[*].arn)
}
