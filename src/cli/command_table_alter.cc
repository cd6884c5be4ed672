#include <nlohmann/json.hpp>
#include <utility>

#include "cli/app.h"
#include "cli/commands.h"
#include "pipeline/column_naming.h"
#include "pipeline/run_plan.h"
#include "query/tables.h"
#include "table/commit/ref_update.h"
#include "table/commit/schema_change.h"
#include "table/metadata/default_value.h"
#include "table/metadata/requirement.h"

namespace firn::cli {
namespace {

using Json = nlohmann::ordered_json;
using table::SchemaChange;
using Kind = SchemaChange::Kind;
using Words = std::vector<std::string>;

// One kind of change: how it is written, and how many words follow it.
struct Verb {
  const char* name;
  const char* usage;
  Kind kind;
  size_t words_min;
  size_t words_max;
};
constexpr size_t kMany = 1000;
constexpr Verb kVerbs[] = {
    {"add-column", "add-column COLUMN TYPE", Kind::kAddColumn, 2, 2},
    {"rename-column", "rename-column COLUMN NAME", Kind::kRenameColumn, 2, 2},
    {"drop-column", "drop-column COLUMN", Kind::kDropColumn, 1, 1},
    {"move-column", "move-column COLUMN first | after OTHER | before OTHER", Kind::kMoveColumn, 2, 3},
    {"make-optional", "make-optional COLUMN", Kind::kMakeOptional, 1, 1},
    {"set-type", "set-type COLUMN TYPE", Kind::kSetType, 2, 2},
    {"set-doc", "set-doc COLUMN TEXT", Kind::kSetDoc, 2, 2},
    {"set-default", "set-default COLUMN VALUE", Kind::kSetDefault, 2, 2},
    {"drop-default", "drop-default COLUMN", Kind::kSetDefault, 1, 1},
    {"set-identifier", "set-identifier [COLUMN …]", Kind::kSetIdentifier, 0, kMany},
};

Status Usage(const std::string& problem) {
  std::string usages;
  for (const Verb& verb : kVerbs) usages += std::string("\n  firn table alter TABLE ") + verb.usage;
  return MakeError(Fault::kConfig, problem + "; the changes are" + usages, {.state = "nothing was changed"});
}

Result<schema::TypePtr> TypeOf(const std::string& text) {
  auto type = schema::ParsePrimitive(text);
  if (type.ok()) return type;
  return MakeError(Fault::kConfig, "`" + text + "` is no column type",
                   {.code = "E0415",
                    .why = "types are those of Iceberg: boolean, int, long, float, double, decimal(12,2), date, time, "
                           "timestamp, timestamptz, string, uuid, fixed[16], binary; in format version 3 also "
                           "timestamp_ns, timestamptz_ns, unknown",
                    .state = "nothing was changed",
                    .next = ""});
}

Status FillMove(const Words& words, SchemaChange* change) {
  if (words[1] == "first" && words.size() == 2) return Status::OK();
  if ((words[1] != "after" && words[1] != "before") || words.size() != 3) {
    return Usage("a column moves `first`, `after OTHER` or `before OTHER`");
  }
  change->place = words[1] == "after" ? SchemaChange::Place::kAfter : SchemaChange::Place::kBefore;
  change->name = words[2];
  return Status::OK();
}

// `words`: what follows the verb.
Result<SchemaChange> ChangeOf(const Verb& verb, const Words& words, const Arguments& arguments) {
  SchemaChange change{.kind = verb.kind};
  if (verb.kind == Kind::kSetIdentifier) {
    change.columns = words;
    return change;
  }
  change.column = words[0];
  switch (verb.kind) {
    case Kind::kAddColumn: {
      ARROW_ASSIGN_OR_RAISE(change.type, TypeOf(words[1]));
      change.doc = arguments.Text("--doc");
      if (const auto text = arguments.Given("--default")) {
        ARROW_ASSIGN_OR_RAISE(change.default_json, table::DefaultFromText(change.type, *text));
      }
      break;
    }
    case Kind::kSetType: {
      ARROW_ASSIGN_OR_RAISE(change.type, TypeOf(words[1]));
      break;
    }
    case Kind::kRenameColumn:
      change.name = words[1];
      break;
    case Kind::kMoveColumn:
      ARROW_RETURN_NOT_OK(FillMove(words, &change));
      break;
    case Kind::kSetDoc:
      change.doc = words[1];
      break;
    case Kind::kSetDefault:
      if (words.size() == 2) change.default_json = words[1];  // its type is not known yet
      break;
    default:
      break;
  }
  return change;
}

Result<SchemaChange> Parse(const Arguments& arguments) {
  Words words = arguments.All("CHANGE");
  for (const Verb& verb : kVerbs) {
    if (words.front() != verb.name) continue;
    words.erase(words.begin());
    if (words.size() < verb.words_min || words.size() > verb.words_max) {
      return Usage(std::string("it is `") + verb.usage + "`");
    }
    return ChangeOf(verb, words, arguments);
  }
  return Usage("`" + words.front() + "` is no change of a table");
}

// What the configuration needs of the table's columns.
std::map<std::string, std::string> InUse(const config::Project& project, const catalog::TableIdentifier& identifier,
                                         const schema::Schema& schema) {
  std::map<std::string, std::string> in_use;
  for (const auto& pipeline : project.pipelines) {
    for (const auto& table : pipeline.tables) {
      if (pipeline::IdentifierOf(pipeline, table) != identifier) continue;
      for (const std::string& key : table.primary_key) {
        const schema::Field* column = pipeline::ColumnOfKey(schema, key);
        if (column != nullptr) in_use[column->name] = "it is part of the primary_key of " + table.name;
      }
      for (const auto& partition : table.partition_by) {
        const schema::Field* column = pipeline::ColumnOfKey(schema, partition.column);
        if (column != nullptr) in_use[column->name] = "partition_by of " + table.name + " names it";
      }
    }
  }
  return in_use;
}

struct Alteration {
  const config::Project& project;
  SchemaChange change;
  bool changed = false;  // set by the last plan
};

Result<std::optional<table::RefChange>> PlanAlteration(Alteration& alteration,
                                                       const catalog::TableIdentifier& identifier,
                                                       const table::TableMetadata& metadata) {
  SchemaChange change = alteration.change;
  if (change.kind == Kind::kSetDefault && !change.default_json.empty()) {
    if (const schema::Field* field = table::FindColumn(metadata.schema(), change.column).field) {
      ARROW_ASSIGN_OR_RAISE(change.default_json, table::DefaultFromText(field->type, change.default_json));
    }
  }
  ARROW_ASSIGN_OR_RAISE(
      const auto evolution,
      table::ChangeSchema(metadata, {&change, 1}, InUse(alteration.project, identifier, metadata.schema())));
  alteration.changed = !evolution.updates.empty();
  if (!alteration.changed) return std::nullopt;
  return table::RefChange{
      .requirements = {table::requirement::AssertCurrentSchemaId{.current_schema_id = metadata.current_schema_id},
                       table::requirement::AssertLastAssignedFieldId{.last_assigned_field_id = metadata.last_column_id},
                       table::requirement::AssertDefaultSpecId{.default_spec_id = metadata.default_spec_id}},
      .updates = evolution.updates};
}

Result<int> Alter(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const SchemaChange change, Parse(arguments));
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto identifier, query::ResolveTable(*catalog, arguments.Text("TABLE")));
  Alteration alteration{.project = *project, .change = change};
  std::optional<int32_t> schema_id;
  if (arguments.Flag("--dry-run")) {
    ARROW_ASSIGN_OR_RAISE(const auto loaded, query::LoadNamedTable(*catalog, arguments.Text("TABLE")));
    ARROW_RETURN_NOT_OK(PlanAlteration(alteration, identifier, *loaded.metadata).status());
    schema_id = loaded.metadata->current_schema_id;
  } else {
    ARROW_ASSIGN_OR_RAISE(const auto changed,
                          table::CommitRefs(
                              {.catalog = *catalog, .clock = app.clock()}, {&identifier, 1},
                              [&](const catalog::TableIdentifier& of, const catalog::LoadedTable& loaded) {
                                return PlanAlteration(alteration, of, *loaded.metadata);
                              },
                              app.stop()));
    schema_id = changed.front().metadata->current_schema_id;
  }
  const std::string text = table::ToString(change);
  app.Say(identifier.ToString() + ": " + text + (alteration.changed ? "" : " (so it is already)") +
          (arguments.Flag("--dry-run") ? ", nothing was changed" : "") + "\n");
  if (!arguments.Flag("--json")) return 0;
  const Json json = {{"table", identifier.ToString()},
                     {"change", text},
                     {"changed", alteration.changed && !arguments.Flag("--dry-run")},
                     {"schema_id", *schema_id}};
  ARROW_RETURN_NOT_OK(app.Print(json.dump() + "\n"));
  return 0;
}

}  // namespace

Command TableAlterCommand() {
  return {
      .name = "table alter",
      .reads_source = false,
      .group = "Run",
      .summary = "change the columns of a table: add, rename, drop, move, type, doc, default, identifier",
      .options = {{.name = "TABLE", .kind = Option::Kind::kPositional, .help = "dataset.table", .required = true},
                  {.name = "CHANGE",
                   .kind = Option::Kind::kPositionals,
                   .help = "rename-column A B, drop-column A, move-column A first|after B|before B, make-optional A, "
                           "set-type A TYPE, set-doc A TEXT, add-column A TYPE, set-default A VALUE, drop-default A, "
                           "set-identifier A …",
                   .required = true},
                  {.name = "--default", .help = "add-column: of rows that have no value, old and new (version 3)"},
                  {.name = "--doc", .help = "add-column: what the column says"},
                  {.name = "--dry-run", .kind = Option::Kind::kFlag, .help = "say what would be done"},
                  {.name = "--json", .kind = Option::Kind::kFlag, .help = "the result as JSON on stdout"}},
      .run = Alter};
}

}  // namespace firn::cli
