// Child requests: a window of chains under way, the oldest handed out first.
#include <algorithm>
#include <deque>
#include <numeric>

#include "source/rest/errors.h"
#include "source/rest/row_events.h"
#include "source/rest/split_reader.h"

namespace firn::source::rest {
namespace {

using expression::Value;
constexpr int64_t kPrefetchBytesMax = int64_t{32} << 20;  // of all chains together
constexpr int64_t kAllMissingMin = 20;                    // so many that nobody deleted them all meanwhile

class ChildReader : public SplitReader {
 public:
  ChildReader(std::shared_ptr<TableContext> context, std::unique_ptr<ParentRows> parents, SliceScope scope,
              std::string split, io::RawArchiveWriter* archive)
      : context_(std::move(context)),
        parents_(std::move(parents)),
        scope_(std::move(scope)),
        split_(std::move(split)),
        archive_(archive),
        rows_(*context_->table, context_->layout) {}

  Result<std::optional<Event>> Next(std::stop_token stop) override {
    while (events_.empty()) {
      ARROW_RETURN_NOT_OK(FillUp(stop));
      if (chains_.empty()) {
        ARROW_RETURN_NOT_OK(CheckMissing());
        return std::nullopt;
      }
      ARROW_ASSIGN_OR_RAISE(const std::optional<FetchedPage> page, chains_.front().stream->Next(stop));
      if (page) {
        chains_.front().missing |= IsMissing(*page);
        num_missing_ += IsMissing(*page);
        ARROW_RETURN_NOT_OK(Take(*page, chains_.front().constants));
      } else {
        if (!chains_.front().missing) events_.push_back(ParentRead{std::move(chains_.front().constants)});
        chains_.pop_front();
      }
    }
    std::optional<Event> event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  struct Chain {
    Constants constants;
    std::unique_ptr<PageStream> stream;
    bool missing = false;  // answered 404 or 410, which says nothing of its rows
  };

  size_t Concurrency() const { return static_cast<size_t>(std::clamp(context_->plan->http.concurrency, 1, 64)); }

  Status FillUp(std::stop_token stop) {
    while (!ended_ && chains_.size() < Concurrency()) {
      std::optional<std::string> row;
      if (num_chains_ < context_->excerpt.chains_max) {
        ARROW_ASSIGN_OR_RAISE(row, parents_->Next(stop));
      }
      if (!row) {
        ended_ = true;
        return Status::OK();
      }
      ARROW_ASSIGN_OR_RAISE(const Value parent, expression::ParseJson(*row));
      Chain chain;
      chain.constants = PartitionColumn(*context_->table, scope_);
      for (const auto& [column, path] : context_->table->parent->include) {
        chain.constants.emplace_back(column, expression::ToJson(expression::AtPath(parent, path)));
      }
      SliceScope scope = scope_;
      scope.parent = Nested(parent);
      const int64_t prefetch = kPrefetchBytesMax / static_cast<int64_t>(Concurrency());
      chain.stream = std::make_unique<PageStream>(*context_, std::move(scope), std::vector<Window>(1), prefetch);
      chains_.push_back(std::move(chain));
      ++num_chains_;
    }
    return Status::OK();
  }

  bool IsMissing(const FetchedPage& page) const {
    if (page.without_rows) return page.without_rows == connector::ResponseRule::Action::kSkip;
    const connector::StatusRule* rule = page.status < 300 ? nullptr : context_->table->RuleOf(page.status);
    return rule != nullptr && !rule->declared;
  }

  // A wrong path must not pass for a table without rows.
  Status CheckMissing() const {
    if (num_missing_ < num_chains_ || num_missing_ < kAllMissingMin) return Status::OK();
    return NamedError(
        {.fault = Fault::kConfig,
         .code = "E0445",
         .message = "table " + context_->table->name + ": each of " + std::to_string(num_chains_) +
                    " child requests was answered 404 or 410",
         .where = context_->table->where,
         .why = "the path is wrong more likely than every row of " + context_->table->parent->table + " gone",
         .next = "correct `path`, or declare on_status: {404: empty} if it is so"});
  }

  // {"a.b": 1} as {"a": {"b": 1}} beside what is there, so that expressions find both spellings.
  Value Nested(const Value& parent) const {
    std::vector<std::pair<std::string, Value>> fields;
    for (const auto& path : context_->table->parent->fields)
      fields.emplace_back(path, expression::AtPath(parent, path));
    return MapOfPaths(fields);
  }

  Status Take(const FetchedPage& page, const Constants& constants) {
    if (page.page == nullptr) return Status::OK();
    AdmittedRows all{.rows = std::vector<uint32_t>(page.page->num_records()), .undecided = {}};
    std::iota(all.rows.begin(), all.rows.end(), 0);
    ARROW_RETURN_NOT_OK(Archive(archive_, page, split_, all, constants));
    return rows_.Append(page.page, all, constants, std::nullopt, &events_);
  }

  const std::shared_ptr<TableContext> context_;
  const std::unique_ptr<ParentRows> parents_;
  const SliceScope scope_;
  const std::string split_;
  io::RawArchiveWriter* const archive_;
  RowEvents rows_;
  bool ended_ = false;
  int64_t num_chains_ = 0;
  int64_t num_missing_ = 0;  // of them, by our own rule
  std::deque<Event> events_;
  std::deque<Chain> chains_;  // in the order of their parent rows
};

}  // namespace

Result<std::unique_ptr<SplitReader>> OpenChildReader(std::shared_ptr<TableContext> context, ReadRequest& request,
                                                     const Split& split) {
  const connector::TablePlan& table = *context->table;
  if (request.parents == nullptr) {
    return NamedError(
        {.fault = Fault::kBug,
         .code = "E0443",
         .message = "table " + table.name + " was opened without the rows of its parent " + table.parent->table,
         .where = table.where});
  }
  SliceScope scope{.clock = context->clock};
  ARROW_ASSIGN_OR_RAISE(scope.partition, PartitionOf(table, split));
  return std::make_unique<ChildReader>(std::move(context), std::move(request.parents), std::move(scope), split.id,
                                       request.archive);
}

}  // namespace firn::source::rest
