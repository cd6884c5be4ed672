#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/status.h"
#include "source/file_input.h"
#include "source/source.h"

namespace firn::source::files {

/// What tells one state of a file from another without reading it.
struct Stamp {
  int64_t size = 0;             // bytes as they lie there
  int64_t modified_micros = 0;  // since 1970
  std::string etag;             // of an object; empty: not known
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

/// A file that changed less long ago may change again without another time.
inline constexpr int64_t kFreshMicros = 2'000'000;

/// What is known of one file. Position of its split: a JSON text, compact because there may be 100,000 of them:
/// "1 <size> <modified> <etag or -> <hash or -> <flags> [<offset> <num_hashed> <hash> <num_lines> <csv>]".
struct FilePosition {
  Stamp stamp;
  std::optional<Hash128> content;  // of all its bytes as they lie there; absent: it is not loaded whole
  bool fresh = false;              // it was changed shortly before it was read: the stamp may hide another change
  std::optional<Mark> mark;        // where reading goes on; also of a whole file that may grow
  friend bool operator==(const FilePosition&, const FilePosition&) = default;
};

Position ToPosition(const FilePosition& position);
/// Errors: kConfig E0886 for what is no position of a file, or of a newer firn.
Result<FilePosition> ParseFilePosition(const Position& position);

/// Contents of files that are no longer there. Position of the split kGoneSplit; the newest kGoneMax are kept.
inline constexpr char kGoneSplit[] = "*gone";  // a path cannot begin so: `*` is a wildcard
inline constexpr size_t kGoneMax = 100'000;
struct Content {
  int64_t size = 0;
  Hash128 hash;
};
Position ToPosition(const std::vector<Content>& gone);
Result<std::vector<Content>> ParseGone(const Position& position);

}  // namespace firn::source::files
