variable "name" {
  description = "What everything is called, or begins with. One name for each copy of this module in a region."
  type        = string
  default     = "helios"

  validation {
    condition     = can(regex("^[a-zA-Z][a-zA-Z0-9-]{1,39}$", var.name))
    error_message = "name must be 2 to 40 letters, digits and hyphens that begin with a letter, for example helios."
  }
}

variable "ways" {
  description = "How the events reach Helios. sqs and kinesis are pulled; api_destination and sns are pushed to webhook_url."
  type        = set(string)
  default     = ["sqs"]

  validation {
    condition     = length(var.ways) > 0 && length(setsubtract(var.ways, ["sqs", "kinesis", "api_destination", "sns"])) == 0
    error_message = "ways must hold one or more of sqs, kinesis, api_destination and sns, for example [\"sqs\"]."
  }
}

# --- What is taken from the bus ---

variable "bus_name" {
  description = "An event bus that is there already, for example default. Null makes one, called as in name."
  type        = string
  default     = null
}

variable "event_pattern" {
  description = "Which events of the bus are taken, as JSON in the language of EventBridge's patterns. Null takes all that this account puts on the bus."
  type        = string
  default     = null

  validation {
    condition     = var.event_pattern == null || try(length(keys(jsondecode(var.event_pattern))) > 0, false)
    error_message = "event_pattern must be a JSON object with at least one member, for example jsonencode({ source = [\"com.example.shop\"] })."
  }
}

# --- The queues ---

variable "visibility_timeout_seconds" {
  description = "How long a received message is hidden from other receivers. Helios extends it while it works."
  type        = number
  default     = 60

  validation {
    condition     = var.visibility_timeout_seconds >= 30 && var.visibility_timeout_seconds <= 43200
    error_message = "visibility_timeout_seconds must be 30 to 43200, for example 60."
  }
}

variable "message_retention_seconds" {
  description = "How long the queues keep what nobody takes."
  type        = number
  default     = 1209600

  validation {
    condition     = var.message_retention_seconds >= 86400 && var.message_retention_seconds <= 1209600
    error_message = "message_retention_seconds must be 86400 (a day) to 1209600 (14 days)."
  }
}

variable "max_receive_count" {
  description = "After how many receipts without success a message goes to the dead-letter queue."
  type        = number
  default     = 20

  validation {
    condition     = var.max_receive_count >= 5 && var.max_receive_count <= 1000
    error_message = "max_receive_count must be 5 to 1000: a restart of Helios counts as a receipt too."
  }
}

variable "kms_key_arn" {
  description = "A key of your own that encrypts queues, stream and topic. Its policy must let events.amazonaws.com (and sns.amazonaws.com for sns) call kms:GenerateDataKey and kms:Decrypt. Null: keys that AWS manages."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key, for example arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab; an alias is not allowed."
  }
}

# --- Kinesis ---

variable "kinesis_shards" {
  description = "Shards of the stream. Null lets the stream grow by itself (on demand)."
  type        = number
  default     = null

  validation {
    condition     = var.kinesis_shards == null || try(var.kinesis_shards >= 1 && floor(var.kinesis_shards) == var.kinesis_shards, false)
    error_message = "kinesis_shards must be a whole number of 1 or more, or null for a stream on demand."
  }
}

variable "kinesis_retention_hours" {
  description = "How long the stream keeps records, read or not: the longest that Helios may be away."
  type        = number
  default     = 72

  validation {
    condition     = var.kinesis_retention_hours >= 24 && var.kinesis_retention_hours <= 8760
    error_message = "kinesis_retention_hours must be 24 to 8760."
  }
}

# --- What is pushed ---

variable "webhook_url" {
  description = "Where the listener of Helios is reached from outside, without a path. Required for api_destination and sns."
  type        = string
  default     = null

  validation {
    condition     = var.webhook_url == null || can(regex("^https://[^/?#]+$", var.webhook_url))
    error_message = "webhook_url must be https:// and a host, with a port if it isn't 443 and without a path or a slash at its end, for example https://helios.example.com:8443."
  }
  validation {
    condition     = var.webhook_url != null || length(setintersection(var.ways, ["api_destination", "sns"])) == 0
    error_message = "webhook_url must be given when ways holds api_destination or sns, for example https://helios.example.com:8443."
  }
}

variable "webhook_path" {
  description = "The path of the API destination. That of SNS is the same with /sns behind it."
  type        = string
  default     = "/aws"

  validation {
    condition     = can(regex("^/[A-Za-z0-9/_.-]*$", var.webhook_path))
    error_message = "webhook_path must begin with / and hold only letters, digits and / _ . -, for example /aws."
  }
}

variable "webhook_ready" {
  description = "Whether Helios listens at webhook_url. SNS asks there when it is subscribed, so apply with false, start Helios with the settings, and apply with true."
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

variable "invocation_rate_limit_per_second" {
  description = "The most requests that the API destination makes in a second."
  type        = number
  default     = 300

  validation {
    condition     = var.invocation_rate_limit_per_second >= 1
    error_message = "invocation_rate_limit_per_second must be 1 or more, for example 300."
  }
}

# --- Who Helios is ---

variable "identity" {
  description = "How Helios signs in: user makes a user with an access key, which is in the settings and in Terraform's state; role makes a role for trusted_service; none makes only the policy (output policy_arn)."
  type        = string
  default     = "user"

  validation {
    condition     = contains(["user", "role", "none"], var.identity)
    error_message = "identity must be user, role or none."
  }
}

variable "trusted_service" {
  description = "Whose machines may take the role on."
  type        = string
  default     = "ec2.amazonaws.com"

  validation {
    condition     = contains(["ec2.amazonaws.com", "ecs-tasks.amazonaws.com", "pods.eks.amazonaws.com"], var.trusted_service)
    error_message = "trusted_service must be ec2.amazonaws.com, ecs-tasks.amazonaws.com or pods.eks.amazonaws.com."
  }
}

variable "tags" {
  description = "Tags of everything that takes them."
  type        = map(string)
  default     = {}
}
