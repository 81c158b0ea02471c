# Event Grid → Storage queue.

resource "azurerm_storage_queue" "events" {
  count              = contains(var.ways, "storage_queue") ? 1 : 0
  name               = var.name
  storage_account_id = azurerm_storage_account.events.id
}

resource "azurerm_role_assignment" "topic_queue" {
  count                = contains(var.ways, "storage_queue") ? 1 : 0
  scope                = azurerm_storage_queue.events[0].id
  role_definition_name = "Storage Queue Data Message Sender"
  principal_id         = azurerm_eventgrid_topic.events.identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_eventgrid_event_subscription" "queue" {
  count                 = contains(var.ways, "storage_queue") ? 1 : 0
  name                  = "${var.name}-queue"
  scope                 = azurerm_eventgrid_topic.events.id
  event_delivery_schema = var.event_schema
  included_event_types  = var.included_event_types

  storage_queue_endpoint {
    storage_account_id                    = azurerm_storage_account.events.id
    queue_name                            = azurerm_storage_queue.events[0].name
    queue_message_time_to_live_in_seconds = var.queue_message_time_to_live_seconds
  }
  delivery_identity {
    type = "SystemAssigned"
  }
  storage_blob_dead_letter_destination {
    storage_account_id          = azurerm_storage_account.events.id
    storage_blob_container_name = azurerm_storage_container.dead.name
  }
  dead_letter_identity {
    type = "SystemAssigned"
  }
  retry_policy {
    max_delivery_attempts = var.max_delivery_attempts
    event_time_to_live    = var.event_time_to_live_minutes
  }

  depends_on = [azurerm_role_assignment.topic_queue, azurerm_role_assignment.topic_dead]
}

# --- Helios, which takes messages out of this queue and reads its properties ---

resource "azuread_application" "helios" {
  count        = contains(var.ways, "storage_queue") && var.identity == "application" ? 1 : 0
  display_name = "${local.unique}-consumer"
}

resource "azuread_service_principal" "helios" {
  count     = contains(var.ways, "storage_queue") && var.identity == "application" ? 1 : 0
  client_id = azuread_application.helios[0].client_id
}

resource "azuread_application_password" "helios" {
  count          = contains(var.ways, "storage_queue") && var.identity == "application" ? 1 : 0
  application_id = azuread_application.helios[0].id
  display_name   = "helios"
}

resource "azurerm_role_assignment" "helios" {
  for_each = contains(var.ways, "storage_queue") ? toset([
    "Storage Queue Data Message Processor",
    "Storage Queue Data Reader",
  ]) : toset([])

  scope                = azurerm_storage_queue.events[0].id
  role_definition_name = each.value
  principal_id         = var.identity == "application" ? azuread_service_principal.helios[0].object_id : var.principal_id
}
