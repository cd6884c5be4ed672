#include "table/manifest/manifest_writer.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "format/avro/container_writer.h"
#include "table/manifest/avro_shape.h"
#include "table/manifest/datum.h"
#include "table/manifest/row_ids.h"
#include "table/metadata/schema_json.h"

namespace firn::table {
namespace {

using format::avro::ContainerWriter;
using format::avro::Encoder;

constexpr int32_t kFormatVersionMin = 2, kFormatVersionMax = 3;

bool IsNan(const Literal& literal) {
  if (const float* value = std::get_if<float>(&literal.value)) return std::isnan(*value);
  if (const double* value = std::get_if<double>(&literal.value)) return std::isnan(*value);
  return false;
}

std::string_view FormatName(FileFormat format) {
  switch (format) {
    case FileFormat::kParquet:
      return "PARQUET";
    case FileFormat::kAvro:
      return "AVRO";
    case FileFormat::kOrc:
      return "ORC";
    case FileFormat::kPuffin:
      return "PUFFIN";
  }
  return "PARQUET";
}

Status Invalid(const DataFile& file, const std::string& problem) {
  return MakeError(Fault::kBug, "manifest: " + problem + ": " + file.file_path);
}

// What one partition field spans over all entries.
class SummaryBuilder {
 public:
  void Add(const Literal& literal) {
    if (literal.is_null()) {
      contains_null_ = true;
    } else if (IsNan(literal)) {
      contains_nan_ = true;  // never a bound (paimon#9188)
    } else {
      if (!lower_ || Compare(literal, *lower_) < 0) lower_ = literal;
      if (!upper_ || Compare(literal, *upper_) > 0) upper_ = literal;
    }
  }

  FieldSummary Finish() const {
    FieldSummary summary{.contains_null = contains_null_, .contains_nan = contains_nan_};
    if (lower_) summary.lower_bound = ToSingleValue(*lower_);
    if (upper_) summary.upper_bound = ToSingleValue(*upper_);
    return summary;
  }

 private:
  bool contains_null_ = false;
  bool contains_nan_ = false;
  std::optional<Literal> lower_, upper_;
};

void EncodeOptionalLong(const std::optional<int64_t>& value, Encoder& out) {
  out.Branch(value.has_value());
  if (value) out.Long(*value);
}

void EncodeOptionalBytes(const std::optional<std::string>& value, Encoder& out) {
  out.Branch(value.has_value());
  if (value) out.Bytes(*value);
}

// Empty maps and lists are written as null: "no statistics", as the reference implementation does.
template <typename T, typename WriteValue>
void EncodeMap(const std::map<int32_t, T>& map, Encoder& out, WriteValue write_value) {
  out.Branch(!map.empty());
  if (map.empty()) return;
  out.BeginBlock(static_cast<int64_t>(map.size()));
  for (const auto& [key, value] : map) {
    out.Long(key);
    write_value(value);
  }
  out.EndBlock();
}

void EncodeCounts(const std::map<int32_t, int64_t>& counts, Encoder& out) {
  EncodeMap(counts, out, [&](int64_t count) { out.Long(count); });
}

void EncodeBounds(const std::map<int32_t, std::string>& bounds, Encoder& out) {
  EncodeMap(bounds, out, [&](const std::string& bound) { out.Bytes(bound); });
}

template <typename T>
void EncodeNumbers(const std::vector<T>& numbers, Encoder& out) {
  out.Branch(!numbers.empty());
  if (numbers.empty()) return;
  out.BeginBlock(static_cast<int64_t>(numbers.size()));
  for (const T number : numbers) out.Long(number);
  out.EndBlock();
}

// Fields in the order of ManifestEntryFields. `first_row_id`: v3; null for a new file, whose ids come from the list.
void EncodeFile(const DataFile& file, int32_t format_version, const std::optional<int64_t>& first_row_id,
                Encoder& out) {
  out.Long(static_cast<int64_t>(file.content));
  out.Bytes(file.file_path);
  out.Bytes(FormatName(file.file_format));
  for (const Literal& literal : file.partition) EncodeLiteral(literal, out);
  out.Long(file.record_count);
  out.Long(file.file_size_bytes);
  EncodeCounts(file.column_sizes, out);
  EncodeCounts(file.value_counts, out);
  EncodeCounts(file.null_value_counts, out);
  EncodeCounts(file.nan_value_counts, out);
  EncodeBounds(file.lower_bounds, out);
  EncodeBounds(file.upper_bounds, out);
  EncodeOptionalBytes(file.key_metadata, out);
  EncodeNumbers(file.split_offsets, out);
  EncodeNumbers(file.equality_ids, out);
  out.Branch(file.sort_order_id.has_value());
  if (file.sort_order_id) out.Long(*file.sort_order_id);
  const bool is_v3 = format_version >= kRowLineageFromVersion;
  if (is_v3) EncodeOptionalLong(first_row_id, out);
  EncodeOptionalBytes(file.referenced_data_file, out);
  if (!is_v3) return;
  EncodeOptionalLong(file.content_offset, out);
  EncodeOptionalLong(file.content_size_bytes, out);
}

class ManifestWriterImpl : public ManifestWriter {
 public:
  ManifestWriterImpl(ManifestWriterOptions options, std::vector<schema::Field> partition,
                     std::unique_ptr<ContainerWriter> writer)
      : options_(std::move(options)),
        partition_(std::move(partition)),
        writer_(std::move(writer)),
        summaries_(partition_.size()) {
    manifest_.partition_spec_id = options_.spec.spec_id;
    manifest_.content = options_.content;
    manifest_.added_snapshot_id = options_.snapshot_id;
    manifest_.added_files_count = manifest_.existing_files_count = manifest_.deleted_files_count = 0;
    manifest_.added_rows_count = manifest_.existing_rows_count = manifest_.deleted_rows_count = 0;
  }

