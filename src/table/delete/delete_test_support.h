#pragma once

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/file_store.h"
#include "table/delete/delete_reader.h"
#include "table/metadata/metadata.h"
#include "table/scan/live_rows.h"
#include "table/write/data_file_writer.h"
#include "table/write/write_test_support.h"

/// For the tests of table/delete.
namespace firn::table::testing {

/// Puts the files below one prefix somewhere else, so that a table written elsewhere can be read here.
class MovedFileStore final : public io::FileStore {
 public:
  MovedFileStore(io::FileStore& files, std::string from, std::string to)
      : files_(files), from_(std::move(from)), to_(std::move(to)) {}
  Result<std::shared_ptr<arrow::Buffer>> Read(const std::string& location, int64_t bytes_max) override {
    return files_.Read(Moved(location), bytes_max);
  }
  Result<std::shared_ptr<arrow::Buffer>> ReadRange(const std::string& location, int64_t offset,
                                                   int64_t length) override {
    return files_.ReadRange(Moved(location), offset, length);
  }
  Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(const std::string& location) override {
    ++opened_[location];
    return files_.OpenInput(Moved(location));
  }
  Result<std::shared_ptr<io::OutputFile>> OpenOutput(const std::string& location, io::OutputOptions options) override {
    return files_.OpenOutput(Moved(location), options);
  }
  Status WriteAtomic(const std::string& location, std::string_view bytes) override {
    return files_.WriteAtomic(Moved(location), bytes);
  }
  Status CreateExclusive(const std::string& location, std::string_view bytes) override {
    return files_.CreateExclusive(Moved(location), bytes);
  }
  Result<bool> Exists(const std::string& location) override { return files_.Exists(Moved(location)); }
  Result<int64_t> Size(const std::string& location) override { return files_.Size(Moved(location)); }
  Result<std::vector<io::FileInfo>> List(const std::string& folder, int64_t entries_max) override {
    return files_.List(Moved(folder), entries_max);
  }
  Status Remove(const std::string& location) override { return files_.Remove(Moved(location)); }
  Status CreateFolder(const std::string& folder) override { return files_.CreateFolder(Moved(folder)); }
  Status SyncFolder(const std::string& folder) override { return files_.SyncFolder(Moved(folder)); }

  /// How often each file was opened for reading.
  const std::map<std::string, int>& opened() const { return opened_; }

 private:
  std::string Moved(const std::string& location) const {
    return location.starts_with(from_) ? to_ + location.substr(from_.size()) : location;
  }
  io::FileStore& files_;
  const std::string from_;
  const std::string to_;
  std::map<std::string, int> opened_;
};

/// A table without files: schema and specs are what deletes look at.
inline TableMetadata MetadataOf(schema::Schema schema, std::vector<PartitionSpec> specs = {PartitionSpec{}}) {
  TableMetadata metadata;
  metadata.current_schema_id = schema.schema_id;
  metadata.schemas.push_back(std::make_shared<const schema::Schema>(std::move(schema)));
  metadata.partition_specs = std::move(specs);
  return metadata;
}

inline ManifestEntry EntryOf(DataFile file, int64_t sequence_number) {
  return {.status = EntryStatus::kAdded,
          .snapshot_id = SnapshotId{1},
          .sequence_number = sequence_number,
          .file_sequence_number = sequence_number,
          .file = std::move(file)};
}

/// Writes `json_rows` as a Parquet file of that name.
inline DataFile WriteRows(io::FileStore& files, const TestFolder& folder, const std::string& name,
                          const schema::Schema& schema, const std::string& json_rows,
                          int64_t row_group_bytes = 1 << 20) {
  auto writer = Must(DataFileWriter::Open(files, {.schema = std::make_shared<schema::Schema>(schema),
                                                  .location = folder.location() + "/" + name,
                                                  .row_group_bytes = row_group_bytes}));
  EXPECT_TRUE(writer->Write(BatchOf(schema, json_rows)).ok());
  return Must(writer->Finish());
}

/// The long column `id` of a file's live rows, or of one that has _pos at that place.
inline std::vector<int64_t> LongsOf(arrow::RecordBatchReader& reader, int column = 0) {
  std::vector<int64_t> values;
  for (const auto& batch : Must(reader.ToRecordBatches())) {
    EXPECT_TRUE(batch->ValidateFull().ok());
    const auto& longs = static_cast<const arrow::Int64Array&>(*batch->column(column));
    for (int64_t i = 0; i < longs.length(); ++i) values.push_back(longs.Value(i));
  }
  return values;
}

}  // namespace firn::table::testing
