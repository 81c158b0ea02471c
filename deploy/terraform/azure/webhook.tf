# Event Grid → the listener of Helios, with tokens of Entra or a secret in the URL.

locals {
  entra        = contains(var.ways, "webhook") && var.webhook_auth == "entra"
  subscription = "${var.name}-webhook"
}

data "azuread_client_config" "current" {
  count = local.entra ? 1 : 0
}

# Stands for the listener: the tokens are made for it. Event Grid accepts a
# subscription to it only from its owner or from who holds the role.
resource "azuread_application" "webhook" {
  count        = local.entra ? 1 : 0
  display_name = "${local.unique}-webhook"
  owners       = [data.azuread_client_config.current[0].object_id]

  app_role {
    id                   = uuidv5("url", "https://${local.unique}/AzureEventGridSecureWebhookSubscriber")
    value                = "AzureEventGridSecureWebhookSubscriber"
    display_name         = "AzureEventGridSecureWebhookSubscriber"
    description          = "May deliver events to Helios"
    allowed_member_types = ["Application", "User"]
  }

  lifecycle {
    # Set below, since it holds the id that the application gets.
    ignore_changes = [identifier_uris]
  }
}

resource "azuread_application_identifier_uri" "webhook" {
  count          = local.entra ? 1 : 0
  application_id = azuread_application.webhook[0].id
  identifier_uri = "api://${azuread_application.webhook[0].client_id}"
}

resource "azuread_service_principal" "webhook" {
  count     = local.entra ? 1 : 0
  client_id = azuread_application.webhook[0].client_id
  owners    = [data.azuread_client_config.current[0].object_id]
}

# Event Grid itself, in Azure's public cloud. The directory has it once the
# resource provider Microsoft.EventGrid is registered. It is everybody's: as a
# resource, it would be deleted with the module.
data "azuread_service_principal" "event_grid" {
  count     = local.entra ? 1 : 0
  client_id = "4962773b-9cdb-44cf-a8bf-237846a00ab7"
}

resource "azuread_app_role_assignment" "event_grid" {
  count               = local.entra ? 1 : 0
  app_role_id         = azuread_application.webhook[0].app_role_ids["AzureEventGridSecureWebhookSubscriber"]
  principal_object_id = data.azuread_service_principal.event_grid[0].object_id
  resource_object_id  = azuread_service_principal.webhook[0].object_id
}

# Whoever applies this, since that is who makes the subscription.
resource "azuread_app_role_assignment" "creator" {
  count               = local.entra ? 1 : 0
  app_role_id         = azuread_application.webhook[0].app_role_ids["AzureEventGridSecureWebhookSubscriber"]
  principal_object_id = data.azuread_client_config.current[0].object_id
  resource_object_id  = azuread_service_principal.webhook[0].object_id
}

resource "random_password" "code" {
  count   = contains(var.ways, "webhook") && var.webhook_auth == "code" ? 1 : 0
  length  = 40
  special = false
}

resource "azurerm_eventgrid_event_subscription" "webhook" {
  count                 = contains(var.ways, "webhook") && var.webhook_ready ? 1 : 0
  name                  = local.subscription
  scope                 = azurerm_eventgrid_topic.events.id
  event_delivery_schema = var.event_schema
  included_event_types  = var.included_event_types

  webhook_endpoint {
    url                            = join("?code=", concat(["${var.webhook_url}${var.webhook_path}"], random_password.code[*].result))
    active_directory_tenant_id     = local.entra ? data.azuread_client_config.current[0].tenant_id : null
    active_directory_app_id_or_uri = local.entra ? azuread_application_identifier_uri.webhook[0].identifier_uri : null
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

  depends_on = [azuread_app_role_assignment.event_grid, azuread_app_role_assignment.creator, azurerm_role_assignment.topic_dead]
}
