#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expression/jinja/lexer.h"
#include "expression/jinja/program.h"
#include "expression/node.h"

/// The half of Jinja's parser that reads expressions. Private to this folder.
namespace firn::expression::jinja {

inline constexpr int kTreeDepthMax = 300;

class ExpressionParser {
 protected:
  ExpressionParser(Program* program, std::vector<Token> tokens) : program_(program), tokens_(std::move(tokens)) {}

  using Names = std::vector<std::string_view>;

  const Token& Now() const { return tokens_[at_]; }
  const Token& Next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  bool IsOperator(std::string_view text) const { return Now().kind == Token::Kind::kOperator && Now().text == text; }
  bool IsName(std::string_view text) const { return Now().kind == Token::Kind::kName && Now().text == text; }
  bool TakeOperator(std::string_view text) {
    if (!IsOperator(text)) return false;
    ++at_;
    return true;
  }
  bool TakeName(std::string_view text) {
    if (!IsName(text)) return false;
    ++at_;
    return true;
  }

  static std::string Described(const Token& token) {
    switch (token.kind) {
      case Token::Kind::kName:
      case Token::Kind::kOperator:
        return "'" + std::string(token.text) + "'";
      case Token::Kind::kVariableEnd:
        return "'}}'";
      case Token::Kind::kBlockEnd:
        return "'%}'";
      case Token::Kind::kEnd:
        return "the end";
      default:
        return "this";
    }
  }

  Status Wanted(std::string_view what) const {
    return ErrorAt(Now().range, std::string(what) + " is wanted here, not " + Described(Now()));
  }
  Status Expect(std::string_view text) {
    return TakeOperator(text) ? Status::OK() : Wanted("'" + std::string(text) + "'");
  }
  Status ExpectKind(Token::Kind kind, std::string_view shown) {
    if (Now().kind != kind) return Wanted(shown);
    ++at_;
    return Status::OK();
  }

  Result<NodeIndex> Add(Node node, size_t begin) {
    node.range = {begin, std::max(begin, at_ > 0 ? tokens_[at_ - 1].range.end : begin)};
    int depth = 0;
    const auto deepest = [&](const std::vector<NodeIndex>& children) {
      for (const NodeIndex child : children) {
        if (child != kNone) depth = std::max<int>(depth, program_->At(child).depth);
      }
    };
    deepest(node.children);
    deepest(node.body);
    deepest(node.otherwise);
    for (const auto& [name, child] : node.named) depth = std::max<int>(depth, program_->At(child).depth);
    if (depth >= kTreeDepthMax) return ErrorAt(node.range, "the expression is nested too deeply");
    node.depth = static_cast<int16_t>(depth + 1);
    const auto constant = [&](NodeIndex child) { return child == kNone || program_->At(child).constant; };
    node.constant = node.kind <= Node::Kind::kMap && node.kind != Node::Kind::kName && node.kind != Node::Kind::kCall &&
                    std::all_of(node.children.begin(), node.children.end(), constant);
    program_->nodes.push_back(std::move(node));
    return static_cast<NodeIndex>(program_->nodes.size() - 1);
  }

  // Counts nesting of the source, which the parser follows by recursion.
  struct Deeper {
    explicit Deeper(int* depth) : depth_(depth) { ++*depth_; }
    ~Deeper() { --*depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    int* depth_;
  };
  Status CheckDepth() const {
    if (depth_ <= program_->limits.depth) return Status::OK();
    return ErrorAt(Now().range, "the expression is nested too deeply");
  }

  // Expressions, from weak to strong. `Tuple` reads what stands between tags.
  Result<NodeIndex> Tuple(bool conditional, const Names& ends, bool parentheses);
  Result<NodeIndex> Expression();
  Result<NodeIndex> Or();
  Result<NodeIndex> And();
  Result<NodeIndex> Not();
  std::optional<Op> TakeComparison();
  Result<NodeIndex> Compare();
  Result<NodeIndex> Sum();
  Result<NodeIndex> Concat();
  Result<NodeIndex> Product();
  Result<NodeIndex> Power();
  Result<NodeIndex> Unary(bool filters);
  Result<NodeIndex> Primary();
  Result<NodeIndex> NameOrConstant(std::string_view name, size_t begin);
  Result<NodeIndex> ListNode(size_t begin);
  Result<NodeIndex> MapNode(size_t begin);
  Result<NodeIndex> Postfix(NodeIndex node, size_t begin);
  Result<NodeIndex> Attribute(NodeIndex node, size_t begin);
  Result<NodeIndex> Subscript(NodeIndex node, size_t begin);
  Result<NodeIndex> IndexOrSlice();
  Status Arguments(Node* node);
  Result<NodeIndex> Filters(NodeIndex node, size_t begin);
  Result<std::string> DottedName(Range* range);
  Result<NodeIndex> FilterNode(NodeIndex value, size_t begin);
  Result<NodeIndex> TestNode(NodeIndex value, size_t begin);
  bool StartsArgument() const;

  Program* program_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace firn::expression::jinja
