#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"
#include "config/span.h"

/// Project files as a tree: YAML 1.2 (so JSON too), read from libyaml's events, every node with its place.
namespace firn::config {

enum class NodeKind { kScalar, kSequence, kMapping };

/// What a plain scalar is by the YAML 1.2.2 core schema (section 10.3.2): `no`, `off` and `012:30` are text, `1e3` a
/// float.
enum class ScalarKind { kNull, kBool, kInt, kFloat, kText };

struct Entry;

struct Node {
  NodeKind kind = NodeKind::kScalar;
  std::string text;           // kScalar
  bool quoted = false;        // kScalar: quoted, a block scalar or tagged !!str, so it is text whatever it looks like
  bool unresolved = false;    // kScalar: holds a ${…} that was left alone on purpose; its value is not judged
  bool interpolated = false;  // kScalar: holds the value of a ${…}; never shown
  std::string written;        // kScalar: its text with the ${…} as they stand in the file; empty if there are none
  std::vector<std::string> resolved;  // kScalar: the values its ${…} took from outside, defaults left out
  std::vector<std::pair<std::string, std::string>> variables;  // kScalar: of the environment, among them: name, value
  Span span;
  std::vector<Node> items;     // kSequence
  std::vector<Entry> entries;  // kMapping, in file order, keys unique
  std::string origin;          // layer that set it: "project", "environment dev", "variable FIRN__…", "--set"
  std::shared_ptr<const Node> overridden;  // the value it won over, if any

  /// Returns the value of a key, or null. Borrowed from the node.
  const Node* Find(std::string_view key) const;
  Node* Find(std::string_view key);
  const Entry* FindEntry(std::string_view key) const;
  bool is_null() const;
};

struct Entry {
  std::string key;
  Span key_span;
  Node value;
};

ScalarKind KindOf(const Node& scalar);
/// Returns "a mapping", "a list", "text", "an integer" …, for messages.
std::string_view Describe(const Node& node);

struct YamlLimits {
  int64_t document_bytes_max = 16 << 20;  // of the file, and of all text after alias expansion
  int64_t scalar_bytes_max = 1 << 20;
  int32_t depth_max = 64;
  int64_t nodes_max = 300'000;  // after alias expansion
  int64_t aliases_max = 1'000;
};

/// Parses one document. Returns nullopt after adding an error to `diagnostics`; an empty document is a null scalar.
/// Duplicate keys are all reported and the first value is kept. Never throws, never recurses deeper than depth_max.
/// Not supported, with an error saying so: several documents, tags but !!str, keys that are no scalars, merge keys
/// (<<).
std::optional<Node> ParseYaml(std::shared_ptr<const SourceFile> file, Diagnostics* diagnostics,
                              const YamlLimits& limits = {});

}  // namespace firn::config
