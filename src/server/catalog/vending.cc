#include "server/catalog/vending.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "io/object_location.h"

namespace firn::server {
namespace {

using Json = nlohmann::json;

constexpr size_t kNarrowedMax = 4096;

}  // namespace

Result<std::string> TablePolicy(const std::string& location, bool may_write) {
  ARROW_ASSIGN_OR_RAISE(const io::ObjectLocation object, io::ParseObjectLocation(location));
  if (object.scheme != io::ObjectScheme::kS3 || object.key.empty()) {
    return MakeError(Fault::kConfig, "no credentials can be narrowed to " + location);
  }
  // A table that is called * must not open the whole bucket (IAM user guide, "Resource", "policy variables").
  if (location.find_first_of("*?$\"\\") != std::string::npos) {
    return MakeError(Fault::kConfig, "credentials cannot be narrowed to a location with * ? $ \" or \\: " + location);
  }
  const std::string bucket = "arn:aws:s3:::" + object.bucket;
  Json actions = Json::array({"s3:GetObject"});
  if (may_write) {
    for (const char* action :
         {"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}) {
      actions.push_back(action);
    }
  }
  const Json files = {{"Effect", "Allow"}, {"Action", actions}, {"Resource", {bucket + "/" + object.key + "/*"}}};
  const Json listing = {
      {"Effect", "Allow"},
      {"Action", {"s3:ListBucket"}},
      {"Resource", {bucket}},
      {"Condition", {{"StringLike", {{"s3:prefix", {object.key, object.key + "/", object.key + "/*"}}}}}}};
  return Json{{"Version", "2012-10-17"}, {"Statement", {files, listing}}}.dump();
}

// Where the store is, for clients that know nothing of it.
std::map<std::string, std::string> CredentialVendor::Place() const {
  const io::ObjectStoreSettings& storage = options_.storage;
  std::map<std::string, std::string> place = {{"client.region", io::RegionOrDefault(storage)}};
  if (!storage.endpoint.empty()) place["s3.endpoint"] = storage.endpoint;
  const bool in_path = storage.path_style == "always" || (!storage.endpoint.empty() && storage.path_style != "never");
  if (in_path) place["s3.path-style-access"] = "true";
  return place;
}

Result<std::vector<VendedCredential>> CredentialVendor::Vend(const std::string& location, bool may_write) {
  using Kind = config::VendConfig::Kind;
  std::vector<VendedCredential> vended;
  const Kind kind = options_.config.kind;
  if (kind == Kind::kNone || !location.starts_with("s3://")) return vended;
  if (kind == Kind::kStatic && !may_write) return vended;  // they could do more than their bearer may
  io::TemporaryKeys keys;
  if (kind == Kind::kStatic) {
    keys.keys = {.access_key_id = options_.storage.access_key,
                 .secret_access_key = options_.storage.secret_key,
                 .session_token = options_.storage.session_token};
  } else {
    ARROW_ASSIGN_OR_RAISE(keys, Narrowed(location, may_write));
  }
  VendedCredential credential{.prefix = location, .config = Place()};
  credential.config["s3.access-key-id"] = keys.keys.access_key_id;
  credential.config["s3.secret-access-key"] = keys.keys.secret_access_key;
  if (!keys.keys.session_token.empty()) credential.config["s3.session-token"] = keys.keys.session_token;
  if (keys.expires_ms > 0) credential.config["s3.session-token-expires-at-ms"] = std::to_string(keys.expires_ms);
  vended.push_back(std::move(credential));
  return vended;
}

Result<io::TemporaryKeys> CredentialVendor::Narrowed(const std::string& location, bool may_write) {
  ARROW_ASSIGN_OR_RAISE(const std::string policy, TablePolicy(location, may_write));
  std::shared_ptr<io::RenewingKeys> keys;
  {
    MutexLock lock(mutex_);
    if (narrowed_.size() >= kNarrowedMax) narrowed_.clear();
    auto& known = narrowed_[(may_write ? "w " : "r ") + location];
    if (known == nullptr) {
      known = std::make_shared<io::RenewingKeys>([this, policy] { return Ask(policy); }, clock_);
    }
    keys = known;
  }
  return keys->Current();
}

Result<io::TemporaryKeys> CredentialVendor::Ask(const std::string& policy) const {
  if (!options_.keys) return MakeError(Fault::kConfig, "there are no keys to ask for temporary ones with");
  ARROW_ASSIGN_OR_RAISE(const io::TemporaryKeys own, options_.keys());
  ARROW_ASSIGN_OR_RAISE(const auto client, io::MakeHttpClient({.ca_file = options_.storage.ca_file}));
  const io::RoleRequest request{.endpoint = io::StsEndpoint(options_.storage),
                                .region = io::RegionOrDefault(options_.storage),
                                .role_arn = options_.config.role_arn,
                                .session_name = "firn-catalog",
                                .policy = policy,
                                .lifetime_s = options_.config.lifetime_ms / 1000};
  return io::AssumeRole(*client, clock_, request, own.keys);
}

}  // namespace firn::server
