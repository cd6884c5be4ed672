#pragma once

#include <string_view>
#include <vector>

#include "expression/javascript/lexer.h"
#include "expression/javascript/program.h"

/// Recursive descent over the tokens. Private to this folder.
namespace firn::expression::javascript {

class Parser {
 public:
  Parser(std::vector<Token> tokens, const Limits& limits, Program* program)
      : tokens_(std::move(tokens)), limits_(limits), program_(*program) {}

  /// Parses one expression up to the end. Errors: E0620, E0621, E0624 with the range.
  Result<const Node*> Run();

 private:
  class Nesting;

  const Token& Now() const { return tokens_[at_]; }
  bool Is(std::string_view text) const;
  bool IsWord(std::string_view text) const;
  bool Take(std::string_view text);
  bool TakeWord(std::string_view text);
  Status Expect(std::string_view text);
  Status Unexpected() const;
  Node* Make(Node::Kind kind, size_t begin);
  Node* Wrap(Node::Kind kind, size_t begin, std::vector<const Node*> children);
  Status RefuseAssignment() const;

  Result<const Node*> Assignment();
  Result<const Node*> Conditional();
  Result<const Node*> Binary(int precedence);
  Result<const Node*> Unary();
  Result<const Node*> Postfix();
  Result<const Node*> Suffix(const Node* base, bool* more, bool* chain);
  Result<const Node*> Primary();
  Result<const Node*> NameOrLiteral();
  Result<const Node*> New();
  Result<const Node*> TemplateString();
  Result<const Node*> RegexLiteral();
  Result<const Node*> ArrayLiteral();
  Result<const Node*> ObjectLiteral();
  Result<const Node*> Property();
  /// A key of an object or object pattern, into the node: key, or its first child when it is computed.
  Status PropertyKey(Node* property);
  Result<std::vector<const Node*>> Items(std::string_view close);

  // arrow_parser.cc
  bool AtArrow() const;
  Result<const Node*> Arrow();
  Result<const Node*> Pattern();
  Result<const Node*> PatternWithDefault();
  Result<const Node*> ArrayPattern();
  Result<const Node*> ObjectPattern();
  Result<const Node*> BindingName();
  Result<const Node*> Block();
  Status Statement(Node* block);
  Status Declaration(Node* block);
  Result<const Node*> If();

  std::vector<Token> tokens_;
  const Limits& limits_;
  Program& program_;
  size_t at_ = 0;
  int32_t depth_ = 0;
};

/// Counts nesting for the life of a call.
class Parser::Nesting {
 public:
  explicit Nesting(Parser* parser) : parser_(*parser) { ++parser_.depth_; }
  ~Nesting() { --parser_.depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  Status Check() const;

 private:
  Parser& parser_;
};

bool IsReserved(std::string_view word);

}  // namespace firn::expression::javascript