  // Sequence numbers stay null: inherited from the list, so that a retry rewrites the list alone.
  Status Add(const DataFile& file) override {
    return Append({.status = EntryStatus::kAdded, .snapshot_id = options_.snapshot_id}, file);
  }

  Status Add(const DataFile& file, int64_t data_sequence_number) override {
    return Append(
        {.status = EntryStatus::kAdded, .snapshot_id = options_.snapshot_id, .sequence_number = data_sequence_number},
        file);
  }

  Status AddExisting(const ManifestEntry& entry) override {
    if (!entry.snapshot_id || !HasNumbers(entry)) return Invalid(entry.file, "existing entry without its numbers");
    return Append({.status = EntryStatus::kExisting,
                   .snapshot_id = entry.snapshot_id,
                   .sequence_number = entry.sequence_number,
                   .file_sequence_number = entry.file_sequence_number},
                  entry.file);
  }

  Status AddDeleted(const ManifestEntry& entry) override {
    if (!HasNumbers(entry)) return Invalid(entry.file, "deleted entry without its numbers");
    return Append({.status = EntryStatus::kDeleted,
                   .snapshot_id = options_.snapshot_id,
                   .sequence_number = entry.sequence_number,
                   .file_sequence_number = entry.file_sequence_number},
                  entry.file);
  }

  int64_t num_entries() const override { return writer_->num_records(); }
  int64_t size_bytes() const override { return writer_->size_bytes(); }

  Result<EncodedManifest> Finish() override {
    if (num_entries() == 0) return MakeError(Fault::kBug, "manifest: finished without entries");
    EncodedManifest out;
    ARROW_ASSIGN_OR_RAISE(out.bytes, writer_->Finish());
    manifest_.manifest_length = static_cast<int64_t>(out.bytes.size());
    manifest_.partitions.emplace();  // an empty list for an unpartitioned table
    for (const SummaryBuilder& summary : summaries_) manifest_.partitions->push_back(summary.Finish());
    out.file = std::move(manifest_);
    return out;
  }

 private:
  struct Head {
    EntryStatus status;
    std::optional<SnapshotId> snapshot_id;
    std::optional<int64_t> sequence_number;
    std::optional<int64_t> file_sequence_number;
  };

  static bool HasNumbers(const ManifestEntry& entry) { return entry.sequence_number && entry.file_sequence_number; }

