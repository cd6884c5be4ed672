#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "base/status.h"
#include "table/maintenance/relocate.h"

/// Manifests and manifest lists with other paths. Everything else is as it was, fields unknown to firn too. Pure but
/// for the callbacks.
namespace firn::table {

/// A file that was written anew.
struct MovedFile {
  std::string location;
  int64_t size_bytes = 0;
};
/// `location`: as the manifest has it.
using MoveFile = std::function<Result<MovedFile>(const std::string& location)>;
using FindMoved = std::function<const MovedFile*(const std::string& location)>;

/// By how many bytes the files of a manifest are larger than they were.
struct SizeChange {
  int64_t live = 0;
  int64_t added = 0;    // of files that its snapshot added
  int64_t removed = 0;  // of those that it removed
};

/// Calls `move_deletes` for each live file of position deletes (Parquet) or deletion vectors (Puffin): they name data
/// files. Errors: kBadData; of the callback.
Status EachDeleteFile(std::string_view bytes, const MoveFile& move_deletes);

/// `moved_deletes`: what became of a delete file; null: it was not written anew, since no snapshot has it any more.
/// `named`: gets the new places of live files that are not written anew. Errors: kBadData.
Result<std::string> RelocatedManifest(std::string_view bytes, const Relocation& relocation,
                                      const FindMoved& moved_deletes, SizeChange* change, std::set<std::string>* named);

/// `move_manifest`: called for each manifest with the id of the snapshot that added it. Errors: kBadData.
Result<std::string> RelocatedManifestList(
    std::string_view bytes, const std::function<Result<MovedFile>(const std::string&, int64_t)>& move_manifest);

/// A Puffin file with other paths in the properties of its blobs; the blobs stay where they are. Errors: kBadData.
Result<std::string> RelocatedPuffin(std::string_view bytes, const Relocation& relocation);

/// A Parquet file of position deletes with other paths. Errors: kBadData if it is none.
Result<std::string> RelocatedPositionDeletes(std::string_view bytes, const Relocation& relocation);

}  // namespace firn::table
