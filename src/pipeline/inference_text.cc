#include "pipeline/inference_text.h"

#include <algorithm>

#include "format/json/column_plan.h"

namespace firn::pipeline {
namespace {

using format::json::InferenceNote;
using Kind = InferenceNote::Kind;

std::string Declare(const InferenceNote& note, const std::string& type) {
  return "columns: {" + note.path + ": {type: " + type + "}}";
}

// Of values of another type, in a column beside it.
std::string CureOfSibling(const InferenceNote& note, const std::string& table) {
  const bool nested = note.column.find('.') != std::string::npos;
  if (table.empty()) return Declare(note, "string");
  if (nested) return Declare(note, "string") + " and firn run --full-refresh";
  return "firn table retype " + table + "." + note.column.substr(0, note.column.rfind("__")) + " string";
}

// Those a person should look at come first.
int Weight(Kind kind) {
  if (kind == Kind::kSibling || kind == Kind::kJsonOverflow) return 0;
  if (kind == Kind::kTimeFromString || kind == Kind::kEmptyObject) return 2;
  return 1;
}

// Those that cost nothing are shown by preview alone.
bool IsForRun(Kind kind) {
  return kind != Kind::kTimeFromString && kind != Kind::kEmptyObject && kind != Kind::kDecimal;
}

std::string Counted(int64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

// "12 keys hold nothing that tells a type …: a, b, c, …"
std::string DeferredText(const std::vector<std::string>& paths) {
  constexpr size_t kShown = 8;
  std::string text = Counted(static_cast<int64_t>(paths.size()), "key holds", "keys hold") +
                     " only null, [] or {} so far, so there is no column yet: ";
  for (size_t i = 0; i < std::min(paths.size(), kShown); ++i) text += (i > 0 ? ", " : "") + paths[i];
  return text + (paths.size() > kShown ? ", …" : "") + "; to have one now: columns: {" + paths.front() + ": {type: …}}";
}

void AddCounted(const format::json::RowCounters& counters, bool deferred_told, std::vector<std::string>* lines) {
  if (counters.duplicate_keys > 0) {
    lines->push_back(Counted(counters.duplicate_keys, "key", "keys") +
                     " came twice in one object; the last value was kept");
  }
  if (counters.discarded_values > 0) {
    lines->push_back(Counted(counters.discarded_values, "value that does not fit was", "values that do not fit were") +
                     " discarded, by schema_contract: discard_value");
  }
  if (counters.deferred_values > 0 && !deferred_told) {
    lines->push_back(Counted(counters.deferred_values, "value is [] or {}", "values are [] or {}") +
                     " of a content not seen yet, and null until one with content comes");
  }
}

void AddSchemaNotes(const std::vector<schema::Field>& fields, const std::string& prefix, const std::string& table,
                    std::vector<std::string>* lines) {
  for (const schema::Field& field : fields) {
    const std::string column = prefix + field.name;
    const format::json::FieldNote note = format::json::ParseNote(field.doc);
    const std::string path = prefix + note.key.value_or(field.name);
    if (note.sibling) {
      lines->push_back(path + ": " +
                       NoteText({.kind = Kind::kSibling, .path = path, .column = column, .detail = ""}, table));
    } else if (note.json) {
      lines->push_back(column + ": is one column of JSON text");
    } else if (note.json_elements) {
      lines->push_back(path + ": " + NoteText({.kind = Kind::kJsonMixed, .path = path, .column = "", .detail = ""}));
    } else if (note.key && *note.key != field.name) {
      lines->push_back((path.empty() ? "the key \"\"" : path) + ": " +
                       NoteText({.kind = Kind::kRenamed, .path = path, .column = column, .detail = ""}));
    }
    if (field.type->is_nested()) AddSchemaNotes(field.type->children, column + ".", table, lines);
  }
}

}  // namespace

std::string NoteText(const InferenceNote& note, const std::string& table) {
  const std::string detail = note.detail.empty() ? "" : " (" + note.detail + ")";
  switch (note.kind) {
    case Kind::kSibling:
      return "has values of another type, kept in column " + note.column + detail +
             "; to have one column: " + CureOfSibling(note, table);
    case Kind::kRenamed:
      return "cannot keep its name and is column " + note.column + detail;
    case Kind::kDeferred:
      return "has no value that tells its type, so there is no column yet" + detail +
             "; to have it now: " + Declare(note, "…");
    case Kind::kJsonOverflow:
      return "has too many columns and is one column of JSON text" + detail +
             "; to allow more: limits: {max_leaves: …}";
    case Kind::kJsonMap:
      return "is used as a map and is one column of JSON text" + detail + "; to have a map: " + Declare(note, "map");
    case Kind::kJsonMixed:
      return "is an array of several types and is a list of JSON text" + detail +
             "; to have one text: " + Declare(note, "json");
    case Kind::kJsonDeep:
      return "is nested deeper than 64 levels and is JSON text from there" + detail;
    case Kind::kEmptyObject:
      return "is sometimes {}, which column " + note.column + " tells from null" + detail;
    case Kind::kTimeFromString:
      return "is text that reads as a time in every row" + detail + "; to keep the text: " + Declare(note, "string");
    case Kind::kDecimal:
      return "has numbers that only a decimal holds exactly" + detail +
             "; to choose: " + Declare(note, "\"decimal(38, 0)\"");
  }
  return "";
}

std::vector<std::string> NoteLines(const format::json::InferenceReport& report, size_t notes_max,
                                   const std::string& table) {
  std::vector<const InferenceNote*> notes;
  for (const auto& note : report.notes) notes.push_back(&note);
  std::stable_sort(notes.begin(), notes.end(),
                   [](const auto* a, const auto* b) { return Weight(a->kind) < Weight(b->kind); });
  std::vector<std::string> lines;
  for (size_t i = 0; i < std::min(notes.size(), notes_max); ++i) {
    lines.push_back((notes[i]->path.empty() ? notes[i]->column : notes[i]->path) + ": " + NoteText(*notes[i], table));
  }
  if (notes.size() > notes_max) lines.push_back(std::to_string(notes.size() - notes_max) + " more");
  return lines;
}

std::vector<std::string> RunNotes(const format::json::InferenceReport& report,
                                  const format::json::RowCounters& counters, const std::string& table) {
  format::json::InferenceReport told;
  std::vector<std::string> deferred;
  for (const InferenceNote& note : report.notes) {
    if (note.kind == Kind::kDeferred) {
      deferred.push_back(note.path);
    } else if (IsForRun(note.kind)) {
      told.notes.push_back(note);
    }
  }
  std::vector<std::string> lines = NoteLines(told, kRunNotesMax, table);
  if (!deferred.empty()) lines.push_back(DeferredText(deferred));
  AddCounted(counters, !deferred.empty(), &lines);
  return lines;
}

std::vector<std::string> ReadNotes(const source::ReadStats& stats) {
  std::vector<std::string> lines;
  if (stats.num_empty > 0) {
    lines.push_back("requests whose answer means no rows: " + std::to_string(stats.num_empty) +
                    " (on_status, on_response; of a child 404 and 410 by default)");
  }
  if (stats.num_skipped > 0) {
    lines.push_back("read no further in this run, by a rule of `on_response` with `action: skip`: " +
                    std::to_string(stats.num_skipped) + "; positions stay, the next run asks again");
  }
  if (stats.num_older_rows > 0) {
    lines.push_back("rows before the saved position, which were not asked for, were left out as read before: " +
                    std::to_string(stats.num_older_rows) +
                    "; if they are new: incremental: {lookback: 1h}, or write_disposition: merge");
  }
  if (stats.num_later_rows > 0) {
    lines.push_back("rows at or after the upper bound (--to, lag) were left for a later run: " +
                    std::to_string(stats.num_later_rows));
  }
  lines.insert(lines.end(), stats.notes.begin(), stats.notes.end());
  return lines;
}

void AddSiblingNotes(const schema::Schema& schema, const std::string& table, std::vector<std::string>* lines) {
  for (const schema::Field& field : schema.fields) {
    const format::json::FieldNote note = format::json::ParseNote(field.doc);
    const auto names = [&](const std::string& line) { return line.find(field.name) != std::string::npos; };
    if (!note.sibling || std::ranges::any_of(*lines, names)) continue;
    const std::string path = note.key.value_or(field.name);
    lines->push_back(path + ": " +
                     NoteText({.kind = Kind::kSibling, .path = path, .column = field.name, .detail = ""}, table));
  }
}

std::vector<std::string> SchemaNotes(const schema::Schema& schema, const std::string& table) {
  std::vector<std::string> lines;
  AddSchemaNotes(schema.fields, "", table, &lines);
  return lines;
}

}  // namespace firn::pipeline
