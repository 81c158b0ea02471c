# Event Grid → Service Bus, which Helios reads over AMQP.

resource "azurerm_servicebus_namespace" "events" {
  count               = contains(var.ways, "service_bus") ? 1 : 0
  name                = "${local.unique}-bus"
  resource_group_name = local.group
  location            = var.location
  sku                 = "Standard"
  tags                = var.tags
}

resource "azurerm_servicebus_queue" "events" {
  count                                = contains(var.ways, "service_bus") ? 1 : 0
  name                                 = var.name
  namespace_id                         = azurerm_servicebus_namespace.events[0].id
  lock_duration                        = "PT1M"
  max_delivery_count                   = var.service_bus_max_delivery_count
  dead_lettering_on_message_expiration = true
}

# For Helios: reading from this queue.
resource "azurerm_servicebus_queue_authorization_rule" "helios" {
  count    = contains(var.ways, "service_bus") ? 1 : 0
  name     = "helios-listen"
  queue_id = azurerm_servicebus_queue.events[0].id
  listen   = true
  send     = false
  manage   = false
}

resource "azurerm_role_assignment" "topic_bus" {
  count                = contains(var.ways, "service_bus") ? 1 : 0
  scope                = azurerm_servicebus_queue.events[0].id
  role_definition_name = "Azure Service Bus Data Sender"
  principal_id         = azurerm_eventgrid_topic.events.identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_eventgrid_event_subscription" "bus" {
  count                 = contains(var.ways, "service_bus") ? 1 : 0
  name                  = "${var.name}-bus"
  scope                 = azurerm_eventgrid_topic.events.id
  event_delivery_schema = var.event_schema
  included_event_types  = var.included_event_types
  service_bus_queue_id  = azurerm_servicebus_queue.events[0].id

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

  depends_on = [azurerm_role_assignment.topic_bus, azurerm_role_assignment.topic_dead]
}
