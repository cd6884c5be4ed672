#include "connector/foreign/python_literal.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "connector/foreign/draft.h"
#include "connector/foreign/python_lexer.h"

namespace firn::connector::foreign {
namespace {

using Kind = WrittenValue::Kind;
using Token = PythonToken;

std::string Dotted(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ".") + name;
  return out;
}

class Reader {
 public:
  Reader(std::vector<Token> tokens, const PythonLimits& limits) : tokens_(std::move(tokens)), limits_(limits) {}

  Result<WrittenValue> Read(const std::vector<std::string>& keys) {
    Bind();
    std::vector<size_t> found;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (!Is(i, "{") || !HasKeys(i, keys)) continue;
      found.push_back(i);
      i = EndOf(i);
    }
    if (found.size() == 1) {
      at_ = found[0];
      return Expression(0);
    }
    std::string names;
    for (const std::string& key : keys) names += (names.empty() ? "`" : "` and `") + key;
    return MakeError(
        Fault::kConfig,
        (found.empty() ? "there is no dictionary with the keys " : "there are several dictionaries with the keys ") +
            names + "`",
        {.code = "E0558",
         .where = "",
         .why = "",
         .state = "nothing was written",
         .next = "firn import dlt config.json"});
  }

 private:
  struct Binding {
    std::vector<size_t> values;  // where its expressions begin
    bool is_parameter = false;
  };

  bool Is(size_t i, std::string_view sign) const {
    return tokens_[i].kind == Token::Kind::kOperator && tokens_[i].text == sign;
  }
  bool IsName(size_t i, std::string_view name) const {
    return tokens_[i].kind == Token::Kind::kName && tokens_[i].text == name;
  }
  const Token& Now() const { return tokens_[at_]; }
  Status Wrong(const std::string& what) const { return PythonError(Now().line, what); }

  // The bracket that closes the one at `i`, or the end.
  size_t EndOf(size_t i) const {
    int depth = 0;
    for (; i + 1 < tokens_.size(); ++i) {
      if (Is(i, "(") || Is(i, "[") || Is(i, "{")) ++depth;
      if ((Is(i, ")") || Is(i, "]") || Is(i, "}")) && --depth == 0) return i;
    }
    return i;
  }

  bool HasKeys(size_t begin, const std::vector<std::string>& keys) const {
    std::set<std::string> found;
    int depth = 0;
    for (size_t i = begin; i + 1 < tokens_.size(); ++i) {
      if (Is(i, "(") || Is(i, "[") || Is(i, "{")) ++depth;
      if ((Is(i, ")") || Is(i, "]") || Is(i, "}")) && --depth == 0) break;
      if (depth == 1 && tokens_[i].kind == Token::Kind::kString && Is(i + 1, ":")) found.insert(tokens_[i].text);
    }
    return std::ranges::all_of(keys, [&](const std::string& key) { return found.contains(key); });
  }

  // What names of the file stand for, as far as they are bound by `name = …`, `name: type = …` and parameters.
  void Bind() {
    bool starts = true;
    for (size_t i = 0; i + 1 < tokens_.size(); ++i) {
      const Token& token = tokens_[i];
      if (token.kind == Token::Kind::kNewline || Is(i, ";")) {
        starts = true;
        continue;
      }
      if (starts && IsName(i, "def")) {
        BindParameters(i);
      } else if (starts && token.kind == Token::Kind::kName) {
        if (const size_t value = AssignedAt(i); value != 0) bindings_[token.text].values.push_back(value);
      }
      starts = false;
    }
  }

  // Where the value of an assignment to the name at `i` begins; 0: it is none.
  size_t AssignedAt(size_t i) const {
    if (Is(i + 1, "=")) return i + 2;
    if (!Is(i + 1, ":")) return 0;
    int depth = 0;
    for (size_t k = i + 2; k + 1 < tokens_.size() && tokens_[k].kind != Token::Kind::kNewline; ++k) {
      if (Is(k, "(") || Is(k, "[") || Is(k, "{")) ++depth;
      if (Is(k, ")") || Is(k, "]") || Is(k, "}")) --depth;
      if (depth == 0 && Is(k, "=")) return k + 1;
    }
    return 0;
  }

