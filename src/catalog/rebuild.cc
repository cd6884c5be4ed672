#include "catalog/rebuild.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "table/metadata/metadata_json.h"

namespace firn::catalog {
namespace {

using table::TableMetadata;
using Action = RebuildStep::Action;

constexpr int64_t kFilesMax = 5'000'000;  // of a warehouse
constexpr size_t kVersionsMax = 200;      // looked at in one folder, newest first; firn keeps 100
constexpr std::string_view kFolder = "/metadata/";

struct Candidate {
  std::string location;
  std::shared_ptr<const TableMetadata> metadata;
};

// What the catalog has of a table.
struct Known {
  TableIdentifier identifier;
  std::string metadata_location;
  std::shared_ptr<const TableMetadata> metadata;  // null: its file cannot be read
};

bool IsNewer(const Candidate& a, const Candidate& b) {
  const auto key = [](const Candidate& c) {
    return std::tuple(c.metadata->last_updated_ms, c.metadata->last_sequence_number, c.metadata->metadata_log.size());
  };
  return key(a) > key(b);
}

bool IsMetadataFile(std::string_view location) {
  return location.ends_with(".metadata.json") || location.ends_with(".metadata.json.gz");
}

class Planner {
 public:
  Planner(const CatalogToRebuild& target, io::FileStore& files, std::string warehouse)
      : target_(target), files_(files), warehouse_(std::move(warehouse)) {}

  Result<std::vector<RebuildStep>> Plan() {
    ARROW_RETURN_NOT_OK(ReadCatalog());
    ARROW_ASSIGN_OR_RAISE(const auto files, files_.List(warehouse_, kFilesMax));
    std::map<std::string, std::vector<io::FileInfo>> folders;  // table folder → metadata files
    for (const io::FileInfo& file : files) {
      const size_t at = file.location.rfind(kFolder);
      if (at == std::string::npos || !IsMetadataFile(file.location)) continue;
      if (file.location.find('/', at + kFolder.size()) != std::string::npos) continue;
      folders[file.location.substr(0, at)].push_back(file);
    }
    for (auto& [folder, versions] : folders) {
      ARROW_RETURN_NOT_OK(Judge(folder, std::move(versions)));
    }
    std::ranges::sort(steps_, {}, &RebuildStep::identifier);
    return std::move(steps_);
  }

 private:
  Status ReadCatalog();
  Status Judge(const std::string& folder, std::vector<io::FileInfo> versions);
  Result<std::vector<Candidate>> Candidates(std::vector<io::FileInfo> versions, std::string& why) const;
  Result<bool> IsWhole(const Candidate& candidate) const;
  Status AgainstCatalog(const std::string& folder, const Candidate& newest, std::string why);
  RebuildStep AgainstKnown(const Known& known, const Candidate& newest, std::string why) const;
  std::optional<TableIdentifier> IdentifierOf(const std::string& folder) const;

