#pragma once

#include <string>

#include "base/status.h"

namespace firn::pipeline {

/// What COMMITTED.json in the folder of an archived run says: that rows of the run were committed, and what
/// re-deriving has to know. JSON, version 1. Written anew after each commit of the run.
struct ArchiveMark {
  std::string run;
  std::string from;       // hash of the stream's state when the run began; "" if there was none
  std::string to;         // hash of the stream's state after its last commit
  bool complete = false;  // the run was read to its end: all its bodies are committed
  bool anew = false;      // the run read everything and replaced the table
  friend bool operator==(const ArchiveMark&, const ArchiveMark&) = default;
};

std::string WriteArchiveMark(const ArchiveMark& mark);
/// Errors: kBadData for text that is none; kConfig for a newer version.
Result<ArchiveMark> ParseArchiveMark(const std::string& json);

}  // namespace firn::pipeline
