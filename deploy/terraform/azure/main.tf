# Resource group, topic and dead letters. Each way has a file of its own:
# storage_queue.tf, event_hub.tf, service_bus.tf, webhook.tf.

data "azurerm_client_config" "current" {}

locals {
  group = var.resource_group_name == null ? azurerm_resource_group.events[0].name : var.resource_group_name

  # Names that must differ from everybody else's in Azure, and stay the same.
  suffix  = substr(sha256("${data.azurerm_client_config.current.subscription_id}/${coalesce(var.resource_group_name, var.name)}/${var.name}"), 0, 8)
  unique  = "${var.name}-${local.suffix}"
  account = "${substr(replace(var.name, "-", ""), 0, 16)}${local.suffix}"
}

resource "azurerm_resource_group" "events" {
  count    = var.resource_group_name == null ? 1 : 0
  name     = var.name
  location = var.location
  tags     = var.tags
}

# The topic delivers as itself: it has no keys of queue, hub or bus, and the right
# to send to them only.
resource "azurerm_eventgrid_topic" "events" {
  name                = local.unique
  resource_group_name = local.group
  location            = var.location
  input_schema        = var.event_schema
  tags                = var.tags

  identity {
    type = "SystemAssigned"
  }
}

# Queue and dead letters. Nobody gets in with the account's keys.
resource "azurerm_storage_account" "events" {
  name                            = local.account
  resource_group_name             = local.group
  location                        = var.location
  account_tier                    = "Standard"
  account_replication_type        = var.replication
  min_tls_version                 = "TLS1_2"
  allow_nested_items_to_be_public = false
  shared_access_key_enabled       = false
  tags                            = var.tags
}

resource "azurerm_storage_container" "dead" {
  name                  = "${var.name}-dead"
  storage_account_id    = azurerm_storage_account.events.id
  container_access_type = "private"
}

resource "azurerm_role_assignment" "topic_dead" {
  scope                = azurerm_storage_container.dead.id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = azurerm_eventgrid_topic.events.identity[0].principal_id
  principal_type       = "ServicePrincipal"
}
