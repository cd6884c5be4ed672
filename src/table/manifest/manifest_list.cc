#include "table/manifest/manifest_list.h"

#include <map>
#include <utility>

#include "format/avro/container_reader.h"
#include "format/avro/container_writer.h"
#include "table/manifest/avro_shape.h"
#include "table/manifest/datum.h"
#include "table/manifest/row_ids.h"
#include "table/metadata/schema_json.h"

namespace firn::table {
namespace {

using format::avro::ContainerReader;
using format::avro::ContainerWriter;
using format::avro::Encoder;
using format::avro::Node;
using format::avro::Value;

constexpr int32_t kFormatVersionMin = 2, kFormatVersionMax = 3;
// A list is written anew at every commit: up to about 20 KB, deflate costs more time than it saves room.
constexpr size_t kUncompressedManifestsMax = 96;

struct Shape {
  std::string avro_schema;
  std::string iceberg_schema;
};

Result<Shape> MakeShape(int32_t format_version) {
  const schema::Schema schema{.schema_id = 0, .fields = ManifestFileFields(format_version)};
  ARROW_ASSIGN_OR_RAISE(std::string avro_schema, AvroSchemaJson("manifest_file", schema.fields));
  return Shape{std::move(avro_schema), WriteSchema(schema)};
}

Status Invalid(const ManifestFile& manifest, const std::string& problem) {
  return MakeError(Fault::kBug, "manifest list: " + problem + ": " + manifest.manifest_path);
}

Status Check(const ManifestFile& manifest) {
  if (manifest.manifest_path.empty()) return Invalid(manifest, "manifest without a path");
  if (manifest.manifest_length <= 0) return Invalid(manifest, "manifest without a length");
  if (!manifest.added_files_count || !manifest.existing_files_count || !manifest.deleted_files_count ||
      !manifest.added_rows_count || !manifest.existing_rows_count || !manifest.deleted_rows_count) {
    return Invalid(manifest, "manifest without counts");
  }
  return Status::OK();
}

void EncodeOptionalBytes(const std::optional<std::string>& bytes, Encoder& out) {
  out.Branch(bytes.has_value());
  if (bytes) out.Bytes(*bytes);
}

// An empty list stays an empty list. Written as the null branch with a list's bytes it made Redshift refuse and Athena
// return nulls (iceberg-go#1309, #1464).
void EncodePartitions(const std::optional<std::vector<FieldSummary>>& partitions, Encoder& out) {
  out.Branch(partitions.has_value());
  if (!partitions) return;
  out.BeginBlock(static_cast<int64_t>(partitions->size()));
  for (const FieldSummary& summary : *partitions) {
    out.Bool(summary.contains_null);
    out.Branch(summary.contains_nan.has_value());
    if (summary.contains_nan) out.Bool(*summary.contains_nan);
    EncodeOptionalBytes(summary.lower_bound, out);
    EncodeOptionalBytes(summary.upper_bound, out);
  }
  if (!partitions->empty()) out.EndBlock();
}

// Fields in the order of ManifestFileFields.
Status Encode(const ManifestFile& manifest, const ManifestListOptions& options, Encoder& out) {
  ARROW_RETURN_NOT_OK(Check(manifest));
  if (!manifest.sequence_number && manifest.added_snapshot_id != options.snapshot_id) {
    return Invalid(manifest, "manifest of another snapshot without a sequence number");
  }
  const int64_t sequence_number = manifest.sequence_number.value_or(options.sequence_number);
  out.Bytes(manifest.manifest_path);
  out.Long(manifest.manifest_length);
  out.Long(manifest.partition_spec_id);
  out.Long(static_cast<int64_t>(manifest.content));
  out.Long(sequence_number);
  out.Long(manifest.min_sequence_number.value_or(sequence_number));
  out.Long(manifest.added_snapshot_id.value);
  out.Long(*manifest.added_files_count);
  out.Long(*manifest.existing_files_count);
  out.Long(*manifest.deleted_files_count);
  out.Long(*manifest.added_rows_count);
  out.Long(*manifest.existing_rows_count);
  out.Long(*manifest.deleted_rows_count);
  EncodePartitions(manifest.partitions, out);
  EncodeOptionalBytes(manifest.key_metadata, out);
  if (options.format_version < kRowLineageFromVersion) return Status::OK();
  const bool has_row_ids = manifest.content == ManifestContent::kData;
  if (has_row_ids != manifest.first_row_id.has_value()) {
    return Invalid(manifest, "first_row_id is for data manifests, all of them");
  }
  out.Branch(has_row_ids);
  if (has_row_ids) out.Long(*manifest.first_row_id);
  return Status::OK();
}

// Where the fields of the list and of its partition summaries are.
struct Layout {
  std::map<int32_t, int> fields;
  std::map<int32_t, int> summary;
};

Layout LayoutOf(const Node& record) {
  const std::vector<schema::Field> fields = ManifestFileFields(kFormatVersionMax);
  // Names of v1 lists for the same ids.
  std::vector<schema::Field> more = {{.id = 504, .name = "added_data_files_count", .type = schema::Int()},
                                     {.id = 505, .name = "existing_data_files_count", .type = schema::Int()},
                                     {.id = 506, .name = "deleted_data_files_count", .type = schema::Int()}};
  Layout layout{.fields = FieldIndexes(record, fields)};
  for (const auto& [id, index] : FieldIndexes(record, more)) layout.fields.emplace(id, index);
  const auto partitions = layout.fields.find(507);
  const Node& node = format::avro::WithoutNull(record);
  if (partitions == layout.fields.end()) return layout;
  const Node& list = format::avro::WithoutNull(*node.fields[static_cast<size_t>(partitions->second)].type);
  if (list.kind != format::avro::Kind::kArray) return layout;
  for (const schema::Field& field : fields) {
    if (field.id == 507) layout.summary = FieldIndexes(*list.branches[0], field.type->children[0].type->children);
  }
  return layout;
}

Status DecodePartitions(const RecordView& view, const Layout& layout, ManifestFile& out) {
  const Value* value = view.Find(507);
  if (value == nullptr) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto* items, ItemsOf(*value));
  out.partitions.emplace();
  for (const Value& item : *items) {
    ARROW_ASSIGN_OR_RAISE(const auto* fields, ItemsOf(item));
    const RecordView record(fields, layout.summary);
    FieldSummary summary;
    ARROW_ASSIGN_OR_RAISE(const auto contains_null, record.OptionalBool(509));
    summary.contains_null = contains_null.value_or(true);
    ARROW_ASSIGN_OR_RAISE(summary.contains_nan, record.OptionalBool(518));
    ARROW_ASSIGN_OR_RAISE(summary.lower_bound, record.OptionalBytes(510));
    ARROW_ASSIGN_OR_RAISE(summary.upper_bound, record.OptionalBytes(511));
    out.partitions->push_back(std::move(summary));
  }
  return Status::OK();
}

Status DecodeCounts(const RecordView& view, ManifestFile& out) {
  ARROW_ASSIGN_OR_RAISE(out.added_files_count, view.OptionalInt(504));
  ARROW_ASSIGN_OR_RAISE(out.existing_files_count, view.OptionalInt(505));
  ARROW_ASSIGN_OR_RAISE(out.deleted_files_count, view.OptionalInt(506));
  ARROW_ASSIGN_OR_RAISE(out.added_rows_count, view.OptionalLong(512));
  ARROW_ASSIGN_OR_RAISE(out.existing_rows_count, view.OptionalLong(513));
  ARROW_ASSIGN_OR_RAISE(out.deleted_rows_count, view.OptionalLong(514));
  for (const auto& count : {out.added_files_count, out.existing_files_count, out.deleted_files_count}) {
    if (count && *count < 0) return MakeError(Fault::kBadData, "manifest list: negative file count");
  }
  // Planning leaves out manifests without live files.
  const bool live_rows = out.added_rows_count.value_or(0) > 0 || out.existing_rows_count.value_or(0) > 0;
  if (live_rows && out.added_files_count == 0 && out.existing_files_count == 0) {
    return MakeError(Fault::kBadData, "manifest list: rows without files: " + out.manifest_path);
  }
  return Status::OK();
}

Result<ManifestFile> Decode(const Value& value, const Layout& layout) {
  ARROW_ASSIGN_OR_RAISE(const auto* fields, ItemsOf(value));
  const RecordView view(fields, layout.fields);
  ManifestFile out;
  ARROW_ASSIGN_OR_RAISE(out.manifest_path, view.Bytes(500));
  ARROW_ASSIGN_OR_RAISE(out.manifest_length, view.Long(501));
  ARROW_ASSIGN_OR_RAISE(out.partition_spec_id, view.Int(502));
  ARROW_ASSIGN_OR_RAISE(const auto content, view.OptionalInt(517));
  if (content.value_or(0) != 0 && *content != 1) return MakeError(Fault::kBadData, "manifest list: unknown content");
  out.content = content.value_or(0) == 0 ? ManifestContent::kData : ManifestContent::kDeletes;
  ARROW_ASSIGN_OR_RAISE(const auto sequence_number, view.OptionalLong(515));
  ARROW_ASSIGN_OR_RAISE(const auto min_sequence_number, view.OptionalLong(516));
  out.sequence_number = sequence_number.value_or(0);
  out.min_sequence_number = min_sequence_number.value_or(0);
  ARROW_ASSIGN_OR_RAISE(const auto added_snapshot_id, view.OptionalLong(503));
  out.added_snapshot_id.value = added_snapshot_id.value_or(0);
  ARROW_RETURN_NOT_OK(DecodeCounts(view, out));
  ARROW_RETURN_NOT_OK(DecodePartitions(view, layout, out));
  ARROW_ASSIGN_OR_RAISE(out.key_metadata, view.OptionalBytes(519));
  ARROW_ASSIGN_OR_RAISE(out.first_row_id, view.OptionalLong(520));
  return out;
}

}  // namespace

