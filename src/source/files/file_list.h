#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "source/files/file_position.h"
#include "source/files/glob.h"

namespace firn::io {
class FileStore;
}

namespace firn::source::files {

/// A file of a table.
struct FoundFile {
  std::string path;  // below the location
  Stamp stamp;
};

/// Where the files of a source lie.
struct FilePlace {
  io::FileStore* store = nullptr;  // borrowed
  std::string location;            // an absolute folder, or of an object store

  std::string LocationOf(const std::string& path) const { return location + "/" + path; }
  bool is_local() const;
};

inline constexpr int64_t kFilesMax = 1'000'000;  // below the folder of a pattern

/// Returns the files below the place that one of the patterns matches, each once, sorted by path; only regular files
/// of a folder. A path without wildcards is looked up alone.
/// Errors: kConfig E0880 if the folder of the place is not there or may not be read; kBadData for over kFilesMax files.
Result<std::vector<FoundFile>> FindFiles(const FilePlace& place, const std::vector<Glob>& globs);

/// Returns the file as it is now; nullopt if it is gone or no regular file.
Result<std::optional<Stamp>> StampNow(const FilePlace& place, const std::string& path);

/// Waits until local files that changed less than `settle_ms` ago have rested for so long. Those that changed meanwhile
/// are taken out of `files` and returned.
Result<std::vector<std::string>> WaitUntilSettled(const FilePlace& place, int64_t settle_ms, const Clock& clock,
                                                  std::vector<FoundFile>* files, std::stop_token stop);

}  // namespace firn::source::files
