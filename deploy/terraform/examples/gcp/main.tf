# A topic, a pull subscription, and a service account with a key for Helios.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.0, < 8.0"
    }
  }
}

variable "project_id" {
  description = "The id of the project."
  type        = string
}

provider "google" {
  project = var.project_id
}

module "helios" {
  source = "../../gcp"

  project_id = var.project_id
  name       = "helios"
  ways       = ["pull"]
}

output "helios_settings" {
  description = "terraform output -raw helios_settings >> local.env"
  value       = module.helios.helios_settings
  sensitive   = true
}

output "topic" {
  description = "helios-connect publish --topic"
  value       = module.helios.topic_id
}
