variable "project_id" {
  description = "The id of the project that holds topic and subscriptions."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be the id, not the name or the number: 6 to 30 small letters, digits and hyphens that begin with a letter, for example my-project."
  }
}

variable "name" {
  description = "What everything is called, or begins with. One name for each copy of this module in a project."
  type        = string
  default     = "helios"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,17}[a-z0-9]$", var.name)) && !startswith(var.name, "goog")
    error_message = "name must be 3 to 19 small letters, digits and hyphens that begin with a letter and not with goog, for example helios."
  }
}

variable "ways" {
  description = "How the events reach Helios: pull, or push to webhook_url, or both."
  type        = set(string)
  default     = ["pull"]

  validation {
    condition     = length(var.ways) > 0 && length(setsubtract(var.ways, ["pull", "push"])) == 0
    error_message = "ways must hold pull, push or both, for example [\"pull\"]."
  }
}

# --- The subscriptions ---

variable "topic_id" {
  description = "A topic that is there already. Null makes one, called as in name."
  type        = string
  default     = null

  validation {
    condition     = var.topic_id == null || can(regex("^projects/[^/]+/topics/[^/]+$", var.topic_id))
    error_message = "topic_id must be a whole path, for example projects/my-project/topics/orders."
  }
}

variable "filter" {
  description = "Which messages of the topic are taken, by their attributes, in Pub/Sub's filter syntax. Null takes all."
  type        = string
  default     = null
}

variable "ack_deadline_seconds" {
  description = "How long Helios may take to acknowledge a message. When it pulls, it extends this while it works."
  type        = number
  default     = 60

  validation {
    condition     = var.ack_deadline_seconds >= 10 && var.ack_deadline_seconds <= 600
    error_message = "ack_deadline_seconds must be 10 to 600, for example 60."
  }
}

variable "message_retention_seconds" {
  description = "How long the subscriptions keep what is not acknowledged."
  type        = number
  default     = 604800

  validation {
    condition     = var.message_retention_seconds >= 86400 && var.message_retention_seconds <= 2678400
    error_message = "message_retention_seconds must be 86400 (a day) to 2678400 (31 days)."
  }
}

variable "max_delivery_attempts" {
  description = "After how many deliveries without success a message goes to the dead-letter topic."
  type        = number
  default     = 20

  validation {
    condition     = var.max_delivery_attempts >= 5 && var.max_delivery_attempts <= 100
    error_message = "max_delivery_attempts must be 5 to 100."
  }
}

variable "minimum_backoff_seconds" {
  description = "The first pause before a message is delivered again."
  type        = number
  default     = 10

  validation {
    condition     = var.minimum_backoff_seconds >= 0 && var.minimum_backoff_seconds <= var.maximum_backoff_seconds
    error_message = "minimum_backoff_seconds must be 0 to maximum_backoff_seconds."
  }
}

variable "maximum_backoff_seconds" {
  description = "The longest pause before a message is delivered again."
  type        = number
  default     = 300

  validation {
    condition     = var.maximum_backoff_seconds >= 0 && var.maximum_backoff_seconds <= 600
    error_message = "maximum_backoff_seconds must be 0 to 600."
  }
}

variable "ordering" {
  description = "Whether messages with the same ordering key come in their order. Helios doesn't need it; it slows down, and one message that fails holds up its key."
  type        = bool
  default     = false
}

# --- What is pushed ---

variable "webhook_url" {
  description = "Where the listener of Helios is reached from outside, without a path. Required for push."
  type        = string
  default     = null

  validation {
    condition     = var.webhook_url == null || can(regex("^https://[^/?#]+$", var.webhook_url))
    error_message = "webhook_url must be https:// and a host, with a port if it isn't 443 and without a path or a slash at its end, for example https://helios.example.com:8443."
  }
  validation {
    condition     = var.webhook_url != null || !contains(var.ways, "push")
    error_message = "webhook_url must be given when ways holds push, for example https://helios.example.com:8443."
  }
}

variable "webhook_path" {
  description = "The path that is pushed to."
  type        = string
  default     = "/gcp"

  validation {
    condition     = can(regex("^/[A-Za-z0-9/_.-]*$", var.webhook_path))
    error_message = "webhook_path must begin with / and hold only letters, digits and / _ . -, for example /gcp."
  }
}

variable "webhook_audience" {
  description = "The audience (aud) of the tokens that Pub/Sub sends. Null: the URL that is pushed to."
  type        = string
  default     = null
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

variable "service_account_email" {
  description = "A service account that is there already and pulls, for example that of the machine. Null makes one."
  type        = string
  default     = null

  validation {
    condition     = var.service_account_email == null || can(regex("^[^@ ]+@[^@ ]+\\.gserviceaccount\\.com$", var.service_account_email))
    error_message = "service_account_email must be the e-mail address of a service account, for example helios@my-project.iam.gserviceaccount.com."
  }
}

variable "create_key" {
  description = "Whether a key is made for the service account; it is in the settings and in Terraform's state. False where the machine's own identity is the service account."
  type        = bool
  default     = true
}

variable "labels" {
  description = "Labels of topics and subscriptions."
  type        = map(string)
  default     = {}
}
