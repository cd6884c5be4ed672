#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "io/raw_key.h"

namespace firn::pipeline {

/// What COMMITTED.json in the folder of an archived run says: that rows of the run were committed, and what
/// re-deriving has to know. JSON, version 4; version 1 does not say the table, 2 not how much there must be, 3 nothing
/// of how the run was loaded. Written anew after each commit of the run.
struct ArchiveMark {
  static constexpr int64_t kVersion = 4;
  int64_t version = kVersion;
  std::string run;
  std::string table_uuid;  // of the table that took the rows; "" in version 1
  std::string from;        // hash of the stream's state when the run began; "" if there was none
  std::string to;          // hash of the stream's state after its last commit
  bool complete = false;   // the run was read to its end: all its bodies are committed
  bool backfill = false;   // its rows gave way to newer ones of the table
  bool anew = false;       // the table is what the run read, whatever it had before: it replaced it, or listed all keys
  std::string loaded_at;   // when its rows were loaded, RFC 3339; "" before version 4, as what follows is unknown then
  bool listed = false;     // it gave all keys of the table, and those it did not give were gone
  bool pass = false;       // the same of the keys that a reconcile pass read
  int64_t window_ms = -1;  // of `pass`: how far back it read; -1: all
  int64_t entries = 0;     // at least so many entries are durable; 0 before version 3
  std::string key_id;      // of the key that authenticates the mark; "": nothing does
  std::string code;        // over everything before it
  friend bool operator==(const ArchiveMark&, const ArchiveMark&) = default;
};

/// Returns the text of a mark. `key`: of a sealed run, null for a plain one; key_id and code of `mark` do not matter.
std::string WriteArchiveMark(const ArchiveMark& mark, const io::RawKey* key);
/// Errors: kBadData for text that is none; kConfig for a newer version.
Result<ArchiveMark> ParseArchiveMark(const std::string& json);
/// Judges the mark of a sealed run. Errors: kConfig E0866 when its key is not among `keys`; kBadData when it was
/// changed, or is of another run.
Status CheckArchiveMark(const ArchiveMark& mark, const std::string& run, const io::RawKeys& keys);

}  // namespace firn::pipeline
