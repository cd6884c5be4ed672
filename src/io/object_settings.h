#pragma once

#include <string>

namespace firn::io {

/// How an object store is reached. Empty texts: not given; then the provider's own chain decides (environment,
/// profile files, web identity, the machine's role). Secrets are registered with the redactor by whoever reads them.
struct ObjectStoreSettings {
  std::string endpoint;                 // "http://127.0.0.1:9000"; empty: the provider's
  std::string region;                   // S3
  std::string path_style;               // S3: "auto" (with an endpoint), "always", "never"; empty: auto
  std::string access_key;               // S3
  std::string secret_key;               // S3; secret
  std::string session_token;            // S3; secret
  std::string role_arn;                 // S3: assumed with the credentials of the chain
  std::string external_id;              // S3: for role_arn
  std::string web_identity_token_file;  // S3: the role is assumed with the token in it
  std::string sts_endpoint;             // S3: where roles are assumed; empty: the endpoint, else AWS
  std::string account_key;              // abfs; secret
  std::string sas_token;                // abfs; secret
  bool anonymous = false;               // no credentials at all
  std::string ca_file;                  // PEM; empty: the system's

  friend bool operator==(const ObjectStoreSettings&, const ObjectStoreSettings&) = default;
};

}  // namespace firn::io
