locals {
  audience = one([for url in [var.webhook_url] : coalesce(var.webhook_audience, "${url}${var.webhook_path}") if url != null])

  webhook_paths = [for subscription in google_pubsub_subscription.push : {
    path   = var.webhook_path
    name   = "gcp-${var.name}"
    sender = "pubsub_push"
    # Below the deadline after which Pub/Sub gives up.
    patience    = "${min(25, floor(var.ack_deadline_seconds * 0.8))}s"
    pubsub_push = { subscriptions = [subscription.id] }
    auth        = { google = { audiences = [local.audience], emails = google_service_account.pusher[*].email } }
  }]

  settings = merge(
    { for subscription in google_pubsub_subscription.pull : "HELIOS_GCP_PROJECT" => subscription.project },
    { for subscription in google_pubsub_subscription.pull : "HELIOS_GCP_SUBSCRIPTION" => subscription.name },
    # On one line; and a value in a file of settings ends at the first space or #.
    { for key in google_service_account_key.helios : "HELIOS_GCP_CREDENTIALS_JSON" => replace(replace(jsonencode(jsondecode(base64decode(key.private_key))), " ", "\\u0020"), "#", "\\u0023") },
    { for subscription in google_pubsub_subscription.push : "HELIOS_WEBHOOK_ADDRESS" => var.webhook_address },
    { for subscription in google_pubsub_subscription.push : "HELIOS_WEBHOOK_CERT_FILE" => var.webhook_cert_file if var.webhook_cert_file != null },
    { for subscription in google_pubsub_subscription.push : "HELIOS_WEBHOOK_KEY_FILE" => var.webhook_key_file if var.webhook_key_file != null },
    { for subscription in google_pubsub_subscription.push : "HELIOS_WEBHOOK_PATHS" => replace(replace(jsonencode(concat(local.webhook_paths, var.other_webhook_paths)), " ", "\\u0020"), "#", "\\u0023") },
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
}

output "topic_id" {
  description = "The topic, for helios-connect publish --topic."
  value       = local.topic
}

output "subscription_id" {
  description = "The subscription that Helios pulls from, or null."
  value       = one(google_pubsub_subscription.pull[*].id)
}

output "dead_letter_subscription_id" {
  description = "The subscription that holds the dead letters."
  value       = google_pubsub_subscription.dead.id
}

output "service_account_email" {
  description = "The service account that may pull, or null when all is pushed."
  value       = one(local.consumers)
}

output "pusher_email" {
  description = "The service account whose tokens the pushes carry, or null."
  value       = one(google_service_account.pusher[*].email)
}
