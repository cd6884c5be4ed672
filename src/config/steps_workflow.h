#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/descriptor.h"
#include "config/yaml_tree.h"

/// Workflow files: the steps of `type: steps`.
namespace firn::config {

struct EmittedTable {
  std::string name;
  std::vector<std::string> key;  // fields of its rows; empty: none
  Span place;
};

/// A workflow file whose fields are as declared; connector/steps makes a plan of it.
struct Workflow {
  std::string name;  // "" if it says none
  Node root;
  ObjectType inputs;  // what a pipeline may write as `inputs:`
  std::vector<EmittedTable> tables;
};

/// Reads and checks the file at `path`, relative to `folder`; null after errors. Errors: kConfig if it cannot
/// be read at all; those of any file, and E0531, go to `diagnostics` and point into the file.
Result<std::shared_ptr<const Workflow>> ReadWorkflow(const std::string& path, const std::string& folder,
                                                     Diagnostics* diagnostics);

/// Completes the pipelines of `type: steps` in a project's tree before it is checked: a pipeline without `tables` gets
/// one per table that its workflow emits, a table without `primary_key` the emitted key. What is written wins. A
/// pipeline whose workflow cannot be used is taken out of the tree, so that one mistake is told once. Errors: E0530 for
/// a file that cannot be had, E0531 for what is wrong in it, E0532 for a table that it does not emit; inputs are judged
/// like the fields of any mapping.
void AddEmittedTables(Node* root, const std::string& folder, Checker* checker, Diagnostics* diagnostics);

}  // namespace firn::config
