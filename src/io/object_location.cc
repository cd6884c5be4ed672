#include "io/object_location.h"

#include <algorithm>
#include <array>

namespace firn::io {
namespace {

struct SchemeName {
  std::string_view prefix;
  ObjectScheme scheme;
  bool canonical;
};
constexpr std::array<SchemeName, 8> kSchemes = {{
    {"s3://", ObjectScheme::kS3, true},
    {"s3a://", ObjectScheme::kS3, false},
    {"s3n://", ObjectScheme::kS3, false},
    {"gs://", ObjectScheme::kGcs, true},
    {"abfs://", ObjectScheme::kAzure, true},
    {"abfss://", ObjectScheme::kAzure, true},
    {"wasb://", ObjectScheme::kAzure, false},
    {"wasbs://", ObjectScheme::kAzure, false},
}};

const SchemeName* SchemeOf(std::string_view location) {
  const auto found =
      std::ranges::find_if(kSchemes, [&](const auto& name) { return location.starts_with(name.prefix); });
  return found == kSchemes.end() ? nullptr : &*found;
}

Status Refuse(const std::string& why, std::string_view location, std::string next = "") {
  return MakeError(Fault::kConfig, why + ": \"" + std::string(location) + "\"", {.next = std::move(next)});
}

bool HasBadSegment(std::string_view key) {
  while (true) {
    const size_t slash = key.find('/');
    const std::string_view segment = key.substr(0, slash);
    if (segment.empty() || segment == "." || segment == "..") return true;
    if (slash == std::string_view::npos) return false;
    key.remove_prefix(slash + 1);
  }
}

}  // namespace

std::string ObjectLocation::Sibling(std::string_view other_key) const {
  const std::string authority = account.empty() ? bucket : bucket + "@" + account;
  return prefix + authority + (other_key.empty() ? "" : "/") + std::string(other_key);
}

bool IsObjectLocation(std::string_view location) {
  return SchemeOf(location) != nullptr;
}

Result<ObjectLocation> ParseObjectLocation(std::string_view location) {
  const SchemeName* scheme = SchemeOf(location);
  if (scheme == nullptr) return Refuse("not a location in an object store (s3, gs, abfss)", location);
  std::string_view rest = location.substr(scheme->prefix.size());
  const size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  std::string_view key = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  ObjectLocation parsed{.scheme = scheme->scheme, .prefix = std::string(scheme->prefix)};
  if (const size_t at = authority.find('@'); scheme->scheme == ObjectScheme::kAzure && at != std::string_view::npos) {
    parsed.account = std::string(authority.substr(at + 1));
    authority = authority.substr(0, at);
  }
  if (authority.empty()) return Refuse("a location needs a bucket", location, "write s3://<bucket>/<prefix>");
  if (!key.empty() && HasBadSegment(key)) return Refuse("a location must not contain //, . or .. segments", location);
  const bool control = std::ranges::any_of(
      location, [](char c) { return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f; });
  if (control) return MakeError(Fault::kConfig, "a location must not contain control characters");
  parsed.bucket = std::string(authority);
  parsed.key = std::string(key);
  return parsed;
}

Status CheckNewObjectLocation(std::string_view location) {
  ARROW_ASSIGN_OR_RAISE(const ObjectLocation parsed, ParseObjectLocation(location));
  if (!SchemeOf(location)->canonical) {
    const char* scheme = parsed.scheme == ObjectScheme::kS3 ? "s3" : "abfss";
    return Refuse("this spelling of the scheme is only for reading", location, std::string("write ") + scheme + "://");
  }
  for (const char c : parsed.bucket + parsed.key) {
    if (std::string_view("?#%*[]{}\\@ ").find(c) == std::string_view::npos) continue;
    return Refuse(std::string("other readers of the lake would misread the character '") + c + "'", location,
                  "choose another bucket or prefix");
  }
  if (parsed.scheme == ObjectScheme::kAzure && parsed.account.empty()) {
    return Refuse("the location does not name the storage account", location,
                  "write abfss://<container>@<account>.dfs.core.windows.net/<prefix>");
  }
  return Status::OK();
}

std::string WarehouseLocation(std::string_view warehouse) {
  const bool is_location = warehouse.find("://") != std::string_view::npos;
  return (is_location ? "" : "file://") + std::string(warehouse);
}

}  // namespace firn::io
