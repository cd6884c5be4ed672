#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "io/file_store.h"
#include "io/raw_cipher.h"
#include "io/raw_key.h"

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

/// Where the bodies of one run go: <root>/<pipeline>/dataset=<dataset>/<table>/<run>/<segment>.firnraw. In the folder
/// names, characters outside [A-Za-z0-9_-] and dots not at the start are written as '~' and two hex digits.
struct RawArchivePlace {
  std::string root;  // a location of the store
  std::string pipeline;
  std::string dataset;  // of the table, prefix included; "": the folders of version 1, which do not say it
  std::string table;
  std::string run;
};

struct RawArchiveOptions {
  int64_t segment_bytes_max = int64_t{64} << 20;  // compressed; a single larger body alone
  int compression_level = 3;
  RawKeys keys = {};  // without one to write with, segments are plain
};

struct RawReadOptions {
  RawKeys keys = {};
  int64_t entries_min = 0;  // a run that has fewer is damaged
};

/// Appends the responses of one table in one run; format: docs/spec/raw_archive.md. Thread-safe. Opened again for the
/// same run it goes on after what is there. Destroyed without Sync, what was appended since the last Sync is removed.
class RawArchiveWriter {
 public:
  static Result<std::unique_ptr<RawArchiveWriter>> Open(FileStore& store, const RawArchivePlace& place,
                                                        RawArchiveOptions options = {});
  virtual ~RawArchiveWriter() = default;
  /// Takes an entry, which a thread of the writer compresses and writes; not yet durable. Holds a share of the body
  /// until then; blocks while 16 MiB of them wait. Returns the ordinal. Errors: of this entry or of one before.
  virtual Result<int64_t> Append(RawEntry entry) = 0;
  /// Makes everything appended so far durable (ends the segment). Called before the commit that holds its rows.
  virtual Status Sync() = 0;
  /// Entries appended so far, those of earlier writers of the run included.
  virtual int64_t num_entries() = 0;
};

/// Reads archived responses back. Used by one thread.
class RawArchiveReader {
 public:
  /// Opens the given run. Errors: kBadData for a missing segment. Of Next, too: kBadData for damage, a version that
  /// this build does not know, fewer entries than there must be; kConfig E0866 for a key that is not there.
  static Result<std::unique_ptr<RawArchiveReader>> Open(FileStore& store, const RawArchivePlace& place,
                                                        RawReadOptions options = {});
  virtual ~RawArchiveReader() = default;
  /// Returns the next entry in order of ordinals, or nullopt at the end. Errors: kBadData if an entry's checksum fails.
  virtual Result<std::optional<RawEntry>> Next() = 0;
  /// Segments without an end mark (the writer died): their entries were not durable and no commit refers to them.
  virtual int64_t num_unfinished() const = 0;
};

/// Opens what is archived for a table in a run, wherever that lies.
using RawRunOpener =
    std::function<Result<std::unique_ptr<RawArchiveReader>>(const std::string& table, const std::string& run)>;

/// Returns what the first segment of a run is sealed with, nullopt if the run has none. Errors: kBadData.
Result<std::optional<RawSeal>> SealOfRun(FileStore& store, const RawArchivePlace& place);

/// Returns the folder of a run's segments, for what belongs to the run beside them.
std::string RawRunFolder(const RawArchivePlace& place);

/// Lists the datasets whose table of that name has an archive, sorted: a renamed table has runs under both. Of `place`
/// root, pipeline and table matter. Of a local folder only the upper levels are looked at, of an object store the names
/// of all files of the pipeline.
Result<std::vector<std::string>> ListRawDatasets(FileStore& store, const RawArchivePlace& place);

/// Lists the runs archived for a table, sorted by name (run ids sort by time). `place.run` does not matter.
Result<std::vector<std::string>> ListRawRuns(FileStore& store, const RawArchivePlace& place);

}  // namespace firn::io
