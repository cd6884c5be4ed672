#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/redactor.h"
#include "config/diagnostic.h"
#include "config/explain.h"
#include "config/secret_names.h"
#include "config/text_position.h"

namespace firn::config {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kExcerptCodePointsMax = 160;
constexpr size_t kOneScreen = 5;  // findings that a person sees at once

struct Palette {
  std::string_view error, warning, blue, bold, reset;
};
constexpr Palette kPlain = {"", "", "", "", ""};
constexpr Palette kColors = {"\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"};

std::string_view NameOf(Severity severity) {
  return severity == Severity::kError ? "error" : "warning";
}

std::string Clean(const std::string& text) {
  return ProcessRedactor().Redact(text);
}

/// Returns the bytes of the first `count` code points, broken bytes counting as one each.
size_t BytesOf(std::string_view text, size_t count) {
  size_t at = 0;
  for (; count > 0 && at < text.size(); --count) at += std::max<size_t>(CodePointBytes(text.substr(at)), 1);
  return at;
}

/// One column per code point: what would move or break the terminal shows as '?'.
std::string Printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = CodePointBytes(text);
    const auto first = static_cast<unsigned char>(text[0]);
    if (first == '\t') {
      out += ' ';
    } else if (length == 0 || first < 0x20 || first == 0x7F) {
      out += '?';
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

/// The line under a finding: what to show of it and where the caret goes, in code points.
struct Excerpt {
  std::string text;
  size_t caret = 0;
  size_t num_carets = 1;
};

Excerpt ExcerptOf(const Span& span) {
  std::string line = MaskLine(LineOf(*span.file, span.line));
  line = Printable(line);
  const size_t length = NumCodePoints(line);
  Excerpt excerpt{.caret = std::min<size_t>(span.column - 1, length)};
  const size_t end = span.end_line == span.line ? std::min<size_t>(span.end_column - 1, length) : length;
  excerpt.num_carets = end > excerpt.caret ? end - excerpt.caret : 1;
  size_t skipped = 0;
  if (length > kExcerptCodePointsMax && excerpt.caret > kExcerptCodePointsMax / 2) {
    skipped = excerpt.caret - kExcerptCodePointsMax / 2;
  }
  std::string_view rest = std::string_view(line).substr(BytesOf(line, skipped));
  excerpt.text = rest.substr(0, BytesOf(rest, kExcerptCodePointsMax));
  excerpt.caret -= skipped;
  excerpt.num_carets =
      std::min(excerpt.num_carets, kExcerptCodePointsMax - std::min(excerpt.caret, kExcerptCodePointsMax - 1));
  return excerpt;
}

void AppendExcerpt(const Diagnostic& diagnostic, const Palette& color, const std::string& gutter, std::string* out) {
  const Excerpt excerpt = ExcerptOf(diagnostic.span);
  const std::string number = std::to_string(diagnostic.span.line);
  const std::string_view tint = diagnostic.severity == Severity::kError ? color.error : color.warning;
  const auto bar = [&](std::string_view left) {
    return std::string(color.blue) + std::string(left) + " |" + std::string(color.reset);
  };
  *out += bar(gutter) + "\n";
  *out += bar(std::string(gutter.size() - number.size(), ' ') + number) + " " + excerpt.text + "\n";
  *out += bar(gutter) + " " + std::string(excerpt.caret, ' ');
  out->append(tint).append(excerpt.num_carets, '^');
  if (!diagnostic.label.empty()) *out += " " + Clean(diagnostic.label);
  out->append(color.reset) += "\n";
}

void AppendText(const Diagnostic& diagnostic, const Palette& color, std::string* out) {
  const std::string_view tint = diagnostic.severity == Severity::kError ? color.error : color.warning;
  out->append(tint).append(NameOf(diagnostic.severity)) += "[" + diagnostic.code + "]";
  out->append(color.reset).append(color.bold) += ": " + Clean(diagnostic.message);
  out->append(color.reset) += "\n";
  const bool has_line = diagnostic.span && diagnostic.span.file->is_file && !diagnostic.span.file->text.empty();
  const std::string gutter(has_line ? std::to_string(diagnostic.span.line).size() : 1, ' ');
  const std::string blue(color.blue);
  const std::string reset(color.reset);
  if (diagnostic.span) *out += gutter + blue + "-->" + reset + " " + ToString(diagnostic.span) + "\n";
  if (has_line) AppendExcerpt(diagnostic, color, gutter, out);
  for (const DiagnosticNote& note : diagnostic.notes) {
    *out += gutter + blue + " =" + reset + " note: " + Clean(note.message);
    if (note.span) *out += ": " + ToString(note.span);
    *out += "\n";
  }
  if (!diagnostic.help.empty()) *out += gutter + blue + " =" + reset + " help: " + Clean(diagnostic.help) + "\n";
  *out += "\n";
}

std::string Counted(size_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string RenderText(const Diagnostics& diagnostics, bool color) {
  const std::vector<Diagnostic> sorted = diagnostics.Sorted();
  if (sorted.empty()) return "";
  const size_t num_all = diagnostics.num_errors() + diagnostics.num_warnings();
  std::string out;
  for (size_t i = 0; i < std::min(sorted.size(), Diagnostics::kShownMax); ++i) {
    AppendText(sorted[i], color ? kColors : kPlain, &out);
  }
  if (num_all > Diagnostics::kShownMax) {
    out += Counted(num_all - Diagnostics::kShownMax, "more finding") + " not shown (--diagnostics json has all)\n";
  }
  out += Counted(diagnostics.num_errors(), "error") + ", " + Counted(diagnostics.num_warnings(), "warning");
  const auto first =
      std::find_if(sorted.begin(), sorted.end(), [](const auto& d) { return d.severity == Severity::kError; });
  const Diagnostic& repeated = first == sorted.end() ? sorted.front() : *first;
  out += "; `firn explain " + repeated.code + "` says more\n";
  if (sorted.size() <= kOneScreen) return out;
  out += std::string(NameOf(repeated.severity)) + "[" + repeated.code + "]: " + Clean(repeated.message);
  if (repeated.span) out += " (" + ToString(repeated.span) + ")";
  return out + "\n";
}

Json SpanJson(const Span& span) {
  if (!span) return nullptr;
  return {{"file", span.file->name},
          {"line", span.line},
          {"column", span.column},
          {"end_line", span.end_line},
          {"end_column", span.end_column}};
}

std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string RenderJson(const Diagnostics& diagnostics) {
  Json findings = Json::array();
  for (const Diagnostic& d : diagnostics.Sorted()) {
    Json notes = Json::array();
    for (const auto& note : d.notes) notes.push_back({{"message", Clean(note.message)}, {"span", SpanJson(note.span)}});
    findings.push_back({{"code", d.code},
                        {"severity", NameOf(d.severity)},
                        {"message", Clean(d.message)},
                        {"span", SpanJson(d.span)},
                        {"label", Clean(d.label)},
                        {"notes", notes},
                        {"help", Clean(d.help)}});
  }
  return Dump({{"version", 1},
               {"errors", diagnostics.num_errors()},
               {"warnings", diagnostics.num_warnings()},
               {"diagnostics", findings}});
}

// Format: GitHub Actions, "Workflow commands", section "Setting an error message"; data and property escapes differ.
std::string GithubEscaped(std::string_view text, bool property) {
  std::string out;
  for (const char c : text) {
    if (c == '%')
      out += "%25";
    else if (c == '\r')
      out += "%0D";
    else if (c == '\n')
      out += "%0A";
    else if (property && c == ':')
      out += "%3A";
    else if (property && c == ',')
      out += "%2C";
    else
      out += c;
  }
  return out;
}

std::string RenderGithub(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& d : diagnostics.Sorted()) {
    out += "::" + std::string(NameOf(d.severity)) + " ";
    if (d.span) {
      out += "file=" + GithubEscaped(d.span.file->name, true) + ",line=" + std::to_string(d.span.line) +
             ",col=" + std::to_string(d.span.column) + ",endLine=" + std::to_string(d.span.end_line) +
             ",endColumn=" + std::to_string(d.span.end_column) + ",";
    }
    std::string text = Clean(d.message);
    if (!d.help.empty()) text += "\nhelp: " + Clean(d.help);
    out += "title=" + d.code + "::" + GithubEscaped(text, false) + "\n";
  }
  return out;
}

Json SarifResult(const Diagnostic& d) {
  Json result = {{"ruleId", d.code}, {"level", NameOf(d.severity)}};
  result["message"]["text"] = Clean(d.help.empty() ? d.message : d.message + "; " + d.help);
  if (!d.span) return result;
  Json place;
  place["physicalLocation"]["artifactLocation"]["uri"] = d.span.file->name;
  place["physicalLocation"]["region"] = {{"startLine", std::max(d.span.line, 1U)},
                                         {"startColumn", std::max(d.span.column, 1U)},
                                         {"endLine", std::max(d.span.end_line, 1U)},
                                         {"endColumn", std::max(d.span.end_column, 1U)}};
  result["locations"] = Json::array({place});
  return result;
}

// Format: OASIS SARIF 2.1.0, sections 3.13 (log), 3.14 (run), 3.27 (result).
std::string RenderSarif(const Diagnostics& diagnostics) {
  Json results = Json::array();
  for (const Diagnostic& d : diagnostics.Sorted()) results.push_back(SarifResult(d));
  Json rules = Json::array();
  for (const Explanation& rule : Explanations()) {
    rules.push_back({{"id", rule.code}, {"shortDescription", {{"text", rule.title}}}});
  }
  Json run;
  run["tool"]["driver"] = {{"name", "firn"}, {"version", FIRN_VERSION}, {"rules", rules}};
  run["columnKind"] = "unicodeCodePoints";
  run["results"] = results;
  return Dump({{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
               {"version", "2.1.0"},
               {"runs", Json::array({run})}});
}

}  // namespace

std::string Render(const Diagnostics& diagnostics, const RenderOptions& options) {
  switch (options.format) {
    case DiagnosticFormat::kText:
      return RenderText(diagnostics, options.color);
    case DiagnosticFormat::kJson:
      return RenderJson(diagnostics);
    case DiagnosticFormat::kGithub:
      return RenderGithub(diagnostics);
    case DiagnosticFormat::kSarif:
      return RenderSarif(diagnostics);
  }
  return "";
}

}  // namespace firn::config
