locals {
  # The proof of who pushes is that of webhook_auth: one of the two lists is empty.
  proofs = concat(
    [for application in azuread_application.webhook : {
      entra = {
        tenant_id = data.azuread_client_config.current[0].tenant_id
        # Which of the two is in a token depends on the application's manifest.
        audiences = ["api://${application.client_id}", application.client_id]
      }
    }],
    [for code in random_password.code : { api_key = { query = "code", keys = [code.result] } }],
  )

  webhook_paths = [for proof in local.proofs : merge(
    { path = var.webhook_path, name = "azure-${var.name}", auth = proof },
    { for sender in ["event_grid"] : "sender" => sender if var.event_schema == "EventGridSchema" },
    { for name in [local.subscription] : "event_grid" => { subscriptions = [name] } if var.event_schema == "EventGridSchema" },
    { for sender in ["cloudevents"] : "sender" => sender if var.event_schema == "CloudEventSchemaV1_0" },
    { for origin in ["eventgrid.azure.net"] : "cloudevents" => { origins = [origin] } if var.event_schema == "CloudEventSchemaV1_0" },
  )]

  pushed = contains(var.ways, "webhook")

  settings = merge(
    { for queue in azurerm_storage_queue.events : "HELIOS_AZURE_QUEUE" => queue.name },
    { for queue in azurerm_storage_queue.events : "HELIOS_AZURE_STORAGE_ACCOUNT" => azurerm_storage_account.events.name },
    { for application in azuread_application.helios : "AZURE_TENANT_ID" => data.azurerm_client_config.current.tenant_id },
    { for application in azuread_application.helios : "AZURE_CLIENT_ID" => application.client_id },
    { for password in azuread_application_password.helios : "AZURE_CLIENT_SECRET" => password.value },
    { for hub in azurerm_eventhub.events : "HELIOS_AZURE_EVENTHUB" => hub.name },
    { for namespace in azurerm_eventhub_namespace.events : "HELIOS_AZURE_EVENTHUB_NAMESPACE" => namespace.name },
    { for rule in azurerm_eventhub_authorization_rule.helios : "HELIOS_AZURE_EVENTHUB_CONNECTION_STRING" => rule.primary_connection_string },
    { for queue in azurerm_servicebus_queue.events : "HELIOS_AZURE_SERVICEBUS" => queue.name },
    { for namespace in azurerm_servicebus_namespace.events : "HELIOS_AZURE_SERVICEBUS_NAMESPACE" => namespace.name },
    { for rule in azurerm_servicebus_queue_authorization_rule.helios : "HELIOS_AZURE_SERVICEBUS_KEY_NAME" => rule.name },
    { for rule in azurerm_servicebus_queue_authorization_rule.helios : "HELIOS_AZURE_SERVICEBUS_KEY" => rule.primary_key },
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

output "publish_settings" {
  description = "The setting that helios-connect publish --grid needs beside them. Helios itself does not."
  value       = "HELIOS_AZURE_EVENTGRID_KEY=${azurerm_eventgrid_topic.events.primary_access_key}\n"
  sensitive   = true
}

output "webhook_paths" {
  description = "The entries of HELIOS_WEBHOOK_PATHS for this cloud, for other_webhook_paths of another cloud's module."
  value       = local.webhook_paths
  sensitive   = true
}

output "topic_endpoint" {
  description = "The topic, for helios-connect publish --grid."
  value       = azurerm_eventgrid_topic.events.endpoint
}

output "topic_id" {
  description = "The topic, to give others the role EventGrid Data Sender on it."
  value       = azurerm_eventgrid_topic.events.id
}

output "resource_group_name" {
  description = "The resource group that holds everything."
  value       = local.group
}

output "dead_letter_container" {
  description = "The container of the events that Event Grid couldn't deliver."
  value       = "${azurerm_storage_account.events.name}/${azurerm_storage_container.dead.name}"
}
