#include "pipeline/adopt.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "expression/datetime.h"
#include "format/json/column_plan.h"
#include "pipeline/column_extent.h"
#include "pipeline/column_naming.h"
#include "pipeline/configured_schema.h"
#include "pipeline/run_plan.h"
#include "pipeline/start_gap.h"
#include "pipeline/stream_document.h"
#include "pipeline/system_columns.h"
#include "table/commit/committer.h"
#include "table/commit/name_mapping.h"
#include "table/commit/stream_token.h"
#include "table/commit/writable.h"
#include "table/metadata/live_rows.h"
#include "table/scan/field_ids.h"
#include "table/scan/plan.h"

namespace firn::pipeline {
namespace {

using config::WriteDisposition;
using format::json::FormatNote;
using format::json::ParseNote;

constexpr char kUnchanged[] = "nothing was changed";
constexpr size_t kFootersRead = 256;

Status Refused(const std::string& what, const std::string& why, const std::string& next) {
  return MakeError(Fault::kConfig, what, {.code = "E0950", .why = why, .state = kUnchanged, .next = next});
}

Status NoStart(const std::string& what, const std::string& why, const std::string& next) {
  return MakeError(Fault::kConfig, what, {.code = "E0952", .why = why, .state = kUnchanged, .next = next});
}

Status NotOfColumn(const std::string& value, const schema::Field& field) {
  return NoStart("`" + value + "` cannot be compared with the column " + field.name + ", which is " +
                     schema::ToString(*field.type),
                 "where reading begins would be a guess",
                 "write it as the source does: a time (2026-01-31T12:00:00Z) or a number");
}

bool IsTime(const schema::Type& type, bool with_zone) {
  using enum schema::TypeId;
  return with_zone ? type.id == kTimestampTz || type.id == kTimestampTzNs
                   : type.id == kTimestamp || type.id == kTimestampNs;
}

// What to know of values of `key` that the column `field` cannot take; empty if it can, or nobody knows.
std::string MisfitNote(const std::string& key, const schema::Type& sent, const schema::Field& field,
                       const config::ColumnConfig* hint) {
  const bool declared = hint != nullptr && !hint->type.empty();
  if (sent.is_nested() && !field.type->is_nested() && !declared) {
    return "the source sends " + std::string(sent.id == schema::TypeId::kList ? "lists" : "objects") +
           ": they go to a second column, unless `columns: {" + key + ": {type: json}}`";
  }
  if (IsTime(sent, /*with_zone=*/true) && IsTime(*field.type, /*with_zone=*/false)) {
    return "the source sends times with a zone, which this column cannot keep: they go to a second column, as text";
  }
  const bool has_zone = hint != nullptr && !hint->timezone.empty();
  if (IsTime(sent, /*with_zone=*/false) && IsTime(*field.type, /*with_zone=*/true) && !has_zone) {
    return "the source sends times without a zone: they go to a second column, unless `columns: {" + key +
           ": {type: timestamptz, timezone: UTC}}` says which one they mean";
  }
  return "";
}

class Adoption {
 public:
  Adoption(const AdoptRequest& request, std::stop_token stop)
      : request_(request), table_(request.table), metadata_(*request.metadata), stop_(std::move(stop)) {}

  Result<AdoptPlan> Plan() {
    ARROW_RETURN_NOT_OK(table::CheckWritable(metadata_, table_.format_version.value_or(0)));
    ARROW_RETURN_NOT_OK(CheckSpec());
    ARROW_RETURN_NOT_OK(CheckFiles());
    ARROW_RETURN_NOT_OK(CheckSystem());
    NoteKeys();
    ARROW_RETURN_NOT_OK(ConfigureSchema(request_.project, request_.pipeline, table_, adopted_).status());
    ARROW_RETURN_NOT_OK(CheckNamed());
    ListColumns();
    ARROW_RETURN_NOT_OK(FindPosition());
    return std::move(plan_);
  }

