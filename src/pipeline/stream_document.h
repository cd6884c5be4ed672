#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "source/source.h"

namespace firn::pipeline {

/// The state of a stream: where each of its splits resumes. JSON, version 1:
/// {"version":1,"fingerprint":"…","splits":{"<split id>":<position>}}
struct StreamDocument {
  std::string fingerprint;                                       // what the positions belong to (run_plan.h)
  std::vector<std::pair<std::string, source::Position>> splits;  // sorted by id

  void Set(const std::string& split, source::Position position);
  friend bool operator==(const StreamDocument&, const StreamDocument&) = default;
};

std::string WriteStreamDocument(const StreamDocument& document);
/// Empty text gives an empty document. Errors: kConfig for a newer version or for text that is none.
Result<StreamDocument> ParseStreamDocument(const std::string& json);

}  // namespace firn::pipeline
