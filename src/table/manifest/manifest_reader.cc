#include "table/manifest/manifest_reader.h"

#include <strings.h>
#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "format/avro/container_reader.h"
#include "table/manifest/avro_shape.h"
#include "table/manifest/datum.h"
#include "table/manifest/row_ids.h"

namespace firn::table {
namespace {

using format::avro::ContainerReader;
using format::avro::Node;
using format::avro::Value;

Status Bad(const std::string& problem) {
  return MakeError(Fault::kBadData, "manifest: " + problem);
}

std::optional<int32_t> NumberIn(const std::map<std::string, std::string>& metadata, const char* key) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) return std::nullopt;
  int32_t number = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

ManifestHeader HeaderOf(const std::map<std::string, std::string>& metadata) {
  const auto text = [&](const char* key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string() : found->second;
  };
  ManifestHeader header;
  header.format_version = NumberIn(metadata, "format-version").value_or(1);
  header.content = text("content") == "deletes" ? ManifestContent::kDeletes : ManifestContent::kData;
  header.spec_id = NumberIn(metadata, "partition-spec-id");
  header.schema_id = NumberIn(metadata, "schema-id");
  header.schema_json = text("schema");
  header.partition_spec_json = text("partition-spec");
  return header;
}

Result<FileFormat> ParseFormat(const std::string& text) {
  for (const auto& [name, format] : {std::pair("parquet", FileFormat::kParquet), std::pair("avro", FileFormat::kAvro),
                                     std::pair("orc", FileFormat::kOrc), std::pair("puffin", FileFormat::kPuffin)}) {
    if (strcasecmp(text.c_str(), name) == 0) return format;
  }
  return Bad("unknown file format");
}

// The node of a field by its index, an optional looked into; null if there is none.
const Node* Child(const Node& record, const std::map<int32_t, int>& indexes, int32_t field_id) {
  const auto found = indexes.find(field_id);
  if (found == indexes.end()) return nullptr;
  const Node& node = format::avro::WithoutNull(record);
  return &format::avro::WithoutNull(*node.fields[static_cast<size_t>(found->second)].type);
}

// Where everything is, found once per file.
struct Layout {
  std::map<int32_t, int> entry, file, partition;
};

Result<Layout> LayoutOf(const Node& record, const std::vector<schema::Field>& partition) {
  const std::vector<schema::Field> fields = ManifestEntryFields(partition, kRowLineageFromVersion);
  Layout layout{.entry = FieldIndexes(record, fields)};
  const Node* file = Child(record, layout.entry, 2);
  if (file == nullptr || file->kind != format::avro::Kind::kRecord) return Bad("no data_file record in the schema");
  layout.file = FieldIndexes(*file, fields.back().type->children);
  const Node* tuple = Child(*file, layout.file, 102);
  if (tuple != nullptr) layout.partition = FieldIndexes(*tuple, partition);
  for (const schema::Field& field : partition) {
    if (!layout.partition.contains(field.id)) return Bad("no partition value for field " + std::to_string(field.id));
  }
  return layout;
}

class ManifestReaderImpl : public ManifestReader {
 public:
  ManifestReaderImpl(std::unique_ptr<ContainerReader> reader, Layout layout, const ManifestFile& file,
                     ManifestReadOptions options)
      : reader_(std::move(reader)),
        layout_(std::move(layout)),
        file_(file),
        options_(std::move(options)),
        header_(HeaderOf(reader_->metadata())),
        row_ids_(file_) {}

  const ManifestHeader& header() const override { return header_; }

  Result<std::optional<ManifestEntry>> Next() override {
    ARROW_ASSIGN_OR_RAISE(const auto value, reader_->Next());
    if (!value) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(const auto* fields, ItemsOf(*value));
    const RecordView view(fields, layout_.entry);
    ManifestEntry entry;
    ARROW_ASSIGN_OR_RAISE(const int32_t status, view.Int(0));
    if (status < 0 || status > 2) return Bad("unknown entry status");
    entry.status = static_cast<EntryStatus>(status);
    ARROW_RETURN_NOT_OK(ReadNumbers(view, entry));
    const Value* file = view.Find(2);
    if (file == nullptr) return Bad("entry without data_file");
    ARROW_ASSIGN_OR_RAISE(const auto* file_fields, ItemsOf(*file));
    ARROW_RETURN_NOT_OK(ReadFile(RecordView(file_fields, layout_.file), entry.file));
    row_ids_.Apply(entry);
    return entry;
  }

