# Topic, subscriptions and dead letters. Who may do what is in iam.tf.

locals {
  topic = var.topic_id == null ? google_pubsub_topic.events[0].id : var.topic_id
}

resource "google_pubsub_topic" "events" {
  count   = var.topic_id == null ? 1 : 0
  project = var.project_id
  name    = var.name
  labels  = var.labels
}

resource "google_pubsub_topic" "dead" {
  project = var.project_id
  name    = "${var.name}-dead"
  labels  = var.labels
}

# A topic keeps nothing for those who come later.
resource "google_pubsub_subscription" "dead" {
  project                    = var.project_id
  name                       = "${var.name}-dead"
  topic                      = google_pubsub_topic.dead.id
  message_retention_duration = "${var.message_retention_seconds}s"
  labels                     = var.labels

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_subscription" "pull" {
  count                      = contains(var.ways, "pull") ? 1 : 0
  project                    = var.project_id
  name                       = var.name
  topic                      = local.topic
  filter                     = var.filter
  ack_deadline_seconds       = var.ack_deadline_seconds
  message_retention_duration = "${var.message_retention_seconds}s"
  enable_message_ordering    = var.ordering
  labels                     = var.labels

  # Never removed because nobody pulled for a month.
  expiration_policy {
    ttl = ""
  }
  retry_policy {
    minimum_backoff = "${var.minimum_backoff_seconds}s"
    maximum_backoff = "${var.maximum_backoff_seconds}s"
  }
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead.id
    max_delivery_attempts = var.max_delivery_attempts
  }
}

resource "google_pubsub_subscription" "push" {
  count                      = contains(var.ways, "push") ? 1 : 0
  project                    = var.project_id
  name                       = "${var.name}-push"
  topic                      = local.topic
  filter                     = var.filter
  ack_deadline_seconds       = var.ack_deadline_seconds
  message_retention_duration = "${var.message_retention_seconds}s"
  enable_message_ordering    = var.ordering
  labels                     = var.labels

  push_config {
    push_endpoint = "${var.webhook_url}${var.webhook_path}"

    oidc_token {
      service_account_email = google_service_account.pusher[0].email
      audience              = local.audience
    }
  }
  expiration_policy {
    ttl = ""
  }
  retry_policy {
    minimum_backoff = "${var.minimum_backoff_seconds}s"
    maximum_backoff = "${var.maximum_backoff_seconds}s"
  }
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead.id
    max_delivery_attempts = var.max_delivery_attempts
  }

  depends_on = [google_service_account_iam_member.token]
}
