#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "source/source.h"

namespace firn::pipeline {

/// The state of a stream: where each of its splits resumes. JSON, version 1:
/// {"version":1,"fingerprint":"…","splits":{"<split id>":<position>},"reconciled":"<time>"}
struct StreamDocument {
  std::string fingerprint;                                       // what the positions belong to (run_plan.h)
  std::vector<std::pair<std::string, source::Position>> splits;  // sorted by id
  std::optional<Timestamp> reconciled;                           // when the last pass that read all again began

  /// An empty position is none: the split begins at its beginning again.
  void Set(const std::string& split, source::Position position);
  const source::Position* Find(const std::string& split) const;
  friend bool operator==(const StreamDocument&, const StreamDocument&) = default;
};

std::string WriteStreamDocument(const StreamDocument& document);
/// Empty text gives an empty document. Errors: kConfig for a newer version or for text that is none.
Result<StreamDocument> ParseStreamDocument(const std::string& json);
/// Returns the beginning of the first split's position, for people.
std::string Brief(const StreamDocument& document);

/// Where the stream resumes, in a line for people: "cursor 2026-01-31", "region=eu: cursor 7, region=us: cursor 9,
/// 3 more". Empty if there is no position. The whole of it is what `firn state get` prints.
std::string ShortPosition(const StreamDocument& document);

}  // namespace firn::pipeline