Result<std::string> EncodeManifestList(const ManifestListOptions& options, std::span<const ManifestFile> manifests) {
  if (options.format_version < kFormatVersionMin || options.format_version > kFormatVersionMax) {
    return MakeError(Fault::kConfig, "manifest lists are written in format versions 2 and 3, the table has " +
                                         std::to_string(options.format_version));
  }
  static const Result<Shape> kShapes[] = {MakeShape(2), MakeShape(3)};
  const auto& made = kShapes[options.format_version - kFormatVersionMin];
  ARROW_RETURN_NOT_OK(made.status());
  const Shape& shape = *made;
  const auto& parent = options.parent_snapshot_id;
  std::vector<std::pair<std::string, std::string>> header = {
      {"snapshot-id", std::to_string(options.snapshot_id.value)},
      {"parent-snapshot-id", parent ? std::to_string(parent->value) : "null"},
      {"sequence-number", std::to_string(options.sequence_number)},
      {"format-version", std::to_string(options.format_version)},
      {"iceberg.schema", shape.iceberg_schema}};
  if (options.first_row_id) header.emplace_back("first-row-id", std::to_string(*options.first_row_id));
  ARROW_ASSIGN_OR_RAISE(auto writer, ContainerWriter::Make({.schema_json = shape.avro_schema,
                                                            .metadata = std::move(header),
                                                            .codec = manifests.size() > kUncompressedManifestsMax
                                                                         ? format::avro::Codec::kDeflate
                                                                         : format::avro::Codec::kNull}));
  for (const ManifestFile& manifest : manifests) {
    ARROW_RETURN_NOT_OK(Encode(manifest, options, writer->encoder()));
    ARROW_RETURN_NOT_OK(writer->EndRecord());
  }
  return writer->Finish();
}

