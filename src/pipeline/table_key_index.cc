#include "pipeline/table_key_index.h"

#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "base/uuid.h"
#include "io/local_file_store.h"
#include "table/maintenance/relocate.h"
#include "table/write/key_hasher.h"

namespace firn::pipeline {
namespace {

/// The number in `text`, or `otherwise`.
int64_t NumberIn(std::string_view text, int64_t otherwise) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : otherwise;
}

bool IsBig(const table::TableMetadata& metadata) {
  const table::Snapshot* snapshot = metadata.CurrentSnapshot();
  if (snapshot == nullptr) return false;
  const auto total = snapshot->summary.find("total-records");
  const char* least = std::getenv("FIRN_KEY_INDEX_RECORDS_MIN");
  return total != snapshot->summary.end() &&
         NumberIn(total->second, 0) >= NumberIn(least == nullptr ? "" : least, kIndexedRecordsMin);
}

}  // namespace

std::unique_ptr<TableKeyIndex> TableKeyIndex::Open(const table::TableMetadata& metadata, const schema::Schema& schema,
                                                   const Options& options) {
  // The uuid becomes the name of a folder, so only a uuid will do.
  const auto uuid = ParseUuid(metadata.table_uuid);
  if (!uuid.ok()) return nullptr;
  std::unique_ptr<TableKeyIndex> opened(new TableKeyIndex(options.state_folder + "/index/" + uuid->ToString()));
  const Status status = opened->Start(metadata, schema, options);
  if (!status.ok()) {
    log::Warn("key index not opened, merges scan the key columns",
              {{"folder", opened->folder_}, {"reason", status.message()}});
  }
  return opened;
}

Status TableKeyIndex::Start(const table::TableMetadata& metadata, const schema::Schema& schema,
                            const Options& options) {
  files_ = io::MakeLocalFileStore();
  ARROW_ASSIGN_OR_RAISE(const bool exists, files_->Exists(folder_ + "/index.state"));
  if (!exists && !IsBig(metadata)) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto keys, table::KeySchema(schema, options.key_field_ids));
  const table::index::KeyIndexOptions made{
      .folder = folder_,
      // By its paths, an index of another place is another table's.
      .table_uuid = table::IndexIdentity(metadata.table_uuid + metadata.Property(table::kRelocatedProperty), keys),
      .memory_bytes = options.memory_bytes};
  ARROW_ASSIGN_OR_RAISE(auto opened, table::index::KeyIndex::Open(*files_, made));
  index_ = std::move(opened.index);
  if (index_ != nullptr) return Status::OK();
  log::Info("key index is built anew", {{"folder", folder_}, {"reason", opened.why}});
  ARROW_ASSIGN_OR_RAISE(index_, table::index::KeyIndex::Create(*files_, made));
  return Status::OK();
}

TableKeyIndex::~TableKeyIndex() {
  if (index_ == nullptr || !index_->rebuild_reason()) return;
  const Status removed = files_->Remove(folder_ + "/index.state");
  log::Warn("key index is damaged and will be built anew",
            {{"folder", folder_}, {"reason", removed.ok() ? "removed" : removed.message()}});
}

}  // namespace firn::pipeline