  void BindParameters(size_t def) {
    size_t open = def;
    while (open + 1 < tokens_.size() && !Is(open, "(") && tokens_[open].kind != Token::Kind::kNewline) ++open;
    if (!Is(open, "(")) return;
    const size_t end = EndOf(open);
    bool begins = true;
    int depth = 0;
    for (size_t i = open + 1; i < end; ++i) {
      if (Is(i, "(") || Is(i, "[") || Is(i, "{")) ++depth;
      if (Is(i, ")") || Is(i, "]") || Is(i, "}")) --depth;
      if (depth > 0) continue;
      if (Is(i, ",")) {
        begins = true;
        continue;
      }
      if (begins && tokens_[i].kind == Token::Kind::kName) {
        Binding& binding = bindings_[tokens_[i].text];
        binding.is_parameter = true;
        size_t k = i + 1;
        for (int inner = 0; k < end && !(inner == 0 && (Is(k, ",") || Is(k, "="))); ++k) {
          if (Is(k, "[") || Is(k, "(")) ++inner;
          if (Is(k, "]") || Is(k, ")")) --inner;
        }
        binding.values.push_back(k < end && Is(k, "=") ? k + 1 : 0);
      }
      begins = false;
    }
  }

  Result<WrittenValue> Expression(int depth) {
    if (depth > limits_.depth_max) return Wrong("values nested too deep");
    if (++num_nodes_ > limits_.nodes_max) return Wrong("more values than are read");
    ARROW_ASSIGN_OR_RAISE(WrittenValue value, Primary(depth));
    if (!IsName(at_, "if")) return value;
    // `token if token else None`: whether it is given is not known here; it is taken as given.
    ++at_;
    while (!IsName(at_, "else")) {
      const bool plain = Now().kind == Token::Kind::kName && Now().text != "lambda";
      if (!plain) return Wrong("a condition");
      ++at_;
    }
    ++at_;
    if (!IsName(at_, "None")) return Wrong("an alternative other than None");
    ++at_;
    return value;
  }

  Result<WrittenValue> Primary(int depth) {
    const Token& token = Now();
    switch (token.kind) {
      case Token::Kind::kString:
      case Token::Kind::kFormatted:
        return Strings(depth);
      case Token::Kind::kNumber:
        return Number("");
      case Token::Kind::kName:
        return Name(depth);
      case Token::Kind::kOperator:
        if (token.text == "-" && tokens_[at_ + 1].kind == Token::Kind::kNumber) {
          ++at_;
          return Number("-");
        }
        if (token.text == "{") return Dictionary(depth);
        if (token.text == "[" || token.text == "(") return Items(token.text == "[" ? "]" : ")", depth);
        break;
      default:
        break;
    }
    return Wrong("`" + token.text + "` is no value that can be read");
  }

  Result<WrittenValue> Number(const std::string& sign) {
    WrittenValue value{.kind = Kind::kNumber, .line = Now().line, .text = sign};
    for (const char c : Now().text) {
      if (c != '_') value.text += c;
    }
    if (value.text.find_first_not_of("-+0123456789.eE") != std::string::npos)
      return Wrong("a number that is not decimal");
    ++at_;
    return value;
  }

