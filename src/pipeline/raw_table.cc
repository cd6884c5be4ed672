#include "pipeline/raw_table.h"

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/base64.h>

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/failpoint.h"
#include "base/redactor.h"
#include "catalog/catalog.h"
#include "io/raw_segment.h"
#include "io/url.h"
#include "pipeline/run_plan.h"
#include "table/commit/stream_state.h"
#include "table/commit/stream_token.h"
#include "table/metadata/live_rows.h"

namespace firn::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kBatchBytes = 8 << 20;
constexpr int kZstdLevel = 3;

schema::Schema RawSchema() {
  using namespace raw_column;
  return {.fields = {{.name = kOrdinal, .type = schema::Long()},
                     {.name = kMethod, .type = schema::String()},
                     {.name = kRequest, .type = schema::String()},
                     {.name = kStatus, .type = schema::Int()},
                     {.name = kReceivedAt, .type = schema::TimestampTz()},
                     {.name = kSplit, .type = schema::String()},
                     {.name = kContext, .type = schema::String()},
                     {.name = kBody, .type = schema::String()},
                     {.name = kBodyBytes, .type = schema::Long()},
                     {.name = kSeal, .type = schema::String()},
                     {.name = kMark, .type = schema::String()}}};
}

std::string StateOf(const RunContext& context, int64_t entries, const std::optional<io::RawKey>& key) {
  Json json{{"version", 1}, {"run", context.run_id}, {"entries", entries}};
  if (key) {
    json["key_id"] = key->id;
    json["key_of"] = key->of_state ? "state" : "setting";
  }
  return json.dump();
}

std::string_view TextOf(const arrow::Buffer& body) {
  return {reinterpret_cast<const char*>(body.data()), static_cast<size_t>(body.size())};
}

bool IsRawStreamKey(const std::string& key) {
  return key.starts_with(table::kStreamKeyPrefix) && key.find(kRawStreamMark) != std::string::npos;
}

}  // namespace

struct RawTableWriter::Rows {
  arrow::Int64Builder ordinal, body_bytes;
  arrow::StringBuilder method, request, split, context, body, seal, mark;
  arrow::Int32Builder status;
  arrow::TimestampBuilder received_at{arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), arrow::default_memory_pool()};
  int64_t num_bytes = 0;

  Result<std::shared_ptr<arrow::RecordBatch>> Take() {
    const int64_t count = mark.length();
    const std::vector<arrow::ArrayBuilder*> builders = {&ordinal, &method, &request,    &status, &received_at, &split,
                                                        &context, &body,   &body_bytes, &seal,   &mark};
    std::vector<std::shared_ptr<arrow::Array>> columns;
    std::vector<std::shared_ptr<arrow::Field>> fields;
    const schema::Schema schema = RawSchema();
    for (size_t i = 0; i < builders.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(auto column, builders[i]->Finish());
      fields.push_back(arrow::field(schema.fields[i].name, column->type()));
      columns.push_back(std::move(column));
    }
    num_bytes = 0;
    return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), count, std::move(columns));
  }
};

catalog::TableIdentifier RawTableOf(const config::PipelineConfig& pipeline, const config::TableConfig& table) {
  catalog::TableIdentifier identifier = IdentifierOf(pipeline, table);
  identifier.name += config::kRawTableSuffix;
  return identifier;
}

io::RawArchivePlace RawTablePlace(const config::PipelineConfig& pipeline, const config::TableConfig& table,
                                  const std::string& run) {
  return {.root = {}, .pipeline = pipeline.name, .dataset = {}, .table = table.name, .run = run};
}

std::vector<io::RawArchivePlace> SealedPlaces(const table::TableMetadata& metadata, const io::RawArchivePlace& place) {
  std::vector<io::RawArchivePlace> places = {place};
  for (const auto& [key, value] : metadata.properties) {
    if (!IsRawStreamKey(key)) continue;
    // "firn.stream.<pipeline>/<table>", then what the stream is for
    const std::string stream = key.substr(std::string_view(table::kStreamKeyPrefix).size());
    const size_t slash = stream.find('/');
    if (slash == std::string::npos) continue;
    io::RawArchivePlace other = place;
    other.pipeline = stream.substr(0, slash);
    other.table = stream.substr(slash + 1, stream.find('#', slash) - slash - 1);
    places.push_back(std::move(other));
  }
  return places;
}

