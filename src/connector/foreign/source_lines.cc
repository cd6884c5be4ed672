#include "connector/foreign/source_lines.h"

#include <algorithm>
#include <cctype>
#include <memory>

namespace firn::connector::foreign {
namespace {

constexpr int kReferencesMax = 16;

std::string NextStep(const std::string& place, size_t* at) {
  const size_t end = std::min(place.find_first_of(".[]/", *at), place.size());
  std::string step = place.substr(*at, end - *at);
  *at = end + 1;
  return step;
}

const config::Node* Below(const config::Node& node, const std::string& step) {
  if (node.kind == config::NodeKind::kMapping) return node.Find(step);
  const bool is_index = !step.empty() && step.size() < 9 &&
                        std::ranges::all_of(step, [](unsigned char c) { return std::isdigit(c) != 0; });
  if (node.kind != config::NodeKind::kSequence || !is_index) return nullptr;
  const size_t index = std::stoul(step);
  return index < node.items.size() ? &node.items[index] : nullptr;
}

}  // namespace

SourceLines::SourceLines(const std::string& text, const std::string& name) {
  config::Diagnostics diagnostics;
  root_ = config::ParseYaml(std::make_shared<const config::SourceFile>(config::SourceFile{.name = name, .text = text}),
                            &diagnostics);
}

const config::Node* SourceLines::Through(const config::Node* node) const {
  for (int i = 0; i < kReferencesMax && node != nullptr; ++i) {
    const config::Node* reference = node->kind == config::NodeKind::kMapping ? node->Find("$ref") : node;
    const bool is_reference =
        reference != nullptr && reference->kind == config::NodeKind::kScalar && reference->text.starts_with("#/");
    if (!is_reference) return node;
    const config::Node* target = &*root_;
    for (size_t at = 2; at <= reference->text.size() && target != nullptr;)
      target = Below(*target, NextStep(reference->text, &at));
    if (target == nullptr) return node;
    node = target;
  }
  return node;
}

uint32_t SourceLines::LineOf(const std::string& place) const {
  if (!root_) return 0;
  const config::Node* node = &*root_;
  uint32_t line = 0;
  for (size_t at = 0; at < place.size() && node != nullptr;) {
    const std::string step = NextStep(place, &at);
    if (step.empty()) continue;
    // What stands beside a `$ref` wins over what is named.
    const config::Node* below = Below(*node, step);
    if (below == nullptr) below = Below(*Through(node), step);
    if (below == nullptr) break;
    line = below->span.line;
    node = below;
  }
  return line;
}

}  // namespace firn::connector::foreign
