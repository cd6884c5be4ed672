#include "format/json/page_builder.h"

#include <arrow/buffer.h>

#include <cstring>
#include <limits>

#include "format/json/excerpt.h"
#include "format/json/record_guess.h"
#include "format/json/record_path.h"

namespace firn::format::json {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

Status BodyError(const char* code, std::string what, std::string why) {
  return MakeError(Fault::kBadData, std::move(what), {.code = code, .why = std::move(why)});
}

size_t FirstNonSpace(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && IsSpace(static_cast<uint8_t>(text[at]))) ++at;
  return at;
}

}  // namespace

PageBuilder::PageBuilder(std::shared_ptr<arrow::Buffer> buffer, const PageOptions& options)
    : page_(new Page()), options_(options) {
  page_->buffer_ = std::move(buffer);
  page_->pool_ = options.pool;
  page_->body_ = {reinterpret_cast<const char*>(page_->buffer_->data()), static_cast<size_t>(page_->buffer_->size())};
  if (page_->body_.starts_with(kByteOrderMark)) page_->body_.remove_prefix(kByteOrderMark.size());
  page_->index_ = std::make_unique<StructuralIndex>(options.pool);
}

Result<std::shared_ptr<const Page>> PageBuilder::Build() {
  ARROW_RETURN_NOT_OK(CheckBody());
  ARROW_RETURN_NOT_OK(Index());
  page_->num_captures_ = options_.captures.size();
  Capture();
  return std::shared_ptr<const Page>(std::move(page_));
}

Status PageBuilder::CheckBody() {
  const std::string_view body = page_->body_;
  const size_t first = FirstNonSpace(body);
  if (first == body.size()) return BodyError("E0601", "the body is empty", "");
  if (body[first] == '<') {
    return BodyError("E0602", "the body is HTML or XML, not JSON",
                     "starts with " + StructureExcerpt(body.substr(first, 40)));
  }
  if (static_cast<int64_t>(body.size()) > PageOptions::kBodyBytesMax) {
    return BodyError("E0606", "the body is too large for one page: " + std::to_string(body.size()) + " bytes", "");
  }
  return Status::OK();
}

Status PageBuilder::Index() {
  const StructuralIndex::Problem problem = page_->index_->Build(page_->body_);
  begin_ = page_->index_->offsets().data();
  end_ = begin_ + page_->index_->offsets().size();
  const bool may_be_lines =
      options_.layout != PageLayout::kDocument && (options_.records.empty() || options_.records == "auto");
  if (problem != StructuralIndex::Problem::kNone) {
    if (options_.layout == PageLayout::kLines || (may_be_lines && LooksLikeLines())) return ReadBrokenLines();
    const std::string why = ProblemText(problem);
    if (problem == StructuralIndex::Problem::kInvalidUtf8)
      return BodyError("E0603", "the body is not valid UTF-8", why);
    if (problem == StructuralIndex::Problem::kUnclosedString) return BodyError("E0605", "the JSON is cut off", why);
    if (problem == StructuralIndex::Problem::kOther) return MakeError(Fault::kBug, "structural index failed");
    return BodyError("E0604", "the body is not valid JSON", why);
  }
  if (options_.layout == PageLayout::kLines || (may_be_lines && FirstValueIsOneLine())) return ReadLines({});
  const Status status = ReadDocument();
  if (status.ok() || !may_be_lines || options_.layout == PageLayout::kDocument || !LooksLikeLines()) return status;
  page_->records_.clear();
  return ReadLines({});
}

// True if some line ends with } and the next begins with {: in valid JSON that is always a boundary between values.
bool PageBuilder::LooksLikeLines() const {
  const std::string_view body = page_->body_;
  for (size_t at = body.find('\n'); at != std::string_view::npos; at = body.find('\n', at + 1)) {
    size_t before = at;
    while (before > 0 && IsSpace(static_cast<uint8_t>(body[before - 1]))) --before;
    const size_t after = at + FirstNonSpace(body.substr(at));
    if (before > 0 && body[before - 1] == '}' && after < body.size() && body[after] == '{') return true;
  }
  return false;
}

