# Event Grid → Event Hubs, which Helios reads over Kafka. Kafka needs the tier
# Standard.

resource "azurerm_eventhub_namespace" "events" {
  count               = contains(var.ways, "event_hub") ? 1 : 0
  name                = local.unique
  resource_group_name = local.group
  location            = var.location
  sku                 = "Standard"
  capacity            = 1
  tags                = var.tags
}

resource "azurerm_eventhub" "events" {
  count           = contains(var.ways, "event_hub") ? 1 : 0
  name            = var.name
  namespace_id    = azurerm_eventhub_namespace.events[0].id
  partition_count = var.event_hub_partitions

  retention_description {
    cleanup_policy          = "Delete"
    retention_time_in_hours = var.event_hub_retention_hours
  }
}

# For Helios: reading from this hub.
resource "azurerm_eventhub_authorization_rule" "helios" {
  count               = contains(var.ways, "event_hub") ? 1 : 0
  name                = "helios-listen"
  namespace_name      = azurerm_eventhub_namespace.events[0].name
  eventhub_name       = azurerm_eventhub.events[0].name
  resource_group_name = local.group
  listen              = true
  send                = false
  manage              = false
}

resource "azurerm_role_assignment" "topic_hub" {
  count                = contains(var.ways, "event_hub") ? 1 : 0
  scope                = azurerm_eventhub.events[0].id
  role_definition_name = "Azure Event Hubs Data Sender"
  principal_id         = azurerm_eventgrid_topic.events.identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_eventgrid_event_subscription" "hub" {
  count                 = contains(var.ways, "event_hub") ? 1 : 0
  name                  = "${var.name}-hub"
  scope                 = azurerm_eventgrid_topic.events.id
  event_delivery_schema = var.event_schema
  included_event_types  = var.included_event_types
  eventhub_id           = azurerm_eventhub.events[0].id

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

  depends_on = [azurerm_role_assignment.topic_hub, azurerm_role_assignment.topic_dead]
}
