# Who may do what, each on one resource and nowhere else.

data "google_project" "this" {
  project_id = var.project_id
}

locals {
  # Pub/Sub itself, which moves dead letters and signs for the pushing account.
  agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"

  # One e-mail address, or none when all is pushed.
  consumers = contains(var.ways, "pull") && var.service_account_email != null ? [var.service_account_email] : google_service_account.helios[*].email
}

resource "google_pubsub_topic_iam_member" "agent_dead" {
  project = var.project_id
  topic   = google_pubsub_topic.dead.name
  role    = "roles/pubsub.publisher"
  member  = local.agent
}

resource "google_pubsub_subscription_iam_member" "agent_pull" {
  count        = contains(var.ways, "pull") ? 1 : 0
  project      = var.project_id
  subscription = google_pubsub_subscription.pull[0].name
  role         = "roles/pubsub.subscriber"
  member       = local.agent
}

resource "google_pubsub_subscription_iam_member" "agent_push" {
  count        = contains(var.ways, "push") ? 1 : 0
  project      = var.project_id
  subscription = google_pubsub_subscription.push[0].name
  role         = "roles/pubsub.subscriber"
  member       = local.agent
}

# --- Helios, which pulls ---

resource "google_service_account" "helios" {
  count        = contains(var.ways, "pull") && var.service_account_email == null ? 1 : 0
  project      = var.project_id
  account_id   = "${var.name}-consumer"
  display_name = "Helios, pulling from ${var.name}"
}

resource "google_service_account_key" "helios" {
  count              = contains(var.ways, "pull") && var.create_key ? 1 : 0
  service_account_id = var.service_account_email == null ? google_service_account.helios[0].name : "projects/-/serviceAccounts/${var.service_account_email}"
}

resource "google_pubsub_subscription_iam_member" "helios" {
  count        = contains(var.ways, "pull") ? 1 : 0
  project      = var.project_id
  subscription = google_pubsub_subscription.pull[0].name
  role         = "roles/pubsub.subscriber"
  member       = "serviceAccount:${local.consumers[0]}"
}

# For helios-connect doctor, which looks at the subscription's dead-letter policy.
resource "google_pubsub_subscription_iam_member" "helios_view" {
  count        = contains(var.ways, "pull") ? 1 : 0
  project      = var.project_id
  subscription = google_pubsub_subscription.pull[0].name
  role         = "roles/pubsub.viewer"
  member       = "serviceAccount:${local.consumers[0]}"
}

# --- The account that pushes to Helios ---

resource "google_service_account" "pusher" {
  count        = contains(var.ways, "push") ? 1 : 0
  project      = var.project_id
  account_id   = "${var.name}-pusher"
  display_name = "Pub/Sub, pushing from ${var.name} to Helios"
}

# Pub/Sub makes tokens in this account's name; projects made before April 2021
# don't allow it by themselves.
resource "google_service_account_iam_member" "token" {
  count              = contains(var.ways, "push") ? 1 : 0
  service_account_id = google_service_account.pusher[0].name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.agent
}
