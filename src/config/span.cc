#include "config/span.h"

namespace firn::config {

std::string ToString(const Span& span) {
  if (!span) return "";
  if (!span.file->is_file) return span.file->name;
  return span.file->name + ":" + std::to_string(span.line) + ":" + std::to_string(span.column);
}

}  // namespace firn::config
