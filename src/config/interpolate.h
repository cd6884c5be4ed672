#pragma once

#include <map>
#include <memory>
#include <string>

#include "config/diagnostic.h"
#include "config/yaml_tree.h"

/// `${env:NAME}`, `${env:NAME:-default}` and `${file:path}` in values of a project, `${setting:NAME}` in those of a
/// connector file; `$$` is a literal `$`. Never in keys.
namespace firn::config {

struct VariableSource {
  std::map<std::string, std::string> env;      // of the process; wins over dot_env
  std::map<std::string, std::string> dot_env;  // of the .env file beside the project
  std::string folder;                          // ${file:…} is relative to it
  bool resolve = true;                         // false: what is unset stays unresolved instead of being an error
  const std::map<std::string, Node>* settings =
      nullptr;  // of a connector file, which takes nothing else; null: no such file
};

/// Replaces the references in every scalar of the tree. A plain scalar gets the type its new text looks like;
/// one that is nothing but a setting that is a list becomes that list.
void Interpolate(Node* root, const VariableSource& variables, Diagnostics* diagnostics);

/// Marks every scalar that holds a reference as unresolved, without looking at the variables.
void MarkUnresolved(Node* root);

/// The environment variables that the values of a tree are made of, with their values.
std::map<std::string, std::string> VariablesOf(const Node& root);

/// Parses a .env file: NAME=value lines, `export` allowed, '#' comments, single quotes literal, double quotes with
/// \n \t \" \\ \$. Errors say the line and never its text.
std::map<std::string, std::string> ParseDotEnv(const std::string& name, const std::string& text,
                                               Diagnostics* diagnostics);

}  // namespace firn::config
