#include "config/yaml_format.h"

#include <yaml.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "config/yaml_tree.h"

namespace firn::config {
namespace {

constexpr size_t kIndent = 2;

struct Line {
  std::string_view text;   // without blanks at its end
  size_t column = 0;       // of the first character that is no blank
  bool continues = false;  // goes on with a value of an earlier line: moved with it, else left alone
  size_t start = 0;        // continues: the line its value starts on
  bool verbatim = false;   // continues: blanks at the end of the line belong to the value
};

/// A mapping or list in block style.
struct Block {
  bool list = false;
  size_t first = 0, last = 0;  // lines
  size_t column = 0;           // of its keys or dashes, as written
  size_t moved = 0;            // the same, as laid out
};

std::vector<Line> SplitLines(std::string_view text) {
  std::vector<Line> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    Line line{.text = text.substr(0, end)};
    while (line.text.ends_with('\r')) line.text.remove_suffix(1);
    line.column = std::min(line.text.find_first_not_of(' '), line.text.size());
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool IsEmpty(const Line& line) {
  return line.text.find_first_not_of(" \t") == std::string_view::npos;
}

bool IsComment(const Line& line) {
  return line.column < line.text.size() && line.text[line.column] == '#';
}

bool IsListItem(const Line& line) {
  const std::string_view rest = line.text.substr(line.column);
  return rest == "-" || rest.starts_with("- ");
}

/// Finds out from libyaml's events what each line belongs to.
class Structure {
 public:
  explicit Structure(std::vector<Line>* lines) : lines_(*lines) { yaml_parser_initialize(&parser_); }
  ~Structure() { yaml_parser_delete(&parser_); }
  Structure(const Structure&) = delete;
  Structure& operator=(const Structure&) = delete;

  /// `text`: known to be good.
  std::vector<Block> Read(const std::string& text) {
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    for (bool more = true; more;) {
      yaml_event_t event;
      if (yaml_parser_parse(&parser_, &event) == 0) break;
      more = event.type != YAML_STREAM_END_EVENT;
      Take(event);
      yaml_event_delete(&event);
    }
    return std::move(blocks_);
  }

 private:
  void Take(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_SCALAR_EVENT:
        return Continue(event.start_mark.line, event.end_mark, event.data.scalar.style);
      case YAML_MAPPING_START_EVENT:
        return Open(event, event.data.mapping_start.style == YAML_BLOCK_MAPPING_STYLE, /*list=*/false);
      case YAML_SEQUENCE_START_EVENT:
        return Open(event, event.data.sequence_start.style == YAML_BLOCK_SEQUENCE_STYLE, /*list=*/true);
      case YAML_MAPPING_END_EVENT:
      case YAML_SEQUENCE_END_EVENT:
        return Close(event);
      default:
        return;
    }
  }

  void Continue(size_t first, const yaml_mark_t& end, int style) {
    const bool block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
    const size_t last =
        end.line + (block && end.column == 0 ? 0 : 1);  // a block scalar ends where the next line begins
    for (size_t i = first + 1; i < std::min(last, lines_.size()); ++i) {
      if (!lines_[i].continues) lines_[i].start = first;
      lines_[i].continues = true;
      lines_[i].verbatim |= block;
    }
  }

  void Open(const yaml_event_t& event, bool block, bool list) {
    open_.push_back(block ? std::optional(blocks_.size()) : std::nullopt);
    starts_.push_back(event.start_mark.line);
    if (!block) return;
    const size_t line = event.start_mark.line, column = event.start_mark.column;
    FIRN_CHECK(line < lines_.size());  // lines are told apart as libyaml does
    Block added{.list = list, .first = line, .last = line, .column = column, .moved = 0};
    const Block* parent = nullptr;
    for (const auto& at : open_) {
      if (at && *at < blocks_.size()) parent = &blocks_[*at];
    }
    if (parent == nullptr) {
      added.moved = 0;
    } else if (lines_[line].column < column) {  // "- key: value": as far from the dash as it was
      added.moved = parent->moved + (column - parent->column);
    } else {
      added.moved = parent->moved + kIndent;
    }
    blocks_.push_back(added);
  }

  void Close(const yaml_event_t& event) {
    const auto block = open_.back();
    const size_t start = starts_.back();
    open_.pop_back();
    starts_.pop_back();
    if (block) {
      blocks_[*block].last = std::max(blocks_[*block].first, event.end_mark.line);
    } else {
      Continue(start, event.end_mark, YAML_FLOW_MAPPING_STYLE);
    }
  }

  yaml_parser_t parser_;
  std::vector<Line>& lines_;
  std::vector<Block> blocks_;
  std::vector<std::optional<size_t>> open_;  // of each open collection its block; nullopt: in flow style
  std::vector<size_t> starts_;
};

/// Returns by how much a line with content moves to the right: the innermost block whose keys or dashes stand there.
std::optional<std::ptrdiff_t> ShiftOf(const std::vector<Line>& lines, const std::vector<Block>& blocks, size_t at) {
  const Block* found = nullptr;
  for (const Block& block : blocks) {
    if (block.first > at) break;
    if (at > block.last || block.column != lines[at].column || block.list != IsListItem(lines[at])) continue;
    found = &block;
  }
  if (found == nullptr) return std::nullopt;
  return static_cast<std::ptrdiff_t>(found->moved) - static_cast<std::ptrdiff_t>(found->column);
}

std::string_view WithoutBlanks(std::string_view text) {
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

// A comment moves with the line above if it stands below its first character, unless it does so with the line below.
std::ptrdiff_t ShiftOfComment(const Line& comment, const Line* above, std::ptrdiff_t above_shift, const Line* below,
                              std::ptrdiff_t below_shift) {
  const bool with_above =
      above != nullptr && above->column == comment.column && (below == nullptr || below->column != comment.column);
  if (with_above) return above_shift;
  if (below == nullptr) return 0;
  return static_cast<std::ptrdiff_t>(below->column) + below_shift - static_cast<std::ptrdiff_t>(comment.column);
}

std::vector<std::ptrdiff_t> Shifts(const std::vector<Line>& lines, const std::vector<Block>& blocks) {
  std::vector<std::ptrdiff_t> shifts(lines.size(), 0);
  std::vector<size_t> content;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].continues) {
      shifts[i] = shifts[lines[i].start];
    } else if (!IsEmpty(lines[i]) && !IsComment(lines[i])) {
      shifts[i] = ShiftOf(lines, blocks, i).value_or(0);
      content.push_back(i);
    }
  }
  size_t next = 0;  // of `content`
  for (size_t i = 0; i < lines.size(); ++i) {
    while (next < content.size() && content[next] <= i) ++next;
    if (lines[i].continues || !IsComment(lines[i])) continue;
    const size_t above = next == 0 ? 0 : content[next - 1], below = next == content.size() ? 0 : content[next];
    shifts[i] = ShiftOfComment(lines[i], next == 0 ? nullptr : &lines[above], shifts[above],
                               next == content.size() ? nullptr : &lines[below], shifts[below]);
  }
  return shifts;
}

