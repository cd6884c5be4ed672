#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connector/foreign/draft.h"
#include "expression/jinja/program.h"

namespace firn::connector::foreign {

/// A value below a name: `response['a'].get('b', 'c')` is {"response", {"a", "b"}, "c"}.
struct NamePath {
  std::string root;
  std::vector<std::string> steps;
  std::optional<std::string> otherwise;  // the text that stands for it where it is missing
  friend bool operator==(const NamePath&, const NamePath&) = default;
};

/// Returns the steps as a native path. Errors: kConfig for a step that a dotted path cannot name.
Result<std::string> DottedPath(const std::vector<std::string>& steps);

/// Returns the path as a native expression: "parent.id", "response['@odata.count']". Errors: kConfig for quotes in a
/// step.
Result<std::string> AccessText(const std::string& root, const std::vector<std::string>& steps);

/// A Jinja template of Airbyte's, and what of it the native format can say. Everything else is an error whose message
/// is the reason. Format: docs.airbyte.com, "Low-code connector development", "String interpolation".
class JinjaText {
 public:
  /// Errors: kConfig for text that is no template.
  static Result<JinjaText> Parse(std::string_view source);

  /// How a path is said natively: "${setting:token}" for settings, "parent.id" inside of {{ }}. Errors: the reason why
  /// it cannot be.
  struct Said {
    std::string text;
    bool is_setting = false;  // a place-holder, outside of {{ }}
  };
  using Names = std::function<Result<Said>(const NamePath& path)>;

  bool is_constant() const;
  /// The path, if the template is one expression that is nothing else. An empty default, `.get(…, {})`, is looked
  /// through: a missing value is no value all the same.
  std::optional<NamePath> Path() const;
  /// True if the one expression says that there is nothing at `path`: `not X`, `X is none`, `'x' not in Y`.
  bool IsAbsenceOf(const NamePath& path) const;
  /// What `now_utc()`, `today_utc()` and texts made of them stand for, if the template is one such expression.
  enum class Clock { kNone, kNow, kToday };
  Clock OfClock() const;
  /// The first argument of `format_datetime(X, …)`, if the template is such a call; else itself.
  JinjaText OfFormatDatetime() const;
  /// The whole as a native template.
  Result<std::string> Template(const Names& names) const;
  /// The one expression as a native one, without braces.
  Result<std::string> Expression(const Names& names) const;
  /// The expression of `X if not next_page_token…` is X: of paging whose later pages are URLs of their own.
  JinjaText OfFirstPage() const;
  /// The branch taken where an optional setting is absent: `config.get('x', Y)`, `config['x'] if config['x'] else Y`,
  /// `config['x'] or Y`. nullopt: it is none of these.
  std::optional<JinjaText> WithoutSetting() const;
  const std::string& source() const { return program_->source; }

 private:
  using Node = expression::jinja::Node;
  using NodeIndex = expression::jinja::NodeIndex;
  explicit JinjaText(std::shared_ptr<const expression::jinja::Program> program) : program_(std::move(program)) {}
  const Node& At(NodeIndex index) const { return program_->At(index); }
  NodeIndex Only() const;  // the one expression; kNone if it is none, or more
  std::optional<NamePath> PathOf(NodeIndex index) const;
  std::optional<std::vector<NodeIndex>> GetCall(NodeIndex index) const;
  bool IsFirstPageTest(NodeIndex index) const;
  NodeIndex FirstPage(NodeIndex index) const;
  Result<std::string> Say(NodeIndex index, const Names& names) const;
  Result<std::string> SayCompare(const Node& node, const Names& names) const;
  Result<std::string> SayFilter(const Node& node, const Names& names) const;
  Result<std::string> SayTest(const Node& node, const Names& names) const;
  Status Unsaid(NodeIndex index) const;
  bool SaysAbsence(NodeIndex index, const NamePath& path) const;
  Clock ClockOf(NodeIndex index) const;

  std::shared_ptr<const expression::jinja::Program> program_;
  NodeIndex only_ = expression::jinja::kNone;  // in place of the whole
};

}  // namespace firn::connector::foreign
