#include <chrono>
#include <set>
#include <utility>

#include "base/backoff.h"
#include "server/catalog/endpoints.h"
#include "server/catalog/json.h"
#include "server/catalog/names.h"
#include "server/catalog/purge.h"
#include "server/catalog/rest_error.h"

namespace firn::server {
namespace {

using catalog::TableCommit;

constexpr int kRaceAttemptsMax = 50;
constexpr size_t kTablesMax = 1000;

bool IsCreate(const TableCommit& commit) {
  for (const auto& requirement : commit.requirements) {
    if (std::holds_alternative<table::requirement::AssertCreate>(requirement)) return true;
  }
  return false;
}

Result<TableCommit> ParseCommit(const Json& body, catalog::TableIdentifier identifier) {
  TableCommit commit{.identifier = std::move(identifier)};
  ARROW_ASSIGN_OR_RAISE(const Json* requirements, ArrayIn(body, "requirements"));
  ARROW_ASSIGN_OR_RAISE(const Json* updates, ArrayIn(body, "updates"));
  if (requirements != nullptr) {
    for (const Json& json : *requirements) {
      ARROW_ASSIGN_OR_RAISE(auto requirement, table::ParseRequirement(Dump(json)));
      commit.requirements.push_back(std::move(requirement));
    }
  }
  if (updates != nullptr) {
    for (const Json& json : *updates) {
      ARROW_ASSIGN_OR_RAISE(auto update, table::ParseUpdate(Dump(json)));
      commit.updates.push_back(std::move(update));
    }
  }
  return commit;
}

// Checked on every commit: where the table is, and every location the updates name.
Status CheckCommit(Backend& backend, const TableCommit& commit, const catalog::LoadedTable* current) {
  ARROW_RETURN_NOT_OK(backend.locations.CheckUpdates(commit.updates));
  if (current != nullptr) ARROW_RETURN_NOT_OK(backend.locations.Check(current->metadata->location));
  return Status::OK();
}

// A creating commit needs its namespace and a free name; any other its table.
Result<std::optional<catalog::LoadedTable>> Current(Backend& backend, const TableCommit& commit) {
  if (!IsCreate(commit)) {
    ARROW_ASSIGN_OR_RAISE(auto table, RequireTable(backend, commit.identifier));
    return std::optional(std::move(table));
  }
  ARROW_RETURN_NOT_OK(CheckNamespaceExists(backend, commit.identifier.ns));
  ARROW_ASSIGN_OR_RAISE(const auto entry, backend.administration.Find(Stored(commit.identifier)));
  if (entry && entry->kind == catalog::EntryKind::kTable) {
    return CommitFailed("Requirement failed: table already exists");
  }
  if (entry) return AlreadyExists("View with same name already exists: " + commit.identifier.ToString());
  return std::nullopt;
}

// The names in a table's log that the commit pushed out, if the table wants their files removed.
void RemoveRetired(Backend& backend, const catalog::LoadedTable& before, const catalog::LoadedTable& after) {
  if (after.metadata->Property("write.metadata.delete-after-commit.enabled") != "true") return;
  for (const std::string& file : table::RetiredMetadataFiles(*before.metadata, *after.metadata)) {
    RemoveOwnFile(backend, file);
  }
}

// Of two requests that race, one lost only because the other was first: its requirements are judged again on what is
// there now. A requirement that failed stands.
Result<std::vector<catalog::LoadedTable>> Swap(Backend& backend, const std::vector<TableCommit>& stored,
                                               std::stop_token stop) {
  Backoff backoff({.base_ms = 5, .delay_ms_max = 200, .total_ms = 30'000, .attempts_max = kRaceAttemptsMax},
                  backend.clock);
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto result, backend.catalog.Commit(stored, stop));
    if (result.outcome == catalog::CommitOutcome::kCommitted) return std::move(result.tables);
    if (result.outcome == catalog::CommitOutcome::kUnknown) {
      return RestError(500, "CommitStateUnknownException", "Commit state unknown: " + result.reason);
    }
    const bool refused = result.reason.starts_with("Requirement failed") || result.reason.starts_with("Cannot");
    if (refused || !backoff.Wait(stop).ok()) return CommitFailed(result.reason);
  }
}

}  // namespace

Result<std::vector<catalog::LoadedTable>> CommitAll(Backend& backend, std::vector<TableCommit> commits,
                                                    std::stop_token stop) {
  std::vector<std::optional<catalog::LoadedTable>> before;
  for (TableCommit& commit : commits) {
    ARROW_ASSIGN_OR_RAISE(auto current, Current(backend, commit));
    ARROW_RETURN_NOT_OK(CheckCommit(backend, commit, current ? &*current : nullptr));
    before.push_back(std::move(current));
  }
  for (TableCommit& commit : commits) commit.identifier = Stored(commit.identifier);
  ARROW_ASSIGN_OR_RAISE(auto after, Swap(backend, commits, stop));
  for (size_t i = 0; i < after.size() && i < before.size(); ++i) {
    if (before[i]) RemoveRetired(backend, *before[i], after[i]);
  }
  return after;
}

Answer CommitTable(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Json body, ParseObject(call.request.body));
  if (const Json* json = FindIn(body, "identifier")) {
    ARROW_ASSIGN_OR_RAISE(const auto named, IdentifierOfJson(*json, "identifier"));
    if (named != call.identifier()) return BadRequest("Invalid request: identifier is not the path's table");
  }
  ARROW_ASSIGN_OR_RAISE(auto commit, ParseCommit(body, call.identifier()));
  ARROW_ASSIGN_OR_RAISE(const auto committed, CommitAll(backend, {std::move(commit)}, call.stop));
  return TableAnswer(backend, call, committed.front());
}

Answer CommitTransaction(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Json body, ParseObject(call.request.body));
  ARROW_ASSIGN_OR_RAISE(const Json* changes, ArrayIn(body, "table-changes"));
  if (changes == nullptr || changes->empty()) return BadRequest("Invalid request: table-changes is missing");
  if (changes->size() > kTablesMax) return BadRequest("Invalid request: more than 1000 table-changes");
  if (changes->size() > 1 && !backend.catalog.traits().multi_table_commit) {
    return RestError(406, "UnsupportedOperationException", "This catalog commits one table at a time");
  }
  std::vector<TableCommit> commits;
  std::set<catalog::TableIdentifier> seen;
  for (const Json& change : *changes) {
    ARROW_ASSIGN_OR_RAISE(const Json* json, Required(change, "identifier"));
    ARROW_ASSIGN_OR_RAISE(auto identifier, IdentifierOfJson(*json, "identifier"));
    if (!seen.insert(identifier).second) return BadRequest("Invalid request: table twice: " + identifier.ToString());
    ARROW_ASSIGN_OR_RAISE(auto commit, ParseCommit(change, std::move(identifier)));
    commits.push_back(std::move(commit));
  }
  ARROW_RETURN_NOT_OK(CommitAll(backend, std::move(commits), call.stop).status());
  return NoContent();
}

}  // namespace firn::server