// True if the first value ends on its line and another one begins on a later line.
bool PageBuilder::FirstValueIsOneLine() const {
  SyntaxFault fault;
  const uint32_t* after = SkipValue(bytes(), begin_, end_, Depth::kBracketsOnly, fault);
  if (!after || after == end_) return false;
  const ValueSpan first = SpanOf(bytes(), begin_, after);
  const std::string_view body = page_->body_;
  const bool one_line = body.substr(first.begin, first.end - first.begin).find('\n') == std::string_view::npos;
  return one_line && body.substr(first.end, *after - first.end).find('\n') != std::string_view::npos;
}

Status PageBuilder::ReadBrokenLines() {
  page_->indexed_by_lines_ = true;
  ARROW_ASSIGN_OR_RAISE(const auto broken, page_->index_->BuildLines(page_->body_));
  return ReadLines(broken);
}

Status PageBuilder::ReadLines(const std::vector<StructuralIndex::Broken>& broken) {
  const std::string_view body = page_->body_;
  page_->is_lines_ = true;
  begin_ = page_->index_->offsets().data();
  end_ = begin_ + page_->index_->offsets().size();
  page_->records_.reserve(body.size() / 256 + 1);
  size_t next_broken = 0;
  for (size_t begin = 0; begin < body.size();) {
    const void* found = std::memchr(body.data() + begin, '\n', body.size() - begin);
    const size_t line_end = found ? static_cast<size_t>(static_cast<const char*>(found) - body.data()) : body.size();
    size_t first = begin, last = line_end;
    while (first < last && IsSpace(static_cast<uint8_t>(body[first]))) ++first;
    while (last > first && IsSpace(static_cast<uint8_t>(body[last - 1]))) --last;
    begin = line_end + 1;
    if (first == last) continue;
    if (next_broken < broken.size() && broken[next_broken].begin == first) {
      const auto& line = broken[next_broken++];
      ARROW_RETURN_NOT_OK(NoteBad(line.begin, line.end, ProblemText(line.problem)));
    }
    page_->records_.push_back({static_cast<uint32_t>(first), static_cast<uint32_t>(last)});
  }
  return Status::OK();
}

Status PageBuilder::NoteBad(uint32_t begin, uint32_t end, const char* reason) {
  BadRecord bad{.ordinal = page_->num_records(),
                .byte_offset = begin,
                .reason = reason,
                .excerpt = StructureExcerpt(page_->body_.substr(begin, end - begin))};
  if (options_.on_bad == OnBadRecord::kFail) {
    return BodyError("E0604",
                     "record " + std::to_string(bad.ordinal + 1) + " is not valid JSON: " + reason + ", offset " +
                         std::to_string(begin),
                     bad.excerpt);
  }
  page_->bad_records_.push_back(std::move(bad));
  return Status::OK();
}

Result<std::string> PageBuilder::GuessPath() const {
  const RecordsGuess guess = GuessRecords(bytes(), begin_, end_);
  if (guess.kind == RecordsGuess::Kind::kPath) return guess.path;
  if (guess.kind == RecordsGuess::Kind::kErrorBody) {
    return MakeError(Fault::kBadData, "the API answered with an error though its status is good",
                     {.code = "E0444", .next = "if this is a record, declare records: ."});
  }
  std::string choices;
  for (const std::string& path : guess.candidates) choices += (choices.empty() ? "" : " | ") + path;
  return MakeError(Fault::kConfig, "it is not clear which part of the answer holds the records",
                   {.code = "E0447",
                    .why = "there are fields beside the list, which would be lost: " + guess.why,
                    .next = "declare records: " + choices + "   (. is the whole body as one record)"});
}

Status PageBuilder::ReadDocument() {
  std::string path = options_.records;
  if (path == "auto") {
    ARROW_ASSIGN_OR_RAISE(path, GuessPath());
  }
  page_->records_path_ = path;
  segments_ = SplitPath(path);
  found_ = segments_.empty();
  for (const uint32_t* at = begin_; at != end_;) {
    at = Locate(at, 0);
    if (!at) return SyntaxError(fault_);
  }
  page_->records_found_ = found_;
  return Status::OK();
}

Status PageBuilder::SyntaxError(const SyntaxFault& fault) const {
  const std::string place = std::string(fault.reason) + ", offset " + std::to_string(fault.offset);
  if (fault.offset >= page_->body_.size()) return BodyError("E0605", "the JSON is cut off: " + place, "");
  return BodyError("E0604", "the body is not valid JSON: " + place, StructureExcerpt(page_->body_, fault.offset));
}

