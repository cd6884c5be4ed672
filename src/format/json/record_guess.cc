#include "format/json/record_guess.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>

#include "format/json/object_members.h"
#include "format/json/structural_walker.h"

namespace firn::format::json {
namespace {

constexpr int kLevelsMax = 6;
constexpr size_t kNamesShownMax = 5;

// Names seen around lists in public APIs, in small letters without marks.
constexpr auto kMetadata = std::to_array<std::string_view>({"apiversion",
                                                            "asof",
                                                            "attribution",
                                                            "cachets",
                                                            "cnt",
                                                            "cod",
                                                            "code",
                                                            "copyright",
                                                            "done",
                                                            "duration",
                                                            "elapsed",
                                                            "etag",
                                                            "expand",
                                                            "generatedat",
                                                            "generator",
                                                            "help",
                                                            "href",
                                                            "incomplete",
                                                            "incompleteresults",
                                                            "kind",
                                                            "license",
                                                            "maxscore",
                                                            "message",
                                                            "msg",
                                                            "object",
                                                            "ok",
                                                            "requestid",
                                                            "self",
                                                            "sort",
                                                            "state",
                                                            "status",
                                                            "statuscode",
                                                            "success",
                                                            "took",
                                                            "time",
                                                            "timedout",
                                                            "timestamp",
                                                            "timezone",
                                                            "total",
                                                            "traceid",
                                                            "updated",
                                                            "url",
                                                            "version"});
constexpr auto kMetadataContainers = std::to_array<std::string_view>(
    {"attribution", "bbox",    "columns", "context",  "crs",       "debug",   "error",          "errors",   "facets",
     "fields",      "filters", "headers", "included", "info",      "license", "links",          "messages", "meta",
     "metadata",    "notices", "params",  "query",    "ratelimit", "request", "responseheader", "schema",   "shards",
     "sort",        "stats",   "status",  "summary",  "support",   "total",   "warning",        "warnings"});
constexpr auto kPaging = std::to_array<std::string_view>(
    {"continuation", "currentpage",   "cursor",     "cursors",          "hasmore",      "hasnext",  "hasnextpage",
     "hasprevious",  "lastpage",      "limit",      "maxresults",       "morepages",    "numpages", "offset",
     "page",         "pagecount",     "pageinfo",   "pagenumber",       "pages",        "pagesize", "pagination",
     "paging",       "perpage",       "previous",   "responsemetadata", "scrollid",     "skip",     "startat",
     "totalcount",   "totalelements", "totalpages", "totalrecords",     "totalresults", "totalsize"});
constexpr auto kContainers = std::to_array<std::string_view>(
    {"collection", "content", "data",    "docs",      "documents", "edges",   "elements", "entries", "features",
     "hits",       "items",   "list",    "members",   "nodes",     "objects", "payload",  "records", "resources",
     "response",   "result",  "results", "resultset", "rows",      "value",   "values"});
constexpr auto kGoodStatus = std::to_array<std::string_view>(
    {"\"complete\"", "\"completed\"", "\"ok\"", "\"succeeded\"", "\"success\"", "\"successful\"", "\"true\""});
constexpr auto kBadStatus =
    std::to_array<std::string_view>({"\"error\"", "\"fail\"", "\"failed\"", "\"failure\"", "\"fault\""});

template <size_t kCount>
bool IsAmong(const std::array<std::string_view, kCount>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string Small(std::string_view text) {
  std::string out;
  for (const char c : text) out.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  return out;
}

// "next_page", "nextPage" and "@next-page" are one name.
std::string PlainName(std::string_view key) {
  std::string out = Small(key);
  std::erase_if(out, [](char c) { return c == '_' || c == '-' || c == '@' || c == '$'; });
  return out;
}

bool IsIdentity(std::string_view key) {
  const std::string name = Small(key);
  constexpr auto kNames = std::to_array<std::string_view>(
      {"id", "_id", "uuid", "guid", "key", "name", "sku", "number", "title", "email", "created_at", "createdat"});
  return IsAmong(kNames, name) || name.ends_with("_id") || name.ends_with("-id") || key.ends_with("Id") ||
         key.ends_with("ID");
}

// Keys that look like data are not shown.
bool IsShown(std::string_view key) {
  return key.size() <= 40 && !key.empty() && std::isdigit(static_cast<unsigned char>(key[0])) == 0 &&
         std::all_of(key.begin(), key.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '$' || c == '.';
         });
}

// What stands beside a member of an object.
struct Tally {
  int64_t fields = 0;      // scalars that look like data
  int64_t identities = 0;  // of them, names and ids
  int64_t containers = 0;  // objects and arrays that look like data
  int64_t paging = 0;
  Tally operator+(const Tally& other) const {
    return {fields + other.fields, identities + other.identities, containers + other.containers, paging + other.paging};
  }
  Tally operator-(const Tally& other) const {
    return {fields - other.fields, identities - other.identities, containers - other.containers, paging - other.paging};
  }
};

struct Member {
  std::string_view key;
  const uint32_t* value = nullptr;
  Tally tally;
  bool metadata = false;
};

struct Candidate {
  std::string path;
  std::string_view key;
  int64_t num_objects = 0;
  Tally beside;  // in its own object
  Tally above;   // in the objects around that
};

class Guesser {
 public:
  Guesser(const uint8_t* body, const uint32_t* end) : body_(body), end_(end) {}

