#include "catalog/glue/catalog.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/ascii.h"
#include "base/backoff.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "catalog/glue/client.h"
#include "catalog/glue/protocol.h"
#include "catalog/metadata_files.h"

namespace firn::catalog::glue {
namespace {

constexpr int kPagesMax = 100'000;
constexpr size_t kNameBytesMax = 255;

bool IsSuccess(const io::HttpResponse& response) {
  return response.status >= 200 && response.status < 300;
}

bool IsMissing(const io::HttpResponse& response) {
  return ErrorType(response) == "EntityNotFoundException";
}

// Glue folds names to lower case: "Orders" would come back as another table.
Status CheckName(const std::string& name) {
  const bool fits = !name.empty() && name.size() <= kNameBytesMax && AsciiLower(name) == name;
  if (fits) return Status::OK();
  return MakeError(
      Fault::kConfig, "Glue keeps names of up to 255 bytes in lower case, not \"" + name + "\"",
      {.state = "nothing was changed", .next = "set `naming: snake_case`, or another dataset or table name"});
}

Result<std::string> DatabaseOf(const std::vector<std::string>& ns) {
  if (ns.size() == 1) return ns[0];
  return MakeError(Fault::kConfig, "a namespace of Glue has one level, this one has " + std::to_string(ns.size()));
}

class GlueCatalog : public Catalog {
 public:
  GlueCatalog(GlueCatalogOptions options, std::unique_ptr<GlueClient> client, io::FileStore& files, const Clock& clock)
      : options_(std::move(options)), clock_(clock), client_(std::move(client)), metadata_(files, clock) {}

  CatalogTraits traits() const override {
    return {.multi_table_commit = false, .waits_for_files = true, .may_commit_late = true};
  }
  Result<std::vector<std::vector<std::string>>> ListNamespaces() override;
  Status CreateNamespace(const std::vector<std::string>& ns) override;
  Result<std::vector<TableIdentifier>> ListTables(const std::vector<std::string>& ns) override;
  Result<std::optional<LoadedTable>> LoadTable(const TableIdentifier& identifier) override;
  Result<CommitResult> Commit(std::span<const TableCommit> commits, std::stop_token stop) override;
  Status DropTable(const TableIdentifier& identifier) override;
  Status RenameTable(const TableIdentifier& from, const TableIdentifier& to) override;
  std::string DefaultLocation(const TableIdentifier& identifier) const override {
    return TableLocation(options_.warehouse, identifier);
  }

 private:
  enum class Swapped { kYes, kNo, kUnknown };

  std::string Body(nlohmann::json body) const;
  Result<NamePage> Names(const char* operation, nlohmann::json body, Result<NamePage> (*parse)(std::string_view));
  Result<std::optional<GlueTable>> Find(const TableIdentifier& identifier);
  Result<Swapped> Swap(const PreparedTable& prepared, const std::optional<GlueTable>& entry, std::string& reason);
  Result<Swapped> Look(const PreparedTable& prepared);

