#pragma once

#include <string>

#include "config/descriptor.h"
#include "config/yaml_tree.h"

namespace firn::config {

/// Lays connector files below the pipelines of `type: connector`, before the tree is checked. Such a source becomes the
/// one of the file, with its settings put in; a pipeline without `tables` gets all of the file's, else those that it
/// names. What the pipeline writes wins, field by field; null takes a field away. A pipeline whose connector cannot be
/// used is taken out of the tree, so that one mistake is told once.
/// `folder`: of the project. Errors: E0510 for a file that cannot be had, E0511 and E0512 for what is wrong in it,
/// E0513 for a table that it does not have; settings are judged like the fields of any mapping.
void AddConnectorLayers(Node* root, const std::string& folder, Checker* checker, Diagnostics* diagnostics);

}  // namespace firn::config