  Status Append(const Head& head, const DataFile& file) {
    ARROW_RETURN_NOT_OK(Check(head.status, file));
    Encoder& out = writer_->encoder();
    out.Long(static_cast<int64_t>(head.status));
    out.Branch(head.snapshot_id.has_value());
    if (head.snapshot_id) out.Long(head.snapshot_id->value);
    EncodeOptionalLong(head.sequence_number, out);
    EncodeOptionalLong(head.file_sequence_number, out);
    EncodeFile(file, options_.format_version, head.status == EntryStatus::kAdded ? std::nullopt : file.first_row_id,
               out);
    ARROW_RETURN_NOT_OK(writer_->EndRecord());
    Count(head, file);
    return Status::OK();
  }

  void Count(const Head& head, const DataFile& file) {
    const auto count = [&](std::optional<int32_t>& files, std::optional<int64_t>& rows) {
      ++*files;
      *rows += file.record_count;
    };
    if (head.status == EntryStatus::kAdded) count(manifest_.added_files_count, manifest_.added_rows_count);
    if (head.status == EntryStatus::kExisting) count(manifest_.existing_files_count, manifest_.existing_rows_count);
    if (head.status == EntryStatus::kDeleted) count(manifest_.deleted_files_count, manifest_.deleted_rows_count);
    // The minimum over live files. Files that inherit theirs get the snapshot's, which is larger than any other.
    if (head.status != EntryStatus::kDeleted && head.sequence_number) {
      auto& smallest = manifest_.min_sequence_number;
      smallest = std::min(smallest.value_or(*head.sequence_number), *head.sequence_number);
    }
    for (size_t i = 0; i < summaries_.size(); ++i) summaries_[i].Add(file.partition[i]);
  }

  Status Check(EntryStatus status, const DataFile& file) {
    if (file.file_path.empty()) return Invalid(file, "file without a path");
    const bool is_data = file.content == FileContent::kData;
    if (is_data != (options_.content == ManifestContent::kData)) return Invalid(file, "content of another kind");
    if (file.spec_id != options_.spec.spec_id) return Invalid(file, "file of another partition spec");
    if (file.record_count < 0 || file.file_size_bytes < 0) return Invalid(file, "negative count");
    if (file.file_format == FileFormat::kPuffin) {
      ARROW_RETURN_NOT_OK(CheckVector(status, file));
    } else if (file.content_offset || file.content_size_bytes) {
      return Invalid(file, "only a deletion vector is a part of a file");
    } else if (status == EntryStatus::kAdded && file.content == FileContent::kPositionDeletes && is_v3()) {
      return Invalid(file, "format version 3 takes deletion vectors, no new position delete files");
    }
    // A file listed twice is read twice by some engines and refused by others (pyiceberg#2130). Deletion vectors share
    // their path (starrocks#76228).
    if (!keys_.insert(FileKeyOf(file)).second) return Invalid(file, "file listed twice");
    ARROW_RETURN_NOT_OK(CheckPartition(file));
    return CheckBounds(file);
  }

  bool is_v3() const { return options_.format_version >= kRowLineageFromVersion; }

  Status CheckVector(EntryStatus status, const DataFile& file) {
    if (!is_v3()) return Invalid(file, "deletion vectors need format version 3");
    if (file.content != FileContent::kPositionDeletes) return Invalid(file, "a Puffin file of another content");
    if (file.referenced_data_file.value_or("").empty()) return Invalid(file, "deletion vector of no data file");
    const int64_t offset = file.content_offset.value_or(-1), size = file.content_size_bytes.value_or(-1);
    if (offset < 0 || size <= 0 || size > file.file_size_bytes || offset > file.file_size_bytes - size) {
      return Invalid(file, "deletion vector outside its file");
    }
    if (status != EntryStatus::kDeleted && !vectors_of_.insert(*file.referenced_data_file).second) {
      return Invalid(file, "two deletion vectors of " + *file.referenced_data_file);
    }
    return Status::OK();
  }

