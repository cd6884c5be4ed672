#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "io/file_store.h"

namespace firn::io {

/// One response body as received (after Content-Encoding), with the request that asked for it.
struct RawEntry {
  std::string method;
  std::string url;  // redacted by the writer
  int status = 0;
  Timestamp time;       // when the response was complete
  std::string split;    // id of the split, for re-derivation in reading order
  std::string context;  // what the source needs to read the body again (JSON text); redacted like the URL
  std::shared_ptr<arrow::Buffer> body;
  int64_t ordinal = 0;  // position in the run; set by the writer
};

/// Where the bodies of one run go: <root>/<pipeline>/<table>/<run>/<segment>.firnraw. In the folder names, characters
/// outside [A-Za-z0-9_-] and dots not at the start are written as '~' and two hex digits.
struct RawArchivePlace {
  std::string root;  // a location of the store
  std::string pipeline;
  std::string table;
  std::string run;
};

struct RawArchiveOptions {
  int64_t segment_bytes_max = int64_t{64} << 20;  // compressed; a single larger body alone
  int compression_level = 3;
};

/// Appends the responses of one table in one run; format: docs/spec/raw_archive.md. Thread-safe. Opened again for the
/// same run it goes on after what is there. Destroyed without Sync, what was appended since the last Sync is removed.
class RawArchiveWriter {
 public:
  static Result<std::unique_ptr<RawArchiveWriter>> Open(FileStore& store, const RawArchivePlace& place,
                                                        RawArchiveOptions options = {});
  virtual ~RawArchiveWriter() = default;
  /// Compresses and appends; not yet durable. Returns the ordinal.
  virtual Result<int64_t> Append(RawEntry entry) = 0;
  /// Makes everything appended so far durable (ends the segment). Called before the commit that holds its rows.
  virtual Status Sync() = 0;
};

/// Reads archived responses back. Used by one thread.
class RawArchiveReader {
 public:
  /// Opens the given run. Errors: kBadData for a version this build does not know.
  static Result<std::unique_ptr<RawArchiveReader>> Open(FileStore& store, const RawArchivePlace& place);
  virtual ~RawArchiveReader() = default;
  /// Returns the next entry in order of ordinals, or nullopt at the end. Errors: kBadData if an entry's checksum fails.
  virtual Result<std::optional<RawEntry>> Next() = 0;
  /// Segments without an end mark (the writer died): their entries were not durable and no commit refers to them.
  virtual int64_t num_unfinished() const = 0;
};

/// Returns the folder of a run's segments, for what belongs to the run beside them.
std::string RawRunFolder(const RawArchivePlace& place);

/// Lists the runs archived for a table, sorted by name (run ids sort by time).
Result<std::vector<std::string>> ListRawRuns(FileStore& store, const std::string& root, const std::string& pipeline,
                                             const std::string& table);

}  // namespace firn::io