std::string Write(const std::vector<Line>& lines, const std::vector<std::ptrdiff_t>& shifts) {
  std::string out;
  bool empty_before = true;  // none at the beginning
  for (size_t i = 0; i < lines.size(); ++i) {
    const Line& line = lines[i];
    if (IsEmpty(line) && !line.continues) {
      if (!empty_before) out += '\n';
      empty_before = true;
      continue;
    }
    empty_before = false;
    const std::string_view text = line.verbatim ? line.text : WithoutBlanks(line.text);
    const auto column = static_cast<std::ptrdiff_t>(line.column) + shifts[i];
    if (line.column < text.size()) {
      out.append(static_cast<size_t>(std::max<std::ptrdiff_t>(column, 0)), ' ');
      out += text.substr(line.column);
    } else if (line.verbatim && column > 0) {
      out.append(static_cast<size_t>(column), ' ');
    }
    out += '\n';
  }
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

bool SameTree(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.text != b.text || a.quoted != b.quoted || a.items.size() != b.items.size() ||
      a.entries.size() != b.entries.size()) {
    return false;
  }
  for (size_t i = 0; i < a.items.size(); ++i) {
    if (!SameTree(a.items[i], b.items[i])) return false;
  }
  for (size_t i = 0; i < a.entries.size(); ++i) {
    if (a.entries[i].key != b.entries[i].key || !SameTree(a.entries[i].value, b.entries[i].value)) return false;
  }
  return true;
}

Result<Node> Parse(const std::string& text, const std::string& name) {
  Diagnostics diagnostics;
  const auto node = ParseYaml(std::make_shared<const SourceFile>(SourceFile{.name = name, .text = text}), &diagnostics);
  if (!node || diagnostics.has_errors()) return diagnostics.ToStatus();
  return *node;
}

std::string LaidOut(const std::string& text) {
  std::vector<Line> lines = SplitLines(text);
  const std::vector<Block> blocks = Structure(&lines).Read(text);
  return Write(lines, Shifts(lines, blocks));
}

// YAML 1.1, which libyaml counts lines by, knows more line ends than files of people have.
bool HasOtherLineEnds(std::string_view text) {
  for (const std::string_view end : {"\r", "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"}) {
    if (text.find(end) != std::string_view::npos) return true;
  }
  return false;
}

std::string WithoutReturns(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') plain += text[i];
  }
  return plain;
}

Status CannotBe(const std::string& name) {
  return MakeError(Fault::kConfig, "the file cannot be laid out anew without changing what it says",
                   {.where = name, .state = "the file is as it was"});
}

}  // namespace

Result<std::string> FormatYaml(const std::string& text, const std::string& name) {
  constexpr int kPassesMax = 4;
  ARROW_ASSIGN_OR_RAISE(const Node before, Parse(text, name));
  const std::string plain = WithoutReturns(text);
  if (HasOtherLineEnds(plain)) {
    return MakeError(Fault::kConfig, "the file has line ends that are neither \\n nor \\r\\n",
                     {.where = name, .state = "the file is as it was"});
  }
  std::string formatted = LaidOut(plain);
  for (int pass = 1;; ++pass) {
    const auto after = Parse(formatted, name);
    if (!after.ok() || !SameTree(before, *after)) return CannotBe(name);
    std::string again = LaidOut(formatted);
    if (again == formatted) return formatted;
    if (pass == kPassesMax) return CannotBe(name);
    formatted = std::move(again);
  }
}

}  // namespace firn::config