Status CheckIsRawTable(const catalog::TableIdentifier& identifier, const table::TableMetadata& metadata) {
  for (const auto& [key, value] : metadata.properties) {
    if (IsRawStreamKey(key)) return Status::OK();
  }
  return MakeError(Fault::kConfig, "the table " + identifier.ToString() + " is none that `raw: table` made",
                   {.code = "E0992",
                    .why = "`raw: table` puts bodies into the table of that name",
                    .state = "nothing was changed",
                    .next = "firn table rename " + identifier.ToString() + " to another name, or raw: archive"});
}

Status CheckTakesBodies(const RunContext& context, const config::PipelineConfig& pipeline,
                        const config::TableConfig& table) {
  if (!context.catalog.traits().multi_table_commit) {
    return MakeError(Fault::kConfig, "this catalog cannot commit bodies and rows at once",
                     {.code = "E0991",
                      .where = context.project.WhereIs(table.config_path),
                      .why = "`raw: table` commits two tables, and the catalog swaps one at a time",
                      .state = "nothing was read, nothing was changed",
                      .next = "write raw: archive"});
  }
  const catalog::TableIdentifier identifier = RawTableOf(pipeline, table);
  ARROW_ASSIGN_OR_RAISE(const auto loaded, context.catalog.LoadTable(identifier));
  return loaded ? CheckIsRawTable(identifier, *loaded->metadata) : Status::OK();
}

SideTable::Identity RawTableIdentity(const config::PipelineConfig& pipeline, const config::TableConfig& table,
                                     const std::string& suffix) {
  return {.identifier = RawTableOf(pipeline, table),
          .stream = StreamIdOf(pipeline, table) + suffix + kRawStreamMark,
          .file_name = "raw",
          .schema = RawSchema()};
}

Result<std::optional<SealedRun>> NewestRawTableSeal(const RunContext& context, const config::PipelineConfig& pipeline,
                                                    const config::TableConfig& table) {
  const catalog::TableIdentifier identifier = RawTableOf(pipeline, table);
  ARROW_ASSIGN_OR_RAISE(const auto loaded, context.catalog.LoadTable(identifier));
  if (!loaded || !CheckIsRawTable(identifier, *loaded->metadata).ok()) return std::nullopt;
  const table::Snapshot* snapshot = loaded->metadata->CurrentSnapshot();
  // The states say what was written; a removal of every row does not change them.
  if (snapshot == nullptr || table::LiveRows(*snapshot) == 0) return std::nullopt;
  std::optional<SealedRun> newest;
  for (const auto& [key, text] : table::TokensAt(*loaded->metadata, snapshot->snapshot_id).tokens) {
    if (!IsRawStreamKey(key)) continue;
    ARROW_ASSIGN_OR_RAISE(const auto token, table::ParseToken(text));
    ARROW_ASSIGN_OR_RAISE(const std::string state, table::LoadState(context.files, token));
    const Json json = Json::parse(state, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) continue;
    SealedRun run{.run = json.value("run", ""),
                  .seal = {.key_id = json.value("key_id", ""), .of_state = json.value("key_of", "") == "state"}};
    if (!newest || newest->run < run.run) newest = std::move(run);
  }
  return newest;
}

RawTableWriter::RawTableWriter(const RunContext& context, SideTable::Identity identity, const io::RawKeys& keys)
    : context_(context), key_(keys.write), side_(context, std::move(identity)), rows_(std::make_unique<Rows>()) {}

RawTableWriter::~RawTableWriter() = default;

Result<std::unique_ptr<RawTableWriter>> RawTableWriter::Open(const RunContext& context,
                                                             const config::PipelineConfig& pipeline,
                                                             const config::TableConfig& table,
                                                             const std::string& suffix, const io::RawKeys& keys) {
  ARROW_RETURN_NOT_OK(CheckTakesBodies(context, pipeline, table));
  std::unique_ptr<RawTableWriter> writer(new RawTableWriter(context, RawTableIdentity(pipeline, table, suffix), keys));
  if (keys.write) {
    const io::RawArchivePlace place = RawTablePlace(pipeline, table, context.run_id);
    ARROW_ASSIGN_OR_RAISE(auto cipher, io::RawCipher::New(*keys.write, io::RawSegmentContext(place, 0)));
    writer->cipher_.emplace(std::move(cipher));
  }
  return writer;
}

Result<int64_t> RawTableWriter::Append(io::RawEntry entry) {
  FIRN_CHECK(entry.body != nullptr);
  MutexLock lock(mutex_);
  entry.ordinal = next_ordinal_++;
  const int64_t ordinal = entry.ordinal;
  waiting_.push_back(std::move(entry));
  if (!holds_) ARROW_RETURN_NOT_OK(WriteUpTo(ordinal));
  return ordinal;
}

int64_t RawTableWriter::num_entries() {
  MutexLock lock(mutex_);
  return next_ordinal_;
}

