#include "connector/airbyte/settings_check.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "base/edit_distance.h"
#include "config/text_position.h"
#include "expression/jinja/regex.h"
#include "expression/jinja/unicode.h"

namespace firn::connector::airbyte {
namespace {

using config::SettingProblem;
using Kind = SettingProblem::Kind;
using Path = std::vector<std::string>;
using Problems = std::vector<SettingProblem>;

constexpr size_t kChoicesShownMax = 10;
constexpr char kDate[] = R"(^\d{4}-\d{2}-\d{2}$)";
constexpr char kDateTime[] = R"(^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$)";

const List& ItemsOf(const Value* list) {
  static const List none;
  return list == nullptr || list->kind() != Value::Kind::kList ? none : list->as_list();
}
const Map& EntriesOf(const Value* map) {
  static const Map none;
  return map == nullptr || map->kind() != Value::Kind::kMap ? none : map->as_map();
}

// 1.0 is an integer, true is no number.
bool IsIntegral(const Value& value) {
  if (value.kind() != Value::Kind::kNumber) return value.kind() == Value::Kind::kInt;
  const double number = std::strtod(value.as_number().c_str(), nullptr);
  return std::isfinite(number) && number == std::floor(number);
}

bool IsOfType(const Value& value, std::string_view type) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return type == "null";
    case Value::Kind::kBool:
      return type == "boolean";
    case Value::Kind::kInt:
    case Value::Kind::kNumber:
      return type == "number" || (type == "integer" && IsIntegral(value));
    case Value::Kind::kList:
      return type == "array";
    case Value::Kind::kMap:
      return type == "object";
    default:
      return type == "string";
  }
}

std::string InWords(std::string_view type) {
  if (type == "string") return "text";
  if (type == "integer") return "an integer";
  if (type == "number") return "a number";
  if (type == "boolean") return "true or false";
  if (type == "array") return "a list";
  if (type == "object") return "a mapping";
  return std::string(type);
}

std::string_view TypeOf(const Value& value) {
  for (const std::string_view type : {"null", "boolean", "integer", "number", "array", "object"}) {
    if (IsOfType(value, type)) return type;
  }
  return "string";
}

std::string Choices(const List& values) {
  std::string text;
  for (size_t i = 0; i < std::min(values.size(), kChoicesShownMax); ++i) {
    text += (i == 0 ? "`" : ", `") + expression::ToText(values[i]) + "`";
  }
  return text + (values.size() > kChoicesShownMax ? " …" : "");
}

// A pattern that cannot be run, or takes too long, checks nothing.
bool Matches(const std::string& text, const std::string& pattern) {
  const auto regex = expression::jinja::Regex::Compile(pattern);
  if (!regex.ok()) return true;
  const auto found = regex->Search(expression::jinja::Decode(text), 0);
  return !found.ok() || found->has_value();
}

class Check {
 public:
  Problems Run(const Value& schema, const Value& value) {
    Judge(schema, value);
    return std::move(problems_);
  }

 private:
  void Judge(const Value& schema, const Value& value) {
    if (schema.kind() == Value::Kind::kBool && !schema.as_bool()) Unfit("is not taken by the connector", "remove it");
    if (schema.kind() != Value::Kind::kMap) return;
    if (!JudgeType(schema.Find("type"), value)) return;
    JudgeChoice(schema, value);
    if (value.is_string()) JudgeText(schema, value.as_string());
    if (value.is_number()) JudgeNumber(schema, value);
    if (value.kind() == Value::Kind::kList) JudgeList(schema, value.as_list());
    if (value.kind() == Value::Kind::kMap) JudgeMap(schema, value);
    for (const Value& part : ItemsOf(schema.Find("allOf"))) Judge(part, value);
    JudgeVariants(ItemsOf(schema.Find("oneOf")), value, /*one=*/true);
    JudgeVariants(ItemsOf(schema.Find("anyOf")), value, /*one=*/false);
    if (const Value* no = schema.Find("not"); no != nullptr && Fits(*no, value)) {
      Unfit("is what the connector's specification rules out", "");
    }
  }

  // False: nothing else of the value need be looked at.
  bool JudgeType(const Value* type, const Value& value) {
    if (type == nullptr) return true;
    List types = ItemsOf(type);
    if (type->is_string()) types = {*type};
    std::string wanted;
    for (const Value& one : types) {
      if (!one.is_string() || IsOfType(value, one.as_string())) return true;
      wanted += (wanted.empty() ? "" : " or ") + InWords(one.as_string());
    }
    if (wanted.empty()) return true;
    const bool quotes = wanted == "text" && (value.is_number() || value.kind() == Value::Kind::kBool);
    Unfit("is " + InWords(TypeOf(value)) + ", and must be " + wanted, quotes ? "put it into quotes" : "");
    return false;
  }