Result<int64_t> AssignRowIds(int64_t next_row_id, std::span<ManifestFile> manifests) {
  for (ManifestFile& manifest : manifests) {
    if (manifest.content != ManifestContent::kData || manifest.first_row_id) continue;
    const int64_t added = manifest.added_rows_count.value_or(-1), existing = manifest.existing_rows_count.value_or(-1);
    if (added < 0 || existing < 0 || next_row_id < 0) {
      return MakeError(Fault::kBadData, "manifest list: row counts unknown: " + manifest.manifest_path);
    }
    // Unsigned sums: the counts may come from a foreign list.
    const uint64_t rows = static_cast<uint64_t>(added) + static_cast<uint64_t>(existing);
    const uint64_t next = static_cast<uint64_t>(next_row_id) + rows;
    if (rows > uint64_t{INT64_MAX} || next > uint64_t{INT64_MAX}) {
      return MakeError(Fault::kBadData, "manifest list: row ids are used up: " + manifest.manifest_path);
    }
    manifest.first_row_id = next_row_id;
    next_row_id = static_cast<int64_t>(next);
  }
  return next_row_id;
}

Result<std::vector<ManifestFile>> DecodeManifestList(std::string_view bytes) {
  ARROW_ASSIGN_OR_RAISE(auto reader, ContainerReader::Open(bytes));
  const Layout layout = LayoutOf(*reader->schema());
  std::vector<ManifestFile> manifests;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto value, reader->Next());
    if (!value) return manifests;
    ARROW_ASSIGN_OR_RAISE(ManifestFile manifest, Decode(*value, layout));
    manifests.push_back(std::move(manifest));
  }
}

}  // namespace firn::table
