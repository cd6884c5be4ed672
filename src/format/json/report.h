#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace firn::format::json {

/// One choice of inference that `plan` shows, because a person may want another one.
struct InferenceNote {
  enum class Kind {
    kSibling,         // a second type: values of it live in column `column`
    kRenamed,         // the key could not keep its name
    kDeferred,        // only null, [] or {} of unknown content so far: no column yet
    kJsonOverflow,    // over max_leaves: the subtree became one JSON-text column
    kJsonMap,         // an object used as a map: one JSON-text column
    kJsonMixed,       // array of mixed types: list of JSON text
    kJsonDeep,        // deeper than 64 levels: JSON text
    kEmptyObject,     // {}: presence kept in `_empty`
    kTimeFromString,  // strings that are all dates or timestamps
    kDecimal,         // integers beyond 64 bits
  };
  Kind kind;
  std::string path;    // source path
  std::string column;  // column path it lives in, empty if none
  std::string detail;
};

struct InferenceReport {
  std::vector<InferenceNote> notes;  // in schema order
  int64_t rows = 0;                  // rows the types were decided over
  int64_t bytes = 0;
};

/// Returns "sibling", "renamed", "deferred", ….
const char* NoteName(InferenceNote::Kind kind);

}  // namespace firn::format::json
