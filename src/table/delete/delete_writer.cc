#include "table/delete/delete_writer.h"

#include <unordered_set>
#include <utility>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/uuid.h"
#include "io/file_store.h"
#include "table/delete/delete_reader.h"
#include "table/delete/deletion_vector.h"
#include "table/delete/position_delete_file.h"

namespace firn::table {

namespace {

constexpr int32_t kVectorsFromVersion = 3;

class DeleteWriterImpl final : public DeleteWriter {
 public:
  DeleteWriterImpl(io::FileStore& files, DeleteReader& reader, DeleteWriterOptions options,
                   std::unique_ptr<Clock> own_clock)
      : files_(files), reader_(reader), options_(std::move(options)), own_clock_(std::move(own_clock)) {}

  ~DeleteWriterImpl() override {
    if (finished_) return;
    puffin_.reset();  // removes its own file
    for (const std::string& location : written_) {
      const Status status = files_.Remove(location);
      if (!status.ok()) log::Warn("delete file kept", {{"location", location}, {"reason", status.message()}});
    }
  }

  Status Delete(const ManifestEntry& data, const FileDeletes& previous, const PositionSet& rows) override {
    ARROW_RETURN_NOT_OK(Take(data));
    if (rows.empty()) return Status::OK();
    if (*rows.Max() >= data.file.record_count) {
      return MakeError(Fault::kBug, "delete of row " + std::to_string(*rows.Max()) + " of " + data.file.file_path +
                                        ", which has " + std::to_string(data.file.record_count));
    }
    ARROW_ASSIGN_OR_RAISE(const auto before, reader_.DeletedPositions(data, previous));
    PositionSet merged = before != nullptr ? *before : PositionSet();
    const int64_t count_before = merged.cardinality();
    merged.Union(rows);
    const int64_t fresh = merged.cardinality() - count_before;
    if (fresh == 0) return Status::OK();
    changes_.rows_deleted += fresh;
    ARROW_RETURN_NOT_OK(is_vector() ? WriteVector(data.file, merged) : WriteFile(data.file, merged));
    Replace(previous);
    return Status::OK();
  }

  Status Drop(const ManifestEntry& data, const FileDeletes& previous) override {
    ARROW_RETURN_NOT_OK(Take(data));
    Replace(previous);
    return Status::OK();
  }

  Result<DeleteChanges> Finish() override {
    ARROW_RETURN_NOT_OK(EndPuffin());
    finished_ = true;
    return std::move(changes_);
  }

 private:
  bool is_vector() const { return options_.format_version >= kVectorsFromVersion; }

  Status Take(const ManifestEntry& data) {
    if (data_files_.insert(data.file.file_path).second) return Status::OK();
    return MakeError(Fault::kBug, "deletes of a data file given twice: " + data.file.file_path);
  }

  std::string NewLocation(const char* extension) {
    const Clock& clock = options_.clock != nullptr ? *options_.clock : *own_clock_;
    return options_.location + "/data/" + options_.stream + "-" + std::to_string(options_.epoch) + "-" +
           std::to_string(num_files_++) + "-" + MakeUuid7(clock).ToString() + "-deletes." + extension;
  }

  Status WriteFile(const DataFile& data, const PositionSet& rows) {
    FIRN_FAILPOINT("delete.file");
    std::string location = NewLocation("parquet");
    ARROW_ASSIGN_OR_RAISE(DataFile file, WritePositionDeleteFile(files_, location, data, rows, options_.pool));
    written_.push_back(std::move(location));
    changes_.added.push_back(std::move(file));
    return Status::OK();
  }

  Status WriteVector(const DataFile& data, const PositionSet& rows) {
    if (puffin_ == nullptr) {
      puffin_location_ = NewLocation("puffin");
      ARROW_ASSIGN_OR_RAISE(puffin_, DeletionVectorFileWriter::Open(files_, puffin_location_));
    }
    ARROW_RETURN_NOT_OK(puffin_->Add(data, rows));
    return puffin_->size_bytes() >= options_.puffin_bytes_target ? EndPuffin() : Status::OK();
  }

  Status EndPuffin() {
    if (puffin_ == nullptr) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(auto entries, puffin_->Finish());
    puffin_.reset();
    written_.push_back(puffin_location_);
    for (DataFile& entry : entries) changes_.added.push_back(std::move(entry));
    return Status::OK();
  }

  /// Lists the deletes that are about the data file alone. Files with rows of other data files stay: their rows of this
  /// one are deleted twice, or stand behind a deletion vector, which does no harm.
  void Replace(const FileDeletes& previous) {
    if (previous.vector != nullptr) changes_.removed.push_back(*previous.vector);
    for (const auto* entries : {&previous.positions, &previous.superseded}) {
      for (const DeleteEntry& entry : *entries) {
        if (ScopeOf(entry->file)) changes_.removed.push_back(*entry);
      }
    }
  }

  io::FileStore& files_;
  DeleteReader& reader_;
  const DeleteWriterOptions options_;
  const std::unique_ptr<Clock> own_clock_;
  std::unordered_set<std::string> data_files_;
  std::unique_ptr<DeletionVectorFileWriter> puffin_;
  std::string puffin_location_;
  std::vector<std::string> written_;
  DeleteChanges changes_;
  int64_t num_files_ = 0;
  bool finished_ = false;
};

}  // namespace

Result<std::unique_ptr<DeleteWriter>> DeleteWriter::Make(io::FileStore& files, DeleteReader& reader,
                                                         DeleteWriterOptions options) {
  std::unique_ptr<Clock> clock;
  if (options.clock == nullptr) {
    ARROW_ASSIGN_OR_RAISE(clock, MakeSystemClock());
  }
  return std::make_unique<DeleteWriterImpl>(files, reader, std::move(options), std::move(clock));
}

}  // namespace firn::table