  const CatalogToRebuild target_;
  io::FileStore& files_;
  const std::string warehouse_;
  std::map<std::string, Known> by_uuid_;
  std::map<TableIdentifier, Known> by_name_;
  std::vector<RebuildStep> steps_;
};

Status Planner::ReadCatalog() {
  if (target_.catalog == nullptr) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto namespaces, target_.catalog->ListNamespaces());
  for (const auto& ns : namespaces) {
    ARROW_ASSIGN_OR_RAISE(const auto tables, target_.catalog->ListTables(ns));
    for (const TableIdentifier& identifier : tables) {
      ARROW_ASSIGN_OR_RAISE(const auto entry, target_.administration->Find(identifier));
      if (!entry) continue;
      Known known{.identifier = identifier, .metadata_location = entry->metadata_location};
      const auto text = files_.ReadText(known.metadata_location, table::kMetadataBytesMax);
      // Only a file that is gone, or is no metadata, is damage; a store that does not answer is not.
      if (!text.ok() && !io::IsNotFound(text.status())) return Within("table " + identifier.ToString(), text.status());
      if (text.ok()) {
        auto parsed = table::ParseMetadata(*text);
        if (parsed.ok()) known.metadata = std::make_shared<const TableMetadata>(*std::move(parsed));
      }
      if (known.metadata != nullptr) by_uuid_[known.metadata->table_uuid] = known;
      by_name_[identifier] = std::move(known);
    }
  }
  return Status::OK();
}

std::optional<TableIdentifier> Planner::IdentifierOf(const std::string& folder) const {
  if (!folder.starts_with(warehouse_ + "/")) return std::nullopt;
  std::string_view rest = std::string_view(folder).substr(warehouse_.size() + 1);
  TableIdentifier identifier;
  for (size_t slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
    identifier.ns.emplace_back(rest.substr(0, slash));
    rest.remove_prefix(slash + 1);
  }
  identifier.name = std::string(rest);
  if (identifier.ns.empty() || identifier.name.empty()) return std::nullopt;
  return identifier;
}

// A commit that was cut off before the swap leaves a metadata file too; what it names may have been collected since.
Result<bool> Planner::IsWhole(const Candidate& candidate) const {
  const table::Snapshot* current = candidate.metadata->CurrentSnapshot();
  if (current == nullptr || current->manifest_list.empty()) return true;
  return files_.Exists(current->manifest_list);
}

Result<std::vector<Candidate>> Planner::Candidates(std::vector<io::FileInfo> versions, std::string& why) const {
  std::ranges::sort(versions, std::greater<>(), &io::FileInfo::modified_micros);
  if (versions.size() > kVersionsMax) versions.resize(kVersionsMax);
  std::vector<Candidate> candidates;
  size_t unreadable = 0;
  for (const io::FileInfo& file : versions) {
    const auto text = files_.ReadText(file.location, table::kMetadataBytesMax);
    if (!text.ok() && !io::IsNotFound(text.status()) && FaultOf(text.status()) != Fault::kBadData) return text.status();
    auto parsed = text.ok() ? table::ParseMetadata(*text) : Result<TableMetadata>(text.status());
    if (!parsed.ok()) {
      ++unreadable;
      continue;
    }
    candidates.push_back(
        {.location = file.location, .metadata = std::make_shared<const TableMetadata>(*std::move(parsed))});
  }
  if (unreadable > 0) why += "; " + std::to_string(unreadable) + " metadata files cannot be read";
  std::ranges::stable_sort(candidates, IsNewer);
  return candidates;
}

Status Planner::Judge(const std::string& folder, std::vector<io::FileInfo> versions) {
  std::string why = "newest of " + std::to_string(versions.size()) + " metadata files";
  auto candidates = Candidates(std::move(versions), why);
  if (!candidates.ok()) return Within(folder, candidates.status());
  const Candidate* newest = nullptr;
  for (const Candidate& candidate : *candidates) {
    const auto whole = IsWhole(candidate);
    if (!whole.ok()) return Within(folder, whole.status());
    if (*whole) {
      newest = &candidate;
      break;
    }
    why += "; passed over " + candidate.location.substr(candidate.location.rfind('/') + 1) +
           ", whose manifest list is missing";
  }
  if (newest == nullptr) {
    steps_.push_back({.action = Action::kSkip,
                      .identifier = IdentifierOf(folder).value_or(TableIdentifier{.name = folder}),
                      .why = "no metadata file of " + folder + " can be used"});
    return Status::OK();
  }
  std::map<std::string, int> others;
  for (const Candidate& candidate : *candidates) {
    if (candidate.metadata->table_uuid != newest->metadata->table_uuid) ++others[candidate.metadata->table_uuid];
  }
  for (const auto& [uuid, count] : others) {
    why += "; the folder also has " + std::to_string(count) + " files of table " + uuid +
           ", changed earlier (dropped and made again)";
  }
  return AgainstCatalog(folder, *newest, std::move(why));
}

Status Planner::AgainstCatalog(const std::string& folder, const Candidate& newest, std::string why) {
  if (const auto known = by_uuid_.find(newest.metadata->table_uuid); known != by_uuid_.end()) {
    steps_.push_back(AgainstKnown(known->second, newest, std::move(why)));
    return Status::OK();
  }
  const auto identifier = IdentifierOf(folder);
  if (!identifier) {
    steps_.push_back({.action = Action::kSkip,
                      .identifier = {.name = folder},
                      .metadata_location = newest.location,
                      .why = "the folder is not <warehouse>/<namespace>/<table>, so the table's name is not known"});
    return Status::OK();
  }
  if (const auto known = by_name_.find(*identifier); known != by_name_.end()) {
    steps_.push_back(AgainstKnown(known->second, newest, std::move(why)));
    return Status::OK();
  }
  RebuildStep step{.action = Action::kRegister,
                   .identifier = *identifier,
                   .metadata_location = newest.location,
                   .why = std::move(why)};
  if (target_.administration != nullptr) {
    ARROW_ASSIGN_OR_RAISE(const auto entry, target_.administration->Find(*identifier));
    if (entry) {
      step.action = Action::kKeep;
      step.why = "the catalog has a view of that name";
    }
  }
  steps_.push_back(std::move(step));
  return Status::OK();
}

RebuildStep Planner::AgainstKnown(const Known& known, const Candidate& newest, std::string why) const {
  RebuildStep step{.action = Action::kKeep,
                   .identifier = known.identifier,
                   .metadata_location = newest.location,
                   .why = std::move(why)};
  if (known.metadata_location == newest.location) {
    step.why = "as the catalog has it";
    return step;
  }
  step.replaces = known.metadata_location;
  if (known.metadata == nullptr) {
    step.action = Action::kAdvance;
    step.why += "; the file that the catalog names is gone or no metadata";
    return step;
  }
  if (known.metadata->table_uuid != newest.metadata->table_uuid) {
    step.why = "the catalog has another table of that name (" + known.metadata->table_uuid + ")";
    return step;
  }
  const auto& log = newest.metadata->metadata_log;
  const bool follows =
      std::ranges::any_of(log, [&](const auto& older) { return older.metadata_file == known.metadata_location; });
  if (follows) {
    step.action = Action::kAdvance;
    step.why += "; it follows from what the catalog has";
  } else {
    step.why = "the newest file does not follow from what the catalog has: a commit that never was, or lost history";
  }
  return step;
}

}  // namespace

Result<std::vector<RebuildStep>> PlanRebuild(const CatalogToRebuild& target, io::FileStore& files,
                                             const std::string& warehouse) {
  return Planner(target, files, warehouse).Plan();
}

Result<int64_t> ApplyRebuild(const std::vector<RebuildStep>& steps, Administration& administration) {
  int64_t num_done = 0;
  for (const RebuildStep& step : steps) {
    if (step.action != Action::kRegister && step.action != Action::kAdvance) continue;
    const std::string place = "table " + step.identifier.ToString();
    auto ns = administration.LoadNamespace(step.identifier.ns);
    if (!ns.ok()) return Within(place, ns.status());
    if (!*ns) {
      const Status made = administration.CreateNamespace(step.identifier.ns, {});
      if (!made.ok() && FaultOf(made) != Fault::kConflict) return Within(place, made);
    }
    const Status done = administration.RegisterTable(step.identifier, step.metadata_location,
                                                     step.action == Action::kAdvance ? step.replaces : std::nullopt);
    if (!done.ok()) return Within(place, done);
    ++num_done;
  }
  return num_done;
}

}  // namespace firn::catalog
