#include "cli/error_text.h"

#include "base/redactor.h"

namespace firn::cli {
namespace {

void AddLine(std::string* text, const char* name, const std::string& value) {
  if (value.empty()) return;
  std::string indented;
  for (const char c : value) {
    indented += c;
    if (c == '\n') indented += "           ";
  }
  *text += std::string("  ") + name + std::string(7 - std::string(name).size(), ' ') + indented + "\n";
}

}  // namespace

std::string ErrorText(const Status& error) {
  const ErrorContext* context = ContextOf(error);
  std::string text = "error";
  if (context != nullptr && !context->code.empty()) text += "[" + context->code + "]";
  text += ": " + error.message() + "\n";
  if (context != nullptr) {
    AddLine(&text, "where", context->where);
    AddLine(&text, "why", context->why);
    AddLine(&text, "state", context->state);
    AddLine(&text, "next", context->next);
  }
  return ProcessRedactor().Redact(text);
}

}  // namespace firn::cli
