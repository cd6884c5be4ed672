#include <cstddef>
#include <cstdint>
#include <string>

#include "config/project.h"

/// Any bytes as a project: parsed, checked, rendered in all forms and, if it loads, shown.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace firn::config;
  LoadOptions options;
  options.config = "-";
  options.working_folder = "/nonexistent";
  options.stdin_text.assign(reinterpret_cast<const char*>(data), size);
  options.env = {{"SET", "value"}, {"EMPTY", ""}};
  Diagnostics diagnostics;
  const auto project = LoadProject(options, &diagnostics);
  if (project.ok() == diagnostics.has_errors()) __builtin_trap();
  for (const auto format :
       {DiagnosticFormat::kText, DiagnosticFormat::kJson, DiagnosticFormat::kGithub, DiagnosticFormat::kSarif}) {
    Render(diagnostics, {.format = format});
  }
  if (project.ok()) ShowConfig(*project, {.resolved = true, .why = true});
  return 0;
}