  void JudgeChoice(const Value& schema, const Value& value) {
    const Value* only = schema.Find("const");
    if (only != nullptr && !expression::Equals(*only, value)) Unfit("must be " + Choices({*only}), "");
    const Value* some = schema.Find("enum");
    const List& choices = ItemsOf(some);
    const auto same = [&](const Value& choice) { return expression::Equals(choice, value); };
    if (some == nullptr || some->kind() != Value::Kind::kList || std::ranges::any_of(choices, same)) return;
    std::vector<std::string> words;
    for (const Value& choice : choices) words.push_back(expression::ToText(choice));
    const auto near = value.is_string() ? Nearest(value.as_string(), words) : std::nullopt;
    Unfit("must be one of " + Choices(choices), near ? "did you mean `" + *near + "`?" : "");
  }

  void JudgeText(const Value& schema, const std::string& text) {
    const Value length = Value::Int(static_cast<int64_t>(config::NumCodePoints(text)));
    Compare(schema.Find("minLength"), length, -1, "is too short: at least ", " characters");
    Compare(schema.Find("maxLength"), length, 1, "is too long: at most ", " characters");
    const Value* pattern = schema.Find("pattern");
    if (pattern != nullptr && pattern->is_string()) {
      if (!Matches(text, pattern->as_string())) Unfit("must match the pattern " + pattern->as_string(), "");
      return;
    }
    const Value* format = schema.Find("format");
    if (format == nullptr || !format->is_string()) return;
    const bool is_date = format->as_string() == "date";
    if ((is_date && !Matches(text, kDate)) || (format->as_string() == "date-time" && !Matches(text, kDateTime))) {
      Add(Kind::kDoubtful, "is no " + format->as_string(),
          is_date ? "write it as 2024-01-31" : "write it as 2024-01-31T00:00:00Z");
    }
  }

  void JudgeNumber(const Value& schema, const Value& value) {
    Compare(schema.Find("minimum"), value, -1, "is too small: at least ", "");
    Compare(schema.Find("maximum"), value, 1, "is too large: at most ", "");
    CompareOpen(schema.Find("exclusiveMinimum"), schema.Find("minimum"), value, -1, "must be above ");
    CompareOpen(schema.Find("exclusiveMaximum"), schema.Find("maximum"), value, 1, "must be below ");
  }

  // `side`: -1, the value must not be less than the limit; 1, not more.
  void Compare(const Value* limit, const Value& value, int side, const std::string& what, const std::string& unit) {
    if (limit == nullptr || !limit->is_number()) return;
    if (expression::Compare(value, *limit).ValueOr(0) == side) Unfit(what + expression::ToText(*limit) + unit, "");
  }

  // A number, or in draft 4 true beside the limit that it sharpens.
  void CompareOpen(const Value* open, const Value* limit, const Value& value, int side, const std::string& what) {
    if (open != nullptr && open->kind() != Value::Kind::kBool) limit = open;
    if (open == nullptr || limit == nullptr || !limit->is_number()) return;
    if (open->kind() == Value::Kind::kBool && !open->as_bool()) return;
    const int order = expression::Compare(value, *limit).ValueOr(-side);
    if (order == side || order == 0) Unfit(what + expression::ToText(*limit), "");
  }

  void JudgeList(const Value& schema, const List& items) {
    const Value size = Value::Int(static_cast<int64_t>(items.size()));
    Compare(schema.Find("minItems"), size, -1, "has too few items: at least ", "");
    Compare(schema.Find("maxItems"), size, 1, "has too many items: at most ", "");
    const Value* each = schema.Find("items");
    const bool is_schema = each != nullptr && each->kind() != Value::Kind::kList;  // a list is of tuples
    for (size_t i = 0; is_schema && i < items.size(); ++i) At(std::to_string(i), *each, items[i]);
  }

  void JudgeMap(const Value& schema, const Value& value) {
    for (const Value& name : ItemsOf(schema.Find("required"))) {
      if (!name.is_string() || value.Find(name.as_string()) != nullptr) continue;
      Add(Kind::kMissing, name.as_string(), "");
    }
    const Map& known = EntriesOf(schema.Find("properties"));
    const Map& patterns = EntriesOf(schema.Find("patternProperties"));
    const Value* others = schema.Find("additionalProperties");
    for (const auto& [name, item] : value.as_map()) {
      const Value* property = FindKey(known, name);
      bool is_known = property != nullptr;
      if (property != nullptr) At(name, *property, item);
      for (const auto& [pattern, of_pattern] : patterns) {
        if (!Matches(name, pattern)) continue;
        is_known = true;
        At(name, of_pattern, item);
      }
      if (is_known || name.starts_with('_')) continue;  // names of the platform's own begin so
      if (others != nullptr && others->kind() == Value::Kind::kMap && !others->as_map().empty()) {
        At(name, *others, item);
      } else {
        JudgeUnknown(schema, name, others);
      }
    }
  }

