#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/thread_annotations.h"
#include "source/files/fetch_ahead.h"
#include "source/files/file_list.h"
#include "source/files/known_contents.h"
#include "source/files/source.h"

namespace firn::source::files {

/// What the readers of one table share. Thread-safe.
class TableFiles {
 public:
  TableFiles(const FilesOptions& of_source, const FilesTable& of_table, FilePlace where)
      : options(of_source), table(of_table), place(std::move(where)) {}

  const FilesOptions& options;
  const FilesTable& table;
  const FilePlace place;
  KnownContents known;
  std::atomic<bool> keeps_end_marks = true;  // so that lines added to a file are found; not of very many files
  std::unique_ptr<FetchAhead> ahead;         // of this read; null: each file is read in its turn

  void Note(std::string text) FIRN_EXCLUDES(mutex_);
  void CountFile(int64_t num_bytes) FIRN_EXCLUDES(mutex_);
  void ClearNotes() FIRN_EXCLUDES(mutex_);
  ReadStats stats() const FIRN_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  ReadStats stats_ FIRN_GUARDED_BY(mutex_);
  size_t num_notes_ FIRN_GUARDED_BY(mutex_) = 0;
};

/// True for a file that is read whole before its first row is given, so that one that changes meanwhile costs nothing.
bool IsReadWhole(const FilePlace& place, const FoundFile& file);

/// Reads one file. `from`: what is known of it; nullopt: nothing. `files` is borrowed.
std::unique_ptr<SplitReader> ReadFile(TableFiles& files, FoundFile file, std::optional<FilePosition> from);

}  // namespace firn::source::files
