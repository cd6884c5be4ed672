#include "config/diagnostic.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/redactor.h"

namespace firn::config {

Diagnostic& Diagnostics::Add(Severity severity, std::string_view code, const Span& span, std::string message) {
  ++(severity == Severity::kError ? num_errors_ : num_warnings_);
  Diagnostic fresh{.code = std::string(code), .severity = severity, .message = std::move(message), .span = span};
  if (kept_.size() < kKeptMax) return kept_.emplace_back(std::move(fresh));
  dropped_ = std::move(fresh);
  return dropped_;
}

Diagnostic& Diagnostics::AddError(std::string_view code, const Span& span, std::string message) {
  return Add(Severity::kError, code, span, std::move(message));
}

Diagnostic& Diagnostics::AddWarning(std::string_view code, const Span& span, std::string message) {
  return Add(Severity::kWarning, code, span, std::move(message));
}

std::vector<Diagnostic> Diagnostics::Sorted() const {
  std::vector<Diagnostic> sorted = kept_;
  const auto key = [](const Diagnostic& d) {
    return std::tuple(d.span.file == nullptr ? std::string_view() : std::string_view(d.span.file->name), d.span.line,
                      d.span.column, d.severity);
  };
  std::stable_sort(sorted.begin(), sorted.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  return sorted;
}

Status Diagnostics::ToStatus() const {
  if (!has_errors()) return Status::OK();
  const std::vector<Diagnostic> sorted = Sorted();
  const auto first =
      std::find_if(sorted.begin(), sorted.end(), [](const Diagnostic& d) { return d.severity == Severity::kError; });
  std::string message = ProcessRedactor().Redact(first->message);
  if (num_errors_ > 1) message += " (and " + std::to_string(num_errors_ - 1) + " more)";
  ErrorContext context{.code = first->code,
                       .where = ToString(first->span),
                       .state = "nothing was read or written",
                       .next = "firn validate"};
  return MakeError(Fault::kConfig, std::move(message), std::move(context));
}

Result<DiagnosticFormat> ParseDiagnosticFormat(std::string_view name) {
  if (name == "text") return DiagnosticFormat::kText;
  if (name == "json") return DiagnosticFormat::kJson;
  if (name == "github") return DiagnosticFormat::kGithub;
  if (name == "sarif") return DiagnosticFormat::kSarif;
  return MakeError(Fault::kConfig, "unknown diagnostics format, expected text, json, github or sarif");
}

}  // namespace firn::config
