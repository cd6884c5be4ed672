#include "table/maintenance/relocated_manifest.h"

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/buffer.h>
#include <arrow/chunked_array.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/io/memory.h>
#include <arrow/table.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "format/avro/container_reader.h"
#include "format/avro/container_writer.h"
#include "format/puffin/reader.h"
#include "table/delete/position_delete_file.h"

namespace firn::table {
namespace {

using format::avro::Node;
using format::avro::Value;

// Field ids of the Iceberg specification, "Manifests" and "Manifest Lists".
constexpr int32_t kStatus = 0, kDataFile = 2, kFilePath = 100, kFileSize = 104, kLowerBounds = 125, kUpperBounds = 128,
                  kContent = 134, kReferencedDataFile = 143, kManifestPath = 500, kManifestLength = 501,
                  kAddedSnapshotId = 503, kContentSize = 145;
constexpr int32_t kStatusAdded = 1, kStatusDeleted = 2, kPositionDeletes = 1;

/// A record whose fields are found by id.
class Record {
 public:
  Record(const Node& type, Value& value) : type_(type), value_(value) {}

  /// Null if there is no such field, or the record is none.
  Value* Find(int32_t id, std::string_view name) const {
    auto* fields = std::get_if<std::vector<Value>>(&value_.data);
    const int at = type_.FindField(id, name);
    if (fields == nullptr || at < 0 || static_cast<size_t>(at) >= fields->size()) return nullptr;
    return &(*fields)[static_cast<size_t>(at)];
  }
  const Node& TypeOf(int32_t id, std::string_view name) const {
    return WithoutNull(*type_.fields[static_cast<size_t>(type_.FindField(id, name))].type);
  }
  std::string* Text(int32_t id, std::string_view name) const {
    Value* value = Find(id, name);
    return value == nullptr ? nullptr : std::get_if<std::string>(&value->data);
  }
  int64_t Number(int32_t id, std::string_view name) const {
    const Value* value = Find(id, name);
    if (value == nullptr) return 0;
    if (const auto* number = std::get_if<int32_t>(&value->data)) return *number;
    if (const auto* number = std::get_if<int64_t>(&value->data)) return *number;
    return 0;
  }

 private:
  const Node& type_;
  Value& value_;
};

template <typename Change>
Result<std::string> EachRecord(std::string_view bytes, Change change) {
  ARROW_ASSIGN_OR_RAISE(const auto reader, format::avro::ContainerReader::Open(bytes));
  format::avro::WriterOptions options;
  for (const auto& [key, value] : reader->metadata()) {
    if (key == "avro.schema") options.schema_json = value;
    if (!std::string_view(key).starts_with("avro.")) options.metadata.emplace_back(key, value);
  }
  ARROW_ASSIGN_OR_RAISE(const auto writer, format::avro::ContainerWriter::Make(std::move(options)));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto record, reader->Next());
    if (!record) return writer->Finish();
    ARROW_RETURN_NOT_OK(change(Record(*reader->schema(), *record)));
    std::string encoded;
    ARROW_RETURN_NOT_OK(EncodeValue(*reader->schema(), *record, encoded));
    writer->encoder().Fixed(encoded);
    ARROW_RETURN_NOT_OK(writer->EndRecord());
  }
}

// Bounds of the column file_path of a position delete file: readers scope the file by them.
void MoveBounds(Value* bounds, const Relocation& relocation) {
  auto* entries = bounds == nullptr ? nullptr : std::get_if<std::vector<Value>>(&bounds->data);
  if (entries == nullptr) return;
  for (Value& entry : *entries) {
    auto* pair = std::get_if<std::vector<Value>>(&entry.data);
    if (pair == nullptr || pair->size() != 2) continue;
    const auto* key = std::get_if<int32_t>(&(*pair)[0].data);
    auto* text = std::get_if<std::string>(&(*pair)[1].data);
    if (key != nullptr && text != nullptr && *key == kDeleteFilePathFieldId) *text = relocation.Moved(*text);
  }
}

struct Entry {
  Record file;
  std::string* path = nullptr;
  int64_t status = 0;
  bool positions = false;  // of a delete file that names data files
};