const uint32_t* PageBuilder::Fail(const char* reason, const uint32_t* at) {
  fault_ = {at == end_ ? "unexpected end" : reason, *at};
  return nullptr;
}

const uint32_t* PageBuilder::Locate(const uint32_t* at, size_t segment) {
  if (segment == segments_.size()) return TakeRecords(at);
  if (bytes()[*at] == '{') return LocateInObject(at, segment);
  if (bytes()[*at] == '[' && segments_[segment] == "*") return LocateInArray(at, segment);
  return SkipValue(bytes(), at, end_, Depth::kFull, fault_);
}

const uint32_t* PageBuilder::LocateInObject(const uint32_t* at, size_t segment) {
  if (++at != end_ && bytes()[*at] == '}') return at + 1;
  while (true) {
    if (at == end_ || bytes()[*at] != '"') return Fail("key expected", at);
    const std::string_view literal = TokenText(bytes(), at);
    if (const char* reason = CheckScalar(literal)) return Fail(reason, at);
    if (++at == end_ || bytes()[*at] != ':') return Fail("colon expected", at);
    if (++at == end_) return Fail("value expected", at);
    const bool matches =
        segments_[segment] == "*" || KeyEquals(literal.substr(1, literal.size() - 2), segments_[segment]);
    at = matches ? Locate(at, segment + 1) : SkipValue(bytes(), at, end_, Depth::kFull, fault_);
    if (!at) return nullptr;
    if (at == end_ || (bytes()[*at] != ',' && bytes()[*at] != '}')) return Fail("comma or } expected", at);
    if (bytes()[*at++] == '}') return at;
  }
}

const uint32_t* PageBuilder::LocateInArray(const uint32_t* at, size_t segment) {
  if (++at != end_ && bytes()[*at] == ']') {
    found_ = true;  // all of no items
    return at + 1;
  }
  while (true) {
    if (at == end_) return Fail("value expected", at);
    at = Locate(at, segment + 1);
    if (!at) return nullptr;
    if (at == end_ || (bytes()[*at] != ',' && bytes()[*at] != ']')) return Fail("comma or ] expected", at);
    if (bytes()[*at++] == ']') return at;
  }
}

// The value at `at` is where the records are. Only brackets and commas are looked at: a record with a broken inside is
// quarantined by the decoder and does not cost its page.
const uint32_t* PageBuilder::TakeRecords(const uint32_t* at) {
  found_ = true;
  const auto take = [&](const uint32_t* record) -> const uint32_t* {
    const uint32_t* after = SkipValue(bytes(), record, end_, Depth::kBracketsOnly, fault_);
    if (!after) return nullptr;
    const ValueSpan span = SpanOf(bytes(), record, after);
    page_->records_.push_back({span.begin, span.end});
    return after;
  };
  if (bytes()[*at] == 'n' && TokenText(bytes(), at) == "null") return at + 1;
  if (bytes()[*at] != '[') return take(at);
  if (++at != end_ && bytes()[*at] == ']') return at + 1;
  while (true) {
    if (at == end_) return Fail("value expected", at);
    at = take(at);
    if (!at) return nullptr;
    if (at == end_ || (bytes()[*at] != ',' && bytes()[*at] != ']')) return Fail("comma or ] expected", at);
    if (bytes()[*at++] == ']') return at;
  }
}

void PageBuilder::Capture() {
  if (options_.captures.empty()) return;
  std::vector<std::vector<std::string>> paths;
  for (const std::string& capture : options_.captures) paths.push_back(SplitPath(capture));
  page_->captured_.reserve(page_->records_.size() * paths.size());
  size_t next_bad = 0;
  for (uint32_t i = 0; i < page_->num_records(); ++i) {
    const bool bad = next_bad < page_->bad_records_.size() && page_->bad_records_[next_bad].ordinal == i;
    next_bad += bad;
    const uint32_t* at = page_->index_->LowerBound(page_->records_[i].begin);
    const uint32_t* end = page_->index_->LowerBound(page_->records_[i].end);
    for (const auto& path : paths) {
      const std::optional<ValueSpan> span = bad ? std::nullopt : FindPath(bytes(), at, end, path);
      page_->captured_.push_back(span ? Page::Span{span->begin, span->end} : Page::Span{});
    }
  }
}

}  // namespace firn::format::json
