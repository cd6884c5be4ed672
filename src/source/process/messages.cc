#include "source/process/messages.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "base/redactor.h"
#include "format/json/page.h"

namespace firn::source::process {
namespace {

namespace json = format::json;
using Protocol = config::ProcessProtocol;

constexpr char kTooLarge[] = "a state of more than 4 MiB, or nested deeper than 200 levels";
constexpr size_t kWordsBytesMax = 2'000;  // of a program's log lines and errors

// Where the parts of an envelope are; indexes of captures.
enum Part : size_t { kType, kStream, kRecord, kState, kControl, kTrace, kLog };

std::vector<std::string> PathsOf(Protocol protocol) {
  if (protocol == Protocol::kSinger) return {"type", "stream", "record", "value", "-", "-", "message"};
  return {"type", "record.stream", "record.data", "state", "control.connectorConfig.config", "trace", "log.message"};
}

std::string Words(std::string_view raw) {
  const auto plain = json::UnescapeString(raw);
  return ProcessRedactor().Redact(std::string_view(plain.ok() ? *plain : std::string(raw)).substr(0, kWordsBytesMax));
}

// States and traces are small and flat; what is not would be too much for whoever reads them later.
bool IsReasonable(std::string_view text) {
  constexpr size_t kBytesMax = size_t{4} << 20;
  constexpr int kDepthMax = 200;
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '{' || c == '[') && ++depth > kDepthMax) {
      return false;
    } else if (!in_string && (c == '}' || c == ']')) {
      --depth;
    }
  }
  return text.size() <= kBytesMax;
}

