#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/yaml_tree.h"

namespace firn::connector::foreign {

/// Finds the lines of places in a YAML or JSON file.
class SourceLines {
 public:
  /// A text that cannot be read has no lines.
  SourceLines(const std::string& text, const std::string& name);

  /// Returns the line of "streams[3].retriever.requester", or of what encloses it as far as the file has it; it goes
  /// through `$ref: "#/a/b"` and texts "#/a/b". 0: not known.
  uint32_t LineOf(const std::string& place) const;

 private:
  const config::Node* Through(const config::Node* node) const;
  std::optional<config::Node> root_;
};

}  // namespace firn::connector::foreign