Result<Entry> EntryOf(const Record& entry) {
  Value* data_file = entry.Find(kDataFile, "data_file");
  if (data_file == nullptr) return MakeError(Fault::kBadData, "a manifest entry has no data_file");
  const Record file(entry.TypeOf(kDataFile, "data_file"), *data_file);
  Entry found{.file = file,
              .path = file.Text(kFilePath, "file_path"),
              .status = entry.Number(kStatus, "status"),
              .positions = file.Number(kContent, "content") == kPositionDeletes};
  if (found.path == nullptr) return MakeError(Fault::kBadData, "a manifest entry has no file_path");
  return found;
}

void PutSize(const Entry& entry, int64_t size_bytes, SizeChange* change) {
  Value* size = entry.file.Find(kFileSize, "file_size_in_bytes");
  if (size == nullptr) return;
  // A deletion vector counts by its own length, which stays.
  const bool vector = entry.file.Find(kContentSize, "content_size_in_bytes") != nullptr &&
                      !entry.file.Find(kContentSize, "content_size_in_bytes")->is_null();
  const int64_t larger = vector ? 0 : size_bytes - entry.file.Number(kFileSize, "file_size_in_bytes");
  size->data = size_bytes;
  if (entry.status == kStatusDeleted) change->removed += larger;
  if (entry.status != kStatusDeleted) change->live += larger;
  if (entry.status == kStatusAdded) change->added += larger;
}

Status MoveEntry(const Record& record, const Relocation& relocation, const FindMoved& moved_deletes, SizeChange* change,
                 std::set<std::string>* named) {
  ARROW_ASSIGN_OR_RAISE(const Entry entry, EntryOf(record));
  const MovedFile* moved = entry.positions ? moved_deletes(*entry.path) : nullptr;
  const bool stays = moved == nullptr && entry.status != kStatusDeleted && relocation.Covers(*entry.path);
  if (stays) named->insert(relocation.Moved(*entry.path));
  *entry.path = moved != nullptr ? moved->location : relocation.Moved(*entry.path);
  if (moved != nullptr) PutSize(entry, moved->size_bytes, change);
  if (std::string* referenced = entry.file.Text(kReferencedDataFile, "referenced_data_file")) {
    *referenced = relocation.Moved(*referenced);
  }
  if (entry.positions) {
    MoveBounds(entry.file.Find(kLowerBounds, "lower_bounds"), relocation);
    MoveBounds(entry.file.Find(kUpperBounds, "upper_bounds"), relocation);
  }
  return Status::OK();
}

Result<std::shared_ptr<arrow::Table>> ReadParquet(std::string_view bytes) {
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  const auto input = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(std::string(bytes)));
  ARROW_ASSIGN_OR_RAISE(const auto reader, parquet::arrow::OpenFile(input, arrow::default_memory_pool()));
  return reader->ReadTable();
  END_PARQUET_CATCH_EXCEPTIONS
}

Result<std::string> WriteParquet(const arrow::Table& table) {
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  ARROW_ASSIGN_OR_RAISE(const auto out, arrow::io::BufferOutputStream::Create());
  const auto properties = parquet::WriterProperties::Builder().compression(arrow::Compression::ZSTD)->build();
  ARROW_RETURN_NOT_OK(parquet::arrow::WriteTable(table, arrow::default_memory_pool(), out, 1 << 20, properties));
  ARROW_ASSIGN_OR_RAISE(const auto buffer, out->Finish());
  return buffer->ToString();
  END_PARQUET_CATCH_EXCEPTIONS
}

// Rows are sorted by path and position; the new paths may have another order. Empty: they have not.
std::vector<int64_t> OrderOf(const arrow::Array& paths, const arrow::ChunkedArray& positions) {
  const auto& texts = static_cast<const arrow::StringArray&>(paths);
  std::vector<std::pair<std::string_view, int64_t>> rows;
  for (const auto& chunk : positions.chunks()) {
    if (chunk->type_id() != arrow::Type::INT64) return {};
    const auto& numbers = static_cast<const arrow::Int64Array&>(*chunk);
    for (int64_t i = 0; i < numbers.length(); ++i) {
      rows.emplace_back(texts.GetView(static_cast<int64_t>(rows.size())), numbers.Value(i));
    }
  }
  if (std::ranges::is_sorted(rows)) return {};
  std::vector<int64_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](int64_t row) { return rows[static_cast<size_t>(row)]; });
  return order;
}

Result<std::shared_ptr<arrow::Array>> IndicesOf(const std::vector<int64_t>& order) {
  arrow::Int64Builder builder;
  ARROW_RETURN_NOT_OK(builder.AppendValues(order));
  return builder.Finish();
}

