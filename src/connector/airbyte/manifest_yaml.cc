#include "connector/airbyte/manifest_yaml.h"

#include <yaml.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <utility>

#include "connector/airbyte/component.h"

namespace firn::connector::airbyte {
namespace {

constexpr size_t kTextBytesMax = size_t{64} << 20;
// With all aliases expanded, as whoever resolves the manifest makes them. A large real one has 20,000.
constexpr int64_t kNodesMax = 300'000;
constexpr int kDepthMax = 120;

struct Parser {
  yaml_parser_t raw;
  Parser() { yaml_parser_initialize(&raw); }
  ~Parser() { yaml_parser_delete(&raw); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
};

struct Event {
  yaml_event_t raw{};
  Event() = default;
  ~Event() { yaml_event_delete(&raw); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
};

std::string_view View(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : std::string_view(reinterpret_cast<const char*>(text));
}

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool AllOf(std::string_view text, const char* set) {
  return text.find_first_not_of(set) == std::string_view::npos;
}

std::string WithoutUnderscores(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '_') out += c;
  }
  return out;
}

// YAML 1.1 "int": decimal, octal with a leading 0, 0x, 0b. Sexagesimal numbers are left as text: no manifest means
// them.
bool ParseInt(std::string_view text, Value* out) {
  std::string_view digits = text;
  const bool negative = !digits.empty() && digits[0] == '-';
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.remove_prefix(1);
  if (digits.empty() || std::isdigit(static_cast<unsigned char>(digits[0])) == 0) return false;
  int base = 10;
  if (digits.starts_with("0x") && AllOf(digits.substr(2), "0123456789abcdefABCDEF_")) {
    base = 16;
  } else if (digits.starts_with("0b") && AllOf(digits.substr(2), "01_")) {
    base = 2;
  } else if (digits[0] == '0' && digits.size() > 1) {
    if (!AllOf(digits, "01234567_")) return false;
    base = 8;
  } else if (!AllOf(digits, "0123456789_")) {
    return false;
  }
  std::string plain = WithoutUnderscores(base == 16 || base == 2 ? digits.substr(2) : digits);
  if (plain.empty()) return false;
  if (base == 10) {
    *out = Value::NumberText((negative ? "-" : "") + plain);
  } else {
    const auto number = static_cast<int64_t>(std::strtoull(plain.c_str(), nullptr, base));
    *out = Value::Int(negative ? -number : number);
  }
  return true;
}

// YAML 1.1 "float": a dot is needed, and an exponent needs its sign.
bool ParseFloat(std::string_view text, Value* out) {
  std::string plain = WithoutUnderscores(text);
  std::string_view rest = plain;
  const bool negative = rest.starts_with('-');
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  const size_t dot = rest.find('.');
  if (dot == std::string_view::npos || !AllOf(rest.substr(0, dot), "0123456789")) return false;
  std::string_view fraction = rest.substr(dot + 1);
  const size_t exponent = fraction.find_first_of("eE");
  std::string power;
  if (exponent != std::string_view::npos) {
    const std::string_view after = fraction.substr(exponent + 1);
    if (after.size() < 2 || (after[0] != '-' && after[0] != '+') || !AllOf(after.substr(1), "0123456789")) return false;
    power = "e" + std::string(after);
    fraction = fraction.substr(0, exponent);
  }
  if (!AllOf(fraction, "0123456789") || (dot == 0 && fraction.empty())) return false;
  std::string whole(rest.substr(0, dot));
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  *out = Value::NumberText((negative ? "-" : "") + (whole.empty() ? "0" : whole) + "." +
                           (fraction.empty() ? "0" : std::string(fraction)) + power);
  return true;
}

Value PlainScalar(std::string_view text) {
  if (text.empty() || IsOneOf(text, {"~", "null", "Null", "NULL"})) return Value::Null();
  if (IsOneOf(text, {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})) return Value::Bool(true);
  if (IsOneOf(text, {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})) return Value::Bool(false);
  Value number;
  if (ParseInt(text, &number) || ParseFloat(text, &number)) return number;
  return Value::String(std::string(text));
}

// What an anchor names.
struct Anchored {
  Value value;
  int64_t num_nodes = 0;  // of it, with its aliases expanded
  int height = 0;         // levels below it
};

class Builder {
 public:
  Builder(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Result<Value> Build() {
    yaml_parser_set_encoding(&parser_.raw, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_.raw, reinterpret_cast<const unsigned char*>(text_.data()), text_.size());
    for (int i = 0; i < 2; ++i) {  // start of the stream, start of the document
      Event event;
      ARROW_RETURN_NOT_OK(Next(&event));
      if (event.raw.type == YAML_STREAM_END_EVENT) return MapOf({});
    }
    Event root;
    ARROW_RETURN_NOT_OK(Next(&root));
    return Node(root.raw, 0);
  }

 private:
  Status Next(Event* event) {
    if (yaml_parser_parse(&parser_.raw, &event->raw) != 0) return Status::OK();
    const auto& mark = parser_.raw.problem_mark;
    return Error(parser_.raw.problem == nullptr ? "not readable as YAML" : parser_.raw.problem, mark);
  }

  Status Error(std::string_view what, const yaml_mark_t& mark, const char* code = "") const {
    return MakeError(Fault::kConfig, "the manifest cannot be read: " + std::string(what),
                     {.code = code,
                      .where = name_ + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1),
                      .why = "",
                      .state = "",
                      .next = ""});
  }