 private:
  // Iceberg spec, "Sequence Number Inheritance". What a v1 manifest does not have is 0.
  Status ReadNumbers(const RecordView& view, ManifestEntry& entry) const {
    ARROW_ASSIGN_OR_RAISE(const auto snapshot_id, view.OptionalLong(1));
    entry.snapshot_id = snapshot_id ? SnapshotId{*snapshot_id} : file_.added_snapshot_id;
    ARROW_ASSIGN_OR_RAISE(entry.sequence_number, view.OptionalLong(3));
    ARROW_ASSIGN_OR_RAISE(entry.file_sequence_number, view.OptionalLong(4));
    const int64_t inherited = file_.sequence_number.value_or(0);
    const bool may_inherit = entry.status == EntryStatus::kAdded || inherited == 0;
    if (!entry.sequence_number) {
      if (!may_inherit) return Bad("existing or deleted entry without a sequence number");
      entry.sequence_number = inherited;
    }
    if (!entry.file_sequence_number) {
      // Early v2 writers left the file's own number out; its data number is the best known lower bound.
      entry.file_sequence_number = may_inherit ? inherited : *entry.sequence_number;
    }
    return Status::OK();
  }

  Status ReadFile(const RecordView& view, DataFile& out) const {
    out.spec_id = file_.partition_spec_id;
    ARROW_ASSIGN_OR_RAISE(const auto content, view.OptionalInt(134));
    if (content.value_or(0) < 0 || content.value_or(0) > 2) return Bad("unknown file content");
    out.content = static_cast<FileContent>(content.value_or(0));
    ARROW_ASSIGN_OR_RAISE(out.file_path, view.Bytes(100));
    ARROW_ASSIGN_OR_RAISE(const std::string format, view.Bytes(101));
    ARROW_ASSIGN_OR_RAISE(out.file_format, ParseFormat(format));
    ARROW_ASSIGN_OR_RAISE(out.record_count, view.Long(103));
    ARROW_ASSIGN_OR_RAISE(out.file_size_bytes, view.Long(104));
    if (out.record_count < 0 || out.file_size_bytes < 0) return Bad("negative count");
    ARROW_RETURN_NOT_OK(ReadPartition(view, out));
    ARROW_RETURN_NOT_OK(ReadStatistics(view, out));
    ARROW_ASSIGN_OR_RAISE(out.key_metadata, view.OptionalBytes(131));
    ARROW_RETURN_NOT_OK(ReadNumberList(view.Find(132), out.split_offsets));
    ARROW_RETURN_NOT_OK(ReadNumberList(view.Find(135), out.equality_ids));
    ARROW_ASSIGN_OR_RAISE(out.sort_order_id, view.OptionalInt(140));
    ARROW_ASSIGN_OR_RAISE(out.first_row_id, view.OptionalLong(142));
    ARROW_ASSIGN_OR_RAISE(out.referenced_data_file, view.OptionalBytes(143));
    ARROW_ASSIGN_OR_RAISE(out.content_offset, view.OptionalLong(144));
    ARROW_ASSIGN_OR_RAISE(out.content_size_bytes, view.OptionalLong(145));
    return Status::OK();
  }

  Status ReadPartition(const RecordView& view, DataFile& out) const {
    if (options_.partition_fields.empty()) return Status::OK();
    const Value* tuple = view.Find(102);
    if (tuple == nullptr) return Bad("entry without a partition tuple");
    ARROW_ASSIGN_OR_RAISE(const auto* fields, ItemsOf(*tuple));
    const RecordView record(fields, layout_.partition);
    for (const schema::Field& field : options_.partition_fields) {
      const Value* value = record.Find(field.id);
      auto literal = value == nullptr ? Result<Literal>(Literal::Null(field.type)) : LiteralOf(field.type, *value);
      if (!literal.ok()) return Within("manifest: partition field " + field.name, literal.status());
      out.partition.push_back(*std::move(literal));
    }
    return Status::OK();
  }

