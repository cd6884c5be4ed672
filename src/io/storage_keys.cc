#include "io/storage_keys.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/redactor.h"

namespace firn::io {
namespace {

constexpr std::streamsize kTokenBytesMax = 64 << 10;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Status NoKeys() {
  return MakeError(
      Fault::kAuth, "there are no AWS keys",
      {.why = "neither settings, environment, profile nor machine have any",
       .next = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or access_key and secret_key of lake.storage"});
}

AwsKeys Registered(AwsKeys keys) {
  ProcessRedactor().AddSecret(keys.secret_access_key);
  ProcessRedactor().AddSecret(keys.session_token);
  return keys;
}

// The token is replaced by whoever issues it, so it is read at each renewal.
Result<std::string> ReadToken(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string token(static_cast<size_t>(kTokenBytesMax), '\0');
  file.read(token.data(), kTokenBytesMax);
  token.resize(static_cast<size_t>(file.gcount()));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' ')) token.pop_back();
  if (token.empty()) {
    return MakeError(Fault::kAuth, "the web identity token cannot be read: " + path,
                     {.next = "check lake.storage.web_identity_token_file"});
  }
  ProcessRedactor().AddSecret(token);
  return token;
}

/// Keys without a role: their own, or the chain's.
class OwnKeys {
 public:
  OwnKeys(ObjectStoreSettings settings, S3Library& library) : settings_(std::move(settings)), library_(library) {
    settings_.role_arn.clear();
  }
  Result<AwsKeys> Get() {
    if (!settings_.access_key.empty()) {
      return AwsKeys{.access_key_id = settings_.access_key,
                     .secret_access_key = settings_.secret_key,
                     .session_token = settings_.session_token};
    }
    // The chain's first link, asked here so that the S3 library need not be loaded for it.
    AwsKeys from_environment{.access_key_id = Environment("AWS_ACCESS_KEY_ID"),
                             .secret_access_key = Environment("AWS_SECRET_ACCESS_KEY"),
                             .session_token = Environment("AWS_SESSION_TOKEN")};
    if (!from_environment.access_key_id.empty() && !from_environment.secret_access_key.empty()) {
      return Registered(std::move(from_environment));
    }
    std::function<S3Keys()> chain;
    {
      MutexLock lock(mutex_);
      if (!chain_) {
        ARROW_ASSIGN_OR_RAISE(chain_, library_.Keys(settings_));
      }
      chain = chain_;
    }
    S3Keys keys = chain();
    if (keys.access_key.empty()) return NoKeys();
    return Registered({.access_key_id = std::move(keys.access_key),
                       .secret_access_key = std::move(keys.secret_key),
                       .session_token = std::move(keys.session_token)});
  }

 private:
  ObjectStoreSettings settings_;
  S3Library& library_;
  Mutex mutex_;
  std::function<S3Keys()> chain_ FIRN_GUARDED_BY(mutex_);
};

Result<TemporaryKeys> FetchRole(const ObjectStoreSettings& settings, OwnKeys& own, const Clock& clock) {
  RoleRequest request{.endpoint = StsEndpoint(settings),
                      .region = RegionOrDefault(settings),
                      .role_arn = settings.role_arn,
                      .external_id = settings.external_id};
  std::optional<AwsKeys> signer;
  if (settings.web_identity_token_file.empty()) {
    ARROW_ASSIGN_OR_RAISE(signer, own.Get());
  } else {
    ARROW_ASSIGN_OR_RAISE(request.web_identity_token, ReadToken(settings.web_identity_token_file));
  }
  ARROW_ASSIGN_OR_RAISE(const auto client, MakeHttpClient({.ca_file = settings.ca_file}));
  return AssumeRole(*client, clock, request, signer);
}

}  // namespace

std::string StsEndpoint(const ObjectStoreSettings& settings) {
  for (const std::string& endpoint : {settings.sts_endpoint, Environment("AWS_ENDPOINT_URL_STS"), settings.endpoint,
                                      Environment("AWS_ENDPOINT_URL")}) {
    if (!endpoint.empty()) return endpoint;
  }
  return "https://sts." + RegionOrDefault(settings) + ".amazonaws.com";
}

std::string RegionOrDefault(const ObjectStoreSettings& settings) {
  for (const std::string& region : {settings.region, Environment("AWS_REGION"), Environment("AWS_DEFAULT_REGION")}) {
    if (!region.empty()) return region;
  }
  return "us-east-1";
}

AwsKeySource MakeKeySource(const ObjectStoreSettings& settings, S3Library& library, const Clock& clock) {
  auto own = std::make_shared<OwnKeys>(settings, library);
  if (settings.role_arn.empty()) {
    return [own]() -> Result<TemporaryKeys> {
      ARROW_ASSIGN_OR_RAISE(AwsKeys keys, own->Get());
      return TemporaryKeys{.keys = std::move(keys)};  // the chain renews its own
    };
  }
  auto renewing =
      std::make_shared<RenewingKeys>([settings, own, &clock] { return FetchRole(settings, *own, clock); }, clock);
  return [renewing] { return renewing->Current(); };
}

}  // namespace firn::io
