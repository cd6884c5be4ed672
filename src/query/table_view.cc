#include "query/table_view.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "io/file_store.h"
#include "query/sql_text.h"
#include "query/sql_tokens.h"
#include "table/delete/delete_reader.h"
#include "table/metadata/default_value.h"
#include "table/scan/metadata_columns.h"
#include "table/scan/row_group_pruning.h"

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
  if (type.id == TypeId::kUuid || type.id == TypeId::kTimestampTzNs || !type.is_stored()) return false;
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
  if (state.metadata->properties.contains(kNameMapping) || !state.metadata_columns.empty()) return false;
  if (table::HasDefaults(*state.schema)) return false;
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
  table::SchemaPtr schema;  // with the metadata columns behind the table's own
  table::ScanPlan plan;     // the files of the scan
  std::shared_ptr<const table::NameMapping> mapping;
  std::shared_ptr<table::DeleteReader> deletes;
  std::function<bool(const table::RowGroup&)> choose;  // row groups that may match
};

// Batches without columns.
class RowCount final : public arrow::RecordBatchReader {
 public:
  explicit RowCount(int64_t rows) : rows_(rows) {}
  std::shared_ptr<arrow::Schema> schema() const override { return arrow::schema({}); }
  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    *out = rows_ == 0 ? nullptr : arrow::RecordBatch::Make(schema(), std::exchange(rows_, 0), arrow::ArrayVector());
    return Status::OK();
  }

 private:
  int64_t rows_;
};

Result<std::unique_ptr<arrow::RecordBatchReader>> OpenPart(const ScanSource& source, int64_t part,
                                                           std::span<const int> columns) {
  schema::Schema target{.schema_id = source.schema->schema_id, .fields = {}, .identifier_field_ids = {}};
  for (const int column : columns) {
    schema::Field field = source.schema->fields[static_cast<size_t>(column)];
    if (field.type->id == TypeId::kVariant) {
      return CannotRead("column " + field.name + " has the type variant, whose values this build does not read",
                        "it is the only thing of the table that cannot be read", "name the other columns in the query");
    }
    if (field.type->id == TypeId::kUnknown) field.type = schema::Int();  // only nulls
    target.fields.push_back(std::move(field));
  }
  const auto index = static_cast<size_t>(part);
  const table::ManifestEntry& entry = source.plan.files[index];
  ARROW_ASSIGN_OR_RAISE(auto deleted, source.deletes->DeletedRows(entry, source.plan.DeletesOf(index)));
  if (columns.empty()) {  // rows alone are known without the file
    const int64_t rows = entry.file.record_count;
    return std::make_unique<RowCount>(rows - (deleted == nullptr ? 0 : deleted->CountIn(0, rows)));
  }
  return table::OpenRowsWithMetadata(
      source.files, *source.metadata, entry, std::move(deleted), target,
      {.batch_rows = 2048 * 8, .name_mapping = source.mapping.get(), .choose = source.choose});
}

// The columns of a state with the metadata columns that are wanted of it.
table::SchemaPtr WithMetadata(const TableState& state) {
  if (state.metadata_columns.empty()) return state.schema;
  auto wide = std::make_shared<schema::Schema>(*state.schema);
  for (const std::string& name : state.metadata_columns) {
    const schema::Field* field = table::FindMetadataColumn(name);
    const bool taken = std::ranges::any_of(state.schema->fields,
                                           [&](const schema::Field& own) { return LowerName(own.name) == name; });
    if (field != nullptr && !taken) wide->fields.push_back(*field);
  }
  return wide;
}

std::string NameList(const schema::Schema& schema) {
  std::string names;
  for (const auto& field : schema.fields) names += (names.empty() ? "" : ", ") + QuoteName(field.name);
  return names;
}