  void JudgeUnknown(const Value& schema, const std::string& name, const Value* others) {
    std::vector<std::string> names = NamesOf(schema);
    const bool refused = others != nullptr && others->kind() == Value::Kind::kBool && !others->as_bool();
    if (!refused && (names.empty() || std::ranges::find(names, name) != names.end())) return;
    const auto near = Nearest(name, names);
    path_.push_back(name);
    Add(refused ? Kind::kUnfit : Kind::kDoubtful, "is no setting of the connector",
        near ? "did you mean `" + *near + "`?" : "");
    path_.pop_back();
  }

  // All that a variant may have, too.
  static std::vector<std::string> NamesOf(const Value& schema) {
    std::vector<std::string> names;
    for (const auto& [name, property] : EntriesOf(schema.Find("properties"))) names.push_back(name);
    for (const char* keyword : {"allOf", "anyOf", "oneOf"}) {
      for (const Value& part : ItemsOf(schema.Find(keyword))) {
        const auto more = NamesOf(part);
        names.insert(names.end(), more.begin(), more.end());
      }
    }
    return names;
  }

  void JudgeVariants(const List& variants, const Value& value, bool one) {
    if (variants.empty()) return;
    std::vector<Problems> found;
    for (const Value& variant : variants) found.push_back(Check().Run(variant, value));
    const auto fits = std::ranges::count_if(found, [](const Problems& problems) { return !Refuses(problems); });
    if (one && fits > 1) return Unfit("fits several of the choices that the connector has for it", "");
    auto best = std::ranges::find_if(found, [](const Problems& problems) { return !Refuses(problems); });
    if (best == found.end()) {
      best = std::ranges::min_element(found, {}, [](const Problems& problems) { return problems.size(); });
      const auto chosen = [&](size_t i) { return ChoosesBy(variants[i], value); };
      for (size_t i = 0; i < found.size(); ++i) {
        if (chosen(i)) best = found.begin() + static_cast<std::ptrdiff_t>(i);
      }
      if (!chosen(static_cast<size_t>(best - found.begin())) && variants.size() > 1) {
        return Unfit("fits none of the " + std::to_string(variants.size()) + " choices that the connector has for it",
                     HowToChoose(variants));
      }
    }
    for (SettingProblem& problem : *best) {
      problem.path.insert(problem.path.begin(), path_.begin(), path_.end());
      problems_.push_back(std::move(problem));
    }
  }

  // Variants are told by a property with one value.
  static bool ChoosesBy(const Value& variant, const Value& value) {
    return std::ranges::any_of(EntriesOf(variant.Find("properties")), [&](const auto& entry) {
      const Value* only = entry.second.Find("const");
      const Value* given = value.Find(entry.first);
      return only != nullptr && given != nullptr && expression::Equals(*only, *given);
    });
  }

  static std::string HowToChoose(const List& variants) {
    std::string text;
    for (const Value& variant : variants) {
      for (const auto& [name, property] : EntriesOf(variant.Find("properties"))) {
        const Value* only = property.Find("const");
        if (only != nullptr)
          text += (text.empty() ? "write `" : ", or `") + name + ": " + expression::ToText(*only) + "`";
      }
    }
    return text;
  }

  static bool Refuses(const Problems& problems) {
    return std::ranges::any_of(problems, [](const auto& problem) { return problem.kind != Kind::kDoubtful; });
  }
  static bool Fits(const Value& schema, const Value& value) { return !Refuses(Check().Run(schema, value)); }

  void At(const std::string& name, const Value& schema, const Value& value) {
    path_.push_back(name);
    Judge(schema, value);
    path_.pop_back();
  }
  void Unfit(std::string what, std::string help) { Add(Kind::kUnfit, std::move(what), std::move(help)); }
  void Add(Kind kind, std::string what, std::string help) {
    problems_.push_back({.kind = kind, .path = path_, .what = std::move(what), .help = std::move(help)});
  }

  Path path_;
  Problems problems_;
};

}  // namespace

std::vector<SettingProblem> CheckSettings(const Value& specification, const Value& settings) {
  return Check().Run(specification, settings);
}

}  // namespace firn::connector::airbyte
