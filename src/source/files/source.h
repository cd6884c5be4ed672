#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/files_config.h"
#include "source/source.h"

namespace firn::io {
class FileStore;
}

namespace firn::source::files {

struct FilesTable {
  std::string name;
  config::FilesConfig files;
  std::string records = "auto";  // of JSON documents
  std::vector<std::string> primary_key;
  bool merges = false;  // rows are updated by it
};

struct FilesOptions {
  std::string location;  // absolute folder, or of an object store
  std::vector<FilesTable> tables;
  std::shared_ptr<io::FileStore> store;     // that reaches it
  const Clock* clock = nullptr;             // required; borrowed
  int64_t memory_bytes = int64_t{1} << 30;  // of what is read at once
  bool keeps_state = true;                  // what was read is left out next time; else every read begins anew
  bool read_ahead = true;                   // by a thread of its own
  int fetch_threads = 0;                    // that fetch small files before their turn; 0: each is read in its turn
  arrow::MemoryPool* pool = nullptr;        // null: the default pool
};

/// Makes a source of files. One split per file that is new or has changed (its id is the path), in the order of their
/// paths, those that changed first. Where lines are read the middle of a file is a position; a content that was loaded
/// is passed over, whatever the file is called now (README.md). No I/O. Errors: kConfig E0497 for a pattern.
Result<std::unique_ptr<Source>> MakeFilesSource(FilesOptions options);

}  // namespace firn::source::files
