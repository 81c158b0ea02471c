package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azqueue"

	"github.com/helios-connect/helios/internal/terminal"
)

// checkAzureQueue checks the Storage queue, with the credentials that the input
// takes, in its order: connection string, key, and the machine's identity.
func checkAzureQueue(ctx context.Context, r *run) {
	clock := &clock{next: http.DefaultClient, now: r.Now}
	service, how, d := azureQueues(r, clock)
	if service == nil {
		r.failWith("settings", d)
		return
	}
	name := r.get("HELIOS_AZURE_QUEUE")
	queue := service.NewQueueClient(name)
	defer clock.report(r, "Azure Storage")
	got, err := queue.GetProperties(ctx, nil)
	if err != nil {
		r.failWith("queue", azureDiagnosis(queue.URL(), name, "to read its properties", err))
		return
	}
	waiting := int32(0)
	if got.ApproximateMessagesCount != nil {
		waiting = *got.ApproximateMessagesCount
	}
	r.ok("queue", "%s is there, %s; signed in by %s", name, terminal.Count(waiting, "message waits", "messages wait"), how)
	one := int32(1)
	if _, err = queue.PeekMessages(ctx, &azqueue.PeekMessagesOptions{NumberOfMessages: &one}); err != nil {
		r.failWith("permission", azureDiagnosis(queue.URL(), name, "to read its messages", err))
		return
	}
	if how == "connection string" || how == "access key" {
		r.ok("permission", "messages can be read; a signature (SAS) needs the right to process them too")
		return
	}
	r.ok("permission", "messages can be read; to take them out it needs Storage Queue Data Message Processor")
}

func azureQueues(r *run, c *clock) (client *azqueue.ServiceClient, how string, d diagnosis) {
	account, key, text := r.get("HELIOS_AZURE_STORAGE_ACCOUNT"), r.get("HELIOS_AZURE_STORAGE_ACCESS_KEY"), r.get("HELIOS_AZURE_STORAGE_CONNECTION_STRING")
	options := &azqueue.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: c, Retry: policy.RetryOptions{MaxRetries: -1}}}
	at := fmt.Sprintf("https://%s.queue.core.windows.net", account)
	var err error
	switch {
	case text != "":
		if strings.Contains(text, "UseDevelopmentStorage=true") {
			text = developmentStorage()
		}
		if !strings.Contains(text, "AccountName=") {
			text += ";AccountName=" + account
		}
		client, err = azqueue.NewServiceClientFromConnectionString(text, options)
		if err != nil {
			return nil, "", diagnosis{"HELIOS_AZURE_STORAGE_CONNECTION_STRING is no connection string of a storage account", "copy it from Access keys in the portal: DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…;EndpointSuffix=core.windows.net"}
		}
		return client, "connection string", d
	case account == "":
		return nil, "", diagnosis{"neither HELIOS_AZURE_STORAGE_ACCOUNT nor HELIOS_AZURE_STORAGE_CONNECTION_STRING is set", "set one of them"}
	case key != "":
		cred, err := azqueue.NewSharedKeyCredential(account, key)
		if err != nil {
			return nil, "", diagnosis{"HELIOS_AZURE_STORAGE_ACCESS_KEY is not Base64", "copy the key from Access keys in the portal"}
		}
		client, err = azqueue.NewServiceClientWithSharedKeyCredential(at, cred, options)
		if err != nil {
			return nil, "", diagnosis{"HELIOS_AZURE_STORAGE_ACCOUNT is no name of an account", "3 to 24 small letters and digits"}
		}
		return client, "access key", d
	}
	cred, err := azidentity.NewDefaultAzureCredential(nil)
	if err == nil {
		client, err = azqueue.NewServiceClient(at, cred, options)
	}
	if err != nil {
		return nil, "", diagnosis{"no identity of Azure can be used: " + err.Error(), "give HELIOS_AZURE_STORAGE_ACCESS_KEY, or the machine a managed identity"}
	}
	return client, "identity", d
}

// developmentStorage is Azurite with its published account.
func developmentStorage() string {
	port := os.Getenv("AZURITE_QUEUE_ENDPOINT_PORT")
	if port == "" {
		port = "10001"
	}
	return "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;QueueEndpoint=http://127.0.0.1:" + port + "/devstoreaccount1;"
}

// azureDiagnosis goes by the codes of the service,
// https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes.
func azureDiagnosis(at, name, doing string, err error) diagnosis {
	var auth *azidentity.AuthenticationFailedError
	if errors.As(err, &auth) {
		return diagnosis{"Entra gives no token: " + auth.Error(), "check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or the managed identity"}
	}
	var resp *azcore.ResponseError
	if !errors.As(err, &resp) {
		if d, ok := network(hostOf(at), err); ok {
			return d
		}
		if strings.Contains(err.Error(), "DefaultAzureCredential") {
			return diagnosis{"no identity of Azure was found", "give HELIOS_AZURE_STORAGE_ACCESS_KEY, or the machine a managed identity, or run az login"}
		}
		return diagnosis{"asking " + hostOf(at) + ": " + err.Error(), "see the message"}
	}
	switch resp.ErrorCode {
	case "QueueNotFound", "ResourceNotFound":
		return diagnosis{"there is no queue " + name + " at " + hostOf(at), "check HELIOS_AZURE_QUEUE, or create it: az storage queue create --name " + name}
	case "InvalidResourceName", "OutOfRangeInput":
		return diagnosis{"HELIOS_AZURE_QUEUE is " + name + ", which no queue can be called", "3 to 63 small letters, digits and single hyphens"}
	case "AuthenticationFailed":
		return diagnosis{"the key or signature is not accepted", "the key is another account's or was rotated, the signature (SAS) has expired, or this machine's clock is wrong"}
	case "AuthorizationFailure":
		return diagnosis{"the account refuses the request", "its firewall does not allow this network: Networking in the portal; or the signature (SAS) is limited to other addresses"}
	case "AuthorizationPermissionMismatch", "AuthorizationSourceIPMismatch", "AuthorizationServiceMismatch", "AuthorizationResourceTypeMismatch", "InsufficientAccountPermissions":
		return diagnosis{"the permission " + doing + " is missing (" + resp.ErrorCode + ")", "assign Storage Queue Data Message Processor and Storage Queue Data Reader to the identity, or give the signature (SAS) the rights to read and process in the queue service; assignments take minutes"}
	case "KeyBasedAuthenticationNotPermitted":
		return diagnosis{"the account does not allow access keys", "take the key out and give the machine an identity, or allow storage account key access"}
	case "InvalidAuthenticationInfo", "NoAuthenticationInformation":
		return diagnosis{"the sign-in is not accepted (" + resp.ErrorCode + ")", "wrong tenant or wrong audience of the token: check AZURE_TENANT_ID; it must be the tenant of the account's subscription"}
	case "AccountIsDisabled":
		return diagnosis{"the storage account is disabled", "see the subscription's state in the portal"}
	}
	return diagnosis{fmt.Sprintf("%s answers %d %s", hostOf(at), resp.StatusCode, resp.ErrorCode), "see https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes"}
}
