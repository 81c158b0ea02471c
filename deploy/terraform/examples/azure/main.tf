# An Event Grid topic, a Storage queue, and an application for Helios.

terraform {
  required_version = ">= 1.9"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 5.0, < 6.0"
    }
    azuread = {
      source  = "hashicorp/azuread"
      version = ">= 3.0, < 4.0"
    }
  }
}

variable "subscription_id" {
  description = "The id of the subscription (az account show --query id)."
  type        = string
}

variable "location" {
  description = "The region of everything."
  type        = string
  default     = "westeurope"
}

provider "azurerm" {
  subscription_id = var.subscription_id
  # The storage account lets nobody in with its keys, Terraform included.
  storage_use_azuread            = true
  resource_providers_to_register = ["Microsoft.EventGrid", "Microsoft.Storage", "Microsoft.EventHub", "Microsoft.ServiceBus"]

  features {}
}

provider "azuread" {}

module "helios" {
  source = "../../azure"

  location = var.location
  name     = "helios"
  ways     = ["storage_queue"]
}

output "helios_settings" {
  description = "terraform output -raw helios_settings >> local.env"
  value       = module.helios.helios_settings
  sensitive   = true
}

output "publish_settings" {
  description = "terraform output -raw publish_settings > publish.env"
  value       = module.helios.publish_settings
  sensitive   = true
}

output "topic" {
  description = "helios-connect publish --grid"
  value       = module.helios.topic_endpoint
}
