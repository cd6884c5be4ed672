#pragma once

#include <string>
#include <vector>

#include "format/json/report.h"

namespace firn::pipeline {

/// What a choice of inference means to a person and how to have it otherwise: `sometimes another type: …; declare it:
/// columns: {total: {type: …}}`. Pure.
std::string NoteText(const format::json::InferenceNote& note);

/// All notes as "path: text", those that lose convenience first; at most `notes_max`, then a line with the number left.
std::vector<std::string> NoteLines(const format::json::InferenceReport& report, size_t notes_max);

}  // namespace firn::pipeline
