#pragma once

#include <string>
#include <vector>

#include "format/json/report.h"
#include "format/json/table_reader.h"
#include "schema/type.h"
#include "source/source.h"

namespace firn::pipeline {

/// What a choice of inference means to a person and how to have it otherwise: `sometimes another type: …; declare it:
/// columns: {total: {type: …}}`. Pure. `table`: that has the column already ("shop.orders"), so that a declaration
/// alone would be too late; empty: none, or all its rows are read anew.
std::string NoteText(const format::json::InferenceNote& note, const std::string& table = {});

/// All notes as "path: text", those that lose convenience first; at most `notes_max`, then a line with the number left.
std::vector<std::string> NoteLines(const format::json::InferenceReport& report, size_t notes_max,
                                   const std::string& table = {});

/// What a run tells of its choices, each line with its cure: those of `NoteText` that cost something (a second type, no
/// column, JSON text, another name), keys without a column in one line, and what the counters say. At most
/// `kRunNotesMax` lines of choices.
inline constexpr size_t kRunNotesMax = 20;
std::vector<std::string> RunNotes(const format::json::InferenceReport& report,
                                  const format::json::RowCounters& counters, const std::string& table = {});

/// What a run tells of requests without rows and of rows that were left out.
std::vector<std::string> ReadNotes(const source::ReadStats& stats);

/// Adds a line for each sibling column that no line names yet.
void AddSiblingNotes(const schema::Schema& schema, const std::string& table, std::vector<std::string>* lines);

/// What the columns of a table say of choices made when they came to be: second types, JSON text, other names.
std::vector<std::string> SchemaNotes(const schema::Schema& schema, const std::string& table = {});

}  // namespace firn::pipeline
