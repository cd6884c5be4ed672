#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "expression/value.h"

/// Templates `text {{ expression }} text` and the pure expressions inside them: a small core of Jinja. No host access,
/// no loops; fuel, depth and output are bounded.
namespace firn::expression {

/// Bytes [begin, end) of the source text.
struct Range {
  size_t begin = 0;
  size_t end = 0;
};

/// Where an expression error lies: a parse or evaluation error carries it in ErrorContext::where as "bytes b-e";
/// RangeOf reads it back so that configuration diagnostics can point into their file.
Range RangeOf(const Status& status);

/// What an expression can see.
struct Scope {
  std::vector<std::pair<std::string_view, Value>> names;  // few; searched in order
  const Clock* clock = nullptr;                           // for now_utc(), today_utc(); null makes them an error
  const Value* Find(std::string_view name) const;
};

struct Limits {
  int64_t fuel = 100'000;          // nodes evaluated and bytes produced / 16
  int32_t depth = 64;              // nesting of the source text and of the evaluation
  int64_t output_bytes = 1 << 20;  // of any one string and of the rendered text
};

struct Node;  // expression/node.h

/// A parsed template. Immutable, thread-safe.
class Template {
 public:
  /// Parses `source`. A text without "{{" is a literal. Errors: kConfig with the range of the mistake.
  static Result<Template> Parse(std::string_view source, Limits limits = {});
  /// Parses `source` as one bare expression, with or without the surrounding braces.
  static Result<Template> ParseExpression(std::string_view source, Limits limits = {});

  /// Returns the value of the expression if the template is exactly one expression, else the rendered text as a string.
  /// Errors: kConfig for unknown names (with range) and kinds that do not fit; kBadData never.
  Result<Value> Evaluate(const Scope& scope) const;
  /// Returns the text. A null expression among text is an error, because "/orders//items" is never meant.
  Result<std::string> Render(const Scope& scope) const;

  /// As Render, each value passed through `encode` and the text between kept. A template that is exactly one expression
  /// is passed through unencoded when its value is a URL or a path with a leading '/' of its own.
  using Encode = std::function<Result<std::string>(const std::string&)>;
  Result<std::string> RenderEncoded(const Scope& scope, const Encode& encode) const;

  bool is_literal() const;
  const std::string& source() const { return source_; }
  /// Top-level names used ("parent", "partition"); each once, sorted.
  std::vector<std::string> Names() const;
  /// Dotted paths used below `name`: "parent.id" and "parent['id']" give {"id"}; each once, sorted. A bare use of the
  /// name gives "".
  std::vector<std::string> PathsBelow(std::string_view name) const;

 private:
  struct Part {
    std::string text;  // literal, if node is null
    std::shared_ptr<const Node> node;
    Range range;
  };
  std::string source_;
  std::vector<Part> parts_;
  Limits limits_;
};

}  // namespace firn::expression
