// Detection of pagination from the first answer. The lists are names seen in public APIs, most specific first.
#include <algorithm>
#include <array>
#include <string_view>

#include "expression/value.h"
#include "source/rest/errors.h"
#include "source/rest/paginator.h"

namespace firn::source::rest {
namespace {

using connector::PaginatePlan;
using Type = PaginatePlan::Type;

constexpr std::array<std::string_view, 9> kEnvelopes = {
    "", "meta.", "pagination.", "paging.", "page_info.", "page.", "links.", "_links.", "response_metadata."};

struct CursorName {
  std::string_view field;
  std::string_view param;
};
constexpr std::array<CursorName, 12> kCursors = {{{"next_cursor", "cursor"},
                                                  {"nextCursor", "cursor"},
                                                  {"next_page_token", "page_token"},
                                                  {"nextPageToken", "pageToken"},
                                                  {"next_token", "next_token"},
                                                  {"nextToken", "nextToken"},
                                                  {"continuation_token", "continuation_token"},
                                                  {"continuationToken", "continuationToken"},
                                                  {"cursors.after", "after"},
                                                  {"next.after", "after"},
                                                  {"end_cursor", "after"},
                                                  {"cursor", "cursor"}}};
constexpr std::array<std::string_view, 9> kNextUrls = {"next",      "next.href",       "next_url",
                                                       "nextUrl",   "next_page_url",   "nextLink",
                                                       "next_link", "@odata.nextLink", "next.link"};
constexpr std::array<std::string_view, 8> kTotalPages = {"total_pages", "totalPages", "last_page", "lastPage",
                                                         "page_count",  "pageCount",  "num_pages", "pages"};
constexpr std::array<std::string_view, 6> kCurrentPage = {"page",        "current_page", "currentPage",
                                                          "page_number", "pageNumber",   "number"};
constexpr std::array<std::string_view, 7> kTotalRows = {
    "total", "total_count", "totalCount", "total_results", "totalResults", "total_records", "totalElements"};
constexpr std::array<std::string_view, 4> kHasMore = {"has_more", "hasMore", "has_next", "has_next_page"};

// Finds the first of `names` in any envelope that is there at all (null counts). Returns its path.
template <typename Names>
std::optional<std::string> FindPath(const format::json::Page& page, const Names& names) {
  for (const std::string_view envelope : kEnvelopes) {
    for (const std::string_view name : names) {
      std::string path = std::string(envelope) + std::string(name);
      if (page.FindInBody(path)) return path;
    }
  }
  return std::nullopt;
}

template <typename Names>
std::optional<std::pair<std::string, int64_t>> FindInt(const format::json::Page& page, const Names& names) {
  for (const std::string_view envelope : kEnvelopes) {
    for (const std::string_view name : names) {
      std::string path = std::string(envelope) + std::string(name);
      const auto raw = page.FindInBody(path);
      if (!raw) continue;
      const auto value = expression::ParseJson(*raw);
      if (value.ok() && value->kind() == expression::Value::Kind::kInt) return std::pair(path, value->as_int());
    }
  }
  return std::nullopt;
}

bool LooksLikeUrl(const std::string& text) {
  return text.rfind("http://", 0) == 0 || text.rfind("https://", 0) == 0 || text.rfind('/', 0) == 0 ||
         text.rfind('?', 0) == 0;
}

class Detector {
 public:
  Detector(const PaginatePlan& declared, const PageAnswer& answer) : answer_(answer), page_(*answer.page) {
    found_.plan = declared;
    found_.plan.type = Type::kNone;
  }

  DetectedPagination Run() {
    if (ByHeaders()) return found_;
    // A body that is itself the record may have fields of any name.
    if (page_.records_path().empty() && !TopLevelKeys(page_.body(), 1).empty()) return found_;
    if (ByNextUrl() || ByCursor() || ByPageNumber() || ByOffset()) return found_;
    const auto more = FindPath(page_, kHasMore);
    if (more && BodyValue(page_, *more, Want::kTruthy)) {
      found_.more = "'" + *more + "' says there is more";
      found_.plan.has_more = *more;
    } else if (more) {
      found_.why = "'" + *more + "' says there is no more";
    } else {
      ByTotal();
    }
    return found_;
  }

 private:
  bool Found(Type type, std::string why) {
    found_.plan.type = type;
    found_.why = std::move(why);
    return true;
  }

  bool ByHeaders() {
    if (io::LinkTarget(*answer_.headers, found_.plan.rel)) {
      return Found(Type::kLinkHeader, "the response has a Link header with rel=\"next\"");
    }
    for (const std::string_view name : {"X-Next-Cursor", "Next-Cursor", "X-Continuation-Token"}) {
      const auto value = answer_.headers->Get(name);
      if (!value || value->empty()) continue;
      found_.plan.next_header = name;
      if (found_.plan.param.empty())
        found_.plan.param = name == "X-Continuation-Token" ? "continuation_token" : "cursor";
      return Found(Type::kCursor, "the response has the header " + std::string(name));
    }
    const auto next_page = answer_.headers->Get("X-Next-Page");
    if (next_page && *next_page == "2") {
      SetPage("page", 1);
      return Found(Type::kPage, "the response has the header X-Next-Page");
    }
    if (!io::ParseLinks(*answer_.headers).empty()) {
      found_.why = "the Link header names no next page";
      return true;
    }
    return false;
  }

