variable "location" {
  description = "The region, as az account list-locations names it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+$", var.location))
    error_message = "location must be a region's short name, for example westeurope."
  }
}

variable "name" {
  description = "What everything is called, or begins with. One name for each copy of this module in a resource group."
  type        = string
  default     = "helios"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name)) && !strcontains(var.name, "--")
    error_message = "name must be 3 to 20 small letters, digits and single hyphens that begin with a letter, for example helios."
  }
}

variable "resource_group_name" {
  description = "A resource group that is there already. Null makes one, called as in name."
  type        = string
  default     = null
}

variable "ways" {
  description = "How the events reach Helios. webhook is pushed to webhook_url, the others are pulled."
  type        = set(string)
  default     = ["storage_queue"]

  validation {
    condition     = length(var.ways) > 0 && length(setsubtract(var.ways, ["storage_queue", "event_hub", "service_bus", "webhook"])) == 0
    error_message = "ways must hold one or more of storage_queue, event_hub, service_bus and webhook, for example [\"storage_queue\"]."
  }
}

# --- The topic and its subscriptions ---

variable "event_schema" {
  description = "The schema that the topic takes and delivers."
  type        = string
  default     = "EventGridSchema"

  validation {
    condition     = contains(["EventGridSchema", "CloudEventSchemaV1_0"], var.event_schema)
    error_message = "event_schema must be EventGridSchema or CloudEventSchemaV1_0."
  }
}

variable "included_event_types" {
  description = "The types of events that are taken. Null takes all."
  type        = list(string)
  default     = null
}

variable "max_delivery_attempts" {
  description = "After how many attempts without success Event Grid puts an event into the dead-letter container."
  type        = number
  default     = 30

  validation {
    condition     = var.max_delivery_attempts >= 1 && var.max_delivery_attempts <= 30
    error_message = "max_delivery_attempts must be 1 to 30."
  }
}

variable "event_time_to_live_minutes" {
  description = "After what time without success Event Grid puts an event into the dead-letter container."
  type        = number
  default     = 1440

  validation {
    condition     = var.event_time_to_live_minutes >= 1 && var.event_time_to_live_minutes <= 1440
    error_message = "event_time_to_live_minutes must be 1 to 1440 (a day)."
  }
}

variable "queue_message_time_to_live_seconds" {
  description = "How long the Storage queue keeps what nobody takes."
  type        = number
  default     = 604800

  validation {
    condition     = var.queue_message_time_to_live_seconds >= 3600
    error_message = "queue_message_time_to_live_seconds must be 3600 or more, for example 604800 (7 days)."
  }
}

variable "replication" {
  description = "How the storage account keeps its copies."
  type        = string
  default     = "ZRS"

  validation {
    condition     = contains(["LRS", "ZRS", "GRS", "GZRS"], var.replication)
    error_message = "replication must be LRS, ZRS, GRS or GZRS; not every region has zones (ZRS, GZRS)."
  }
}

variable "event_hub_partitions" {
  description = "Partitions of the Event Hub, which is also the most processes that can share it."
  type        = number
  default     = 4

  validation {
    condition     = var.event_hub_partitions >= 1 && var.event_hub_partitions <= 32
    error_message = "event_hub_partitions must be 1 to 32."
  }
}

variable "event_hub_retention_hours" {
  description = "How long the Event Hub keeps events, read or not: the longest that Helios may be away."
  type        = number
  default     = 72

  validation {
    condition     = var.event_hub_retention_hours >= 1 && var.event_hub_retention_hours <= 168
    error_message = "event_hub_retention_hours must be 1 to 168 (7 days)."
  }
}

variable "service_bus_max_delivery_count" {
  description = "After how many deliveries without success Service Bus puts a message into the dead-letter queue."
  type        = number
  default     = 20

  validation {
    condition     = var.service_bus_max_delivery_count >= 5 && var.service_bus_max_delivery_count <= 2000
    error_message = "service_bus_max_delivery_count must be 5 to 2000."
  }
}

# --- What is pushed ---

variable "webhook_url" {
  description = "Where the listener of Helios is reached from outside, without a path. Required for webhook."
  type        = string
  default     = null

  validation {
    condition     = var.webhook_url == null || can(regex("^https://[^/?#]+$", var.webhook_url))
    error_message = "webhook_url must be https:// and a host, with a port if it isn't 443 and without a path or a slash at its end, for example https://helios.example.com:8443."
  }
  validation {
    condition     = var.webhook_url != null || !contains(var.ways, "webhook")
    error_message = "webhook_url must be given when ways holds webhook, for example https://helios.example.com:8443."
  }
}

variable "webhook_path" {
  description = "The path that is pushed to."
  type        = string
  default     = "/azure"

  validation {
    condition     = can(regex("^/[A-Za-z0-9/_.-]*$", var.webhook_path))
    error_message = "webhook_path must begin with / and hold only letters, digits and / _ . -, for example /azure."
  }
}

variable "webhook_auth" {
  description = "How Event Grid proves to Helios who it is: entra with tokens of Microsoft Entra, which takes the right to make applications there; code with a secret in the URL."
  type        = string
  default     = "entra"

  validation {
    condition     = contains(["entra", "code"], var.webhook_auth)
    error_message = "webhook_auth must be entra or code."
  }
}

variable "webhook_ready" {
  description = "Whether Helios listens at webhook_url. Event Grid asks there when the subscription is made, so apply with false, start Helios with the settings, and apply with true."
  type        = bool
  default     = false
}

variable "webhook_address" {
  description = "Where Helios listens (HELIOS_WEBHOOK_ADDRESS)."
  type        = string
  default     = "0.0.0.0:8443"

  validation {
    condition     = can(regex("^[^ #]*:[0-9]+$", var.webhook_address))
    error_message = "webhook_address must be a host, which may be empty, and a port, for example 0.0.0.0:8443."
  }
}

variable "webhook_cert_file" {
  description = "The listener's certificate with its chain, on the machine of Helios. Null: a proxy or a tunnel in front ends TLS."
  type        = string
  default     = null
}

variable "webhook_key_file" {
  description = "The certificate's private key, on the machine of Helios."
  type        = string
  default     = null

  validation {
    condition     = (var.webhook_key_file == null) == (var.webhook_cert_file == null)
    error_message = "webhook_key_file must be given together with webhook_cert_file, or neither."
  }
}

variable "other_webhook_paths" {
  description = "What the output webhook_paths of the other clouds' modules holds: one listener serves all, and its setting is one list."
  type        = any
  default     = []
  sensitive   = true
}

# --- Who Helios is ---

variable "identity" {
  description = "How Helios signs in to the Storage queue: application makes an application in Entra with a secret, which is in the settings and in Terraform's state; principal gives the rights to principal_id, for example the machine's managed identity."
  type        = string
  default     = "application"

  validation {
    condition     = contains(["application", "principal"], var.identity)
    error_message = "identity must be application or principal."
  }
}

variable "principal_id" {
  description = "The object id of whom the rights on the Storage queue are given to when identity is principal."
  type        = string
  default     = null

  validation {
    condition     = (var.principal_id != null) == (var.identity == "principal")
    error_message = "principal_id must be given when identity is principal, and only then."
  }
  validation {
    condition     = var.principal_id == null || can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", var.principal_id))
    error_message = "principal_id must be an object id (a UUID), for example 00000000-1111-2222-3333-444444444444."
  }
}

variable "tags" {
  description = "Tags of everything that takes them."
  type        = map(string)
  default     = {}
}
