#include "table/write/vanished_keys.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "table/commit/name_mapping.h"
#include "table/delete/delete_reader.h"
#include "table/scan/plan.h"
#include "table/write/key_log.h"
#include "table/write/key_scan.h"

namespace firn::table {
namespace {

KeyVisitor AppendTo(KeyLog& log, const std::stop_token& stop) {
  return [&log, stop](std::span<const Hash128> keys, std::span<const int64_t>) -> Status {
    if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while keys were compared");
    for (const Hash128& key : keys) ARROW_RETURN_NOT_OK(log.Append({.hash = key}));
    return Status::OK();
  };
}

Status ReadLiveKeys(io::FileStore& files, const std::shared_ptr<const TableMetadata>& metadata,
                    const std::shared_ptr<const NameMapping>& mapping, const KeyScanOptions& scan,
                    const KeyVisitor& append) {
  ARROW_ASSIGN_OR_RAISE(const ScanPlan plan, PlanFiles(files, *metadata, *metadata->CurrentSnapshot(),
                                                       {.deletes = ScanOptions::Deletes::kPlan}));
  const auto reader = DeleteReader::Make(files, metadata, {.name_mapping = mapping, .pool = scan.pool});
  const auto visit = [&](size_t, std::span<const Hash128> keys, std::span<const int64_t> positions) {
    return append(keys, positions);
  };
  const auto all = [](const DataFile&) { return true; };
  return ScanLiveKeys(files, &plan, scan, all, reader.get(), visit).status();
}

}  // namespace

Result<VanishedKeys> FindVanishedKeys(io::FileStore& files, const std::shared_ptr<const TableMetadata>& metadata,
                                      const std::vector<DataFile>& new_files, const VanishedKeysOptions& options,
                                      std::stop_token stop) {
  VanishedKeys found;
  if (metadata->CurrentSnapshot() == nullptr) return found;
  std::shared_ptr<const NameMapping> mapping;
  if (const std::string json = metadata->Property(kNameMappingProperty); !json.empty()) {
    ARROW_ASSIGN_OR_RAISE(auto parsed, ParseNameMapping(json));
    mapping = std::make_shared<const NameMapping>(std::move(parsed));
  }
  const KeyScanOptions scan{.key_schema = &options.key_schema, .name_mapping = mapping.get(), .pool = options.pool};
  KeyLog live(options.memory_bytes / 2, std::string());
  KeyLog load(options.memory_bytes / 2, std::string());
  ARROW_RETURN_NOT_OK(ReadLiveKeys(files, metadata, mapping, scan, AppendTo(live, stop)));
  for (const DataFile& file : new_files) {
    if (file.content != FileContent::kData) continue;
    ARROW_RETURN_NOT_OK(ScanKeys(files, file, nullptr, scan, AppendTo(load, stop)));
  }
  for (size_t shard = 0; shard < KeyLog::kShards; ++shard) {
    ARROW_ASSIGN_OR_RAISE(const auto stored, live.Shard(shard, options.pool));
    ARROW_ASSIGN_OR_RAISE(const auto loaded, load.Shard(shard, options.pool));
    for (size_t i = 0; i < stored.size(); ++i) {
      if (i > 0 && stored[i].hash == stored[i - 1].hash) continue;
      ++found.num_keys;
      found.num_vanished += !std::ranges::binary_search(loaded, stored[i].hash, {}, &KeyRecord::hash);
    }
  }
  return found;
}

}  // namespace firn::table