  bool ByNextUrl() {
    for (const std::string_view envelope : kEnvelopes) {
      for (const std::string_view name : kNextUrls) {
        const std::string path = std::string(envelope) + std::string(name);
        const auto raw = page_.FindInBody(path);
        if (!raw) continue;
        const auto value = BodyValue(page_, path, Want::kTruthy);
        if (value && raw->front() == '"' && LooksLikeUrl(*value)) {
          found_.plan.next = path;
          return Found(Type::kNextUrl, "'" + path + "' in the body is a URL");
        }
        if (value && raw->front() == '"' && name == "next") {
          found_.plan.next = path;
          if (found_.plan.param.empty()) found_.plan.param = "cursor";
          return Found(Type::kCursor, "'" + path + "' in the body is a token");
        }
        if (!value) {
          found_.why = "'" + path + "' in the body is empty";
          return true;  // the first page is the last
        }
      }
    }
    return false;
  }

  bool ByCursor() {
    for (const std::string_view envelope : kEnvelopes) {
      for (const CursorName& name : kCursors) {
        const std::string path = std::string(envelope) + std::string(name.field);
        if (!page_.FindInBody(path)) continue;
        const auto value = BodyValue(page_, path, Want::kTruthy);
        found_.plan.next = path;
        if (found_.plan.param.empty()) found_.plan.param = name.param;
        if (const auto more = FindPath(page_, kHasMore); more && found_.plan.has_more.empty())
          found_.plan.has_more = *more;
        return Found(Type::kCursor, "'" + path + "' in the body is " + (value ? "a token" : "an empty token"));
      }
    }
    return false;
  }

  void SetPage(const std::string& param, int64_t first) {
    if (found_.plan.param.empty()) found_.plan.param = param;
    found_.plan.first = first;
  }

  bool ByPageNumber() {
    const auto pages = FindInt(page_, kTotalPages);
    const auto current = FindInt(page_, kCurrentPage);
    const auto next = FindPath(page_, std::array<std::string_view, 2>{"next_page", "nextPage"});
    if (!pages && !next && !current) return false;
    if (!current && !next && pages->first.ends_with("pages") && pages->first.size() == 5 && pages->second == 0)
      return false;
    if (current && current->second > 1) return false;  // no number of a first page
    const bool numbers = pages || current || (next && BodyValue(page_, *next, Want::kAny));
    if (!numbers) return false;
    SetPage(current && current->first.ends_with("pageNumber") ? "pageNumber" : "page", current ? current->second : 1);
    if (pages && found_.plan.total_pages.empty()) {
      found_.plan.total_pages = pages->first;
      return Found(Type::kPage, "'" + pages->first + "' in the body is the number of pages");
    }
    if (next) {
      found_.plan.has_more = *next;
      return Found(Type::kPage, "'" + *next + "' in the body is the next page number");
    }
    if (const auto more = FindPath(page_, kHasMore)) found_.plan.has_more = *more;
    if (const auto total = FindInt(page_, kTotalRows); total && found_.plan.has_more.empty()) {
      found_.plan.total_rows = total->first;
    }
    return Found(Type::kPage, "'" + current->first + "' in the body is the page number");
  }

  bool ByOffset() {
    const auto offset = FindInt(page_, std::array<std::string_view, 3>{"offset", "skip", "start"});
    if (!offset || offset->second != 0) return false;
    const std::string name = offset->first.substr(offset->first.rfind('.') + 1);
    if (found_.plan.param.empty()) found_.plan.param = name;
    found_.plan.first = 0;
    if (const auto more = FindPath(page_, kHasMore)) found_.plan.has_more = *more;
    if (const auto total = FindInt(page_, kTotalRows); total && found_.plan.has_more.empty()) {
      found_.plan.total_rows = total->first;
    }
    return Found(Type::kOffset, "'" + offset->first + "' in the body is the offset");
  }

  void ByTotal() {
    const auto total = FindInt(page_, kTotalRows);
    if (!total) return;
    if (total->second <= answer_.num_records) {
      found_.why = "'" + total->first + "' says that all rows came";
      return;
    }
    found_.more = "'" + total->first + "' is " + std::to_string(total->second) + ", but " +
                  std::to_string(answer_.num_records) + " records came";
    found_.plan.total_rows = total->first;
  }

  const PageAnswer& answer_;
  const format::json::Page& page_;
  DetectedPagination found_;
};

}  // namespace

DetectedPagination DetectPagination(const PaginatePlan& declared, const PageAnswer& answer) {
  return Detector(declared, answer).Run();
}

}  // namespace firn::source::rest
