#include "table/commit/manifest_io.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <utility>

#include "base/byte_size.h"

namespace firn::table {
namespace {

// Before compression; about the 8 MB on disk that readers plan well with.
constexpr int64_t kManifestBytesTarget = 32_MiB;

bool HasSources(const schema::Schema& schema, const PartitionSpec& spec) {
  return std::ranges::all_of(spec.fields,
                             [&](const PartitionField& field) { return schema.FindById(field.source_id) != nullptr; });
}

}  // namespace

Status ForEachEntry(io::FileStore& files, const TableMetadata& metadata, const ManifestFile& manifest,
                    ManifestReadOptions::Statistics statistics, const std::function<Status(ManifestEntry)>& take) {
  ARROW_ASSIGN_OR_RAISE(const auto bytes, files.Read(manifest.manifest_path));
  ARROW_ASSIGN_OR_RAISE(auto partition_fields, PartitionFieldsOf(metadata, manifest.partition_spec_id));
  const std::string_view view(reinterpret_cast<const char*>(bytes->data()), static_cast<size_t>(bytes->size()));
  ARROW_ASSIGN_OR_RAISE(
      auto reader, ManifestReader::Open(view, manifest,
                                        {.partition_fields = std::move(partition_fields), .statistics = statistics}));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto entry, reader->Next());
    if (!entry) return Status::OK();
    ARROW_RETURN_NOT_OK(take(*std::move(entry)));
  }
}

RollingManifests::RollingManifests(io::BackgroundSync& sync, ManifestWriterOptions options,
                                   std::function<std::string()> name)
    : sync_(sync), options_(std::move(options)), name_(std::move(name)) {}

Result<ManifestWriter*> RollingManifests::Writer() {
  if (writer_ != nullptr && writer_->size_bytes() >= kManifestBytesTarget) ARROW_RETURN_NOT_OK(Close());
  if (writer_ == nullptr) {
    ARROW_ASSIGN_OR_RAISE(writer_, ManifestWriter::Make(options_));
  }
  return writer_.get();
}

Status RollingManifests::Close() {
  ARROW_ASSIGN_OR_RAISE(EncodedManifest encoded, writer_->Finish());
  writer_.reset();
  encoded.file.manifest_path = name_();
  ARROW_RETURN_NOT_OK(sync_.Write(encoded.file.manifest_path, encoded.bytes));
  finished_.push_back(std::move(encoded.file));
  return Status::OK();
}

Result<std::vector<ManifestFile>> RollingManifests::Finish() {
  if (writer_ != nullptr) ARROW_RETURN_NOT_OK(Close());
  return std::move(finished_);
}

Result<ManifestWriterOptions> WriterOptionsFor(const TableMetadata& metadata, int32_t spec_id, ManifestContent content,
                                               SnapshotId snapshot_id) {
  const PartitionSpec* spec = metadata.FindSpec(spec_id);
  if (spec == nullptr) {
    return MakeError(Fault::kBug, "data file of an unknown partition spec: " + std::to_string(spec_id));
  }
  SchemaPtr schema = metadata.schema_ptr();
  // A spec may outlive its source column: then the newest schema that still has it.
  for (auto older = metadata.schemas.rbegin(); older != metadata.schemas.rend() && !HasSources(*schema, *spec);
       ++older) {
    schema = *older;
  }
  return ManifestWriterOptions{.schema = std::move(schema),
                               .spec = *spec,
                               .content = content,
                               .snapshot_id = snapshot_id,
                               .format_version = metadata.format_version};
}

}  // namespace firn::table
