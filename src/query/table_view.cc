#include "query/table_view.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "io/file_store.h"
#include "query/sql_text.h"
#include "query/sql_tokens.h"
#include "table/scan/file_reader.h"

namespace firn::query {
namespace {

using schema::TypeId;

constexpr char kNameMapping[] = "schema.name-mapping.default";
constexpr size_t kFilesChecked = 4;

schema::TypePtr DistinctType(const schema::TypePtr& type);

std::vector<schema::Field> DistinctFields(const std::vector<schema::Field>& fields) {
  std::set<std::string> all;
  for (const auto& field : fields) all.insert(LowerName(field.name));
  std::set<std::string> taken;
  std::vector<schema::Field> distinct = fields;
  for (auto& field : distinct) {
    field.type = DistinctType(field.type);
    if (taken.insert(LowerName(field.name)).second) continue;
    std::string name;
    for (int n = 2; name.empty() || all.contains(LowerName(name)) || taken.contains(LowerName(name)); ++n) {
      name = field.name + "__" + std::to_string(n);
    }
    taken.insert(LowerName(name));
    field.name = name;
  }
  return distinct;
}

schema::TypePtr DistinctType(const schema::TypePtr& type) {
  if (!type->is_nested()) return type;
  auto made = std::make_shared<schema::Type>(*type);
  if (type->id == TypeId::kStruct) {
    made->children = DistinctFields(type->children);
  } else {
    for (auto& child : made->children) child.type = DistinctType(child.type);
  }
  return made;
}

Status CannotRead(std::string what, std::string why, std::string next) {
  return MakeError(Fault::kConfig, std::move(what),
                   {.code = "E0709", .why = std::move(why), .state = "nothing was changed", .next = std::move(next)});
}

// Writers escape other names inside Parquet (Iceberg's Java library after Avro's rules), and nested fields are found by
// name in DuckDB's reader.
bool IsPlainName(const std::string& name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool HasOnly(const schema::Type& type, bool nested) {
  if (type.id == TypeId::kUuid) return false;
  for (const auto& child : type.children) {
    if (type.id == TypeId::kStruct && !IsPlainName(child.name)) return false;
    if (!HasOnly(*child.type, true)) return false;
  }
  return !(nested && type.id == TypeId::kStruct && type.children.empty());
}

// True if a nested column has had one and the same type as long as the table knows.
bool NeverChanged(const schema::Field& field, const table::TableMetadata& metadata) {
  return std::all_of(metadata.schemas.begin(), metadata.schemas.end(), [&](const table::SchemaPtr& schema) {
    for (const auto& other : schema->fields) {
      if (other.id == field.id) return schema::Equals(*other.type, *field.type);
    }
    return true;
  });
}

bool DuckdbReadsExactly(const TableState& state) {
  if (state.metadata->properties.contains(kNameMapping)) return false;
  return std::all_of(state.schema->fields.begin(), state.schema->fields.end(), [&](const schema::Field& field) {
    if (!HasOnly(*field.type, false)) return false;
    if (!field.type->is_nested()) return true;
    return NeverChanged(field, *state.metadata) && schema::Equals(*DistinctType(field.type), *field.type);
  });
}

// DuckDB's paths of the files; empty if one of them is not a plain local path for DuckDB.
std::vector<std::string> DuckdbPaths(const table::ScanPlan& plan) {
  std::vector<std::string> paths;
  for (const auto& entry : plan.files) {
    const auto path = io::PathOfLocation(entry.file.file_path);
    if (!path.ok() || path->find_first_of("*?[]\\") != std::string::npos) return {};
    paths.push_back(*path);
  }
  return paths;
}

std::string TextList(const std::vector<std::string>& texts) {
  std::string list;
  for (const auto& text : texts) list += (list.empty() ? "" : ", ") + QuoteText(text);
  return "[" + list + "]";
}

// Files that were added without field ids would read as nulls; some of them tell of all that were added together.
Result<bool> HaveFieldIds(DuckdbEngine& engine, const std::vector<std::string>& paths) {
  std::set<std::string> some;
  for (size_t i = 0; i < kFilesChecked; ++i) some.insert(paths[(paths.size() - 1) * i / (kFilesChecked - 1)]);
  ARROW_ASSIGN_OR_RAISE(const std::string count,
                        engine.Value("SELECT count(*) FROM parquet_schema(" +
                                     TextList(std::vector<std::string>(some.begin(), some.end())) +
                                     ") WHERE field_id IS NULL AND coalesce(num_children, 0) = 0"));
  return count == "0";
}

std::string EmptySql(const schema::Schema& schema) {
  std::string columns;
  for (const auto& field : schema.fields) {
    columns +=
        (columns.empty() ? "" : ", ") + ("CAST(NULL AS " + SqlType(*field.type)) + ") AS " + QuoteName(field.name);
  }
  return "SELECT " + columns + " WHERE false";
}

std::string ParquetSql(const schema::Schema& schema, const std::vector<std::string>& paths) {
  std::string columns;
  std::string map;
  for (const auto& field : schema.fields) {
    const char* comma = columns.empty() ? "" : ", ";
    columns += comma + QuoteName(field.name);
    map += comma + std::to_string(field.id) + ": {name: " + QuoteText(field.name) +
           ", type: " + QuoteText(SqlType(*field.type)) + ", default_value: NULL}";
  }
  return "SELECT " + columns + " FROM read_parquet(" + TextList(paths) + ", schema = MAP {" + map +
         "}, hive_partitioning = false)";
}

// What the parts of a scan share.
struct ScanSource {
  io::FileStore& files;
  std::shared_ptr<const table::TableMetadata> metadata;
  table::SchemaPtr schema;
  std::vector<std::string> locations;
  std::unique_ptr<table::NameMapping> mapping;
};

Result<std::unique_ptr<arrow::RecordBatchReader>> OpenPart(const ScanSource& source, int64_t part,
                                                           std::span<const int> columns) {
  schema::Schema target{.schema_id = source.schema->schema_id, .fields = {}, .identifier_field_ids = {}};
  for (const int column : columns) target.fields.push_back(source.schema->fields[static_cast<size_t>(column)]);
  return table::OpenDataFile(source.files, source.locations[static_cast<size_t>(part)], target,
                             {.batch_rows = 2048 * 8, .name_mapping = source.mapping.get()});
}

Result<std::string> ScanSql(DuckdbEngine& engine, io::FileStore& files, const TableState& state,
                            const table::ScanPlan& plan, const schema::Schema& seen) {
  auto source = std::make_shared<ScanSource>(
      ScanSource{.files = files, .metadata = state.metadata, .schema = state.schema, .locations = {}, .mapping = {}});
  ArrowScan scan{.schema = seen, .num_rows = 0, .num_parts = static_cast<int64_t>(plan.files.size()), .open = {}};
  for (const auto& entry : plan.files) {
    source->locations.push_back(entry.file.file_path);
    scan.num_rows += entry.file.record_count;
  }
  if (const std::string json = state.metadata->Property(kNameMapping); !json.empty()) {
    ARROW_ASSIGN_OR_RAISE(table::NameMapping mapping, table::ParseNameMapping(json));
    source->mapping = std::make_unique<table::NameMapping>(std::move(mapping));
  }
  scan.open = [source](int64_t part, std::span<const int> columns) { return OpenPart(*source, part, columns); };
  ARROW_ASSIGN_OR_RAISE(const int64_t id, engine.AddScan(std::move(scan)));
  return "SELECT * FROM firn_scan(" + std::to_string(id) + ")";
}

Status CheckFiles(const table::ScanPlan& plan) {
  for (const auto& entry : plan.files) {
    if (entry.file.file_format == table::FileFormat::kParquet) continue;
    return CannotRead("the table has data files that are not Parquet", entry.file.file_path,
                      "read it with an engine that knows the format, or rewrite its files as Parquet");
  }
  return Status::OK();
}

}  // namespace

schema::Schema WithDistinctNames(const schema::Schema& schema) {
  schema::Schema distinct = schema;
  distinct.fields = DistinctFields(schema.fields);
  return distinct;
}

Result<TableView> MakeView(DuckdbEngine& engine, io::FileStore& files, const TableState& state) {
  if (state.schema->fields.empty()) {
    return CannotRead("the table has no columns yet", "its schema is empty",
                      "firn run adds columns with the first rows");
  }
  const schema::Schema seen = WithDistinctNames(*state.schema);
  TableView view;
  for (const auto& field : seen.fields) view.columns.push_back(field.name);
  table::ScanPlan plan;
  if (state.snapshot != nullptr) {
    ARROW_ASSIGN_OR_RAISE(plan, table::PlanFiles(files, *state.metadata, *state.snapshot,
                                                 {.predicates = state.predicates, .keep_metrics = false}));
  }
  ARROW_RETURN_NOT_OK(CheckFiles(plan));
  view.num_files = static_cast<int64_t>(plan.files.size());
  view.files_skipped = plan.files_skipped;
  if (plan.files.empty()) {
    view.sql = EmptySql(seen);
    return view;
  }
  if (DuckdbReadsExactly(state)) view.paths = DuckdbPaths(plan);
  if (!view.paths.empty()) {
    ARROW_ASSIGN_OR_RAISE(const bool have_ids, HaveFieldIds(engine, view.paths));
    if (!have_ids) view.paths.clear();
  }
  view.scanned = view.paths.empty();
  if (!view.scanned) {
    view.sql = ParquetSql(seen, view.paths);
    return view;
  }
  ARROW_ASSIGN_OR_RAISE(view.sql, ScanSql(engine, files, state, plan, seen));
  return view;
}

}  // namespace firn::query