  RecordsGuess Run(const uint32_t* root) {
    if (root == end_ || body_[*root] != '{') return {};
    const std::vector<Member> members = MembersOf(root);
    Search(root, "", {}, 1, /*in_metadata=*/false);
    if (best_.empty()) Search(root, "", {}, 1, /*in_metadata=*/true);
    RecordsGuess guess = best_.empty() ? RecordsGuess{} : Decide(best_.front(), members);
    const bool has_rows = !best_.empty() && best_.front().num_objects > 0 && guess.kind == RecordsGuess::Kind::kPath &&
                          !guess.path.empty();
    if (!has_rows && IsError(members)) return {.kind = RecordsGuess::Kind::kErrorBody};
    return guess;
  }

 private:
  std::string_view TextAt(const uint32_t* at) const { return TokenText(body_, at); }
  bool IsContainer(const uint32_t* at) const { return body_[*at] == '{' || body_[*at] == '['; }
  bool IsEmptyContainer(const uint32_t* at) const {
    return IsContainer(at) && at + 1 != end_ && (body_[at[1]] == '}' || body_[at[1]] == ']');
  }

  std::vector<Member> MembersOf(const uint32_t* at) const {
    std::vector<Member> members;
    ForEachMember(body_, at, end_, [&](std::string_view key, const uint32_t* value) {
      Member member{.key = key, .value = value};
      Classify(&member);
      members.push_back(member);
    });
    return members;
  }

  void Classify(Member* member) const {
    const std::string name = PlainName(member->key);
    const bool paging = IsAmong(kPaging, name) || name.starts_with("next") || name.starts_with("prev") ||
                        name.starts_with("continuation") || name.starts_with("pagetoken") ||
                        name.starts_with("odata.next");
    const std::string_view text = IsContainer(member->value) ? "" : TextAt(member->value);
    const bool list = (name == "object" && text == "\"list\"") || text == "\"FeatureCollection\"";
    member->metadata = paging || IsMetadata(name, text, *member);
    if (text == "null" || IsEmptyContainer(member->value)) {
      member->tally.paging = paging;
    } else if (paging || list) {
      member->tally.paging = 1;
    } else if (IsContainer(member->value)) {
      member->tally.containers = !member->metadata;
    } else if (!member->metadata) {
      member->tally.fields = 1;
      member->tally.identities = IsIdentity(member->key);
    }
  }

  // Some names are of envelopes and of records: there the value decides.
  bool IsMetadata(const std::string& name, std::string_view text, const Member& member) const {
    if (IsContainer(member.value)) return IsAmong(kMetadataContainers, name) || name.ends_with("facets");
    const bool number = !text.empty() && (text[0] == '-' || std::isdigit(static_cast<unsigned char>(text[0])) != 0);
    const bool whole = number && text.find_first_of(".eE") == std::string_view::npos;
    if (name == "total" || name == "count") return whole;
    if (name == "status" || name == "state") {
      return number || text == "true" || text == "false" || IsAmong(kGoodStatus, Small(text)) ||
             IsAmong(kBadStatus, Small(text));
    }
    if (name.ends_with("count") || name.ends_with("requestid") || name.ends_with("traceid")) return true;
    return IsAmong(kMetadata, name) || name.starts_with("odata") || name == "error" || name == "errors" ||
           name == "warning";
  }