  Status CheckPartition(const DataFile& file) const {
    if (file.partition.size() != partition_.size()) return Invalid(file, "partition tuple of another length");
    for (size_t i = 0; i < partition_.size(); ++i) {
      const Literal& literal = file.partition[i];
      if (literal.type == nullptr || !schema::Equals(*literal.type, *partition_[i].type)) {
        return Invalid(file, "partition value of another type, field " + partition_[i].name);
      }
      ARROW_RETURN_NOT_OK(Within("manifest", Validate(literal)));
    }
    return Status::OK();
  }

  // A wrong bound silently loses rows in every reader: check that both are values of the column, in order, no NaN.
  Status CheckBounds(const DataFile& file) const {
    for (const auto* bounds : {&file.lower_bounds, &file.upper_bounds}) {
      for (const auto& [id, bytes] : *bounds) {
        const schema::Field* column = options_.schema->FindById(id);
        if (column == nullptr || column->type->is_nested()) continue;
        const auto bound = FromSingleValue(column->type, bytes);
        if (!bound.ok() || IsNan(*bound)) return Invalid(file, "invalid bound of column " + std::to_string(id));
        const auto lower = file.lower_bounds.find(id);
        if (bounds == &file.lower_bounds || lower == file.lower_bounds.end()) continue;
        ARROW_ASSIGN_OR_RAISE(const Literal low, FromSingleValue(column->type, lower->second));
        if (Compare(low, *bound) > 0) return Invalid(file, "inverted bounds of column " + std::to_string(id));
      }
    }
    return Status::OK();
  }

  const ManifestWriterOptions options_;
  const std::vector<schema::Field> partition_;
  const std::unique_ptr<ContainerWriter> writer_;
  std::vector<SummaryBuilder> summaries_;
  std::unordered_set<std::string> keys_;        // of FileKeyOf
  std::unordered_set<std::string> vectors_of_;  // data files that have a live deletion vector here
  ManifestFile manifest_;
};

// The keys strict readers want (iceberg.md 1.4): `schema` is the table's schema, not the manifest's
// (duckdb-iceberg#799), `partition-spec` the bare array of fields, not an object (iceberg-rust#2365).
Result<std::unique_ptr<ContainerWriter>> MakeContainer(const ManifestWriterOptions& options,
                                                       const std::vector<schema::Field>& partition) {
  const schema::Schema entry{.schema_id = 0, .fields = ManifestEntryFields(partition, options.format_version)};
  ARROW_ASSIGN_OR_RAISE(std::string avro_schema, AvroSchemaJson("manifest_entry", entry.fields));
  return ContainerWriter::Make(
      {.schema_json = std::move(avro_schema),
       .metadata = {{"schema", WriteSchema(*options.schema)},
                    {"schema-id", std::to_string(options.schema->schema_id)},
                    {"partition-spec", WritePartitionFields(options.spec)},
                    {"partition-spec-id", std::to_string(options.spec.spec_id)},
                    {"iceberg.schema", WriteSchema(entry)},
                    {"format-version", std::to_string(options.format_version)},
                    {"content", options.content == ManifestContent::kData ? "data" : "deletes"}},
       .codec = options.compressed ? format::avro::Codec::kDeflate : format::avro::Codec::kNull});
}

}  // namespace

Result<std::unique_ptr<ManifestWriter>> ManifestWriter::Make(ManifestWriterOptions options) {
  FIRN_CHECK(options.schema != nullptr);
  if (options.format_version < kFormatVersionMin || options.format_version > kFormatVersionMax) {
    return MakeError(Fault::kConfig, "manifests are written in format versions 2 and 3, the table has " +
                                         std::to_string(options.format_version));
  }
  for (const PartitionField& field : options.spec.fields) {
    if (field.transform.kind == Transform::Kind::kUnknown) {
      return MakeError(Fault::kConfig,
                       "cannot write to a table partitioned by an unknown transform, field " + field.name);
    }
  }
  ARROW_ASSIGN_OR_RAISE(std::vector<schema::Field> partition, PartitionFields(options.spec, *options.schema));
  ARROW_ASSIGN_OR_RAISE(auto container, MakeContainer(options, partition));
  return std::make_unique<ManifestWriterImpl>(std::move(options), std::move(partition), std::move(container));
}

}  // namespace firn::table
