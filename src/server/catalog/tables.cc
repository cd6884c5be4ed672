#include <utility>

#include "base/log.h"
#include "server/catalog/endpoints.h"
#include "server/catalog/json.h"
#include "server/catalog/names.h"
#include "server/catalog/purge.h"
#include "server/catalog/rest_error.h"
#include "table/metadata/metadata_json.h"

namespace firn::server {
namespace {

using catalog::EntryKind;

constexpr int kUnregisterAttempts = 10;

Answer Renamed(Backend& backend, const Call& call, EntryKind kind) {
  ARROW_ASSIGN_OR_RAISE(const Json body, ParseObject(call.request.body));
  ARROW_ASSIGN_OR_RAISE(const Json* source, Required(body, "source"));
  ARROW_ASSIGN_OR_RAISE(const Json* destination, Required(body, "destination"));
  ARROW_ASSIGN_OR_RAISE(const auto from, IdentifierOfJson(*source, "source"));
  ARROW_ASSIGN_OR_RAISE(const auto to, IdentifierOfJson(*destination, "destination"));
  const auto missing = [&] { return kind == EntryKind::kTable ? NoSuchTable(from) : NoSuchView(from); };
  ARROW_ASSIGN_OR_RAISE(const auto found, backend.administration.Find(Stored(from)));
  if (!found || found->kind != kind) return missing();
  if (from == to) return NoContent();
  ARROW_RETURN_NOT_OK(CheckNamespaceExists(backend, to.ns));
  const auto taken = [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(const auto other, backend.administration.Find(Stored(to)));
    const char* what = other && other->kind == EntryKind::kView ? "View" : "Table";
    return AlreadyExists("Cannot rename " + from.ToString() + " to " + to.ToString() + ". " + what + " already exists");
  };
  const auto renamed = backend.administration.Rename(kind, Stored(from), Stored(to));
  if (!renamed.ok() && FaultOf(renamed.status()) == Fault::kConflict) return taken();
  ARROW_RETURN_NOT_OK(renamed.status());
  if (!*renamed) return missing();
  return NoContent();
}

}  // namespace

Answer ListTables(Backend& backend, const Call& call) {
  ARROW_RETURN_NOT_OK(CheckNamespaceExists(backend, call.ns));
  ARROW_ASSIGN_OR_RAISE(auto tables, backend.catalog.ListTables(Stored(call.ns)));
  return IdentifiersAnswer(call, std::move(tables));
}

Answer LoadTable(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const auto loaded, RequireTable(backend, call.identifier()));
  return TableAnswer(backend, call, loaded);
}

Answer TableExists(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const auto found, backend.administration.Find(Stored(call.identifier())));
  if (!found || found->kind != EntryKind::kTable) return NoSuchTable(call.identifier());
  return NoContent();
}

Answer DropTable(Backend& backend, const Call& call) {
  const bool purge = call.request.Query("purgeRequested") == "true";
  std::optional<catalog::LoadedTable> table;
  if (purge) {
    ARROW_ASSIGN_OR_RAISE(table, RequireTable(backend, call.identifier()));
  }
  ARROW_ASSIGN_OR_RAISE(const bool dropped,
                        backend.administration.Drop(EntryKind::kTable, Stored(call.identifier()), std::nullopt));
  if (!dropped) return NoSuchTable(call.identifier());
  if (table) RemoveTableFiles(backend, *table);
  return NoContent();
}

Answer RenameTable(Backend& backend, const Call& call) {
  return Renamed(backend, call, EntryKind::kTable);
}

Answer RenameView(Backend& backend, const Call& call) {
  return Renamed(backend, call, EntryKind::kView);
}

// What is returned is the last metadata there was: a commit in between makes it try again.
Answer UnregisterTable(Backend& backend, const Call& call) {
  for (int attempt = 0; attempt < kUnregisterAttempts; ++attempt) {
    ARROW_ASSIGN_OR_RAISE(const auto table, RequireTable(backend, call.identifier()));
    const auto dropped =
        backend.administration.Drop(EntryKind::kTable, Stored(call.identifier()), table.metadata_location);
    if (!dropped.ok() && FaultOf(dropped.status()) == Fault::kConflict) continue;
    ARROW_RETURN_NOT_OK(dropped.status());
    if (!*dropped) return NoSuchTable(call.identifier());
    ARROW_ASSIGN_OR_RAISE(const std::string metadata, table::WriteMetadata(*table.metadata));
    return JsonAnswer("{\"metadata-location\":" + Dump(table.metadata_location) + ",\"metadata\":" + metadata + "}");
  }
  return RestError(409, "CommitFailedException", "Table is being committed to: " + call.identifier().ToString());
}

Answer TableCredentials(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const auto table, RequireTable(backend, call.identifier()));
  ARROW_ASSIGN_OR_RAISE(const std::string list, CredentialsJson(backend, call, table.metadata->location, nullptr));
  io::ServedResponse answer = JsonAnswer("{\"storage-credentials\":" + list + "}");
  answer.headers.Add("Cache-Control", "no-store");
  return answer;
}

Answer TableMetrics(Backend&, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Json body, ParseObject(call.request.body));
  ARROW_ASSIGN_OR_RAISE(const std::string type, RequiredText(body, "report-type"));
  log::Debug("metrics reported", {{"table", call.identifier().ToString()}, {"report_type", type}});
  return NoContent();
}

}  // namespace firn::server
