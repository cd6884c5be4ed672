#include "server/catalog/location_policy.h"

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/file_store.h"
#include "server/catalog/rest_error.h"

namespace firn::server {
namespace {

namespace fs = std::filesystem;

// Properties that say where writers put files (Iceberg, "Table properties").
constexpr std::array<std::string_view, 6> kLocationProperties = {
    "write.data.path", "write.metadata.path",          "write.object-storage.path", "write.folder-storage.path",
    "location",        "write.object-storage.location"};

bool IsLocal(std::string_view location) {
  return location.starts_with("/") || location.starts_with("file:");
}

bool HasDots(std::string_view path) {
  while (!path.empty()) {
    const size_t end = path.find('/');
    const std::string_view part = path.substr(0, end);
    if (part == "." || part == "..") return true;
    path = end == std::string_view::npos ? std::string_view() : path.substr(end + 1);
  }
  return false;
}

bool IsBelow(std::string_view path, std::string_view root) {
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

// A local location becomes its path, another stays as it is; in both repeated and last slashes go.
Result<std::string> Normal(std::string_view location) {
  for (const char c : location) {
    if (static_cast<unsigned char>(c) < 0x20) return BadRequest("Invalid location: has control characters");
  }
  std::string text(location);
  size_t begin = 0;
  if (IsLocal(location)) {
    const auto path = io::PathOfLocation(location);
    if (!path.ok()) return BadRequest("Invalid location: " + text);
    text = *path;
  } else {
    const size_t scheme = text.find("://");
    if (scheme == std::string::npos) return BadRequest("Invalid location: " + text);
    begin = scheme + 3;
  }
  if (HasDots(std::string_view(text).substr(begin))) return BadRequest("Invalid location: " + text);
  std::string normal = text.substr(0, begin);
  for (const char c : std::string_view(text).substr(begin)) {
    if (c != '/' || normal.size() == begin || normal.back() != '/') normal.push_back(c);
  }
  while (normal.size() > begin + 1 && normal.back() == '/') normal.pop_back();
  return normal;
}

std::string WithLinksFollowed(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  return error ? std::string() : real.string();
}

struct UpdateChecker {
  const LocationPolicy& policy;

  Status operator()(const table::update::SetLocation& u) const { return policy.Check(u.location); }
  Status operator()(const table::update::SetProperties& u) const { return policy.CheckProperties(u.updates); }
  Status operator()(const table::update::AddSnapshot& u) const { return policy.Check(u.snapshot.manifest_list); }
  Status operator()(const table::update::SetStatistics& u) const { return Statistics(u.statistics); }
  Status operator()(const table::update::SetPartitionStatistics& u) const { return Statistics(u.statistics); }
  template <typename Other>
  Status operator()(const Other&) const {
    return Status::OK();
  }

  Status Statistics(const table::StatisticsFile& file) const {
    const auto json = nlohmann::json::parse(file.json, nullptr, /*allow_exceptions=*/false);
    const auto path = json.is_object() ? json.find("statistics-path") : json.end();
    if (!json.is_object() || path == json.end() || !path->is_string()) {
      return BadRequest("Invalid statistics file: no statistics-path");
    }
    return policy.Check(path->get<std::string>());
  }
};

}  // namespace

Result<LocationPolicy> LocationPolicy::Make(const std::vector<std::string>& roots) {
  LocationPolicy policy;
  for (const std::string& root : roots) {
    auto normal = Normal(root);
    if (!normal.ok()) return MakeError(Fault::kConfig, "not a location: " + root);
    Root made{.text = *std::move(normal)};
    if (IsLocal(made.text)) made.real = WithLinksFollowed(made.text);
    policy.roots_.push_back(std::move(made));
  }
  return policy;
}

Status LocationPolicy::Check(std::string_view location) const {
  ARROW_ASSIGN_OR_RAISE(const std::string normal, Normal(location));
  for (const Root& root : roots_) {
    if (!IsBelow(normal, root.text == "/" ? "" : root.text)) continue;
    if (!IsLocal(normal)) return Status::OK();
    const std::string real = WithLinksFollowed(normal);
    if (!real.empty() && IsBelow(real, root.real == "/" ? "" : root.real)) return Status::OK();
  }
  return RestError(403, "ForbiddenException",
                   "Location is outside the warehouse and every allowed location: " + std::string(location));
}

Status LocationPolicy::CheckProperties(const std::map<std::string, std::string>& properties) const {
  for (const std::string_view name : kLocationProperties) {
    const auto found = properties.find(std::string(name));
    if (found != properties.end()) ARROW_RETURN_NOT_OK(Check(found->second));
  }
  return Status::OK();
}

Status LocationPolicy::CheckUpdates(std::span<const table::TableUpdate> updates) const {
  for (const table::TableUpdate& update : updates) ARROW_RETURN_NOT_OK(std::visit(UpdateChecker{*this}, update));
  return Status::OK();
}

Status LocationPolicy::CheckMetadata(const table::TableMetadata& metadata) const {
  ARROW_RETURN_NOT_OK(Check(metadata.location));
  ARROW_RETURN_NOT_OK(CheckProperties(metadata.properties));
  for (const table::Snapshot& snapshot : metadata.snapshots) {
    if (!snapshot.manifest_list.empty()) ARROW_RETURN_NOT_OK(Check(snapshot.manifest_list));
  }
  const UpdateChecker checker{*this};
  for (const auto& file : metadata.statistics) ARROW_RETURN_NOT_OK(checker.Statistics(file));
  for (const auto& file : metadata.partition_statistics) ARROW_RETURN_NOT_OK(checker.Statistics(file));
  return Status::OK();
}

}  // namespace firn::server