  const GlueCatalogOptions options_;
  const Clock& clock_;
  const std::unique_ptr<GlueClient> client_;
  MetadataFiles metadata_;
};

std::string GlueCatalog::Body(nlohmann::json body) const {
  if (!options_.catalog_id.empty()) body["CatalogId"] = options_.catalog_id;
  return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// All pages of a list; empty if what is listed is missing.
Result<NamePage> GlueCatalog::Names(const char* operation, nlohmann::json body,
                                    Result<NamePage> (*parse)(std::string_view)) {
  NamePage all;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    ARROW_ASSIGN_OR_RAISE(const auto response, client_->Read(operation, Body(body)));
    if (IsMissing(response)) return all;
    if (!IsSuccess(response)) return ErrorOf(response);
    ARROW_ASSIGN_OR_RAISE(NamePage page, parse(response.text()));
    std::ranges::move(page.names, std::back_inserter(all.names));
    if (page.next.empty()) {
      std::ranges::sort(all.names);
      return all;
    }
    body["NextToken"] = page.next;
  }
  return MakeError(Fault::kBadData, std::string(operation) + " of Glue has no last page");
}

Result<std::vector<std::vector<std::string>>> GlueCatalog::ListNamespaces() {
  ARROW_ASSIGN_OR_RAISE(const NamePage all, Names("GetDatabases", nlohmann::json::object(), ParseDatabases));
  std::vector<std::vector<std::string>> namespaces;
  for (const std::string& name : all.names) namespaces.push_back({name});
  return namespaces;
}

Status GlueCatalog::CreateNamespace(const std::vector<std::string>& ns) {
  ARROW_ASSIGN_OR_RAISE(const std::string database, DatabaseOf(ns));
  ARROW_RETURN_NOT_OK(CheckName(database));
  ARROW_ASSIGN_OR_RAISE(const auto known, client_->Read("GetDatabase", Body({{"Name", database}})));
  if (IsSuccess(known)) return Status::OK();
  if (!IsMissing(known)) return ErrorOf(known);
  // Repeating it does no harm: it exists then.
  ARROW_ASSIGN_OR_RAISE(const auto made,
                        client_->Read("CreateDatabase", Body({{"DatabaseInput", {{"Name", database}}}})));
  if (IsSuccess(made) || ErrorType(made) == "AlreadyExistsException") return Status::OK();
  return ErrorOf(made);
}

Result<std::vector<TableIdentifier>> GlueCatalog::ListTables(const std::vector<std::string>& ns) {
  ARROW_ASSIGN_OR_RAISE(const std::string database, DatabaseOf(ns));
  ARROW_ASSIGN_OR_RAISE(const NamePage all, Names("GetTables", {{"DatabaseName", database}}, ParseTables));
  std::vector<TableIdentifier> tables;
  for (const std::string& name : all.names) tables.push_back({.ns = ns, .name = name});
  return tables;
}

Result<std::optional<GlueTable>> GlueCatalog::Find(const TableIdentifier& identifier) {
  ARROW_ASSIGN_OR_RAISE(const std::string database, DatabaseOf(identifier.ns));
  ARROW_ASSIGN_OR_RAISE(const auto response,
                        client_->Read("GetTable", Body({{"DatabaseName", database}, {"Name", identifier.name}})));
  if (IsMissing(response)) return std::nullopt;
  if (!IsSuccess(response)) return Within("table " + identifier.ToString(), ErrorOf(response));
  ARROW_ASSIGN_OR_RAISE(GlueTable entry, ParseTable(response.text()));
  if (entry.table_type == "ICEBERG" && !entry.metadata_location.empty()) return entry;
  return MakeError(Fault::kConfig, "the table of Glue is no Iceberg table: " + identifier.ToString(),
                   {.state = "nothing was changed"});
}

Result<std::optional<LoadedTable>> GlueCatalog::LoadTable(const TableIdentifier& identifier) {
  // A metadata file may be retired between looking and reading, by a writer that commits very often.
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    ARROW_ASSIGN_OR_RAISE(const auto entry, Find(identifier));
    if (!entry) return std::nullopt;
    auto table = metadata_.Read(identifier, entry->metadata_location);
    if (table.ok()) return std::optional<LoadedTable>(*std::move(table));
    if (!io::IsNotFound(table.status()) || attempt == kAttempts) {
      return Within("table " + identifier.ToString(), table.status());
    }
  }
}

Result<CommitResult> GlueCatalog::Commit(std::span<const TableCommit> commits, std::stop_token stop) {
  if (commits.empty()) return MakeError(Fault::kBug, "commit of no table");
  if (commits.size() > 1) return MakeError(Fault::kConfig, "Glue cannot commit several tables at once");
  const TableCommit& commit = commits[0];
  ARROW_ASSIGN_OR_RAISE(const auto entry, Find(commit.identifier));
  std::optional<LoadedTable> current;
  if (entry) {
    ARROW_ASSIGN_OR_RAISE(current, metadata_.Read(commit.identifier, entry->metadata_location));
  } else {
    ARROW_RETURN_NOT_OK(CheckName(commit.identifier.name));
  }
  auto next = metadata_.Prepare(commit, current);
  if (!next.ok() && FaultOf(next.status()) == Fault::kConflict) {
    return CommitResult{.outcome = CommitOutcome::kConflict, .reason = next.status().message()};
  }
  ARROW_RETURN_NOT_OK(next.status());
  std::vector<PreparedTable> prepared = {*std::move(next)};
  Status written = stop.stop_requested() ? MakeError(Fault::kCancelled, "stopped before the swap")
                                         : metadata_.Write(commits, prepared);
  if (written.ok()) written = failpoint::Hit("catalog.before_swap");
  if (!written.ok()) {
    metadata_.Remove(prepared);
    return written;
  }
  std::string reason;
  const auto swapped = Swap(prepared[0], entry, reason);
  if (!swapped.ok()) {  // refused as it is: nothing was changed
    metadata_.Remove(prepared);
    return swapped.status();
  }
  if (*swapped == Swapped::kUnknown) return CommitResult{.outcome = CommitOutcome::kUnknown, .reason = reason};
  if (*swapped == Swapped::kNo) {
    metadata_.Remove(prepared);
    return CommitResult{.outcome = CommitOutcome::kConflict, .reason = reason};
  }
  metadata_.Remember(commit.identifier, prepared[0].after);
  return CommitResult{.outcome = CommitOutcome::kCommitted, .tables = {prepared[0].after}};
}

// The VersionId makes a repeated update harmless: of two only one can be applied. So one whose answer is lost is looked
// for, and sent again if it is not there yet. After an answer was lost a conflict proves nothing by itself.
Result<GlueCatalog::Swapped> GlueCatalog::Swap(const PreparedTable& prepared, const std::optional<GlueTable>& entry,
                                               std::string& reason) {
  const std::string body = WriteTableEntry({.catalog_id = options_.catalog_id,
                                            .database = prepared.identifier.ns[0],
                                            .name = prepared.identifier.name,
                                            .metadata_location = prepared.after.metadata_location,
                                            .metadata = *prepared.after.metadata,
                                            .replaces = entry});
  Backoff backoff({.base_ms = options_.backoff_base_ms,
                   .total_ms = options_.total_ms,
                   .attempts_max = 6,
                   .sleep_scale = SleepScale()},
                  clock_);
  bool in_doubt = false;
  while (true) {
    const auto response = client_->Write(entry ? "UpdateTable" : "CreateTable", body);
    if (response.ok() && IsSuccess(*response)) return Swapped::kYes;
    const Status error = response.ok() ? ErrorOf(*response) : response.status();
    reason = error.message();
    const bool unknown = response.ok() ? response->status >= 500 : FaultOf(error) == Fault::kOutcomeUnknown;
    if (!unknown && !in_doubt) {
      if (FaultOf(error) == Fault::kConflict) return Swapped::kNo;
      return error;
    }
    in_doubt = true;
    log::Warn("outcome of a commit to Glue is unknown, looking", {{"reason", reason}});
    const auto seen = Look(prepared);
    if (seen.ok() && *seen != Swapped::kUnknown) return *seen;
    if (!unknown || !backoff.Wait({}).ok()) return Swapped::kUnknown;
  }
}

// kUnknown: the entry is as it was before, so the update may still arrive.
Result<GlueCatalog::Swapped> GlueCatalog::Look(const PreparedTable& prepared) {
  ARROW_ASSIGN_OR_RAISE(const auto entry, Find(prepared.identifier));
  const std::string location = entry ? entry->metadata_location : "";
  if (location == prepared.after.metadata_location) return Swapped::kYes;
  if (location == prepared.before.value_or("")) return Swapped::kUnknown;
  if (location.empty()) return Swapped::kNo;  // dropped meanwhile: an update finds nothing to change
  ARROW_ASSIGN_OR_RAISE(const LoadedTable current, metadata_.Read(prepared.identifier, location));
  const auto& log = current.metadata->metadata_log;
  const bool ours = std::ranges::any_of(
      log, [&](const auto& older) { return older.metadata_file == prepared.after.metadata_location; });
  return ours ? Swapped::kYes : Swapped::kNo;
}

Status GlueCatalog::DropTable(const TableIdentifier& identifier) {
  ARROW_ASSIGN_OR_RAISE(const auto entry, Find(identifier));  // never what is no Iceberg table
  if (!entry) return MakeError(Fault::kConfig, "Table does not exist: " + identifier.ToString());
  metadata_.Forget(identifier);
  ARROW_ASSIGN_OR_RAISE(
      const auto response,
      client_->Read("DeleteTable", Body({{"DatabaseName", identifier.ns[0]}, {"Name", identifier.name}})));
  return IsSuccess(response) || IsMissing(response) ? Status::OK() : ErrorOf(response);
}

Status GlueCatalog::RenameTable(const TableIdentifier& from, const TableIdentifier&) {
  return MakeError(Fault::kConfig, "Glue cannot rename a table: " + from.ToString(),
                   {.why = "a copy under the new name and a removal of the old one are two changes, and a commit of "
                           "somebody else in between would be lost",
                    .state = "nothing was changed"});
}

std::string Endpoint(const config::LakeConfig& lake, const std::string& region) {
  if (!lake.catalog.glue.endpoint.empty()) return lake.catalog.glue.endpoint;
  for (const char* name : {"AWS_ENDPOINT_URL_GLUE", "AWS_ENDPOINT_URL"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "https://glue." + region + ".amazonaws.com";
}

}  // namespace

Result<std::unique_ptr<Catalog>> OpenGlueCatalog(GlueCatalogOptions options, io::FileStore& files, const Clock& clock) {
  if (!options.keys) return MakeError(Fault::kConfig, "there is no source of AWS keys for Glue");
  ARROW_ASSIGN_OR_RAISE(auto client, GlueClient::Make(options, clock));
  return std::make_unique<GlueCatalog>(std::move(options), std::move(client), files, clock);
}

CatalogKind Kind() {
  return {.name = "glue", .open = [](const config::LakeConfig& lake, const CatalogContext& context) {
            io::ObjectStoreSettings storage = lake.storage;
            if (!lake.catalog.glue.region.empty()) storage.region = lake.catalog.glue.region;
            const std::string region = io::RegionOrDefault(storage);
            return OpenGlueCatalog({.endpoint = Endpoint(lake, region),
                                    .region = region,
                                    .catalog_id = lake.catalog.glue.catalog_id,
                                    .warehouse = lake.warehouse,
                                    .ca_file = storage.ca_file,
                                    .keys = context.aws_keys},
                                   context.files, context.clock);
          }};
}

}  // namespace firn::catalog::glue
