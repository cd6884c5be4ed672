#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "config/project.h"
#include "config/yaml_tree.h"

/// From files, environment, variables and flags to one tree.
namespace firn::config {

/// The merged and resolved tree of a project, not yet checked against the declarations.
struct LayeredTree {
  Node root;                       // a mapping
  std::string folder;              // absolute
  std::vector<std::string> files;  // as shown; empty: no project
  std::string environment;
  Span environment_span;  // of the chosen entry of environments:
};

/// Finds the project, reads its files, merges the layers (flag > variable > environment > project) and resolves `${…}`.
/// Errors go to `diagnostics`; nullopt if there is no tree to go on with.
std::optional<LayeredTree> BuildLayers(const LoadOptions& options, Diagnostics* diagnostics);

/// Lays `over` on `base`: mappings are joined, null removes, anything else wins and keeps what it won over.
void Overlay(Node* base, const Node& over, const std::string& origin);

}  // namespace firn::config
