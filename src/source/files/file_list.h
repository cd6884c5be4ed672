#pragma once

#include <arrow/io/type_fwd.h>

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "io/zip_archive.h"
#include "source/files/file_patterns.h"
#include "source/files/file_position.h"
#include "source/glob.h"

namespace firn::io {
class FileStore;
}

namespace firn::source::files {

/// Where a member of an archive lies.
struct InArchive {
  std::string path;  // of the archive, below the location
  Stamp stamp;       // of the archive
  io::ZipMember member;
};

/// A file of a table, or a member of an archive: "a.zip/orders.csv", with the time of the archive.
struct FoundFile {
  std::string path;  // below the location
  Stamp stamp;
  std::optional<InArchive> in;
  bool is_archive = false;

  /// The file that is opened to read it.
  const std::string& outer_path() const { return in ? in->path : path; }
  const Stamp& outer_stamp() const { return in ? in->stamp : stamp; }
};

/// Where the files of a source lie.
struct FilePlace {
  io::FileStore* store = nullptr;  // borrowed
  std::string location;            // an absolute folder, or of an object store

  std::string LocationOf(const std::string& path) const { return location + "/" + path; }
  bool is_local() const;
  bool is_web() const;  // behind URLs: each file is asked for by its path
};

inline constexpr int64_t kFilesMax = 1'000'000;  // below the folder of a pattern

/// Returns the files below the place that one of the patterns matches, each once, sorted by path; only regular files
/// of a folder. A path without wildcards is looked up alone; of URLs there are no others.
/// Errors: kConfig E0880 if the folder of the place is not there or may not be read, E0985 for a URL without a file;
/// kBadData for over kFilesMax files.
Result<std::vector<FoundFile>> FindFiles(const FilePlace& place, const std::vector<Glob>& globs);

/// Returns the file as it is now; nullopt if it is gone or no regular file.
Result<std::optional<Stamp>> StampNow(const FilePlace& place, const std::string& path);
/// The same of one that was opened in an object store or behind a URL.
Result<Stamp> StampOf(arrow::io::RandomAccessFile& opened);
/// True if a file is as it was listed, as far as the place tells.
bool IsAsListed(const FilePlace& place, const Stamp& listed, const Stamp& now);

/// Waits until local files that changed less than `settle_ms` ago have rested for so long. Those that changed meanwhile
/// are taken out of `files` and returned.
Result<std::vector<std::string>> WaitUntilSettled(const FilePlace& place, int64_t settle_ms, const Clock& clock,
                                                  std::vector<FoundFile>* files, std::stop_token stop);

/// Returns the members of an archive that the patterns take, sorted by path.
/// Errors: as io::ReadZipDirectory; IsNotFound if it is gone.
Result<std::vector<FoundFile>> MembersOf(const FilePlace& place, const FoundFile& archive,
                                         const FilePatterns& patterns);

}  // namespace firn::source::files