// The table function that reads the files of `plan`.
Result<std::string> ScanSql(DuckdbEngine& engine, io::FileStore& files, const TableState& state, table::ScanPlan plan,
                            const schema::Schema& seen) {
  auto source = std::make_shared<ScanSource>(ScanSource{.files = files,
                                                        .metadata = state.metadata,
                                                        .schema = WithMetadata(state),
                                                        .plan = std::move(plan),
                                                        .mapping = {},
                                                        .deletes = {},
                                                        .choose = table::ChooseRowGroups(state.predicates)});
  ArrowScan scan{
      .schema = seen, .num_rows = 0, .num_parts = static_cast<int64_t>(source->plan.files.size()), .open = {}};
  for (const auto& entry : source->plan.files) scan.num_rows += entry.file.record_count;
  scan.exact = source->plan.delete_files == 0 && state.predicates.empty();
  if (const std::string json = state.metadata->Property(kNameMapping); !json.empty()) {
    ARROW_ASSIGN_OR_RAISE(table::NameMapping mapping, table::ParseNameMapping(json));
    source->mapping = std::make_shared<const table::NameMapping>(std::move(mapping));
  }
  source->deletes = table::DeleteReader::Make(files, state.metadata, {.name_mapping = source->mapping});
  scan.open = [source](int64_t part, std::span<const int> columns) { return OpenPart(*source, part, columns); };
  ARROW_ASSIGN_OR_RAISE(const int64_t id, engine.AddScan(std::move(scan)));
  return "firn_scan(" + std::to_string(id) + ")";
}

// Takes the files out of `plan` that DuckDB reads by itself without missing a delete.
table::ScanPlan TakeClean(table::ScanPlan* plan) {
  table::ScanPlan clean, rest;
  rest.delete_files = plan->delete_files;
  for (size_t i = 0; i < plan->files.size(); ++i) {
    const bool is_clean = plan->DeletesOf(i).empty();
    table::ScanPlan& to = is_clean ? clean : rest;
    if (!is_clean) rest.deletes.push_back(plan->DeletesOf(i));
    to.files.push_back(std::move(plan->files[i]));
  }
  *plan = std::move(rest);
  return clean;
}

void PutBack(table::ScanPlan clean, table::ScanPlan* plan) {
  for (auto& entry : clean.files) {
    plan->files.push_back(std::move(entry));
    if (!plan->deletes.empty()) plan->deletes.emplace_back();
  }
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
  const schema::Schema seen = WithDistinctNames(*WithMetadata(state));
  TableView view;
  for (const auto& field : seen.fields) view.columns.push_back(field.name);
  table::ScanPlan plan;
  if (state.plan) {
    plan = *state.plan;
  } else if (state.snapshot != nullptr) {
    ARROW_ASSIGN_OR_RAISE(plan, table::PlanFiles(files, *state.metadata, *state.snapshot,
                                                 {.predicates = state.predicates,
                                                  .keep_metrics = false,
                                                  .deletes = table::ScanOptions::Deletes::kPlan}));
  }
  ARROW_RETURN_NOT_OK(CheckFiles(plan));
  view.num_files = static_cast<int64_t>(plan.files.size());
  view.files_skipped = plan.files_skipped;
  if (plan.files.empty()) {
    view.sql = EmptySql(seen);
    return view;
  }
  // Files with deletes go through our scan, the others to DuckDB's reader where that is exact.
  if (DuckdbReadsExactly(state)) {
    table::ScanPlan clean = TakeClean(&plan);
    if (!clean.files.empty()) view.paths = DuckdbPaths(clean);
    if (!view.paths.empty()) {
      ARROW_ASSIGN_OR_RAISE(const bool have_ids, HaveFieldIds(engine, view.paths));
      if (!have_ids) view.paths.clear();
    }
    if (view.paths.empty()) PutBack(std::move(clean), &plan);
  }
  view.scanned = !plan.files.empty();
  if (!view.paths.empty()) view.sql = ParquetSql(seen, view.paths);
  if (view.scanned) {
    ARROW_ASSIGN_OR_RAISE(std::string rows, ScanSql(engine, files, state, std::move(plan), seen));
    // The row column leads on both sides, so that a query that needs no column reads none of the table's.
    if (!view.sql.empty()) {
      rows =
          "(SELECT 0::TINYINT AS " + RowColumnName(seen) + ", * FROM (" + view.sql + ") UNION ALL FROM " + rows + ")";
    }
    view.sql = "SELECT " + NameList(seen) + " FROM " + rows;
  }
  return view;
}

}  // namespace firn::query
