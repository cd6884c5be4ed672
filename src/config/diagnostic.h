#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "config/span.h"

namespace firn::config {

enum class Severity { kError, kWarning };

struct DiagnosticNote {
  std::string message;
  Span span;  // may be nowhere
};

/// One finding about the configuration. No field ever holds a secret or an interpolated value.
struct Diagnostic {
  std::string code;  // "E0201", listed in explain.h
  Severity severity = Severity::kError;
  std::string message;  // what is wrong, one line
  Span span;            // what to change
  std::string label;    // shown after the caret, may be empty
  std::vector<DiagnosticNote> notes;
  std::string help;  // what to write instead, may be empty
};

/// Collects findings so that one run names all of them. Not thread-safe.
class Diagnostics {
 public:
  static constexpr size_t kShownMax = 20;
  static constexpr size_t kKeptMax = 1'000;

  /// Adds an error and returns it for adding notes and help; valid until the next Add.
  Diagnostic& AddError(std::string_view code, const Span& span, std::string message);
  Diagnostic& AddWarning(std::string_view code, const Span& span, std::string message);

  bool has_errors() const { return num_errors_ > 0; }
  size_t num_errors() const { return num_errors_; }
  size_t num_warnings() const { return num_warnings_; }
  /// Returns the findings by file, position, then severity; those past kKeptMax are only counted.
  std::vector<Diagnostic> Sorted() const;
  /// Returns OK, or one kConfig error with code, place and message of the first finding and the count of the others.
  Status ToStatus() const;

 private:
  Diagnostic& Add(Severity severity, std::string_view code, const Span& span, std::string message);

  std::vector<Diagnostic> kept_;
  Diagnostic dropped_;
  size_t num_errors_ = 0;
  size_t num_warnings_ = 0;
};

enum class DiagnosticFormat { kText, kJson, kGithub, kSarif };

struct RenderOptions {
  DiagnosticFormat format = DiagnosticFormat::kText;
  bool color = false;
};

/// Returns the findings as text for stderr (like rustc's: place, excerpt, caret, help; at most kShownMax; of more
/// than a screen of them the first error is repeated as the last line) or as one document of the other formats (all
/// findings). Ends with a newline unless empty. Values of secret-looking keys in excerpts, and every registered secret,
/// are masked. Formats: SARIF 2.1.0; GitHub "workflow commands" (::error file=…).
std::string Render(const Diagnostics& diagnostics, const RenderOptions& options = {});

/// Parses "text", "json", "github" or "sarif". Errors: kConfig.
Result<DiagnosticFormat> ParseDiagnosticFormat(std::string_view name);

}  // namespace firn::config