  // Strings side by side are one.
  Result<WrittenValue> Strings(int depth) {
    WrittenValue value{.kind = Kind::kString, .line = Now().line};
    std::string native;
    for (; Now().kind == Token::Kind::kString || Now().kind == Token::Kind::kFormatted; ++at_) {
      if (Now().kind == Token::Kind::kString) {
        value.text += Now().text;
        native += Literal(Now().text);
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(const WrittenValue formatted, Formatted(Now(), depth));
      if (formatted.kind == Kind::kText) value.kind = Kind::kText;
      value.items.insert(value.items.end(), formatted.items.begin(), formatted.items.end());
      value.text += formatted.text;
      native += formatted.kind == Kind::kText ? formatted.text : Literal(formatted.text);
    }
    if (value.kind == Kind::kText) value.text = native;
    return value;
  }

  Result<WrittenValue> Formatted(const Token& token, int depth) {
    WrittenValue plain{.kind = Kind::kString, .line = token.line};
    WrittenValue native{.kind = Kind::kText, .line = token.line};
    bool has_setting = false;
    const std::string& text = token.text;
    for (size_t i = 0; i < text.size(); ++i) {
      const bool doubled = i + 1 < text.size() && text[i + 1] == text[i];
      if (text[i] != '{' || doubled) {
        i += (text[i] == '{' || text[i] == '}') && doubled ? 1 : 0;
        plain.text += text[i];
        native.text += Literal(std::string(1, text[i]));
        continue;
      }
      const size_t end = text.find('}', i);
      const std::string name = text.substr(i + 1, end == std::string::npos ? end : end - i - 1);
      if (end == std::string::npos || NameOf(name) != name)
        return PythonError(token.line, "an f-string with `{" + name + "}`");
      ARROW_ASSIGN_OR_RAISE(const WrittenValue value, Resolve(name, token.line, depth));
      const bool is_text = value.kind == Kind::kString || value.kind == Kind::kNumber;
      const bool is_setting = value.kind == Kind::kSetting || value.kind == Kind::kText;
      if (!is_text && !is_setting)
        return PythonError(token.line, "an f-string with `{" + name + "}`, which is no text");
      has_setting = has_setting || is_setting;
      if (value.kind == Kind::kSetting) native.items.push_back(value);
      native.items.insert(native.items.end(), value.items.begin(), value.items.end());
      plain.text += value.text;
      native.text += value.kind == Kind::kSetting ? SettingText(value.text)
                     : is_text                    ? Literal(value.text)
                                                  : value.text;
      i = end;
    }
    return has_setting ? native : plain;
  }

  Result<WrittenValue> Dictionary(int depth) {
    WrittenValue map{.kind = Kind::kMap, .line = Now().line};
    ++at_;
    while (!Is(at_, "}")) {
      if (Now().kind != Token::Kind::kString) return Wrong("a key of a dictionary that is no plain string");
      std::string key = Now().text;
      ++at_;
      if (!Is(at_, ":")) return Wrong("no `:` after the key `" + key + "`");
      ++at_;
      ARROW_ASSIGN_OR_RAISE(WrittenValue value, Expression(depth + 1));
      std::erase_if(map.entries, [&](const auto& entry) { return entry.key == key; });  // the last one holds
      map.entries.emplace_back(std::move(key), std::move(value));
      ARROW_RETURN_NOT_OK(Separator("}"));
    }
    ++at_;
    return map;
  }

  Result<WrittenValue> Items(const char* close, int depth) {
    WrittenValue list{.kind = Kind::kList, .line = Now().line};
    bool comma = false;
    ++at_;
    while (!Is(at_, close)) {
      ARROW_ASSIGN_OR_RAISE(WrittenValue value, Expression(depth + 1));
      list.items.push_back(std::move(value));
      comma = comma || Is(at_, ",");
      ARROW_RETURN_NOT_OK(Separator(close));
    }
    ++at_;
    // (x) is x, (x,) a tuple.
    if (*close == ')' && !comma && list.items.size() == 1) return std::move(list.items[0]);
    return list;
  }

  Status Separator(const char* close) {
    if (Is(at_, ",")) {
      ++at_;
    } else if (!Is(at_, close)) {
      return Wrong("`" + Now().text + "` where a value ends: what is computed is not read");
    }
    return Status::OK();
  }

  Result<WrittenValue> Name(int depth) {
    const uint32_t line = Now().line;
    std::vector<std::string> names = {Now().text};
    ++at_;
    while (Is(at_, ".") && tokens_[at_ + 1].kind == Token::Kind::kName) {
      names.push_back(tokens_[at_ + 1].text);
      at_ += 2;
    }
    const std::string dotted = Dotted(names);
    if (Is(at_, "[")) return Looked(dotted, "]", line);
    if (Is(at_, "(")) {
      const bool asks = dotted == "os.getenv" || dotted == "os.environ.get" || dotted == "dlt.secrets.get" ||
                        dotted == "dlt.config.get";
      if (asks) return Looked(dotted, ")", line);
      return Call(dotted, line, depth);
    }
    if (dotted == "None") return WrittenValue{.line = line};
    if (dotted == "True" || dotted == "False") return WrittenValue{.kind = Kind::kBool, .line = line, .text = dotted};
    return Resolve(dotted, line, depth);
  }

  // dlt.secrets["a.b"], os.getenv("A")
  Result<WrittenValue> Looked(const std::string& place, const char* close, uint32_t line) {
    const bool known = place.starts_with("dlt.secrets") || place.starts_with("dlt.config") || place.starts_with("os.");
    const bool one = tokens_[at_ + 1].kind == Token::Kind::kString && Is(at_ + 2, close);
    if (!known || !one) return PythonError(line, "`" + place + "` is not known without running it");
    WrittenValue setting{.kind = Kind::kSetting,
                         .line = line,
                         .text = NameOf(tokens_[at_ + 1].text),
                         .is_secret = !place.starts_with("dlt.config")};
    at_ += 3;
    return setting;
  }

  Result<WrittenValue> Call(const std::string& name, uint32_t line, int depth) {
    WrittenValue call{.kind = Kind::kCall, .line = line, .text = name};
    ++at_;
    while (!Is(at_, ")")) {
      std::string keyword;
      if (Now().kind == Token::Kind::kName && Is(at_ + 1, "=")) {
        keyword = Now().text;
        at_ += 2;
      }
      ARROW_ASSIGN_OR_RAISE(WrittenValue value, Expression(depth + 1));
      if (keyword.empty()) {
        call.items.push_back(std::move(value));
      } else {
        call.entries.emplace_back(std::move(keyword), std::move(value));
      }
      ARROW_RETURN_NOT_OK(Separator(")"));
    }
    ++at_;
    return call;
  }

  Result<WrittenValue> Resolve(const std::string& name, uint32_t line, int depth) {
    const auto found = bindings_.find(name);
    if (found == bindings_.end()) return PythonError(line, "`" + name + "` is not known without running it");
    const Binding& binding = found->second;
    if (binding.values.size() != 1) return PythonError(line, "`" + name + "` is bound more than once");
    if (binding.values[0] == 0) return PythonError(line, "the parameter `" + name + "` has no default");
    if (depth > limits_.depth_max) return PythonError(line, "values nested too deep");
    const size_t begin = binding.values[0];
    if (binding.is_parameter && IsName(begin, "dlt") && Is(begin + 1, ".")) {
      const bool secret = IsName(begin + 2, "secrets");
      const bool value = Is(begin + 3, ".") && IsName(begin + 4, "value");
      if ((secret || IsName(begin + 2, "config")) && value) {
        return WrittenValue{.kind = Kind::kSetting, .line = line, .text = NameOf(name), .is_secret = secret};
      }
    }
    const size_t back = at_;
    at_ = begin;
    auto value = Expression(depth + 1);
    at_ = back;
    return value;
  }

  const std::vector<Token> tokens_;
  const PythonLimits limits_;
  std::map<std::string, Binding> bindings_;
  size_t at_ = 0;
  int64_t num_nodes_ = 0;
};

}  // namespace

Result<WrittenValue> ReadPythonDictionary(std::string_view text, const std::vector<std::string>& keys,
                                          const PythonLimits& limits) {
  if (text.size() > limits.bytes_max) return PythonError(1, "the file is larger than 4 MiB");
  ARROW_ASSIGN_OR_RAISE(auto tokens, PythonTokens(text, limits.nodes_max * 4));
  // A few ends more, so that looking ahead stays inside.
  for (int i = 0; i < 8; ++i) tokens.push_back(tokens.back());
  return Reader(std::move(tokens), limits).Read(keys);
}

}  // namespace firn::connector::foreign
