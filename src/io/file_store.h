#pragma once

#include <arrow/io/interfaces.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace firn::io {

/// Locations. A location is an absolute path ("/lake/t/a.parquet") or a file URI ("file:///lake/t/a.parquet"; on
/// reading also "file:/lake/…", "file://localhost/…"). Its text is taken literally: nothing is percent-decoded or
/// -encoded,
/// "%20" in a location means three characters in the file name. That is how the Iceberg readers (Hadoop's Path,
/// pyiceberg, DuckDB) treat locations, and locations are compared byte for byte. What those readers would
/// mangle — control characters, `? # % * [ ] { } \` — is refused when *we* make a location, see FileUri.

/// Returns the path of a location. Errors: kConfig for another scheme, a host other than localhost, a relative path.
Result<std::string> PathOfLocation(std::string_view location);

/// Returns "file://" + `path`. `path` must be absolute and normal (no "//", "/./", "/../").
/// Errors: kConfig naming the first character a foreign reader would mangle.
Result<std::string> FileUri(std::string_view path);

struct FileInfo {
  std::string location;  // in the form the listing was asked in
  int64_t size_bytes = 0;
  int64_t modified_micros = 0;  // since 1970
};

/// What a finished write promises.
enum class Durability {
  kSynced,    // Close returns after fsync of the file and of its folder, and of folders created for it
  kFileOnly,  // fsync of the file; the caller calls SyncFolder before anything refers to the file
  kNone,      // temporary data
};

struct OutputOptions {
  Durability durability = Durability::kSynced;
  bool create_folders = true;
};

/// A new file being written, front to back. Used by one thread. Close() makes it durable as asked and is the only way
/// to keep it: destroyed or aborted before, the file is removed.
class OutputFile : public arrow::io::OutputStream {
 public:
  /// Removes the file. Not after Close().
  Status Abort() override = 0;
};

/// A lock file (ProcessLock) that stands for a location, and who can see it.
struct LockPlace {
  std::string path;   // plain path on this machine; its folder exists
  std::string scope;  // empty: all who can reach the location. Else a lock says nothing about processes of other scopes
};

/// Where lake data, metadata and archives live. Files are written once and never changed. Thread-safe.
/// What object stores do instead is in object_store.h.
/// Errors of all methods: kTransient (I/O error, may work again), kConfig (no such file, permission, no space, name too
/// long, read-only …: the message says what and why, `next` what to do), and IsNotFound for a missing file.
class FileStore {
 public:
  static constexpr int64_t kReadBytesMax = int64_t{1} << 30;

  virtual ~FileStore() = default;
  /// Reads a whole file. Error kBadData if it is larger than `bytes_max`.
  virtual Result<std::shared_ptr<arrow::Buffer>> Read(const std::string& location,
                                                      int64_t bytes_max = kReadBytesMax) = 0;
  /// Reads exactly `length` bytes at `offset`; kBadData if the file ends before.
  virtual Result<std::shared_ptr<arrow::Buffer>> ReadRange(const std::string& location, int64_t offset,
                                                           int64_t length) = 0;
  /// For Parquet and Avro readers. Thread-safe ReadAt.
  virtual Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(const std::string& location) = 0;
  /// Creates a new file; kConflict if it exists, at the latest from Close().
  virtual Result<std::shared_ptr<OutputFile>> OpenOutput(const std::string& location, OutputOptions options = {}) = 0;
  /// Puts `bytes` at `location` at once: a reader, and a crash, sees the old file or the new one. Durable on return.
  virtual Status WriteAtomic(const std::string& location, std::string_view bytes) = 0;
  /// The same if the file is absent; kConflict if it exists. Of several callers one succeeds.
  virtual Status CreateExclusive(const std::string& location, std::string_view bytes) = 0;
  virtual Result<bool> Exists(const std::string& location) = 0;
  virtual Result<int64_t> Size(const std::string& location) = 0;
  /// Lists the files at any depth below a folder, sorted by location; empty if the folder is missing. kBadData if there
  /// are more than `entries_max`.
  virtual Result<std::vector<FileInfo>> List(const std::string& folder, int64_t entries_max = 10'000'000) = 0;
  /// Removes a file; ok if it is already gone. Not synced: a removed file may come back after a crash.
  virtual Status Remove(const std::string& location) = 0;
  /// Creates a folder and its parents, durably. Ok if it exists.
  virtual Status CreateFolder(const std::string& folder) = 0;
  /// Makes the names in a folder durable. See Durability::kFileOnly.
  virtual Status SyncFolder(const std::string& folder) = 0;

  /// Where the lock for `location` is: beside it for files.
  virtual Result<LockPlace> LockOf(const std::string& location);

  /// Reads a small text file.
  Result<std::string> ReadText(const std::string& location, int64_t bytes_max = kReadBytesMax);
};

/// True if `status` says that the file does not exist.
bool IsNotFound(const Status& status);

/// Translates an errno of a file call, once for the whole project: "create /x: no space left on device".
Status FileError(std::string_view what, std::string_view path, int error_number);

/// Folder of a location, without the last slash: "file:///a/b.txt" → "file:///a".
std::string FolderOf(std::string_view location);

}  // namespace firn::io