  Status ReadStatistics(const RecordView& view, DataFile& out) const {
    if (options_.statistics == ManifestReadOptions::Statistics::kNone) return Status::OK();
    ARROW_RETURN_NOT_OK(ReadMap(view.Find(108), out.column_sizes, LongOf));
    ARROW_RETURN_NOT_OK(ReadMap(view.Find(109), out.value_counts, LongOf));
    ARROW_RETURN_NOT_OK(ReadMap(view.Find(110), out.null_value_counts, LongOf));
    ARROW_RETURN_NOT_OK(ReadMap(view.Find(137), out.nan_value_counts, LongOf));
    ARROW_RETURN_NOT_OK(ReadMap(view.Find(125), out.lower_bounds, BytesOf));
    return ReadMap(view.Find(128), out.upper_bounds, BytesOf);
  }

  // An array of records of key and value (both in that order in every writer known), or null.
  template <typename T, typename Convert>
  Status ReadMap(const Value* value, std::map<int32_t, T>& out, Convert convert) const {
    if (value == nullptr) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto* items, ItemsOf(*value));
    for (const Value& item : *items) {
      ARROW_ASSIGN_OR_RAISE(const auto* entry, ItemsOf(item));
      if (entry->size() != 2) return Bad("map entry without key and value");
      ARROW_ASSIGN_OR_RAISE(const int64_t key, LongOf((*entry)[0]));
      if (key < 0 || key > INT32_MAX) return Bad("map key is no field id");
      const int32_t field_id = static_cast<int32_t>(key);
      const bool wanted =
          options_.statistics == ManifestReadOptions::Statistics::kAll || options_.statistics_fields.contains(field_id);
      if (!wanted || (*entry)[1].is_null()) continue;
      ARROW_ASSIGN_OR_RAISE(out[field_id], convert((*entry)[1]));
    }
    return Status::OK();
  }

  template <typename T>
  static Status ReadNumberList(const Value* value, std::vector<T>& out) {
    if (value == nullptr) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto* items, ItemsOf(*value));
    for (const Value& item : *items) {
      ARROW_ASSIGN_OR_RAISE(const int64_t number, LongOf(item));
      if (number != static_cast<T>(number)) return Bad("number out of range");
      out.push_back(static_cast<T>(number));
    }
    return Status::OK();
  }

  const std::unique_ptr<ContainerReader> reader_;
  const Layout layout_;
  const ManifestFile file_;
  const ManifestReadOptions options_;
  const ManifestHeader header_;
  RowIdInheritance row_ids_;
};

}  // namespace

Result<std::unique_ptr<ManifestReader>> ManifestReader::Open(std::string_view bytes, const ManifestFile& file,
                                                             ManifestReadOptions options) {
  format::avro::ReaderOptions avro_options;
  if (options.statistics == ManifestReadOptions::Statistics::kNone) {
    avro_options.skip_field_ids = {108, 109, 110, 137, 125, 128};
  }
  ARROW_ASSIGN_OR_RAISE(auto reader, ContainerReader::Open(bytes, std::move(avro_options)));
  ARROW_ASSIGN_OR_RAISE(Layout layout, LayoutOf(*reader->schema(), options.partition_fields));
  return std::make_unique<ManifestReaderImpl>(std::move(reader), std::move(layout), file, std::move(options));
}

Result<std::vector<ManifestEntry>> ReadManifest(std::string_view bytes, const ManifestFile& file,
                                                ManifestReadOptions options) {
  ARROW_ASSIGN_OR_RAISE(auto reader, ManifestReader::Open(bytes, file, std::move(options)));
  std::vector<ManifestEntry> entries;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto entry, reader->Next());
    if (!entry) return entries;
    entries.push_back(*std::move(entry));
  }
}

}  // namespace firn::table
