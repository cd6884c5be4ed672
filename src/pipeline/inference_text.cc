#include "pipeline/inference_text.h"

#include <algorithm>

namespace firn::pipeline {
namespace {

using format::json::InferenceNote;
using Kind = InferenceNote::Kind;

std::string Declare(const InferenceNote& note, const std::string& type) {
  return "columns: {" + note.path + ": {type: " + type + "}}";
}

// Those a person should look at come first.
int Weight(Kind kind) {
  if (kind == Kind::kSibling || kind == Kind::kJsonOverflow) return 0;
  if (kind == Kind::kTimeFromString || kind == Kind::kEmptyObject) return 2;
  return 1;
}

}  // namespace

std::string NoteText(const InferenceNote& note) {
  const std::string detail = note.detail.empty() ? "" : " (" + note.detail + ")";
  switch (note.kind) {
    case Kind::kSibling:
      return "has values of another type, kept in column " + note.column + detail +
             "; to have one column: " + Declare(note, "string");
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

std::vector<std::string> NoteLines(const format::json::InferenceReport& report, size_t notes_max) {
  std::vector<const InferenceNote*> notes;
  for (const auto& note : report.notes) notes.push_back(&note);
  std::stable_sort(notes.begin(), notes.end(),
                   [](const auto* a, const auto* b) { return Weight(a->kind) < Weight(b->kind); });
  std::vector<std::string> lines;
  for (size_t i = 0; i < std::min(notes.size(), notes_max); ++i) {
    lines.push_back((notes[i]->path.empty() ? notes[i]->column : notes[i]->path) + ": " + NoteText(*notes[i]));
  }
  if (notes.size() > notes_max) lines.push_back(std::to_string(notes.size() - notes_max) + " more");
  return lines;
}

}  // namespace firn::pipeline
