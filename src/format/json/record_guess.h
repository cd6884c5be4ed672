#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace firn::format::json {

/// What `records: auto` makes of a body.
struct RecordsGuess {
  enum class Kind {
    kPath,       // the records are at `path`
    kUnsure,     // an array of records, or one record that has an array: nothing may be taken, as fields would be lost
    kErrorBody,  // the API's error, not data
  };
  Kind kind = Kind::kPath;
  std::string path;                     // "": the body itself
  std::vector<std::string> candidates;  // kUnsure: what may be declared as `records`, "." for the body as one record
  std::string why;                      // kUnsure: names of fields beside the array
};

/// Looks at the value at `at`. An array below an object is taken only if the objects around it are envelopes: what
/// stands beside it are counts, paging, links, status, request ids and the like. An object with fields of its own is
/// one record. Of several arrays the one with most objects counts. Goes through objects only, up to six levels; broken
/// JSON ends the search. `end`: the end of the index.
RecordsGuess GuessRecords(const uint8_t* body, const uint32_t* at, const uint32_t* end);

}  // namespace firn::format::json