  void Search(const uint32_t* at, const std::string& path, const Tally& above, int level, bool in_metadata) {
    const std::vector<Member> members = MembersOf(at);
    Tally all;
    for (const Member& member : members) all = all + member.tally;
    for (const Member& member : members) {
      if (member.key.empty() || member.key.find_first_of(".\\*") != std::string_view::npos) continue;
      const std::string name = PlainName(member.key);
      const bool never = name == "error" || name == "errors" || name == "links" || name.starts_with("warning");
      if (never || (member.metadata && !in_metadata)) continue;
      const std::string child = path.empty() ? std::string(member.key) : path + "." + std::string(member.key);
      const Tally beside = all - member.tally;
      if (body_[*member.value] == '[') Consider(member, child, beside, above);
      if (body_[*member.value] == '{' && level < kLevelsMax) {
        Search(member.value, child, above + beside, level + 1, in_metadata);
      }
    }
  }

  void Consider(const Member& member, const std::string& path, const Tally& beside, const Tally& above) {
    int64_t num_objects = 0;
    SyntaxFault fault;
    for (const uint32_t* at = member.value + 1; at != end_ && body_[*at] != ']';) {
      num_objects += body_[*at] == '{';
      at = SkipValue(body_, at, end_, Depth::kBracketsOnly, fault);
      if (at == nullptr) return;
      if (at != end_ && body_[*at] == ',') ++at;
    }
    if (num_objects == 0 && !IsEmptyContainer(member.value)) return;  // of texts or numbers
    const bool better = best_.empty() || num_objects > best_.front().num_objects;
    const Candidate found{
        .path = path, .key = member.key, .num_objects = num_objects, .beside = beside, .above = above};
    best_.insert(better ? best_.begin() : best_.end(), found);
    if (best_.size() > kNamesShownMax) best_.pop_back();
  }

  RecordsGuess Decide(const Candidate& best, const std::vector<Member>& root) const {
    const Tally around = best.beside + best.above;
    const bool envelope = around.fields == 0 && around.containers == 0;
    const bool paged = best.beside.paging > 0 && best.above.fields == 0 && best.above.containers == 0;
    if (envelope || paged) return {.path = best.path};
    const bool usual = IsAmong(kContainers, PlainName(best.key));
    const bool record = best.beside.paging == 0 && ((around.fields >= 2 && (around.identities > 0 || !usual)) ||
                                                    (around.fields == 1 && around.identities == 1 && !usual));
    if (record) return {};
    RecordsGuess guess{.kind = RecordsGuess::Kind::kUnsure};
    for (const Candidate& each : best_) {
      if (IsShown(each.path)) guess.candidates.push_back(each.path);
    }
    guess.candidates.emplace_back(".");
    size_t shown = 0;
    for (const Member& member : root) {
      if (member.tally.fields + member.tally.containers == 0 || ++shown > kNamesShownMax) continue;
      guess.why += (guess.why.empty() ? "" : ", ") + (IsShown(member.key) ? std::string(member.key) : "…");
    }
    return guess;
  }

  bool IsError(const std::vector<Member>& root) const {
    bool refused = false;
    int64_t fields = 0;
    for (const Member& member : root) {
      const std::string name = PlainName(member.key);
      const std::string text = IsContainer(member.value) ? "" : Small(TextAt(member.value));
      const bool nothing =
          IsEmptyContainer(member.value) || text == "null" || text == "false" || text == "0" || text == "\"\"";
      if ((name == "error" || name == "errors") && !nothing) return true;
      refused = refused || ((name == "ok" || name == "success") && text == "false") ||
                (name == "status" && IsAmong(kBadStatus, text));
      fields += member.tally.fields;
    }
    return refused && fields == 0;
  }

  const uint8_t* body_;
  const uint32_t* end_;
  std::vector<Candidate> best_;  // the first has most objects
};

}  // namespace

RecordsGuess GuessRecords(const uint8_t* body, const uint32_t* at, const uint32_t* end) {
  return Guesser(body, end).Run(at);
}

}  // namespace firn::format::json