Result<std::shared_ptr<arrow::Array>> MovedPaths(const arrow::ChunkedArray& paths, const Relocation& relocation) {
  arrow::StringBuilder builder;
  for (const auto& chunk : paths.chunks()) {
    if (chunk->type_id() != arrow::Type::STRING) return MakeError(Fault::kBadData, "file_path is no text");
    const auto& texts = static_cast<const arrow::StringArray&>(*chunk);
    for (int64_t row = 0; row < texts.length(); ++row) {
      if (texts.IsNull(row)) return MakeError(Fault::kBadData, "a null file_path");
      ARROW_RETURN_NOT_OK(builder.Append(relocation.Moved(texts.GetView(row))));
    }
  }
  return builder.Finish();
}

}  // namespace

Status EachDeleteFile(std::string_view bytes, const MoveFile& move_deletes) {
  ARROW_ASSIGN_OR_RAISE(const auto reader, format::avro::ContainerReader::Open(bytes));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto record, reader->Next());
    if (!record) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const Entry entry, EntryOf(Record(*reader->schema(), *record)));
    if (entry.positions && entry.status != kStatusDeleted) ARROW_RETURN_NOT_OK(move_deletes(*entry.path).status());
  }
}

Result<std::string> RelocatedManifest(std::string_view bytes, const Relocation& relocation,
                                      const FindMoved& moved_deletes, SizeChange* change,
                                      std::set<std::string>* named) {
  return EachRecord(bytes,
                    [&](const Record& entry) { return MoveEntry(entry, relocation, moved_deletes, change, named); });
}

Result<std::string> RelocatedManifestList(
    std::string_view bytes, const std::function<Result<MovedFile>(const std::string&, int64_t)>& move_manifest) {
  return EachRecord(bytes, [&](const Record& entry) -> Status {
    std::string* path = entry.Text(kManifestPath, "manifest_path");
    Value* length = entry.Find(kManifestLength, "manifest_length");
    if (path == nullptr || length == nullptr) return MakeError(Fault::kBadData, "a manifest list without paths");
    ARROW_ASSIGN_OR_RAISE(const MovedFile moved,
                          move_manifest(*path, entry.Number(kAddedSnapshotId, "added_snapshot_id")));
    *path = moved.location;
    length->data = moved.size_bytes;
    return Status::OK();
  });
}

Result<std::string> RelocatedPuffin(std::string_view bytes, const Relocation& relocation) {
  arrow::io::BufferReader input(arrow::Buffer::FromString(std::string(bytes)));
  ARROW_ASSIGN_OR_RAISE(format::puffin::Footer footer, format::puffin::ReadFooter(input));
  int64_t blobs_end = static_cast<int64_t>(format::puffin::kMagic.size());
  for (format::puffin::BlobInfo& blob : footer.blobs) {
    blobs_end = std::max(blobs_end, blob.offset + blob.length);
    const auto referenced = blob.properties.find("referenced-data-file");
    if (referenced != blob.properties.end()) referenced->second = relocation.Moved(referenced->second);
  }
  ARROW_ASSIGN_OR_RAISE(const std::string end, format::puffin::EncodeFooter(footer));
  return std::string(bytes.substr(0, static_cast<size_t>(blobs_end))) + end;
}

Result<std::string> RelocatedPositionDeletes(std::string_view bytes, const Relocation& relocation) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Table> table, ReadParquet(bytes));
  const int path = table->schema()->GetFieldIndex("file_path");
  const int pos = table->schema()->GetFieldIndex("pos");
  if (path < 0 || pos < 0) return MakeError(Fault::kBadData, "no position delete file: file_path or pos is missing");
  ARROW_ASSIGN_OR_RAISE(auto moved, MovedPaths(*table->column(path), relocation));
  const auto field = table->schema()->field(path);
  ARROW_ASSIGN_OR_RAISE(
      table, table->SetColumn(path, field, std::make_shared<arrow::ChunkedArray>(arrow::ArrayVector{moved})));
  if (const auto order = OrderOf(*moved, *table->column(pos)); !order.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto indices, IndicesOf(order));
    ARROW_ASSIGN_OR_RAISE(const auto sorted, arrow::compute::Take(arrow::Datum(table), arrow::Datum(indices)));
    table = sorted.table();
  }
  return WriteParquet(*table);
}

}  // namespace firn::table
