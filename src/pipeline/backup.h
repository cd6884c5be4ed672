#pragma once

#include <arrow/io/type_fwd.h>

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/catalog.h"

namespace firn::io {
class FileStore;
}

/// A lake in one file, and back. The file is a tar archive, compressed by zstd, front to back:
///   lake/<path below the warehouse>   files that the tables refer to at one moment, each once
///   state/<path below the state folder>
///   firn-backup.json                  last: {"version":1,"firn","created","warehouse","tables":[{"namespace","name",
///                                     "metadata"}],"files":[{"name","bytes","sha256"}]}
namespace firn::pipeline {

inline constexpr int kBackupVersion = 1;
inline constexpr char kBackupContents[] = "firn-backup.json";

struct BackupOptions {
  std::string warehouse;     // a location
  std::string state_folder;  // a path; may be missing
  bool with_secrets = false;
  int64_t level = 3;  // of zstd
};

struct BackupReport {
  int64_t tables = 0;
  int64_t files = 0;
  int64_t bytes = 0;   // of their content
  int64_t rounds = 1;  // how often the tables were taken anew, because files were expired under the backup
};

/// Writes what the tables of a catalog are at one moment. Loads at work are not disturbed and not waited for.
/// `out`: closed at the end; aborted on an error. Errors: kConfig E0970 for a table outside of the warehouse;
/// kTransient if tables are expired faster than they can be read; of reading and writing.
Result<BackupReport> WriteBackup(catalog::Catalog& catalog, io::FileStore& files, const Clock& clock,
                                 const BackupOptions& options, const std::shared_ptr<arrow::io::OutputStream>& out,
                                 std::stop_token stop);

struct RestoreReport {
  std::vector<std::string> tables;
  int64_t files = 0;
  int64_t bytes = 0;
  std::string created;
  bool relocated = false;
};

/// Puts a backup into `folder` (an absolute path; missing, empty, or of a restore that was cut off): <folder>/lake with
/// a catalog of its own, <folder>/.firn. Every sum is checked before the catalog is made. Errors: kConfig E0971 if the
/// folder holds anything, E0972 for a newer format; kBadData for a file that is damaged or no backup.
Result<RestoreReport> RestoreBackup(const std::shared_ptr<arrow::io::InputStream>& in, io::FileStore& files,
                                    const Clock& clock, const std::string& folder, std::stop_token stop);

}  // namespace firn::pipeline
