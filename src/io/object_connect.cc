#include "io/object_connect.h"

#include <arrow/util/config.h>
#ifdef ARROW_AZURE
#include <arrow/filesystem/azurefs.h>
#endif
#ifdef ARROW_GCS
#include <arrow/filesystem/gcsfs.h>
#endif

#include <tuple>
#include <utility>

#include "io/object_error.h"
#include "io/object_store.h"
#include "io/renewing_store.h"
#include "io/storage_keys.h"

namespace firn::io {
namespace {

Result<std::unique_ptr<FileStore>> ConnectS3(const ObjectLocation& location, ObjectConnectOptions options,
                                             S3Library& library, const Clock& clock);

// A role's keys expire: the store is opened again with new ones.
Result<std::unique_ptr<FileStore>> ConnectWithRole(const ObjectLocation& location, ObjectConnectOptions options,
                                                   S3Library& library, const Clock& clock) {
  const AwsKeySource keys = MakeKeySource(options.settings, library, clock);
  ObjectConnectOptions without_role = std::move(options);
  without_role.settings.role_arn.clear();
  without_role.settings.web_identity_token_file.clear();
  const auto open = [=, &library, &clock]() -> Result<OpenedStore> {
    ARROW_ASSIGN_OR_RAISE(const TemporaryKeys temporary, keys());
    ObjectConnectOptions with_keys = without_role;
    with_keys.settings.access_key = temporary.keys.access_key_id;
    with_keys.settings.secret_key = temporary.keys.secret_access_key;
    with_keys.settings.session_token = temporary.keys.session_token;
    ARROW_ASSIGN_OR_RAISE(auto store, ConnectS3(location, std::move(with_keys), library, clock));
    return OpenedStore{.store = std::move(store), .expires_ms = temporary.expires_ms};
  };
  return MakeRenewingStore(open, clock);
}

Result<std::unique_ptr<FileStore>> ConnectS3(const ObjectLocation& location, ObjectConnectOptions options,
                                             S3Library& library, const Clock& clock) {
  if (!options.settings.role_arn.empty()) return ConnectWithRole(location, std::move(options), library, clock);
  ARROW_ASSIGN_OR_RAISE(
      S3Connection connection,
      library.Connect({.settings = options.settings, .bucket = location.bucket, .retries = options.retries}));
  auto files = connection.files;
  ARROW_ASSIGN_OR_RAISE(auto requests, MakeS3Requests(std::move(connection), clock, options.retries));
  return MakeObjectStore(
      {.files = std::move(files), .requests = std::move(requests), .lock_folder = std::move(options.lock_folder)});
}

// "http://host:port" as scheme and authority.
[[maybe_unused]] std::pair<std::string, std::string> SplitEndpoint(const std::string& endpoint) {
  const size_t colon = endpoint.find("://");
  std::string authority = endpoint.substr(colon == std::string::npos ? 0 : colon + 3);
  while (authority.ends_with('/')) authority.pop_back();
  return {colon == std::string::npos ? "https" : endpoint.substr(0, colon), std::move(authority)};
}

#ifdef ARROW_GCS
Result<std::unique_ptr<FileStore>> ConnectGcs(const ObjectLocation& location, ObjectConnectOptions options) {
  using arrow::fs::GcsOptions;
  const ObjectStoreSettings& settings = options.settings;
  GcsOptions gcs = settings.anonymous ? GcsOptions::Anonymous() : GcsOptions::Defaults();
  gcs.retry_limit_seconds = 120;
  if (!settings.endpoint.empty()) std::tie(gcs.scheme, gcs.endpoint_override) = SplitEndpoint(settings.endpoint);
  auto files = arrow::fs::GcsFileSystem::Make(gcs);
  if (!files.ok()) return ObjectError("connect to", location.Sibling(""), files.status());
  return MakeObjectStore(
      {.files = *std::move(files), .requests = nullptr, .lock_folder = std::move(options.lock_folder)});
}

#else
Result<std::unique_ptr<FileStore>> ConnectGcs(const ObjectLocation& location, ObjectConnectOptions) {
  return MakeError(Fault::kConfig, "Arrow was built without Google Cloud Storage: " + location.Sibling(""));
}
#endif

#ifdef ARROW_AZURE
Status SetAzureCredentials(const ObjectStoreSettings& settings, arrow::fs::AzureOptions* azure) {
  if (settings.anonymous) return azure->ConfigureAnonymousCredential();
  if (!settings.account_key.empty()) return azure->ConfigureAccountKeyCredential(settings.account_key);
  if (!settings.sas_token.empty()) return azure->ConfigureSASCredential(settings.sas_token);
  return azure->ConfigureDefaultCredential();
}

Result<std::unique_ptr<FileStore>> ConnectAzure(const ObjectLocation& location, ObjectConnectOptions options) {
  arrow::fs::AzureOptions azure;
  azure.account_name = location.account.substr(0, location.account.find('.'));
  azure.background_writes = false;
  if (!options.settings.endpoint.empty()) {
    const auto [scheme, authority] = SplitEndpoint(options.settings.endpoint);
    azure.blob_storage_scheme = azure.dfs_storage_scheme = scheme;
    azure.blob_storage_authority = azure.dfs_storage_authority = authority;
  }
  Status set = SetAzureCredentials(options.settings, &azure);
  if (!set.ok()) return ObjectError("use credentials for", location.Sibling(""), set);
  auto files = arrow::fs::AzureFileSystem::Make(azure);
  if (!files.ok()) return ObjectError("connect to", location.Sibling(""), files.status());
  return MakeObjectStore(
      {.files = *std::move(files), .requests = nullptr, .lock_folder = std::move(options.lock_folder)});
}

#else
Result<std::unique_ptr<FileStore>> ConnectAzure(const ObjectLocation& location, ObjectConnectOptions) {
  return MakeError(Fault::kConfig, "Arrow was built without Azure: " + location.Sibling(""));
}
#endif

}  // namespace

Result<std::unique_ptr<FileStore>> ConnectObjectStore(const ObjectLocation& location, ObjectConnectOptions options,
                                                      S3Library& library, const Clock& clock) {
  switch (location.scheme) {
    case ObjectScheme::kS3:
      return ConnectS3(location, std::move(options), library, clock);
    case ObjectScheme::kGcs:
      return ConnectGcs(location, std::move(options));
    case ObjectScheme::kAzure:
      return ConnectAzure(location, std::move(options));
  }
  return MakeError(Fault::kBug, "unknown scheme");
}

}  // namespace firn::io
