#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/project.h"
#include "io/raw_archive.h"
#include "source/excerpt.h"
#include "source/source.h"

namespace firn::io {
class FileStore;
class HttpClient;
class HttpHeaders;
class RateBudgets;
struct HttpClientOptions;
struct ObjectStoreSettings;
struct HttpWait;
}  // namespace firn::io
namespace firn::state {
class RefreshTokens;
}

namespace firn::source {

/// The pipeline whose source is asked for. Borrowed.
struct PipelineContext {
  const config::Project* project = nullptr;
  const config::PipelineConfig* pipeline = nullptr;
  config::Diagnostics* diagnostics = nullptr;  // gets every finding; null: the first is in the error
};

/// What sources share in one process. Borrowed; outlives the sources.
struct Services {
  io::HttpClient* http = nullptr;                        // required
  const Clock* clock = nullptr;                          // required
  io::RateBudgets* budgets = nullptr;                    // null: no limit beside the source's own
  bool background = false;                               // requests give way to those of other loads
  const state::RefreshTokens* refresh_tokens = nullptr;  // where exchanged ones are kept; null: for this source only
  /// Called before a request of a table waits to be sent again, from the sending threads; may be null.
  std::function<void(const std::string& table, const io::HttpWait& wait)> on_wait;
  /// Returns a store for files that are read, as reached by these settings: empty ones mean the lake's. No I/O.
  std::function<std::shared_ptr<io::FileStore>(const io::ObjectStoreSettings&)> open_files;
  int64_t memory_bytes = 0;           // of the run; 0: not known
  std::string scratch_folder;         // for temporary files; empty: that of the machine
  Excerpt excerpt;                    // of sources that ask an API; default: all
  arrow::MemoryPool* pool = nullptr;  // null: the default pool
};

/// What the first rows show of how a table is read, for people: {"paging", "link_header", "declared"}.
struct ReadingNote {
  std::string what;
  std::string value;
  std::string why;
};

/// Archived runs of one table, in the order they ran.
struct ArchivedBodies {
  std::vector<std::string> runs;
  io::RawRunOpener open;
};

/// A value of a cursor: as a person writes it, or as a table has it.
struct CursorStart {
  std::optional<Timestamp> instant;  // of a time; wins
  std::string text;
};

/// A row that a table has at or after the place where reading is to begin: an append must not take it again.
struct KnownRow {
  std::optional<CursorStart> cursor;          // nullopt: null
  std::vector<std::vector<std::string>> key;  // of each part of the primary key, the JSON texts it may have
};

/// Where reading is to begin in a table that another program has filled.
struct StartPoint {
  CursorStart cursor;  // rows at it are read
  std::vector<KnownRow> rows;
};

/// A kind of source: what the rest of firn has to know of it without building one. Three phases, never mixed: Validate
/// is pure and offline, Build makes the object without I/O, opening splits may block.
struct SourceType {
  std::string name;  // the value of source.type
  std::function<Status(const PipelineContext&)> validate;
  std::function<Result<std::unique_ptr<Source>>(const PipelineContext&, const Services&)> build;
  /// What may not change under a live position, beside cursor, key and disposition: lines, each ended by a newline.
  std::function<std::string(const config::PipelineConfig&, const config::TableConfig&)> identity;
  /// Asks the system whether it is there, and says so in a line (`firn doctor`). May block until `stop`.
  std::function<Result<std::string>(const PipelineContext&, const Services&, std::stop_token stop)> probe;
  /// `first`: the first rows that were read. `headers`: of the answer that held them, null if there was none.
  std::function<Result<std::vector<ReadingNote>>(const PipelineContext&, const config::TableConfig&, const Batch& first,
                                                 const io::HttpHeaders* headers)>
      describe;
  /// Sets what a process has one of: proxy, authorities, user agent. Null: the type needs nothing.
  std::function<void(const config::PipelineConfig&, io::HttpClientOptions*)> adapt_http;
  /// Makes a source that yields archived bodies instead of asking the system. Null: `why_no_replay` says why not.
  std::function<Result<std::unique_ptr<Source>>(const PipelineContext&, const ArchivedBodies&)> replay;
  std::string why_no_replay;
  /// Returns the position that each split of a table begins at. Pure. Errors: kConfig for a value that is none of the
  /// cursor's. Null: the type cannot say.
  std::function<Result<Position>(const PipelineContext&, const config::TableConfig&, const StartPoint&)> start;
};

/// The kinds of sources of a process: an object made in main, filled by an explicit list (builtin.h); tests fill theirs
/// with fakes. Constant after filling.
class SourceRegistry {
 public:
  /// Errors: kBug if the name is taken.
  Status Add(SourceType type);
  /// Returns the type, or null. Borrowed.
  const SourceType* Find(std::string_view name) const;
  std::vector<std::string> names() const;

  /// Checks a pipeline's source / makes it. Errors: kConfig for a type that is not registered, and the type's own.
  Status Validate(const PipelineContext& context) const;
  Result<std::unique_ptr<Source>> Build(const PipelineContext& context, const Services& services) const;
  /// Returns the type of a pipeline's source. Errors: kConfig for one that is not registered.
  Result<const SourceType*> TypeOf(const config::PipelineConfig& pipeline) const;

 private:
  std::map<std::string, SourceType, std::less<>> types_;
};

/// Returns the registered name of a configured source ("rest").
std::string_view TypeNameOf(const config::SourceConfig& source);

}  // namespace firn::source