  Result<Value> Node(const yaml_event_t& event, int depth) {
    const int64_t nodes_before = num_nodes_;
    const bool is_text = event.type == YAML_SCALAR_EVENT;
    ARROW_RETURN_NOT_OK(Count(is_text ? NodesOfText(event.data.scalar.length) : 1, depth, event));
    const int deepest_before = std::exchange(deepest_, depth);
    std::string anchor;
    Value value;
    switch (event.type) {
      case YAML_SCALAR_EVENT:
        anchor = View(event.data.scalar.anchor);
        value = Scalar(event);
        break;
      case YAML_SEQUENCE_START_EVENT: {
        anchor = View(event.data.sequence_start.anchor);
        ARROW_ASSIGN_OR_RAISE(value, Sequence(depth));
        break;
      }
      case YAML_MAPPING_START_EVENT: {
        anchor = View(event.data.mapping_start.anchor);
        ARROW_ASSIGN_OR_RAISE(value, Mapping(depth));
        break;
      }
      case YAML_ALIAS_EVENT: {
        const auto found = anchors_.find(std::string(View(event.data.alias.anchor)));
        if (found == anchors_.end()) return Error("an alias without its anchor", event.start_mark);
        const Anchored& named = found->second;
        ARROW_RETURN_NOT_OK(Count(named.num_nodes, depth + named.height, event));
        deepest_ = depth + named.height;
        value = named.value;
        break;
      }
      default:
        return Error("an unexpected end", event.start_mark);
    }
    if (!anchor.empty()) {
      anchors_[anchor] = {.value = value, .num_nodes = num_nodes_ - nodes_before, .height = deepest_ - depth};
    }
    deepest_ = std::max(deepest_, deepest_before);
    return value;
  }

  // Aliases share what they name, so it is here that they are counted as if each were written out.
  Status Count(int64_t num_nodes, int depth, const yaml_event_t& event) {
    if (depth > kDepthMax) return Error("nested too deeply", event.start_mark);
    num_nodes_ += num_nodes;
    if (num_nodes_ <= kNodesMax) return Status::OK();
    return Error("more than " + std::to_string(kNodesMax) + " values, aliases expanded", event.start_mark, "E0105");
  }

  static Value Scalar(const yaml_event_t& event) {
    const auto& scalar = event.data.scalar;
    const std::string_view text(reinterpret_cast<const char*>(scalar.value), scalar.length);
    const bool tagged_text = View(scalar.tag) == "tag:yaml.org,2002:str";
    if (scalar.style != YAML_PLAIN_SCALAR_STYLE || tagged_text) return Value::String(std::string(text));
    return PlainScalar(text);
  }

  Result<Value> Sequence(int depth) {
    List items;
    while (true) {
      Event event;
      ARROW_RETURN_NOT_OK(Next(&event));
      if (event.raw.type == YAML_SEQUENCE_END_EVENT) return Value::OfList(std::move(items));
      ARROW_ASSIGN_OR_RAISE(Value item, Node(event.raw, depth + 1));
      items.push_back(std::move(item));
    }
  }

  Result<Value> Mapping(int depth) {
    Map merged;
    Map own;
    while (true) {
      Event key;
      ARROW_RETURN_NOT_OK(Next(&key));
      if (key.raw.type == YAML_MAPPING_END_EVENT) break;
      const bool plain = key.raw.type == YAML_SCALAR_EVENT && key.raw.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
      const yaml_mark_t mark = key.raw.start_mark;
      ARROW_ASSIGN_OR_RAISE(const Value name, Node(key.raw, depth + 1));
      Event event;
      ARROW_RETURN_NOT_OK(Next(&event));
      ARROW_ASSIGN_OR_RAISE(Value value, Node(event.raw, depth + 1));
      if (plain && name.is_string() && name.as_string() == "<<") {
        ARROW_RETURN_NOT_OK(Merge(value, mark, &merged));
      } else {
        if (name.kind() == Value::Kind::kList || name.kind() == Value::Kind::kMap)
          return Error("a key that is no scalar", mark);
        own.emplace_back(expression::ToText(name), std::move(value));
      }
    }
    for (auto& [key, value] : own) merged.emplace_back(std::move(key), std::move(value));
    return LastOfEach(std::move(merged));
  }

  // A later key replaces an earlier one of its name and keeps the earlier one's place.
  static Value LastOfEach(Map entries) {
    Map unique;
    std::map<std::string, size_t> places;
    for (auto& [key, value] : entries) {
      const auto [place, is_new] = places.emplace(key, unique.size());
      if (is_new) {
        unique.emplace_back(key, std::move(value));
      } else {
        unique[place->second].second = std::move(value);
      }
    }
    return MapOf(std::move(unique));
  }

  Status Merge(const Value& value, const yaml_mark_t& mark, Map* merged) const {
    List sources;
    if (value.kind() == Value::Kind::kMap) sources = {value};
    if (value.kind() == Value::Kind::kList) sources = value.as_list();
    if (sources.empty()) return Error("a merge key (<<) of what is no mapping", mark);
    std::reverse(sources.begin(), sources.end());  // the first of several wins
    for (const Value& source : sources) {
      if (source.kind() != Value::Kind::kMap) return Error("a merge key (<<) of what is no mapping", mark);
      for (const auto& [key, item] : source.as_map()) merged->emplace_back(key, item);
    }
    return Status::OK();
  }

  const std::string_view text_;
  const std::string& name_;
  Parser parser_;
  std::map<std::string, Anchored> anchors_;
  int64_t num_nodes_ = 0;
  int deepest_ = 0;  // level reached within the node that is read
};

}  // namespace

Result<Value> ParseManifestYaml(std::string_view text, const std::string& name) {
  if (text.size() > kTextBytesMax) {
    return MakeError(Fault::kConfig, "the manifest " + name + " is larger than 64 MiB");
  }
  return Builder(text, name).Build();
}

}  // namespace firn::connector::airbyte
