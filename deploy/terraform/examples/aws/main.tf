# EventBridge → SQS, on a bus of its own, and a user for Helios.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }
}

variable "region" {
  description = "The region of bus and queue."
  type        = string
  default     = "eu-central-1"
}

provider "aws" {
  region = var.region
}

module "helios" {
  source = "../../aws"

  name          = "helios"
  ways          = ["sqs"]
  event_pattern = jsonencode({ source = [{ prefix = "com.example." }] })
}

output "helios_settings" {
  description = "terraform output -raw helios_settings >> local.env"
  value       = module.helios.helios_settings
  sensitive   = true
}

output "bus" {
  description = "helios-connect publish --bus"
  value       = module.helios.bus_name
}