// True if the record is nothing but {"@state": <state>}. `state` lies in `record`.
bool StandsAlone(std::string_view record, std::string_view state) {
  std::string around(record.substr(0, static_cast<size_t>(state.data() - record.data())));
  around += record.substr(around.size() + state.size());
  std::erase_if(around, [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
  return around == "{\"@state\":}";
}

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// Programs and what they call print other things, too; those are no messages.
bool LooksLikeMessage(std::string_view line) {
  const size_t begin = line.find_first_not_of(" \t");
  return begin != std::string_view::npos && line[begin] == '{';
}

Result<JsonRows> RowsOf(const std::string& records, arrow::MemoryPool* pool) {
  JsonRows rows;
  ARROW_ASSIGN_OR_RAISE(rows.page, json::Page::Parse(records, {.layout = json::PageLayout::kLines, .pool = pool}));
  rows.rows.resize(rows.page->num_records());
  for (uint32_t i = 0; i < rows.page->num_records(); ++i) rows.rows[i] = i;
  return rows;
}

// Gathers records until something follows them.
class Gathering {
 public:
  explicit Gathering(arrow::MemoryPool* pool) : pool_(pool) {}

  void Add(std::string_view record) {
    const size_t begin = records_.size();
    records_ += record;
    // Line breaks inside strings are always escaped, so all that are found are between tokens.
    std::replace(records_.begin() + static_cast<std::ptrdiff_t>(begin), records_.end(), '\n', ' ');
    records_ += '\n';
  }

  Status End(Message after) {
    if (!records_.empty()) {
      after.num_bytes = static_cast<int64_t>(records_.size());
      ARROW_ASSIGN_OR_RAISE(after.rows, RowsOf(records_, pool_));
      records_.clear();
    }
    if (after.rows || after.state || after.config) messages_.push_back(std::move(after));
    return Status::OK();
  }

  std::vector<Message> Take() { return std::move(messages_); }

 private:
  arrow::MemoryPool* const pool_;
  std::string records_;
  std::vector<Message> messages_;
};

}  // namespace

Result<std::vector<Message>> MessageReader::Read(std::string_view block) {
  if (IsBlank(block)) return std::vector<Message>();
  auto messages = protocol_ == Protocol::kNdjson ? ReadRows(block) : ReadEnvelopes(block);
  num_lines_ += std::count(block.begin(), block.end(), '\n');
  return messages;
}

Result<std::vector<Message>> MessageReader::ReadRows(std::string_view block) {
  ARROW_ASSIGN_OR_RAISE(
      const auto page,
      json::Page::Parse(block, {.layout = json::PageLayout::kLines, .captures = {"@state"}, .pool = pool_}));
  std::vector<Message> messages;
  Message next;
  const auto end = [&](std::optional<std::string> state) {
    if (next.rows) next.rows->page = page;
    next.state = std::move(state);
    if (next.rows || next.state) messages.push_back(std::exchange(next, {}));
  };
  for (uint32_t i = 0; i < page->num_records(); ++i) {
    if (const auto state = page->Captured(i, 0)) {
      if (!StandsAlone(page->RecordText(i), *state)) return Broken(i, "a state stands alone in its line");
      if (!IsReasonable(*state)) return Broken(i, kTooLarge);
      end(std::string(*state));
      continue;
    }
    if (!next.rows) next.rows.emplace();
    next.rows->rows.push_back(i);
    next.num_bytes += static_cast<int64_t>(page->RecordText(i).size());
  }
  end(std::nullopt);
  return messages;
}

Result<std::vector<Message>> MessageReader::ReadEnvelopes(std::string_view block) {
  // Only lines that look like messages become records, so record numbers are not line numbers: those are kept aside.
  std::string text;
  std::vector<uint32_t> lines;
  uint32_t number = 0;
  for (std::string_view rest = block; !rest.empty(); ++number) {
    const size_t size = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, size);
    rest.remove_prefix(std::min(size + 1, rest.size()));
    if (LooksLikeMessage(line)) {
      text.append(line).push_back('\n');
      lines.push_back(number);
    } else if (!IsBlank(line)) {
      log::Info("program said", {{"stream", stream_}, {"text", Words(line)}});
    }
  }
  if (text.empty()) return std::vector<Message>();
  ARROW_ASSIGN_OR_RAISE(
      const auto page,
      json::Page::Parse(text, {.layout = json::PageLayout::kLines, .captures = PathsOf(protocol_), .pool = pool_}));
  if (!page->bad_records().empty()) {
    const json::BadRecord& bad = page->bad_records().front();
    return Broken(lines[std::min<size_t>(bad.ordinal, lines.size() - 1)], bad.reason);
  }
  Gathering gathering(pool_);
  for (uint32_t i = 0; i < page->num_records(); ++i) {
    const std::string type = Words(page->Captured(i, kType).value_or(""));
    const auto part = [&](Part of) { return page->Captured(i, of); };
    if (type == "RECORD") {
      if (!part(kStream) || !part(kRecord)) return Broken(lines[i], "a RECORD without stream or record");
      const auto stream = json::UnescapeString(*part(kStream));
      if (stream.ok() && *stream == stream_) gathering.Add(*part(kRecord));
    } else if (type == "STATE") {
      if (!part(kState)) return Broken(lines[i], "a STATE without a value");
      if (!IsReasonable(*part(kState))) return Broken(lines[i], kTooLarge);
      ARROW_RETURN_NOT_OK(gathering.End({.state = std::string(*part(kState))}));
    } else if (type == "CONTROL" && part(kControl)) {
      if (!IsReasonable(*part(kControl))) return Broken(lines[i], kTooLarge);
      ARROW_RETURN_NOT_OK(gathering.End({.config = std::string(*part(kControl))}));
    } else if (type == "TRACE" && part(kTrace)) {
      if (!IsReasonable(*part(kTrace))) return Broken(lines[i], kTooLarge);
      ARROW_RETURN_NOT_OK(Failure(*part(kTrace)));
    } else if (type == "BATCH") {
      return Broken(lines[i], "rows in files (BATCH) are not read: switch them off in the program's configuration");
    } else if (type == "LOG" && part(kLog)) {
      log::Info("program said", {{"stream", stream_}, {"text", Words(*part(kLog))}});
    } else if (type.empty()) {
      return Broken(lines[i], "a message without a type");
    }
  }
  ARROW_RETURN_NOT_OK(gathering.End({}));
  return gathering.Take();
}

// Statuses of streams and estimates are told by TRACE, too; only errors count.
Status MessageReader::Failure(std::string_view trace) const {
  const auto told = nlohmann::json::parse(trace, nullptr, /*allow_exceptions=*/false);
  if (!told.is_object() || told.value("type", nlohmann::json()) != "ERROR") return Status::OK();
  const auto error = told.value("error", nlohmann::json());
  const auto text = [&](const char* key) {
    const auto found = error.is_object() ? error.find(key) : error.end();
    return found != error.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const std::string type = text("failure_type");
  return MakeError(
      type == "config_error"      ? Fault::kConfig
      : type == "transient_error" ? Fault::kTransient
                                  : Fault::kBadData,
      "the program reports an error: " +
          ProcessRedactor().Redact(std::string_view(text("message")).substr(0, kWordsBytesMax)),
      {.code = "E0651",
       .why = ProcessRedactor().Redact(std::string_view(text("internal_message")).substr(0, kWordsBytesMax))});
}

Status MessageReader::Broken(uint32_t line, std::string_view why) const {
  return MakeError(Fault::kBadData,
                   "line " + std::to_string(num_lines_ + line + 1) + " of the program is no message that is understood",
                   {.code = "E0650", .why = std::string(why)});
}

}  // namespace firn::source::process