 private:
  const schema::Schema& schema() const { return adopted_->schema(); }
  bool appends() const { return table_.write_disposition == WriteDisposition::kAppend; }
  std::string name() const { return IdentifierOf(request_.pipeline, table_).ToString(); }
  std::string Command(const std::string& options) const { return "firn table adopt " + name() + " " + options; }

  Status CheckSpec();
  Status CheckFiles();
  Status CheckSystem();
  void NoteKeys();
  Status CheckNamed();
  void ListColumns();
  Status FindPosition();
  Result<source::StartPoint> FindStart();
  Status CheckGap() const;
  Result<std::optional<OrderedValue>> ValueOf(const OrderColumn& column, const std::string& text) const;
  Status KnowRows(OrderColumn& column, OrderedValue from, source::StartPoint* start);
  OrderedValue LookedBack(const OrderColumn& column, OrderedValue from) const;
  Result<std::vector<std::string>> Splits();

  const AdoptRequest& request_;
  const config::TableConfig& table_;
  const table::TableMetadata& metadata_;
  const std::stop_token stop_;
  std::shared_ptr<const table::TableMetadata> adopted_;  // with the source's keys noted
  AdoptPlan plan_;
};

Status Adoption::CheckSpec() {
  for (const table::PartitionField& field : metadata_.default_spec().fields) {
    if (field.transform.kind != table::Transform::Kind::kUnknown) continue;
    return Refused("the table is partitioned by " + field.transform.unknown_name + ", which this build does not know",
                   "rows would be put into wrong partitions", "load into another table");
  }
  return Status::OK();
}

// Files that are read by position alone, or not at all, would be read as columns of nulls.
Status Adoption::CheckFiles() {
  const table::Snapshot* snapshot = metadata_.CurrentSnapshot();
  if (snapshot == nullptr) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto live, table::PlanFiles(request_.files, metadata_, *snapshot,
                                                          {.deletes = table::ScanOptions::Deletes::kPlan}));
  for (const table::ManifestEntry& entry : live.files) {
    if (entry.file.file_format == table::FileFormat::kParquet) continue;
    return Refused("the data file " + entry.file.file_path + " is no Parquet", "this build reads and writes Parquet",
                   "rewrite the data files as Parquet with the engine that made them");
  }
  if (live.delete_files > 0) {
    plan_.notes.push_back(std::to_string(live.delete_files) +
                          " delete files of the other writer are applied on reading, and folded by `firn table "
                          "maintain`");
  }
  if (!metadata_.Property(table::kNameMappingProperty).empty()) return Status::OK();
  const size_t step = std::max<size_t>(1, live.files.size() / kFootersRead);
  for (size_t i = 0; i < live.files.size(); i += step) {
    const std::string& location = live.files[i].file.file_path;
    ARROW_ASSIGN_OR_RAISE(const bool has, table::HasFieldIds(request_.files, location));
    if (has) continue;
    return Refused("the data file " + location + " has no field ids, and the table has no name mapping",
                   "its columns could not be told",
                   "set the table property schema.name-mapping.default with the engine "
                   "that added the file");
  }
  if (step > 1) plan_.notes.push_back("field ids were looked for in " + std::to_string(kFootersRead) + " data files");
  return Status::OK();
}

Status Adoption::CheckSystem() {
  const auto guess = GuessSystemColumns(metadata_.schema());
  const auto declared = table_.system_columns;
  if (guess != declared && guess != config::SystemColumns::kFirn) {
    const std::string set(config::ToString(guess));
    return MakeError(Fault::kConfig,
                     "the table has the columns of " + set + ", and the configuration says " +
                         std::string(config::ToString(declared)),
                     {.code = "E0951",
                      .where = request_.project.WhereIs(table_.config_path),
                      .why = "those columns would be null in all new rows",
                      .state = kUnchanged,
                      .next = "write `system_columns: " + set + "` for " + table_.name});
  }
  for (const schema::Field& field : SystemFields(declared)) {
    if (metadata_.schema().Find(field.name) != nullptr) continue;
    plan_.notes.push_back("the column " + field.name + " is added by the next run; null in the rows that are there");
  }
  return CheckSystemColumns(declared, metadata_.schema());
}

// The columns that keys of the source go to although they are called otherwise are marked with the key, as they are in
// tables that firn made.
void Adoption::NoteKeys() {
  std::set<std::string> keys;
  for (const SampledKey& sampled : request_.sample) keys.insert(sampled.key);
  for (const config::ColumnConfig& column : table_.columns) keys.insert(column.path);
  for (const std::string& key : table_.primary_key) keys.insert(key);
  if (table_.incremental) keys.insert(table_.incremental->cursor);
  const ChosenNames chosen = NamesOf(table_);
  schema::Schema noted = metadata_.schema();
  bool changed = false;
  for (const std::string& key : keys) {
    if (key.find('.') != std::string::npos || noted.Find(key) != nullptr) continue;
    const auto given = chosen.find(key);
    const std::string wanted = given != chosen.end() ? given->second : StyledName(key, request_.pipeline.naming);
    const auto column = std::ranges::find(noted.fields, wanted, &schema::Field::name);
    if (wanted == key || column == noted.fields.end() || keys.contains(wanted)) continue;
    auto note = ParseNote(column->doc);
    if (note.key) continue;
    note.key = key;
    column->doc = FormatNote(note);
    changed = true;
  }
  adopted_ = request_.metadata;
  if (!changed) return;
  auto next = std::make_shared<table::TableMetadata>(metadata_);
  plan_.new_schema = std::make_shared<const schema::Schema>(std::move(noted));
  for (table::SchemaPtr& known : next->schemas) {
    if (known->schema_id == metadata_.current_schema_id) known = plan_.new_schema;
  }
  adopted_ = std::move(next);
}

// What the configuration compares rows by must be there: rows that are there would have no key.
Status Adoption::CheckNamed() {
  const auto require = [&](const std::string& key, const std::string& setting) -> Status {
    const schema::Field* field = ColumnOfKey(schema(), key);
    if (field != nullptr && !field->type->is_nested()) return Status::OK();
    return MakeError(Fault::kConfig, "the table has no plain column for `" + key + "`",
                     {.code = "E0950",
                      .where = request_.project.WhereIs(table_.config_path + "." + setting),
                      .why = "`" + setting + "` compares new rows with those that are there by it",
                      .state = kUnchanged,
                      .next = "columns: {" + key + ": {name: <the table's column>}}   or naming: snake_case"});
  };
  if (appends() || table_.write_disposition == WriteDisposition::kMerge) {
    for (const std::string& key : table_.primary_key) ARROW_RETURN_NOT_OK(require(key, "primary_key"));
    for (const std::string& key : table_.merge.merge_key) ARROW_RETURN_NOT_OK(require(key, "merge_key"));
  }
  return Status::OK();
}

void Adoption::ListColumns() {
  std::map<std::string, const SampledKey*> sampled;
  for (const SampledKey& key : request_.sample) sampled[key.key] = &key;
  for (const schema::Field& field : schema().fields) {
    AdoptedColumn out{.column = field.name, .type = schema::ToString(*field.type)};
    const std::string key = ParseNote(field.doc).key.value_or(field.name);
    const auto found = sampled.find(key);
    if (IsSystemColumn(table_.system_columns, field.name)) {
      out.note = "written by firn as " + std::string(config::ToString(table_.system_columns)) + " does";
    } else if (found != sampled.end()) {
      out.key = key;
      out.note = MisfitNote(key, *found->second->type, field, table_.FindColumn(key));
      sampled.erase(found);
    } else if (table_.FindColumn(key) != nullptr || request_.sample.empty()) {
      out.key = key;
    } else {
      out.note = field.required ? "no key of the source's first rows: becomes optional, null in new rows"
                                : "no key of the source's first rows: null in new rows";
    }
    plan_.columns.push_back(std::move(out));
  }
  for (const SampledKey& key : request_.sample) {
    if (!sampled.contains(key.key)) continue;
    plan_.columns.push_back({.key = key.key, .type = schema::ToString(*key.type), .note = "a new column"});
  }
  if (request_.sample.empty()) {
    plan_.notes.push_back("the source was not asked: keys that go to no column become new columns with the next run");
  }
}

Status Adoption::FindPosition() {
  StreamDocument document;
  ARROW_ASSIGN_OR_RAISE(document.fingerprint, FingerprintOf(request_.sources, request_.pipeline, table_));
  const bool replaces = table_.write_disposition == WriteDisposition::kReplace;
  const bool child = !table_.parent.empty();
  const bool has_cursor = table_.incremental.has_value();
  if (request_.start && request_.from_scratch) {
    return NoStart("--start-position and --from-scratch exclude each other", "", Command("--from-scratch"));
  }
  if (request_.start) {
    ARROW_ASSIGN_OR_RAISE(const source::SourceType* type, request_.sources.TypeOf(request_.pipeline));
    if (type->start == nullptr || child || replaces) {
      return NoStart(replaces ? "a table that is replaced has no position"
                     : child  ? "a child table has the position of its parent"
                              : "a source of type " + type->name + " cannot begin at a value",
                     "", replaces || child ? "firn table adopt " + name() : Command("--from-scratch"));
    }
    ARROW_ASSIGN_OR_RAISE(const source::StartPoint start, FindStart());
    ARROW_RETURN_NOT_OK(CheckGap());
    ARROW_ASSIGN_OR_RAISE(const source::Position position,
                          type->start({.project = &request_.project, .pipeline = &request_.pipeline}, table_, start));
    ARROW_ASSIGN_OR_RAISE(const auto splits, Splits());
    for (const std::string& split : splits) document.Set(split, position);
    plan_.position = ShortPosition(document);
  } else if (!replaces && !child) {
    if (appends() && !request_.accept_duplicates) {
      return NoStart(has_cursor ? "a table that appends needs a start position"
                                : "the table appends without a cursor, so each run would add all rows once more",
                     "the rows that are there would be added once more",
                     has_cursor ? Command("--start-position \"max(" + table_.incremental->cursor + ")\"")
                                : "declare `incremental:`, or a primary_key with write_disposition: merge");
    }
    if (has_cursor && !request_.from_scratch && !request_.accept_duplicates) {
      return NoStart("where is reading to begin?", "the table has a cursor and no position of firn",
                     Command("--start-position \"max(" + table_.incremental->cursor + ")\"") +
                         "   (or --start-position VALUE, or --from-scratch: all is read and merged by key)");
    }
    plan_.position = "from the beginning";
  } else {
    plan_.position = replaces ? "none: each run replaces all rows" : "that of its parent";
  }
  plan_.state = WriteStreamDocument(document);
  return Status::OK();
}

Result<std::vector<std::string>> Adoption::Splits() {
  ARROW_ASSIGN_OR_RAISE(
      const auto source,
      request_.sources.Build({.project = &request_.project, .pipeline = &request_.pipeline}, request_.services));
  ARROW_ASSIGN_OR_RAISE(const auto splits, source->Plan({.table = table_.name}, stop_));
  std::vector<std::string> ids;
  for (const source::Split& split : splits) ids.push_back(split.id);
  return ids;
}

// VALUE as the column has it; nullopt: it cannot be compared.
Result<std::optional<OrderedValue>> Adoption::ValueOf(const OrderColumn& column, const std::string& text) const {
  const bool digits =
      !text.empty() && text.find_first_not_of("0123456789", text[0] == '-' ? 1 : 0) == std::string::npos;
  if (column.is_text()) return OrderedValue{.text = text};
  if (!column.is_time()) {
    if (!digits || text.size() > 18) return std::nullopt;
    return OrderedValue{.number = std::stoll(text)};
  }
  const auto format = table_.incremental->format;
  if (digits && text.size() <= 15 && format == config::CursorFormat::kEpochSeconds) {
    return OrderedValue{.number = std::stoll(text) * 1'000'000};
  }
  if (digits && text.size() <= 15 && format == config::CursorFormat::kEpochMillis) {
    return OrderedValue{.number = std::stoll(text) * 1'000};
  }
  const auto time = format == config::CursorFormat::kPattern
                        ? expression::ParseByPattern(text, table_.incremental->pattern, table_.incremental->timezone)
                        : expression::ParseIso(text, table_.incremental->timezone);
  if (!time.ok()) return std::nullopt;
  return OrderedValue{.number = time->micros};
}

OrderedValue Adoption::LookedBack(const OrderColumn& column, OrderedValue from) const {
  const int64_t back = table_.incremental->lookback_ms;
  if (column.is_time()) from.number -= back * 1'000;
  if (!column.is_time() && !column.is_text()) {
    from.number -= table_.incremental->format == config::CursorFormat::kEpochSeconds ? back / 1'000 + (back > 0) : back;
  }
  return from;
}

// An append takes each row once: those that the table has at or after the place where reading begins are named.
Status Adoption::KnowRows(OrderColumn& column, OrderedValue from, source::StartPoint* start) {
  std::vector<schema::Field> key;
  for (const std::string& path : table_.primary_key) {
    if (const schema::Field* field = ColumnOfKey(schema(), path)) key.push_back(*field);
  }
  ARROW_ASSIGN_OR_RAISE(RowsFrom found, FindRowsFrom(request_.files, request_.metadata, column,
                                                     LookedBack(column, std::move(from)), key, stop_));
  plan_.known_rows = static_cast<int64_t>(found.rows.size());
  start->rows = std::move(found.rows);
  if (found.why_not_known.empty() || found.num_rows == 0 || request_.accept_duplicates) return Status::OK();
  return NoStart(std::to_string(found.num_rows) + " rows of the table lie at or after the start position (or have no " +
                     column.field().name + "), and would be appended once more",
                 found.why_not_known,
                 "a later --start-position, a primary_key (write_disposition: merge), or --accept-duplicates");
}

Status Adoption::CheckGap() const {
  const bool largest = request_.start->starts_with("max(") && request_.start->ends_with(")");
  const schema::Field* field = ColumnOfKey(schema(), table_.incremental->cursor);
  if (largest || request_.accept_gap || field == nullptr || field->type->is_nested()) return Status::OK();
  return CheckNoGap(request_.files, request_.metadata, *field, *table_.incremental, *request_.start, stop_);
}

Result<source::StartPoint> Adoption::FindStart() {
  const std::string& text = *request_.start;
  const bool largest = text.starts_with("max(") && text.ends_with(")");
  source::StartPoint start{.cursor = {.instant = std::nullopt, .text = text}, .rows = {}};
  if (!table_.incremental) {
    return NoStart("the table has no cursor, so there is no position to begin at", "", Command("--from-scratch"));
  }
  const std::string wanted = largest ? text.substr(4, text.size() - 5) : table_.incremental->cursor;
  const schema::Field* field = schema().Find(wanted);
  if (field == nullptr) field = ColumnOfKey(schema(), wanted);
  if (!largest && !appends()) {
    if (field == nullptr || field->type->is_nested()) return start;  // rows need no column of the cursor to be merged
    const auto order = OrderColumn::Make(*field);
    if (!order.ok()) return start;
    ARROW_ASSIGN_OR_RAISE(const auto value, ValueOf(*order, text));
    return value ? Result<source::StartPoint>(start) : NotOfColumn(text, *field);
  }
  const bool other = field != nullptr && ColumnOfKey(schema(), table_.incremental->cursor) != field;
  if (field == nullptr || other) {
    return NoStart(field == nullptr ? "the table has no column " + wanted : wanted + " is not the cursor's column",
                   "rows that are there are compared with new ones by the cursor " + table_.incremental->cursor,
                   Command("--start-position VALUE"));
  }
  if (field->type->id == schema::TypeId::kTimestamp && table_.incremental->timezone != "UTC") {
    return NoStart("the column " + wanted + " has times without a zone", "the cursor's `timezone` is not UTC",
                   Command("--start-position VALUE"));
  }
  ARROW_ASSIGN_OR_RAISE(OrderColumn column, OrderColumn::Make(*field));
  std::optional<OrderedValue> from;
  if (largest) {
    if (table_.partitions) {
      return NoStart("max(" + wanted + ") is that of all partitions of the request together",
                     "each has a position of its own, and those that lag behind would lose rows",
                     Command("--start-position VALUE") + "   (one that holds for all of them)");
    }
    ARROW_ASSIGN_OR_RAISE(from, LargestValue(request_.files, request_.metadata, column, stop_));
    if (!from) return NoStart("no row has a value of " + wanted, "", Command("--start-position VALUE"));
    start.cursor = column.StartOf(*from);
  } else {
    ARROW_ASSIGN_OR_RAISE(from, ValueOf(column, text));
    if (!from) return NotOfColumn(text, *field);
  }
  if (appends()) ARROW_RETURN_NOT_OK(KnowRows(column, *from, &start));
  return start;
}

}  // namespace

bool IsForeign(const table::TableMetadata& metadata) {
  const table::Snapshot* snapshot = metadata.CurrentSnapshot();
  if (snapshot == nullptr) return false;
  if (table::LiveRows(*snapshot) == 0) return false;
  const auto is_stream = [](const auto& entry) { return entry.first.starts_with(table::kStreamKeyPrefix); };
  if (std::ranges::any_of(metadata.properties, is_stream)) return false;
  return std::ranges::none_of(metadata.snapshots,
                              [&](const auto& one) { return std::ranges::any_of(one.summary, is_stream); });
}

Status CheckNotForeign(const table::TableMetadata& metadata, const std::string& table_name, const std::string& where) {
  if (!IsForeign(metadata)) return Status::OK();
  return MakeError(Fault::kConfig, "the table exists and has rows that another program wrote",
                   {.code = "E0950",
                    .where = where,
                    .why = "new rows would be mixed with them before anybody compared columns, key and position",
                    .state = kUnchanged,
                    .next = "firn table adopt " + table_name});
}

Result<AdoptPlan> PlanAdoption(const AdoptRequest& request, std::stop_token stop) {
  return Adoption(request, std::move(stop)).Plan();
}

Result<catalog::LoadedTable> CommitAdoption(table::Committer& committer, const AdoptRequest& request,
                                            const AdoptPlan& plan, const std::string& run,
                                            const std::map<std::string, std::string>& properties,
                                            std::stop_token stop) {
  table::StagedTable staged{.identifier = IdentifierOf(request.pipeline, request.table),
                            .base = request.metadata,
                            .new_schema = plan.new_schema,
                            .layout = {.properties = properties},
                            .stream_id = StreamIdOf(request.pipeline, request.table),
                            .epoch = 1,
                            .from = {},
                            .state = plan.state,
                            .run = run,
                            .extra_summary = {{"firn.adopted", "true"}}};
  FIRN_FAILPOINT("adopt.before_commit");
  ARROW_ASSIGN_OR_RAISE(auto committed, committer.Commit({&staged, 1}, stop));
  FIRN_FAILPOINT("adopt.after_commit");
  return std::move(committed.front().table);
}

}  // namespace firn::pipeline
