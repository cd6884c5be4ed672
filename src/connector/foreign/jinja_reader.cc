#include "connector/foreign/jinja_reader.h"

#include <algorithm>
#include <cctype>

#include "expression/jinja/value.h"

namespace firn::connector::foreign {
namespace {

using expression::jinja::kNone;
using expression::jinja::Op;
using Kind = expression::jinja::Node::Kind;
namespace jinja = expression::jinja;

Status Unsayable(std::string what) {
  return MakeError(Fault::kConfig, std::move(what));
}

bool IsPlainStep(std::string_view step) {
  return !step.empty() && step.find('.') == std::string_view::npos && step != "*";
}

bool IsIdentifier(std::string_view step) {
  return !step.empty() && std::isalpha(static_cast<unsigned char>(step[0])) != 0 &&
         std::ranges::all_of(step, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

Result<std::string> Quoted(std::string_view text) {
  if (text.find_first_of("'\\\n$") != std::string_view::npos) return Unsayable("a text that has quotes inside");
  return "'" + std::string(text) + "'";
}

Result<std::string> SayLiteral(const jinja::Value& value) {
  switch (value.kind()) {
    case jinja::Value::Kind::kNull:
      return std::string("null");
    case jinja::Value::Kind::kBool:
      return std::string(jinja::Truthy(value) ? "true" : "false");
    case jinja::Value::Kind::kInt:
      return std::to_string(value.as_int());
    case jinja::Value::Kind::kString:
      return Quoted(value.as_string());
    default:
      return Unsayable("a constant of another kind");
  }
}

std::string_view SignOf(Op op) {
  switch (op) {
    case Op::kAdd:
      return " + ";
    case Op::kSubtract:
      return " - ";
    case Op::kMultiply:
      return " * ";
    case Op::kEqual:
      return " == ";
    case Op::kNotEqual:
      return " != ";
    case Op::kLess:
      return " < ";
    case Op::kLessEqual:
      return " <= ";
    case Op::kGreater:
      return " > ";
    case Op::kGreaterEqual:
      return " >= ";
    case Op::kIn:
      return " in ";
    case Op::kNotIn:
      return " not in ";
    default:
      return "";
  }
}

}  // namespace

Result<std::string> DottedPath(const std::vector<std::string>& steps) {
  std::string path;
  for (const std::string& step : steps) {
    if (!IsPlainStep(step)) return Unsayable("a field `" + step + "` whose name has a dot");
    path += (path.empty() ? "" : ".") + step;
  }
  return path;
}

Result<std::string> AccessText(const std::string& root, const std::vector<std::string>& steps) {
  std::string text = root;
  for (const std::string& step : steps) {
    if (IsIdentifier(step)) {
      text += "." + step;
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const std::string quoted, Quoted(step));
    text += "[" + quoted + "]";
  }
  return text;
}

Result<JinjaText> JinjaText::Parse(std::string_view source) {
  ARROW_ASSIGN_OR_RAISE(auto program, jinja::ParseProgram(source, {}));
  return JinjaText(std::make_shared<const jinja::Program>(std::move(program)));
}

bool JinjaText::is_constant() const {
  return program_->literal;
}

jinja::NodeIndex JinjaText::Only() const {
  if (only_ != kNone) return only_;
  if (program_->body.size() != 1) return kNone;
  const Node& node = At(program_->body[0]);
  return node.kind == Kind::kOutput ? node.children[0] : kNone;
}

// The arguments of `x.get(key[, default])`, x first.
std::optional<std::vector<jinja::NodeIndex>> JinjaText::GetCall(NodeIndex index) const {
  const Node& call = At(index);
  if (call.kind != Kind::kCall || !call.named.empty() || call.children.size() < 2 || call.children.size() > 3)
    return {};
  const Node& method = At(call.children[0]);
  if (method.kind != Kind::kAttribute || method.name != "get") return {};
  std::vector<NodeIndex> parts = {method.children[0]};
  parts.insert(parts.end(), call.children.begin() + 1, call.children.end());
  return parts;
}

std::optional<NamePath> JinjaText::PathOf(NodeIndex index) const {
  if (index == kNone) return std::nullopt;
  const Node& node = At(index);
  if (node.kind == Kind::kName) return NamePath{.root = node.name, .steps = {}, .otherwise = {}};
  NodeIndex below = kNone, key = kNone;
  std::string step;
  std::optional<std::string> missing;
  if (node.kind == Kind::kAttribute) {
    below = node.children[0];
    step = node.name;
  } else if (node.kind == Kind::kItem) {
    below = node.children[0];
    key = node.children[1];
  } else if (const auto get = GetCall(index)) {
    below = (*get)[0];
    key = (*get)[1];
    if (get->size() == 3) {
      const Node& otherwise = At((*get)[2]);
      const bool is_literal = otherwise.kind == Kind::kLiteral;
      const bool empty =
          is_literal ? !jinja::Truthy(otherwise.literal)
                     : (otherwise.kind == Kind::kMap || otherwise.kind == Kind::kList) && otherwise.children.empty();
      if (!empty && !(is_literal && otherwise.literal.is_string())) return std::nullopt;
      if (!empty) missing = std::string(otherwise.literal.as_string());
    }
  } else {
    return std::nullopt;
  }
  if (key != kNone) {
    if (At(key).kind != Kind::kLiteral || !At(key).literal.is_string()) return std::nullopt;
    step = std::string(At(key).literal.as_string());
  }
  auto path = PathOf(below);
  if (!path || path->otherwise) return std::nullopt;
  path->steps.push_back(std::move(step));
  path->otherwise = std::move(missing);
  return path;
}

std::optional<NamePath> JinjaText::Path() const {
  return PathOf(Only());
}

bool JinjaText::SaysAbsence(NodeIndex index, const NamePath& path) const {
  const Node& node = At(index);
  if (node.kind == Kind::kNot) return PathOf(node.children[0]) == path;
  if (node.kind == Kind::kTest) return node.name == "none" && PathOf(node.children[0]) == path;
  if (node.kind != Kind::kCompare || node.ops.size() != 1 || path.steps.empty()) return false;
  const Node& left = At(node.children[0]);
  const Node& right = At(node.children[1]);
  if (node.ops[0] == Op::kEqual) {
    return PathOf(node.children[0]) == path && right.kind == Kind::kLiteral && !jinja::Truthy(right.literal);
  }
  if (node.ops[0] != Op::kNotIn || left.kind != Kind::kLiteral || !left.literal.is_string()) return false;
  auto below = PathOf(node.children[1]);
  if (below) below->steps.emplace_back(left.literal.as_string());
  return below == path;
}

bool JinjaText::IsAbsenceOf(const NamePath& path) const {
  return Only() != kNone && SaysAbsence(Only(), path);
}

JinjaText::Clock JinjaText::ClockOf(NodeIndex index) const {
  const Node& node = At(index);
  if (node.kind != Kind::kCall) return Clock::kNone;
  const Node& callee = At(node.children[0]);
  const size_t num_arguments = node.children.size() - 1;
  if (callee.kind == Kind::kName && num_arguments == 0) {
    return callee.name == "now_utc" ? Clock::kNow : callee.name == "today_utc" ? Clock::kToday : Clock::kNone;
  }
  const bool is_method = callee.kind == Kind::kAttribute && callee.name == "strftime" && num_arguments == 1;
  const bool is_function = callee.kind == Kind::kName && callee.name == "format_datetime" && num_arguments == 2;
  if (!is_method && !is_function) return Clock::kNone;
  const Clock clock = ClockOf(is_method ? callee.children[0] : node.children[1]);
  const Node& pattern = At(node.children.back());
  if (pattern.kind != Kind::kLiteral || !pattern.literal.is_string()) return Clock::kNone;
  const bool has_time = pattern.literal.as_string().find_first_of("HIsf") != std::string_view::npos;
  return clock == Clock::kNow && !has_time ? Clock::kToday : clock;
}

JinjaText::Clock JinjaText::OfClock() const {
  return Only() == kNone ? Clock::kNone : ClockOf(Only());
}

JinjaText JinjaText::OfFormatDatetime() const {
  const NodeIndex only = Only();
  if (only == kNone || At(only).kind != Kind::kCall || At(only).children.size() < 2) return *this;
  const Node& callee = At(At(only).children[0]);
  if (callee.kind != Kind::kName || callee.name != "format_datetime") return *this;
  JinjaText inner = *this;
  inner.only_ = At(only).children[1];
  return inner;
}

bool JinjaText::IsFirstPageTest(NodeIndex index) const {
  const Node& node = At(index);
  if (node.kind != Kind::kNot) return false;
  const auto path = PathOf(node.children[0]);
  return path && path->root == "next_page_token";
}

jinja::NodeIndex JinjaText::FirstPage(NodeIndex index) const {
  if (index == kNone) return kNone;
  const Node& node = At(index);
  if (node.kind != Kind::kConditional || node.children[2] != kNone) return index;
  const NodeIndex test = node.children[0], then = node.children[1];
  if (IsFirstPageTest(test)) return then;
  // `X if X and not next_page_token`
  const Node& both = At(test);
  if (both.kind != Kind::kAnd || !IsFirstPageTest(both.children[1])) return index;
  const auto left = PathOf(both.children[0]), value = PathOf(then);
  return left && value && *left == *value ? then : index;
}

JinjaText JinjaText::OfFirstPage() const {
  JinjaText first = *this;
  first.only_ = FirstPage(Only());
  return first;
}

std::optional<JinjaText> JinjaText::WithoutSetting() const {
  const NodeIndex only = Only();
  if (only == kNone) return std::nullopt;
  const auto of_setting = [&](NodeIndex index) {
    const auto path = PathOf(index);
    return path && path->root == "config";
  };
  NodeIndex otherwise = kNone;
  const Node& node = At(only);
  if (node.kind == Kind::kConditional && of_setting(node.children[0]) && of_setting(node.children[1])) {
    otherwise = node.children[2];
  } else if (node.kind == Kind::kOr && of_setting(node.children[0])) {
    otherwise = node.children[1];
  } else if (const auto get = GetCall(only); get && get->size() == 3) {
    const auto below = PathOf((*get)[0]);
    if (below && below->root == "config") otherwise = (*get)[2];
  }
  if (otherwise == kNone) return std::nullopt;
  JinjaText rest = *this;
  rest.only_ = otherwise;
  return rest;
}

Result<std::string> JinjaText::Template(const Names& names) const {
  const auto output = [&](NodeIndex index) -> Result<std::string> {
    if (const auto path = PathOf(index)) {
      ARROW_ASSIGN_OR_RAISE(const Said said, names(*path));
      return said.is_setting ? said.text : "{{ " + said.text + " }}";
    }
    ARROW_ASSIGN_OR_RAISE(const std::string text, Say(index, names));
    return "{{ " + text + " }}";
  };
  if (only_ != kNone) return output(only_);
  std::string out;
  for (const NodeIndex index : program_->body) {
    const Node& node = At(index);
    if (node.kind == Kind::kText) {
      out += Literal(node.literal.as_string());
    } else if (node.kind == Kind::kOutput) {
      ARROW_ASSIGN_OR_RAISE(const std::string text, output(node.children[0]));
      out += text;
    } else {
      return Unsaid(index);
    }
  }
  return out;
}

Result<std::string> JinjaText::Expression(const Names& names) const {
  if (Only() == kNone) return Unsayable("`" + source() + "` is not one expression");
  return Say(Only(), names);
}

Status JinjaText::Unsaid(NodeIndex index) const {
  const auto range = At(index).range;
  const std::string text = program_->source.substr(range.begin, range.end - range.begin);
  return Unsayable("the expression `" + (text.empty() ? program_->source : text) + "`");
}

Result<std::string> JinjaText::SayCompare(const Node& node, const Names& names) const {
  if (node.ops.size() != 1) return Unsayable("a comparison of three");
  ARROW_ASSIGN_OR_RAISE(const std::string left, Say(node.children[0], names));
  ARROW_ASSIGN_OR_RAISE(const std::string right, Say(node.children[1], names));
  return left + std::string(SignOf(node.ops[0])) + right;
}

Result<std::string> JinjaText::SayFilter(const Node& node, const Names& names) const {
  const bool same = node.name == "length" || node.name == "int";  // mean the same in both
  if (!same || node.children.size() != 1 || !node.named.empty()) return Unsayable("the filter `" + node.name + "`");
  ARROW_ASSIGN_OR_RAISE(const std::string value, Say(node.children[0], names));
  return value + " | " + node.name;
}

Result<std::string> JinjaText::SayTest(const Node& node, const Names& names) const {
  const bool is_bool = node.name == "true" || node.name == "false";
  if (!is_bool && node.name != "none" && node.name != "defined") return Unsayable("the test `is " + node.name + "`");
  ARROW_ASSIGN_OR_RAISE(const std::string value, Say(node.children[0], names));
  return "(" + value + (is_bool ? " == " : " is ") + node.name + ")";
}

Result<std::string> JinjaText::Say(NodeIndex index, const Names& names) const {
  const Node& node = At(index);
  if (const auto path = PathOf(index)) {
    ARROW_ASSIGN_OR_RAISE(const Said said, names(*path));
    // Its value would become a part of the expression.
    if (said.is_setting) return Unsayable("a setting inside of the expression `" + program_->source + "`");
    return said.text;
  }
  const auto two = [&](std::string_view sign) -> Result<std::string> {
    ARROW_ASSIGN_OR_RAISE(const std::string left, Say(node.children[0], names));
    ARROW_ASSIGN_OR_RAISE(const std::string right, Say(node.children[1], names));
    return "(" + left + std::string(sign) + right + ")";
  };
  switch (node.kind) {
    case Kind::kLiteral:
      return SayLiteral(node.literal);
    case Kind::kNot: {
      ARROW_ASSIGN_OR_RAISE(const std::string value, Say(node.children[0], names));
      return "not (" + value + ")";
    }
    case Kind::kAnd:
      return two(" and ");
    case Kind::kOr:
      return two(" or ");
    case Kind::kBinary:
      if (SignOf(node.op).empty()) return Unsaid(index);
      return two(SignOf(node.op));
    case Kind::kCompare:
      return SayCompare(node, names);
    case Kind::kFilter:
      return SayFilter(node, names);
    case Kind::kTest:
      return SayTest(node, names);
    default:
      return Unsaid(index);
  }
}

}  // namespace firn::connector::foreign