void RawTableWriter::HoldBack() {
  MutexLock lock(mutex_);
  holds_ = true;
}

Status RawTableWriter::Release(int64_t entries) {
  MutexLock lock(mutex_);
  return WriteUpTo(entries - 1);
}

// Those before `entries` leave.
Status RawTableWriter::WriteUpTo(int64_t entries) {
  while (!waiting_.empty() && waiting_.front().ordinal < entries) {
    ARROW_RETURN_NOT_OK(AddRow(&waiting_.front(), ""));
    waiting_.pop_front();
  }
  return Status::OK();
}

Status RawTableWriter::AddRow(const io::RawEntry* entry, const std::string& mark) {
  if (entry == nullptr) {
    for (arrow::ArrayBuilder* builder : std::initializer_list<arrow::ArrayBuilder*>{
             &rows_->ordinal, &rows_->method, &rows_->request, &rows_->status, &rows_->received_at, &rows_->split,
             &rows_->context, &rows_->body, &rows_->body_bytes, &rows_->seal}) {
      ARROW_RETURN_NOT_OK(builder->AppendNull());
    }
  } else {
    ARROW_RETURN_NOT_OK(rows_->ordinal.Append(entry->ordinal));
    ARROW_RETURN_NOT_OK(rows_->method.Append(entry->method));
    ARROW_RETURN_NOT_OK(rows_->status.Append(entry->status));
    ARROW_RETURN_NOT_OK(rows_->received_at.Append(entry->time.micros));
    ARROW_RETURN_NOT_OK(rows_->body_bytes.Append(entry->body->size()));
    ARROW_RETURN_NOT_OK(cipher_ ? AddSealed(*entry) : AddPlain(*entry));
    rows_->num_bytes += entry->body->size();
  }
  ARROW_RETURN_NOT_OK(mark.empty() ? rows_->mark.AppendNull() : rows_->mark.Append(mark));
  ++num_rows_;
  return rows_->num_bytes >= kBatchBytes ? Flush() : Status::OK();
}

Status RawTableWriter::AddPlain(const io::RawEntry& entry) {
  ARROW_RETURN_NOT_OK(rows_->request.Append(io::RedactUrl(entry.url)));
  ARROW_RETURN_NOT_OK(rows_->split.Append(entry.split));
  ARROW_RETURN_NOT_OK(rows_->context.Append(ProcessRedactor().Redact(entry.context)));
  ARROW_RETURN_NOT_OK(rows_->body.Append(TextOf(*entry.body)));
  return rows_->seal.AppendNull();
}

Status RawTableWriter::AddSealed(const io::RawEntry& entry) {
  ARROW_ASSIGN_OR_RAISE(const std::string stored, io::CompressRaw(TextOf(*entry.body), kZstdLevel));
  ARROW_ASSIGN_OR_RAISE(const std::string sealed,
                        io::EncodeRawEntry(entry, stored, &*cipher_, static_cast<uint64_t>(entry.ordinal)));
  ARROW_RETURN_NOT_OK(rows_->request.AppendNull());
  ARROW_RETURN_NOT_OK(rows_->split.AppendNull());
  ARROW_RETURN_NOT_OK(rows_->context.AppendNull());
  ARROW_RETURN_NOT_OK(rows_->body.Append(arrow::util::base64_encode(sealed)));
  return rows_->seal.Append(cipher_->head());
}

Status RawTableWriter::Flush() {
  if (rows_->mark.length() == 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto batch, rows_->Take());
  return side_.Append(*batch);
}

Result<std::optional<table::StagedTable>> RawTableWriter::Stage(int64_t entries, ArchiveMark mark,
                                                                std::stop_token stop) {
  MutexLock lock(mutex_);
  ARROW_RETURN_NOT_OK(WriteUpTo(entries - 1));
  mark.run = context_.run_id;
  mark.entries = entries;
  const bool has_last = !waiting_.empty() && waiting_.front().ordinal < entries;
  ARROW_RETURN_NOT_OK(AddRow(has_last ? &waiting_.front() : nullptr, WriteArchiveMark(mark, key_ ? &*key_ : nullptr)));
  if (has_last) waiting_.pop_front();
  ARROW_RETURN_NOT_OK(Flush());
  FIRN_FAILPOINT("raw_table.stage");
  return side_.Stage(StateOf(context_, entries, key_), std::exchange(num_rows_, 0), std::move(stop));
}

bool RawTableWriter::has_unstaged() {
  MutexLock lock(mutex_);
  return num_rows_ > 0;
}

void RawTableWriter::Abandon() {
  MutexLock lock(mutex_);
  side_.Abandon();
}

}  // namespace firn::pipeline
