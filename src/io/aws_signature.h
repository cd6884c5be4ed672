#pragma once

#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "io/http_client.h"

namespace firn::io {

struct AwsKeys {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // may be empty
};

struct SigV4Scope {
  std::string region;
  std::string service;  // "s3" signs the path as it stands; every other service wants it encoded once more
};

/// Adds x-amz-date, x-amz-security-token and Authorization (AWS Signature Version 4, "Create a
/// signed AWS API request"): host, content-type, if-none-match and all x-amz-* fields are signed. For s3 also adds
/// x-amz-content-sha256, so that the store checks the body. Replaces an Authorization there was.
/// Errors: kConfig for a malformed URL.
Status SignRequest(HttpRequest& request, const AwsKeys& keys, const SigV4Scope& scope, Timestamp now);

/// The string that is signed, for tests.
std::string CanonicalRequest(const HttpRequest& request, const std::string& host, const SigV4Scope& scope,
                             std::string* signed_headers);

}  // namespace firn::io
